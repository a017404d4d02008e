"""Copies of a thread's last checkpoint that LangGraph cannot write: to ask a step again, and to change its marks.

LangGraph's own `update_state` runs a node's edges again, refuses where it cannot infer the node, and as `__copy__`
loses the run's metadata.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from langgraph.checkpoint.base import copy_checkpoint
from langgraph.checkpoint.base.id import uuid6

from adapters.langgraph.config_keys import STOPPED_FOR, UPDATED_FOR


async def fork(saver: Any, config: Mapping[str, Any], marks: Mapping[str, str]) -> None:
    """Write a copy of the last checkpoint under a new id, so that its step is asked again from the beginning.

    The copy has the same values and the same parent, without the questions, answers and errors that were stored for the
    step; the tasks and their interrupts get other ids. `config` names the thread and carries the fence; with the id of
    a checkpoint, that one is copied.
    """
    found = await saver.aget_tuple(config)
    step = found.metadata.get("step", 0) + 1
    checkpoint = copy_checkpoint(found.checkpoint)
    checkpoint["id"] = str(uuid6(clock_seq=step))
    checkpoint["ts"] = datetime.now(UTC).isoformat()
    kept = {name: each for name, each in found.metadata.items() if name not in (STOPPED_FOR, UPDATED_FOR)}
    metadata = {**kept, **marks, "source": "fork", "step": step}
    await saver.aput(_under_parent(found, config), checkpoint, metadata, {})


async def stamp(saver: Any, config: Mapping[str, Any], marks: Mapping[str, str]) -> None:
    """Write the last checkpoint again with other marks, and keep everything that is stored for its step."""
    found = await saver.aget_tuple(config)
    await saver.aput(_under_parent(found, config), found.checkpoint, {**found.metadata, **marks}, {})


def _under_parent(found: Any, config: Mapping[str, Any]) -> dict[str, Any]:
    parent = (found.parent_config or {}).get("configurable", {}).get("checkpoint_id")
    where = {**config["configurable"], "checkpoint_ns": ""}
    where.pop("checkpoint_id", None)
    if parent:
        where["checkpoint_id"] = parent
    return {**config, "configurable": where}
