"""The databases of the database agent: their open connections, and a restart that closes them.

`signoff demo` keeps them in a file, so that they survive a restart of the demo; elsewhere they are in
memory, and every load of the agent starts with the same ones.
"""

import json
import os
from pathlib import Path
from threading import Lock
from typing import Literal, get_args

Database = Literal["orders", "customers", "stock"]
DATABASES: tuple[Database, ...] = get_args(Database)
MOST_CONNECTIONS = 500
AT_START: dict[str, int] = {"orders": MOST_CONNECTIONS, "customers": 87, "stock": 41}
AFTER_RESTART = 3


class Databases:
    """The open connections of each database. Tools may run in threads, so changes happen under a lock."""

    def __init__(self, file: Path | None = None) -> None:
        """Read the file, if it is there; it is written at the first change."""
        self._file = file
        self._open: dict[str, int] = {**AT_START}
        self._lock = Lock()
        if file is not None and file.exists():
            self._open |= json.loads(file.read_text())

    def health(self, database: Database) -> str:
        """Return one sentence on a database."""
        connections = self._open[database]
        state = "no query gets through" if connections == MOST_CONNECTIONS else "all is well"
        return f"{database} has {connections} of {MOST_CONNECTIONS} connections open: {state}."

    def restart(self, database: Database) -> None:
        """Close all connections of a database; its clients open a few again. Doing it twice is the same as once."""
        with self._lock:
            self._open[database] = AFTER_RESTART
            if self._file is not None:
                self._file.parent.mkdir(parents=True, exist_ok=True)
                unfinished = self._file.with_suffix(".new")
                unfinished.write_text(json.dumps(self._open, indent=2))
                unfinished.replace(self._file)


def kept_databases() -> Databases:
    """Return the databases of a demonstration, kept beside its other data; elsewhere in memory."""
    folder = os.environ.get("SIGNOFF_DEMO_DATA")
    return Databases(Path(folder) / "databases.json" if folder else None)
