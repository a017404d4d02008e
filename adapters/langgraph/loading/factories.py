"""Calls the factory of a graph as LangGraph Server does: the arguments go by annotation, and it may be slow.

| parameters | arguments |
|---|---|
| none | none |
| one | a `ServerRuntime` where it is annotated so, else the config, whatever its name and default |
| two, one of them a `ServerRuntime` | both, in any order |

LangGraph Server calls every factory for each run. Here one without parameters is called once, at start: each run would
get the same. `is_for_each_run` tells the others, which `adapters.langgraph.opening` calls for each run.

A factory that is not a coroutine runs in a thread, because it may take long, and Slack is served meanwhile.
https://docs.langchain.com/langsmith/graph-rebuild
"""

import asyncio
import inspect
import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Any, get_args, get_type_hints

from adapters.langgraph.loading.context_schema import fields_of, is_typed_dict, read_by

_RUNTIME = re.compile(r"\b(?:ServerRuntime|_ExecutionRuntime|_ReadRuntime)\b")
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_MOST = 2


@dataclass(frozen=True, slots=True)
class RunInput:
    """The parts of a run that a factory is given. `context` has the run's context as app.yaml says it, by key."""

    configurable: Mapping[str, Any] = field(default_factory=dict, repr=False)
    context: Mapping[str, Any] = field(default_factory=dict, repr=False)
    user: Any = None
    recursion_limit: int | None = None

    @property
    def config(self) -> dict[str, Any]:
        """The config of the run, which a factory may change."""
        limit = {} if self.recursion_limit is None else {"recursion_limit": self.recursion_limit}
        return {"configurable": dict(self.configurable), "metadata": {}, "tags": [], **limit}


class FactoryError(Exception):
    """The factory's parameters are not among those of the table; the message is a phrase about it."""


def is_for_each_run(factory: Any) -> bool:
    """Tell whether a factory is called for each run; one whose parameters are unknown fails when it is called."""
    try:
        return bool(_parameters(factory))
    except (TypeError, ValueError):
        return False


async def call_factory(factory: Any, store: Any, stack: AsyncExitStack, run: RunInput) -> Any:
    """Call a factory; a context manager that it makes is entered on `stack`.

    Raises FactoryError, and whatever the factory raises.
    """
    given, named = _arguments(factory, store, run)
    if inspect.iscoroutinefunction(factory):
        made = await factory(*given, **named)
    else:
        made = await asyncio.to_thread(factory, *given, **named)
        made = await made if inspect.isawaitable(made) else made
    if hasattr(made, "nodes"):  # a graph
        return made
    if hasattr(made, "__aenter__"):
        return await stack.enter_async_context(made)
    return await stack.enter_async_context(_InThread(made)) if hasattr(made, "__enter__") else made


class _InThread:
    """Enters and leaves a context manager in a thread: both may be slow."""

    def __init__(self, inner: AbstractContextManager[Any]) -> None:
        self._inner = inner

    async def __aenter__(self) -> Any:
        """Enter it. A thread cannot be cancelled: what it opened by then is closed first."""
        entering = asyncio.ensure_future(asyncio.to_thread(self._inner.__enter__))
        try:
            return await asyncio.shield(entering)
        except asyncio.CancelledError:
            await asyncio.wait([entering])
            if entering.exception() is None:
                await asyncio.to_thread(self._inner.__exit__, None, None, None)
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await asyncio.to_thread(self._inner.__exit__, kind, error, trace)


# Arguments ------------------------------------------------------------------------------------------------------------


def _parameters(factory: Any) -> Sequence[inspect.Parameter]:
    return [each for each in inspect.signature(factory).parameters.values() if each.kind not in _VARIADIC]


def _arguments(factory: Any, store: Any, run: RunInput) -> tuple[Sequence[Any], Mapping[str, Any]]:
    takes = _parameters(factory)
    hints = _hints(factory)
    runtimes = {each.name for each in takes if _RUNTIME.search(str(hints.get(each.name, "")))}
    if len(takes) > _MOST or (len(takes) == _MOST and len(runtimes) != 1):
        names = ", ".join(each.name for each in takes)
        raise FactoryError(
            "a factory takes nothing, the config, a ServerRuntime (by its annotation), or these two; this one needs "
            f"{names}"
        )
    given, named = [], {}
    for each in takes:
        value = _runtime(hints[each.name], store, run) if each.name in runtimes else run.config
        if each.kind is inspect.Parameter.POSITIONAL_ONLY:
            given.append(value)
        else:
            named[each.name] = value
    return given, named


def _hints(factory: Any) -> Mapping[str, Any]:
    """The annotations of a factory; those that only type checkers can resolve stay as they are written."""
    function = inspect.unwrap(factory.func if isinstance(factory, partial) else factory)
    if not inspect.isroutine(function) and not inspect.isclass(function):
        function = type(function).__call__
    function = function.__init__ if inspect.isclass(function) else function
    try:
        return get_type_hints(function, localns=_names())
    except Exception:  # noqa: BLE001 - an annotation is code, and may name what is imported for type checkers alone
        return dict(getattr(function, "__annotations__", {}))


def _names() -> dict[str, Any]:
    from langchain_core.runnables import RunnableConfig  # noqa: PLC0415 - late, as all of LangGraph
    from langgraph_sdk.runtime import ServerRuntime  # noqa: PLC0415

    return {"ServerRuntime": ServerRuntime, "RunnableConfig": RunnableConfig, "Config": RunnableConfig}


def _runtime(hint: Any, store: Any, run: RunInput) -> Any:
    """The runtime of a run: a factory that only connects to its tools for a run does so."""
    from langgraph_sdk.runtime import _ExecutionRuntime  # noqa: PLC0415 - the server makes it, so it has no public name

    context = _Context(hint, run.context)
    return _ExecutionRuntime(access_context="threads.create_run", user=run.user, store=store, context=context)


class _Context(dict[str, Any]):
    """The context of a run by key, as LangGraph Server passes it, and by attribute, as its documentation reads it.

    Attributes have the types and the defaults of the class that `ServerRuntime[Context]` names.
    """

    def __init__(self, hint: Any, given: Mapping[str, Any]) -> None:
        super().__init__(given)
        (kind, *_) = get_args(hint) or (None,)
        self._kind = kind if isinstance(kind, type) and not is_typed_dict(kind) else None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if self._kind is None:
            return self._own(name)
        known = {key: each for key, each in self.items() if key in fields_of(self._kind)}
        return getattr(self._kind(**read_by(self._kind, known)[0]), name)

    def _own(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None
