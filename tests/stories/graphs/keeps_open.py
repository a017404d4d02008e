"""A graph whose factory keeps a connection open, as clients of MCP do. The story can cut it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypedDict

import anyio
from langgraph.graph import START, StateGraph
from stories.outside import outside


class State(TypedDict, total=False):
    task: str


async def connection() -> None:
    await outside.door("connection").wait()
    raise ConnectionError("the MCP server went away")


@asynccontextmanager
async def graph() -> AsyncIterator["StateGraph[State]"]:
    async with anyio.create_task_group() as group:
        group.start_soon(connection)
        yield StateGraph(State).add_node("work", lambda _: {}).add_edge(START, "work")
        group.cancel_scope.cancel()
