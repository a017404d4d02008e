"""Stops a private Valkey that nobody uses any more. A process of its own, which survives kill -9 of all users.

It inherits open lock files, so it works on that very folder, even if somebody removes it or moves another into its
place. Every look and every decision is made under `lock`, like those of processes that join or leave. Standard library
only, and no more of it than needed: one runs beside each server, started by its path.
"""

import contextlib
import fcntl
import os
import signal
import socket
import sys
import time

STOP_SECONDS = 30.0
_POLL_SECONDS = 0.05


def watch(lock: int, users: int, server: int, watched: int, seconds: float) -> None:
    """Look every `seconds`; stop the server, and return, once nobody uses it.

    The lock of `watched` says that a watchdog runs. It is released under `lock`: the next user starts a new watchdog.
    """
    while True:
        time.sleep(seconds)
        fcntl.flock(lock, fcntl.LOCK_EX)
        if take(users, fcntl.LOCK_EX):
            end(server)
            os.close(watched)
            os.close(lock)
            return
        fcntl.flock(lock, fcntl.LOCK_UN)


def end(server: int) -> None:
    """Ask the server to end, which writes everything to the disk, and wait until it released its lock."""
    until = time.monotonic() + STOP_SECONDS
    asked = False
    while not take(server, fcntl.LOCK_SH):
        asked = asked or ask(*os.pread(server, 4096, 0).split(b"\n")[:2])
        if time.monotonic() > until:
            sys.stderr.write("Valkey was asked to end, and did not\n")
            return
        time.sleep(_POLL_SECONDS)


def ask(pid: bytes, address: bytes) -> bool:
    """Ask a running server to end, by its pid, or by its socket if the pid is 0: its starter died before it knew it."""
    with contextlib.suppress(OSError):
        if int(pid):
            os.kill(int(pid), signal.SIGTERM)
        else:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(os.fsdecode(address))
                connection.sendall(b"SHUTDOWN\r\n")
        return True
    return False


def take(file: int, how: int) -> bool:
    """Take a lock if it is free."""
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


if __name__ == "__main__":
    _lock, _users, _server, _watched = map(int, sys.argv[1:5])
    watch(_lock, _users, _server, _watched, float(sys.argv[5]))
