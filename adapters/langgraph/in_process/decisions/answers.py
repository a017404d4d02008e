"""Sends answers to the interrupts that wait for them. `adapters.langgraph.in_process.graphs` says when, and why."""

from collections.abc import Mapping, Sequence
from typing import Any

from langgraph.errors import is_invalid_resume
from langgraph.types import Command

from adapters.langgraph import config_keys as keys
from adapters.langgraph import dialects, sentences
from adapters.langgraph.agents import LocalAgent
from adapters.langgraph.dialects.encoded import A_DECISION
from adapters.langgraph.errors import AnswerNotTakenError
from adapters.langgraph.in_process.reports.report import STOPPED, question
from adapters.langgraph.in_process.runs.run import Ended
from adapters.langgraph.in_process.runs.run_saver import run_saver
from adapters.langgraph.in_process.sessions.runner import ThreadRunner
from adapters.langgraph.in_process.threads.outdated import is_orphan, is_outdated
from adapters.langgraph.in_process.threads.thread import AnswerState, Pending, Thread
from engine.asks.ask import Ask, Choice, Decision, ValueProblem
from engine.ids import InterruptId
from engine.ports import Answer, Resumed, Stale


class AnswerSender:
    """Sends answers to one thread."""

    def __init__(self, runner: ThreadRunner) -> None:
        self._runner = runner
        self._session = runner.session
        self._agent = runner.session.agent

    async def answer(self, thread: Thread, pending: Pending, answer: Answer) -> Resumed | Stale:
        """Send an answer to an interrupt that waits for it, if its question is still the one that people saw."""
        asked = question(self._agent, thread, pending)
        if asked.digest != answer.digest:
            return Stale(sentences.CHANGED, self._runner.report(thread))
        found = _problems(self._agent, asked.ask, answer)
        if found:
            return await self._ask_again(thread, f"{sentences.NOT_TAKEN} {found[0].sentence}".strip())
        return await self._send(thread, answer, dialects.encode(asked.ask, answer.decisions, answer.by))

    async def _send(self, thread: Thread, answer: Answer, sent: dialects.Sent) -> Resumed | Stale:
        command: Command[Any] = Command(resume={answer.interrupt: sent.resume}, update=sent.update)
        ended = await self._run(thread, [answer], command)
        if ended.stopped:
            return Resumed(STOPPED)
        after = await self._session.read(count=ended.error is not None)
        pending = after.find(answer.interrupt)
        if _has_drifted(thread, after, answer):
            return Stale(sentences.DRIFTED, self._runner.report(after, ended))
        if ended.error is None or pending is None or pending.state is not AnswerState.WAITS:
            return Resumed(self._runner.report(after, ended))
        if is_invalid_resume(ended.error):  # it does not fit the schema that the node itself checks: it never will
            return await self._ask_again(after, f"{sentences.NOT_TAKEN} {_reason_of_refusal(ended.error)}")
        # The node raised before it took the answer: that may pass, and asking again would lose people's decision.
        raise AnswerNotTakenError(sentences.failure(ended.error))

    async def _run(self, thread: Thread, answers: Sequence[Answer], command: Command[Any]) -> Ended:
        session = self._session
        payloads = await session.payloads_decided(thread, answers)
        calls = await session.calls_decided(thread, answers)
        marks = session.marks(thread, *(each.interrupt for each in answers), calls=calls)
        config = session.config(thread, answers[0].key, marks, payloads)
        notes = session.notes(thread, config)
        async with run_saver(session.saver, session.keep(thread, payloads, calls), thread.again, notes) as saver:
            return await self._runner.run(command, config, thread.mark(keys.USER), thread, saver)

    # Several answers in one run ---------------------------------------------------------------------------------------

    def ready(self, thread: Thread, answers: Sequence[Answer]) -> Mapping[InterruptId, dialects.Sent] | None:
        """Encode every answer; None unless each one's question waits as people saw it."""
        sent: dict[InterruptId, dialects.Sent] = {}
        for answer in answers:
            pending = thread.find(answer.interrupt)
            if pending is None or pending.state is not AnswerState.WAITS or is_outdated(self._agent, thread, pending):
                return None
            asked = question(self._agent, thread, pending)
            if asked.digest != answer.digest or _problems(self._agent, asked.ask, answer):
                return None
            sent[answer.interrupt] = dialects.encode(asked.ask, answer.decisions, answer.by)
        return sent if sum(each.update is not None for each in sent.values()) < 2 else None  # noqa: PLR2004 - one each

    async def send_together(
        self, thread: Thread, answers: Sequence[Answer], sent: Mapping[InterruptId, dialects.Sent]
    ) -> Sequence[Resumed | Stale]:
        """Send all answers in one run. All use the first answer's idempotency key.

        Raises AnswerNotTakenError where one could not be stored: delivered again, they are sent one after another.
        """
        update = next((each.update for each in sent.values() if each.update is not None), None)
        command: Command[Any] = Command(resume={key: each.resume for key, each in sent.items()}, update=update)
        ended = await self._run(thread, answers, command)
        if ended.stopped:
            return [Resumed(STOPPED)] * len(answers)
        after = await self._session.read(count=ended.error is not None)
        left = [found for each in answers if (found := after.find(each.interrupt)) is not None]
        if ended.error is not None and any(each.state is AnswerState.WAITS for each in left):
            raise AnswerNotTakenError(sentences.failure(ended.error))
        report = self._runner.report(after, ended)
        return [
            Stale(sentences.DRIFTED, report) if _has_drifted(thread, after, each) else Resumed(report)
            for each in answers
        ]

    # Answers whose question does not simply wait ----------------------------------------------------------------------

    async def answer_unknown(self, thread: Thread, answer: Answer) -> Resumed | Stale:
        """Run the node again first: if it comes back to the same question without raising, that one waits."""
        ended = await self._runner.run_again(thread, answer.key)
        if ended.stopped or ended.error is not None:
            return Resumed(await self._runner.report_after(ended))
        thread = await self._session.read()
        pending = thread.find(answer.interrupt)
        if pending is None:
            return await self.answer_unlisted(answer)
        return await self.answer(thread, pending, answer)

    async def answer_unlisted(self, answer: Answer) -> Resumed | Stale:
        """For an interrupt that is not listed: an earlier delivery took the answer, or the question was withdrawn."""
        thread = await self._session.read(count=True)
        if thread.was_answered(answer.interrupt):
            named = answer.interrupt in thread.mark(keys.ANSWERED).split()  # then the checkpoint has the run's key, too
            return Resumed(await self._runner.run_on(thread, "" if named else answer.key, answer.interrupt))
        reason = sentences.PERHAPS_TAKEN if thread.may_be_answered(answer.interrupt) else sentences.WITHDRAWN
        return Stale(reason, await self._runner.rest(thread))

    async def answer_outdated(self, thread: Thread, pending: Pending) -> Stale:
        """For a question of older code: let the present code ask, and send nothing."""
        orphan = is_orphan(self._agent, thread, pending)
        thread, ended = await self._runner.up_to_date(thread)
        reason = sentences.NEW_CODE_BESIDE_FINISHED if orphan else sentences.NEW_CODE
        return Stale(reason, STOPPED if ended.stopped else self._runner.report(thread, ended))

    async def _ask_again(self, thread: Thread, reason: str) -> Stale:
        """For an answer that can never fit: ask its question again, except where a sibling would run again."""
        if thread.step_has_finished_tasks:
            raise AnswerNotTakenError(reason)
        thread, ended = await self._runner.ask_anew(thread)
        return Stale(reason, STOPPED if ended.stopped else self._runner.report(thread, ended))


def _has_drifted(before: Thread, after: Thread, answer: Answer) -> bool:
    """Tell whether the graph changed this request, or an earlier one of its task: then the answer was dropped."""
    asked = before.find(answer.interrupt)
    beside = [each for each in after.pending if asked is not None and each.namespace == asked.namespace]
    return any(after.drifted_from(each) is not None for each in beside)


def _reason_of_refusal(error: BaseException) -> str:
    """Say why a node's own schema refused an answer; a model's validators say it best in their own words.

    https://docs.pydantic.dev/latest/errors/errors/
    """
    listed = getattr(error, "errors", None)
    if not callable(listed):
        return sentences.failure(error)
    found = [(".".join(map(str, each["loc"])), str(each["msg"]).removeprefix("Value error, ")) for each in listed()]
    told = "; ".join(f"{place}: {why}" if place else why for place, why in found)
    return sentences.failure(told).removeprefix("The agent failed: error: ") if told else sentences.failure(error)


def _problems(agent: LocalAgent, ask: Ask, answer: Answer) -> Sequence[ValueProblem]:
    """List why decisions cannot be sent: checked when people made them, maybe against another graph of a factory."""
    if len(answer.decisions) != len(ask.actions):
        return [ValueProblem((), "")]
    actions = zip(ask.actions, answer.decisions, strict=True)
    if any(action.reject_stops and decision.choice is Choice.REJECT for action, decision in actions):
        return [
            ValueProblem((), "This request cannot be rejected: a rejection stops the agent instead.")
        ]  # a rejection ends the run instead, and is never delivered
    pairs = enumerate(answer.decisions)
    return [problem for position, decision in pairs for problem in answer_problems(agent, ask, position, decision)]


def answer_problems(agent: LocalAgent, ask: Ask, action: int, decision: Decision) -> Sequence[ValueProblem]:
    """List why a decision does not fit a question, or is one that words may not make."""
    found = dialects.problems(ask, action, decision)
    if found or not dialects.words_may_decide(ask, decision):
        return found
    acts = agent.acts_on(ask.payload, dialects.encode(ask, [decision]).resume)
    return [ValueProblem((), A_DECISION)] if acts else []
