"""The server process of a data folder: start it, wait until it answers, stop it.

Every write is on the disk before it is answered (`appendfsync always`, https://valkey.io/topics/persistence/), and a
log cut short by a power failure loads up to the cut. The server listens on a unix socket in a folder of mode 0700 only.
"""

import contextlib
import fcntl
import hashlib
import os
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from adapters.redis.embedded.binary import find_server
from adapters.redis.embedded.locks import POLL_SECONDS, START_SECONDS, STOP_SECONDS, EmbeddedError, open_file
from adapters.redis.embedded.watchdog import take

_SOCKET_BYTES = 100
"""Unix socket paths end at 104 bytes on macOS and 108 on Linux: see unix(7)."""
_OPTIONS = (
    *("--port", "0", "--unixsocketperm", "700", "--daemonize", "no"),
    *("--appendonly", "yes", "--appendfsync", "always", "--aof-load-truncated", "yes", "--save", ""),
    *("--maxmemory-policy", "noeviction"),
    # Checkpoints are longer than the 64 bytes up to which a small hash is kept compactly: 0.7 kB less for each thread.
    *("--hash-max-listpack-value", "2048", "--hash-max-listpack-entries", "128"),
)

children: list[subprocess.Popen[bytes]] = []
"""The servers that this process started."""


def _socket_path(data: Path) -> Path:
    """Choose the socket's path: in the folder, or in a short private folder if that path is too long."""
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


def start(data: Path) -> str:
    """Start the server and wait until it answers; gives the path of its socket. Raises EmbeddedError."""
    address = str(_socket_path(data))
    held = open_file(data / "server")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Before the start: a process that finds the server alive also finds its socket, even if we die here.
        _write(held, 0, address)
        process = _spawn(data, address, held)
        _write(held, process.pid, address)
    finally:
        os.close(held)
    children.append(process)
    try:
        started = _wait_for_answer(data, address, lambda: process.poll() is None)
    except BaseException:
        process.kill()
        process.wait()
        raise
    if not started:
        raise EmbeddedError(f"Valkey did not start in {data}: {_log_tail(data)}; see {data / 'server.log'}")
    return address


def _write(held: int, pid: int, address: str) -> None:
    os.ftruncate(held, 0)
    os.pwrite(held, f"{pid}\n{address}\n".encode(errors="surrogateescape"), 0)


def _spawn(data: Path, address: str, held: int) -> subprocess.Popen[bytes]:
    """Start the process in a session of its own, so that Ctrl-C ends the bot and not the server."""
    command = [find_server(), *_OPTIONS, "--dir", str(data), "--unixsocket", address]
    with (data / "server.log").open("ab") as log:
        return subprocess.Popen(  # noqa: S603 - a server that we found ourselves, no shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(held,),
            start_new_session=True,
        )


def join(data: Path) -> str | None:
    """Wait until a running server of the folder answers; gives its socket, None if it is dead or ends meanwhile."""
    if not is_alive(data):
        return None
    _, address, *_ = (data / "server").read_text(errors="surrogateescape").split("\n")
    return address if _wait_for_answer(data, address, lambda: is_alive(data)) else None


def _wait_for_answer(data: Path, address: str, lives: Callable[[], bool]) -> bool:
    """Wait until a server answers; False if it ended. Raises EmbeddedError if it does neither."""
    end = time.monotonic() + START_SECONDS
    while (answer := _ping(address)) != "ready":
        if answer == "loading":
            end = time.monotonic() + START_SECONDS
        elif not lives():
            return False
        elif time.monotonic() > end:
            raise EmbeddedError(
                f"Valkey (process {pid_of(data)}) holds {data} but does not answer at {address}: "
                f"end that process and start again; see {data / 'server.log'}"
            )
        time.sleep(POLL_SECONDS)
    return True


def stop(data: Path) -> None:
    """Ask the server to end, and wait until it released its lock. Raises EmbeddedError."""
    address = join(data)
    if address is None:
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(STOP_SECONDS)
        connection.connect(address)
        connection.sendall(b"SHUTDOWN\r\n")
        connection.recv(1024)
    end = time.monotonic() + STOP_SECONDS
    while is_alive(data):
        if time.monotonic() > end:
            raise EmbeddedError(f"Valkey in {data} does not stop: {_log_tail(data)}; see {data / 'server.log'}")
        time.sleep(POLL_SECONDS)
    reap(pid_of(data))


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


def is_alive(data: Path) -> bool:
    """Tell whether the server of a folder runs."""
    held = open_file(data / "server")
    try:
        return not take(held, fcntl.LOCK_SH)
    finally:
        os.close(held)


def pid_of(data: Path) -> int:
    """The process id of a folder's server; 0 where its starter died before it knew."""
    return int((data / "server").read_text(errors="surrogateescape").partition("\n")[0])


def _log_tail(data: Path) -> str:
    """Give the last lines of the server's log as one line."""
    try:
        lines = (data / "server.log").read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    return " / ".join(line.strip() for line in lines[-3:] if line.strip()) or "its log is empty"


def reap(ended: int | None = None) -> None:
    """Collect ended servers that this process started; waits for the one that just released its lock."""
    for child in children:
        if child.pid == ended:
            child.wait(STOP_SECONDS)
    children[:] = [child for child in children if child.poll() is None]
