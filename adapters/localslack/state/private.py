"""Folders and files that only their owner can read, also on a shared machine."""

import os
from pathlib import Path


def make_folder(folder: Path) -> None:
    """Make a folder and its parents, unless it exists."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def write(file: Path, content: bytes) -> None:
    """Write a file atomically: after a crash it has all of its content or does not exist."""
    fresh = file.with_name(f"{file.name}.new")
    fresh.unlink(missing_ok=True)  # a leftover may have another mode
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())
    fresh.replace(file)
