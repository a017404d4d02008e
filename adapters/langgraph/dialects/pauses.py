"""Pauses that a graph did not request: breakpoints, NodeInterrupts and failures.

A checkpoint shows them, rather than a payload of the graph's own.
"""

from collections.abc import Sequence

from adapters.langgraph.dialects.breakpoint import BREAKPOINT, NODE_INTERRUPT, TOOLS
from adapters.langgraph.dialects.failure import FAILURE
from engine.asks.ask import Ask

PAUSES = frozenset({BREAKPOINT.name, TOOLS.name, NODE_INTERRUPT.name, FAILURE.name})
"""The dialects of these asks."""


def next_nodes(ask: Ask) -> Sequence[str]:
    """List the nodes that come next at a pause, by path, as its card names them."""
    at_pause = ask.payload.get("at", ask.payload) if isinstance(ask.payload, dict) else None
    named = at_pause.get("next") if isinstance(at_pause, dict) else None
    return [str(each) for each in named] if isinstance(named, list) else []
