"""Finds the types that an agent's checkpoints may contain: those of its own code, and those that its state names.

A checkpoint names types, and anybody who can write there can name any
(`adapters.redis.checkpointer.serializer`). An agent needs few: the data classes that its own modules define or import,
and those that the fields of its state are declared with, in turn with their own fields. Its own modules are the graph's
module, and the modules that it imports from, and so on, except installed packages; for a graph in an installed package,
those of the same package.

Only types that LangGraph stores by name are data: pydantic models, dataclasses, enumerations, named tuples, and
subclasses of a few types of the standard library. Something that acts is not, even if pydantic made it: a model, a
tool, a chain.
"""

import dataclasses
import sys
import sysconfig
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import date, time, timedelta, tzinfo
from decimal import Decimal
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any, get_args, get_type_hints
from uuid import UUID

from langchain_core.runnables import Runnable
from pydantic import BaseModel

TypeName = tuple[str, str]

_BASES = (Enum, set, frozenset, deque, Decimal, UUID, date, time, timedelta, tzinfo, Path)
_WRITTEN_BY = ("model_dump", "get_secret_value", "dict", "_asdict")
"""The methods by which LangGraph recognises data to store with its type's name, besides dataclasses and `_BASES`."""
_TOO_WIDE = frozenset({BaseModel, Enum, *_BASES})
_INSTALLED = tuple(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib"))
_PACKAGES = frozenset({"site-packages", "dist-packages"})


def own_types(graph: Any, module: ModuleType) -> frozenset[TypeName]:
    """Name the types that checkpoints of `graph`, which `module` exports, may be made of."""
    found: set[type] = set()
    seen: dict[int, Any] = {}
    for each in _own_modules(module):
        for value in list(vars(each).values()):
            if isinstance(value, type) and not issubclass(value, Runnable):
                _collect(value, found, seen)
    for hint in _hints_of(graph):
        _collect(hint, found, seen)
    return frozenset((each.__module__, each.__name__) for each in found)


def _own_modules(first: ModuleType) -> Iterable[ModuleType]:
    package = first.__name__.partition(".")[0]
    found, waiting = {first.__name__: first}, [first]
    while waiting:
        for name in _names_in(waiting.pop()):
            module = sys.modules.get(name)
            if module is not None and name not in found and _is_own(module, package):
                found[name] = module
                waiting.append(module)
    return found.values()


def _names_in(module: ModuleType) -> Iterator[str]:
    """List the modules that a module names: directly, or by something that it imports from them."""
    for value in list(vars(module).values()):
        if isinstance(value, ModuleType):
            yield value.__name__
        elif isinstance(value, type) or callable(value):
            name = getattr(value, "__module__", None)
            if isinstance(name, str):
                yield name


def _is_own(module: ModuleType, package: str) -> bool:
    if module.__name__.partition(".")[0] == package:
        return True
    file = getattr(module, "__file__", None)
    if not isinstance(file, str):
        return False
    return not file.startswith(_INSTALLED) and not _PACKAGES & set(Path(file).parts)


def _hints_of(graph: Any) -> Iterator[Any]:
    """List the types that the states of a graph and its subgraphs are declared with."""
    for each in (graph, *(below for _, below in graph.get_subgraphs(recurse=True))):
        builder = getattr(each, "builder", None)
        for name in ("state_schema", "input_schema", "output_schema"):
            yield getattr(builder, name, None)
        for node in getattr(builder, "nodes", {}).values():
            yield getattr(node, "input_schema", None)
        for channel in getattr(each, "channels", {}).values():
            yield getattr(channel, "ValueType", None)
            yield getattr(channel, "UpdateType", None)


def _collect(hint: Any, found: set[type], seen: dict[int, Any]) -> None:
    """Add the data classes that a type hint names, in its arguments and in the fields of what it names.

    `seen` holds each hint by its id: some hints are made for one look, and the id of one that is gone is given again.
    """
    if id(hint) in seen:
        return
    seen[id(hint)] = hint
    for part in get_args(hint):
        _collect(part, found, seen)
    if hasattr(hint, "__supertype__"):
        _collect(hint.__supertype__, found, seen)
    if not isinstance(hint, type):
        return
    if _is_data(hint):
        found.add(hint)
    elif not isinstance(getattr(hint, "__total__", None), bool):  # neither data nor a TypedDict
        return
    for part in _fields(hint):
        _collect(part, found, seen)


def _is_data(kind: type) -> bool:
    if kind in _TOO_WIDE:
        return False
    stored = any(callable(getattr(kind, name, None)) for name in _WRITTEN_BY)
    return stored or dataclasses.is_dataclass(kind) or issubclass(kind, _BASES)


def _fields(kind: type) -> Iterable[Any]:
    try:
        return get_type_hints(kind, include_extras=True).values()
    except Exception:  # noqa: BLE001 - a name that is known only to type checkers, say
        return [hint for hint in getattr(kind, "__annotations__", {}).values() if not isinstance(hint, str)]
