"""Reads what was entered in the fields of a modal, as a value with its types. Pure.

An input that is missing from the submitted state, or still holds its initial value, was not touched: its field keeps
its exact value. `Intake.problems` checks what a schema requires beyond the type.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.blockkit import limits
from adapters.slack.drawing.sentences import forms as sentences
from adapters.slack.drawing.untrusted_text import clipped, pretty, unmarked, visible
from adapters.slack.forms import numerals
from adapters.slack.forms.fields import ACTION_ID, MISSING, WRITTEN, Field, Input, Value
from adapters.slack.forms.numerals import EntryError
from engine.asks.ask import Json, ValueProblem, is_storable

State = Mapping[str, Any]
"""`view.state.values`: https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload."""


def is_there(state: State, block_id: str) -> bool:
    """True if the state has the input, even if it is empty."""
    block = state.get(block_id)
    return isinstance(block, Mapping) and isinstance(block.get(ACTION_ID), Mapping)


def entered(state: State, block_id: str) -> Any:
    """The entry of an input: a text, the values of the chosen options, or None."""
    element = state[block_id][ACTION_ID] if is_there(state, block_id) else {}
    match element.get("type"):
        case "static_select":
            return (element.get("selected_option") or {}).get("value")
        case "multi_static_select" | "checkboxes":
            return [each["value"] for each in element.get("selected_options") or []]
        case "datepicker":
            return element.get("selected_date")
        case _:
            return element.get("value")


def text_of(state: State, block_id: str) -> str:
    """The text of an input, unchanged. Raises EntryError if it is too long."""
    written = entered(state, block_id)
    text = written if isinstance(written, str) else ""
    if len(text) > limits.PLAIN_TEXT_INPUT:
        raise EntryError(sentences.too_long(len(text), limits.PLAIN_TEXT_INPUT))
    return text


def read(found: Sequence[Field], state: State) -> tuple[Json, dict[str, str]]:
    """The value of the fields, and an error by block id for each entry that does not fit its type."""
    values: dict[str, Json] = {}
    errors: dict[str, str] = {}
    for field in found:
        try:
            value = _value(field, state)
        except EntryError as wrong:
            errors[field.block_id] = visible(clipped(str(wrong), limits.TEXT))
            continue
        if value is not MISSING:
            _put(values, field.path, value)
    if len(found) == 1 and found[0].alone:
        return values.get(""), errors
    return dict(values), errors


def placed(found: Sequence[Field], problems: Sequence[ValueProblem]) -> dict[str, str]:
    """Problems of the value by the block id of their field; those that name no field go to the first input."""
    editable = [each for each in found if each.editable]
    told: dict[str, list[str]] = {}
    for problem in problems:
        path = tuple(map(str, problem.path))
        own = _closest(editable, path)
        beside = "" if own or not path else f"{path[0]}: "
        told.setdefault((own or editable[0]).block_id, []).append(visible(f"{beside}{problem.sentence}"))
    return {block_id: clipped(" ".join(each), limits.TEXT) for block_id, each in told.items()}


def _closest(editable: Sequence[Field], path: tuple[str, ...]) -> Field | None:
    """The field that the path leads into, else the first field below it."""
    into = [each for each in editable if each.path and path[: len(each.path)] == each.path]
    below = [each for each in editable if path and each.path[: len(path)] == path]
    return next(iter([*into, *below]), None)


def _put(values: dict[str, Json], path: tuple[str, ...], value: Json) -> None:
    *above, name = path or ("",)
    for each in above:
        inner = values.get(each)
        values[each] = inner = inner if isinstance(inner, dict) else {}
        values = inner
    values[name] = value


def _value(field: Field, state: State) -> Value:
    if field.input is Input.GROUP:
        return {} if isinstance(field.before, dict) else field.before  # its properties are added to it
    if field.input is Input.KEPT:
        return field.before
    if field.input in WRITTEN:
        return _written(field, state)
    if not is_there(state, field.block_id):
        return field.before
    match field.input:
        case Input.INTEGER | Input.NUMBER | Input.DECIMAL:
            return _number(field, text_of(state, field.block_id).strip())
        case Input.BOOLEAN:
            ticked = bool(entered(state, field.block_id))
            return field.before if ticked is (field.shown is True) else ticked
        case Input.CHOICES:
            return _several(field, entered(state, field.block_id))
        case _:
            return _one(field, entered(state, field.block_id))


# Menus and dates ------------------------------------------------------------------------------------------------------


def _one(field: Field, chosen: Any) -> Value:
    if chosen is None:
        return _emptied(field)
    value = chosen if field.input is Input.DATE else _option(field, chosen)
    return field.before if value == field.shown and type(value) is type(field.shown) else value


def _several(field: Field, chosen: Any) -> Value:
    values = [_option(field, each) for each in chosen or ()]
    shown = field.shown if isinstance(field.shown, list) else []
    if {field.position(each) for each in values} == {field.position(each) for each in shown}:
        return field.before if values or field.optional else _emptied(field)
    return values if values or field.optional else _emptied(field)


def _option(field: Field, spelled: str) -> Json:
    if not spelled.isdecimal() or int(spelled) >= len(field.options):
        raise EntryError(sentences.NOT_A_CHOICE)
    return field.options[int(spelled)]


# Numbers --------------------------------------------------------------------------------------------------------------


def _number(field: Field, text: str) -> Value:
    if not text:
        return _emptied(field)
    if field.input is Input.DECIMAL:
        return field.before if text == field.initial else _decimal(field, text)
    if field.shown is not MISSING and numerals.same_number(text, field.shown):
        return field.before  # Slack may respell a number that nobody touched
    return numerals.integer(text) if field.input is Input.INTEGER else numerals.number(text)


def _decimal(field: Field, text: str) -> Json:
    """A number if JSON spells it exactly so, else its text, which loses no digit."""
    exact = None if isinstance(field.shown, str) else numerals.to_the_letter(text)
    return text if exact is None or not is_storable(exact) else exact


# Texts ----------------------------------------------------------------------------------------------------------------


def _written(field: Field, state: State) -> Value:
    parts = [(block_id, before) for block_id, before in field.parts]
    befores = [before for _, before in parts]
    texts = [text_of(state, block_id) if is_there(state, block_id) else before for block_id, before in parts]
    if all(map(_untouched, texts, befores)):
        if not field.optional and not any(texts) and is_there(state, field.block_id):
            raise EntryError(sentences.FILL_IN)
        return field.before
    text = _joined("" if field.is_too_long else field.initial, befores, texts)
    if field.input is Input.LINES:
        lines: list[Json] = [line.strip() for line in text.split("\n") if line.strip()]
        return lines or ([] if isinstance(field.before, list) and field.optional else _emptied(field))
    text = unmarked(text, "" if field.shown is MISSING else pretty(field.shown))
    if field.input is Input.TEXT:
        return text or _emptied(field)
    return numerals.read_json(text) if text.strip() else _emptied(field)


def _untouched(text: str, before: str) -> bool:
    """True if the text is the initial one; Slack may have trimmed it."""
    return text == before or text.strip() == before.strip()


def _joined(complete: str, before: Sequence[str], texts: Sequence[str]) -> str:
    """The parts joined as they were cut: with the newlines that were left out."""
    made, position = "", 0
    for index, (old, new) in enumerate(zip(before, texts, strict=True)):
        position += len(old)
        cut_at_line = index < len(before) - 1 and complete[position : position + 1] == "\n"
        made += (old if _untouched(new, old) else new) + ("\n" if cut_at_line else "")
        position += cut_at_line
    return made


def _emptied(field: Field) -> Value:
    """The value of an input that was left empty. Raises EntryError if the field is required."""
    if not field.optional:
        raise EntryError(sentences.FILL_IN)
    if field.shown is MISSING:
        return MISSING
    if field.nullable:
        return None
    return "" if field.input is Input.TEXT else MISSING
