"""Reports a thread to the bot: its open questions and pauses, the agent's reply, and its failure."""

from collections.abc import Iterator, Sequence

from adapters.langgraph import config_keys as keys
from adapters.langgraph import dialects, sentences
from adapters.langgraph.agents import LocalAgent
from adapters.langgraph.dialects.to_json import to_json
from adapters.langgraph.fingerprint import SEPARATOR
from adapters.langgraph.in_process.reports.pause_asks import (
    asked_after_failure,
    asked_at_breakpoint,
    asked_by_node_interrupt,
)
from adapters.langgraph.in_process.runs.run import Ended
from adapters.langgraph.in_process.threads.outdated import code_mark, is_lost
from adapters.langgraph.in_process.threads.thread import Pending, Thread
from engine.asks.ask import Ask, digest_of
from engine.ids import InterruptId, ThreadId
from engine.ports import Asked, Reply, RunResult, Turn

STOPPED = RunResult(stopped=True, complete=False)
"""The report on a run that was asked to stop."""


def report(agent: LocalAgent, thread_id: ThreadId, thread: Thread, ended: Ended, run: str) -> RunResult:
    """Report a thread after a run that ended so; `run` is the run's idempotency key, "" if it is not known."""
    if thread.paused_at is not None:
        # A run would go past it: other questions and failures follow when the breakpoint is decided.
        error = sentences.failure(ended.error) if ended.error is not None else ""
        paused = asked_at_breakpoint(agent, thread, thread.paused_at)
        return RunResult((paused,), error=error, complete=not thread.pending)
    failed = asked_after_failure(run, thread, ended) if thread.exists else None
    stopped = asked_by_node_interrupt(agent, thread) if thread.exists else None
    asked = (*_questions(agent, thread), *(each for each in (stopped, failed) if each is not None))
    reply = None if failed is not None else _reply(agent, thread_id, thread, asked)
    error = sentences.failure(ended.error) if ended.error is not None and failed is None else ""
    over = thread.checkpoint if thread.is_over and not asked and not error else ""
    complete = not thread.died and thread.unreadable is None
    return RunResult(asked, reply, error, complete=complete, ended=over)


def _questions(agent: LocalAgent, thread: Thread) -> Iterator[Asked]:
    for each in thread.pending:
        if not is_lost(agent, thread, each) and not thread.drifts_on(each):
            yield question(agent, thread, each)


def question(agent: LocalAgent, thread: Thread, pending: Pending) -> Asked:
    """Read a question of the graph by the dialects."""
    payload = pending.payload
    schema = to_json(pending.interrupt.response_schema).value
    said = agent.replies.utterance(thread.values)
    ask = dialects.read(
        dialects.Question(
            payload.value,
            schema if isinstance(schema, dict) else None,
            payload.exact,
            agent.tools,
            (said.speaker if said else "") or pending.speaker,
            (pending.path.rpartition(SEPARATOR)[2], pending.path),
            agent.reading_of(pending.path, payload.value),
            agent.texts_of(pending.path),
        ),
        agent.spec.answers,
    )
    digest = digest_of(ask, code_mark(agent, thread, pending))
    before = thread.drifted_from(pending)
    decided = thread.waits_although_decided(pending, digest)
    return Asked(InterruptId(pending.interrupt.id), ask, digest, before.digest if before else "", decided)


def forbidding(agent: LocalAgent, thread: Thread, turn: Turn) -> Sequence[Asked]:
    """The open questions that a turn may not void; at a breakpoint also those that wait beside it."""
    if turn.voids is None:
        return ()
    paused = () if thread.paused_at is None else (asked_at_breakpoint(agent, thread, thread.paused_at),)
    asked = (*paused, *(question(agent, thread, each) for each in thread.pending if not is_lost(agent, thread, each)))
    return [each for each in asked if each.interrupt not in turn.voids]


def _reply(agent: LocalAgent, thread_id: ThreadId, thread: Thread, asked: Sequence[Asked]) -> Reply | None:
    turn, before = thread.mark(keys.TURN), thread.mark(keys.SAID_BEFORE)
    if thread.is_over:
        return agent.replies.last_reply(thread.values, thread_id, turn, before)
    prompts = [text for each in asked for text in _texts(each.ask)]
    return agent.replies.reply(thread.values, thread_id, turn, before, prompts)


def _texts(ask: Ask) -> Iterator[str]:
    """The texts on the card: a draft that waits for its review is not repeated as a reply."""
    yield ask.prompt
    for action in ask.actions:
        values = action.value.values() if isinstance(action.value, dict) else [action.value]
        yield from (each for each in values if isinstance(each, str))
