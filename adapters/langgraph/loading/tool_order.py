"""Runs the tool calls of one node one after the other, in the order in which the model made them.

LangGraph gives the answers of one task to its interrupts by their order alone. A plain `ToolNode` runs the calls of a
message side by side, as one task: if two of them ask, the first to ask gets the first answer. So the approval of one
call could run another one. In turn, they ask in the same order each time. Once a call has asked, the calls behind it
wait for its answer and do nothing.

This costs the time that such tools would save by running side by side. `create_agent` has a task for each call and is
not touched. It changes one node object of a graph that was loaded for us, by a private name of LangGraph: a test fails
if that changes. A graph that a node calls synchronously runs its tools in threads, which this does not reach.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from langgraph.errors import GraphBubbleUp

from adapters.langgraph.fingerprint import SEPARATOR

_within: ContextVar[frozenset[tuple[int, tuple[str, str]]]] = ContextVar("_within", default=frozenset())
"""The batches that the current code runs in, each with its node."""

RunOne = Callable[[Any, Any, Any], Awaitable[Any]]


@dataclass(slots=True)
class _Batch:
    """The calls of one task: the number under way, and the exception of the first one that asked."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    calls: int = 0
    asked: GraphBubbleUp | None = None


def tool_nodes(graph: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    """List the tool nodes of a graph and its subgraphs: the path, and the object that holds the tools."""
    for name, node in graph.nodes.items():
        for part in getattr(node.bound, "steps", None) or (node.bound,):
            if hasattr(part, "tools_by_name"):
                yield f"{above}{name}", part
    for path, below in graph.get_subgraphs() if hasattr(graph, "get_subgraphs") else ():
        yield from tool_nodes(below, f"{above}{path}{SEPARATOR}")


def keep_order(graph: Any) -> None:
    """Let each tool node of a graph and its subgraphs run its calls in turn. Can be applied twice."""
    for _, node in tool_nodes(graph):
        run_one = getattr(node, "_arun_one", None)
        if run_one is not None and not isinstance(run_one, _InTurn):
            node._arun_one = _InTurn(run_one)  # noqa: SLF001 - see the module


class _InTurn:
    """Runs one call of a node when those before it are done."""

    def __init__(self, run_one: RunOne) -> None:
        self._run_one = run_one
        self._batches: dict[tuple[str, str], _Batch] = {}

    async def __call__(self, call: Any, input_type: Any, runtime: Any) -> Any:
        told = runtime.config.get("configurable", {})
        task = str(told.get("thread_id", "")), str(told.get("checkpoint_ns", ""))
        within = _within.get()
        if (id(self), task) in within:  # a tool that uses its own node would wait for itself
            return await self._run_one(call, input_type, runtime)
        _within.set(within | {(id(self), task)})  # for this call's own asyncio task, which ends with it
        batch = self._batches.setdefault(task, _Batch())
        batch.calls += 1
        try:
            async with batch.turn:  # asyncio serves waiters in the order in which they came
                if batch.asked is not None:
                    raise batch.asked
                return await self._run_one(call, input_type, runtime)
        except GraphBubbleUp as asked:
            batch.asked = asked
            raise
        finally:
            batch.calls -= 1
            if not batch.calls:
                del self._batches[task]
