"""What is said to Redis about a lane: who serves it, which message is at its head, how often that was begun.

Four keys, besides the box: `lease` is there while somebody serves the lane or while it rests, and holds the name of
that visit; `fence` counts visits, and its value is the visit's token; `tries` counts how often the head was begun.

Whoever holds the newest token may complete the head, even where its lease ran out meanwhile: nobody else has begun.
To let go of a lane the fence is counted on, so that a renewal that is still on its way cannot take it again.

Each script names the head that it means by its mark, so that it may run twice.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

from adapters.redis.transport.scripts import Arg, Key, Script

LIVES_SECONDS = 30 * 86_400
"""Of fence and tries, refreshed whenever the lane is served: see `adapters.redis.keys`."""


@dataclass(frozen=True, slots=True)
class ClaimedHead:
    """The head of a lane, to be done under `token`; `attempt` counts from 1."""

    token: int
    attempt: int
    message: bytes


@dataclass(frozen=True, slots=True)
class LaneBusy:
    """Another visit has the lane, or it rests, for so many milliseconds more at most."""

    milliseconds: int


@dataclass(frozen=True, slots=True)
class LaneEmpty:
    """Nothing waits."""


@dataclass(frozen=True, slots=True)
class LaneReleased:
    """The head is completed and the lane is free; more waits in it."""


@dataclass(frozen=True, slots=True)
class LeaseLost:
    """A newer visit has the lane: nothing was changed."""


LaneReply: TypeAlias = ClaimedHead | LaneBusy | LaneEmpty | LaneReleased | LeaseLost


def _answer(reply: Any) -> LaneReply:
    match reply:
        case [b"turn", token, attempt, message]:
            return ClaimedHead(int(token), int(attempt), bytes(message))
        case [b"busy", milliseconds]:
            return LaneBusy(int(milliseconds))
        case [b"empty"]:
            return LaneEmpty()
        case [b"left"]:
            return LaneReleased()
        case _:
            return LeaseLost()


_LET_GO = """
redis.call('INCR', fence)
redis.call('DEL', lease)
"""


@dataclass(frozen=True, slots=True)
class ClaimLane(Script[LaneReply]):
    """Take a free lane that has work, as `visit`, for `milliseconds`: Turn, Busy or Empty."""

    LUA = f"""
    local head = redis.call('LINDEX', box, 0)
    if not head then return {{'empty'}} end
    local holder = redis.call('GET', lease)
    if holder == visit then
        return {{'turn', redis.call('GET', fence), redis.call('GET', tries), head}}
    end
    if holder then return {{'busy', redis.call('PTTL', lease)}} end
    redis.call('SET', lease, visit, 'PX', milliseconds)
    redis.call('INCR', fence)
    redis.call('EXPIRE', fence, {LIVES_SECONDS})
    local attempt = redis.call('INCR', tries)
    redis.call('EXPIRE', tries, {LIVES_SECONDS})
    return {{'turn', redis.call('GET', fence), attempt, head}}
    """
    box: Key
    lease: Key
    fence: Key
    tries: Key
    visit: str
    milliseconds: int

    def read(self, reply: Any) -> LaneReply:
        """Give what became of it."""
        return _answer(reply)


@dataclass(frozen=True, slots=True)
class CompleteHead(Script[LaneReply]):
    """Take the head off and begin the next, or with `go_on` false let go: Turn, Empty, Left or Lost."""

    LUA = f"""
    if redis.call('GET', fence) ~= token then return {{'lost'}} end
    local head = redis.call('LINDEX', box, 0)
    if head and string.sub(head, 1, #mark) == mark then
        redis.call('LPOP', box)
        head = redis.call('LINDEX', box, 0)
        redis.call('SET', tries, 1, 'EX', {LIVES_SECONDS})
    end
    if not head or go_on == '0' then
        redis.call('DEL', tries)
        {_LET_GO}
        return {{head and 'left' or 'empty'}}
    end
    redis.call('SET', lease, visit, 'PX', milliseconds)
    return {{'turn', token, redis.call('GET', tries), head}}
    """
    box: Key
    lease: Key
    fence: Key
    tries: Key
    visit: str
    token: int
    mark: bytes
    go_on: bool
    milliseconds: int

    def read(self, reply: Any) -> LaneReply:
        """Give what became of it."""
        return _answer(reply)


@dataclass(frozen=True, slots=True)
class ReleaseLane(Script[bool]):
    """Let go of a lane and leave its head, begun `begun` times, to be taken again after `milliseconds`."""

    LUA = f"""
    if redis.call('GET', fence) ~= token then
        return redis.call('GET', lease) == 'rests/' .. visit and 1 or 0
    end
    {_LET_GO}
    if tonumber(milliseconds) > 0 then redis.call('SET', lease, 'rests/' .. visit, 'PX', milliseconds) end
    if tonumber(begun) > 0 then
        redis.call('SET', tries, begun, 'EX', {LIVES_SECONDS})
    else
        redis.call('DEL', tries)
    end
    return 1
    """
    lease: Key
    fence: Key
    tries: Key
    visit: str
    token: int
    begun: int
    milliseconds: int

    def read(self, reply: Any) -> bool:
        """Tell whether the lane was still ours."""
        return bool(reply == 1)


@dataclass(frozen=True, slots=True)
class RenewLease(Script[bool]):
    """Keep a lane for `milliseconds` more. A lease that ran out is taken again unless somebody else came."""

    LUA = """
    if redis.call('GET', fence) ~= token then return 0 end
    redis.call('SET', lease, visit, 'PX', milliseconds)
    return 1
    """
    lease: Key
    fence: Key
    visit: str
    token: int
    milliseconds: int

    def read(self, reply: Any) -> bool:
        """Tell whether the lane is still ours."""
        return bool(reply == 1)


@dataclass(frozen=True, slots=True)
class RemoveUnchanged(Script[int]):
    """Take members out of an index where their score is still the given one: `pairs_` is member, score, ..."""

    LUA = """
    local gone = 0
    for i = 1, #pairs_, 2 do
        local score = redis.call('ZSCORE', index, pairs_[i])
        if score and tonumber(score) == tonumber(pairs_[i + 1]) then
            gone = gone + redis.call('ZREM', index, pairs_[i])
        end
    end
    return gone
    """
    index: Key
    pairs_: tuple[Arg, ...]

    def read(self, reply: Any) -> int:
        """Give how many went."""
        return int(reply)
