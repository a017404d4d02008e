"""What can happen to an approval. Each event is a fact; `engine.machine` says what follows from it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

from engine.approvals.approval import Calling, Copy, NotCalled, PressedOn, Replaced, Words
from engine.asks.ask import Choice, Decision, Json
from engine.authority.eligibility import Facts
from engine.authority.policy import Deadlines, Policy
from engine.ids import ApprovalId, GrantId, MessageTs, UserId


@dataclass(frozen=True, slots=True)
class Automatic:
    """A decision that no person makes now. `via` is `rule`, or `grant` with the person who gave it in `by`.

    `quiet`: nobody wants to see it on a card. `until` is when the grant ends.
    """

    decision: Decision
    via: str
    by: UserId | None = None
    quiet: bool = False
    grant: GrantId = GrantId("")  # noqa: RUF009 - a string
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """The graph asked, and nobody has heard of it yet. `automatic` has an entry for each action, or none at all."""

    automatic: tuple[Automatic | None, ...] = ()


@dataclass(frozen=True, slots=True)
class AskedAgain:
    """The graph asks what had been withdrawn, as after an agent was left out of `app.yaml` for a while.

    `policies` are those of today for its actions, by the rules of this `edition`: the ones that it had may be for what
    somebody made of it by an edit. `deadlines` and `calling` are those of today, too; None: as before. `replaced` is
    set where the graph changed its request back to this one; `automatic` as in `Opened`.
    """

    policies: tuple[Policy, ...]
    edition: str = ""
    replaced: Replaced | None = None
    automatic: tuple[Automatic | None, ...] = ()
    deadlines: Deadlines | None = None
    calling: Calling | None = None


@dataclass(frozen=True, slots=True)
class Click:
    """A pressed button or a submitted form, as it came from Slack.

    An answer that was given in words is one too: then `said` is the message. `on` is the message whose button it was.
    `option` is the position of an OPTION in the action's. `at` is set for one that waits for a look-up.
    """

    approval: ApprovalId
    action: int
    revision: int
    by: UserId
    choice: Choice
    text: str = ""
    value: Json = None
    said: MessageTs | None = None
    on: PressedOn | None = None
    option: int | None = None
    at: datetime | None = None
    allows: bool = False
    """It approves, and allows calls like it for a while: see `engine.rules.grants`."""

    def chose(self, facts: Facts, ruling: "Ruling | None" = None) -> "Chose":
        """The event that it is, once it is known who the person is and what the rules say."""
        return Chose(
            by=self.by,
            facts=facts,
            action=self.action,
            revision=self.revision,
            choice=self.choice,
            text=self.text,
            value=self.value,
            said=self.said,
            on=self.on,
            option=self.option,
            at=self.at,
            ruling=ruling or Ruling(),
            allows=self.allows,
        )


class Doing(StrEnum):
    """What people do with a request besides deciding it."""

    LOOK = "look"
    """They say that they are looking at it."""
    HAND_OVER = "hand_over"
    EXTEND = "extend"
    WITHDRAW = "withdraw"
    NUDGE = "nudge"


@dataclass(frozen=True, slots=True)
class Act:
    """What a person does with a request besides deciding it, as it came from Slack.

    `to` is the person whom they hand it over to, `span` how long they put off its expiry. `on` and `at` are as in
    `Click`.
    """

    approval: ApprovalId
    by: UserId
    doing: Doing
    to: UserId | None = None
    span: timedelta = timedelta()
    on: PressedOn | None = None
    at: datetime | None = None

    def event(
        self, facts: Facts, to_facts: Facts, current: tuple[Policy | None, ...]
    ) -> "Looked | HandedOver | Extended | Cancelled | Nudged":
        """The event that it is, once it is known who the people are. Raises ValueError for a hand-over to nobody."""
        match self.doing:
            case Doing.LOOK:
                return Looked(self.by, facts, current, self.on, self.at)
            case Doing.HAND_OVER if self.to is not None:
                return HandedOver(self.by, facts, self.to, to_facts, current, self.on, self.at)
            case Doing.EXTEND:
                return Extended(self.by, facts, self.span, current, self.on, self.at)
            case Doing.WITHDRAW:
                return Cancelled(self.by, self.on)
            case Doing.NUDGE:
                return Nudged(self.by, self.on)
            case _:
                raise ValueError("a request is handed over to somebody")


@dataclass(frozen=True, slots=True)
class Ruling:
    """What else is known where somebody chose.

    `voters` are the facts of those who voted on this revision before. `current` is the policy that the rules of today
    have for the action, where they are not those that it was asked under. `edited` is the policy for the value that an
    edit makes. `forbids` is the rule that rejects such an action by itself today, with the value of an edit.
    """

    voters: tuple[tuple[UserId, Facts], ...] = ()
    current: Policy | None = None
    edited: Policy | None = None
    forbids: str = ""


@dataclass(frozen=True, slots=True)
class Posted:
    """The card stands in Slack. `instead_of` is the card that its poster knew of: None for a first one."""

    card: MessageTs
    instead_of: MessageTs | None = None


@dataclass(frozen=True, slots=True)
class CardDeleted:
    """Somebody deleted this message, which showed the approval."""

    card: MessageTs


@dataclass(frozen=True, slots=True)
class Chose:
    """A person pressed a button, sent a form or answered a question.

    `action` is the position of the action in the ask, `revision` the one that the person saw. `value` is an edit's
    new value or a form's values, checked already; `text` is a rejection's reason or an answer's words; `said` is the
    message that an answer was given in; without words of its own, the last of the offered ones that it sends. `on` is
    the message whose button was pressed, None for what was sent by a form of ours or said in words: nobody can copy
    those. `option` is the position of an OPTION in the action's. `at` is when they did, where it was looked up later.
    """

    by: UserId
    facts: Facts
    action: int
    revision: int
    choice: Choice
    text: str = ""
    value: Json = None
    said: MessageTs | None = None
    on: PressedOn | None = None
    option: int | None = None
    at: datetime | None = None
    ruling: Ruling = Ruling()
    allows: bool = False


@dataclass(frozen=True, slots=True)
class Looked:
    """An approver said that they are looking at it.

    Here and below `current` are the policies of today for its actions, as in `Ruling`, and `on` and `at` as in `Chose`.
    """

    by: UserId
    facts: Facts
    current: tuple[Policy | None, ...] = ()
    on: PressedOn | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class HandedOver:
    """An approver asked somebody else, who may decide too, to do it."""

    by: UserId
    facts: Facts
    to: UserId
    to_facts: Facts
    current: tuple[Policy | None, ...] = ()
    on: PressedOn | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Extended:
    """An approver put off the expiry by `span`."""

    by: UserId
    facts: Facts
    span: timedelta
    current: tuple[Policy | None, ...] = ()
    on: PressedOn | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Cancelled:
    """A person wants back what they asked for. `beside`: they are told of it with another request of the same run."""

    by: UserId
    on: PressedOn | None = None
    beside: bool = False


@dataclass(frozen=True, slots=True)
class Nudged:
    """The requester wants those who can decide reminded."""

    by: UserId
    on: PressedOn | None = None


@dataclass(frozen=True, slots=True)
class Revoked:
    """Somebody took back the grant that was given with an approval."""

    grant: GrantId
    by: UserId


@dataclass(frozen=True, slots=True)
class Called:
    """These people were called. `signpost` is the message in its conversation, once that is posted.

    `not_called` are those who should have been: None where nobody was looked up.
    """

    users: tuple[UserId, ...]
    copies: tuple[Copy, ...] = ()
    not_called: NotCalled | None = None
    signpost: MessageTs | None = None


@dataclass(frozen=True, slots=True)
class CopyGone:
    """The copy in somebody's direct messages was deleted."""

    card: MessageTs


@dataclass(frozen=True, slots=True)
class Deferred:
    """A click that came in time waits for a look-up, and is decided by `until`."""

    until: datetime


@dataclass(frozen=True, slots=True)
class LadderDue:
    """The time for a step of a ladder has come. `empty` are the steps with nobody on them now: (action, step)."""

    empty: frozenset[tuple[int, int]] = frozenset()


@dataclass(frozen=True, slots=True)
class Offered:
    """These words of the requester wait, and may be the answer: in the order in which they were written."""

    words: tuple[Words, ...]


@dataclass(frozen=True, slots=True)
class ReminderDue:
    """The time for a reminder has come."""


@dataclass(frozen=True, slots=True)
class ExpiryDue:
    """The deadline has passed. `empty` is as in `LadderDue`, for a rule that escalates then."""

    empty: frozenset[tuple[int, int]] = frozenset()


@dataclass(frozen=True, slots=True)
class Withdrew:
    """The graph no longer asks this. `reason` is one sentence for people."""

    reason: str


@dataclass(frozen=True, slots=True)
class Delivered:
    """The graph took the answer."""


@dataclass(frozen=True, slots=True)
class NotDelivered:
    """The graph no longer asks what was decided, so nothing was sent. `reason` is one sentence for people."""

    reason: str


Event: TypeAlias = (
    Opened
    | AskedAgain
    | Posted
    | CardDeleted
    | Chose
    | Looked
    | HandedOver
    | Extended
    | Cancelled
    | Nudged
    | Called
    | Revoked
    | CopyGone
    | Deferred
    | Offered
    | LadderDue
    | ReminderDue
    | ExpiryDue
    | Withdrew
    | Delivered
    | NotDelivered
)
