"""Turns the rows of an answer into shifts; every service uses the same rules.

A service is asked for a short span that begins at the instant in question, and answers with shifts. Which of them is on
at an instant is decided by their times (`engine.oncall`), never by the service: without a window incident.io also
returns later shifts, and the next person would approve.

JMESPath picks the fields. Where an answer lacks the form that the service documents, JMESPath would quietly give
nothing, which reads as "nobody is on call". So the rows must be a list of objects, and each needs the fields that its
service always sends. Anything else is a failed source.
"""

import asyncio
import re
from collections.abc import Awaitable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

import jmespath
from jmespath.exceptions import JMESPathError

from adapters.oncall.client import Client
from engine.oncall.shifts import Shift, Shifts
from engine.ports import SourceFailedError

T = TypeVar("T")

SPAN: Final = timedelta(seconds=90)
"""How far an answer reaches beyond the instant that it was asked for: a little longer than answers are kept."""
NOW: Final = timedelta(seconds=60)
"""How far from now an answer holds that only tells who is on call now."""
FIRST_TIERS: Final = (1,)
"""The tiers where the file names none: people who are paged later decide only where the file says so."""

_SLACK_ID = re.compile(r"[UW][A-Z0-9]{2,}")


class Rows:
    """Picks the rows of an answer and the fields of each. A row must have every field of `needs`."""

    def __init__(self, rows: str, row: str, needs: Collection[str] = ()) -> None:
        self._rows, self._row, self._needs = jmespath.compile(rows), jmespath.compile(row), needs

    def of(self, service: str, answer: Any) -> list[dict[str, Any]]:
        """Give the rows of an answer. Raises SourceFailedError."""
        try:
            found = self._rows.search(answer) if isinstance(answer, dict) else None
            if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
                raise unfit(service)
            rows = [self._row.search(each) for each in found]
        except JMESPathError:
            raise unfit(service) from None
        if any(row[need] is None for row in rows for need in self._needs):
            raise unfit(service)
        return rows


def identified(text: str) -> dict[str, Any]:
    """Read a text that names a person: a Slack id, an e-mail address, or a name.

    A text that looks like a Slack id is kept as a name too: it may be a name in capitals.
    """
    text = text.strip()
    if _SLACK_ID.fullmatch(text):
        return {"slack_id": text, "name": text}
    return {"email": text} if "@" in text else {"name": text}


def shift_from(row: Mapping[str, Any]) -> Shift | None:
    """Read a row as a shift; None for a row that names nobody. Raises ValueError for a malformed row."""
    slack_id, email, name = (_text(row.get(key)) for key in ("slack_id", "email", "name"))
    tier = row.get("tier")
    if tier is not None and type(tier) is not int:
        raise ValueError("a tier is a number")
    said = slack_id or email or name
    if not said:
        return None
    return Shift(
        said, slack_id, email, name, tier=tier, starts=_instant(row.get("starts")), ends=_instant(row.get("ends"))
    )


def _text(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise ValueError("a name is a text")  # noqa: TRY004 - one kind of error for whatever a service sends
    return str(value).strip()


def _instant(value: Any) -> datetime | None:
    if value is None:
        return None
    at = datetime.fromisoformat(_text(value))
    if at.tzinfo is None:
        raise ValueError("a time needs an offset")
    return at.astimezone(UTC)


def shifts_of(client: Client, rows: Iterable[Mapping[str, Any]]) -> list[Shift]:
    """Read rows as shifts. Raises SourceFailedError."""
    try:
        return [found for row in rows if (found := shift_from(row)) is not None]
    except (ValueError, OverflowError):
        raise unfit(client.service) from None


def unfit(service: str) -> SourceFailedError:
    """Make the error of an answer in an undocumented form."""
    return SourceFailedError(f"{service} did not answer in the form that its API documents.")


def parameter(name: str, value: str | None) -> list[tuple[str, str]]:
    """Make a query parameter, unless it has no value."""
    return [] if value is None else [(name, value)]


def window(since: str, until: str, at: datetime) -> list[tuple[str, str]]:
    """Make the query parameters of the span that is asked for."""
    begins, ends = _span(at)
    return [(since, f"{begins:%Y-%m-%dT%H:%M:%SZ}"), (until, f"{ends:%Y-%m-%dT%H:%M:%SZ}")]


def _span(at: datetime) -> tuple[datetime, datetime]:
    since = at.astimezone(UTC).replace(microsecond=0)
    return since, since + SPAN


def around(at: datetime, now: datetime, shifts: Sequence[Shift]) -> Shifts:
    """Make the table of the span that was asked for."""
    return Shifts(tuple(shifts), *_span(at), now)


def current(now: datetime, shifts: Sequence[Shift]) -> Shifts:
    """Make the table of a source that only knows who is on call now."""
    return Shifts(tuple(shifts), now - NOW, now + NOW, now)


def of_tiers(shifts: Iterable[Shift], tiers: Collection[int]) -> list[Shift]:
    """Keep the shifts of these tiers. A shift outside all tiers, such as a schedule's own, counts as the first."""
    return [each for each in shifts if (FIRST_TIERS[0] if each.tier is None else each.tier) in tiers]


async def in_time(client: Client, asking: Awaitable[T]) -> T:
    """Give a whole lookup the time limit of one request. Raises SourceFailedError."""
    try:
        async with asyncio.timeout(client.seconds):
            return await asking
    except TimeoutError:
        raise SourceFailedError(f"{client.service} did not answer within {client.seconds:g} s.") from None
