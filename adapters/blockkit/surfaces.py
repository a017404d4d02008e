"""Checks of outgoing surfaces: messages, modals, home tabs.

Each function takes the outgoing JSON (of `chat.postMessage`, or the `view` of `views.open`) and returns what Slack
would refuse, in Slack's words; an empty list means that it passes. Nothing here raises, whatever the JSON holds.

Sources: https://docs.slack.dev/reference/block-kit/blocks, https://docs.slack.dev/reference/views,
https://docs.slack.dev/reference/methods/chat.postMessage
"""

import json
from collections.abc import Mapping
from typing import Any

from adapters.blockkit import limits
from adapters.blockkit.blocks import HOME_BLOCKS, MESSAGE_BLOCKS, VIEW_BLOCKS
from adapters.blockkit.checks import BlockProblem, Check, Found, Object, anything, boolean, string
from adapters.blockkit.objects import plain


def check_message(message: Mapping[str, Any], *, text_limit: int = limits.MESSAGE_TEXT) -> list[BlockProblem]:
    """Check a message: `text`, `blocks`. `text_limit` is UPDATE_TEXT for chat.update.

    Codes: `no_text`, `msg_too_long`, `invalid_blocks_format`, `invalid_blocks`, `msg_blocks_too_long`.
    """
    text, blocks = message.get("text"), message.get("blocks")
    if not text and not blocks and not message.get("attachments"):
        return [BlockProblem("no_text", "no_text")]
    problems = (
        [BlockProblem("msg_too_long", "msg_too_long")] if isinstance(text, str) and len(text) > text_limit else []
    )
    if blocks is None:
        return problems
    if not isinstance(blocks, list):
        return [*problems, BlockProblem("invalid_blocks_format", "must provide an array", "/blocks")]
    found = [*MESSAGE_BLOCKS(blocks, "/blocks"), *_duplicates(blocks, "/blocks")]
    problems += [BlockProblem("invalid_blocks", reason, pointer) for reason, pointer in found]
    if not found and sum(map(len, texts_of(blocks))) > limits.MESSAGE_BLOCKS_TEXT:
        problems.append(BlockProblem("msg_blocks_too_long", "msg_blocks_too_long"))
    return problems


def check_view(view: Any) -> list[BlockProblem]:
    """Check a modal or a home tab, by its `type`. Codes: `invalid_arguments`, `view_too_large`."""
    kind = view.get("type") if isinstance(view, Mapping) else None
    match kind:
        case "modal":
            return check_modal(view)
        case "home":
            return check_home(view)
        case None:
            missing = "missing required field: type" if isinstance(view, Mapping) else "must provide an object"
            return [BlockProblem("invalid_arguments", missing, "/view")]
        case _:
            return [BlockProblem("invalid_arguments", f"unsupported type: {kind}", "/view/type")]


def check_modal(view: Mapping[str, Any]) -> list[BlockProblem]:
    """Check a modal view. Codes: `invalid_arguments`, `view_too_large`."""
    return _check_view(view, _MODAL)


def check_home(view: Mapping[str, Any]) -> list[BlockProblem]:
    """Check a home tab. Codes: `invalid_arguments`, `view_too_large`."""
    return _check_view(view, _HOME)


def texts_of(value: Any) -> list[str]:
    """Give every `text` a person would read in blocks, in order; this is what the total length counts."""
    found: list[str] = []
    if isinstance(value, dict):
        for name, each in value.items():
            if name == "text" and isinstance(each, str):
                found.append(each)
            elif isinstance(each, dict | list):
                found += texts_of(each)
    elif isinstance(value, list):
        for each in value:
            found += texts_of(each)
    return found


def _check_view(view: Mapping[str, Any], shape: Check) -> list[BlockProblem]:
    if len(json.dumps(view, ensure_ascii=False, default=str).encode(errors="replace")) > limits.VIEW_BYTES:
        return [BlockProblem("view_too_large", "view_too_large")]
    found = [*shape(dict(view), "/view")]
    if isinstance(view.get("blocks"), list):
        found += _duplicates(view["blocks"], "/view/blocks")
    return [BlockProblem("invalid_arguments", reason, pointer) for reason, pointer in found]


def _inputs_need_submit(view: Any, pointer: str) -> Found:
    blocks = view.get("blocks")
    if "submit" in view or not isinstance(blocks, list):
        return
    for index, block in enumerate(blocks):
        if isinstance(block, dict) and block.get("type") == "input":
            yield "must define `submit` to use an `input` block in modals", f"{pointer}/blocks/{index}/input"


_COMMON: Mapping[str, Check] = {
    "private_metadata": string(limits.VIEW_PRIVATE_METADATA),
    "callback_id": string(limits.VIEW_CALLBACK_ID),
    "external_id": string(limits.VIEW_EXTERNAL_ID),
}
_MODAL = Object(
    {"type": anything, "title": plain(limits.VIEW_TITLE), "blocks": VIEW_BLOCKS},
    {
        **_COMMON,
        "submit": plain(limits.VIEW_SUBMIT),
        "close": plain(limits.VIEW_CLOSE),
        "clear_on_close": boolean,
        "notify_on_close": boolean,
        "submit_disabled": boolean,
    },
    _inputs_need_submit,
)
_HOME = Object({"type": anything, "blocks": HOME_BLOCKS}, _COMMON)


def _duplicates(blocks: list[Any], pointer: str) -> Found:
    """Find a block_id used twice in a surface, and an action_id used twice in a block."""
    seen: set[str] = set()
    for index, block in enumerate(blocks):
        if not isinstance(block, dict):
            continue
        block_id = block.get("block_id")
        if isinstance(block_id, str):
            if block_id in seen:
                yield f'`block_id` "{block_id}" already exists', f"{pointer}/{index}/block_id"
            seen.add(block_id)
        yield from _duplicate_actions(block, f"{pointer}/{index}")


def _duplicate_actions(block: dict[str, Any], pointer: str) -> Found:
    elements = block.get("elements")
    seen: set[str] = set()
    for index, element in enumerate(elements if isinstance(elements, list) else []):
        action_id = element.get("action_id") if isinstance(element, dict) else None
        if isinstance(action_id, str):
            if action_id in seen:
                yield f'`action_id` "{action_id}" already exists', f"{pointer}/elements/{index}/action_id"
            seen.add(action_id)
