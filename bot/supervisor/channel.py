"""A channel between the supervisor and a worker: JSON lines over a socket pair, questions and answers both ways."""

import asyncio
import contextlib
import itertools
import json
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

import structlog

log = structlog.get_logger(__name__)

Message: TypeAlias = dict[str, Any]
Texts: TypeAlias = Mapping[str, str | None]
"""The files of a configuration: see `bot.config.files`. They hold secrets."""
Answer: TypeAlias = Callable[[Message], Awaitable[Message | None]]
"""Answers a message of the other side. `what` in it says what it is about; what only tells gets no answer."""

_LONGEST_LINE = 64 * 1024 * 1024
_MOST_UNSENT = 4 * 1024 * 1024


class GoneError(Exception):
    """The other side has ended, or could not answer."""


class Channel:
    """One end. `keep` reads from the other until that ends."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Answer) -> None:
        self._reader, self._writer, self._answer = reader, writer, answer
        self._numbers = itertools.count(1)
        self._asked: dict[int, asyncio.Future[Message]] = {}
        self._is_open = True

    @classmethod
    async def over(cls, end: socket.socket, answer: Answer) -> "Channel":
        """A channel over one end of a socket pair."""
        reader, writer = await asyncio.open_unix_connection(sock=end, limit=_LONGEST_LINE)
        return cls(reader, writer, answer)

    async def ask(self, what: str, **more: Any) -> Message:
        """Ask the other side. Raises GoneError."""
        if not self._is_open:
            raise GoneError("its process has ended")
        number = next(self._numbers)
        self._asked[number] = asyncio.get_running_loop().create_future()
        try:
            self._send({"number": number, "what": what, **more})
            return await self._asked[number]
        finally:
            del self._asked[number]

    def tell(self, what: str, **more: Any) -> None:
        """Tell the other side; lost if that has ended, or has stopped reading."""
        if self._is_open and self._writer.transport.get_write_buffer_size() < _MOST_UNSENT:
            self._send({"what": what, **more})

    async def flush(self) -> None:
        """Wait until what was told is on its way."""
        with contextlib.suppress(ConnectionError):
            await self._writer.drain()

    async def keep(self) -> None:
        """Read and answer until the other side ends, or cancelled."""
        async with asyncio.TaskGroup() as answering:
            try:
                async for line in self._reader:
                    self._take(json.loads(line), answering)
            except ConnectionError:
                pass
            finally:
                self.close()

    def close(self) -> None:
        """Close this end: whoever waits for an answer gets none."""
        self._is_open = False
        for each in self._asked.values():
            if not each.done():
                each.set_exception(GoneError("its process has ended"))
        self._writer.close()

    def _take(self, message: Message, answering: asyncio.TaskGroup) -> None:
        if "what" in message:
            answering.create_task(self._reply(message))
        elif (asked := self._asked.get(message["number"])) is not None and not asked.done():
            if "failed" in message:
                asked.set_exception(GoneError(message["failed"]))
            else:
                asked.set_result(message["answer"])

    async def _reply(self, message: Message) -> None:
        number = message.get("number")
        try:
            answer = await self._answer(message)
        except Exception as error:
            log.exception("a message between supervisor and worker failed", what=message["what"])
            if number is not None:
                self._send({"number": number, "failed": f"it failed ({type(error).__name__})"})
            return
        if number is not None:
            self._send({"number": number, "answer": answer or {}})

    def _send(self, message: Message) -> None:
        if self._is_open:
            self._writer.write(json.dumps(message).encode() + b"\n")
