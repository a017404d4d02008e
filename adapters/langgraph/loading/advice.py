"""Warns of mistakes in a graph's source, for `signoff check`: work done twice, and questions that are never asked.

A resumed node runs again from its top, so everything before `interrupt()` is done once more; and `interrupt()` stops a
node with an exception, so a `try` around it that catches everything swallows the question.
https://docs.langchain.com/oss/python/langgraph/interrupts#rules-of-interrupts

The source is only read. A call counts as work if its name says so: a method or function that sends, writes, creates,
deletes. Reads, logs and calls of models do not: nobody would read a list that warned of every call. docs/pitfalls.md
says what it misses. Functions of the same file that a node calls are read too.
"""

import ast
import inspect
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import Any

_INTERRUPT = "interrupt"
_DEEPEST = 2
# fmt: off
_WORKS = frozenset({
    "append_row", "charge", "commit", "create", "delete", "deploy", "execute", "executemany", "insert", "patch",
    "pay", "post", "publish", "purchase", "put", "refund", "remove", "rename", "rmtree", "run_command", "save",
    "send", "sendall", "send_message", "send_mail", "sendmail", "submit", "system", "transfer", "unlink", "update",
    "upload", "upsert", "write", "write_bytes", "write_text", "writelines",
})
# fmt: on
_CATCHES_ALL = frozenset({"Exception", "BaseException", "GraphBubbleUp", "GraphInterrupt"})
_HARMLESS = frozenset({"log", "logger", "logging", "print", "os.environ", "state", "outputs", "self.logger"})
_COLLECTIONS = frozenset({"update", "remove", "insert"})
"""Names that dicts, sets and lists use too: they count only if awaited."""


@dataclass(frozen=True, slots=True)
class _Code:
    """A function's source: `tree` is its body, `first` its first line in the file."""

    name: str
    tree: ast.FunctionDef | ast.AsyncFunctionDef
    file: str
    first: int
    function: FunctionType

    def line(self, node: ast.AST) -> str:
        return f"{self.file}, line {self.first + getattr(node, 'lineno', 1) - 1}"


def advice(graph: Any) -> Sequence[str]:
    """Warn the graph's author, in the order of the nodes; each sentence names the node, the file and the line."""
    found: dict[str, None] = {}
    for path, function in _functions(graph, ""):
        code = _read(function)
        if code is not None:
            found |= dict.fromkeys((*_work_done_twice(path, code), *_swallowed_questions(path, code)))
    return tuple(found)


def _functions(graph: Any, above: str) -> Iterator[tuple[str, FunctionType]]:
    for name, node in graph.nodes.items():
        for part in getattr(node.bound, "steps", None) or (node.bound,):
            if hasattr(part, "nodes") and hasattr(part, "aget_state"):
                yield from _functions(part, f"{above}{name}/")
            for function in (getattr(part, "func", None), getattr(part, "afunc", None), *_tools(part)):
                plain = getattr(function, "func", function)
                if isinstance(plain, FunctionType):
                    yield f"{above}{name}", plain


def _tools(part: Any) -> Iterable[Any]:
    for tool in (getattr(part, "tools_by_name", None) or {}).values():
        yield from (getattr(tool, "func", None), getattr(tool, "coroutine", None))


def _read(function: FunctionType) -> _Code | None:
    """Read the source of the project's function; None for a library's, or if there is none."""
    try:
        lines, first = inspect.getsourcelines(function)
        file = inspect.getsourcefile(function) or ""
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, TypeError, SyntaxError, IndentationError):
        return None
    body = tree.body[0] if tree.body else None
    if "site-packages" in file or not isinstance(body, ast.FunctionDef | ast.AsyncFunctionDef):
        return None
    return _Code(function.__name__, body, Path(file).name, first, function)


# Done twice -----------------------------------------------------------------------------------------------------------


def _work_done_twice(path: str, code: _Code) -> Iterator[str]:
    asking = [call for call in _calls(code.tree) if _asks(call, code, _DEEPEST)]
    if not asking:
        return
    last = max(call.lineno for call in asking)
    for call in _calls(code.tree):
        if call.lineno < last and call not in asking and _is_work(call, code, _DEEPEST):
            yield (
                f"{path} ({code.line(call)}): {_name(call.func)}() runs before interrupt(), and again with each "
                "answer. Move it after the interrupt, into a node of its own, or make it idempotent with the run's "
                "signoff_idempotency_key (docs/pitfalls.md)."
            )


def _calls(tree: ast.AST) -> list[ast.Call]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


def _name(function: ast.expr) -> str:
    return ast.unparse(function)


def _asks(call: ast.Call, code: _Code, deep: int) -> bool:
    name = _name(call.func)
    if name.rpartition(".")[2] == _INTERRUPT:
        return True
    inner = _function_in_file(name, code) if deep else None
    return inner is not None and any(_asks(each, inner, deep - 1) for each in _calls(inner.tree))


def _is_work(call: ast.Call, code: _Code, deep: int) -> bool:
    owner, _, name = _name(call.func).rpartition(".")
    if owner.split("(")[0] in _HARMLESS or any(part in ("log", "logger", "logging") for part in owner.split(".")):
        return False
    if name == "open" and not owner:
        return any(isinstance(each, ast.Constant) and set(str(each.value)) & set("wax+") for each in _modes(call))
    if name in _WORKS:
        return name not in _COLLECTIONS or _is_awaited(call, code)
    inner = _function_in_file(_name(call.func), code) if deep else None
    return inner is not None and any(_is_work(each, inner, deep - 1) for each in _calls(inner.tree))


def _modes(call: ast.Call) -> list[ast.expr]:
    return [*call.args[1:2], *(each.value for each in call.keywords if each.arg == "mode")]


def _is_awaited(call: ast.Call, code: _Code) -> bool:
    return any(isinstance(node, ast.Await) and node.value is call for node in ast.walk(code.tree))


def _function_in_file(name: str, code: _Code) -> _Code | None:
    """Find a function of the same file by its name."""
    found = code.function.__globals__.get(name)
    if not isinstance(found, FunctionType) or found.__module__ != code.function.__module__:
        return None
    return _read(found)


# Swallowed ------------------------------------------------------------------------------------------------------------


def _swallowed_questions(path: str, code: _Code) -> Iterator[str]:
    for block in ast.walk(code.tree):
        if not isinstance(block, ast.Try):
            continue
        caught = next((handler for handler in block.handlers if _catches_all(handler)), None)
        inside = [call for each in block.body for call in _calls(each) if _asks(call, code, _DEEPEST)]
        if caught is not None and inside:
            yield (
                f"{path} ({code.line(inside[0])}): interrupt() is inside a try, and its except at line "
                f"{code.line(caught).rpartition(' ')[2]} catches it, so the question may never be asked. Catch the "
                "exceptions that you expect by name, or move the interrupt out of the try (docs/pitfalls.md)."
            )


def _catches_all(handler: ast.ExceptHandler) -> bool:
    """Tell whether a handler catches LangGraph's interrupt, an Exception, and does not raise it again."""
    if any(isinstance(node, ast.Raise) and node.exc is None for node in ast.walk(handler)):
        return False
    if handler.type is None:
        return True
    types = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(_name(each).rpartition(".")[2] in _CATCHES_ALL for each in types)
