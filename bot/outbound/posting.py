"""Posts to Slack; work that cannot be posted now waits in a backlog, and is posted when it can be.

Work that Slack refuses must not block its lane (a deadline fires from the lane of the card that cannot be drawn), nor
be given up soon (people invite a bot again after a weekend). So it moves from its lane to the backlog, and back into
its lane when it may succeed:

* the bot joined the channel, or the channel was unarchived: all work that waits for it;
* the requester wrote: the work of that conversation (see `bot.outbound.drawing`);
* a process starts, and then every `SLOWLY`: the oldest work of each channel, and once that succeeds all the rest; the
  same happens when this process posts in a channel where it could not before.

Work leaves the backlog when it is done, not when it is tried, so a crash in between tries it again; each attempt looks
for what an earlier one posted. The requester is told once why nothing is shown, and what to do.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias, TypeVar
from uuid import uuid4

import structlog
from redis.exceptions import RedisError

from bot.telemetry import Metrics
from engine.approvals.approval import Place
from engine.approvals.effects import Call, DrawCard, DrawCopies, DrawSheet, Remind, Say, TakeBack, TellPerson
from engine.ids import ChannelId, ThreadId, UserId
from engine.ports import (
    Backlog,
    CannotPostError,
    ChatFailedError,
    Clock,
    Lanes,
    Unposted,
    Work,
)

log = structlog.get_logger(__name__)
T = TypeVar("T")

Postable: TypeAlias = DrawCard | DrawSheet | DrawCopies | Call | Say | Remind | TakeBack
"""The effects that may wait."""

SLOWLY = timedelta(minutes=5)
PATIENT = 12
"""Attempts of work that Slack keeps failing: after almost two minutes it waits in the backlog, and its lane goes on."""
KEPT = timedelta(days=30)
"""Time for which everything but cards is kept for a place that stays closed. A card is kept as long as its approval."""

AGAIN = "again/"
"""Beginning of the ids of work that was tried before, in whatever way."""
_PROBE = f"{AGAIN}probe/"

LATE = timedelta(minutes=1)
"""After this, Slack has done what it was asked to do, or never will; it was seen to do it after 16 s."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The conversation that something belongs to: its requester is told there when it cannot be posted."""

    thread: ThreadId
    home: Place
    requester: UserId


def tried_before(work: Work) -> bool:
    """True if an earlier delivery may have done the work, or may still do it."""
    return work.attempt > 1 or work.id.startswith(AGAIN)


async def _nobodys() -> None:
    """Return None: nobody needs to be told."""


class Posting:
    """Posts, or stores for later what cannot be posted."""

    def __init__(self, *, backlog: Backlog, lanes: Lanes, clock: Clock, metrics: Metrics) -> None:
        self._backlog = backlog
        self._lanes = lanes
        self._clock = clock
        self._metrics = metrics
        self._closed: set[ChannelId] = set()
        """Channels in which this process could not post: its first post there brings the rest."""

    async def post(
        self,
        effect: Postable,
        work: Work,
        place: Place,
        write: Callable[[int], Awaitable[T]],
        whose: Callable[[], Awaitable[Owner | None]] = _nobodys,
        then: str = "",
    ) -> T | None:
        """Call `write` with the number of this attempt. None: it waits, and its owner is told why, and `then`.

        Raises what the lane should try again, and CannotPostError where nobody can do anything about it.
        """
        try:
            written = await write(2 if tried_before(work) else 1)
        except CannotPostError as closed:
            if closed.forever or (closed.unseen and await self._backlog.is_buried(place.channel)):
                await self._backlog.drop(key_of(effect))
                raise
            log.warning("waits_for_its_place", channel=place.channel, code=closed.code, effect=type(effect).__name__)
            await self._keep(effect, place, closed.sentence)
            if (owner := await whose()) is not None:
                await self.tell(owner, place, f"{closed.sentence} {then}", closed.code)
            return None
        except ChatFailedError as failed:
            if work.attempt < PATIENT:
                raise
            log.warning("slack_keeps_failing", channel=place.channel, error=str(failed), effect=type(effect).__name__)
            await self._keep(effect, place, "Slack answers with errors. I'll try again.")
            return None
        await self.done(effect, work)
        if work.id.startswith(_PROBE) or place.channel in self._closed:
            self._closed.discard(place.channel)
            await self.opened(place.channel, f"after/{uuid4().hex}")
        return written

    async def done(self, effect: Postable, work: Work) -> None:
        """Take it out of the backlog: it was posted, or there is nothing to post."""
        if work.id.startswith(AGAIN):
            await self._backlog.drop(key_of(effect))

    async def tell(self, owner: Owner, place: Place, sentence: str, code: str) -> None:
        """Tell the owner, once a day for each conversation, channel and cause."""
        told = TellPerson(owner.thread, owner.home, owner.requester, sentence)
        await self._lanes.put(told, f"unposted/{place.channel}/{code}")

    async def why(self, effects: Sequence[Postable]) -> str:
        """The reason why the first of these that waits does; "" where none waits."""
        waiting = await self._backlog.of({key_of(each) for each in effects})
        return next((each.why for each in waiting), "")

    async def again(self, effects: Sequence[Postable], occasion: str) -> None:
        """Try these again, once for each occasion; also those not in the backlog, so that a deleted card comes back."""
        for effect in effects:
            await self._lanes.put(effect, f"{AGAIN}{occasion}/{key_of(effect)}")

    async def opened(self, channel: ChannelId, occasion: str) -> None:
        """Try again all that waits for a channel."""
        await self._put([each for each in await self._backlog.all() if each.channel == channel], f"{AGAIN}{occasion}/")

    async def keep(self) -> None:
        """Try again at once, then slowly, until cancelled."""
        occasion = uuid4().hex
        while True:
            try:
                await self._probe(occasion)
            except RedisError as error:
                log.warning("the backlog could not be read", why=type(error).__name__)
            await asyncio.sleep(SLOWLY.total_seconds())
            occasion = str(int(self._clock.now().timestamp() // SLOWLY.total_seconds()))

    async def _probe(self, occasion: str) -> None:
        """Try the oldest work of each channel, and drop what has waited too long."""
        oldest: dict[str, Unposted] = {}
        waiting = await self._backlog.all()
        self._metrics.show_unposted(len(waiting))
        for each in waiting:
            if not isinstance(each.effect, DrawCard | DrawSheet) and self._clock.now() - each.since > KEPT:
                log.error("never_posted", channel=each.channel, key=each.key, since=each.since.isoformat())
                await self._backlog.drop(each.key)
            else:
                oldest.setdefault(each.channel, each)
        await self._put(list(oldest.values()), f"{_PROBE}{occasion}/")

    async def _put(self, waiting: Sequence[Unposted], occasion: str) -> None:
        for each in waiting:
            await self._lanes.put(each.effect, f"{occasion}{each.key}")

    async def _keep(self, effect: Postable, place: Place, why: str) -> None:
        self._closed.add(place.channel)
        await self._backlog.add(Unposted(key_of(effect), place.channel, effect, why, self._clock.now()))


def key_of(effect: Postable) -> str:
    """One name for each thing that is shown in Slack."""
    match effect:
        case DrawCard(approval):
            return f"card/{approval}"
        case DrawSheet(thread, sheet):
            return f"sheet/{thread}/{sheet}"
        case DrawCopies(approval):
            return f"copies/{approval}"
        case Call(approval):
            return f"call/{approval}"
        case Remind(approval):
            return f"remind/{approval}"
        case Say(thread, key=key):
            return f"say/{thread}/{key}"
        case TakeBack(thread, message=message):
            return f"take-back/{thread}/{message}"
