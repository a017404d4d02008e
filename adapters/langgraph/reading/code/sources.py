"""Finds the source of live functions: read once, and never run."""

import ast
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, TypeAlias, get_type_hints
from weakref import WeakKeyDictionary

from adapters.langgraph.fingerprint import is_library

Node: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def source_of(function: FunctionType) -> Node | None:
    """Return the syntax tree of a project's function; None for a library's, or if it cannot be found for sure."""
    if function not in _found:
        _found[function] = None if is_library(function.__code__.co_filename) else _looked_up(function)
    return _found[function]


_found: WeakKeyDictionary[FunctionType, Node | None] = WeakKeyDictionary()


def _looked_up(function: FunctionType) -> Node | None:
    code = function.__code__
    source = _source(code.co_filename)
    if source.is_newer and code not in source.codes:
        return None
    found = source.functions.get(code.co_firstlineno, ())
    named = [each for each in found if _name(each) == code.co_name and _takes(each) == _parameters(function)]
    return named[0] if len(named) == 1 else None


@dataclass(frozen=True)
class _Source:
    """A file as it was read. `is_newer`: by the clock it was written after the code that runs was imported.

    The clock may be wrong: a file's time comes from the machine that wrote it, and a clock can be set at any moment. So
    a function of such a file is read only if the running one is exactly what the file compiles to. Otherwise two
    processes that run the same code could ask differently, and one would not take the decision on the other's request.
    """

    state: object
    is_newer: bool
    tree: ast.Module

    @cached_property
    def functions(self) -> Mapping[int, list[Node]]:
        """Its functions by their first lines."""
        found: dict[int, list[Node]] = {}
        for node in _all(self.tree):
            decorators = getattr(node, "decorator_list", [])
            found.setdefault(min([node.lineno, *(each.lineno for each in decorators)]), []).append(node)
        return found

    @cached_property
    def codes(self) -> frozenset[CodeType]:
        """What its functions compile to."""
        try:
            return frozenset(_nested(compile(self.tree, "", "exec", dont_inherit=True)))
        except (SyntaxError, ValueError, RecursionError):
            return frozenset()


_read: dict[str, _Source] = {}
_since = time.time_ns()
"""When code was imported last, by this process's clock. A newer file may differ from the code that runs."""


def forget_changed() -> None:
    """Forget files that have changed, when an agent is loaded again. In between, what is read is what runs."""
    global _since  # noqa: PLW0603 - a process has one set of imported modules
    _since = time.time_ns()
    _found.clear()
    for file, source in tuple(_read.items()):
        if source.state != _state(file):
            _read.pop(file, None)


def _source(file: str) -> _Source:
    if file not in _read:
        state = _state(file)
        _read[file] = _Source(state, state is not None and state[0] > _since, _parsed(file))
    return _read[file]


def _state(file: str) -> "tuple[int, int] | None":
    try:
        now = Path(file).stat()
    except (OSError, ValueError):
        return None
    return now.st_mtime_ns, now.st_size


def _parsed(file: str) -> ast.Module:
    try:
        return ast.parse(Path(file).read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return ast.Module([], [])


def _nested(code: CodeType) -> Iterator[CodeType]:
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield each
            yield from _nested(each)


def _all(tree: ast.AST) -> Iterator[Node]:
    return (each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda))


def _name(node: Node) -> str:
    return "<lambda>" if isinstance(node, ast.Lambda) else node.name


def _takes(node: Node) -> list[str]:
    return [each.arg for each in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]


def _parameters(function: FunctionType) -> list[str]:
    code = function.__code__
    return list(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])


def texts_in(file: str) -> frozenset[str]:
    """List the texts written in a file."""
    try:
        tree = ast.parse(Path(file).read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return frozenset()
    constants = (each.value for each in ast.walk(tree) if isinstance(each, ast.Constant))
    return frozenset(each for each in constants if isinstance(each, str))


def hints_of(function: Any) -> dict[str, Any]:
    """Return the annotations of a function; none if they cannot be resolved."""
    try:
        return get_type_hints(function)
    except Exception:  # noqa: BLE001 - a name that only a type checker sees
        return {}
