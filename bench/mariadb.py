"""A private MariaDB for as long as a block lasts, made of the binaries that are installed; none is downloaded."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

_SECONDS = 30.0


@contextlib.contextmanager
def running() -> Iterator[str | None]:
    """Start a server with its own settings as they come; gives its URL, or None where MariaDB is not installed.

    Raises subprocess.CalledProcessError and TimeoutError where it does not start.
    """
    server, install = _binary("mariadbd"), _binary("mariadb-install-db")
    if server is None or install is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="bench-maria-") as name, Path(os.devnull).open("w") as nowhere:
        folder = Path(name)
        socket, user = folder / "socket", ("--user=mysql",) if os.geteuid() == 0 else ()
        if user:
            shutil.chown(folder, "mysql")
        data = f"--datadir={folder / 'data'}"
        made = (install, "--no-defaults", data, *user, "--auth-root-authentication-method=normal", "--skip-test-db")
        subprocess.run(made, check=True, stdout=nowhere, stderr=nowhere)  # noqa: S603 - as installed
        options = ("--no-defaults", data, *user, f"--socket={socket}", "--skip-networking")
        with subprocess.Popen((server, *options), stdout=nowhere, stderr=nowhere) as process:  # noqa: S603 - likewise
            try:
                _wait_for(socket)
                yield f"mysql://root@localhost/mysql?unix_socket={socket}"
            finally:
                process.terminate()


def _binary(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")


def _wait_for(socket: Path) -> None:
    until = time.monotonic() + _SECONDS
    while not socket.exists():
        if time.monotonic() > until:
            raise TimeoutError("MariaDB did not start")
        time.sleep(0.05)
