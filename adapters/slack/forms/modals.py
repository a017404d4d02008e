"""The modals of choices: edit, reject, answer, confirm; and what was entered in them. Pure.

Each property becomes an input of the type that its schema, or else its value, calls for
(`adapters.slack.forms.from_schema`). The approval alone is enough to read a form again: its inputs and their block ids
follow from the schema and the value. A digest of that layout travels with the form, so that a form of another version
of the bot is refused and never misread. A field that nobody touched keeps its exact value, even if its input cannot
show it exactly.

Every form can be sent: a value with more fields than a modal holds becomes one JSON input, and a text that is too long
for inputs stays as it is unless something is written in its place.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from adapters.blockkit import check_modal, limits
from adapters.slack.drawing import blocks, contents, layout
from adapters.slack.drawing.actions import CALLBACKS, Target, show_button
from adapters.slack.drawing.blocks import Block
from adapters.slack.drawing.sentences import choices, responses
from adapters.slack.drawing.sentences import forms as sentences
from adapters.slack.drawing.untrusted_text import mrkdwn_line, visible
from adapters.slack.forms import entries, fields, from_schema, inputs
from adapters.slack.forms.fields import Field, Input
from adapters.slack.forms.numerals import EntryError
from engine.approvals.approval import Approval
from engine.asks import templates
from engine.asks.ask import Action, Ask, Choice, Json, Kind, ValueProblem

_WORDS = {Choice.EDIT: ("Edit", sentences.APPROVE_WITH_CHANGES), Choice.REJECT: ("Reject", "Reject")}
_ANSWER_WORDS = (sentences.ANSWER, sentences.ANSWER)
TEXT_BLOCK = "text"
_CONTEXT_CHARACTERS = 1_500
_PLUMBING = ("type", "actions")
"""Keys that tell a user interface how to draw a request, in payloads with a prompt."""
_GUIDE_CHARACTERS = 6_000


@dataclass(frozen=True, slots=True)
class Submitted:
    """The words or the value of a form, and its errors by block id."""

    text: str = ""
    value: Json = None
    errors: Mapping[str, str] | None = None


def form(approval: Approval, target: Target, choice: Choice, seen: tuple[int, int] | None = None) -> Block:
    """The modal that a button opens. `seen` are the characters that the card shows, and all, if it does not show all.

    Raises ValueError for a choice that has no form, such as an approve.
    """
    if choice not in CALLBACKS or choice is Choice.APPROVE:
        raise ValueError(f"{choice} has no form")
    if choice is Choice.OPTION:
        option = approval.ask.actions[target.action].option(target.option)
        words = _words(choices.words_label(option.asks_for if option else ""), sentences.WORDS_SEEN)
        return _view(approval, target, choice, [*_seen_in_part(approval, target, choice, seen), words])
    if not _has_fields(approval, choice):
        words = _reason(approval, target) if choice is Choice.REJECT else _answer(approval)
        return _view(approval, target, choice, [words])
    return _filled_in(approval, target, choice, form_fields(approval, target, choice))


def takes_words(approval: Approval, target: Target) -> bool:
    """True if an option of the node has a form."""
    actions = approval.ask.actions
    option = actions[target.action].option(target.option) if 0 <= target.action < len(actions) else None
    return option is not None and option.takes_words


def _label(approval: Approval, target: Target, choice: Choice) -> str:
    """The label of the button that opens the form. Untrusted: a node names its own options."""
    option = approval.ask.actions[target.action].option(target.option) if choice is Choice.OPTION else None
    return (
        choices.choice_words(approval.ask.kind, choice).button if option is None else choices.option_label(option.word)
    )


def confirmation(approval: Approval, target: Target, choice: Choice, seen: tuple[int, int]) -> Block:
    """The modal that asks for confirmation if the card shows only part of the request (P4)."""
    button = _label(approval, target, choice)
    return blocks.modal(
        f"{button}?",
        [*_about(approval, target, choice), *_seen_in_part(approval, target, choice, seen)],
        submit=button,
        callback_id=CALLBACKS[choice],
        private_metadata=str(target),
    )


def _seen_in_part(approval: Approval, target: Target, choice: Choice, seen: tuple[int, int] | None) -> list[Block]:
    """The number of characters that the person has seen, and Show all; empty if they saw all."""
    if seen is None:
        return []
    button = mrkdwn_line(_label(approval, target, choice), limits.BUTTON_TEXT)
    told = sentences.seen_in_part(seen[0], seen[1], button)
    return [blocks.section(told), blocks.actions("show", [show_button(approval, "Full request")])]


def _filled_in(approval: Approval, target: Target, choice: Choice, found: Sequence[Field]) -> Block:
    body = [block for field in found for block in inputs.blocks_of(field)]
    if choice is Choice.ANSWER and found[0].input is Input.JSON and found[0].alone:
        body = [*_guide(approval.ask.actions[target.action]), *body]
    return _view(approval, target, choice, body, fields.layout_of(found))


def _view(approval: Approval, target: Target, choice: Choice, body: Sequence[Block], layout_mark: str = "") -> Block:
    title, submit = _WORDS.get(choice, _ANSWER_WORDS)
    if choice is Choice.OPTION:
        title = submit = _label(approval, target, choice)
    if approval.ask.kind is Kind.BREAKPOINT and choice is Choice.EDIT:
        title, submit = sentences.EDIT_STATE, sentences.CONTINUE_WITH_CHANGES
    return blocks.modal(
        title,
        [*_about(approval, target, choice), *body],
        submit=submit,
        callback_id=CALLBACKS[choice],
        private_metadata=f"{target} {layout_mark}".rstrip(),
    )


def _has_fields(approval: Approval, choice: Choice) -> bool:
    return choice is Choice.EDIT or (choice is Choice.ANSWER and approval.ask.kind is Kind.FORM)


def form_fields(approval: Approval, target: Target, choice: Choice) -> Sequence[Field]:
    """The fields of an edit or a form in order, as many as a modal holds."""
    action, review = approval.ask.actions[target.action], approval.reviews[target.action]
    found: list[Field] = []
    for draft in from_schema.drafts(action.schema, review.value, answer=choice is Choice.ANSWER):
        found = _without_plumbing(approval.ask, draft)
        if not check_modal(_filled_in(approval, target, choice, found)):
            break
    return found


def _without_plumbing(ask: Ask, found: list[Field]) -> list[Field]:
    """The fields without inputs for a payload's prompt and for its drawing instructions, which nobody edits."""
    if ask.kind is not Kind.PAYLOAD or not isinstance(ask.payload, dict) or not ask.prompt:
        return found
    nobodys = {contents.prompt_field(ask, ask.payload), *_PLUMBING}
    kept = [replace(each, input=Input.KEPT) if each.path and each.path[0] in nobodys else each for each in found]
    return kept if any(each.editable for each in kept) else found


def _about(approval: Approval, target: Target, choice: Choice) -> list[Block]:
    action = approval.ask.actions[target.action]
    named = approval.ask.kind is Kind.TOOL_CALL or (not approval.ask.prompt and len(approval.ask.actions) > 1)
    name = layout.Piece(visible(action.name), layout.Style.SENTENCE)
    piece = name if named else contents.prompt_piece(approval)
    shown, _ = layout.fitted([piece] if piece.text else [], _CONTEXT_CHARACTERS)
    note = [blocks.context(sentences.UNTOUCHED)] if choice is Choice.EDIT else []
    return [*layout.drawn(shown), *note]


def _reason(approval: Approval, target: Target) -> Block:
    action = approval.ask.actions[target.action]
    if action.reject_stops:
        return _words(sentences.REASON, sentences.REJECT_STOPS)
    if action.reason_unsent:
        return _words(sentences.REASON, sentences.REASON_NOT_SENT)
    return _words(sentences.REASON, sentences.REASON_SEEN)


def _answer(approval: Approval) -> Block:
    if templates.takes_json(approval.ask.encoding):
        return _words(sentences.ANSWER, sentences.JSON_HINT)
    return _words(sentences.ANSWER, "")


def _guide(action: Action) -> list[Block]:
    """Instructions for a schema that has too many fields for inputs."""
    told = [layout.Piece(each, layout.Style.INLINE) for each in from_schema.described(action.schema or {})]
    if not told:
        return []
    shown, hidden = layout.fitted(told, _GUIDE_CHARACTERS)
    return [
        blocks.context(sentences.too_many_fields(hidden)),
        *layout.drawn(shown),
    ]


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


# What was submitted ---------------------------------------------------------------------------------------------------


def read(approval: Approval, target: Target, choice: Choice, state: Mapping[str, Any], layout_mark: str) -> Submitted:
    """Read a submitted form (`view.state.values`); `layout_mark` is the digest that travelled with it."""
    if choice is Choice.APPROVE or (choice is Choice.OPTION and not takes_words(approval, target)):
        return Submitted()
    if not _has_fields(approval, choice):
        return _read_words(state)
    found = form_fields(approval, target, choice)
    if layout_mark != fields.layout_of(found):
        return Submitted(errors={next(iter(state), found[0].block_id): responses.REOPEN})
    value, errors = entries.read(found, state)
    return Submitted(value=value, errors=errors or None)


def _read_words(state: Mapping[str, Any]) -> Submitted:
    try:
        text = entries.text_of(state, TEXT_BLOCK).strip()
    except EntryError as wrong:
        return Submitted(errors={TEXT_BLOCK: str(wrong)})
    return Submitted(text) if text else Submitted(errors={TEXT_BLOCK: sentences.WRITE_SOMETHING})


def errors_of(approval: Approval, target: Target, choice: Choice, problems: Sequence[ValueProblem]) -> dict[str, str]:
    """Problems of the value by the block id of their field; those that name no field go to the first input."""
    if not _has_fields(approval, choice):
        return {TEXT_BLOCK: visible(" ".join(problem.sentence for problem in problems))}
    return entries.placed(form_fields(approval, target, choice), problems)
