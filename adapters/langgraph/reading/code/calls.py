"""Reads calls: continues in functions of the project, computes pure calls, and notes all others as effects."""

import ast
import contextlib
import logging
import re
from collections.abc import Mapping
from functools import lru_cache, partial
from types import FunctionType, MethodType
from typing import Any, TypeGuard

from pydantic import TypeAdapter

from adapters.langgraph.fingerprint import UNGUARDED
from adapters.langgraph.reading.code.classes import REST
from adapters.langgraph.reading.code.methods import MethodReader
from adapters.langgraph.reading.code.purity import READING, is_pure
from adapters.langgraph.reading.code.regexes import MATCHING
from adapters.langgraph.reading.code.run import ASKS, MOST_CALLS, Raised, Reached, ReadingEnded, Returned, Scope
from adapters.langgraph.reading.code.sources import source_of
from adapters.langgraph.reading.code.special import class_of, own_method
from adapters.langgraph.reading.code.values import (
    BoundMethod,
    Closure,
    Generated,
    Known,
    Listed,
    Made,
    Managed,
    Mapped,
    TaskFuture,
    Unknown,
    Value,
    answer_of,
    at,
    atoms_of,
    inside,
    lifted,
    unknown,
)

_LOGGERS = frozenset(("log", "logger", "logging", "_log", "_logger", "LOG", "LOGGER", "console"))
_WRITING = frozenset(("write", "writelines", "append", "add", "put", "send", "insert", "extend"))
"""Names that are no methods of a logger: then the log is a file or a list."""
_INNER = "__wrapped__"


class CallReader(MethodReader):
    """Reads a call, and continues in the called function."""

    def _call(self, node: ast.Call, scope: Scope) -> Value:
        function = self._called(node.func, scope)
        values, named = self._arguments(node, scope)
        if _is_logging(node.func) and not _is_code(function):
            return Known(None)
        return self.call(function, values, named, node, scope)

    def _called(self, node: ast.expr, scope: Scope) -> Value:
        """Return the called value: of an unknown owner, a method of that name."""
        if not isinstance(node, ast.Attribute):
            return self.evaluate(node, scope)
        owner = self.evaluate(node.value, scope)
        found = self.attribute(owner, node.attr, node, scope)
        return BoundMethod(owner, node.attr) if isinstance(owner, Unknown) and isinstance(found, Unknown) else found

    def _arguments(self, node: ast.Call, scope: Scope) -> tuple[list[Value], dict[str, Value]]:
        values: list[Value] = []
        for each in node.args:
            if isinstance(each, ast.Starred):
                held = self.evaluate(each.value, scope)
                values += held.items if isinstance(held, Listed) and held.before is None else [held]
            else:
                values.append(self.evaluate(each, scope))
        named: dict[str, Value] = {}
        for keyword in node.keywords:
            value = self.evaluate(keyword.value, scope)
            if keyword.arg is not None:
                named[keyword.arg] = value
            elif isinstance(value, Mapped):
                named |= {str(key): each for key, each in value.fields.items()}
                if value.given and value.rest is None:
                    named[REST] = value
            elif value.given and (isinstance(value, Known | Listed) or getattr(value, "kind", None) is str):
                self.demand(value.path, "map")
                raise Raised(TypeError, self.place(node, scope))
            else:
                named[REST] = value
        return values, named

    def call(self, function: Value, values: list[Value], named: dict[str, Value], node: ast.AST, scope: Scope) -> Value:
        """Return the value of a call. Raises Raised."""
        if not _is_code(function):  # a generator as an argument is consumed
            values = [Listed(self.drawn(each)) if _is_generated(each) else each for each in values]
        match function:
            case Closure():
                return self.run_code(function.node, function.scope, values, named, self.place(node, scope))
            case BoundMethod():
                return self._method(function, values, named, node, scope)
            case Made() if (called := own_method(class_of(function), "__call__")) is not None:
                return self._live(called, [function, *values], named, node, scope)
            case Known() if function.path is None:
                return self._live(function.value, values, named, node, scope)
            case Unknown() if function.given:
                raise Raised(TypeError, self.place(node, scope))
        self.opened(function)  # the answer names what is called
        return self.effect(node, scope, function, *values, *named.values())

    def call_function(self, function: Any, values: list[Value], named: dict[str, Value]) -> Value:
        """Call live code other than by a call: a property, a node of the graph."""
        return self._live(function, values, named, ast.Pass(), Scope({}, None, {}, getattr(function, "__name__", "")))

    def _live(self, held: Any, values: list[Value], named: dict[str, Value], node: ast.AST, scope: Scope) -> Value:
        while isinstance(held, partial):
            values, named = (
                [*map(lifted, held.args), *values],
                {**{k: lifted(v) for k, v in held.keywords.items()}, **named},
            )
            held = held.func
        if (
            isinstance(held, FunctionType)
            and held.__code__.co_filename == contextlib.__file__
            and hasattr(held, _INNER)
        ):
            return Made(Managed, {"made": self._live(vars(held)[_INNER], values, named, node, scope)})
        if isinstance(held, MethodType):
            return self._live(held.__func__, [lifted(held.__self__), *values], named, node, scope)
        if is_interrupt(held):
            return self._asks(values, named, node, scope)
        if isinstance(held, type):
            return self.make(held, values, named, node, scope)
        inner = vars(held) if hasattr(held, "__dict__") else {}
        for name in ("__wrapped__", "func", "coroutine"):  # a task of the functional API, a tool, a runnable
            if not isinstance(held, FunctionType) and isinstance(inner.get(name), FunctionType):
                made = self._live(inner[name], values, named, node, scope)
                return Made(TaskFuture, {"value": made}) if name == "__wrapped__" else made
        if isinstance(held, FunctionType):
            code = source_of(held)
            if code is not None:
                return self._function(held, code, values, named, self.place(node, scope))
        if (called := own_method(type(held), "__call__")) is not None:
            return self._live(called, [lifted(held), *values], named, node, scope)
        return self._builtin(held, values, named, node, scope)

    def _asks(self, values: list[Value], named: dict[str, Value], node: ast.AST, scope: Scope) -> Value:
        payload = values[0] if values else named.get("value", Known(None))
        site = (*self.stack, self.place(node, scope))
        self.trace.sites.append((site, payload))
        if "response_schema" in named:
            self.trace.schemas[site] = named["response_schema"]
        if self.site is None:
            return Unknown(f"asked {site}")
        if self.trace.answered and site == self.site and not self.rounds:
            self.trace.again = payload
            raise ReadingEnded("asks again", site[-1])
        if self.trace.answered:  # another question: go on with any answer to it
            self.trace.effects.append(Reached(f"{ASKS} {site[-1]}", atoms_of(payload), site[:-1], ASKS))
        if site != self.site:
            return Unknown(f"asked {site}")
        self.trace.answered, self.trace.payload = True, payload
        return answer_of(self.candidate)

    # Reading on -------------------------------------------------------------------------------------------------------

    def _function(
        self, held: FunctionType, code: Any, values: list[Value], named: dict[str, Value], place: str
    ) -> Value:
        cells: dict[str, Any] = {}
        for name, cell in zip(held.__code__.co_freevars, held.__closure__ or (), strict=False):
            try:
                cells[name] = cell.cell_contents
            except ValueError:
                continue  # not filled yet
        names = held.__code__.co_varnames[: held.__code__.co_argcount]
        defaults = dict(zip(reversed(names), reversed(held.__defaults__ or ()), strict=False))
        defaults |= held.__kwdefaults__ or {}
        scope = Scope({}, None, held.__globals__, held.__code__.co_filename, cells)
        named = {**{name: lifted(each) for name, each in defaults.items() if name not in named}, **named}
        return self.run_code(code, scope, values, named, place)

    def run_code(self, code: Any, made_in: Scope, values: list[Value], named: Mapping[str, Value], place: str) -> Value:
        """Read a function's body with these arguments. Raises ReadingEnded if calls go too deep."""
        if len(self.stack) >= MOST_CALLS or self.stack.count(place) > 1:
            raise ReadingEnded("lost", place)
        inner = Scope(self._bound(code.args, made_in, values, dict(named)), made_in, made_in.globals, made_in.file)
        if _is_generator(code):
            return Made(Generated, {"generator": Known((code, inner, place))})
        return self._run_in(code, inner, place)

    def drawn(self, value: Made) -> list[Value]:
        """Return all items of a generator: its code runs now, and not before."""
        generator = value.attributes.pop("generator", None)
        if isinstance(generator, Known):
            code, scope, place = generator.value
            self.yields.append([])
            try:
                self._run_in(code, scope, place)
            finally:
                value.attributes["given"] = Listed(self.yields.pop())
        given = value.attributes.get("given")
        return given.items if isinstance(given, Listed) else []

    def _run_in(self, code: Any, inner: Scope, place: str) -> Value:
        self.stack.append(place)
        try:
            if isinstance(code, ast.Lambda):
                return self.evaluate(code.body, inner)
            self.run_body(code.body, inner)
        except Returned as returned:
            return returned.value
        finally:
            self.stack.pop()
        self.left_at = ""
        return Known(None)

    def _bound(
        self, takes: ast.arguments, made_in: Scope, values: list[Value], named: dict[str, Value]
    ) -> dict[str, Value]:
        rest = named.pop(REST, None)
        positional = [each.arg for each in (*takes.posonlyargs, *takes.args)]
        bound: dict[str, Value] = dict(zip(positional, values, strict=False))
        defaults = dict(zip(reversed(positional), reversed(takes.defaults), strict=False))
        defaults |= {a.arg: d for a, d in zip(takes.kwonlyargs, takes.kw_defaults, strict=True) if d is not None}
        for name in (*positional, *(each.arg for each in takes.kwonlyargs)):
            if name in bound:
                named.pop(name, None)
            elif name in named:
                bound[name] = named.pop(name)
            elif isinstance(rest, Unknown):
                bound[name] = unknown(f"argument {name}", rest)
            elif name in defaults:
                bound[name] = at(self.evaluate(defaults[name], made_in), inside(rest, name))
            elif rest is not None:
                self.demand(inside(rest, name), "fill")
                raise Raised(TypeError, f"argument {name}")
            else:
                bound[name] = Unknown(f"argument {name}")
        if takes.vararg:
            bound[takes.vararg.arg] = Listed(values[len(positional) :], tuple)
        if takes.kwarg:
            spare = rest if isinstance(rest, Unknown) else None
            bound[takes.kwarg.arg] = Mapped(
                dict(named), spare, path=rest.path if rest else None, given=rest is not None
            )
        return bound

    def run_body(self, body: list[ast.stmt], scope: Scope) -> None:
        """Read statements; see `StatementReader`."""
        raise NotImplementedError

    # Methods ----------------------------------------------------------------------------------------------------------

    def _method(
        self, method: BoundMethod, values: list[Value], named: dict[str, Value], node: ast.AST, scope: Scope
    ) -> Value:
        owner, name = method.owner, method.name
        if _is_generated(owner) and name != "close":
            return unknown(self.place(node, scope), *self.drawn(owner), *values)
        if isinstance(method.function, FunctionType):
            code = source_of(method.function)
            if code is not None:
                return self._function(method.function, code, [owner, *values], named, self.place(node, scope))
        if isinstance(owner, Made) and owner.cls is TaskFuture and name == "result":
            return owner.attributes["value"]
        if name in ("model_validate", "parse_obj", "model_validate_json") and isinstance(owner, Known):
            return self.validated(owner.value, values[0] if values else Known(None), node, scope)
        if name == "validate_python" and isinstance(owner, Known) and isinstance(owner.value, TypeAdapter) and values:
            return self.fitted(values[0], owner.value._type, values[0].path, node, scope)  # noqa: SLF001 - it has no other name
        match owner:
            case Mapped():
                return self._of_mapped(owner, name, values, node, scope)
            case Listed():
                return self._of_listed(owner, name, values, node, scope)
            case Known() if isinstance(owner.value, str):
                return self._of_text(owner, name, values, named, node, scope)
            case Known() if isinstance(owner.value, re.Pattern) and name in MATCHING and values:
                return self._matched(name, owner, values[0], Known(0), node, scope)
            case Unknown() if owner.kind is str:
                return self._of_words(owner, name, values, node, scope)
            case Made() if name in ("model_dump", "dict"):
                return Mapped(dict(owner.attributes))
            case Unknown() if owner.given and name == "get" and values:
                return self.item(owner, values[0], node, scope)
            case Unknown() if owner.given and name in ("items", "keys", "values"):
                return owner
            case Known() if isinstance(owner.value, logging.Logger) and not any(map(_is_ours, _handlers(owner.value))):
                return Known(None)
            case Known() if isinstance(owner.value, logging.Logger):
                return self.effect(node, scope, *values, *named.values())
        if name not in READING and name != "__init__" and not is_pure(owner, name):
            return self.effect(node, scope, owner, *values, *named.values())
        return unknown(self.place(node, scope), owner, *values, *named.values())


def is_interrupt(held: Any) -> bool:
    """Tell whether it is LangGraph's own `interrupt`."""
    if not isinstance(held, FunctionType):
        return False
    original = vars(held).get(UNGUARDED, held)
    return held.__name__ == "interrupt" and original.__globals__.get("__name__") == "langgraph.types"


def _is_generated(value: Value) -> TypeGuard[Made]:
    return isinstance(value, Made) and value.cls is Generated


def _is_code(value: Value) -> bool:
    """Tell whether it is code of the project, or a container: whatever its name is, it is no logger."""
    match value:
        case Closure():
            return True
        case BoundMethod():
            held = value.owner.value if isinstance(value.owner, Known) else None
            acting = isinstance(held, logging.Logger) and any(map(_is_ours, _handlers(held)))
            ours = isinstance(value.function, FunctionType) and source_of(value.function) is not None
            return ours or acting or isinstance(value.owner, Listed | Mapped | Made)
        case Known():
            return isinstance(value.value, FunctionType) and source_of(value.value) is not None
    return False


def _handlers(logger: logging.Logger | None) -> list[logging.Handler]:
    found: list[logging.Handler] = []
    while logger is not None:
        found += logger.handlers
        logger = logger.parent if logger.propagate else None
    return found


def _is_ours(handler: logging.Handler) -> bool:
    return own_method(type(handler), "emit") is not None or own_method(type(handler), "handle") is not None


@lru_cache(maxsize=4096)
def _is_generator(code: Any) -> bool:
    """Tell whether a function has a `yield` of its own."""
    waiting = [] if isinstance(code, ast.Lambda) else list(code.body)
    while waiting:
        each = waiting.pop()
        if isinstance(each, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            waiting += ast.iter_child_nodes(each)
    return False


def _is_logging(node: ast.expr) -> bool:
    """Recognise `logger.info(...)`, `self.log.debug(...)` and `print(...)`."""
    if isinstance(node, ast.Name):
        return node.id == "print"
    if not isinstance(node, ast.Attribute):
        return False
    owner = node.value
    name = owner.attr if isinstance(owner, ast.Attribute) else owner.id if isinstance(owner, ast.Name) else ""
    return name in _LOGGERS and node.attr not in _WRITING
