"""Blocks as Slack stores them, and the interactive elements in them."""

import copy
from collections.abc import Iterator
from typing import Any

from adapters.localslack.state import ids
from adapters.localslack.state.state import Json

_PASSIVE = frozenset({"image", "plain_text", "mrkdwn"})


def stored(blocks: list[Json]) -> list[Json]:
    """Copy blocks and add Slack's defaults: block and action ids, `emoji` and `verbatim` of texts."""
    kept = copy.deepcopy(blocks)
    for block in kept:
        block.setdefault("block_id", ids.short())
        for element in elements_of(block):
            element.setdefault("action_id", ids.short())
        _fill_texts(block)
    return kept


def elements_of(block: Json) -> Iterator[Json]:
    """Yield a block's interactive elements."""
    if block["type"] not in ("actions", "context_actions", "section", "input"):
        return
    for element in (*block.get("elements", ()), block.get("accessory"), block.get("element")):
        if isinstance(element, dict) and element.get("type") not in _PASSIVE:
            yield element


def find(blocks: list[Json], action_id: str, block_id: str | None) -> tuple[Json, Json] | None:
    """Find the block and element of an action."""
    for block in blocks:
        if block_id is None or block.get("block_id") == block_id:
            for element in elements_of(block):
                if element.get("action_id") == action_id:
                    return block, element
    return None


def _fill_texts(value: Any) -> None:
    if isinstance(value, list):
        for each in value:
            _fill_texts(each)
    elif isinstance(value, dict):
        if value.get("type") == "plain_text":
            value.setdefault("emoji", True)
        elif value.get("type") == "mrkdwn":
            value.setdefault("verbatim", False)
        else:
            for each in value.values():
                _fill_texts(each)
