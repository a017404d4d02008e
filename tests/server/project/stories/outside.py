"""What the graphs of the stories do outside of themselves, told between two processes: by files in a folder."""

import asyncio
import os
from pathlib import Path

_FOLDER = Path(os.environ["SIGNOFF_STORY"])


class _Door:
    """A door that the story opens by making a file."""

    def __init__(self, name: str) -> None:
        self._file = _FOLDER / f"door-{name}"

    async def wait(self) -> None:
        while not await asyncio.to_thread(self._file.exists):  # noqa: ASYNC110 - the door is in another process
            await asyncio.sleep(0.05)

    def is_set(self) -> bool:
        return self._file.exists()


class Outside:
    """As in the bot's own stories."""

    def do(self, what: str) -> None:
        with (_FOLDER / "done").open("a", encoding="utf-8") as done:
            done.write(f"{what}\n")

    def try_step(self, name: str) -> None:
        if (_FOLDER / f"broken-{name}").exists():
            raise RuntimeError(f"{name} does not work today")

    def door(self, name: str) -> _Door:
        return _Door(name)


outside = Outside()
