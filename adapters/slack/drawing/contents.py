"""Everything there is to read about an approval, as pieces in the card's order. Pure."""

from collections.abc import Iterable, Mapping

from adapters.slack.drawing import layout
from adapters.slack.drawing.layout import Piece, Style
from adapters.slack.drawing.sentences import choices, titles
from adapters.slack.drawing.untrusted_text import changes, line_diff, plain_line, visible
from engine.approvals.approval import Approval, Review, State
from engine.asks import templates
from engine.asks.ask import Action, Ask, Choice, Json, Kind

_LONG_NAME = 100
"""Characters of a tool's name that fit a headline next to our own words."""


_LANGCHAINS_DEFAULT = "Tool execution requires approval"


def everything(approval: Approval) -> list[Piece]:
    """All pieces of an approval, in the card's order."""
    prompt = [prompt_piece(approval)] if approval.ask.prompt else []
    actions = (piece for index in range(len(approval.reviews)) for piece in action_pieces(approval, index))
    return [*prompt, *actions, *offered_pieces(approval)]


def prompt_piece(approval: Approval) -> Piece:
    """The agent's question, in its own words."""
    style = Style.PROSE if titles.is_markdown(approval.ask) else Style.SENTENCE
    return Piece(visible(approval.ask.prompt).strip(), style)


def offered_pieces(approval: Approval) -> list[Piece]:
    """The offered words that a button sends as the answer, while the question is open."""
    if approval.state is not State.PENDING or not approval.offered:
        return []
    words = "\n".join(each.text for each in approval.offered)
    return [Piece(visible(words), Style.QUOTE, "Written before this question")]


def action_pieces(approval: Approval, index: int) -> list[Piece]:
    """One action: its name in a batch, its description, its value, the changes, the words of its outcome."""
    action, review = approval.ask.actions[index], approval.reviews[index]
    found: list[Piece] = []
    if len(approval.reviews) > 1:
        found.append(Piece(f"{index + 1}. {visible(action.name)}", Style.NAME))
    elif len(visible(action.name)) > _LONG_NAME:
        found.append(Piece(visible(action.name), Style.NAME))  # cut in the headline
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
    """The description, unless the card says the same.

    LangChain's default is a sentence that repeats the headline, and the call as Python writes it:
    https://docs.langchain.com/oss/python/langchain/human-in-the-loop.
    """
    if approval.ask.is_question and not approval.ask.prompt:
        return action.description or ("" if titles.is_titled(approval) else action.name)
    words = action.description.removesuffix(f"Tool: {action.name}\nArgs: {action.value}").strip()
    return "" if words in (approval.ask.prompt, _LANGCHAINS_DEFAULT) else words


def _says_nothing_new(approval: Approval, value: Json) -> bool:
    kind = approval.ask.kind
    if value is None or value in ({}, ""):
        return kind not in (Kind.TEXT, Kind.PAYLOAD)
    return value == approval.ask.prompt


def _beside_prompt(approval: Approval, value: Json) -> Json:
    """The value without the field that the prompt came from, which the card shows already."""
    ask = approval.ask
    if ask.kind is not Kind.PAYLOAD or not isinstance(value, dict):
        return value
    asked = prompt_field(ask, value)
    return {name: each for name, each in value.items() if name != asked} or value


def prompt_field(ask: Ask, value: Mapping[str, Json]) -> str | None:
    """The field that the prompt came from."""
    return next((name for name, each in value.items() if ask.prompt and each == ask.prompt), None)


def _changed_since(approval: Approval, index: int) -> Iterable[Piece]:
    """The changes that the graph made to its request after people had decided."""
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
        label = f"{what} {plain_line(each.field, 150)}" if each.field else what
        if before is None or after is None or ("\n" not in before + after and len(before + after) <= layout.SHORT):
            shown = f"{'(not there)' if before is None else before} → {'(removed)' if after is None else after}"
            yield Piece(shown, Style.INLINE if len(shown) <= layout.SHORT else Style.PREFORMATTED, label)
        else:
            yield Piece(line_diff(before, after) or "(only spaces at line ends)", Style.PREFORMATTED, label)


def _words_so_far(approval: Approval, index: int) -> Iterable[Piece]:
    """The words that go with an option, while others still have to choose it: they send the same words."""
    review, options = approval.reviews[index], approval.ask.actions[index].options
    for vote in review.votes if review.decision is None else ():
        asked = next((each.asks_for for each in options if each.word == vote.option), "")
        if vote.choice is Choice.OPTION and vote.text:
            label = f"{choices.words_label(asked)} for {plain_line(vote.option, _LONG_NAME)}"
            yield Piece(visible(vote.text), Style.QUOTE, label)


def _closing_words(approval: Approval, index: int) -> Iterable[Piece]:
    decision = approval.reviews[index].decision
    if decision is None:
        return
    if decision.text and approval.state is not State.PENDING:
        asked = next((o.asks_for for o in approval.ask.actions[index].options if o.word == decision.option), "")
        answer = "Sent to the agent" if templates.takes_json(approval.ask.encoding) else "Answer"
        labels = {Choice.REJECT: "Reason", Choice.ANSWER: answer, Choice.OPTION: choices.words_label(asked)}
        label = labels.get(decision.choice, "Said")
        style = Style.INLINE if len(decision.text) <= layout.SHORT and "\n" not in decision.text else Style.QUOTE
        yield Piece(visible(decision.text), style, label)
    if decision.choice is Choice.ANSWER and decision.value is not None:
        yield from layout.pieces_of(decision.value)
