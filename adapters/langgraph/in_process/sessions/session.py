"""One call of the port on one thread: reads the thread, and makes the configs of its runs and updates."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import structlog

from adapters.langgraph import config_keys as keys
from adapters.langgraph import sentences
from adapters.langgraph.agents import LocalAgent
from adapters.langgraph.errors import StateRefusedError
from adapters.langgraph.guards import approved_calls, decided, recipients
from adapters.langgraph.guards.approved_calls import AskingGraph, ToolDecision, asking_graph, tool_decisions
from adapters.langgraph.guards.decided import Decided, decided_on
from adapters.langgraph.guards.drift import AnsweredPayloads
from adapters.langgraph.guards.step_writes import WritesOfRun, store
from adapters.langgraph.in_process.runs.config import Marks, config_of
from adapters.langgraph.in_process.runs.run import Runs
from adapters.langgraph.in_process.threads import checkpoints
from adapters.langgraph.in_process.threads.breakpoints import pause_of
from adapters.langgraph.in_process.threads.called_graphs import asking_states
from adapters.langgraph.in_process.threads.outdated import has_outdated
from adapters.langgraph.in_process.threads.read_once import ReadAhead, ReadOnce
from adapters.langgraph.in_process.threads.thread import Thread
from adapters.langgraph.loading.breakpoints import Breakpoints, marked, with_marked
from adapters.langgraph.messages.closing import Masked
from engine.ids import InterruptId, ThreadId
from engine.ports import UNWATCHED, Answer, Watcher

_log = structlog.get_logger(__name__)
_REMEMBERED = 4
"""Answers that a checkpoint names. Only the last one of a lane is ever delivered again."""


class Session:
    """An agent, a thread, and the fence under which this call works on it."""

    def __init__(
        self,
        agent: LocalAgent,
        saver: Any,
        runs: Runs,
        thread: ThreadId,
        fence: int,
        watcher: Watcher = UNWATCHED,
        masked: Masked = str,
        ahead: ReadAhead | None = None,
    ) -> None:
        self.agent = agent
        self.saver = saver
        self.runs = runs
        self.thread = thread
        self.watcher = watcher
        self.masked = masked
        self._fence = fence
        self._ahead = ahead

    # Reading ----------------------------------------------------------------------------------------------------------

    async def read(self, *, count: bool = False, checkpoint: str = "") -> Thread:
        """Read the thread as it is, or as it was at a checkpoint.

        Answers are counted where the agent's code changed, because their number decides how it asks again, and where a
        listed question was decided, because a delivery that was cut off may have answered it.

        Raises errors of the infrastructure, and what the graph's schema raised where nothing can be read without it.
        """
        config = config_of(self.thread, self._fence, "", "", Marks())
        if checkpoint:
            config["configurable"] |= {"checkpoint_id": checkpoint, "checkpoint_ns": ""}
        try:
            return await self._read(config, count=count)
        except StateRefusedError as refused:
            raised = cast("Exception", refused.__cause__)
            if self.runs.is_infrastructure(raised):
                raise raised from None
            thread = await checkpoints.read_refused(self.saver, config, raised)
            if thread is None:
                raise raised from None
            _log.warning("the graph refuses its state", thread=self.thread, error=sentences.failure(raised))
            return thread

    async def _read(self, config: Mapping[str, Any], *, count: bool) -> Thread:
        agent = self.agent
        once = ReadOnce(self.saver, ahead=self._ahead)
        thread = await checkpoints.read(agent.graph, once, config, nested=agent.nested, count=count)
        if not count and (has_outdated(agent, thread) or thread.may_have_taken):
            thread = await checkpoints.read(agent.graph, ReadOnce(self.saver), config, nested=agent.nested, count=True)
        return replace(thread, paused_at=await pause_of(thread, self.breakpoints(thread), agent.graph))

    def breakpoints(self, thread: Thread) -> Mapping[str, Breakpoints]:
        """The breakpoints at which the thread waits: of the present graph, and of the one that wrote its checkpoint."""
        return with_marked(self.agent.breakpoints, thread.mark(keys.BREAKPOINTS))

    # Configs ----------------------------------------------------------------------------------------------------------

    def config_of_turn(self, key: str, user: str, marks: Marks) -> dict[str, Any]:
        """Make the config of a run with new input."""
        return config_of(self.thread, self._fence, key, user, marks, given=self._configurable(user))

    def config(self, thread: Thread, key: str, marks: Marks, more: Sequence[Decided] = ()) -> dict[str, Any]:
        """Make the config of a run or a write that goes on with a thread; `more` are decisions that it sends."""
        known = {each.interrupt: each for each in (*thread.decided.values(), *more)}
        payloads = {name: each.payload for name, each in known.items()}
        gated = {name: each.fields.get("id", "") for name, each in known.items() if each.is_gated}
        sent = frozenset(each.interrupt for each in more)
        called = sent.intersection(each.interrupt.id for each in thread.pending if not each.is_own)
        shown = AnsweredPayloads(payloads, self._as_stored, gated, sent, called)
        user = thread.mark(keys.USER)
        return config_of(self.thread, self._fence, key, user, marks, shown, self._configurable(user))

    def _configurable(self, user: str) -> Mapping[str, Any]:
        return self.agent.spec.configurable_of(user, self.thread)

    def _as_stored(self, value: Any) -> Any:
        """A value as it comes back from a checkpoint: people saw that one."""
        return self.saver.serde.loads_typed(self.saver.serde.dumps_typed(value))

    def config_of_branch(self, target: Thread, key: str) -> dict[str, Any]:
        """Make the config of a branch's first checkpoint: the marks that the thread had then, and the branch's key."""
        said = self.agent.replies.last_utterance(target.values)
        before = target.mark(keys.ANSWERED), self.agent.mark, said.mark if said else "", target.mark(keys.APPROVED)
        return self.config(target, key, Marks(key, *before, marked(self.agent.breakpoints)))

    def config_of_update(self, thread: Thread, answer: Answer) -> dict[str, Any]:
        """Make the config of a decision's change of the state, with a mark that only its own checkpoint has."""
        config = self.config(thread, answer.key, self.marks(thread, answer.interrupt))
        return {**config, "metadata": {**config["metadata"], keys.UPDATED_FOR: answer.interrupt}}

    def marks(self, thread: Thread, *answered: str, calls: Sequence[ToolDecision] = ()) -> Marks:
        """The marks that the thread has, with the interrupts and tool calls that are answered now."""
        known = [each for each in thread.mark(keys.ANSWERED).split() if each not in answered]
        remembered = [*known, *answered][-max(_REMEMBERED, len(answered)) :]
        here = len(thread.approved_here) + len(calls)
        return Marks(
            turn=thread.mark(keys.TURN),
            answered=" ".join(remembered),
            code=self.agent.mark,
            said_before=thread.mark(keys.SAID_BEFORE),
            approved=approved_calls.serialized([*thread.approved, *calls], here),
            breakpoints=marked(self.agent.breakpoints),
        )

    # Decisions, kept before anything of their run is ------------------------------------------------------------------

    async def payloads_decided(self, thread: Thread, answers: Sequence[Answer]) -> Sequence[Decided]:
        """The payloads on which answers were decided."""
        asking = [found for each in answers if (found := thread.find(each.interrupt)) is not None]
        if any(not each.is_own and not each.called for each in asking):
            asking = [*(await self.read(count=True)).pending]
        askers = {each.interrupt.id: each.askers for each in asking}
        return [
            decided_on(
                each.interrupt,
                each.digest,
                each.ask.payload,
                thread.decided.get(each.interrupt),
                askers.get(each.interrupt, {}),
            )
            for each in answers
        ]

    async def calls_decided(self, thread: Thread, answers: Sequence[Answer]) -> Sequence[ToolDecision]:
        """The decisions on tool calls."""
        return [
            call
            for each in answers
            for call in self.calls_of(thread, each, await self._find_asking_graph(thread, each.interrupt))
        ]

    def calls_of(self, thread: Thread, answer: Answer, asking: AskingGraph) -> Sequence[ToolDecision]:
        """An answer's decisions on the tool calls of the graph that asks."""
        made = [*tool_decisions(answer.interrupt, answer.ask, answer.decisions, asking)]
        return approved_calls.numbered(made, thread.approved_here)

    async def keep(self, thread: Thread, marks: Sequence[Decided], calls: Sequence[ToolDecision]) -> None:
        """Write decisions to the checkpoint at which the thread waits."""
        config = config_of(self.thread, self._fence, "", "", Marks())
        writes = [*decided.as_writes(marks), *approved_calls.as_writes(calls)]
        await store(self.saver, config, thread.checkpoint, writes)

    def notes(self, thread: Thread, config: Mapping[str, Any]) -> WritesOfRun:
        """The notes on the tasks to which a run with this config gives its answers."""
        shown: AnsweredPayloads = config["configurable"][keys.SHOWN]
        own = config_of(self.thread, self._fence, "", "", Marks())
        return WritesOfRun(self.saver, own, thread.checkpoint, lambda: recipients.as_writes(shown.recipients.copy()))

    async def keep_retry(self, thread: Thread) -> None:
        """Count one more decision on each request that the graph changed after each one, so that people are asked."""
        before = (thread.decided[each.interrupt.id] for each in thread.pending if thread.drifts_on(each))
        await self.keep(thread, [replace(each, number=each.number + 1) for each in before], ())

    async def _find_asking_graph(self, thread: Thread, interrupt: InterruptId) -> AskingGraph:
        """Find the graph that asks: one that a node calls by itself, or one that the thread lists."""
        pending = thread.find(interrupt)
        if pending is None:
            return AskingGraph()
        if not pending.is_own:
            async for graph, state in asking_states(self.saver, self.thread, pending.namespace, interrupt):
                return asking_graph(graph, state)
        graph = pending.namespace.rpartition("|")[0]
        states = (level.snapshot.values for level in thread.levels if level.graph == graph)
        return asking_graph(graph, next(states, {}))
