"""Graphs that run in this process.

An answer is sent only when one read shows that very interrupt waiting, asked by the code that runs now, with the digest
of the card that people saw; and then by a map of its id with strict resume, never as a bare value (P3, P4):

| the interrupt | then |
|---|---|
| waits, same digest | send the answer |
| waits, another digest | Stale: people are asked the present question |
| asked by code that has changed since | let the node ask again, then Stale |
| listed, but its answer is stored (the node raised after it) | run again with the stored answer, send nothing |
| not listed, answered before | the answer was delivered: run what died |
| not listed, never answered | Stale |
| not listed, and what is stored does not tell | Stale: people are told that the answer may have had its effect |
| the thread does not exist | Stale: a resume would start the graph with empty input |
| the graph refuses its own state | Stale, with the failure: people are asked again when the state can be read |

A node asks again when its checkpoint is forked: a copy of it under a new id has nothing of what was stored for the
step, answers of siblings included. So a step is not forked once a sibling has finished in it, which would run that
sibling again.

Importing this module imports LangGraph, which takes most of a second: import it late.
"""

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Self, assert_never

from adapters.langgraph import config_keys as keys
from adapters.langgraph import dialects, sentences
from adapters.langgraph.agents import AgentSpec, LocalAgent
from adapters.langgraph.dialects.json_schema import Schema
from adapters.langgraph.dialects.pauses import PAUSES
from adapters.langgraph.errors import EditRefusedError
from adapters.langgraph.foreseeing import foreseen
from adapters.langgraph.guards import drift, gate_install, tool_starts
from adapters.langgraph.guards.tool_args import schema_of
from adapters.langgraph.in_process.decisions.answers import AnswerSender, answer_problems
from adapters.langgraph.in_process.decisions.pauses import PauseDecisions
from adapters.langgraph.in_process.decisions.time_travel import snapshots, time_travel
from adapters.langgraph.in_process.reports import pause_asks
from adapters.langgraph.in_process.reports.report import forbidding
from adapters.langgraph.in_process.runs.config import Marks, config_of
from adapters.langgraph.in_process.runs.run import Runs
from adapters.langgraph.in_process.sessions.runner import ThreadRunner
from adapters.langgraph.in_process.sessions.session import Session
from adapters.langgraph.in_process.threads.checkpoints import may_wait
from adapters.langgraph.in_process.threads.outdated import is_outdated
from adapters.langgraph.in_process.threads.read_once import ReadAhead
from adapters.langgraph.in_process.threads.thread import AnswerState, Thread
from adapters.langgraph.loading.advice import advice
from adapters.langgraph.loading.exports import LoadError
from adapters.langgraph.loading.own_types import TypeName
from adapters.langgraph.loading.schema_fit import Misfit
from adapters.langgraph.loading.tools_seen import tools_of
from adapters.langgraph.messages.closing import Masked
from adapters.langgraph.opening import Keeper, OpenAgent
from engine.asks.ask import Ask, Decision, ValueProblem
from engine.asks.foreseen import Foreseen
from engine.ids import AgentName, ThreadId
from engine.ports import (
    UNWATCHED,
    Answer,
    Held,
    Resumed,
    RunResult,
    Snapshot,
    Stale,
    TimeTravelRun,
    Turn,
    WaitsForAnswerError,
    Watcher,
)


class LocalGraphs:
    """The port `engine.ports.Graphs` over LangGraph in this process. Made by `open`, closed by `aclose`."""

    def __init__(
        self, agents: Mapping[AgentName, OpenAgent], saver: Any, runs: Runs, keeper: Keeper, masked: Masked
    ) -> None:
        self._open = agents
        self._agents: Mapping[AgentName, LocalAgent] = {name: each.first for name, each in agents.items()}
        self._masked = masked
        self._saver = saver
        self._runs = runs
        self._keeper = keeper

    @classmethod
    async def open(
        cls,
        agents: Mapping[AgentName, AgentSpec],
        saver: Any,
        *,
        infrastructure: tuple[type[BaseException], ...] = (),
        masked: Masked = str,
        store: Any = None,
        loaded_files: set[str] | None = None,
    ) -> Self:
        """Load all graphs. `infrastructure` are the saver's own errors, which are raised rather than reported.

        `store` is LangGraph's BaseStore, for the graphs that were compiled without one.
        `masked` removes secrets from an error that a model reads.
        `loaded_files` are those that were run before: see `exports.load`.
        Raises LoadError (see `loading`; also where this LangGraph cannot be guarded), and ValueError for a `reply` that
        is not JMESPath.
        """
        try:
            drift.check_contract()
            tool_starts.check_contract()
            await gate_install.check_contract()
        except drift.UnguardedError as error:
            raise LoadError(str(error)) from None

        async def opened(stack: AsyncExitStack) -> Mapping[AgentName, OpenAgent]:
            files = set[str]() if loaded_files is None else loaded_files
            return {name: await _opened(name, spec, saver, stack, files, store) for name, spec in agents.items()}

        keeper = Keeper()
        return cls(await keeper.open(opened), saver, Runs(infrastructure), keeper, masked)

    async def aclose(self) -> None:
        """Leave the context managers that factories without parameters opened."""
        await self._keeper.close()

    async def keep(self) -> None:
        """Wait until they are closed. Raises LoadError if what a factory without parameters opened fails."""
        await self._keeper.wait()

    @property
    def misfits(self) -> Mapping[AgentName, Sequence[Misfit]]:
        """The parts of each agent's entry in `app.yaml` that its graph cannot use."""
        return {name: agent.misfits for name, agent in self._agents.items()}

    @property
    def warnings(self) -> Sequence[str]:
        """Sentences about the graphs for an operator."""
        agents = self._agents.values()
        return [warning for agent in agents for warning in (*agent.warnings, *agent.hints)]

    @property
    def unfit_answers(self) -> Mapping[AgentName, Sequence[str]]:
        """A sentence for each entry of an agent's `answers:` that does not fit its graph."""
        return {name: agent.unfit_answers for name, agent in self._agents.items()}

    @property
    def types(self) -> frozenset[TypeName]:
        """The types that the graphs' checkpoints may hold: see `adapters.langgraph.loading.own_types`."""
        return frozenset().union(*(agent.types for agent in self._agents.values()))

    def advice(self) -> Sequence[str]:
        """Sentences for the graphs' authors about their code: see `adapters.langgraph.loading.advice`."""
        return [each for agent in self._agents.values() for each in advice(agent.graph)]

    def tools(self, agent: AgentName) -> frozenset[str]:
        """The names of the tools that the code of an agent's graph shows."""
        return frozenset(tools_of(self._agents[agent].graph))

    @property
    def schemas(self) -> Mapping[AgentName, Mapping[str, Schema | None]]:
        """The schemas of the arguments of each agent's tools, by name; None for one that has none."""
        shown = {name: tools_of(agent.graph) for name, agent in self._agents.items()}
        return {name: {each: schema_of(tool) for each, tool in tools.items()} for name, tools in shown.items()}

    def foreseen(self, agent: AgentName) -> Sequence[Foreseen]:
        """The interrupts that an agent's code shows, each with the card that it leads to."""
        return foreseen(self._agents[agent])

    def drain(self) -> None:
        """Ask all runs to stop after their current step; no later call runs anything."""
        self._runs.drain()
        for agent in self._open.values():
            agent.drain()

    def problems(self, agent: AgentName, ask: Ask, action: int, decision: Decision) -> Sequence[ValueProblem]:
        """See `engine.ports.Graphs`."""
        known = self._agents.get(agent)
        if known is None:
            return dialects.problems(ask, action, decision)
        found = answer_problems(known, ask, action, decision)
        if found or self._open[agent].is_for_each_run:
            return found  # the graph of the run may have another state: it checks an edit of it where the edit is made
        return pause_asks.problems(known, ask, decision)

    # The port ---------------------------------------------------------------------------------------------------------

    async def start(self, turn: Turn, fence: int, watcher: Watcher = UNWATCHED) -> RunResult:
        """See `engine.ports.Graphs`.

        Raises WaitsForAnswerError where questions wait: new input would void them.
        """
        if turn.agent not in self._agents:
            return RunResult(error=sentences.not_set_up(turn.agent), complete=False)
        await self._check_other_requester(turn, fence)
        async with self._runner(turn.agent, turn.thread, fence, watcher, turn.user) as runner:
            return await _start(runner, turn)

    async def _check_other_requester(self, turn: Turn, fence: int) -> None:
        """Raise WaitsForAnswerError where a question of another person's run waits: only that graph can tell."""
        if turn.voids is None or not self._open[turn.agent].is_for_each_run:
            return
        stored = await self._stored(turn.thread)
        if stored is None or _requester_in(stored) in ("", turn.user) or not may_wait(stored):
            return
        async with self._runner(turn.agent, turn.thread, fence, user=_requester_in(stored)) as runner:
            _check_waiting(runner, await runner.session.read(), turn)

    async def read_ahead(self, thread: ThreadId, fence: int) -> ReadAhead | None:
        """See `engine.ports.Graphs`. None for a checkpoint that cannot be read: the answer tries again."""
        since = time.monotonic()
        try:
            return ReadAhead(await self._saver.aget_tuple(config_of(thread, fence, "", "", Marks())), since)
        except Exception as error:
            if self._runs.is_infrastructure(error):
                raise
            return None

    async def resume_if_pending(
        self, answer: Answer, fence: int, watcher: Watcher = UNWATCHED
    ) -> Resumed | Stale | Held:
        """See `engine.ports.Graphs`.

        Raises AnswerNotTakenError where the answer could not be stored and should be delivered again.
        """
        if answer.agent not in self._agents:
            return Stale(f"{sentences.not_set_up(answer.agent)} Nothing was sent.", RunResult(complete=False))
        async with self._runner(answer.agent, answer.thread, fence, watcher, ahead=answer.ahead) as runner:
            return await _resume(runner, answer)

    async def resume_together(
        self, answers: Sequence[Answer], fence: int, watcher: Watcher = UNWATCHED
    ) -> Sequence[Resumed | Stale | Held]:
        """See `engine.ports.Graphs`.

        One run gets all answers if each one's question waits as people saw it; otherwise they are sent one by one.
        """
        first = answers[0]
        if first.agent in self._agents:
            async with self._runner(first.agent, first.thread, fence, watcher) as runner:
                answering, thread = AnswerSender(runner), await runner.session.read()
                ready = answering.ready(thread, answers) if thread.exists and thread.paused_at is None else None
                if ready is not None:
                    return await answering.send_together(thread, answers, ready)
        return [await self.resume_if_pending(each, fence, watcher) for each in answers]

    async def snapshots(self, thread: ThreadId, agent: AgentName, limit: int) -> Sequence[Snapshot]:
        """See `engine.ports.Graphs`. People wait for this with an open form, so no factory is called for it."""
        if agent not in self._agents:
            return ()
        return await snapshots(self._agents[agent].graph, self._saver, {"configurable": {"thread_id": thread}}, limit)

    async def time_travel(self, request: TimeTravelRun, fence: int, watcher: Watcher = UNWATCHED) -> RunResult | Stale:
        """See `engine.ports.Graphs`."""
        if request.agent not in self._agents:
            return Stale(f"{sentences.not_set_up(request.agent)} Nothing was done.", RunResult(complete=False))
        user = await self._requester(request.agent, request.thread, request.checkpoint)
        try:
            async with self._runner(request.agent, request.thread, fence, watcher, user) as runner:
                return await time_travel(runner, request)
        except EditRefusedError as error:
            reason = str(error)
        # The thread stays as it is, and its last turn may be another person's: their graph goes on with it.
        async with self._runner(request.agent, request.thread, fence, watcher) as runner:
            return Stale(reason, await _rest(runner))

    async def settle(self, thread: ThreadId, agent: AgentName, fence: int) -> RunResult:
        """See `engine.ports.Graphs`."""
        if agent not in self._agents:
            return RunResult(error=sentences.not_set_up(agent), complete=False)
        async with self._runner(agent, thread, fence) as runner:
            return await _rest(runner)

    @asynccontextmanager
    async def _runner(
        self,
        agent: AgentName,
        thread: ThreadId,
        fence: int,
        watcher: Watcher = UNWATCHED,
        user: str = "",
        ahead: object = None,
    ) -> AsyncIterator[ThreadRunner]:
        """Work on a thread, by default for the requester of its last turn. Raises LoadError and Later."""
        user = user or await self._requester(agent, thread)
        async with self._open[agent].for_run(user, thread) as ready:
            read = ahead if isinstance(ahead, ReadAhead) else None
            yield ThreadRunner(Session(ready, self._saver, self._runs, thread, fence, watcher, self._masked, read))

    async def _requester(self, agent: AgentName, thread: ThreadId, checkpoint: str = "") -> str:
        """Read who asked for a turn from the thread itself: only a graph that is made for them needs it."""
        if not self._open[agent].is_for_each_run:
            return ""
        stored = await self._stored(thread, checkpoint)
        return _requester_in(stored) if stored is not None else ""

    async def _stored(self, thread: ThreadId, checkpoint: str = "") -> Any:
        at = {"checkpoint_id": checkpoint} if checkpoint else {}
        return await self._saver.aget_tuple({"configurable": {"thread_id": thread, "checkpoint_ns": "", **at}})


def _requester_in(stored: Any) -> str:
    return str(stored.metadata.get(keys.USER, ""))


async def _rest(runner: ThreadRunner) -> RunResult:
    thread = await runner.session.read()
    return await runner.rest(thread) if thread.exists else RunResult()


def _check_waiting(runner: ThreadRunner, thread: Thread, turn: Turn) -> None:
    if waiting := forbidding(runner.session.agent, thread, turn):
        raise WaitsForAnswerError(turn.thread, waiting)


async def _start(runner: ThreadRunner, turn: Turn) -> RunResult:
    thread = await runner.session.read()
    if thread.exists and thread.mark(keys.TURN) == turn.key:
        return await runner.run_on(thread)
    _check_waiting(runner, thread, turn)
    return await runner.feed(thread, turn)


async def _resume(runner: ThreadRunner, answer: Answer) -> Resumed | Stale | Held:
    thread = await runner.session.read()
    if not thread.exists:
        return Stale(sentences.MEMORY_GONE, RunResult())
    if answer.ask.dialect in PAUSES:
        return await PauseDecisions(runner).decide(thread, answer)
    if thread.unreadable is not None:
        report = runner.report(thread)
        answered = thread.was_answered(answer.interrupt)
        return Resumed(report) if answered else Stale(sentences.STATE_REFUSED, report)
    if thread.paused_at is not None:
        return Held(runner.report(thread))
    return await _resume_interrupt(runner, thread, answer)


async def _resume_interrupt(runner: ThreadRunner, thread: Thread, answer: Answer) -> Resumed | Stale:
    answering, pending = AnswerSender(runner), thread.find(answer.interrupt)
    if pending is None:
        return await answering.answer_unlisted(answer)
    if is_outdated(runner.session.agent, thread, pending):
        return await answering.answer_outdated(thread, pending)
    match pending.state:
        case AnswerState.TAKEN:
            return Resumed(await runner.go_on(thread, key=answer.key, answered=answer.interrupt))
        case AnswerState.UNKNOWN:
            return await answering.answer_unknown(thread, answer)
        case AnswerState.WAITS:
            return await answering.answer(thread, pending, answer)
        case _:
            assert_never(pending.state)


async def _opened(
    name: AgentName, spec: AgentSpec, saver: Any, stack: AsyncExitStack, loaded_files: set[str], store: Any
) -> OpenAgent:
    try:
        return await OpenAgent.open(spec, saver, stack, loaded_files, store)
    except LoadError as error:
        error.agent = name
        raise
