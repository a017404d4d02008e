"""What can happen to an approval. Each event is a fact; `engine.machine` says what follows from it."""

from dataclasses import dataclass
from typing import TypeAlias

from engine.approval import PressedOn, Replaced, Words
from engine.ask import Choice, Json
from engine.ids import MessageTs, UserId
from engine.policy import Facts


@dataclass(frozen=True, slots=True)
class Opened:
    """The graph asked, and nobody has heard of it yet."""


@dataclass(frozen=True, slots=True)
class AskedAgain:
    """The graph asks what had been withdrawn, as after an agent was left out of `app.yaml` for a while.

    `replaced` is set where it changed its request back to this one.
    """

    replaced: Replaced | None = None


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
    those. `option` is the position of an OPTION in the action's.
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


@dataclass(frozen=True, slots=True)
class Offered:
    """These words of the requester wait, and may be the answer: in the order in which they were written."""

    words: tuple[Words, ...]


@dataclass(frozen=True, slots=True)
class ReminderDue:
    """The time for the one reminder has come."""


@dataclass(frozen=True, slots=True)
class ExpiryDue:
    """The deadline has passed."""


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
    | Offered
    | ReminderDue
    | ExpiryDue
    | Withdrew
    | Delivered
    | NotDelivered
)
