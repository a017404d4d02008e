r"""The store's scripts, and the layout of its keys.

A namespace has four keys in one slot, written by one script at a time, so that they always agree:

* `items`, a hash: a record for each key (`adapters.redis.graph_store.format.HEADER`, then JSON);
* `order`, a sorted set of the keys, in the order in which they were first put;
* `expiry`, a sorted set of the keys that have a TTL, by when each ends: every script first drops those that ended, so
  that no reply ever has one. When all items have a TTL, Redis expires all four keys with the last of them;
* `vectors`, a hash: the embeddings of each key that has any.

So a namespace exists as long as it has an item. `namespaces`, the index, is in another slot, so no script can write
both: a namespace is put on the index before it is written, and an `ApplyPuts` that would create one which its sender
did not list is refused as UNLISTED and sent again. It may be listed and gone, but never exist unlisted: an entry whose
namespace has no items is skipped by readers and taken off, unless it was listed within the last hour, in which its
first item may be on its way.

Times are the server's, so that the clocks of several processes do not matter.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

from typing_extensions import override

from adapters.redis.transport.scripts import Key, Script

UNLISTED = "unlisted"
"""The result of an `ApplyPuts` whose namespace must be listed first."""

_HOUR = 3_600_000

_NOW = r"""
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""

_EXPIRE = (
    _NOW
    + r"""
local function drop(key)
  redis.call('HDEL', items, key)
  redis.call('ZREM', order, key)
  redis.call('ZREM', expiry, key)
  redis.call('HDEL', vectors, key)
end
local dropped = 0
repeat
  local ended = redis.call('ZRANGEBYSCORE', expiry, '-inf', now, 'LIMIT', 0, 1000)
  for _, key in ipairs(ended) do drop(key) end
  dropped = dropped + #ended
until #ended < 1000
"""
)

_SETTLE = r"""
local function settle()
  local all = {items, order, expiry, vectors}
  if redis.call('ZCARD', expiry) < redis.call('ZCARD', order) then
    for _, each in ipairs(all) do redis.call('PERSIST', each) end
  else
    local last = redis.call('ZREVRANGE', expiry, 0, 0, 'WITHSCORES')[2]
    if last then
      for _, each in ipairs(all) do redis.call('PEXPIREAT', each, last) end
    end
  end
end
local function refresh(key)
  local raw = redis.call('HGET', items, key)
  local ttl = raw and #raw >= 25 and struct.unpack('>d', raw, 18) or 0
  -- pcall: a server without memory refuses ZADD, but the item can be read; it ends when it would have ended anyway
  if ttl > 0 then redis.pcall('ZADD', expiry, now + ttl, key) end
end
"""


class Page(NamedTuple):
    """Items of a namespace in order, `key, record or None, vectors or None` each; the next page is after `last`."""

    last: str
    rows: list[tuple[bytes, bytes | None, bytes | None]]
    more: bool
    """There may be items after these."""


@dataclass(frozen=True, slots=True)
class GetItem(Script[bytes | None]):
    """Read one item's record; `renew` starts its TTL again."""

    LUA = (
        _EXPIRE
        + _SETTLE
        + r"""
    if renew == '1' and redis.call('ZSCORE', expiry, item) then
      refresh(item)
      settle()
    end
    return redis.call('HGET', items, item)
    """
    )

    items: Key
    order: Key
    expiry: Key
    vectors: Key
    item: bytes
    renew: bool

    @override
    def read(self, reply: Any) -> bytes | None:
        """Give the record."""
        return None if reply is None else bytes(reply)


@dataclass(frozen=True, slots=True)
class ApplyPuts(Script["str | None"]):
    """Put and delete items of one namespace at once; safe to run twice.

    `changes` is `key, JSON, TTL in ms or 0, embeddings or ""` each; a deletion has "" for its JSON. An item that exists
    keeps its place and when it was created. The result is UNLISTED (see the module) or None.
    """

    LUA = (
        _EXPIRE
        + _SETTLE
        + r"""
    -- Keys of another type are refused here: a script that fails does not take back what it wrote before.
    redis.call('HLEN', items)
    redis.call('HLEN', vectors)
    if listed == '0' and redis.call('EXISTS', order) == 0 then return 'unlisted' end
    local place = tonumber(redis.call('ZREVRANGE', order, 0, 0, 'WITHSCORES')[2] or 0)
    local stamp = time[1] * 1000 + time[2] / 1000
    for i = 1, #changes, 4 do
      local key, body, ttl, vector = changes[i], changes[i + 1], tonumber(changes[i + 2]), changes[i + 3]
      if body == '' then
        drop(key)
      else
        local old = redis.call('HGET', items, key)
        local created = old and #old >= 25 and struct.unpack('>d', old, 2) or stamp
        redis.call('HSET', items, key, struct.pack('>Bddd', 1, created, stamp, ttl) .. body)
        place = place + redis.call('ZADD', order, 'NX', place + 1, key)
        if ttl > 0 then redis.call('ZADD', expiry, now + ttl, key) else redis.call('ZREM', expiry, key) end
        if vector == '' then redis.call('HDEL', vectors, key) else redis.call('HSET', vectors, key, vector) end
      end
    end
    settle()
    return 'done'
    """
    )

    items: Key
    order: Key
    expiry: Key
    vectors: Key
    listed: bool
    changes: tuple[bytes | str | int | float, ...]

    @override
    def read(self, reply: Any) -> str | None:
        """Give UNLISTED or None."""
        return UNLISTED if reply == b"unlisted" else None


@dataclass(frozen=True, slots=True)
class ReadItems(Script[Page]):
    """Read up to `most` items that come after the place `after`, without the first `skip` of these.

    It stops after the item that reaches `budget` bytes, so that large values do not come all in one reply.
    """

    LUA = (
        _EXPIRE
        + r"""
    local found = redis.call('ZRANGEBYSCORE', order, '(' .. after, '+inf', 'WITHSCORES', 'LIMIT', skip, most)
    local rows, last, size, stopped = {}, after, 0, false
    for i = 1, #found, 2 do
      stopped = size >= tonumber(budget)
      if stopped then break end
      local record = with_items == '1' and redis.call('HGET', items, found[i])
      local embedded = with_vectors == '1' and redis.call('HGET', vectors, found[i])
      size = size + #(record or '') + #(embedded or '')
      last = found[i + 1]
      for _, each in ipairs({found[i], record, embedded}) do rows[#rows + 1] = each end
    end
    local more = #rows / 3 == tonumber(most) or stopped
    return {last, rows, more and 1 or 0}
    """
    )

    items: Key
    order: Key
    expiry: Key
    vectors: Key
    after: str
    skip: int
    most: int
    budget: int
    with_items: bool
    with_vectors: bool

    @override
    def read(self, reply: Any) -> Page:
        """Read `{last, {key, record, vectors, ...}, more}`."""
        last, flat, more = reply
        return Page(last.decode(), list(zip(flat[0::3], flat[1::3], flat[2::3], strict=True)), bool(more))


@dataclass(frozen=True, slots=True)
class CountItems(Script[tuple[int, int]]):
    """Drop the items that ended. Gives how many these were, and how many are left."""

    LUA = _EXPIRE + "return {dropped, redis.call('ZCARD', order)}"

    items: Key
    order: Key
    expiry: Key
    vectors: Key

    @override
    def read(self, reply: Any) -> tuple[int, int]:
        """Give both numbers."""
        return int(reply[0]), int(reply[1])


@dataclass(frozen=True, slots=True)
class RenewItems(Script[None]):
    """Start the TTL of some items again."""

    LUA = (
        _EXPIRE
        + _SETTLE
        + r"""
    for _, key in ipairs(found) do
      if redis.call('ZSCORE', expiry, key) then refresh(key) end
    end
    settle()
    """
    )

    items: Key
    order: Key
    expiry: Key
    vectors: Key
    found: tuple[bytes, ...]

    @override
    def read(self, reply: Any) -> None:
        """Give nothing."""


@dataclass(frozen=True, slots=True)
class ListNamespace(Script[None]):
    """Put a namespace on the index, or say that it is about to be written again."""

    LUA = (
        _NOW
        + r"""
    redis.call('ZADD', namespaces, 0, name)
    redis.call('ZADD', listed, now, name)
    """
    )

    namespaces: Key
    listed: Key
    name: bytes

    @override
    def read(self, reply: Any) -> None:
        """Give nothing."""


@dataclass(frozen=True, slots=True)
class UnlistNamespace(Script[None]):
    """Take a namespace without items off the index, unless it was listed within the last hour."""

    LUA = (
        _NOW
        + rf"""
    if tonumber(redis.call('ZSCORE', listed, name) or 0) > now - {_HOUR} then return end
    redis.call('ZREM', namespaces, name)
    redis.call('ZREM', listed, name)
    """
    )

    namespaces: Key
    listed: Key
    name: bytes

    @override
    def read(self, reply: Any) -> None:
        """Give nothing."""
