"""Ends a private Valkey that nobody uses any more: a process of its own, which outlives kill -9 of all its users.

It is handed files of `adapters.redis.embedded` that are open already, so that it works on that very folder, even when
somebody removes it or moves another into its place. Every look and every decision is made under `lock`, as those of
who joins or leaves. Standard library only, and no more of it than needed: one runs beside each server.
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
    """Look every so many seconds; end the server, and return, once nobody uses it.

    `watched` says by its lock that somebody watches. It is let go of under `lock`: who comes next starts a new watch.
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
    """Ask the server to end, which writes everything to the disk, and wait until it let go of its lock."""
    until = time.monotonic() + STOP_SECONDS
    asked = False
    while not take(server, fcntl.LOCK_SH):
        asked = asked or ask(*os.pread(server, 4096, 0).split(b"\n")[:2])
        if time.monotonic() > until:
            sys.stderr.write("Valkey was asked to end, and did not\n")
            return
        time.sleep(_POLL_SECONDS)


def ask(pid: bytes, address: bytes) -> bool:
    """Ask a server that is known to live, so that the pid is its own; 0 where its starter died before it knew more."""
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
