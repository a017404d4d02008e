"""The config of a run: the thread, the fence, the idempotency key, and the marks that its checkpoints keep."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from adapters.langgraph import config_keys as keys
from adapters.langgraph.guards import approved_calls
from adapters.langgraph.guards.drift import AnsweredPayloads
from adapters.langgraph.guards.tool_starts import ToolDecisions
from adapters.langgraph.requester import AuthUser
from engine.ids import ThreadId

NOT_STORED = "(not stored)"
"""Stands in the metadata for each key of `configurable:`, since LangGraph copies a key's value only where the metadata
has none of that name: it would write a secret into every checkpoint."""


@dataclass(frozen=True, slots=True)
class Marks:
    """The metadata of a run's checkpoints, by which the thread itself records what it was given."""

    turn: str = ""
    answered: str = ""
    code: str = ""
    said_before: str = ""
    approved: str = ""
    breakpoints: str = ""

    def as_metadata(self) -> dict[str, str]:
        """The marks by their keys in `config_keys`, without empty ones."""
        marks = {
            keys.TURN: self.turn,
            keys.ANSWERED: self.answered,
            keys.CODE: self.code,
            keys.SAID_BEFORE: self.said_before,
            keys.APPROVED: self.approved,
            keys.BREAKPOINTS: self.breakpoints,
        }
        return {key: mark for key, mark in marks.items() if mark}


def config_of(
    thread: ThreadId,
    fence: int,
    key: str,
    user: str,
    marks: Marks,
    shown: AnsweredPayloads | None = None,
    given: Mapping[str, Any] = MappingProxyType({}),
) -> dict[str, Any]:
    """Make the config of a run. `given` is the agent's own `configurable:`, which is passed and never stored."""
    configurable: dict[str, Any] = {**given, "thread_id": thread, keys.FENCE: fence, keys.STRICT_RESUME: True}
    if shown is not None:
        configurable[keys.SHOWN] = shown
    if marks.approved:
        configurable[keys.APPROVALS] = ToolDecisions(approved_calls.read(marks.approved))
    if key:
        configurable[keys.IDEMPOTENCY_KEY] = key
    if user:
        configurable |= {
            keys.USER: user,
            keys.AUTH_USER: AuthUser(user),
            keys.AUTH_PERMISSIONS: [],
        }
    return {"configurable": configurable, "metadata": {**dict.fromkeys(given, NOT_STORED), **marks.as_metadata()}}
