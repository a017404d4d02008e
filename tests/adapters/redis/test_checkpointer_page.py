"""The code of docs/checkpointer.md does what the page says."""

import re
import textwrap
from pathlib import Path
from typing import Any, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt

from adapters.redis import AsyncRedisSaver

PAGE = Path(__file__).parents[3] / "docs" / "checkpointer.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
AT: RunnableConfig = {"configurable": {"thread_id": "1"}}


class State(TypedDict, total=False):
    text: str
    answer: str


def ask(state: State) -> State:
    return {"answer": interrupt(f"Send {state['text']}?")}


def graph() -> Any:
    return StateGraph(State).add_node(ask).add_edge(START, "ask")


async def test_the_first_block_runs(redis_url: str) -> None:
    source = BLOCKS[0].replace("redis://127.0.0.1:6379/0", redis_url)
    names: dict[str, Any] = {}
    exec(f"async def example(builder):\n{textwrap.indent(source, '    ')}", names)  # noqa: S102 - our own page
    await names["example"](graph())
    async with AsyncRedisSaver.from_conn_string(redis_url) as saver:
        found = await saver.aget_tuple(AT)
    assert found is not None
    assert found.checkpoint["channel_values"]["text"] == "hello"


async def test_a_thread_moves_here_and_goes_on(redis_url: str) -> None:
    """Twice, since a move that was cut off is repeated."""
    names: dict[str, Any] = {}
    exec(BLOCKS[-1], names)  # noqa: S102 - our own page
    old = InMemorySaver()
    before = graph().compile(checkpointer=old)
    await before.ainvoke({"text": "the letter"}, AT)
    async with AsyncRedisSaver.from_conn_string(redis_url) as saver:
        await names["move"](old, saver)
        await names["move"](old, saver)
        after = graph().compile(checkpointer=saver)
        history = [(state.values, state.next) async for state in after.aget_state_history(AT)]
        assert history == [(state.values, state.next) async for state in before.aget_state_history(AT)]
        done = await after.ainvoke(Command(resume="yes"), AT)
    assert done == {"text": "the letter", "answer": "yes"}
