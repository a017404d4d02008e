"""Draws fields as input blocks. Pure. https://docs.slack.dev/reference/block-kit/blocks/input-block."""

import json

from adapters.blockkit import limits
from adapters.slack.drawing import blocks
from adapters.slack.drawing.blocks import Block
from adapters.slack.drawing.sentences import forms as sentences
from adapters.slack.drawing.untrusted_text import plain_line
from adapters.slack.forms.fields import ACTION_ID, MISSING, WRITTEN, Field, Input

_LONG = 80
_HOW = {Input.JSON: sentences.AS_JSON, Input.LINES: sentences.ONE_PER_LINE, Input.DECIMAL: sentences.A_NUMBER}
_NAMELESS = {Input.TEXT: "Text", Input.JSON: "JSON"}


def blocks_of(field: Field) -> list[Block]:
    """The input blocks of a field: one, or several for a long text."""
    if not field.editable:
        return []
    label = plain_line(field.name, limits.INPUT_LABEL - 50) if field.name else _NAMELESS.get(field.input, "Value")
    if field.is_too_long:
        return [
            _block(
                field,
                field.block_id,
                sentences.new_value(label),
                _text_input("", multiline=True),
                sentences.keeps(len(field.initial)),
            )
        ]
    if field.input in WRITTEN:
        return _text_inputs(field, label)
    return [_block(field, field.block_id, label, _element(field))]


def _text_inputs(field: Field, label: str) -> list[Block]:
    parts = field.parts
    made = []
    for number, (block_id, text) in enumerate(parts, 1):
        long = len(parts) > 1 or "\n" in text or len(text) > _LONG or field.input is not Input.TEXT
        named = sentences.part(label, number, len(parts)) if len(parts) > 1 else label
        made.append(_block(field, block_id, named, _text_input(text, multiline=long)))
    return made


def _text_input(text: str, *, multiline: bool) -> Block:
    element: Block = {"type": "plain_text_input", "action_id": ACTION_ID, "multiline": multiline}
    return {**element, "initial_value": text} if text else element


def _block(field: Field, block_id: str, label: str, element: Block, note: str = "") -> Block:
    made: Block = {
        "type": "input",
        "block_id": block_id,
        "label": {"type": "plain_text", "text": label, "emoji": False},
        "element": element,
        "optional": field.optional,
    }
    hint = " ".join(each for each in (note, field.hint, _HOW.get(field.input, "")) if each)
    if hint:
        made["hint"] = blocks.plain_text(hint, limits.INPUT_HINT)
    return made


def _element(field: Field) -> Block:
    element: Block = {"action_id": ACTION_ID}
    shown = field.shown
    match field.input:
        case Input.DECIMAL:
            return _text_input(field.initial, multiline=False)
        case Input.INTEGER | Input.NUMBER:
            element |= {"type": "number_input", "is_decimal_allowed": field.input is Input.NUMBER}
            if shown is not MISSING and shown is not None:
                element["initial_value"] = json.dumps(shown)
        case Input.BOOLEAN:
            yes = _option(0, "Yes")
            element |= {"type": "checkboxes", "options": [yes]}
            if shown is True:
                element["initial_options"] = [yes]
        case Input.DATE:
            element["type"] = "datepicker"
            if isinstance(shown, str):
                element["initial_date"] = shown
        case _:
            element |= _menu(field)
    return element


def _menu(field: Field) -> Block:
    options = [_option(index, label) for index, label in enumerate(field.labels)]
    if field.input is Input.CHOICE:
        chosen = [] if (at := field.position(field.shown)) is None else [options[at]]
        return {"type": "static_select", "options": options, **({"initial_option": chosen[0]} if chosen else {})}
    several = field.shown if isinstance(field.shown, list) else []
    chosen = [options[at] for each in several if (at := field.position(each)) is not None]
    return {"type": "multi_static_select", "options": options, **({"initial_options": chosen} if chosen else {})}


def _option(index: int, label: str) -> Block:
    return {"text": {"type": "plain_text", "text": label or '""', "emoji": False}, "value": str(index)}
