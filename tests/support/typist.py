"""Somebody who fills in forms: what Slack sends when they type values into a modal."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from adapters.slack.drawing import untrusted_text
from adapters.slack.drawing.actions import Target
from adapters.slack.forms.fields import ACTION_ID, Field, Input
from adapters.slack.forms.modals import Submitted, form_fields, read
from engine.approvals.approval import Approval
from engine.asks.ask import Choice, Json

MISSING = object()


def target_of(one: Approval, index: int = 0) -> Target:
    return Target(one.id, index, one.reviews[index].revision)


def inputs_of(view: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [block for block in view["blocks"] if block["type"] == "input"]


def untouched(view: Mapping[str, Any]) -> dict[str, Any]:
    """The state that Slack sends when a person presses submit at once."""
    return {block["block_id"]: {ACTION_ID: _state(block["element"])} for block in inputs_of(view)}


def _state(element: Mapping[str, Any]) -> dict[str, Any]:
    kind = element["type"]
    match kind:
        case "static_select":
            return {"type": kind, "selected_option": element.get("initial_option")}
        case "multi_static_select" | "checkboxes":
            return {"type": kind, "selected_options": element.get("initial_options", [])}
        case "datepicker":
            return {"type": kind, "selected_date": element.get("initial_date")}
        case _:
            return {"type": kind, "value": element.get("initial_value")}


def sent(one: Approval, view: Mapping[str, Any], choice: Choice, state: Mapping[str, Any]) -> Submitted:
    """What a form with this state says."""
    return read(one, target_of(one), choice, state, view["private_metadata"].partition(" ")[2])


def typed(one: Approval, view: Mapping[str, Any], choice: Choice, value: Json) -> dict[str, Any]:
    """The state after a person made the form say `value`."""
    state = untouched(view)
    for field in form_fields(one, target_of(one), choice):
        wanted = _at(value, field.path)
        if field.editable and wanted is not MISSING:
            _type(state, field, wanted)
    return state


def _at(value: Any, path: Sequence[str]) -> Any:
    for name in path:
        if not isinstance(value, dict) or name not in value:
            return MISSING
        value = value[name]
    return value


def _type(state: dict[str, Any], field: Field, wanted: Any) -> None:
    element = state[field.block_id][ACTION_ID]
    options = [{"value": str(at)} for at in range(len(field.options))]
    match field.input:
        case Input.TEXT | Input.LINES | Input.JSON:
            _write(state, field, wanted)
        case Input.DECIMAL:
            element["value"] = wanted if isinstance(wanted, str) else json.dumps(wanted)
        case Input.INTEGER | Input.NUMBER:
            element["value"] = json.dumps(wanted)
        case Input.BOOLEAN:
            element["selected_options"] = [{"value": "0"}] if wanted else []
        case Input.CHOICE:
            element["selected_option"] = options[field.options.index(wanted)]
        case Input.CHOICES:
            element["selected_options"] = [options[field.options.index(each)] for each in wanted]
        case Input.DATE:
            element["selected_date"] = wanted


def _write(state: dict[str, Any], field: Field, wanted: Any) -> None:
    text = wanted
    if field.input is Input.LINES:
        text = "\n".join(wanted)
    elif field.input is Input.JSON:
        text = json.dumps(wanted, indent=1, ensure_ascii=False)
    written = untrusted_text.chunks(text, 2_900)
    assert len(written) <= len(field.parts), "more than the inputs hold"
    for (block_id, _), part in zip(field.parts, [*written, *[""] * len(field.parts)], strict=False):
        state[block_id][ACTION_ID]["value"] = part or None
