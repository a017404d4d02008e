"""The port `Budget` on Redis: one budget for all processes of a bot, by the rule of `engine.budget`.

One script and one round trip for each wish, on the server's clock, so the clocks of processes and machines do not
matter. A call that is repeated because its answer got lost takes at most too much.

If Redis does not answer soon, this process uses a ledger of its own, which knows the calls that it made: they are still
spread, and nothing waits for Redis for long. Several processes together may then call too often, and Slack refuses.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from redis.exceptions import RedisError
from typing_extensions import override

from adapters.redis.keys import Keys
from adapters.redis.transport.base import AsyncTransport
from adapters.redis.transport.failures import FailureLog
from adapters.redis.transport.scripts import Key, Script
from engine.budget import GIVEN_UP, Ledger, NotYet, Wish

PATIENCE = 1.5
"""Seconds to wait for Redis: less than a person waits for an answer."""
_TIDY = 1_000

_BY_URGENCY = 1 << 42
"""Milliseconds since 1970 stay below this until 2109: a score is the urgency, then the age."""


@dataclass(frozen=True, slots=True)
class TakeCalls(Script[NotYet | None]):
    """Take calls, or queue: see `engine.budget.Ledger.take`. Times are milliseconds."""

    LUA = f"""
    local time = redis.call('TIME')
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    local function plain(number) return string.format('%.0f', number) end

    redis.call('ZREMRANGEBYSCORE', calls, '-inf', now - window)
    for _, gone in ipairs(redis.call('ZRANGEBYSCORE', absent, '-inf', now, 'LIMIT', 0, 1000)) do
        redis.call('ZREM', queue, gone)
        redis.call('ZREM', absent, gone)
    end

    local ahead
    if who == '' then
        ahead = redis.call('ZCARD', queue)
    else
        local place = redis.call('ZSCORE', queue, who)
        local since = place and tonumber(place) % {_BY_URGENCY} or now
        redis.call('ZADD', queue, plain(urgency * {_BY_URGENCY} + since), who)
        ahead = redis.call('ZRANK', queue, who)
    end

    local shuts = math.max(0, redis.call('PTTL', shut))
    local begun = redis.call('ZCARD', calls)
    local free = room - begun - ahead
    if shuts == 0 and free > 0 then
        redis.call('ZREM', queue, who)
        redis.call('ZREM', absent, who)
        for number = 0, many - 1 do
            local at = plain(now + math.floor(number * interval))
            redis.call('ZADD', calls, at, plain(now) .. '/' .. begun .. '/' .. number)
        end
        redis.call('PEXPIRE', calls, plain(window + math.ceil(many * interval)))
        return false
    end

    local wait = math.max(shuts, 1)
    if free <= 0 and begun == 0 then
        wait = math.max(wait, math.ceil(interval))
    elseif free <= 0 then
        local index = -free % begun
        local rounds = (-free - index) / begun
        local leaves = tonumber(redis.call('ZRANGE', calls, index, index, 'WITHSCORES')[2])
        wait = math.max(wait, leaves + (1 + rounds) * window - now)
    end
    if who ~= '' then
        local stays = math.max(shuts, math.min(wait, tonumber(again))) + {GIVEN_UP * 1000:.0f}
        redis.call('ZADD', absent, plain(now + stays), who)
        for _, key in ipairs({{queue, absent}}) do
            if redis.call('PTTL', key) < stays then redis.call('PEXPIRE', key, plain(stays)) end
        end
    end
    return {{math.ceil(wait), shuts}}
    """
    calls: Key
    queue: Key
    absent: Key
    shut: Key
    who: str
    urgency: int
    room: int
    many: int
    interval: float
    window: int
    again: int

    @override
    def read(self, reply: Any) -> NotYet | None:
        """Read when to ask again; None if the calls are taken."""
        return None if reply is None else NotYet(int(reply[0]) / 1000, refused=int(reply[1]) > 0)


@dataclass(frozen=True, slots=True)
class ShutBucket(Script[None]):
    """Let nobody call for so many milliseconds; a longer time that is set already stays."""

    LUA = """
    if redis.call('PTTL', shut) < tonumber(milliseconds) then
        redis.call('SET', shut, 1, 'PX', milliseconds)
    end
    """
    shut: Key
    milliseconds: int

    @override
    def read(self, reply: Any) -> None:
        """Read nothing."""


class RedisBudget:
    """The budget that the processes of one bot share, in one workspace."""

    def __init__(
        self,
        database: AsyncTransport,
        keys: Keys,
        workspace: str,
        *,
        patience: float = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._keys = keys
        self._workspace = workspace
        self._patience = patience
        self._clock = clock
        self._ledger = Ledger()
        self._notes = 0
        self._failures = FailureLog()

    async def take(self, wish: Wish) -> NotYet | None:
        """Take calls, or give when to ask again. Never raises, and never waits for Redis longer than `patience`."""
        try:
            async with asyncio.timeout(self._patience):
                answer = await self._database.run(self._script(wish))
        except (RedisError, TimeoutError) as error:
            return self._take_alone(wish, error)
        self._failures.clear("sharing Slack's limits")
        if answer is None:
            self._noted().begin(wish, self._clock())
        return answer

    async def shut(self, bucket: str, seconds: float) -> None:
        """Tell all processes that Slack refuses these calls for some seconds."""
        self._ledger.shut(bucket, seconds, self._clock())
        key = self._keys.shut(self._named(bucket))
        try:
            async with asyncio.timeout(self._patience):
                await self._database.run(ShutBucket(key, max(1, int(seconds * 1000))))
        except (RedisError, TimeoutError) as error:
            self._failed(error)

    def _script(self, wish: Wish) -> TakeCalls:
        keys, bucket, limit = self._keys, self._named(wish.bucket), wish.limit
        return TakeCalls(
            keys.calls(bucket),
            keys.queue(bucket),
            keys.absent(bucket),
            keys.shut(bucket),
            who=wish.key,
            urgency=wish.urgency.value,
            room=limit.room(wish.urgency),
            many=wish.calls,
            interval=limit.interval * 1000,
            window=int(limit.seconds * 1000),
            again=int(wish.again * 1000),
        )

    def _take_alone(self, wish: Wish, error: Exception) -> NotYet | None:
        self._failed(error)
        return self._noted().take(wish, self._clock())

    def _noted(self) -> Ledger:
        """Give the ledger, tidied now and then."""
        self._notes += 1
        if self._notes % _TIDY == 0:
            self._ledger.tidy(self._clock())
        return self._ledger

    def _failed(self, error: Exception) -> None:
        if isinstance(error, RedisError):
            self._failures.report_error("sharing Slack's limits", error)

    def _named(self, bucket: str) -> str:
        return f"{self._workspace}/{bucket}"
