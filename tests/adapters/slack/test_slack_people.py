"""Who people are, by Slack's word: kept for a minute, read again before a refusal, and never guessed."""

import asyncio
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fakes.patience import PATIENCE
from fakes.people import PeopledSlack, wait_until
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient
from support.slack_app import NoChannels, serving
from support.user_objects import HOME, IN_WORKSPACE, ORG_WIDE, ORG_WIDE_PEOPLE, ORGANIZATIONS, OTHER

from adapters.localslack.state.roster import ChannelEntry, PeopleFile, PersonEntry
from adapters.slack.inbound.socket_mode import sockets
from adapters.slack.workspace.client import PacedClient, web_client
from adapters.slack.workspace.directory import _unique, absent, channels, check_app_token, missing_scopes, people
from adapters.slack.workspace.errors import SlackRefused
from adapters.slack.workspace.identity import Identity, whoami
from adapters.slack.workspace.manifest import AIDS, EVENTS, SCOPES, WHERE_NAMED, manifest
from adapters.slack.workspace.roster import Account, AnswerCache, SlackRoster, account_of, account_type_of
from engine.approvals.approval import Place
from engine.authority.eligibility import AccountType, Facts
from engine.ids import ChannelId, UserId
from engine.ports import ListedPerson


@pytest.mark.parametrize(
    ("user", "standing"),
    [
        ({}, AccountType.MEMBER),
        ({"is_restricted": True}, AccountType.GUEST),
        ({"is_restricted": True, "is_ultra_restricted": True}, AccountType.GUEST),
        ({"is_stranger": True}, AccountType.VISITOR),
        ({"team_id": OTHER}, AccountType.VISITOR),
        ({"is_bot": True}, AccountType.STRANGER),
        ({"deleted": True}, AccountType.STRANGER),
        ({"team_id": None}, AccountType.VISITOR),
    ],
)
@pytest.mark.promise("P6")
def test_what_a_person_is(user: dict[str, Any], standing: AccountType) -> None:
    assert account_type_of({"team_id": HOME, **user}, IN_WORKSPACE) is standing


@pytest.mark.parametrize("kind", ORGANIZATIONS)
@pytest.mark.promise("P6")
def test_what_a_person_is_in_an_enterprise_organization(kind: str) -> None:
    described, account = ORGANIZATIONS[kind]
    assert account_of(described, IN_WORKSPACE) is account
    standings = {
        Account.MEMBER: AccountType.MEMBER,
        Account.GUEST: AccountType.GUEST,
        Account.ELSEWHERE: AccountType.VISITOR,
    }
    assert account_type_of(described, IN_WORKSPACE) is standings.get(account, AccountType.STRANGER)


@pytest.mark.parametrize("kind", ORG_WIDE_PEOPLE)
@pytest.mark.promise("P6")
def test_what_a_person_is_where_the_app_is_installed_on_the_whole_organization(kind: str) -> None:
    described, account = ORG_WIDE_PEOPLE[kind]
    assert account_of(described, ORG_WIDE) is account
    assert account_of(described, replace(ORG_WIDE, enterprise="")) is Account.ELSEWHERE


async def place(client: PacedClient, name: str) -> tuple[Identity, Place]:
    identity = await whoami(client)
    found = next(each.id for each in await channels(client) if each.name == name.removeprefix("#"))
    return identity, Place(identity.team, found)


async def user(client: PacedClient, name: str) -> UserId:
    return (await people(client, [name], await whoami(client)))[name].id


async def test_members_are_members_of_channels(slack: PeopledSlack, client: PacedClient) -> None:
    identity, deploys = await place(client, "#deploys")
    roster = SlackRoster(client, identity)
    alice, gina = await user(client, "alice"), await user(client, "gina")
    assert await roster.facts(alice, deploys, membership=True) == Facts(AccountType.MEMBER, in_channel=True)
    assert await roster.facts(alice, deploys, membership=False) == Facts(AccountType.MEMBER)
    assert (await roster.facts(gina, deploys, membership=True)).account is AccountType.GUEST
    nowhere = Place(identity.team, ChannelId("C0NOWHERE"))
    assert await roster.facts(alice, nowhere, membership=True) == Facts(AccountType.UNKNOWN)
    assert (await roster.facts(UserId("U0NOBODY"), deploys, membership=False)).account is AccountType.STRANGER
    assert slack.url


async def test_the_name_of_each_person_who_is_looked_up_is_told(client: PacedClient) -> None:
    identity, deploys = await place(client, "#deploys")
    told: list[tuple[UserId, str]] = []

    async def met(user: UserId, name: str) -> None:
        told.append((user, name))

    roster, alice = SlackRoster(client, identity, met=met), await user(client, "alice")
    for _ in range(2):
        assert (await roster.facts(alice, deploys, membership=True)).account is AccountType.MEMBER
    assert (await roster.facts(UserId("U0NOBODY"), deploys, membership=False)).account is AccountType.STRANGER
    assert told == [(alice, "alice")]


@pytest.mark.promise("P6")
@pytest.mark.parametrize("method", ["users.info", "conversations.members"])
async def test_when_slack_cannot_say_nobody_is_known(slack: PeopledSlack, client: PacedClient, method: str) -> None:
    identity, deploys = await place(client, "#deploys")
    roster, alice = SlackRoster(client, identity, patience=PATIENCE), await user(client, "alice")
    hasty = SlackRoster(client, identity, patience=0.3)
    await slack.people.fault(method=method, status=500, times=2)
    assert await roster.facts(alice, deploys, membership=True) == Facts(AccountType.UNKNOWN)
    await slack.people.fault(reset=True)
    await slack.people.fault(method=method, hold=True)
    assert await hasty.facts(alice, deploys, membership=True) == Facts(AccountType.UNKNOWN)
    await slack.people.fault(reset=True)
    assert await roster.facts(alice, deploys, membership=True) == Facts(AccountType.MEMBER, in_channel=True)


@pytest.mark.promise("P6")
async def test_who_is_deactivated_or_demoted_is_refused_at_once(slack: PeopledSlack, client: PacedClient) -> None:
    """Where the app subscribes to `user_change`; else within a minute."""
    identity, deploys = await place(client, "#deploys")
    roster, bob = SlackRoster(client, identity), await user(client, "bob")

    class Heard(NoChannels):
        def person_changed(self, user: UserId) -> None:
            roster.changed(user)

    async with serving(slack, client, "sockets", channels=Heard()):
        assert (await roster.facts(bob, deploys, membership=True)).account is AccountType.MEMBER
        assert (await slack.people.post("/people/person", {"user": "bob", "deactivated": True}))["acked"]
        assert (await roster.facts(bob, deploys, membership=True)).account is AccountType.STRANGER
        await slack.people.post("/people/person", {"user": "bob", "deactivated": False, "guest": True})
        assert (await roster.facts(bob, deploys, membership=True)).account is AccountType.GUEST
    await roster.aclose()


@pytest.mark.promise("P6")
async def test_what_is_being_asked_while_a_person_changes_does_not_count_for_them() -> None:
    answers: list[asyncio.Future[str]] = []

    async def ask(key: str) -> str:
        del key
        answers.append(asyncio.get_running_loop().create_future())
        return await answers[-1]

    async def asked(times: int) -> bool | None:
        return True if len(answers) == times else None

    kept: AnswerCache[str, str] = AnswerCache(ask, 60.0)
    early = asyncio.create_task(kept.get("bob"))
    await wait_until(partial(asked, 1))
    kept.forget("bob")
    late = asyncio.create_task(kept.get("bob"))
    await wait_until(partial(asked, 2))
    answers[1].set_result("guest")
    assert (await late)[1] == "guest"
    answers[0].set_result("member")
    assert (await early)[1] == "member", "who asked before the change gets what was so then"
    again = asyncio.create_task(kept.get("bob"))
    await wait_until(partial(asked, 3))
    answers[2].set_result("guest")
    assert (await again)[1] == "guest"
    await kept.aclose()


async def test_who_just_joined_is_found_at_once(client: PacedClient) -> None:
    now = [0.0]
    identity, approvals = await place(client, "#approvals")
    roster = SlackRoster(client, identity, clock=lambda: now[0])
    members = set((await client.conversations_members(channel=approvals.channel))["members"])
    every = [each["id"] for each in (await client.users_list())["members"] if each["team_id"] == identity.team]
    first = await roster.facts(UserId(next(iter(members))), approvals, membership=True)
    assert first.account is not AccountType.UNKNOWN
    for person in every:
        now[0] += 1
        facts = await roster.facts(UserId(person), approvals, membership=True)
        if facts.account is AccountType.MEMBER:
            assert facts.in_channel is (person in members)


async def test_those_who_ask_together_share_one_call_and_answers_are_kept() -> None:
    now, asked = [0.0], []
    answer = asyncio.Event()

    async def ask(key: str) -> str:
        asked.append(key)
        await answer.wait()
        return key.upper()

    kept = AnswerCache(ask, 60, lambda: now[0])
    async with asyncio.TaskGroup() as group:
        calls = [group.create_task(kept.get("a")) for _ in range(5)]
        group.create_task(asyncio.to_thread(lambda: None)).add_done_callback(lambda _: answer.set())
    assert {call.result() for call in calls} == {(0.0, "A")}
    assert asked == ["a"]
    now[0] = 59
    await kept.get("a")
    assert asked == ["a"]
    now[0] = 61
    await kept.get("a")
    assert asked == ["a", "a"]
    await kept.get("a", since=61)
    assert asked == ["a", "a", "a"]


# Names and tokens -----------------------------------------------------------------------------------------------------


async def test_people_are_found_by_any_of_their_names(client: PacedClient) -> None:
    alice = await user(client, "alice")
    known = await people(
        client, ["@alice", "ALICE", alice, "nobody", "U0NOBODY", "no@example.com"], await whoami(client)
    )
    assert known == dict.fromkeys(["@alice", "ALICE", alice], ListedPerson(alice))


async def test_channels_are_listed_also_those_that_the_bot_cannot_write_in(
    slack: PeopledSlack, client: PacedClient
) -> None:
    await slack.person("alice").removes_bot("#deploys")
    await slack.person("alice").archives("#refunds")
    listed = {each.name: (each.member, each.archived) for each in await channels(client)}
    assert listed == {
        "general": (True, False),
        "deploys": (False, False),
        "refunds": (True, True),
        "approvals": (True, False),
    }


@pytest.mark.promise("P6")
@pytest.mark.parametrize("spelled", ["{name}", "{id}", "{email}"])
async def test_who_may_never_decide_is_found_with_what_they_are(tmp_path: Path, spelled: str) -> None:
    members = [
        PersonEntry(name="gina", guest=True),
        PersonEntry(name="eve", team="other"),
        PersonEntry(name="rita", deactivated=True),
        PersonEntry(name="olga", team="sales", workspaces=["sales", "local"]),
    ]
    async with PeopledSlack(data=tmp_path, people=PeopleFile(people=members)) as slack:
        environment = slack.environment()
        async with web_client(environment["SLACK_BOT_TOKEN"], environment["SLACK_API_URL"]) as client:
            identity, ids = await whoami(client), {}
            for each in (await client.users_list())["members"]:
                spelling = spelled.format(name=each["name"], id=each["id"], email=each["profile"].get("email", "none"))
                ids[each["name"]] = (spelling, each["id"])
            found = await people(client, [spelling for spelling, _ in ids.values()], identity)
    unable = {name: found[spelling].unable for name, (spelling, _) in ids.items() if spelling in found}
    expected = {
        "gina": "a guest",
        "eve": "a person of another workspace",
        "rita": "a deactivated account",
        "olga": "",
        "signoff": "a bot",
    }
    assert unable == {name: expected[name] for name in unable}
    assert set(unable) >= {"gina", "rita", "olga"}


async def test_who_is_not_in_a_private_channel_cannot_see_it(tmp_path: Path) -> None:
    people_there = [PersonEntry(name="alice"), PersonEntry(name="bob")]
    private = ChannelEntry(name="secrets", members=["alice"], private=True)
    public = ChannelEntry(name="deploys", members=["alice"])
    hidden = ChannelEntry(name="hidden", members=["alice"], private=True, bot=False)
    roster = PeopleFile(people=people_there, channels=[private, public, hidden])
    async with PeopledSlack(data=tmp_path, people=roster) as slack:
        environment = slack.environment()
        async with web_client(environment["SLACK_BOT_TOKEN"], environment["SLACK_API_URL"]) as client:
            both = [await user(client, "alice"), await user(client, "bob")]
            seen = [await absent(client, ChannelId(f"C0{name}"), both) for name in ("SECRETS", "DEPLOYS", "HIDDEN")]
    assert seen == [{both[1]}, set(), set()]


async def test_a_member_comes_before_others_of_the_same_name(client: PacedClient) -> None:
    identity = await whoami(client)
    alice = (await client.users_info(user=await user(client, "alice")))["user"]
    gone = {**alice, "id": "U0GONE", "deleted": True}
    assert _unique(["alice"], [gone, alice], identity) == {"alice": alice}
    assert _unique(["alice"], [gone], identity) == {"alice": gone}
    assert _unique(["alice"], [{**alice, "id": "U0TWIN"}, alice], identity) == {}


async def test_a_wrong_token_is_told_without_the_token(slack: PeopledSlack) -> None:
    wrong = AsyncWebClient(token="xoxb-wrong", base_url=slack.environment()["SLACK_API_URL"])
    with pytest.raises(SlackRefused, match=r"^Slack refused auth\.test: invalid_auth$"):
        await whoami(wrong)
    with pytest.raises(SlackRefused, match=r"apps\.connections\.open") as raised:
        await check_app_token(wrong, "xapp-wrong")
    assert "xapp-wrong" not in str(raised.value)


async def test_scopes_that_the_token_lacks_are_named(slack: PeopledSlack, client: PacedClient) -> None:
    identity = await whoami(client)
    assert missing_scopes(identity) == ()
    assert identity.name == "signoff"
    poor = Identity(identity.user, "", identity.team, "", "", frozenset(SCOPES) - {"files:write", "im:write"})
    assert missing_scopes(poor) == ("files:write", "im:write")
    older = Identity(identity.user, "", identity.team, "", "", frozenset(SCOPES) - AIDS)
    assert missing_scopes(older) == (), "an app from before there were agents works as ever"
    without_groups = Identity(identity.user, "", identity.team, "", "", frozenset(SCOPES) - WHERE_NAMED)
    assert missing_scopes(without_groups) == (), "asked for where a rule names a group"
    assert missing_scopes(Identity(identity.user, "", identity.team, "", "", frozenset())) == ()
    await check_app_token(client, slack.environment()["SLACK_APP_TOKEN"])


async def test_sockets_are_ready_and_a_wrong_token_does_not_wait_for_ever(
    slack: PeopledSlack, client: PacedClient
) -> None:
    app = AsyncApp(client=client, signing_secret="s")
    async with sockets(app, slack.environment()["SLACK_APP_TOKEN"]) as open_sockets:
        assert len(open_sockets.handlers) == 2
        assert await open_sockets.ready()
    assert not await open_sockets.ready()
    with pytest.raises(SlackRefused):
        async with sockets(app, "xapp-wrong"):
            pass


def test_the_manifest_declares_an_agent_with_prompts() -> None:
    """https://docs.slack.dev/reference/app-manifest - `agent_view`, which a new app needs."""
    features = manifest()["features"]
    assert features["agent_view"]["agent_description"]
    prompts = features["agent_view"]["suggested_prompts"]
    assert 1 <= len(prompts) <= 4
    assert all(set(each) == {"title", "message"} for each in prompts)
    assert "assistant_view" not in features
    assert "assistant:write" in SCOPES
    assert {"app_home_opened", "message.im"} <= {*EVENTS}


def test_the_manifest_names_what_the_check_compares() -> None:
    socket_mode, http = manifest(), manifest(url="https://bot.example/slack/events")
    assert socket_mode["oauth_config"]["scopes"]["bot"] == list(SCOPES)
    assert socket_mode["settings"]["event_subscriptions"]["bot_events"] == list(EVENTS)
    assert socket_mode["settings"]["socket_mode_enabled"]
    assert not http["settings"]["socket_mode_enabled"]
    assert http["settings"]["event_subscriptions"]["request_url"] == "https://bot.example/slack/events"
    assert http["features"]["slash_commands"][0]["url"] == "https://bot.example/slack/events"
    assert len(SCOPES["chat:write"]) > 5
