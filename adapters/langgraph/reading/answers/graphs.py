"""Follows a graph from the node that asks: its result, the edges that read it, and the nodes behind them.

A node's result is put into the state, so a flag that a later edge or node reads still comes from the answer. Every node
is read once after the answer. A tool is read to its end: nobody can know what a model makes of its result.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import FunctionType, MethodType
from typing import Any, TypeGuard
from weakref import WeakKeyDictionary

from adapters.langgraph.fingerprint import SEPARATOR, is_graph, is_library
from adapters.langgraph.reading.code.results import constant_parts
from adapters.langgraph.reading.code.run import (
    Oracle,
    Raised,
    Reached,
    ReadingEnded,
    Returned,
    Signal,
    SiteKey,
    StepBudget,
    TooLongError,
    Trace,
    work_left,
)
from adapters.langgraph.reading.code.statements import StatementReader
from adapters.langgraph.reading.code.values import Known, Listed, Made, Mapped, Unknown, Value, atoms_of, unknown

_END = "__end__"
_MOST_PATHS = 96


@dataclass(frozen=True, slots=True)
class NodeEntry:
    """A function that a node begins with. `chain` are the graphs from the root to the node's own, and its names."""

    path: str
    function: Any
    chain: tuple[tuple[Any, str], ...]
    is_tool: bool = False


def entries(graph: Any, above: str = "", chain: tuple[tuple[Any, str], ...] = ()) -> Iterator[NodeEntry]:
    """List everything that may ask, in the order of the nodes, subgraphs included."""
    for name, node in graph.nodes.items():
        path, here = f"{above}{name}", (*chain, (graph, name))
        for step in getattr(node.bound, "steps", None) or [node.bound]:
            if is_graph(step):
                yield from entries(step, f"{path}{SEPARATOR}", here)
                continue
            tools = getattr(step, "tools_by_name", None)
            for tool in tools.values() if isinstance(tools, dict) else ():
                held = getattr(tool, "func", None) or getattr(tool, "coroutine", None) or getattr(tool, "_run", None)
                if _is_function(held):
                    yield NodeEntry(path, held, here, is_tool=True)
            if (function := function_of(step)) is not None and not isinstance(tools, dict):
                yield NodeEntry(path, function, here)
                for inner in _handed_to(function):
                    yield from (replace(each, path=path) for each in entries(inner, "", here))


def _handed_to(function: Any) -> Iterator[Any]:
    """List the graphs that a library's function holds, such as langgraph-supervisor's: it calls them, and no more.

    A project's own function may do anything with the result of a graph that it calls, so those are not followed.
    """
    if isinstance(function, FunctionType) and is_library(function.__code__.co_filename):
        for cell in function.__closure__ or ():
            with contextlib.suppress(ValueError):  # not filled yet
                if is_graph(cell.cell_contents):
                    yield cell.cell_contents


def function_of(runnable: Any) -> Any:
    """Return the function of a node or of an edge; None if there is none to read."""
    inner = vars(runnable) if hasattr(runnable, "__dict__") else {}
    for name in ("func", "afunc"):
        if inner.get(name) is not None:
            return inner[name]
    if _is_function(runnable):
        return runnable
    called = vars(type(runnable)).get("__call__")
    return MethodType(called, runnable) if isinstance(called, FunctionType) else None


def _is_function(value: Any) -> bool:
    return isinstance(value, FunctionType | MethodType)


def explore(entry: NodeEntry, candidate: Any, site: SiteKey | None) -> tuple[list[Trace], bool]:
    """Follow every branch that the code can take with a candidate; say whether those are all.

    They are not all if there was more to read than allowed.
    """
    waiting: list[list[bool]] = [[]]
    traces: list[Trace] = []
    work = work_left()
    while waiting and len(traces) < _MOST_PATHS and work.left >= 0:
        taken = waiting.pop()
        oracle = Oracle(list(taken))
        walker = Walker(candidate, site, oracle, work)
        try:
            traces.append(_read(entry, walker))
        except TooLongError:
            return [*traces, walker.trace], False
        waiting += [[*oracle.taken[:place], False] for place in range(len(taken), len(oracle.taken))]
    return traces, not waiting


def _read(entry: NodeEntry, walker: "Walker") -> Trace:
    trace = walker.trace
    try:
        walker.begin(entry)
    except ReadingEnded as ended:
        trace.end, trace.where = ended.how, ended.where
    except Raised as raised:
        trace.end, trace.where, trace.by_type = "raises", raised.where, raised.by_type
    except Returned:
        pass
    except TooLongError:
        trace.end = "lost"
        raise
    except (Signal, RecursionError):
        trace.end = "lost"
    except Exception as error:  # noqa: BLE001 - code that we cannot read is not read: nothing is known of it
        trace.end, trace.where = "lost", f"{type(error).__name__}: {error}"
    return trace


class Walker(StatementReader):
    """Reads node after node."""

    def __init__(self, candidate: Any, site: SiteKey | None, oracle: Oracle, work: StepBudget) -> None:
        super().__init__(candidate, site, oracle, work)
        self.state = Mapped({}, rest=Unknown("state"))
        self._seen: dict[str, int] = {}

    def begin(self, entry: NodeEntry) -> None:
        """Read an entry, and what follows it."""
        if entry.is_tool:
            result = self.call_function(entry.function, [], {})
            self._note_left(result)
            self._note(result)
            if _is_command(result):
                self._update(entry.chain[-1][0], result.attributes.get("update"))
            return
        self._node(entry.function, entry.chain)

    def _note_left(self, result: Value) -> None:
        """Note how the function that asks was left."""
        if self.trace.answered:
            self.trace.left = (self.left_at, constant_parts(result))

    def _note(self, *values: Value) -> None:
        if self.trace.answered:
            self.trace.returned |= atoms_of(*values)

    def _node(self, function: Any, chain: tuple[tuple[Any, str], ...]) -> None:
        (graph, name) = chain[-1]
        answered = self.trace.answered
        result = self.call_function(function, [self.state], {})
        if not answered:
            self._note_left(result)
        results = result.items if isinstance(result, Listed) else [result]
        gotos: list[str] = []
        to_parent = False
        for each in results:
            if _is_command(each):
                self._update(graph, each.attributes.get("update"))
                gotos += self._targets(each.attributes.get("goto"), sorted(graph.nodes))
                to_parent |= _is_parent(each.attributes.get("graph"))
            else:
                self._update(graph, each)
        if not self.trace.answered:
            return
        if to_parent and len(chain) > 1:
            chain = chain[:-1]
        if gotos:
            self._follow(gotos, chain)
            return
        self._follow(self._successors(graph, name), chain)

    def _update(self, graph: Any, value: Value | None) -> None:
        if value is None or (isinstance(value, Known) and value.value is None):
            return
        self._note(value)
        if isinstance(value, Made):
            value = Mapped(dict(value.attributes))
        if not isinstance(value, Mapped):
            self.merge(self.state, value)
            return
        channels = getattr(getattr(graph, "builder", None), "channels", {})
        for key, each in value.fields.items():
            if self.trace.answered:
                self.trace.kept.append((key, each))
            replaces = type(channels.get(key)).__name__ in ("LastValue", "NoneType", "EphemeralValue", "AnyValue")
            self.state.fields[key] = each if replaces else self._added(key, each)

    def _added(self, key: Any, value: Value) -> Value:
        """Apply a reducer: the new items follow those that were there."""
        before = self.state.fields.get(key) or Unknown(f"state.{key}")
        items = value.items if isinstance(value, Listed) and value.before is None else [value]
        if isinstance(before, Listed):
            return Listed([*before.items, *items], before=before.before)
        return Listed(list(items), before=before)

    # Where it goes from there -----------------------------------------------------------------------------------------

    def _targets(self, value: Value | None, known: list[str]) -> list[str]:
        if value is not None and value.given:
            return self._named(value, known)
        match value:
            case None:
                return []
            case Known() if isinstance(value.value, str):
                return [value.value]
            case Listed():
                return [name for each in value.items for name in self._targets(each, known)]
            case Made():
                first = value.attributes.get("node") or value.attributes.get("_0")
                return self._targets(first, known)
            case Unknown():
                self.opened(value)
                return [self._one_of(value.origin, known)]
        return []

    def _named(self, value: Value, known: list[str]) -> list[str]:
        """Note that the answer itself names the next node."""
        names = [name for name in known if not name.startswith("__")]
        for name in names:
            self.compare_with(value, name)
        if isinstance(value, Known) and value.value in names:
            return [str(value.value)]
        if isinstance(value, Unknown) and value.kind is None:
            self.opened(value)
            return [self._one_of(value.origin, names)]
        raise Raised(TypeError, "goto")

    def _one_of(self, origin: str, names: list[str]) -> str:
        for name in names[:-1]:
            if self.oracle.decide(("goes", origin, name)):
                return name
        return names[-1] if names else _END

    def _successors(self, graph: Any, name: str) -> list[str]:
        builder = getattr(graph, "builder", None)
        if builder is None:
            return []
        found = list(_ends(builder).get(name, ()))
        for branch in builder.branches.get(name, {}).values():
            found += self._branch(branch, sorted(graph.nodes))
        return found

    def _branch(self, branch: Any, nodes: list[str]) -> list[str]:
        function, ends = function_of(branch.path), branch.ends or {}
        if function is None:
            return [self._one_of(f"branch {id(branch)}", sorted(map(str, ends.values())) or nodes)]
        value = self.call_function(function, [self.state], {})
        if isinstance(value, Known) and value.value in ends:
            return [ends[value.value]]
        return self._targets(value, sorted(map(str, ends.values())) or [*nodes, _END])

    def _follow(self, names: list[str], chain: tuple[tuple[Any, str], ...]) -> None:
        graph = chain[-1][0]
        if not names or all(name == _END for name in names):
            if len(chain) > 1:
                outer = chain[:-1]
                self._follow(self._successors(*outer[-1]), outer)
            return
        for name in names:
            node = graph.nodes.get(name)
            if node is not None:
                self._enter(node, (*chain[:-1], (graph, name)))

    def _enter(self, node: Any, chain: tuple[tuple[Any, str], ...]) -> None:
        place = SEPARATOR.join(name for _, name in chain)
        if self._seen.get(place, 0) >= 1:
            return
        self._seen[place] = 1
        if self.trace.answered:
            self.trace.nodes.append(place)
        steps = getattr(node.bound, "steps", None) or [node.bound]
        step = steps[0]
        function = None if is_graph(step) or hasattr(step, "tools_by_name") else function_of(step)
        if function is not None:
            self._node(function, chain)
            return
        # A subgraph, tools, a model: it acts, and is not read further.
        if self.trace.answered:
            self.trace.effects.append(Reached(f"node {place}", atoms_of(self.state), (), f"node {place}"))
        self.state.rest = unknown(f"after {place}", self.state.rest or Unknown("state"))
        self._follow(self._successors(*chain[-1]), chain)


_known_ends: WeakKeyDictionary[Any, tuple[int, Mapping[str, Sequence[str]]]] = WeakKeyDictionary()
"""By builder, with the number of its edges: to sort the edges of a large graph takes longer than to read a node."""


def _ends(builder: Any) -> Mapping[str, Sequence[str]]:
    """List the targets of each node's edges."""
    size = len(builder.edges) + len(builder.waiting_edges)
    if (known := _known_ends.get(builder)) is not None and known[0] == size:
        return known[1]
    found: dict[str, list[str]] = {}
    for start, end in sorted(builder.edges):
        found.setdefault(start, []).append(end)
    for starts, end in sorted(builder.waiting_edges):
        for start in starts:
            found.setdefault(start, []).append(end)
    _known_ends[builder] = (size, found)
    return found


def _is_command(value: Value) -> TypeGuard[Made]:
    return isinstance(value, Made) and getattr(value.cls, "__name__", "") == "Command"


def _is_parent(value: Value | None) -> bool:
    return isinstance(value, Known) and value.value == "__parent__"
