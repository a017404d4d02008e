"""Reads the fields of a state, input, output or context schema: a TypedDict, a dataclass or a pydantic model.

`get_input_jsonschema()` is of no use here: on Python 3.11 it raises for a TypedDict of `typing`. An annotation that
cannot be resolved (a name that only a type checker sees) is judged by its text.
"""

import dataclasses
import sys
import types
import typing
from collections.abc import Mapping, Sequence
from enum import Enum, StrEnum
from typing import Annotated, Any, ForwardRef, Literal, Union, get_args, get_origin, is_typeddict

import typing_extensions
from langchain_core.messages import BaseMessage
from pydantic import BaseModel

_WRAPPERS = (typing.Required, typing.NotRequired, typing_extensions.ReadOnly)
_UNIONS = (Union, types.UnionType)
_DEEPEST = 6
"""Levels of a type that are looked at: an alias may hold itself."""


class Kind(StrEnum):
    """The part that a field can play in a conversation."""

    MESSAGES = "messages"
    TEXT = "text"
    TEXTS = "texts"
    OBJECT = "object"
    """A schema of its own."""
    OTHER = "other"
    UNKNOWN = "unknown"


@dataclasses.dataclass(frozen=True, slots=True)
class StateField:
    """A field of a schema. `required` is what the schema itself says."""

    name: str
    type: Any
    required: bool = True
    default: Any = None
    """The schema's own default, where it is not required."""
    description: str = ""
    """What the schema says of it."""

    @property
    def kind(self) -> Kind:
        """The part that it can play."""
        found = kind_of(self.type)
        if self.name == "messages" and found is not Kind.TEXT and (self.bare is Any or _is_list(self.bare)):
            return Kind.MESSAGES
        return found

    @property
    def bare(self) -> Any:
        """The type without `Annotated`, `NotRequired` and `| None`."""
        return bare(self.type)

    @property
    def takes_none(self) -> bool:
        """True if the schema allows null."""
        return _takes_none(self.type)

    @property
    def shown(self) -> str:
        """The field for people: `budget (int)`."""
        kind = self.bare
        if kind is Any:
            return self.name
        named = getattr(kind, "__name__", "") if not get_args(kind) else str(kind).replace("typing.", "")
        return f"{self.name} ({named})" if named else self.name


def fields_of(schema: Any) -> Sequence[StateField]:
    """List the fields of a schema in its order; none of what is no such schema."""
    if isinstance(schema, type) and issubclass(schema, BaseModel):
        return [
            StateField(
                name,
                Annotated[each.annotation, *each.metadata] if each.metadata else each.annotation,
                each.is_required(),
                None if each.is_required() else each.get_default(call_default_factory=False),
                each.description or "",
            )
            for name, each in schema.model_fields.items()
        ]
    if schema is None:
        return []
    hints = _hints(schema)
    if dataclasses.is_dataclass(schema):
        return [
            StateField(each.name, hint := hints.get(each.name, Any), _is_required(each), _default(each), _said_of(hint))
            for each in dataclasses.fields(schema)
            if each.init
        ]
    if not is_typeddict(schema) and not typing_extensions.is_typeddict(schema):
        return []
    optional: frozenset[str] = getattr(schema, "__optional_keys__", frozenset())
    return [
        StateField(name, hint, name not in optional and not _may_be_left_out(hint), description=_said_of(hint))
        for name, hint in hints.items()
    ]


def _said_of(hint: Any) -> str:
    """The description that an annotation has: `Annotated[str, "..."]`, or with pydantic's `Field(description=...)`."""
    for _ in range(_DEEPEST):
        for each in getattr(hint, "__metadata__", ()) if get_origin(hint) is Annotated else ():
            if isinstance(said := each if isinstance(each, str) else getattr(each, "description", None), str):
                return said
        if get_origin(hint) is not Annotated and get_origin(hint) not in _WRAPPERS:
            return ""
        hint = get_args(hint)[0]
    return ""


def has_fields(schema: Any) -> bool:
    """Tell whether a type is a schema with fields."""
    return bool(fields_of(schema)) if isinstance(schema, type) or is_typeddict(schema) else False


def bare(kind: Any) -> Any:
    """Return a type without `Annotated`, `NotRequired` and `| None`."""
    for _ in range(_DEEPEST):
        origin = get_origin(kind)
        if origin is Annotated or origin in _WRAPPERS:
            kind = get_args(kind)[0]
            continue
        others = [each for each in get_args(kind) if each is not type(None)] if origin in _UNIONS else []
        if len(others) != 1:
            return kind
        kind = others[0]
    return kind


def kind_of(kind: Any) -> Kind:
    """Tell which part a value of a type can play."""
    if _adds_messages(kind):
        return Kind.MESSAGES
    plain = bare(kind)
    if plain is Any or plain is object or isinstance(plain, str | ForwardRef | typing.TypeVar):
        return Kind.UNKNOWN
    if plain is str:
        return Kind.TEXT
    if get_origin(plain) in _UNIONS:
        return Kind.TEXT if any(kind_of(each) is Kind.TEXT for each in get_args(plain)) else Kind.OTHER
    if _is_list(plain):
        inner = get_args(plain)[:1]
        if inner and _is_message(inner[0]):
            return Kind.MESSAGES
        return Kind.TEXTS if inner and kind_of(inner[0]) is Kind.TEXT else Kind.OTHER
    return Kind.OBJECT if _is_object(plain) else Kind.OTHER


def _is_object(kind: Any) -> bool:
    is_type = isinstance(kind, type) and not issubclass(kind, Enum | BaseMessage)
    return is_type and has_fields(kind)


def _is_list(kind: Any) -> bool:
    origin = get_origin(kind) or kind
    return isinstance(origin, type) and issubclass(origin, Sequence | set) and not issubclass(origin, str | bytes)


def _is_message(kind: Any, depth: int = 0) -> bool:
    plain = bare(kind)
    if isinstance(plain, type):
        return issubclass(plain, BaseMessage)
    return depth < _DEEPEST and any(_is_message(each, depth + 1) for each in get_args(plain))


def _adds_messages(kind: Any) -> bool:
    """Tell whether the reducer of a field is LangGraph's `add_messages`."""
    for _ in range(_DEEPEST):
        if get_origin(kind) is Annotated:
            names = {getattr(each, "__name__", "") for each in kind.__metadata__}
            if names & {"add_messages", "_add_messages", "_messages_delta_reducer"}:
                return True
        elif get_origin(kind) not in _WRAPPERS:
            return False
        kind = get_args(kind)[0]
    return False


def _takes_none(kind: Any) -> bool:
    for _ in range(_DEEPEST):
        origin = get_origin(kind)
        if origin is Literal:
            return None in get_args(kind)
        if origin in _UNIONS:
            return type(None) in get_args(kind)
        if origin is not Annotated and origin not in _WRAPPERS:
            return kind is type(None)
        kind = get_args(kind)[0]
    return False


def _may_be_left_out(hint: Any) -> bool:
    return get_origin(hint) is typing.NotRequired or (
        get_origin(hint) is Annotated and _may_be_left_out(get_args(hint)[0])
    )


def _is_required(field: "dataclasses.Field[Any]") -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _default(field: "dataclasses.Field[Any]") -> Any:
    return None if field.default is dataclasses.MISSING else field.default


# Hints ----------------------------------------------------------------------------------------------------------------


def _hints(schema: Any) -> Mapping[str, Any]:
    try:
        return typing_extensions.get_type_hints(schema, include_extras=True)
    except Exception:  # noqa: BLE001 - evaluates the project's annotations: anything may be raised
        return _hints_one_by_one(schema)


def _hints_one_by_one(schema: Any) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    for each in reversed(getattr(schema, "__mro__", (schema,))):
        known = {**vars(typing), **vars(sys.modules.get(getattr(each, "__module__", ""), typing))}
        for name, hint in (getattr(each, "__dict__", {}).get("__annotations__") or {}).items():
            found[name] = _resolved(hint, known)
    return found


def _resolved(hint: Any, known: dict[str, Any]) -> Any:
    text = hint.__forward_arg__ if isinstance(hint, ForwardRef) else hint
    if not isinstance(text, str):
        return hint
    try:
        return eval(text, known)  # noqa: S307 - the project's own annotation, which Python itself would evaluate
    except Exception:  # noqa: BLE001 - see above
        return _by_its_text(text)


def _by_its_text(text: str) -> Any:
    """Judge an annotation that cannot be resolved."""
    if "essage" in text and "ist[" in text:
        return list[BaseMessage]
    return str if text.replace("Optional[", "").startswith("str") else Any
