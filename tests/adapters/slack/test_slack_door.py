"""What comes to Slack's door that is not as Slack documents it: taken or refused quietly, with one line in the log."""

import asyncio
import hashlib
import hmac
import json
import logging
import time
from typing import Any
from urllib.parse import urlencode

import pytest
from aiohttp import ClientSession
from fakes.patience import PATIENCE
from fakes.people import PeopledSlack
from slack_bolt.request.async_request import AsyncBoltRequest
from structlog.testing import capture_logs
from support.slack_app import Bot, serving

from adapters.localslack.delivery.deliveries import Delivery, DeliveryAttempt
from adapters.slack.workspace.client import PacedClient

VALUE = "0.1.T1:C1:1700000000.000100#0123456789abcdef"
USER = {"id": "U1", "team_id": "T1"}
FORM = {"callback_id": "signoff_edit", "private_metadata": VALUE}


def event(what: Any) -> dict[str, Any]:
    return {"type": "event_callback", "team_id": "T1", "event": what}


def message(**more: Any) -> dict[str, Any]:
    said = {"type": "message", "channel": "D1", "user": "U1", "text": "hi", "ts": "9.1"} | more
    return event({key: value for key, value in said.items() if value is not ...})


def click(*actions: Any, **more: Any) -> dict[str, Any]:
    return {"type": "block_actions", "user": USER, "trigger_id": "t", "actions": list(actions)} | more


def button(**more: Any) -> dict[str, Any]:
    return {"type": "button", "action_id": "signoff_approve", "block_id": "b", "value": VALUE} | more


def submission(**more: Any) -> dict[str, Any]:
    return {"type": "view_submission", "user": USER, "view": FORM | more}


MALFORMED = {
    "a message without ts": message(ts=...),
    "a message without channel": message(channel=...),
    "a message whose ts is a number": message(ts=9.1),
    "a message whose channel is an object": message(channel={"id": "C1"}),
    "a message whose user is an object": message(user={"id": "U1"}),
    "a message whose text is a list": message(text=["hi"]),
    "a message whose thread is an object": message(thread_ts={}),
    "no event": event(None),
    "an event that is a text": event("message"),
    "an event that is a list": event([]),
    "app_home_opened without user": event({"type": "app_home_opened", "tab": "home"}),
    "a mention without ts": event({"type": "app_mention", "channel": "C1", "user": "U1", "text": "<@U0>"}),
    "a click without user": click(button(), user=...) | {"user": None},
    "a click whose user has no id": click(button(), user={}),
    "a click whose user is a text": click(button(), user="U1"),
    "a click of nothing": click(None),
    "a click whose actions are a text": click() | {"actions": "approve"},
    "a click in a container that is a list": click(button(), container=[]),
    "a click on a button whose id is a number": click(button(action_id=7)),
    "a menu whose option is a text": click(button(action_id="signoff_history", selected_option="x")),
    "a command without user": {"command": "/signoff", "text": "help"},
    "a form whose state is a text": submission(state="x"),
    "a form whose values are a list": submission(state={"values": ["x"]}),
    "a form whose block is a text": submission(state={"values": {"b": "x"}}),
    "a form whose input is a text": submission(state={"values": {"b": {"a": "x"}}}),
    "a form whose option is a number": submission(state={"values": {"b": {"a": {"selected_option": 3}}}}),
    "a form whose options have no value": submission(state={"values": {"b": {"a": {"selected_options": [{"x": 1}]}}}}),
    "a form whose value is a number": submission(state={"values": {"b": {"a": {"value": 3}}}}),
    "a form without user": submission(state={"values": {}}) | {"user": None},
    "a form that is a text": submission() | {"view": "x"},
}
NOTHING = {
    "an empty event": event({}),
    "no actions": click(),
    "a click of another app": click(button(action_id="another")),
    "a payload of no type": {},
    "a type that is a number": {"type": 7},
    "a team that is a number": event({"type": "team_join", "user": {"id": "U1"}}) | {"authorizations": None},
}


@pytest.mark.promise("P1")
@pytest.mark.parametrize("payload", [pytest.param(each, id=name) for name, each in (MALFORMED | NOTHING).items()])
async def test_a_payload_with_odd_fields_is_taken_quietly(
    chatting: Bot, payload: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    malformed = payload in MALFORMED.values()
    with capture_logs() as lines, caplog.at_level(logging.WARNING):
        answer = await chatting.app.async_dispatch(AsyncBoltRequest(mode="socket_mode", body=payload))
    assert answer.status == 200
    assert [line["event"] for line in lines] == (["payload_malformed"] if malformed else [])
    assert not caplog.records
    assert chatting.desk.calls == []
    is_form = payload.get("type") == "view_submission"
    assert ("couldn't read this form" in str(answer.body)) == is_form, "a form must not close as if it were sent"


@pytest.mark.parametrize("payload", [pytest.param(each, id=name) for name, each in (MALFORMED | NOTHING).items()])
async def test_over_http_it_is_taken_as_quietly(
    slack: PeopledSlack, client: PacedClient, payload: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(slack, client, "http") as bot, ClientSession() as outside:
        with capture_logs() as lines, caplog.at_level(logging.WARNING):
            status = await _post(outside, bot, _wire(payload), secret=slack.environment()["SLACK_SIGNING_SECRET"])
        assert status in (200, 400)
        assert len(lines) <= 1
        assert not caplog.records
        assert bot.desk.calls == []


@pytest.mark.parametrize(
    "payload",
    [
        click(button(), user=5),
        submission() | {"user": 5},
        event({"type": "channel_archive", "channel": 5}),
        message() | {"authorizations": [5]},
    ],
)
async def test_over_a_socket_what_bolt_cannot_read_is_taken_once(
    slack: PeopledSlack, client: PacedClient, payload: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(slack, client, "sockets") as bot:
        with capture_logs() as lines, caplog.at_level(logging.WARNING):
            delivered = slack.workspace.sockets.deliver(Delivery("events_api", payload), DeliveryAttempt())
            assert await asyncio.wait_for(delivered, PATIENCE) == {}
        assert [line["event"] for line in lines] == ["payload_malformed"]
        assert not caplog.records
        assert bot.desk.calls == []


JUNK = [
    b"{",
    b"[]",
    b"7",
    b"null",
    b'"x"',
    b"payload=%7B",
    b"payload=%5B%5D",
    b"payload=7",
    b"\xff",
    b"",
    b"a=b",
    b"{}",
]


@pytest.mark.parametrize("body", JUNK)
@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded", "text/plain", ""])
async def test_junk_from_the_internet_gets_no_500(
    slack: PeopledSlack, client: PacedClient, body: bytes, content_type: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(slack, client, "http") as bot, ClientSession() as outside:
        with caplog.at_level(logging.WARNING):
            assert 400 <= await _post(outside, bot, (body, content_type)) < 500
        assert not caplog.records
        assert bot.desk.calls == []


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Slack-Request-Timestamp": "yesterday", "X-Slack-Signature": "v0=00"},
        {"X-Slack-Request-Timestamp": "", "X-Slack-Signature": ""},
        {"X-Slack-Request-Timestamp": "9" * 5_000, "X-Slack-Signature": "v0=00"},
        {"X-Slack-Request-Timestamp": "٣", "X-Slack-Signature": "v0=é"},
    ],
)
async def test_a_signature_that_is_none_is_refused(
    slack: PeopledSlack, client: PacedClient, headers: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(slack, client, "http") as bot, ClientSession() as outside:
        with caplog.at_level(logging.WARNING):
            async with outside.post(str(bot.slack.request_url), data=b"{}", headers=headers) as response:
                assert 400 <= response.status < 500
        assert not caplog.records


def _wire(payload: dict[str, Any]) -> tuple[bytes, str]:
    """As Slack sends it: events as JSON, commands as a form, everything else as a form's `payload`."""
    if "command" in payload:
        return urlencode(payload).encode(), "application/x-www-form-urlencoded"
    if payload.get("type") in ("block_actions", "view_submission"):
        return urlencode({"payload": json.dumps(payload)}).encode(), "application/x-www-form-urlencoded"
    return json.dumps(payload).encode(), "application/json"


async def _post(outside: ClientSession, bot: Bot, what: tuple[bytes, str], *, secret: str = "") -> int:
    body, content_type = what
    headers = {"Content-Type": content_type} if content_type else {}
    if secret:
        now = str(int(time.time()))
        signed = hmac.new(secret.encode(), b"v0:" + now.encode() + b":" + body, hashlib.sha256).hexdigest()
        headers |= {"X-Slack-Request-Timestamp": now, "X-Slack-Signature": f"v0={signed}"}
    async with outside.post(str(bot.slack.request_url), data=body, headers=headers) as response:
        await response.read()
        return response.status
