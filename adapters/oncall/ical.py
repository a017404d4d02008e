"""An iCalendar feed as a source: a file or an address, read again at each lookup.

Another process (`ical_expansion`) expands the feed into a table of shifts: a feed may have a rule that never ends, and
a thread could not be stopped. While the feed's text stays the same, its table is used again. A click only reads the
table.

The packages are an extra, `ical`: recurring-ical-events is LGPL-3.
"""

import asyncio
import contextlib
import importlib.util
import json
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from adapters.oncall.client import LARGEST, SECONDS
from adapters.oncall.rows import identified, shift_from
from engine.oncall.shifts import Shift, Shifts
from engine.ports import SourceFailedError

PACKAGES: Final = ("icalendar", "recurring_ical_events")
REACH: Final = timedelta(days=7)
"""How far a table is used from the instant that it was made for: less than it was expanded, as its ends may be
incomplete."""
_ENVIRONMENT = ("PATH", "SYSTEMROOT", "PYTHONTZPATH", "LD_LIBRARY_PATH")
_EXPANSION = Path(__file__).with_name("ical_expansion.py")


def is_installed() -> bool:
    """Tell whether the packages of the extra are installed."""
    return all(importlib.util.find_spec(each) is not None for each in PACKAGES)


@dataclass(frozen=True, slots=True)
class _Table:
    """The shifts of a feed."""

    feed: bytes
    shifts: tuple[Shift, ...]
    made_for: datetime

    def reaches(self, at: datetime) -> bool:
        return self.made_for - REACH <= at < self.made_for + REACH


class ICalendar:
    """A feed; `read` gets its text, and raises SourceFailedError. Times without a zone are in `zone`."""

    def __init__(
        self, read: Callable[[], Awaitable[bytes]], zone: str | None = None, *, seconds: float = SECONDS
    ) -> None:
        self._read, self._zone, self._seconds = read, zone, seconds
        self._table: _Table | None = None

    async def shifts(self, at: datetime, now: datetime) -> Shifts:
        """Read the feed; expand it if it changed or the table does not reach `at`. Raises SourceFailedError."""
        try:
            async with asyncio.timeout(self._seconds):
                feed = await self._read()
                table = self._table
                if table is None or table.feed != feed or not table.reaches(at):
                    table = self._table = _Table(feed, await self._expand(feed, at), at)
        except TimeoutError:
            raise SourceFailedError(f"The calendar could not be read within {self._seconds:g} s.") from None
        return Shifts(table.shifts, table.made_for - REACH, table.made_for + REACH, now)

    async def _expand(self, feed: bytes, at: datetime) -> tuple[Shift, ...]:
        result = await _run(feed, at, self._zone)
        if "error" in result:
            raise SourceFailedError(f"The calendar {result['error']}.")
        rows = [
            {**identified(each["said"]), "starts": each["starts"], "ends": each["ends"]} for each in result["shifts"]
        ]
        return tuple(found for row in rows if (found := shift_from(row)) is not None)


def reader_of_file(path: Path) -> Callable[[], Awaitable[bytes]]:
    """Make a reader of a file, which reads in a thread."""

    def read() -> bytes:
        if not path.is_file():
            raise SourceFailedError(f"The file {path.name} does not exist.")
        with path.open("rb") as file:
            found = file.read(LARGEST + 1)
        if len(found) > LARGEST:
            raise SourceFailedError(f"The file {path.name} has more than 1 MB, which is refused.")
        return found

    async def reader() -> bytes:
        try:
            return await asyncio.to_thread(read)
        except OSError as error:
            raise SourceFailedError(f"The file {path.name} cannot be read ({error.strerror}).") from None

    return reader


async def _run(feed: bytes, at: datetime, zone: str | None) -> dict[str, Any]:
    """Expand a feed in another process, which ends when this is cancelled and gets no secret of the environment."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        str(_EXPANSION),
        at.astimezone(UTC).isoformat(),
        zone or "",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={
            **{name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        },
    )
    try:
        out, _ = await process.communicate(feed)
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await asyncio.shield(process.wait())
    try:
        result: dict[str, Any] = json.loads(out)
    except ValueError:
        raise SourceFailedError("The calendar is too large to expand.") from None
    return result
