"""Form entries: `state.values` as Slack builds it, and the checks that Slack's client makes before it submits.

Source: https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload, and the page of each element.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from adapters.blockkit import options_of
from adapters.localslack.state import blocks as block_tools
from adapters.localslack.state.state import Json

_REQUIRED = "Please complete this required field."
_PATTERNS = {
    "email_text_input": (re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+"), "Please enter a valid email address."),
    "url_text_input": (re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE), "Please enter a valid URL."),
    "timepicker": (re.compile(r"([01]\d|2[0-3]):[0-5]\d"), "Please enter a time as HH:mm."),
}

_TEXTS = ("plain_text_input", "number_input", "email_text_input", "url_text_input")
_ONE_OPTION = ("static_select", "external_select", "radio_buttons", "overflow")
_SEVERAL_OPTIONS = ("multi_static_select", "multi_external_select", "checkboxes")
_FIELDS = {  # element type: field of its entry, field of the element with its initial value
    **dict.fromkeys(_TEXTS, ("value", "initial_value")),
    **dict.fromkeys(_ONE_OPTION, ("selected_option", "initial_option")),
    **dict.fromkeys(_SEVERAL_OPTIONS, ("selected_options", "initial_options")),
    "rich_text_input": ("rich_text_value", "initial_value"),
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "datetimepicker": ("selected_date_time", "initial_date_time"),
    "users_select": ("selected_user", "initial_user"),
    "channels_select": ("selected_channel", "initial_channel"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "multi_users_select": ("selected_users", "initial_users"),
    "multi_channels_select": ("selected_channels", "initial_channels"),
    "multi_conversations_select": ("selected_conversations", "initial_conversations"),
    "file_input": ("files", "initial_files"),
}
_STATELESS = ("button", "overflow", "feedback_buttons", "icon_button")


class ValueRefusedError(ValueError):
    """A value that Slack's client refuses; the message is the error it shows at the field."""


def entry(element: Json, value: Any) -> Json:
    """Make an element's state entry from a plain value. Raises ValueRefusedError.

    `value` is a text, number, bool, ISO date, option (value, label or option object) or a list of them, as the element
    wants; None, "" and [] mean empty.
    """
    kind = element["type"]
    field, _ = _FIELDS[kind]
    if kind in _SEVERAL_OPTIONS or kind.startswith("multi_") or kind == "file_input":
        return {"type": kind, field: _several(element, value)}
    if value is None or value == "":
        return {"type": kind, field: None}
    if kind in _ONE_OPTION:
        return {"type": kind, field: _option(element, value)}
    return {"type": kind, field: _scalar(element, value)}


def initial(element: Json) -> Json:
    """Make the entry of an element that nobody has changed."""
    field, starts_with = _FIELDS[element["type"]]
    empty: Any = [] if field.endswith("s") else None
    return {"type": element["type"], field: element.get(starts_with, empty)}


def is_empty(found: Json) -> bool:
    """Return true if an entry holds nothing."""
    return all(value in (None, "", []) for name, value in found.items() if name != "type")


def state_values(blocks: list[Json], drafts: Mapping[tuple[str, str], Json]) -> Json:
    """Build `state.values`: entries by block_id and action_id; the person's own replace the initial ones."""
    values: Json = {}
    for block in blocks:
        for element in block_tools.elements_of(block):
            if element["type"] in _FIELDS and element["type"] not in _STATELESS:
                key = (block["block_id"], element["action_id"])
                values.setdefault(key[0], {})[key[1]] = drafts.get(key) or initial(element)
    return values


def fill(blocks: list[Json], given: Mapping[str, Any], drafts: dict[tuple[str, str], Json]) -> dict[str, str]:
    """Enter values by block_id or label into `drafts`; return errors by block_id. Raises KeyError: no such field."""
    errors: dict[str, str] = {}
    fields = {key: block for block in blocks for key in _names(block)}
    for name, value in given.items():
        block = fields[name]
        for element in block_tools.elements_of(block):
            if element["type"] in _FIELDS and element["type"] not in _STATELESS:
                try:
                    drafts[block["block_id"], element["action_id"]] = entry(element, value)
                except ValueRefusedError as refused:
                    errors[block["block_id"]] = str(refused)
    return errors


def missing(blocks: list[Json], values: Json) -> dict[str, str]:
    """Return an error for each required input that is empty."""
    return {
        block["block_id"]: _REQUIRED
        for block in blocks
        if block["type"] == "input" and not block.get("optional")
        if all(map(is_empty, values.get(block["block_id"], {}).values()))
    }


def _names(block: Json) -> Iterable[str]:
    yield block["block_id"]
    if block["type"] == "input":
        yield block["label"]["text"]


def _several(element: Json, value: Any) -> list[Any]:
    given = value if isinstance(value, list) else [] if value in (None, "", False) else [value]
    if element["type"] not in _SEVERAL_OPTIONS:
        return given
    if given == [True]:  # a lone checkbox, ticked
        return options_of(element)[:1]
    most = element.get("max_selected_items")
    if most is not None and len(given) > most:
        raise ValueRefusedError(f"Please select no more than {most}.")
    return [_option(element, each) for each in given]


def _option(element: Json, value: Any) -> Json:
    wanted = value.get("value") if isinstance(value, dict) else str(value)
    options = options_of(element)
    for option in options:
        if option["value"] == wanted:
            return option
    for option in options:
        if option["text"]["text"] == wanted:
            return option
    raise ValueRefusedError(f"There is no option {wanted!r}.")


def _scalar(element: Json, value: Any) -> Any:
    kind = element["type"]
    if kind in _PATTERNS:
        pattern, refusal = _PATTERNS[kind]
        return _like(pattern, str(value), refusal)
    match kind:
        case "plain_text_input":
            return _text(element, str(value))
        case "number_input":
            return _number(element, str(value).strip())
        case "datepicker":
            return _date(str(value))
        case "datetimepicker":
            return _whole(str(value))
        case "rich_text_input":
            text = {"type": "text", "text": str(value)}
            return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [text]}]}
        case _:
            return str(value)


def _text(element: Json, text: str) -> str:
    shortest, longest = element.get("min_length", 0), element.get("max_length", 3_000)
    if len(text) < shortest:
        raise ValueRefusedError(f"Please enter at least {shortest} characters.")
    if len(text) > longest:
        raise ValueRefusedError(f"Please enter no more than {longest} characters.")
    return text


def _number(element: Json, text: str) -> str:
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise ValueRefusedError("Please enter a number.") from error
    if not number.is_finite():
        raise ValueRefusedError("Please enter a number.")
    if not element["is_decimal_allowed"] and number != number.to_integral_value():
        raise ValueRefusedError("Please enter a whole number.")
    lowest, highest = element.get("min_value"), element.get("max_value")
    if lowest is not None and number < Decimal(lowest):
        raise ValueRefusedError(f"Please enter a number of at least {lowest}.")
    if highest is not None and number > Decimal(highest):
        raise ValueRefusedError(f"Please enter a number of at most {highest}.")
    return text


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise ValueRefusedError("Please enter a time in seconds.") from error


def _like(pattern: re.Pattern[str], text: str, refusal: str) -> str:
    if not pattern.fullmatch(text):
        raise ValueRefusedError(refusal)
    return text


def _date(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise ValueRefusedError("Please enter a date as YYYY-MM-DD.") from error
