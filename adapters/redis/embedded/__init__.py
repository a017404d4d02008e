"""A private Valkey for a bot without REDIS_URL.

Imports nothing of `adapters.redis` outside this folder. `watchdog` is started by its path: standard library only.
"""

from adapters.redis.embedded.binary import find_server
from adapters.redis.embedded.locks import EmbeddedError
from adapters.redis.embedded.sharing import ensure, ensure_sync, release, release_sync, running, running_sync

__all__ = [
    "EmbeddedError",
    "ensure",
    "ensure_sync",
    "find_server",
    "release",
    "release_sync",
    "running",
    "running_sync",
]
