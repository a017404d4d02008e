"""The scripts that write an approval with its effects and audit rows.

The document begins with `VERSION WRITE newline`, so a script compares the version without reading JSON. `WRITE` is a
random name: a call that the client repeats finds its own write, says that it was written, and writes no effects or
rows again. A change that touches nothing leaves a marker for this. The repeated call writes the same once more, so that
there is something which `?wait=1` can wait for (`adapters.redis.transport.replicated`).
"""

from dataclasses import dataclass
from typing import Any

from adapters.redis.stores.audit import RECORD
from adapters.redis.transport.scripts import Arg, Key, Script

OVERTAKEN, WRITTEN, NOT_ASKED = 0, 1, 2
"""Results of a write. NOT_ASKED: the request is not stored under its own key yet, so the write must include it."""

_POST = """
local rows = tonumber(more[1])
for i = 2, rows + 1 do record(more[i]) end
for i = rows + 2, #more, 2 do redis.call('RPUSH', boxes[tonumber(more[i])], more[i + 1]) end
"""

_INDEX = """
if in_sheet == '1' then
    redis.call('SADD', sheet, mark)
    redis.call('EXPIRE', sheet, retention)
end
if at_root == '1' then redis.call('SET', card, mark, 'EX', retention) end
if under ~= '' then
    redis.call('HSET', policies, under, mark)
    redis.call('EXPIRE', policies, retention)
end
"""

_KEEP = """
local waited_for = redis.call('SCARD', unclosed) > 0
keep_audit(waited_for)
for _, key in ipairs({approvals, conversation}) do
    if waited_for then redis.call('PERSIST', key) else redis.call('EXPIRE', key, retention) end
end
"""


@dataclass(frozen=True, slots=True)
class WriteApproval(Script[int]):
    """Write a change if what is `expected` is stored. Safe to run twice: it finds its own write.

    `expected` is a version, or a version and the name of the very write, or "" for nothing.

    `asked` is the approval's request, "" if it is stored already: a click does not write it again.

    `more` is the number of audit rows, the rows, and for each effect the position of its box, from 1, and its message.
    """

    ACKED = True
    LUA = f"""
    {RECORD}
    local stored = redis.call('GET', approval)
    if stored == document then
        redis.call('SET', approval, document, 'KEEPTTL')
        return {WRITTEN}
    end
    if expected == '' and stored then return {OVERTAKEN} end
    local version, write = string.match(stored or '', '^%d+'), string.match(stored or '', '^[^\\n]+')
    if expected ~= '' and expected ~= version and expected ~= write then return {OVERTAKEN} end
    if asked ~= '' then
        redis.call('SET', ask, asked)
    elseif redis.call('EXISTS', ask) == 0 then
        return {NOT_ASKED}
    end
    if is_open == '1' then
        redis.call('SET', approval, document)
        redis.call('PERSIST', ask)
        redis.call('SADD', unclosed, mark)
    else
        redis.call('SET', approval, document, 'EX', retention)
        redis.call('EXPIRE', ask, audit_retention)
        redis.call('SREM', unclosed, mark)
        {_INDEX}
    end
    {_POST}
    {_KEEP}
    return {WRITTEN}
    """
    approval: Key
    ask: Key
    approvals: Key
    unclosed: Key
    sheet: Key
    card: Key
    policies: Key
    audit: Key
    conversation: Key
    boxes: tuple[Key, ...]
    expected: str
    document: bytes
    asked: bytes
    mark: str
    is_open: bool
    in_sheet: bool
    at_root: bool
    under: str
    retention: int
    audit_retention: int
    more: tuple[Arg, ...]

    def read(self, reply: Any) -> int:
        """Read the result: WRITTEN, OVERTAKEN or NOT_ASKED."""
        return int(reply)


@dataclass(frozen=True, slots=True)
class IndexClosed(Script[None]):
    """Add a closed approval of the last version to the indexes."""

    LUA = _INDEX
    sheet: Key
    card: Key
    policies: Key
    mark: str
    in_sheet: bool
    at_root: bool
    under: str
    retention: int

    def read(self, reply: Any) -> None:
        """Read nothing."""


@dataclass(frozen=True, slots=True)
class WriteEffects(Script[bool]):
    """Write effects and audit rows that come with no change of an approval, once for each `seen`."""

    ACKED = True
    LUA = f"""
    {RECORD}
    if not redis.call('SET', seen, 1, 'NX', 'EX', seconds) then
        redis.call('EXPIRE', seen, seconds)
        return 1
    end
    {_POST}
    {_KEEP}
    return 1
    """
    seen: Key
    approvals: Key
    unclosed: Key
    audit: Key
    conversation: Key
    boxes: tuple[Key, ...]
    seconds: int
    retention: int
    audit_retention: int
    more: tuple[Arg, ...]

    def read(self, reply: Any) -> bool:
        """Read that it is written."""
        return bool(reply == 1)
