"""Actions on channels and on messages of the bot, and the events and refusals that the bot then gets, as in Slack."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from fakes.people import PeopledSlack, Person, RefusedError, wait_until
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

Json = dict[str, Any]
EVENTS = (
    "member_joined_channel", "channel_left", "channel_archive", "channel_unarchive", "channel_rename",
    "channel_deleted", "message",
)  # fmt: skip


@pytest.fixture
async def told(app: AsyncApp, serve: Any) -> AsyncIterator[list[Json]]:
    seen: list[Json] = []

    async def note(event: Json) -> None:
        seen.append(event)

    for name in EVENTS:
        app.event(name)(note)
    async with serve(app):
        yield seen


async def event(told: list[Json], kind: str, **fields: Any) -> Json:
    async def look() -> Json | None:
        wanted = {"type": kind, **fields}
        return next((each for each in told if wanted.items() <= each.items()), None)

    return await wait_until(look, instead=lambda: f"waited for {kind} {fields}, was told {told}")


async def refusal(client: AsyncWebClient, channel: str) -> str:
    with pytest.raises(SlackApiError) as raised:
        await client.chat_postMessage(channel=channel, text="hello")
    return str(raised.value.response["error"])


async def test_a_bot_that_is_removed_and_invited_again(
    slack: PeopledSlack, client: AsyncWebClient, told: list[Json]
) -> None:
    alice = slack.person("alice")
    await alice.removes_bot("#deploys")
    await event(told, "channel_left", channel="C0DEPLOYS", actor_id="U0ALICE")
    assert await refusal(client, "C0DEPLOYS") == "not_in_channel"
    assert not (await client.conversations_info(channel="C0DEPLOYS"))["channel"]["is_member"]
    with pytest.raises(RefusedError):
        await alice.removes_bot("#deploys")
    await alice.invites_bot("#deploys")
    joined = await event(told, "member_joined_channel", channel="C0DEPLOYS", user="U0SIGNOFF")
    assert joined["inviter"] == "U0ALICE"
    await client.chat_postMessage(channel="C0DEPLOYS", text="hello")


async def test_an_archived_channel_takes_nothing(slack: PeopledSlack, client: AsyncWebClient, told: list[Json]) -> None:
    alice = slack.person("alice")
    card = await client.chat_postMessage(channel="C0DEPLOYS", text="a card")
    await alice.archives("#deploys")
    await event(told, "channel_archive", channel="C0DEPLOYS", user="U0ALICE")
    assert await refusal(client, "C0DEPLOYS") == "is_archived"
    with pytest.raises(SlackApiError, match="is_inactive"):
        await client.chat_update(channel="C0DEPLOYS", ts=card["ts"], text="another")
    with pytest.raises(RefusedError, match="archived"):
        await alice.say("#deploys", "hello")
    listed = await client.conversations_list(exclude_archived=True)
    assert "deploys" not in [each["name"] for each in listed["channels"]]
    await alice.unarchives("#deploys")
    await event(told, "channel_unarchive", channel="C0DEPLOYS")
    await client.chat_update(channel="C0DEPLOYS", ts=card["ts"], text="another")


async def test_a_renamed_channel_keeps_its_id_and_frees_its_name(
    slack: PeopledSlack, client: AsyncWebClient, told: list[Json]
) -> None:
    alice = slack.person("alice")
    await alice.renames("#deploys", "deploys-old")
    renamed = await event(told, "channel_rename")
    assert (renamed["channel"]["id"], renamed["channel"]["name"]) == ("C0DEPLOYS", "deploys-old")
    new = await alice.creates("#deploys")
    assert new != "C0DEPLOYS"
    assert await refusal(client, new) == "not_in_channel"
    with pytest.raises(RefusedError, match="already"):
        await alice.renames("#general", "deploys")
    await alice.destroys("#deploys-old")
    await event(told, "channel_deleted", channel="C0DEPLOYS")
    assert await refusal(client, "C0DEPLOYS") == "channel_not_found"


async def test_what_becomes_of_channels_survives_a_restart(tmp_path: Path) -> None:
    async with PeopledSlack(data=tmp_path) as slack:
        alice = slack.person("alice")
        new = await alice.creates("#later")
        await alice.renames("#deploys", "deploys-old")
        await alice.removes_bot("#refunds")
        await alice.archives("#general")
        await alice.destroys("#approvals")
    async with PeopledSlack(data=tmp_path) as slack:
        channels = slack.workspace.state.channels
        assert channels[new].name == "later"
        assert channels["C0DEPLOYS"].name == "deploys-old"
        assert "U0SIGNOFF" not in channels["C0REFUNDS"].members
        assert channels["C0GENERAL"].archived
        assert "C0APPROVALS" not in channels


async def test_a_deleted_message_is_told_of_and_one_with_replies_leaves_a_tombstone(
    slack: PeopledSlack, client: AsyncWebClient, told: list[Json]
) -> None:
    alice: Person = slack.person("alice")
    metadata = {"event_type": "a", "event_payload": {"b": "c"}}
    plain = await client.chat_postMessage(channel="C0DEPLOYS", text="plain", metadata=metadata)
    root = await client.chat_postMessage(channel="C0DEPLOYS", text="root")
    reply = await client.chat_postMessage(channel="C0DEPLOYS", text="reply", thread_ts=root["ts"])
    for each in await alice.messages("#deploys"):
        if each.ts != reply["ts"]:
            await each.delete()
    gone = await event(told, "message", subtype="message_deleted", deleted_ts=plain["ts"], hidden=True)
    assert gone["previous_message"]["text"] == "plain"
    assert "metadata" not in gone["previous_message"]
    changed = next(each for each in told if each.get("message", {}).get("subtype") == "tombstone")
    assert changed["subtype"] == "message_changed"
    assert changed["previous_message"]["text"] == "root"
    with pytest.raises(SlackApiError, match="cant_update_message"):
        await client.chat_update(channel="C0DEPLOYS", ts=root["ts"], text="back")
    await client.chat_postMessage(channel="C0DEPLOYS", text="another reply", thread_ts=root["ts"])
    for each in await alice.messages("#deploys"):
        if each.from_bot:
            await each.delete()
    last = await event(told, "message", subtype="message_deleted", deleted_ts=root["ts"])
    assert last["previous_message"]["subtype"] == "tombstone"
    assert await alice.messages("#deploys") == []
