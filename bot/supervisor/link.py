"""A worker's side: it answers its supervisor, asks it about the other workers, and ends when it ends.

A thread waits for the end of the supervisor, not the event loop: a graph that blocks the loop would keep a worker alive
that nobody can reload or stop any more.
"""

import asyncio
import contextlib
import os
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import structlog

from bot.config.problems import ProblemsError
from bot.config.settings import Config
from bot.runtime.readiness import Readiness
from bot.runtime.reload import Reload
from bot.runtime.shared_names import ToldNames
from bot.supervisor.assignment import Assignment
from bot.supervisor.channel import Channel, GoneError, Message, Texts
from bot.telemetry import Metrics

log = structlog.get_logger(__name__)

ORPHAN_SECONDS = 30.0
"""How long a worker may take to drain once its supervisor is gone."""
_TELL_SECONDS = 0.1


class Member(Protocol):
    """The bot of a worker, to its supervisor."""

    async def readiness(self) -> Readiness:
        """Its own readiness."""

    @property
    def hears_slack(self) -> bool:
        """True if Slack can deliver to this worker."""

    @property
    def metrics(self) -> Metrics:
        """Its own metrics."""

    async def count_waiting(self) -> None:
        """Count in its metrics what waits for people, in Redis."""

    @property
    def reload(self) -> Reload:
        """Its reload."""


ReadTexts = Callable[[Texts], Config]
"""Takes these texts for the content of `app.yaml` and the files beside it. Raises ProblemsError."""


@dataclass(frozen=True, slots=True)
class Told:
    """The texts that are in force, those that the supervisor read first, and the names in those in force."""

    texts: Texts = field(repr=False)
    first: Texts = field(repr=False)
    names: "NamesOfEdition"


class NamesOfEdition:
    """Implements `bot.runtime.shared_names.SharedNames` for one edition of the configuration."""

    def __init__(self, channel: Channel, edition: int) -> None:
        self._channel, self._edition = channel, edition

    async def told(self) -> ToldNames | None:
        """The names that another worker has told."""
        try:
            found = await self._channel.ask("names", edition=self._edition)
        except GoneError:
            return None
        return None if found["names"] is None else ToldNames(found["names"], found["age"])

    def tell(self, names: str) -> None:
        """Tell the names that this worker found."""
        self._channel.tell("names", edition=self._edition, names=names)


class Link:
    """The link of a worker to its supervisor."""

    def __init__(self, assignment: Assignment, stop: asyncio.Event) -> None:
        self.assignment = assignment
        self.listeners: Mapping[str, Sequence[socket.socket]] = {
            key: [socket.socket(fileno=each) for each in sockets] for key, sockets in assignment.listeners.items()
        }
        self._stop = stop
        self._member: Member | None = None
        self._read: ReadTexts | None = None
        self._channel: Channel | None = None

    @contextlib.asynccontextmanager
    async def joined(self) -> AsyncIterator[None]:
        """Hold the link within the block; at its end the supervisor gets the last metrics."""
        threading.Thread(target=self._watch, args=(asyncio.get_running_loop(),), daemon=True).start()
        self._channel = await Channel.over(socket.socket(fileno=self.assignment.channel), self._answer)
        tasks = [asyncio.create_task(self._channel.keep()), asyncio.create_task(self._keep_told())]
        try:
            yield
        finally:
            self._tell_metrics()
            await self._channel.flush()
            for each in tasks:
                each.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def configuration(self) -> Told:
        """The configuration. Raises GoneError."""
        found = await self._open.ask("configuration")
        return Told(found["texts"], found["first"], NamesOfEdition(self._open, found["edition"]))

    async def may_serve(self) -> bool:
        """Wait until this worker goes by the rules in force; False if it is to end. It has to be represented."""
        asked = asyncio.create_task(self._open.ask("may serve"))
        stopped = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({asked, stopped}, return_when=asyncio.FIRST_COMPLETED)
            return asked.done() and not asked.exception()
        finally:
            asked.cancel()
            stopped.cancel()
            await asyncio.gather(asked, stopped, return_exceptions=True)

    def serving(self) -> None:
        """Tell that this worker serves."""
        self._open.tell("serving")

    def failed(self, error: ProblemsError) -> None:
        """Tell why this worker cannot start."""
        self._open.tell("failed", problems=[str(each) for each in error.problems])

    def represent(self, member: Member, read: ReadTexts) -> None:
        """From now on `member` answers the supervisor. `read` reads what it shall reload."""
        self._member, self._read = member, read

    # The crew: see `bot.runtime.http.Crew` ----------------------------------------------------------------------------

    async def readiness(self) -> Readiness:
        """The readiness of all workers as one."""
        try:
            found = await self._open.ask("readiness")
        except GoneError:
            return Readiness(["the supervisor is gone: this worker drains"])
        return Readiness(found["missing"], found["degraded"])

    async def exposition(self) -> bytes:
        """The metrics of all workers, summed. Raises GoneError."""
        return str((await self._open.ask("metrics"))["text"]).encode()

    # What the supervisor asks -----------------------------------------------------------------------------------------

    async def _answer(self, message: Message) -> Message | None:
        what, member = message["what"], self._member
        if what == "stop":
            self._stop.set()
            return None
        if what == "alive":
            return {}
        if member is None or self._read is None:
            return {"missing": ["it is starting"], "degraded": [], "hears": False, "families": [], "problems": []}
        match what:
            case "readiness":
                found = await member.readiness()
                return {"missing": [*found.missing], "degraded": [*found.degraded], "hears": member.hears_slack}
            case "metrics":
                if message["waiting"]:
                    await member.count_waiting()
                return {"families": member.metrics.families()}
            case "prepare":
                names = NamesOfEdition(self._open, message["edition"])
                problems = await member.reload.prepare(partial(self._read, message["texts"]), names)
                return {"problems": [[each.where, each.what, each.fix] for each in problems]}
            case "take effect":
                await member.reload.take_effect(counted=message["counted"])
                return {}
            case "discard":
                await member.reload.discard(message["problems"], counted=message["counted"])
                return {}
            case _:
                raise AssertionError(what)

    async def _keep_told(self) -> None:
        """Tell the metrics soon after something was counted, so that a worker that dies takes little along."""
        while True:
            await asyncio.sleep(_TELL_SECONDS)
            if self._member is not None:
                await self._member.metrics.counted.wait()
                self._member.metrics.counted.clear()
                self._tell_metrics()

    def _tell_metrics(self) -> None:
        if self._member is not None:
            self._open.tell("metrics", families=self._member.metrics.families())

    @property
    def _open(self) -> Channel:
        if self._channel is None:
            raise AssertionError("not joined")
        return self._channel

    # Its end ----------------------------------------------------------------------------------------------------------

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wait in a thread until the supervisor is gone; then drain, and end in any case."""
        os.read(self.assignment.lifeline, 1)  # nobody writes: it returns when the other end is closed
        log.error("the supervisor is gone: this worker drains and ends")
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(self._stop.set)
        time.sleep(ORPHAN_SECONDS)
        os._exit(1)
