"""A budget of calls: how many of one kind may be made in a while, and who goes first when more are wanted.

A service that limits its callers (Slack does, by method and workspace) is asked by many tasks in several processes.
`Ledger` is the rule, for one process; `adapters.redis.stores.budget` is the same rule for all processes of a bot, as a
script.

* No more than `Limit.calls` are begun in any stretch of `Limit.seconds`.
* Who finds no room queues under a key, and asks again with that key. The queue is ordered by urgency, then by age.
* The less urgent leave some room to the more urgent (`Limit.room`), so that a storm of the one never keeps the other
  waiting.
* Who queues and does not ask again in time has given up. Who has no key does not queue.
"""

from bisect import insort
from dataclasses import dataclass, field
from enum import IntEnum


class Urgency(IntEnum):
    """Who goes first."""

    FIRST = 0
    """A button must go, or people must be asked."""
    NEXT = 1
    """The truth gets more of it: a vote, a remark."""
    SPARE = 2
    """An aid that can be left out: it takes what nobody else wants."""


_SHARES = {Urgency.FIRST: 1.0, Urgency.NEXT: 0.8, Urgency.SPARE: 0.4}

ASKS_AGAIN = 2.0
"""Seconds after which who queues asks again, where their wish says nothing else; after a refusal, when that is over."""
GIVEN_UP = 10.0
"""Seconds by which somebody may be late for that."""


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
        """How many of the calls somebody of this urgency may use up."""
        return max(1, int(self.calls * _SHARES[urgency]))


@dataclass(frozen=True, slots=True)
class Wish:
    """A wish to make calls: `bucket` names what is limited, `key` who queues for it ("": nobody does).

    `calls` are made one interval after the other. Who queues asks again after `again` seconds, or earlier where there
    is room then: soon, where they may become more urgent meanwhile.
    """

    bucket: str
    limit: Limit
    urgency: Urgency
    key: str = ""
    calls: int = 1
    again: float = ASKS_AGAIN


@dataclass(frozen=True, slots=True)
class NotYet:
    """No call may be made: ask again in `seconds`. `refused`: the service itself said so a while ago."""

    seconds: float
    refused: bool = False


@dataclass(slots=True)
class _Bucket:
    begun: list[float] = field(default_factory=list)
    queue: list[tuple[Urgency, float, str]] = field(default_factory=list)
    due: dict[str, float] = field(default_factory=dict)
    shut: float = 0.0

    def forget(self, now: float, seconds: float) -> None:
        """Drop calls that no longer count, and those who gave up."""
        self.begun = [each for each in self.begun if each > now - seconds]
        self.due = {key: due for key, due in self.due.items() if due > now}
        self.queue = [each for each in self.queue if each[2] in self.due]

    @property
    def is_empty(self) -> bool:
        return not (self.begun or self.queue or self.shut)


class Ledger:
    """Who called when, and who waits; `now` is in seconds, on any clock that does not go back."""

    def __init__(self) -> None:
        self._buckets: dict[str, _Bucket] = {}

    def take(self, wish: Wish, now: float) -> NotYet | None:
        """None: the calls are made, the first of them now."""
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
        """The calls are made, the first of them now."""
        bucket = self._buckets.setdefault(wish.bucket, _Bucket())
        bucket.forget(now, wish.limit.seconds)
        _leave(bucket, wish.key)
        for number in range(wish.calls):
            insort(bucket.begun, now + number * wish.limit.interval)

    def shut(self, bucket: str, seconds: float, now: float) -> None:
        """The service refuses calls for so long."""
        found = self._buckets.setdefault(bucket, _Bucket())
        found.shut = max(found.shut, now + seconds)

    def tidy(self, now: float) -> None:
        """Forget what is empty."""
        for name, bucket in list(self._buckets.items()):
            bucket.shut = bucket.shut if bucket.shut > now else 0.0
            if bucket.is_empty:
                del self._buckets[name]


def _ahead(bucket: _Bucket, wish: Wish, now: float) -> int:
    """How many queue before this one, who queues from now on."""
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
    """Seconds until so many calls and one more no longer count."""
    if not bucket.begun:
        return limit.interval
    rounds, index = divmod(behind, len(bucket.begun))
    return bucket.begun[index] + (1 + rounds) * limit.seconds - now
