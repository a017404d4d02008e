"""The modals: edit, reject, answer; and what a submitted one says. Pure.

Each property becomes an input of the type that its schema, or else its value, calls for (`adapters.slack.shapes`). A
form can be read again from the approval alone: its inputs and their block ids follow from the schema and the value.
What a person did not touch keeps its value to the letter, also where an input cannot show it exactly.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.blockkit import check_modal, limits
from adapters.slack import blocks, fields, inputs, layout, shapes, values
from adapters.slack.blocks import Block
from adapters.slack.cards import Target
from adapters.slack.fields import Field
from adapters.slack.text import clipped, visible
from engine.approval import Approval
from engine.ask import Choice, Json, Kind, Problem

CALLBACKS = {Choice.EDIT: "signoff_edit", Choice.REJECT: "signoff_reject", Choice.ANSWER: "signoff_answer"}
_WORDS = {Choice.EDIT: ("Edit", "Approve with changes"), Choice.REJECT: ("Reject", "Reject")}
_ANSWER_WORDS = ("Answer", "Answer")
TEXT_BLOCK = "text"
_MOST_INPUTS = 90
_CONTEXT_CHARACTERS = 1_500


@dataclass(frozen=True, slots=True)
class Submitted:
    """What a form says: the words or the value, and what is wrong with them, each problem under its block's id."""

    text: str = ""
    value: Json = None
    errors: Mapping[str, str] | None = None


def form(approval: Approval, target: Target, choice: Choice) -> Block:
    """The modal that a button opens; where the value cannot be edited in Slack, one that says so.

    Raises ValueError for a choice that has no form, such as an approve.
    """
    title, submit = _WORDS.get(choice, _ANSWER_WORDS)
    if approval.ask.kind is Kind.BREAKPOINT:
        title, submit = "Edit state", "Continue with changes"
    if choice not in CALLBACKS:
        raise ValueError(f"{choice} has no form")
    asked = _inputs(approval, target, choice)
    if asked is None:
        return too_long(approval, target)
    view = blocks.modal(
        title,
        [*_about(approval, target, choice), *asked],
        submit=submit,
        callback_id=CALLBACKS[choice],
        private_metadata=str(target),
    )
    return too_long(approval, target) if check_modal(view) else view


def _inputs(approval: Approval, target: Target, choice: Choice) -> list[Block] | None:
    if not _has_fields(approval, choice):
        hint = "The agent reads this." if choice is Choice.REJECT else ""
        return [_words("Reason" if choice is Choice.REJECT else "Answer", hint)]
    made = [block for field in form_fields(approval, target, choice) for block in inputs.blocks_of(field)]
    return made if 0 < len(made) <= _MOST_INPUTS and any(block["type"] == "input" for block in made) else None


def _has_fields(approval: Approval, choice: Choice) -> bool:
    return choice is Choice.EDIT or (choice is Choice.ANSWER and approval.ask.kind is Kind.FORM)


def form_fields(approval: Approval, target: Target, choice: Choice) -> Sequence[Field]:
    """The fields of an edit or of a form, in their order."""
    action, review = approval.ask.actions[target.action], approval.reviews[target.action]
    found = shapes.fields_of(action.schema, review.value, answer=choice is Choice.ANSWER)
    if len(found) > _MOST_INPUTS - 10 and choice is Choice.EDIT:
        return shapes.whole(review.value)
    return found


def _about(approval: Approval, target: Target, choice: Choice) -> list[Block]:
    action = approval.ask.actions[target.action]
    words = action.name if approval.ask.kind is Kind.TOOL_CALL else approval.ask.prompt or action.name
    piece = layout.Piece(visible(words), layout.Style.PROSE)
    shown, _ = layout.fitted([piece] if words else [], _CONTEXT_CHARACTERS)
    note = [blocks.context("What you do not touch stays exactly as it is.")] if choice is Choice.EDIT else []
    return [*layout.drawn(shown), *note]


def _words(label: str, hint: str) -> Block:
    element: Block = {
        "type": "plain_text_input",
        "action_id": fields.ACTION_ID,
        "multiline": True,
        "max_length": limits.PLAIN_TEXT_INPUT,
        "focus_on_load": True,
    }
    made: Block = {
        "type": "input",
        "block_id": TEXT_BLOCK,
        "label": {"type": "plain_text", "text": label},
        "element": element,
    }
    if hint:
        made["hint"] = {"type": "plain_text", "text": hint}
    return made


def too_long(approval: Approval, target: Target) -> Block:
    """Said honestly: this cannot be edited here, and what to do instead."""
    length = layout.length(layout.pieces_of(approval.reviews[target.action].value))
    return sentence(
        "Edit",
        f"This value is too long to edit in Slack ({length:,} characters). "
        "Reject the request and say in the reason what should be different.",
    )


def sentence(title: str, mrkdwn: str) -> Block:
    """A modal that says one thing, in our own words."""
    return blocks.modal(title, [blocks.section(mrkdwn)])


# What was submitted ---------------------------------------------------------------------------------------------------


def read(approval: Approval, target: Target, choice: Choice, state: Mapping[str, Any]) -> Submitted:
    """The submitted values (`view.state.values`), converted to their types."""
    if not _has_fields(approval, choice):
        words = values.entered(state, TEXT_BLOCK)
        text = words.strip() if isinstance(words, str) else ""
        return Submitted(text) if text else Submitted(errors={TEXT_BLOCK: "Please write a few words."})
    found = form_fields(approval, target, choice)
    value, errors = values.read(found, state)
    return Submitted(value=value, errors=errors or None)


def errors_of(approval: Approval, target: Target, choice: Choice, problems: Sequence[Problem]) -> dict[str, str]:
    """Problems of the whole value, each under the block of its field; what names no field stands at the first input."""
    if not _has_fields(approval, choice):
        return {TEXT_BLOCK: " ".join(_spoken(problem, "") for problem in problems)}
    editable = [each for each in form_fields(approval, target, choice) if each.editable]
    found: dict[str, list[str]] = {}
    for problem in problems:
        path = tuple(map(str, problem.path))
        own = _closest(editable, path)
        block_id = (own or editable[0]).block_id
        found.setdefault(block_id, []).append(_spoken(problem, "" if own else ".".join(path[:1])))
    return {block_id: clipped(" ".join(told), limits.TEXT) for block_id, told in found.items()}


def _closest(editable: Sequence[Field], path: tuple[str, ...]) -> Field | None:
    """The field that a path leads into, else the first one below it."""
    into = [each for each in editable if each.path and path[: len(each.path)] == each.path]
    below = [each for each in editable if path and each.path[: len(path)] == path]
    return next(iter([*into, *below]), None)


def _spoken(problem: Problem, field: str) -> str:
    return visible(f"{field}: {problem.sentence}" if field else problem.sentence)
