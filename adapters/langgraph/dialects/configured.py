"""Answers that `answers:` in `app.yaml` words for a graph with conventions of its own.

An entry names what it is for (a node, fields of the payload) and, for each choice that it offers, what is sent: a
resume value, an update of the graph's state beside it, or both.

    answers:
      - when: {node: review, payload: {type: refund}}
        approve: {resume: {ok: true}, update: {approved_by: $user}}
        reject: {resume: {ok: false, why: $text}}
        options:
          escalate: {resume: {ok: false, to: on-call}}

The payload is read by the usual dialects, which give the card its prompt and its values; the entry settles the choices
and what they send. The entry's words are kept with the ask and bound by its digest, so that a change of the file asks
anew and never turns a decision into another. In them `$text` is what was written, `$value` the value as it was decided,
`$user` the Slack id of who decided; a word that stands alone keeps its type.

`Command(resume=..., update=...)`: https://docs.langchain.com/oss/python/langgraph/interrupts
Input as a node: https://docs.langchain.com/oss/python/langgraph/human-in-the-loop
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

from adapters.langgraph.dialects.base import Question, Sent, value_of
from adapters.langgraph.dialects.code import OPTIONS, RESERVED
from adapters.langgraph.schemas import inferred
from engine.ask import Ask, Choice, Decision, Json, Kind, KnownBy, Option, canonical
from engine.ids import UserId

_WORD = re.compile(r"\$(text|reason|json|user|value(?:\.\w+|\[\d+\])*)(?!\w)")
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")
REFUSED = "This was rejected."
"""The reason of a rejection without one, where the node reads words."""


@dataclass(frozen=True, slots=True)
class AnswerRule:
    """One entry of `answers:`.

    `node` is a pattern over the node that asks, None for every node; `payload` are fields that the payload has, with a
    pattern for each text. `templates` has for each choice that is offered an object of `resume`, `update`, `as_node`.
    """

    node: str | None
    payload: Mapping[str, Json]
    templates: Mapping[Choice, Mapping[str, Json]]
    ask: str = ""
    options: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    """Further choices, by the names that stand on their buttons; one whose words hold `$text` takes words."""

    def matches(self, question: Question) -> bool:
        """Whether it is for this question."""
        if self.node is not None and not any(fnmatchcase(each, self.node) for each in question.nodes):
            return False
        if not self.payload:
            return True
        payload = question.payload
        return isinstance(payload, dict) and all(
            name in payload and _fits(each, payload[name]) for name, each in self.payload.items()
        )


def _fits(pattern: Json, value: Json) -> bool:
    if isinstance(pattern, str) and isinstance(value, str):
        return fnmatchcase(value, pattern)
    return pattern == "*" or (type(pattern) is type(value) and pattern == value)


def configured(ask: Ask, question: Question, rules: Sequence[AnswerRule]) -> Ask:
    """The ask with the choices and answers of the first rule that is for it; as it is where none is.

    A batch of several actions is answered as its dialect says: one value of ours cannot stand for several decisions.
    """
    rule = next((each for each in rules if each.matches(question)), None)
    if rule is None or len(ask.actions) != 1:
        return ask
    (action,) = ask.actions
    choices = [choice for choice in Choice if choice in rule.templates]
    if not question.exact or action.value is None:
        choices = [choice for choice in choices if choice is not Choice.EDIT]
    encoding: dict[str, Json] = {choice.value: dict(rule.templates[choice]) for choice in choices}
    if rule.options:
        choices.append(Choice.OPTION)
        encoding[OPTIONS] = {word: dict(each) for word, each in rule.options.items()}
    if not choices:
        return ask
    schema = action.schema or inferred(action.value)
    options = tuple(Option(word, takes_words="$text" in canonical(dict(each))) for word, each in rule.options.items())
    return replace(
        ask,
        kind=_kind(ask.kind, choices),
        prompt=rule.ask or ask.prompt,
        actions=(replace(action, choices=tuple(choices), schema=schema, reject_stops=False, options=options),),
        encoding=encoding,
        known_by=KnownBy.RULE,
    )


def _kind(kind: Kind, choices: Sequence[Choice]) -> Kind:
    """Words alone are a question to the requester; whatever can be approved or refused is decided by approvers."""
    if choices == [Choice.ANSWER]:
        return kind if kind is Kind.FORM else Kind.QUESTION
    return Kind.APPROVAL if kind in (Kind.QUESTION, Kind.FORM) else kind


def sent(ask: Ask, decisions: Sequence[Decision], by: Sequence[UserId]) -> Sent:
    """What an ask with an encoding sends. Raises ValueError for a choice that the entry does not word."""
    (action,), (decision,) = ask.actions, decisions
    templates = ask.encoding if isinstance(ask.encoding, dict) else {}
    options = templates.get(OPTIONS)
    further = options if isinstance(options, dict) else {}
    is_option = decision.choice is Choice.OPTION
    template = further.get(decision.option) if is_option else templates.get(decision.choice.value)
    if not isinstance(template, dict):
        raise ValueError(f"answers: has no words for {decision.choice}")  # noqa: TRY004 - of the choice, not its type
    value = decision.value if decision.choice is Choice.ANSWER else value_of(action, decision)
    words = _Words(decision.text, value, by[0] if by else "", templates.get(RESERVED))
    update, as_node = _filled(template.get("update"), words), template.get("as_node")
    return Sent(
        resume=_filled(template.get("resume"), words),
        update=update if isinstance(update, dict) else None,
        as_node=as_node if isinstance(as_node, str) else "",
    )


@dataclass(frozen=True, slots=True)
class _Words:
    """What stands in a template for something that was decided."""

    text: str
    value: Json
    user: str
    reserved: Json

    def __getitem__(self, word: str) -> Json:
        match word:
            case "text":
                return self.text
            case "user":
                return self.user
            case "json":
                return _read(self.text)
            case "reason":
                told = self.text.strip() or REFUSED
                taken = isinstance(self.reserved, list) and told.lower() in self.reserved
                return f"Rejected: {told}" if taken else told
        return picked(self.value, word)


def picked(value: Json, word: str) -> Json:
    """What `value.items[0]` picks. Raises ValueError where there is no such thing."""
    for key, number in _STEP.findall(word):
        if key and isinstance(value, dict) and key in value:
            value = value[key]
        elif number and isinstance(value, list) and int(number) < len(value):
            value = value[int(number)]
        else:
            raise ValueError(f"answers: ${word} picks something that the request does not have")
    return value


def _read(text: str) -> Json:
    """An answer as JSON where it is JSON, else the text itself."""
    try:
        made: Json = json.loads(text)
    except ValueError:
        return text
    return made


def _filled(template: Json, words: _Words) -> Json:
    if isinstance(template, str):
        whole = _WORD.fullmatch(template)
        return words[whole[1]] if whole else _WORD.sub(lambda found: _spelled(words[found[1]]), template)
    if isinstance(template, dict):
        return {key: _filled(each, words) for key, each in template.items()}
    if isinstance(template, list):
        return [_filled(each, words) for each in template]
    return template


def _spelled(value: Json) -> str:
    """A value within a text."""
    return value if isinstance(value, str) else "" if value is None else canonical(value)
