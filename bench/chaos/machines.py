"""The processes of the chaos: a Redis that keeps its data, and workers, each `signoff run` in a process of its own.

`bench.chaos.failures` kills and freezes them. Whoever runs a bot starts it again when it ends: so does `Workers.keep`.
"""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import redis.asyncio

from adapters.redis import embedded

PATIENCE = 60.0
FAKETIME = Path(f"/usr/lib/{os.uname().machine}-linux-gnu/faketime/libfaketimeMT.so.1")
"""Debian's: `.ci/faketime` installs it. Without it no clock jumps."""
HERE = Path(__file__).parent
_LOOK_AGAIN = 0.05


class StuckError(RuntimeError):
    """Something that must come did not; the message says what."""


async def wait_until(
    true: Callable[[], Awaitable[object]], what: str, seconds: float = PATIENCE, *, look_again: float = _LOOK_AGAIN
) -> None:
    """Wait until something is true. Raises StuckError."""
    try:
        async with asyncio.timeout(seconds):
            while not await true():  # noqa: ASYNC110 - other processes do it
                await asyncio.sleep(look_again)
    except TimeoutError:
        raise StuckError(f"not within {seconds:.0f} seconds: {what}") from None


@dataclass(slots=True)
class RedisServer:
    """A Valkey on a port, which has each write on the disk before it answers."""

    folder: Path
    port: int = 0
    process: Process | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"redis://127.0.0.1:{self.port}/0"

    async def start(self) -> None:
        """Start it on its data, and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = self.port or _free_port()
        options = f"--port {self.port} --bind 127.0.0.1 --appendonly yes --appendfsync always --dir {self.folder}"
        with (self.folder / "server.log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                embedded.find_server(), *options.split(), "--save", "", stdout=log, stderr=log
            )
        await wait_until(self.answers, "Redis answers")

    async def answers(self) -> bool:
        """Say whether it answers, with all its data loaded."""
        client = redis.asyncio.Redis.from_url(self.url, socket_timeout=1.0)
        try:
            return bool(await client.ping())
        except redis.RedisError:
            return False
        finally:
            await client.aclose()

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(number)

    async def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it, and wait until it is gone."""
        if self.process is not None:
            self.send(number)
            await self.process.wait()


@dataclass(slots=True)
class Worker:
    """One process of the bot, and those that took its place: `signoff run`, or a supervisor of several `processes`."""

    number: int
    folder: Path
    environ: Mapping[str, str]
    processes: int = 1
    process: Process | None = None
    starts: int = 0
    killed: set[int] = field(default_factory=set)
    """The processes that were killed."""
    ended: list[str] = field(default_factory=list)
    """How processes ended that were not killed."""

    @property
    def clock(self) -> Path:
        """The file that says by how much its clock is wrong."""
        return self.folder / f"clock-{self.number}"

    @property
    def log(self) -> Path:
        """What it writes."""
        return self.folder / f"worker-{self.number}.log"

    async def _started(self) -> Process:
        self.starts += 1
        command = [sys.executable, "-m", "bot", "run", "--config", str(self.folder / "app.yaml")]
        command += ["--processes", str(self.processes)] if self.processes > 1 else []
        with self.log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *command, stdout=log, stderr=log, env=dict(self.environ) | self._clock_environ(), cwd=self.folder
            )

    @property
    def pids(self) -> Sequence[int]:
        """The processes that serve: itself, or its supervisor's workers, which that starts again."""
        if self.process is None or self.process.returncode is not None:
            return ()
        return _children(self.process.pid) if self.processes > 1 else (self.process.pid,)

    def send(self, number: signal.Signals, pid: int | None = None) -> None:
        """Send all that serve a signal, or one of them."""
        for each in self.pids if pid is None else (pid,):
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, number)
            if number is signal.SIGKILL:
                self.killed.add(each)

    async def keep(self) -> None:
        """Start it again whenever it ends."""
        while True:
            process = self.process = await self._started()
            code = await process.wait()
            if process.pid not in self.killed:
                self.ended.append(f"worker {self.number} ended by itself with {code}")
                await asyncio.sleep(1.0)

    async def end(self) -> None:
        """Ask it to stop, and wait until it has."""
        if self.process is None or self.process.returncode is not None:
            return
        self.send(signal.SIGCONT)
        self.process.terminate()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await self.process.wait()
                return
        self.process.kill()
        await self.process.wait()
        raise StuckError(f"worker {self.number} did not end when asked to")

    def _clock_environ(self) -> dict[str, str]:
        if not FAKETIME.exists():
            return {}
        self.clock.write_text("+0\n", encoding="ascii")
        return {
            "LD_PRELOAD": str(FAKETIME),
            "FAKETIME_TIMESTAMP_FILE": str(self.clock),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
            "PYTHONPATH": os.pathsep.join([str(HERE / "clock"), str(HERE.parent.parent)]),
        }


@dataclass(slots=True)
class Workers:
    """All workers, each kept alive by a task of its own."""

    all: list[Worker]
    tasks: "list[asyncio.Task[None]]" = field(default_factory=list)

    def start(self) -> None:
        """Start them, and keep them alive."""
        self.tasks = [asyncio.create_task(each.keep(), name=f"worker {each.number}") for each in self.all]

    async def end(self) -> None:
        """Ask all to stop."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await asyncio.gather(*(each.end() for each in self.all))

    def failed(self) -> None:
        """Raise the error of a task that ended."""
        for task in self.tasks:
            if task.done():
                task.result()


def _children(pid: int) -> Sequence[int]:
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]
    except OSError:
        return []


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
