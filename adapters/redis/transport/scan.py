"""Scans the keys of one server.

SCAN gives every key that is there from its begin to its end (https://valkey.io/commands/scan/); a key may come twice. A
cursor means nothing to another process of the server, as each hashes keys by a seed of its own: if the server was
restarted or replaced meanwhile, all of it is scanned again.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from adapters.redis.transport.scripts import Arg

_SCANNED = 1_000
_RUN = b"run_id:"

Ask = Callable[[tuple[Arg, ...]], Awaitable[Any]]


async def scan_server(ask: Ask, match: str) -> AsyncIterator[bytes]:
    """Scan the keys of the server that answers `ask`."""
    run = None
    while run != (run := await _run(ask)):
        cursor: Any = 0
        while cursor != b"0":
            cursor, found = await ask(("SCAN", cursor, "MATCH", match, "COUNT", _SCANNED))
            for key in found:
                yield key


async def _run(ask: Ask) -> bytes:
    """Read which process of the server answers."""
    info: bytes = await ask(("INFO", "server"))
    return next((line for line in info.splitlines() if line.startswith(_RUN)), b"")
