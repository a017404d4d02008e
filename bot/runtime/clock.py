"""The clock of a bot: the machine's, or in a demo one that runs faster.

`signoff demo --clock-speed 60` lets an hour pass in each minute. Deadlines, reminders, steps of escalation, shifts and
the times on cards use this clock. Leases, time-outs and Slack use the machine's.

A restarted demo goes on from the time that it showed last, or from the machine's if that is later: a reset clock would
postpone every deadline, and prolong every grant. The time is stored in a file of the data folder. It is written in
advance, so that the clock never goes back, not even after a `kill -9`; then it skips some seconds.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from bot.config.problems import ConfigProblem, ProblemsError

AHEAD: Final = timedelta(seconds=5)
"""Time by which the written time is ahead, by the machine's clock; also the interval of writing."""
EVER: Final = timedelta(days=36_500)
"""The most that a demo's clock may be ahead: by how much it was when something was posted is not stored."""


def machine_time() -> datetime:
    """The machine's clock; aware, in UTC."""
    return datetime.now(UTC)


class SystemClock:
    """The machine's clock."""

    speed: float = 1.0
    ahead: timedelta | None = None
    """The most that it may be ahead of Slack's, if more than clocks usually are."""

    def now(self) -> datetime:
        """Aware, in UTC."""
        return machine_time()


SYSTEM_CLOCK: Final = SystemClock()


class DemoClock:
    """A clock that runs `speed` times as fast as the machine's, from a time on that is not before it."""

    def __init__(
        self, file: Path, speed: float, from_: datetime, machine: Callable[[], datetime] = machine_time
    ) -> None:
        self.speed = speed
        self.ahead: timedelta | None = EVER
        self._file, self._machine = file, machine
        self._began = machine()
        self._from = max(self._began, from_)
        self._written = self._from

    def now(self) -> datetime:
        """Aware, in UTC."""
        now = self._time()
        if now >= self._written:
            self._write(now + AHEAD * self.speed)
        return now

    def stop(self) -> None:
        """Write down the time that it shows."""
        self._write(self._time())

    def _time(self) -> datetime:
        return self._from + (self._machine() - self._began) * self.speed

    def _write(self, time: datetime) -> None:
        """Write a new file, then replace the old one: after a crash in between the old one is still there."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._file.with_suffix(".new")
        unfinished.write_text(f"{time.isoformat()}\n", encoding="utf-8")
        unfinished.replace(self._file)
        self._written = time


def clock_of(file: Path, speed: float, machine: Callable[[], datetime] = machine_time) -> SystemClock | DemoClock:
    """The clock of a demo that keeps its time in this file: the machine's, unless it is ahead. Raises ProblemsError."""
    now = machine()
    kept = _kept(file) or now
    return DemoClock(file, speed, kept, machine) if speed > 1 or kept > now else SYSTEM_CLOCK


def time_shown(file: Path, machine: Callable[[], datetime] = machine_time) -> datetime:
    """The time of a demo that may be running, to within the time that it writes ahead. Raises ProblemsError."""
    return max(_kept(file) or machine(), machine())


def _kept(file: Path) -> datetime | None:
    """The time that an earlier run showed last. Raises ProblemsError."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ProblemsError([_unreadable(file, type(error).__name__)]) from None
    try:
        return datetime.fromisoformat(text.strip()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ProblemsError([_unreadable(file, "it holds no time")]) from None


def _unreadable(file: Path, why: str) -> ConfigProblem:
    return ConfigProblem(str(file), f"the time that the demo showed last cannot be read ({why})", "Delete the file.")
