"""A private PostgreSQL for as long as a block lasts, made of the binaries that are installed; none is downloaded."""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

_PLACES = ("/usr/lib/postgresql", "/usr/local/opt", "/opt/homebrew/opt")


@contextlib.contextmanager
def running() -> Iterator[str | None]:
    """Start a server with its own settings as they come; gives its URL, or None where PostgreSQL is not installed.

    Raises subprocess.CalledProcessError where it does not start.
    """
    control = _binary("pg_ctl")
    if control is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="bench-pg-") as name:
        folder, user = Path(name), _user()
        if user is not None:
            shutil.chown(folder, user)
        data = folder / "data"
        _run(user, control, "initdb", "-D", str(data), "-o", "--username=bench --auth=trust --encoding=UTF8")
        options = f"-k {folder} -c listen_addresses="
        _run(user, control, "start", "-w", "-D", str(data), "-l", str(folder / "log"), "-o", options)
        try:
            yield f"postgresql://bench@/postgres?host={folder}"
        finally:
            _run(user, control, "stop", "-w", "-m", "immediate", "-D", str(data))


def _binary(name: str) -> str | None:
    found = sorted(path for place in _PLACES for path in Path(place).glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(found[-1]) if found else None)


def _user() -> str | None:
    """PostgreSQL refuses to run as root: find somebody else."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _run(user: str | None, *command: str) -> None:
    subprocess.run(command, check=True, user=user, cwd="/", stdout=subprocess.DEVNULL)  # noqa: S603 - as installed
