"""From a JSON Schema and a value to the inputs of a modal, and back to a typed value. Pure.

https://json-schema.org/understanding-json-schema, https://docs.slack.dev/reference/block-kit/blocks/input-block

What a schema asks of a value beyond its type is checked by whoever knows the graph (`Desk.problems`), not here.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any, TypeAlias

from adapters.blockkit import limits
from adapters.slack import blocks
from adapters.slack.blocks import Block
from adapters.slack.layout import chunks
from adapters.slack.text import plain, pretty, scalar, unmarked, visible
from engine.ask import Json

ACTION_ID = "value"
_PART = 2_500
"""Characters of a long text in one input: the person has room to add as many as an input has left."""
_MOST_PARTS = 8
_LONG = 80
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


class Input(Enum):
    """The kinds of inputs."""

    TEXT = auto()
    INTEGER = auto()
    NUMBER = auto()
    BOOLEAN = auto()
    CHOICE = auto()
    CHOICES = auto()
    DATE = auto()
    JSON = auto()


class _Missing(Enum):
    MISSING = auto()


MISSING = _Missing.MISSING
Value: TypeAlias = "Json | _Missing"


@dataclass(frozen=True, slots=True)
class Field:
    """One property, or a value that is no object (`alone`). `before` is MISSING where it has no value yet."""

    index: int
    name: str
    input: Input
    before: Value
    required: bool
    hint: str = ""
    options: tuple[Json, ...] = ()
    nullable: bool = False
    alone: bool = False

    @property
    def block_id(self) -> str:
        """The block where its problems are shown."""
        return self._block(0)

    def _block(self, part: int) -> str:
        return f"field:{self.index}" if part == 0 else f"field:{self.index}:{part}"

    @property
    def initial(self) -> str:
        """The text that a text input starts with."""
        if self.before is MISSING or (self.before is None and self.input is not Input.JSON):
            return ""
        text = self.before if self.input is Input.TEXT and isinstance(self.before, str) else _spelled(self.before)
        return visible(text)

    @property
    def parts(self) -> list[tuple[str, str]]:
        """The block ids and initial texts of a text that may be split over several inputs."""
        texts = chunks(self.initial, _PART) if len(self.initial) > _PART else [self.initial]
        return [(self._block(part), text) for part, text in enumerate(texts)]

    @property
    def editable(self) -> bool:
        """Whether an input can hold it."""
        return self.input not in (Input.TEXT, Input.JSON) or len(self.parts) <= _MOST_PARTS


def _spelled(value: Json) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


# Which inputs ---------------------------------------------------------------------------------------------------------


def fields_of(schema: Mapping[str, Json] | None, value: Json, *, answer: bool) -> list[Field]:
    """The fields of a value. `answer`: the value only says what is asked, the fields are those of the schema."""
    root = dict(schema or {})
    shape = _resolved(root, root)
    properties = shape.get("properties")
    known = properties if isinstance(properties, dict) else {}
    if answer:
        value = {name: each for name, each in value.items() if name in known} if isinstance(value, dict) else None
    if known or isinstance(properties, dict) or isinstance(value, dict):
        return _of_object(shape, known, value, root)
    return [replace(_field(0, "", shape, MISSING if answer else value, required=True, root=root), alone=True)]


def whole(value: Json) -> list[Field]:
    """The value as one JSON text: for what has more fields than a modal takes."""
    return [Field(0, "", Input.JSON, value, required=True, alone=True)]


def _of_object(shape: dict[str, Json], properties: dict[str, Json], value: Json, root: dict[str, Json]) -> list[Field]:
    present = value if isinstance(value, dict) else {}
    listed = shape.get("required")
    required = set(map(str, listed)) if isinstance(listed, list) else set()
    if not properties:
        required = {name for name, each in present.items() if not isinstance(each, str)}
    names = list(dict.fromkeys([*properties, *present]))
    found = []
    for index, name in enumerate(names):
        part = _resolved(_as_object(properties.get(name)), root)
        before: Value = present[name] if name in present else part.get("default", MISSING)
        found.append(_field(index, name, part, before, required=name in required, root=root))
    return found


def _field(
    index: int, name: str, shape: dict[str, Json], before: Value, *, required: bool, root: dict[str, Json]
) -> Field:
    shape, nullable = _without_null(shape, root)
    kind, options = _input(shape, before, root)
    if before is not MISSING and not _holds(kind, before, options) and not (before is None and nullable):
        kind, options = Input.JSON, ()
    hint = shape.get("description")
    return Field(index, name, kind, before, required, hint if isinstance(hint, str) else "", options, nullable)


def _input(shape: dict[str, Json], before: Value, root: dict[str, Json]) -> tuple[Input, tuple[Json, ...]]:
    options = _options(shape)
    if options:
        return Input.CHOICE, options
    match shape.get("type"):
        case "string":
            return Input.DATE if shape.get("format") == "date" else Input.TEXT, ()
        case "integer":
            return Input.INTEGER, ()
        case "number":
            return Input.NUMBER, ()
        case "boolean":
            return Input.BOOLEAN, ()
        case "array":
            options = _options(_resolved(_as_object(shape.get("items")), root))
            return (Input.CHOICES, options) if options else (Input.JSON, ())
        case None:
            return _guessed(before), ()
        case _:
            return Input.JSON, ()


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
        case Input.DATE:
            return isinstance(value, str) and _DATE.fullmatch(value) is not None
        case Input.JSON:
            return True


def _options(shape: dict[str, Json]) -> tuple[Json, ...]:
    listed = shape.get("enum")
    if not isinstance(listed, list) and "const" in shape:
        listed = [shape["const"]]
    variants = shape.get("oneOf")
    if not isinstance(listed, list) and isinstance(variants, list):
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


_NAMELESS = {Input.TEXT: "Text", Input.JSON: "JSON"}


# To inputs ------------------------------------------------------------------------------------------------------------


def inputs(field: Field) -> list[Block]:
    """The blocks of a field: one input, several for a long text, or a sentence where it cannot be edited here."""
    label = plain(field.name, limits.INPUT_LABEL - 50) if field.name else _NAMELESS.get(field.input, "Value")
    if not field.editable:
        return [
            blocks.rich_text([blocks.rich_section(blocks.span(label, bold=True))]),
            blocks.context(f"Too long to edit in Slack ({len(field.initial):,} characters): it stays as it is."),
        ]
    if field.input in (Input.TEXT, Input.JSON):
        return _text_inputs(field, label)
    return [_block(field, field.block_id, label, _element(field))]


def _text_inputs(field: Field, label: str) -> list[Block]:
    parts = field.parts
    made = []
    for number, (block_id, text) in enumerate(parts, 1):
        long = len(parts) > 1 or "\n" in text or len(text) > _LONG or field.input is Input.JSON
        element: Block = {"type": "plain_text_input", "action_id": ACTION_ID, "multiline": long}
        if text:
            element["initial_value"] = text
        named = f"{label} (part {number} of {len(parts)})" if len(parts) > 1 else label
        made.append(_block(field, block_id, named, element))
    return made


def _block(field: Field, block_id: str, label: str, element: Block) -> Block:
    made: Block = {
        "type": "input",
        "block_id": block_id,
        "label": {"type": "plain_text", "text": label, "emoji": False},
        "element": element,
        "optional": _may_be_empty(field),
    }
    hint = " ".join(each for each in (field.hint, "As JSON." if field.input is Input.JSON else "") if each)
    if hint:
        made["hint"] = blocks.plain_text(hint, limits.INPUT_HINT)
    return made


def _may_be_empty(field: Field) -> bool:
    if field.input is Input.BOOLEAN or field.nullable or not field.required:
        return True
    return field.before == "" or (field.input is Input.CHOICES and field.before == [])


def _element(field: Field) -> Block:
    element: Block = {"action_id": ACTION_ID}
    before = field.before
    match field.input:
        case Input.INTEGER | Input.NUMBER:
            element |= {"type": "number_input", "is_decimal_allowed": field.input is Input.NUMBER}
            if before is not MISSING and before is not None:
                element["initial_value"] = json.dumps(before)
        case Input.BOOLEAN:
            yes = _option(0, "Yes")
            element |= {"type": "checkboxes", "options": [yes]}
            if before is True:
                element["initial_options"] = [yes]
        case Input.DATE:
            element["type"] = "datepicker"
            if isinstance(before, str):
                element["initial_date"] = before
        case _:
            element |= _menu(field)
    return element


def _menu(field: Field) -> Block:
    options = [_option(index, scalar(each)) for index, each in enumerate(field.options)]
    if field.input is Input.CHOICE:
        chosen = [options[field.options.index(field.before)]] if field.before in field.options else []
        return {"type": "static_select", "options": options, **({"initial_option": chosen[0]} if chosen else {})}
    several = field.before if isinstance(field.before, list) else []
    chosen = [options[field.options.index(each)] for each in several]
    return {"type": "multi_static_select", "options": options, **({"initial_options": chosen} if chosen else {})}


def _option(index: int, label: str) -> Block:
    return {"text": {"type": "plain_text", "text": label or '""', "emoji": False}, "value": str(index)}


# Back to a value ------------------------------------------------------------------------------------------------------


def entered(state: Mapping[str, Any], block_id: str) -> Any:
    """What stands in an input: a text, the values of the chosen options, or None."""
    element = state.get(block_id, {}).get(ACTION_ID) or {}
    match element.get("type"):
        case "static_select":
            return (element.get("selected_option") or {}).get("value")
        case "multi_static_select" | "checkboxes":
            return [each["value"] for each in element.get("selected_options") or []]
        case "datepicker":
            return element.get("selected_date")
        case _:
            return element.get("value")


class _Wrong(Exception):  # noqa: N818 - carried to the field at once
    """A sentence for the person who filled in the field."""


def read(found: Sequence[Field], state: Mapping[str, Any]) -> tuple[Json, dict[str, str]]:
    """The value that the inputs say, and for each field that does not fit its type a sentence under its block's id."""
    values: dict[str, Json] = {}
    errors: dict[str, str] = {}
    for field in found:
        try:
            value = _value(field, state)
        except _Wrong as wrong:
            errors[field.block_id] = str(wrong)
            continue
        if value is not MISSING:
            values[field.name] = value
    if len(found) == 1 and found[0].alone:
        return values.get(""), errors
    return dict(values), errors


def _value(field: Field, state: Mapping[str, Any]) -> Value:
    if not field.editable:
        return field.before
    match field.input:
        case Input.TEXT | Input.JSON:
            return _typed_text(field, state)
        case Input.INTEGER | Input.NUMBER:
            return _typed_number(field, entered(state, field.block_id))
        case Input.BOOLEAN:
            return _ticked(field, bool(entered(state, field.block_id)))
        case Input.CHOICE:
            chosen = entered(state, field.block_id)
            return _emptied(field) if chosen is None else field.options[int(chosen)]
        case Input.CHOICES:
            several = [field.options[int(each)] for each in entered(state, field.block_id) or []]
            return field.before if not several and field.before is MISSING else several
        case Input.DATE:
            date = entered(state, field.block_id)
            return _emptied(field) if date is None else date


def _ticked(field: Field, ticked: bool) -> Value:  # noqa: FBT001 - it is the value
    untouched = not ticked and (field.before is None or (field.before is MISSING and not field.required))
    return field.before if untouched else ticked


def _typed_text(field: Field, state: Mapping[str, Any]) -> Value:
    parts = field.parts
    texts = [entered(state, block_id) or "" for block_id, _ in parts]
    if all(_untouched(text, before) for text, (_, before) in zip(texts, parts, strict=True)):
        return field.before
    text = unmarked(_joined(field.initial, [before for _, before in parts], texts), _original(field))
    if field.input is Input.TEXT:
        return text or _emptied(field)
    if not text.strip():
        return _emptied(field)
    try:
        value: Json = json.loads(text)
    except (ValueError, RecursionError) as error:
        where = f"line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else "it"
        raise _Wrong(f"This is not JSON: look at {where}.") from None
    return value


def _original(field: Field) -> str:
    return "" if field.before is MISSING else pretty(field.before)


def _untouched(text: str, before: str) -> bool:
    """Slack may trim what it sends back."""
    return text == before or text.strip() == before.strip()


def _joined(whole_text: str, before: Sequence[str], texts: Sequence[str]) -> str:
    """The parts put together as they were cut apart: with a newline where one was left out."""
    made, position = "", 0
    for index, (old, new) in enumerate(zip(before, texts, strict=True)):
        position += len(old)
        cut_at_line = index < len(before) - 1 and whole_text[position : position + 1] == "\n"
        made += (old if _untouched(new, old) else new) + ("\n" if cut_at_line else "")
        position += cut_at_line
    return made


def _typed_number(field: Field, text: Any) -> Value:
    if text is None or not str(text).strip():
        return _emptied(field)
    spelled = str(text).strip()
    if field.before is not MISSING and spelled == json.dumps(field.before):
        return field.before
    try:
        return int(spelled)
    except ValueError:
        pass
    try:
        number = float(spelled)
    except ValueError:
        raise _Wrong("This is not a number.") from None
    if field.input is Input.INTEGER:
        raise _Wrong("This has to be a whole number.")
    return number


def _emptied(field: Field) -> Value:
    """What an input that was left empty means."""
    if field.before is MISSING:
        return MISSING
    if field.nullable:
        return None
    if field.input is Input.TEXT:
        return ""
    if field.required:
        raise _Wrong("Please fill this in.")
    return MISSING
