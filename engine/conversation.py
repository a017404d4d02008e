"""Conversations: the thread that a message belongs to, and its meaning there: a new turn, an answer, a comment.

A conversation is one LangGraph thread, with one agent and one requester. In a channel it is a Slack thread. The root of
a direct message with the bot is one conversation, and each Slack thread in it is another, except the thread under a
card: a reply there belongs to the card's conversation.

A message answers a question only if it was sent after the question was first posted (P3). Both `ts` are of Slack's
clock, so the comparison does not depend on ours. A message that was typed while the agent was still working is never
taken as the answer to a question that its author had not seen.

Nor is it dropped. People write two or three messages in a row, so every message that cannot be passed on yet is held:
* If one question in words is open, its card quotes the held messages in full, with a button that sends them as the
  answer. Only their author can press it, and it sends what the card showed, never a message that came in later.
* If the author answers otherwise, the messages stay held, and the next question offers them again.
* When nothing is open any more, each held message is handled as if it had just come. A remark between people in a
  channel, which was held because it may have been an answer, is then ignored.
With several open questions, or one that a form answers, nothing is offered: nobody can tell which one is meant.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from engine.approvals.approval import OPEN, Approval, Place, State, Words
from engine.approvals.effects import Hear
from engine.asks.ask import Kind
from engine.authority.eligibility import may_open
from engine.authority.policy import Subject
from engine.ids import AgentName, ApprovalId, ChannelId, MessageTs, ThreadId, UserId
from engine.sentences import notices

_STARTS_WITH_MENTION = re.compile(r"\s*<@[A-Z0-9]+")


@dataclass(frozen=True, slots=True)
class Conversation:
    """One LangGraph thread in Slack.

    `opened_by` is the message that began it, `turn` the last one that the agent got as new input; `held` are messages
    that wait until the open approvals are decided.
    """

    thread: ThreadId
    agent: AgentName
    requester: UserId
    place: Place
    direct: bool
    started_at: datetime
    turn: MessageTs | None = None
    held: tuple[Hear, ...] = ()
    opened_by: MessageTs | None = None
    said: str = ""
    """The key of the agent's last reply, so that the same reply is not posted again."""
    ended: str = ""
    """The last end of a turn that was posted: see `RunResult` in `engine.ports`."""
    live: MessageTs | None = None
    """The message that shows the words of a run, from before the run until the reply replaces it."""


def thread_id(place: Place) -> ThreadId:
    """Make the thread's id from the place: always the same one, so nothing has to be looked up or stored.

    In a channel, `place.thread_ts` is the root message's `ts`.
    """
    return ThreadId(f"{place.team}:{place.channel}:{place.thread_ts or 'root'}")


def channel_of(thread: ThreadId) -> ChannelId:
    """Find the channel in a thread's id; "" for an id that `thread_id` did not make."""
    return ChannelId(thread.split(":")[1] if thread.count(":") == 2 else "")  # noqa: PLR2004 - TEAM:CHANNEL:TS


def is_after(message: MessageTs, other: MessageTs) -> bool:
    """True if a message was sent after another one of the same channel."""
    return _order(message) > _order(other)


def _order(ts: MessageTs) -> tuple[int, int]:
    seconds, _, serial = ts.partition(".")
    return int(seconds), int(serial or 0)


# What a message does --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewTurn:
    """It is input for the agent, and starts the conversation if there is none yet."""


@dataclass(frozen=True, slots=True)
class AnswerTo:
    """It answers this request."""

    approval: Approval


@dataclass(frozen=True, slots=True)
class Wait:
    """A question is being posted: nobody can tell yet whether the message came before or after it."""

    approval: ApprovalId
    """The question."""


@dataclass(frozen=True, slots=True)
class Hold:
    """It is held: as new input it would void an open request, and it answers none."""


@dataclass(frozen=True, slots=True)
class Explain:
    """It has no effect, and its author is told why."""

    sentence: str


@dataclass(frozen=True, slots=True)
class Undecided:
    """It is a decision in words, which never counts: its author is pointed to the buttons, if they may decide."""

    approvals: tuple[Approval, ...]


@dataclass(frozen=True, slots=True)
class Comment:
    """It is not for the agent."""


Meaning: TypeAlias = NewTurn | AnswerTo | Wait | Hold | Explain | Undecided | Comment

MOST_HELD = 50
MOST_HELD_TEXT = 100_000
"""The most messages held in one conversation, and their characters: each one rewrites the conversation."""


def has_room(conversation: Conversation, heard: Hear) -> bool:
    """True if one more message can be held; the first always can, however long."""
    held = conversation.held
    text = sum(len(each.text) + len(each.opening) for each in (*held, heard))
    return not held or (len(held) < MOST_HELD and text <= MOST_HELD_TEXT)


def meaning(heard: Hear, conversation: Conversation | None, approvals: Iterable[Approval]) -> Meaning:
    """Find the meaning of a message in its thread, given the thread's open approvals.

    A message that is delivered again, because its handler died, means the same as before: the graph does not have the
    answer that it became yet, since that effect waits behind it in the same lane.
    """
    if conversation is None:
        return _without_conversation(heard)
    approvals = tuple(approvals)
    if heard.ts == conversation.turn:
        return NewTurn()
    if any(vote.said == heard.ts for approval in approvals for review in approval.reviews for vote in review.votes):
        return Comment()
    waiting = tuple(each for each in approvals if each.state is State.PENDING and _is_decided_by_button(each))
    if heard.user != conversation.requester:
        return Undecided(waiting) if waiting and _decides(heard.text) else _of_somebody_else(heard, conversation)
    open_ones = [approval for approval in approvals if approval.state in OPEN]
    questions = [each for each in open_ones if is_answered_in_words(each)]
    if questions and not (_to_somebody_else(heard) and not conversation.direct):
        return _as_answer(heard, questions)
    if waiting and _decides(heard.text):
        return Undecided(waiting)
    if not heard.mentioned:
        under_way = any(each.ask.is_question and each.state is State.DECIDED for each in open_ones)
        return Hold() if under_way else Comment()
    return Hold() if any(each.holds for each in open_ones) else NewTurn()


_DECIDING = re.compile(
    r"(please )?(approved?|yes|yep|yeah|yup|y|ok(ay)?|k|lgtm|looks good( to me)?|go( ahead| for it)?|ship it|do it|sure"
    r"|fine|agreed?|accept(ed)?|confirm(ed)?|continue|proceed|reject(ed)?|den(y|ied)|declined?|no|nope|n|don't|stop"
    r"|\+1|-1|👍|👎|✅|❌|:(\+1|-1|thumbsup|thumbsdown|white_check_mark|heavy_check_mark|ok_hand|x):)"
    r"( (it|this|that|the request|please|from me))*[\s.!]*",
    re.IGNORECASE,
)
_CANCELLING = re.compile(
    r"(please )?(cancel|withdraw)( (it|this|that|(my|the) requests?|all|everything|please))*[\s.!]*", re.IGNORECASE
)
_MOST_OF_A_WORD = 60


def _decides(text: str) -> bool:
    """True if the text is a decision and nothing else."""
    return len(text) <= _MOST_OF_A_WORD and _DECIDING.fullmatch(text.strip()) is not None


def cancels(text: str) -> bool:
    """True if the text withdraws a request and says nothing else."""
    return len(text) <= _MOST_OF_A_WORD and _CANCELLING.fullmatch(text.strip()) is not None


def withdrawn_by(user: UserId, approvals: Iterable[Approval]) -> tuple[ApprovalId, ...]:
    """List the open requests that a person withdraws in words. If a question waits, words are its answer."""
    approvals = [each for each in approvals if each.state in OPEN]
    if any(is_answered_in_words(each) for each in approvals):
        return ()
    return tuple(each.id for each in approvals if each.requester == user and _is_decided_by_button(each))


def _is_decided_by_button(approval: Approval) -> bool:
    """True for a request, which only buttons decide."""
    return approval.ask.is_withdrawable and not is_answered_in_words(approval)


def is_answered_in_words(approval: Approval) -> bool:
    """True for an open question to the requester in this place. Other people whom a rule names use the button."""
    if not approval.ask.is_question or approval.state is not State.PENDING or approval.place != approval.home:
        return False
    return may_open(approval.reviews[0].policy, approval.requester, approval.requester, Subject.QUESTION) is None


def may_answer(heard: Hear, approval: Approval) -> bool:
    """True if a message that was not read yet may turn out to be the answer to this question, by `meaning`."""
    return heard.user == approval.requester and _may_have_seen(heard, approval)


def _may_have_seen(heard: Hear, approval: Approval) -> bool:
    return approval.seen_since is None or is_after(heard.ts, approval.seen_since)


def offered_to(conversation: Conversation, approvals: Iterable[Approval]) -> tuple[Approval, tuple[Words, ...]] | None:
    """Find the open question that the held messages may answer, and their words; None unless there is exactly one."""
    questions = [each for each in approvals if is_answered_in_words(each)]
    if len(questions) != 1 or questions[0].ask.kind is not Kind.QUESTION or questions[0].sheet:
        return None
    if len(questions[0].ask.actions) > 1:
        return None
    return questions[0], tuple(Words(each.text, each.ts) for each in conversation.held if each.text.strip())


def _without_conversation(heard: Hear) -> Meaning:
    if heard.agent is not None:
        return NewTurn()
    return Explain(heard.help or notices.NO_AGENT) if heard.mentioned else Comment()


def _of_somebody_else(heard: Hear, conversation: Conversation) -> Meaning:
    if not heard.mentioned:
        return Comment()
    return Explain(notices.not_yours(conversation.requester))


def _to_somebody_else(heard: Hear) -> bool:
    return not heard.mentioned and _STARTS_WITH_MENTION.match(heard.text) is not None


def _as_answer(heard: Hear, questions: Sequence[Approval]) -> Meaning:
    if (unposted := next((each for each in questions if each.seen_since is None), None)) is not None:
        return Wait(unposted.id)
    asked = [each for each in questions if _may_have_seen(heard, each)]
    asked = [each for each in asked if each.card == heard.under] or asked
    if not asked:
        return Hold()
    if len(asked) == 1 and asked[0].ask.kind is Kind.FORM:
        return Explain(notices.USE_FORM)
    if len(asked) > 1 or len(asked[0].ask.actions) > 1:
        return Explain(notices.WHICH)
    if not heard.text.strip():
        return Explain(notices.NO_WORDS)
    return AnswerTo(asked[0])
