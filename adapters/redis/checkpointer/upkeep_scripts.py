r"""The saver's scripts of upkeep: list namespaces, follow the parents of a checkpoint, delete checkpoints.

A deletion is one script, so nobody sees a checkpoint without its values. It looks at everything of the thread: for
10,000 checkpoints that is some tenths of a second in which the server does nothing else. Prune early, or at night.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

from typing_extensions import override

from adapters.redis.checkpointer.scripts import NAMES_OF
from adapters.redis.transport.scripts import Key, Script


@dataclass(frozen=True, slots=True)
class ListNamespaces(Script[list[str]]):
    """Name the namespaces of a thread, escaped: `most` of them after `last`, or from the first on.

    It jumps from one to the next, so its cost depends on the namespaces, not on the checkpoints.
    """

    LUA = r"""
    local found, start = {}, first == '1' and '-' or '(' .. last .. '\1'
    while #found < tonumber(most) do
      local next = redis.call('ZRANGEBYLEX', checkpoints, start, '+', 'LIMIT', 0, 1)[1]
      if not next then break end
      local namespace = string.match(next, '^(%Z*)%z')
      found[#found + 1] = namespace
      start = '(' .. namespace .. '\1'
    end
    return found
    """

    checkpoints: Key
    first: bool
    last: str
    most: int

    @override
    def read(self, reply: Any) -> list[str]:
        """Read the names."""
        return [name.decode() for name in reply]


class Ancestor(NamedTuple):
    """The writes and values of some channels in an ancestor.

    `writes` alternates `TASK 0x00 INDEX` and the stored write, `values` a channel and its stored value. An unreadable
    record has one empty write, and ends the search.
    """

    checkpoint: str
    writes: list[bytes]
    values: list[bytes | None]


class Ancestors(NamedTuple):
    """Some ancestors, the nearest first, and the next one, `further`, unless that is ""."""

    further: str
    found: list[Ancestor]


@dataclass(frozen=True, slots=True)
class FollowParents(Script[Ancestors]):
    """Follow a checkpoint's parents until each of the channels has a value, or for `most` checkpoints.

    `own` says whether the first, `checkpoint` ("" is the newest), is read itself.
    """

    LUA = (
        NAMES_OF
        + r"""
    local wanted, left = {}, #channels
    for _, channel in ipairs(channels) do wanted[channel] = true end
    local at, found = checkpoint, {}
    if at == '' then
      local newest = redis.call(
        'ZREVRANGEBYLEX', checkpoints, '(' .. namespace .. '\1', '[' .. namespace .. '\0', 'LIMIT', 0, 1)[1]
      if not newest then return {'', found} end
      at = string.sub(newest, #namespace + 2)
    end

    local function writes_at(place)
      local writes = {}
      for name in string.gmatch(names_of(place), '(%Z*%z%Z*)%z') do
        local raw = redis.call('HGET', state, 'w\0' .. place .. '\0' .. name) or ''
        local path, length = 0, 0
        if #raw > 8 then path, length = struct.unpack('>I4I4', raw) end
        if #raw <= 8 or wanted[string.sub(raw, 9 + path, 8 + path + length)] then  -- the reader reports it as broken
          writes[#writes + 1] = name
          writes[#writes + 1] = raw
        end
      end
      return writes
    end

    local function values_of(refs)
      local values = {}
      for _, name in ipairs(refs) do
        local channel = string.match(name, '%z(.*)$')
        if wanted[channel] then
          values[#values + 1] = channel
          values[#values + 1] = redis.call('HGET', state, 'v\0' .. namespace .. '\0' .. name)
          wanted[channel] = nil
          left = left - 1
        end
      end
      return values
    end

    for step = 1, tonumber(most) do
      if at == '' or left == 0 then break end
      local place = namespace .. '\0' .. at
      local record = redis.call('HGET', state, 'c\0' .. place)
      if not record then at = '' break end
      local whole, refs, parent, names = pcall(function()
        local refs, parent = struct.unpack('>I4I4', record, 2)
        return refs, parent, cjson.decode(string.sub(record, 14, 13 + refs))
      end)
      if not whole then
        found[#found + 1] = {at, {''}, {}}
        return {'', found}
      end
      if own == '1' or step > 1 then found[#found + 1] = {at, writes_at(place), values_of(names)} end
      at = string.gsub(string.gsub(string.sub(record, 14 + refs, 13 + refs + parent), '%%', '%%25'), '%z', '%%00')
    end
    return {left == 0 and '' or at, found}
    """
    )

    checkpoints: Key
    state: Key
    namespace: str
    checkpoint: str
    own: bool
    most: int
    channels: tuple[str | bytes, ...]

    @override
    def read(self, reply: Any) -> Ancestors:
        """Read the ancestors."""
        further, found = reply
        return Ancestors(further.decode(), [Ancestor(at.decode(), writes, values) for at, writes, values in found])


@dataclass(frozen=True, slots=True)
class DeleteCheckpoints(Script[int | None]):
    """Delete checkpoints, `NAMESPACE 0x00 CHECKPOINT` each, and what no other needs; gives how many stay.

    Also deleted: their pending writes, values that no checkpoint refers to any more, and pending writes for checkpoints
    that never came, if older than the newest of their namespace. If the thread does not have the `expected` number of
    checkpoints, nothing is done and the result is None. Safe to run twice.
    """

    LUA = (
        NAMES_OF
        + r"""
    if expected ~= '' and redis.call('ZCARD', checkpoints) ~= tonumber(expected) then return false end
    for _, place in ipairs(places) do
      redis.call('ZREM', checkpoints, place)
      redis.call('HDEL', state, 'c\0' .. place)
      for name in string.gmatch(names_of(place), '(%Z*%z%Z*)%z') do
        redis.call('HDEL', state, 'w\0' .. place .. '\0' .. name)
      end
      redis.call('HDEL', state, 'w\0' .. place, 'x\0' .. place)
    end

    local there, newest, needed = {}, {}, {}
    local kept = redis.call('ZRANGE', checkpoints, 0, -1)
    for _, place in ipairs(kept) do
      local namespace, checkpoint = string.match(place, '^(%Z*)%z(.*)$')
      there[place] = true
      newest[namespace] = checkpoint
      local record = redis.call('HGET', state, 'c\0' .. place)
      local whole, refs = pcall(function()
        return cjson.decode(string.sub(record, 14, 13 + struct.unpack('>I4', record, 2)))
      end)
      if not whole then return #kept end  -- its needs are unknown: keep all
      for _, name in ipairs(refs) do needed[namespace .. '\0' .. name] = true end
    end
    if #kept == 0 then
      redis.call('DEL', state)
      return 0
    end

    for _, field in ipairs(redis.call('HKEYS', state)) do
      local sort, rest = string.sub(field, 1, 2), string.sub(field, 3)
      if sort == 'v\0' and not needed[rest] then
        redis.call('HDEL', state, field)
      elseif sort == 'w\0' or sort == 'x\0' then
        local namespace, checkpoint = string.match(rest, '^(%Z*)%z(%Z*)')
        local after = newest[namespace]
        if after and checkpoint < after and not there[namespace .. '\0' .. checkpoint] then
          redis.call('HDEL', state, field)
        end
      end
    end
    return #kept
    """
    )

    checkpoints: Key
    state: Key
    expected: int | str
    places: tuple[str | bytes, ...]

    @override
    def read(self, reply: Any) -> int | None:
        """Read how many checkpoints the thread has now."""
        return None if reply is None else int(reply)


@dataclass(frozen=True, slots=True)
class UnlistThreads(Script[None]):
    """Take threads off the list, a tag and its score each, unless they were listed again meanwhile."""

    LUA = r"""
    for i = 1, #gone, 2 do
      if redis.call('ZSCORE', threads, gone[i]) == gone[i + 1] then redis.call('ZREM', threads, gone[i]) end
    end
    """

    threads: Key
    gone: tuple[bytes, ...]

    @override
    def read(self, reply: Any) -> None:
        """Read nothing."""
