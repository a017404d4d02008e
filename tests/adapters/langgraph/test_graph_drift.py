"""The guard of `interrupt` wherever one is asked: how a run is read, what asks, what it asks with."""

import asyncio
import dataclasses
import json
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypedDict

import pytest
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.func import entrypoint, task
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Send, interrupt
from pydantic import BaseModel
from support.graph_talk import AGENT, APPROVE, REDO, Talk, edit, error_of, form, halt_of, payloads, talking

from adapters.langgraph.guards.drift import AnsweredPayloads, payload_mark
from adapters.langgraph.sentences import DRIFTED
from engine.asks.ask import Decision
from engine.ids import UserId
from engine.ports import Answer, Asked, Resumed, RunResult, Stale, TimeTravelRun

pytestmark = pytest.mark.promise("P4")

RAN: list[Any] = []
PRICES: dict[str, list[int]] = {}


@pytest.fixture(autouse=True)
def _nothing_ran() -> None:
    RAN.clear()
    PRICES.clear()


class State(TypedDict, total=False):
    wish: str
    log: str


def price(of: str = "amount") -> int:
    prices = PRICES[of]
    return prices.pop(0) if len(prices) > 1 else prices[0]


def pay(state: State) -> State:
    of = state.get("wish") or "amount"
    amount = price(of)
    if interrupt({"question": f"Pay {of}?", "amount": amount}):
        RAN.append((of, amount))
    return {}


async def pay_async(state: State) -> State:
    await asyncio.sleep(0)
    return pay(state)


def graph_of(node: Callable[..., Any]) -> Any:
    return StateGraph(State).add_node("node", node).add_edge(START, "node")


def fanned(node: Callable[..., Any]) -> Any:
    builder = StateGraph(State).add_node("fan", lambda _: {}).add_node("node", node).add_edge(START, "fan")
    builder.add_conditional_edges(
        "fan", lambda _: [Send("node", {"wish": each}) for each in ("left", "right")], ["node"]
    )
    return builder


FED = {"input": {"wish": ""}, "reply": "log"}


def answer_of(talk: Talk, asked: Asked, decision: Decision = APPROVE) -> Answer:
    key = f"answer-{asked.interrupt}"
    return Answer(talk.thread, AGENT, asked.interrupt, asked.digest, asked.ask, (decision,), key)


async def asked_anew(talk: Talk, asked: Asked, decision: Decision = APPROVE) -> Asked:
    stale = await talk.stale(asked, decision)
    assert stale.reason == DRIFTED
    assert RAN == []
    (again,) = [each for each in stale.result.asked if each.interrupt == asked.interrupt]
    assert again.instead_of == asked.digest
    return again


class Heard:
    """A watcher: then the run is streamed."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, ...]] = []

    def words(self, key: str, text: str, speaker: str) -> None:
        """No model talks here."""

    def step(self, nodes: tuple[str, ...]) -> None:
        self.steps.append(nodes)


@pytest.mark.parametrize("node", [pay, pay_async])
async def test_a_run_that_is_streamed(node: Any) -> None:
    PRICES["amount"] = [100, 200]
    heard = Heard()
    async with talking(graph_of(node), **FED) as talk:
        (asked,) = (await talk.say()).asked
        stale = await talk.graphs.resume_if_pending(answer_of(talk, asked), 1, heard)
        assert isinstance(stale, Stale)
        assert heard.steps
        (again,) = stale.result.asked
        assert isinstance(await talk.graphs.resume_if_pending(answer_of(talk, again), 1, heard), Resumed)
        assert RAN == [("amount", 200)]


@pytest.mark.parametrize("node", [pay, pay_async])
@pytest.mark.parametrize("changes", ["one", "both"])
async def test_answers_given_together_where_siblings_change(node: Any, changes: str) -> None:
    PRICES.update(left=[1, 10], right=[2, 20] if changes == "both" else [2])
    async with talking(fanned(node), **FED) as talk:
        asked = (await talk.say()).asked
        results = await talk.graphs.resume_together([answer_of(talk, each) for each in asked], 1)
        assert [type(each) for each in results] == [Stale, Stale if changes == "both" else Resumed]
        assert ([] if changes == "both" else [("right", 2)]) == RAN
        left = results[0].result.asked
        assert [each["amount"] for each in payloads(RunResult(left))] == ([10, 20] if changes == "both" else [10])
        assert all(
            isinstance(each, Resumed)
            for each in await talk.graphs.resume_together([answer_of(talk, each) for each in left], 1)
        )
        assert sorted(RAN) == [("left", 10), ("right", 20 if changes == "both" else 2)]


@pytest.mark.parametrize("first", [0, 1])
async def test_siblings_that_change_at_once_are_decided_one_after_the_other(first: int) -> None:
    PRICES.update(left=[1, 10], right=[2, 20])
    async with talking(fanned(pay), **FED) as talk:
        asked = list((await talk.say()).asked)
        for each in (asked[first], asked[1 - first]):
            await talk.deliver(each, APPROVE)
        again = (await talk.settle()).asked
        for each in again:
            await talk.deliver(each, APPROVE)
        assert sorted(RAN) == [("left", 10), ("right", 20)]


async def test_a_request_that_keeps_changing_beside_a_finished_sibling_is_asked_again_by_retry() -> None:
    PRICES.update(left=list(range(20)), right=[2])
    async with talking(fanned(pay), **FED) as talk:
        left, right = (await talk.say()).asked
        await talk.answer(right, APPROVE)
        stands = await talk.settle()
        for _ in range(4):
            (asked,) = [each for each in stands.asked if each.interrupt == left.interrupt]
            stands = (await talk.stale(asked, APPROVE)).result
        halt = halt_of(stands)
        assert "changed its request after each of 4 decisions (amount)" in error_of(stands)
        assert REDO.choice not in halt.ask.actions[0].choices  # the sibling would run again
        PRICES["left"] = [7]
        (again,) = (await talk.answer(halt, APPROVE)).asked
        assert again.instead_of
        assert again.ask.payload == {"question": "Pay left?", "amount": 7}
        await talk.answer(again, APPROVE)
        assert RAN == [("right", 2), ("left", 7)]


async def test_parallel_tasks_of_the_functional_api() -> None:
    PRICES.update(left=[1, 10], right=[2])

    @task
    async def ask(of: str) -> bool:
        return bool(pay({"wish": of}) == {})

    @entrypoint()
    async def work(_: State) -> State:
        await asyncio.gather(ask("left"), ask("right"))
        return {"log": "done"}

    async with talking(work, **FED) as talk:
        stands = await talk.say()
        for _ in range(8):
            if not stands.asked:
                break
            outcome = await talk.deliver(stands.asked[0], APPROVE)
            stands = outcome.result
        assert sorted(RAN) == [("left", PRICES["left"][0]), ("right", 2)]
        assert stands.asked == ()


async def test_a_tool_that_asks() -> None:
    PRICES["amount"] = [100, 200]

    @tool
    def refund() -> str:
        """Pay money back."""
        pay({})
        return "paid"

    builder = StateGraph(MessagesState)
    builder.add_node(
        "model", lambda _: {"messages": [AIMessage("", tool_calls=[{"name": "refund", "args": {}, "id": "1"}])]}
    )
    builder.add_node("tools", ToolNode([refund], handle_tool_errors=True))
    builder.add_edge(START, "model")
    builder.add_edge("model", "tools")
    async with talking(builder) as talk:
        (asked,) = (await talk.say()).asked
        await talk.answer(await asked_anew(talk, asked), APPROVE)
        assert RAN == [("amount", 200)]


@pytest.mark.parametrize("node", [pay, pay_async])
async def test_a_graph_that_a_node_calls_itself(node: Any) -> None:
    PRICES["amount"] = [100, 200]
    inner = graph_of(node).compile()

    async def team(_: State) -> Any:
        return await inner.ainvoke({"wish": ""})

    async with talking(graph_of(team), **FED) as talk:
        (asked,) = (await talk.say()).asked
        outcome = await talk.deliver(asked, APPROVE)
        assert RAN == []
        (again,) = outcome.result.asked
        assert again.ask.payload == {"question": "Pay amount?", "amount": 200}
        await talk.deliver(again, APPROVE)
        assert RAN == [("amount", 200)]


async def test_back_in_time_and_again_it_is_guarded() -> None:
    PRICES["amount"] = [100, 200]
    async with talking(graph_of(pay), **FED) as talk:
        (asked,) = (await talk.say()).asked
        await talk.answer(await asked_anew(talk, asked), APPROVE)
        assert RAN == [("amount", 200)]
        RAN.clear()
        target = next(each for each in await talk.graphs.snapshots(talk.thread, AGENT, 50) if each.next == ("node",))
        PRICES["amount"] = [300, 400]
        request = TimeTravelRun(talk.thread, AGENT, target.checkpoint, None, "branch", UserId("U1"))
        branched = await talk.graphs.time_travel(request, 1)
        assert isinstance(branched, RunResult)
        (asked,) = branched.asked
        assert asked.instead_of == ""
        await talk.answer(await asked_anew(talk, asked), APPROVE)
        assert RAN == [("amount", 400)]


async def test_a_retry_of_a_node_that_failed_after_its_answer_is_guarded() -> None:
    PRICES["amount"] = [100, 100, 200]
    broken = [True]

    def fails(state: State) -> State:
        amount = price()
        if interrupt({"question": "Pay?", "amount": amount}):
            if broken.pop() if broken else False:
                raise RuntimeError("no route")
            RAN.append(amount)
        return state

    async with talking(graph_of(fails), **FED) as talk:
        (asked,) = (await talk.say()).asked
        halt = halt_of(await talk.answer(asked, APPROVE))
        (again,) = (await talk.answer(halt, APPROVE)).asked
        assert again.ask.payload == {"question": "Pay?", "amount": 200}
        assert RAN == []
        await talk.answer(again, APPROVE)
        assert RAN == [200]


# What is asked with ---------------------------------------------------------------------------------------------------


class Order(BaseModel):
    amount: int
    tags: set[str] = {"b", "a"}


@dataclasses.dataclass
class Parcel:
    weight: int
    of: Order


class Verdict(BaseModel):
    agreed: bool


PAYLOADS: Sequence[Callable[[int], Any]] = [
    lambda amount: Order(amount=amount),
    lambda amount: Parcel(amount, Order(amount=1)),
    lambda amount: {"question": "Pay?", "order": Order(amount=amount), "set": {"x", "y"}, "tuple": (1, amount)},
    lambda amount: {"question": "Pay?", "amount": float(amount), "bytes": b"\x00", "of": amount},
]


@pytest.mark.filterwarnings("ignore:Deserializing unregistered type")
@pytest.mark.parametrize("payload", PAYLOADS)
async def test_what_is_stored_and_read_back_is_no_change_and_a_change_is_one(payload: Callable[[int], Any]) -> None:
    def node(state: State) -> State:
        amount = price()
        interrupt(payload(amount))
        RAN.append(amount)
        return state

    for prices in ([5], [5, 6]):
        PRICES["amount"] = list(prices)
        async with talking(graph_of(node), **FED) as talk:
            (asked,) = (await talk.say()).asked
            decision = (
                APPROVE
                if APPROVE.choice in asked.ask.actions[0].choices
                else Decision(asked.ask.actions[0].choices[-1], text='"ok"')
            )
            if len(prices) == 2:
                (asked,) = (await talk.stale(asked, decision)).result.asked
            await talk.answer(asked, decision)
    assert RAN == [5, 6]


async def test_an_answer_with_a_schema_of_its_own() -> None:
    PRICES["amount"] = [100, 200]

    def node(state: State) -> State:
        amount = price()
        verdict = interrupt({"question": "Pay?", "amount": amount}, response_schema=Verdict)
        RAN.append((amount, verdict.agreed))
        return state

    async with talking(graph_of(node), **FED) as talk:
        (asked,) = (await talk.say()).asked
        again = await asked_anew(talk, asked, form(agreed=True))
        await talk.answer(again, form(agreed=True))
        assert RAN == [(200, True)]


async def test_a_large_request_costs_little_and_only_where_it_was_answered() -> None:
    large = {"question": "Pay?", "rows": [{"number": number, "text": "x" * 80} for number in range(30_000)]}
    assert len(json.dumps(large)) > 3_000_000
    marked: list[float] = []
    shown = AnsweredPayloads({"a": payload_mark(large)})
    for interrupt_id in ("a", "nobody answered this"):
        began = time.process_time()
        assert not shown.differs(interrupt_id, large)
        marked.append(time.process_time() - began)
    assert marked[1] < 0.01
    assert marked[0] < 5  # about 0.1 s on an idle machine


async def test_an_edit_of_a_request_that_changed_is_asked_anew_too() -> None:
    PRICES["amount"] = [100, 200]

    def node(state: State) -> State:
        amount = price()
        RAN.append(interrupt({"action": "pay", "message": "Pay?", "amount": amount}))
        return state

    async with talking(graph_of(node), **FED) as talk:
        (asked,) = (await talk.say()).asked
        again = await asked_anew(talk, asked, edit({"amount": 50}))
        await talk.answer(again, edit({"amount": 60}))
        assert RAN == [{"amount": 60, "action": "approve"}]


async def test_code_that_changes_while_a_changed_request_waits() -> None:
    PRICES["amount"] = [100, 200, 300]

    def rewritten(state: State) -> State:
        amount = price("amount")
        answer = interrupt({"question": "Pay amount?", "amount": amount})
        RAN.append((answer, amount))
        return state

    async with talking(graph_of(pay), **FED) as talk:
        (asked,) = (await talk.say()).asked
        again = await asked_anew(talk, asked)
        saver = next(iter(talk.graphs._agents.values())).graph.checkpointer
    async with talking(graph_of(rewritten), saver, **FED) as talk:
        (anew,) = (await talk.stale(again, APPROVE)).result.asked
        assert anew.ask.payload == {"question": "Pay amount?", "amount": 300}
        await talk.answer(anew, APPROVE)
        assert RAN == [(True, 300)]


# Versions that keep their answers in another way ----------------------------------------------------------------------

BROKEN = {
    "interrupts": """
        from langgraph.pregel import _algo
        from langgraph._internal import _scratchpad
        # A release that hands a task its answers as a copy each time: what is dropped there comes back.
        original = _scratchpad.PregelScratchpad.__getattribute__
        def copied(self, name):
            found = original(self, name)
            return list(found) if name == "resume" else found
        _scratchpad.PregelScratchpad.__getattribute__ = copied
    """,
    "tools": """
        from langchain_core.tools import BaseTool, StructuredTool
        # A release whose tools run in another way than by `run`.
        def invoke(self, input, config=None, **more):
            return self.func(**input["args"])
        StructuredTool.invoke = invoke
    """,
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_release_that_works_in_another_way_is_refused_at_the_start(broken: str, tmp_path: Path) -> None:
    (tmp_path / "agent.py").write_text(
        "from langgraph.graph import MessagesState, StateGraph\nraise SystemExit('imported')"
    )
    program = textwrap.dedent(BROKEN[broken]) + textwrap.dedent(
        f"""
        import asyncio, pathlib
        from langgraph.checkpoint.memory import InMemorySaver
        from adapters.langgraph.agents import AgentSpec
        from adapters.langgraph.loading.exports import LoadError
        from adapters.langgraph.in_process.graphs import LocalGraphs
        spec = AgentSpec("agent.py:graph", pathlib.Path({str(tmp_path)!r}))
        try:
            asyncio.run(LocalGraphs.open({{"agent": spec}}, InMemorySaver()))
        except LoadError as error:
            print(error)
        """
    )
    ended = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=Path(__file__).parents[3],
        check=False,
    )
    assert ended.stdout.startswith("Signoff cannot guard the requests of LangGraph 1."), ended.stderr
    assert "Install releases that this version of Signoff supports." in ended.stdout
