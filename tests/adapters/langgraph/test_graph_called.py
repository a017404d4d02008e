"""An answer that a graph took which a node calls by itself is known as taken, wherever its process is killed (P3)."""

import asyncio
import contextlib
import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt
from support.graph_talk import AGENT, APPROVE, REJECT, Talk, halt_of, payloads, talking

from adapters.langgraph import sentences
from adapters.langgraph.config_keys import DECIDED, FENCE, RECIPIENT, RESUME
from engine.asks.ask import Decision
from engine.ids import ThreadId
from engine.ports import Answer, Asked, Held, Resumed


class State(TypedDict, total=False):
    log: Annotated[list[Any], operator.add]


class Killed(Exception):  # noqa: N818 - it is no error of the bot's
    """The process is killed."""


class MortalSaver(InMemorySaver):
    """Kills the process at the write of a given number, before or after that is done.

    Threads of a dead one may still run: they have an old fence, and neither read nor write anything.
    """

    def __init__(self, *, after: bool = False) -> None:
        super().__init__()
        self.after = after
        self.fence = 1
        self.left = -1

    @contextlib.contextmanager
    def killing(self, talk: Talk, write: int) -> Iterator[None]:
        """Kill the process at a write, counted from 1; the next one goes on with the talk."""
        self.left = write
        with contextlib.suppress(Killed):
            yield
        self.left = -1
        talk.fence = self.fence

    def put(self, config: Any, *given: Any) -> Any:
        return self._written(config, lambda: InMemorySaver.put(self, config, *given))

    def put_writes(self, config: Any, *given: Any) -> None:
        self._written(config, lambda: InMemorySaver.put_writes(self, config, *given))

    def get_tuple(self, config: Any) -> Any:
        self._check_fence(config)
        return super().get_tuple(config)

    def _written(self, config: Any, write: Callable[[], Any]) -> Any:
        self._check_fence(config)
        self.left -= 1
        dies = self.left == 0
        if dies and not self.after:
            self.fence += 1
            raise Killed
        written = write()
        self.fence += dies
        self._check_fence(config)
        return written

    def _check_fence(self, config: Any) -> None:
        if config["configurable"].get(FENCE, self.fence) < self.fence:
            raise Killed


def sure(question: str) -> Any:
    """A question that is answered with True or False."""
    return interrupt({"question": question}, response_schema={"type": "boolean"})


def graph_of(*nodes: Callable[..., Any], **compiled: Any) -> Any:
    builder = StateGraph(State)
    for before, node in zip([START, *(each.__name__ for each in nodes)], nodes, strict=False):
        builder.add_node(node.__name__, node)
        builder.add_edge(before, node.__name__)
    return builder.compile(**compiled)


def logs(_: State) -> State:
    return {"log": [sure("delete logs?")]}


def prod(_: State) -> State:
    return {"log": [sure("delete PROD?")]}


def both(_: State) -> State:
    return {"log": [sure("delete logs?"), sure("delete PROD?")]}


class Hidden:
    """A graph that LangGraph does not see in a node's code, so that no snapshot lists it."""

    def __init__(self, graph: Any) -> None:
        self._graphs = [graph]

    def __call__(self) -> list[Any]:
        """Call it in a node."""
        return list(self._graphs[0].invoke({"log": []})["log"])


Done = list[list[Any]]


def node_that(work: Callable[[], list[Any]], done: Done) -> Any:
    """A graph with one node, which does this work."""

    def node(_: State) -> State:
        done.append(work())
        return {"log": done[-1]}

    return graph_of(node)


def workflow_that(work: Callable[[], list[Any]], done: Done) -> Any:
    """A workflow that has one task do this work."""

    @task
    def call() -> list[Any]:
        return work()

    @entrypoint()
    def flow(_: Any) -> State:
        done.append(call().result())
        return {"log": done[-1]}

    return flow


def task_in_node(work: Callable[[], list[Any]], done: Done) -> Any:
    """A node that has a task do this work."""

    @task
    def call() -> list[Any]:
        return work()

    return node_that(lambda: list(call().result()), done)


def deeper(work: Callable[[], list[Any]]) -> Hidden:
    """A graph whose node has a task do this work."""
    return Hidden(task_in_node(work, []))


CALLERS = pytest.mark.parametrize("caller", [node_that, workflow_that, task_in_node])
ASK_TWICE = Hidden(graph_of(both))
ASK_ONE_AFTER_THE_OTHER = Hidden(graph_of(logs, prod))
ASK_LOGS, ASK_PROD = Hidden(graph_of(logs)), Hidden(graph_of(prod))
REMEMBERING = Hidden(graph_of(both, checkpointer=True))

WORK: dict[str, Callable[[], list[Any]]] = {
    "a graph asks twice": ASK_TWICE,
    "two nodes of a graph ask": ASK_ONE_AFTER_THE_OTHER,
    "the caller asks on": lambda: [*ASK_LOGS(), sure("delete PROD?")],
    "the caller asked before": lambda: [sure("delete logs?"), *ASK_PROD()],
    "another graph asks on": lambda: [*ASK_LOGS(), *ASK_PROD()],
    "the same graph asks the same again": lambda: [*ASK_LOGS(), *ASK_LOGS()],
    "a graph with a memory of its own": REMEMBERING,
    "a graph in a task of a graph": deeper(ASK_ONE_AFTER_THE_OTHER),
    "a graph in a graph, and both ask": deeper(lambda: [*ASK_LOGS(), sure("delete PROD?")]),
}
SHAPES = pytest.mark.parametrize("shape", WORK)


async def again(talk: Talk, asked: Asked, decision: Decision, times: int = 3) -> Sequence[Asked]:
    """What is asked next, after an answer that is delivered several times."""
    results = [await talk.answer(asked, decision) for _ in range(times)]
    assert [payloads(each) for each in results] == [payloads(results[0])] * times
    return results[-1].asked


@pytest.mark.promise("P3")
@CALLERS
@SHAPES
async def test_an_answer_delivered_three_times_is_resumed_each_time_and_answers_one_question(
    shape: str, caller: Any
) -> None:
    done: Done = []
    async with talking(caller(WORK[shape], done)) as talk:
        (first,) = (await talk.say()).asked
        (second,) = await again(talk, first, APPROVE)
        assert first.interrupt != second.interrupt
        assert await again(talk, second, REJECT) == ()
        assert done == [[True, False]]


@pytest.mark.promise("P3")
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@CALLERS
@SHAPES
async def test_killed_twice_at_any_write_an_answer_that_was_taken_is_never_called_undelivered(
    shape: str, caller: Any, *, after: bool
) -> None:
    done, saver = Done(), MortalSaver(after=after)
    async with talking(caller(WORK[shape], done), saver, infrastructure=(Killed,)) as first_talk:
        for kill in range(1, 12):
            talk = replace(first_talk, thread=ThreadId(f"T:C:{kill}"), fence=saver.fence)
            done.clear()
            (asked,) = (await talk.say()).asked
            for decision in (APPROVE, REJECT):
                for _ in range(2):
                    with saver.killing(talk, kill):
                        await talk.deliver(asked, decision)
                found = await talk.deliver(asked, decision)
                assert isinstance(found, Resumed), (kill, decision, found)
                asked = next(iter(found.result.asked), asked)
            assert (await talk.settle()).asked == ()
            assert {tuple(each) for each in done} == {(True, False)}, kill


# Beside other things --------------------------------------------------------------------------------------------------


@task
async def ask_in_task() -> list[Any]:
    """A task that awaits a graph, and asks on."""
    found = await graph_of(logs).ainvoke({"log": []})
    return [*found["log"], sure("delete PROD?")]


async def awaiting(_: State) -> Any:
    return {"log": await ask_in_task()}


@pytest.mark.promise("P3")
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_killed_at_any_write_of_a_graph_that_is_awaited_its_answer_is_known_as_taken(*, after: bool) -> None:
    for write in range(1, 12):
        saver = MortalSaver(after=after)
        async with talking(graph_of(awaiting), saver, infrastructure=(Killed,)) as talk:
            (asked,) = (await talk.say()).asked
            for decision in (APPROVE, REJECT):
                with saver.killing(talk, write):
                    await talk.deliver(asked, decision)
                found = await talk.answer(asked, decision)
                asked = next(iter(found.asked), asked)
            assert await log_of(talk) == [True, False], write


async def log_of(talk: Talk) -> list[Any]:
    graph = next(iter(talk.graphs._agents.values())).graph
    return list((await graph.aget_state({"configurable": {"thread_id": talk.thread}})).values["log"])


def asking(name: str) -> Any:
    """A node that calls a graph, and asks on."""

    def ask(_: State) -> State:
        return {"log": [sure(f"{name}?")]}

    called = Hidden(graph_of(ask))

    def node(_: State) -> State:
        return {"log": [[name, *called(), sure(f"{name}: sure?")]]}

    return node


def side_by_side() -> Any:
    builder = StateGraph(State)
    for name in ("left", "right"):
        builder.add_node(name, asking(name))
        builder.add_edge(START, name)
    return builder


def prompts(asked: Sequence[Asked]) -> list[str]:
    return sorted(each.ask.prompt for each in asked)


def named(asked: Sequence[Asked], prompt: str) -> Asked:
    (found,) = [each for each in asked if each.ask.prompt == prompt]
    return found


@pytest.mark.promise("P3")
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_side_by_side_each_graph_is_known_to_have_taken_its_own_answer_alone(*, after: bool) -> None:
    for write in range(1, 10):
        saver = MortalSaver(after=after)
        async with talking(side_by_side(), saver, infrastructure=(Killed,)) as talk:
            asked = (await talk.say()).asked
            for prompt, decision, then in (
                ("left?", APPROVE, ["left: sure?", "right?"]),
                ("right?", REJECT, ["left: sure?", "right: sure?"]),
                ("right: sure?", APPROVE, ["left: sure?"]),
                ("left: sure?", REJECT, []),
            ):
                with saver.killing(talk, write):
                    await talk.deliver(named(asked, prompt), decision)
                asked = tuple(await again(talk, named(asked, prompt), decision, times=2))
                assert prompts(asked) == then, (write, prompt)
            assert sorted(await log_of(talk)) == [["left", True, False], ["right", False, True]]


@pytest.mark.promise("P3")
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_answers_of_two_graphs_that_are_sent_together_are_known_as_taken(*, after: bool) -> None:
    for write in range(1, 12):
        saver = MortalSaver(after=after)
        async with talking(side_by_side(), saver, infrastructure=(Killed,)) as talk:
            asked = (await talk.say()).asked
            answers = [
                Answer(talk.thread, AGENT, each.interrupt, each.digest, each.ask, (APPROVE,), "key") for each in asked
            ]
            with saver.killing(talk, write):
                await talk.graphs.resume_together(answers, talk.fence)
            found = await talk.graphs.resume_together(answers, talk.fence)
            assert [type(each) for each in found] == [Resumed, Resumed], (write, found)
            assert prompts(found[-1].result.asked) == ["left: sure?", "right: sure?"]


@pytest.mark.promise("P3")
@pytest.mark.parametrize("shape", ["two nodes of a graph ask", "the caller asks on"])
async def test_an_answer_that_was_taken_is_known_as_taken_where_the_thread_waits_at_a_breakpoint(shape: str) -> None:
    done: Done = []

    def node(_: State) -> State:
        done.append(WORK[shape]())
        return {"log": done[-1]}

    def last(_: State) -> State:
        return {"log": ["last"]}

    async with talking(graph_of(node, last), interrupt_before=("node", "last")) as talk:
        (first,) = (await talk.answer(halt_of(await talk.say()), APPROVE)).asked
        (second,) = await again(talk, first, APPROVE)
        halted = await talk.answer(second, REJECT)
        assert isinstance(await talk.deliver(second, REJECT), Held)
        await talk.answer(halt_of(halted), APPROVE)
        await talk.answer(second, REJECT)
        assert (done, await log_of(talk)) == ([[True, False]], [True, False, "last"])


@pytest.mark.promise("P3")
async def test_an_answer_is_known_as_taken_by_a_graph_that_has_stopped_at_a_breakpoint_of_its_own() -> None:
    called = Hidden(graph_of(logs, prod, interrupt_before=["prod"]))
    done: Done = []
    async with talking(node_that(lambda: [*called(), sure("really?")], done)) as talk:
        (first,) = (await talk.say()).asked
        results = [await talk.deliver(first, APPROVE) for _ in range(3)]
        assert [type(each) for each in results] == [Resumed] * 3
        assert done == []


@pytest.mark.promise("P4")
@pytest.mark.parametrize("caller", [workflow_that, task_in_node])
async def test_an_answer_that_was_taken_before_its_node_changed_is_not_called_unsent(caller: Any) -> None:
    done, saver = Done(), InMemorySaver()
    async with talking(caller(ASK_TWICE, done), saver) as talk:
        (first,) = (await talk.say()).asked
        await talk.answer(first, APPROVE)
    async with talking(caller_with_other_code(caller, done), saver) as talk:
        (anew,) = (await talk.answer(first, APPROVE)).asked
        assert anew.interrupt != first.interrupt
        (second,) = await again(talk, anew, APPROVE)
        await again(talk, second, REJECT)
        assert done == [[True, False]]


def caller_with_other_code(caller: Any, done: Done) -> Any:
    """The same graph on the second day, with other code in its task."""

    @task
    def call() -> list[Any]:
        found = ASK_TWICE()
        return [bool(each) for each in found]

    @entrypoint()
    def flow(_: Any) -> State:
        done.append(call().result())
        return {"log": done[-1]}

    def node(_: State) -> State:
        done.append(list(call().result()))
        return {"log": done[-1]}

    return flow if caller is workflow_that else graph_of(node)


@pytest.mark.promise("P3")
async def test_where_it_is_not_known_whether_a_graph_took_an_answer_people_are_told_so() -> None:
    """Nothing is kept of a task that got it: an earlier version of Signoff kept nothing of those that did."""
    calls = [True]
    done: Done = []
    async with talking(node_that(lambda: ASK_LOGS() if calls.pop() else [sure("delete PROD?")], done)) as talk:
        (first,) = (await talk.say()).asked
        calls += [False] * 3
        await talk.deliver(first, APPROVE)
        stale = await talk.stale(first, APPROVE)
        assert stale.reason == sentences.PERHAPS_TAKEN
        assert payloads(stale.result) == [{"question": "delete PROD?"}]


@pytest.mark.promise("P3")
@pytest.mark.parametrize("kept", [1, 0], ids=["the last one is kept", "none is kept"])
async def test_an_answer_is_known_as_taken_after_checkpoints_of_its_graph_were_deleted_but_not_after_all(
    kept: int,
) -> None:
    saver, done = InMemorySaver(), Done()
    async with talking(workflow_that(WORK["the caller asks on"], done), saver) as talk:
        (first,) = (await talk.say()).asked
        await talk.answer(first, APPROVE)
        for namespace, checkpoints in saver.storage[talk.thread].items():
            for each in sorted(checkpoints)[: len(checkpoints) - kept] if namespace else ():
                del checkpoints[each]
        found = await talk.deliver(first, APPROVE)
        assert isinstance(found, Resumed) if kept else getattr(found, "reason", "") == sentences.PERHAPS_TAKEN
        assert payloads(found.result) == [{"question": "delete PROD?"}]


async def two_at_once(_: State) -> State:
    async def ask(name: str) -> Any:
        return (await asking_graph(name).ainvoke({"log": []}))["log"]

    return {"log": [*await asyncio.gather(ask("left"), ask("right"))]}


def asking_graph(name: str) -> Any:
    def ask(_: State) -> State:
        return {"log": [sure(f"{name}?")]}

    return graph_of(ask)


@pytest.mark.promise("P3")
async def test_answers_of_graphs_that_a_node_awaits_together_are_known_as_taken() -> None:
    async with talking(graph_of(two_at_once)) as talk:
        (first,) = (await talk.say()).asked
        (second,) = await again(talk, first, APPROVE)
        assert (first.ask.prompt, second.ask.prompt) == ("left?", "right?")
        assert await again(talk, second, REJECT) == ()
        assert await log_of(talk) == [[True], [False]]


class Listing(InMemorySaver):
    """Lists the channels that are written."""

    def __init__(self) -> None:
        super().__init__()
        self.stored: list[str] = []

    def put_writes(self, config: Any, writes: Any, *more: Any) -> None:
        self.stored += [channel for channel, _ in writes]
        super().put_writes(config, writes, *more)


@pytest.mark.promise("P3")
async def test_the_place_of_the_task_is_stored_before_its_answer_and_only_for_a_called_graph() -> None:
    saver = Listing()
    async with talking(node_that(WORK["the caller asks on"], []), saver) as talk:
        (first,) = (await talk.say()).asked
        for answer, stored in ((APPROVE, [DECIDED, RECIPIENT, RESUME]), (REJECT, [DECIDED, RESUME])):
            saver.stored.clear()
            (first,) = (await talk.answer(first, answer)).asked or (first,)
            assert [each for each in dict.fromkeys(saver.stored) if each in (DECIDED, RECIPIENT, RESUME)] == stored


@pytest.mark.promise("P3")
@CALLERS
async def test_an_approval_of_a_gated_call_in_a_called_graph_is_known_as_taken_and_makes_one_call(caller: Any) -> None:
    paid: list[str] = []

    @tool
    def pay(name: str) -> str:
        """Pay somebody."""
        paid.append(name)
        return name

    def paying(_: State) -> State:
        return {"log": [pay.invoke({"name": "zoe"})]}

    called, done = Hidden(graph_of(paying)), Done()
    async with talking(caller(lambda: [*called(), sure("really?")], done), gate_tools=("pay",)) as talk:
        (gated,) = (await talk.say()).asked
        (sure_now,) = await again(talk, gated, APPROVE)
        assert await again(talk, sure_now, APPROVE) == ()
        assert (paid, done) == (["zoe"], [["zoe", True]])
