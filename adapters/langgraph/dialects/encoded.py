"""Asks with an encoding: from `answers:` in `app.yaml`, or from the node's own code.

The encoding has a template (`engine.asks.templates`) for each choice, an object of `resume`, `update` and `as_node`. It
is kept with the ask and bound by its digest: after a change of the file or of the code people are asked again, and no
decision turns into another.

A template's picks are looked up when the ask is made: a choice whose pick is missing is not offered. They are looked up
again when something is decided, since an edit may have removed one: the form then says so to the person.
"""

import json
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from adapters.langgraph.dialects.base import Sent, value_of
from engine.asks import templates
from engine.asks.ask import Action, Ask, Choice, Decision, Json, Kind, ValueProblem, unstorable
from engine.asks.templates import PickPath, TemplateError, Word
from engine.ids import UserId

RESERVED = "reserved"
"""The key of an encoding for the words that the node compares answers with."""
OPTIONS = "options"
"""The key of an encoding for the node's further choices, by word."""
REFUSED = "This was rejected."
"""The reason of a rejection without one, for a node that reads words."""
NOT_JSON = 'This is not JSON. Write a value such as true or {"approved": true}. Put text into quotes: "some text".'
A_DECISION = "This word is a decision here, not an answer. To decide, use the buttons on the card."
_PARTS = ("resume", "update")


# When the ask is made -------------------------------------------------------------------------------------------------


def fill_from_payload(template: Json, value: Json, payload: Json) -> Json:
    """Fill in picks that only the payload has; keep those that the value has.

    Raises TemplateError for a pick that neither has.
    """

    def found(word: Word) -> "Word | Json":
        if word.name != "value" or (value is not None and templates.resolves(value, word.path)):
            return word
        if not templates.resolves(payload, word.path):
            raise TemplateError(f"{word} picks a value that this request does not have", "")
        return templates.picked(payload, word.path)

    return templates.rewritten(template, found)


# When something was decided -------------------------------------------------------------------------------------------


def encode_decision(ask: Ask, decisions: Sequence[Decision], by: Sequence[UserId]) -> Sent:
    """Encode the decision with the ask's own template. Raises ValueError if it has problems."""
    (action,), (decision,) = ask.actions, decisions
    template = _template(ask, decision)
    if template is None:
        raise ValueError(f"answers: has no words for {decision.choice}")
    words = _WordValues(decision, _value(ask, action, decision), by[0] if by else "", _reserved(ask))
    update, as_node = words.fill(template.get("update")), template.get("as_node")
    return Sent(
        resume=words.fill(template.get("resume")),
        update=update if isinstance(update, dict) else None,
        as_node=as_node if isinstance(as_node, str) else "",
    )


def problems(ask: Ask, action: Action, decision: Decision) -> Iterator[ValueProblem]:
    """Say why a decision cannot be sent as its template says."""
    template = _template(ask, decision)
    if template is None:
        return
    try:
        words = [word for part in _PARTS for word in templates.words(template.get(part))]
    except TemplateError as error:  # written by an earlier version, which took it for a text
        yield ValueProblem((), f"`answers:` in app.yaml cannot be sent: {error.what}.")
        return
    value = _value(ask, action, decision)
    for word in words:
        if word.name == "value" and not templates.resolves(value, word.path):
            yield ValueProblem(
                _field_of(value, word.path), f"The agent needs {_spelled_pick(word)}, which is no longer there."
            )
        elif word.name == "json":
            yield from _json_problems(decision.text)


def takes_json(ask: Ask) -> bool:
    """Tell whether an answer of this ask has to be JSON."""
    return templates.takes_json(ask.encoding)


def _json_problems(text: str) -> Iterator[ValueProblem]:
    try:
        value = read_json(text)
    except ValueError:
        yield ValueProblem((), NOT_JSON)
    else:
        yield from (ValueProblem((), each.sentence) for each in unstorable(value))


def read_json(text: str) -> Json:
    """Read a value that a person wrote as JSON. Raises ValueError if it is not JSON."""
    try:
        made: Json = json.loads(text, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return made


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _template(ask: Ask, decision: Decision) -> Mapping[str, Json] | None:
    encoding = ask.encoding if isinstance(ask.encoding, dict) else {}
    further = encoding.get(OPTIONS)
    options = further if isinstance(further, dict) else {}
    is_option = decision.choice is Choice.OPTION
    found = options.get(decision.option) if is_option else encoding.get(decision.choice.value)
    return found if isinstance(found, dict) else None


def _value(ask: Ask, action: Action, decision: Decision) -> Json:
    """Return the value of `$value`: the content of an answered form, or what was asked, with its changes."""
    if decision.choice is Choice.ANSWER and ask.kind is Kind.FORM:
        return decision.value
    return value_of(action, decision)


def _field_of(value: Json, path: PickPath) -> PickPath:
    """Return the field of the form that a missing value belongs to."""
    while path and not templates.resolves(value, path):
        path = path[:-1]
    return path


def _spelled_pick(word: Word) -> str:
    return str(word).removeprefix("$value").removeprefix(".") or "a value"


@dataclass(frozen=True, slots=True)
class _WordValues:
    """The values for the words of a template."""

    decision: Decision
    value: Json
    user: str
    reserved: frozenset[str]

    def fill(self, template: Json) -> Json:
        return templates.filled(template, self._of)

    def _of(self, word: Word) -> Json:
        match word.name:
            case "text":
                return self.decision.text
            case "user":
                return self.user
            case "json":
                return read_json(self.decision.text)
            case "reason":
                told = self.decision.text.strip() or REFUSED
                return f"Rejected: {told}" if spelling(told) in self.reserved else told
        return templates.picked(self.value, word.path)


# Words that decide ----------------------------------------------------------------------------------------------------


def words_may_decide(ask: Ask, decision: Decision) -> bool:
    """Tell whether words go to a node that also decides by buttons: they may mean the same to it as a button."""
    if decision.choice is not Choice.ANSWER or ask.is_question or len(ask.actions) != 1:
        return False
    return _template(ask, decision) is not None and not takes_json(ask)


def decides(ask: Ask, text: str) -> bool:
    """Tell whether the node would take words for a decision: they are among those that it compares with.

    Nodes strip and fold in many ways, so words that differ only in case, width, spaces or punctuation are the same.
    """
    return spelling(text) in _reserved(ask)


def _reserved(ask: Ask) -> frozenset[str]:
    listed = ask.encoding.get(RESERVED) if isinstance(ask.encoding, dict) else None
    words = listed if isinstance(listed, list) else []
    return frozenset(spelling(each) for each in words if isinstance(each, str))


def spelling(text: str) -> str:
    """Reduce a text to one spelling for all that a node may take for the same word; signs alone stay."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    seen = [each for each in folded if unicodedata.category(each) not in ("Cf", "Mn")]
    letters = " ".join("".join(each if each.isalnum() else " " for each in seen).split())
    return letters or "".join(each for each in seen if unicodedata.category(each)[0] == "S") or folded.strip()
