"""What `signoff init` learns of a LangGraph project: its graphs, loaded and read, and what its files name.

Importing this module imports LangGraph: import it late.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from adapters.langgraph.projects.graph_search import candidates, variables
from adapters.langgraph.projects.inference import Inferred, Unusable, cut, infer
from bot.wiring.graphs import import_langgraph

__all__ = ["Inferred", "Unusable", "candidates", "inferred", "shortened", "variables", "with_description"]


async def inferred(
    specs: Mapping[str, str], base: Path, waiting: Callable[[str], None]
) -> Mapping[str, Inferred | Unusable]:
    """Load each graph as `run` does, and infer its entry: see `adapters.langgraph.projects.inference`."""
    await asyncio.to_thread(import_langgraph)
    return await infer(specs, base, waiting)


def shortened(description: str) -> str:
    """A description on one line, of the length that a list in Slack takes."""
    return cut(description)


def with_description(found: Inferred, description: str) -> Inferred:
    """The same with this description."""
    return replace(found, description=description)
