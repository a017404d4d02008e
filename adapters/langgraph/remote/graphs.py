"""Graphs on a LangGraph Server: the port over HTTP, for a team whose graphs outgrow the bot's process.

The rules are those of `adapters.langgraph.in_process.graphs`, as far as a server supports them. It ignores strict
resume: so the thread is read before each answer, in its lane, and an answer goes only to an interrupt that waits, with
the digest of the card that people saw. It keeps the metadata of its runs: each is begun under a key of ours, which is
looked up first, so the same turn or answer never begins two, and the next process joins a run that is in progress when
this one dies. One run at a time: `multitask_strategy="reject"`.

A server does not show the graph's code, so decisions are bound to the assistant version instead; nor whether a node
that raised had taken its answer, so a thread that failed is run again and never answered; nor the breakpoints of graphs
below nodes, so a node that waits beside an interrupt without asking is taken for one with a breakpoint.

https://docs.langchain.com/langsmith/agent-server
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

from langchain_core.messages import RemoveMessage
from langgraph.graph.message import REMOVE_ALL_MESSAGES
from langgraph.types import PregelTask

from adapters.langgraph import config_keys as keys
from adapters.langgraph import dialects, sentences
from adapters.langgraph.dialects.pauses import PAUSES
from adapters.langgraph.dialects.to_json import to_json
from adapters.langgraph.messages.closing import LastRun, Masked, close_calls
from adapters.langgraph.messages.inputs import input_of
from adapters.langgraph.remote.agents import ServerAgent, ServerSpec, agent_of
from adapters.langgraph.remote.pauses import ServerPauses
from adapters.langgraph.remote.reports import report
from adapters.langgraph.remote.runs import ServerRuns, key_of
from adapters.langgraph.remote.threads import MESSAGES, ServerThread, read
from adapters.langgraph.remote.time_travel import snapshots, time_travel
from engine.asks.ask import Ask, Decision, ValueProblem
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


class ServerGraphs:
    """The port `engine.ports.Graphs` over a server. Made by `open`, closed by `aclose`."""

    def __init__(self, agents: Mapping[AgentName, ServerAgent], masked: Masked) -> None:
        self._agents = agents
        self._masked = masked
        self._runs = ServerRuns()

    @classmethod
    async def open(cls, agents: Mapping[AgentName, ServerSpec], *, masked: Masked = str) -> Self:
        """Make the clients. No server is called yet, so that one may be down. Raises ValueError for a wrong `reply`.

        `masked` is as in `adapters.langgraph.in_process.graphs`.
        """
        return cls({name: ServerAgent.of(spec) for name, spec in agents.items()}, masked)

    async def aclose(self) -> None:
        """Close the connections."""
        for agent in self._agents.values():
            await agent.client.aclose()

    def drain(self) -> None:
        """Stop waiting for any run: it goes on at the server, and the next process joins it."""
        self._runs.drain()

    def problems(self, agent: AgentName, ask: Ask, action: int, decision: Decision) -> Sequence[ValueProblem]:
        """See `engine.ports.Graphs`."""
        del agent  # its schemas are at the server, which refuses an edit where it is made
        return dialects.problems(ask, action, decision)

    # The port ---------------------------------------------------------------------------------------------------------

    async def start(self, turn: Turn, fence: int, watcher: Watcher = UNWATCHED) -> RunResult:
        """See `engine.ports.Graphs`. Raises WaitsForAnswerError."""
        del fence, watcher
        agent, key = await agent_of(self._agents, turn.agent), f"turn/{turn.key}"
        run = await agent.client.run_of(turn.thread, key)
        if run is None:
            thread = await read(agent.client, turn.thread)
            reported = report(agent, turn.thread, thread)
            if thread.refused:
                return replace(reported, error=sentences.NO_NEW_TURN)
            asked = [each for each in reported.asked if each.ask.holds] if turn.voids is not None else []
            if waiting := [each for each in asked if each.interrupt not in (turn.voids or ())]:
                raise WaitsForAnswerError(turn.thread, waiting)
            given = input_of(agent.spec.input, turn)
            before = agent.replies.mark_before(given, thread.values if thread.state else None)
            marks = {keys.TURN: turn.key, keys.REQUESTER: turn.user, keys.SAID_BEFORE: before}
            given = _closing_calls(thread, given, LastRun("", bool(turn.voids), self._masked))
            options = agent.options_of_run(turn.thread, turn.key, turn.user)
            run = await agent.client.begin(turn.thread, key, input=given, metadata=marks, **options)
        return await self._runs.end_of(agent, turn.thread, run)

    async def read_ahead(self, thread: ThreadId, fence: int) -> object:
        """See `engine.ports.Graphs`. Only its agent knows the server of a thread: this reads nothing."""
        del thread, fence
        return None

    async def resume_if_pending(
        self, answer: Answer, fence: int, watcher: Watcher = UNWATCHED
    ) -> Resumed | Stale | Held:
        """See `engine.ports.Graphs`."""
        del fence, watcher
        agent = await agent_of(self._agents, answer.agent)
        run = await agent.client.run_of(answer.thread, key_of(answer))
        if run is not None:
            return Resumed(await self._runs.end_of(agent, answer.thread, run))
        thread = await read(agent.client, answer.thread)
        if thread.state is None:
            return Stale(sentences.MEMORY_GONE, RunResult())
        if answer.ask.dialect in PAUSES:
            return await ServerPauses(agent, self._runs, answer).decide(thread)
        reported = report(agent, answer.thread, thread)
        if thread.refused:
            return Stale(sentences.STATE_REFUSED, reported)
        if thread.tasks and thread.waiting and any(each.get("interrupts") for each in thread.tasks):
            return Held(reported)
        sent = _encoded(reported, answer)
        if isinstance(sent, str):
            return Stale(sent, reported)
        command = {"resume": {answer.interrupt: sent.resume}, **({"update": sent.update} if sent.update else {})}
        return Resumed(await self._runs.run_for(agent, answer, thread, command=command))

    async def resume_together(
        self, answers: Sequence[Answer], fence: int, watcher: Watcher = UNWATCHED
    ) -> Sequence[Resumed | Stale | Held]:
        """See `engine.ports.Graphs`."""
        agent = await agent_of(self._agents, answers[0].agent)
        run = await agent.client.run_of(answers[0].thread, key_of(*answers))
        if run is None:
            thread = await read(agent.client, answers[0].thread)
            reported = report(agent, answers[0].thread, thread)
            sent = [_encoded(reported, each) for each in answers]
            if thread.state is None or thread.waiting or any(isinstance(each, str) or each.update for each in sent):
                return [await self.resume_if_pending(each, fence, watcher) for each in answers]
            values = {
                each.interrupt: one.resume for each, one in zip(answers, sent, strict=True) if not isinstance(one, str)
            }
            run = await self._runs.begin(agent, answers, thread, command={"resume": values})
        return [Resumed(await self._runs.end_of(agent, answers[0].thread, run))] * len(answers)

    async def settle(self, thread: ThreadId, agent: AgentName, fence: int) -> RunResult:
        """See `engine.ports.Graphs`."""
        del fence
        known = await agent_of(self._agents, agent)
        return report(known, thread, await read(known.client, thread))

    async def snapshots(self, thread: ThreadId, agent: AgentName, limit: int) -> Sequence[Snapshot]:
        """See `engine.ports.Graphs`."""
        return await snapshots((await agent_of(self._agents, agent)).client, thread, limit)

    async def time_travel(self, request: TimeTravelRun, fence: int, watcher: Watcher = UNWATCHED) -> RunResult | Stale:
        """See `engine.ports.Graphs`."""
        del fence, watcher
        return await time_travel(await agent_of(self._agents, request.agent), self._runs, request)


def _encoded(reported: RunResult, answer: Answer) -> dialects.Sent | str:
    """Encode an answer; a sentence if it cannot be sent."""
    asked = next((each for each in reported.asked if each.interrupt == answer.interrupt), None)
    if asked is None:
        return sentences.WITHDRAWN
    if asked.digest != answer.digest or len(answer.decisions) != len(asked.ask.actions):
        return sentences.CHANGED
    pairs = enumerate(answer.decisions)
    problems = [each for at, decision in pairs for each in dialects.problems(asked.ask, at, decision)]
    if problems:
        return f"{sentences.NOT_TAKEN} {problems[0].sentence}"
    return dialects.encode(asked.ask, answer.decisions, answer.by)


def _closing_calls(thread: ServerThread, given: Any, last_run: LastRun) -> Any:
    """The input of a turn, with a result for each tool call that an earlier turn left open."""
    closes = close_calls(thread.messages, [_task(each) for each in thread.tasks], last_run)
    if closes is None or not isinstance(given, Mapping):
        return given
    renewed = [RemoveMessage(id=REMOVE_ALL_MESSAGES), *closes.messages]
    told = [to_json(each).value for each in (closes.results if closes.in_order else renewed)]
    said = given.get(MESSAGES) or []
    return {**given, MESSAGES: [*told, *(said if isinstance(said, list) else [said])]}


def _task(found: Mapping[str, Any]) -> PregelTask:
    error = found.get("error")
    path = tuple(found.get("path") or ())
    return PregelTask(str(found["id"]), str(found["name"]), path, error, (), None, found.get("result"))
