"""The owner of the server's background tasks: retries of deliveries, announcements of the bot's own messages."""

import asyncio
from collections.abc import Coroutine
from typing import Any


class Background:
    """Starts tasks; `close` cancels and awaits them all and raises their failures."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._failures: list[Exception] = []

    def start(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run `work` until it ends or the server closes."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def close(self) -> None:
        """Cancel the running tasks and await them. Raises ExceptionGroup, with all failures."""
        running = list(self._tasks)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        if self._failures:
            raise ExceptionGroup("background work of the local workspace failed", self._failures)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and isinstance(error := task.exception(), Exception):
            self._failures.append(error)
