"""Writes to a thread's last checkpoint that LangGraph has no way for: asking a step anew, and saying whose code asked.

LangGraph's own `update_state` runs a node's edges again to the same end, refuses where it cannot tell which node, and
as `__copy__` loses the run's metadata.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from langgraph.checkpoint.base import copy_checkpoint
from langgraph.checkpoint.base.id import uuid6

from adapters.langgraph.config_keys import HALTED, MOVED


async def fork(saver: Any, config: Mapping[str, Any], marks: Mapping[str, str]) -> None:
    """Put a copy of the last checkpoint under a new id, so that the step which waits in it is asked anew.

    The copy has the same values and the same parent; what was stored for the step (questions, answers, errors) stays
    behind, and the tasks get other ids: so do their interrupts. `config` names the thread and carries the fence; with a
    checkpoint's id it is that one which is copied.
    """
    found = await saver.aget_tuple(config)
    step = found.metadata.get("step", 0) + 1
    checkpoint = copy_checkpoint(found.checkpoint)
    checkpoint["id"] = str(uuid6(clock_seq=step))
    checkpoint["ts"] = datetime.now(UTC).isoformat()
    kept = {name: each for name, each in found.metadata.items() if name not in (HALTED, MOVED)}
    metadata = {**kept, **marks, "source": "fork", "step": step}
    await saver.aput(_under_parent(found, config), checkpoint, metadata, {})


async def stamp(saver: Any, config: Mapping[str, Any], marks: Mapping[str, str]) -> None:
    """Put the last checkpoint again as it is, with other marks; what is stored for its step stays."""
    found = await saver.aget_tuple(config)
    await saver.aput(_under_parent(found, config), found.checkpoint, {**found.metadata, **marks}, {})


def _under_parent(found: Any, config: Mapping[str, Any]) -> dict[str, Any]:
    parent = (found.parent_config or {}).get("configurable", {}).get("checkpoint_id")
    where = {**config["configurable"], "checkpoint_ns": ""}
    where.pop("checkpoint_id", None)
    if parent:
        where["checkpoint_id"] = parent
    return {**config, "configurable": where}
