"""Reads a value by a graph's `context_schema`: a dataclass, a pydantic model or a TypedDict.

LangGraph calls a dataclass or a model with the context's keys, and passes all else on as it is. It checks no types of a
dataclass or a TypedDict, so a text out of a variable would reach a node that expects a number. Here each field is
read by pydantic's rules first, nested ones too: "3" becomes 3 for an int, and a nested object becomes the class that
the field names. What pydantic knows nothing of (a field of a class of the project's own) is passed as it is.

No value stands in a problem: it may be a secret.
"""

import dataclasses
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, NotRequired, Required, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, TypeAdapter, ValidationError

_OWN_CHECKS = frozenset({"value_error", "assertion_error"})
_WRITTEN = {str: "TEXT", int: "1", float: "0.5", bool: "true"}
_KEPT = (Required, NotRequired)


@dataclass(frozen=True, slots=True)
class Wrong:
    """One problem: `at` is the path of a field, "" for the whole; `own`: a validator of the project's own raised."""

    at: str
    what: str
    missing: bool = False
    own: bool = False
    unknown: bool = False

    def below(self, name: str) -> "Wrong":
        """The same problem, of a field of this name."""
        return dataclasses.replace(self, at=f"{name}.{self.at}" if self.at else name)


def fields_of(schema: Any) -> Mapping[str, bool]:
    """List the fields of a context schema, and whether each is required."""
    if dataclasses.is_dataclass(schema):
        return {each.name: _is_required(each) for each in dataclasses.fields(schema) if each.init}
    if _is_model(schema):
        return {each.alias or name: each.is_required() for name, each in schema.model_fields.items()}
    return {name: name in _required_keys(schema) for name in _annotations_of(schema)}


def read_by(schema: Any, given: Mapping[str, Any]) -> tuple[dict[str, Any], Sequence[Wrong]]:
    """Read each field by its type. A value that does not fit stays as it is, and is a problem."""
    if _is_model(schema):
        return dict(given), [*_unknown(schema, given), *_problems_of(lambda: schema(**given))]
    hints, fields = _hints_of(schema), fields_of(schema)
    problems = [*_unknown(schema, given)]
    problems += [Wrong(name, "is missing", missing=True) for name in fields if fields[name] and name not in given]
    read: dict[str, Any] = {}
    for name, value in given.items():
        read[name], found = read_field(hints[name], value) if name in hints else (value, ())
        problems += [each.below(name) for each in found]
    return read, problems


def example_of(schema: Any, names: Sequence[str]) -> str:
    """Spell a context with these fields, as YAML on one line: `{model: TEXT, tries: 1}`."""
    hints = _hints_of(schema)
    return f"{{{', '.join(f'{name}: {_value_for(hints.get(name), name)}' for name in names)}}}"


def _value_for(hint: Any, name: str) -> str:
    named = name.removesuffix("_id")
    if hint in (str, None) and named in ("user", "channel", "thread"):
        return f"${named}"
    inner = _object_in(hint)
    if inner is not None:
        return example_of(inner, [each for each, needed in fields_of(inner).items() if needed])
    return _WRITTEN.get(hint, "VALUE") if isinstance(hint, type) else "VALUE"


# One field ------------------------------------------------------------------------------------------------------------


def type_of(schema: Any, name: str) -> Any:
    """Return the type of a field; Any where it is not known."""
    if _is_model(schema) and name in schema.model_fields:
        field = schema.model_fields[name]
        return Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
    return _hints_of(schema).get(name, Any) if isinstance(schema, type) else Any


def read_field(hint: Any, value: Any) -> tuple[Any, Sequence[Wrong]]:
    """Read a value by a type. One that does not fit stays as it is, and is a problem."""
    inner = _object_in(hint)
    if inner is not None and isinstance(value, Mapping):
        read, problems = read_by(inner, value)
        return (value if problems else _made(inner, read)), problems
    try:
        adapter = TypeAdapter(hint)
    except Exception:  # noqa: BLE001 - a class that pydantic knows nothing of, in whatever way
        return value, ()
    valid: list[Any] = []
    problems = _problems_of(lambda: valid.append(adapter.validate_python(value)))
    return (value if problems else valid[0]), problems


def _object_in(hint: Any) -> Any:
    """The dataclass, model or TypedDict that a field takes, also beside None; None for any other field."""
    if get_origin(hint) in (Union, types.UnionType):
        (hint, *more) = [each for each in get_args(hint) if each is not types.NoneType] or [None]
        if more:
            return None
    is_object = isinstance(hint, type) and (_is_model(hint) or dataclasses.is_dataclass(hint) or is_typed_dict(hint))
    return hint if is_object else None


def _made(schema: Any, read: dict[str, Any]) -> Any:
    return read if is_typed_dict(schema) else schema(**read)


def _problems_of(read: Any) -> Sequence[Wrong]:
    try:
        read()
    except ValidationError as error:
        return [_wrong(each) for each in error.errors(include_url=False) if each["type"] != "extra_forbidden"]
    except Exception as error:  # noqa: BLE001 - the project's own code
        return [Wrong("", f"is refused by the code of the graph ({type(error).__name__})", own=True)]
    return ()


def _wrong(error: Any) -> Wrong:
    at, said = ".".join(map(str, error["loc"])), str(error["msg"])
    if error["type"] == "missing":
        return Wrong(at, "is missing", missing=True)
    if error["type"] in _OWN_CHECKS or said == error.get("input"):
        return Wrong(at, "is refused by the code of the graph", own=True)
    head, expected, tail = said.partition("Input should be ")
    return Wrong(at, f"has to be {tail.partition(', unable')[0]}" if expected and not head else f"is wrong: {said}")


def _unknown(schema: Any, given: Mapping[str, Any]) -> Iterator[Wrong]:
    fields = fields_of(schema)
    if _is_model(schema):
        if schema.model_config.get("extra") == "allow":
            return
        fields = {**fields, **dict.fromkeys(schema.model_fields, False)}
    for name in given if fields else ():
        if name not in fields:
            yield Wrong(name, f"is unknown to {schema.__name__}, which has {', '.join(fields)}", unknown=True)


# The schema -----------------------------------------------------------------------------------------------------------


def _is_model(schema: Any) -> bool:
    return isinstance(schema, type) and issubclass(schema, BaseModel)


def is_typed_dict(schema: Any) -> bool:
    """Tell whether this is a TypedDict, of typing or of typing_extensions."""
    return isinstance(schema, type) and hasattr(schema, "__required_keys__")


def _required_keys(schema: Any) -> frozenset[str]:
    """The keys that a TypedDict requires. If its annotations are texts, Python counts NotRequired as required."""
    try:
        known = get_type_hints(schema, include_extras=True)
    except (NameError, TypeError, AttributeError):
        known = {}
    optional = {name for name, hint in known.items() if get_origin(hint) is NotRequired}
    return frozenset(getattr(schema, "__required_keys__", frozenset())) - optional


def _is_required(field: "dataclasses.Field[Any]") -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _annotations_of(schema: Any) -> Sequence[str]:
    found = [each for base in getattr(schema, "__mro__", ()) for each in vars(base).get("__annotations__", ())]
    return [*dict.fromkeys([*(getattr(schema, "__annotations__", None) or ()), *found])]


def _hints_of(schema: Any) -> Mapping[str, Any]:
    """The types of the fields; none where a name in them is known to type checkers only."""
    try:
        known = get_type_hints(schema, include_extras=True)
    except (NameError, TypeError, AttributeError):
        return {}
    return {name: get_args(hint)[0] if get_origin(hint) in _KEPT else hint for name, hint in known.items()}
