"""A client of a LangGraph Server, which turns its failures into errors of Signoff.

| the server | then |
|---|---|
| cannot be reached, is too slow, or answers 5xx or 429 | `Later`: an outage costs time, and no decision |
| has another run in progress (409) | `Later`, after a moment |
| refuses the key, or does not know the assistant | ServerRefusedError: an operator has to act |
| does not know the thread | the thread does not exist |
| refuses to read or change a state (400) | StateRefusedError: the graph's own schema refuses the state |

A lost response needs no case of its own: each run has a key of ours in its metadata, and is looked up by it first.
"""

import uuid
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import httpx
from langgraph_sdk import get_client
from langgraph_sdk.errors import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
    UnprocessableEntityError,
)

from adapters.langgraph.errors import StateRefusedError
from engine.ids import ThreadId
from engine.ports import Later

KEY = "signoff_key"
"""In a run's metadata: the turn or answer for which it was begun, so that none begins two."""
DOWN_SECONDS = 5.0
BUSY_SECONDS = 1.0
_NAMESPACE = uuid.UUID("6f1f3a52-6c4b-5d7e-9a61-0d8f0d8a5b11")
_MOST_RUNS = 100
_SERVER_ERROR, _TOO_MANY = 500, 429


class ServerRefusedError(Exception):
    """The server refuses our calls; the message is a sentence, without the API key."""


@contextmanager
def _refusals_of_state() -> Iterator[None]:
    try:
        yield
    except BadRequestError as error:
        told = error.body if isinstance(error.body, dict) else {}
        raise StateRefusedError(str(told.get("detail") or error)) from None


@dataclass(frozen=True, slots=True)
class Server:
    """The server of an agent, and the agent's assistant there. Without an `api_key` none is sent."""

    url: str
    assistant: str
    api_key: str | None = None


def thread_of(thread: ThreadId) -> str:
    """The server's id of a thread: a server accepts only UUIDs."""
    return str(uuid.uuid5(_NAMESPACE, thread))


@contextmanager
def _translating(server: Server) -> Iterator[None]:
    try:
        yield
    except NotFoundError:
        raise
    except ConflictError:
        raise Later(BUSY_SECONDS) from None
    except (AuthenticationError, PermissionDeniedError):
        raise ServerRefusedError(f"The LangGraph Server at {server.url} refuses the API key.") from None
    except UnprocessableEntityError:
        raise ServerRefusedError(
            f'The LangGraph Server at {server.url} refuses this: does it have the assistant "{server.assistant}"?'
        ) from None
    except APIStatusError as error:
        if error.response.status_code >= _SERVER_ERROR or error.response.status_code == _TOO_MANY:
            raise Later(DOWN_SECONDS) from None
        raise ServerRefusedError(
            f"The LangGraph Server at {server.url} answers {error.response.status_code}."
        ) from None
    except httpx.HTTPError:
        raise Later(DOWN_SECONDS) from None


class GraphNodes(NamedTuple):
    """The nodes of a graph: all, those with a compiled breakpoint before or after them, and those that run tools."""

    nodes: frozenset[str]
    breakpoints: frozenset[str]
    tools: frozenset[str]

    def check_breakpoints(self, names: Iterable[str]) -> None:
        """Raise ServerRefusedError for a node that does not exist: the server would silently ignore it."""
        for name in names:
            if name not in self.nodes:
                raise ServerRefusedError(
                    f'there is no node "{name}" for a breakpoint. The graph has: {", ".join(sorted(self.nodes))}.'
                )


def _runs_tools(node: Mapping[str, Any]) -> bool:
    drawn = node.get("data")
    kind = drawn.get("id") if isinstance(drawn, dict) else None
    return "__tools" in (node.get("metadata") or {}) or (isinstance(kind, list) and kind[-1:] == ["ToolNode"])


def _value_at(found: Any, *path: str) -> Any:
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found


class ServerClient:
    """Calls the server of one agent."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._assistant = server.assistant
        self._client = get_client(url=server.url, api_key=server.api_key)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def check(self) -> str:
        """The name and version of the assistant. Raises ServerRefusedError, and Later where it cannot be reached."""
        with _translating(self._server):
            found = await self._client.assistants.search(graph_id=self._server.assistant, limit=1)
            if not found:
                try:
                    found = [await self._client.assistants.get(self._server.assistant)]
                except NotFoundError:
                    found = []
        if not found:
            raise ServerRefusedError(
                f'The LangGraph Server at {self._server.url} has no assistant "{self._server.assistant}".'
            )
        await self._refuse_forgetful()
        self._assistant = str(found[0]["assistant_id"])
        return f"{self._assistant}:{found[0].get('version', '')}"

    async def _refuse_forgetful(self) -> None:
        """Refuse a server whose own description says that its runs have no metadata.

        A run that an earlier delivery began is found by its metadata. Aegra 0.6 has none; it also accepts
        `interrupt_before` and ignores it, which would run nodes that people have to see first.
        """
        with _translating(self._server):
            try:
                described: Any = await self._client.http.get("/openapi.json")
            except NotFoundError:
                return
        run = _value_at(described, "components", "schemas", "Run", "properties")
        if run and "metadata" not in run:
            raise ServerRefusedError(
                f"The server at {self._server.url} keeps no metadata with its runs, so one run could begin twice: "
                "use a LangGraph Server."
            )

    async def nodes(self) -> GraphNodes:
        """The nodes in the drawing of the checked assistant's graph."""
        with _translating(self._server):
            drawn = await self._client.assistants.get_graph(self._assistant)
        listed: Sequence[Any] = drawn.get("nodes", ())
        return GraphNodes(
            frozenset(str(each["id"]) for each in listed) - {"__start__", "__end__"},
            frozenset(str(each["id"]) for each in listed if "__interrupt" in (each.get("metadata") or {})),
            frozenset(str(each["id"]) for each in listed if _runs_tools(each)),
        )

    # Threads ----------------------------------------------------------------------------------------------------------

    async def state(self, thread: ThreadId, checkpoint: str = "") -> Mapping[str, Any] | None:
        """The state of a thread, now or at a checkpoint; None where there is none. Raises StateRefusedError."""
        where: Any = {"checkpoint_id": checkpoint, "checkpoint_ns": ""} if checkpoint else None
        with _translating(self._server), _refusals_of_state():
            try:
                found: Mapping[str, Any] = await self._client.threads.get_state(thread_of(thread), checkpoint=where)
            except NotFoundError:
                return None
        return found if found.get("created_at") else None

    async def thread(self, thread: ThreadId) -> Mapping[str, Any]:
        """The thread's status, and its interrupts with their schemas."""
        with _translating(self._server):
            try:
                found: Mapping[str, Any] = await self._client.threads.get(thread_of(thread))
            except NotFoundError:
                return {}
        return found

    async def history(self, thread: ThreadId, limit: int) -> Sequence[Mapping[str, Any]]:
        """The last checkpoints, the newest first. Raises StateRefusedError where the graph refuses one of them."""
        with _translating(self._server), _refusals_of_state():
            try:
                found: Sequence[Any] = await self._client.threads.get_history(thread_of(thread), limit=limit)
            except NotFoundError:
                return ()
        return found

    async def update(
        self, thread: ThreadId, values: Mapping[str, Any] | None, as_node: str | None = None, checkpoint: str = ""
    ) -> None:
        """Change the state, now or at a checkpoint. Raises StateRefusedError."""
        where: Any = {"checkpoint_id": checkpoint, "checkpoint_ns": ""} if checkpoint else None
        with _translating(self._server), _refusals_of_state():
            await self._client.threads.update_state(
                thread_of(thread), None if values is None else dict(values), as_node=as_node, checkpoint=where
            )

    # Runs -------------------------------------------------------------------------------------------------------------

    async def run_of(self, thread: ThreadId, key: str) -> Mapping[str, Any] | None:
        """The run that was begun for a turn or an answer."""
        return next((each for each in await self.runs(thread) if (each.get("metadata") or {}).get(KEY) == key), None)

    async def runs(self, thread: ThreadId) -> Sequence[Mapping[str, Any]]:
        """The last runs of a thread, the newest first."""
        with _translating(self._server):
            try:
                found: Sequence[Any] = await self._client.runs.list(thread_of(thread), limit=_MOST_RUNS)
            except NotFoundError:
                return ()
        return found

    async def begin(self, thread: ThreadId, key: str, **run: Any) -> Mapping[str, Any]:
        """Begin a run, unless one is in progress."""
        run["metadata"] = {**run.get("metadata", {}), KEY: key}
        with _translating(self._server):
            await self._client.threads.create(thread_id=thread_of(thread), if_exists="do_nothing")
            begun: Mapping[str, Any] = await self._client.runs.create(
                thread_of(thread),
                self._server.assistant,
                multitask_strategy="reject",
                durability="sync",
                **run,
            )
        return begun

    async def end_of(self, thread: ThreadId, run: str) -> str:
        """Wait until a run has ended, and return its status. Raises Later where the connection is lost meanwhile."""
        with _translating(self._server):
            await self._client.runs.join(thread_of(thread), run)
            ended = await self._client.runs.get(thread_of(thread), run)
        return str(ended["status"])

    async def cancel(self, thread: ThreadId, run: str) -> None:
        """Stop a run at once."""
        with _translating(self._server):
            await self._client.runs.cancel(thread_of(thread), run, wait=True)


@asynccontextmanager
async def connected(server: Server) -> AsyncIterator[ServerClient]:
    """Open a client, and close it at the end."""
    client = ServerClient(server)
    try:
        yield client
    finally:
        await client.aclose()
