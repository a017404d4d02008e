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
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command, Send
from support.graph_talk import APPROVE, REDO, REJECT, Talk, edit, talking

from adapters.langgraph.errors import AnswerNotTakenError
from engine.asks.ask import Choice, Decision, Kind
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


class Dies(Exception):  # noqa: N818 - it is no error of the bot's
    """The process is killed."""


class MortalSaver(InMemorySaver):
    """Dies after a number of writes, before or after the last of them; once dead it writes nothing."""

    left, before, dead = 0, False, False

    async def aput(self, *args: Any, **more: Any) -> Any:
        with self.dying():
            return await super().aput(*args, **more)

    async def aput_writes(self, *args: Any, **more: Any) -> None:
        with self.dying():
            await super().aput_writes(*args, **more)

    @contextmanager
    def dying(self) -> Iterator[None]:
        if not self.dead:
            self.left -= 1
            self.dead = self.left == 0
            if not (self.dead and self.before):
                yield
        if self.dead:
            raise Dies


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
    def model(state: Any) -> Any:  # noqa: ARG001 - LangGraph names it
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
        outside.__init__()  # type: ignore[misc]  # a new one, where the tools find it

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

    @rule(number=st.integers(0, len(NAMES) - 1), becomes=st.sampled_from([100, 200, "moody", "late", "soon"]))
    def something_changes(self, number: int, becomes: Any) -> None:
        """An amount, now or at each look; or how long a call takes to begin, so that calls overtake one another."""
        match becomes:
            case "moody":
                outside.moody ^= {NAMES[number]}
            case "late" | "soon":
                outside.delays[number] = 5 if becomes == "late" else 0
            case _:
                outside.amounts[NAMES[number]] = becomes

    @rule(
        which=st.integers(0, 5),
        says=st.sampled_from([APPROVE, APPROVE, APPROVE, REJECT, None]),
        left=st.sampled_from([0, 0, 0, 1, 2, 2, 3, 3, 4, 6]),
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
        self.saver.left, self.saver.before = left, before
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
            outcome = self.runner.run(self.talk.deliver(asked, decision))
        except (Dies, AnswerNotTakenError):
            self.pending = (asked, decision)
        else:
            self.pending, self.last = None, (asked, decision)
            assert isinstance(outcome, Resumed | Stale)
            self.asked = outcome.result.asked
        if self.saver.dead:  # whatever it gave, nobody heard it any more
            self.pending = (asked, decision)
            self.revive()
        self.saver.left = 0
        self.see()

    def revive(self) -> None:
        self.saver.left, self.saver.dead = 0, False
        self.open()

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
    examples = int(os.environ.get("SIGNOFF_GATE_EXAMPLES", "40"))
    run_state_machine_as_test(
        Gates,
        settings=settings(
            max_examples=examples, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
