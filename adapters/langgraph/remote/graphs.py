"""Graphs on a LangGraph Server: the port over HTTP, for a team whose graphs outgrow the bot's process.

The rules are those of `adapters.langgraph.in_process.graphs`, with what a server offers. It ignores strict resume: so
the thread is read before each answer, in its lane, and an answer goes only to an interrupt that waits, with the digest
of what people saw. It keeps its runs with their metadata: each is begun under a key of ours, which is looked for first,
so the same turn or answer never begins two, and a run that is in progress when this process dies is joined by the next
one. One run at a time: `multitask_strategy="reject"`.

What a server does not tell: the graph's code, so a digest holds the assistant's version instead; whether a node that
raised had taken its answer, so a thread that failed is run again and never answered; and the breakpoints of graphs
below nodes, so whatever waits beside an interrupt without asking is taken for one.

https://docs.langchain.com/langsmith/agent-server
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Self

from langchain_core.messages import BaseMessage, RemoveMessage, convert_to_messages
from langgraph.graph.message import REMOVE_ALL_MESSAGES
from langgraph.types import PregelTask

from adapters.langgraph import config_keys as keys
from adapters.langgraph import dialects
from adapters.langgraph.agents import DEFAULT_INPUT, filled
from adapters.langgraph.dialects.breakpoint import TOOLS, at_breakpoint, before_tools
from adapters.langgraph.dialects.failure import failed
from adapters.langgraph.dialects.to_json import plain
from adapters.langgraph.in_process.closing import Masked, Why, closing
from adapters.langgraph.in_process.halts import CHANGED as HALT_CHANGED
from adapters.langgraph.in_process.halts import DIALECTS as HALTS
from adapters.langgraph.in_process.halts import GONE_ON, seen
from adapters.langgraph.in_process.runs import TimeLimitError, refused_fields, sentence
from adapters.langgraph.in_process.session import CHANGED, GONE, NO_NEW_TURN, NOT_TAKEN, REFUSED, WITHDRAWN
from adapters.langgraph.in_process.state_edits import NOT_FITTING, decided_calls, open_calls
from adapters.langgraph.in_process.time_travel import GONE as POINT_GONE
from adapters.langgraph.remote.client import Calls, Server, ServerRefusedError, StateRefusedError
from adapters.langgraph.replies import DEFAULT, Replies, gives_names
from engine.asks.ask import Ask, Choice, Decision, Json, Problem, digest_of
from engine.ids import AgentName, InterruptId, ThreadId
from engine.ports import (
    UNWATCHED,
    Answer,
    Asked,
    Held,
    Journey,
    Later,
    Moment,
    Resumed,
    Stale,
    Standstill,
    Turn,
    WaitsForAnswerError,
    Watcher,
)

MESSAGES = "messages"
"""The field of a state in which tool calls are looked for: a server does not tell which one a node of tools reads."""
_DRAINED = Standstill(stopped=True, complete=False)


@dataclass(frozen=True, slots=True)
class ServerSpec:
    """One entry of `agents:` with `server:`. See `adapters.langgraph.agents.AgentSpec` for the fields they share."""

    server: Server
    input: Any = field(default_factory=lambda: DEFAULT_INPUT)
    reply: str = DEFAULT
    answers: tuple[dialects.AnswerRule, ...] = ()
    interrupt_before: tuple[str, ...] = ()
    interrupt_after: tuple[str, ...] = ()
    time_limit: timedelta | None = None
    recursion_limit: int | None = None


@dataclass(slots=True)
class _Agent:
    spec: ServerSpec
    calls: Calls
    replies: Replies
    version: str = ""
    gated: frozenset[str] = frozenset()
    tools: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Here:
    """A thread as one read found it; `state` is None where it was never fed."""

    state: Mapping[str, Any] | None
    status: str = ""
    error: str = ""
    schemas: Mapping[str, Any] = field(default_factory=dict)
    refused: bool = False
    """The graph's own schema refuses the state: see `adapters.langgraph.in_process.threads`."""

    @property
    def checkpoint(self) -> str:
        return str((self.state or {}).get("checkpoint", {}).get("checkpoint_id", ""))

    @property
    def tasks(self) -> Sequence[Mapping[str, Any]]:
        found: Sequence[Mapping[str, Any]] = (self.state or {}).get("tasks") or ()
        return found

    @property
    def values(self) -> dict[str, Json]:
        value = plain((self.state or {}).get("values")).value
        return value if isinstance(value, dict) else {}

    @property
    def talk(self) -> list[BaseMessage]:
        """The messages of the state, where it has some that can be read."""
        told = self.values.get(MESSAGES)
        spelled = [each for each in told if isinstance(each, dict)] if isinstance(told, list) else []
        try:
            return convert_to_messages(spelled)
        except (ValueError, TypeError, KeyError, NotImplementedError):
            return []

    @property
    def waiting(self) -> tuple[str, ...]:
        """The nodes that come next and ask nothing."""
        idle = (each for each in self.tasks if not each.get("interrupts") and not each.get("error"))
        return tuple(dict.fromkeys(str(each["name"]) for each in idle if each.get("result") is None))

    def mark(self, key: str) -> str:
        found = ((self.state or {}).get("metadata") or {}).get(key)
        return found if isinstance(found, str) else ""


class ServerGraphs:
    """The port `engine.ports.Graphs` over a server. Made by `open`, closed by `aclose`."""

    def __init__(self, agents: Mapping[AgentName, _Agent], masked: Masked) -> None:
        self._agents = agents
        self._masked = masked
        self._draining = asyncio.Event()

    @classmethod
    async def open(cls, agents: Mapping[AgentName, ServerSpec], *, masked: Masked = str) -> Self:
        """Nothing is called yet: a server that is down is waited for. Raises ValueError for a wrong `reply`.

        `masked` is as in `adapters.langgraph.in_process.graphs`.
        """
        ready = {
            name: _Agent(spec, Calls(spec.server), Replies(spec.reply, people_have_names=gives_names(spec.input)))
            for name, spec in agents.items()
        }
        return cls(ready, masked)

    async def aclose(self) -> None:
        """Close the connections."""
        for agent in self._agents.values():
            await agent.calls.aclose()

    def drain(self) -> None:
        """Wait for no run any more: it goes on at the server, and the next process joins it."""
        self._draining.set()

    def problems(self, agent: AgentName, ask: Ask, action: int, decision: Decision) -> Sequence[Problem]:
        """See `engine.ports.Graphs`."""
        del agent  # its schemas are at the server, which refuses an edit where it is made
        return dialects.problems(ask, action, decision)

    # The port ---------------------------------------------------------------------------------------------------------

    async def start(self, turn: Turn, fence: int, watcher: Watcher = UNWATCHED) -> Standstill:
        """See `engine.ports.Graphs`."""
        del fence, watcher
        agent, key = await self._agent(turn.agent), f"turn/{turn.key}"
        run = await agent.calls.run_of(turn.thread, key)
        if run is None:
            here = await self._read(agent, turn.thread)
            standstill = self._standstill(agent, turn.thread, here)
            if here.refused:
                return replace(standstill, error=NO_NEW_TURN)
            asked = [each for each in standstill.asked if each.ask.holds] if turn.voids is not None else []
            if waiting := [each for each in asked if each.interrupt not in (turn.voids or ())]:
                raise WaitsForAnswerError(turn.thread, waiting)
            said = agent.replies.ending(here.values) if here.state else None
            marks = {keys.TURN: turn.key, keys.SAID_BEFORE: said.mark if said else ""}
            words = {"text": turn.text, "user": turn.user, "channel": turn.channel}
            given = _closed(here, filled(agent.spec.input, words), Why("", bool(turn.voids), self._masked))
            config = _config(agent, turn.key, turn.user)
            run = await agent.calls.begin(turn.thread, key, input=given, metadata=marks, **config)
        return await self._ended(agent, turn.thread, run)

    async def resume_if_pending(
        self, answer: Answer, fence: int, watcher: Watcher = UNWATCHED
    ) -> Resumed | Stale | Held:
        """See `engine.ports.Graphs`."""
        del fence, watcher
        agent = await self._agent(answer.agent)
        run = await agent.calls.run_of(answer.thread, _key_of(answer))
        if run is not None:
            return Resumed(await self._ended(agent, answer.thread, run))
        here = await self._read(agent, answer.thread)
        if here.state is None:
            return Stale(GONE, Standstill())
        if answer.ask.dialect in HALTS:
            return await self._decide(agent, answer, here)
        standstill = self._standstill(agent, answer.thread, here)
        if here.refused:
            return Stale(REFUSED, standstill)
        if here.tasks and here.waiting and any(each.get("interrupts") for each in here.tasks):
            return Held(standstill)
        sent = self._sent(standstill, answer)
        if isinstance(sent, str):
            return Stale(sent, standstill)
        command = {"resume": {answer.interrupt: sent.resume}, **({"update": sent.update} if sent.update else {})}
        return Resumed(await self._run(agent, answer, here, command=command))

    async def resume_together(
        self, answers: Sequence[Answer], fence: int, watcher: Watcher = UNWATCHED
    ) -> Sequence[Resumed | Stale | Held]:
        """See `engine.ports.Graphs`."""
        agent = await self._agent(answers[0].agent)
        run = await agent.calls.run_of(answers[0].thread, _key_of(*answers))
        if run is None:
            here = await self._read(agent, answers[0].thread)
            standstill = self._standstill(agent, answers[0].thread, here)
            sent = [self._sent(standstill, each) for each in answers]
            if here.state is None or here.waiting or any(isinstance(each, str) or each.update for each in sent):
                return [await self.resume_if_pending(each, fence, watcher) for each in answers]
            values = {
                each.interrupt: one.resume for each, one in zip(answers, sent, strict=True) if not isinstance(one, str)
            }
            run = await self._begin(agent, answers, here, command={"resume": values})
        return [Resumed(await self._ended(agent, answers[0].thread, run))] * len(answers)

    async def settle(self, thread: ThreadId, agent: AgentName, fence: int) -> Standstill:
        """See `engine.ports.Graphs`."""
        del fence
        known = await self._agent(agent)
        return self._standstill(known, thread, await self._read(known, thread))

    async def history(self, thread: ThreadId, agent: AgentName, limit: int) -> Sequence[Moment]:
        """See `engine.ports.Graphs`."""
        known = await self._agent(agent)
        try:
            found = await known.calls.history(thread, limit + 1)
        except StateRefusedError:
            return ()  # a server shows all of them or none
        before = {_checkpoint(each.get("checkpoint")): each for each in found}
        return [_moment(each, before.get(_checkpoint(each.get("parent_checkpoint")))) for each in found[:limit]]

    async def travel(self, journey: Journey, fence: int, watcher: Watcher = UNWATCHED) -> Standstill | Stale:
        """See `engine.ports.Graphs`."""
        del fence, watcher
        agent, key = await self._agent(journey.agent), f"travel/{journey.key}"
        run = await agent.calls.run_of(journey.thread, key)
        here = await self._read(agent, journey.thread)
        if run is not None:
            return await self._ended(agent, journey.thread, run)
        target = await agent.calls.state(journey.thread, journey.checkpoint)
        if target is None:
            return Stale(POINT_GONE, self._standstill(agent, journey.thread, here))
        if not _is_below(here, journey.checkpoint):  # else an earlier delivery has begun the branch
            edits = journey.edits if isinstance(journey.edits, dict) else {}
            then = _Here(target).values
            changed = {name: each for name, each in edits.items() if then.get(name) != each}
            try:
                await agent.calls.update(journey.thread, changed or {}, checkpoint=journey.checkpoint)
            except StateRefusedError as error:
                await agent.calls.update(journey.thread, {}, checkpoint=here.checkpoint)
                told = f"{NOT_FITTING} {refused_fields(str(error)) or error}"
                return Stale(told, self._standstill(agent, journey.thread, await self._read(agent, journey.thread)))
            here = await self._read(agent, journey.thread)
        if not here.waiting or not agent.gated.isdisjoint(here.waiting):
            return self._standstill(agent, journey.thread, here)
        marks = {keys.TURN: journey.key}
        config = _config(agent, journey.key, journey.user)
        run = await agent.calls.begin(journey.thread, key, input=None, metadata=marks, **config)
        return await self._ended(agent, journey.thread, run)

    # Runs -------------------------------------------------------------------------------------------------------------

    async def _agent(self, name: AgentName) -> _Agent:
        if name not in self._agents:
            raise ServerRefusedError(f"The agent {name} is no longer set up here.")
        agent = self._agents[name]
        if not agent.version:
            version = await agent.calls.check()
            own = {*agent.spec.interrupt_before, *agent.spec.interrupt_after}
            drawing = await agent.calls.drawing()
            drawing.check_breakpoints(own)
            agent.gated, agent.tools = frozenset(own) | drawing.gated, drawing.tools
            agent.version = version
        return agent

    async def _run(self, agent: _Agent, answer: Answer, here: _Here, **run: Any) -> Standstill:
        return await self._ended(agent, answer.thread, await self._begin(agent, [answer], here, **run))

    async def _begin(self, agent: _Agent, answers: Sequence[Answer], here: _Here, **run: Any) -> Mapping[str, Any]:
        marks = {keys.TURN: here.mark(keys.TURN), keys.SAID_BEFORE: here.mark(keys.SAID_BEFORE)}
        first = answers[0]
        config = _config(agent, first.key, "")
        return await agent.calls.begin(first.thread, _key_of(*answers), metadata=marks, **run, **config)

    async def _ended(self, agent: _Agent, thread: ThreadId, run: Mapping[str, Any]) -> Standstill:
        """Wait for a run, unless the process is to stop or the run takes too long."""
        waiting = asyncio.ensure_future(agent.calls.end_of(thread, run["run_id"]))
        stopping = asyncio.ensure_future(self._draining.wait())
        limit = agent.spec.time_limit
        left = None if limit is None else (_begun(run) + limit - datetime.now(UTC)).total_seconds()
        try:
            done, _ = await asyncio.wait(
                {waiting, stopping}, timeout=left and max(left, 1.0), return_when=asyncio.FIRST_COMPLETED
            )
            if waiting in done:
                waiting.result()
                return self._standstill(agent, thread, await self._read(agent, thread))
            if stopping in done:
                return _DRAINED
        finally:
            for each in (waiting, stopping):
                each.cancel()
            await asyncio.gather(waiting, stopping, return_exceptions=True)
        await agent.calls.cancel(thread, run["run_id"])
        here = await self._read(agent, thread)
        return self._standstill(agent, thread, here, sentence(TimeLimitError(limit or timedelta())))

    async def _read(self, agent: _Agent, thread: ThreadId) -> _Here:
        """The thread as it stands when nothing runs."""
        known = await agent.calls.thread(thread)
        if known.get("status") == "busy":
            running = (each for each in await agent.calls.runs(thread) if each["status"] in ("pending", "running"))
            for run in running:
                await agent.calls.end_of(thread, run["run_id"])
            raise Later(0.2)
        interrupts: Mapping[str, Any] = known.get("interrupts") or {}
        schemas = {each.get("id"): each.get("response_schema") for listed in interrupts.values() for each in listed}
        try:
            state = await agent.calls.state(thread) if known else None
        except StateRefusedError as error:
            # Which checkpoint it is cannot be read: the time of its writing names it.
            unread = {"checkpoint": {"checkpoint_id": str(known.get("state_updated_at"))}}
            return _Here(unread, "error", str(error), refused=True)
        return _Here(state, str(known.get("status", "")), _error_of(known.get("error")), schemas)

    # Halts ------------------------------------------------------------------------------------------------------------

    async def _decide(self, agent: _Agent, answer: Answer, here: _Here) -> Resumed | Stale:
        standstill = self._standstill(agent, answer.thread, here)
        asked = next((each for each in standstill.asked if each.interrupt == answer.interrupt), None)
        if asked is None and _is_below(here, answer.interrupt.partition(":")[2]):
            return Resumed(await self._on_from(agent, answer, here))  # its update was made by an earlier delivery
        if asked is None:
            return Stale(GONE_ON, standstill)
        if asked.digest != answer.digest:
            return Stale(HALT_CHANGED, standstill)
        if answer.ask.dialect == TOOLS.name:
            return Resumed(await self._tools(agent, answer, here))
        (decision,) = answer.decisions
        if decision.choice is Choice.REJECT:
            return Resumed(standstill)
        if answer.ask.encoding is not None or decision.choice in (Choice.EDIT, Choice.SKIP):
            problem = await self._tried(agent, answer, here)
            here = await self._read(agent, answer.thread)
            if problem:
                return Stale(problem, self._standstill(agent, answer.thread, here))
            return Resumed(await self._on_from(agent, answer, here))
        return Resumed(await self._run(agent, answer, here, input=None))

    async def _tools(self, agent: _Agent, answer: Answer, here: _Here) -> Standstill:
        """Run, change or refuse each tool call that waits."""
        messages, run = decided_calls(here.talk, answer.decisions)
        if messages:
            told: list[Json] = [plain(each).value for each in messages]
            await agent.calls.update(answer.thread, {MESSAGES: told}, None if run else here.waiting[0])
            here = await self._read(agent, answer.thread)
        return await self._on_from(agent, answer, here)

    async def _tried(self, agent: _Agent, answer: Answer, here: _Here) -> str:
        """Write what was decided; where the graph's schema refuses the state that it makes, put the one before back."""
        try:
            return await self._updated(agent, answer, here)
        except StateRefusedError as error:
            await agent.calls.update(answer.thread, {}, checkpoint=here.checkpoint)
            return f"{NOT_FITTING} {refused_fields(str(error)) or error}"

    async def _updated(self, agent: _Agent, answer: Answer, here: _Here) -> str:
        """Write what was decided into the state; why it could not be, in a sentence."""
        (decision,), thread = answer.decisions, answer.thread
        update = partial(agent.calls.update, thread)
        if answer.ask.encoding is not None:
            sent = dialects.encode(answer.ask, answer.decisions, answer.by)
            await update(sent.update, sent.as_node or None)
            return ""
        if decision.choice is Choice.SKIP:
            for node in here.waiting:
                await update(None, node)
            return ""
        wanted = decision.value if isinstance(decision.value, dict) else {}
        changed = {name: each for name, each in wanted.items() if here.values.get(name) != each}
        await update(changed)
        now = (await self._read(agent, thread)).values
        left = {name: each for name, each in changed.items() if now.get(name) != each}
        if left:  # a reducer added to what was there: said as LangGraph wants it said, the value takes its place
            await update({name: {"__overwrite__": each} for name, each in left.items()})
            now = (await self._read(agent, thread)).values
        wrong = [name for name, each in changed.items() if now.get(name) != each]
        return f"The agent's state does not take this change of {', '.join(wrong)}." if wrong else ""

    async def _on_from(self, agent: _Agent, answer: Answer, here: _Here) -> Standstill:
        """Run on, past the nodes that people saw and no others."""
        skipped = any(each.choice is Choice.SKIP for each in answer.decisions)
        passed = frozenset[str]() if skipped else seen(answer)
        unseen = [node for node in here.waiting if node in agent.gated and node not in passed]
        if unseen or not here.waiting:
            return self._standstill(agent, answer.thread, here)
        return await self._run(agent, answer, here, input=None)

    # Where it stands --------------------------------------------------------------------------------------------------

    def _standstill(self, agent: _Agent, thread: ThreadId, here: _Here, limit: str = "") -> Standstill:
        if here.state is None:
            return Standstill()
        errors = [str(each["error"]) for each in here.tasks if each.get("error")]
        told = limit or (sentence(errors[0]) if errors else "")
        if not told and here.status == "error":
            told = sentence(here.error) if here.error else "The agent failed."
        if told:
            return Standstill((_failure(here, told),), complete=not here.refused)
        questions = tuple(
            self._asked(agent, here, task, each) for task in here.tasks for each in task.get("interrupts") or ()
        )
        if here.waiting and (here.status == "interrupted" or not agent.gated.isdisjoint(here.waiting)):
            return Standstill((self._breakpoint(agent, here),), complete=not questions)
        turn, before = here.mark(keys.TURN), here.mark(keys.SAID_BEFORE)
        if not here.tasks:
            reply = agent.replies.last_reply(here.values, thread, turn, before)
            return Standstill(reply=reply, ended=here.checkpoint)
        reply = agent.replies.reply(here.values, thread, turn, before, [each.ask.prompt for each in questions])
        return Standstill(questions, reply, complete=not here.waiting)

    def _asked(self, agent: _Agent, here: _Here, task: Mapping[str, Any], interrupt: Mapping[str, Any]) -> Asked:
        schema = here.schemas.get(interrupt["id"])
        said = agent.replies.said(here.values)
        question = dialects.Question(
            plain(interrupt.get("value")).value,
            schema if isinstance(schema, dict) else None,
            speaker=said.speaker if said else "",
            nodes=(str(task["name"]),),
        )
        ask = replace(dialects.read(question, agent.spec.answers), unguarded=True)
        return Asked(InterruptId(interrupt["id"]), ask, digest_of(ask, f"{task['name']}:{agent.version}"))

    def _breakpoint(self, agent: _Agent, here: _Here) -> Asked:
        nodes = here.waiting
        calls = open_calls(here.talk) if agent.tools.issuperset(nodes) and len(nodes) == 1 else ()
        if calls:
            ask = before_tools(nodes, calls, {})
        else:
            ask = at_breakpoint(", ".join(nodes), nodes, here.values, may_edit=True)
        worded = dialects.configured(ask, dialects.Question(ask.payload, nodes=nodes), agent.spec.answers)
        digest = digest_of(worded, agent.version)
        return Asked(InterruptId(f"breakpoint:{here.checkpoint}"), replace(worded, unguarded=True), digest)

    def _sent(self, standstill: Standstill, answer: Answer) -> dialects.Sent | str:
        """What goes to the graph, or why nothing does."""
        asked = next((each for each in standstill.asked if each.interrupt == answer.interrupt), None)
        if asked is None:
            return WITHDRAWN
        if asked.digest != answer.digest or len(answer.decisions) != len(asked.ask.actions):
            return CHANGED
        pairs = enumerate(answer.decisions)
        problems = [each for at, decision in pairs for each in dialects.problems(asked.ask, at, decision)]
        if problems:
            return f"{NOT_TAKEN} {problems[0].sentence}"
        return dialects.encode(asked.ask, answer.decisions, answer.by)


def _closed(here: _Here, given: Any, why: Why) -> Any:
    """The input of a turn, with a result for each tool call that an earlier turn left open."""
    closes = closing(here.talk, [_task(each) for each in here.tasks], why)
    if closes is None or not isinstance(given, Mapping):
        return given
    renewed = [RemoveMessage(id=REMOVE_ALL_MESSAGES), *closes.whole]
    told = [plain(each).value for each in (closes.results if closes.in_order else renewed)]
    said = given.get(MESSAGES) or []
    return {**given, MESSAGES: [*told, *(said if isinstance(said, list) else [said])]}


def _task(found: Mapping[str, Any]) -> PregelTask:
    error = found.get("error")
    path = tuple(found.get("path") or ())
    return PregelTask(str(found["id"]), str(found["name"]), path, error, (), None, found.get("result"))


def _failure(here: _Here, told: str) -> Asked:
    nodes = tuple(dict.fromkeys(str(each["name"]) for each in here.tasks if each.get("error")))
    ask = failed(told, nodes, "", poisoned=False)
    return Asked(InterruptId(f"failure:{here.checkpoint}"), ask, digest_of(ask, ""))


def _config(agent: _Agent, key: str, user: str) -> dict[str, Any]:
    configurable = {keys.IDEMPOTENCY_KEY: key, **({keys.USER: user} if user else {})}
    limit = agent.spec.recursion_limit
    return {
        "config": {"configurable": configurable, **({"recursion_limit": limit} if limit else {})},
        "interrupt_before": list(agent.spec.interrupt_before) or None,
        "interrupt_after": list(agent.spec.interrupt_after) or None,
    }


def _key_of(*answers: Answer) -> str:
    return "answer/" + "+".join(f"{each.key}" for each in answers)


def _checkpoint(found: Any) -> str:
    return str((found or {}).get("checkpoint_id", ""))


def _is_below(here: _Here, checkpoint: str) -> bool:
    """Whether the thread stands at an update of a checkpoint, from which nothing has run yet."""
    state = here.state or {}
    made = (state.get("metadata") or {}).get("source")
    return made in ("update", "fork") and _checkpoint(state.get("parent_checkpoint")) == checkpoint


def _begun(run: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(str(run["created_at"]))


def _error_of(error: Any) -> str:
    if isinstance(error, dict):
        return f"{error.get('error', 'error')}({error.get('message', '')!r})"
    return str(error) if error else ""


def _moment(found: Mapping[str, Any], before: Mapping[str, Any] | None) -> Moment:
    metadata = found.get("metadata") or {}
    tasks = before.get("tasks", ()) if before is not None and metadata.get("source") == "loop" else ()
    values = plain(found.get("values")).value
    asked = [each for task in found.get("tasks", ()) for each in task.get("interrupts") or ()]
    return Moment(
        checkpoint=_checkpoint(found.get("checkpoint")),
        at=datetime.fromisoformat(str(found["created_at"])),
        source=str(metadata.get("source", "")),
        ran=tuple(dict.fromkeys(str(task["name"]) for task in tasks if not str(task["name"]).startswith("__"))),
        next=tuple(dict.fromkeys(str(each) for each in found.get("next", ()) if not str(each).startswith("__"))),
        asked=tuple(dialects.read(dialects.Question(plain(each.get("value")).value)).prompt for each in asked),
        values=values if isinstance(values, dict) else {"state": values},
    )
