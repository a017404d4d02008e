"""The lock files of a data folder. The kernel drops the locks of a process that dies, however it dies."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from adapters.redis.embedded.watchdog import take

START_SECONDS = 60.0
STOP_SECONDS = 30.0
POLL_SECONDS = 0.002


class EmbeddedError(Exception):
    """The private Valkey cannot be used. The message says what is wrong, where, and how to fix it."""


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a file's exclusive lock; a server is started or stopped under it, which is quick. Raises EmbeddedError."""
    held = open_file(path)
    try:
        end = time.monotonic() + START_SECONDS + STOP_SECONDS
        while not take(held, fcntl.LOCK_EX):
            if time.monotonic() > end:
                raise EmbeddedError(f"another process keeps {path} locked: end it and start again")
            time.sleep(POLL_SECONDS)
        yield
    finally:
        os.close(held)


def open_file(path: Path) -> int:
    """Open a lock file, made where it is missing. Raises EmbeddedError."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise EmbeddedError(f"cannot open {path}: {error.strerror}; choose another data folder with --data") from None
