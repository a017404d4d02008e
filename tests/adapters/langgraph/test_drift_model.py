"""Whatever changes, dies, or comes twice, in whatever order: nothing runs but what somebody approved on a card.

A node asks twice and another once beside it, each with a price that may change at any time, also at each look. Behind
them a model calls a tool, people review the call, and a node puts the price of that moment into it. Between any two
writes of the saver the process may be killed; the code of the asking nodes may be replaced while they wait.

`SIGNOFF_DRIFT_EXAMPLES=5000` looks longer.
"""

import asyncio
import operator
import os
from contextlib import AsyncExitStack
from itertools import count, product
from typing import Annotated, Any, Self

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command, interrupt
from support.graph_talk import APPROVE, REDO, REJECT, Talk, talking

from adapters.langgraph.errors import AnswerNotTakenError
from adapters.langgraph.in_process.graphs import LocalGraphs
from engine.asks.ask import Choice, Decision, Kind
from engine.ids import ThreadId
from engine.ports import Asked, Resumed, Stale

NAMES = ("one", "two", "beside", "tool")


class Outside:
    """Prices, those of them that change at each look, and what was paid."""

    def __init__(self) -> None:
        self.prices = dict.fromkeys(NAMES, 100)
        self.moody = set[str]()
        self.paid: list[tuple[str, int]] = []
        self.calls = count()

    def price(self, name: str) -> int:
        now = self.prices[name]
        if name in self.moody:
            self.prices[name] += 1
        return now


outside = Outside()


class State(MessagesState):
    log: Annotated[list[str], operator.add]


def agreed(*names: str) -> list[str]:
    """Compute first, ask then, pay last: what people do who have not read the page on pitfalls."""
    amounts = [(name, outside.price(name)) for name in names]
    taken = [each for each in amounts if interrupt({"question": f"Pay {each[0]}?", "amount": each[1]})]
    outside.paid += taken
    return [f"{name} {amount}" for name, amount in taken]


def two(state: State) -> Any:  # noqa: ARG001 - LangGraph names it
    return {"log": agreed("one", "two")}


def two_rewritten(state: State) -> Any:  # noqa: ARG001 - LangGraph names it
    log = agreed("one", "two")
    return {"log": log}


def beside(state: State) -> Any:  # noqa: ARG001 - LangGraph names it
    return {"log": agreed("beside")}


def beside_rewritten(state: State) -> Any:  # noqa: ARG001 - LangGraph names it
    log = agreed("beside")
    return {"log": log}


def model(state: State) -> Any:  # noqa: ARG001 - LangGraph names it
    call = {"name": "refund", "args": {"amount": outside.price("tool")}, "id": f"call-{next(outside.calls)}"}
    return {"messages": [AIMessage("", tool_calls=[call])]}


def review(state: State) -> Any:
    last = state["messages"][-1]
    assert isinstance(last, AIMessage)
    action, _ = interrupt({"question": "Is this correct?", "tool_call": last.tool_calls[0]})
    return Command(goto="prepare" if action == "continue" else END)


def prepare(state: State) -> Any:
    last = state["messages"][-1]
    assert isinstance(last, AIMessage)
    call = {**last.tool_calls[0], "args": {"amount": outside.price("tool")}}
    return {"messages": [last.model_copy(update={"tool_calls": [call]})]}


@tool
def refund(amount: int) -> str:
    """Pay money back."""
    outside.paid.append(("tool", amount))
    return "paid"


def graph_of(*, rewritten: bool) -> Any:
    builder = StateGraph(State)
    builder.add_node("two", two_rewritten if rewritten else two)
    builder.add_node("beside", beside_rewritten if rewritten else beside)
    builder.add_node("model", model)
    builder.add_node("review", review, destinations=("prepare", END))
    builder.add_node("prepare", prepare)
    builder.add_node("tools", ToolNode([refund], handle_tool_errors=True))
    builder.add_edge(START, "two")
    builder.add_edge(START, "beside")
    builder.add_edge(["two", "beside"], "model")
    builder.add_edge("model", "review")
    builder.add_edge("prepare", "tools")
    return builder


class Dies(Exception):  # noqa: N818 - it is no error of the bot's
    """The process is killed."""


class MortalSaver(InMemorySaver):
    """Dies after a number of writes, before or after the last of them."""

    left, before = 1_000_000, False

    async def aput(self, *args: Any, **more: Any) -> Any:
        with self.dying():
            return await super().aput(*args, **more)

    async def aput_writes(self, *args: Any, **more: Any) -> None:
        with self.dying():
            await super().aput_writes(*args, **more)

    def dying(self) -> "Write":
        return Write(self)


class Write:
    def __init__(self, saver: MortalSaver) -> None:
        self.saver = saver

    def __enter__(self) -> None:
        self.saver.left -= 1
        if self.saver.left == 0 and self.saver.before:
            raise Dies

    def __exit__(self, *_: object) -> None:
        if self.saver.left <= 0:
            raise Dies


def question(asked: Asked) -> tuple[str, int] | None:
    """What a card shows: whose price, and how much. None for a failure."""
    match asked.ask.payload:
        case {"question": str(prompt), "amount": int(amount)}:
            return prompt.removeprefix("Pay ").removesuffix("?"), amount
        case {"tool_call": {"args": {"amount": int(amount)}}}:
            return "tool", amount
    assert asked.ask.kind is Kind.FAILURE
    return None


class Processes:
    """Two processes of each version of the code, which are opened once: opening takes much longer than a step.

    A process remembers nothing of a thread, so one that goes on is as good as one that was just started.
    """

    def __init__(self) -> None:
        self.runner, self.saver = asyncio.Runner(), MortalSaver()
        self._stack, self._open = AsyncExitStack(), dict[tuple[bool, int], LocalGraphs]()
        self.threads = count()

    def __enter__(self) -> Self:
        for which in product((False, True), range(2)):
            made = talking(graph_of(rewritten=which[0]), self.saver, infrastructure=(Dies,))
            self._open[which] = self.runner.run(self._stack.enter_async_context(made)).graphs
        return self

    def __exit__(self, *_: object) -> None:
        self.runner.run(self._stack.aclose())
        self.runner.close()

    def process(self, number: int, *, rewritten: bool) -> LocalGraphs:
        return self._open[rewritten, number % 2]


class Drift(RuleBasedStateMachine):
    """A thread, and what people said last of each price."""

    processes: Processes

    def __init__(self) -> None:
        super().__init__()
        self.runner, self.saver = self.processes.runner, self.processes.saver
        self.thread, self.starts, self.rewritten = ThreadId(f"T:C:{next(self.processes.threads)}"), 0, False
        self.asked: tuple[Asked, ...] = ()
        self.said: dict[str, tuple[int, bool]] = {}
        self.last: tuple[Asked, Decision] | None = None
        self.pending: tuple[Asked, Decision] | None = None
        """What a killed process was delivering: it is delivered first."""
        self.paid = 0
        outside.__init__()  # type: ignore[misc]  # a new one, where the nodes find it

    def teardown(self) -> None:
        self.end()

    @initialize()
    def begin(self) -> None:
        self.open()
        self.asked = self.runner.run(self.talk.say()).asked
        self.see()

    def open(self) -> None:
        self.starts += 1
        self.talk = Talk(self.processes.process(self.starts, rewritten=self.rewritten), self.thread)

    # What happens -----------------------------------------------------------------------------------------------------

    @rule(name=st.sampled_from(NAMES), amount=st.sampled_from([100, 200]))
    def price_changes(self, name: str, amount: int) -> None:
        outside.prices[name] = amount

    @rule(name=st.sampled_from(NAMES))
    def price_changes_at_each_look(self, name: str) -> None:
        outside.moody ^= {name}

    @rule(
        which=st.integers(0, 5),
        says=st.sampled_from([APPROVE, APPROVE, APPROVE, REJECT, REDO]),
        left=st.sampled_from([0, 0, 0, 1, 2, 3, 4, 5, 6, 8]),
        before=st.booleans(),
    )
    def answer(self, which: int, says: Decision, left: int, before: bool) -> None:  # noqa: FBT001 - drawn
        if self.pending is None and not self.asked:
            return
        asked, decision = self.pending or (self.asked[which % len(self.asked)], says)
        dismisses = asked.ask.kind is Kind.FAILURE and decision is REJECT
        if dismisses or decision.choice not in asked.ask.actions[0].choices:
            decision = APPROVE
        self.saver.left, self.saver.before = left or 1_000_000, before
        self.deliver(asked, decision)

    @precondition(lambda self: self.last is not None and self.pending is None)
    @rule()
    def the_last_answer_comes_again(self) -> None:
        assert self.last is not None
        self.deliver(*self.last, again=True)

    @rule(rewrite=st.booleans())
    def restart(self, rewrite: bool) -> None:  # noqa: FBT001 - drawn
        self.rewritten ^= rewrite
        self.open()
        if self.pending is None:
            self.asked = self.runner.run(self.talk.settle()).asked
            self.see()

    # What follows -----------------------------------------------------------------------------------------------------

    def deliver(self, asked: Asked, decision: Decision, *, again: bool = False) -> None:
        action = asked.ask.actions[0]
        if decision == REJECT and action.reject_stops:
            decision = APPROVE  # such a rejection ends the run, and is never delivered
        if decision == APPROVE and APPROVE.choice not in action.choices:
            decision = Decision(Choice.ANSWER, text="true")  # not known to approve, and yet it does
        shown = question(asked)
        if shown is not None and not again:
            self.said[shown[0]] = (shown[1], decision.choice is not Choice.REJECT)
        try:
            outcome = self.runner.run(self.talk.deliver(asked, decision))
        except Dies:
            self.pending = (asked, decision)
            self.saver.left = 1_000_000
            self.open()
        except AnswerNotTakenError:
            self.pending = (asked, decision)
        else:
            self.pending, self.last = None, (asked, decision)
            assert isinstance(outcome, Resumed | Stale)
            self.asked = outcome.result.asked
        self.saver.left = 1_000_000
        self.see()

    def see(self) -> None:
        """What was paid since is what people said last, on a card that showed it."""
        for name, amount in outside.paid[self.paid :]:
            assert self.said.get(name) == (amount, True), f"{name} {amount} was paid: people said {self.said}"
        self.paid = len(outside.paid)

    @invariant()
    def nobody_is_asked_twice_at_once(self) -> None:
        shown = [question(each) for each in self.asked]
        names = [each[0] for each in shown if each is not None]
        assert len(names) == len(set(names))

    def end(self) -> None:
        """Once nothing changes any more, all of it can be decided, and ends."""
        outside.moody.clear()
        for _ in range(30):
            if self.pending is not None:
                self.deliver(*self.pending)
            elif not self.asked or "tool refund was about to run" in self.asked[0].ask.prompt:
                return
            else:
                choices = self.asked[0].ask.actions[0].choices
                self.deliver(self.asked[0], REDO if Choice.REDO in choices else APPROVE)
        raise AssertionError(f"it does not end: {[question(each) for each in self.asked]}")


@pytest.mark.promise("P4")
@pytest.mark.timeout(3600)
def test_nothing_runs_but_what_somebody_approved() -> None:
    examples = int(os.environ.get("SIGNOFF_DRIFT_EXAMPLES", "120"))
    with Processes() as opened:

        class Machine(Drift):
            processes = opened

        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=examples, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
            ),
        )
