"""What `signoff init` learns of a LangGraph project: its graphs, loaded and read, and what its files name.

Importing this module imports LangGraph: import it late.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from adapters.langgraph.projects.graph_search import candidates, variables
from adapters.langgraph.projects.inference import Inferred, Unusable, cut, infer
from bot.config.problems import ProblemsError
from bot.config.project import Project
from bot.wiring.graph_store import try_store
from bot.wiring.graphs import import_langgraph

__all__ = [
    "Inferred", "Unusable", "candidates", "inferred", "shortened", "store_problem", "variables", "with_description",
]  # fmt: skip


async def inferred(
    specs: Mapping[str, str], base: Path, waiting: Callable[[str], None]
) -> Mapping[str, Inferred | Unusable]:
    """Load each graph as `run` does, and infer its entry: see `adapters.langgraph.projects.inference`."""
    await asyncio.to_thread(import_langgraph)
    return await infer(specs, base, waiting)


async def store_problem(project: Project | None) -> str:
    """Say why the store of the project's graphs cannot be made, as `run` would; "" if it can."""
    try:
        await try_store(project)
    except ProblemsError as error:
        return str(error)
    return ""


def shortened(description: str) -> str:
    """A description on one line, of the length that a list in Slack takes."""
    return cut(description)


def with_description(found: Inferred, description: str) -> Inferred:
    """The same with this description."""
    return replace(found, description=description)
