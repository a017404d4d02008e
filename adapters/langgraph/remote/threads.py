"""A thread on a server, as one read found it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import BaseMessage, convert_to_messages

from adapters.langgraph import config_keys as keys
from adapters.langgraph.dialects.to_json import to_json
from adapters.langgraph.errors import StateRefusedError
from adapters.langgraph.remote.client import ServerClient
from engine.asks.ask import Json
from engine.ids import ThreadId
from engine.ports import Later

MESSAGES = "messages"
"""The field with the tool calls: a server does not tell which field a node of tools reads."""
_BUSY_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class ServerThread:
    """A thread; `state` is None for one that was never fed."""

    state: Mapping[str, Any] | None
    status: str = ""
    error: str = ""
    schemas: Mapping[str, Any] = field(default_factory=dict)
    """The `response_schema` of each interrupt, by id."""
    refused: bool = False
    """Whether the graph's own schema refuses the state: see `adapters.langgraph.in_process.threads.checkpoints`."""

    @property
    def checkpoint(self) -> str:
        """The id of its last checkpoint."""
        return checkpoint_id((self.state or {}).get("checkpoint"))

    @property
    def tasks(self) -> Sequence[Mapping[str, Any]]:
        """The tasks of the step that comes next or waits."""
        found: Sequence[Mapping[str, Any]] = (self.state or {}).get("tasks") or ()
        return found

    @property
    def values(self) -> dict[str, Json]:
        """The state's fields as JSON; none where it is no object."""
        value = to_json((self.state or {}).get("values")).value
        return value if isinstance(value, dict) else {}

    @property
    def messages(self) -> list[BaseMessage]:
        """The messages of the state; none where they cannot be read."""
        told = self.values.get(MESSAGES)
        spelled = [each for each in told if isinstance(each, dict)] if isinstance(told, list) else []
        try:
            return convert_to_messages(spelled)
        except (ValueError, TypeError, KeyError, NotImplementedError):
            return []

    @property
    def waiting(self) -> tuple[str, ...]:
        """The nodes that come next and ask nothing."""
        idle = (each for each in self.tasks if not each.get("interrupts") and not each.get("error"))
        return tuple(dict.fromkeys(str(each["name"]) for each in idle if each.get("result") is None))

    def mark(self, key: str) -> str:
        """A value that a run left in the checkpoint's metadata under one of our keys."""
        found = ((self.state or {}).get("metadata") or {}).get(key)
        return found if isinstance(found, str) else ""

    @property
    def requester(self) -> str:
        """The person who asked for the turn; a thread of an older version of Signoff has no mark of ours for them."""
        return self.mark(keys.REQUESTER) or self.mark(keys.USER)

    def is_update_of(self, checkpoint: str) -> bool:
        """Tell whether the thread is at an update of a checkpoint, from which nothing has run yet."""
        state = self.state or {}
        made = (state.get("metadata") or {}).get("source")
        return made in ("update", "fork") and checkpoint_id(state.get("parent_checkpoint")) == checkpoint


async def read(client: ServerClient, thread: ThreadId) -> ServerThread:
    """Read a thread when nothing runs. Waits for the end of a run, and raises Later then."""
    known = await client.thread(thread)
    if known.get("status") == "busy":
        running = (each for each in await client.runs(thread) if each["status"] in ("pending", "running"))
        for run in running:
            await client.end_of(thread, run["run_id"])
        raise Later(_BUSY_SECONDS)
    interrupts: Mapping[str, Any] = known.get("interrupts") or {}
    schemas = {each.get("id"): each.get("response_schema") for listed in interrupts.values() for each in listed}
    try:
        state = await client.state(thread) if known else None
    except StateRefusedError as error:
        # The id of its checkpoint cannot be read: the time of the last update stands in for it.
        unread = {"checkpoint": {"checkpoint_id": str(known.get("state_updated_at"))}}
        return ServerThread(unread, "error", str(error), refused=True)
    return ServerThread(state, str(known.get("status", "")), _as_stored(known.get("error")), schemas)


def checkpoint_id(found: Any) -> str:
    """The id of a checkpoint as the server gives it; "" for none."""
    return str((found or {}).get("checkpoint_id", ""))


def _as_stored(error: Any) -> str:
    """An error as LangGraph stores it in this process."""
    if isinstance(error, dict):
        return f"{error.get('error', 'error')}({error.get('message', '')!r})"
    return str(error) if error else ""
