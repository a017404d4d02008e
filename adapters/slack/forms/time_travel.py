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
from adapters.slack.drawing.sentences import responses
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
    return blocks.modal("History", [blocks.section(words)])


def which(conversations: Sequence[Conversation]) -> Block:
    """The modal that asks which conversation; there is at least one."""
    options = [
        {"text": blocks.plain_text(_told(each), limits.OPTION_TEXT), "value": str(Point(each.thread))}
        for each in conversations[: limits.SELECT_OPTIONS]
    ]
    select = {"type": "static_select", "action_id": "value", "options": options, "initial_option": options[0]}
    label = {"type": "plain_text", "text": "Conversation"}
    block: Block = {"type": "input", "block_id": WHICH, "label": label, "element": select}
    return blocks.modal("History", [block], submit="View", callback_id=TIME_TRAVEL)


def _told(conversation: Conversation) -> str:
    place = "direct messages" if conversation.direct else "a thread"
    return f"{conversation.agent}, {conversation.started_at:%b %d %H:%M} UTC, in {place}"


def chosen(state: Mapping[str, Any]) -> Point | None:
    """The chosen conversation."""
    option = state.get(WHICH, {}).get("value", {}).get("selected_option")
    try:
        return Point.read(option["value"]) if option else None
    except ValueError:
        return None


def checkpoints(thread: ThreadId, moments: Sequence[Snapshot], page: int) -> Block:
    """One page of a conversation's checkpoints, the newest first.

    A checkpoint at which LangGraph has stored a message but not yet read it is left out: a change of its state would
    replace the message, and nothing would run. The next checkpoint has the message in its state.
    """
    moments = [each for each in moments if each.next or each.source != "input"]
    shown = moments[page * _ON_A_PAGE : (page + 1) * _ON_A_PAGE]
    if not shown:
        return sentence(responses.NO_STEPS)
    made = [block for each in shown for block in _row(thread, each)]
    turns = [
        blocks.button(label, f"{TIME_TRAVEL_PAGE}_{to}", str(Point(thread, page=to)))
        for label, to, there in (
            ("Newer", page - 1, page > 0),
            ("Older", page + 1, (page + 1) * _ON_A_PAGE < len(moments)),
        )
        if there
    ]
    return blocks.modal("History", [*made, *([blocks.actions("pages", turns)] if turns else [])])


def _row(thread: ThreadId, moment: Snapshot) -> list[Block]:
    look = blocks.button("View", TIME_TRAVEL_VIEW, str(Point(thread, moment.checkpoint)))
    words = blocks.plain_text(_happened(moment), 200)
    text = {"type": "section", "text": words, "accessory": look}
    asked = [f"asked: {each}" for each in moment.asked]
    small = " · ".join(mrkdwn_line(each, 150) for each in asked)
    return [text, blocks.context(f"{when(moment.at)}{' · ' + small if small else ''}")]


def _happened(moment: Snapshot) -> str:
    match moment.source:
        case "update":
            done = "State changed"
        case "fork":
            done = "Went back to here"
        case "input":
            done = "Message received"
        case _:
            done = f"Finished: {', '.join(moment.ran)}" if moment.ran else "Message received"
    return f"{done}. Next: {', '.join(moment.next)}" if moment.next else f"{done}. End"


# One point ------------------------------------------------------------------------------------------------------------


def checkpoint(thread: ThreadId, moment: Snapshot) -> Block:
    """A checkpoint with its state, to run from unchanged or edited."""
    return _with_form(thread, moment, fields(moment))


def _with_form(thread: ThreadId, moment: Snapshot, found: Sequence[Field]) -> Block:
    note = "Later steps run again and ask for approval again. Fields you leave alone won't change."
    head = [blocks.rich_text([blocks.rich_section(blocks.span(_happened(moment), bold=True))]), blocks.context(note)]
    form = [block for field in found for block in inputs.blocks_of(field)]
    metadata = f"{Point(thread, moment.checkpoint)} {layout_of(found)}"
    return blocks.modal(
        "Go back", [*head, *form], submit="Run from here", callback_id=TIME_TRAVEL_RUN, private_metadata=metadata
    )


def fields(moment: Snapshot) -> Sequence[Field]:
    """The fields of a state, as many as a modal holds; none if it is not an object."""
    if not isinstance(moment.values, dict):
        return ()
    found: list[Field] = []
    for found in from_schema.drafts(None, moment.values, answer=False):
        if not check_modal(_with_form(ThreadId(""), moment, found)):
            break
    return found


def edited(moment: Snapshot, state: Mapping[str, Any], layout: str) -> tuple[Json, dict[str, str]]:
    """The edited state, None if nothing was changed; and errors by block id."""
    if not state or not isinstance(moment.values, dict):
        return None, {}
    found = fields(moment)
    if layout != layout_of(found):
        return None, {next(iter(state)): responses.REOPEN}
    value, errors = entries.read(found, state)
    if not errors and not isinstance(value, dict):
        errors = {found[0].block_id: responses.NOT_AN_OBJECT}
    errors = errors or entries.placed(found, list(unstorable(value)))
    if errors or not isinstance(value, dict):
        return None, errors
    after = {**moment.values, **value}
    return (after if canonical(after) != canonical(moment.values) else None), {}
