"""One visit of this process to a lane: claim it, handle what waits in it message by message, let go of it."""

import asyncio
import logging
import random
import time
import uuid
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, assert_never

from redis.exceptions import RedisError

from adapters.redis import codec, mailbox
from adapters.redis.keys import Keys
from adapters.redis.lanes.retrying import RetryingCalls
from adapters.redis.lanes.scripts import (
    ClaimedHead,
    ClaimLane,
    CompleteHead,
    LaneBusy,
    LaneEmpty,
    LaneReleased,
    LaneReply,
    LeaseLost,
    ReleaseLane,
    RenewLease,
)
from adapters.redis.transport.base import AsyncTransport
from adapters.redis.transport.failures import FailureLog, Outage
from adapters.redis.transport.scripts import Command
from engine.approvals.effects import Lane
from engine.ports import DeadLetter, Handler, Later, SetAside, Work

RUN_ATTEMPTS = 12
"""Over two and a half minutes: what fails for longer will not recover, and the rest of the conversation waits."""
OTHER_ATTEMPTS = 130
"""Over an hour: Slack may be unreachable that long, and nobody sees a card that was given up."""
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 30.0
BROKEN_SECONDS = 30.0
"""Seconds until a lane that cannot be read is tried again."""
_LONGEST_ERROR = 300

log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LaneContext:
    """The settings that all lanes of a process share."""

    database: AsyncTransport
    keys: Keys
    lease: timedelta
    attempts: int | None
    outage: Outage
    failures: FailureLog
    masked: Callable[[str], str]
    context: Callable[[Lane], Context]

    @property
    def lease_ms(self) -> int:
        """The length of a lease in milliseconds."""
        return int(self.lease.total_seconds() * 1000)


@dataclass(frozen=True, slots=True)
class VisitEnd:
    """The end of a visit: due again in `again_in` seconds; `finished` is the last message's stamp if it is empty."""

    again_in: float | None = None
    finished: int | None = None
    has_more: bool = False


class LaneVisit:
    """From the claim of a lane until this process lets go of it. Made in the task that works on the lane."""

    def __init__(
        self,
        context: LaneContext,
        calls: RetryingCalls,
        handler: Handler,
        set_aside: SetAside,
        lane: Lane,
        goes_on: Callable[[], bool],
    ) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - we are in one
        keys, thread = context.keys, lane.thread
        self.lane = lane
        self.was_lost = False
        self._is_handling = False
        self._task = task
        self._context = context
        self._calls = calls
        self._handler = handler
        self._set_aside = set_aside
        self._goes_on = goes_on
        self._box = mailbox.box(keys, lane)
        self._lease = keys.lease(thread, lane.name)
        self._fence = keys.fence(thread, lane.name)
        self._tries = keys.tries(thread, lane.name)
        self._name = uuid.uuid4().hex
        self._token = 0
        self._heard_late = False

    async def claim(self) -> LaneReply:
        """Take the lane, if it is free and has work."""
        milliseconds = self._context.lease_ms
        claim = ClaimLane(self._box, self._lease, self._fence, self._tries, self._name, milliseconds)
        began = time.monotonic()
        reply = await self._calls.run(claim)
        if isinstance(reply, ClaimedHead):
            self._token = reply.token
            self._heard_late = time.monotonic() - began >= self._context.lease.total_seconds()
        return reply

    async def renew(self) -> bool:
        """Renew the lease; False when another process has the lane."""
        return await self._context.database.run(self._renewal())

    def _renewal(self) -> RenewLease:
        return RenewLease(self._lease, self._fence, self._name, self._token, self._context.lease_ms)

    def lose(self) -> None:
        """Cancel the handler once, if it is under way: another process has the lane.

        Else the visit is completing its message or letting go, which the fence decides. It may even have done so: a
        renewal that comes after it is refused, and its answer may be heard first, as a busy loop lets lanes wait.
        """
        if self._is_handling and not self.was_lost:
            self.was_lost = True
            self._task.cancel()

    def close(self) -> None:
        """End the cancellation that `lose` began, so that the task can go on with other work."""
        if self.was_lost:
            self._task.uncancel()

    async def work(self, head: ClaimedHead) -> VisitEnd:
        """Handle what waits in the lane, message after message.

        A busy loop, or a process that stood still, may hear of its claim when the lease has run out.
        """
        if self._heard_late and not await self._calls.run(self._renewal()):
            return VisitEnd()
        step: ClaimedHead | VisitEnd = head
        while isinstance(step, ClaimedHead):
            step = await self._take(step)
        return step

    async def _take(self, head: ClaimedHead) -> ClaimedHead | VisitEnd:
        """Handle the head of the lane; gives the next head, or how the visit ended."""
        try:
            mail = mailbox.read(head.message, self._box)
        except codec.UnreadableError as error:
            # Most likely a newer version wrote it: nothing is lost, and the lane goes on when that version is back.
            self._context.failures.report(str(self.lane), f"the lane {self.lane} waits: {error}")
            return await self._rest(head.attempt - 1, BROKEN_SECONDS)
        most = self._context.attempts or (RUN_ATTEMPTS if self.lane.name == "run" else OTHER_ATTEMPTS)
        if head.attempt > most:
            return await self._bury(mail, f"it was begun {most} times and never finished")
        failed = await self._handle(head, mail)
        if isinstance(failed, VisitEnd):
            return failed
        if failed is None:
            self._context.failures.clear(str(self.lane))
            return await self._complete(mail)
        if head.attempt >= most:
            return await self._bury(mail, failed)
        return await self._rest(head.attempt, _pause(head.attempt))

    async def _handle(self, head: ClaimedHead, mail: mailbox.Mail) -> str | VisitEnd | None:
        """Call the handler. Gives None when the work is done, else why it failed, or how the visit ended."""
        began = time.monotonic()
        try:
            await self._call_handler(Work(mail.id, self.lane, mail.effect, head.attempt, self._token))
        except Later as later:
            return await self._rest(head.attempt - 1, later.seconds)
        except asyncio.CancelledError as error:
            if self.was_lost:
                return VisitEnd()
            if self._task.cancelling() == 0:
                return self._one_line(error)  # the handler cancelled itself
            # To be cut off is not to fail; but the work may be done, so the next delivery is not the first.
            await self._release(max(1, head.attempt - 1))
            raise
        except Exception as error:  # noqa: BLE001 - whatever fails, the lane goes on
            reason = self._one_line(error)
            if not self._context.outage.explains(error, began):
                sentence = f"{mail.id} of {self.lane} failed and will be retried: {reason}"
                self._context.failures.report(str(self.lane), sentence)
            return reason
        return None

    async def _call_handler(self, work: Work) -> None:
        self._is_handling = True
        try:
            await self._handler(work)
        finally:
            self._is_handling = False

    async def _complete(self, mail: mailbox.Mail) -> ClaimedHead | VisitEnd:
        """Take the message off, and begin the next one unless the service stops."""
        complete = CompleteHead(
            self._box,
            self._lease,
            self._fence,
            self._tries,
            self._name,
            self._token,
            mail.first_line,
            go_on=self._goes_on(),
            milliseconds=self._context.lease_ms,
        )
        match await self._calls.run(complete):
            case ClaimedHead() as head:
                return head
            case LeaseLost():
                log.warning("%s of %s was done, but its lease was lost: it will be done again", mail.id, self.lane)
                return VisitEnd()
            case LaneEmpty():
                return VisitEnd(finished=mail.stamp)
            case LaneReleased() | LaneBusy():
                return VisitEnd(has_more=True)
            case other:
                assert_never(other)

    async def _bury(self, mail: mailbox.Mail, error: str) -> ClaimedHead | VisitEnd:
        """Set work aside. First the letter, then the completion: a crash in between only writes the letter again."""
        letter = DeadLetter(f"{self.lane} {mail.id}", self.lane, mail.effect, error, datetime.now(UTC))
        log.error("%s of %s is given up: %s", mail.id, self.lane, error)
        name = letter.id.encode("utf-8", "surrogatepass")
        await self._calls.run(Command("HSET", self._context.keys.dead(), name, codec.DEAD_LETTER.dump(letter)))
        try:
            await self._set_aside(letter)
        except Exception as failure:  # noqa: BLE001 - the letter is kept, even if nobody could be told
            log.warning("the dead letter %s could not be reported: %s", letter.id, self._one_line(failure))
        return await self._complete(mail)

    async def _rest(self, begun: int, seconds: float) -> VisitEnd:
        """Let go of the lane for some seconds."""
        released = await self._calls.run(self._release_lane(begun, max(1, int(seconds * 1000))))
        return VisitEnd(again_in=seconds) if released else VisitEnd()

    async def _release(self, begun: int) -> None:
        """Let go of the lane while being cancelled: if Redis does not answer, the lease simply runs out."""
        try:
            await self._context.database.run(self._release_lane(begun, 0))
        except RedisError as error:
            place = f"letting go of {self.lane}, which is free after its lease"
            self._context.failures.report_error(place, error)

    def _release_lane(self, begun: int, milliseconds: int) -> ReleaseLane:
        return ReleaseLane(self._lease, self._fence, self._tries, self._name, self._token, begun, milliseconds)

    def _one_line(self, error: BaseException) -> str:
        """Describe an error in one line, without secrets."""
        sentence = self._context.masked(" ".join(str(error).split()))[:_LONGEST_ERROR]
        return f"{type(error).__name__}: {sentence}" if sentence else type(error).__name__


def _pause(attempt: int) -> float:
    """Give the seconds before the next try: doubled each time, with 25% jitter to spread retries."""
    return float(min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (attempt - 1)) * random.uniform(0.75, 1.25))  # noqa: S311 - jitter
