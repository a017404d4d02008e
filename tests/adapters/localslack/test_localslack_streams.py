"""Streamed replies, as Slack documents them: they grow, they end, and nothing else writes to them meanwhile."""

from typing import Any, TypedDict

import pytest
from fakes.people import PeopledSlack
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient


class Recipient(TypedDict):
    recipient_user_id: str
    recipient_team_id: str


class Stream(TypedDict):
    channel: str
    ts: str


FOR_ALICE: Recipient = {"recipient_user_id": "U0ALICE", "recipient_team_id": "T0LOCAL"}
STREAM: dict[str, str] = {"channel": "C0DEPLOYS"}


def words(text: str) -> dict[str, str]:
    return {"type": "markdown_text", "text": text}


async def started(client: AsyncWebClient, slack: PeopledSlack) -> Stream:
    said = await slack.person("alice").say("#deploys", "please")
    answer = await client.chat_startStream(channel="C0DEPLOYS", thread_ts=said.ts, chunks=[words("Hello")], **FOR_ALICE)
    return {"channel": "C0DEPLOYS", "ts": answer["ts"]}


async def refused(call: Any) -> str:
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


async def test_a_stream_grows_and_ends(client: AsyncWebClient, slack: PeopledSlack) -> None:
    stream = await started(client, slack)
    task = {"type": "task_update", "id": "a", "title": "research", "status": "in_progress"}
    await client.chat_appendStream(**stream, chunks=[words(" **world**"), task])
    live = await slack.person("alice").expect_message("#deploys", containing="Hello **world**")
    assert "⏳ research" in live.text
    await client.chat_stopStream(**stream, chunks=[{**task, "status": "complete"}])
    assert "✓ research" in (await live.now()).text


async def test_only_a_stream_that_runs_is_appended_to(client: AsyncWebClient, slack: PeopledSlack) -> None:
    stream = await started(client, slack)
    await client.chat_stopStream(**stream)
    more: dict[str, Any] = {**stream, "chunks": [words("x")]}
    assert await refused(client.chat_appendStream(**more)) == "message_not_in_streaming_state"
    assert await refused(client.chat_stopStream(**stream)) == "message_not_in_streaming_state"
    other = await slack.person("alice").say("#deploys", "mine")
    more["ts"] = other.ts
    assert await refused(client.chat_appendStream(**more)) == "message_not_owned_by_app"


async def test_a_stream_takes_no_update_before_it_ended(client: AsyncWebClient, slack: PeopledSlack) -> None:
    stream = await started(client, slack)
    assert await refused(client.chat_update(**stream, text="x")) == "streaming_state_conflict"
    await client.chat_stopStream(**stream)
    await client.chat_update(**stream, text="x", blocks=[])
    assert (await slack.person("alice").expect_message("#deploys", containing="x")).ts == stream["ts"]


async def test_a_stream_in_a_channel_is_for_somebody_and_in_a_thread(
    client: AsyncWebClient, slack: PeopledSlack
) -> None:
    said = await slack.person("alice").say("#deploys", "please")
    assert await refused(client.chat_startStream(channel="C0DEPLOYS", thread_ts=said.ts)) == "invalid_arguments"
    nowhere = client.chat_startStream(channel="C0DEPLOYS", thread_ts="1.1", **FOR_ALICE)
    assert await refused(nowhere) == "thread_not_found"
