"""Whatever changes, dies, comes twice or in another order: each start of a gated tool has an approval of its own.

Nodes call gated and ungated tools in all the ways that there are: one after another, side by side with delays that
change, in threads, in a node of tools, and by Send. The amounts that they pay may change at any time, also at each
look. Between any two writes of the saver the process may be killed, and answers are delivered again.

`SIGNOFF_GATE_EXAMPLES=5000` looks longer.
"""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any

import pytest
from graph_talk import APPROVE, REDO, REJECT, Talk, edit, talking
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command, Send
from test_drift_model import Dies, MortalSaver

from adapters.langgraph.thread_work import AnswerNotTakenError
from engine.ask import Choice, Decision, Kind
from engine.ports import Asked, Resumed, Stale

NAMES = ("one", "two", "same", "same")


class Outside:
    """The amounts, those that change at each look, how long a call takes to begin, and what was paid."""

    def __init__(self) -> None:
        self.amounts = dict.fromkeys(NAMES, 100)
        self.moody = set[str]()
        self.delays = dict.fromkeys(range(len(NAMES)), 0)
        self.paid: list[tuple[str, int]] = []

    def args(self, name: str) -> dict[str, Any]:
        now = self.amounts[name]
        if name in self.moody:
            self.amounts[name] += 1
        return {"name": name, "amount": now}


outside = Outside()


@tool
def refund(name: str, amount: int) -> str:
    """Pay money back."""
    outside.paid.append((name, amount))
    return f"paid {name} {amount}"


@tool
async def look_up(name: str) -> str:
    """Look somebody up."""
    return f"found {name}"


def said(*parts: Any) -> dict[str, Any]:
    return {"messages": [AIMessage("; ".join(map(str, parts)))]}


async def in_line(_: Any) -> Any:
    return said(
        *[
            part
            for name in NAMES
            for part in (await look_up.ainvoke({"name": name}), await refund.ainvoke(outside.args(name)))
        ]
    )


def in_line_sync(_: Any) -> Any:
    return said(*[refund.invoke(outside.args(name)) for name in NAMES])


async def side_by_side(_: Any) -> Any:
    async def one(number: int, name: str) -> Any:
        for _ in range(outside.delays[number]):
            await asyncio.sleep(0)
        return await refund.ainvoke(outside.args(name))

    return said(*await asyncio.gather(*(one(number, name) for number, name in enumerate(NAMES))))


async def in_threads(_: Any) -> Any:
    def one(number: int, name: str) -> Any:
        time.sleep(outside.delays[number] / 1000)
        return refund.invoke(outside.args(name))

    return said(*await asyncio.gather(*(asyncio.to_thread(one, number, name) for number, name in enumerate(NAMES))))


def batched(_: Any) -> Any:
    return said(*refund.batch([outside.args(name) for name in NAMES]))


def by_node(node: Any) -> Any:
    builder = StateGraph(MessagesState)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    return builder


def by_tool_node() -> Any:
    def model(_: Any) -> Any:
        made = [{"name": "refund", "args": outside.args(name), "id": f"c{n}"} for n, name in enumerate(NAMES)]
        return {"messages": [AIMessage("", tool_calls=made)]}

    builder = StateGraph(MessagesState)
    builder.add_node("model", model)
    builder.add_node("tools", ToolNode([refund]))
    builder.add_edge(START, "model")
    builder.add_edge("model", "tools")
    return builder


def by_send() -> Any:
    builder = StateGraph(MessagesState)
    builder.add_node("start", lambda _: Command(goto=[Send("work", name) for name in NAMES]), destinations=("work",))
    builder.add_node("work", lambda name: said(refund.invoke(outside.args(name))))
    builder.add_edge(START, "start")
    return builder


GRAPHS: Mapping[str, Callable[[], Any]] = {
    "in line": lambda: by_node(in_line),
    "in line, sync": lambda: by_node(in_line_sync),
    "side by side": lambda: by_node(side_by_side),
    "in threads": lambda: by_node(in_threads),
    "batched": lambda: by_node(batched),
    "tool node": by_tool_node,
    "send": by_send,
}


class Gates(RuleBasedStateMachine):
    """A thread, and what people allowed."""

    made = ""

    def __init__(self) -> None:
        super().__init__()
        self.runner, self.stack = asyncio.Runner(), AsyncExitStack()
        self.saver = MortalSaver()
        self.asked: tuple[Asked, ...] = ()
        self.allowed: Counter[tuple[str, int]] = Counter()
        self.last: tuple[Asked, Decision] | None = None
        self.pending: tuple[Asked, Decision] | None = None
        """What a killed process was delivering: it is delivered first."""
        outside.__init__()  # type: ignore[misc] - a new one, where the tools find it

    def teardown(self) -> None:
        try:
            if self.made:
                self.end()
        finally:
            self.runner.run(self.stack.aclose())
            self.runner.close()

    @initialize(made=st.sampled_from(sorted(GRAPHS)))
    def begin(self, made: str) -> None:
        self.made = made
        self.open()
        self.asked = self.runner.run(self.talk.say()).asked
        self.see()

    def open(self) -> None:
        self.runner.run(self.stack.aclose())
        self.stack = AsyncExitStack()
        talk = talking(GRAPHS[self.made](), self.saver, infrastructure=(Dies,), gate_tools=("refund",))
        self.talk: Talk = self.runner.run(self.stack.enter_async_context(talk))

    # What happens -----------------------------------------------------------------------------------------------------

    @rule(name=st.sampled_from(NAMES), amount=st.sampled_from([100, 200]))
    def an_amount_changes(self, name: str, amount: int) -> None:
        outside.amounts[name] = amount

    @rule(name=st.sampled_from(NAMES))
    def an_amount_changes_at_each_look(self, name: str) -> None:
        outside.moody ^= {name}

    @rule(number=st.integers(0, len(NAMES) - 1), delay=st.integers(0, 5))
    def calls_overtake_one_another(self, number: int, delay: int) -> None:
        outside.delays[number] = delay

    @rule(
        which=st.integers(0, 5),
        says=st.sampled_from([APPROVE, APPROVE, APPROVE, REJECT, None]),
        left=st.sampled_from([0, 0, 0, 1, 2, 3, 4, 5, 6, 8]),
        before=st.booleans(),
    )
    def answer(self, which: int, says: Decision | None, left: int, before: bool) -> None:  # noqa: FBT001 - drawn
        if self.pending is None and not self.asked:
            return
        asked, decision = self.pending or (self.asked[which % len(self.asked)], says)
        if asked.ask.kind is Kind.FAILURE:
            decision = APPROVE  # Retry
        if decision is None:
            value = asked.ask.actions[0].value
            assert isinstance(value, dict)
            decision = edit({**value, "amount": 7})
        self.saver.left, self.saver.before = left or 1_000_000, before
        self.deliver(asked, decision)

    @rule()
    def the_last_answer_comes_again(self) -> None:
        if self.last is not None and self.pending is None:  # no precondition: threads do not run the same way twice
            self.deliver(*self.last, again=True)

    @rule()
    def restart(self) -> None:
        self.open()
        if self.pending is None:
            self.asked = self.runner.run(self.talk.settle()).asked
            self.see()

    # What follows -----------------------------------------------------------------------------------------------------

    def deliver(self, asked: Asked, decision: Decision, *, again: bool = False) -> None:
        again = again or self.pending is not None
        if asked.ask.kind is not Kind.FAILURE and decision.choice is not Choice.REJECT and not again:
            value: Any = decision.value if decision.choice is Choice.EDIT else asked.ask.actions[0].value
            self.allowed[value["name"], value["amount"]] += 1
        try:
            result = self.runner.run(self.talk.deliver(asked, decision))
        except Dies:
            self.pending = (asked, decision)
            self.saver.left = 1_000_000
            self.open()
        except AnswerNotTakenError:
            self.pending = (asked, decision)
        else:
            self.pending, self.last = None, (asked, decision)
            assert isinstance(result, Resumed | Stale)
            self.asked = result.standstill.asked
        self.saver.left = 1_000_000
        self.see()

    def see(self) -> None:
        """Nothing was paid more often than people allowed."""
        paid = Counter(outside.paid)
        assert paid <= self.allowed, f"paid: {paid}; allowed: {self.allowed}"

    def end(self) -> None:
        """Once nothing changes any more, all of it can be decided, and ends."""
        outside.moody.clear()
        for _ in range(40):
            if self.pending is not None:
                self.deliver(*self.pending)
            elif not self.asked:
                return
            else:
                choices = self.asked[0].ask.actions[0].choices
                self.deliver(self.asked[0], REDO if Choice.REDO in choices else APPROVE)
        raise AssertionError(f"it does not end: {self.asked}")


@pytest.mark.promise("P3")
@pytest.mark.promise("P4")
@pytest.mark.timeout(3600)
def test_each_start_of_a_gated_tool_has_an_approval_of_its_own() -> None:
    examples = int(os.environ.get("SIGNOFF_GATE_EXAMPLES", "60"))
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Gates,
        settings=settings(
            max_examples=examples, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
