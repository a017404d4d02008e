"""Every public name says what it is, and a function that raises an error says so: callers read no bodies.

A docstring names the class of each error that its function raises, or one that this class is derived from. Where
another function makes the error, or it was caught before, it says `Raises`. It need not mention mistakes of our own
(`AssertionError`, `NotImplementedError`), nor what the function itself catches.
"""

import ast
import builtins
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeAlias

import pytest
import redis

ROOT = Path(__file__).parents[2]
OWN_MISTAKES = frozenset({"AssertionError", "NotImplementedError"})
EXIT = "Exit"
"""How a command of typer ends, with its exit code: no error."""
EVERYTHING = frozenset({"Exception", "BaseException"})

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
Documented: TypeAlias = ast.Module | ast.ClassDef | Function


@dataclass(frozen=True)
class Public:
    """A public name: where it stands, and the names of the classes that its class is derived from."""

    name: str
    node: Documented
    bases: frozenset[str] = frozenset()


@cache
def modules() -> dict[str, ast.Module]:
    """The syntax of all modules, by path."""
    files = (file for package in ("bot", "engine", "adapters") for file in sorted((ROOT / package).rglob("*.py")))
    return {str(file.relative_to(ROOT)): ast.parse(file.read_text()) for file in files}


@cache
def classes() -> dict[str, list[ast.ClassDef]]:
    """All classes by name; some names stand twice."""
    found: dict[str, list[ast.ClassDef]] = {}
    for module in modules().values():
        for node in ast.walk(module):
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name, []).append(node)
    return found


@cache
def ancestors(name: str) -> frozenset[str]:
    """The class of this name and all that it is derived from, by name."""
    elsewhere = [getattr(module, name, None) for module in (builtins, redis.exceptions)]
    if found := [each for each in elsewhere if isinstance(each, type)]:
        return frozenset(base.__name__ for each in found for base in each.__mro__)
    bases = {last(base) for node in classes().get(name, ()) for base in node.bases}
    return frozenset({name}).union(*(ancestors(base) for base in bases - {name}))


def last(node: ast.expr) -> str:
    """The last name of an expression: `ConnectionError` of `redis.ConnectionError(...)`, "" where it has none."""
    match node:
        case ast.Name(name) | ast.Attribute(attr=name):
            return name
        case ast.Call(func=function) | ast.Subscript(value=function):
            return last(function)
    return ""


def public(tree: ast.Module, module: str) -> Iterator[Public]:
    yield Public(module, tree)
    yield from _within(tree.body, f"{module}:", frozenset())


def _within(body: list[ast.stmt], scope: str, bases: frozenset[str]) -> Iterator[Public]:
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield Public(f"{scope}{node.name}", node)
            yield from _within(node.body, f"{scope}{node.name}.", ancestors(node.name) - {node.name})
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            yield Public(f"{scope}{node.name}", node, bases)


def is_said_elsewhere(each: Public) -> bool:
    """A method that overrides one is what that one's docstring says; an overload is what its implementation says."""
    if not isinstance(each.node, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    name, marks = each.node.name, {last(mark) for mark in each.node.decorator_list}
    inherited = (
        method
        for base in each.bases
        for node in classes().get(base, ())
        for method in node.body
        if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef) and method.name == name
    )
    return bool(marks & {"override", "overload", "setter"}) or any(map(ast.get_docstring, inherited))


def errors_of(function: Function) -> set[str]:
    """What leaves a function by a `raise` of its own: the name of a class, or of what makes or holds an error."""
    return {name for statement in function.body for name in _raised(statement, frozenset())}


def _raised(node: ast.AST, caught: frozenset[str]) -> Iterator[str]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() | ast.Lambda():
            return
        case ast.Raise(exc=ast.expr() as raised):
            options = (raised.body, raised.orelse) if isinstance(raised, ast.IfExp) else (raised,)
            yield from (name for name in map(last, options) if not ancestors(name) & caught)
        case ast.Try(body=body, handlers=handlers) | ast.TryStar(body=body, handlers=handlers):
            here = caught.union(*map(_caught_by, handlers))
            yield from (name for each in body for name in _raised(each, here))
            rest = (*handlers, *node.orelse, *node.finalbody)
            yield from (name for each in rest for name in _raised(each, caught))
        case _:
            yield from (name for each in ast.iter_child_nodes(node) for name in _raised(each, caught))


def _caught_by(handler: ast.ExceptHandler) -> frozenset[str]:
    match handler.type:
        case None:
            return EVERYTHING
        case ast.Tuple(elts=types):
            return frozenset(map(last, types))
        case one:
            return frozenset({last(one)})


def unsaid(each: Public) -> set[str]:
    """The errors that a docstring does not speak of."""
    if not isinstance(each.node, ast.FunctionDef | ast.AsyncFunctionDef):
        return set()
    words = set(re.findall(r"\w+", ast.get_docstring(each.node) or ""))
    missing = set()
    for error in errors_of(each.node) - OWN_MISTAKES - {EXIT}:
        is_class = error.lstrip("_")[:1].isupper()
        if not (words & ancestors(error) - EVERYTHING if is_class else words & {"Raises", error}):
            missing.add(error)
    return missing


@pytest.mark.parametrize("module", modules())
def test_every_public_name_has_a_docstring(module: str) -> None:
    found = public(modules()[module], module)
    assert [each.name for each in found if not ast.get_docstring(each.node) and not is_said_elsewhere(each)] == []


@pytest.mark.parametrize("module", modules())
def test_a_function_that_raises_says_what(module: str) -> None:
    found = public(modules()[module], module)
    assert {each.name: sorted(errors) for each in found if (errors := unsaid(each))} == {}


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ("raise ValueError", {"ValueError"}),
        ("raise redis.TimeoutError('late') from None", {"TimeoutError"}),
        ("raise explained(error)", {"explained"}),
        ("raise Late() if late else Gone()", {"Late", "Gone"}),
        ("try: raise KeyError(1)\n    except LookupError: pass", set()),
        ("try: raise KeyError(1)\n    except (OSError, ValueError): pass", {"KeyError"}),
        ("try: f()\n    except OSError as error:\n        raise", set()),
        ("try: f()\n    except OSError as error:\n        raise Gone from error", {"Gone"}),
        ("def inner(): raise ValueError", set()),
    ],
)
def test_what_leaves_a_function_is_found(body: str, errors: set[str]) -> None:
    (function,) = ast.parse(f"def f():\n    {body}").body
    assert isinstance(function, ast.FunctionDef)
    assert errors_of(function) == errors


def test_what_a_docstring_leaves_out_is_found() -> None:
    source = '''
def silent():
    raise ValueError
def says():
    """Raises ValueError."""
    raise ValueError
def says_less():
    """Raises LookupError."""
    raise KeyError
def says_little():
    """A value, or an error."""
    raise found
class Bare:
    pass
'''
    found = {each.name: each for each in public(ast.parse(source), "a")}
    assert {name: unsaid(each) for name, each in found.items() if unsaid(each)} == {
        "a:silent": {"ValueError"},
        "a:says_little": {"found"},
    }
    assert [name for name, each in found.items() if not ast.get_docstring(each.node)] == ["a", "a:silent", "a:Bare"]
