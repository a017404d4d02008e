"""All that there is to read of an approval, and where it is read whole: on the card, in a modal, in a file. Pure.

A card that fits shows all of it (`adapters.slack.cards.card`); then comes the modal behind Show all; above what a modal
holds a file in the thread. Each place says where the rest is (P4).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from adapters.blockkit import limits
from adapters.slack.drawing import blocks, layout, wording
from adapters.slack.drawing.blocks import Block
from adapters.slack.drawing.layout import Piece, Style
from adapters.slack.drawing.untrusted_text import changes, document, line_diff, plain, visible
from engine.approvals.approval import Approval, Review, State
from engine.asks import templates
from engine.asks.ask import Action, Ask, Choice, Json, Kind

_LONG_NAME = 100
"""Characters of a tool's name that a headline holds beside our own words."""
_LANGCHAINS_DEFAULT = "Tool execution requires approval"


def everything(approval: Approval) -> list[Piece]:
    """All that there is to read of an approval, in the card's order."""
    prompt = [prompt_piece(approval)] if approval.ask.prompt else []
    actions = (piece for index in range(len(approval.reviews)) for piece in action_pieces(approval, index))
    return [*prompt, *actions, *offered_pieces(approval)]


def prompt_piece(approval: Approval) -> Piece:
    """What the agent asks, in its own words."""
    style = Style.PROSE if wording.is_markdown(approval.ask) else Style.SENTENCE
    return Piece(visible(approval.ask.prompt).strip(), style)


def offered_pieces(approval: Approval) -> list[Piece]:
    """The words that a button sends as the answer, while it may be answered."""
    if approval.state is not State.PENDING or not approval.offered:
        return []
    words = "\n".join(each.text for each in approval.offered)
    return [Piece(visible(words), Style.QUOTE, "Written before this question")]


def action_pieces(approval: Approval, index: int) -> list[Piece]:
    """One action: its name in a batch, its description, its value, what was changed, the words of its outcome."""
    action, review = approval.ask.actions[index], approval.reviews[index]
    found: list[Piece] = []
    if len(approval.reviews) > 1:
        found.append(Piece(f"{index + 1}. {visible(action.name)}", Style.NAME))
    elif len(visible(action.name)) > _LONG_NAME:
        found.append(Piece(visible(action.name), Style.NAME))  # the headline cuts it
    words = _own_words(approval, action)
    if words:
        found.append(Piece(visible(words).strip(), Style.PROSE))
    if not _says_nothing_new(approval, review.value):
        found += layout.pieces_of(_beside_prompt(approval, review.value), prose=approval.ask.kind is Kind.TEXT)
    since = _changed_since(approval, index)
    return [
        *found,
        *since,
        *_changed(action, review),
        *_words_so_far(approval, index),
        *_closing_words(approval, index),
    ]


def _own_words(approval: Approval, action: Action) -> str:
    """The description, without what the card says anyway.

    LangChain's default is a sentence that says no more than the headline, and the call itself, as Python writes it:
    https://docs.langchain.com/oss/python/langchain/human-in-the-loop.
    """
    if approval.ask.is_question and not approval.ask.prompt:
        return action.description or ("" if wording.is_titled(approval) else action.name)
    words = action.description.removesuffix(f"Tool: {action.name}\nArgs: {action.value}").strip()
    return "" if words in (approval.ask.prompt, _LANGCHAINS_DEFAULT) else words


def _says_nothing_new(approval: Approval, value: Json) -> bool:
    kind = approval.ask.kind
    if value is None or value in ({}, ""):
        return kind not in (Kind.TEXT, Kind.PAYLOAD)
    return value == approval.ask.prompt


def _beside_prompt(approval: Approval, value: Json) -> Json:
    """The value without the field that the prompt was taken from: it stands on the card already."""
    ask = approval.ask
    if ask.kind is not Kind.PAYLOAD or not isinstance(value, dict):
        return value
    asked = prompt_field(ask, value)
    return {name: each for name, each in value.items() if name != asked} or value


def prompt_field(ask: Ask, value: Mapping[str, Json]) -> str | None:
    """The field that the prompt was taken from."""
    return next((name for name, each in value.items() if ask.prompt and each == ask.prompt), None)


def _changed_since(approval: Approval, index: int) -> Iterable[Piece]:
    """What the graph made of its request after people decided on it."""
    replaced = approval.replaced
    if replaced is None or len(replaced.values) != len(approval.reviews):
        return
    yield from _differences(replaced.values[index], approval.ask.actions[index].value, "The agent changed")


def _changed(action: Action, review: Review) -> Iterable[Piece]:
    if review.edited_by is not None:
        yield from _differences(action.value, review.value, "Changed")


def _differences(value: Json, now: Json, what: str) -> Iterable[Piece]:
    for each in changes(value, now):
        before, after = each.before, each.after
        label = f"{what} {plain(each.field, 150)}" if each.field else what
        if before is None or after is None or ("\n" not in before + after and len(before + after) <= layout.SHORT):
            shown = f"{'(not there)' if before is None else before} → {'(removed)' if after is None else after}"
            yield Piece(shown, Style.INLINE if len(shown) <= layout.SHORT else Style.PREFORMATTED, label)
        else:
            yield Piece(line_diff(before, after) or "(only spaces at line ends)", Style.PREFORMATTED, label)


def _words_so_far(approval: Approval, index: int) -> Iterable[Piece]:
    """What was written with an option that others still have to choose: they send it too, so they read it first."""
    review, options = approval.reviews[index], approval.ask.actions[index].options
    for vote in review.votes if review.decision is None else ():
        asked = next((each.asks_for for each in options if each.word == vote.option), "")
        if vote.choice is Choice.OPTION and vote.text:
            label = f"{wording.words_label(asked)} for {plain(vote.option, _LONG_NAME)}"
            yield Piece(visible(vote.text), Style.QUOTE, label)


def _closing_words(approval: Approval, index: int) -> Iterable[Piece]:
    decision = approval.reviews[index].decision
    if decision is None:
        return
    if decision.text and approval.state is not State.PENDING:
        asked = next((o.asks_for for o in approval.ask.actions[index].options if o.word == decision.option), "")
        answer = "Sent to the agent" if templates.takes_json(approval.ask.encoding) else "Answer"
        labels = {Choice.REJECT: "Reason", Choice.ANSWER: answer, Choice.OPTION: wording.words_label(asked)}
        label = labels.get(decision.choice, "Said")
        style = Style.INLINE if len(decision.text) <= layout.SHORT and "\n" not in decision.text else Style.QUOTE
        yield Piece(visible(decision.text), style, label)
    if decision.choice is Choice.ANSWER and decision.value is not None:
        yield from layout.pieces_of(decision.value)


# More than a modal holds ----------------------------------------------------------------------------------------------

_MODAL_BLOCKS = 90
_MODAL_BYTES = 230_000


def show_all(approval: Approval) -> Block:
    """The modal behind Show all: everything, or as much as a modal holds with a word on where the rest is."""
    body = layout.drawn(everything(approval)) or [blocks.context("There is nothing more to show.")]
    fits = _within_modal(body)
    note = [] if len(fits) == len(body) else [blocks.context(f"Too long for Slack: {_see_file(approval)}.")]
    return blocks.modal("Full request", [*note, *fits])


def needs_file(approval: Approval) -> bool:
    """Whether a modal cannot hold it, so that a file in the thread has to."""
    if layout.length(everything(approval)) < limits.MESSAGE_BLOCKS_TEXT:
        return False
    body = layout.drawn(everything(approval))
    return len(_within_modal(body)) < len(body)


def more_as_file(approval: Approval) -> str:
    """Where the rest is, in a sentence."""
    return f"For the full request {_see_file(approval)}."


def _see_file(approval: Approval) -> str:
    return f"see the file {file_name(approval)} in this thread"


def _within_modal(body: Sequence[Block]) -> list[Block]:
    fits: list[Block] = []
    used = 0
    for block in body[:_MODAL_BLOCKS]:
        used += len(json.dumps(block))
        if used > _MODAL_BYTES:
            break
        fits.append(block)
    return fits


def file_name(approval: Approval) -> str:
    """The name of the file, which says what state of the approval it shows."""
    mark = approval.id.rpartition("#")[2][:8]
    return f"request-{mark}-{'-'.join(str(review.revision) for review in approval.reviews[:20])}.json"


def file_content(approval: Approval) -> str:
    """The file: JSON in which nothing hides."""
    named: list[dict[str, Any]] = [
        {"name": action.name, "value": review.value, "proposed": action.value}
        if review.edited_by
        else {"name": action.name, "value": review.value}
        for action, review in zip(approval.ask.actions, approval.reviews, strict=True)
    ]
    return document({"prompt": approval.ask.prompt, "actions": list(named)})
