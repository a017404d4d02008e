"""One private Valkey for each data folder, shared by all processes that use the folder.

Four lock files settle who does what:

* `lock` is held while somebody starts, joins or leaves, so that racing processes agree.
* `users` is held shared by every process that uses the server. A process that can take it alone was the last one, and
  shuts the server down. After kill -9 of all users nobody is left to do so: then `watchdog`, which runs beside the
  server, does it.
* `server` is held by the server itself, which inherits it: whether a server is alive is never guessed from a pid or a
  socket file. So two servers never run on one folder, which would destroy it.
* `watch` is held by the watchdog. A process that joins and finds it free starts another watchdog.

To use the server is to hold a lock, not a connection, so a bot whose connections drop keeps its server. A server that
ended while it is used (the system was short of memory, say) is started again by `running`, at the same address.
"""

import asyncio
import contextlib
import fcntl
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import structlog

from adapters.redis.embedded import server, watchdog
from adapters.redis.embedded.locks import EmbeddedError, locked, open_file
from adapters.redis.embedded.watchdog import take

log = structlog.get_logger(__name__)

WATCH_SECONDS = 5.0
"""How long a server goes on, at the most, after kill -9 of all its users."""
_LOOK_SECONDS = 1.0


@dataclass(slots=True)
class _ServerUse:
    """This process's use of a server: how often it was asked for, and the shared lock on `users`."""

    users: int
    count: int = 0


_uses: dict[Path, _ServerUse] = {}
_watchdogs: dict[Path, subprocess.Popen[bytes]] = {}
_guard = threading.Lock()


async def ensure(data: Path) -> str:
    """Start or share the server of folder `data`; gives its URL. Call `release` once for each call.

    Raises EmbeddedError.
    """
    starting = asyncio.ensure_future(asyncio.to_thread(ensure_sync, data))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        with contextlib.suppress(EmbeddedError):
            await starting
            await release(data)
        raise


async def release(data: Path) -> None:
    """Stop using the server of `data`; the last user stops it, with everything on the disk. Raises EmbeddedError."""
    await asyncio.to_thread(release_sync, data)


@contextlib.asynccontextmanager
async def running(data: Path) -> AsyncIterator[str]:
    """Use the server of a folder within the block; the value is its URL. Raises EmbeddedError."""
    url = await ensure(data)
    keeping = asyncio.create_task(_keep_running(data), name=f"keep {data}")
    try:
        yield url
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        await release(data)


async def _keep_running(data: Path) -> None:
    """Restart the server if it ended while in use. A failure is logged once."""
    data, said = await asyncio.to_thread(data.resolve), False
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        try:
            if not server.is_alive(data) and await asyncio.to_thread(_start_again, data):
                log.warning("the private Valkey ended and was started again", data=str(data))
            said = False
        except EmbeddedError as error:
            if not said:  # its text has the time of each attempt
                log.error("the private Valkey ended and cannot be started again", error=str(error))  # noqa: TRY400 - the error is the sentence
            said = True


def _start_again(data: Path) -> bool:
    """Start a server that ended while in use; False if another process did, or nobody here uses it any more."""
    with _guard, locked(data / "lock"):
        server.reap()
        if data not in _uses or server.join(data) is not None:
            return False
        server.start(data)
        _start_watchdog(data)
        return True


@contextlib.contextmanager
def running_sync(data: Path) -> Iterator[str]:
    """Do what `running` does, for blocking code."""
    url = ensure_sync(data)
    try:
        yield url
    finally:
        release_sync(data)


def ensure_sync(data: Path) -> str:
    """Do what `ensure` does, for blocking code."""
    data = _prepared(data)
    with _guard, locked(data / "lock"):
        server.reap()
        use = _uses.get(data) or _ServerUse(open_file(data / "users"))
        try:
            fcntl.flock(use.users, fcntl.LOCK_SH)
            address = server.join(data) or server.start(data)
            _start_watchdog(data)
        except BaseException:
            if use.count == 0:
                os.close(use.users)
            raise
        use.count += 1
        _uses[data] = use
    return f"unix://{address}"


def release_sync(data: Path) -> None:
    """Do what `release` does, for blocking code. A no-op where the server is not held."""
    data = data.resolve()
    with _guard:
        use = _uses.get(data)
        if use is None:
            return
        use.count -= 1
        if use.count:
            return
        del _uses[data]
        try:
            with locked(data / "lock"):
                if take(use.users, fcntl.LOCK_EX):
                    server.stop(data)
                    _kill_watchdog(data)
        finally:
            os.close(use.users)
            server.reap()


def _prepared(data: Path) -> Path:
    """Make the folder, private to this user."""
    try:
        data = data.resolve()
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        data.chmod(0o700)
    except OSError as error:
        raise EmbeddedError(
            f"cannot use data folder {data}: {error.strerror}. Name another: data: in app.yaml, or signoff demo --data"
        ) from None
    return data


def _start_watchdog(data: Path) -> None:
    """Start a watchdog, unless one runs: it stops the server when all users are gone, however they ended."""
    files = [open_file(data / name) for name in ("lock", "users", "server", "watch")]
    try:
        if not take(files[-1], fcntl.LOCK_EX):
            return
        _kill_watchdog(data)
        words = [sys.executable, "-I", "-S", watchdog.__file__, *map(str, files), str(WATCH_SECONDS)]
        with (data / "server.log").open("ab") as said:
            _watchdogs[data] = subprocess.Popen(  # noqa: S603 - our own file, and no shell
                words,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                pass_fds=files,
                start_new_session=True,
            )
    finally:
        for file in files:
            os.close(file)


def _kill_watchdog(data: Path) -> None:
    """Kill the watchdog that this process started; any other notices that there is nothing to watch."""
    if (child := _watchdogs.pop(data, None)) is not None:
        child.kill()
        child.wait()
