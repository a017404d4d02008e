"""User groups, and people deactivated while the workspace runs: Slack's answers, and its events for the bot."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, TypedDict

import pytest
from fakes.people import PeopledSlack, RefusedError, wait_until
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from typing_extensions import Unpack

Json = dict[str, Any]
EVENTS = ("subteam_created", "subteam_updated", "subteam_members_changed", "user_change")


@pytest.fixture
async def told(app: AsyncApp, serve: Any) -> AsyncIterator[list[Json]]:
    seen: list[Json] = []

    async def note(event: Json) -> None:
        seen.append(event)

    for name in EVENTS:
        app.event(name)(note)
    async with serve(app):
        yield seen


async def put(slack: PeopledSlack, handle: str, members: Any, **more: str) -> Json:
    return await slack.people.post("/people/group", {"handle": handle, "members": members, **more})


class Flags(TypedDict, total=False):
    include_users: bool
    include_disabled: bool


async def groups(client: AsyncWebClient, **flags: Unpack[Flags]) -> dict[str, Json]:
    return {each["handle"]: each for each in (await client.usergroups_list(**flags))["usergroups"]}


async def refusal(call: Any) -> Json:
    with pytest.raises(SlackApiError) as raised:
        await call
    return dict(raised.value.response.data)


async def test_the_built_in_groups(client: AsyncWebClient) -> None:
    found = await groups(client, include_users=True)
    assert {handle: each["users"] for handle, each in found.items()} == {
        "sre": ["U0ALICE", "U0BOB"],
        "payments": ["U0BOB", "U0CAROL"],
    }
    sre = found["sre"]
    assert (sre["id"], sre["name"], sre["team_id"], sre["date_delete"]) == ("S0SRE", "Site reliability", "T0LOCAL", 0)
    assert (sre["is_usergroup"], sre["is_external"], sre["user_count"]) == (True, False, 2)
    assert "users" not in (await groups(client))["sre"], "only where they are asked for"
    assert (await client.usergroups_users_list(usergroup="S0SRE"))["users"] == ["U0ALICE", "U0BOB"]


async def test_a_group_gets_other_members(slack: PeopledSlack, client: AsyncWebClient, told: list[Json]) -> None:
    outcome = await put(slack, "@sre", ["bob", "@carol", "U0BOB"])
    assert outcome["acked"]
    assert outcome["id"] == "S0SRE"
    updated, changed = sorted(told, key=lambda each: str(each["type"]), reverse=True)
    assert updated["type"] == "subteam_updated"
    assert updated["subteam"]["users"] == ["U0BOB", "U0CAROL"]
    assert updated["subteam"] == (await groups(client, include_users=True))["sre"]
    assert changed["type"] == "subteam_members_changed"
    assert (changed["subteam_id"], changed["team_id"]) == ("S0SRE", "T0LOCAL")
    assert (changed["added_users"], changed["added_users_count"]) == (["U0CAROL"], 1)
    assert (changed["removed_users"], changed["removed_users_count"]) == (["U0ALICE"], 1)
    assert changed["date_update"] > changed["date_previous_update"]


async def test_a_group_is_disabled_and_enabled_again(
    slack: PeopledSlack, client: AsyncWebClient, told: list[Json]
) -> None:
    await put(slack, "sre", None)
    [event] = told
    assert event["type"] == "subteam_updated"
    assert event["subteam"]["date_delete"] > 0
    assert set(await groups(client)) == {"payments"}
    assert (await groups(client, include_disabled=True, include_users=True))["sre"]["users"] == ["U0ALICE", "U0BOB"]
    assert (await refusal(client.usergroups_users_list(usergroup="S0SRE")))["error"] == "no_such_subteam"
    assert (await client.usergroups_users_list(usergroup="S0SRE", include_disabled=True))["users"]
    await put(slack, "sre", ["alice", "bob"])
    assert (await groups(client))["sre"]["date_delete"] == 0
    assert [each["type"] for each in told] == ["subteam_updated", "subteam_updated"], "its members are the same"


async def test_a_group_is_created(slack: PeopledSlack, client: AsyncWebClient, told: list[Json]) -> None:
    await put(slack, "managers", ["carol"], name="Managers", description="Who signs")
    [event] = told
    assert (event["type"], event["subteam"]["users"]) == ("subteam_created", ["U0CAROL"])
    created = (await groups(client))["managers"]
    assert (created["id"], created["name"], created["description"]) == ("S0MANAGERS", "Managers", "Who signs")


async def test_an_event_names_500_members_and_the_list_all(tmp_path: Path) -> None:
    people = [{"name": f"p{number}"} for number in range(700)]
    everybody = [each["name"] for each in people]
    roster = {"people": people, "channels": ["general"], "groups": [{"handle": "all", "members": everybody[:1]}]}
    async with PeopledSlack(data=tmp_path, people=roster) as slack:
        environment = slack.environment()
        client = AsyncWebClient(token=environment["SLACK_BOT_TOKEN"], base_url=environment["SLACK_API_URL"])
        app = AsyncApp(client=client, signing_secret=environment["SLACK_SIGNING_SECRET"])
        seen: list[Json] = []

        async def note(event: Json) -> None:
            seen.append(event)

        for name in EVENTS:
            app.event(name)(note)
        handler = AsyncSocketModeHandler(app, environment["SLACK_APP_TOKEN"])
        await handler.connect_async()  # type: ignore[no-untyped-call]
        slack.await_acks()
        try:
            await put(slack, "all", everybody)
        finally:
            await handler.close_async()  # type: ignore[no-untyped-call]
        updated = next(each["subteam"] for each in seen if each["type"] == "subteam_updated")
        assert (len(updated["users"]), updated["user_count"]) == (500, 700)
        changed = next(each for each in seen if each["type"] == "subteam_members_changed")
        assert (len(changed["added_users"]), changed["added_users_count"]) == (500, 699)
        assert len((await groups(client, include_users=True))["all"]["users"]) == 700


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (
            {"handle": "sre", "members": []},
            "a group in Slack has at least one member; to disable it, write members: null",
        ),
        ({"handle": "sre", "members": ["mallory"]}, "nobody here is called 'mallory'"),
        ({"handle": "sre", "members": ["signoff"]}, "nobody here is called 'signoff'"),
        ({"handle": "sre", "members": "bob"}, "members: must be a list of people, or null to disable the group"),
        ({"handle": "sre"}, "members: must be a list of people, or null to disable the group"),
        ({"members": ["bob"]}, "handle: is missing"),
        ({"handle": "nobody", "members": None}, "there is no group 'nobody' to disable"),
        ({"handle": "not so!", "members": ["bob"]}, "'not so!' cannot be a group's handle: use lower-case letters"),
        ({"handle": "alice", "members": ["bob"]}, "'alice' is a person's name here; a group needs another handle"),
    ],
)
async def test_a_change_that_makes_no_sense_is_a_sentence(slack: PeopledSlack, body: Json, sentence: str) -> None:
    with pytest.raises(RefusedError, match=sentence.replace("(", r"\(")):
        await slack.people.post("/people/group", body)


async def test_changes_outlive_the_process(tmp_path: Path) -> None:
    async with PeopledSlack(data=tmp_path) as slack:
        await put(slack, "sre", ["carol"])
        await put(slack, "payments", None)
        await put(slack, "managers", ["carol"])
        await slack.people.post("/people/person", {"user": "bob", "deactivated": True})
    async with PeopledSlack(data=tmp_path) as slack:
        shown = await slack.person("alice").state()
        assert {each["handle"]: (each["members"], each["disabled"]) for each in shown["groups"]} == {
            "sre": (["U0CAROL"], False),
            "payments": (["U0BOB", "U0CAROL"], True),
            "managers": (["U0CAROL"], False),
        }
        assert [each["name"] for each in shown["people"] if each["deactivated"]] == ["bob"]
        kept = list(slack.workspace.state.snapshot())
        assert sorted(each["op"] for each in kept) == ["group", "group", "group", "person"]


async def test_a_free_plan_has_no_groups(slack: PeopledSlack, client: AsyncWebClient) -> None:
    await slack.people.fault(plan="free")
    assert (await refusal(client.usergroups_list()))["error"] == "plan_upgrade_required"
    assert (await refusal(client.usergroups_users_list(usergroup="S0SRE")))["error"] == "plan_upgrade_required"
    await slack.people.fault(plan="paid")
    assert await groups(client)


async def test_a_token_without_the_scope_reads_no_groups_and_hears_of_none(
    slack: PeopledSlack, client: AsyncWebClient, told: list[Json]
) -> None:
    await slack.people.fault(lacks=["usergroups:read", "users:read"])
    answer = await refusal(client.usergroups_list())
    assert (answer["error"], answer["needed"]) == ("missing_scope", "usergroups:read")
    assert "usergroups:read" not in answer["provided"]
    assert "usergroups:read" not in (await client.auth_test()).headers["X-OAuth-Scopes"]
    await put(slack, "sre", ["carol"])
    await slack.people.post("/people/person", {"user": "bob", "deactivated": True})
    await slack.people.fault(reset=True)
    assert set(await groups(client)) == {"sre", "payments"}
    await put(slack, "payments", ["carol"])
    assert {each["subteam"]["handle"] for each in told if "subteam" in each} == {"payments"}


async def test_a_person_is_deactivated_and_demoted(
    slack: PeopledSlack, client: AsyncWebClient, told: list[Json]
) -> None:
    await slack.people.post("/people/person", {"user": "bob", "deactivated": True})
    [event] = told
    assert (event["type"], event["user"]["id"], event["user"]["deleted"]) == ("user_change", "U0BOB", True)
    assert (await client.users_info(user="U0BOB"))["user"]["deleted"]
    await slack.people.post("/people/person", {"user": "bob", "deactivated": False, "guest": True})
    user = (await client.users_info(user="U0BOB"))["user"]
    assert (user["deleted"], user["is_restricted"]) == (False, True)
    for body, sentence in (
        ({"user": "mallory", "deactivated": True}, "nobody here is called 'mallory'"),
        ({"user": "bob", "deactivated": "yes"}, "deactivated, guest: must be true or false"),
        ({"deactivated": True}, "user: is missing"),
    ):
        with pytest.raises(RefusedError, match=sentence):
            await slack.people.post("/people/person", body)


async def test_a_mention_of_a_group_is_stored_as_slack_stores_it(slack: PeopledSlack) -> None:
    alice = slack.person("alice")
    await put(slack, "payments", None)
    await alice.say("#general", "ask @sre or <!subteam^S0SRE|@sre>, not @payments")

    async def look() -> Json | None:
        said = await alice.messages("#general")
        return said[-1].shown if said else None

    message = await wait_until(look)
    assert message["text"] == "ask <!subteam^S0SRE> or <!subteam^S0SRE|@sre>, not @payments"
    [section] = message["blocks"][0]["elements"]
    assert section["elements"][1] == {"type": "usergroup", "usergroup_id": "S0SRE"}


async def test_real_limits_are_switched_on(slack: PeopledSlack, client: AsyncWebClient) -> None:
    for _ in range(30):
        await client.usergroups_list()
    await slack.people.fault(limits="real")
    for _ in range(20):
        await client.usergroups_list()
    with pytest.raises(SlackApiError) as raised:
        await client.usergroups_list()
    assert (raised.value.response.status_code, raised.value.response["error"]) == (429, "ratelimited")
    assert int(raised.value.response.headers["Retry-After"]) == 3
    await client.usergroups_users_list(usergroup="S0SRE")  # another method has its own
    await slack.people.fault(limits="none")
    await client.usergroups_list()


async def test_a_message_is_changed_fifty_times_a_minute(slack: PeopledSlack, client: AsyncWebClient) -> None:
    await slack.people.fault(limits="real")
    card = await client.chat_postMessage(channel="#deploys", text="card")
    for number in range(50):
        await client.chat_update(channel=card["channel"], ts=card["ts"], text=str(number))
    assert (await refusal(client.chat_update(channel=card["channel"], ts=card["ts"], text="51")))[
        "error"
    ] == "ratelimited"
