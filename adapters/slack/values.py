"""What was entered into the fields of a modal, as a value with its types. Pure.

What a schema asks of a value beyond its type is checked by whoever knows the graph (`Desk.problems`), not here.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from adapters.slack.fields import ACTION_ID, MISSING, Field, Input, Value
from adapters.slack.text import pretty, unmarked
from engine.ask import Json


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
            _put(values, field.path, value)
    if len(found) == 1 and found[0].alone:
        return values.get(""), errors
    return dict(values), errors


def _put(values: dict[str, Json], path: tuple[str, ...], value: Json) -> None:
    *above, name = path or ("",)
    for each in above:
        inner = values.get(each)
        values[each] = inner = inner if isinstance(inner, dict) else {}
        values = inner
    values[name] = value


def _value(field: Field, state: Mapping[str, Any]) -> Value:
    if field.input is Input.GROUP:
        return _group(field)
    if not field.editable:
        return field.before
    match field.input:
        case Input.TEXT | Input.JSON | Input.LINES:
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


def _group(field: Field) -> Value:
    """An object before its properties are put into it."""
    if isinstance(field.before, dict) or (field.required and not field.nullable):
        return {}
    return _emptied(field)


def _ticked(field: Field, ticked: bool) -> Value:  # noqa: FBT001 - it is the value
    untouched = not ticked and (field.before is None or (field.before is MISSING and not field.required))
    return field.before if untouched else ticked


def _typed_text(field: Field, state: Mapping[str, Any]) -> Value:
    parts = field.parts
    texts = [entered(state, block_id) or "" for block_id, _ in parts]
    if all(_untouched(text, before) for text, (_, before) in zip(texts, parts, strict=True)):
        return field.before
    if field.input is Input.LINES:
        return _lines(field, _joined(field.initial, [before for _, before in parts], texts))
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


def _lines(field: Field, text: str) -> Value:
    lines: list[Json] = [line.strip() for line in text.split("\n") if line.strip()]
    return lines or ([] if isinstance(field.before, list) else _emptied(field))


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
    if field.nullable and (field.required or field.before is not MISSING):
        return None
    if field.before is MISSING:
        return MISSING
    if field.input is Input.TEXT:
        return ""
    if field.required:
        raise _Wrong("Please fill this in.")
    return MISSING
