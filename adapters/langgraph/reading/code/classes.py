"""Reads what classes make of values: Enums, pydantic models, dataclasses, and Python's own types."""

import ast
import dataclasses
from enum import Enum
from types import FunctionType, MethodType, NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

from adapters.langgraph.reading.code.expressions import ExpressionReader
from adapters.langgraph.reading.code.run import Raised, ReadingEnded, Scope
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
"""Among named arguments: a mapping that was spread, for what it does not have."""
_PLAIN_CLASSES = frozenset(
    ("pathlib", "asyncio", "threading", "queue", "concurrent", "ipaddress", "urllib", "email", "contextlib", "weakref")
)


class ClassReader(ExpressionReader):
    """`make` and `is_instance`."""

    def make(self, cls: type, values: list[Value], named: dict[str, Value], node: ast.AST, scope: Scope) -> Value:
        """`cls(*values, **named)`."""
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
            if init is not None and init is not object.__init__ and not self._is_plain(cls):
                self.effect(node, scope, *values, *named.values())
        return made

    def _is_plain(self, cls: type) -> bool:
        """Whether nothing is done by making one, as far as that is known of libraries."""
        module = cls.__module__.split(".")[0]
        return module in _PLAIN_CLASSES or self._is_pure(Known(cls), cls.__name__) or issubclass(cls, BaseException)

    def _is_pure(self, owner: Value, name: str) -> bool:
        """Whether a call does nothing to the world; see `Methods`."""
        raise NotImplementedError

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
        """A dataclass or a named tuple. Raises Raised where an argument lacks, or is one too many."""
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

    # Enums ------------------------------------------------------------------------------------------------------------

    def _member(self, cls: type[Enum], value: Value, node: ast.AST, scope: Scope) -> Value:
        """`Verdict("go")`."""
        if isinstance(value, Known | Unknown) and value.path is not None:
            for each in cls:
                self.compare_with(value, each.value)
        if isinstance(value, Known):
            for each in cls:
                if each is value.value or (type(each.value) is type(value.value) and each.value == value.value):
                    return Known(each, value.path, value.given)
            raise Raised(ValueError, self.place(node, scope))
        if isinstance(value, Mapped | Listed) or (isinstance(value, Unknown) and value.kind is str):
            if isinstance(value, Mapped | Listed) and value.path is not None:
                for each in cls:
                    self.demand(value.path, "value", each.value)
            raise Raised(ValueError, self.place(node, scope))
        return unknown(self.place(node, scope), value)

    # Python's own -----------------------------------------------------------------------------------------------------

    def _of_python(self, cls: type, values: list[Value], named: dict[str, Value], node: ast.AST, scope: Scope) -> Value:
        first = (
            values[0] if values else Known(cls()) if cls in (str, int, float, bool, list, dict, tuple, set) else None
        )
        match cls.__name__, first:
            case "bool", Known() | Listed() | Mapped() | Unknown():
                return at(Known(self.truth(first, self.place(node, scope))), first.path)
            case "str", Known() if isinstance(first.value, str | int | float | bool | None) and not isinstance(
                first.value, Enum
            ):
                if not isinstance(first.value, str):
                    self.demand(first.path, "text")
                return Known(str(first.value), first.path, first.given)
            case "str", Unknown() if first.kind is str:
                return first
            case "str", Mapped() | Listed() if first.path is not None:
                self.demand(first.path, "text")
            case "int" | "float", Known() if isinstance(first.value, str | int | float):
                return self._number(cls, first, node, scope)
            case "int" | "float", Known() | Mapped() | Listed() if first.path is not None and not _has_number(first):
                self.demand(first.path, "value", 1)
                raise Raised(TypeError, self.place(node, scope))
            case "int" | "float", Unknown() if first.kind is str:
                self.demand(first.path, "value", 1)
                raise Raised(ValueError, self.place(node, scope))
            case "dict", _:
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
        if issubclass(cls, BaseException):
            return Made(cls, {f"_{number}": each for number, each in enumerate(values)})
        result = unknown(self.place(node, scope), *values, *named.values())
        result.is_text = cls is str
        return result

    def _number(self, cls: type, value: Known, node: ast.AST, scope: Scope) -> Value:
        try:
            return Known(cls(value.value), value.path, value.given)
        except (ValueError, OverflowError):
            self.demand(value.path, "value", 1)
            raise Raised(ValueError, self.place(node, scope)) from None

    def is_instance(self, value: Value, of: Value, node: ast.AST, scope: Scope) -> Value:
        """`isinstance(value, of)`."""
        kinds = [each.value for each in (of.items if isinstance(of, Listed) else [of]) if isinstance(each, Known)]
        kinds = [inner for each in kinds for inner in (get_args(each) if isinstance(each, UnionType) else [each])]
        if value.path is not None and not isinstance(value, Made):
            for each in kinds:
                wanted = {dict: "map", str: "text", list: "list", tuple: "list", bool: "bool"}.get(each, "")
                if wanted == "bool":
                    self.demand(value.path, "value", value=True)
                elif wanted:
                    self.demand(value.path, wanted)
        actual = _type_of(value)
        if actual is None or not kinds or not all(isinstance(each, type) for each in kinds):
            return unknown(self.place(node, scope), value, of)
        return Known(any(issubclass(actual, each) or _is_abstract(actual, each) for each in kinds))

    # pydantic ---------------------------------------------------------------------------------------------------------

    def validated(self, cls: Any, value: Value, node: ast.AST, scope: Scope) -> Value:
        """`cls.model_validate(value)`. Raises Raised where pydantic would, and Ended where a validator is not known.

        Raises ReadingEnded.
        """
        if not hasattr(cls, "model_fields") or isinstance(value, Unknown):
            if isinstance(value, Unknown) and value.kind is str:
                self.demand(value.path, "map")
                raise Raised(ValueError, self.place(node, scope))
            return Made(cls, {}) if isinstance(cls, type) else unknown(self.place(node, scope), value)
        if isinstance(value, Made):
            return value
        if not isinstance(value, Mapped):
            self.demand(value.path, "map")
            raise Raised(ValueError, self.place(node, scope))
        made = Made(cls)
        checks = _validators(cls)
        if checks is None:
            raise ReadingEnded("lost", self.place(node, scope))
        for name, field in cls.model_fields.items():
            key = field.alias if isinstance(field.alias, str) else name
            path = None if value.path is None else (*value.path, key)
            held = value.fields.get(key)
            if path is not None and self.trace.answered:
                self.trace.reads.add(path)
            if held is None and value.rest is not None:
                made.attributes[name] = unknown(f"{value.rest.origin}.{key}")
            elif held is None and field.is_required():
                self._wanted(path, field.annotation)
                raise Raised(ValueError, self.place(node, scope))
            elif held is None:
                default = field.default if field.default_factory is None else None
                made.attributes[name] = at(Known(default), path)
                self._wanted(path, field.annotation)
            else:
                made.attributes[name] = self._validated_field(name, held, field.annotation, path, node, scope, checks)
        self.special(made, "model_post_init", Known(None))
        return made

    def _validated_field(
        self, name: str, value: Value, annotation: Any, path: Any, node: ast.AST, scope: Scope, checks: list[Any]
    ) -> Value:
        """A field's value through the model's own validators."""
        mine = [each for each in checks if name in each.info.fields or "*" in each.info.fields]
        for each in mine:
            if each.info.mode == "before":
                value = self._checked(each, value)
        value = self.fitted(value, annotation, path, node, scope)
        for each in mine:
            if each.info.mode == "after":
                value = self._checked(each, value)
        return value

    def _checked(self, decorator: Any, value: Value) -> Value:
        held = decorator.func
        return self.call_function(held, [value, Unknown("info")][: _takes(held)], {})

    def fitted(self, value: Value, annotation: Any, path: Any, node: ast.AST, scope: Scope) -> Value:
        """A field's value as its annotation takes it. Raises Raised."""
        self._wanted(path, annotation)
        kinds = [*_kinds(annotation)]
        if not kinds or any(each is Any for each in kinds) or (isinstance(value, Unknown) and value.kind is None):
            return value
        actual = _type_of(value)
        for each in kinds:
            if get_origin(each) is Literal and isinstance(value, Known) and value.value in get_args(each):
                return value
            if isinstance(each, type) and issubclass(each, Enum) and isinstance(value, Known | Unknown):
                return self._member(each, value, node, scope)
            if hasattr(each, "model_fields") and isinstance(value, Mapped):
                try:
                    return self.validated(each, value, node, scope)
                except Raised:
                    continue
            origin = get_origin(each) or each
            if isinstance(origin, type) and actual is not None and issubclass(actual, origin):
                return value
        raise Raised(ValueError, self.place(node, scope))

    def _wanted(self, path: Any, annotation: Any) -> None:
        """Note the values that an annotation takes."""
        if path is None:
            return
        for each in _kinds(annotation):
            if get_origin(each) is Literal:
                for option in get_args(each):
                    self.demand(path, "value", option)
            elif isinstance(each, type) and issubclass(each, Enum):
                for member in each:
                    self.demand(path, "value", member.value)
            elif each is bool:
                self.demand(path, "value", value=True)
                self.demand(path, "value", value=False)
            elif each is str:
                self.demand(path, "text")
            elif each is dict or get_origin(each) is dict or hasattr(each, "model_fields"):
                self.demand(path, "map")
            elif each in (int, float):
                self.demand(path, "value", 1)


def _validators(cls: Any) -> list[Any] | None:
    """A model's own validators of single fields; None where it has others, which are not read."""
    found = getattr(cls, "__pydantic_decorators__", None)
    if found is None:
        return []
    checks = list(found.field_validators.values())
    others = found.model_validators or found.root_validators or found.validators
    alike = all(each.info.mode in ("before", "after") and isinstance(each.func, MethodType) for each in checks)
    return checks if alike and not others else None


def _takes(held: MethodType) -> int:
    """How many arguments of a bound method's function are its own."""
    return held.__func__.__code__.co_argcount - 1


def _fields_of(cls: Any) -> dict[str, Value | None]:
    """The arguments of a dataclass or a named tuple, with what stands for one that lacks; None: it has to be given."""
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


def _kinds(annotation: Any) -> list[Any]:
    if get_origin(annotation) is Annotated:
        return _kinds(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [inner for each in get_args(annotation) if each is not NoneType for inner in _kinds(each)]
    return [annotation]


def _type_of(value: Value) -> type | None:
    match value:
        case Known():
            return type(value.value)
        case Unknown():
            return value.kind
        case Listed():
            return value.kind
        case Mapped():
            return dict if value.rest is None or value.given else None
        case Made():
            return value.cls if isinstance(value.cls, type) else None
    return None


def _is_abstract(actual: type, wanted: type) -> bool:
    return wanted.__name__ in ("Mapping", "MutableMapping") and actual is dict


def hints_of(function: Any) -> dict[str, Any]:
    """The annotations of a function; nothing where they cannot be resolved."""
    try:
        return get_type_hints(function)
    except Exception:  # noqa: BLE001 - a name that only a type checker sees
        return {}
