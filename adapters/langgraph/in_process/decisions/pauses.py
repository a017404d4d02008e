"""Carries out decisions at pauses that the graph did not request: breakpoints, NodeInterrupts and failures.

A decision is carried out only where the thread still is at the checkpoint that people saw. When a decision is delivered
again:

| the thread | then |
|---|---|
| is still there | carry out the decision |
| is where an update of this very decision left it | go on |
| has gone on: its marks name the decision, or its step has begun | report it |
| is anywhere else | Stale |

Going on never passes another breakpoint: after an update the thread may wait before nodes that people have not seen,
and then people are asked again.
"""

from collections.abc import Mapping
from typing import Any, assert_never

from langgraph.types import StateUpdate

from adapters.langgraph import dialects, sentences
from adapters.langgraph.dialects.breakpoint import TOOLS
from adapters.langgraph.dialects.failure import FAILURE
from adapters.langgraph.dialects.pauses import next_nodes
from adapters.langgraph.errors import EditRefusedError
from adapters.langgraph.guards.approved_calls import asking_graph
from adapters.langgraph.in_process.reports.pause_asks import (
    asked_after_failure,
    asked_at_breakpoint,
    asked_by_node_interrupt,
    messages_field,
)
from adapters.langgraph.in_process.reports.report import STOPPED
from adapters.langgraph.in_process.runs.run import Ended
from adapters.langgraph.in_process.sessions.runner import ThreadRunner
from adapters.langgraph.in_process.threads.state_edits import edits, update
from adapters.langgraph.in_process.threads.thread import Level, Thread
from adapters.langgraph.messages.open_calls import messages_after, messages_in
from engine.asks.ask import Choice
from engine.ids import InterruptId
from engine.ports import Answer, Asked, Resumed, RunResult, Stale


class PauseDecisions:
    """Carries out decisions at the pauses of one thread."""

    def __init__(self, runner: ThreadRunner) -> None:
        self._runner = runner
        self._session = runner.session
        self._agent = runner.session.agent

    async def decide(self, thread: Thread, answer: Answer) -> Resumed | Stale:
        """Carry out a decision, if the thread still is where people saw it."""
        asked = self._asked_now(thread, answer)
        if asked is None:
            return await self._after_leaving(thread, answer)
        if asked.digest != answer.digest:
            return Stale(sentences.PAUSE_CHANGED, self._runner.report(thread))
        if answer.decisions[0].choice is Choice.REJECT and asked.ask.dialect != TOOLS.name:
            return Resumed(self._runner.report(thread))
        try:
            return Resumed(await self._carry_out(thread, answer))
        except EditRefusedError as error:
            return Stale(str(error), self._runner.report(await self._session.read()))

    def _asked_now(self, thread: Thread, answer: Answer) -> Asked | None:
        """The pause that was decided, as it is asked now."""
        found: list[Asked | None]
        if thread.paused_at is not None:
            found = [asked_at_breakpoint(self._agent, thread, thread.paused_at)]
        else:
            found = [asked_by_node_interrupt(self._agent, thread), asked_after_failure("", thread, Ended())]
        return next((each for each in found if each is not None and each.interrupt == answer.interrupt), None)

    async def _after_leaving(self, thread: Thread, answer: Answer) -> Resumed | Stale:
        """For a thread that has left the pause, by this very decision or otherwise."""
        if thread.paused_at is not None and answer.interrupt in thread.paused_at.updated_for:
            return Resumed(await self._go_on_from(thread, answer))
        if thread.was_answered(answer.interrupt):
            return Resumed(await self._runner.run_on(thread))
        if _has_begun(thread, answer.interrupt):
            return Resumed(await self._runner.run_on(thread, _key_of(answer), answer.interrupt))
        if any(answer.interrupt == level.updated_for for level in thread.levels):
            return Resumed(await self._go_on_from(thread, answer))
        return Stale(sentences.MOVED_ON, await self._runner.rest(thread))

    async def _carry_out(self, thread: Thread, answer: Answer) -> RunResult:
        match answer.ask.dialect:
            case FAILURE.name:
                return await self._retry(thread, answer)
            case TOOLS.name:
                return await self._decide_tool_calls(thread, answer)
            case _:
                return await self._pass_nodes(thread, answer)

    async def _retry(self, thread: Thread, answer: Answer) -> RunResult:
        """Run the failed tasks again, or ask their step again from its beginning, under the run's key for tools."""
        if answer.decisions[0].choice is Choice.REDO:
            thread, ended = await self._runner.ask_anew(thread)
            return STOPPED if ended.stopped else self._runner.report(thread, ended)
        await self._session.keep_retry(thread)
        return await self._runner.go_on(thread, key=_key_of(answer), answered=answer.interrupt)

    async def _pass_nodes(self, thread: Thread, answer: Answer) -> RunResult:
        """Go past a breakpoint or a NodeInterrupt: with this state, with an edited one, or without the next nodes."""
        (decision,) = answer.decisions
        level = _level_of(thread)
        if answer.ask.encoding is not None:
            sent = dialects.encode(answer.ask, answer.decisions, answer.by)
            if sent.update is not None or sent.as_node:
                await self._update(level, answer, [StateUpdate(_dict(sent.update), sent.as_node or None)])
                return await self._go_on_from(await self._session.read(), answer, passing=not sent.as_node)
            return await self._go_past(thread, answer)
        match decision.choice:
            case Choice.EDIT:
                graph = self._agent.graph_at(level.path)
                changed = edits(graph, level, decision.value if isinstance(decision.value, dict) else {})
                if not changed:
                    return await self._go_past(thread, answer)
                await self._update(level, answer, [StateUpdate(changed, None)])
                return await self._go_on_from(await self._session.read(), answer)
            case Choice.SKIP:
                await self._skip_nodes(thread, answer)
                return await self._go_on_from(await self._session.read(), answer, passing=False)
            case Choice.APPROVE | Choice.ANSWER:
                return await self._go_past(thread, answer)
            case Choice.REJECT | Choice.REDO | Choice.OPTION:
                raise AssertionError("a pause does not offer it")
            case _:
                assert_never(decision.choice)

    async def _skip_nodes(self, thread: Thread, answer: Answer) -> None:
        """Update the state as if each node that waits had run and written nothing."""
        levels = thread.paused_at.levels if thread.paused_at is not None else (thread.levels[0],)
        breakpoints = self._session.breakpoints(thread)
        for level in levels:
            before = breakpoints[level.path].before if level.path in breakpoints else frozenset()
            names = dict.fromkeys(task.name for task in level.snapshot.tasks)
            waiting = [name for name in names if not before or name in before] or list(names)
            await self._update(level, answer, [StateUpdate(None, name) for name in waiting])

    async def _decide_tool_calls(self, thread: Thread, answer: Answer) -> RunResult:
        """Run, change or refuse each tool call that waits."""
        level = _level_of(thread)
        if thread.paused_at is None:
            raise AssertionError("tool calls wait at a breakpoint")
        field, values = messages_field(self._agent, thread.paused_at), level.snapshot.values
        calls = self._session.calls_of(thread, answer, asking_graph(level.graph, values))
        await self._session.keep(thread, (), calls)
        messages, run = messages_after(messages_in(values, field), answer.decisions)
        if not messages:
            return await self._go_past(await self._session.read(), answer)
        as_node = None if run else level.snapshot.tasks[0].name
        await self._update(level, answer, [StateUpdate({field: messages}, as_node)])
        return await self._go_on_from(await self._session.read(), answer, passing=run)

    async def _update(self, level: Level, answer: Answer, updates: list[StateUpdate]) -> None:
        config = self._session.config_of_update(await self._session.read(), answer)
        await update(self._agent.graph, level, config, updates)

    async def _go_past(self, thread: Thread, answer: Answer) -> RunResult:
        return await self._runner.go_on(thread, key=answer.key, answered=answer.interrupt)

    async def _go_on_from(self, thread: Thread, answer: Answer, *, passing: bool = True) -> RunResult:
        """Run on, only past the nodes that people saw: `passing` is false where those were skipped."""
        passed = frozenset(next_nodes(answer.ask)) if passing else frozenset[str]()
        unseen = thread.paused_at is not None and not passed.issuperset(thread.paused_at.nodes)
        if unseen or not thread.snapshot.tasks:
            return self._runner.report(thread)
        return await self._go_past(thread, answer)


def _key_of(answer: Answer) -> str:
    """The idempotency key of the run that a decision lets go on: after a failure that of the run that failed."""
    if answer.ask.dialect != FAILURE.name:
        return answer.key
    payload = answer.ask.payload
    run = payload.get("run") if isinstance(payload, dict) else ""
    return run if isinstance(run, str) else ""


def _dict(update: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if update is None else dict(update)


def _level_of(thread: Thread) -> Level:
    """The graph whose state a decision changes. Raises EditRefusedError where several wait."""
    if thread.paused_at is None:
        return thread.levels[0]
    if thread.paused_at.level is None:
        raise EditRefusedError(sentences.SIDE_BY_SIDE)
    return thread.paused_at.level


def _has_begun(thread: Thread, interrupt: InterruptId) -> bool:
    """Tell whether the thread is at the very checkpoints of a pause, within the step after it."""
    marks = interrupt.partition(":")[2].split("+")
    return thread.paused_at is None and all(mark in {level.checkpoint for level in thread.levels} for mark in marks)
