"""What we lean on in LangGraph beyond its documentation. When one of these fails, read `adapters/langgraph` again."""

import asyncio
import operator
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_config
from langgraph.errors import GraphDrained, UnknownInterruptError, is_invalid_resume
from langgraph.func import task
from langgraph.graph import START, StateGraph
from langgraph.runtime import RunControl
from langgraph.types import Command, StateSnapshot, interrupt
from pydantic import BaseModel

from adapters.langgraph.config_keys import CHECKPOINTS, STRICT_RESUME, interrupt_id, is_interrupt_id
from adapters.langgraph.in_process.runs.forking import fork, stamp


class State(TypedDict, total=False):
    log: Annotated[list[Any], operator.add]


def two(state: State) -> State:  # noqa: ARG001 - LangGraph names it
    return {"log": [interrupt("one"), interrupt("two")]}


def other(_: State) -> State:
    return {"log": [interrupt("other")]}


def graph_of(*nodes: Any) -> Any:
    builder = StateGraph(State)
    for node in nodes:
        builder.add_node(node.__name__, node)
        builder.add_edge(START, node.__name__)
    return builder.compile(checkpointer=InMemorySaver())


def config(**metadata: str) -> Any:
    return {"configurable": {"thread_id": "t", STRICT_RESUME: True, "mark": 7}, "metadata": metadata}


async def pending(graph: Any) -> dict[str, str]:
    return {each.value: each.id for each in (await graph.aget_state(config())).interrupts}


@pytest.mark.promise("P3")
async def test_a_replayed_answer_never_answers_the_next_question() -> None:
    graph = graph_of(two)
    await graph.ainvoke({"log": []}, config())
    one = (await pending(graph))["one"]
    await graph.ainvoke(Command(resume={one: "yes"}), config())
    before = await pending(graph)
    assert list(before) == ["two"]
    with pytest.raises(UnknownInterruptError):
        await graph.ainvoke(Command(resume={one: "yes"}), config())
    assert await pending(graph) == before


@pytest.mark.promise("P3")
async def test_without_the_private_key_it_would() -> None:
    graph = graph_of(two)
    loose = {"configurable": {"thread_id": "t"}}
    await graph.ainvoke({"log": []}, loose)
    one = (await pending(graph))["one"]
    await graph.ainvoke(Command(resume={one: "yes"}), loose)
    await graph.ainvoke(Command(resume={one: "yes"}), loose)
    assert await pending(graph) == {}


async def test_an_interrupt_s_id_counts_the_answers_of_its_task() -> None:
    graph = graph_of(two)
    await graph.ainvoke({"log": []}, config())
    (task,) = (await graph.aget_state(config())).tasks
    assert (await pending(graph))["one"] == interrupt_id(f"two:{task.id}", 0)
    await graph.ainvoke(Command(resume={interrupt_id(f"two:{task.id}", 0): 1}), config())
    assert (await pending(graph))["two"] == interrupt_id(f"two:{task.id}", 1)
    assert all(map(is_interrupt_id, (await pending(graph)).values()))


async def test_an_interrupt_s_id_below_a_subgraph_counts_likewise() -> None:
    inner = StateGraph(State).add_node("two", two).add_edge(START, "two").compile()
    graph = StateGraph(State).add_node("outer", inner).add_edge(START, "outer").compile(checkpointer=InMemorySaver())
    await graph.ainvoke({"log": []}, config())
    (task,) = (await graph.aget_state(config(), subgraphs=True)).tasks
    assert isinstance(task.state, StateSnapshot)
    (below,) = task.state.tasks
    namespace = f"outer:{task.id}|two:{below.id}"
    assert task.state.config["configurable"]["checkpoint_ns"] == f"outer:{task.id}"
    assert (await pending(graph))["one"] == interrupt_id(namespace, 0)


async def test_the_map_of_checkpoints_names_the_graph_of_a_task_and_the_task_that_called_it() -> None:
    seen: list[dict[str, str]] = []

    @task
    def called() -> list[Any]:
        seen.append(dict(get_config()["configurable"][CHECKPOINTS]))
        return []

    def calls(_: State) -> Any:
        return {"log": called().result()}

    builder: Any = StateGraph(State)
    below = builder.add_node("calls", calls).add_edge(START, "calls").compile()

    def outer(_: State) -> Any:
        return below.invoke({"log": []})

    await graph_of(outer).ainvoke({"log": []}, config())
    ((root, graph, caller),) = seen
    assert (root, caller.rpartition(":")[0]) == ("", f"{graph}|calls")
    assert seen[0][graph] == seen[0][caller] != seen[0][root]


async def test_a_node_that_raised_after_the_answer_still_lists_the_question_and_stores_the_answer() -> None:
    def raises(_: State) -> State:
        interrupt("one")
        raise RuntimeError("after")

    graph = graph_of(raises)
    await graph.ainvoke({"log": []}, config())
    one = (await pending(graph))["one"]
    with pytest.raises(RuntimeError, match="after"):
        await graph.ainvoke(Command(resume={one: "yes"}), config())
    assert await pending(graph) == {"one": one}
    stored = await graph.checkpointer.aget_tuple(config())
    assert [value for _, channel, value in stored.pending_writes if channel == "__resume__"] == [["yes"]]
    assert (await graph.aget_state(config())).tasks[0].error is not None


async def test_marks_in_the_config_stand_in_every_checkpoint_except_private_ones() -> None:
    graph = graph_of(other)
    await graph.ainvoke({"log": []}, config(signoff_turn="k"))
    history = [each.metadata async for each in graph.aget_state_history(config())]
    assert len(history) == 2
    assert all((each["signoff_turn"], each["mark"]) == ("k", 7) for each in history)
    assert not any(STRICT_RESUME in each for each in history)


async def test_a_drain_stops_between_two_steps_and_none_goes_on() -> None:
    control = RunControl()

    def asks_to_stop(state: State) -> State:  # noqa: ARG001 - LangGraph names it
        control.request_drain()
        return {"log": ["first"]}

    builder = StateGraph(State).add_node("first", asks_to_stop).add_node("last", lambda _: {"log": ["last"]})
    graph = builder.add_edge(START, "first").add_edge("first", "last").compile(checkpointer=InMemorySaver())
    with pytest.raises(GraphDrained):
        await graph.ainvoke({"log": []}, config(), control=control, durability="sync")
    assert (await graph.aget_state(config())).values == {"log": ["first"]}
    assert await graph.ainvoke(None, config()) == {"log": ["first", "last"]}


class Number(BaseModel):
    number: int


async def test_a_schema_of_python_refuses_and_stores_nothing_a_schema_of_json_is_not_enforced() -> None:
    def typed(_: State) -> State:
        return {"log": [interrupt("typed", response_schema=Number).number]}

    graph = graph_of(typed)
    await graph.ainvoke({"log": []}, config())
    (asked,) = (await graph.aget_state(config())).interrupts
    assert asked.response_schema["properties"]["number"]["type"] == "integer"
    with pytest.raises(ValueError, match="number") as caught:
        await graph.ainvoke(Command(resume={asked.id: {"number": "many"}}), config())
    assert is_invalid_resume(caught.value)
    assert (await graph.ainvoke(Command(resume={asked.id: {"number": 3}}), config()))["log"] == [3]

    def shown(_: State) -> State:
        return {"log": [interrupt("shown", response_schema={"type": "integer"})]}

    graph = graph_of(shown)
    await graph.ainvoke({"log": []}, config())
    (asked,) = (await graph.aget_state(config())).interrupts
    assert asked.response_schema == {"type": "integer"}
    assert (await graph.ainvoke(Command(resume={asked.id: "many"}), config()))["log"] == ["many"]


@pytest.mark.parametrize("value", [None, {}, {"0" * 32: 1}, [], 0])
async def test_by_map_any_value_arrives(value: Any) -> None:
    graph = graph_of(other)
    await graph.ainvoke({"log": []}, config())
    ended = await graph.ainvoke(Command(resume={(await pending(graph))["other"]: value}), config())
    assert ended["log"] == [value]


async def test_a_forked_checkpoint_asks_all_of_its_step_anew_and_keeps_the_state_and_the_marks() -> None:
    graph = graph_of(two, other)
    await graph.ainvoke({"log": ["before"]}, config(signoff_turn="k"))
    before = await pending(graph)
    await graph.ainvoke(Command(resume={before["one"]: "yes"}), config())
    await fork(graph.checkpointer, config(), {"signoff_code": "new"})
    assert await pending(graph) == {}
    await graph.ainvoke(None, config())
    after = await pending(graph)
    assert sorted(after) == ["one", "other"]
    assert not set(after.values()) & set(before.values())
    snapshot = await graph.aget_state(config())
    assert snapshot.values == {"log": ["before"]}
    assert (snapshot.metadata["signoff_turn"], snapshot.metadata["signoff_code"]) == ("k", "new")


async def test_a_stamped_checkpoint_keeps_what_is_stored_for_its_step() -> None:
    graph = graph_of(two, other)
    await graph.ainvoke({"log": []}, config(signoff_turn="k"))
    before = await pending(graph)
    await graph.ainvoke(Command(resume={before["other"]: "yes"}), config())
    await stamp(graph.checkpointer, config(), {"signoff_code": "new"})
    assert await pending(graph) == {"one": before["one"]}
    assert (await graph.aget_state(config())).metadata["signoff_code"] == "new"


async def test_a_step_that_is_done_without_its_checkpoint_has_no_next_but_has_tasks() -> None:
    class Dying(InMemorySaver):
        async def aput(self, *args: Any, **more: Any) -> Any:
            if args[2]["step"] == 1:
                raise ConnectionError
            return await super().aput(*args, **more)

    builder = StateGraph(State).add_node("node", lambda _: {"log": ["done"]}).add_edge(START, "node")
    graph = builder.compile(checkpointer=Dying())
    with pytest.raises(ConnectionError):
        await graph.ainvoke({"log": []}, config(), durability="sync")
    snapshot = await graph.aget_state(config())
    assert snapshot.next == ()
    assert [task.result for task in snapshot.tasks] == [{"log": ["done"]}]


async def test_running_on_runs_nothing_at_the_end_and_asks_the_same_where_it_waits() -> None:
    graph = graph_of(other)
    await graph.ainvoke({"log": []}, config())
    before = await pending(graph)
    await graph.ainvoke(None, config())
    assert await pending(graph) == before
    await graph.ainvoke(Command(resume={before["other"]: 1}), config())
    assert await graph.ainvoke(None, config()) == {"log": [1]}


async def test_a_cancelled_run_stores_that_it_was_cancelled() -> None:
    began = asyncio.Event()

    async def hangs(_: State) -> State:
        began.set()
        await asyncio.Event().wait()
        return {}

    graph = graph_of(hangs)
    run = asyncio.create_task(graph.ainvoke({"log": []}, config(), durability="sync"))
    await began.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    (task,) = (await graph.aget_state(config())).tasks
    assert task.result is None
    assert task.error is None or "CancelledError" in str(task.error)


def test_the_private_names_stand_in_one_place() -> None:
    folder = Path(__file__).parents[2] / "adapters" / "langgraph"
    users = [file.name for file in folder.rglob("*.py") if "__pregel" in file.read_text()]
    assert users == ["config_keys.py"]
