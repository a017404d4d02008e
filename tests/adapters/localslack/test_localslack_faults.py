"""Injected failures, as the official client sees them."""

import asyncio
from typing import Any

import aiohttp
import pytest
from fakes.people import PeopledSlack, RefusedError, held_calls
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient


async def refused(call: Any) -> tuple[int, str]:
    with pytest.raises(SlackApiError) as caught:
        await call
    return caught.value.response.status_code, caught.value.response["error"]


async def test_the_next_calls_of_a_method_fail(slack: PeopledSlack, client: AsyncWebClient) -> None:
    await slack.people.fault(method="chat.postMessage", status=500, times=2)
    for _ in range(2):
        assert await refused(client.chat_postMessage(channel="#deploys", text="x")) == (500, "internal_error")
    await client.auth_test()
    await client.chat_postMessage(channel="#deploys", text="third time lucky")
    assert [each.text for each in await slack.person("alice").messages("#deploys")] == ["third time lucky"]


async def test_any_method_fails_with_any_error(slack: PeopledSlack, client: AsyncWebClient) -> None:
    await slack.people.fault(method="*", error="channel_not_found")
    assert await refused(client.auth_test()) == (200, "channel_not_found")
    await client.auth_test()


async def test_slow_down(slack: PeopledSlack, client: AsyncWebClient) -> None:
    await slack.people.fault(method="chat.postMessage", retry_after=7)
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel="#deploys", text="x")
    assert caught.value.response.headers["Retry-After"] == "7"
    assert (caught.value.response.status_code, caught.value.response["error"]) == (429, "ratelimited")
    await slack.people.fault(method="chat.postMessage", retry_after=0)
    client.retry_handlers.append(AsyncRateLimitErrorRetryHandler(max_retry_count=1))
    assert (await client.chat_postMessage(channel="#deploys", text="x"))["ok"]


async def test_a_call_is_held_longer_than_the_client_waits(slack: PeopledSlack) -> None:
    environment = slack.environment()
    client = AsyncWebClient(token=environment["SLACK_BOT_TOKEN"], base_url=environment["SLACK_API_URL"], timeout=1)
    await slack.people.fault(method="auth.test", delay=1.2, status=500)
    with pytest.raises(asyncio.TimeoutError):
        await client.auth_test()


async def test_a_call_is_done_at_once_and_answered_after_the_client_gave_up(
    slack: PeopledSlack, client: AsyncWebClient
) -> None:
    client.timeout = 1
    await slack.people.fault(method="chat.postMessage", answer_after=30)
    with pytest.raises(asyncio.TimeoutError):
        await client.chat_postMessage(channel="#deploys", text="posted before that")
    [message] = await slack.person("alice").messages("#deploys")
    assert message.text == "posted before that"


async def test_a_held_call_is_done_when_it_is_released(slack: PeopledSlack, client: AsyncWebClient) -> None:
    alice, faults = slack.person("alice"), slack.workspace.faults
    await slack.people.fault(method="chat.postMessage", hold=True)
    held = asyncio.create_task(client.chat_postMessage(channel="#deploys", text="late"))
    await held_calls(faults, 1)
    await client.chat_postMessage(channel="#deploys", text="meanwhile")
    assert [each.text for each in await alice.messages("#deploys")] == ["meanwhile"]
    await slack.people.fault(release=True)
    assert (await held)["ok"]
    assert [each.text for each in await alice.messages("#deploys")] == ["meanwhile", "late"]
    assert faults.held == 0


async def test_a_held_call_is_done_also_where_its_client_gave_up(slack: PeopledSlack, client: AsyncWebClient) -> None:
    client.timeout = 1
    await slack.people.fault(method="chat.postMessage", hold=True)
    with pytest.raises(asyncio.TimeoutError):
        await client.chat_postMessage(channel="#deploys", text="late")
    assert await slack.person("alice").messages("#deploys") == []
    await slack.people.fault(reset=True)
    await slack.person("alice").expect_message("#deploys", containing="late")


async def test_a_call_is_done_although_its_answer_is_lost(slack: PeopledSlack, client: AsyncWebClient) -> None:
    client.retry_handlers.clear()
    await slack.people.fault(method="chat.postMessage", lost_response=True)
    with pytest.raises(aiohttp.ClientError):
        await client.chat_postMessage(channel="#deploys", text="posted all the same")
    [message] = await slack.person("alice").messages("#deploys")
    assert message.text == "posted all the same"


async def test_faults_are_forgotten_on_reset(slack: PeopledSlack, client: AsyncWebClient) -> None:
    await slack.people.fault(method="auth.test", status=500, times=9)
    await slack.people.fault(reset=True)
    assert (await client.auth_test())["ok"]


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ({"methods": "chat.update"}, "methods: Extra inputs are not permitted"),
        ({"method": "chat.update", "times": 0}, "times: Input should be greater than or equal to 1"),
        ({"method": "chat.update", "status": 200}, "status: Input should be greater than or equal to 400"),
    ],
)
async def test_a_fault_that_makes_no_sense_is_named(slack: PeopledSlack, fault: dict[str, Any], sentence: str) -> None:
    with pytest.raises(RefusedError, match=sentence):
        await slack.people.fault(**fault)
