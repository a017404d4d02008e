"""Each service's real format names the right person; whatever else it answers is a failure, and never "nobody" (P6)."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fakes.oncall_services import (
    ServiceServer,
    entry,
    on_call,
    on_call_of_rootly,
    user_of_incident_io,
    user_of_rootly,
)

from adapters.oncall.client import Client
from adapters.oncall.grafana import Grafana
from adapters.oncall.http_json import HttpJson
from adapters.oncall.incident_io import IncidentIo
from adapters.oncall.pagerduty import PagerDuty
from adapters.oncall.rootly import Rootly
from engine.oncall.shifts import Shifts, said_of
from engine.ports import ShiftSource, SourceFailedError

pytestmark = pytest.mark.promise("P6")

AT = datetime(2026, 11, 30, 8, tzinfo=UTC)
BEFORE, AFTER = "2026-11-30T00:00:00Z", "2026-12-01T00:00:00Z"

Make = Callable[[Client], ShiftSource]


@pytest.fixture
async def server() -> AsyncIterator[ServiceServer]:
    async with ServiceServer() as server:
        yield server


async def asked(server: ServiceServer, make: Make, at: datetime = AT, **more: Any) -> Shifts:
    async with AsyncExitStack() as stack:
        client = Client("The service", server.url, {"Authorization": "Token token=secret"}, **more)
        return await make(await stack.enter_async_context(client.open())).shifts(at, AT)


async def who(server: ServiceServer, make: Make, at: datetime = AT) -> tuple[str, ...]:
    found = await asked(server, make, at)
    assert found.covers(at)
    return said_of(found.on_call(at))


def pagerduty(client: Client) -> PagerDuty:
    return PagerDuty(client, "P7PAY", None)


def incident_io(client: Client) -> IncidentIo:
    return IncidentIo(client, "01S")


def rootly(client: Client) -> Rootly:
    return Rootly(client, None, "s-1")


def grafana(client: Client) -> Grafana:
    return Grafana(client, "SBM")


def own(client: Client) -> HttpJson:
    return HttpJson(client, "now[].slack_id")


# PagerDuty ------------------------------------------------------------------------------------------------------------


async def test_pagerduty_means_the_first_tier_where_none_is_named(server: ServiceServer) -> None:
    server.pagerduty(on_call("jane@example.com"), on_call("bob@example.com", tier=2))
    assert await who(server, pagerduty) == ("jane@example.com",)
    assert server.tokens == ["Token token=secret"]
    query = server.requests[0].query
    assert query["escalation_policy_ids[]"] == "P7PAY"
    assert datetime.fromisoformat(query["since"]) <= AT < datetime.fromisoformat(query["until"])


async def test_pagerduty_takes_the_tiers_that_are_named(server: ServiceServer) -> None:
    server.pagerduty(*(on_call(f"{tier}@example.com", tier=tier) for tier in (1, 2, 3)))
    assert await who(server, lambda client: PagerDuty(client, "P7PAY", None, (1, 2))) == (
        "1@example.com",
        "2@example.com",
    )
    found = await asked(server, lambda client: PagerDuty(client, None, "PS1", (2,)))
    assert [(each.email, each.tier) for each in found.shifts] == [("2@example.com", 2)]
    assert server.requests[-1].query["schedule_ids[]"] == "PS1"


async def test_with_people_on_tier_3_only_nobody_is_on_call_on_the_first(server: ServiceServer) -> None:
    server.pagerduty(on_call("jane@example.com", tier=3))
    assert await who(server, pagerduty) == ()


async def test_all_pages_of_pagerduty_are_read(server: ServiceServer) -> None:
    server.pagerduty(*(on_call(f"{number}@example.com") for number in range(5)), page=2)
    assert len(await who(server, pagerduty)) == 5
    assert len(server.requests) == 3


async def test_a_page_of_pagerduty_that_is_missing_is_a_failure(server: ServiceServer) -> None:
    server.pagerduty(*(on_call(f"{number}@example.com") for number in range(5)), page=2, lost=1)
    with pytest.raises(SourceFailedError, match="502"):
        await asked(server, pagerduty)


async def test_pages_of_pagerduty_without_an_end_are_a_failure(server: ServiceServer) -> None:
    server.says({"oncalls": [], "more": True})
    with pytest.raises(SourceFailedError, match="all of its pages"):
        await asked(server, pagerduty)
    server.says({"oncalls": [on_call("jane@example.com")], "more": True})
    with pytest.raises(SourceFailedError, match="all of its pages"):
        await asked(server, pagerduty)
    assert len(server.requests) < 30


async def test_a_hand_over_of_pagerduty_counts_at_its_instant(server: ServiceServer) -> None:
    server.pagerduty(
        on_call("jane@example.com", starts="2026-11-29T08:00:00Z", ends="2026-11-30T08:00:30Z"),
        on_call("bob@example.com", starts="2026-11-30T09:00:30+01:00", ends="2026-12-01T08:00:30Z"),
    )
    found = await asked(server, pagerduty)
    assert said_of(found.on_call(AT)) == ("jane@example.com",)
    assert said_of(found.on_call(AT + timedelta(seconds=29, milliseconds=999))) == ("jane@example.com",)
    assert said_of(found.on_call(AT + timedelta(seconds=30))) == ("bob@example.com",)


async def test_a_person_without_an_e_mail_address_is_known_by_name(server: ServiceServer) -> None:
    server.pagerduty(on_call(None))
    assert await who(server, pagerduty) == ("Jane Doe",)


# incident.io ----------------------------------------------------------------------------------------------------------


async def test_incident_io_is_asked_for_a_window_and_the_next_person_is_not_on_call(server: ServiceServer) -> None:
    server.incident_io(entry(BEFORE, AFTER, "U0JANE"), entry(AFTER, "2026-12-02T00:00:00Z", "U0BOB"))
    assert await who(server, incident_io) == ("U0JANE",)
    query = server.requests[0].query
    assert datetime.fromisoformat(query["entry_window_start"]) <= AT < datetime.fromisoformat(query["entry_window_end"])
    assert await who(server, incident_io, datetime.fromisoformat(AFTER)) == ("U0BOB",)


async def test_later_shifts_of_incident_io_are_passed_over_though_it_returns_them(server: ServiceServer) -> None:
    final = [entry(BEFORE, AFTER, "U0JANE"), entry(AFTER, "2026-12-02T00:00:00Z", "U0BOB")]
    server.says({"schedule_entries": {"final": final}})
    assert await who(server, incident_io) == ("U0JANE",)


async def test_a_gap_in_incident_io_is_nobody_and_somebody_without_slack_has_an_address(server: ServiceServer) -> None:
    gap = {key: value for key, value in entry(BEFORE, AFTER, "x").items() if key != "user"}
    server.incident_io(gap)
    assert await who(server, incident_io) == ()
    server.incident_io({**gap, "user": user_of_incident_io(None, "bob@example.com")})
    assert await who(server, incident_io) == ("bob@example.com",)


# Rootly ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("related", [True, False])
async def test_rootly_includes_users_who_are_not_on_call(server: ServiceServer, *, related: bool) -> None:
    server.rootly(
        on_call_of_rootly("2", starts=BEFORE, ends=AFTER, related=related),
        on_call_of_rootly("3", tier=2, starts=BEFORE, ends=AFTER, related=related),
        included=[
            user_of_rootly("1", slack_id="U0BOB"),
            user_of_rootly("2", slack_id="U0JANE"),
            user_of_rootly("3", slack_id="U0CAROL"),
            {"id": "2", "type": "schedules", "attributes": {"name": "Primary", "slack_id": "U0EVE"}},
        ],
    )
    assert await who(server, rootly) == ("U0JANE",)
    assert server.requests[0].query["filter[schedule_ids]"] == "s-1"
    assert len(server.requests) == 1


async def test_a_user_whom_rootly_does_not_include_is_known_to_nobody(server: ServiceServer) -> None:
    server.rootly(on_call_of_rootly("2", starts=BEFORE, ends=AFTER), included=[user_of_rootly("1", slack_id="U0BOB")])
    (shift,) = (await asked(server, rootly)).on_call(AT)
    assert (shift.said, shift.slack_id, shift.email) == ("2", "", "")


async def test_an_on_call_of_rootly_outside_of_policies_has_no_tier(server: ServiceServer) -> None:
    server.rootly(
        on_call_of_rootly("1", tier=None, starts=BEFORE, ends=AFTER), included=[user_of_rootly("1", slack_id="U0JANE")]
    )
    assert await who(server, rootly) == ("U0JANE",)


# Grafana --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("slack", "said"),
    [
        ({"user_id": "U0JANE", "team_id": "T1"}, "U0JANE"),
        ([{"user_id": "U0JANE", "team_id": "T1"}], "U0JANE"),
        ([{"user_id": "U0JANE", "team_id": "T1"}, {"user_id": "U0ALSO", "team_id": "T2"}], "jane@example.com"),
        ([], "jane@example.com"),
        (None, "jane@example.com"),
    ],
)
async def test_both_forms_of_grafana_are_read(server: ServiceServer, slack: Any, said: str) -> None:
    server.grafana({"UJ": {"email": "jane@example.com", "slack": slack, "username": "jane"}})
    assert await who(server, grafana) == (said,)


async def test_a_person_of_grafana_who_cannot_be_read_is_a_failure(server: ServiceServer) -> None:
    server.says({"on_call_now": ["UJ"]}, "/api/v1/schedules/SBM/")
    with pytest.raises(SourceFailedError, match="404"):
        await asked(server, grafana)


# Your own -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "expression", "said"),
    [
        ({"now": [{"slack_id": "U0JANE"}, {"slack_id": "U0BOB"}]}, "now[].slack_id", ("U0JANE", "U0BOB")),
        ({"now": []}, "now[].slack_id", ()),
        ({"primary": "jane@example.com"}, "primary", ("jane@example.com",)),
        ([{"who": "Jane Doe"}], "[].who", ("Jane Doe",)),
        ([{"a": "U0JANE", "b": "j@example.com"}], "[].{slack_id: a, email: b}", ("U0JANE",)),
    ],
)
async def test_an_expression_picks_people(
    server: ServiceServer, answer: Any, expression: str, said: tuple[str, ...]
) -> None:
    server.says(answer)
    assert await who(server, lambda client: HttpJson(client, expression)) == said


async def test_an_expression_may_pick_the_times_of_shifts(server: ServiceServer) -> None:
    later = {"slack_id": "U0BOB", "starts": "2026-11-30T09:00:30+01:00"}
    server.says({"now": [{"slack_id": "U0JANE", "ends": "2026-11-30T08:00:30Z"}, later]})
    found = await asked(server, lambda client: HttpJson(client, "now"))
    assert said_of(found.on_call(AT)) == ("U0JANE",)
    assert said_of(found.on_call(AT + timedelta(seconds=30))) == ("U0BOB",)


@pytest.mark.parametrize(
    ("answer", "expression"),
    [
        ({"now": [{"slack_id": "U0JANE"}]}, "nwo[].slack_id"),
        ({"now": [{"id": "U0JANE"}]}, "now"),
        ({"now": [7]}, "now"),
        ({"now": [""]}, "now"),
        ({"now": 7}, "now"),
        ({"now": "x"}, "sum(now)"),
        ("down for maintenance", "now[].slack_id"),
    ],
)
async def test_an_expression_that_finds_no_people_is_a_failure(
    server: ServiceServer, answer: Any, expression: str
) -> None:
    server.says(answer)
    with pytest.raises(SourceFailedError, match="finds no list of people"):
        await asked(server, lambda client: HttpJson(client, expression))


# Any of them ----------------------------------------------------------------------------------------------------------

EVERY = {"PagerDuty": pagerduty, "incident.io": incident_io, "Rootly": rootly, "Grafana": grafana, "own": own}
NONSENSE: dict[str, Any] = {
    "an object": {"message": "hello"},
    "a list": [],
    "a number": 3,
    "null": None,
    "texts for lists": {
        "oncalls": "x", "schedule_entries": "x", "data": "x", "on_call_now": "x", "now": 1,
    },
    "texts for entries": {
        "oncalls": ["x"], "schedule_entries": {"final": ["x"]}, "data": ["x"], "on_call_now": [7], "now": "x",
    },
    "entries without what they need": {
        "oncalls": [{"user": {"email": "jane@example.com"}}],
        "schedule_entries": {"final": [{"user": {"slack_user_id": "U0JANE"}}]},
        "data": [{"attributes": {}}],
        "on_call_now": [{}],
        "now": {},
    },
    "times that are none": {
        "oncalls": [{**on_call("jane@example.com"), "start": "soon"}],
        "schedule_entries": {"final": [entry("2026-11-30T00:00:00", AFTER, "U0JANE")]},
        "data": [on_call_of_rootly("1", starts="soon", ends=AFTER)],
        "on_call_now": [""],
        "now": None,
    },
    "a tier that is none": {
        "oncalls": [{**on_call("jane@example.com"), "escalation_level": True}],
        "schedule_entries": {"final": None},
        "data": [on_call_of_rootly("1", tier="1", starts=BEFORE, ends=AFTER)],  # type: ignore[arg-type]
        "on_call_now": None,
        "now": True,
    },
}  # fmt: skip


@pytest.mark.parametrize("make", EVERY.values(), ids=EVERY)
@pytest.mark.parametrize("answer", NONSENSE.values(), ids=NONSENSE)
async def test_nonsense_is_a_failure_and_not_nobody(server: ServiceServer, make: Make, answer: Any) -> None:
    server.says(answer)
    with pytest.raises(SourceFailedError):
        await asked(server, make)


@pytest.mark.parametrize("make", EVERY.values(), ids=EVERY)
@pytest.mark.parametrize(
    ("status", "text", "said"),
    [
        (200, "<html>", "did not answer with JSON"),
        (200, "", "did not answer with JSON"),
        (200, "[" * 100_000, "did not answer with JSON"),
        (204, "", "status 204"),
        (400, '{"error": "Token token=secret"}', "status 400"),
        (401, "", "denies access"),
        (500, "oops", "status 500"),
    ],
)
async def test_a_failing_service_is_said_without_what_it_says(
    server: ServiceServer, make: Make, status: int, text: str, said: str
) -> None:
    server.fails(status, text=text)
    with pytest.raises(SourceFailedError, match=said) as failed:
        await asked(server, make)
    assert "secret" not in str(failed.value)
    assert failed.value.rest is None


@pytest.mark.parametrize("make", EVERY.values(), ids=EVERY)
async def test_a_service_that_asks_to_be_left_alone_is_not_waited_for(server: ServiceServer, make: Make) -> None:
    server.fails(429, {"Retry-After": "3600"})
    with pytest.raises(SourceFailedError, match="status 429") as failed:
        await asked(server, make)
    assert failed.value.rest == timedelta(hours=1)
    assert len(server.requests) == 1


@pytest.mark.parametrize("make", EVERY.values(), ids=EVERY)
async def test_a_service_that_does_not_answer_is_a_failure(server: ServiceServer, make: Make) -> None:
    server.hangs()
    with pytest.raises(SourceFailedError, match=r"did not answer within 0.2 s"):
        await asked(server, make, seconds=0.2)
