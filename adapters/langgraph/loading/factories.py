"""Calls the factory of a graph as LangGraph Server does: the arguments go by annotation, and it may be slow.

| parameters | arguments |
|---|---|
| none | none |
| one | a `ServerRuntime` where it is annotated so, else the config, whatever its name and default |
| two, one of them a `ServerRuntime` | both, in any order |

LangGraph Server calls a factory with parameters for each run. Here it is called once: decisions are bound to the code
of the graph that was shown, so the graph has to be the same in each run of a thread. `is_for_each_run` says so of one.

A factory that is not a coroutine runs in a thread, because it may take long, and Slack is served meanwhile.
https://docs.langchain.com/langsmith/graph-rebuild
"""

import asyncio
import inspect
import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, AsyncExitStack
from functools import partial
from types import TracebackType
from typing import Any, get_args, get_type_hints

_RUNTIME = re.compile(r"\b(?:ServerRuntime|_ExecutionRuntime|_ReadRuntime)\b")
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_MOST = 2


class FactoryError(Exception):
    """The factory's parameters are not among those of the table; the message is a phrase about it."""


def is_for_each_run(factory: Any) -> bool:
    """Tell whether LangGraph Server would call a factory for each run with what the run is given."""
    return bool(_parameters(factory))


async def call_factory(factory: Any, store: Any, stack: AsyncExitStack) -> Any:
    """Call a factory; a context manager that it makes is entered on `stack`.

    Raises FactoryError, and whatever the factory raises.
    """
    given, named = _arguments(factory, store)
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
        return await asyncio.to_thread(self._inner.__enter__)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await asyncio.to_thread(self._inner.__exit__, kind, error, trace)


# Arguments ------------------------------------------------------------------------------------------------------------


def _parameters(factory: Any) -> Sequence[inspect.Parameter]:
    return [each for each in inspect.signature(factory).parameters.values() if each.kind not in _VARIADIC]


def _arguments(factory: Any, store: Any) -> tuple[Sequence[Any], Mapping[str, Any]]:
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
        value = _runtime(hints[each.name], store) if each.name in runtimes else _config()
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


def _config() -> dict[str, Any]:
    return {"configurable": {}, "metadata": {}, "tags": []}


def _runtime(hint: Any, store: Any) -> Any:
    """The runtime of a run: a factory that only connects to its tools for a run does so."""
    from langgraph_sdk.runtime import _ExecutionRuntime  # noqa: PLC0415 - the server makes it, so it has no public name

    return _ExecutionRuntime(access_context="threads.create_run", store=store, context=_context(hint))


def _context(hint: Any) -> Any:
    """The defaults of the context that `ServerRuntime[Context]` names; None where it has fields without one."""
    (kind, *_) = get_args(hint) or (None,)
    try:
        return kind() if isinstance(kind, type) else None
    except Exception:  # noqa: BLE001 - a class of the project
        return None
