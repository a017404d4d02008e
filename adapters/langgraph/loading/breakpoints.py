"""The static breakpoints of a graph: those it was compiled with, and those that `app.yaml` adds.

A subgraph that is a node has breakpoints of its own.
https://docs.langchain.com/oss/python/langgraph/interrupts#debugging-with-interrupts
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.langgraph.fingerprint import SEPARATOR

_HIDDEN = "langsmith:hidden"


@dataclass(frozen=True, slots=True)
class Breakpoints:
    """The nodes of one graph with a breakpoint before or after them."""

    before: frozenset[str] = frozenset()
    after: frozenset[str] = frozenset()


def breakpoints_of(graph: Any, before: Sequence[str] = (), after: Sequence[str] = ()) -> Mapping[str, Breakpoints]:
    """Find the breakpoints of a graph and of the subgraphs below it, by path; `before` and `after` go to the root.

    Raises ValueError with a sentence for a node that does not exist.
    """
    for name in (*before, *after):
        if name not in _nodes(graph):
            known = ", ".join(sorted(_nodes(graph))) or "none"
            raise ValueError(f'there is no node "{name}" for a breakpoint. The graph has: {known}.')
    root = _compiled(graph)
    found = {"": Breakpoints(root.before | set(before), root.after | set(after))}
    for path, below in graph.get_subgraphs(recurse=True):
        found[path.replace("|", SEPARATOR) + SEPARATOR] = _compiled(below)
    return {path: each for path, each in found.items() if each.before or each.after}


def _compiled(graph: Any) -> Breakpoints:
    return Breakpoints(_named(graph, graph.interrupt_before_nodes), _named(graph, graph.interrupt_after_nodes))


def _named(graph: Any, nodes: Any) -> frozenset[str]:
    return _nodes(graph) if nodes == "*" else frozenset(nodes or ())


def _nodes(graph: Any) -> frozenset[str]:
    hidden = {name for name, node in graph.nodes.items() if _HIDDEN in (getattr(node, "tags", None) or ())}
    return frozenset(graph.nodes) - hidden - {"__start__"}
