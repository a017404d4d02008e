"""What `signoff init` learns of a LangGraph project: its graphs, loaded and read, and what its files name."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.langgraph.projects.graph_search import Candidate, candidates, variables
from bot.wiring.graphs import import_langgraph

if TYPE_CHECKING:
    from adapters.langgraph.projects.inference import Inferred, Unusable

__all__ = ["Candidate", "candidates", "inferred", "variables"]


async def inferred(
    specs: Mapping[str, str], base: Path, waiting: Callable[[str], None]
) -> "Mapping[str, Inferred | Unusable]":
    """Load each graph as `run` does, and infer its entry: see `adapters.langgraph.projects.inference`."""
    import_langgraph()
    from adapters.langgraph.projects.inference import infer

    return await infer(specs, base, waiting)


def shortened(description: str) -> str:
    """A description on one line, of the length that a list in Slack takes."""
    from adapters.langgraph.projects.inference import cut

    return cut(description)


def unusable(found: Sequence[object]) -> bool:
    """True if none of these graphs loads."""
    from adapters.langgraph.projects.inference import Inferred

    return not any(isinstance(each, Inferred) for each in found)
