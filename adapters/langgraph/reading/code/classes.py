"""Reads calls of classes: dataclasses, named tuples, Python's own types, and classes of the project."""

import ast
import dataclasses
from enum import Enum
from types import FunctionType, UnionType
from typing import Any, get_args, is_typeddict

from adapters.langgraph.reading.code.models import ModelReader, type_of
from adapters.langgraph.reading.code.purity import is_pure
from adapters.langgraph.reading.code.run import Raised, Scope
from adapters.langgraph.reading.code.sources import source_of
from adapters.langgraph.reading.code.values import (
    Known,
    Listed,
    Made,
    Mapped,
    Unknown,
    Value,
    at,
    atoms_of,
    inside,
    lifted,
    unknown,
)

REST = "**"
"""The key, among named arguments, of a mapping that was spread."""
_PLAIN_CLASSES = frozenset(
    ("pathlib", "asyncio", "threading", "queue", "concurrent", "ipaddress", "urllib", "email", "contextlib", "weakref")
)


class ClassReader(ModelReader):
    """Makes instances, and reads `isinstance`."""

    def make(self, cls: type, values: list[Value], named: dict[str, Value], node: ast.AST, scope: Scope) -> Value:
        """Read `cls(*values, **named)`."""
        first = values[0] if values else None
        if issubclass(cls, Enum):
            return self._member(cls, first or Unknown("member"), node, scope)
        if cls.__module__ == "builtins":
            return self._of_python(cls, values, named, node, scope)
        if hasattr(cls, "model_fields"):
            return self._model(cls, values, named, node, scope)
        rest = named.pop(REST, None)
        if is_typeddict(cls):
            return rest or Mapped(dict(named))
        if dataclasses.is_dataclass(cls) or hasattr(cls, "_fields"):
            return self._of_fields(cls, values, named, rest, node, scope)
        made = Made(cls, dict(named), path=rest.path if rest else None)
        init = next((vars(each)["__init__"] for each in cls.__mro__ if "__init__" in vars(each)), None)
        if isinstance(init, FunctionType) and source_of(init) is not None:
            self.call_function(init, [made, *values], named)
        else:
            names = list(getattr(cls, "__match_args__", ())) or [f"_{n}" for n in range(len(values))]
            made.attributes |= dict(zip(names, values, strict=False))
            if init is not None and init is not object.__init__ and not self._has_no_effect(cls):
                self.effect(node, scope, *values, *named.values())
        return made

    def _has_no_effect(self, cls: type) -> bool:
        """Tell whether making an instance has no effect, as far as libraries are known."""
        module = cls.__module__.split(".")[0]
        return module in _PLAIN_CLASSES or is_pure(Known(cls), cls.__name__) or issubclass(cls, BaseException)

    def _model(self, cls: Any, values: list[Value], named: dict[str, Value], node: ast.AST, scope: Scope) -> Value:
        if cls.__module__.split(".")[0] in ("langchain_core", "langchain", "langgraph"):
            attributes = dict(named)  # messages take their content as the first argument
            if values:
                attributes["content"] = values[0]
            held = atoms_of(*attributes.values())
            self.trace.said |= self.trace.answered and any(kind == "answer" for kind, _ in held)
            return Made(cls, attributes)
        given = Mapped({name: each for name, each in named.items() if name != REST})
        if REST in named:
            return self.validated(cls, named[REST], node, scope)
        paths = {each.path[:-1] for each in named.values() if each.path}
        given.path = paths.pop() if len(paths) == 1 else None
        return self.validated(cls, given, node, scope)

    def _of_fields(
        self, cls: Any, values: list[Value], named: dict[str, Value], rest: Value | None, node: ast.AST, scope: Scope
    ) -> Value:
        """Make a dataclass or a named tuple. Raises Raised if an argument is missing or unknown."""
        fields = _fields_of(cls)
        if isinstance(rest, Mapped) and not rest.fields.keys() <= fields.keys():
            raise Raised(TypeError, self.place(node, scope))
        made = Made(cls, dict(zip(fields, values, strict=False)) | named)
        for name, default in fields.items():
            if (path := inside(rest, name)) is not None and self.trace.answered:
                self.trace.reads.add(path)
            if name in made.attributes:
                continue
            if isinstance(rest, Unknown):
                made.attributes[name] = unknown(f"{rest.origin}.{name}", rest)
            elif default is not None:
                made.attributes[name] = at(default, path)
            else:
                self.demand(path, "fill")
                raise Raised(TypeError, self.place(node, scope))
        self.special(made, "__post_init__")
        return made

    # Python's own -----------------------------------------------------------------------------------------------------

    def _of_python(self, cls: type, values: list[Value], named: dict[str, Value], node: ast.AST, scope: Scope) -> Value:
        """Read a call of one of Python's own classes. Raises Raised."""
        empty = Known(cls()) if cls in (str, int, float, bool, list, dict, tuple, set) else None
        made = self._converted(cls, values[0] if values else empty, values, named, node, scope)
        if made is not None:
            return made
        if issubclass(cls, BaseException):
            return Made(cls, {f"_{number}": each for number, each in enumerate(values)})
        result = unknown(self.place(node, scope), *values, *named.values())
        result.is_text = cls is str
        return result

    def _converted(
        self,
        cls: type,
        first: Value | None,
        values: list[Value],
        named: dict[str, Value],
        node: ast.AST,
        scope: Scope,
    ) -> Value | None:
        """Convert a value to one of Python's own classes; None if the result is not known."""
        match cls.__name__, first:
            case "bool", Known() | Listed() | Mapped() | Unknown():
                return at(Known(self.truth(first, self.place(node, scope))), first.path)
            case "str", _:
                return self._to_text(first)
            case "int" | "float", _:
                return self._to_number(cls, first, node, scope)
            case "dict", _:
                return self._to_dict(first, values, named, node, scope)
            case "list" | "tuple" | "set" | "frozenset", Listed():
                return Listed(list(first.items), cls, first.before, path=first.path, given=first.given)
            case "list" | "tuple" | "set" | "frozenset", Known() if not values:
                return Listed([], cls)
            case "reversed", Listed():
                return Listed(list(reversed(self.items_of(first, node, scope))))
            case "enumerate", Listed() if first.before is None:
                return Listed([Listed([Known(n), each], tuple) for n, each in enumerate(first.items)])
            case "type", Known() if len(values) == 1:
                return Known(type(first.value))
        return None

    def _to_text(self, value: Value | None) -> Value | None:
        """Read `str(value)`."""
        match value:
            case Known(value=str() | int() | float() | bool() | None as held) if not isinstance(held, Enum):
                if not isinstance(held, str):
                    self.demand(value.path, "text")
                return Known(str(held), value.path, value.given)
            case Unknown() if value.kind is str:
                return value
            case Mapped() | Listed() if value.path is not None:
                self.demand(value.path, "text")
        return None

    def _to_number(self, cls: type, value: Value | None, node: ast.AST, scope: Scope) -> Value | None:
        """Read `int(value)` and `float(value)`. Raises Raised."""
        match value:
            case Known(value=str() | int() | float()):
                return self._number(cls, value, node, scope)
            case Known() | Mapped() | Listed() if value.path is not None and not _has_number(value):
                self.demand(value.path, "value", 1)
                raise Raised(TypeError, self.place(node, scope))
            case Unknown() if value.kind is str:
                self.demand(value.path, "value", 1)
                raise Raised(ValueError, self.place(node, scope))
        return None

    def _to_dict(
        self, first: Value | None, values: list[Value], named: dict[str, Value], node: ast.AST, scope: Scope
    ) -> Value:
        """Read `dict(first, **named)`. Raises Raised."""
        made = Mapped({}, path=first.path if first else None, given=first.given if first else False)
        if first is not None and values:
            if isinstance(first, Known) and first.path is not None:
                self.demand(first.path, "map")
                raise Raised(TypeError, self.place(node, scope))
            self.merge(made, first)
        if REST in named:
            self.merge(made, named.pop(REST))
        made.fields |= named
        return made

    def _number(self, cls: type, value: Known, node: ast.AST, scope: Scope) -> Value:
        try:
            return Known(cls(value.value), value.path, value.given)
        except (ValueError, OverflowError):
            self.demand(value.path, "value", 1)
            raise Raised(ValueError, self.place(node, scope)) from None

    def is_instance(self, value: Value, of: Value, node: ast.AST, scope: Scope) -> Value:
        """Read `isinstance(value, of)`."""
        kinds = [each.value for each in (of.items if isinstance(of, Listed) else [of]) if isinstance(each, Known)]
        kinds = [inner for each in kinds for inner in (get_args(each) if isinstance(each, UnionType) else [each])]
        if value.path is not None and not isinstance(value, Made):
            for each in kinds:
                wanted = {dict: "map", str: "text", list: "list", tuple: "list", bool: "bool"}.get(each, "")
                if wanted == "bool":
                    self.demand(value.path, "value", value=True)
                elif wanted:
                    self.demand(value.path, wanted)
        actual = type_of(value)
        if actual is None or not kinds or not all(isinstance(each, type) for each in kinds):
            return unknown(self.place(node, scope), value, of)
        return Known(any(issubclass(actual, each) or _is_abstract(actual, each) for each in kinds))


def _fields_of(cls: Any) -> dict[str, Value | None]:
    """List the arguments of a dataclass or a named tuple, with their defaults; None for a required one."""
    if not dataclasses.is_dataclass(cls):
        defaults = getattr(cls, "_field_defaults", {})
        return {name: lifted(defaults[name]) if name in defaults else None for name in cls._fields}
    made: dict[str, Value | None] = {}
    for each in dataclasses.fields(cls):
        if not each.init:
            continue
        if each.default is not dataclasses.MISSING:
            made[each.name] = lifted(each.default)
        elif each.default_factory in (list, dict):
            made[each.name] = Listed([]) if each.default_factory is list else Mapped({})
        else:
            missing = each.default_factory is dataclasses.MISSING
            made[each.name] = None if missing else Unknown(f"default {each.name}")
    return made


def _has_number(value: Value) -> bool:
    return isinstance(value, Known) and hasattr(type(value.value), "__int__")


def _is_abstract(actual: type, wanted: type) -> bool:
    return wanted.__name__ in ("Mapping", "MutableMapping") and actual is dict
