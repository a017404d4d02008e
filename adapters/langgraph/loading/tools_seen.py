"""Lists the tools that a graph's code shows: those of its tool nodes, and those that its functions name.

`Reach` follows the names in live functions, so it finds agents that are tools, graphs that a node calls, and tools that
a node calls by itself. It does not find tools that are made while the graph runs.
"""

from collections.abc import Mapping
from typing import Any

from langchain_core.tools import BaseTool

from adapters.langgraph.reading.reach import Reach


def tools_of(graph: Any) -> Mapping[str, BaseTool]:
    """List the tools that a graph's nodes reach, by name."""
    return _Tools(graph).tools


class _Tools(Reach):
    def __init__(self, graph: Any) -> None:
        self.tools: dict[str, BaseTool] = {}
        super().__init__(graph)

    def _object(self, held: Any) -> None:
        if isinstance(held, BaseTool):
            self.tools.setdefault(held.name, held)
        super()._object(held)
