"""Tells where a thread waits at static breakpoints.

LangGraph keeps no record of a breakpoint: a thread that waits at one looks like a thread that died between two steps,
and any run of it, with nothing or with an answer, goes past. So this is read from the checkpoints by LangGraph's own
rule (`should_interrupt`): no task of the step has begun, and a node in it has a breakpoint before it, or a node of the
step before has one after it. In doubt people are asked: a process that died in the first moments of a step that people
had allowed finds the step as if it had not begun, and then the decision, which is delivered again, starts it once more.

A graph that is a node has breakpoints of its own, and its checkpoint is stored below that node's task.
https://docs.langchain.com/oss/python/langgraph/interrupts#debugging-with-interrupts
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from adapters.langgraph.in_process.threads.checkpoints import state_of
from adapters.langgraph.in_process.threads.thread import BreakpointPause, Level, Thread
from adapters.langgraph.loading.breakpoints import Breakpoints


async def pause_of(thread: Thread, breakpoints: Mapping[str, Breakpoints], graph: Any) -> BreakpointPause | None:
    """Find the breakpoints at which a thread waits, if it does. Raises StateRefusedError."""
    if not breakpoints or not thread.exists:
        return None
    levels = [
        level for level in thread.levels if await _waits(level, breakpoints.get(level.path, Breakpoints()), graph)
    ]
    return BreakpointPause(tuple(levels)) if levels else None


async def _waits(level: Level, breakpoints: Breakpoints, graph: Any) -> bool:
    tasks = level.snapshot.tasks
    if not tasks or any(_has_begun(task) for task in tasks):
        return False
    if any(task.name in breakpoints.before for task in tasks):
        return True
    if not breakpoints.after or level.updated_for:
        return False  # people let this step go on by an update
    return not breakpoints.after.isdisjoint([name async for name in _ran_last(level.snapshot, graph)])


def _has_begun(task: Any) -> bool:
    """Tell whether anything of a task is stored; a graph below it that has no checkpoint yet has not begun."""
    below = getattr(task.state, "created_at", None) is not None
    return bool(task.result is not None or task.error is not None or task.interrupts or below)


async def _ran_last(snapshot: Any, graph: Any) -> AsyncIterator[str]:
    """The nodes of the step before, which the parent of its checkpoint still lists.

    To LangGraph an update of the state, or a branch from here, is past the breakpoint. But nobody decided it, and no
    card has shown the state that it made.
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
