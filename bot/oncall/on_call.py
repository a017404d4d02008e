"""The port `OnCall`: the people on call, for a click and for the people whom the bot calls.

All processes use an answer of a source for a minute, and only one request to each source is under way: the others wait
for it. An answer holds shifts, so a click is judged by the instant of the click, also if a hand-over came in between.

A click waits `patience` seconds at most. The request goes on in a task of this object, so that asking again a little
later finds its answer. A source that fails gives nobody a right, and takes none away that another source gives. Its
last answer is used until it is a minute old.

`keep` asks the sources that pending requests need (`wanted`) before their answers expire: a click need not wait.
"""

import asyncio
import contextlib
import contextvars
import dataclasses
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

import structlog
from redis.exceptions import RedisError

from bot.oncall.people import People
from bot.telemetry import Metrics
from engine.ids import UserId
from engine.oncall.shifts import KEPT, Shift, Shifts
from engine.ports import (
    AccountsUnknownError,
    Clock,
    Duty,
    LastLookup,
    LookupMemory,
    OnDuty,
    ShiftSource,
    SourceFailedError,
)

log = structlog.get_logger(__name__)

WARM: Final = timedelta(seconds=40)
"""Age of an answer that is kept warm: well below the age at which it expires, so that one request may fail."""
_AGAIN: Final = timedelta(seconds=15)
"""Time for which `keep` leaves a source alone that failed. Rootly allows five requests a minute."""
_LOOK_SECONDS: Final = 2.0
_CLAIM_SECONDS: Final = 15.0
"""Longer than any lookup: a process that dies while it asks holds the others up for so long."""
_SHARED_LOOK_SECONDS: Final = 0.1
_NEAR: Final = timedelta(hours=1)
"""The part of a long table that other processes get: clicks are about now."""


class OnCallSources:
    """`sources` by the names of `oncall:`; `shared` are the names under which processes share their answers."""

    def __init__(
        self,
        *,
        sources: Mapping[str, ShiftSource],
        shared: Mapping[str, str],
        memory: LookupMemory,
        people: People,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._sources, self._shared, self._memory = sources, shared, memory
        self._people, self._clock, self._metrics = people, clock, metrics
        self._holder = uuid4().hex
        self._last: dict[str, LastLookup] = {}
        self._good: dict[str, Shifts] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._wanted: frozenset[str] = frozenset()
        self._changed = asyncio.Event()
        self._retired = False

    @property
    def schedules(self) -> Collection[str]:
        """The names of all sources."""
        return self._sources.keys()

    def keep_to(self, clock: Clock) -> None:
        """Use this clock from now on."""
        self._clock = clock

    # For a click ------------------------------------------------------------------------------------------------------

    async def on_duty(self, schedule: str, at: datetime, patience: float) -> Duty:
        """The people on call at `at`; waits at most `patience` seconds. Never raises."""
        try:
            async with asyncio.timeout(patience):
                shifts = await self._shifts(schedule, at)
                return await self._duty(schedule, shifts, at)
        except TimeoutError:
            return Duty((), self._clock.now(), "it has not answered yet", unanswered=True)
        except (SourceFailedError, AccountsUnknownError) as failed:
            return Duty((), self._clock.now(), str(failed))
        except Exception:
            log.exception("an on-call lookup failed", schedule=schedule)
            return Duty((), self._clock.now(), "it could not be looked up")

    async def _shifts(self, schedule: str, at: datetime) -> Shifts:
        """An answer that covers this instant and is not too old. Raises SourceFailedError."""
        if schedule not in self._sources:
            raise SourceFailedError("app.yaml has no such entry of oncall: any more")
        if (known := self._usable(schedule, at, KEPT)) is not None:
            return known
        joined = schedule in self._asking
        await self._asked(schedule, at, KEPT)
        if joined and self._usable(schedule, at, KEPT) is None and not self._last[schedule].failed:
            await self._asked(schedule, at, KEPT)  # the request under way was for another instant
        if (known := self._usable(schedule, at, KEPT)) is not None:
            return known
        raise SourceFailedError(self._last[schedule].failed or "it only tells who is on call now")

    def _usable(self, schedule: str, at: datetime, kept: timedelta) -> Shifts | None:
        known = self._good.get(schedule)
        return known if known is not None and known.covers(at) and known.is_fresh(self._clock.now(), kept) else None

    async def _duty(self, schedule: str, shifts: Shifts, at: datetime) -> Duty:
        on_call = shifts.on_call(at)
        users = await asyncio.gather(*(self._people.user(each) for each in on_call))
        found: dict[UserId, OnDuty] = {}
        for shift, user in zip(on_call, users, strict=True):
            if user is not None:
                found.setdefault(user, OnDuty(user, shift.said, shift.tier, shift.starts, shift.ends))
        error = "" if found else self._nobody(schedule, on_call)
        return Duty(tuple(found.values()), shifts.looked_up, error)

    def _nobody(self, schedule: str, on_call: Collection[Shift]) -> str:
        if not on_call:
            return "nobody is on call"
        log.warning(
            "nobody on call is a member of this workspace", schedule=schedule, said=[each.said for each in on_call]
        )
        return "nobody whom it names is a full member of this workspace"

    # Asking -----------------------------------------------------------------------------------------------------------

    async def _asked(self, schedule: str, at: datetime, kept: timedelta) -> None:
        """Wait until the source has been asked, by this process or another one. A cancelled wait stops nothing else.

        The request is in no caller's context: a click may wait for one that a lane began.
        """
        asking = self._asking.get(schedule)
        if asking is None or asking.done():  # done, and not yet taken out by `_done`
            request = self._ask(schedule, at, kept)
            asking = asyncio.create_task(request, name=f"on call {schedule}", context=contextvars.Context())
            self._asking[schedule] = asking
            asking.add_done_callback(lambda task: self._done(schedule, task))
        await asyncio.shield(asking)

    def _done(self, schedule: str, asked: "asyncio.Task[None]") -> None:
        if self._asking.get(schedule) is asked:
            self._asking.pop(schedule)
        if not asked.cancelled():
            asked.exception()  # those who still wait are told; nobody else needs to be

    async def _ask(self, schedule: str, at: datetime, kept: timedelta) -> None:
        began = self._clock.now()
        if self._rests(self._last.get(schedule)):
            return
        while not await self._is_told_by_others(schedule, at, began, kept):
            if await self._may_ask(schedule):
                try:
                    await self._look_up(schedule, at)
                finally:
                    await self._over(schedule)
                return
            await asyncio.sleep(_SHARED_LOOK_SECONDS)

    async def _is_told_by_others(self, schedule: str, at: datetime, began: datetime, kept: timedelta) -> bool:
        """True if another process has an answer that can be used, or failed while we waited for it."""
        try:
            last = await self._memory.last(self._shared[schedule])
        except RedisError:
            return False
        if last is None:
            return False
        answered = last.shifts is not None and last.shifts.covers(at) and last.shifts.is_fresh(self._clock.now(), kept)
        failed = bool(last.failed) and (self._rests(last) or last.asked >= began)
        if answered or failed:
            self._take(schedule, last)
        return answered or failed

    def _rests(self, last: LastLookup | None) -> bool:
        """True while the source has asked to be left alone."""
        return last is not None and last.not_before is not None and self._clock.now() < last.not_before

    async def _may_ask(self, schedule: str) -> bool:
        """True if this process asks the source. Without Redis it does: it cannot know of others."""
        try:
            return await self._memory.claim(self._shared[schedule], self._holder, _CLAIM_SECONDS)
        except RedisError:
            return True

    async def _look_up(self, schedule: str, at: datetime) -> None:
        asked = self._clock.now()
        try:
            shifts = await self._sources[schedule].shifts(at, asked)
            last = LastLookup(asked, dataclasses.replace(shifts, looked_up=asked))
        except SourceFailedError as failed:
            not_before = None if failed.rest is None else self._clock.now() + failed.rest
            why = _with_rest(str(failed), not_before)
            last = LastLookup(asked, self._good.get(schedule), failed=why, not_before=not_before)
        except Exception as error:
            log.exception("an on-call source cannot be asked", schedule=schedule)
            why = f"The source could not be asked ({type(error).__name__})."
            last = LastLookup(asked, self._good.get(schedule), failed=why)
        self._metrics.looked_up(schedule, "failed" if last.failed else "answered")
        self._log(schedule, last)
        self._take(schedule, last)
        await self._tell_others(schedule, last, at)

    def _log(self, schedule: str, last: LastLookup) -> None:
        """Log once when a source fails or its reason changes, and once when it is back."""
        before = self._last[schedule].failed if schedule in self._last else ""
        if last.failed and last.failed != before:
            log.warning("an on-call source failed", schedule=schedule, why=last.failed)
        elif before and not last.failed:
            log.info("an on-call source is back", schedule=schedule)

    async def _tell_others(self, schedule: str, last: LastLookup, at: datetime) -> None:
        """Share a failure as long as the source asked to be left alone, else only with those who wait for it."""
        now = self._clock.now()
        seconds = KEPT.total_seconds() - (now - last.asked).total_seconds()
        if last.not_before is not None:
            seconds = max(seconds, (last.not_before - now).total_seconds())
        near = None if last.shifts is None else last.shifts.around(at, _NEAR)
        with contextlib.suppress(RedisError):
            if seconds > 0:
                await self._memory.keep(self._shared[schedule], dataclasses.replace(last, shifts=near), seconds)

    async def _over(self, schedule: str) -> None:
        with contextlib.suppress(RedisError):
            await self._memory.release(self._shared[schedule], self._holder)

    def _take(self, schedule: str, last: LastLookup) -> None:
        self._last[schedule] = last
        if last.shifts is not None:
            self._good[schedule] = last.shifts
        if not self._retired:
            self._metrics.show_failing_source(schedule, failing=bool(last.failed))

    # Keeping warm -----------------------------------------------------------------------------------------------------

    def wanted(self, schedules: Collection[str]) -> None:
        """Keep these warm from now on, and no others."""
        wanted = frozenset(schedules) & self._sources.keys()
        if wanted != self._wanted:
            self._wanted = wanted
            self._changed.set()

    async def keep(self) -> None:
        """Keep the wanted sources warm and retry failed ones, until cancelled. Asks each source once first.

        A source that fails does not end this.
        """
        await self._warm(self._sources)
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._changed.wait()
            self._changed.clear()
            failing = {name for name, last in self._last.items() if last.failed}
            await self._warm(self._wanted | failing)

    async def _warm(self, schedules: Collection[str]) -> None:
        now = self._clock.now()
        due = [name for name in schedules if self._is_due(name, now)]
        await asyncio.gather(*(self._warmed(name, now) for name in due))

    def _is_due(self, schedule: str, now: datetime) -> bool:
        last = self._last.get(schedule)
        if last is not None and last.failed:
            pause = _AGAIN if schedule in self._wanted else KEPT
            return not self._rests(last) and not timedelta() <= now - last.asked < pause
        return self._usable(schedule, now, WARM) is None

    async def _warmed(self, schedule: str, now: datetime) -> None:
        """Look up the people of the answer, too: Slack takes a while to find an e-mail address."""
        try:
            await self._asked(schedule, now, WARM)
            if (shifts := self._usable(schedule, now, KEPT)) is not None:
                await asyncio.gather(*(self._people.user(each) for each in shifts.on_call(now)))
        except AccountsUnknownError:
            log.warning("Slack did not answer about people on call", schedule=schedule)
        except Exception:
            log.exception("an on-call schedule could not be kept warm", schedule=schedule)

    # For operators ----------------------------------------------------------------------------------------------------

    def failing(self) -> tuple[str, ...]:
        """A sentence for each source that failed when it was asked last."""
        failed = ((name, last.failed) for name, last in sorted(self._last.items()) if last.failed)
        return tuple(f'On-call schedule "{name}": {why}' for name, why in failed)

    def retire(self) -> None:
        """Show no more failures of these sources: others have replaced them."""
        self._retired = True
        for name in self._last:
            self._metrics.show_failing_source(name, failing=False)

    async def at_rest(self) -> None:
        """Wait until nobody is being asked."""
        await asyncio.gather(*self._asking.values(), return_exceptions=True)

    async def aclose(self) -> None:
        """Stop asking."""
        asking = list(self._asking.values())
        for each in asking:
            each.cancel()
        await asyncio.gather(*asking, return_exceptions=True)


def _with_rest(sentence: str, not_before: datetime | None) -> str:
    return (
        sentence if not_before is None else f"{sentence} It takes no requests before {not_before:%Y-%m-%d %H:%M} UTC."
    )
