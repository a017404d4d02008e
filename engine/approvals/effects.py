"""What we want done.

An effect is durable before anybody is told "ok", and is performed from its lane, in order (P1, P7). Every effect may be
performed more than once: its performer looks first. Effects carry ids, not copies: what is drawn or sent is read again
when its turn comes, so that the last redraw always tells the latest truth (P8).
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
    """A queue served one at a time. `name` is `run`, `chat`, `card/...` or `copies/...`; see `lane_of`."""

    thread: ThreadId
    name: str

    def __str__(self) -> str:
        return f"{self.name}@{self.thread}"


class Timer(StrEnum):
    """What an approval is woken for."""

    REMIND = "remind"
    EXPIRE = "expire"
    ESCALATE = "escalate"
    REDRAW = "redraw"
    """To draw its card once more: an earlier change of it may still reach Slack."""
    CALL = "call"
    """To call those who could not be called before."""


@dataclass(frozen=True, slots=True)
class DrawCard:
    """Post the approval's card, or make the one that stands tell the truth."""

    approval: ApprovalId


@dataclass(frozen=True, slots=True)
class DrawCopies:
    """Make the copies of the card in people's direct messages tell the truth.

    Here and in `Call`, `sheet` is the message that the approval shares with others.
    """

    approval: ApprovalId
    sheet: SheetId = SheetId("")  # noqa: RUF009 - a string


@dataclass(frozen=True, slots=True)
class Call:
    """Let those who can decide now know of it, each once."""

    approval: ApprovalId
    sheet: SheetId = SheetId("")  # noqa: RUF009 - a string


@dataclass(frozen=True, slots=True)
class Consider:
    """Decide what follows from a click whose person could not be looked up in time, as of its own time.

    `click` may be any act of a person on a card.
    """

    click: Click | Act


@dataclass(frozen=True, slots=True)
class GiveGrant:
    """Keep the grant that was given with the approval of an action."""

    approval: ApprovalId
    action: int


@dataclass(frozen=True, slots=True)
class DrawSheet:
    """Post the message that several approvals share, or make the one that stands tell the truth."""

    thread: ThreadId
    sheet: SheetId


@dataclass(frozen=True, slots=True)
class Remind:
    """Nudge those who can decide and have not voted, beside the card."""

    approval: ApprovalId


@dataclass(frozen=True, slots=True)
class TellPerson:
    """One sentence that only this person sees, where they clicked or wrote."""

    thread: ThreadId
    place: Place
    user: UserId
    sentence: str
    """Trusted mrkdwn of ours: whatever an agent or a person said is not in it."""


@dataclass(frozen=True, slots=True)
class Say:
    """What the agent says in its conversation. `text` is untrusted; `key` makes posting it twice impossible."""

    thread: ThreadId
    place: Place
    text: str
    key: str
    speaker: str = ""
    failed: bool = False
    """The text tells of a failure, in a sentence of ours."""
    at: MessageTs | None = None
    """The live message that it takes the place of: see `LiveMessage` in `engine.ports`."""
    by: UserId | None = None
    """The person whose act the text tells: it begins with their name."""


@dataclass(frozen=True, slots=True)
class TakeBack:
    """Remove a live message that became no reply."""

    thread: ThreadId
    place: Place
    message: MessageTs


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Wake the approval at this time. Setting it again replaces it."""

    approval: ApprovalId
    timer: Timer
    at: datetime


@dataclass(frozen=True, slots=True)
class ClearTimer:
    """Forget a timer; forgetting one that is not set is fine."""

    approval: ApprovalId
    timer: Timer


@dataclass(frozen=True, slots=True)
class TimerFired:
    """What a timer puts into its approval's lane. `at` is when it was to fire."""

    approval: ApprovalId
    timer: Timer
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Resume:
    """Give the decision to the graph, if it still asks exactly this (P3, P4)."""

    approval: ApprovalId


@dataclass(frozen=True, slots=True)
class EndRun:
    """A rejection stopped the thread's run: whatever else the run waits for ends with it."""

    thread: ThreadId


@dataclass(frozen=True, slots=True)
class Hear:
    """A person said something in a conversation. What it means is settled when its turn comes."""

    thread: ThreadId
    place: Place
    user: UserId
    text: str
    ts: MessageTs
    agent: AgentName | None
    """The agent that the message would start, None where it can only belong to a conversation that exists."""
    mentioned: bool
    """Whether it was said to the bot: by mention, or in a direct message."""
    help: str = ""
    """Trusted mrkdwn of ours: what to do instead, where `agent` is None."""
    opening: str = ""
    """The text without the agent's name before it, for a message that begins a conversation; "" where it is `text`."""
    under: MessageTs | None = None
    """The card that it was written under, where that gives it to the card's conversation: see `Intake.hear`."""


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Take back these requests, as a person said in words."""

    thread: ThreadId
    approvals: tuple[ApprovalId, ...]
    by: UserId


@dataclass(frozen=True, slots=True)
class PassOn:
    """Give the agent the messages that were held, if nothing is open any more."""

    thread: ThreadId


@dataclass(frozen=True, slots=True)
class Travel:
    """Go back to a checkpoint of the thread and run on from there, with `edits` to its state where there are any.

    `key` names the request: the same one never runs twice.
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


def lane_of(effect: Effect) -> Lane:
    """Where an effect waits.

    Graph runs of a thread wait for one another in `run`; the writes of one card in `card/...`; what is said in the
    conversation in `chat`; the copies of a card in `copies/...`.
    So a run of ten minutes never delays a card, and two redraws of one card never race.
    """
    match effect:
        case Resume(approval):
            return Lane(thread_of(approval), "run")
        case Hear(thread) | PassOn(thread) | Travel(thread) | EndRun(thread):
            return Lane(thread, "run")
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
