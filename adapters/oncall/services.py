"""PagerDuty, incident.io, Rootly, Grafana Cloud IRM, and any service by an expression of your own.

A service is asked for a short span that begins with the instant in question, and answers with shifts; which of them is
on at an instant is decided here, by their times (`engine.oncall.shifts`), never by the service: without a window
incident.io returns later shifts, too, and the next person would approve.

JMESPath picks the fields. Where an answer does not have the form that the service documents, JMESPath would quietly
give nothing, which reads as "nobody is on call": so a list has to be one, of objects, and each of them needs the fields
that its service always sends. Anything else is a failed source.

https://developer.pagerduty.com/api-reference/3a6b910f11050-list-all-of-the-on-calls,
https://docs.incident.io/api-reference (Schedules V2, ListScheduleEntries),
https://docs.rootly.com/api-reference/oncalls/list-on-calls,
https://grafana.com/docs/grafana-cloud/alerting-and-irm/irm/reference/oncall-api/schedules/ and .../users/
"""

import asyncio
import re
from collections.abc import Awaitable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar
from urllib.parse import quote

import jmespath
from jmespath.exceptions import JMESPathError

from adapters.oncall.client import Client, Query
from engine.oncall.shifts import Shift, Shifts
from engine.ports import SourceFailedError

T = TypeVar("T")

SPAN: Final = timedelta(seconds=90)
"""How far an answer reaches beyond the instant that it was asked for: a little longer than answers are kept."""
NOW: Final = timedelta(seconds=60)
"""How far from now an answer holds that only tells who is on call now."""
FIRST_TIERS: Final = (1,)
"""The tiers where the file names none: people who are paged later decide only where somebody says so."""

_SLACK_ID = re.compile(r"[UW][A-Z0-9]{2,}")
_PAGE = 100
_MOST_PAGES = 20


class _Rows:
    """Where the rows of an answer stand, and the fields of each. A row without one of `needs` is none of the API's."""

    def __init__(self, rows: str, row: str, needs: Collection[str] = ()) -> None:
        self._rows, self._row, self._needs = jmespath.compile(rows), jmespath.compile(row), needs

    def of(self, service: str, answer: Any) -> list[dict[str, Any]]:
        """The rows. Raises SourceFailedError."""
        try:
            found = self._rows.search(answer) if isinstance(answer, dict) else None
            if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
                raise _unfit(service)
            rows = [self._row.search(each) for each in found]
        except JMESPathError:
            raise _unfit(service) from None
        if any(row[need] is None for row in rows for need in self._needs):
            raise _unfit(service)
        return rows


# Each service ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PagerDuty:
    """The on-calls of an escalation policy or a schedule, of the given tiers (escalation levels)."""

    client: Client
    policy: str | None
    schedule: str | None
    tiers: Collection[int] = FIRST_TIERS

    async def shifts(self, at: datetime, now: datetime) -> Shifts:
        """Read all pages: a page that is missing may name somebody."""
        query = [("include[]", "users"), ("time_zone", "UTC"), *_window("since", "until", at)]
        query += _given("escalation_policy_ids[]", self.policy) + _given("schedule_ids[]", self.schedule)
        rows = await _in_time(self.client, self._rows(query))
        return _around(at, now, _of_tiers(_shifts(self.client, rows), self.tiers))

    async def _rows(self, query: Query) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for _ in range(_MOST_PAGES):
            part = [("limit", str(_PAGE)), ("offset", str(len(found)))]
            page = await self.client.json("/oncalls", [*query, *part])
            rows = _PAGERDUTY.of(self.client.service, page)
            found += rows
            if not page.get("more"):
                return found
            if not rows:
                break
        raise SourceFailedError(f"{self.client.service} did not answer with all of its pages.")


_PAGERDUTY = _Rows(
    "oncalls",
    "{email: user.email, name: user.name || user.summary, tier: escalation_level, starts: start, ends: end}",
    needs=("tier",),
)


@dataclass(frozen=True, slots=True)
class IncidentIo:
    """The final entries of a schedule: rotations with overrides."""

    client: Client
    schedule: str

    async def shifts(self, at: datetime, now: datetime) -> Shifts:
        """Ask for a window. An entry without a user is a gap in the schedule."""
        query = [("schedule_id", self.schedule), *_window("entry_window_start", "entry_window_end", at)]
        answer = await _in_time(self.client, self.client.json("/v2/schedule_entries", query))
        return _around(at, now, _shifts(self.client, _INCIDENT_IO.of(self.client.service, answer)))


_INCIDENT_IO = _Rows(
    "schedule_entries.final",
    "{slack_id: user.slack_user_id, email: user.email, name: user.name, starts: start_at, ends: end_at}",
    needs=("starts", "ends"),
)


@dataclass(frozen=True, slots=True)
class Rootly:
    """The on-calls of an escalation policy or a schedule, of the given tiers (escalation levels).

    `included` holds users who have nothing to do with the on-calls: each on-call names its own in `relationships`.
    """

    client: Client
    policy: str | None
    schedule: str | None
    tiers: Collection[int] = FIRST_TIERS

    async def shifts(self, at: datetime, now: datetime) -> Shifts:
        """Ask once: Rootly allows five requests a minute."""
        query = [("include", "user"), *_window("since", "until", at)]
        query += _given("filter[escalation_policy_ids]", self.policy) + _given("filter[schedule_ids]", self.schedule)
        answer = await _in_time(self.client, self.client.json("/v1/oncalls", query))
        rows = _ROOTLY.of(self.client.service, answer)
        users = {str(each["id"]): each for each in _ROOTLY_USERS.of(self.client.service, answer)}
        joined = [{**row, **users.get(str(row["user"]), {"name": row["user"]})} for row in rows]
        return _around(at, now, _of_tiers(_shifts(self.client, joined), self.tiers))


_ROOTLY = _Rows(
    "data",
    "{user: relationships.user.data.id || attributes.user_id, tier: attributes.escalation_level, "
    "starts: attributes.starts_at, ends: attributes.ends_at}",
    needs=("user",),
)
_ROOTLY_USERS = _Rows(
    "(included || `[]`)[?type=='users' || type=='user']",
    "{id: id, slack_id: attributes.slack_id, email: attributes.email, name: attributes.full_name || attributes.name}",
)


@dataclass(frozen=True, slots=True)
class Grafana:
    """Who is on call now by a schedule of Grafana Cloud IRM, and then each person by their id.

    `slack` of a person is an object on the newest page of the API and a list on older ones. Of a list with several
    accounts none is taken: which of them is in this workspace is not said.
    """

    client: Client
    schedule: str

    async def shifts(self, at: datetime, now: datetime) -> Shifts:
        """The API knows of now only, whatever instant is asked for."""
        del at
        return _of_now(now, _shifts(self.client, await _in_time(self.client, self._people())))

    async def _people(self) -> list[dict[str, Any]]:
        answer = await self.client.json(f"/api/v1/schedules/{quote(self.schedule, safe='')}/")
        found = answer.get("on_call_now") if isinstance(answer, dict) else None
        if not isinstance(found, list) or not all(isinstance(each, str) and each for each in found):
            raise _unfit(self.client.service)
        return await asyncio.gather(*(self._person(each) for each in dict.fromkeys(found)))

    async def _person(self, person: str) -> dict[str, Any]:
        answer = await self.client.json(f"/api/v1/users/{quote(person, safe='')}/")
        (row,) = _GRAFANA.of(self.client.service, {"person": [answer]})
        return {**row, "name": row["name"] or person}


_GRAFANA = _Rows(
    "person",
    "{slack_id: slack.user_id || (length(slack[*] || `[]`) == `1` && slack[0].user_id) || null, email: email, "
    "name: username}",
)


@dataclass(frozen=True, slots=True)
class Own:
    """Any address that answers with JSON; the expression picks people: Slack ids, e-mail addresses or names.

    They may be texts, or objects with `slack_id`, `email` and `name`.
    """

    client: Client
    people: str

    async def shifts(self, at: datetime, now: datetime) -> Shifts:
        """Who the expression finds now. What it does not find at all, such as for a misspelt field, is a failure.

        Raises SourceFailedError.
        """
        del at
        answer = await _in_time(self.client, self.client.json())
        try:
            found = jmespath.search(self.people, answer)
        except JMESPathError:
            found = None
        listed = [found] if isinstance(found, str | dict) else found
        if not isinstance(listed, list) or not all(map(_names_somebody, listed)):
            raise SourceFailedError(f"{self.client.service}: the expression of `people` finds no list of people.")
        rows = [each if isinstance(each, dict) else spelled(each) for each in listed]
        return _of_now(now, _shifts(self.client, rows))


def _names_somebody(found: Any) -> bool:
    if isinstance(found, dict):
        return any(found.get(key) for key in ("slack_id", "email", "name"))
    return isinstance(found, str) and bool(found.strip())


# What they share ------------------------------------------------------------------------------------------------------


def spelled(text: str) -> dict[str, Any]:
    """A person who is named by one text: a Slack id, an e-mail address, or a name.

    What looks like a Slack id is kept as a name, too: it may be a name in capitals.
    """
    text = text.strip()
    if _SLACK_ID.fullmatch(text):
        return {"slack_id": text, "name": text}
    return {"email": text} if "@" in text else {"name": text}


def shift_of(row: Mapping[str, Any]) -> Shift | None:
    """A row as a shift; None for one that names nobody. Raises ValueError for one that is not as it should be."""
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


def _shifts(client: Client, rows: Iterable[Mapping[str, Any]]) -> list[Shift]:
    try:
        return [found for row in rows if (found := shift_of(row)) is not None]
    except (ValueError, OverflowError):
        raise _unfit(client.service) from None


def _unfit(service: str) -> SourceFailedError:
    return SourceFailedError(f"{service} did not answer in the form that its API documents.")


def _given(name: str, value: str | None) -> list[tuple[str, str]]:
    return [] if value is None else [(name, value)]


def _window(since: str, until: str, at: datetime) -> list[tuple[str, str]]:
    begins, ends = _span(at)
    return [(since, f"{begins:%Y-%m-%dT%H:%M:%SZ}"), (until, f"{ends:%Y-%m-%dT%H:%M:%SZ}")]


def _span(at: datetime) -> tuple[datetime, datetime]:
    since = at.astimezone(UTC).replace(microsecond=0)
    return since, since + SPAN


def _around(at: datetime, now: datetime, shifts: Sequence[Shift]) -> Shifts:
    return Shifts(tuple(shifts), *_span(at), now)


def _of_now(now: datetime, shifts: Sequence[Shift]) -> Shifts:
    return Shifts(tuple(shifts), now - NOW, now + NOW, now)


def _of_tiers(shifts: Iterable[Shift], tiers: Collection[int]) -> list[Shift]:
    """Those of the tiers. What has no tier, such as a schedule outside of all policies, is of the first."""
    return [each for each in shifts if (FIRST_TIERS[0] if each.tier is None else each.tier) in tiers]


async def _in_time(client: Client, asking: Awaitable[T]) -> T:
    """The whole of a lookup has the time that one request has."""
    try:
        async with asyncio.timeout(client.seconds):
            return await asking
    except TimeoutError:
        raise SourceFailedError(f"{client.service} did not answer within {client.seconds:g} s.") from None
