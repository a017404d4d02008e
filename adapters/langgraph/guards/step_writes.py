"""Writes of our own beside the answers of a step, under tasks of our own, which LangGraph ignores.

They are dropped with the answers: a step that is asked again from its beginning has neither.
"""

from collections.abc import Mapping, Sequence
from typing import Any

StepWrite = tuple[str, str, Any]
"""A task of our own, the channel, and what is written."""


async def store(saver: Any, config: Mapping[str, Any], checkpoint: str, writes: Sequence[StepWrite]) -> None:
    """Write to a checkpoint at the root. Writing the same again changes nothing."""
    configurable = {**config["configurable"], "checkpoint_ns": "", "checkpoint_id": checkpoint}
    for task, channel, written in writes:
        await saver.aput_writes({**config, "configurable": configurable}, [(channel, written)], task)
