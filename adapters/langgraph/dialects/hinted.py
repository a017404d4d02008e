"""Answers for questions without known code: on a LangGraph Server, and for a node that cannot be found.

A payload says what is asked, and hardly ever how to answer. So only answers that it states are sent:

| the payload | approve | edit | answer |
|---|---|---|---|
| a sentence that names its word: "(yes/no)", "Type APPROVE to go on" | the word | | |
| as on LangGraph's own pages: `{"question"}`, `{"action", "message"}`, "Do you approve ...?" | as there | | |
| a text to revise | the text | the new text | |
| words are asked for: a sentence, `{"query"}`, `{"type": "ask_user", "question"}` | | | the words |
| `{"question", "tool_call"}`, which the pages answer in two ways; a list of choices; the rest | | | as JSON |

A rejection is never sent: it stops the run. Only the code could say what a node does with `False` or "no", and a node
that tests nothing but the truth of an answer goes ahead on "no".
"""

from collections.abc import Mapping
from dataclasses import replace

from adapters.langgraph.dialects.base import Question
from adapters.langgraph.dialects.by_code import unknown
from adapters.langgraph.dialects.general import only_sentence, reads_like_a_verdict
from adapters.langgraph.dialects.sentence_kinds import judge
from engine.asks.ask import Action, Ask, Choice, Json, Kind

_CHOICES = (
    "options",
    "actions",
    "choices",
    "allowed_decisions",
    "allowed_actions",
    "decisions",
    "buttons",
    "responses",
)
"""Fields that list the possible answers."""


def by_hint(ask: Ask, question: Question) -> Ask:
    """Offer the choices for which the payload says what to send."""
    if len(ask.actions) != 1:
        return ask
    match ask.dialect:
        case "anything":
            return unknown(ask)
        case "question":
            return _of_question(ask)
        case "question_tool_call" if not question.texts:
            return unknown(ask)
        case "action_message" if _lists_choices(ask.payload):
            return unknown(ask)
        case "action_message":
            return _decided(ask, Choice.APPROVE, Choice.REJECT)  # the fields that it reads back are not known
        case "decision_sentence" if Choice.APPROVE not in ask.actions[0].choices:
            return unknown(ask)
    return ask if ask.is_question else _decided(ask, *ask.actions[0].choices)


def _of_question(ask: Ask) -> Ask:
    """Decide `{"question"}` with True, unless it lists choices or names its words: these want another value."""
    sentence = judge(ask.prompt)
    alone = only_sentence(_without_suggestions(ask.payload)) is not None
    if alone and not sentence.decides and (sentence.wants_words or _asks_somebody(ask.payload)):
        (action,) = ask.actions
        asked = Action("answer", action.value, (Choice.ANSWER,))
        return replace(ask, kind=Kind.QUESTION, actions=(asked,), encoding={Choice.ANSWER.value: {"resume": "$text"}})
    if sentence.wants_words or sentence.names is not None or _lists_choices(ask.payload):
        return unknown(ask)
    return _decided(ask, Choice.APPROVE, Choice.REJECT)


def _decided(ask: Ask, *choices: Choice) -> Ask:
    (action,) = ask.actions
    return replace(ask, actions=(replace(action, choices=choices, reject_stops=True),))


def _lists_choices(payload: Json) -> bool:
    return isinstance(payload, Mapping) and any(isinstance(payload.get(name), list) for name in _CHOICES)


def _without_suggestions(payload: Json) -> Json:
    """Leave out the answers that a payload suggests, unless one of them may be a decision."""
    if not isinstance(payload, dict):
        return payload
    listed = {name for name in _CHOICES if isinstance(payload.get(name), list)}
    if any(reads_like_a_verdict({"enum": payload[name]}) for name in listed):
        return None
    return {name: each for name, each in payload.items() if name not in listed}


_DECIDING_SORTS = ("approv", "confirm", "review", "decision", "permission", "authori", "consent", "gate", "sign")


def _asks_somebody(payload: Json) -> bool:
    """Tell whether the payload calls itself a question, with nothing to approve."""
    sorts = [payload.get(name) for name in ("type", "kind")] if isinstance(payload, Mapping) else []
    said = [each.lower() for each in sorts if isinstance(each, str)]
    return bool(said) and not any(word in each for each in said for word in _DECIDING_SORTS)
