"""Puts the answers that a node's own code takes on the card: after a library's dialects, before a payload's hints.

| known | the card |
|---|---|
| the node's code shows what each choice does | the choices that it takes, sent as it reads them |
| only the form of the payload, and the code does not contradict it | as the documented dialect says |
| nothing | everything is shown; Reject, and an answer as JSON for people who may approve |

A further choice of the node ("revise", "escalate") has a button with the node's own word. If each branch is known and
none is known to approve, there is no Approve: only the node's words and Reject.

Every decision has Reject. If no answer is known that the node takes for a no, nothing is sent and the run stops. Words
are offered only if the node takes words and no test of their truth decides. A word that the node compares with is never
sent as an answer: nobody would see that it decides.

The encoding has the form of an entry of `answers:`; it is kept with the ask and bound by its digest. So after a change
of the code people are asked again, and no other value is sent than the one that they decided to send.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from adapters.langgraph.dialects.base import Question
from adapters.langgraph.dialects.edit_forms import read_only_except, with_required
from adapters.langgraph.dialects.encoded import OPTIONS, RESERVED
from adapters.langgraph.dialects.json_schema import inferred
from adapters.langgraph.dialects.sentence_kinds import Sentence, judge, names_a_verdict
from adapters.langgraph.reading import FREE, TEXT, Convention, Reading
from engine.asks import templates
from engine.asks.ask import Action, Ask, Choice, Decision, Json, Kind, KnownBy, Option
from engine.asks.templates import Word

UNKNOWN = (
    "Signoff doesn't know what this step takes for an approval. An answer goes to the agent as JSON, exactly as it is "
    "written, and can approve. `signoff check` prints an entry for app.yaml that gives this request buttons of its own."
)
UNKNOWN_WORDS = (
    "Signoff doesn't know which answers this step takes for an approval. An answer goes to the agent word for word, "
    "and can approve. `signoff check` prints an entry for app.yaml that gives this request buttons of its own."
)
NONE_APPROVES = (
    "The agent has choices of its own here. Signoff can't tell which of them approves, so there is no Approve button."
)
_ORDER = (Choice.APPROVE, Choice.EDIT, Choice.REJECT, Choice.ANSWER)


def by_code(ask: Ask, question: Question, encode: Any) -> Ask:
    """Put the answers that the node's code takes on the ask. `encode` is that of the ask's own dialect."""
    reading = question.reading
    if len(ask.actions) != 1 or not isinstance(reading, Reading):
        return ask
    known, sentence = reading.convention, judge(ask.prompt)
    if ask.dialect in _TEXTS:
        approve, reject = _own_values(ask, encode)
        edited = _as_list(encode(ask, [Decision(Choice.EDIT, _ANY_TEXT)]))
        holds = reading.holds(approve, reject, stops=True) and reading.takes_edit(edited)
        return ask if holds else _by_convention(known, ask, question, reading, encode)
    if ask.dialect in _QUESTIONS and not _is_decision(reading, sentence) and _takes_words(ask, reading, sentence):
        return ask
    if known.is_question and sentence.decides and (known.wants_words or Choice.APPROVE not in ask.actions[0].choices):
        made = _with_choices_of(_decided_in_words(reading, sentence), ask, question)
        return replace(made, known_by=KnownBy.HINT) if Choice.APPROVE in made.actions[0].choices else made
    return _by_convention(known, ask, question, reading, encode)


def _takes_words(ask: Ask, reading: Reading, sentence: Sentence) -> bool:
    """Tell whether the node can use the words that answer a question, and they decide nothing unknown."""
    words = {"data": TEXT} if ask.dialect == "query" else TEXT
    decides = reading.compares_words and not (sentence.wants_words and reading.words_only_end_it)
    return ask.dialect == "question_fields" or (reading.takes(words) and not decides)


def _is_decision(reading: Reading, sentence: Sentence) -> bool:
    """Tell whether the answer to a question is a decision: the code acts on it, or compares it with a yes or no.

    If the code only tests that there is an answer, and uses its words, a sentence that asks for words is a question.
    """
    if reading.weighs_words:
        return True
    known, compares = reading.convention, any(names_a_verdict(each) for each in reading.compared)
    if Choice.APPROVE in known.templates and (known.decides or compares):
        return compares or not (sentence.wants_words and reading.uses_words)
    return (compares or reading.only_decides) and not sentence.wants_words


def _decided_in_words(reading: Reading, sentence: Sentence) -> Convention:
    """Make a decision of words that the node passes on, to a model for instance, if the sentence asks for one.

    Their effect is not known: approvers write them, or send the word that the sentence itself asks for.
    """
    known = reading.convention
    words = known.templates[Choice.ANSWER]
    named = None if not isinstance(sentence.names, str) else worded(words, sentence.names)
    approving = {Choice.APPROVE: named} if named is not None and reading.holds(named, stops=True) else {}
    return replace(known, templates={**approving, Choice.ANSWER: words}, is_question=False)


_ANY_TEXT: Any = TEXT
_TEXTS = frozenset(("text_to_revise", "task_text"))
_QUESTIONS = frozenset(("string", "query", "question_fields"))


_TOOLS = frozenset(("question_tool_call", "question_tool_call_by_name", "action_message"))


def worded(template: Json, words: str) -> Json:
    """Put words into the template of an answer."""
    if isinstance(template, dict):
        return {key: worded(each, words) for key, each in template.items()}
    return templates.literal(words) if template == "$text" else template


def _by_convention(known: Convention, ask: Ask, question: Question, reading: Reading, encode: Any) -> Ask:
    (action,) = ask.actions
    if ask.dialect in _TOOLS and _code_agrees(ask, reading, encode, edit=True):
        return _with_proven_reject(ask, reading)
    if ask.dialect in _TOOLS:
        known = _as_documented(known, ask, reading, encode)
    if known.is_question:
        words = known.wants_words or judge(ask.prompt).wants_words
        return _question(known, ask) if words else _as_far_as_documented(ask, reading, encode)
    if known.proven and known.is_known:
        return _with_choices_of(known, ask, question)
    if ask.dialect != "anything" and Choice.APPROVE in action.choices and _code_agrees(ask, reading, encode):
        kept = tuple(each for each in action.choices if each is not Choice.EDIT)
        return _with_proven_reject(replace(ask, actions=(replace(action, choices=kept),)), reading)
    if known.is_known:
        return _with_choices_of(known, ask, question)
    return ask if _names_its_word(ask, reading, encode) else unknown(ask)


def _names_its_word(ask: Ask, reading: Reading, encode: Any) -> bool:
    """Tell whether the sentence names the word to send, for code that cannot be followed."""
    (action,) = ask.actions
    if ask.dialect != "decision_sentence" or Choice.APPROVE not in action.choices:
        return False
    return not reading.follows(encode(ask, [Decision(Choice.APPROVE, action.value)]))


def _as_documented(known: Convention, ask: Ask, reading: Reading, encode: Any) -> Convention:
    """Prefer the documented answer to another one that the node takes just as well.

    The other may be any word that the node compares with nothing.
    """
    approve, reject = _own_values(ask, encode)
    if Choice.APPROVE not in known.templates or not reading.holds(approve, stops=True):
        return known
    own: dict[Choice, Json] = {Choice.APPROVE: templates.literal(approve)}
    if Choice.REJECT in known.templates and reading.holds(approve, reject):
        (action,) = ask.actions
        told: Json = _as_list(encode(ask, [Decision(Choice.REJECT, action.value, "$reason")]))
        if any(word.name == "reason" for word in templates.words(told)):  # else the node's own may have the reason
            own[Choice.REJECT] = told
    words = {choice: word for choice, word in known.own_words.items() if choice not in own}
    return replace(known, templates={**known.templates, **own}, own_words=words)


def _with_proven_reject(ask: Ask, reading: Reading) -> Ask:
    """Stop the run on a rejection unless the code shows which answer acts: a name alone is not enough."""
    (action,) = ask.actions
    stops = action.reject_stops or not reading.is_proven
    return replace(ask, actions=(replace(action, reject_stops=stops),))


def _code_agrees(ask: Ask, reading: Reading, encode: Any, *, edit: bool = False) -> bool:
    """Tell whether the node's code agrees with what the ask's dialect sends."""
    (action,) = ask.actions
    if not reading.holds(*_own_values(ask, encode)):
        return False
    if not edit or Choice.EDIT not in action.choices or not isinstance(action.value, dict):
        return True
    changed: Any = dict.fromkeys(action.value, FREE)
    return not changed or reading.takes_edit(_as_list(encode(ask, [Decision(Choice.EDIT, changed)])))


def _own_values(ask: Ask, encode: Any) -> tuple[Any, Any]:
    (action,) = ask.actions
    values = []
    for choice in (Choice.APPROVE, Choice.REJECT):
        sends = choice in action.choices and not (choice is Choice.REJECT and action.reject_stops)
        values.append(_as_list(encode(ask, [Decision(choice, action.value, "no")])) if sends else None)
    return values[0], values[1]


def _as_list(value: Any) -> Any:
    """Turn a pair into a list, as the node gets it from a checkpoint."""
    return list(value) if isinstance(value, tuple) else value


def _with_choices_of(known: Convention, ask: Ask, question: Question) -> Ask:
    """Offer the choices of a convention."""
    action = ask.actions[0]
    under, edited = _find_in_payload(action.value, question.payload, known.edited)
    if edited is None:
        action, under = replace(action, value=question.payload), ()
        edited = known.edited
    choices = [each for each in _ORDER if each in known.templates or each is Choice.REJECT]
    if (not question.exact or not known.edited) and Choice.EDIT in choices:
        choices.remove(Choice.EDIT)
    encoding = _encoding(known, len(under))
    if Choice.EDIT in choices and not _has_all_picks(action.value, encoding[Choice.EDIT.value]):
        choices.remove(Choice.EDIT)
    if known.options:
        choices += [Choice.OPTION] if Choice.APPROVE in choices or known.all_named else [Choice.ANSWER, Choice.OPTION]
        action = _with_options(known, action, choices)
    is_known = Choice.APPROVE in choices or Choice.OPTION in choices
    if not is_known and Choice.ANSWER in choices:
        action = replace(action, description="\n\n".join(each for each in (UNKNOWN_WORDS, action.description) if each))
    stops = Choice.REJECT not in known.templates
    schema = action.schema
    if Choice.EDIT in choices:
        needed = [path[len(under) :] for path in known.filled]
        schema = with_required(read_only_except(schema or inferred(action.value), edited), needed)
    kind = Kind.APPROVAL if ask.kind in (Kind.QUESTION, Kind.FORM) else ask.kind
    own = {choice.value: word for choice, word in known.own_words.items() if choice in choices}
    made = replace(action, choices=tuple(choices), schema=schema, reject_stops=stops, own_words=own or None)
    return replace(
        ask,
        kind=kind,
        actions=(made,),
        verdict=False,
        encoding=encoding,
        known_by=KnownBy.CODE if is_known else KnownBy.UNKNOWN,
    )


def _with_options(known: Convention, action: Action, choices: Sequence[Choice]) -> Action:
    """Offer the node's further choices, and say so if none of them is known to approve."""
    options = tuple(Option(each.word, each.asks_for) for each in known.options)
    if Choice.APPROVE in choices:
        return replace(action, options=options)
    told = (NONE_APPROVES, UNKNOWN if Choice.ANSWER in choices else "", action.description)
    return replace(action, options=options, description="\n\n".join(each for each in told if each))


def _as_far_as_documented(ask: Ask, reading: Reading, encode: Any) -> Ask:
    """Offer the documented choices to a node that passes every answer on, unless one makes it raise."""
    (action,) = ask.actions
    able = {each for each in action.choices if reading.survives(_as_list(encode(ask, [_sample(each, action)])))}
    if Choice.APPROVE in action.choices and Choice.APPROVE not in able:
        return unknown(ask)
    stops = action.reject_stops or reading.convention.acts_anyway or Choice.REJECT not in able
    choices = tuple(each for each in action.choices if each in able or each is Choice.REJECT)
    rejectable = Choice.REJECT in choices
    return replace(ask, actions=(replace(action, choices=choices, reject_stops=stops and rejectable),))


def _sample(choice: Choice, action: Action) -> Decision:
    """Make a sample decision of this choice."""
    return Decision(choice, action.value, "no")


def _question(known: Convention, ask: Ask) -> Ask:
    (action,) = ask.actions
    asked = replace(action, choices=(Choice.ANSWER,), schema=None, reject_stops=False)
    encoding = _encoding(replace(known, reserved=frozenset()), 0)
    return replace(ask, kind=Kind.QUESTION, actions=(asked,), encoding=encoding, known_by=KnownBy.CODE)


def _has_all_picks(value: Json, template: Json) -> bool:
    """Tell whether a value has everything that a template picks from it."""
    return all(templates.resolves(value, path) for path in templates.picks(template))


def _encoding(known: Convention, cut: int) -> dict[str, Json]:
    made: dict[str, Json] = {}
    for choice, each in known.templates.items():
        made[choice.value] = {"resume": _picks_below(each, cut) if choice is Choice.EDIT else each}
    if known.reserved and Choice.APPROVE in known.templates:
        reserved: list[Json] = [*sorted(known.reserved)]
        made[RESERVED] = reserved
    if known.options:
        made[OPTIONS] = {each.word: {"resume": each.sends} for each in known.options}
        if Choice.APPROVE not in known.templates and not known.all_named:
            made[Choice.ANSWER.value] = {"resume": "$json"}
    return made


def _picks_below(template: Json, cut: int) -> Json:
    """Turn `$value.tool.args.x` into `$value.x` if the action's value is the one at `tool.args`."""
    return templates.rewritten(template, lambda word: Word(word.name, word.path[cut:]) if word.path else word)


def _find_in_payload(
    value: Json, payload: Json, edited: Sequence[tuple[Any, ...]]
) -> tuple[tuple[Any, ...], Sequence[tuple[Any, ...]] | None]:
    """Find the action's value in the payload, and the edited fields below it; None if a field is elsewhere."""
    for under in _objects_in(payload):
        here: Any = payload
        for key in under:
            here = here[key]
        same = here == value or (isinstance(value, dict) and isinstance(here, dict) and value.items() <= here.items())
        inner = [path[len(under) :] for path in edited if path[: len(under)] == under]
        if same and len(inner) == len(edited) and all(not path or _has_path(value, path) for path in inner):
            return under, inner
    return (), None


def _objects_in(payload: Json, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    if isinstance(payload, dict) and len(path) < 3:  # noqa: PLR2004 - a tool call within a question
        for key, each in payload.items():
            found += _objects_in(each, (*path, key)) if isinstance(each, dict) else []
    return found


def _has_path(value: Json, path: Sequence[Any]) -> bool:
    for key in path:
        if not isinstance(value, dict) or key not in value:
            return False
        value = value[key]
    return True


def unknown(ask: Ask) -> Ask:
    """Show everything, and offer Reject, and an answer for people who may approve."""
    action = ask.actions[0]
    said = "\n\n".join(each for each in (UNKNOWN, action.description) if each)
    made = Action(
        action.name, action.value, (Choice.REJECT, Choice.ANSWER), said, schema=action.schema, reject_stops=True
    )
    kind = Kind.APPROVAL if ask.kind in (Kind.QUESTION, Kind.FORM) else ask.kind
    encoding: Json = {Choice.ANSWER.value: {"resume": "$json"}}
    return replace(ask, kind=kind, actions=(made,), verdict=False, encoding=encoding, known_by=KnownBy.UNKNOWN)
