"""Reads Enums and pydantic models: the values that they accept."""

import ast
from enum import Enum
from types import MethodType, NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from adapters.langgraph.reading.code.expressions import ExpressionReader
from adapters.langgraph.reading.code.run import Raised, ReadingEnded, Scope
from adapters.langgraph.reading.code.values import Known, Listed, Made, Mapped, Unknown, Value, at, atoms_of, unknown


class ModelReader(ExpressionReader):
    """Makes members of Enums and pydantic models from values."""

    def _member(self, cls: type[Enum], value: Value, node: ast.AST, scope: Scope) -> Value:
        """Read `Verdict("go")`."""
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

    def validated(self, cls: Any, value: Value, node: ast.AST, scope: Scope) -> Value:
        """Read `cls.model_validate(value)`.

        Raises Raised if pydantic would raise, and ReadingEnded if a validator is not known.
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
        if checks is None and not _holds_answer(value):  # such as a chat model: the answer decides nothing in it
            self.effect(node, scope, *value.fields.values())  # its validators may do anything
            return Made(cls, dict(value.fields))
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
        """Apply the model's own validators to a field's value."""
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
        """Convert a field's value as its annotation requires. Raises Raised."""
        self._wanted(path, annotation)
        kinds = [*_kinds(annotation)]
        if not kinds or any(each is Any for each in kinds) or (isinstance(value, Unknown) and value.kind is None):
            return value
        actual = type_of(value)
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
    """List a model's own validators of single fields; None if it has others, which are not read."""
    found = getattr(cls, "__pydantic_decorators__", None)
    if found is None:
        return []
    checks = list(found.field_validators.values())
    others = found.model_validators or found.root_validators or found.validators
    alike = all(each.info.mode in ("before", "after") and isinstance(each.func, MethodType) for each in checks)
    return checks if alike and not others else None


def _holds_answer(value: Mapped) -> bool:
    """Tell whether a part of the answer is in it, or is missing in it."""
    return value.path is not None or any(kind in ("answer", "lacks") for kind, _ in atoms_of(value))


def _takes(held: MethodType) -> int:
    """Count the arguments of a bound method's function, without `self`."""
    return held.__func__.__code__.co_argcount - 1


def _kinds(annotation: Any) -> list[Any]:
    if get_origin(annotation) is Annotated:
        return _kinds(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [inner for each in get_args(annotation) if each is not NoneType for inner in _kinds(each)]
    return [annotation]


def type_of(value: Value) -> type | None:
    """Return the class of a value; None if it is not known."""
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
