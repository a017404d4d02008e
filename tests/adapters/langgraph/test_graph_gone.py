"""An agent that was taken out of app.yaml while its questions waited."""

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from adapters.langgraph.in_process.graphs import LocalGraphs
from engine.asks.ask import Action, Ask, Choice, Decision, Kind
from engine.ids import AgentName, ChannelId, InterruptId, ThreadId, UserId
from engine.ports import Answer, Stale, Turn

AGENT, THREAD = AgentName("deploy"), ThreadId("T1:C1:1")
GONE = "The agent deploy is no longer set up here."


@pytest.mark.promise("P8")
async def test_each_call_says_that_the_agent_is_gone() -> None:
    graphs = await LocalGraphs.open({}, InMemorySaver())
    turn = Turn(THREAD, AGENT, "1.1", "hello", UserId("U1"), ChannelId("C1"))
    ask = Ask("other", Kind.PAYLOAD, "", (Action("", None, (Choice.APPROVE,)),), None)
    answer = Answer(THREAD, AGENT, InterruptId("i"), "d", ask, (Decision(Choice.APPROVE),), "key")

    for result in (await graphs.start(turn, 1), await graphs.settle(THREAD, AGENT, 1)):
        assert (result.error, result.asked) == (GONE, ())
        assert not result.complete, "what is asked is not known, so nothing may be withdrawn"
    stale = await graphs.resume_if_pending(answer, 1)
    assert isinstance(stale, Stale)
    assert stale.reason == f"{GONE} Nothing was sent."
    assert not stale.result.complete
    await graphs.aclose()
