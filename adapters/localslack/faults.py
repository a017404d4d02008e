"""Injected failures: calls fail, deliveries repeat, acks get lost, sockets drop.

`POST /faults` takes one object or a list of them:

| field | meaning |
|---|---|
| `method` | a Web API method, `response_url`, `upload`, or `*` for any (the default); with it: |
| `status`, `error`, `retry_after` | the HTTP status, Slack's error code, the seconds of Retry-After (implies 429) |
| `delay` | seconds to hold the call before it goes on |
| `hold` | true: hold the call until `{"release": true}`; it is performed then, even if its client gave up waiting |
| `answer_after` | seconds until the answer; a Web API call is performed at once |
| `lost_response` | true: the call is performed, then the connection drops without an answer |
| `times` | how many calls (1) |
| `duplicate`, `drop_ack` | deliver the next N deliveries twice; ignore the next N acks; true: the next `times` |
| `disconnect` | true or a number: drop that many sockets without warning; `"refresh"`: ask the bot to reconnect first |
| `plan` | `"free"`: there are no user groups, `usergroups.*` say `plan_upgrade_required`; `"paid"`: there are again |
| `lacks` | the scopes that the bot's token lacks from now on; `[]` gives them back |
| `limits` | `"real"`: all of Slack's rate limits; `"posts"`: those of messages in a channel; `"none"`: none |
| `reset` | true: forget all faults set before |
"""

import asyncio
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

Limits = Literal["real", "posts", "none"]


class FaultRequest(BaseModel):
    """The body of `POST /faults`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: str | None = None
    status: Annotated[int, Field(ge=400, le=599)] | None = None
    error: str | None = None
    retry_after: Annotated[float, Field(ge=0)] | None = None
    delay: Annotated[float, Field(ge=0)] = 0.0
    answer_after: Annotated[float, Field(ge=0)] = 0.0
    hold: bool = False
    release: bool = False
    lost_response: bool = False
    times: Annotated[int, Field(ge=1)] = 1
    duplicate: bool | Annotated[int, Field(ge=0)] = 0
    drop_ack: bool | Annotated[int, Field(ge=0)] = 0
    disconnect: bool | Annotated[int, Field(ge=1)] | Literal["refresh"] = False
    plan: Literal["free", "paid"] | None = None
    lacks: list[str] | None = None
    limits: Limits | None = None
    reset: bool = False


_REQUESTS = TypeAdapter(list[FaultRequest])


class FaultError(ValueError):
    """The body of `POST /faults` is not valid; the message names the field."""


def parse(body: object) -> list[FaultRequest]:
    """Read the body of `POST /faults`. Raises FaultError."""
    try:
        return _REQUESTS.validate_python(body if isinstance(body, list) else [body])
    except ValidationError as error:
        first = error.errors()[0]
        raise FaultError(f"{'.'.join(map(str, first['loc'][1:]))}: {first['msg']}") from error


class HeldCalls:
    """Holds calls until they are released."""

    def __init__(self) -> None:
        self.calls = 0
        self._over = asyncio.Event()

    async def wait(self) -> None:
        """Wait for the release."""
        self.calls += 1
        await self._over.wait()

    def release(self) -> None:
        """Release the held calls."""
        self._over.set()


@dataclass(frozen=True, slots=True)
class CallFault:
    """The failure of one call: `status`, `error`, or neither (then it is only slow, or its answer is lost).

    `hold` keeps the call back until it is released.
    """

    status: int | None = None
    error: str | None = None
    retry_after: float | None = None
    delay: float = 0.0
    answer_after: float = 0.0
    hold: HeldCalls | None = None
    lost_response: bool = False


class Faults:
    """The failures arranged and not yet used."""

    def __init__(self) -> None:
        self._calls: list[tuple[str, CallFault, int]] = []
        self._duplicates = 0
        self._dropped_acks = 0
        self._hold = HeldCalls()
        self._reset_lasting()

    def _reset_lasting(self) -> None:
        """Reset the settings that last until they are changed."""
        self.free_plan = False
        self.lacking: frozenset[str] = frozenset()
        self.limits: Limits | None = None

    @property
    def held(self) -> int:
        """The number of calls held now."""
        return self._hold.calls

    def _release(self) -> None:
        """Release the held calls, and hold none of those arranged."""
        self._hold.release()
        self._hold = HeldCalls()

    def add(self, request: FaultRequest) -> None:
        """Arrange the failures of a request, except `disconnect`, which the server does at once."""
        if request.release or request.reset:
            self._release()
        if request.reset:
            self._calls.clear()
            self._duplicates = self._dropped_acks = 0
            self._reset_lasting()
        if request.plan is not None:
            self.free_plan = request.plan == "free"
        if request.lacks is not None:
            self.lacking = frozenset(request.lacks)
        self.limits = request.limits or self.limits
        self._duplicates += request.times if request.duplicate is True else request.duplicate
        self._dropped_acks += request.times if request.drop_ack is True else request.drop_ack
        status = request.status or (429 if request.retry_after is not None else None)
        hold = self._hold if request.hold else None
        fault = CallFault(
            status,
            request.error,
            request.retry_after,
            request.delay,
            request.answer_after,
            hold,
            request.lost_response,
        )
        if request.method is not None or fault != CallFault():
            self._calls.append((request.method or "*", fault, request.times))

    def of_call(self, method: str) -> CallFault | None:
        """Use up and return the failure of this call, if there is one."""
        for index, (pattern, fault, times) in enumerate(self._calls):
            if pattern in ("*", method):
                self._calls[index : index + 1] = [(pattern, fault, times - 1)] if times > 1 else []
                return fault
        return None

    def take_duplicate(self) -> bool:
        """Return true if this delivery is sent twice, and count it."""
        self._duplicates, taken = max(0, self._duplicates - 1), self._duplicates > 0
        return taken

    def take_dropped_ack(self) -> bool:
        """Return true if this ack gets lost, and count it."""
        self._dropped_acks, taken = max(0, self._dropped_acks - 1), self._dropped_acks > 0
        return taken
