"""Answers that `answers:` in `app.yaml` defines for a graph with conventions of its own.

An entry says when it applies (a node, fields of the payload) and what to send for each choice that it offers: a resume
value, an update of the graph's state beside it, or both.

    answers:
      - when: {node: review, payload: {type: refund}}
        approve: {resume: {ok: true}, update: {approved_by: $user}}
        reject: {resume: {ok: false, why: $text}}
        options:
          escalate: {resume: {ok: false, to: on-call}}

The usual dialects read the payload, and give the card its prompt and its values. The entry decides the choices and what
they send: see `encoded`, and `engine.asks.templates` for the words.

| the entry | the card |
|---|---|
| has no `reject` | has Reject all the same: it stops the run |
| has `answer` alone | is a question to the requester, without Reject |
| picks a value that the request does not have | lacks that choice, and says so |
| is for a node that compares words, and takes words | takes those words as decisions, never as an answer |

`Command(resume=..., update=...)`: https://docs.langchain.com/oss/python/langgraph/interrupts
Input as a node: https://docs.langchain.com/oss/python/langgraph/human-in-the-loop
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

from adapters.langgraph.dialects.base import Question, literal
from adapters.langgraph.dialects.edit_forms import read_only_except
from adapters.langgraph.dialects.encoded import OPTIONS, RESERVED, fill_from_payload
from adapters.langgraph.dialects.json_schema import inferred
from engine.asks import templates
from engine.asks.ask import Ask, Choice, Json, Kind, KnownBy, Option
from engine.asks.templates import TemplateError

_Template = dict[str, Json]


@dataclass(frozen=True, slots=True)
class AnswerRule:
    """An entry of `answers:`.

    `node` is a pattern for the node that asks, None for every node; `payload` are fields of the payload, with a pattern
    for each text. `templates` has an object of `resume`, `update` and `as_node` for each choice.
    """

    node: str | None
    payload: Mapping[str, Json]
    templates: Mapping[Choice, Mapping[str, Json]]
    ask: str = ""
    options: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    """Further choices, by the words on their buttons; an option whose template has `$text` takes words."""

    def offers(self, choice: Choice) -> bool:
        """Tell whether it says what to send for a choice."""
        return choice in self.templates or (choice is Choice.OPTION and bool(self.options))

    def matches(self, question: Question) -> bool:
        """Tell whether it is for this question."""
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
    """Offer the choices of the first rule that matches; without one the ask stays as it is.

    A batch of several actions is answered by its dialect: one configured value cannot stand for several decisions.
    """
    rule = next((each for each in rules if each.matches(question)), None)
    if rule is None or len(ask.actions) != 1:
        return ask
    (action,) = ask.actions
    kind = _kind_of(ask.kind, [choice for choice in Choice if rule.offers(choice)])
    sends = _templates_of(rule, replace(ask, kind=kind))
    if not question.exact or action.value is None:
        sends.choices.pop(Choice.EDIT, None)
    choices = [each for each in Choice if each in sends.choices or (each is Choice.OPTION and sends.options)]
    if kind is Kind.QUESTION and not choices:
        kind = Kind.APPROVAL
    stops = Choice.REJECT not in choices and not replace(ask, kind=kind).is_question
    if stops:
        choices.insert(sum(each in (Choice.APPROVE, Choice.EDIT) for each in choices), Choice.REJECT)
    schema = action.schema or inferred(action.value)
    made = replace(
        action,
        choices=tuple(choices),
        schema=read_only_except(schema, _picks(sends.choices[Choice.EDIT])) if Choice.EDIT in choices else schema,
        description="\n\n".join(each for each in (*sends.lacks, action.description) if each),
        reject_stops=stops,
        options=tuple(Option(word, "message" if _takes_words(each) else "") for word, each in sends.options.items()),
    )
    return replace(
        ask,
        kind=kind,
        prompt=rule.ask or ask.prompt,
        actions=(made,),
        encoding=_encoding(sends, question, choices),
        known_by=KnownBy.RULE,
    )


@dataclass(frozen=True, slots=True)
class _ChoiceTemplates:
    """The templates of the choices that a request has all values for, and a sentence for each other choice."""

    choices: dict[Choice, _Template]
    options: dict[str, _Template]
    lacks: list[str]


def _templates_of(rule: AnswerRule, ask: Ask) -> _ChoiceTemplates:
    (action,) = ask.actions
    sends = _ChoiceTemplates({}, {}, [])
    worded: list[tuple[Choice | str, Mapping[str, Json]]] = [
        *((each, rule.templates[each]) for each in Choice if each in rule.templates),
        *rule.options.items(),
    ]
    for choice, template in worded:
        if choice is Choice.ANSWER and ask.kind is Kind.FORM:
            sends.choices[choice] = dict(template)  # its values are those of the form
            continue
        try:
            made = {name: fill_from_payload(each, action.value, ask.payload) for name, each in template.items()}
        except TemplateError as error:
            name = choice.value.capitalize() if isinstance(choice, Choice) else literal(choice)
            sends.lacks.append(f"{name} is not offered: `answers:` in app.yaml: {literal(error.what)}.")
            continue
        if isinstance(choice, Choice):
            sends.choices[choice] = made
        else:
            sends.options[choice] = made
    if Choice.EDIT in sends.choices and not _picks(sends.choices[Choice.EDIT]):
        del sends.choices[Choice.EDIT]  # it sends nothing that can be edited
    return sends


def _picks(template: _Template) -> list[templates.PickPath]:
    """List the parts of the value that a template sends."""
    return [path for part in template.values() for path in templates.picks(part)]


def _takes_words(template: _Template) -> bool:
    return any(word.name == "text" for part in template.values() for word in templates.words(part))


def _encoding(sends: _ChoiceTemplates, question: Question, choices: Sequence[Choice]) -> Json:
    made: dict[str, Json] = {choice.value: dict(template) for choice, template in sends.choices.items()}
    if sends.options:
        made[OPTIONS] = {word: dict(template) for word, template in sends.options.items()}
    reading = question.reading
    if reading is not None and Choice.ANSWER in choices and len(choices) > 1 and reading.convention.reserved:
        made[RESERVED] = [*sorted(reading.convention.reserved)]
    return made


def _kind_of(kind: Kind, choices: Sequence[Choice]) -> Kind:
    """Choose the kind: words alone are a question to the requester; anything to approve or reject goes to approvers."""
    if choices == [Choice.ANSWER]:
        return kind if kind is Kind.FORM else Kind.QUESTION
    return Kind.APPROVAL if kind in (Kind.QUESTION, Kind.FORM) else kind
