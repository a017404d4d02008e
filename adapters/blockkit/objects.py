"""Checks of composition objects: text, option, confirmation dialog.

Source: https://docs.slack.dev/reference/block-kit/composition-objects
"""

from typing import Any

from adapters.blockkit import limits
from adapters.blockkit.checks import (
    Check,
    Found,
    Object,
    anything,
    array,
    boolean,
    by_type,
    every,
    exactly_one,
    one_of,
    string,
)


def plain(at_most: int) -> Check:
    """Accept a plain_text object of 1 to `at_most` characters."""
    return by_type({"plain_text": _plain(at_most)})


def text(at_most: int) -> Check:
    """Accept a plain_text or mrkdwn object of 1 to `at_most` characters."""
    mrkdwn = Object({"type": anything, "text": string(at_most, at_least=1)}, {"verbatim": boolean})
    return by_type({"plain_text": _plain(at_most), "mrkdwn": mrkdwn})


def _plain(at_most: int) -> Check:
    return Object({"type": anything, "text": string(at_most, at_least=1)}, {"emoji": boolean})


confirm = Object(
    {
        "title": plain(limits.CONFIRM_TITLE),
        "text": text(limits.CONFIRM_TEXT),
        "confirm": plain(limits.CONFIRM_CONFIRM),
        "deny": plain(limits.CONFIRM_DENY),
    },
    {"style": one_of("primary", "danger")},
)


def option(label: Check) -> Check:
    """Accept an option whose label passes `label`."""
    value = string(limits.OPTION_VALUE, at_least=1)
    return Object({"text": label, "value": value}, {"description": text(limits.OPTION_DESCRIPTION)})


menu_option = option(plain(limits.OPTION_TEXT))
box_option = option(text(limits.OPTION_TEXT))
overflow_option = Object(
    {"text": plain(limits.OPTION_TEXT), "value": string(limits.OPTION_VALUE, at_least=1)},
    {"description": plain(limits.OPTION_DESCRIPTION), "url": string(limits.OPTION_URL)},
)

option_group = Object(
    {
        "label": plain(limits.OPTION_GROUP_LABEL),
        "options": array(menu_option, at_most=limits.SELECT_OPTIONS, at_least=1),
    },
    {},
)

options_or_groups = exactly_one("options", "option_groups")


def options_of(element: dict[str, Any]) -> list[dict[str, Any]]:
    """List the options of a select, radio group, checkboxes or overflow, groups flattened."""
    groups = element.get("option_groups")
    nested = [group.get("options") for group in groups if isinstance(group, dict)] if isinstance(groups, list) else []
    found = [each for options in [element.get("options"), *nested] if isinstance(options, list) for each in options]
    return [each for each in found if isinstance(each, dict)]


def initials_are_options(value: Any, pointer: str) -> Found:
    """Accept initial options only where each is one of the element's options."""
    known = [(each.get("value"), _label(each)) for each in options_of(value)]
    initial = value.get("initial_option")
    several = value.get("initial_options")
    if isinstance(initial, dict) and (initial.get("value"), _label(initial)) not in known:
        yield "must be one of the provided options", f"{pointer}/initial_option"
    for index, each in enumerate(several if isinstance(several, list) else []):
        if isinstance(each, dict) and (each.get("value"), _label(each)) not in known:
            yield "must be one of the provided options", f"{pointer}/initial_options/{index}"


def values_are_unique(value: Any, pointer: str) -> Found:
    """Accept options only where no two share a value: a click on one must be distinguishable."""
    seen: set[Any] = set()
    for each in options_of(value):
        if isinstance(each.get("value"), str):
            if each["value"] in seen:
                yield f'option value "{each["value"]}" already exists', f"{pointer}/options"
            seen.add(each["value"])


choices = every(initials_are_options, values_are_unique)


def _label(each: dict[str, Any]) -> Any:
    label = each.get("text")
    return label.get("text") if isinstance(label, dict) else label
