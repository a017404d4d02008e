"""Makes the fields of a form from a JSON Schema and a value. Pure. https://json-schema.org/understanding-json-schema."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from adapters.blockkit import limits
from adapters.slack.drawing.untrusted_text import plain_line, scalar, visible
from adapters.slack.forms import entries, numerals
from adapters.slack.forms.fields import MISSING, Field, Input, Value
from engine.asks.ask import Json, canonical

_DEEPEST = 3
"""Levels of objects whose properties have inputs; deeper ones are edited as JSON."""
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_SUCH_AS = {"date-time": "Such as 2026-03-04T15:30:00", "time": "Such as 15:30"}


def drafts(schema: Mapping[str, Json] | None, value: Json, *, answer: bool) -> Iterator[list[Field]]:
    """Forms for a value, from the one with the most inputs down to one that fits any modal.

    A modal takes 100 blocks and 250 kB: https://docs.slack.dev/reference/views/modal-views.
    """
    found = fields_of(schema, value, answer=answer)
    yield found
    yield _with_parts(found, 1)
    yield _with_parts(fields_of(schema, value, answer=answer, deepest=0), 1)
    complete = entries.read(found, {})[0] if answer else value
    yield as_json(complete)
    yield _with_parts(as_json(complete), 0)


def _with_parts(found: Sequence[Field], most: int) -> list[Field]:
    return [replace(each, most_parts=most) for each in found]


def fields_of(schema: Mapping[str, Json] | None, value: Json, *, answer: bool, deepest: int = _DEEPEST) -> list[Field]:
    """The fields of a value. With `answer` the value only says what is asked; the fields come from the schema."""
    root = dict(schema or {})
    top = _resolved(root, root)
    known = _as_object(top.get("properties"))
    if answer:
        value = {name: each for name, each in value.items() if name in known} if isinstance(value, dict) else None
    reader = _Reader(root, answer=answer, deepest=deepest)
    if isinstance(value, dict) or (known and (answer or value is None)):
        reader.add_object((), top, value)
    if reader.found:
        return reader.found
    if isinstance(value, dict):
        return as_json(value)
    alone = reader.field((), top, MISSING if answer else value, required=True, default=top.get("default", MISSING))
    return [replace(alone, alone=True)]


def described(schema: Mapping[str, Json]) -> list[str]:
    """A line for each property: `name (integer, needed): description`."""
    root = dict(schema)
    top = _resolved(root, root)
    required = _listed(top.get("required"))
    lines = []
    for name, each in _as_object(top.get("properties")).items():
        part, _ = _without_null(_resolved(_as_object(each), root), root)
        words = [*_listed(part.get("type")), part.get("type")]
        kind = " or ".join(word for word in words if isinstance(word, str)) or "any value"
        hint = f": {part['description']}" if isinstance(part.get("description"), str) else ""
        lines.append(visible(f"{name} ({kind}{', needed' if name in required else ''}){hint}"))
    return lines


def as_json(value: Json) -> list[Field]:
    """One field: the value as JSON."""
    return [Field((), Input.JSON, value, required=True, alone=True)]


class _Reader:
    """Reads one schema, `root`, next to the value."""

    def __init__(self, root: dict[str, Json], *, answer: bool, deepest: int) -> None:
        self.found: list[Field] = []
        self._root, self._answer, self._deepest = root, answer, deepest

    def add_object(self, above: tuple[str, ...], schema: dict[str, Json], value: Json, *, needed: bool = True) -> None:
        """Add the fields of an object. With `needed` it will be sent, so its required properties are required."""
        properties = _as_object(schema.get("properties"))
        present = value if isinstance(value, dict) else {}
        required = set(map(str, _listed(schema.get("required"))))
        if not properties:
            required = {name for name, each in present.items() if not isinstance(each, str)}
        for name in dict.fromkeys([*properties, *present]):
            part = _resolved(_as_object(properties.get(name)), self._root)
            default: Value = part.get("default", MISSING) if needed else MISSING
            before: Value = present.get(name, MISSING)
            field = self.field((*above, name), part, before, required=needed and name in required, default=default)
            self._add(field, part)

    def _add(self, field: Field, part: dict[str, Json]) -> None:
        inner, _ = _without_null(part, self._root)
        if field.input is not Input.JSON or not self._has_inputs(inner, field):
            self.found.append(field)
            return
        there = field.required and not field.nullable
        begins: Value = {} if self._answer and there and field.before is MISSING else field.before
        self.found.append(replace(field, input=Input.GROUP, before=begins))
        within = begins if isinstance(begins, dict) else None
        self.add_object(field.path, inner, within, needed=there or within is not None)

    def _has_inputs(self, schema: dict[str, Json], field: Field) -> bool:
        """True if the properties of an object get inputs: all are known, and no others are allowed."""
        if schema.get("type") != "object" or not _as_object(schema.get("properties")):
            return False
        if len(field.path) > self._deepest or field.default not in (MISSING, None):
            return False
        closed = schema.get("additionalProperties", False) is False
        return closed and (field.before in (MISSING, None) or isinstance(field.before, dict))

    def field(
        self, path: tuple[str, ...], schema: dict[str, Json], before: Value, *, required: bool, default: Value = MISSING
    ) -> Field:
        """The field of a property. An answer sends the defaults; an edit shows them, and sends them only if touched."""
        if self._answer and before is MISSING:
            before, default = default, MISSING
        schema, nullable = _without_null(schema, self._root)
        start = default if before is MISSING else before
        kind, options = _input(schema, start, self._root)
        if start is not MISSING and not _holds(kind, start, options) and not (start is None and nullable):
            kind, options = Input.JSON, ()
        if self._answer and before is MISSING and required and (nullable or kind is Input.BOOLEAN):
            before = None if nullable else False
        if schema.get("readOnly") is True and not self._answer:
            kind, options = Input.KEPT, ()
        hint = schema.get("description")
        named = schema if kind is Input.CHOICE else _resolved(_as_object(schema.get("items")), self._root)
        return Field(
            path,
            kind,
            before,
            required,
            hint if isinstance(hint, str) else _SUCH_AS.get(str(schema.get("format")), ""),
            options,
            nullable,
            labels=_labels(named, options),
            default=default,
        )


def _labels(schema: dict[str, Json], options: tuple[Json, ...]) -> tuple[str, ...]:
    """The schema's names for its options (`title` beside a `const`, or `enumNames`), if all differ."""
    titles = [each.get("title") for each in _variants(schema) if isinstance(each, dict)]
    names = schema.get("enumNames")
    found = [
        plain_line(each, limits.OPTION_TEXT) for each in titles or _listed(names) if isinstance(each, str) and each
    ]
    distinct = len(found) == len(options) == len(set(found))
    return tuple(found) if distinct else tuple(scalar(each) for each in options)


def _listed(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _variants(schema: dict[str, Json]) -> list[Json]:
    return _listed(schema.get("oneOf")) or _listed(schema.get("anyOf"))


def _input(schema: dict[str, Json], before: Value, root: dict[str, Json]) -> tuple[Input, tuple[Json, ...]]:
    if options := _options(schema):
        return Input.CHOICE, options
    kind = schema.get("type")
    if kind == "array":
        items = _resolved(_as_object(schema.get("items")), root)
        if options := _options(items):
            return Input.CHOICES, options
        return Input.LINES if items.get("type") == "string" else Input.JSON, ()
    if _may_be_text_or_number(schema, root):
        return (Input.TEXT if isinstance(before, str) and not _is_numeral(before) else Input.DECIMAL), ()
    if kind == "string" and schema.get("format") == "date":
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


def _may_be_text_or_number(schema: dict[str, Json], root: dict[str, Json]) -> bool:
    """True if a number may also be sent as text, as in pydantic's schema of a `Decimal`."""
    kinds = _listed(schema.get("type"))
    kinds = kinds or [_resolved(_as_object(each), root).get("type") for each in _variants(schema)]
    return "string" in kinds and bool({"number", "integer"} & {*map(str, kinds)}) and len(kinds) == 2  # noqa: PLR2004


def _is_numeral(text: str) -> bool:
    return text == text.strip() and numerals.is_number(text)


def _holds(kind: Input, value: Json, options: tuple[Json, ...]) -> bool:
    """True if an input of this kind can start with the value."""
    match kind:
        case Input.TEXT | Input.DATE:
            return isinstance(value, str) and (kind is Input.TEXT or _DATE.fullmatch(value) is not None)
        case Input.INTEGER | Input.NUMBER:
            return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15  # noqa: PLR2004
        case Input.DECIMAL:
            return isinstance(value, str | int | float) and not isinstance(value, bool)
        case Input.BOOLEAN:
            return isinstance(value, bool)
        case Input.CHOICE:
            return canonical(value) in map(canonical, options)
        case Input.CHOICES:
            several = [canonical(each) for each in value] if isinstance(value, list) else [""]
            return set(several) <= set(map(canonical, options)) and len(set(several)) == len(several)
        case Input.LINES:
            return isinstance(value, list) and all(isinstance(each, str) and _is_line(each) for each in value)
        case Input.JSON | Input.GROUP | Input.KEPT:
            return True


def _is_line(text: str) -> bool:
    """True if a line of an input gives back exactly this text."""
    return text == text.strip() != "" and text.isprintable() and visible(text) == text


def _options(schema: dict[str, Json]) -> tuple[Json, ...]:
    listed = schema.get("enum")
    if not isinstance(listed, list) and "const" in schema:
        listed = [schema["const"]]
    variants = _variants(schema)
    if not isinstance(listed, list) and variants:
        consts = [each["const"] for each in variants if isinstance(each, dict) and "const" in each]
        listed = consts if len(consts) == len(variants) else None
    if not isinstance(listed, list) or not 0 < len(listed) <= limits.SELECT_OPTIONS:
        return ()
    return tuple(listed) if all(len(scalar(each)) <= limits.OPTION_TEXT for each in listed) else ()


def _as_object(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _resolved(schema: dict[str, Json], root: dict[str, Json]) -> dict[str, Json]:
    """The schema with its `$ref` followed (`#/...` only); its own keywords take precedence."""
    for _ in range(10):
        reference = schema.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#/"):
            return schema
        found: Json = root
        for step in reference[2:].split("/"):
            found = _as_object(found).get(step.replace("~1", "/").replace("~0", "~"))
        schema = {**_as_object(found), **{name: each for name, each in schema.items() if name != "$ref"}}
    return {}


def _without_null(schema: dict[str, Json], root: dict[str, Json]) -> tuple[dict[str, Json], bool]:
    kinds = schema.get("type")
    if isinstance(kinds, list):
        rest = [each for each in kinds if each != "null"]
        return {**schema, "type": rest[0] if len(rest) == 1 else rest}, "null" in kinds
    keyword = next((each for each in ("anyOf", "oneOf") if isinstance(schema.get(each), list)), "")
    variants = _listed(schema.get(keyword))
    others = [each for each in variants if isinstance(each, dict) and each.get("type") != "null"]
    if not 0 < len(others) < len(variants):
        return schema, False
    own = {name: each for name, each in schema.items() if name not in ("anyOf", "oneOf")}
    return {**_resolved(others[0], root), **own} if len(others) == 1 else {**own, keyword: list(others)}, True
