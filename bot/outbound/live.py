"""Shows in Slack what a run says and does, while it does.

A run that ends soon shows nothing: its reply comes as fast. Words appear after a second, and the current step where a
run takes long. The live message is not durable: the reply, which is, replaces it when the run has come to rest, and a
live message without a reply is deleted.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import structlog

from bot.masking import concealed_so_far
from engine.ids import MessageTs
from engine.ports import LiveMessage

log = structlog.get_logger(__name__)

Posted = Callable[[MessageTs], Awaitable[None]]

WORDS_AFTER = 1.0
"""Seconds of a run before its words are shown."""
STEPS_AFTER = 5.0
"""Seconds of a run before it is shown which step runs."""
LAST_WORDS = 5.0
"""Seconds that a message which is being posted is given when the run has ended: its `ts` must be known."""
_MOST_NODES = 3


class Live:
    """An `engine.ports.Watcher` that keeps a live message up to date."""

    def __init__(self, message: LiveMessage, posted: Posted) -> None:
        self._message, self._posted = message, posted
        self._began = time.monotonic()
        self._words, self._speaker = "", ""
        self._nodes: tuple[str, ...] = ()
        self._changed, self._over = asyncio.Event(), asyncio.Event()
        self._showing: asyncio.Task[None] | None = None

    @property
    def ts(self) -> MessageTs | None:
        """The message, if anything was shown."""
        return self._message.ts

    def words(self, key: str, text: str, speaker: str) -> None:
        """See `engine.ports.Watcher`. One message shows all that is said: the newest words replace the ones before."""
        del key
        self._words, self._speaker = concealed_so_far(text), speaker
        self._changed.set()

    def step(self, nodes: tuple[str, ...]) -> None:
        """See `engine.ports.Watcher`."""
        self._nodes = nodes
        self._changed.set()

    def begin(self) -> None:
        """Show what changes from now on."""
        self._showing = asyncio.create_task(self._keep_showing(), name="live message")

    async def _keep_showing(self) -> None:
        """Show what changes, no more often than the message allows, until the run is over."""
        while await self._something_to_show():
            self._changed.clear()
            first = self._message.ts is None
            pause = await self._message.show(self._words, self._speaker, self._step())
            if first and self._message.ts is not None:
                await self._posted(self._message.ts)
            await _first_of(self._over, pause)
        await self._message.close()

    async def end(self) -> None:
        """The run is over: close the message."""
        if self._showing is None:
            return
        self._over.set()
        self._changed.set()
        await asyncio.wait({self._showing}, timeout=LAST_WORDS)
        self._showing.cancel()
        (failure,) = await asyncio.gather(self._showing, return_exceptions=True)
        if isinstance(failure, Exception):
            log.warning("live message was given up", error=type(failure).__name__)

    async def _something_to_show(self) -> bool:
        await self._changed.wait()
        while not self._over.is_set() and (early := self._early()) > 0:
            self._changed.clear()
            await _first_of(self._changed, early)
        return not self._over.is_set()

    def _early(self) -> float:
        after = WORDS_AFTER if self._words.strip() else STEPS_AFTER
        return self._began + after - time.monotonic()

    def _step(self) -> str:
        if time.monotonic() - self._began < STEPS_AFTER or not self._nodes:
            return ""
        more = len(self._nodes) - _MOST_NODES
        named = ", ".join(self._nodes[:_MOST_NODES])
        return f"{named} and {more} more" if more > 0 else named


async def _first_of(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)


@contextlib.asynccontextmanager
async def watching(message: LiveMessage, posted: Posted) -> AsyncIterator[Live]:
    """A watcher for one run, whose message is closed behind it. `posted` is told of the message, to write it down.

    Most runs end before anything may be shown, so its task is started only then.
    """
    live = Live(message, posted)
    beginning = asyncio.get_running_loop().call_later(WORDS_AFTER, live.begin)
    try:
        yield live
    finally:
        beginning.cancel()
        await live.end()
