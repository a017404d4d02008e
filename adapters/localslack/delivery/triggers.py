"""Trigger ids and response URLs: what an interaction gives the bot for a short time.

A trigger opens one modal within three seconds (https://docs.slack.dev/interactivity/handling-user-interaction).
A response URL takes five messages within thirty minutes. It carries its own signed content, so thousands of clicks
cost no memory and a URL still works after a restart.
"""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

TRIGGER_SECONDS = 3.0
RESPONSE_SECONDS = 30 * 60
RESPONSE_USES = 5
_REMEMBERED_SECONDS = 60.0


class TriggerError(Exception):
    """A trigger cannot open a modal; the message is Slack's error code."""


@dataclass(slots=True)
class _Trigger:
    user: str
    issued: float
    used: bool = False


class Triggers:
    """Issues trigger ids and accepts each once."""

    def __init__(self, *, seconds: float = TRIGGER_SECONDS, clock: Callable[[], float] = time.time) -> None:
        self._seconds = seconds
        self._clock = clock
        self._known: dict[str, _Trigger] = {}

    def issue(self, user: str) -> str:
        """Make a trigger for the person who clicked."""
        now = self._clock()
        self._forget_old(now)
        made = f"{int(now * 1_000)}.{secrets.randbelow(10**10)}.{secrets.token_hex(16)}"
        self._known[made] = _Trigger(user, now)
        return made

    def redeem(self, trigger_id: str) -> str:
        """Use a trigger up and return its person. Raises TriggerError."""
        issued, _, rest = trigger_id.partition(".")
        if not issued.isdecimal() or not rest:
            raise TriggerError("invalid_trigger_id")
        if self._clock() - int(issued) / 1_000 > self._seconds:
            raise TriggerError("expired_trigger_id")
        trigger = self._known.get(trigger_id)
        if trigger is None:
            raise TriggerError("invalid_trigger_id")
        if trigger.used:
            raise TriggerError("exchanged_trigger_id")
        trigger.used = True
        return trigger.user

    def _forget_old(self, now: float) -> None:
        while self._known:
            oldest = next(iter(self._known))
            if now - self._known[oldest].issued < max(self._seconds, _REMEMBERED_SECONDS):
                return
            del self._known[oldest]


@dataclass(frozen=True, slots=True)
class ResponseTo:
    """The content of a response URL: a person, a channel and the message of the interaction ("" for none)."""

    user: str
    channel: str
    ts: str
    thread_ts: str


class ResponseUrls:
    """Makes and reads response URLs."""

    def __init__(self, signing_secret: str, clock: Callable[[], float] = time.time) -> None:
        self._secret = signing_secret.encode()
        self._clock = clock

    def path(self, to: ResponseTo) -> str:
        """Make the path of a response URL."""
        stamp = str(int(self._clock()))
        parts = [stamp, to.user, to.channel, to.ts or "-", to.thread_ts or "-", secrets.token_urlsafe(8)]
        signed = "/".join(parts)
        return f"/response/{signed}/{self._sign(signed)}"

    def read(self, path: str) -> tuple[str, ResponseTo] | None:
        """Return the URL's key and content; None if it is not ours or is older than thirty minutes."""
        signed, _, signature = path.removeprefix("/response/").rpartition("/")
        if not hmac.compare_digest(signature, self._sign(signed)):
            return None
        stamp, user, channel, ts, thread_ts, _nonce = signed.split("/")
        if self._clock() - int(stamp) > RESPONSE_SECONDS:
            return None
        return signature, ResponseTo(user, channel, ts.replace("-", ""), thread_ts.replace("-", ""))

    def _sign(self, signed: str) -> str:
        return hmac.new(self._secret, signed.encode(), hashlib.sha256).hexdigest()[:24]
