"""Static breakpoints: where a thread stands before or after a node, and what going on means.

LangGraph keeps no record of a breakpoint: a thread that stands at one looks like a thread that died between two steps,
and any run of it, with nothing or with an answer, goes past. So where a thread stands is read from its checkpoints as
LangGraph's own rule would have it (`should_interrupt`): a step of which nothing has begun, with a node in it that has a
breakpoint before it, or behind a step whose node has one after it. It errs towards asking: a process that died in the
first moments of a step that people had let it begin finds the step as if it had not, and then the decision, which is
delivered again, lets it begin once more.

A graph that a node holds has breakpoints of its own, and its checkpoint stands below that node's task.
https://docs.langchain.com/oss/python/langgraph/interrupts#debugging-with-interrupts
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.langgraph.fingerprint import SEPARATOR
from adapters.langgraph.in_process.threads import Level, Thread, checkpoint_of, state_of
from engine.ids import InterruptId

_HIDDEN = "langsmith:hidden"
_END = "__end__"


@dataclass(frozen=True, slots=True)
class Gate:
    """The nodes of one graph that have a breakpoint before or after them."""

    before: frozenset[str] = frozenset()
    after: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Stand:
    """A thread that waits at breakpoints. `levels` are the graphs that do, the root or graphs below nodes of it."""

    levels: tuple[Level, ...]

    @property
    def interrupt(self) -> InterruptId:
        """What names this halt: the checkpoints that it stands at."""
        return InterruptId(f"breakpoint:{'+'.join(map(checkpoint_of, self.levels))}")

    @property
    def nodes(self) -> tuple[str, ...]:
        """What comes next, by path from the root."""
        found = (f"{level.path}{task.name}" for level in self.levels for task in level.snapshot.tasks)
        return tuple(dict.fromkeys(found))

    @property
    def level(self) -> Level | None:
        """The graph that stands, where it is one."""
        return self.levels[0] if len(self.levels) == 1 else None

    @property
    def moved(self) -> str:
        """The halt that was decided by an update which made this checkpoint, and has not run on yet."""
        return " ".join(level.moved for level in self.levels if level.moved)


def gates(graph: Any, before: Sequence[str] = (), after: Sequence[str] = ()) -> Mapping[str, Gate]:
    """The breakpoints of a graph and those below it, by path; `before` and `after` are added at the root.

    Raises ValueError with a sentence for a node that is not there.
    """
    for name in (*before, *after):
        if name not in _nodes(graph):
            known = ", ".join(sorted(_nodes(graph))) or "none"
            raise ValueError(f'there is no node "{name}" for a breakpoint. The graph has: {known}.')
    root = _compiled(graph)
    found = {"": Gate(root.before | set(before), root.after | set(after))}
    for path, below in graph.get_subgraphs(recurse=True):
        found[path.replace("|", SEPARATOR) + SEPARATOR] = _compiled(below)
    return {path: gate for path, gate in found.items() if gate.before or gate.after}


def _compiled(graph: Any) -> Gate:
    return Gate(_named(graph, graph.interrupt_before_nodes), _named(graph, graph.interrupt_after_nodes))


def _named(graph: Any, nodes: Any) -> frozenset[str]:
    return _nodes(graph) if nodes == "*" else frozenset(nodes or ())


def _nodes(graph: Any) -> frozenset[str]:
    hidden = {name for name, node in graph.nodes.items() if _HIDDEN in (getattr(node, "tags", None) or ())}
    return frozenset(graph.nodes) - hidden - {"__start__"}


async def stand_of(thread: Thread, all_gates: Mapping[str, Gate], graph: Any) -> Stand | None:
    """Where a thread waits at breakpoints, if it does. Raises StateRefusedError."""
    if not all_gates or not thread.exists:
        return None
    levels = [level for level in thread.levels if await _stands(level, all_gates.get(level.path, Gate()), graph)]
    return Stand(tuple(levels)) if levels else None


async def _stands(level: Level, gate: Gate, graph: Any) -> bool:
    tasks = level.snapshot.tasks
    if not tasks or any(_has_begun(task) for task in tasks):
        return False
    if any(task.name in gate.before for task in tasks):
        return True
    if not gate.after or level.moved:
        return False  # a step that people let go on by an update is no halt
    return not gate.after.isdisjoint([name async for name in _ran_last(level.snapshot, graph)])


def _has_begun(task: Any) -> bool:
    """Whether anything of a task is known; a graph below it that has no checkpoint yet has not begun."""
    below = getattr(task.state, "created_at", None) is not None
    return bool(task.result is not None or task.error is not None or task.interrupts or below)


async def _ran_last(snapshot: Any, graph: Any) -> AsyncIterator[str]:
    """The nodes of the step before, which the parent of its checkpoint still lists.

    To LangGraph an update of the state, or a branch from here, is past the breakpoint. It is nobody's decision, though:
    what it made of the state has been on no card.
    """
    parent, source = snapshot.parent_config, (snapshot.metadata or {}).get("source")
    if parent is None or source == "input":
        return
    before = await state_of(graph, parent)
    if source == "update":
        async for name in _ran_last(before, graph):
            yield name
    else:
        for task in before.tasks:
            yield task.name


def speaks_of(nodes: Sequence[str]) -> str:
    """Nodes as a person reads them."""
    shown = [node.replace(SEPARATOR, " > ") for node in nodes if node != _END]
    return ", ".join(shown)


def names_of(stand: Stand) -> Iterator[str]:
    """The nodes by name and by path, for what `answers:` and rules say of a node."""
    for path in stand.nodes:
        yield path.rpartition(SEPARATOR)[2]
        yield path
