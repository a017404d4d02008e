"""Checks of block elements: buttons, menus, inputs.

Source: https://docs.slack.dev/reference/block-kit/block-elements
"""

from collections.abc import Mapping
from typing import Any

from adapters.blockkit import limits
from adapters.blockkit.checks import (
    Check,
    Found,
    Object,
    anything,
    array,
    boolean,
    every,
    exactly_one,
    integer,
    matching,
    one_of,
    string,
)
from adapters.blockkit.objects import (
    box_option,
    choices,
    confirm,
    menu_option,
    option_group,
    options_or_groups,
    overflow_option,
    plain,
)

_ACTION: Mapping[str, Check] = {"action_id": string(limits.ACTION_ID)}
_CONFIRM: Mapping[str, Check] = {"confirm": confirm}
_FOCUS: Mapping[str, Check] = {"focus_on_load": boolean}
_HINTED: Mapping[str, Check] = {**_FOCUS, "placeholder": plain(limits.PLACEHOLDER)}
_DISPATCH: Mapping[str, Check] = {"dispatch_action_config": anything}
_TYPE: Mapping[str, Check] = {"type": anything}

_NUMBER = matching(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", "must be a number")
_DATE = matching(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])", "must be a date in the format YYYY-MM-DD")
_TIME = matching(r"([01]\d|2[0-3]):[0-5]\d", "must be a time in the format HH:mm")
_MANY: Mapping[str, Check] = {"max_selected_items": integer(1, 1_000)}


def _lengths_agree(value: Any, pointer: str) -> Found:
    shortest, longest = value.get("min_length"), value.get("max_length")
    if isinstance(shortest, int) and isinstance(longest, int) and shortest > longest:
        yield "min_length must be less than or equal to max_length", f"{pointer}/min_length"


def _range_holds(value: Any, pointer: str) -> Found:
    lowest, initial, highest = (_number(value.get(name)) for name in ("min_value", "initial_value", "max_value"))
    if lowest is not None and highest is not None and lowest > highest:
        yield "min_value must be less than or equal to max_value", f"{pointer}/min_value"
    if initial is not None and (
        (lowest is not None and initial < lowest) or (highest is not None and initial > highest)
    ):
        yield "must be between min_value and max_value", f"{pointer}/initial_value"


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _menu(required: Mapping[str, Check], extra: Mapping[str, Check], also: Check = anything) -> Check:
    return Object({**_TYPE, **required}, {**_ACTION, **_CONFIRM, **_HINTED, **extra}, also)


def _boxes(at_most: int, initial: Mapping[str, Check]) -> Check:
    options = {"options": array(box_option, at_most=at_most, at_least=1)}
    return Object({**_TYPE, **options}, {**_ACTION, **_CONFIRM, **_FOCUS, **initial}, choices)


_STATIC: Mapping[str, Check] = {
    "options": array(menu_option, at_most=limits.SELECT_OPTIONS, at_least=1),
    "option_groups": array(option_group, at_most=limits.SELECT_OPTION_GROUPS, at_least=1),
}
_ID = string()
_IDS = array(string())
_LENGTH: Mapping[str, Check] = {
    "min_length": integer(0, limits.PLAIN_TEXT_INPUT),
    "max_length": integer(1, limits.PLAIN_TEXT_INPUT),
}

BUTTON = Object(
    {**_TYPE, "text": plain(limits.BUTTON_TEXT)},
    {
        **_ACTION,
        **_CONFIRM,
        "url": string(limits.BUTTON_URL),
        "value": string(limits.BUTTON_VALUE),
        "style": one_of("primary", "danger"),
        "accessibility_label": string(limits.ACCESSIBILITY_LABEL),
    },
)

IMAGE = Object(
    {**_TYPE, "alt_text": string(limits.IMAGE_ALT_TEXT)},
    {"image_url": string(limits.IMAGE_URL, at_least=1), "slack_file": anything},
    exactly_one("image_url", "slack_file"),
)

SELECTS: Mapping[str, Check] = {
    "static_select": _menu({}, {**_STATIC, "initial_option": menu_option}, every(options_or_groups, choices)),
    "external_select": _menu({}, {"initial_option": menu_option, "min_query_length": integer(0, 1_000)}),
    "users_select": _menu({}, {"initial_user": _ID}),
    "conversations_select": _menu(
        {},
        {
            "initial_conversation": _ID,
            "default_to_current_conversation": boolean,
            "response_url_enabled": boolean,
            "filter": anything,
        },
    ),
    "channels_select": _menu({}, {"initial_channel": _ID, "response_url_enabled": boolean}),
    "multi_static_select": _menu(
        {},
        {**_STATIC, **_MANY, "initial_options": array(menu_option, at_least=1)},
        every(options_or_groups, choices),
    ),
    "multi_external_select": _menu(
        {}, {**_MANY, "initial_options": array(menu_option, at_least=1), "min_query_length": integer(0, 1_000)}
    ),
    "multi_users_select": _menu({}, {**_MANY, "initial_users": _IDS}),
    "multi_conversations_select": _menu(
        {}, {**_MANY, "initial_conversations": _IDS, "default_to_current_conversation": boolean, "filter": anything}
    ),
    "multi_channels_select": _menu({}, {**_MANY, "initial_channels": _IDS}),
}

CHOICES: Mapping[str, Check] = {
    "checkboxes": _boxes(limits.CHECKBOXES_OPTIONS, {"initial_options": array(box_option, at_least=1)}),
    "radio_buttons": _boxes(limits.RADIO_OPTIONS, {"initial_option": box_option}),
    "datepicker": _menu({}, {"initial_date": _DATE}),
    "timepicker": _menu({}, {"initial_time": _TIME, "timezone": string()}),
    "datetimepicker": Object(
        _TYPE, {**_ACTION, **_CONFIRM, **_FOCUS, "initial_date_time": integer(1_000_000_000, 9_999_999_999)}
    ),
}

OVERFLOW = Object(
    {**_TYPE, "options": array(overflow_option, at_most=limits.OVERFLOW_OPTIONS, at_least=1)},
    {**_ACTION, **_CONFIRM},
    choices,
)

TYPED_INPUTS: Mapping[str, Check] = {
    "plain_text_input": Object(
        _TYPE,
        {
            **_ACTION,
            **_HINTED,
            **_DISPATCH,
            **_LENGTH,
            "initial_value": string(limits.PLAIN_TEXT_INPUT),
            "multiline": boolean,
        },
        _lengths_agree,
    ),
    "number_input": Object(
        {**_TYPE, "is_decimal_allowed": boolean},
        {**_ACTION, **_HINTED, **_DISPATCH, "initial_value": _NUMBER, "min_value": _NUMBER, "max_value": _NUMBER},
        _range_holds,
    ),
    "email_text_input": Object(_TYPE, {**_ACTION, **_HINTED, **_DISPATCH, "initial_value": string()}),
    "url_text_input": Object(_TYPE, {**_ACTION, **_HINTED, **_DISPATCH, "initial_value": string()}),
    "rich_text_input": Object(_TYPE, {**_ACTION, **_HINTED, **_DISPATCH, "initial_value": anything}),
    "file_input": Object(_TYPE, {**_ACTION, "filetypes": _IDS, "max_files": integer(1, 10)}),
}

_FEEDBACK = Object(
    {"text": plain(limits.BUTTON_TEXT), "value": string(limits.BUTTON_VALUE)},
    {"accessibility_label": string(limits.ACCESSIBILITY_LABEL)},
)

ACCESSORIES: Mapping[str, Check] = {"button": BUTTON, "overflow": OVERFLOW, "image": IMAGE, **SELECTS, **CHOICES}
ACTIONS: Mapping[str, Check] = {"button": BUTTON, "overflow": OVERFLOW, **SELECTS, **CHOICES}
INPUTS: Mapping[str, Check] = {**TYPED_INPUTS, **SELECTS, **CHOICES}
CONTEXT_ACTIONS: Mapping[str, Check] = {
    "feedback_buttons": Object({**_TYPE, "positive_button": _FEEDBACK, "negative_button": _FEEDBACK}, _ACTION),
    "icon_button": Object(
        {**_TYPE, "icon": one_of("trash"), "text": plain(limits.BUTTON_TEXT)},
        {
            **_ACTION,
            **_CONFIRM,
            "value": string(limits.BUTTON_VALUE),
            "accessibility_label": string(limits.ACCESSIBILITY_LABEL),
            "visible_to_user_ids": _IDS,
        },
    ),
}
