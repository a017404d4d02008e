"""A saver for one read of a state: what LangGraph read of a checkpoint is not fetched and decoded a second time.

A snapshot leaves out most of what is stored beside a checkpoint: the answers, and the marks of decisions. LangGraph has
read all of it for the snapshot, by one call for each graph of the thread. So this saver stands in for the graph's own
during the read, and remembers the writes. They also belong to the very state that the snapshot shows.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver

from adapters.langgraph.config_keys import SAVER


class ReadOnce(BaseCheckpointSaver[Any]):
    """The reading half of a saver, with a memory."""

    def __init__(self, saver: Any, writes: "dict[tuple[str, str], Sequence[Any]] | None" = None) -> None:
        self.serde = saver.serde  # not by the base's own `__init__`, which takes longer than the rest of a small read
        self._saver = saver
        self._writes = {} if writes is None else writes
        """The pending writes by the namespace and the id of their checkpoint."""

    def lent_to(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The config of a read by this saver."""
        return {**config, "configurable": {**config["configurable"], SAVER: self}}

    async def writes_of(self, config: Mapping[str, Any]) -> Sequence[Any]:
        """The pending writes of a checkpoint; those that LangGraph has not read are fetched."""
        known = self._writes.get(_place(config))
        if known is not None:
            return known
        found = await self.aget_tuple(config)
        return (found.pending_writes or ()) if found is not None else ()

    # What LangGraph calls ---------------------------------------------------------------------------------------------

    @property
    def config_specs(self) -> list[Any]:
        """As the saver has them."""
        return list(self._saver.config_specs)

    async def aget_tuple(self, config: Any) -> Any:
        """Read a checkpoint. A saver may return its config as given, and that is for calls of other savers."""
        configurable = {name: each for name, each in config["configurable"].items() if name != SAVER}
        found = await self._saver.aget_tuple({**config, "configurable": configurable})
        if found is not None:
            self._writes[_place(found.config)] = found.pending_writes or ()
        return found

    async def aget_delta_channel_history(self, *, config: Any, channels: Sequence[str]) -> Any:
        """Read the history of channels that are stored by their changes."""
        return await self._saver.aget_delta_channel_history(config=config, channels=channels)

    def get_next_version(self, current: Any, channel: None) -> Any:
        """Count as the saver does."""
        return self._saver.get_next_version(current, channel)

    def with_allowlist(self, extra_allowlist: Collection[tuple[str, ...]]) -> "ReadOnce":
        """Read more types, where LangGraph is told to be strict; the memory is one."""
        return ReadOnce(self._saver.with_allowlist(extra_allowlist), self._writes)


def _place(config: Mapping[str, Any]) -> tuple[str, str]:
    configurable = config["configurable"]
    return configurable.get("checkpoint_ns", ""), configurable.get("checkpoint_id", "")
