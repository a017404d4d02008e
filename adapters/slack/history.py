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
from adapters.slack import blocks, inputs, layout, shapes, values, wording
from adapters.slack.blocks import Block
from adapters.slack.fields import Field
from engine.ask import Json
from engine.conversation import Conversation
from engine.ids import ThreadId
from engine.ports import Moment
from engine.refusals import when

HISTORY = "signoff_history"
"""The action of a card's menu, and the callback of the modal that asks which conversation."""
LOOK = "signoff_look"
PAGE = "signoff_page"
TRAVEL = "signoff_travel"
WHICH = "conversation"
_MOMENTS = 20
_MOST_INPUTS = 60
_NOTHING = "There is nothing to look back on here yet."


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a conversation; its spelling is a button's value and a modal's metadata. `page` begins at 0."""

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


def menu(thread: ThreadId) -> Block:
    """The menu of a card."""
    option = {"text": {"type": "plain_text", "text": "History"}, "value": str(Point(thread))}
    return {"type": "overflow", "action_id": HISTORY, "options": [option]}


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
    return blocks.modal("History", [block], submit="Look", callback_id=HISTORY)


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


def moments_of(thread: ThreadId, moments: Sequence[Moment], page: int) -> Block:
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


def _row(thread: ThreadId, moment: Moment) -> list[Block]:
    look = blocks.button("Look", LOOK, str(Point(thread, moment.checkpoint)))
    words = blocks.plain_text(_happened(moment), 200)
    text = {"type": "section", "text": words, "accessory": look}
    asked = [f"asked: {each}" for each in moment.asked]
    small = " · ".join(wording.one_line(each, 150) for each in asked)
    return [text, blocks.context(f"{when(moment.at)}{' · ' + small if small else ''}")]


def _happened(moment: Moment) -> str:
    match moment.source:
        case "update":
            done = "The state was changed"
        case "fork":
            done = "Went back to here"
        case "input":
            done = "A message came in"
        case _:
            done = f"{', '.join(moment.ran)} ran" if moment.ran else "A message came in"
    return f"{done}; next: {', '.join(moment.next)}" if moment.next else f"{done}; nothing came next"


# One point ------------------------------------------------------------------------------------------------------------


def moment_of(thread: ThreadId, moment: Moment) -> Block:
    """A point with its state, to be run from as it is or changed."""
    note = "Everything after this point is done anew, with new questions. What you do not touch stays as it is."
    head = [blocks.rich_text([blocks.rich_section(blocks.span(_happened(moment), bold=True))]), blocks.context(note)]
    form = [block for field in fields(moment) for block in inputs.blocks_of(field)]
    point = str(Point(thread, moment.checkpoint))
    view = blocks.modal("Go back", [*head, *form], submit="Run from here", callback_id=TRAVEL, private_metadata=point)
    if len(form) <= _MOST_INPUTS and not check_modal(view):
        return view
    shown, _ = layout.fitted(layout.pieces_of(moment.values), 8_000)
    whole = [*head, *layout.drawn(shown)]
    return blocks.modal("Go back", whole, submit="Run from here", callback_id=TRAVEL, private_metadata=point)


def fields(moment: Moment) -> Sequence[Field]:
    """The fields of a state."""
    return shapes.fields_of(None, moment.values, answer=False) if isinstance(moment.values, dict) else ()


def edited(moment: Moment, state: Mapping[str, Any]) -> tuple[Json, dict[str, str]]:
    """The state as it was sent, None where nothing was changed; and what is wrong, under each input's block."""
    if not state or not isinstance(moment.values, dict):
        return None, {}
    value, errors = values.read(list(fields(moment)), state)
    if errors or not isinstance(value, dict):
        return None, errors
    after = {**moment.values, **value}
    return (after if after != moment.values else None), {}
