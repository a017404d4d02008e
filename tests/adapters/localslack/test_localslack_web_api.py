"""The official client against the Web API: successful calls, and Slack's own errors for the others."""

from pathlib import Path
from typing import Any

import aiohttp
import pytest
from fakes.people import PeopledSlack
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.localslack import RateLimit

CARD: list[dict[str, Any]] = [
    {"type": "section", "text": {"type": "mrkdwn", "text": "Deploy billing?"}},
    {
        "type": "actions",
        "elements": [{"type": "button", "text": {"type": "plain_text", "text": "Approve"}, "action_id": "ok"}],
    },
]


async def refused(call: Any) -> dict[str, Any]:
    with pytest.raises(SlackApiError) as caught:
        await call
    return dict(caught.value.response.data)


async def test_the_bot_learns_who_it_is(client: AsyncWebClient) -> None:
    answer = await client.auth_test()
    assert (answer["user"], answer["user_id"], answer["bot_id"]) == ("signoff", "U0SIGNOFF", "B0SIGNOFF")
    assert "chat:write" in answer.headers["X-OAuth-Scopes"].split(",")
    assert (await client.bots_info(bot=answer["bot_id"]))["bot"]["user_id"] == answer["user_id"]


async def test_a_post_is_read_back_and_changed_and_deleted(client: AsyncWebClient, slack: PeopledSlack) -> None:
    posted = await client.chat_postMessage(channel="C0DEPLOYS", text="Deploy?", blocks=CARD)
    assert posted["message"]["blocks"][0]["block_id"]
    card = await slack.person("alice").expect_card("#deploys", containing="billing")
    assert (card.ts, card.buttons, card.notification) == (posted["ts"], ["Approve"], "Deploy?")

    await client.chat_update(channel="C0DEPLOYS", ts=card.ts, text="Done", blocks=CARD[:1])
    assert (await card.now()).buttons == []
    await client.chat_update(channel="C0DEPLOYS", ts=card.ts, text="Done again")
    assert (await card.now()).text == "Deploy billing?", "blocks that are not sent are kept"

    await client.chat_delete(channel="C0DEPLOYS", ts=card.ts)
    assert await slack.person("alice").messages("#deploys") == []
    gone = await refused(client.chat_update(channel="C0DEPLOYS", ts=card.ts, text="x"))
    assert gone["error"] == "message_not_found"


async def test_a_thread_and_its_metadata(client: AsyncWebClient) -> None:
    root = await client.chat_postMessage(channel="#deploys", text="root")
    metadata = {"event_type": "card", "event_payload": {"approval": "a1"}}
    for number in range(3):
        await client.chat_postMessage(
            channel="#deploys", thread_ts=root["ts"], text=f"reply {number}", metadata=metadata
        )
    thread = await client.conversations_replies(channel="C0DEPLOYS", ts=root["ts"], include_all_metadata=True)
    assert [each["text"] for each in thread["messages"]] == ["root", "reply 0", "reply 1", "reply 2"]
    assert thread["messages"][1]["metadata"] == metadata
    assert (thread["messages"][0]["reply_count"], thread["messages"][0]["latest_reply"]) == (
        3,
        thread["messages"][3]["ts"],
    )
    plain = await client.conversations_replies(channel="C0DEPLOYS", ts=root["ts"])
    assert "metadata" not in plain["messages"][1]
    history = await client.conversations_history(channel="C0DEPLOYS")
    assert [each["text"] for each in history["messages"]] == ["root"]


async def test_history_comes_in_pages_newest_first(client: AsyncWebClient) -> None:
    stamps = [(await client.chat_postMessage(channel="#general", text=str(number)))["ts"] for number in range(5)]
    first = await client.conversations_history(channel="C0GENERAL", limit=2)
    assert ([each["text"] for each in first["messages"]], first["has_more"]) == (["4", "3"], True)
    cursor = first["response_metadata"]["next_cursor"]
    second = await client.conversations_history(channel="C0GENERAL", limit=2, cursor=cursor)
    assert [each["text"] for each in second["messages"]] == ["2", "1"]
    later = await client.conversations_history(channel="C0GENERAL", oldest=stamps[2])
    assert [each["text"] for each in later["messages"]] == ["4", "3"]
    with_it = await client.conversations_history(channel="C0GENERAL", oldest=stamps[2], inclusive=True)
    assert [each["text"] for each in with_it["messages"]] == ["4", "3", "2"]


async def test_people_and_channels(client: AsyncWebClient) -> None:
    people = {each["name"]: each for each in (await client.users_list())["members"]}
    assert people["gina"]["is_restricted"]
    assert people["eve"]["is_stranger"]
    assert people["eve"]["team_id"] != people["alice"]["team_id"]
    assert people["signoff"]["is_bot"]
    alice = await client.users_lookupByEmail(email="alice@example.com")
    assert (await client.users_info(user=alice["user"]["id"]))["user"] == alice["user"]
    channels = await client.conversations_list(types="public_channel,im")
    assert {each.get("name") for each in channels["channels"]} >= {"general", "deploys", "refunds", "approvals"}
    members = await client.conversations_members(channel="C0DEPLOYS")
    assert {alice["user"]["id"], "U0SIGNOFF"} <= set(members["members"])
    opened = await client.conversations_open(users=alice["user"]["id"])
    info = await client.conversations_info(channel=opened["channel"]["id"])
    assert (info["channel"]["is_im"], info["channel"]["user"]) == (True, alice["user"]["id"])
    mine = await client.users_conversations(user=alice["user"]["id"], types="im")
    assert [each["id"] for each in mine["channels"]] == [opened["channel"]["id"]]


async def test_a_file_goes_up_and_comes_down(client: AsyncWebClient, slack: PeopledSlack) -> None:
    root = await client.chat_postMessage(channel="#deploys", text="plan")
    uploaded = await client.files_upload_v2(
        channel="C0DEPLOYS", thread_ts=root["ts"], filename="plan.json", content='{"a": 1}', initial_comment="whole"
    )
    message = await slack.person("bob").expect_message("#deploys", containing="whole")
    assert (message.thread_ts, message.files[0]["name"]) == (root["ts"], "plan.json")
    async with aiohttp.ClientSession() as session:
        url = uploaded["file"]["url_private"]
        token = {"Authorization": f"Bearer {slack.environment()['SLACK_BOT_TOKEN']}"}
        async with session.get(url, headers=token) as answer:
            assert await answer.text() == '{"a": 1}'
        async with session.get(url) as answer:
            assert answer.status == 403


async def test_a_file_may_come_as_a_form_and_is_shared_once(client: AsyncWebClient) -> None:
    asked = await client.files_getUploadURLExternal(filename="a.txt", length=3)
    async with aiohttp.ClientSession() as session:
        form = aiohttp.FormData()
        form.add_field("file", b"abc", filename="a.txt")
        async with session.post(asked["upload_url"], data=form) as answer:
            assert answer.status == 200
        async with session.post(asked["upload_url"], data=b"again") as answer:
            assert answer.status == 404
    await client.files_completeUploadExternal(files=[{"id": asked["file_id"], "title": "A"}])
    again = await refused(client.files_completeUploadExternal(files=[{"id": asked["file_id"]}]))
    assert again["error"] == "file_not_found"
    info = (await client.files_info(file=asked["file_id"]))["file"]
    assert (info["title"], info["size"], info["mimetype"]) == ("A", 3, "text/plain")
    assert (await refused(client.files_info(file="F0GONE")))["error"] == "file_not_found"


async def test_a_broadcast_reply_stands_in_the_channel_too(client: AsyncWebClient) -> None:
    root = await client.chat_postMessage(channel="#deploys", text="root")
    await client.chat_postMessage(channel="#deploys", text="hidden", thread_ts=root["ts"])
    loud = await client.chat_postMessage(channel="#deploys", text="loud", thread_ts=root["ts"], reply_broadcast=True)
    history = await client.conversations_history(channel="C0DEPLOYS")
    assert [each["text"] for each in history["messages"]] == ["loud", "root"]
    await client.chat_update(channel="C0DEPLOYS", ts=loud["ts"], text="louder")
    history = await client.conversations_history(channel="C0DEPLOYS")
    assert [(each["text"], each.get("subtype")) for each in history["messages"]] == [
        ("louder", "thread_broadcast"),
        ("root", None),
    ]
    await client.chat_delete(channel="C0DEPLOYS", ts=loud["ts"])
    [message] = (await client.conversations_history(channel="C0DEPLOYS"))["messages"]
    assert message["reply_count"] == 1


async def test_a_reply_is_broadcast_afterwards_or_changed_but_not_both(client: AsyncWebClient) -> None:
    root = await client.chat_postMessage(channel="#deploys", text="root")
    reply = await client.chat_postMessage(channel="#deploys", text="reply", thread_ts=root["ts"])
    both = client.chat_update(channel="C0DEPLOYS", ts=reply["ts"], text="new", reply_broadcast=True)
    assert (await refused(both))["error"] == "no_dual_broadcast_content_update"
    # A text is not allowed here, and the library warns that it is missing.
    missing = "`text` argument is missing"
    with pytest.warns(UserWarning, match=missing):
        no_reply = await refused(client.chat_update(channel="C0DEPLOYS", ts=root["ts"], reply_broadcast=True))
    assert no_reply["error"] == "cant_broadcast_message"
    with pytest.warns(UserWarning, match=missing):
        await client.chat_update(channel="C0DEPLOYS", ts=reply["ts"], reply_broadcast=True)
    history = await client.conversations_history(channel="C0DEPLOYS")
    assert [each["text"] for each in history["messages"]] == ["reply", "root"]


async def test_metadata_is_replaced_by_an_update(client: AsyncWebClient) -> None:
    old, new = ({"event_type": "card", "event_payload": {"revision": number}} for number in (1, 2))
    posted = await client.chat_postMessage(channel="#deploys", text="x", metadata=old)
    for wanted in (None, new):
        await client.chat_update(channel="C0DEPLOYS", ts=posted["ts"], text="y", metadata=wanted)
        history = await client.conversations_history(channel="C0DEPLOYS", include_all_metadata=True)
        assert history["messages"][0]["metadata"] == (wanted or old)


async def test_calls_that_are_no_calls(slack: PeopledSlack) -> None:
    token = {"Authorization": f"Bearer {slack.environment()['SLACK_BOT_TOKEN']}"}
    async with aiohttp.ClientSession(headers=token) as session:
        for body, error in (("{", "invalid_json"), ("[]", "json_not_object")):
            headers = {"Content-Type": "application/json"}
            async with session.post(f"{slack.url}/api/auth.test", data=body, headers=headers) as answer:
                assert (await answer.json())["error"] == error
    async with aiohttp.ClientSession() as session:
        form = {"token": slack.environment()["SLACK_BOT_TOKEN"]}
        async with session.post(f"{slack.url}/api/auth.test", data=form) as answer:
            assert (await answer.json())["ok"]


async def test_the_page_is_served_and_never_cached(slack: PeopledSlack) -> None:
    async with aiohttp.ClientSession() as session, session.get(f"{slack.url}/") as answer:
        assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")


async def test_reactions_and_permalinks(client: AsyncWebClient, slack: PeopledSlack) -> None:
    ts = (await client.chat_postMessage(channel="#deploys", text="x"))["ts"]
    await client.reactions_add(channel="C0DEPLOYS", timestamp=ts, name="eyes")
    again = await refused(client.reactions_add(channel="C0DEPLOYS", timestamp=ts, name="eyes"))
    assert again["error"] == "already_reacted"
    [message] = await slack.person("alice").messages("#deploys")
    assert message.shown["reactions"] == [{"name": "eyes", "users": ["U0SIGNOFF"], "count": 1}]
    await client.reactions_remove(channel="C0DEPLOYS", timestamp=ts, name="eyes")
    link = await client.chat_getPermalink(channel="C0DEPLOYS", message_ts=ts)
    assert link["permalink"].endswith(f"/archives/C0DEPLOYS/p{ts.replace('.', '')}")


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("chat.postMessage", {"channel": "C0NOWHERE", "text": "x"}, "channel_not_found"),
    ("chat.postMessage", {"channel": "#outside", "text": "x"}, "not_in_channel"),
    ("chat.postMessage", {"channel": "#secret", "text": "x"}, "channel_not_found"),
    ("chat.postMessage", {"channel": "#deploys"}, "no_text"),
    ("chat.postMessage", {"channel": "#deploys", "text": "x" * 40_001}, "msg_too_long"),
    ("chat.postMessage", {"text": "x"}, "invalid_arguments"),
    ("chat.postMessage", {"channel": "#deploys", "text": "x", "blocks": "{"}, "invalid_blocks_format"),
    ("chat.postMessage", {"channel": "#deploys", "text": "x", "metadata": {"a": 1}}, "invalid_metadata_format"),
    ("chat.postMessage", {"channel": "#deploys", "text": "x", "thread_ts": "1.000000"}, "thread_not_found"),
    ("chat.postEphemeral", {"channel": "#deploys", "user": "U0NOBODY", "text": "x"}, "user_not_in_channel"),
    ("chat.update", {"channel": "C0DEPLOYS", "ts": "1.000000", "text": "x"}, "message_not_found"),
    ("conversations.replies", {"channel": "C0DEPLOYS", "ts": "1.000000"}, "thread_not_found"),
    ("conversations.history", {"channel": "C0OUTSIDE"}, "not_in_channel"),
    ("conversations.history", {"channel": "C0DEPLOYS", "cursor": "x"}, "invalid_cursor"),
    ("conversations.open", {"users": "U0NOBODY"}, "user_not_found"),
    ("users.info", {"user": "U0NOBODY"}, "user_not_found"),
    ("users.lookupByEmail", {"email": "nobody@example.com"}, "users_not_found"),
    ("users.list", {"limit": "many"}, "invalid_arguments"),
    ("bots.info", {"bot": "B0OTHER"}, "bot_not_found"),
    ("views.open", {"trigger_id": "nonsense", "view": {}}, "invalid_arguments"),
    ("views.update", {"view_id": "V0GONE", "external_id": "x", "view": {}}, "invalid_arguments"),
    ("views.publish", {"user_id": "U0NOBODY", "view": {"type": "home", "blocks": []}}, "user_not_found"),
    ("views.publish", {"user_id": "U0ALICE", "view": {"type": "modal"}}, "invalid_arguments"),
    ("files.completeUploadExternal", {"files": [{"id": "F0GONE"}]}, "file_not_found"),
    ("reactions.add", {"channel": "C0DEPLOYS", "timestamp": "1.0", "name": "eyes"}, "message_not_found"),
    ("usergroups.users.list", {"usergroup": "S0NONE"}, "no_such_subteam"),
    ("api.test", {"error": "my_error"}, "my_error"),
    ("chat.shout", {}, "unknown_method"),
]


@pytest.fixture
async def closed_slack(tmp_path: Path) -> Any:
    people = {
        "people": [{"name": "alice"}],
        "channels": ["deploys", {"name": "outside", "bot": False}, {"name": "secret", "bot": False, "private": True}],
        "groups": [{"handle": "sre", "members": ["alice"]}],
    }
    async with PeopledSlack(data=tmp_path, people=people) as slack:
        yield slack


@pytest.mark.parametrize(("method", "arguments", "code"), WRONG)
async def test_slacks_own_error(closed_slack: PeopledSlack, method: str, arguments: dict[str, Any], code: str) -> None:
    environment = closed_slack.environment()
    client = AsyncWebClient(token=environment["SLACK_BOT_TOKEN"], base_url=environment["SLACK_API_URL"])
    assert (await refused(client.api_call(method, json=arguments)))["error"] == code


async def test_user_groups(closed_slack: PeopledSlack) -> None:
    environment = closed_slack.environment()
    client = AsyncWebClient(token=environment["SLACK_BOT_TOKEN"], base_url=environment["SLACK_API_URL"])
    [group] = (await client.usergroups_list())["usergroups"]
    assert (await client.usergroups_users_list(usergroup=group["id"]))["users"] == ["U0ALICE"]


async def test_blocks_are_refused_in_slacks_words(client: AsyncWebClient) -> None:
    answer = await refused(client.chat_postMessage(channel="#deploys", text="x", blocks=[{"type": "divider"}] * 51))
    assert answer["error"] == "invalid_blocks"
    assert answer["errors"] == ["no more than 50 items allowed [json-pointer:/blocks]"]
    assert answer["response_metadata"]["messages"] == ["[ERROR] no more than 50 items allowed [json-pointer:/blocks]"]


async def test_only_the_bots_own_messages_are_changed(client: AsyncWebClient, slack: PeopledSlack) -> None:
    [workspace_channel] = [each for each in slack.workspace.state.channels.values() if each.name == "deploys"]
    alice = slack.workspace.state.people["U0ALICE"]
    said = slack.workspace.said(alice, workspace_channel, "mine", None)
    answer = await refused(client.chat_update(channel="C0DEPLOYS", ts=said["ts"], text="yours"))
    assert answer["error"] == "cant_update_message"
    answer = await refused(client.chat_delete(channel="C0DEPLOYS", ts=said["ts"]))
    assert answer["error"] == "cant_delete_message"


async def test_tokens(slack: PeopledSlack) -> None:
    environment = slack.environment()
    url = environment["SLACK_API_URL"]
    assert (await refused(AsyncWebClient(token="", base_url=url).auth_test()))["error"] == "not_authed"
    assert (await refused(AsyncWebClient(token="xoxb-1", base_url=url).auth_test()))["error"] == "invalid_auth"
    bot = AsyncWebClient(token=environment["SLACK_BOT_TOKEN"], base_url=url)
    answer = await refused(bot.apps_connections_open(app_token=environment["SLACK_BOT_TOKEN"]))
    assert answer["error"] == "not_allowed_token_type"
    assert environment["SLACK_BOT_TOKEN"] not in repr(slack.workspace.secrets)


async def test_a_missing_scope_is_named(tmp_path: Path) -> None:
    async with PeopledSlack(data=tmp_path, scopes=frozenset({"users:read"})) as slack:
        environment = slack.environment()
        client = AsyncWebClient(token=environment["SLACK_BOT_TOKEN"], base_url=environment["SLACK_API_URL"])
        answer = await refused(client.chat_postMessage(channel="#deploys", text="x"))
        assert (answer["error"], answer["needed"], answer["provided"]) == ("missing_scope", "chat:write", "users:read")
        assert "email" not in (await client.users_info(user="U0ALICE"))["user"]["profile"]


async def test_a_channel_takes_one_message_a_second_after_its_burst(tmp_path: Path) -> None:
    async with PeopledSlack(data=tmp_path, rate_limit=RateLimit(per_second=0.01, burst=2)) as slack:
        environment = slack.environment()
        client = AsyncWebClient(token=environment["SLACK_BOT_TOKEN"], base_url=environment["SLACK_API_URL"])
        for _ in range(2):
            await client.chat_postMessage(channel="#deploys", text="x")
        with pytest.raises(SlackApiError) as caught:
            await client.chat_postMessage(channel="#deploys", text="x")
        response = caught.value.response
        assert (response.status_code, response["error"]) == (429, "ratelimited")
        assert int(response.headers["Retry-After"]) > 1
        await client.chat_postMessage(channel="#refunds", text="another channel has its own limit")
