"""The fields of a value as blocks of a modal. Pure. https://docs.slack.dev/reference/block-kit/blocks/input-block."""

import json

from adapters.blockkit import limits
from adapters.slack import blocks
from adapters.slack.blocks import Block
from adapters.slack.fields import ACTION_ID, MISSING, WRITTEN, Field, Input
from adapters.slack.text import plain

_LONG = 80
_HOW = {Input.JSON: "As JSON.", Input.LINES: "One in each line."}
_NAMELESS = {Input.TEXT: "Text", Input.JSON: "JSON"}


def blocks_of(field: Field) -> list[Block]:
    """The blocks of a field: one input, several for a long text, or a sentence where it cannot be edited here."""
    if field.input is Input.GROUP:
        return []
    label = plain(field.name, limits.INPUT_LABEL - 50) if field.name else _NAMELESS.get(field.input, "Value")
    if not field.editable:
        return [
            blocks.rich_text([blocks.rich_section(blocks.span(label, bold=True))]),
            blocks.context(f"Too long to edit in Slack ({len(field.initial):,} characters): it stays as it is."),
        ]
    if field.input in WRITTEN:
        return _text_inputs(field, label)
    return [_block(field, field.block_id, label, _element(field))]


def _text_inputs(field: Field, label: str) -> list[Block]:
    parts = field.parts
    made = []
    for number, (block_id, text) in enumerate(parts, 1):
        long = len(parts) > 1 or "\n" in text or len(text) > _LONG or field.input is not Input.TEXT
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
    hint = " ".join(each for each in (field.hint, _HOW.get(field.input, "")) if each)
    if hint:
        made["hint"] = blocks.plain_text(hint, limits.INPUT_HINT)
    return made


def _may_be_empty(field: Field) -> bool:
    if field.input is Input.BOOLEAN or field.nullable or not field.required:
        return True
    return field.before == "" or (field.input in (Input.CHOICES, Input.LINES) and field.before == [])


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
    options = [_option(index, label) for index, label in enumerate(field.labels)]
    if field.input is Input.CHOICE:
        chosen = [options[field.options.index(field.before)]] if field.before in field.options else []
        return {"type": "static_select", "options": options, **({"initial_option": chosen[0]} if chosen else {})}
    several = field.before if isinstance(field.before, list) else []
    chosen = [options[field.options.index(each)] for each in several]
    return {"type": "multi_static_select", "options": options, **({"initial_options": chosen} if chosen else {})}


def _option(index: int, label: str) -> Block:
    return {"text": {"type": "plain_text", "text": label or '""', "emoji": False}, "value": str(index)}
