"""Bots as processes: ours by `signoff run`, and the naive one. Both have the same Slack, Redis and graph."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis.asyncio
import yaml

from bench import outside
from bench.driver import PLACES
from bench.slack import ROOT, Slack
from bench.subject import BOB

_READY_SECONDS = 60.0
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Kind:
    """A bot: what starts it, what its log says once it serves, and how many sockets it then has at least."""

    name: str
    command: Sequence[str]
    ready: bytes
    sockets: int = 1


def naive() -> Kind | None:
    """The naive bot; None where the saver that it needs is not installed (`make bench` installs it)."""
    python = ROOT / ".venv-bench" / "bin" / "python"
    return Kind("naive", (str(python), "-m", "bench.naive"), b"is running") if python.exists() else None


def ours(folder: Path, processes: int = 1) -> Kind:
    """Signoff, whose agent listens in all channels, in one process or in workers under a supervisor."""
    agent = {
        "graph": f"{Path(__file__).parent / 'graph.py'}:graph",
        "channels": PLACES,
        "input": {"request": "$text"},
        "reply": "status",
    }
    said: dict[str, Any] = {
        "agents": {"bench": agent},
        "approvals": [{"approvers": {"users": [str(BOB)]}, "expires_after": "4h"}],
        "slack": {"mode": "socket"},
        "http": {"port": 0},
    }
    file = folder / "outside.yaml"
    file.write_text(yaml.safe_dump(said), encoding="utf-8")
    command = (sys.executable, "-m", "bot", "run", "--config", str(file), "--processes", str(processes))
    return Kind("ours", command, b'"event": "ready"', sockets=2 * processes)


@dataclass(slots=True)
class Running:
    """A bot: its process, and those of its workers."""

    kind: Kind
    slack: Slack
    environ: Mapping[str, str]
    folder: Path
    process: asyncio.subprocess.Process | None = None

    @property
    def notes(self) -> Path:
        """Where its graphs note what they did."""
        return self.folder / "done"

    def done(self) -> dict[str, list[float]]:
        """When the graph of each channel did what was approved, each time."""
        found: dict[str, list[float]] = {}
        for line in self.notes.read_text(encoding="utf-8").splitlines():
            at, *_, channel = line.split()
            found.setdefault(channel, []).append(float(at))
        return found

    async def start(self) -> None:
        """Start it, and wait until it serves."""
        with (log := self.folder / "log").open("wb") as said:
            self.process = await asyncio.create_subprocess_exec(
                *self.kind.command, cwd=ROOT, env=self.environ, stdout=said, stderr=said
            )
        async with asyncio.timeout(_READY_SECONDS):
            while self.kind.ready not in log.read_bytes():
                if self.process.returncode is not None:
                    raise RuntimeError(f"{self.kind.name} ended: {log.read_text()[-2_000:]}")
                await asyncio.sleep(0.02)
        await self.slack.sockets(self.kind.sockets)

    @property
    def pids(self) -> list[int]:
        """The process, and those that it started: its workers."""
        if self.process is None or self.process.returncode is not None:
            return []
        pid = self.process.pid
        return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split())]

    async def kill(self) -> None:
        """Kill all processes, as an out-of-memory killer does."""
        for each in self.pids:
            os.kill(each, signal.SIGKILL)
        if self.process is not None:
            await self.process.wait()

    def cpu_seconds(self) -> float:
        """The time of processors that its processes took so far."""
        return sum(map(cpu_seconds, self.pids))


def resident_mb(pid: int) -> float:
    """The memory that a process takes."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1_000


def cpu_seconds(pid: int) -> float:
    """The time of processors that a process took so far, in the system and outside."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


@contextlib.asynccontextmanager
async def running(
    kind: Kind, slack: Slack, redis_url: str, folder: Path, slow_step: float = 0.0
) -> AsyncIterator[Running]:
    """A bot on an empty Redis; what its graphs do takes `slow_step` seconds."""
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        await client.flushall()
    async with continued(kind, slack, redis_url, folder, slow_step) as bot:
        yield bot


@contextlib.asynccontextmanager
async def continued(
    kind: Kind, slack: Slack, redis_url: str, folder: Path, slow_step: float = 0.0
) -> AsyncIterator[Running]:
    """A bot on what is in Redis."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("SLACK_", "SIGNOFF_"))}
    done = {outside.FILE: str(folder / "done"), outside.SECONDS: str(slow_step)}
    environ = {**inherited, **slack.environment(), "REDIS_URL": redis_url, **done}
    (folder / "done").write_text("", encoding="utf-8")
    bot = Running(kind, slack, environ, folder)
    await bot.start()
    try:
        yield bot
    finally:
        await bot.kill()
