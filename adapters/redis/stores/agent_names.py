"""The names of agents, held by the processes that serve one workspace from one Redis.

An agent's name is part of its threads' ids. If two processes mapped one name to two different graphs, whichever took a
thread's lane would resume it, and an approval given for one graph would run the other. So a process claims its names
before it serves: any number of processes may hold a name for the same definition, which is a normal deployment, and
none for another. A claim is held for `TTL` and renewed; the claim of a process that died lapses.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from redis.exceptions import RedisError
from typing_extensions import override

from adapters.redis.keys import Keys
from adapters.redis.transport.base import AsyncTransport
from adapters.redis.transport.failures import FailureLog
from adapters.redis.transport.scripts import Command, Key, Script

TTL = timedelta(seconds=30)
"""How long an unrenewed claim is held."""


@dataclass(frozen=True, slots=True)
class ClaimAgentName(Script[str | None]):
    """Hold a name for a definition, or give the other definition for which a running process holds it.

    Holders are `PROCESS 0x00 DEFINITION` by the time, in ms, at which they lapse: the server's own time, so that the
    clocks of the processes do not matter. Safe to run twice.
    """

    LUA = r"""
    local time = redis.call('TIME')
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    redis.call('ZREMRANGEBYSCORE', holders, '-inf', now)
    for _, holder in ipairs(redis.call('ZRANGE', holders, 0, -1)) do
      local held = string.match(holder, '%z(.*)$')
      if held ~= definition then return held end
    end
    redis.call('ZADD', holders, now + ttl, process .. '\0' .. definition)
    redis.call('PEXPIRE', holders, ttl)
    return false
    """

    holders: Key
    process: str
    definition: str
    ttl: int

    @override
    def read(self, reply: Any) -> str | None:
        """Read the other definition, if there is one."""
        return None if reply is None else reply.decode(errors="replace")


class RedisNames:
    """The names of one process; `process` is unique to it, `workspace` is the id of the Slack team."""

    def __init__(
        self,
        database: AsyncTransport,
        keys: Keys,
        workspace: str,
        process: str,
        definitions: Mapping[str, str],
        ttl: timedelta = TTL,
    ) -> None:
        self.ttl = ttl
        self._database = database
        self._failures = FailureLog()
        self._process = process
        self._definitions = definitions
        self._holders = {name: keys.holders(workspace, name) for name in definitions}

    async def claim(self) -> Mapping[str, str]:
        """Claim all names; gives name -> definition of those that other processes hold for another definition."""
        milliseconds = int(self.ttl.total_seconds() * 1000)
        claims = [
            ClaimAgentName(self._holders[name], self._process, definition, milliseconds)
            for name, definition in self._definitions.items()
        ]
        held: Sequence[str | None] = await self._database.run_all(*claims)
        return {name: other for name, other in zip(self._definitions, held, strict=True) if other is not None}

    async def renew(self) -> Mapping[str, str]:
        """Renew all claims. An error is logged, and no other holder is reported."""
        try:
            held = await self.claim()
        except RedisError as error:
            self._failures.report_error("renewing the agents' names", error)
            return {}
        self._failures.clear("renewing the agents' names")
        return held

    async def release(self) -> None:
        """Release all names."""
        await self._database.run_all(
            *(
                Command("ZREM", self._holders[name], f"{self._process}\0{definition}")
                for name, definition in self._definitions.items()
            )
        )
