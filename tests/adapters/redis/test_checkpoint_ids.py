"""Checkpoints keep their order where processes with different clocks write one thread (P7)."""

import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any, TypedDict

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.base import id as ids
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt

from adapters.redis.checkpointer.checkpoint_ids import follow
from adapters.redis.checkpointer.saver import AsyncRedisSaver
from adapters.redis.checkpointer.scripts import PutCheckpoint
from adapters.redis.transport.connection import Database

TWO_HOURS = 2 * 60 * 60 * 10_000_000
"""In the units of a `uuid6`: 100 ns."""


class State(TypedDict, total=False):
    answer: str
    done: str


def ask(state: State) -> State:  # noqa: ARG001 - LangGraph calls it so
    return {"answer": interrupt("Which city?")}


def tell(state: State) -> State:
    return {"done": f"Booked {state['answer']}"}


def graph(saver: AsyncRedisSaver) -> Any:
    builder = StateGraph(State)
    builder.add_node("ask", ask)
    builder.add_node("tell", tell)
    builder.add_edge(START, "ask")
    builder.add_edge("ask", "tell")
    builder.add_edge("tell", END)
    return builder.compile(checkpointer=saver)


def clock_of_another_process(ahead: int = 0) -> None:
    """Make ids from now on as another process does, whose clock is ahead of the machine's by so much."""
    vars(ids)["_last_v6_timestamp"] = None
    if ahead:
        vars(ids)["_last_v6_timestamp"] = ids.uuid6().time + ahead


@pytest.fixture(autouse=True)
def _clock_as_before() -> Iterator[None]:
    yield
    clock_of_another_process()


@pytest.fixture
async def saver(redis_url: str) -> AsyncIterator[AsyncRedisSaver]:
    async with Database.from_url(redis_url) as database:
        yield AsyncRedisSaver(database)


@pytest.mark.promise("P7")
async def test_a_process_whose_clock_is_behind_goes_on_where_the_thread_stands(saver: AsyncRedisSaver) -> None:
    config: RunnableConfig = {"configurable": {"thread_id": "t"}}
    clock_of_another_process(ahead=TWO_HOURS)
    await graph(saver).ainvoke({}, config)
    asked = await graph(saver).aget_state(config)
    clock_of_another_process()
    assert (await graph(saver).ainvoke(Command(resume={asked.interrupts[0].id: "Rome"}), config))["done"]
    clock_of_another_process()
    now = await graph(saver).aget_state(config)
    assert (now.values["done"], now.next, now.interrupts) == ("Booked Rome", (), ())
    assert [each.metadata["step"] async for each in graph(saver).aget_state_history(config)] == [2, 1, 0, -1]


@pytest.mark.parametrize("damage", [{}, {"id": 5}, {"id": None}])
async def test_a_checkpoint_that_does_not_say_its_id_is_read_as_before(saver: AsyncRedisSaver, damage: Any) -> None:
    """It is `Format` that says what is damaged, and LangGraph that says what it lacks."""
    config: RunnableConfig = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
    whole: Any = {**empty_checkpoint(), "channel_values": {}}
    record = saver._format.record(config, {key: each for key, each in whole.items() if key != "id"} | damage, {}, [])
    *listed, put = saver._put(config, whole, {}, {})
    assert isinstance(put, PutCheckpoint)
    await saver._database.run_all(*listed, replace(put, record=record))
    found = await saver.aget_tuple(config)
    assert found is not None
    assert found.checkpoint.get("id") == damage.get("id")


@pytest.mark.parametrize(
    "strange", ["", "my own id", "7d444840-9dc0-41d1-a245-5ffdce74fad2", str(uuid.UUID(int=(2**128 - 1)))]
)
def test_an_id_that_is_of_no_clock_moves_no_clock(strange: str) -> None:
    clock_of_another_process()
    before = ids.uuid6().time
    follow(strange)
    assert ids.uuid6().time - before < TWO_HOURS


def test_an_older_id_moves_no_clock_back() -> None:
    clock_of_another_process(ahead=TWO_HOURS)
    later = ids.uuid6()
    clock = later.time
    follow("1ef3c5a0-0000-6000-8000-000000000000")
    assert ids.uuid6().time > clock
