"""What one call of the port does with one thread: read it, run it, answer it, and say where it stands.

`adapters.langgraph.in_process.graphs` says when each of these is done, and why.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import structlog
from langgraph.errors import is_invalid_resume
from langgraph.types import Command

from adapters.langgraph import config_keys as keys
from adapters.langgraph import dialects
from adapters.langgraph.agents import Agent
from adapters.langgraph.dialects.to_json import plain
from adapters.langgraph.fingerprint import SEPARATOR
from adapters.langgraph.guards import approved
from adapters.langgraph.guards.approved import Approved, Asking, decided_calls
from adapters.langgraph.guards.decided import Decided, decided_on, keep
from adapters.langgraph.guards.drift import Shown
from adapters.langgraph.guards.gate import Gates, swallowed
from adapters.langgraph.guards.kept_calls import KeptCalls
from adapters.langgraph.in_process import threads
from adapters.langgraph.in_process.breakpoints import stand_of
from adapters.langgraph.in_process.closing import Masked, Why, beyond_input, closings, input_with, update_beforehand
from adapters.langgraph.in_process.forking import fork, stamp
from adapters.langgraph.in_process.halts import at, failure, stopped
from adapters.langgraph.in_process.runs import Ended, Marks, Runs, config_of, sentence
from adapters.langgraph.in_process.state_edits import asking_of
from adapters.langgraph.in_process.threads import Pending, Standing, Thread
from engine.asks.ask import Ask, Choice, Problem, canonical, digest_of
from engine.ids import InterruptId, ThreadId
from engine.ports import UNWATCHED, Answer, Asked, Reply, Resumed, Stale, Standstill, Turn, Watcher

_log = structlog.get_logger(__name__)

GONE = "The agent's memory of this conversation is gone, so nothing was sent. Please start again."
WITHDRAWN = "The agent no longer asks this, so nothing was sent."
CHANGED = "What the agent asks has changed, so nothing was sent. Please look at the new request."
NEW_CODE = "The agent's code changed while this waited, so nothing was sent and it is asked again."
NEW_CODE_BESIDE_FINISHED = (
    "The agent's code changed while this waited, so nothing was sent. It cannot ask again without repeating steps that "
    "are done already: please start again with a new message."
)
REFUSED = "The agent's code refuses the state of this conversation, so nothing was sent."
NO_NEW_TURN = (
    "Your message was not passed on: the agent's code refuses the state of this conversation. Restart from an earlier "
    "step (/signoff history), or press Retry when the agent is fixed."
)
DRIFTED = "The agent changed its request after that decision, so nothing was run. The new request is asked again."
NOT_TAKEN = "The agent could not take this answer, so it is asked again."
_REMEMBERED = 4
"""Answers that a checkpoint names. Only the last one of a lane is ever delivered again."""

STOPPED = Standstill(stopped=True, complete=False)
"""For a run that was asked to stop."""


class AnswerNotTakenError(Exception):
    """The node raised before it took the answer, and its question still waits: deliver the same answer again."""


class ThreadWork:
    """One call of the port: an agent, a thread, and the fence that it holds."""

    def __init__(
        self,
        agent: Agent,
        saver: Any,
        runs: Runs,
        thread: ThreadId,
        fence: int,
        watcher: Watcher = UNWATCHED,
        masked: Masked = str,
    ) -> None:
        self._masked = masked
        self._watcher = watcher
        self.agent = agent
        self.run_key = ""
        """The idempotency key of the last run of this call."""
        self._saver = saver
        self._runs = runs
        self._thread = thread
        self._fence = fence

    @property
    def saver(self) -> Any:
        """Where checkpoints are."""
        return self._saver

    @property
    def draining(self) -> bool:
        """Whether nothing is to be begun any more."""
        return self._runs.draining

    async def read(self, *, count: bool = False, checkpoint: str = "") -> Thread:
        """The thread as it stands, or stood at a checkpoint.

        Answers are counted where its code changed, since they decide how it asks anew.
        """
        config = config_of(self._thread, self._fence, "", "", Marks())
        if checkpoint:
            config["configurable"] |= {"checkpoint_id": checkpoint, "checkpoint_ns": ""}
        try:
            return await self._read(config, count=count)
        except threads.StateRefusedError as refused:
            raised = cast("Exception", refused.__cause__)
            if self._runs.is_infrastructure(raised):
                raise raised from None
            thread = await threads.unread(self._saver, config, raised)
            if thread is None:
                raise raised from None
            _log.warning("the graph refuses its state", thread=self._thread, error=sentence(raised))
            return thread

    async def _read(self, config: Mapping[str, Any], *, count: bool) -> Thread:
        agent = self.agent
        thread = await threads.read(agent.graph, self._saver, config, nested=agent.nested, count=count)
        if not count and any(self.is_outdated(thread, each) for each in thread.pending):
            thread = await threads.read(agent.graph, self._saver, config, nested=agent.nested, count=True)
        return replace(thread, stand=await stand_of(thread, agent.gates, agent.graph))

    # Runs -------------------------------------------------------------------------------------------------------------

    async def feed(self, thread: Thread, turn: Turn) -> Standstill:
        """Give new input."""
        if self._runs.draining:
            return STOPPED
        if thread.unreadable is not None:  # LangGraph would refuse it too, and what waits there is not known
            return replace(self.standstill(thread, Ended()), error=NO_NEW_TURN)
        before = self.agent.replies.ending(thread.values) if thread.exists else None
        marks = Marks(turn.key, thread.mark(keys.ANSWERED), self.agent.mark, before.mark if before else "")
        config = config_of(self._thread, self._fence, turn.key, turn.user, marks)
        given = await self._closed(thread, turn)
        return await self._rested(await self._run(given, config, turn.user))

    async def _closed(self, thread: Thread, turn: Turn) -> Any:
        """The input of a turn, with a result for each tool call that an earlier turn left open."""
        graph, given = self.agent.graph, self.agent.input_of(turn)
        if not thread.exists:
            return given
        why = Why(thread.mark(keys.HALTED), bool(turn.voids), self._masked)
        as_before = self._config(thread, "", self._marks(thread))
        for level in thread.levels[1:]:
            if level.keeps_memory:
                inner = self.agent.graph_at(level.path)
                await update_beforehand(graph, inner, level, as_before, closings(level, why))
        root = thread.levels[0]
        found = closings(root, why)
        await update_beforehand(graph, graph, root, as_before, beyond_input(graph, found))
        return input_with(graph, given, found)

    async def run_on(self, thread: Thread) -> Standstill:
        """A turn that was fed before: run what died or failed, otherwise say where it stands."""
        thread, ended = await self.up_to_date(thread)
        if ended.stopped or ended.error is not None:
            return STOPPED if ended.stopped else self.standstill(thread, ended)
        died = thread.died or (thread.stand is None and thread.failures)
        return await self.go_on(thread) if died else self.standstill(thread, Ended())

    async def rest(self, thread: Thread) -> Standstill:
        """Where the thread stands; what died is run on first."""
        thread, ended = await self.up_to_date(thread)
        if ended.stopped:
            return STOPPED
        return await self.go_on(thread) if thread.died and ended.error is None else self.standstill(thread, ended)

    async def go_on(self, thread: Thread, key: str = "", answered: str = "") -> Standstill:
        """Run from the last checkpoint on, past a breakpoint too. `answered` is the halt that was decided."""
        return await self._rested(await self._none(thread, key, answered))

    async def asked_anew(self, thread: Thread) -> Standstill:
        """Forget the answers of the step that waits or failed, and run it from its beginning."""
        thread, ended = await self._ask_anew(thread)
        return STOPPED if ended.stopped else self.standstill(thread, ended)

    async def _none(self, thread: Thread, key: str = "", answered: str = "") -> Ended:
        """Run without input: tasks that did not finish run again, each with the answers that it has."""
        marks = self._marks(thread, answered) if answered else self._marks(thread)
        config = self._config(thread, key or thread.mark(keys.IDEMPOTENCY_KEY), marks)
        return await self._run(None, config, thread.mark(keys.USER), thread)

    async def _run(self, given: Any, config: Mapping[str, Any], user: str, thread: Thread | None = None) -> Ended:
        """Run. `thread` is the one that goes on, None for one that gets new input."""
        agent = self.agent
        self.run_key = config["configurable"].get(keys.IDEMPOTENCY_KEY, "")
        if agent.spec.recursion_limit is not None:
            config = {**config, "recursion_limit": agent.spec.recursion_limit}
        kept = KeptCalls(self._saver, config, thread.kept if thread else {})
        asking = thread.asked_by_gates if thread else frozenset[str]()
        gates = Gates(agent.spec.gate_tools, kept, asking)
        if agent.spec.gate_tools or asking:
            config = {**config, "configurable": {**config["configurable"], keys.GATES: gates}}
        ended = await self._runs.run(
            agent.graph, given, config, agent.context_of(user), self._watcher, agent.breakpoints, agent.spec.time_limit
        )
        if gates.asked and not ended.stopped and isinstance(ended.error, ExceptionGroup | None):
            waiting = {each.interrupt.id for each in (await self.read()).pending}
            lost = next((tool for name, tool in gates.asked.items() if name not in waiting), None)
            ended = Ended(swallowed(lost), halted=True) if lost else ended
        if ended.halted:
            await stamp(self._saver, config, {keys.HALTED: sentence(ended.error or "")})
        return ended

    async def _rested(self, ended: Ended) -> Standstill:
        return STOPPED if ended.stopped else self.standstill(await self.read(), ended)

    def _config(self, thread: Thread, key: str, marks: Marks, decided: Sequence[Decided] = ()) -> dict[str, Any]:
        known = {each.interrupt: each for each in (*thread.decided.values(), *decided)}
        payloads = {name: each.payload for name, each in known.items()}
        gated = {name: each.fields.get("id", "") for name, each in known.items() if each.is_gated}
        shown = Shown(payloads, self._stored, gated)
        return config_of(self._thread, self._fence, key, thread.mark(keys.USER), marks, shown)

    def _stored(self, value: Any) -> Any:
        """A value as it is read from a checkpoint that it was written to: people saw that one."""
        return self._saver.serde.loads_typed(self._saver.serde.dumps_typed(value))

    async def keep_calls(self, thread: Thread, answer: Answer, asking: Asking) -> Sequence[Approved]:
        """Keep what is decided of tool calls, before any of them can run."""
        decided = [*decided_calls(answer.interrupt, answer.ask, answer.decisions, asking)]
        calls = approved.numbered(decided, thread.approved_here)
        await approved.keep(self._saver, self._config(thread, "", Marks()), thread.checkpoint, calls)
        return calls

    async def _calls(self, thread: Thread, answers: Sequence[Answer]) -> Sequence[Approved]:
        return [
            call
            for each in answers
            for call in await self.keep_calls(thread, each, await self._asking(thread, each.interrupt))
        ]

    async def _asking(self, thread: Thread, interrupt: InterruptId) -> Asking:
        """The graph that asks: one that a node calls by itself, or one that the thread lists."""
        pending = thread.find(interrupt)
        if pending is None:
            return Asking()
        below = threads.asking_states(self._saver, self._thread, pending.namespace, interrupt)
        async for graph, state in below:
            return asking_of(graph, state)
        graph = pending.namespace.rpartition("|")[0]
        states = (level.snapshot.values for level in thread.levels if level.graph == graph)
        return asking_of(graph, next(states, {}))

    async def _decided(self, thread: Thread, answers: Sequence[Answer]) -> Sequence[Decided]:
        """Keep what answers were decided on, before they are sent."""
        marks = [
            decided_on(each.interrupt, each.digest, each.ask.payload, thread.decided.get(each.interrupt))
            for each in answers
        ]
        await keep(self._saver, self._config(thread, "", Marks()), thread.checkpoint, marks)
        return marks

    async def ask_again(self, thread: Thread) -> None:
        """Let people decide once more what the graph changed after each decision."""
        decided = (thread.decided[each.interrupt.id] for each in thread.pending if thread.drifts_on(each))
        marks = [replace(each, number=each.number + 1) for each in decided]
        await keep(self._saver, self._config(thread, "", Marks()), thread.checkpoint, marks)

    def _marks(self, thread: Thread, *answered: str, calls: Sequence[Approved] = ()) -> Marks:
        """The marks that the thread has, and what is answered now."""
        known = [each for each in thread.mark(keys.ANSWERED).split() if each not in answered]
        remembered = [*known, *answered][-max(_REMEMBERED, len(answered)) :]
        here = len(thread.approved_here) + len(calls)
        return Marks(
            turn=thread.mark(keys.TURN),
            answered=" ".join(remembered),
            code=self.agent.mark,
            said_before=thread.mark(keys.SAID_BEFORE),
            approved=approved.spelled([*thread.approved, *calls], here),
        )

    def config_for_branch(self, target: Thread, key: str) -> dict[str, Any]:
        """For the first checkpoint of a branch: it has the marks that the thread had then, and names the journey."""
        said = self.agent.replies.ending(target.values)
        before = target.mark(keys.ANSWERED), self.agent.mark, said.mark if said else "", target.mark(keys.APPROVED)
        marks = Marks(key, *before)
        return self._config(target, key, marks)

    def config_for_update(self, thread: Thread, answer: Answer) -> dict[str, Any]:
        """For a change of the state that a decision makes: with a mark that only its own checkpoint has."""
        config = self._config(thread, answer.key, self._marks(thread, answer.interrupt))
        return {**config, "metadata": {**config["metadata"], keys.MOVED: answer.interrupt}}

    # Answers ----------------------------------------------------------------------------------------------------------

    async def answer(self, thread: Thread, pending: Pending, answer: Answer) -> Resumed | Stale:
        """Send an answer to an interrupt that waits for it, if it still asks what was shown."""
        asked = self._asked(thread, pending)
        if asked.digest != answer.digest:
            return Stale(CHANGED, self.standstill(thread, Ended()))
        found = _problems(asked.ask, answer)
        if found:
            return await self._not_taken(thread, f"{NOT_TAKEN} {found[0].sentence}".strip())
        return await self._send(thread, answer, dialects.encode(asked.ask, answer.decisions, answer.by))

    async def _send(self, thread: Thread, answer: Answer, sent: dialects.Sent) -> Resumed | Stale:
        decided, calls = await self._decided(thread, [answer]), await self._calls(thread, [answer])
        config = self._config(thread, answer.key, self._marks(thread, answer.interrupt, calls=calls), decided)
        command: Command[Any] = Command(resume={answer.interrupt: sent.resume}, update=sent.update)
        ended = await self._run(command, config, thread.mark(keys.USER), thread)
        if ended.stopped:
            return Resumed(STOPPED)
        after = await self.read(count=ended.error is not None)
        pending = after.find(answer.interrupt)
        if _drifted(thread, after, answer):
            return Stale(DRIFTED, self.standstill(after, ended))
        if ended.error is None or pending is None or pending.standing is not Standing.WAITS:
            return Resumed(self.standstill(after, ended))
        if is_invalid_resume(ended.error):  # it does not fit the schema that the node itself checks: it never will
            return await self._not_taken(after, f"{NOT_TAKEN} {_refused(ended.error)}")
        # It raised before it took the answer: that may pass, and to ask anew would throw people's decision away.
        raise AnswerNotTakenError(sentence(ended.error))

    def ready(self, thread: Thread, answers: Sequence[Answer]) -> Mapping[InterruptId, dialects.Sent] | None:
        """What goes to the graph for each answer, where each one waits as it was shown; None where any does not."""
        sent: dict[InterruptId, dialects.Sent] = {}
        for answer in answers:
            pending = thread.find(answer.interrupt)
            if pending is None or pending.standing is not Standing.WAITS or self.is_outdated(thread, pending):
                return None
            asked = self._asked(thread, pending)
            if asked.digest != answer.digest or _problems(asked.ask, answer):
                return None
            sent[answer.interrupt] = dialects.encode(asked.ask, answer.decisions, answer.by)
        return sent if sum(each.update is not None for each in sent.values()) < 2 else None  # noqa: PLR2004 - one each

    async def send_together(
        self, thread: Thread, answers: Sequence[Answer], sent: Mapping[InterruptId, dialects.Sent]
    ) -> Sequence[Resumed | Stale]:
        """Give all answers in one run. Its key for tools is that of the first.

        Raises AnswerNotTakenError where one could not be stored: delivered again, they are given one after another.
        """
        decided, calls = await self._decided(thread, answers), await self._calls(thread, answers)
        marks = self._marks(thread, *sent, calls=calls)
        update = next((each.update for each in sent.values() if each.update is not None), None)
        command: Command[Any] = Command(resume={key: each.resume for key, each in sent.items()}, update=update)
        config = self._config(thread, answers[0].key, marks, decided)
        ended = await self._run(command, config, thread.mark(keys.USER), thread)
        if ended.stopped:
            return [Resumed(STOPPED)] * len(answers)
        after = await self.read(count=ended.error is not None)
        left = [found for each in answers if (found := after.find(each.interrupt)) is not None]
        if ended.error is not None and any(each.standing is Standing.WAITS for each in left):
            raise AnswerNotTakenError(sentence(ended.error))
        standstill = self.standstill(after, ended)
        return [
            Stale(DRIFTED, standstill) if _drifted(thread, after, each) else Resumed(standstill) for each in answers
        ]

    async def answer_unknown(self, thread: Thread, answer: Answer) -> Resumed | Stale:
        """Run the node again first: where it comes back to the same question without raising, that one waits."""
        ended = await self._none(thread, answer.key)
        if ended.stopped or ended.error is not None:
            return Resumed(await self._rested(ended))
        thread = await self.read()
        pending = thread.find(answer.interrupt)
        if pending is None:
            return await self.after_answer(answer)
        return await self.answer(thread, pending, answer)

    async def after_answer(self, answer: Answer) -> Resumed | Stale:
        """The interrupt is not listed: an earlier delivery took the answer, or it was withdrawn."""
        thread = await self.read(count=True)
        if thread.was_answered(answer.interrupt):
            return Resumed(await self.run_on(thread))
        return Stale(WITHDRAWN, await self.rest(thread))

    async def _not_taken(self, thread: Thread, reason: str) -> Stale:
        """For an answer that can never fit: its question is asked anew, except where a sibling would run again."""
        if thread.step_has_finished_tasks:
            raise AnswerNotTakenError(reason)
        thread, ended = await self._ask_anew(thread)
        return Stale(reason, STOPPED if ended.stopped else self.standstill(thread, ended))

    # Changed code -----------------------------------------------------------------------------------------------------

    def is_outdated(self, thread: Thread, pending: Pending) -> bool:
        """Whether the node's code is another than the one that wrote the checkpoint it waits in."""
        node = self.agent.node_of(pending.path)
        return thread.code.get(node) != self.agent.code.get(node)

    def forbidding(self, thread: Thread, turn: Turn) -> Sequence[Asked]:
        """What waits and may not be voided by this turn; at a breakpoint also what waits beside it."""
        if turn.voids is None:
            return ()
        stand = () if thread.stand is None else (at(self, thread, thread.stand),)
        asked = (*stand, *(self._asked(thread, each) for each in thread.pending if not self._is_lost(thread, each)))
        return [each for each in asked if each.interrupt not in turn.voids]

    def _is_lost(self, thread: Thread, pending: Pending) -> bool:
        """Whether nobody can be asked this any more: it took its answer, or can neither be answered nor asked anew."""
        return pending.standing is Standing.CONSUMED or self.is_orphan(thread, pending)

    def is_orphan(self, thread: Thread, pending: Pending) -> bool:
        """Whether an old question can be neither answered nor asked anew: answered in part, beside finished tasks."""
        return self.is_outdated(thread, pending) and pending.answers > 0 and thread.step_has_finished_tasks

    async def asked_by_old_code(self, thread: Thread, pending: Pending) -> Stale:
        """Never give the answer to other code than the one that asked."""
        reason = NEW_CODE_BESIDE_FINISHED if self.is_orphan(thread, pending) else NEW_CODE
        thread, ended = await self.up_to_date(thread)
        return Stale(reason, STOPPED if ended.stopped else self.standstill(thread, ended))

    async def up_to_date(self, thread: Thread) -> tuple[Thread, Ended]:
        """The thread with every question asked by the code that runs now."""
        if thread.stand is not None:
            return thread, Ended()  # a run would go past the breakpoint
        old = [each for each in thread.pending if self.is_outdated(thread, each)]
        if not old or all(self.is_orphan(thread, each) for each in old):
            return thread, Ended()
        if thread.alone or (any(each.answers for each in old) and not thread.step_has_finished_tasks):
            return await self._ask_anew(thread)
        # Nothing is stored for these tasks, so running them again asks anew and leaves their siblings as they are. The
        # checkpoint stays, so it has to be told whose questions it holds now.
        ended = await self._none(thread)
        if not ended.stopped and ended.error is None:
            nodes = (self.agent.node_of(each.path) for each in old if not each.answers)
            fresh = {node: self.agent.code.get(node, "") for node in nodes}
            marks = replace(self._marks(thread), code=canonical({**thread.code, **fresh}))
            await stamp(self._saver, self._config(thread, "", marks), marks.as_metadata())
        return await self.read(), ended

    async def _ask_anew(self, thread: Thread) -> tuple[Thread, Ended]:
        if self._runs.draining:
            return thread, Ended(stopped=True)
        marks = replace(self._marks(thread), approved=thread.mark(keys.APPROVED))  # what is asked anew is undecided
        await fork(self._saver, self._config(thread, "", marks), marks.as_metadata())
        ended = await self._none(await self.read())
        return await self.read(), ended

    # Where it stands --------------------------------------------------------------------------------------------------

    def standstill(self, thread: Thread, ended: Ended) -> Standstill:
        """What the thread waits for, has to say, and failed with."""
        asked = tuple(
            self._asked(thread, each)
            for each in thread.pending
            if not self._is_lost(thread, each) and not thread.drifts_on(each)
        )
        if thread.stand is not None:
            # A run would go past it: what else is asked or failed has its turn when the breakpoint is decided.
            error = sentence(ended.error) if ended.error is not None else ""
            return Standstill((at(self, thread, thread.stand),), error=error, complete=not thread.pending)
        failed = failure(self, thread, ended) if thread.exists else None
        halts = [each for each in (stopped(self, thread) if thread.exists else None, failed) if each is not None]
        asked = (*asked, *halts)
        reply = None if failed is not None else self._reply(thread, asked)
        error = sentence(ended.error) if ended.error is not None and failed is None else ""
        over = thread.checkpoint if thread.is_over and not asked and not error else ""
        complete = not thread.died and thread.unreadable is None
        return Standstill(asked, reply, error, complete=complete, ended=over)

    def _reply(self, thread: Thread, asked: Sequence[Asked]) -> Reply | None:
        turn, before = thread.mark(keys.TURN), thread.mark(keys.SAID_BEFORE)
        if thread.is_over:
            return self.agent.replies.last_reply(thread.values, self._thread, turn, before)
        prompts = [text for each in asked for text in _shown(each.ask)]
        return self.agent.replies.reply(thread.values, self._thread, turn, before, prompts)

    def _asked(self, thread: Thread, pending: Pending) -> Asked:
        payload = plain(pending.interrupt.value)
        schema = plain(pending.interrupt.response_schema).value
        said = self.agent.replies.said(thread.values)
        ask = dialects.read(
            dialects.Question(
                payload.value,
                schema if isinstance(schema, dict) else None,
                payload.exact,
                self.agent.tools,
                (said.speaker if said else "") or pending.speaker,
                (pending.path.rpartition(SEPARATOR)[2], pending.path),
                self.agent.reading_of(pending.path, payload.value),
                self.agent.texts_of(pending.path),
            ),
            self.agent.spec.answers,
        )
        digest = digest_of(ask, self.agent.fingerprint_of(pending.path))
        drifted_from = thread.drifted_from(pending)
        return Asked(InterruptId(pending.interrupt.id), ask, digest, drifted_from.digest if drifted_from else "")


def _drifted(before: Thread, after: Thread, answer: Answer) -> bool:
    """Whether the graph changed its request, this one or an earlier one of its task: then the answer was dropped."""
    asked = before.find(answer.interrupt)
    beside = [each for each in after.pending if asked is not None and each.namespace == asked.namespace]
    return any(after.drifted_from(each) is not None for each in beside)


def _refused(error: BaseException) -> str:
    """Why a node's own schema refused an answer; a model's validators say it best in their own words.

    https://docs.pydantic.dev/latest/errors/errors/
    """
    listed = getattr(error, "errors", None)
    if not callable(listed):
        return sentence(error)
    found = [(".".join(map(str, each["loc"])), str(each["msg"]).removeprefix("Value error, ")) for each in listed()]
    told = "; ".join(f"{place}: {why}" if place else why for place, why in found)
    return sentence(told).removeprefix("The agent failed: error: ") if told else sentence(error)


def _shown(ask: Ask) -> Iterator[str]:
    """The texts that stand on the card: a draft that waits for its review is not said as though it were the reply."""
    yield ask.prompt
    for action in ask.actions:
        values = action.value.values() if isinstance(action.value, dict) else [action.value]
        yield from (each for each in values if isinstance(each, str))


def _problems(ask: Ask, answer: Answer) -> Sequence[Problem]:
    """Why decisions cannot be sent."""
    if len(answer.decisions) != len(ask.actions):
        return [Problem((), "")]
    actions = zip(ask.actions, answer.decisions, strict=True)
    if any(action.reject_stops and decision.choice is Choice.REJECT for action, decision in actions):
        return [Problem((), "The agent cannot be told no.")]  # a rejection ends the run instead, and is never delivered
    pairs = enumerate(answer.decisions)
    return [problem for position, decision in pairs for problem in dialects.problems(ask, position, decision)]
