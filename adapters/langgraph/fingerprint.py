"""Fingerprints of a graph's code, so that an answer never reaches code that asks something else (P4).

Each node gets a fingerprint of its own: its name and the code of the functions that it runs, with the functions of the
same project that those use. An edit to another node changes nothing. Line numbers, file names and memory addresses are
left out, so the same code has the same fingerprint in every process. Another version of Python compiles other bytecode:
then open questions are asked again, which is safe. Fingerprints are stored data.

Of installed libraries only the functions that a node names itself are read: a new release of a library does not make
every node ask again unless it changed the very functions that the node names.
"""

import ast
import hashlib
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, partial
from inspect import getattr_static
from pathlib import Path
from types import CodeType, FunctionType, MappingProxyType, MethodType
from typing import Any

UNGUARDED = "_signoff_unguarded"
"""The attribute that keeps the code of a guarded function of LangGraph: see `adapters.langgraph.guards.drift`."""
SEPARATOR = "/"
"""Separates the names of a path: a node of a subgraph is `OUTER/INNER`."""


def fingerprints(graph: Any) -> Mapping[str, str]:
    """Fingerprint each node of a compiled graph and its subgraphs, by path: 16 hexadecimal digits."""
    marks = ((path, _mark(name, reader)) for path, name, reader in _nodes(graph, ""))
    return MappingProxyType(dict(marks))


def texts(graph: Any) -> Mapping[str, frozenset[str]]:
    """Collect the texts in the code of each node, by path, each as Python spells it (`'action'`)."""
    found = (
        (path, frozenset(line for line in reader.lines if line[:1] in "'\"")) for path, _, reader in _nodes(graph, "")
    )
    return MappingProxyType(dict(found))


def _nodes(graph: Any, above: str) -> Iterator[tuple[str, str, "_Reader"]]:
    for name, node in graph.nodes.items():
        path = f"{above}{name}"
        reader = _Reader()
        reader.read(node.bound)
        yield path, name, reader
        for inner in _subgraphs(node):
            yield from _nodes(inner, f"{path}{SEPARATOR}")


def _subgraphs(node: Any) -> Iterable[Any]:
    """List the graphs that are nodes themselves; a graph called by a function belongs to that function's code."""
    bound = node.bound
    steps = getattr(bound, "steps", None) or [bound]
    return [step for step in steps if is_graph(step)]


def is_graph(value: Any) -> bool:
    """Tell whether a value is a compiled graph, without running a `__getattr__` of its own."""
    return all(getattr_static(value, name, None) is not None for name in ("nodes", "aget_state"))


def _mark(name: str, reader: "_Reader") -> str:
    return hashlib.sha256("\n".join([name, *reader.lines]).encode("utf-8", "surrogatepass")).hexdigest()[:16]


class _Reader:
    """Collects a line for each piece of code that a node reaches. Their hash is stored: never change a line."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._seen: set[int] = set()

    def read(self, value: Any, *, deep: bool = True) -> None:
        """Read a function, class, graph or runnable; `deep`: also the code that it uses."""
        if id(value) in self._seen:
            return
        self._seen.add(id(value))
        match value:
            case FunctionType():
                self._function(value, deep=deep)
            case MethodType():
                self.read(value.__func__, deep=deep)
            case partial():
                self.read(value.func, deep=deep)
            case type():
                self._class(value)
            case _ if is_graph(value):
                for name, node in value.nodes.items():
                    self.lines.append(f"node {name}")
                    self.read(node.bound)
            case _:
                self._runnable(value)

    def _function(self, function: FunctionType, *, deep: bool) -> None:
        function = vars(function).get(UNGUARDED, function)
        self.lines.append(f"function {function.__qualname__}")
        self._code(function.__code__)
        wrapped = getattr(function, "__wrapped__", None)
        if wrapped is not None:
            self.read(wrapped)
        written = _literals(function.__code__.co_filename)
        for default in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
            self._written(default, written)
        if not deep or is_library(function.__code__.co_filename):
            self._closure(function, ours_only=True)
            return
        self._closure(function, ours_only=False)
        for name in _names(function.__code__):
            self._used(function.__globals__.get(name), written)

    def _closure(self, function: FunctionType, *, ours_only: bool) -> None:
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
            try:
                held = cell.cell_contents
            except ValueError:
                continue  # not filled yet
            if isinstance(held, FunctionType | MethodType | partial | type) or is_graph(held):
                if not ours_only or _is_ours(held):
                    self.read(held)
            elif isinstance(held, str | int | float | bool | None | tuple):
                self.lines.append(f"holds {name}")
                self._written(held, _literals(function.__code__.co_filename))

    def _written(self, value: Any, written: frozenset[str]) -> None:
        """Read a value if it is written in the file: any other was made at run time, and differs between processes."""
        match value:
            case tuple():
                for each in value:
                    self._written(each, written)
            case bool() | None:
                self._constant(value)
            case str() | bytes() | int() | float() | complex() if repr(value) not in written:
                pass
            case _:
                self._constant(value)

    def _used(self, value: Any, written: frozenset[str]) -> None:
        """Read something that a function's code names: code of the project, or a constant of the file.

        A value that is not written in the file was made at run time, and may differ between processes.
        """
        if is_graph(value) or (isinstance(value, FunctionType | MethodType | type) and _is_ours(value)):
            self.read(value)
        elif _is_ours(held := _wrapped(value)):
            self.read(held)
        elif type(value) in (str, int, float) and repr(value) in written:
            self._constant(value)

    def _class(self, kind: type) -> None:
        self.lines.append(f"class {kind.__qualname__}")
        for name in sorted(vars(kind)):
            held = vars(kind)[name]
            function = held.__func__ if isinstance(held, staticmethod | classmethod) else held
            function = function.fget if isinstance(function, property) else function
            if isinstance(function, FunctionType):
                self.read(function)

    def _runnable(self, value: Any) -> None:
        """Read a runnable of LangChain: its functions and steps; for an object of the project its class."""
        self.lines.append(f"object {type(value).__qualname__}")
        for name in ("func", "afunc", "bound"):
            held = vars(value).get(name) if hasattr(value, "__dict__") else None
            if held is not None:
                self.read(held)
        for step in getattr(value, "steps", None) or ():
            self.read(step)
        tools = getattr(value, "tools_by_name", None)
        if isinstance(tools, Mapping):
            self._tools(tools)
        elif _is_ours(type(value)):
            self._class(type(value))

    def _tools(self, tools: Mapping[str, Any]) -> None:
        for name in sorted(tools):
            self.lines.append(f"tool {name}")
            for held in (getattr(tools[name], "func", None), getattr(tools[name], "coroutine", None)):
                if held is not None:
                    self.read(held)

    def _code(self, code: CodeType) -> None:
        self.lines.append(f"{code.co_code.hex()} {code.co_names} {code.co_varnames} {code.co_freevars}")
        for constant in code.co_consts:
            self._constant(constant)

    def _constant(self, value: Any) -> None:
        match value:
            case CodeType():
                self._code(value)
            case frozenset():
                self.lines.append(f"one of {sorted(map(repr, value))}")
            case tuple():
                for each in value:
                    self._constant(each)
            case str() | bytes() | int() | float() | complex() | bool() | None:
                self.lines.append(repr(value))
            case _:
                self.lines.append(f"a {type(value).__qualname__}")


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _wrapped(value: Any) -> Any:
    """Return the function that an object wraps, such as a `@task` of the functional API."""
    return vars(value).get("__wrapped__") if hasattr(value, "__dict__") and not isinstance(value, type) else None


def _is_ours(value: Any) -> bool:
    """Tell whether a value is code of the agent's project, rather than of an installed library or of Python."""
    while isinstance(value, partial):
        value = value.func
    if isinstance(value, MethodType):
        value = value.__func__
    if isinstance(value, FunctionType):
        return not is_library(value.__code__.co_filename)
    if isinstance(value, type):
        return any(
            isinstance(held, FunctionType) and not is_library(held.__code__.co_filename)
            for held in vars(value).values()
        )
    return False


@cache
def _literals(file: str) -> frozenset[str]:
    """List the constants in a file."""
    try:
        tree = ast.parse(Path(file).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return frozenset()
    return frozenset(repr(node.value) for node in ast.walk(tree) if isinstance(node, ast.Constant))


@cache
def is_library(file: str) -> bool:
    """Tell whether a file belongs to Python or to an installed library."""
    # Generated code, such as the methods of a dataclass, has a file name like <string>. Packages lie in other folders
    # than this environment's as well: of the user, of the system, of an environment that `uv run --with` puts below.
    return file.startswith((*_LIBRARIES, "<")) or not _PACKAGES.isdisjoint(Path(file).parts)


_PACKAGES = frozenset({"site-packages", "dist-packages"})
_LIBRARIES = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})
