"""Graphs that run in this process.

An answer is sent only when one read shows that very interrupt waiting, asked by the code that is running now, with the
digest of what people saw; and then by a map of its id with strict resume, never as a plain value (P3, P4). What a read
can show, and what follows:

| the interrupt | then |
|---|---|
| waits, same digest | send the answer |
| waits, another digest | Stale: what is asked now is asked of people |
| asked by code that has changed since | make the node ask anew, then Stale |
| listed, but its answer is stored (the node raised after it) | run again with the stored answer, send nothing |
| not listed, answered before | the answer was delivered: run on what died |
| not listed, never answered | Stale |
| the thread is not there | Stale: a resume would start the graph with empty input |
| the graph refuses its own state | Stale, with the failure: asked again when that is over |

A node asks anew when its checkpoint is forked: a copy of it under a new id drops what was stored for the step, answers
of siblings included. So a step is not forked once a sibling has finished in it, which would run that sibling again.

Importing this module imports LangGraph, which takes most of a second: import it late.
"""

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, Self, assert_never

from adapters.langgraph import config_keys as keys
from adapters.langgraph import dialects
from adapters.langgraph.agents import Agent, AgentSpec, open_agent
from adapters.langgraph.dialects.encoded import A_DECISION
from adapters.langgraph.dialects.json_schema import Schema
from adapters.langgraph.foreseeing import foreseen
from adapters.langgraph.guards import drift, gate, tool_calls
from adapters.langgraph.guards.tool_args import schema_of
from adapters.langgraph.in_process import halts
from adapters.langgraph.in_process.closing import Masked
from adapters.langgraph.in_process.halts import DIALECTS as HALTS
from adapters.langgraph.in_process.halts import Halts
from adapters.langgraph.in_process.runs import Ended, Runs
from adapters.langgraph.in_process.session import GONE, REFUSED, ThreadWork
from adapters.langgraph.in_process.threads import Standing, Thread
from adapters.langgraph.in_process.time_travel import history, travel
from adapters.langgraph.loading.advice import advice
from adapters.langgraph.loading.exports import LoadError
from adapters.langgraph.loading.own_types import TypeName
from adapters.langgraph.loading.schema_fit import Misfit, hints
from adapters.langgraph.loading.tools_seen import tools_of
from engine.asks.ask import Ask, Decision, Problem
from engine.asks.foreseen import Foreseen
from engine.ids import AgentName, ThreadId
from engine.ports import (
    UNWATCHED,
    Answer,
    Held,
    Journey,
    Moment,
    Resumed,
    Stale,
    Standstill,
    Turn,
    WaitsForAnswerError,
    Watcher,
)


class LocalGraphs:
    """The port `engine.ports.Graphs` over LangGraph in this process. Made by `open`, closed by `aclose`."""

    def __init__(
        self, agents: Mapping[AgentName, Agent], saver: Any, runs: Runs, stack: AsyncExitStack, masked: Masked
    ) -> None:
        self._agents = agents
        self._masked = masked
        self._saver = saver
        self._runs = runs
        self._stack = stack

    @classmethod
    async def open(
        cls,
        agents: Mapping[AgentName, AgentSpec],
        saver: Any,
        *,
        infrastructure: tuple[type[BaseException], ...] = (),
        masked: Masked = str,
    ) -> Self:
        """Load all graphs. `infrastructure` are the saver's own errors, which are raised on rather than told.

        `masked` takes the secrets out of what a model is told of an error.
        Raises LoadError (see `loading`; also where this LangGraph cannot be guarded), and ValueError for a `reply` that
        is not JMESPath.
        """
        try:
            drift.check_contract()
            tool_calls.check_contract()
            await gate.check_contract()
        except drift.UnguardedError as error:
            raise LoadError(str(error)) from None
        async with AsyncExitStack() as stack:
            ready = {name: await _opened(name, spec, saver, stack) for name, spec in agents.items()}
            return cls(ready, saver, Runs(infrastructure), stack.pop_all(), masked)

    async def aclose(self) -> None:
        """Leave the context managers that factories opened."""
        await self._stack.aclose()

    @property
    def misfits(self) -> Mapping[AgentName, Sequence[Misfit]]:
        """What of each agent's entry in `app.yaml` its graph cannot use."""
        return {name: agent.misfits for name, agent in self._agents.items()}

    @property
    def warnings(self) -> Sequence[str]:
        """What an operator should know of the graphs, a sentence each."""
        agents = self._agents.values()
        return [warning for agent in agents for warning in (*agent.warnings, *hints(agent.graph))]

    @property
    def unfit_answers(self) -> Mapping[AgentName, Sequence[str]]:
        """What of each agent's `answers:` does not fit its graph, a sentence each."""
        return {name: agent.unfit_answers for name, agent in self._agents.items()}

    @property
    def types(self) -> frozenset[TypeName]:
        """The types that the graphs' checkpoints may be made of: see `adapters.langgraph.loading.own_types`."""
        return frozenset().union(*(agent.types for agent in self._agents.values()))

    def advice(self) -> Sequence[str]:
        """Sentences for the graphs' authors about their code: see `adapters.langgraph.loading.advice`."""
        return [sentence for agent in self._agents.values() for sentence in advice(agent.graph)]

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
        """Ask all runs to stop after the step they are in; what is called from now on runs nothing."""
        self._runs.drain()

    def problems(self, agent: AgentName, ask: Ask, action: int, decision: Decision) -> Sequence[Problem]:
        """See `engine.ports.Graphs`."""
        found = dialects.problems(ask, action, decision)
        known = self._agents.get(agent)
        if found or known is None:
            return found
        if dialects.is_told(ask, decision) and known.acts_on(ask.payload, dialects.encode(ask, [decision]).resume):
            return [Problem((), A_DECISION)]
        return halts.problems(known, ask, decision)

    # The port ---------------------------------------------------------------------------------------------------------

    async def start(self, turn: Turn, fence: int, watcher: Watcher = UNWATCHED) -> Standstill:
        """See `engine.ports.Graphs`.

        Raises WaitsForAnswerError where questions wait: new input would void them.
        """
        if turn.agent not in self._agents:
            return Standstill(error=_not_set_up(turn.agent), complete=False)
        work = self._work(turn.agent, turn.thread, fence, watcher)
        thread = await work.read()
        if thread.exists and thread.mark(keys.TURN) == turn.key:
            return await work.run_on(thread)
        if waiting := work.forbidding(thread, turn):
            raise WaitsForAnswerError(turn.thread, waiting)
        return await work.feed(thread, turn)

    async def resume_if_pending(
        self, answer: Answer, fence: int, watcher: Watcher = UNWATCHED
    ) -> Resumed | Stale | Held:
        """See `engine.ports.Graphs`.

        Raises AnswerNotTakenError where the answer could not be stored and should be delivered again.
        """
        if answer.agent not in self._agents:
            return Stale(f"{_not_set_up(answer.agent)} Nothing was sent.", Standstill(complete=False))
        work = self._work(answer.agent, answer.thread, fence, watcher)
        thread = await work.read()
        if not thread.exists:
            return Stale(GONE, Standstill())
        if answer.ask.dialect in HALTS:
            return await Halts(work).decide(thread, answer)
        if thread.unreadable is not None:
            standstill = work.standstill(thread, Ended())
            return Resumed(standstill) if thread.was_answered(answer.interrupt) else Stale(REFUSED, standstill)
        if thread.stand is not None:
            return Held(work.standstill(thread, Ended()))
        return await self._resume(work, thread, answer)

    async def _resume(self, work: ThreadWork, thread: Thread, answer: Answer) -> Resumed | Stale:
        pending = thread.find(answer.interrupt)
        if pending is None:
            return await work.after_answer(answer)
        if work.is_outdated(thread, pending):
            return await work.asked_by_old_code(thread, pending)
        match pending.standing:
            case Standing.CONSUMED:
                return Resumed(await work.go_on(thread, key=answer.key))
            case Standing.UNKNOWN:
                return await work.answer_unknown(thread, answer)
            case Standing.WAITS:
                return await work.answer(thread, pending, answer)
            case _:
                assert_never(pending.standing)

    async def resume_together(
        self, answers: Sequence[Answer], fence: int, watcher: Watcher = UNWATCHED
    ) -> Sequence[Resumed | Stale | Held]:
        """See `engine.ports.Graphs`.

        Sent in one run where every one of them waits as it was shown, else one after another.
        """
        first = answers[0]
        if first.agent in self._agents:
            work = self._work(first.agent, first.thread, fence, watcher)
            thread = await work.read()
            if thread.exists and thread.stand is None and (sent := work.ready(thread, answers)) is not None:
                return await work.send_together(thread, answers, sent)
        return [await self.resume_if_pending(each, fence, watcher) for each in answers]

    async def history(self, thread: ThreadId, agent: AgentName, limit: int) -> Sequence[Moment]:
        """See `engine.ports.Graphs`."""
        if agent not in self._agents:
            return ()
        return await history(self._agents[agent].graph, self._saver, {"configurable": {"thread_id": thread}}, limit)

    async def travel(self, journey: Journey, fence: int, watcher: Watcher = UNWATCHED) -> Standstill | Stale:
        """See `engine.ports.Graphs`."""
        if journey.agent not in self._agents:
            return Stale(f"{_not_set_up(journey.agent)} Nothing was done.", Standstill(complete=False))
        return await travel(self._work(journey.agent, journey.thread, fence, watcher), journey)

    async def settle(self, thread: ThreadId, agent: AgentName, fence: int) -> Standstill:
        """See `engine.ports.Graphs`."""
        if agent not in self._agents:
            return Standstill(error=_not_set_up(agent), complete=False)
        work = self._work(agent, thread, fence)
        found = await work.read()
        if not found.exists:
            return Standstill()
        return await work.rest(found)

    def _work(self, agent: AgentName, thread: ThreadId, fence: int, watcher: Watcher = UNWATCHED) -> ThreadWork:
        return ThreadWork(self._agents[agent], self._saver, self._runs, thread, fence, watcher, self._masked)


async def _opened(name: AgentName, spec: AgentSpec, saver: Any, stack: AsyncExitStack) -> Agent:
    try:
        return await open_agent(spec, saver, stack)
    except LoadError as error:
        error.agent = name
        raise


def _not_set_up(agent: AgentName) -> str:
    return f"The agent {agent} is no longer set up here."
