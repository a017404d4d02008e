"""An append-only file of JSON lines that survives a kill of the process.

A line is written with a single `write` before anybody can see its change, so a killed process loses at most the line
it was writing: a torn last line is cut off when the journal is opened again. (A power cut may lose more; this is a
development workspace.) When most lines are superseded, a shorter journal is written beside it and swapped in.
"""

import fcntl
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from adapters.localslack.state import private

_SLACK = 2_000  # fewer superseded lines are not worth a rewrite

Record = dict[str, Any]


class JournalError(RuntimeError):
    """The data folder cannot be used; the message gives the reason and the fix."""


class Journal:
    """The journal of one data folder, locked for this process."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "workspace.jsonl"
        try:
            private.make_folder(folder)
            self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise JournalError(f"cannot be written: {error.strerror}. Name another folder with --data") from None
        self._file = -1
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise JournalError("another local workspace uses this data folder; stop it first") from error

    def load(self, apply: Callable[[Record], None], snapshot: Callable[[], Iterable[Record]]) -> None:
        """Apply every record in order, then open for writing; rewrite when `snapshot` is far shorter."""
        lines = self._read()
        for record in lines:
            apply(record)
        live = list(snapshot())
        if len(lines) > 2 * len(live) + _SLACK:
            self._rewrite(live)
        self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def append(self, record: Record) -> None:
        """Write one record."""
        line = _line(record)
        while line:
            line = line[os.write(self._file, line) :]

    def close(self) -> None:
        """Close the file and free the folder for another process."""
        if self._file >= 0:
            os.close(self._file)
        os.close(self._lock)

    def _read(self) -> list[Record]:
        if not self._path.exists():
            return []
        content = self._path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.truncate(self._path, whole)
        try:
            return [json.loads(line) for line in content[:whole].splitlines()]
        except ValueError as error:
            raise JournalError(f"{self._path.name} is damaged ({error}); move it away to start from scratch") from error

    def _rewrite(self, records: Iterable[Record]) -> None:
        private.write(self._path, b"".join(map(_line, records)))


def _line(record: Record) -> bytes:
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"
