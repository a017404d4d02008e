"""The driver's process, as the measuring side speaks to it."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.driver import SECRET, Clicked, Clicks

ROOT = Path(__file__).parent.parent
_LONGEST_LINE = 2**26


class Slack:
    """A running driver."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self._process = process
        self._turn = asyncio.Lock()
        self.url = url

    @property
    def link(self) -> str:
        """Where Socket Mode connects."""
        return self.url.replace("http://", "ws://") + "/link"

    def environment(self) -> dict[str, str]:
        """What points a bot at it."""
        return {
            "SLACK_API_URL": f"{self.url}/api/",
            "SLACK_BOT_TOKEN": "xoxb-bench",
            "SLACK_APP_TOKEN": "xapp-bench",
            "SLACK_SIGNING_SECRET": SECRET,
        }

    @property
    def pid(self) -> int:
        """The driver's process."""
        return self._process.pid

    async def click(self, clicks: Clicks) -> Clicked:
        """Press, and wait for every ack or 3 s."""
        return Clicked(**await self._asked({"clicks": asdict(clicks)}))

    async def mention(self, channels: Sequence[str], user: str, text: str, at_once: int = 20) -> list[int]:
        """Mention the bot in each of these channels; gives the numbers of its cards, in this order."""
        asked = {"mentions": list(channels), "user": user, "text": text, "at_once": at_once}
        return list((await self._asked(asked))["cards"])

    async def open_home(self, user: str) -> float:
        """Open a person's Home; gives the milliseconds until it is drawn."""
        return float((await self._asked({"home": user}))["ms"])

    async def command(self, text: str, user: str) -> float:
        """Send `/signoff`; gives the milliseconds to its answer, -1 if there is none."""
        return float((await self._asked({"command": text, "user": user}))["ms"])

    async def sockets(self, count: int) -> None:
        """Wait until so many sockets are open."""
        await self._asked({"sockets": count})

    async def updated(self, cards: Sequence[int]) -> list[float]:
        """When each card was last changed (`time.perf_counter`), 0 for never."""
        return list((await self._asked({"updated": list(cards)}))["updated"])

    async def _asked(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None  # noqa: S101 - it was made with pipes
        async with self._turn:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            await self._process.stdin.drain()
            return await _answer(self._process)


@contextlib.asynccontextmanager
async def driver() -> AsyncIterator[Slack]:
    """Start a driver; it ends with the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.driver",
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_LONGEST_LINE,
    )
    try:
        yield Slack(process, (await _answer(process))["url"])
    finally:
        assert process.stdin is not None  # noqa: S101 - it was made with pipes
        process.stdin.close()
        try:
            async with asyncio.timeout(5):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


async def _answer(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout is not None  # noqa: S101 - it was made with pipes
    line = await process.stdout.readline()
    if not line:
        raise RuntimeError("the driver ended: see its error above")
    answer: dict[str, Any] = json.loads(line)
    return answer
