"""A `response_schema`, a plain string, and whatever nothing else recognises.

A schema of true or false is decided like any approval. Every other schema is a form, whose schema is always an object:
where the graph wants a single value, the form has one field, `answer`, and the value is taken out of it again.

What nothing recognises is shown field by field. Approving sends True, rejecting False, an answer its words, and an edit
the changed value; a reason for the rejection stays on the card and in the audit.
"""

from collections.abc import Sequence

from adapters.langgraph.dialects.base import Dialect, Question, unexpected, value_of
from adapters.langgraph.schemas import Schema, inferred
from engine.ask import Action, Ask, Choice, Decision, Json, Kind

FIELD = "answer"
"""The one field of a form for a value that is no object."""
_PROMPTS = ("question", "message", "prompt", "title", "instruction", "instructions", "task", "description")


# A schema -------------------------------------------------------------------------------------------------------------


def _recognise_schema(question: Question) -> Ask | None:
    if not question.schema:
        return None
    prompt, shown = _prompt(question.payload)
    if question.schema.get("type") == "boolean":
        yes_or_no = Action("details" if shown else "", shown, (Choice.APPROVE, Choice.REJECT))
        return Ask(SCHEMA.name, Kind.APPROVAL, prompt, (yes_or_no,), question.payload, question.speaker)
    form = Action(FIELD, shown, (Choice.ANSWER,), schema=_as_object(question.schema))
    return Ask(SCHEMA.name, Kind.FORM, prompt, (form,), question.payload, question.speaker)


def _is_object(schema: Schema) -> bool:
    return schema.get("type") == "object" and isinstance(schema.get("properties"), dict)


def _as_object(schema: Schema) -> Schema:
    if _is_object(schema):
        return schema
    definitions = {name: schema[name] for name in ("$schema", "$defs", "definitions") if name in schema}
    field: Json = {name: each for name, each in schema.items() if name not in definitions}
    return {**definitions, "type": "object", "properties": {FIELD: field}, "required": [FIELD], _WRAPPED: True}


_WRAPPED = "x-signoff-single-value"


def _encode_schema(ask: Ask, decisions: Sequence[Decision]) -> object:
    (action,), (decision,) = ask.actions, decisions
    match decision.choice:
        case Choice.APPROVE | Choice.REJECT:
            return decision.choice is Choice.APPROVE
        case Choice.ANSWER:
            wrapped = action.schema is not None and action.schema.get(_WRAPPED) is True
            return decision.value[FIELD] if wrapped and isinstance(decision.value, dict) else decision.value
    raise unexpected(ask, decision)


SCHEMA = Dialect("response_schema", _recognise_schema, _encode_schema)


# A string -------------------------------------------------------------------------------------------------------------


def _recognise_string(question: Question) -> Ask | None:
    if not isinstance(question.payload, str):
        return None
    action = Action(FIELD, None, (Choice.ANSWER,))
    return Ask(STRING.name, Kind.QUESTION, question.payload, (action,), question.payload, question.speaker)


def _encode_string(ask: Ask, decisions: Sequence[Decision]) -> object:
    (decision,) = decisions
    if decision.choice is not Choice.ANSWER:
        raise unexpected(ask, decision)
    return decision.text


STRING = Dialect("string", _recognise_string, _encode_string)


# Anything -------------------------------------------------------------------------------------------------------------


def _recognise_anything(question: Question) -> Ask:
    prompt, _ = _prompt(question.payload)
    choices = [Choice.APPROVE, Choice.EDIT, Choice.REJECT, Choice.ANSWER]
    if not question.exact or question.payload is None:
        choices.remove(Choice.EDIT)
    action = Action("payload", question.payload, tuple(choices), schema=inferred(question.payload))
    return Ask(ANYTHING.name, Kind.PAYLOAD, prompt, (action,), question.payload, question.speaker)


def _encode_anything(ask: Ask, decisions: Sequence[Decision]) -> object:
    (action,), (decision,) = ask.actions, decisions
    match decision.choice:
        case Choice.APPROVE:
            return True
        case Choice.EDIT:
            return value_of(action, decision)
        case Choice.REJECT:
            return False
        case Choice.ANSWER:
            return decision.text
    raise unexpected(ask, decision)


ANYTHING = Dialect("anything", _recognise_anything, _encode_anything)


def _prompt(payload: Json) -> tuple[str, Json]:
    """The sentence of a payload that reads like a question, and everything else in it."""
    if isinstance(payload, str):
        return payload, None
    if not isinstance(payload, dict):
        return "", payload
    for name in _PROMPTS:
        text = payload.get(name)
        if isinstance(text, str) and text.strip():
            return text, {key: each for key, each in payload.items() if key != name} or None
    return "", payload
