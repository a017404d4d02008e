"""Folders and files that only their owner reads: what people say in a workspace is theirs, on a shared machine too."""

import os
from pathlib import Path


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, unless it is there."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def write(file: Path, content: bytes) -> None:
    """Write a file whole: it is there with all of its content, or not at all, however the process ends."""
    fresh = file.with_name(f"{file.name}.new")
    fresh.unlink(missing_ok=True)  # one of another mode may have been left behind
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())
    fresh.replace(file)
