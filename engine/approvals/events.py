"""Events: everything that can happen to an approval. `engine.machine.transitions` says what each does."""

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
    """An automatic decision. `via` is `rule`, or `grant` with the person who gave it in `by`.

    `quiet`: it is shown on no card. `until` is the end of the grant.
    """

    decision: Decision
    via: str
    by: UserId | None = None
    quiet: bool = False
    grant: GrantId = GrantId("")  # noqa: RUF009 - a string
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """The graph asked, and nobody has been told yet. `automatic` has an entry for each action, or none at all."""

    automatic: tuple[Automatic | None, ...] = ()


@dataclass(frozen=True, slots=True)
class AskedAgain:
    """The graph asks again what was withdrawn, as after an agent was left out of `app.yaml` for a while.

    `policies` are today's for its actions, by the rules of this `edition`; the earlier ones may belong to an edited
    value. `deadlines` and `calling` are today's, too; None: as before. `replaced` is set if the graph changed its
    request back to this one. `automatic` is as in `Opened`.
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

    An answer in words is a click, too: then `said` is the message. `on` is the message with the button. `option` is the
    index of an OPTION among the action's. `at` is set for a click that waits for a look-up.
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
    """It also allows calls like this one for a while: see `engine.rules.grants`."""

    def chose(self, facts: Facts, ruling: "Ruling | None" = None) -> "Chose":
        """Make the event of this click, with what is known of the person and of today's rules."""
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
    """The acts on a request besides deciding it."""

    LOOK = "look"
    """They say that they are looking at it."""
    HAND_OVER = "hand_over"
    EXTEND = "extend"
    WITHDRAW = "withdraw"
    NUDGE = "nudge"


@dataclass(frozen=True, slots=True)
class Act:
    """An act of a person on a request besides deciding it, as it came from Slack.

    `to` is the person to whom they hand it over, `span` the time by which they move its expiry. `on` and `at` are as in
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
        """Make the event of this act, with what is known of the people. Raises ValueError for a hand-over to nobody."""
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
    """The facts and rules that apply to a click at its time.

    `voters` are the facts of earlier voters on this revision. `current` is the policy of today's rules for the action,
    if they are not the rules under which it was asked. `edited` is the policy for the value that an edit makes.
    `forbids` is the rule that rejects such an action automatically today, with the value of an edit.
    """

    voters: tuple[tuple[UserId, Facts], ...] = ()
    current: Policy | None = None
    edited: Policy | None = None
    forbids: str = ""


@dataclass(frozen=True, slots=True)
class Posted:
    """The card is posted. `instead_of` is the earlier card that its poster knew of: None for a first one."""

    card: MessageTs
    instead_of: MessageTs | None = None


@dataclass(frozen=True, slots=True)
class CardDeleted:
    """A person deleted this message, which showed the approval."""

    card: MessageTs


@dataclass(frozen=True, slots=True)
class Chose:
    """A person pressed a button, sent a form or answered a question.

    `action` is the index of the action in the ask, `revision` the one that the person saw. `value` is an edit's new
    value or a form's values, checked already; `text` is a rejection's reason or an answer's words. `said` is the
    message with the answer; for an answer without words, the last of the offered ones that it sends. `on` is the
    message whose button was pressed, None for forms and for answers in words, which nobody can copy. `option` is the
    index of an OPTION among the action's. `at` is the time of the click, if its person was looked up later.
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

    Here and below, `current` are today's policies for its actions, as in `Ruling`; `on` and `at` are as in `Chose`.
    """

    by: UserId
    facts: Facts
    current: tuple[Policy | None, ...] = ()
    on: PressedOn | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class HandedOver:
    """An approver handed the decision over to another person."""

    by: UserId
    facts: Facts
    to: UserId
    to_facts: Facts
    current: tuple[Policy | None, ...] = ()
    on: PressedOn | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Extended:
    """An approver moved the expiry by `span`."""

    by: UserId
    facts: Facts
    span: timedelta
    current: tuple[Policy | None, ...] = ()
    on: PressedOn | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The requester withdrew the request. `beside`: they are told of it with another request of the same run."""

    by: UserId
    on: PressedOn | None = None
    beside: bool = False


@dataclass(frozen=True, slots=True)
class TakenBack:
    """The bot's operator withdrew the request on the command line.

    `operator` is their user name on that machine, no Slack id. `reason` is for people. Both are untrusted.
    """

    operator: str
    reason: str


@dataclass(frozen=True, slots=True)
class Nudged:
    """The requester sent a reminder to the people who can decide."""

    by: UserId
    on: PressedOn | None = None


@dataclass(frozen=True, slots=True)
class Revoked:
    """A person revoked the grant that was given with the approval."""

    grant: GrantId
    by: UserId


@dataclass(frozen=True, slots=True)
class Called:
    """These people were called. `signpost` is the message in its conversation, once that is posted.

    `not_called` are the people who should have been called: None if nobody was looked up. `copying` are the people for
    whom copies are posted from now on: None if that stays as it is.
    """

    users: tuple[UserId, ...]
    copies: tuple[Copy, ...] = ()
    not_called: NotCalled | None = None
    signpost: MessageTs | None = None
    copying: tuple[UserId, ...] | None = None


@dataclass(frozen=True, slots=True)
class CopyGone:
    """The copy in a person's direct messages was deleted."""

    card: MessageTs


@dataclass(frozen=True, slots=True)
class Deferred:
    """A click that came in time waits for a look-up, and is settled by `until`."""

    until: datetime


@dataclass(frozen=True, slots=True)
class LadderDue:
    """A step of a ladder is due. `empty` are the steps that name nobody now: (action, step)."""

    empty: frozenset[tuple[int, int]] = frozenset()


@dataclass(frozen=True, slots=True)
class Offered:
    """These words of the requester wait and may be the answer, in the order in which they were written."""

    words: tuple[Words, ...]


@dataclass(frozen=True, slots=True)
class ReminderDue:
    """A reminder is due."""


@dataclass(frozen=True, slots=True)
class ExpiryDue:
    """The deadline has passed. `empty` is as in `LadderDue`, for a rule that escalates at the expiry."""

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
    | TakenBack
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
