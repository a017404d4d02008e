"""From a JSON Schema and a value to the fields of a form. Pure. https://json-schema.org/understanding-json-schema."""

import re
from collections.abc import Mapping
from dataclasses import replace

from adapters.blockkit import limits
from adapters.slack.fields import MISSING, Field, Input, Value
from adapters.slack.text import plain, scalar, visible
from engine.ask import Json

_DEEPEST = 3
"""Levels of objects whose properties have inputs of their own; what lies deeper is edited as JSON."""
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_SUCH_AS = {"date-time": "Such as 2026-03-04T15:30:00", "time": "Such as 15:30"}


def fields_of(schema: Mapping[str, Json] | None, value: Json, *, answer: bool) -> list[Field]:
    """The fields of a value. `answer`: the value only says what is asked, the fields are those of the schema."""
    root = dict(schema or {})
    shape = _resolved(root, root)
    properties = shape.get("properties")
    known = properties if isinstance(properties, dict) else {}
    if answer:
        value = {name: each for name, each in value.items() if name in known} if isinstance(value, dict) else None
    found: list[Field] = []
    if known or isinstance(value, dict):
        _of_object(found, (), shape, value, root)
    if found:
        return found
    if isinstance(value, dict):
        return whole(value)
    return [replace(_field(0, (), shape, MISSING if answer else value, required=True, root=root), alone=True)]


def whole(value: Json) -> list[Field]:
    """The value as one JSON text: for what has more fields than a modal takes."""
    return [Field(0, (), Input.JSON, value, required=True, alone=True)]


def _of_object(
    found: list[Field],
    above: tuple[str, ...],
    shape: dict[str, Json],
    value: Json,
    root: dict[str, Json],
    *,
    needed: bool = True,
) -> None:
    """Add the fields of an object. `needed`: it will be there, so what it requires is required."""
    properties = _as_object(shape.get("properties"))
    present = value if isinstance(value, dict) else {}
    listed = shape.get("required")
    required = set(map(str, listed)) if isinstance(listed, list) else set()
    if not properties:
        required = {name for name, each in present.items() if not isinstance(each, str)}
    for name in dict.fromkeys([*properties, *present]):
        part = _resolved(_as_object(properties.get(name)), root)
        default: Value = part.get("default", MISSING) if needed else MISSING
        before: Value = present.get(name, default)
        field = _field(len(found), (*above, name), part, before, required=needed and name in required, root=root)
        inner, _ = _without_null(part, root)
        if field.input is Input.JSON and _has_inputs(inner, before, len(field.path)):
            found.append(replace(field, input=Input.GROUP))
            there = field.required and not field.nullable
            within = before if isinstance(before, dict) else None
            _of_object(found, field.path, inner, within, root, needed=there or within is not None)
        else:
            found.append(field)


def _has_inputs(shape: dict[str, Json], before: Value, depth: int) -> bool:
    """Whether an object's properties get inputs of their own: all of them are known, and no other may be added."""
    if shape.get("type") != "object" or not _as_object(shape.get("properties")) or depth > _DEEPEST:
        return False
    return shape.get("additionalProperties", False) is False and (before in (MISSING, None) or isinstance(before, dict))


def _field(
    index: int, path: tuple[str, ...], shape: dict[str, Json], before: Value, *, required: bool, root: dict[str, Json]
) -> Field:
    shape, nullable = _without_null(shape, root)
    kind, options = _input(shape, before, root)
    if before is not MISSING and not _holds(kind, before, options) and not (before is None and nullable):
        kind, options = Input.JSON, ()
    hint = shape.get("description")
    labels = _labels(shape if kind is Input.CHOICE else _resolved(_as_object(shape.get("items")), root), options)
    words = hint if isinstance(hint, str) else _SUCH_AS.get(str(shape.get("format")), "")
    return Field(index, path, kind, before, required, words, options, nullable, labels=labels)


def _labels(shape: dict[str, Json], options: tuple[Json, ...]) -> tuple[str, ...]:
    """What the schema calls its options (`title` beside a `const`, `enumNames`), where it names each differently."""
    titles = [each.get("title") for each in _variants(shape) if isinstance(each, dict)]
    names = shape.get("enumNames")
    found = [plain(each, limits.OPTION_TEXT) for each in titles or _listed(names) if isinstance(each, str) and each]
    distinct = len(found) == len(options) == len(set(found))
    return tuple(found) if distinct else tuple(scalar(each) for each in options)


def _listed(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _variants(shape: dict[str, Json]) -> list[Json]:
    return _listed(shape.get("oneOf")) or _listed(shape.get("anyOf"))


def _input(shape: dict[str, Json], before: Value, root: dict[str, Json]) -> tuple[Input, tuple[Json, ...]]:
    if options := _options(shape):
        return Input.CHOICE, options
    kind = shape.get("type")
    if kind == "array":
        items = _resolved(_as_object(shape.get("items")), root)
        if options := _options(items):
            return Input.CHOICES, options
        return Input.LINES if items.get("type") == "string" else Input.JSON, ()
    if kind == "string" and shape.get("format") == "date":
        return Input.DATE, ()
    if kind is None:
        return _guessed(before), ()
    return _TYPES.get(str(kind), Input.JSON), ()


_TYPES = {"string": Input.TEXT, "integer": Input.INTEGER, "number": Input.NUMBER, "boolean": Input.BOOLEAN}


def _guessed(value: Value) -> Input:
    match value:
        case bool():
            return Input.BOOLEAN
        case int():
            return Input.INTEGER
        case float():
            return Input.NUMBER
        case str():
            return Input.TEXT
        case _:
            return Input.JSON


def _holds(kind: Input, value: Json, options: tuple[Json, ...]) -> bool:
    """Whether an input of this kind can start with this value."""
    match kind:
        case Input.TEXT:
            return isinstance(value, str)
        case Input.INTEGER | Input.NUMBER:
            return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15  # noqa: PLR2004
        case Input.BOOLEAN:
            return isinstance(value, bool)
        case Input.CHOICE:
            return value in options
        case Input.CHOICES:
            return isinstance(value, list) and all(each in options for each in value)
        case Input.LINES:
            return isinstance(value, list) and all(isinstance(each, str) and _is_line(each) for each in value)
        case Input.DATE:
            return isinstance(value, str) and _DATE.fullmatch(value) is not None
        case Input.JSON | Input.GROUP:
            return True


def _is_line(text: str) -> bool:
    """Whether it comes back from a line to the letter."""
    return text == text.strip() != "" and text.isprintable() and visible(text) == text


def _options(shape: dict[str, Json]) -> tuple[Json, ...]:
    listed = shape.get("enum")
    if not isinstance(listed, list) and "const" in shape:
        listed = [shape["const"]]
    variants = _variants(shape)
    if not isinstance(listed, list) and variants:
        consts = [each["const"] for each in variants if isinstance(each, dict) and "const" in each]
        listed = consts if len(consts) == len(variants) else None
    if not isinstance(listed, list) or not 0 < len(listed) <= limits.SELECT_OPTIONS:
        return ()
    return tuple(listed) if all(len(scalar(each)) <= limits.OPTION_TEXT for each in listed) else ()


def _as_object(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _resolved(shape: dict[str, Json], root: dict[str, Json]) -> dict[str, Json]:
    """The shape with its `$ref` followed (`#/...` only), its own words going before those of what it names."""
    for _ in range(10):
        reference = shape.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#/"):
            return shape
        found: Json = root
        for step in reference[2:].split("/"):
            found = _as_object(found).get(step.replace("~1", "/").replace("~0", "~"))
        shape = {**_as_object(found), **{name: each for name, each in shape.items() if name != "$ref"}}
    return {}


def _without_null(shape: dict[str, Json], root: dict[str, Json]) -> tuple[dict[str, Json], bool]:
    kinds = shape.get("type")
    if isinstance(kinds, list):
        rest = [each for each in kinds if each != "null"]
        return {**shape, "type": rest[0] if len(rest) == 1 else rest}, "null" in kinds
    variants = shape.get("anyOf") or shape.get("oneOf")
    if not isinstance(variants, list):
        return shape, False
    others = [each for each in variants if isinstance(each, dict) and each.get("type") != "null"]
    if len(others) == 1 and len(others) < len(variants):
        own = {name: each for name, each in shape.items() if name not in ("anyOf", "oneOf")}
        return {**_resolved(others[0], root), **own}, True
    return shape, False
