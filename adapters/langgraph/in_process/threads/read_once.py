"""A saver for one read of a state: what LangGraph read of a checkpoint is not fetched and decoded a second time.

A snapshot leaves out most of what is stored beside a checkpoint: the answers, and the marks of decisions. LangGraph has
read all of it for the snapshot, by one call for each graph of the thread. So this saver stands in for the graph's own
during the read, and remembers the writes. They also belong to the very state that the snapshot shows.

The newest checkpoint of the root may have been read ahead, while the bot read the answer that is meant for it. It is
taken once: whoever reads the thread again wants to know what became of it. And it is taken soon, or not at all: a read
shows that the thread is still this lane's, which a pause of a whole lease after it may have changed.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver

from adapters.langgraph.config_keys import SAVER

FRESH_SECONDS = 1.0
"""How long after a read a run may still begin with it: much less than a lane's lease."""


class ReadAhead:
    """The newest checkpoint of a thread, as it was read before it was needed; None is that of a new thread.

    `since` is when it was asked for, by `time.monotonic`.
    """

    def __init__(self, found: Any, since: float) -> None:
        self._left = [found]
        self._since = since

    def __bool__(self) -> bool:
        return bool(self._left) and _is_fresh(self._since)

    def take(self) -> Any:
        """Take it, once."""
        return self._left.pop()


class ReadOnce(BaseCheckpointSaver[Any]):
    """The reading half of a saver, with a memory."""

    def __init__(
        self, saver: Any, read: "dict[tuple[str, str], Any] | None" = None, ahead: ReadAhead | None = None
    ) -> None:
        self.serde = saver.serde  # not by the base's own `__init__`, which takes longer than the rest of a small read
        self.saver = saver
        self._read = {} if read is None else read
        """What was read, by the namespace and the id of the checkpoint."""
        self._ahead = ahead
        self._since = time.monotonic()

    def lent_to(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The config of a read by this saver."""
        return {**config, "configurable": {**config["configurable"], SAVER: self}}

    async def writes_of(self, config: Mapping[str, Any]) -> Sequence[Any]:
        """The pending writes of a checkpoint; those that LangGraph has not read are fetched."""
        found = self._read.get(_place(config)) or await self.aget_tuple(config)
        return (found.pending_writes or ()) if found is not None else ()

    @property
    def again(self) -> Callable[[], Any] | None:
        """Decodes the first checkpoint once more, which is the root's, if the saver can; None once it is not fresh."""
        again = getattr(next(iter(self._read.values()), None), "again", None)
        return None if again is None else lambda: again() if _is_fresh(self._since) else None

    # What LangGraph calls ---------------------------------------------------------------------------------------------

    @property
    def config_specs(self) -> list[Any]:
        """As the saver has them."""
        return list(self.saver.config_specs)

    async def aget_tuple(self, config: Any) -> Any:
        """Read a checkpoint. A saver may return its config as given, and that is for calls of other savers."""
        found = self._ahead.take() if self._ahead and _place(config) == ("", "") else await self._fetch(config)
        if found is not None:
            self._read[_place(found.config)] = found
        return found

    async def _fetch(self, config: Any) -> Any:
        configurable = {name: each for name, each in config["configurable"].items() if name != SAVER}
        return await self.saver.aget_tuple({**config, "configurable": configurable})

    async def aget_delta_channel_history(self, *, config: Any, channels: Sequence[str]) -> Any:
        """Read the history of channels that are stored by their changes."""
        return await self.saver.aget_delta_channel_history(config=config, channels=channels)

    def get_next_version(self, current: Any, channel: None) -> Any:
        """Count as the saver does."""
        return self.saver.get_next_version(current, channel)

    def with_allowlist(self, extra_allowlist: Collection[tuple[str, ...]]) -> "ReadOnce":
        """Read more types, where LangGraph is told to be strict; the memory is one."""
        return ReadOnce(self.saver.with_allowlist(extra_allowlist), self._read, self._ahead)


def _is_fresh(since: float) -> bool:
    return time.monotonic() - since < FRESH_SECONDS


def _place(config: Mapping[str, Any]) -> tuple[str, str]:
    configurable = config["configurable"]
    return configurable.get("checkpoint_ns") or "", configurable.get("checkpoint_id") or ""
