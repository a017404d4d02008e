"""Sessions of the agent: one for each thread, shown to those who see its first message."""

import pytest
from fakes.people import PeopledSlack
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient


async def test_a_session_has_a_status_and_keeps_its_first_title(slack: PeopledSlack, client: AsyncWebClient) -> None:
    asked = await slack.person("alice").say("#deploys", "ship it")
    here = {"channel_id": "C0DEPLOYS", "thread_ts": asked.ts}
    await client.agents_sessions_setStatus(**here, status="suspended", title="Ship it")
    answer = await client.agents_sessions_setStatus(**here, status="active", title="Another")
    assert (answer["status"], answer["title"]) == ("active", "Ship it")
    (message,) = [each for each in await slack.person("bob").messages("#deploys") if each.ts == asked.ts]
    assert message.shown["session"] == {"status": "active", "title": "Ship it"}


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"status": "waiting"}, "invalid_arguments"),
        ({"title": "x" * 201}, "invalid_arguments"),
        ({"thread_ts": "1.1"}, "thread_not_found"),
        ({"channel_id": "C0NOWHERE"}, "channel_not_found"),
    ],
)
async def test_what_is_no_session_is_refused(
    slack: PeopledSlack, client: AsyncWebClient, wrong: dict[str, str], code: str
) -> None:
    asked = await slack.person("alice").say("#deploys", "ship it")
    call = {"channel_id": "C0DEPLOYS", "thread_ts": asked.ts, "status": "suspended"} | wrong
    with pytest.raises(SlackApiError) as raised:
        await client.agents_sessions_setStatus(**call)
    assert raised.value.response["error"] == code
