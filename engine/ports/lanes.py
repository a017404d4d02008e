"""Queues of effects: work in lanes, timers, dead letters, and work that waits until Slack takes it."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from engine.approvals.effects import Effect, Lane, Timer
from engine.ids import ApprovalId, ChannelId


@dataclass(frozen=True, slots=True)
class Work:
    """An effect whose turn has come.

    `attempt` counts deliveries from 1: above 1 an earlier one may have done the work without saying so. `fence` grows
    with every holder of the lane: a graph run carries it into its checkpoints, where an older one is refused.
    """

    id: str
    lane: Lane
    effect: Effect
    attempt: int
    fence: int


@dataclass(frozen=True, slots=True)
class Unposted:
    """Work that waits until something can be written in `channel` again; there is one of each `key`.

    `why` is the sentence of `CannotPostError`: trusted mrkdwn.
    """

    key: str
    channel: ChannelId
    effect: Effect
    why: str
    since: datetime


class Backlog(Protocol):
    """What waits until it can be written. Each call may be made many times."""

    async def add(self, unposted: Unposted) -> None:
        """Keep it; where one of its key is kept, that one's time stays."""

    async def drop(self, key: str) -> None:
        """Forget it; forgetting what is not kept is fine."""

    async def all(self) -> Sequence[Unposted]:
        """Everything that waits, oldest first."""

    async def of(self, keys: Collection[str]) -> Sequence[Unposted]:
        """What waits of these, oldest first."""

    async def bury(self, channel: ChannelId) -> None:
        """A channel was deleted for good: nothing has to wait for it any more."""

    async def is_buried(self, channel: ChannelId) -> bool:
        """Whether a channel was deleted for good."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Work that failed too often and was set aside, so that its lane goes on. `error`: no secrets, no traceback."""

    id: str
    lane: Lane
    effect: Effect
    error: str
    at: datetime


class Later(Exception):  # noqa: N818 - not an error
    """Raised by a handler: keep this work at the head of its lane and deliver it again soon. Not a failed attempt."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"again in {seconds} s")
        self.seconds = seconds


Handler = Callable[[Work], Awaitable[None]]

SetAside = Callable[[DeadLetter], Awaitable[None]]


async def passed_over(letter: DeadLetter) -> None:
    """Tell nobody."""


class Lanes(Protocol):
    """Queues served in order, one work at a time each, by any number of processes."""

    async def put(self, effect: Effect, key: str) -> bool:
        """Add an effect to its lane. False: an effect of this key was put before (within a day); nothing was added."""

    async def ring(self, effects: Sequence[Effect]) -> None:
        """Wake the lanes of effects that an approval's change has put there. Losing a ring loses only time."""

    async def set_timer(self, approval: ApprovalId, timer: Timer, at: datetime) -> None:
        """Put `TimerFired` into the approval's lane at that time; setting it again replaces it."""

    async def clear_timer(self, approval: ApprovalId, timer: Timer) -> None:
        """Forget a timer, if it is set."""

    async def dead_letters(self) -> Sequence[DeadLetter]:
        """What was set aside, oldest first."""

    async def revive(self, letter: str) -> bool:
        """Put a dead letter back at the end of its lane. False: there is none of this id."""

    async def serve(self, handler: Handler, set_aside: SetAside = passed_over) -> None:
        """Serve until cancelled: then take no new work, and return when what is under way has ended.

        `set_aside` is told of each dead letter; it may be told twice of the same.
        """
