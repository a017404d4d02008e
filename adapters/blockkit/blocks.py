"""Checks of blocks, and the blocks that each surface takes.

Source: https://docs.slack.dev/reference/block-kit/blocks
"""

from collections.abc import Mapping

from adapters.blockkit import limits
from adapters.blockkit.checks import (
    Check,
    Object,
    anything,
    array,
    at_least_one,
    boolean,
    by_type,
    exactly_one,
    integer,
    one_of,
    string,
)
from adapters.blockkit.elements import ACCESSORIES, ACTIONS, CONTEXT_ACTIONS, IMAGE, INPUTS
from adapters.blockkit.objects import plain, text

_TYPE: Mapping[str, Check] = {"type": anything}
_ID: Mapping[str, Check] = {"block_id": string(limits.BLOCK_ID)}


def _typed(name: str, required: Mapping[str, Check], optional: Mapping[str, Check]) -> dict[str, Check]:
    return {name: Object({**_TYPE, **required}, optional)}


# https://docs.slack.dev/reference/block-kit/blocks/rich-text-block
_STYLE: Mapping[str, Check] = {"style": anything}
_INLINE = by_type(
    {
        **_typed("text", {"text": string(at_least=1)}, _STYLE),
        **_typed(
            "link", {"url": string(limits.BUTTON_URL, at_least=1)}, {**_STYLE, "text": string(), "unsafe": boolean}
        ),
        **_typed("emoji", {"name": string(at_least=1)}, {**_STYLE, "unicode": string(), "skin_tone": integer(1, 6)}),
        **_typed("user", {"user_id": string(at_least=1)}, _STYLE),
        **_typed("usergroup", {"usergroup_id": string(at_least=1)}, _STYLE),
        **_typed("channel", {"channel_id": string(at_least=1)}, _STYLE),
        **_typed("team", {"team_id": string(at_least=1)}, _STYLE),
        **_typed("broadcast", {"range": one_of("here", "channel", "everyone")}, _STYLE),
        **_typed("color", {"value": string(at_least=1)}, _STYLE),
        **_typed(
            "date",
            {"timestamp": integer(0, 9_999_999_999), "format": string(at_least=1)},
            {**_STYLE, "url": string(), "fallback": string()},
        ),
    }
)
_INLINES: Mapping[str, Check] = {"elements": array(_INLINE)}
_BORDER: Mapping[str, Check] = {"border": integer(0, 1)}
_SECTION = by_type(_typed("rich_text_section", _INLINES, {}))
_RICH = by_type(
    {
        **_typed("rich_text_section", _INLINES, {}),
        **_typed("rich_text_preformatted", _INLINES, {**_BORDER, "language": string()}),
        **_typed("rich_text_quote", _INLINES, _BORDER),
        **_typed(
            "rich_text_list",
            {"style": one_of("bullet", "ordered"), "elements": array(_SECTION)},
            {**_BORDER, "indent": integer(0, 8), "offset": integer(0, 1_000_000)},
        ),
    }
)
_RICH_TEXT = Object({**_TYPE, "elements": array(_RICH, at_least=1)}, _ID)

_IN_CONTEXT = by_type({"image": IMAGE, "plain_text": text(limits.TEXT), "mrkdwn": text(limits.TEXT)})

_EVERYWHERE: Mapping[str, Check] = {
    "section": Object(
        _TYPE,
        {
            **_ID,
            "text": text(limits.SECTION_TEXT),
            "fields": array(text(limits.SECTION_FIELD), at_most=limits.SECTION_FIELDS, at_least=1),
            "accessory": by_type(ACCESSORIES),
            "expand": boolean,
        },
        at_least_one("text", "fields"),
    ),
    "divider": Object(_TYPE, _ID),
    "header": Object({**_TYPE, "text": plain(limits.HEADER_TEXT)}, {**_ID, "level": integer(1, 4)}),
    "context": Object(
        {
            **_TYPE,
            "elements": array(_IN_CONTEXT, at_most=limits.CONTEXT_ELEMENTS, at_least=1),
        },
        _ID,
    ),
    "actions": Object({**_TYPE, "elements": array(by_type(ACTIONS), at_most=limits.ACTIONS_ELEMENTS, at_least=1)}, _ID),
    "input": Object(
        {**_TYPE, "label": plain(limits.INPUT_LABEL), "element": by_type(INPUTS)},
        {**_ID, "hint": plain(limits.INPUT_HINT), "optional": boolean, "dispatch_action": boolean},
    ),
    "image": Object(
        {**_TYPE, "alt_text": string(limits.IMAGE_ALT_TEXT)},
        {
            **_ID,
            "image_url": string(limits.IMAGE_URL, at_least=1),
            "slack_file": anything,
            "title": plain(limits.IMAGE_TITLE),
        },
        exactly_one("image_url", "slack_file"),
    ),
    "rich_text": _RICH_TEXT,
    "video": Object(
        {
            **_TYPE,
            "alt_text": string(),
            "title": plain(200),
            "thumbnail_url": string(at_least=1),
            "video_url": string(at_least=1),
        },
        {
            **_ID,
            "author_name": string(50),
            "description": plain(200),
            "provider_icon_url": string(),
            "provider_name": string(),
            "title_url": string(),
        },
    ),
}

_CELL = by_type(
    {
        **_typed("raw_text", {"text": string()}, {}),
        **_typed("raw_number", {"value": anything}, {"text": string()}),
        "rich_text": _RICH_TEXT,
    }
)

_IN_MESSAGES: Mapping[str, Check] = {
    "markdown": Object({**_TYPE, "text": string(limits.MARKDOWN_TEXT, at_least=1)}, _ID),
    "file": Object({**_TYPE, "external_id": string(at_least=1), "source": one_of("remote")}, _ID),
    "context_actions": Object(
        {**_TYPE, "elements": array(by_type(CONTEXT_ACTIONS), at_most=limits.CONTEXT_ACTIONS_ELEMENTS, at_least=1)}, _ID
    ),
    "table": Object(
        {
            **_TYPE,
            "rows": array(array(_CELL, at_most=limits.TABLE_COLUMNS), at_most=limits.TABLE_ROWS, at_least=1),
        },
        {**_ID, "column_settings": array(anything, at_most=limits.TABLE_COLUMNS)},
    ),
}

MESSAGE_BLOCKS = array(by_type({**_EVERYWHERE, **_IN_MESSAGES}), at_most=limits.MESSAGE_BLOCKS)
VIEW_BLOCKS = array(by_type(_EVERYWHERE), at_most=limits.VIEW_BLOCKS, at_least=1)
HOME_BLOCKS = array(by_type(_EVERYWHERE), at_most=limits.VIEW_BLOCKS)
