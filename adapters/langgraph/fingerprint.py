"""Fingerprints of a graph's code, so that an answer never reaches code that asks something else (P4).

Each node gets a fingerprint of its own: its name and the code of the functions that it runs, with the functions of the
same project that those use. An edit to another node changes nothing. Line numbers, file names and memory addresses are
left out, so the same code has the same fingerprint in every process. Another version of Python compiles other bytecode:
then open questions are asked again, which is safe. Fingerprints are stored data.

Of installed libraries only the functions that a node names itself are read: a new release of a library does not make
every node ask again unless it changed the very functions that the node names.

What a function holds or names counts as well: the class of an object of the project, with what its attributes hold, and
the code in dicts, lists, tuples and sets. What such objects hold as data is no code. Nothing of the project is called.
"""

import ast
import contextlib
import hashlib
import sys
import sysconfig
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from inspect import getattr_static
from itertools import islice
from pathlib import Path
from types import CodeType, FunctionType, MappingProxyType, MemberDescriptorType, MethodType, ModuleType
from typing import Any

UNGUARDED = "_signoff_unguarded"
"""The attribute that keeps the code of a guarded function of LangGraph: see `adapters.langgraph.guards.drift`."""
_DIGITS = 16
_START = "__start__"
SEPARATOR = "/"
"""Separates the names of a path: a node of a subgraph is `OUTER/INNER`."""


def fingerprints(graph: Any) -> Mapping[str, str]:
    """Fingerprint each node of a graph and its subgraphs, by path: 16 hexadecimal digits, with 16 more or a dot.

    The first 16 leave out what the node holds: they are the whole mark in threads of Signoff 0.1. A node that holds no
    code has the dot. START has no code of its own, and no fingerprint.
    """
    return fingerprints_and_texts(graph)[0]


def fingerprints_and_texts(graph: Any) -> tuple[Mapping[str, str], Mapping[str, frozenset[str]]]:
    """Return `fingerprints` and `texts`, which the same look at the code gives."""
    marks, found = dict[str, str](), dict[str, frozenset[str]]()
    for path, name, reader in _nodes(graph, "", held=False):
        marks[path], found[path] = _mark(name, reader), frozenset(each for each in reader.lines if each[:1] in "'\"")
    for path, name, reader in _nodes(graph, "", held=True):
        mark = _mark(name, reader)
        marks[path] += "." if mark == marks[path] else mark
    return MappingProxyType(marks), MappingProxyType(found)


def as_far_as(stored: str, now: str) -> str:
    """Shorten a fingerprint to what a stored one says, so that a thread of Signoff 0.1 can be compared."""
    return now[:_DIGITS] if len(stored) == _DIGITS else now


def texts(graph: Any) -> Mapping[str, frozenset[str]]:
    """Collect the texts in the code of each node, by path, each as Python spells it (`'action'`)."""
    return fingerprints_and_texts(graph)[1]


def _nodes(graph: Any, above: str, *, held: bool) -> Iterator[tuple[str, str, "_Reader"]]:
    for name, node in graph.nodes.items():
        if name == _START:
            continue
        path = f"{above}{name}"
        reader = _Reader(held=held)
        reader.read(node.bound)
        yield path, name, reader
        for inner in _subgraphs(node):
            yield from _nodes(inner, f"{path}{SEPARATOR}", held=held)


def _subgraphs(node: Any) -> Iterable[Any]:
    """List the graphs that are nodes themselves; a graph called by a function belongs to that function's code."""
    bound = node.bound
    steps = getattr(bound, "steps", None) or [bound]
    return [step for step in steps if is_graph(step)]


def is_graph(value: Any) -> bool:
    """Tell whether a value is a compiled graph, without running a `__getattr__` of its own."""
    return all(getattr_static(value, name, None) is not None for name in ("nodes", "aget_state"))


def _mark(name: str, reader: "_Reader") -> str:
    return hashlib.sha256("\n".join([name, *reader.lines]).encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]


@dataclass(frozen=True, slots=True)
class _Written:
    """The constants that are written in a file, each as Python spells it. The file is read when they are asked for."""

    file: str

    def __contains__(self, spelled: str) -> bool:
        return spelled in _literals(self.file)


class _Reader:
    """Collects a line for each piece of code that a node reaches. Their hash is stored: never change a line.

    `held`: also what functions hold.
    """

    def __init__(self, *, held: bool) -> None:
        self._held = held
        self.lines: list[str] = []
        self._seen: dict[int, int] = {}
        """The number of each piece that was read, by `id`."""
        self._shapes: dict[int, str] = {}
        self._left = _MOST_HELD

    def read(self, value: Any, *, deep: bool = True) -> None:
        """Read a function, class, graph or runnable; `deep`: also the code that it uses."""
        if id(value) in self._seen:
            return
        self._seen[id(value)] = len(self._seen)
        match value:
            case FunctionType():
                self._function(value, deep=deep)
            case MethodType():
                self.read(value.__func__, deep=deep)
                self._hold("self", value.__self__, _Written(""), ours_only=not _is_ours(value))
            case partial():
                self.read(value.func, deep=deep)
                self._given(value)
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
        written = _Written(function.__code__.co_filename)
        for default in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
            self._written(default, written)
            self._hold("default", default, written, ours_only=is_library(function.__code__.co_filename))
        if not deep or is_library(function.__code__.co_filename):
            self._closure(function, ours_only=True)
            return
        self._closure(function, ours_only=False)
        for name in _names(function.__code__):
            self._used(name, function.__globals__.get(name), written)

    def _closure(self, function: FunctionType, *, ours_only: bool) -> None:
        written = _Written(function.__code__.co_filename)
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
            try:
                held = cell.cell_contents
            except ValueError:
                continue  # not filled yet
            is_code = issubclass(type(held), FunctionType | MethodType | partial | type) or is_graph(held)
            if is_code and (not ours_only or _is_ours(held)):
                self.read(held)
                continue
            if held is None or issubclass(type(held), str | int | float | tuple):
                self.lines.append(f"holds {name}")
                self._written(held, written)
            self._hold(name, held, written, ours_only=ours_only)

    def _given(self, made: "partial[Any]") -> None:
        """Read the arguments of a partial."""
        if not self._held:
            return
        own = _is_ours(made)
        function = made.func.__func__ if type(made.func) is MethodType else made.func
        written = _Written(function.__code__.co_filename) if type(function) is FunctionType else _Written("")
        for name, value in (*((str(number), each) for number, each in enumerate(made.args)), *made.keywords.items()):
            if not own and type(value) is FunctionType:  # LangGraph runs each synchronous node by such a partial
                if _is_ours(value):
                    self.read(value)
                continue
            if own and type(value) in _PLAIN and repr(value) in written:
                self.lines.append(f"given {name}")
                self._constant(value)
            self._hold(name, value, written, ours_only=not own)

    # What a function holds --------------------------------------------------------------------------------------------

    def _hold(self, name: str, value: Any, written: _Written, *, ours_only: bool = False) -> None:
        """Read the code in a value that is held under a name, if there is any."""
        shape = self._shape(value, _Held(written, ours_only)) if self._held else ""
        if shape:
            self.lines.append(f"code in {name}: {shape}")

    def _shape(self, value: Any, where: "_Held") -> str:
        """Tell which code lies where in a value; "" for data. Each piece is read once, and has a number from then on.

        `type(value)` is asked, never `isinstance`, which may run a `__class__` of the project's own.
        """
        if type(value) in _PLAIN or where.depth > _DEEPEST or self._left <= 0:
            return ""
        if id(value) not in self._shapes:
            self._left -= 1
            self._shapes[id(value)] = ""  # for a value that holds itself
            self._shapes[id(value)] = self._new_shape(value, replace(where, depth=where.depth + 1))
        return self._shapes[id(value)]

    def _new_shape(self, value: Any, where: "_Held") -> str:
        kind = type(value)
        if issubclass(kind, FunctionType | type):
            is_own = _is_own_class(value) if issubclass(kind, type) else _is_ours(value)
            return self._number(value) if is_own else ""
        if issubclass(kind, MethodType):
            return _joined(self._shape(each, where) for each in (value.__func__, value.__self__))
        if issubclass(kind, partial):
            return _joined(self._shape(each, where) for each in (value.func, value.args, value.keywords))
        if issubclass(kind, dict):
            return self._shape_of_dict(value, where)
        if issubclass(kind, set | frozenset):
            return self._shape_of_set(value, where)
        for sequence in (list, tuple, deque):
            if issubclass(kind, sequence):
                return _joined(self._shape(each, where) for each in islice(sequence.__iter__(value), _MOST_EACH))
        return self._shape_of_object(value, where)

    def _shape_of_dict(self, value: dict[Any, Any], where: "_Held") -> str:
        """Read the values in the order of their keys; a key that was made at run time is not named."""
        items = [
            (repr(key) if type(key) in _PLAIN else "", each) for key, each in islice(dict.items(value), _MOST_EACH)
        ]
        items.sort(key=lambda item: item[0])
        shapes = ((key if key in where.written else "", self._shape(each, where)) for key, each in items)
        return _joined(f"{key}: {shape}" if shape and key else shape for key, shape in shapes)

    def _shape_of_set(self, value: set[Any] | frozenset[Any], where: "_Held") -> str:
        """Read each element with a reader of its own: a set has another order in each process."""
        found: list[str] = []
        for each in set.__iter__(value) if isinstance(value, set) else frozenset.__iter__(value):
            reader = _Reader(held=True)
            reader._seen, reader._left = dict(self._seen), self._left // len(value)
            shape = reader._shape(each, where)
            found.append(_mark(shape, reader) if shape else "")
        return _joined(sorted(found))

    def _shape_of_object(self, value: Any, where: "_Held") -> str:
        kinds = [each for each in type(value).__mro__ if _is_own_class(each)]
        if not kinds:
            return "" if where.ours_only else self._shape_of_runnable(value, where)
        if _is_graph_class(type(value)):
            return self._number(value)
        classes = " ".join(self._number(each) for each in kinds)  # also where the nearest is a library's
        attributes = ((name, self._shape(each, where)) for name, each in _attributes(value, kinds))
        return _joined([f"object {classes}", *(f"{name}: {shape}" for name, shape in attributes if shape)])

    def _shape_of_runnable(self, value: Any, where: "_Held") -> str:
        """Read the functions of a runnable or a tool of LangChain, or of a task of LangGraph; "" for other objects."""
        if _is_graph_class(type(value)):
            return self._number(value)
        held = _dict_of(value)
        return _joined(self._shape(held.get(name), where) for name in _OF_RUNNABLES)

    def _number(self, value: Any) -> str:
        self.read(value)
        return str(self._seen[id(value)])

    def _written(self, value: Any, written: _Written) -> None:
        """Read a value if it is written in the file: any other was made at run time, and differs between processes."""
        kind = type(value)
        if issubclass(kind, tuple):
            for each in value:
                self._written(each, written)
        elif not issubclass(kind, str | bytes | int | float | complex) or kind is bool or repr(value) in written:
            self._constant(value)

    def _used(self, name: str, value: Any, written: _Written) -> None:
        """Read something that a function's code names: code of the project, or a constant of the file.

        A value that is not written in the file was made at run time, and may differ between processes.
        """
        if is_graph(value) or (issubclass(type(value), FunctionType | MethodType | type) and _is_ours(value)):
            self.read(value)
        elif _is_ours(held := _wrapped(value)):
            self.read(held)
        elif type(value) in (str, int, float) and repr(value) in written:
            self._constant(value)
        else:
            self._hold(name, value, written)

    def _class(self, kind: type) -> None:
        self.lines.append(f"class {kind.__qualname__}")
        written = _Written(_file_of(kind))
        for name in sorted(vars(kind)):
            held = vars(kind)[name]
            if self._held and type(held) in (str, int, float) and not name.startswith("__") and repr(held) in written:
                self.lines.append(f"{name} = {held!r}")
            function = held.__func__ if isinstance(held, staticmethod | classmethod) else held
            function = function.fget if isinstance(function, property) else function
            if isinstance(function, FunctionType):
                self.read(function)
            elif not name.startswith("__"):
                self._hold(name, function, written)
        for base in kind.__bases__ if self._held else ():
            if _is_own_class(base):
                self.read(base)

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
        if not issubclass(type(value), (*_PLAIN, CodeType, frozenset, tuple)):
            self.lines.append(f"a {type(value).__qualname__}")
            return
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


@dataclass(frozen=True, slots=True)
class _Held:
    """Where a held value lies: the constants of the file, whether library code holds it, and how deep."""

    written: _Written
    ours_only: bool
    depth: int = 0


_PLAIN = (str, bytes, int, float, complex, bool, type(None))
_OF_RUNNABLES = ("func", "afunc", "coroutine", "bound", "first", "middle", "last", "__wrapped__")
_DEEPEST = 5
_MOST_EACH = 100
_MOST_HELD = 1000
"""The values that are looked at for one node: of more, as in a cache, only the first are."""


def _joined(shapes: Iterable[str]) -> str:
    """Join the shapes that are code; objects of the same shape count once, as many as there are at this moment."""
    found: list[str] = []
    for shape in shapes:
        if shape and not (shape in found and "object" in shape):
            found.append(shape)
    return f"({', '.join(found)})" if found else ""


def _attributes(value: Any, kinds: Iterable[type]) -> Iterable[tuple[str, Any]]:
    """List the attributes that an object holds itself, without running anything of its class."""
    found = dict(islice(_dict_of(value).items(), _MOST_EACH))
    for kind in kinds:
        for name, slot in vars(kind).items():
            if type(slot) is MemberDescriptorType:
                with contextlib.suppress(AttributeError):
                    found[name] = slot.__get__(value, kind)
    return sorted((name, each) for name, each in found.items() if type(name) is str)


def _dict_of(value: Any) -> Mapping[str, Any]:
    try:
        held = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return {}
    return held if type(held) is dict else {}


def _is_graph_class(kind: type) -> bool:
    return all(getattr_static(kind, name, None) is not None for name in ("get_graph", "aget_state"))


def _is_own_class(kind: Any) -> bool:
    """Tell whether a class is the project's own, with or without functions."""
    if not issubclass(type(kind), type):
        return False
    file = _file_of(kind)
    return not file.startswith(_SIGNOFF) and (not is_library(file) if file else _is_ours(kind))


def _file_of(kind: type) -> str:
    """Return the file of a class; "" for a module without one."""
    module = sys.modules.get(str(vars(kind).get("__module__")))
    file = vars(module).get("__file__") if type(module) is ModuleType else None
    return file if type(file) is str else ""


_SIGNOFF = tuple(f"{Path(__file__).resolve().parents[2] / each}/" for each in ("adapters", "bot", "engine"))
"""Objects of Signoff that a factory was given, such as its store, are no code of the project."""


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _wrapped(value: Any) -> Any:
    """Return the function that an object wraps, such as a `@task` of the functional API."""
    return None if issubclass(type(value), type) else _dict_of(value).get("__wrapped__")


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
