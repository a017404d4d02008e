"""Opens agents: loads the graph that an entry of `agents:` names, and reads it.

A factory with parameters (`loading.factories`) may make another graph for each run: other tools for another person,
say. So it is called

* once at start, with an example of a person. That graph is read for the checks, the rules and the forms, its context
  manager is left at once, and it never runs.
* again whenever a run may follow: for a turn, an answer, a retry, a restart. It is given what that run is given. All of
  the work on the thread uses this one graph: reading the thread, making the cards, comparing an answer with its card,
  and running. So nothing is compared with a graph other than the one that runs, and a graph whose code differs from the
  code that asked is noticed as it is after a deploy (`in_process.threads.outdated`): people are asked again. Its
  context manager is left when the work is done. What another person's run asks is read with a graph made for that
  person: before a message that could void it, and after a restart that was refused.

LangGraph Server makes one more graph, with another `access_context`, to read or to update a state. Here that would
compare a card with a graph that does not run; so `access_context` is always `threads.create_run`. History is read with
the graph of the start: people wait for it with an open form, and a factory may take long.

A factory that raises fails the work before anything is read or sent, so the lane delivers it again. So does one that
still opens when the process stops, which is cancelled: nothing has run.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, Never, Self, TypeVar

import structlog

from adapters.langgraph import config_keys as keys
from adapters.langgraph import fingerprint
from adapters.langgraph.agents import THREAD_EXAMPLE, AgentSpec, LocalAgent
from adapters.langgraph.dialects.json_schema import Schema
from adapters.langgraph.guards.gates import can_be_gated, guarding, matches
from adapters.langgraph.guards.tool_args import schema_of
from adapters.langgraph.loading.breakpoints import Breakpoints, breakpoints_of
from adapters.langgraph.loading.exports import (
    LoadError,
    doubled,
    first_of,
    is_factory,
    load,
    loaded_module,
    open_graph,
    with_other_names,
)
from adapters.langgraph.loading.factories import RunInput, is_for_each_run
from adapters.langgraph.loading.own_types import own_types
from adapters.langgraph.loading.schema_fit import USER_EXAMPLE
from adapters.langgraph.loading.tool_order import keep_order, tool_nodes
from adapters.langgraph.loading.tools_seen import tools_of
from adapters.langgraph.messages.inputs import names_people, of_run
from adapters.langgraph.messages.replies import Replies
from adapters.langgraph.reading import read_graph
from adapters.langgraph.requester import AuthUser
from engine.asks.ask import canonical
from engine.ids import ThreadId
from engine.ports import Later

T = TypeVar("T")
_log = structlog.get_logger(__name__)
SECONDS_UNTIL_SAID = 3.0
"""After this time a graph that is still being loaded is named."""
_AT_START = (
    f"Signoff calls a factory with parameters once at start, for an example of a person ({USER_EXAMPLE}), with the "
    "keys of configurable: and context: in app.yaml."
)
_DRAINING = 1.0
"""Seconds until work that a stopping process left is delivered again, to a process that serves then."""
_CLOSING = 30.0
"""Seconds that a factory's context manager may take to close: the thread's next work waits for it."""


@contextmanager
def told_when_late(late: Callable[[], None]) -> Iterator[None]:
    """Call `late`, in another thread, if the block takes more than a few seconds: a graph may take long to load."""
    timer = threading.Timer(SECONDS_UNTIL_SAID, late)  # a factory may block the loop, so no timer of its own
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


async def open_agent(
    spec: AgentSpec,
    saver: Any,
    stack: AsyncExitStack,
    loaded_files: set[str] | None = None,
    store: Any = None,
) -> LocalAgent:
    """Load a graph and read it, once: see `OpenAgent.open`."""
    return (await OpenAgent.open(spec, saver, stack, loaded_files, store)).first


@dataclass(frozen=True, slots=True)
class _Source:
    """The export of an entry, and what its graphs get."""

    spec: AgentSpec
    exported: Any
    replies: Replies
    saver: Any
    store: Any

    @property
    def is_for_each_run(self) -> bool:
        return is_factory(self.exported) and is_for_each_run(self.exported)

    async def open(self, stack: AsyncExitStack, user: str, thread: ThreadId, *, loaded_now: bool = False) -> LocalAgent:
        """Make the graph, and read it. Raises LoadError."""
        run, spec = _run_input(self.spec, user, thread), self.spec
        loaded = await open_graph(spec.graph, self.exported, self.saver, stack, self.store, run)
        keep_order(loaded.graph)
        return await asyncio.to_thread(self._read, loaded.graph, loaded.warnings, loaded_now=loaded_now)

    def _read(self, graph: Any, warnings: tuple[str, ...], *, loaded_now: bool) -> LocalAgent:
        spec = self.spec
        _check_gated_tools(spec, graph)
        code = fingerprint.fingerprints(graph)
        return LocalAgent(
            spec=spec,
            graph=graph,
            replies=replace(self.replies, returned=not hasattr(graph, "builder")),
            code=code,
            mark=canonical(dict(code)),
            tools=dict(_schemas_of_tools(graph)),
            texts=fingerprint.texts(graph),
            nested=next(iter(graph.get_subgraphs()), None) is not None,
            warnings=warnings,
            breakpoints=_breakpoints(spec, graph),
            tool_nodes=dict(_message_fields(graph)),
            readings=read_graph(graph, loaded=loaded_now),
        )


class OpenAgent:
    """An agent that is loaded. `first` is what is known of it before any run."""

    def __init__(self, source: _Source, first: LocalAgent) -> None:
        self._source = source
        self.first = first
        self._opening: set[asyncio.Timeout] = set()
        self._draining = False

    @classmethod
    async def open(
        cls,
        spec: AgentSpec,
        saver: Any,
        stack: AsyncExitStack,
        loaded_files: set[str] | None = None,
        store: Any = None,
    ) -> Self:
        """Load a graph and read it. `loaded_files` are those that agents before it loaded: see `exports.load`.

        `store` is for a graph that was compiled without one.

        Raises LoadError when the graph cannot be used, and ValueError when `reply` is not JMESPath.
        """
        replies = Replies(spec.reply, people_have_names=names_people(spec.input))
        stack.enter_context(guarding(spec.gate_tools))
        exported = await asyncio.to_thread(load, spec.graph, spec.base, loaded_files)
        source = _Source(spec, exported, replies, saver, store)
        first, module = await cls._first(source, stack), loaded_module(spec.graph, spec.base)
        types = with_other_names(spec.graph, spec.base, await asyncio.to_thread(own_types, first.graph, module))
        warnings = (*first.warnings, *doubled(spec.graph, spec.base, types))
        return cls(source, replace(first, warnings=warnings, types=types))

    @staticmethod
    async def _first(source: _Source, stack: AsyncExitStack) -> LocalAgent:
        if not source.is_for_each_run:
            return await source.open(stack, "", THREAD_EXAMPLE, loaded_now=True)
        try:
            async with _closed_after_use(repr(source.spec.graph)) as only_read:
                return await source.open(only_read, USER_EXAMPLE, THREAD_EXAMPLE, loaded_now=True)
        except LoadError as error:
            raise LoadError(f"{error} {_AT_START}", error.key) from None

    @property
    def is_for_each_run(self) -> bool:
        """True if each run has a graph of its own."""
        return self._source.is_for_each_run

    @asynccontextmanager
    async def for_run(self, user: str, thread: ThreadId) -> AsyncIterator[LocalAgent]:
        """The agent for work on a thread that `user` asked for.

        Raises LoadError where it cannot be made, and Later once the process stops.
        """
        if not self.is_for_each_run:
            yield self.first
            return
        async with _closed_after_use(repr(self._source.spec.graph)) as stack:
            yield await self._made(stack, user, thread)

    def drain(self) -> None:
        """Stop the factories that are opening, since nothing has run yet; no later call opens one."""
        self._draining = True
        for limit in self._opening:
            if not limit.expired():  # it is over already where a thread, which cannot be cancelled, still opens
                limit.reschedule(asyncio.get_running_loop().time())

    async def _made(self, stack: AsyncExitStack, user: str, thread: ThreadId) -> LocalAgent:
        spec = self._source.spec
        if self._draining:
            raise Later(_DRAINING)
        limit = asyncio.timeout(spec.time_limit.total_seconds() if spec.time_limit else None)
        try:
            async with limit:
                self._opening.add(limit)
                made = await self._source.open(stack, user, thread)
        except TimeoutError:
            if self._draining:
                raise Later(_DRAINING) from None
            raise LoadError(f"graph: {spec.graph!r}: the factory took longer than time_limit.") from None
        finally:
            self._opening.discard(limit)
        for misfit in made.misfits:
            raise LoadError(f"graph: {spec.graph!r}: {misfit.key}: {misfit.what}. {misfit.fix}", misfit.key)
        return made


class Keeper:
    """Keeps open what factories without parameters opened, in a task of its own.

    Some context managers, such as clients of MCP, have to be left in the task that entered them. If what they keep open
    fails, all of them are left, and the bot ends with the cause (`wait`): its graphs would run with what is closed.
    """

    def __init__(self) -> None:
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def open(self, opens: Callable[[AsyncExitStack], Awaitable[T]]) -> T:
        """Open, and return what was opened. Raises what `opens` raises."""
        opened: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._keep(opens, opened))
        either: list[asyncio.Future[Any]] = [self._task, opened]
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            return opened.result() if opened.done() else await self._failed(self._task)
        except asyncio.CancelledError:
            self._task.cancel()
            await asyncio.wait([self._task])
            raise

    async def _keep(self, opens: Callable[[AsyncExitStack], Awaitable[T]], opened: "asyncio.Future[T]") -> None:
        async with _closed_after_use() as stack:
            opened.set_result(await opens(stack))
            await self._closing.wait()

    @staticmethod
    async def _failed(task: "asyncio.Task[None]") -> Never:
        await task
        raise AssertionError("it ends only when it is closed, or by an error")

    async def wait(self) -> None:
        """Wait until they are left. Raises LoadError if what they keep open fails before that."""
        if self._task is not None:
            await asyncio.shield(self._task)

    async def close(self) -> None:
        """Leave the context managers."""
        self._closing.set()
        if self._task is not None:
            with suppress(LoadError):  # see `wait`
                await self._task


@asynccontextmanager
async def _closed_after_use(what: str = "a factory") -> AsyncIterator[AsyncExitStack]:
    """A stack whose context managers learn of no error: they could suppress it.

    A task group in one of them cancels the task that entered it when a background task of it fails. To the task's owner
    that would look like a stop. So it is told from one: raises LoadError with the cause.
    """
    stack, before, failed = AsyncExitStack(), _cancellations(), None
    try:
        try:
            yield stack
        finally:
            failed = await _failed_to_close(stack)
    except asyncio.CancelledError:
        if _cancellations() > before:
            raise
        raise LoadError(_cancelled_by_itself(what, failed)) from failed
    if failed is not None:
        _log.warning("the context manager of a factory failed to close", error=type(failed).__name__)


async def _failed_to_close(stack: AsyncExitStack) -> BaseException | None:
    try:
        async with asyncio.timeout(_CLOSING):
            await stack.aclose()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the run is over, and its outcome is stored
        return error
    return None


def _cancellations() -> int:
    """How often the task was cancelled; a task group takes its own cancellation back when it is left."""
    task = asyncio.current_task()
    return task.cancelling() if task is not None else 0


def _cancelled_by_itself(what: str, failed: BaseException | None) -> str:
    if failed is None:
        return f"graph: the code of {what} cancelled its own work."
    first = first_of(failed)
    said = next(iter(str(first).strip().splitlines()), "").rstrip(".")
    return f"graph: what the context manager of {what} keeps open failed: {type(first).__name__}: {said}."


def _run_input(spec: AgentSpec, user: str, thread: ThreadId) -> RunInput:
    """Make what a factory is given: on LangGraph Server the keys of the context are in `configurable`, too."""
    own = spec.configurable_of(user, thread)
    context = own if spec.context is None else of_run(spec.context, user, thread)
    person = {keys.USER: user, keys.AUTH_USER: AuthUser(user), keys.AUTH_PERMISSIONS: []} if user else {}
    return RunInput(
        {**context, **own, "thread_id": thread, **person},
        context,
        AuthUser(user) if user else None,
        spec.recursion_limit,
    )


def _breakpoints(spec: AgentSpec, graph: Any) -> "dict[str, Breakpoints]":
    try:
        return {**breakpoints_of(graph, spec.interrupt_before, spec.interrupt_after)}
    except ValueError as error:
        key = "interrupt_before" if set(spec.interrupt_before) - set(graph.nodes) else "interrupt_after"
        raise LoadError(f"graph: {spec.graph!r}: {error}", key) from None


def _check_gated_tools(spec: AgentSpec, graph: Any) -> None:
    """Raise LoadError for a gated tool that overrides how LangChain starts tools."""
    for name, tool in tools_of(graph).items() if spec.gate_tools else ():
        if matches(spec.gate_tools, name) and not can_be_gated(tool):
            what = f"the tool {name} cannot be gated: {type(tool).__qualname__} overrides how tools of LangChain start"
            raise LoadError(f"{what} (run, arun). Override _run and _arun instead.", "gate_tools")


def _schemas_of_tools(graph: Any) -> Iterator[tuple[str, Schema]]:
    """List the schemas of the tools in the graph's tool nodes, subgraphs included, by name."""
    for _, node in tool_nodes(graph):
        for name, tool in node.tools_by_name.items():
            schema = schema_of(tool)
            if schema is not None:
                yield name, schema


def _message_fields(graph: Any) -> Iterator[tuple[str, str]]:
    """List the fields from which the graph's tool nodes take their calls, by path."""
    for path, node in tool_nodes(graph):
        if isinstance(key := getattr(node, "_messages_key", None), str):
            yield path, key
