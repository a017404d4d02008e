"""The scripts of a lane: which process serves it, which message is at its head, how often that was begun.

Besides the box a lane has three keys: `lease` exists while a process serves the lane or while the lane rests, and holds
the name of that visit; `fence` counts visits, and its value is the visit's token; `tries` counts how often the head was
begun.

The holder of the newest token may complete the head, even if its lease ran out meanwhile: nobody else has begun. To let
go of a lane the fence is incremented, so that a renewal that is still on its way cannot take it again.

Each script identifies its head by the first line of the message, so it is safe to run twice.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

from adapters.redis.transport.scripts import Arg, Key, Script

LIVES_SECONDS = 30 * 86_400
"""TTL of fence and tries, refreshed whenever the lane is served: see `adapters.redis.keys`."""


@dataclass(frozen=True, slots=True)
class ClaimedHead:
    """The head of a lane, to be handled under `token`; `attempt` counts from 1."""

    token: int
    attempt: int
    message: bytes


@dataclass(frozen=True, slots=True)
class LaneBusy:
    """Another visit has the lane, or it rests, for this many milliseconds more at most."""

    milliseconds: int


@dataclass(frozen=True, slots=True)
class LaneEmpty:
    """The lane has no messages."""


@dataclass(frozen=True, slots=True)
class LaneReleased:
    """The head is completed and the lane is free; it has more messages."""


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
    """Take a free lane that has work, as `visit`, for `milliseconds`: ClaimedHead, LaneBusy or LaneEmpty.

    With `?wait=1` replicas have it first: else the next visit after a fail-over could get the same token, while the
    work of this one is still under way (P7).
    """

    ACKED = True
    LUA = f"""
    local head = redis.call('LINDEX', box, 0)
    if not head then return {{'empty'}} end
    local holder = redis.call('GET', lease)
    if holder == visit then
        redis.call('PEXPIRE', lease, milliseconds) -- a write, for which `?wait=1` can wait
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
        """Read the lane's state."""
        return _answer(reply)


@dataclass(frozen=True, slots=True)
class CompleteHead(Script[LaneReply]):
    """Remove the head and begin the next, or let go: ClaimedHead, LaneEmpty, LaneReleased or LeaseLost."""

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
        """Read the lane's state."""
        return _answer(reply)


@dataclass(frozen=True, slots=True)
class ReleaseLane(Script[bool]):
    """Let go of a lane for `milliseconds`, with its head begun `begun` times."""

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
    """Keep a lane for `milliseconds` more. A lease that ran out is taken again unless another visit came."""

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
    """Remove members of an index whose score is still the given one: `pairs_` is member, score, ..."""

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
        """Give how many were removed."""
        return int(reply)
