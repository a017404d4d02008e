"""Deliveries from Slack to the bot: each must be acked within three seconds, and failed events are retried.

Events are retried at once, after a minute and after five minutes; clicks, forms and commands are not.
Source: https://docs.slack.dev/apis/events-api#retries
"""

import asyncio
import time
from dataclasses import dataclass
from typing import Literal, Protocol

from adapters.localslack.delivery.background import Background
from adapters.localslack.faults import Faults
from adapters.localslack.state.state import Json

Type = Literal["events_api", "interactive", "slash_commands"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One payload for the bot."""

    type: Type
    payload: Json
    accepts_response: bool = False


@dataclass(frozen=True, slots=True)
class DeliveryAttempt:
    """One attempt of a delivery: 0 is the first; later ones carry Slack's reason for the retry."""

    number: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class DeliveryOutcome:
    """The result of a delivery: acked in time or not, the milliseconds it took, and the payload of the ack."""

    acked: bool
    ms: float
    response: Json
    reason: str = ""


class NotAckedError(Exception):
    """The bot did not ack a delivery; the message is Slack's retry reason. `again`: Slack retries it."""

    def __init__(self, reason: str, *, again: bool = True) -> None:
        super().__init__(reason)
        self.again = again


class Transport(Protocol):
    """A connection to the bot: Socket Mode or HTTP."""

    async def deliver(self, delivery: Delivery, attempt: DeliveryAttempt) -> Json:
        """Deliver, wait for the ack and return its payload. Raises NotAckedError."""
        ...


class Dispatcher:
    """Sends deliveries to the bot over the current transport."""

    def __init__(
        self, background: Background, faults: Faults, *, ack_timeout: float, retry_after: tuple[float, ...]
    ) -> None:
        self.transport: Transport | None = None
        self.ack_timeout = ack_timeout
        self._background = background
        self._faults = faults
        self._retry_after = retry_after

    async def deliver(self, delivery: Delivery) -> DeliveryOutcome:
        """Deliver once and return the result; a failed event is retried in the background."""
        copies = 2 if self._faults.take_duplicate() else 1  # two go out together, by different sockets
        outcome, *_ = await asyncio.gather(*(self._attempt(delivery, DeliveryAttempt()) for _ in range(copies)))
        if not outcome.acked and outcome.reason and delivery.type == "events_api":
            self._background.start(self._retry(delivery, outcome.reason))
        return outcome

    def later(self, delivery: Delivery) -> None:
        """Deliver in the background."""
        self._background.start(self.deliver(delivery))

    async def _retry(self, delivery: Delivery, reason: str) -> None:
        for number, pause in enumerate(self._retry_after, start=1):
            await asyncio.sleep(pause)
            outcome = await self._attempt(delivery, DeliveryAttempt(number, reason))
            if outcome.acked or not outcome.reason:
                return
            reason = outcome.reason

    async def _attempt(self, delivery: Delivery, attempt: DeliveryAttempt) -> DeliveryOutcome:
        if self.transport is None:
            raise RuntimeError("the workspace is not serving yet")
        start = time.perf_counter()
        try:
            async with asyncio.timeout(self.ack_timeout):
                response = await self.transport.deliver(delivery, attempt)
        except TimeoutError:
            return DeliveryOutcome(acked=False, ms=_since(start), response={}, reason="timeout")
        except NotAckedError as error:
            return DeliveryOutcome(acked=False, ms=_since(start), response={}, reason=str(error) if error.again else "")
        return DeliveryOutcome(acked=True, ms=_since(start), response=response)


def _since(start: float) -> float:
    return (time.perf_counter() - start) * 1_000
