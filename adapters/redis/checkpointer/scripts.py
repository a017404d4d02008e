r"""The saver's scripts of every step, and the layout of its keys, which the scripts of upkeep share.

A thread has two keys, so that a TTL is refreshed in one step and a deletion is always complete:

* `checkpoints`, a sorted set of `NAMESPACE \0 CHECKPOINT`, all with score 0: Redis sorts them by name, and LangGraph's
  checkpoint ids sort by time, so that the newest of a namespace is the last.
* `state`, a hash:
  `c \0 NAMESPACE \0 CHECKPOINT` is a record (see `adapters.redis.checkpointer.format`),
  `v \0 NAMESPACE \0 VERSION \0 CHANNEL` a channel's value, stored once for each version,
  `w \0 NAMESPACE \0 CHECKPOINT \0 TASK \0 INDEX` a pending write,
  `w \0 NAMESPACE \0 CHECKPOINT` the names of its writes, `TASK \0 INDEX \0` each,
  `x \0 NAMESPACE \0 CHECKPOINT` the last names, if there are many: otherwise each write would copy all names.

A third key, `threads`, is one sorted set of the tags of all threads by the time, in s, at which a process last began to
write one. It is in another slot than the thread, so no script can write both: it is written before the thread, and a
`PutCheckpoint` that would create a thread which its sender did not list is refused as UNLISTED and sent again. So a
thread may be listed and gone, but never exist unlisted; expired ones are taken off the list now and then.

A thread that waits never expires: `seconds` of a `PutCheckpoint` of the root namespace sets the thread's TTL when
nothing is left to do in it and removes the TTL when something is; an interrupt among pending writes (`holds`) removes
it too.

`token` is the run's fencing token, "" for a run without one. It is compared with the thread's fence, which the process
that takes the thread's lane increments: a worker that lost its lease cannot write any more
(https://martin.kleppmann.com/2016/02/08/how-to-do-distributed-locking.html). If nobody increments it, the newest token
that wrote is the owner's. A fence is kept for 30 days, longer than a process is suspended. A run's reads are compared,
too: a run that lost its thread before it began runs no node.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

from typing_extensions import override

from adapters.redis.key_kinds import MONTH
from adapters.redis.keys import thread_of
from adapters.redis.transport.scripts import Key, Script

_FENCE_OF_READ = r"""
local owner = tonumber(redis.call('GET', fence) or 0)
if token ~= '' and tonumber(token) < owner then return {'fenced', owner} end
"""

_FENCE = rf"""
{_FENCE_OF_READ}
if token ~= '' and tonumber(token) > owner then redis.call('SET', fence, token, 'EX', {int(MONTH.total_seconds())}) end
local place = namespace .. '\0' .. checkpoint
"""

NAMES_OF = r"""
local function names_of(place)
  local names = redis.call('HGET', state, 'w\0' .. place) or ''
  if #names < 2000 then return names end
  return names .. (redis.call('HGET', state, 'x\0' .. place) or '')
end
"""
"""Lua: `names_of(place)` gives the names of a checkpoint's pending writes."""

_FENCED = 2
"""The length of a reply that refuses a fenced read."""
UNLISTED = "unlisted"
"""The result of a `PutCheckpoint` whose thread must be listed first."""


class FencedError(Exception):
    """A run that lost its thread tried to go on; nothing was stored. The thread's new owner repeats its work."""

    def __init__(self, thread: str, token: int, owner: int) -> None:
        super().__init__(
            f"the run with token {token} no longer owns thread {thread!r} (token {owner} does): nothing was stored"
        )
        self.thread = thread
        self.token = token
        self.owner = owner


class StoredCheckpoint(NamedTuple):
    """A checkpoint as stored. A missing value is None; `names` are those of `writes`, in the same order."""

    checkpoint: str
    record: bytes
    values: list[bytes | None]
    names: bytes
    writes: list[bytes | None]


@dataclass(frozen=True, slots=True)
class LoadCheckpoint(Script[StoredCheckpoint | None]):
    """Read a checkpoint with its values and pending writes; `checkpoint` "" is the newest of the namespace."""

    LUA = (
        _FENCE_OF_READ
        + NAMES_OF
        + r"""
    if checkpoint == '' then
      local newest = redis.call(
        'ZREVRANGEBYLEX', checkpoints, '(' .. namespace .. '\1', '[' .. namespace .. '\0', 'LIMIT', 0, 1)[1]
      if not newest then return false end
      checkpoint = string.sub(newest, #namespace + 2)
    end
    local place = namespace .. '\0' .. checkpoint
    local record = redis.call('HGET', state, 'c\0' .. place)
    if not record then return false end

    local function get(fields)
      local found = {}
      for i = 1, #fields, 1000 do
        local some = redis.call('HMGET', state, unpack(fields, i, math.min(i + 999, #fields)))
        for j = 1, #some do found[i + j - 1] = some[j] end
      end
      return found
    end

    local values, writes = {}, {}
    local whole, refs = pcall(function()
      return cjson.decode(string.sub(record, 14, 13 + struct.unpack('>I4', record, 2)))
    end)
    if not whole or type(refs) ~= 'table' then
      return {checkpoint, record, values, '', writes}  -- the reader of the record reports the problem
    end
    for i, name in ipairs(refs) do values[i] = 'v\0' .. namespace .. '\0' .. name end
    local names = names_of(place)
    for name in string.gmatch(names, '(%Z*%z%Z*)%z') do
      writes[#writes + 1] = 'w\0' .. place .. '\0' .. name
    end
    return {checkpoint, record, get(values), names, get(writes)}
    """
    )

    checkpoints: Key
    state: Key
    fence: Key
    namespace: str
    checkpoint: str
    token: int | str = ""

    @override
    def read(self, reply: Any) -> StoredCheckpoint | None:
        """Read `{checkpoint, record, values, names, writes}`, or nothing. Raises FencedError."""
        if reply is None:
            return None
        if len(reply) == _FENCED:
            _refuse_fenced(reply, self.fence, self.token)
        return StoredCheckpoint(reply[0].decode(), *reply[1:])


@dataclass(frozen=True, slots=True)
class PutCheckpoint(Script["str | list[str] | None"]):
    """Store a checkpoint and the values that changed; safe to run twice.

    The record refers to values by name, `VERSION 0x00 CHANNEL`. If some are neither in `values` nor stored, nothing is
    written and the result names them, to be sent with another try. UNLISTED: see the module. None: it is stored.
    `seconds` is the thread's new TTL, 0 for none, "" to leave it unchanged.
    """

    LUA = (
        _FENCE
        + r"""
    if listed == '0' and redis.call('EXISTS', checkpoints) == 0 then return {'unlisted'} end
    local given, lacking = {}, {}
    for i = 1, #values, 2 do given[values[i]] = true end
    for _, name in ipairs(cjson.decode(string.sub(record, 14, 13 + struct.unpack('>I4', record, 2)))) do
      if not given[name] and redis.call('HEXISTS', state, 'v\0' .. namespace .. '\0' .. name) == 0 then
        lacking[#lacking + 1] = name
      end
    end
    if #lacking > 0 then return {'lacking', lacking} end

    for i = 1, #values, 2 do
      redis.call('HSETNX', state, 'v\0' .. namespace .. '\0' .. values[i], values[i + 1])
    end
    redis.call('HSET', state, 'c\0' .. place, record)
    redis.call('ZADD', checkpoints, 0, place)
    if seconds == '0' then
      redis.call('PERSIST', checkpoints)
      redis.call('PERSIST', state)
    elseif seconds ~= '' then
      redis.call('EXPIRE', checkpoints, seconds)
      redis.call('EXPIRE', state, seconds)
    end
    return {'stored'}
    """
    )

    checkpoints: Key
    state: Key
    fence: Key
    namespace: str
    checkpoint: str
    token: int | str
    listed: bool
    seconds: int | str
    record: bytes
    values: tuple[str | bytes, ...]

    @override
    def read(self, reply: Any) -> str | list[str] | None:
        """Read what is missing; None if the checkpoint is stored. Raises FencedError."""
        _refuse_fenced(reply, self.fence, self.token)
        match reply:
            case [b"lacking", names]:
                return [name.decode() for name in names]
            case [b"unlisted"]:
                return UNLISTED
            case _:
                return None


@dataclass(frozen=True, slots=True)
class PutWrites(Script[None]):
    """Store pending writes of a checkpoint, `name, write` each; safe to run twice.

    The first write of a task and index stays, but a negative index (an interrupt, an answer, an error) is overwritten,
    as in LangGraph's own savers.
    """

    LUA = (
        _FENCE
        + r"""
    local prefix, new = 'w\0' .. place .. '\0', {}
    for i = 1, #writes, 2 do
      if redis.call('HSETNX', state, prefix .. writes[i], writes[i + 1]) == 1 then
        new[#new + 1] = writes[i] .. '\0'
      elseif string.find(writes[i], '%z%-') then
        redis.call('HSET', state, prefix .. writes[i], writes[i + 1])
      end
    end
    local names, field = table.concat(new), 'w\0' .. place
    if names ~= '' and redis.call('HSTRLEN', state, field) >= 2000 then
      names = (redis.call('HGET', state, 'x\0' .. place) or '') .. names
      if #names < 4000 then
        redis.call('HSET', state, 'x\0' .. place, names)
        names = ''
      else
        redis.call('HDEL', state, 'x\0' .. place)
      end
    end
    if names ~= '' then redis.call('HSET', state, field, (redis.call('HGET', state, field) or '') .. names) end
    if holds == '1' then
      redis.call('PERSIST', checkpoints)
      redis.call('PERSIST', state)
    end
    return {'stored'}
    """
    )

    checkpoints: Key
    state: Key
    fence: Key
    namespace: str
    checkpoint: str
    token: int | str
    holds: bool
    writes: tuple[str | bytes, ...]

    @override
    def read(self, reply: Any) -> None:
        """Read nothing. Raises FencedError."""
        _refuse_fenced(reply, self.fence, self.token)


def _refuse_fenced(reply: Any, fence: Key, token: int | str) -> None:
    if reply[0] == b"fenced":
        raise FencedError(thread_of(fence), int(token), int(reply[1]))
