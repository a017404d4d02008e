"""An approval: one interrupt of one thread, from the moment it is asked until the graph has its answer.

Each action of the ask has a `Review` of its own: its revision, the votes on that revision, and in the end its decision.
An edit starts a new revision and clears the votes: nobody's approval ever counts for arguments that they did not see.
Revisions are counted for each action, not for the whole approval, so that an edit of one tool call leaves the buttons
of its neighbours alive.

`version` counts writes and is what the store compares before it writes: it is not shown to anybody.
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
    """Where an approval stands. The table of `engine.machine` says how it moves."""

    PENDING = "pending"
    DECIDED = "decided"
    """Decided by people, or rejected by expiry; the graph does not have the answer yet."""
    DELIVERED = "delivered"
    """The graph has the answer."""
    UNDELIVERABLE = "undeliverable"
    """Decided, but the graph no longer asks this: nothing was sent to it."""
    EXPIRED = "expired"
    """Nobody decided in time, and the rule says that the run ends with it."""
    STOPPED = "stopped"
    """Rejected where the graph knows no answer that means no: it got none, and the run ended with the rejection."""
    WITHDRAWN = "withdrawn"
    """The graph no longer asks, and nobody had decided."""


OPEN = frozenset({State.PENDING, State.DECIDED})
"""The states in which something is still to happen."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in Slack: a channel or direct message, and the thread in it (None: at the channel's root)."""

    team: TeamId
    channel: ChannelId
    thread_ts: MessageTs | None = None


@dataclass(frozen=True, slots=True)
class PressedOn:
    """The message that a button was pressed on. `own` is true for one that the bot posted itself."""

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
    """One person's word on one revision of an action; `said` is the message that it was given in, if it was one.

    `option` is the node's word where the choice is one of its own. `grounds` say why this person might decide (P11);
    `fills` are the parts of the policy that they could fill, as of the last time that was looked at.
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
    """What the requester wrote before a question stood in Slack; `said` is the message."""

    text: str
    said: MessageTs


def supports(vote: Vote, outcome: Vote | Decision) -> bool:
    """Whether a vote counts for an outcome: who edits approves what they made of it, and who approves after, too."""
    approving = (Choice.APPROVE, Choice.EDIT)
    if vote.choice in approving and outcome.choice in approving:
        return True
    return (vote.choice, vote.option) == (outcome.choice, outcome.option)


@dataclass(frozen=True, slots=True)
class Review:
    """How far one action is. `value` is what stands now; what the graph proposed stays in the ask's action."""

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
    """What decided it where no person did: the rule, or the grant."""
    grant: GrantId = GrantId("")  # noqa: RUF009 - a string
    """The grant that was given with its approval, or that decided it."""
    allowed_until: datetime | None = None
    """Until when calls like it are allowed, where a grant was given with its approval."""
    revoked_by: UserId | None = None
    """Who took that grant back."""

    @property
    def governing(self) -> Policy:
        """The policy with everybody whom its ladder added so far."""
        return escalated(self.policy, self.escalated)

    @property
    def deciders(self) -> tuple[UserId, ...]:
        """Those whose votes made the decision; empty for an expiry."""
        if self.decision is None:
            return ()
        return tuple(vote.by for vote in self.votes if supports(vote, self.decision))


@dataclass(frozen=True, slots=True)
class Replaced:
    """A request that was decided, and that the graph changed before anything of it was run.

    `outcome` is a past participle, `by` are those who decided, `values` what each of its actions stood at.
    """

    outcome: str
    by: tuple[UserId, ...]
    values: tuple[Json, ...]


class Notify(StrEnum):
    """How the people who may decide hear of a request."""

    MENTION = "mention"
    """Its card mentions them."""
    DIRECT = "dm"
    """Each gets the card in a direct message."""
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Calling:
    """Who is called, and how. `broadcast`: a card in a thread is shown in its channel, too."""

    notify: Notify = Notify.NONE
    broadcast: bool = False


@dataclass(frozen=True, slots=True)
class Copy:
    """The card in somebody's direct messages: one more place of the same truth."""

    user: UserId
    channel: ChannelId
    card: MessageTs


@dataclass(frozen=True, slots=True)
class NotCalled:
    """Those who can decide and were not called: `more` are beyond the most that are called at once.

    `failed` are the sources that nobody could be called by; `unreached` are named, and left or take no messages.
    `later`: some cannot be called by the card itself, and are once it stands.
    """

    more: int = 0
    later: bool = False
    failed: tuple[SourceFailure, ...] = ()
    unreached: tuple[UserId, ...] = ()


@dataclass(frozen=True, slots=True)
class Looking:
    """Somebody said that they are looking at it: until then reminders and the ladder rest."""

    by: UserId
    until: datetime


@dataclass(frozen=True, slots=True)
class Approval:
    """One question, its rules and its outcome.

    `place` is where its card stands, `card` the card's `ts` once it is posted; `home` is the conversation that the
    agent was started in, which may be elsewhere. Times are aware, in UTC.
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
    """Why it is withdrawn or undeliverable: one sentence for people."""
    version: int = 0
    sheet: SheetId = SheetId("")  # noqa: RUF009 - a string
    """The message that it shares with others; then `card` is that message's `ts`."""
    replaced: Replaced | None = None
    """What was decided before the graph changed its request to this one."""
    offered: tuple[Words, ...] = ()
    """What a button on the card sends as the answer, all of it: see `engine.conversation`."""
    calling: Calling = Calling()
    called: tuple[UserId, ...] = ()
    """Those who were called."""
    not_called: NotCalled = NotCalled()
    copies: tuple[Copy, ...] = ()
    signpost: MessageTs | None = None
    """The message in its conversation that says where its card stands, where that is elsewhere."""
    reminded: int = 0
    """Reminders that were given."""
    looking: tuple[Looking, ...] = ()
    rested: timedelta = timedelta()
    """How long reminders and the ladder rested."""
    extended: timedelta = timedelta()
    """By how much people put off its expiry."""
    renewed: timedelta = timedelta()
    """By how much steps of its ladder that were taken at its expiry put that off."""
    handed_to: UserId | None = None
    """The person whom an approver asked to decide."""
    nudged_at: datetime | None = None
    """When its requester last had those who can decide reminded."""
    awaits: datetime | None = None
    """The earliest expiry, while a click made in time is being looked up."""
    withdrawn_by: UserId | None = None
    edition: str = ""
    """The edition of the rules that it was asked under."""
    considered: tuple[str, ...] = ()
    """What was kept to be looked up, and counted: its lane may deliver it again."""
    quiet: bool = False
    """Decided by a rule that wants no card."""

    @property
    def holds(self) -> bool:
        """Whether new input for the thread has to wait for it."""
        return self.state in OPEN and self.ask.holds

    @property
    def expires_at(self) -> datetime | None:
        """When it expires, if it does."""
        if self.deadlines.expires_after is None:
            return None
        hours = None if self.deadlines.always else self.deadlines.hours
        return after(self.created_at, self.deadlines.expires_after + self.extended + self.renewed, hours)

    @property
    def remind_at(self) -> datetime | None:
        """When the next reminder is due, if there is one."""
        left = self.deadlines.reminders[self.reminded :]
        return self._rested(left[0]) if left else None

    @property
    def escalates_at(self) -> datetime | None:
        """When the next step of a ladder is due, if there is one."""
        steps = (self.rung_due(review) for review in self.reviews if review.decision is None)
        return min((at for at in steps if at is not None), default=None)

    def rung_due(self, review: Review) -> datetime | None:
        """When the next step of a review's ladder is due."""
        left = review.policy.ladder[review.escalated :]
        return self._rested(left[0].after) if left else None

    def _rested(self, span: timedelta) -> datetime:
        return after(self.created_at, span + self.rested, self.deadlines.hours)

    @property
    def calls_directly(self) -> bool:
        """Whether somebody may have its card in their direct messages."""
        return self.calling.notify is Notify.DIRECT or bool(self.copies) or any(each.escalated for each in self.reviews)

    @property
    def is_elsewhere(self) -> bool:
        """Whether its card stands outside of its conversation."""
        return self.place.channel != self.home.channel

    @property
    def mentions(self) -> bool:
        """Whether its card calls people by mentioning them."""
        return self.calling.notify is Notify.MENTION

    @property
    def names_nobody_yet(self) -> bool:
        """Whether its card leaves out the people of its rules, since it is yet to be posted and must not call them."""
        if self.card is not None or self.mentions:
            return False
        return any(part.named for review in self.reviews for part in review.governing.parts)

    @property
    def calls(self) -> bool:
        """Whether somebody may have to hear of it by more than the card in its place."""
        return self.calling.notify is not Notify.NONE or self.is_elsewhere or self._has_joined

    @property
    def calls_when_posted(self) -> bool:
        """Whether somebody has to hear of it besides those whom its card mentions."""
        return self.calls and (not self.mentions or self.not_called.later or self.is_elsewhere or self._has_joined)

    @property
    def _has_joined(self) -> bool:
        """Whether others than those who were asked at first shall decide it."""
        return self.handed_to is not None or any(each.escalated for each in self.reviews)

    @property
    def rule(self) -> str:
        """The rules it is decided under, for the audit."""
        return ", ".join(dict.fromkeys(review.policy.rule for review in self.reviews))

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """All decisions, in the order of the actions.

        Raises ValueError while one is missing.
        """
        made = tuple(review.decision for review in self.reviews if review.decision is not None)
        if len(made) != len(self.reviews):
            raise ValueError(f"{self.id} has actions that are not decided")
        return made

    @property
    def stopping(self) -> Review | None:
        """The review whose rejection stops the run, if one does."""
        pairs = zip(self.ask.actions, self.reviews, strict=True)
        found = (review for action, review in pairs if action.reject_stops and review.decision is not None)
        return next((each for each in found if each.decision and each.decision.choice is Choice.REJECT), None)

    @property
    def deciders(self) -> tuple[UserId, ...]:
        """Everybody whose vote counted, each once, in order."""
        return tuple(dict.fromkeys(user for review in self.reviews for user in review.deciders))


def open_reviews(ask: Ask, policies: tuple[Policy, ...]) -> tuple[Review, ...]:
    """The reviews that an ask starts with, one policy for each action."""
    return tuple(Review(action.value, policy) for action, policy in zip(ask.actions, policies, strict=True))


def people_of(approval: Approval) -> tuple[UserId, ...]:
    """The requester, and everybody who voted as it stands."""
    voters = (vote.by for review in approval.reviews for vote in review.votes)
    return tuple(dict.fromkeys((approval.requester, *voters)))


def policies_of(approvals: Iterable[Approval]) -> tuple[Policy, ...]:
    """The policies of all that was or is to be decided, each once; questions and failures decide nothing."""
    deciding = (each for each in approvals if not each.ask.is_the_requesters)
    return tuple(dict.fromkeys(review.policy for each in deciding for review in each.reviews))
