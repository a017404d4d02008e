"""Finds the places where a node may reach an `interrupt(...)`, even if its code cannot be read.

The reader follows what the code does, and cannot follow all code. This follows names alone: what a function names, what
those functions name, and so on. It finds too much rather than too little, and does not know what is asked. A place that
it finds and the reader does not is reported as not followed, so that nothing asks unnoticed.

Out of reach: code that is made at run time, and functions found by a name that is not written anywhere.
"""

import dis
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from langchain_core.tools import BaseTool
from langgraph.errors import NodeInterrupt

from adapters.langgraph.fingerprint import UNGUARDED, is_graph, is_library
from adapters.langgraph.reading.code.calls import is_interrupt

_MOST = 4_000
"""The most functions and objects of one node."""
_MOST_ITEMS = 200
_SILENT = ("langgraph", "langchain_core", "pydantic", "pydantic_core", "typing_extensions")
"""Packages that ask nothing by themselves; their references to other code are followed all the same."""
_MIDDLEWARE = "HumanInTheLoopMiddleware"
_OF_MODELS = frozenset({"langchain.agents.factory", "langgraph.prebuilt.chat_agent_executor"})
"""Modules whose own functions call a model: they pass tools on to it, and run none. A node of its own does."""
_BINDS = "bind_tools"


class Reach:
    """The places that a node can reach: `asks` of an interrupt, as FILE:LINE, `gates` of LangChain's middleware.

    `stops` are the places of a NodeInterrupt.
    """

    def __init__(self, node: Any) -> None:
        self.asks: set[str] = set()
        self.stops: set[str] = set()
        self.gates: list[Any] = []
        self._seen: dict[Any, Any] = {}  # a kept object keeps its id
        self._waiting: list[Any] = [node]
        while self._waiting and len(self._seen) < _MOST:
            each = self._waiting.pop()
            known = (id(each.__func__), id(each.__self__)) if isinstance(each, MethodType) else id(each)
            if known not in self._seen:
                self._seen[known] = each
                self._look(each)

    def _look(self, held: Any) -> None:
        match held:
            case FunctionType():
                self._function(vars(held).get(UNGUARDED, held))
            case MethodType():
                self._gate(held.__self__)
                self._waiting.append(held.__func__)
                if isinstance(held.__func__, FunctionType) and not _is_silent(held.__func__.__module__ or ""):
                    self._named(held.__func__.__code__, held.__self__)
            case partial():
                self._waiting += [held.func, *held.args, *held.keywords.values()]
            case type():
                if not _is_silent(held.__module__):
                    self._waiting += [each for each in vars(held).values() if isinstance(each, FunctionType)]
            case dict() | list() | tuple() | set() | frozenset():
                items = held.values() if isinstance(held, dict) else held
                self._waiting += list(items)[:_MOST_ITEMS]
            case _ if is_graph(held):
                self._waiting += [node.bound for node in held.nodes.values()]
            case _:
                self._object(held)

    def _object(self, held: Any) -> None:
        """Look into a runnable, a tool or a tool node: its functions, and those of the project's own class."""
        self._gate(held)
        inner = vars(held) if hasattr(held, "__dict__") else {}
        self._waiting += [each for each in inner.values() if _may_lead_on(each) and not isinstance(each, type)]
        kind = type(held)
        if not _is_silent(kind.__module__):
            self._waiting += [MethodType(each, held) for each in vars(kind).values() if isinstance(each, FunctionType)]

    def _gate(self, held: Any) -> None:
        named = any(each.__name__ == _MIDDLEWARE for each in type(held).__mro__)
        if named and isinstance(getattr(held, "interrupt_on", None), dict) and held not in self.gates:
            self.gates.append(held)

    def _function(self, function: FunctionType) -> None:
        cells = dict(_cells(function))
        if function.__module__ in _OF_MODELS:
            cells = {name: each for name, each in cells.items() if not _are_tools(each)}
        silent = _is_silent(function.__module__ or "")
        self._waiting += [each for each in cells.values() if _may_lead_on(each)]
        wrapped = getattr(function, "__wrapped__", None)
        if wrapped is not None:
            self._waiting.append(wrapped)
        if silent:
            return
        for code in _codes(function.__code__):
            self._code(code, {**function.__globals__, **cells})

    def _code(self, code: CodeType, names: Mapping[str, Any]) -> None:
        used = {*code.co_names, *code.co_freevars} - _only_bound(code)
        held = [names[name] for name in used if name in names]
        modules = [each for each in held if isinstance(each, ModuleType)]
        held += [vars(module)[name] for module in modules for name in used if name in vars(module)]
        if any(is_interrupt(each) for each in held):
            self.asks |= set(_places(code, names, is_interrupt))
        if any(each is NodeInterrupt for each in held):
            self.stops |= set(_places(code, names, lambda each: each is NodeInterrupt))
        self._waiting += [each for each in held if _may_lead_on(each) and not is_interrupt(each)]

    def _named(self, code: CodeType, owner: Any) -> None:
        """Follow what a method names of its own object."""
        for name in code.co_names:
            held = next((vars(each)[name] for each in type(owner).__mro__ if name in vars(each)), None)
            if isinstance(held, FunctionType):
                self._waiting.append(MethodType(held, owner))
            own = vars(owner).get(name) if hasattr(owner, "__dict__") else None
            if _may_lead_on(own):
                self._waiting.append(own)


def _is_silent(module: str) -> bool:
    return module.partition(".")[0] in _SILENT or (not module.startswith(("bot.", "engine.")) and _is_standard(module))


def _is_standard(module: str) -> bool:
    import sys  # noqa: PLC0415 - here alone

    return module.partition(".")[0] in sys.stdlib_module_names


def _may_lead_on(held: Any) -> bool:
    """Tell whether an object may lead to code."""
    return held is not None and not isinstance(held, str | bytes | int | float | bool | ModuleType)


def _are_tools(held: Any) -> bool:
    """Tell whether this is a tool, a node of tools, or several tools."""
    several = held.values() if isinstance(held, dict) else held if isinstance(held, list | tuple) else ()
    return isinstance(held, BaseTool) or hasattr(held, "tools_by_name") or any(map(_are_tools, several))


def _only_bound(code: CodeType) -> frozenset[str]:
    """List the names that code only gives to a model: TOOLS of `model.bind_tools(TOOLS)`, which run elsewhere."""
    if _BINDS not in code.co_names:  # nearly all code: to take it apart would be most of the work of a start
        return frozenset()
    bound, others = set[str](), set[str]()
    given: set[str] | None = None
    steps = [each for each in dis.get_instructions(code) if each.opname not in _NO_STEPS]
    for step, after in zip(steps, [*steps[1:], None], strict=True):
        if step.argval == _BINDS:
            given = set()
        elif given is not None and step.opname.startswith("CALL"):
            is_inner = after is not None and after.opname.startswith("CALL")  # bind_tools(make_tools()) calls that too
            (others if is_inner else bound).update(given)
            given = None
        elif isinstance(step.argval, str) and step.opname.startswith("LOAD_"):
            (others if given is None else given).add(step.argval)
    return frozenset(bound - others)


_NO_STEPS = frozenset({"PRECALL", "CACHE", "KW_NAMES", "EXTENDED_ARG"})


def _cells(function: FunctionType) -> Iterator[tuple[str, Any]]:
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
        try:
            yield name, cell.cell_contents
        except ValueError:
            continue  # not filled yet


def _codes(code: CodeType) -> Iterator[CodeType]:
    """List the code of a function and of the functions that it makes."""
    yield code
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from _codes(each)


def _places(code: CodeType, names: Mapping[str, Any], is_it: Callable[[Any], bool]) -> Iterable[str]:
    """List the lines that name something, under any name."""
    line = code.co_firstlineno
    for step in dis.get_instructions(code):
        position = step.positions
        line = position.lineno if position is not None and position.lineno is not None else line
        named = step.argval if isinstance(step.argval, str) else ""
        held = names.get(named)
        modules = [each for each in names.values() if isinstance(each, ModuleType)] if held is None and named else []
        if is_it(held) or any(is_it(vars(each).get(named)) for each in modules):
            yield f"{code.co_filename}:{line}"


def is_of_library(place: str) -> bool:
    """Tell whether a place, FILE:LINE, is in an installed package."""
    return is_library(place.rpartition(":")[0])
