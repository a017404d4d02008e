"""One worker as its supervisor sees it: started again and again under the same number."""

import asyncio
import contextlib
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.supervisor.assignment import Assignment
from bot.supervisor.channel import Answer, Channel, GoneError, Message

STEADY_SECONDS = 10.0
"""A worker that served for so long did not die of its start. A message that kills each worker that takes it does so
once in a lease, which is as long."""
HANGS_SECONDS = 10.0
"""A worker that has not answered for so long hangs: as long as a lease."""
_LONGEST_PAUSE = 30.0
_LAST_WORDS_SECONDS = 1.0
PROGRAM = Path(__file__).parents[1] / "worker.py"


@dataclass(slots=True)
class Worker:
    """`edition` is the number of the configuration which the process was started with, or has put in force since."""

    number: int
    program: Path = PROGRAM
    starts: int = 0
    short_lives: int = 0
    """Processes in a row that died soon after they were started."""
    edition: int = 0
    problems: tuple[str, ...] = ()
    """Why the process could not start, if it is the configuration, Slack or Redis."""
    process: asyncio.subprocess.Process | None = None
    silent: float = 0.0
    """Seconds for which it has not answered."""
    takes_part: bool = False
    """True if reloads are for it, too: it may serve, and serves or begins to."""
    _channel: Channel | None = None
    _serves_since: float | None = None
    _told: dict[str, Any] = field(default_factory=dict)

    @property
    def serves(self) -> bool:
        """True if it works."""
        return self._serves_since is not None

    @property
    def hangs(self) -> bool:
        """True if it has not answered for a while."""
        return self.silent >= HANGS_SECONDS

    @property
    def is_steady(self) -> bool:
        """True if it has worked for a while."""
        return self._serves_since is not None and time.monotonic() - self._serves_since >= STEADY_SECONDS

    @property
    def pause(self) -> float:
        """Seconds until it is started again: none at first, then longer each time that it dies soon."""
        return 0.0 if self.short_lives <= 1 else min(_LONGEST_PAUSE, 2.0 ** (self.short_lives - 2))

    @contextlib.asynccontextmanager
    async def started(
        self, assignment: Assignment, end: socket.socket, environ: Mapping[str, str], answer: Answer
    ) -> AsyncIterator[asyncio.subprocess.Process]:
        """Start its process, and speak with it within the block. `end` is the supervisor's end of the channel.

        Raises OSError where the system starts no process.
        """
        self._channel = await Channel.over(end, answer)
        keeping = asyncio.create_task(self._channel.keep(), name=f"channel {self.number}")
        self.starts += 1
        try:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", str(self.program), f"worker-{self.number}"),
                env={**environ, **assignment.environment()},
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=assignment.descriptors,
                process_group=0,  # Ctrl-C in a terminal reaches the supervisor only, which asks each worker to stop
            )
            yield self.process
            await asyncio.wait({keeping}, timeout=_LAST_WORDS_SECONDS)  # a child that a graph forked may hold it open
        finally:
            keeping.cancel()
            self._channel.close()
            await asyncio.gather(keeping, return_exceptions=True)
            self.process = self._channel = self._serves_since = None
            self.takes_part = False

    def begin_to_serve(self) -> None:
        """It serves."""
        self._serves_since = time.monotonic()

    async def ask(self, what: str, **more: Any) -> Message:
        """Ask its process. Raises GoneError."""
        if self._channel is None:
            raise GoneError("it is not running")
        return await self._channel.ask(what, **more)

    def ask_to_stop(self) -> None:
        """Let it drain and end. Not by SIGTERM: systemd sends that to each process, and a second one kills."""
        if self._channel is not None:
            self._channel.tell("stop")

    def kill(self) -> None:
        """Kill its process, if it runs."""
        if self.process is not None and self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()


def how_it_ended(code: int) -> str:
    """`signal SIGKILL`, or `exit code 3`."""
    if code >= 0:
        return f"exit code {code}"
    with contextlib.suppress(ValueError):
        return f"signal {signal.Signals(-code).name}"
    return f"signal {-code}"
