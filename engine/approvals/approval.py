"""An approval: one interrupt of one thread, from the moment it is asked until the graph has its answer.

Each action of the ask has a `Review` of its own: its revision, the votes on that revision, and in the end its decision.
An edit starts a new revision and clears the votes: nobody's approval ever counts for arguments that they did not see.
Revisions are counted for each action, not for the whole approval, so an edit of one tool call leaves the buttons of
its neighbours alive.

`version` counts writes; the store compares it before it writes. Nobody sees it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from engine.asks.ask import Ask, Choice, Decision, Json
from engine.authority.hours import after
from engine.authority.policy import Deadlines, Policy, escalated
from engine.ids import (
    AgentName,
    ApprovalId,
    ChannelId,
    GrantId,
    InterruptId,
    MessageTs,
    SheetId,
    TeamId,
    ThreadId,
    UserId,
)
from engine.sources import Ground, SourceFailure

GRANT_OF = "grant by "
"""Prefix of `Review.automatic` for a decision by a grant; what follows it is trusted mrkdwn."""


class State(StrEnum):
    """The state of an approval; `engine.machine.transitions` has the table of how it changes."""

    PENDING = "pending"
    DECIDED = "decided"
    """Decided by people, a rule or a grant, or rejected by expiry; the graph does not have the answer yet."""
    DELIVERED = "delivered"
    """The graph has the answer."""
    UNDELIVERABLE = "undeliverable"
    """Decided, but the graph no longer asks this: nothing was sent to it."""
    EXPIRED = "expired"
    """Nobody decided in time, and the rule says that this ends the run."""
    STOPPED = "stopped"
    """Rejected, but the graph has no answer that means no: it got none, and the rejection ended the run."""
    WITHDRAWN = "withdrawn"
    """The graph no longer asks, and nobody had decided."""


OPEN = frozenset({State.PENDING, State.DECIDED})
"""The states in which something is still going to happen."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in Slack: a channel or direct message, and the thread in it (None: at the channel's root)."""

    team: TeamId
    channel: ChannelId
    thread_ts: MessageTs | None = None


@dataclass(frozen=True, slots=True)
class PressedOn:
    """The message whose button was pressed. `own`: the bot posted it."""

    place: Place
    message: MessageTs
    own: bool


@dataclass(frozen=True, slots=True)
class Fills:
    """A part of a policy that a person can fill: its stage, and its place in it."""

    stage: int
    place: int


@dataclass(frozen=True, slots=True)
class Vote:
    """One person's vote on one revision of an action; `said` is the message in which it was given, if it was one.

    `option` is the node's word if the choice is one of its own. `grounds` say why this person might decide (P11);
    `fills` are the parts of the policy that they could fill when that was last checked.
    """

    by: UserId
    choice: Choice
    at: datetime
    text: str = ""
    said: MessageTs | None = None
    option: str = ""
    grounds: tuple[Ground, ...] = ()
    fills: tuple[Fills, ...] = ()


@dataclass(frozen=True, slots=True)
class Words:
    """Words that the requester wrote before a question was posted; `said` is the message."""

    text: str
    said: MessageTs


def supports(vote: Vote, outcome: Vote | Decision) -> bool:
    """True if a vote counts for an outcome. An edit approves its own result, and so do approvals after it."""
    approving = (Choice.APPROVE, Choice.EDIT)
    if vote.choice in approving and outcome.choice in approving:
        return True
    return (vote.choice, vote.option) == (outcome.choice, outcome.option)


@dataclass(frozen=True, slots=True)
class Review:
    """The progress of one action. `value` is the current one; the ask's action keeps what the graph proposed."""

    value: Json
    policy: Policy
    revision: int = 1
    votes: tuple[Vote, ...] = ()
    edited_by: UserId | None = None
    decision: Decision | None = None
    decided_at: datetime | None = None
    escalated: int = 0
    """The steps of its ladder that were taken."""
    automatic: str = ""
    """The rule or grant that decided it, if no person did."""
    grant: GrantId = GrantId("")  # noqa: RUF009 - a string
    """The grant that was given with its approval, or that decided it."""
    allowed_until: datetime | None = None
    """The end of the grant that was given with its approval."""
    revoked_by: UserId | None = None
    """The person who revoked that grant."""

    @property
    def governing(self) -> Policy:
        """The policy with the people whom its ladder added so far."""
        return escalated(self.policy, self.escalated)

    @property
    def deciders(self) -> tuple[UserId, ...]:
        """The people whose votes made the decision; empty for an expiry."""
        if self.decision is None:
            return ()
        return tuple(vote.by for vote in self.votes if supports(vote, self.decision))


@dataclass(frozen=True, slots=True)
class Replaced:
    """A decided request that the graph changed before it ran any of it.

    `outcome` is a past participle, `by` are the people who decided, `values` the values of its actions.
    """

    outcome: str
    by: tuple[UserId, ...]
    values: tuple[Json, ...]


class Notify(StrEnum):
    """The ways of telling people who may decide of a request."""

    MENTION = "mention"
    """Its card mentions them."""
    DIRECT = "dm"
    """Each gets the card in a direct message."""
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Calling:
    """The way in which people are called. `broadcast`: a card in a thread is also shown in its channel."""

    notify: Notify = Notify.NONE
    broadcast: bool = False


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of the card in a person's direct messages."""

    user: UserId
    channel: ChannelId
    card: MessageTs


@dataclass(frozen=True, slots=True)
class NotCalled:
    """People who can decide and were not called: `more` are beyond the number that is called at once.

    `failed` are sources that could not be read; `unreached` are people who left or accept no messages. `later`: some
    cannot be called by the card itself, and are called once it is posted.
    """

    more: int = 0
    later: bool = False
    failed: tuple[SourceFailure, ...] = ()
    unreached: tuple[UserId, ...] = ()


@dataclass(frozen=True, slots=True)
class Looking:
    """A person said that they are looking at it: `until` then, reminders and the ladder rest."""

    by: UserId
    until: datetime


@dataclass(frozen=True, slots=True)
class Approval:
    """One request, its rules and its outcome.

    `place` is the card's place, `card` the card's `ts` once it is posted; `home` is the conversation in which the agent
    was started, which may be another place. Times are aware, in UTC.
    """

    id: ApprovalId
    thread: ThreadId
    agent: AgentName
    interrupt: InterruptId
    digest: str
    ask: Ask
    deadlines: Deadlines
    requester: UserId
    home: Place
    place: Place
    created_at: datetime
    reviews: tuple[Review, ...]
    state: State = State.PENDING
    card: MessageTs | None = None
    closed_at: datetime | None = None
    note: str = ""
    """One sentence for people about why it is withdrawn or undeliverable."""
    version: int = 0
    sheet: SheetId = SheetId("")  # noqa: RUF009 - a string
    """The message that it shares with other approvals; then `card` is that message's `ts`."""
    replaced: Replaced | None = None
    """The earlier decided request, if the graph changed it to this one."""
    offered: tuple[Words, ...] = ()
    """The words that a button on the card sends as the answer, all together: see `engine.conversation`."""
    calling: Calling = Calling()
    called: tuple[UserId, ...] = ()
    """The people who were called."""
    not_called: NotCalled = NotCalled()
    copies: tuple[Copy, ...] = ()
    copying: tuple[UserId, ...] = ()
    """The people for whom a copy is being posted: an attempt that was cut off may have posted it."""
    signpost: MessageTs | None = None
    """The message in its conversation that points to its card, if the card is in another channel."""
    reminded: int = 0
    """The number of reminders that were given."""
    looking: tuple[Looking, ...] = ()
    rested: timedelta = timedelta()
    """The time for which reminders and the ladder rested."""
    extended: timedelta = timedelta()
    """The time by which people moved its expiry."""
    renewed: timedelta = timedelta()
    """The time by which steps of its ladder, taken at the expiry, moved it."""
    handed_to: UserId | None = None
    """The person to whom an approver handed the decision over."""
    nudged_at: datetime | None = None
    """The last time its requester sent a reminder."""
    awaits: datetime | None = None
    """The expiry waits until then, while a click that was made in time is being looked up."""
    withdrawn_by: UserId | None = None
    operator: str = ""
    """The bot's operator who withdrew it on the command line: a user name of that machine (untrusted)."""
    edition: str = ""
    """The edition of the rules under which it was asked."""
    considered: tuple[str, ...] = ()
    """The acts that were kept until their author was looked up, and then counted: a lane may deliver them again."""
    quiet: bool = False
    """A rule decided it and wants no card."""
    first_card: MessageTs | None = None
    """The card on which people first saw it, if that is not the one that it has now."""
    asked_after: MessageTs | None = None
    """A message that was in Slack before this was asked: by Slack's clock, no card and no copy of it is older."""

    @property
    def seen_since(self) -> MessageTs | None:
        """The card on which people first saw it; None: it was not posted yet."""
        return self.first_card or self.card

    @property
    def holds(self) -> bool:
        """True if new input for the thread has to wait for it."""
        return self.state in OPEN and self.ask.holds

    @property
    def is_withdrawn(self) -> bool:
        """True if its requester or the bot's operator withdrew it."""
        return self.withdrawn_by is not None or bool(self.operator)

    @property
    def expires_at(self) -> datetime | None:
        """The time at which it expires, if it does."""
        if self.deadlines.expires_after is None:
            return None
        hours = None if self.deadlines.always else self.deadlines.hours
        return after(self.created_at, self.deadlines.expires_after + self.extended + self.renewed, hours)

    @property
    def remind_at(self) -> datetime | None:
        """The time of the next reminder, if there is one."""
        left = self.deadlines.reminders[self.reminded :]
        return self._rested(left[0]) if left else None

    @property
    def escalates_at(self) -> datetime | None:
        """The time of the next step of a ladder, if there is one."""
        steps = (self.rung_due(review) for review in self.reviews if review.decision is None)
        return min((at for at in steps if at is not None), default=None)

    def rung_due(self, review: Review) -> datetime | None:
        """The time of the next step of a review's ladder, if there is one."""
        left = review.policy.ladder[review.escalated :]
        return self._rested(left[0].after) if left else None

    def _rested(self, span: timedelta) -> datetime:
        return after(self.created_at, span + self.rested, self.deadlines.hours)

    @property
    def calls_directly(self) -> bool:
        """True if people may have its card in their direct messages."""
        return self.calling.notify is Notify.DIRECT or bool(self.copies) or any(each.escalated for each in self.reviews)

    @property
    def is_elsewhere(self) -> bool:
        """True if its card is outside of its conversation."""
        return self.place.channel != self.home.channel

    @property
    def mentions(self) -> bool:
        """True if its card calls people by mentioning them."""
        return self.calling.notify is Notify.MENTION

    @property
    def names_nobody_yet(self) -> bool:
        """True if its card, when it is posted, must leave out the people of its rules so as not to call them."""
        if self.card is not None or self.mentions:
            return False
        return any(part.named for review in self.reviews for part in review.governing.parts)

    @property
    def calls(self) -> bool:
        """True if people may have to be told of it by more than the card in its place."""
        return self.calling.notify is not Notify.NONE or self.is_elsewhere or self._has_joined

    @property
    def calls_when_posted(self) -> bool:
        """True if people have to be told of it besides those whom its card mentions."""
        return self.calls and (not self.mentions or self.not_called.later or self.is_elsewhere or self._has_joined)

    @property
    def _has_joined(self) -> bool:
        """True if other people than those first asked are to decide it."""
        return self.handed_to is not None or any(each.escalated for each in self.reviews)

    @property
    def rule(self) -> str:
        """The names of the rules under which it is decided, for the audit."""
        return ", ".join(dict.fromkeys(review.policy.rule for review in self.reviews))

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """All decisions, in the order of the actions. Raises ValueError while one is missing."""
        made = tuple(review.decision for review in self.reviews if review.decision is not None)
        if len(made) != len(self.reviews):
            raise ValueError(f"{self.id} has actions that are not decided")
        return made

    @property
    def stopping(self) -> Review | None:
        """The review whose rejection stops the run, if there is one."""
        pairs = zip(self.ask.actions, self.reviews, strict=True)
        found = (review for action, review in pairs if action.reject_stops and review.decision is not None)
        return next((each for each in found if each.decision and each.decision.choice is Choice.REJECT), None)

    @property
    def deciders(self) -> tuple[UserId, ...]:
        """The people whose votes counted, each once, in order."""
        return tuple(dict.fromkeys(user for review in self.reviews for user in review.deciders))


def open_reviews(ask: Ask, policies: tuple[Policy, ...]) -> tuple[Review, ...]:
    """Make the reviews of a new ask, with one policy for each action."""
    return tuple(Review(action.value, policy) for action, policy in zip(ask.actions, policies, strict=True))


def people_of(approval: Approval) -> tuple[UserId, ...]:
    """The requester and everybody whose vote it has."""
    voters = (vote.by for review in approval.reviews for vote in review.votes)
    return tuple(dict.fromkeys((approval.requester, *voters)))


def policies_of(approvals: Iterable[Approval]) -> tuple[Policy, ...]:
    """The policies of all requests, each once; questions and failures decide nothing."""
    deciding = (each for each in approvals if not each.ask.is_the_requesters)
    return tuple(dict.fromkeys(review.policy for each in deciding for review in each.reviews))
