"""Queues of effects: work in lanes, timers, dead letters, and work that waits until Slack takes it."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from engine.approvals.effects import Effect, Lane, Timer
from engine.ids import ApprovalId, ChannelId


@dataclass(frozen=True, slots=True)
class Work:
    """An effect to perform now.

    `attempt` counts deliveries from 1. Above 1, an earlier attempt may have done the work without reporting it. `fence`
    grows with every holder of the lane: a graph run carries it into its checkpoints, where an older one is refused.
    """

    id: str
    lane: Lane
    effect: Effect
    attempt: int
    fence: int


@dataclass(frozen=True, slots=True)
class Unposted:
    """Work that waits until the bot can post in `channel` again; there is one for each `key`.

    `why` is the sentence of `CannotPostError`: trusted mrkdwn.
    """

    key: str
    channel: ChannelId
    effect: Effect
    why: str
    since: datetime


class Backlog(Protocol):
    """The work that waits until it can be posted. Each call may be made many times."""

    async def add(self, unposted: Unposted) -> None:
        """Store it. If its key is stored already, the earlier `since` stays."""

    async def drop(self, key: str) -> None:
        """Remove it, if it is stored."""

    async def all(self) -> Sequence[Unposted]:
        """Everything that waits, oldest first."""

    async def of(self, keys: Collection[str]) -> Sequence[Unposted]:
        """Those of these keys that wait, oldest first."""

    async def bury(self, channel: ChannelId) -> None:
        """Record that a channel was deleted for good: nothing waits for it any more."""

    async def is_buried(self, channel: ChannelId) -> bool:
        """True if the channel was deleted for good."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Work that failed too often and was set aside, so that its lane goes on. `error`: no secrets, no traceback."""

    id: str
    lane: Lane
    effect: Effect
    error: str
    at: datetime


class Later(Exception):  # noqa: N818 - not an error
    """Raised by a handler to have this work delivered again soon, at the head of its lane. Not a failed attempt."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"again in {seconds} s")
        self.seconds = seconds


Handler = Callable[[Work], Awaitable[None]]

SetAside = Callable[[DeadLetter], Awaitable[None]]


async def passed_over(letter: DeadLetter) -> None:
    """Ignore a dead letter."""


class Lanes(Protocol):
    """Queues that any number of processes serve, each in order and one work at a time."""

    async def put(self, effect: Effect, key: str) -> bool:
        """Add an effect to its lane. False: one of this key was added within the last day, and nothing was added."""

    async def waiting_in(self, lane: Lane) -> Sequence[Effect]:
        """The effects of a lane that are not done yet, oldest first; the first may be under way."""

    async def ring(self, effects: Sequence[Effect]) -> None:
        """Wake the lanes into which a change of an approval put effects. A lost ring costs only time."""

    async def set_timer(self, approval: ApprovalId, timer: Timer, at: datetime) -> None:
        """Put `TimerFired` into the approval's lane at that time. Setting the timer again replaces it."""

    async def clear_timer(self, approval: ApprovalId, timer: Timer) -> None:
        """Clear a timer, if it is set."""

    async def dead_letters(self) -> Sequence[DeadLetter]:
        """The work that was set aside, oldest first."""

    async def revive(self, letter: str) -> bool:
        """Put a dead letter back at the end of its lane. False: there is none with this id."""

    async def serve(self, handler: Handler, set_aside: SetAside = passed_over) -> None:
        """Serve until cancelled, then take no new work and return when the work under way has ended.

        `set_aside` is called with each dead letter, perhaps twice with the same.
        """
