"""Halts that a graph does not ask about itself: breakpoints, NodeInterrupts, failures: what is asked, what follows.

An ask is made of what the checkpoints say, so every process that reads the thread makes the same one. A decision is
carried out only where the thread still stands at the checkpoint that people saw; what follows from a decision that is
delivered again:

| the thread | then |
|---|---|
| stands there | do what was decided |
| stands where an update of this very decision left it | go on |
| has gone on: the decision stands in its marks, or its step has begun | say where it stands |
| is anywhere else | Stale |

Going on never passes another breakpoint: after an update the thread may stand before nodes that people have not seen,
and then it is asked again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, assert_never

from langgraph.types import StateUpdate

from adapters.langgraph import config_keys as keys
from adapters.langgraph import dialects
from adapters.langgraph.dialects.breakpoint import BREAKPOINT, NODE_INTERRUPT, TOOLS, at_breakpoint, before_tools
from adapters.langgraph.dialects.breakpoint import node_interrupt as stopped_itself
from adapters.langgraph.dialects.failure import FAILURE, failed
from adapters.langgraph.dialects.to_json import plain
from adapters.langgraph.fingerprint import SEPARATOR
from adapters.langgraph.guards.decided import MOST
from adapters.langgraph.guards.tool_calls import tells_of_one
from adapters.langgraph.in_process.breakpoints import Stand, names_of, speaks_of
from adapters.langgraph.in_process.runs import Ended, sentence
from adapters.langgraph.in_process.state_edits import (
    CannotMoveError,
    asking_of,
    can_be_edited,
    decided_calls,
    edits,
    messages_of,
    open_calls,
    refused,
    state_of,
    update,
)
from adapters.langgraph.in_process.threads import Level, Pending, Thread, checkpoint_of
from engine.asks.ask import Ask, Choice, Decision, Problem, digest_of
from engine.ids import InterruptId
from engine.ports import Answer, Asked, Resumed, Stale, Standstill

if TYPE_CHECKING:
    from adapters.langgraph.agents import Agent
    from adapters.langgraph.in_process.session import ThreadWork

DIALECTS = frozenset({BREAKPOINT.name, TOOLS.name, NODE_INTERRUPT.name, FAILURE.name})
CHANGED = "What stands there has changed, so nothing was done. Please look at the new request."
_MOST_NAMED = 3
GONE_ON = "The agent does not stand there any more, so nothing was done."


# What is asked --------------------------------------------------------------------------------------------------------


def at(work: "ThreadWork", thread: Thread, stand: Stand) -> Asked:
    """What is asked at a breakpoint."""
    agent = work.agent
    level, paths = stand.level, stand.nodes
    key = _tool_key(work, stand)
    calls = open_calls(messages_of(level, key)) if level is not None and key else ()
    if calls:
        ask = before_tools(paths, calls, agent.tools)
    else:
        shown = level if level is not None else thread.levels[0]
        ask = at_breakpoint(
            speaks_of(paths), paths, state_of(shown), may_edit=level is not None and can_be_edited(level)
        )
    return _asked(work, stand.interrupt, ask, paths, tuple(names_of(stand)))


def stopped(work: "ThreadWork", thread: Thread) -> Asked | None:
    """What is asked where nodes stopped themselves by NodeInterrupt, which has no id to answer to."""
    root = thread.levels[0]
    tasks = [task for task in root.snapshot.tasks if any(not keys.is_interrupt_id(each.id) for each in task.interrupts)]
    if not tasks:
        return None
    names = tuple(dict.fromkeys(task.name for task in tasks))
    said = [plain(each.value).value for task in tasks for each in task.interrupts if not keys.is_interrupt_id(each.id)]
    ask = stopped_itself(speaks_of(names), said, state_of(root), may_edit=can_be_edited(root))
    return _asked(work, InterruptId(f"stopped:{checkpoint_of(root)}"), ask, names, names)


def failure(work: "ThreadWork", thread: Thread, ended: Ended) -> Asked | None:
    """What is asked where a run failed, or was stopped by a limit."""
    raised = ended.error or thread.unreadable
    said = sentence(raised) if raised is not None else thread.mark(keys.HALTED) or _stored_failure(thread)
    drifting = [each for each in thread.pending if thread.drifts_on(each)]
    said = said or _drifts_on(thread, drifting)
    if not said:
        return None
    nodes = tuple(dict.fromkeys(task.name for task in thread.snapshot.tasks if task.error is not None))
    poisoned = (thread.took_answers or bool(drifting)) and not thread.step_has_finished_tasks
    # A process that only reads the thread does not know the run: the digest is of what every process knows.
    digest = digest_of(failed(said, nodes, "", poisoned=poisoned), "")
    ask = replace(failed(said, nodes, work.run_key, poisoned=poisoned), caught=tells_of_one(said))
    return Asked(InterruptId(f"failure:{thread.checkpoint}"), ask, digest)


def _drifts_on(thread: Thread, drifting: Sequence[Pending]) -> str:
    """What is told of a graph that changes its request each time that it is decided, and what to do about it."""
    if not drifting:
        return ""
    decided = thread.decided[drifting[0].interrupt.id]
    fields = decided.changed_fields(plain(drifting[0].interrupt.value).value)
    named = ", ".join(field or "its text" for field in fields[:_MOST_NAMED])
    more = f" and {len(fields) - _MOST_NAMED} more" if len(fields) > _MOST_NAMED else ""
    return (
        f"The agent was stopped: it changed its request after each of {MOST} decisions ({named}{more}), so "
        f"nothing was run. Compute this in a step before the one that asks ({drifting[0].path})."
    )


def _stored_failure(thread: Thread) -> str:
    return sentence(thread.failures[0]) if thread.failures else ""


def _tool_key(work: "ThreadWork", stand: Stand) -> str:
    """The field of the messages, where all that comes next is one node of tools."""
    keys_of = {work.agent.tool_nodes.get(path, "") for path in stand.nodes}
    return keys_of.pop() if len(keys_of) == 1 else ""


def _asked(
    work: "ThreadWork", interrupt: InterruptId, ask: Ask, paths: tuple[str, ...], names: tuple[str, ...]
) -> Asked:
    question = dialects.Question(ask.payload, nodes=names)
    worded = dialects.configured(ask, question, work.agent.spec.answers)
    code = "".join(work.agent.fingerprint_of(path) for path in paths)
    return Asked(interrupt, worded, digest_of(worded, code))


def problems(agent: "Agent", ask: Ask, decision: Decision) -> list[Problem]:
    """Why the graph's own schema refuses an edit of the state that a halt shows, field by field.

    What the card could not show whole is not known here: an edit is looked at again where it is made.
    """
    if ask.dialect not in (BREAKPOINT.name, NODE_INTERRUPT.name) or decision.choice is not Choice.EDIT:
        return []
    nodes, shown = next_of(ask), ask.actions[0].value
    if not nodes or not isinstance(shown, dict) or not isinstance(decision.value, dict):
        return []
    above, _, _ = nodes[0].rpartition(SEPARATOR)
    changed = {name: each for name, each in decision.value.items() if name not in shown or shown[name] != each}
    whole = not ask.actions[0].description
    waiting = [each.rpartition(SEPARATOR)[2] for each in nodes]
    return refused(agent.graph_at(above), waiting, shown, changed, whole=whole)


# What was decided -----------------------------------------------------------------------------------------------------


class Halts:
    """Carries out decisions about halts, for one call of the port."""

    def __init__(self, work: "ThreadWork") -> None:
        self._work = work

    async def decide(self, thread: Thread, answer: Answer) -> Resumed | Stale:
        """Do what was decided, if the thread still stands where people saw it."""
        work = self._work
        asked = self._where(thread, answer)
        if asked is None:
            return await self._elsewhere(thread, answer)
        if asked.digest != answer.digest:
            return Stale(CHANGED, work.standstill(thread, Ended()))
        if answer.decisions[0].choice is Choice.REJECT and asked.ask.dialect != TOOLS.name:
            return Resumed(work.standstill(thread, Ended()))
        try:
            return Resumed(await self._carried_out(thread, answer))
        except CannotMoveError as error:
            return Stale(str(error), work.standstill(await work.read(), Ended()))

    def _where(self, thread: Thread, answer: Answer) -> Asked | None:
        """The halt that was decided, as it is asked now."""
        found: list[Asked | None] = [stopped(self._work, thread), failure(self._work, thread, Ended())]
        if thread.stand is not None:
            found = [at(self._work, thread, thread.stand)]
        return next((each for each in found if each is not None and each.interrupt == answer.interrupt), None)

    async def _elsewhere(self, thread: Thread, answer: Answer) -> Resumed | Stale:
        work = self._work
        if thread.stand is not None and answer.interrupt in thread.stand.moved.split(" "):
            return Resumed(await self._on_from(thread, answer))
        if thread.was_answered(answer.interrupt) or _has_begun(thread, answer.interrupt):
            return Resumed(await work.run_on(thread))
        if thread.levels and any(answer.interrupt == level.moved for level in thread.levels):
            return Resumed(await self._on_from(thread, answer))
        return Stale(GONE_ON, await work.rest(thread))

    async def _carried_out(self, thread: Thread, answer: Answer) -> Standstill:
        match answer.ask.dialect:
            case FAILURE.name:
                return await self._again(thread, answer)
            case TOOLS.name:
                return await self._tools(thread, answer)
            case _:
                return await self._step(thread, answer)

    async def _again(self, thread: Thread, answer: Answer) -> Standstill:
        """Run what failed again, or ask its step anew. The run keeps the key that tools know it by."""
        payload = answer.ask.payload
        run = payload.get("run") if isinstance(payload, dict) else ""
        if answer.decisions[0].choice is Choice.REDO:
            return await self._work.asked_anew(thread)
        await self._work.ask_again(thread)
        return await self._work.go_on(thread, key=run if isinstance(run, str) else "", answered=answer.interrupt)

    async def _step(self, thread: Thread, answer: Answer) -> Standstill:
        """Past a breakpoint or a NodeInterrupt: as it is, with another state, or without the nodes that wait."""
        (decision,) = answer.decisions
        level = _level_of(thread)
        if answer.ask.encoding is not None:
            sent = dialects.encode(answer.ask, answer.decisions, answer.by)
            if sent.update is not None or sent.as_node:
                await self._update(level, answer, [StateUpdate(_dict(sent.update), sent.as_node or None)])
                return await self._on_from(await self._work.read(), answer, passing=not sent.as_node)
            return await self._past(thread, answer)
        match decision.choice:
            case Choice.EDIT:
                graph = self._work.agent.graph_at(level.path)
                changed = edits(graph, level, decision.value if isinstance(decision.value, dict) else {})
                if not changed:
                    return await self._past(thread, answer)
                await self._update(level, answer, [StateUpdate(changed, None)])
                return await self._on_from(await self._work.read(), answer)
            case Choice.SKIP:
                await self._skip(thread, answer)
                return await self._on_from(await self._work.read(), answer, passing=False)
            case Choice.APPROVE | Choice.ANSWER:
                return await self._past(thread, answer)
            case Choice.REJECT | Choice.REDO | Choice.OPTION:
                raise AssertionError("a halt does not offer it")
            case _:
                assert_never(decision.choice)

    async def _skip(self, thread: Thread, answer: Answer) -> None:
        """As though each node that waits had run and written nothing."""
        levels = thread.stand.levels if thread.stand is not None else (thread.levels[0],)
        for level in levels:
            gate = self._work.agent.gates.get(level.path)
            names = dict.fromkeys(task.name for task in level.snapshot.tasks)
            waiting = [name for name in names if gate is None or not gate.before or name in gate.before] or list(names)
            await self._update(level, answer, [StateUpdate(None, name) for name in waiting])

    async def _tools(self, thread: Thread, answer: Answer) -> Standstill:
        """Run, change or refuse each tool call that waits."""
        stand = thread.stand
        level = _level_of(thread)
        if stand is None:
            raise AssertionError("tool calls wait at a breakpoint")
        key = _tool_key(self._work, stand)
        await self._work.keep_calls(thread, answer, asking_of(level.graph, level.snapshot.values))
        messages, run = decided_calls(messages_of(level, key), answer.decisions)
        if not messages:
            return await self._past(await self._work.read(), answer)
        as_node = None if run else level.snapshot.tasks[0].name
        await self._update(level, answer, [StateUpdate({key: messages}, as_node)])
        return await self._on_from(await self._work.read(), answer, passing=run)

    async def _update(self, level: Level, answer: Answer, updates: list[StateUpdate]) -> None:
        config = self._work.config_for_update(await self._work.read(), answer)
        await update(self._work.agent.graph, level, config, updates)

    async def _past(self, thread: Thread, answer: Answer) -> Standstill:
        return await self._work.go_on(thread, key=answer.key, answered=answer.interrupt)

    async def _on_from(self, thread: Thread, answer: Answer, *, passing: bool = True) -> Standstill:
        """Run on, past the nodes that people saw and no others: `passing` is false where those were skipped."""
        passed = seen(answer) if passing else frozenset()
        if thread.stand is not None and not passed.issuperset(thread.stand.nodes):
            return self._work.standstill(thread, Ended())
        if not thread.snapshot.tasks:
            return self._work.standstill(thread, Ended())
        return await self._past(thread, answer)


def _dict(update: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if update is None else dict(update)


def seen(answer: Answer) -> frozenset[str]:
    """The nodes that the card named."""
    return frozenset(next_of(answer.ask))


def next_of(ask: Ask) -> Sequence[str]:
    """The nodes that come next at a halt, by path."""
    at_halt = ask.payload.get("at", ask.payload) if isinstance(ask.payload, dict) else None
    named = at_halt.get("next") if isinstance(at_halt, dict) else None
    return [str(each) for each in named] if isinstance(named, list) else []


def _level_of(thread: Thread) -> Level:
    """The graph whose state is changed."""
    if thread.stand is None:
        return thread.levels[0]
    if thread.stand.level is None:
        raise CannotMoveError("Several graphs wait side by side here: their state cannot be changed in one step.")
    return thread.stand.level


def _has_begun(thread: Thread, interrupt: InterruptId) -> bool:
    """Whether the thread is at the very checkpoints of a halt, in the midst of the step behind it."""
    marks = interrupt.partition(":")[2].split("+")
    return thread.stand is None and all(mark in {checkpoint_of(level) for level in thread.levels} for mark in marks)
