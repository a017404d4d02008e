"""Who is in a user group, by Slack's word: one list for all processes, read again at once when Slack says so (P6)."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from fakes.people import PeopledSlack, wait_until
from structlog.testing import capture_logs
from support.slack_app import NoChannels, serving

from adapters.redis.keys import Keys
from adapters.redis.stores.groups import RedisGroupMemory
from adapters.redis.transport.connection import Database
from adapters.slack.workspace.client import PacedClient, web_client
from adapters.slack.workspace.errors import SlackRefused
from adapters.slack.workspace.groups import SlackGroups, all_groups, named
from adapters.slack.workspace.identity import Identity, whoami
from engine.ids import TeamId, UserId
from engine.ports import ListedGroup, Membership

pytestmark = pytest.mark.promise("P6")

ALICE, BOB, CAROL = UserId("U0ALICE"), UserId("U0BOB"), UserId("U0CAROL")
PATIENCE = 10.0
"""Of a click in these tests, whose machine may be busy."""


class CountingClient(PacedClient):
    """The bot's client, which counts its calls."""

    calls = 0

    async def api_call(self, api_method: str, **more: Any) -> Any:
        type(self).calls += api_method == "usergroups.list"
        return await super().api_call(api_method, **more)


class Heard(NoChannels):
    """Passes on what happens to groups, as the bot does."""

    def __init__(self, groups: SlackGroups) -> None:
        self._groups = groups

    async def groups_changed(self, groups: Collection[str]) -> None:
        await self._groups.changed(groups)


@pytest.fixture
async def database(redis_url: str) -> AsyncIterator[Database]:
    async with Database.from_url(redis_url) as database:
        yield database


@pytest.fixture
async def counting(slack: PeopledSlack) -> AsyncIterator[CountingClient]:
    CountingClient.calls = 0
    environment = slack.environment()
    async with web_client(environment["SLACK_BOT_TOKEN"], environment["SLACK_API_URL"]) as client:
        counted = CountingClient(token=client.token, base_url=client.base_url, session=client.session)
        counted.retry_handlers = client.retry_handlers
        yield counted


@asynccontextmanager
async def process(client: PacedClient, database: Database, **more: Any) -> AsyncIterator[SlackGroups]:
    """The groups as one process of the bot sees them."""
    limits = {name: more.pop(name) for name in ("oldest", "lease") if name in more}
    memory = RedisGroupMemory(database, Keys(), "T0LOCAL", **limits)
    groups = SlackGroups(client, await whoami(client), memory, **more)
    try:
        yield groups
    finally:
        await groups.aclose()


async def put(slack: PeopledSlack, handle: str, members: Any) -> None:
    assert (await slack.people.post("/people/group", {"handle": handle, "members": members}))["acked"]


async def put_unheard(slack: PeopledSlack, members: Collection[str]) -> None:
    """While no bot is there."""
    await slack.people.post("/people/group", {"handle": "sre", "members": sorted(members)})


async def members(groups: SlackGroups, group: str = "S0SRE") -> set[str]:
    found = await groups.members(group, PATIENCE)
    assert not found.error
    return set(found.people)


def nobody(found: Membership) -> str:
    assert not found.people
    return found.error


async def test_the_members_of_a_group(client: PacedClient, database: Database) -> None:
    began = datetime.now(UTC)
    async with process(client, database) as groups:
        found = await groups.members("S0SRE", PATIENCE)
        assert (found.people, found.error, found.unanswered) == (frozenset({ALICE, BOB}), "", False)
        assert began <= found.looked_up <= datetime.now(UTC)
        again = await groups.members("S0SRE", PATIENCE)
        assert again.looked_up == found.looked_up, "when Slack was asked, not when it was recalled"


async def test_one_list_serves_all_processes(counting: CountingClient, database: Database) -> None:
    async with process(counting, database) as one, process(counting, database) as other:
        asked = [groups.members(group, PATIENCE) for groups in (one, other) for group in ("S0SRE", "S0PAYMENTS") * 20]
        found = await asyncio.gather(*asked)
        assert {each.people for each in found} == {frozenset({ALICE, BOB}), frozenset({BOB, CAROL})}
        assert counting.calls == 1


@pytest.mark.parametrize("transport", ["sockets", "http"])
async def test_who_left_a_second_ago_does_not_pass_once_the_event_is_delivered(
    slack: PeopledSlack, client: PacedClient, database: Database, transport: str
) -> None:
    """In any process, and whoever of them was told."""
    async with (
        process(client, database) as told,
        process(client, database) as other,
        serving(slack, client, transport, channels=Heard(told)),
    ):
        with capture_logs() as logs:
            for there in ({ALICE, BOB}, {BOB}, {CAROL}, {ALICE, CAROL}):
                await put(slack, "sre", sorted(there))
                assert await members(other) == there
                assert await members(told) == there
        assert "group_changed_without_event" not in {each["event"] for each in logs}
        await put(slack, "managers", ["carol"])
        assert await members(other, "S0MANAGERS") == {CAROL}


async def test_no_click_is_decided_by_what_an_earlier_event_took_back(
    slack: PeopledSlack, client: PacedClient, database: Database
) -> None:
    """Members change while people click in both processes, and lists are read that are old before they are kept."""
    everybody = ["alice", "bob", "carol", "gina", "eve"]
    versions = [*(set(each) for size in (1, 2, 3, 4) for each in combinations(everybody, size))]
    number = {frozenset(f"U0{name.upper()}" for name in each): at for at, each in enumerate(versions)}
    delivered, seen = [0], set()
    await put_unheard(slack, versions[0])
    async with process(client, database) as told, process(client, database) as other:

        async def click(groups: SlackGroups) -> None:
            while delivered[0] < len(versions) - 1:
                before = delivered[0]
                found = await groups.members("S0SRE", PATIENCE)
                assert not found.error
                assert number[found.people] >= before, f"{found.people} after {versions[before]} was told"
                seen.add(number[found.people])

        async def shown(version: int) -> bool | None:
            return True if version in seen else None

        async with serving(slack, client, "sockets", channels=Heard(told)), asyncio.TaskGroup() as clicks:
            for groups in (told, other) * 3:
                clicks.create_task(click(groups))
            for at, each in enumerate(versions[1:], 1):
                await put(slack, "sre", sorted(each))
                delivered[0] = at
                if at % 3 == 0:
                    await wait_until(partial(shown, at))


async def test_an_event_that_cannot_be_kept_is_delivered_again(
    slack: PeopledSlack, client: PacedClient, database: Database
) -> None:
    """Slack is not told "ok" before every process would know (P1)."""

    class Forgetful(Heard):
        calls = 0

        async def groups_changed(self, groups: Collection[str]) -> None:
            Forgetful.calls += 1
            if Forgetful.calls <= 2:
                raise ConnectionError("Redis is away")
            await super().groups_changed(groups)

    async with process(client, database) as groups, serving(slack, client, "http", channels=Forgetful(groups)):
        assert await members(groups) == {ALICE, BOB}
        outcome = await slack.people.post("/people/group", {"handle": "sre", "members": ["carol"]})
        assert not outcome["acked"]

        async def heard() -> bool | None:
            return True if await members(groups) == {CAROL} else None

        await wait_until(heard)


async def test_a_group_that_is_disabled_or_gone_names_nobody(
    slack: PeopledSlack, client: PacedClient, database: Database
) -> None:
    async with process(client, database) as groups, serving(slack, client, "sockets", channels=Heard(groups)):
        assert await members(groups) == {ALICE, BOB}
        await put(slack, "sre", None)
        assert nobody(await groups.members("S0SRE", PATIENCE)) == "The user group @sre is disabled in Slack."
        assert nobody(await groups.members("S0GONE", PATIENCE)) == "There is no user group S0GONE any more."
        await put(slack, "sre", ["carol"])
        assert await members(groups) == {CAROL}


async def test_without_the_event_a_list_counts_as_long_as_it_may_and_no_longer(
    slack: PeopledSlack, client: PacedClient, database: Database
) -> None:
    short = {"oldest": timedelta(milliseconds=400), "lease": timedelta(milliseconds=100)}
    async with process(client, database, **short) as groups:
        assert await members(groups) == {ALICE, BOB}
        await put_unheard(slack, ["carol"])

        async def read_again() -> bool | None:
            return True if await members(groups) == {CAROL} else None

        await wait_until(read_again)
        await slack.people.fault(method="usergroups.list", status=500, times=100)

        async def lapsed() -> str | None:
            return (await groups.members("S0SRE", PATIENCE)).error or None

        assert await wait_until(lapsed) == "Slack couldn't say who is in the user group @sre."


async def test_a_list_that_is_used_is_read_again_in_the_background_and_a_missing_event_is_logged(
    slack: PeopledSlack, counting: CountingClient, database: Database
) -> None:
    with capture_logs() as logs:
        async with process(counting, database, fresh=0.0) as groups:
            assert await members(groups) == {ALICE, BOB}
            for there in ({CAROL}, {ALICE}):
                await put_unheard(slack, there)

                async def read_again(there: set[UserId] = there) -> bool | None:
                    return True if await members(groups) == there else None

                await wait_until(read_again)
    told = [each["group"] for each in logs if each["event"] == "group_changed_without_event"]
    assert told == ["S0SRE"], "it is said once"
    assert counting.calls > 1


async def test_after_an_event_the_list_is_read_before_anybody_asks(
    slack: PeopledSlack, counting: CountingClient, database: Database
) -> None:
    async with process(counting, database, settle=0.01) as groups:
        await groups.changed(["S0SRE"])
        assert counting.calls == 0, "no rule has asked for a group yet"
        assert await members(groups) == {ALICE, BOB}
        await groups.changed(["S0SRE"])

        async def read_again() -> bool | None:
            return True if counting.calls == 2 else None

        await wait_until(read_again)
        await slack.people.fault(method="usergroups.list", status=500, times=100)
        assert await members(groups) == {ALICE, BOB}


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ({"plan": "free"}, "This workspace has no user groups: they need a paid Slack plan."),
        (
            {"lacks": ["usergroups:read"]},
            "The app may not read user groups: it lacks the scope usergroups:read, which the bot's operator can add.",
        ),
        ({"method": "usergroups.list", "status": 500, "times": 9}, "Slack couldn't say who is in the user group @sre."),
    ],
)
async def test_what_cannot_be_read_names_nobody_and_says_why(
    slack: PeopledSlack, client: PacedClient, database: Database, fault: dict[str, Any], sentence: str
) -> None:
    async with process(client, database, handles={"S0SRE": "sre"}) as groups:
        await slack.people.fault(**fault)
        with capture_logs() as logs:
            found = await groups.members("S0SRE", PATIENCE)
        assert (nobody(found), found.unanswered) == (sentence, False)
        assert {each["event"] for each in logs} == {"group_unknown", "groups_not_read"}
        await slack.people.fault(reset=True)
        assert await members(groups) == {ALICE, BOB}


async def test_a_change_that_cannot_be_looked_at_names_nobody(
    slack: PeopledSlack, client: PacedClient, database: Database
) -> None:
    """What was known before the event does not count, although it is young."""
    async with process(client, database) as groups:
        assert await members(groups) == {ALICE, BOB}
        await slack.people.fault(method="usergroups.list", status=500, times=9)
        await groups.changed(["S0SRE"])
        assert nobody(await groups.members("S0SRE", PATIENCE)) == "Slack couldn't say who is in the user group @sre."
        assert await members(groups, "S0PAYMENTS") == {BOB, CAROL}


async def test_slack_that_is_slow_is_not_waited_for_and_the_next_click_finds_the_answer(
    slack: PeopledSlack, counting: CountingClient, database: Database
) -> None:
    async with process(counting, database) as groups:
        await slack.people.fault(method="usergroups.list", hold=True)
        found = await groups.members("S0SRE", 0.05)
        assert nobody(found) == "Slack didn't say in time who is in the user group S0SRE."
        assert found.unanswered
        await slack.people.fault(release=True)
        assert await members(groups) == {ALICE, BOB}
        assert counting.calls == 1


async def test_without_redis_nobody_is_known(client: PacedClient) -> None:
    async with Database.from_url("redis://127.0.0.1:1/0") as database:
        groups = SlackGroups(client, await whoami(client), RedisGroupMemory(database, Keys(), "T0LOCAL"))
        assert nobody(await groups.members("S0SRE", 0.5)).endswith("the user group S0SRE.")
        await groups.aclose()


async def test_who_asks_no_more_leaves_nothing_behind(
    slack: PeopledSlack, client: PacedClient, database: Database
) -> None:
    await slack.people.fault(method="usergroups.list", hold=True)
    async with process(client, database) as groups:
        await groups.members("S0SRE", 0.05)
    assert await RedisGroupMemory(database, Keys(), "T0LOCAL").begin() is not None, "the right to read is given back"


async def test_a_group_of_700(tmp_path: Path, database: Database) -> None:
    """Slack's event names 500 of them, and says so in no other way than by their number."""
    everybody = [f"p{number}" for number in range(700)]
    people = {
        "people": [{"name": name} for name in everybody],
        "channels": ["general"],
        "groups": [{"handle": "all", "members": everybody[:1]}],
    }
    async with PeopledSlack(data=tmp_path / "many", people=people) as slack:
        environment = slack.environment()
        async with (
            web_client(environment["SLACK_BOT_TOKEN"], environment["SLACK_API_URL"]) as client,
            process(client, database) as groups,
            serving(slack, client, "sockets", channels=Heard(groups)),
        ):
            assert len(await members(groups, "S0ALL")) == 1
            await put(slack, "all", everybody)
            assert len(await members(groups, "S0ALL")) == 700
            await put(slack, "all", everybody[:-1])
            assert "U0P699" not in await members(groups, "S0ALL")


# Names ----------------------------------------------------------------------------------------------------------------


LISTED = [
    ListedGroup("S0SRE", "sre", frozenset({ALICE})),
    ListedGroup("S0OLD", "sre", frozenset({BOB}), "disabled"),
    ListedGroup("S0PAY", "pay", frozenset({BOB}), "disabled"),
    ListedGroup("S0ONE", "twice", frozenset({BOB})),
    ListedGroup("S0TWO", "twice", frozenset({CAROL})),
    ListedGroup("S0IDP", "idp", frozenset({CAROL}), "", "S0ORG"),
]


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("sre", "S0SRE"), ("@sre", "S0SRE"), ("@SRE", "S0SRE"), ("S0SRE", "S0SRE"), ("@S0SRE", "S0SRE"),
        ("S0OLD", "S0OLD"), ("pay", "S0PAY"), ("S0ORG", "S0IDP"), ("S0IDP", "S0IDP"),
        ("twice", None), ("nobody", None), ("", None), ("@", None), ("S0GONE", None), ("#sre", None),
    ],
)  # fmt: skip
def test_a_group_is_named_by_its_handle_or_its_id(name: str, group: str | None) -> None:
    found = named([name], LISTED)
    assert {key: each.id for key, each in found.items()} == ({} if group is None else {name: group})


async def test_all_groups_are_listed_the_disabled_ones_too(slack: PeopledSlack, client: PacedClient) -> None:
    await slack.people.post("/people/group", {"handle": "payments", "members": None})
    found = {each.handle: each for each in await all_groups(client, await whoami(client))}
    assert found["sre"] == ListedGroup("S0SRE", "sre", frozenset({ALICE, BOB}))
    assert found["payments"].unable == "disabled"
    await slack.people.fault(plan="free")
    with pytest.raises(SlackRefused) as raised:
        await all_groups(client, await whoami(client))
    assert raised.value.code == "plan_upgrade_required"


# Organizations --------------------------------------------------------------------------------------------------------


Groups = list[dict[str, Any]]


def paged(items: Sequence[Any], cursor: Any) -> tuple[Any, dict[str, str]]:
    """One of the items, and where the next one is found."""
    at = int(cursor or 0)
    return items[at], {"next_cursor": str(at + 1) if at + 1 < len(items) else ""}


@asynccontextmanager
async def organization(workspaces: Mapping[str, Groups]) -> AsyncIterator[str]:
    """Slack's answers to an app that is installed on a whole organization: one workspace or group a page."""

    async def given(request: web.Request) -> dict[str, Any]:
        return {**request.query, **await request.post()}

    async def teams(request: web.Request) -> web.Response:
        team, metadata = paged([*workspaces], (await given(request)).get("cursor"))
        return web.json_response({"ok": True, "teams": [{"id": team, "name": team}], "response_metadata": metadata})

    async def groups(request: web.Request) -> web.Response:
        asked = await given(request)
        if asked.get("team_id") not in workspaces:
            return web.json_response({"ok": False, "error": "missing_argument"})
        group, metadata = paged(workspaces[asked["team_id"]], asked.get("cursor"))
        return web.json_response({"ok": True, "usergroups": [group], "response_metadata": metadata})

    app = web.Application()
    app.router.add_route("*", "/api/auth.teams.list", teams)
    app.router.add_route("*", "/api/usergroups.list", groups)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/api/"
    finally:
        await runner.cleanup()


async def test_an_app_of_a_whole_organization_asks_each_workspace_for_all_pages() -> None:
    sre = {"id": "S1", "handle": "sre", "users": ["U1"], "date_delete": 0, "enterprise_subteam_id": "S9"}
    odd = {"id": "S2", "handle": "<!channel>", "users": ["U2"], "date_delete": 1, "user_count": "1"}
    bare = {"id": "S3"}
    org = Identity(UserId("U0BOT"), "B1", TeamId("E1"), "signoff", "Org", frozenset(), "E1", org_wide=True)
    async with organization({"T1": [sre], "T2": [odd, bare]}) as url, web_client("xoxb-1", url) as client:
        assert await all_groups(client, org) == [
            ListedGroup("S1", "sre", frozenset({UserId("U1")}), "", "S9"),
            ListedGroup("S2", "S2", frozenset({UserId("U2")}), "disabled"),
            ListedGroup("S3", "S3", frozenset()),
        ]
        one = replace(org, team=TeamId("T2"), org_wide=False)
        assert [each.id for each in await all_groups(client, one)] == ["S2", "S3"]
