"""Recognizes tools that ask for themselves: their code calls `interrupt(...)` before it does anything else.

A gate before such a tool would ask twice. But only a tool that asks each time, whatever its arguments are, needs no
gate: so an `interrupt` counts only before any branch, after nothing but values that are made without a call. In doubt
the gate asks.
"""

import ast
import builtins
import inspect
import textwrap
from collections.abc import Iterator
from functools import lru_cache
from types import FunctionType
from typing import Any

from adapters.langgraph.fingerprint import UNGUARDED
from adapters.langgraph.reading.code.calls import is_interrupt


def asks_first(tool: Any) -> bool:
    """Tell whether a tool begins with a question of its own, run synchronously or asynchronously."""
    held = [getattr(tool, "func", None), getattr(tool, "coroutine", None)]
    functions = [each for each in held if each is not None]
    return bool(functions) and all(isinstance(each, FunctionType) and _asks_first(each) for each in functions)


@lru_cache(maxsize=1024)
def _asks_first(function: FunctionType) -> bool:
    function = vars(function).get(UNGUARDED, function)
    if hasattr(function, "__wrapped__"):
        return False  # a decorator may do something before it
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    except (OSError, TypeError, SyntaxError, IndentationError):
        return False
    if not isinstance(tree, ast.FunctionDef | ast.AsyncFunctionDef) or _yields(tree):
        return False
    known = {**function.__globals__, **inspect.getclosurevars(function).nonlocals}
    for statement in tree.body:
        calls = [each for each in _calls(statement) if not _is_harmless(_resolve(each.func, known))]
        if calls:
            return is_interrupt(_resolve(calls[0].func, known)) and not _is_conditional(statement, calls[0])
        if not isinstance(statement, ast.Expr | ast.Assign | ast.AnnAssign | ast.Pass):
            return False
    return False


def _yields(tree: ast.AST) -> bool:
    return any(isinstance(each, ast.Yield | ast.YieldFrom) for each in ast.walk(tree))


def _calls(statement: ast.AST) -> Iterator[ast.Call]:
    """The calls of a statement; the first one is made first, the order of the others is not certain."""
    for child in ast.iter_child_nodes(statement):
        yield from _calls(child)
    if isinstance(statement, ast.Call):
        yield statement


_BRANCHING = (ast.IfExp, ast.BoolOp, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Await)


def _is_conditional(statement: ast.stmt, call: ast.Call) -> bool:
    """Tell whether the statement may run without making the call."""
    match statement:
        case ast.Expr() | ast.Assign() | ast.AnnAssign() | ast.Return():
            around: ast.AST | None = statement.value
        case ast.If():
            around = statement.test
        case ast.Match():
            around = statement.subject
        case _:
            return True
    if around is None or not any(each is call for each in ast.walk(around)):
        return True
    return any(isinstance(each, _BRANCHING) and call in ast.walk(each) for each in ast.walk(around))


_HARMLESS = (str, int, float, bool, round, len, repr, abs, min, max, sum, sorted, dict, list, tuple, set)


def _is_harmless(held: Any) -> bool:
    return any(held is each for each in _HARMLESS)


def _resolve(function: ast.expr, known: dict[str, Any]) -> Any:
    match function:
        case ast.Name():
            return known.get(function.id, vars(builtins).get(function.id))
        case ast.Attribute():
            return getattr(_resolve(function.value, known), function.attr, None)
    return None
