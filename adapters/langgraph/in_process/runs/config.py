"""The config of a run: the thread, the fence, the idempotency key, and the marks that its checkpoints keep."""

from dataclasses import dataclass
from typing import Any

from adapters.langgraph import config_keys as keys
from adapters.langgraph.guards import approved_calls
from adapters.langgraph.guards.drift import AnsweredPayloads
from adapters.langgraph.guards.tool_starts import ToolDecisions
from engine.ids import ThreadId


@dataclass(frozen=True, slots=True)
class Marks:
    """The metadata of a run's checkpoints, by which the thread itself records what it was given."""

    turn: str = ""
    answered: str = ""
    code: str = ""
    said_before: str = ""
    approved: str = ""

    def as_metadata(self) -> dict[str, str]:
        """The marks by their keys in `config_keys`, without empty ones."""
        marks = {
            keys.TURN: self.turn,
            keys.ANSWERED: self.answered,
            keys.CODE: self.code,
            keys.SAID_BEFORE: self.said_before,
            keys.APPROVED: self.approved,
        }
        return {key: mark for key, mark in marks.items() if mark}


@dataclass(frozen=True, slots=True)
class AuthUser:
    """The requester, as graphs written for LangGraph Server expect them: by attribute or by key."""

    identity: str

    def __getitem__(self, name: str) -> str:
        if name != "identity":
            raise KeyError(name)
        return self.identity


def config_of(
    thread: ThreadId, fence: int, key: str, user: str, marks: Marks, shown: AnsweredPayloads | None = None
) -> dict[str, Any]:
    """Make the config of a run."""
    configurable: dict[str, Any] = {"thread_id": thread, keys.FENCE: fence, keys.STRICT_RESUME: True}
    if shown is not None:
        configurable[keys.SHOWN] = shown
    if marks.approved:
        configurable[keys.APPROVALS] = ToolDecisions(approved_calls.read(marks.approved))
    if key:
        configurable[keys.IDEMPOTENCY_KEY] = key
    if user:
        configurable |= {keys.USER: user, keys.AUTH_USER: AuthUser(user)}
    return {"configurable": configurable, "metadata": marks.as_metadata()}
