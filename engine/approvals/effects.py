"""Effects: what the bot is to do after an event.

An effect is durable before anybody is told "ok", and is performed from its lane, in order (P1, P7). An effect may be
performed more than once, so its performer checks first what was done. Effects carry ids, not copies: the approval is
read again when the effect is performed, so that the last redraw always shows the latest state (P8).

The names of the classes and fields are stored: see `adapters.redis.codec`.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias, assert_never

from engine.approvals.approval import Place
from engine.approvals.events import Act, Click
from engine.asks.ask import Json
from engine.ids import AgentName, ApprovalId, MessageTs, SheetId, ThreadId, UserId, thread_of


@dataclass(frozen=True, slots=True)
class Lane:
    """A queue that is served one effect at a time. See `lane_of` for its `name`."""

    thread: ThreadId
    name: str

    def __str__(self) -> str:
        return f"{self.name}@{self.thread}"


class Timer(StrEnum):
    """The timers of an approval."""

    REMIND = "remind"
    EXPIRE = "expire"
    ESCALATE = "escalate"
    REDRAW = "redraw"
    """Draw its card once more: an earlier change of it may still reach Slack."""
    CALL = "call"
    """Call the people who could not be called before, and look for copies that may have been posted."""


@dataclass(frozen=True, slots=True)
class DrawCard:
    """Post the approval's card, or update the posted one."""

    approval: ApprovalId


@dataclass(frozen=True, slots=True)
class DrawCopies:
    """Update the copies of the card in people's direct messages.

    Here and in `Call`, `sheet` is the message that the approval shares with others.
    """

    approval: ApprovalId
    sheet: SheetId = SheetId("")  # noqa: RUF009 - a string


@dataclass(frozen=True, slots=True)
class Call:
    """Call the people who can decide now, each once."""

    approval: ApprovalId
    sheet: SheetId = SheetId("")  # noqa: RUF009 - a string


@dataclass(frozen=True, slots=True)
class Consider:
    """Settle a click that had to wait, as of the time of the click: for a look-up of its person, or `behind` messages.

    `click` may be any act of a person on a card. `behind`: messages that came first wait in the thread's `run` lane and
    may answer the question, so it waits there, too.
    """

    click: Click | Act
    behind: bool = False


@dataclass(frozen=True, slots=True)
class GiveGrant:
    """Store the grant that was given with the approval of an action."""

    approval: ApprovalId
    action: int


@dataclass(frozen=True, slots=True)
class DrawSheet:
    """Post the message that several approvals share, or update the posted one."""

    thread: ThreadId
    sheet: SheetId


@dataclass(frozen=True, slots=True)
class Remind:
    """Remind the people who can decide and have not voted, under the card."""

    approval: ApprovalId


@dataclass(frozen=True, slots=True)
class TellPerson:
    """Show one sentence to this person alone, where they clicked or wrote."""

    thread: ThreadId
    place: Place
    user: UserId
    sentence: str
    """Trusted mrkdwn: it quotes neither an agent nor a person."""


@dataclass(frozen=True, slots=True)
class Say:
    """Post the agent's words in its conversation. `text` is untrusted; `key` prevents a second post."""

    thread: ThreadId
    place: Place
    text: str
    key: str
    speaker: str = ""
    failed: bool = False
    """The text tells of a failure, in our own words."""
    at: MessageTs | None = None
    """The live message that it replaces: see `LiveMessage` in `engine.ports`."""
    by: UserId | None = None
    """The person whose act the text tells; the message begins with their name."""


@dataclass(frozen=True, slots=True)
class TakeBack:
    """Delete a message: a live one without a reply, or a card that another replaced."""

    thread: ThreadId
    place: Place
    message: MessageTs


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Set a timer. Setting it again replaces it."""

    approval: ApprovalId
    timer: Timer
    at: datetime


@dataclass(frozen=True, slots=True)
class ClearTimer:
    """Clear a timer, if it is set."""

    approval: ApprovalId
    timer: Timer


@dataclass(frozen=True, slots=True)
class TimerFired:
    """A timer fired: it puts this into its approval's lane. `at` is the time for which it was set."""

    approval: ApprovalId
    timer: Timer
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Resume:
    """Resume the graph with the decision, if it still asks exactly this (P3, P4)."""

    approval: ApprovalId


@dataclass(frozen=True, slots=True)
class EndRun:
    """End a thread's run after a rejection that stopped it: its other open requests end, too."""

    thread: ThreadId


@dataclass(frozen=True, slots=True)
class Hear:
    """Take a message in a conversation. Its meaning is settled when the effect is performed."""

    thread: ThreadId
    place: Place
    user: UserId
    text: str
    ts: MessageTs
    agent: AgentName | None
    """The agent that the message would start; None if it can only belong to an existing conversation."""
    mentioned: bool
    """True if it was addressed to the bot: by mention, or in a direct message."""
    help: str = ""
    """Trusted mrkdwn for the author if `agent` is None: what to do instead."""
    opening: str = ""
    """The text without the agent's name before it, for a message that begins a conversation; "" if it is `text`."""
    under: MessageTs | None = None
    """The card under which it was written, if it belongs to the card's conversation by that: see `Intake.hear`."""
    at: datetime | None = None
    """The time at which it came: an answer counts as of then, however long it waited in its lane."""


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Withdraw these requests, as their requester wrote."""

    thread: ThreadId
    approvals: tuple[ApprovalId, ...]
    by: UserId


@dataclass(frozen=True, slots=True)
class PassOn:
    """Give the held messages to the agent, if no request is open any more."""

    thread: ThreadId


@dataclass(frozen=True, slots=True)
class Travel:
    """Time travel: run from a checkpoint of the thread, with `edits` to its state, if there are any.

    `key` names the request, which never runs twice.
    https://docs.langchain.com/oss/python/langgraph/use-time-travel
    """

    thread: ThreadId
    by: UserId
    checkpoint: str
    key: str
    edits: Json = None


Effect: TypeAlias = (
    DrawCard
    | DrawCopies
    | DrawSheet
    | Call
    | Consider
    | GiveGrant
    | Remind
    | TellPerson
    | Say
    | TakeBack
    | SetTimer
    | ClearTimer
    | TimerFired
    | Resume
    | EndRun
    | Hear
    | PassOn
    | Withdraw
    | Travel
)


def is_waited_for(lane: Lane) -> bool:
    """True for a lane in which people are told what they wait for: it goes before those that redraw and resume."""
    return lane.name == "chat"


def run_lane(thread: ThreadId) -> Lane:
    """The lane of a thread's graph runs, and of the messages in it."""
    return Lane(thread, "run")


def lane_of(effect: Effect) -> Lane:
    """The lane of an effect.

    The graph runs of a thread share `run`, the writes of one card share `card/...`, the copies of a card `copies/...`,
    and the messages of a conversation `chat`. So a run of ten minutes never delays a card, and two redraws of one card
    never race.
    """
    match effect:
        case Resume(approval) | Consider(Click(approval) | Act(approval), True):
            return run_lane(thread_of(approval))
        case Hear(thread) | PassOn(thread) | Travel(thread) | EndRun(thread):
            return run_lane(thread)
        case DrawSheet(thread, sheet):
            return Lane(thread, f"card/{sheet}")
        case Say(thread) | TellPerson(thread) | TakeBack(thread) | Withdraw(thread):
            return Lane(thread, "chat")
        case Consider(click):
            return Lane(thread_of(click.approval), f"card/{click.approval.rpartition('#')[2]}")
        case DrawCopies(approval, sheet) | Call(approval, sheet):
            return Lane(thread_of(approval), f"copies/{sheet or approval.rpartition('#')[2]}")
        case GiveGrant(approval):
            return Lane(thread_of(approval), f"card/{approval.rpartition('#')[2]}")
        case DrawCard(approval) | Remind(approval) | SetTimer(approval) | ClearTimer(approval) | TimerFired(approval):
            return Lane(thread_of(approval), f"card/{approval.rpartition('#')[2]}")
        case _:
            assert_never(effect)
