"""On-call schedules: who is on call, the services that know it, and their last answers."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from engine.ids import UserId
from engine.oncall.shifts import Shifts


@dataclass(frozen=True, slots=True)
class OnDuty:
    """A person who is on call; `said` is how the service names them (untrusted). The shift's times are in UTC."""

    user: UserId
    said: str
    tier: int | None = None
    starts: datetime | None = None
    ends: datetime | None = None


@dataclass(frozen=True, slots=True)
class Duty:
    """Who is on call by one schedule, looked up at `looked_up`.

    `error` says in one sentence why nobody can be named: the source failed, or named nobody who is a full member of
    the workspace. `unanswered`: the source did not answer in time, and asking again with more patience may help.
    """

    people: tuple[OnDuty, ...]
    looked_up: datetime
    error: str = ""
    unanswered: bool = False


class OnCall(Protocol):
    """Who is on call. It never raises: what it cannot find out is a `Duty` of nobody."""

    async def on_duty(self, schedule: str, at: datetime, patience: float) -> Duty:
        """Who is on call at `at` by an entry of `oncall:`; waits at most `patience` seconds for its source."""


class SourceFailedError(Exception):
    """A source gave no answer that can be used. The message is one sentence for people, without secrets.

    `rest`: the source asked not to be called again for so long.
    """

    def __init__(self, sentence: str, rest: timedelta | None = None) -> None:
        super().__init__(sentence)
        self.rest = rest


class ShiftSource(Protocol):
    """One source of shifts: a service, a calendar, a rotation."""

    async def shifts(self, at: datetime, now: datetime) -> Shifts:
        """Ask who is on call at an instant and around it. `now` is the time of asking, by the bot's clock.

        A source that only knows who is on call now answers with a span around that. Raises SourceFailedError.
        """


@dataclass(frozen=True, slots=True)
class LastLookup:
    """How the last lookup of a source went. `shifts` is the last answer: an earlier one where this lookup failed.

    `failed` says why in one sentence. `not_before`: the source asked not to be called earlier.
    """

    asked: datetime
    shifts: Shifts | None = None
    failed: str = ""
    not_before: datetime | None = None


class LookupMemory(Protocol):
    """What the processes of the bot share of lookups: the last answer of each source, and who asks at the moment."""

    async def last(self, source: str) -> LastLookup | None:
        """How the last lookup went; None where that is forgotten."""

    async def keep(self, source: str, lookup: LastLookup, seconds: float) -> None:
        """Keep it for others, for so long."""

    async def claim(self, source: str, holder: str, seconds: float) -> bool:
        """Be the one who asks, for so long at most; False where somebody else asks."""

    async def release(self, source: str, holder: str) -> None:
        """Let others ask."""
