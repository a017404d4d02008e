"""Python source that is made up: modules, functions in the ways that people write them, constants in as many.

`Maker` draws; what it drew is kept as traits, by which a found fault and the variety of what was made can be told.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from textwrap import indent
from typing import Any, TypeVar

from hypothesis import strategies as st

T = TypeVar("T")
Draw = Callable[[st.SearchStrategy[Any]], Any]


@dataclass
class Module:
    """A module under construction: its imports, and its statements."""

    imports: dict[str, None] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    def needs(self, line: str) -> None:
        self.imports[line] = None

    def add(self, *lines: str) -> None:
        self.lines += [*lines, ""]

    def text(self) -> str:
        return "\n".join([*self.imports, "", *self.lines])


class Maker:
    """Draws, and collects the modules of one project."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw
        self.traits: list[str] = []
        self.modules = {name: Module() for name in ("world", "words", "reading", "agent")}
        self._count = 0
        self.told = ""

    def pick(self, trait: str, *options: T) -> T:
        """One of the options; the first is the plainest."""
        chosen: T = self.draw(st.sampled_from(options))
        self.traits.append(f"{trait}:{chosen}")
        return chosen

    def some(self, trait: str, *options: T) -> list[T]:
        """Up to two of the options."""
        chosen: list[T] = self.draw(st.lists(st.sampled_from(options), max_size=2, unique=True))
        self.traits += [f"{trait}:{each}" for each in chosen]
        return chosen

    def fresh(self, *stems: str) -> str:
        """A name that nothing else has."""
        self._count += 1
        return f"{self.draw(st.sampled_from(stems))}_{self._count}"

    def use(self, module: str, of: str, name: str) -> str:
        """The name in a module, imported there from another."""
        if of != module:
            self.modules[module].needs(f"from .{of} import {name}")
        return name


@dataclass
class Place:
    """A function under construction: where it stands, how it is made, and what it takes besides its argument."""

    maker: Maker
    module: str
    kind: str
    name: str
    params: dict[str, Any] = field(default_factory=dict)

    @property
    def owner(self) -> str:
        return "self." if self.kind in ("method", "instance") else ""

    def const(self, value: Any) -> str:
        """An expression for a constant: a literal, a name of this module or another, a thing that is handed in."""
        if not isinstance(value, str):
            return repr(value)
        ways = ["literal", "literal", "module", "imported", "class", "str_enum"]
        if self.kind not in ("plain", "static", "tool", "nested"):
            ways.append("handed in")
        match self.maker.pick("constant", *ways):
            case "literal":
                return repr(value)
            case "module":
                name = self.maker.fresh("WORD", "LIMIT", "_MARK")
                self.maker.modules[self.module].add(f"{name} = {value!r}")
                return name
            case "imported":
                name = self.maker.fresh("WORD", "KEY")
                self.maker.modules["words"].add(f"{name} = {value!r}")
                return self.maker.use(self.module, "words", name)
            case "class":
                name = self.maker.fresh("Words", "Settings")
                self.maker.modules["words"].add(f"class {name}:", f"    VALUE = {value!r}")
                return f"{self.maker.use(self.module, 'words', name)}.VALUE"
            case "str_enum":
                name = self.maker.fresh("Word", "Kind")
                self.maker.modules["words"].needs("from enum import Enum, StrEnum")
                self.maker.modules["words"].add(f"class {name}(StrEnum):", f"    VALUE = {value!r}", "    OTHER = 'zz'")
                return f"{self.maker.use(self.module, 'words', name)}.VALUE"
        name = self.maker.fresh("word", "mark")
        self.params[name] = value
        return f"{self.owner}{name}"

    def emit(self, argument: str, body: Sequence[str], *, is_async: bool = False) -> str:
        """Write the function into its module; gives the expression that calls it by."""
        module = self.maker.modules[self.module]
        return _WAYS[self.kind](self, argument, body, "async def" if is_async else "def", module)


def block(lines: Sequence[str], levels: int = 1) -> str:
    """Lines as an indented block."""
    return indent("\n".join(lines) if lines else "pass", "    " * levels)


def _plain(place: Place, argument: str, body: Sequence[str], define: str, module: Module) -> str:
    module.add(f"{define} {place.name}({argument}):", block(body))
    return place.name


def _defaults(place: Place, argument: str, body: Sequence[str], define: str, module: Module) -> str:
    more = "".join(f", {name}={value!r}" for name, value in place.params.items())
    module.add(f"{define} {place.name}({argument}{more}):", block(body))
    return place.name


def _method(place: Place, argument: str, body: Sequence[str], define: str, module: Module) -> str:
    made, called = _class(place, argument, body, define, module, place.name)
    return f"{made}.{called}"


def _instance(place: Place, argument: str, body: Sequence[str], define: str, module: Module) -> str:
    return _class(place, argument, body, define, module, "__call__")[0]


def _class(
    place: Place, argument: str, body: Sequence[str], define: str, module: Module, called: str
) -> tuple[str, str]:
    name, held = place.maker.fresh("Desk", "Reviewer"), place.maker.fresh("desk", "reviewer")
    params = "".join(f", {each}" for each in place.params)
    kept = [f"self.{each} = {each}" for each in place.params]
    module.add(
        f"class {name}:",
        f"    def __init__(self{params}):",
        block(kept, 2),
        f"    {define} {called}(self, {argument}):",
        block(body, 2),
        f"{held} = {name}({', '.join(repr(each) for each in place.params.values())})",
    )
    return held, called


def _static(place: Place, argument: str, body: Sequence[str], define: str, module: Module) -> str:
    name = place.maker.fresh("Tools", "Rules")
    module.add(f"class {name}:", "    @staticmethod", f"    {define} {place.name}({argument}):", block(body, 2))
    return f"{name}.{place.name}"


def _closure(place: Place, argument: str, body: Sequence[str], define: str, module: Module) -> str:
    make = place.maker.fresh("make", "build")
    module.add(
        f"def {make}({', '.join(place.params)}):",
        f"    {define} inner({argument}):",
        block(body, 2),
        "    return inner",
        f"{place.name} = {make}({', '.join(map(repr, place.params.values()))})",
    )
    return place.name


def _partial(place: Place, argument: str, body: Sequence[str], define: str, module: Module) -> str:
    module.needs("from functools import partial")
    more = "".join(f", {name}" for name in place.params)
    given = "".join(f", {name}={value!r}" for name, value in place.params.items())
    module.add(
        f"{define} {place.name}_whole({argument}{more}):",
        block(body),
        f"{place.name} = partial({place.name}_whole{given})",
    )
    return place.name


def _wrapped(place: Place, argument: str, body: Sequence[str], define: str, module: Module) -> str:
    module.needs("import functools")
    counted = place.maker.fresh("counted", "traced")
    waits = "await " if define.startswith("async") else ""
    more = "".join(f", {name}={value!r}" for name, value in place.params.items())
    module.add(
        f"def {counted}(function):",
        "    @functools.wraps(function)",
        f"    {define} wrapper(*args, **kwargs):",
        f"        return {waits}function(*args, **kwargs)",
        "    return wrapper",
        f"@{counted}",
        f"{define} {place.name}({argument}{more}):",
        block(body),
    )
    return place.name


def _tool(place: Place, argument: str, body: Sequence[str], define: str, module: Module) -> str:
    module.needs("from langchain_core.tools import tool")
    module.add("@tool", f"{define} {place.name}({argument}) -> str:", '    """Do it."""', block(body))
    return place.name


_WAYS = {
    "plain": _plain,
    "defaults": _defaults,
    "method": _method,
    "instance": _instance,
    "static": _static,
    "closure": _closure,
    "partial": _partial,
    "wrapped": _wrapped,
    "tool": _tool,
}
