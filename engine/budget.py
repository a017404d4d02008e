"""A budget of API calls: how many may be made in a period, and which go first when more are wanted.

Many tasks in several processes call a service that limits its callers (Slack does, by method and workspace). `Ledger`
is the rule for one process; `adapters.redis.stores.budget` is the same rule as a script, for all processes of a bot.

* At most `Limit.calls` calls begin in any period of `Limit.seconds`.
* A caller without room queues under a key, and asks again with that key. The queue is ordered by urgency, then by age.
* The less urgent leave some room to the more urgent (`Limit.room`), so that many of the former never delay the latter.
* A queued caller who does not ask again in time has given up. A caller without a key does not queue.
"""

from bisect import insort
from dataclasses import dataclass, field
from enum import IntEnum


class Urgency(IntEnum):
    """The order in which callers are served."""

    FIRST = 0
    """Buttons must disappear, or people must be asked."""
    NEXT = 1
    """A card gets more detail: a vote, a remark."""
    SPARE = 2
    """An extra that can be left out: it takes the room that nobody else wants."""


_SHARES = {Urgency.FIRST: 1.0, Urgency.NEXT: 0.8, Urgency.SPARE: 0.4}

ASKS_AGAIN = 2.0
"""Default seconds after which a queued caller asks again; after a refusal, when that is over."""
GIVEN_UP = 10.0
"""Seconds by which a queued caller may be late."""


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `calls` in any `seconds`."""

    calls: int
    seconds: float

    @property
    def interval(self) -> float:
        """Seconds between two calls that are spread evenly."""
        return self.seconds / self.calls

    def room(self, urgency: Urgency) -> int:
        """The number of calls that callers of this urgency may use."""
        return max(1, int(self.calls * _SHARES[urgency]))


@dataclass(frozen=True, slots=True)
class Wish:
    """A wish to make calls. `bucket` names what is limited, `key` the caller in its queue ("": does not queue).

    The calls are made at intervals. A queued caller asks again after `again` seconds, or earlier if there is room then;
    `again` is short for callers who may become more urgent meanwhile.
    """

    bucket: str
    limit: Limit
    urgency: Urgency
    key: str = ""
    calls: int = 1
    again: float = ASKS_AGAIN


@dataclass(frozen=True, slots=True)
class NotYet:
    """No call may be made now: ask again in `seconds`. `refused`: the service itself refused calls recently."""

    seconds: float
    refused: bool = False


@dataclass(slots=True)
class _Bucket:
    begun: list[float] = field(default_factory=list)
    queue: list[tuple[Urgency, float, str]] = field(default_factory=list)
    due: dict[str, float] = field(default_factory=dict)
    shut: float = 0.0

    def forget(self, now: float, seconds: float) -> None:
        """Drop calls that no longer count, and callers who gave up."""
        self.begun = [each for each in self.begun if each > now - seconds]
        self.due = {key: due for key, due in self.due.items() if due > now}
        self.queue = [each for each in self.queue if each[2] in self.due]

    @property
    def is_empty(self) -> bool:
        return not (self.begun or self.queue or self.shut)


class Ledger:
    """The calls made and the callers queued; `now` is in seconds, on any clock that does not go back."""

    def __init__(self) -> None:
        self._buckets: dict[str, _Bucket] = {}

    def take(self, wish: Wish, now: float) -> NotYet | None:
        """Ask for calls. None: they are made, the first of them now."""
        bucket = self._buckets.setdefault(wish.bucket, _Bucket())
        bucket.forget(now, wish.limit.seconds)
        shut = max(0.0, bucket.shut - now)
        free = wish.limit.room(wish.urgency) - len(bucket.begun) - _ahead(bucket, wish, now)
        if not shut and free > 0:
            self.begin(wish, now)
            return None
        wait = max(shut, 0.001, _until_room(bucket, wish.limit, -free, now) if free <= 0 else 0.0)
        if wish.key:
            bucket.due[wish.key] = now + max(shut, min(wait, wish.again)) + GIVEN_UP
        return NotYet(wait, refused=shut > 0)

    def begin(self, wish: Wish, now: float) -> None:
        """Record calls without asking, the first of them now."""
        bucket = self._buckets.setdefault(wish.bucket, _Bucket())
        bucket.forget(now, wish.limit.seconds)
        _leave(bucket, wish.key)
        for number in range(wish.calls):
            insort(bucket.begun, now + number * wish.limit.interval)

    def shut(self, bucket: str, seconds: float, now: float) -> None:
        """Record that the service refuses calls for so many seconds."""
        found = self._buckets.setdefault(bucket, _Bucket())
        found.shut = max(found.shut, now + seconds)

    def tidy(self, now: float) -> None:
        """Drop empty buckets."""
        for name, bucket in list(self._buckets.items()):
            bucket.shut = bucket.shut if bucket.shut > now else 0.0
            if bucket.is_empty:
                del self._buckets[name]


def _ahead(bucket: _Bucket, wish: Wish, now: float) -> int:
    """Queue the caller, and count those ahead of it."""
    if not wish.key:
        return len(bucket.queue)
    since = next((since for _, since, key in bucket.queue if key == wish.key), now)
    _leave(bucket, wish.key)
    place = (wish.urgency, since, wish.key)
    insort(bucket.queue, place)
    return bucket.queue.index(place)


def _leave(bucket: _Bucket, key: str) -> None:
    bucket.queue = [each for each in bucket.queue if each[2] != key]


def _until_room(bucket: _Bucket, limit: Limit, behind: int, now: float) -> float:
    """Count the seconds until `behind` calls and one more no longer count."""
    if not bucket.begun:
        return limit.interval
    rounds, index = divmod(behind, len(bucket.begun))
    return bucket.begun[index] + (1 + rounds) * limit.seconds - now
