"""An answer reaches the very question it was given to (P3), asked by the code that runs (P4), or nothing at all."""

import asyncio
import operator
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Send, interrupt
from pydantic import BaseModel, field_validator
from support.graph_talk import APPROVE, REJECT, Talk, error_of, form, halt_of, payloads, talking, words

from adapters.langgraph import sentences
from adapters.langgraph.errors import AnswerNotTakenError
from engine.ports import Stale


class State(TypedDict, total=False):
    log: Annotated[list[Any], operator.add]


def graph_of(*nodes: Callable[..., Any], parallel: bool = False) -> StateGraph[Any, Any, Any, Any]:
    builder = StateGraph(State)
    for node in nodes:
        builder.add_node(node.__name__, node)
    names = [node.__name__ for node in nodes]
    pairs = [(START, name) for name in names] if parallel else zip([START, *names], names, strict=False)
    for before, after in pairs:
        builder.add_edge(before, after)
    return builder


async def log_of(talk: Talk) -> list[Any]:
    graph = talk.graphs._agents[next(iter(talk.graphs._agents))].graph
    state = await graph.aget_state({"configurable": {"thread_id": talk.thread}})
    return list(state.values["log"])


def sure(question: str) -> Any:
    """A question that is answered with True or False, also where the code that asks it is not found."""
    return interrupt({"question": question}, response_schema={"type": "boolean"})


def two_questions(_: State) -> State:
    return {"log": [sure("delete logs?"), sure("delete PROD?")]}


def after(_: State) -> State:
    return {"log": ["after"]}


@pytest.mark.promise("P4")
async def test_a_router_at_the_start_may_ask_and_a_nodes_name_may_end_like_the_starts() -> None:
    nodes: dict[str, Any] = {"asks__start__": lambda _: {"log": [sure("delete logs?")]}, "after": after}
    builder = graph_of()
    for name, node in nodes.items():
        builder.add_node(name, node)
    builder.add_conditional_edges(START, lambda _: "asks__start__" if sure("clean up?") else "after")
    async with talking(builder) as talk:
        (first,) = (await talk.say()).asked
        (second,) = (await talk.answer(first, APPROVE)).asked
        assert payloads(await talk.answer(second, APPROVE)) == []
        assert await log_of(talk) == [True]


@pytest.mark.promise("P3")
async def test_an_answer_delivered_three_times_leaves_the_next_question_unanswered() -> None:
    async with talking(graph_of(two_questions, after)) as talk:
        (logs,) = (await talk.say()).asked
        results = [await talk.answer(logs, APPROVE) for _ in range(3)]
        assert [payloads(each) for each in results] == [[{"question": "delete PROD?"}]] * 3
        (prod,) = results[-1].asked
        assert prod.interrupt != logs.interrupt
        end = await talk.answer(prod, REJECT)
        assert end.asked == ()
        assert end.complete
        assert await log_of(talk) == [True, False, "after"]


@pytest.mark.promise("P3")
async def test_an_answer_delivered_again_after_the_end_is_resumed_not_stale() -> None:
    async with talking(graph_of(two_questions, after)) as talk:
        (logs,) = (await talk.say()).asked
        (prod,) = (await talk.answer(logs, APPROVE)).asked
        await talk.answer(prod, APPROVE)
        assert (await talk.answer(prod, APPROVE)).asked == ()
        assert await log_of(talk) == [True, True, "after"]


@pytest.mark.promise("P3")
async def test_a_node_that_raised_after_it_took_the_answer_is_run_again_and_not_answered_again() -> None:
    failures = ["the first time"]

    def flaky(_: State) -> State:
        first = interrupt({"question": "delete logs?"})
        if failures:
            raise RuntimeError(failures.pop())
        return {"log": [first, interrupt({"question": "delete PROD?"})]}

    async with talking(graph_of(flaky)) as talk:
        (logs,) = (await talk.say()).asked
        failed = await talk.answer(logs, APPROVE)
        assert error_of(failed) == "The agent failed: RuntimeError: the first time."
        assert payloads(failed) == []
        again = await talk.answer(logs, APPROVE)
        assert payloads(again) == [{"question": "delete PROD?"}]
        assert payloads(await talk.answer(logs, APPROVE)) == [{"question": "delete PROD?"}]
        assert payloads(await talk.settle()) == [{"question": "delete PROD?"}]
        await talk.answer(again.asked[0], REJECT)
        assert await log_of(talk) == [True, False]


@pytest.mark.promise("P3")
async def test_a_node_that_raises_before_it_takes_the_answer_is_given_the_same_answer_again() -> None:
    failures: list[str] = []

    def flaky(_: State) -> State:
        if failures:
            raise RuntimeError(failures.pop())
        return {"log": [interrupt({"question": "delete logs?"})]}

    async with talking(graph_of(flaky)) as talk:
        (logs,) = (await talk.say()).asked
        failures += ["no network", "no network"]
        for _ in range(2):
            with pytest.raises(AnswerNotTakenError, match="no network"):
                await talk.deliver(logs, APPROVE)
            assert (await talk.settle()).asked == (replace(logs, decided=True),)
        await talk.answer(logs, APPROVE)
        assert await log_of(talk) == [True]


@pytest.mark.promise("P3")
@pytest.mark.parametrize("depth", [1, 2])
async def test_a_node_that_raises_before_it_calls_the_graph_that_asks_is_given_the_same_answer_again(
    depth: int,
) -> None:
    """The first question is answered already, so an answer that is given to the wrong one would show."""
    failures: list[str] = []
    builder = graph_of(two_questions)
    for _ in range(depth):
        builder = graph_of(calling(builder.compile(), failures))
    async with talking(builder) as talk:
        (logs,) = (await talk.say()).asked
        (prod,) = (await talk.answer(logs, APPROVE)).asked
        failures += ["no network", "no network"]
        for _ in range(2):
            with pytest.raises(AnswerNotTakenError, match="no network"):
                await talk.deliver(prod, REJECT)
            assert payloads(await talk.settle()) == [{"question": "delete PROD?"}]
        await talk.answer(prod, REJECT)
        assert await log_of(talk) == [True, False]


def calling(inner: Any, failures: list[str]) -> Callable[[State], Any]:
    def outer(state: State) -> Any:
        if failures:
            raise RuntimeError(failures.pop())
        return inner.invoke(state)

    return outer


@pytest.mark.promise("P3")
@pytest.mark.parametrize("depth", [1, 2])
async def test_an_answer_that_a_called_graph_took_before_it_raised_is_not_given_again(depth: int) -> None:
    failures: list[str] = []

    def flaky(_: State) -> State:
        first, second = sure("delete logs?"), sure("delete PROD?")
        if failures:
            raise RuntimeError(failures.pop())
        return {"log": [first, second, sure("delete backups?")]}

    builder = graph_of(flaky)
    for _ in range(depth):
        builder = graph_of(calling(builder.compile(), []))
    async with talking(builder) as talk:
        (logs,) = (await talk.say()).asked
        (prod,) = (await talk.answer(logs, APPROVE)).asked
        failures.append("no network")
        failed = await talk.answer(prod, REJECT)
        assert "no network" in error_of(failed)
        assert payloads(failed) == []
        (backups,) = (await talk.answer(prod, REJECT)).asked
        assert backups.ask.prompt == "delete backups?"
        await talk.answer(backups, APPROVE)
        assert await log_of(talk) == [True, False, True]


def asking_tasks(breaks: set[str], done: list[Any], kind: str) -> Any:
    """A task asks twice, called by a workflow, a node, or a workflow that a node calls, also of a hidden graph."""

    def reach(step: str) -> None:
        if step in breaks:
            raise RuntimeError(f"no network {step}")

    @task
    def ask() -> list[Any]:
        first = sure("delete logs?")
        reach("after the first answer")
        second = sure("delete PROD?")
        reach("after the second answer")
        return [first, second]

    def work() -> list[Any]:
        reach("before")
        answers = ask().result()
        reach("behind the task")
        done.append(answers)
        return answers

    @entrypoint()
    def workflow(_: Any) -> State:
        return {"log": work()}

    def node(state: State) -> Any:
        return {"log": work()} if kind == "a node" else workflow.invoke(state)

    graph = workflow if kind == "a workflow" else graph_of(node).compile()
    return graph_of(calling(Hidden(graph), [])).compile() if kind == "a workflow within a hidden graph" else graph


class Hidden:
    """A graph that LangGraph does not see in a node's code, so that no snapshot lists it."""

    def __init__(self, graph: Any) -> None:
        self._graphs = [graph]

    def invoke(self, given: Any) -> Any:
        return self._graphs[0].invoke(given)


TASK_CALLED_BY = pytest.mark.parametrize(
    "kind", ["a workflow", "a node", "a workflow within a node", "a workflow within a hidden graph"]
)


@pytest.mark.promise("P3")
@TASK_CALLED_BY
async def test_an_answer_that_its_task_never_got_is_given_again(kind: str) -> None:
    breaks, done = set[str](), list[Any]()
    async with talking(asking_tasks(breaks, done, kind)) as talk:
        (logs,) = (await talk.say()).asked
        breaks.add("before")
        for _ in range(2):
            with pytest.raises(AnswerNotTakenError, match="no network before"):
                await talk.deliver(logs, APPROVE)
            assert payloads(await talk.settle()) == [{"question": "delete logs?"}]
        breaks.clear()
        (prod,) = (await talk.answer(logs, APPROVE)).asked
        breaks.add("before")
        for _ in range(2):
            with pytest.raises(AnswerNotTakenError, match="no network before"):
                await talk.deliver(prod, REJECT)
        breaks.clear()
        assert (await talk.answer(prod, REJECT)).asked == ()
        assert done == [[True, False]]


@pytest.mark.promise("P3")
@TASK_CALLED_BY
@pytest.mark.parametrize("step", ["after the second answer", "behind the task"])
async def test_an_answer_that_its_task_took_before_it_raised_is_not_given_again(kind: str, step: str) -> None:
    breaks, done = set[str](), list[Any]()
    async with talking(asking_tasks(breaks, done, kind)) as talk:
        (logs,) = (await talk.say()).asked
        breaks.add("after the first answer")
        failed = await talk.answer(logs, APPROVE)
        assert payloads(failed) == []
        assert "no network after the first answer" in error_of(failed)
        breaks.clear()
        (prod,) = (await talk.answer(logs, APPROVE)).asked
        breaks.add(step)
        failed = await talk.answer(prod, REJECT)
        assert payloads(failed) == []
        assert f"no network {step}" in error_of(failed)
        breaks.clear()
        assert (await talk.answer(prod, REJECT)).asked == ()
        assert done == [[True, False]]


def asking_three_times(breaks: set[str], done: list[Any], kind: str) -> Any:
    """A node, a task of a workflow, or a graph that a node calls asks three times."""

    def reach(step: str) -> None:
        if step in breaks:
            raise RuntimeError(f"no network {step}")

    def ask() -> list[Any]:
        first = sure("delete logs?")
        reach("after the first answer")
        second = sure("delete PROD?")
        reach("after the second answer")
        done.append([first, second, sure("delete backups?")])
        return list(done[-1])

    def node(_: State) -> State:
        return {"log": ask()}

    @entrypoint()
    def workflow(_: Any) -> State:
        return {"log": task(ask)().result()}

    builders = {"a node": lambda: graph_of(node), "a graph": lambda: graph_of(calling(graph_of(node).compile(), []))}
    return builders[kind]().compile() if kind in builders else workflow


ASKED_BY = pytest.mark.parametrize("kind", ["a node", "a task", "a graph"])


@pytest.mark.promise("P3")
@ASKED_BY
async def test_an_answer_is_kept_where_its_node_fails_at_an_earlier_question(kind: str) -> None:
    breaks, done = set[str](), list[Any]()
    async with talking(asking_three_times(breaks, done, kind)) as talk:
        (logs,) = (await talk.say()).asked
        (prod,) = (await talk.answer(logs, APPROVE)).asked
        (backups,) = (await talk.answer(prod, REJECT)).asked
        breaks.add("after the first answer")
        for _ in range(2):
            with pytest.raises(AnswerNotTakenError, match="no network after the first answer"):
                await talk.deliver(backups, APPROVE)
            assert payloads(await talk.settle()) == [{"question": "delete backups?"}]
        breaks.clear()
        assert (await talk.answer(backups, APPROVE)).asked == ()
        assert done == [[True, False, True]]


@pytest.mark.promise("P3")
@ASKED_BY
async def test_a_retry_that_fails_at_an_earlier_question_forgets_no_answer(kind: str) -> None:
    breaks, done = set[str](), list[Any]()
    async with talking(asking_three_times(breaks, done, kind)) as talk:
        (logs,) = (await talk.say()).asked
        (prod,) = (await talk.answer(logs, APPROVE)).asked
        breaks.add("after the second answer")
        failed = await talk.answer(prod, REJECT)
        breaks.add("after the first answer")
        failed = await talk.answer(halt_of(failed), APPROVE)
        assert "no network after the first answer" in error_of(failed)
        breaks.clear()
        (backups,) = (await talk.answer(halt_of(failed), APPROVE)).asked
        assert (await talk.answer(backups, APPROVE)).asked == ()
        assert done == [[True, False, True]]


@pytest.mark.promise("P3")
@ASKED_BY
async def test_an_answer_delivered_three_times_is_resumed_where_its_task_has_asked_the_next_question(kind: str) -> None:
    done = list[Any]()
    async with talking(asking_three_times(set(), done, kind)) as talk:
        (logs,) = (await talk.say()).asked
        (prod,) = [await talk.answer(logs, APPROVE) for _ in range(3)][-1].asked
        (backups,) = [await talk.answer(prod, REJECT) for _ in range(3)][-1].asked
        assert payloads(await talk.answer(logs, APPROVE)) == [{"question": "delete backups?"}]
        results = [await talk.answer(backups, APPROVE) for _ in range(3)]
        assert [each.asked for each in results] == [()] * 3
        assert done == [[True, False, True]]


class Killed(Exception):  # noqa: N818 - it is no error of the bot's
    """The process is killed."""


class DyingAtFailure(InMemorySaver):
    """Kills the process as soon as an error is stored, so that those of the tasks around it are not."""

    armed = dead = False

    def put_writes(self, config: Any, writes: Any, *more: Any) -> None:
        self.live()
        super().put_writes(config, writes, *more)
        self.dead = self.armed and any(channel == "__error__" for channel, _ in writes)
        self.live()

    def get_tuple(self, config: Any) -> Any:
        self.live()
        return super().get_tuple(config)

    def live(self) -> None:
        """Raise Killed where the process is dead."""
        if self.dead:
            raise Killed


@pytest.mark.promise("P3")
@pytest.mark.parametrize("kind", ["a task", "a graph"])
async def test_an_answer_that_comes_again_after_its_process_was_killed_answers_no_other_question(kind: str) -> None:
    breaks, done, saver = {"after the first answer"}, list[Any](), DyingAtFailure()
    async with talking(asking_three_times(breaks, done, kind), saver, infrastructure=(Killed,)) as talk:
        (logs,) = (await talk.say()).asked
        saver.armed = True
        with pytest.raises(Killed):
            await talk.deliver(logs, APPROVE)
        saver.armed = saver.dead = False
        breaks.clear()
        (prod,) = (await talk.answer(logs, APPROVE)).asked
        assert (prod.ask.prompt, done) == ("delete PROD?", [])
        (backups,) = (await talk.answer(prod, REJECT)).asked
        await talk.answer(backups, REJECT)
        assert done == [[True, False, False]]


@pytest.mark.promise("P3")
async def test_an_answer_that_its_node_lost_by_another_order_of_its_questions_is_known_as_decided() -> None:
    breaks = set[str]()

    async def ask(name: str) -> Any:
        await asyncio.sleep(0)
        if name in breaks:
            raise RuntimeError("no network")
        return sure(name)

    async def node(_: State) -> Any:
        return {"log": await asyncio.gather(ask("A?"), ask("B?"))}

    async with talking(graph_of(node)) as talk:
        (a,) = (await talk.say()).asked
        (b,) = (await talk.answer(a, APPROVE)).asked
        breaks.add("A?")
        failed = await talk.answer(b, APPROVE)
        breaks.clear()
        (again,) = (await talk.answer(halt_of(failed), APPROVE)).asked
        assert again == replace(a, decided=True)
        assert (await talk.answer(again, REJECT)).asked == (replace(b, decided=True),)
        await talk.answer(b, APPROVE)
        assert await log_of(talk) == [False, True]


@pytest.mark.promise("P3")
async def test_an_answer_that_always_fails_does_not_poison_the_conversation() -> None:
    def strict(_: State) -> State:
        return {"log": [interrupt("how many?"), int(interrupt("how many?"))]}

    async with talking(graph_of(strict)) as talk:
        (first,) = (await talk.say()).asked
        (number,) = (await talk.answer(first, words("3"))).asked
        assert "ValueError" in error_of(await talk.answer(number, words("three")))
        assert "ValueError" in error_of(await talk.answer(number, words("three")))
        (anew,) = (await talk.say("once more")).asked
        assert anew.interrupt not in (first.interrupt, number.interrupt)
        (second,) = (await talk.answer(anew, words("3"))).asked
        assert error_of(await talk.answer(second, words("4"))) == ""
        assert await log_of(talk) == ["3", 4]


class Amount(BaseModel):
    amount: int

    @field_validator("amount")
    @classmethod
    def even(cls, amount: int) -> int:
        if amount % 2:
            raise ValueError("only even amounts")
        return amount


@pytest.mark.promise("P3")
async def test_what_the_graphs_own_schema_refuses_is_asked_again_under_another_id() -> None:
    def ask(_: State) -> State:
        return {"log": [interrupt({"question": "how much?"}, response_schema=Amount).amount]}

    async with talking(graph_of(ask)) as talk:
        (much,) = (await talk.say()).asked
        stale = await talk.stale(much, form(amount=3))
        assert "only even amounts" in stale.reason or "ValidationError" in stale.reason
        (anew,) = stale.result.asked
        assert anew.interrupt != much.interrupt
        await talk.answer(anew, form(amount=4))
        assert await log_of(talk) == [4]


@pytest.mark.promise("P3")
async def test_an_unknown_thread_is_not_started_by_an_answer() -> None:
    ran: list[str] = []

    def node(_: State) -> State:
        ran.append("ran")
        return {"log": [interrupt("well?")]}

    async with talking(graph_of(node)) as talk:
        (well,) = (await talk.say()).asked
        elsewhere = Talk(talk.graphs, thread=type(talk.thread)("T:C:other"))
        stale = await elsewhere.stale(well, words("yes"))
        assert stale.reason == sentences.MEMORY_GONE
        assert stale.result.asked == ()
        assert ran == ["ran"]
        assert (await elsewhere.settle()).complete


ID_LIKE = {"0123456789abcdef0123456789abcdef": "x"}


@pytest.mark.promise("P3")
@pytest.mark.parametrize("value", [None, {}, ID_LIKE, [], 0, False, "", {"a": None}])
async def test_any_value_reaches_the_node_as_it_is(value: Any) -> None:
    def node(_: State) -> State:
        return {"log": [interrupt("which value?", response_schema={"title": "Any"})]}

    async with talking(graph_of(node)) as talk:
        (asked,) = (await talk.say()).asked
        assert error_of(await talk.answer(asked, form(answer=value))) == ""
        assert await log_of(talk) == [value]


def left(_: State) -> State:
    return {"log": [f"left {interrupt({'question': 'left?'})}"]}


def right(_: State) -> State:
    return {"log": [f"right {interrupt({'question': 'right?'})}"]}


@pytest.mark.promise("P3")
async def test_parallel_questions_are_answered_each_by_its_own_answer_in_any_order() -> None:
    async with talking(graph_of(left, right, parallel=True)) as talk:
        asked = {str(each.ask.prompt): each for each in (await talk.say()).asked}
        assert list(asked) == ["left?", "right?"]
        rest = await talk.answer(asked["right?"], REJECT)
        assert [(each.interrupt, each.digest) for each in rest.asked] == [
            (asked["left?"].interrupt, asked["left?"].digest)
        ]
        assert payloads(await talk.answer(asked["right?"], APPROVE)) == [{"question": "left?"}]
        await talk.answer(asked["left?"], APPROVE)
        assert sorted(await log_of(talk)) == ["left True", "right False"]


@pytest.mark.promise("P3")
async def test_questions_of_the_same_node_sent_many_times_are_told_apart() -> None:
    def one(state: Any) -> State:
        return {"log": [f"{state}: {interrupt({'question': 'run?', 'item': state})}"]}

    builder = StateGraph(State)
    builder.add_node("one", one)
    builder.add_conditional_edges(START, lambda _: [Send("one", number) for number in range(3)], ["one"])
    builder.add_edge("one", END)
    async with talking(builder) as talk:
        asked = (await talk.say()).asked
        assert [each["item"] for each in map(dict, payloads(await talk.settle()))] == [0, 1, 2]
        for each in reversed(asked):
            assert isinstance(each.ask.payload, dict)
            await talk.answer(each, APPROVE if each.ask.payload["item"] == 1 else REJECT)
        assert sorted(await log_of(talk)) == ["0: False", "1: True", "2: False"]


@pytest.mark.promise("P3")
async def test_a_sibling_that_raises_leaves_the_other_question_to_be_answered() -> None:
    failures = ["down"]

    def fails(_: State) -> State:
        answer = interrupt({"question": "fails?"})
        if failures:
            raise RuntimeError(failures.pop())
        return {"log": [answer]}

    async with talking(graph_of(fails, right, parallel=True)) as talk:
        asked = {str(each.ask.prompt): each for each in (await talk.say()).asked}
        failed = await talk.answer(asked["fails?"], APPROVE)
        assert "down" in error_of(failed)
        assert payloads(await talk.settle()) == [{"question": "right?"}]
        end = await talk.answer(asked["right?"], REJECT)
        assert end.asked == ()
        assert sorted(map(str, await log_of(talk))) == ["True", "right False"]


@pytest.mark.promise("P3")
async def test_an_answer_that_is_not_taken_beside_a_finished_sibling_is_delivered_again() -> None:
    failures: list[str] = []

    def flaky(_: State) -> State:
        if failures:
            raise RuntimeError(failures.pop())
        return {"log": [f"flaky {interrupt({'question': 'flaky?'})}"]}

    async with talking(graph_of(flaky, right, parallel=True)) as talk:
        asked = {str(each.ask.prompt): each for each in (await talk.say()).asked}
        await talk.answer(asked["right?"], REJECT)
        failures.append("no network")
        with pytest.raises(AnswerNotTakenError, match="no network"):
            await talk.deliver(asked["flaky?"], APPROVE)
        await talk.answer(asked["flaky?"], APPROVE)
        assert sorted(await log_of(talk)) == ["flaky True", "right False"]


# Subgraphs ------------------------------------------------------------------------------------------------------------


@pytest.mark.promise("P3")
@pytest.mark.parametrize("called", [False, True], ids=["as a node", "called by a node"])
async def test_two_questions_below_a_subgraph_are_told_apart(*, called: bool) -> None:
    inner = graph_of(two_questions).compile()

    def outer(state: State) -> Any:
        return inner.invoke(state)

    builder = StateGraph(State)
    builder.add_node("outer", outer if called else inner)
    builder.add_edge(START, "outer")
    async with talking(builder) as talk:
        (logs,) = (await talk.say()).asked
        assert logs.ask.speaker == "outer"
        (prod,) = (await talk.answer(logs, APPROVE)).asked
        for _ in range(2):
            assert payloads(await talk.answer(logs, APPROVE)) == [{"question": "delete PROD?"}]
        await talk.answer(prod, REJECT)
        assert await log_of(talk) == [True, False]


@pytest.mark.promise("P3")
async def test_a_subgraph_that_raised_after_it_took_the_answer_is_not_answered_again() -> None:
    failures = ["inside"]

    def flaky(_: State) -> State:
        first = interrupt({"question": "delete logs?"})
        if failures:
            raise RuntimeError(failures.pop())
        return {"log": [first, interrupt({"question": "delete PROD?"})]}

    builder = StateGraph(State)
    builder.add_node("outer", graph_of(flaky).compile())
    builder.add_edge(START, "outer")
    async with talking(builder) as talk:
        (logs,) = (await talk.say()).asked
        assert "inside" in error_of(await talk.answer(logs, APPROVE))
        again = await talk.answer(logs, APPROVE)
        assert payloads(again) == [{"question": "delete PROD?"}]
        assert payloads(await talk.answer(logs, APPROVE)) == [{"question": "delete PROD?"}]


@pytest.mark.promise("P3")
@pytest.mark.parametrize("kind", ["a node", "a node with memory", "called", "called unseen"])
async def test_a_subgraph_whose_next_node_raises_is_tried_again_and_asks_nothing_twice(kind: str) -> None:
    failures: list[str] = []

    def fails(_: State) -> State:
        if failures:
            raise RuntimeError(failures.pop())
        return {"log": ["went on"]}

    inner = graph_of(two_questions, fails).compile(checkpointer=True if kind == "a node with memory" else None)
    builder = StateGraph(State)
    nodes = {"called": calling(inner, []), "called unseen": calling(Hidden(inner), [])}
    builder.add_node("outer", nodes.get(kind, inner))
    builder.add_edge(START, "outer")
    async with talking(builder) as talk:
        (logs,) = (await talk.say()).asked
        (prod,) = (await talk.answer(logs, APPROVE)).asked
        failures += ["no network"] * 3
        results = [await talk.answer(prod, REJECT), await talk.answer(prod, REJECT), await talk.settle()]
        assert [payloads(each) for each in results] == [[]] * 3
        failed = await talk.answer(halt_of(results[-1]), APPROVE)
        assert "no network" in error_of(failed)
        assert (await talk.answer(halt_of(failed), APPROVE)).asked == ()
        assert await log_of(talk) == [True, False, "went on"]


class DyingAtResult(DyingAtFailure):
    """Kills the process as soon as the result of a node is stored in a subgraph."""

    def put_writes(self, config: Any, writes: Any, *more: Any) -> None:
        super().put_writes(config, writes, *more)
        self.dead = self.armed and any(channel == "log" for channel, _ in writes)
        self.live()


@pytest.mark.promise("P3")
async def test_an_answer_is_not_asked_for_again_where_the_process_was_killed_behind_the_node_of_a_subgraph() -> None:
    saver, builder = DyingAtResult(), StateGraph(State)
    builder.add_node("outer", graph_of(two_questions, after).compile())
    builder.add_edge(START, "outer")
    async with talking(builder, saver, infrastructure=(Killed,)) as talk:
        (logs,) = (await talk.say()).asked
        (prod,) = (await talk.answer(logs, APPROVE)).asked
        saver.armed = True
        with pytest.raises(Killed):
            await talk.deliver(prod, REJECT)
        saver.armed = saver.dead = False
        assert (await talk.answer(prod, REJECT)).asked == ()
        assert await log_of(talk) == [True, False, "after"]


# Changed while waiting ------------------------------------------------------------------------------------------------

SOURCE = """
import operator
from typing import Annotated, Any, TypedDict
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt

class State(TypedDict, total=False):
    log: Annotated[list[Any], operator.add]

def remove(state):
    {body}

def other(state):
    {other}

def third(state):
    return {{"log": ["third"]}}

graph = StateGraph(State)
graph.add_node("{name}", remove)
graph.add_node("other", other)
graph.add_edge(START, "{name}")
{edges}
"""
ONE = 'return {"log": [interrupt({"question": "delete logs?"})]}'
TWO = 'return {"log": [interrupt({"question": "delete PROD?"}), interrupt({"question": "delete logs?"})]}'
THREE = (
    'return {"log": [interrupt({"question": "delete PROD?"}), interrupt({"question": "delete logs?"}), '
    'interrupt({"question": "delete backups?"})]}'
)
AFTER = 'return {"log": ["other"]}'
BESIDE = 'return {"log": [interrupt({"question": "beside?"})]}'
SEQUENCE, PARALLEL = 'graph.add_edge("{name}", "other")', 'graph.add_edge(START, "other")'


def version(folder: Path, body: str, *, name: str = "remove", other: str = AFTER, parallel: bool = False) -> Path:
    folder.mkdir()
    edges = (PARALLEL if parallel else SEQUENCE).format(name=name)
    file = folder / "agent.py"
    file.write_text(SOURCE.format(body=body, other=other, name=name, edges=edges))
    return file


@pytest.mark.promise("P4")
async def test_a_node_that_grew_a_question_before_the_old_one_is_asked_anew(tmp_path: Path) -> None:
    saver = InMemorySaver()
    async with talking(version(tmp_path / "v1", ONE), saver) as talk:
        (logs,) = (await talk.say()).asked
    async with talking(version(tmp_path / "v2", TWO), saver) as talk:
        stale = await talk.stale(logs, APPROVE)
        assert stale.reason == sentences.NEW_CODE
        assert payloads(stale.result) == [{"question": "delete PROD?"}]
        (prod,) = stale.result.asked
        assert (prod.interrupt, prod.digest) != (logs.interrupt, logs.digest)
        assert isinstance(await talk.deliver(logs, APPROVE), Stale)
        (again,) = (await talk.answer(prod, REJECT)).asked
        await talk.answer(again, APPROVE)
        assert await log_of(talk) == [False, True, "other"]


BELOW = """
def {name}(state):
    return below.invoke(state)

graph = StateGraph(State)
graph.add_node("outer", {node})
graph.add_edge(START, "outer")
"""


@pytest.mark.promise("P4")
@pytest.mark.parametrize("node", ["calls", "below"], ids=["called by a node", "as a node"])
async def test_below_a_subgraph_too_a_grown_question_is_asked_anew(tmp_path: Path, node: str) -> None:
    saver = InMemorySaver()
    files = [version(tmp_path / "v1", ONE), version(tmp_path / "v2", TWO)]
    for file in files:
        source = file.read_text() + "below = graph.compile()\n" + BELOW.format(name="calls", node=node)
        file.write_text(source.replace('?"})', '?"}, response_schema={"type": "boolean"})'))
    async with talking(files[0], saver) as talk:
        (logs,) = (await talk.say()).asked
    async with talking(files[1], saver) as talk:
        stale = await talk.stale(logs, APPROVE)
        assert payloads(stale.result) == [{"question": "delete PROD?"}]
        (again,) = (await talk.answer(stale.result.asked[0], REJECT)).asked
        await talk.answer(again, APPROVE)
        assert await log_of(talk) == [False, True, "other"]


@pytest.mark.promise("P4")
async def test_settling_asks_what_the_new_code_asks(tmp_path: Path) -> None:
    saver = InMemorySaver()
    async with talking(version(tmp_path / "v1", ONE), saver) as talk:
        (logs,) = (await talk.say()).asked
    async with talking(version(tmp_path / "v2", TWO), saver) as talk:
        result = await talk.settle()
        assert payloads(result) == [{"question": "delete PROD?"}]
        assert (await talk.settle()).asked == result.asked
        await talk.stale(logs, APPROVE)
        assert payloads(await talk.settle()) == [{"question": "delete PROD?"}]


@pytest.mark.promise("P4")
async def test_a_second_question_of_changed_code_is_asked_from_the_beginning(tmp_path: Path) -> None:
    saver = InMemorySaver()
    async with talking(version(tmp_path / "v1", TWO), saver) as talk:
        (prod,) = (await talk.say()).asked
        (logs,) = (await talk.answer(prod, APPROVE)).asked
    async with talking(version(tmp_path / "v2", THREE.replace("PROD", "EVERYTHING")), saver) as talk:
        stale = await talk.stale(logs, APPROVE)
        assert payloads(stale.result) == [{"question": "delete EVERYTHING?"}]


@pytest.mark.promise("P4")
async def test_a_renamed_node_is_refused_with_a_sentence(tmp_path: Path) -> None:
    saver = InMemorySaver()
    async with talking(version(tmp_path / "v1", ONE), saver) as talk:
        (logs,) = (await talk.say()).asked
    async with talking(version(tmp_path / "v2", ONE, name="erase"), saver) as talk:
        stale = await talk.stale(logs, APPROVE)
        assert stale.reason == sentences.WITHDRAWN
        assert stale.result.asked == ()
        (anew,) = (await talk.say("again", key="another")).asked
        await talk.answer(anew, APPROVE)
        assert await log_of(talk) == [True, "other"]


@pytest.mark.promise("P4")
async def test_an_edit_to_another_node_changes_nothing(tmp_path: Path) -> None:
    saver = InMemorySaver()
    async with talking(version(tmp_path / "v1", ONE), saver) as talk:
        (logs,) = (await talk.say()).asked
    async with talking(version(tmp_path / "v2", ONE, other='return {"log": ["changed"]}'), saver) as talk:
        assert (await talk.settle()).asked[0].digest == logs.digest
        await talk.answer(logs, APPROVE)
        assert await log_of(talk) == [True, "changed"]


@pytest.mark.promise("P4")
async def test_asking_anew_leaves_a_waiting_sibling_as_it_is(tmp_path: Path) -> None:
    saver = InMemorySaver()
    async with talking(version(tmp_path / "v1", ONE, other=BESIDE, parallel=True), saver) as talk:
        beside, logs = sorted((await talk.say()).asked, key=lambda each: each.ask.prompt)
    async with talking(version(tmp_path / "v2", TWO, other=BESIDE, parallel=True), saver) as talk:
        stale = await talk.stale(logs, APPROVE)
        same, prod = sorted(stale.result.asked, key=lambda each: each.ask.prompt)
        assert (same.interrupt, same.digest) == (beside.interrupt, beside.digest)
        assert prod.ask.prompt == "delete PROD?"
        assert prod.digest != logs.digest


@pytest.mark.promise("P4")
async def test_a_finished_sibling_is_not_run_again_by_asking_anew(tmp_path: Path) -> None:
    saver = InMemorySaver()
    async with talking(version(tmp_path / "v1", ONE, other=BESIDE, parallel=True), saver) as talk:
        beside, logs = sorted((await talk.say()).asked, key=lambda each: each.ask.prompt)
        await talk.answer(beside, APPROVE)
    async with talking(version(tmp_path / "v2", TWO, other=BESIDE, parallel=True), saver) as talk:
        stale = await talk.stale(logs, APPROVE)
        assert payloads(stale.result) == [{"question": "delete PROD?"}]
        (again,) = (await talk.answer(stale.result.asked[0], REJECT)).asked
        await talk.answer(again, APPROVE)
        assert sorted(await log_of(talk)) == [False, True, True]


@pytest.mark.promise("P4")
async def test_a_half_answered_question_beside_a_finished_sibling_is_refused_and_a_new_turn_begins(
    tmp_path: Path,
) -> None:
    saver = InMemorySaver()
    async with talking(version(tmp_path / "v1", TWO, other=BESIDE, parallel=True), saver) as talk:
        beside, prod = sorted((await talk.say()).asked, key=lambda each: each.ask.prompt)
        await talk.answer(beside, APPROVE)
        (logs,) = (await talk.answer(prod, APPROVE)).asked
    async with talking(version(tmp_path / "v2", THREE, other=BESIDE, parallel=True), saver) as talk:
        stale = await talk.stale(logs, APPROVE)
        assert stale.reason == sentences.NEW_CODE_BESIDE_FINISHED
        assert stale.result.asked == ()
        assert len((await talk.say("again", key="another")).asked) == 2


@pytest.mark.promise("P4")
async def test_another_digest_is_stale_and_says_what_is_asked_now() -> None:
    async with talking(graph_of(left)) as talk:
        (asked,) = (await talk.say()).asked
        outcome = await talk.deliver(asked, APPROVE, digest="of something else")
        assert isinstance(outcome, Stale)
        assert outcome.reason == sentences.CHANGED
        assert outcome.result.asked == (asked,)
        await talk.answer(asked, APPROVE)


async def test_a_cancelled_run_goes_on_when_it_is_delivered_again() -> None:
    began, hang = asyncio.Event(), asyncio.Event()

    async def slow(_: State) -> State:
        answer = interrupt({"question": "go?"})
        began.set()
        await hang.wait()
        return {"log": [answer]}

    async with talking(graph_of(slow, after)) as talk:
        (asked,) = (await talk.say()).asked
        task = asyncio.create_task(talk.deliver(asked, APPROVE))
        await began.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        hang.set()
        await talk.answer(asked, APPROVE)
        assert await log_of(talk) == [True, "after"]


# The functional API ---------------------------------------------------------------------------------------------------


@task
def asks(question: str) -> Any:
    return interrupt({"question": question})


@pytest.mark.promise("P3")
async def test_questions_of_a_workflow_and_of_the_tasks_that_it_calls_are_told_apart() -> None:
    failures, touched = ["boom"], list[str]()

    @entrypoint()
    def workflow(_: Any) -> str:
        said = [asks("logs?").result(), interrupt({"question": "PROD?"})]
        if said[-1]:
            touched.append("PROD")
        if failures:
            raise RuntimeError(failures.pop())
        return str([*said, asks("backups?").result()])

    async with talking(workflow, reply="@") as talk:
        (logs,) = (await talk.say()).asked
        (prod,) = (await talk.answer(logs, APPROVE)).asked
        for _ in range(2):
            assert payloads(await talk.answer(logs, APPROVE)) == [{"question": "PROD?"}]
        assert "boom" in error_of(await talk.answer(prod, REJECT))
        (backups,) = (await talk.answer(prod, APPROVE)).asked
        assert backups.ask.prompt == "backups?"
        assert payloads(await talk.answer(prod, APPROVE)) == [{"question": "backups?"}]
        end = await talk.answer(backups, APPROVE)
        assert end.reply is not None
        assert end.reply.text == "[True, False, True]"
        assert touched == []


@pytest.mark.promise("P3")
async def test_a_tool_node_with_several_gated_tools_asks_one_after_the_other() -> None:
    @tool
    def remove(path: str) -> str:
        """Remove a path."""
        return f"{path} {interrupt({'question': f'remove {path}?'})}"

    calls = [{"name": "remove", "args": {"path": path}, "id": path} for path in ("a", "b")]
    builder = StateGraph(MessagesState)
    builder.add_node("model", lambda _: {"messages": [AIMessage("", tool_calls=calls)]})
    builder.add_node("tools", ToolNode([remove]))
    builder.add_edge(START, "model")
    builder.add_edge("model", "tools")
    async with talking(builder, reply="messages[-2:].content | join(', ', @)") as talk:
        (first,) = (await talk.say()).asked
        (second,) = (await talk.answer(first, APPROVE)).asked
        assert payloads(await talk.answer(first, APPROVE)) == [{"question": "remove b?"}]
        end = await talk.answer(second, REJECT)
        assert end.reply is not None
        assert end.reply.text == "a True, b False"
