"""The code of docs/store.md does what the page says."""

import re
import textwrap
from pathlib import Path
from typing import Any, TypedDict

from langgraph.graph import START, StateGraph

PAGE = Path(__file__).parents[3] / "docs" / "store.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


class State(TypedDict):
    text: str


def same(state: State) -> State:
    return state


async def run(block: str, url: str, **given: Any) -> list[str]:
    source = block.replace("redis://127.0.0.1:6379/0", url) + "\nreturn [item.key for item in found]"
    names: dict[str, Any] = {}
    exec(f"async def example({', '.join(given)}):\n{textwrap.indent(source, '    ')}", names)  # noqa: S102 - our page
    return list(await names["example"](**given))


async def test_the_blocks_run(redis_url: str) -> None:
    builder = StateGraph(State).add_node(same).add_edge(START, "same")
    assert await run(BLOCKS[0], redis_url, builder=builder) == ["diet"]
    assert await run(BLOCKS[1], redis_url) == ["diet"]
    assert len(BLOCKS) == 2
