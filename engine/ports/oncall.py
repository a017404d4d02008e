"""On-call schedules: the people on call, the services that know them, and their last answers."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from engine.ids import UserId
from engine.oncall.shifts import Shifts


@dataclass(frozen=True, slots=True)
class OnDuty:
    """A person on call. `said` is the service's name for them (untrusted). The shift's times are in UTC."""

    user: UserId
    said: str
    tier: int | None = None
    starts: datetime | None = None
    ends: datetime | None = None


@dataclass(frozen=True, slots=True)
class Duty:
    """The people on call by one schedule, looked up at `looked_up`.

    `error` says in one sentence why there are none: the source failed, or named no full member of the workspace.
    `unanswered`: the source did not answer in time, and asking again with more patience may help.
    """

    people: tuple[OnDuty, ...]
    looked_up: datetime
    error: str = ""
    unanswered: bool = False


class OnCall(Protocol):
    """The on-call schedules. It never raises: a schedule that cannot be read is a `Duty` of nobody."""

    async def on_duty(self, schedule: str, at: datetime, patience: float) -> Duty:
        """Look up who is on call at `at` by an entry of `oncall:`; waits at most `patience` seconds for its source."""


class SourceFailedError(Exception):
    """A source gave no usable answer. The message is one sentence for people, without secrets.

    `rest`: the source asked not to be called again for this long.
    """

    def __init__(self, sentence: str, rest: timedelta | None = None) -> None:
        super().__init__(sentence)
        self.rest = rest


class ShiftSource(Protocol):
    """One source of shifts: a service, a calendar, a rotation."""

    async def shifts(self, at: datetime, now: datetime) -> Shifts:
        """Ask for the shifts at an instant and around it. `now` is the time of asking, by the bot's clock.

        A source that only knows the present answers with a span around it. Raises SourceFailedError.
        """


@dataclass(frozen=True, slots=True)
class LastLookup:
    """The last lookup of a source. `shifts` is the last answer: an earlier one if this lookup failed.

    `failed` says in one sentence why it failed. `not_before`: the source asked not to be called earlier.
    """

    asked: datetime
    shifts: Shifts | None = None
    failed: str = ""
    not_before: datetime | None = None


class LookupMemory(Protocol):
    """Lookups that the bot's processes share: the last answer of each source, and the process that is asking it."""

    async def last(self, source: str) -> LastLookup | None:
        """The last lookup; None if it is no longer stored."""

    async def keep(self, source: str, lookup: LastLookup, seconds: float) -> None:
        """Store a lookup for the other processes, for so many seconds."""

    async def claim(self, source: str, holder: str, seconds: float) -> bool:
        """Become the process that asks, for at most so many seconds. False: another one is asking."""

    async def release(self, source: str, holder: str) -> None:
        """Let other processes ask."""
