"""LangChain's HumanInTheLoopMiddleware on real agents with a scripted model, batched and per call."""

from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import tool
from support.graph_talk import AGENT, APPROVE, REJECT, Talk, edit, error_of, payloads, talking, words

from engine.asks.ask import Choice, Decision, Kind
from engine.ports import Stale

RAN: list[Any] = []


@pytest.fixture(autouse=True)
def _nothing_ran() -> None:
    RAN.clear()


@tool
def deploy(env: str, replicas: int = 1) -> str:
    """Deploy to an environment."""
    RAN.append(("deploy", env, replicas))
    return f"deployed to {env}"


@tool
def ask_person(question: str) -> str:
    """Ask a person."""
    RAN.append(("ask_person", question))
    return "nobody was there"


class Scripted(GenericFakeChatModel):
    """Says what it is given, in order."""

    def bind_tools(self, tools: Sequence[Any], **_: Any) -> Any:
        del tools
        return self


def calls(*args: tuple[str, dict[str, Any]]) -> AIMessage:
    return AIMessage(
        "Working on it.",
        tool_calls=[{"name": name, "args": each, "id": f"c{n}"} for n, (name, each) in enumerate(args)],
    )


EVERYTHING = {"allowed_decisions": ["approve", "edit", "reject", "respond"]}


def agent(mode: Any, says: Iterable[AIMessage], allowed: Any = EVERYTHING) -> Any:
    middleware = HumanInTheLoopMiddleware(
        {"deploy": allowed, "ask_person": {"allowed_decisions": ["respond", "reject"]}}, interrupt_mode=mode
    )
    return create_agent(Scripted(messages=iter(says)), tools=[deploy, ask_person], middleware=[middleware])


async def tool_messages(talk: Talk) -> list[str]:
    graph = next(iter(talk.graphs._agents.values())).graph
    state = await graph.aget_state({"configurable": {"thread_id": talk.thread}})
    return [str(each.content) for each in state.values["messages"] if isinstance(each, ToolMessage)]


def reject(text: str) -> Decision:
    return Decision(Choice.REJECT, text=text)


async def test_a_batch_is_resumed_once_with_all_decisions() -> None:
    script = [
        calls(("deploy", {"env": "a"}), ("deploy", {"env": "b"}), ("deploy", {"env": "c"})),
        AIMessage("All done."),
    ]
    async with talking(agent("batched", script)) as talk:
        paused = await talk.say()
        assert paused.reply is not None
        assert paused.reply.text == "Working on it."
        (asked,) = paused.asked
        assert asked.ask.kind is Kind.TOOL_CALL
        assert [action.name for action in asked.ask.actions] == ["deploy"] * 3
        assert asked.ask.actions[0].schema is not None
        assert asked.ask.actions[0].schema["required"] == ["env"]
        end = await talk.answer(asked, APPROVE, edit({"env": "x", "replicas": 2}), reject("not on a Friday"))
        assert end.reply is not None
        assert end.reply.text == "All done."
        assert sorted(RAN) == [("deploy", "a", 1), ("deploy", "x", 2)]
        assert any("not on a Friday" in each for each in await tool_messages(talk))
        assert (await talk.answer(asked, APPROVE, APPROVE, APPROVE)).asked == ()
        assert len(RAN) == 2


@pytest.mark.promise("P3")
async def test_a_batch_with_a_missing_decision_never_reaches_the_agent() -> None:
    script = [calls(("deploy", {"env": "a"}), ("deploy", {"env": "b"})), AIMessage("All done.")]
    async with talking(agent("batched", script)) as talk:
        (asked,) = (await talk.say()).asked
        stale = await talk.stale(asked, APPROVE)
        (anew,) = stale.result.asked
        assert anew.interrupt != asked.interrupt
        assert error_of(await talk.answer(anew, APPROVE, REJECT)) == ""
        assert RAN == [("deploy", "a", 1)]


async def test_the_middleware_may_forbid_edits() -> None:
    script = [calls(("deploy", {"env": "a"})), AIMessage("All done.")]
    for mode in ("batched", "per_call"):
        async with talking(agent(mode, script, {"allowed_decisions": ["approve", "reject"]})) as talk:
            (asked,) = (await talk.say()).asked
            assert asked.ask.actions[0].choices == (Choice.APPROVE, Choice.REJECT)
            assert talk.graphs.problems(AGENT, asked.ask, 0, edit({"env": "b"}))


async def test_per_call_each_tool_is_asked_and_answered_for_itself() -> None:
    script = [
        calls(("deploy", {"env": "a"}), ("deploy", {"env": "b"}), ("ask_person", {"question": "why?"})),
        AIMessage("All done."),
    ]
    async with talking(agent("per_call", script)) as talk:
        asked = (await talk.say()).asked
        assert [each.ask.dialect for each in asked] == ["langchain_tool_approval"] * 3
        assert [each.ask.actions[0].value for each in asked] == [{"env": "a"}, {"env": "b"}, {"question": "why?"}]
        first, second, person = asked
        assert second.ask.actions[0].choices == (Choice.APPROVE, Choice.EDIT, Choice.REJECT, Choice.ANSWER)
        assert person.ask.actions[0].choices == (Choice.REJECT, Choice.ANSWER)
        found = talk.graphs.problems(AGENT, second.ask, 0, edit({"env": "b", "replicas": "many"}))
        assert [(each.path, each.sentence) for each in found] == [(("replicas",), "This must be a whole number.")]
        rest = await talk.answer(second, edit({"env": "x", "replicas": 3}))
        assert {each.interrupt for each in rest.asked} == {first.interrupt, person.interrupt}
        assert len((await talk.answer(second, REJECT)).asked) == 2
        await talk.answer(person, words("because"))
        end = await talk.answer(first, reject("not now"))
        assert end.reply is not None
        assert end.reply.text == "All done."
        assert RAN == [("deploy", "x", 3)]
        said = await tool_messages(talk)
        assert any("not now" in each for each in said)
        assert "because" in said


@pytest.mark.promise("P3")
async def test_a_tool_that_raises_after_its_approval_is_told_and_not_approved_again() -> None:
    @tool("deploy")
    def broken(env: str) -> str:
        """Deploy."""
        RAN.append(env)
        raise RuntimeError("no route to host")

    script = [calls(("deploy", {"env": "a"})), AIMessage("All done.")]
    middleware = HumanInTheLoopMiddleware({"deploy": True}, interrupt_mode="per_call")
    graph = create_agent(Scripted(messages=iter(script)), tools=[broken], middleware=[middleware])
    async with talking(graph) as talk:
        (asked,) = (await talk.say()).asked
        failed = await talk.answer(asked, APPROVE)
        assert error_of(failed) == "The agent failed: RuntimeError: no route to host."
        assert payloads(failed) == []
        outcome = await talk.deliver(asked, REJECT)
        assert not isinstance(outcome, Stale)
        assert payloads(outcome.result) == []
        assert RAN == ["a", "a"]
