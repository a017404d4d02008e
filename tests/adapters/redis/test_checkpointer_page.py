"""The code of docs/checkpointer.md does what the page says."""

import re
import subprocess
import sys
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


def test_the_checkpointer_is_imported_without_the_rest_of_signoff() -> None:
    """`from adapters.redis import AsyncRedisSaver` loads neither lanes nor stores."""
    program = "import sys; from adapters.redis import AsyncRedisSaver, RedisSaver; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603 - ours
    loaded = set(done.stdout.split())
    assert "adapters.redis.checkpointer.saver" in loaded
    rooms = ("lanes", "stores", "embedded", "mailbox", "codec")
    assert not {each for each in loaded if each.startswith(tuple(f"adapters.redis.{room}" for room in rooms))}
    assert not {each for each in loaded if each.startswith(("bot", "adapters.slack", "adapters.langgraph"))}


def test_adapters_redis_alone_does_not_import_langgraph() -> None:
    program = "import sys; import adapters.redis; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603 - ours
    assert "langgraph.checkpoint.base" not in done.stdout.split()
