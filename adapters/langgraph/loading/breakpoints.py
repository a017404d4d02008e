"""The static breakpoints of a graph: those it was compiled with, and those that `app.yaml` adds.

A subgraph that is a node has breakpoints of its own.

LangGraph keeps no record of a breakpoint, so a thread that waits at one would run on if the present graph had none
there: after a deploy, or where a factory makes another graph for a run. So each checkpoint keeps the breakpoints of the
graph that wrote it, and a thread waits at those as well: only people let it go on.
https://docs.langchain.com/oss/python/langgraph/interrupts#debugging-with-interrupts
"""

import json
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

    def __or__(self, other: "Breakpoints") -> "Breakpoints":
        return Breakpoints(self.before | other.before, self.after | other.after)


def marked(breakpoints: Mapping[str, Breakpoints]) -> str:
    """Write breakpoints as a mark in a checkpoint's metadata; "" if there are none."""
    lists = {path: [sorted(each.before), sorted(each.after)] for path, each in sorted(breakpoints.items())}
    return json.dumps(lists, ensure_ascii=False, separators=(",", ":")) if lists else ""


def with_marked(breakpoints: Mapping[str, Breakpoints], mark: str) -> Mapping[str, Breakpoints]:
    """Add the breakpoints of a mark, "" for a checkpoint that has none."""
    known = {
        path: Breakpoints(frozenset(each[0]), frozenset(each[1])) for path, each in json.loads(mark or "{}").items()
    }
    paths = {**breakpoints, **known}
    return {path: breakpoints.get(path, Breakpoints()) | known.get(path, Breakpoints()) for path in paths}


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
