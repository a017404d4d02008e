"""Writes of our own beside the answers of a step, under tasks of our own, which LangGraph ignores.

They are dropped with the answers: a step that is asked again from its beginning has neither.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

StepWrite = tuple[str, str, Any]
"""A task of our own, the channel, and what is written."""


async def store(saver: Any, config: Mapping[str, Any], checkpoint: str, writes: Sequence[StepWrite]) -> None:
    """Write to a checkpoint at the root. Writing the same again changes nothing."""
    at = _at(config, checkpoint)
    for task, channel, written in writes:
        await saver.aput_writes(at, [(channel, written)], task)


class WritesOfRun:
    """Writes that come up while a run goes on. `found` gives all of them so far."""

    def __init__(
        self, saver: Any, config: Mapping[str, Any], checkpoint: str, found: Callable[[], Sequence[StepWrite]]
    ) -> None:
        self._saver = saver
        self._config = config
        self._checkpoint = checkpoint
        self._found = found
        self._stored: set[str] = set()

    async def store(self) -> None:
        """Store those that are not stored yet."""
        if new := self._new():
            await store(self._saver, self._config, self._checkpoint, new)
            self._stored.update(task for task, _, _ in new)

    def store_blocking(self) -> None:
        """The same from a thread that has no loop, or blocks it."""
        if new := self._new():
            at = _at(self._config, self._checkpoint)
            for task, channel, written in new:
                self._saver.put_writes(at, [(channel, written)], task)
            self._stored.update(task for task, _, _ in new)

    def _new(self) -> Sequence[StepWrite]:
        return [each for each in self._found() if each[0] not in self._stored]


def _at(config: Mapping[str, Any], checkpoint: str) -> dict[str, Any]:
    return {**config, "configurable": {**config["configurable"], "checkpoint_ns": "", "checkpoint_id": checkpoint}}
