"""The driver's process, as the measuring side speaks to it."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
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

    async def click(self, clicks: Clicks) -> Clicked:
        """Press, and wait for every ack or 3 s."""
        assert self._process.stdin is not None  # noqa: S101 - it was made with pipes
        self._process.stdin.write(json.dumps(asdict(clicks)).encode() + b"\n")
        await self._process.stdin.drain()
        return Clicked(**await _answer(self._process))


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
