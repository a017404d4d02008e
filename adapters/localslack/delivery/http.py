"""Signed HTTP delivery to the bot's request URL, the alternative to Socket Mode.

Source: https://docs.slack.dev/authentication/verifying-requests-from-slack (signature v0),
https://docs.slack.dev/apis/events-api#retries (headers, X-Slack-No-Retry)
"""

import asyncio
import hashlib
import hmac
import json
import secrets
import time
from urllib.parse import urlencode

import aiohttp

from adapters.localslack.delivery.deliveries import Delivery, DeliveryAttempt, NotAckedError
from adapters.localslack.faults import Faults
from adapters.localslack.state.state import Json

_JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"
_OK = range(200, 300)


class RequestUrlError(RuntimeError):
    """The request URL did not answer Slack's challenge."""


class HttpDelivery:
    """Posts deliveries to one URL."""

    def __init__(self, url: str, signing_secret: str, session: aiohttp.ClientSession, faults: Faults) -> None:
        self._url = url
        self._secret = signing_secret.encode()
        self._session = session
        self._faults = faults

    async def verify(self, verification_token: str) -> None:
        """Send `url_verification` and expect the challenge back. Raises RequestUrlError."""
        challenge = secrets.token_urlsafe(24)
        body = json.dumps({"token": verification_token, "challenge": challenge, "type": "url_verification"})
        try:
            async with self._session.post(self._url, data=body, headers=self._headers(body, _JSON)) as answer:
                text = await answer.text()
        except aiohttp.ClientError as error:
            raise RequestUrlError(f"{self._url} cannot be reached: {error}") from error
        if answer.status not in _OK or challenge not in text:
            raise RequestUrlError(f"{self._url} did not return the challenge (HTTP {answer.status})")

    async def deliver(self, delivery: Delivery, attempt: DeliveryAttempt) -> Json:
        """Post one payload and wait for a 2xx. Raises NotAckedError."""
        if delivery.type == "events_api":
            body, kind = json.dumps(delivery.payload), _JSON
        elif delivery.type == "interactive":
            body, kind = urlencode({"payload": json.dumps(delivery.payload)}), _FORM
        else:
            body, kind = urlencode(delivery.payload), _FORM
        headers = self._headers(body, kind)
        if attempt.number:
            reason = "http_timeout" if attempt.reason == "timeout" else attempt.reason
            headers |= {"X-Slack-Retry-Num": str(attempt.number), "X-Slack-Retry-Reason": reason}
        try:
            async with self._session.post(self._url, data=body, headers=headers) as answer:
                text = await answer.text()
        except aiohttp.ClientError as error:
            raise NotAckedError("connection_failed") from error
        if self._faults.take_dropped_ack():
            await asyncio.get_running_loop().create_future()  # an answer lost on its way: the caller's timeout ends it
        if answer.status not in _OK:
            raise NotAckedError("http_error", again=answer.headers.get("X-Slack-No-Retry") != "1")
        return _payload(text)

    def _headers(self, body: str, kind: str) -> dict[str, str]:
        stamp = str(int(time.time()))
        signature = hmac.new(self._secret, f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()
        return {
            "Content-Type": kind,
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": f"v0={signature}",
        }


def _payload(text: str) -> Json:
    try:
        parsed = json.loads(text) if text.strip() else {}
    except ValueError:
        return {"text": text}
    return parsed if isinstance(parsed, dict) else {}
