"""The modals of time travel: the conversations, the checkpoints of one, and the state at one. Pure.

A modal holds 100 blocks, so checkpoints come in pages. What an agent said or did is untrusted: it stays in `plain_text`
and `rich_text`. The form of a state is made from the state alone, so it can be read again from the checkpoint; if
nothing was changed, the run restarts with the state as it was.

https://docs.slack.dev/surfaces/modals
"""

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.blockkit import check_modal, limits
from adapters.slack.drawing import blocks
from adapters.slack.drawing.actions import TIME_TRAVEL, TIME_TRAVEL_PAGE, TIME_TRAVEL_RUN, TIME_TRAVEL_VIEW, Point
from adapters.slack.drawing.blocks import Block
from adapters.slack.drawing.sentences import forms as sentences
from adapters.slack.drawing.sentences import menu, responses
from adapters.slack.drawing.untrusted_text import mrkdwn_line
from adapters.slack.forms import entries, from_schema, inputs
from adapters.slack.forms.fields import Field, layout_of
from engine.asks.ask import Json, canonical, unstorable
from engine.conversation import Conversation
from engine.ids import ThreadId
from engine.ports import Snapshot
from engine.sentences.spoken import when

WHICH = "conversation"
_ON_A_PAGE = 20


def sentence(words: str) -> Block:
    """A modal with one sentence of our own."""
    return blocks.modal(menu.HISTORY, [blocks.section(words)])


def which(conversations: Sequence[Conversation]) -> Block:
    """The modal that asks which conversation; there is at least one."""
    options = [
        {"text": blocks.plain_text(sentences.conversation(each), limits.OPTION_TEXT), "value": str(Point(each.thread))}
        for each in conversations[: limits.SELECT_OPTIONS]
    ]
    select = {"type": "static_select", "action_id": "value", "options": options, "initial_option": options[0]}
    label = {"type": "plain_text", "text": sentences.CONVERSATION}
    block: Block = {"type": "input", "block_id": WHICH, "label": label, "element": select}
    return blocks.modal(menu.HISTORY, [block], submit=sentences.VIEW, callback_id=TIME_TRAVEL)


def chosen(state: Mapping[str, Any]) -> Point | None:
    """The chosen conversation."""
    option = state.get(WHICH, {}).get("value", {}).get("selected_option")
    try:
        return Point.read(option["value"]) if option else None
    except ValueError:
        return None


def checkpoints(thread: ThreadId, snapshots: Sequence[Snapshot], page: int) -> Block:
    """One page of a conversation's checkpoints, the newest first.

    A checkpoint at which LangGraph has stored a message but not yet read it is left out: a change of its state would
    replace the message, and nothing would run. The next checkpoint has the message in its state.
    """
    snapshots = [each for each in snapshots if each.next or each.source != "input"]
    shown = snapshots[page * _ON_A_PAGE : (page + 1) * _ON_A_PAGE]
    if not shown:
        return sentence(responses.NO_STEPS)
    made = [block for each in shown for block in _row(thread, each)]
    turns = [
        blocks.button(label, f"{TIME_TRAVEL_PAGE}_{to}", str(Point(thread, page=to)))
        for label, to, there in (
            (sentences.NEWER, page - 1, page > 0),
            (sentences.OLDER, page + 1, (page + 1) * _ON_A_PAGE < len(snapshots)),
        )
        if there
    ]
    return blocks.modal(menu.HISTORY, [*made, *([blocks.actions("pages", turns)] if turns else [])])


def _row(thread: ThreadId, snapshot: Snapshot) -> list[Block]:
    look = blocks.button(sentences.VIEW, TIME_TRAVEL_VIEW, str(Point(thread, snapshot.checkpoint)))
    words = blocks.plain_text(sentences.step(snapshot), 200)
    text = {"type": "section", "text": words, "accessory": look}
    asked = [f"asked: {each}" for each in snapshot.asked]
    small = " · ".join(mrkdwn_line(each, 150) for each in asked)
    return [text, blocks.context(f"{when(snapshot.at)}{' · ' + small if small else ''}")]


# One point ------------------------------------------------------------------------------------------------------------


def checkpoint(thread: ThreadId, snapshot: Snapshot) -> Block:
    """A checkpoint with its state, to run from unchanged or edited."""
    return _with_form(thread, snapshot, fields(snapshot))


def _with_form(thread: ThreadId, snapshot: Snapshot, found: Sequence[Field]) -> Block:
    note = blocks.context(sentences.RUN_AGAIN)
    head = [
        blocks.rich_text([blocks.rich_section(blocks.span(sentences.step(snapshot), bold=True))]),
        note,
    ]
    form = [block for field in found for block in inputs.blocks_of(field)]
    metadata = f"{Point(thread, snapshot.checkpoint)} {layout_of(found)}"
    return blocks.modal(
        sentences.GO_BACK,
        [*head, *form],
        submit=sentences.RUN_FROM_HERE,
        callback_id=TIME_TRAVEL_RUN,
        private_metadata=metadata,
    )


def fields(snapshot: Snapshot) -> Sequence[Field]:
    """The fields of a state, as many as a modal holds; none if it is not an object."""
    if not isinstance(snapshot.values, dict):
        return ()
    found: list[Field] = []
    for found in from_schema.drafts(None, snapshot.values, answer=False):
        if not check_modal(_with_form(ThreadId(""), snapshot, found)):
            break
    return found


def edited(snapshot: Snapshot, state: Mapping[str, Any], layout: str) -> tuple[Json, dict[str, str]]:
    """The edited state, None if nothing was changed; and errors by block id."""
    if not state or not isinstance(snapshot.values, dict):
        return None, {}
    found = fields(snapshot)
    if layout != layout_of(found):
        return None, {next(iter(state)): responses.REOPEN}
    value, errors = entries.read(found, state)
    if not errors and not isinstance(value, dict):
        errors = {found[0].block_id: responses.NOT_AN_OBJECT}
    errors = errors or entries.placed(found, list(unstorable(value)))
    if errors or not isinstance(value, dict):
        return None, errors
    after = {**snapshot.values, **value}
    return (after if canonical(after) != canonical(snapshot.values) else None), {}
