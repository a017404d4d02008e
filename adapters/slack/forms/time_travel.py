"""The modals of time travel: which conversation, which point of it, and its state as it was. Pure.

A modal holds 100 blocks, so the points are shown in pages. What an agent said or did is untrusted: it stands in
`plain_text` and `rich_text`. The last modal's form is made of the state alone, so it can be read again from the moment;
what is not touched is no change, and where nothing is changed the point is run again as it was.

https://docs.slack.dev/surfaces/modals
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.blockkit import check_modal, limits
from adapters.slack.drawing import blocks, wording
from adapters.slack.drawing.blocks import Block
from adapters.slack.forms import from_schema, inputs, values
from adapters.slack.forms.fields import REOPEN, Field, layout_of
from engine.asks.ask import Json, canonical, unstorable
from engine.conversation import Conversation
from engine.ids import ThreadId
from engine.ports import Snapshot
from engine.sentences.spoken import when

HISTORY = "signoff_history"
"""The action of a menu on cards of the last version, and the callback of the modal that asks which conversation."""
LOOK = "signoff_look"
PAGE = "signoff_page"
TRAVEL = "signoff_travel"
WHICH = "conversation"
_MOMENTS = 20
_NOTHING = "This conversation has no steps yet."


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a conversation, spelled so in a button's value and in a modal's metadata. `page` counts from 0."""

    thread: ThreadId
    checkpoint: str = ""
    page: int = 0

    def __str__(self) -> str:
        return f"{self.page} {self.checkpoint or '-'} {self.thread}"

    @classmethod
    def read(cls, spelled: str) -> "Point":
        """Raises ValueError for what is none."""
        page, checkpoint, thread = spelled.split(" ", 2)
        return cls(ThreadId(thread), "" if checkpoint == "-" else checkpoint, int(page))


def sentence(words: str) -> Block:
    """A modal that says one thing, in our own words."""
    return blocks.modal("History", [blocks.section(words)])


def which(conversations: Sequence[Conversation]) -> Block:
    """The modal that asks which conversation; there are some."""
    options = [
        {"text": blocks.plain_text(_told(each), limits.OPTION_TEXT), "value": str(Point(each.thread))}
        for each in conversations[: limits.SELECT_OPTIONS]
    ]
    select = {"type": "static_select", "action_id": "value", "options": options, "initial_option": options[0]}
    label = {"type": "plain_text", "text": "Conversation"}
    block: Block = {"type": "input", "block_id": WHICH, "label": label, "element": select}
    return blocks.modal("History", [block], submit="View", callback_id=HISTORY)


def _told(conversation: Conversation) -> str:
    place = "direct messages" if conversation.direct else "a thread"
    return f"{conversation.agent}, {conversation.started_at:%b %d %H:%M} UTC, in {place}"


def chosen(state: Mapping[str, Any]) -> Point | None:
    """The conversation that was chosen."""
    option = state.get(WHICH, {}).get("value", {}).get("selected_option")
    try:
        return Point.read(option["value"]) if option else None
    except ValueError:
        return None


def moments_of(thread: ThreadId, moments: Sequence[Snapshot], page: int) -> Block:
    """One page of a conversation's points, the newest first.

    Where LangGraph has stored a message and not yet read it, the state is the one before: a change of it would take the
    message's place, and nothing would run. The point that follows has the message in its state, and is shown.
    """
    moments = [each for each in moments if each.next or each.source != "input"]
    shown = moments[page * _MOMENTS : (page + 1) * _MOMENTS]
    if not shown:
        return sentence(_NOTHING)
    made = [block for each in shown for block in _row(thread, each)]
    turns = [
        blocks.button(label, f"{PAGE}_{to}", str(Point(thread, page=to)))
        for label, to, there in (
            ("Newer", page - 1, page > 0),
            ("Older", page + 1, (page + 1) * _MOMENTS < len(moments)),
        )
        if there
    ]
    return blocks.modal("History", [*made, *([blocks.actions("pages", turns)] if turns else [])])


def _row(thread: ThreadId, moment: Snapshot) -> list[Block]:
    look = blocks.button("View", LOOK, str(Point(thread, moment.checkpoint)))
    words = blocks.plain_text(_happened(moment), 200)
    text = {"type": "section", "text": words, "accessory": look}
    asked = [f"asked: {each}" for each in moment.asked]
    small = " · ".join(wording.one_line(each, 150) for each in asked)
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


def moment_of(thread: ThreadId, moment: Snapshot) -> Block:
    """A point with its state, to be run from as it is or changed."""
    return _with_form(thread, moment, fields(moment))


def _with_form(thread: ThreadId, moment: Snapshot, found: Sequence[Field]) -> Block:
    note = "Later steps run again and ask for approval again. Fields you leave alone won't change."
    head = [blocks.rich_text([blocks.rich_section(blocks.span(_happened(moment), bold=True))]), blocks.context(note)]
    form = [block for field in found for block in inputs.blocks_of(field)]
    metadata = f"{Point(thread, moment.checkpoint)} {layout_of(found)}"
    return blocks.modal(
        "Go back", [*head, *form], submit="Run from here", callback_id=TRAVEL, private_metadata=metadata
    )


def fields(moment: Snapshot) -> Sequence[Field]:
    """The fields of a state: as many as a modal takes, none where it is no object."""
    if not isinstance(moment.values, dict):
        return ()
    found: list[Field] = []
    for found in from_schema.drafts(None, moment.values, answer=False):
        if not check_modal(_with_form(ThreadId(""), moment, found)):
            break
    return found


def edited(moment: Snapshot, state: Mapping[str, Any], layout: str) -> tuple[Json, dict[str, str]]:
    """The state as it was sent, None where nothing was changed; and what is wrong, under each input's block."""
    if not state or not isinstance(moment.values, dict):
        return None, {}
    found = fields(moment)
    if layout != layout_of(found):
        return None, {next(iter(state)): REOPEN}
    value, errors = values.read(found, state)
    if not errors and not isinstance(value, dict):
        errors = {found[0].block_id: "This has to be an object."}
    errors = errors or values.placed(found, list(unstorable(value)))
    if errors or not isinstance(value, dict):
        return None, errors
    after = {**moment.values, **value}
    return (after if canonical(after) != canonical(moment.values) else None), {}
