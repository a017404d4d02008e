"""A `response_schema`, a sentence, and every payload that no other dialect recognises.

A schema of true or false is decided like any approval. Every other schema is a form: if its values read like a decision
("approve", "deny"), approvers decide it; otherwise it is a question. A form's schema is always an object: if the graph
wants a single value, the form has one field, `answer`, and the value is taken out of it again.

A sentence is answered in words, unless it asks for a decision: see `adapters.langgraph.dialects.sentence_kinds`. Then
approvers decide it. `interrupt("Do you approve this action?")`, as on LangGraph's own page, wants True or False: any
words, even "no", would be true. "Delete it? (yes/no)" names the word that is sent to approve. And a node that asks
again, quoting the number that it was given as text ("'30' is not a valid age"), gets the same number as a number: it
refused the text. https://docs.langchain.com/oss/python/langgraph/interrupts

Any other payload is shown field by field. Approve sends True, Reject sends False, an answer its words, and an edit the
changed value; a rejection's reason stays on the card and in the audit.
"""

import re
from collections.abc import Sequence

from adapters.langgraph.dialects.base import Dialect, Question, unexpected, value_of
from adapters.langgraph.dialects.json_schema import Schema, inferred
from adapters.langgraph.dialects.sentence_kinds import judge
from adapters.langgraph.reading.answers.signs import APPROVING
from engine.asks.ask import Action, Ask, Choice, Decision, Json, Kind

FIELD = "answer"
"""The one field of a form for a value that is no object."""
PROMPTS = ("question", "message", "prompt", "title", "instruction", "instructions", "task", "description")


# A schema -------------------------------------------------------------------------------------------------------------


def _recognise_schema(question: Question) -> Ask | None:
    if not question.schema:
        return None
    prompt, shown = _split_prompt(question.payload)
    if question.schema.get("type") == "boolean":
        yes_or_no = Action("details" if shown else "", shown, (Choice.APPROVE, Choice.REJECT))
        return Ask(SCHEMA.name, Kind.APPROVAL, prompt, (yes_or_no,), question.payload, question.speaker)
    form = Action(FIELD, shown, (Choice.ANSWER,), schema=_as_object(question.schema))
    verdict = reads_like_a_verdict(dict(question.schema))
    return Ask(SCHEMA.name, Kind.FORM, prompt, (form,), question.payload, question.speaker, verdict)


_VERDICT = re.compile(
    r"approv|accept|reject|den(y|ied)|allow|permi(t|ss)|confirm|proceed|continue|declin|refus|veto|authori[sz]|consent"
    r"|go.?ahead|sign.?off|verdict|decision|cancel|abort|execute"
    r"|^(yes|no|y|n|ok|okay|stop|run|go|do|skip|block|pass|fail|true|false|ja|nein|oui|non|si|sí)$",
    re.IGNORECASE,
)


_FEW = 2
"""The most fields beside which a true or false decides: among more it is a detail, such as "breakfast"."""


def reads_like_a_verdict(schema: object, *, flags: bool = True) -> bool:
    """Tell whether a form may approve or reject: a word for that among its fields and values, or little but yes or no.

    When in doubt it is a decision: a question taken for a decision waits for an approver, but a decision taken for a
    question would be approved by the requester alone.
    """
    match schema:
        case dict():
            fields = schema.get("properties")
            names = list(fields) if isinstance(fields, dict) else []
            flags = flags and len(names) <= _FEW
            choices = [schema.get("const"), *_listed(schema.get("enum")), *names]
            kinds = [schema.get("type"), *_listed(schema.get("type"))]
            if any(isinstance(each, str) and _VERDICT.search(each) for each in choices):
                return True
            if flags and ("boolean" in kinds or any(isinstance(each, bool) for each in choices)):
                return True
            inner = [each for key, each in schema.items() if key not in ("enum", "const")]
            return any(reads_like_a_verdict(each, flags=flags) for each in inner)
        case list():
            return any(reads_like_a_verdict(each, flags=flags) for each in schema)
        case _:
            return False


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


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


# A sentence -----------------------------------------------------------------------------------------------------------

_APPROVE = re.compile(r"\s*(please\s+|do you\s+|can you\s+)*approve\b[^?]*\?\s*", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?\d{1,15}(\.\d{1,15})?")


def _recognise_approve_sentence(question: Question) -> Ask | None:
    if not isinstance(question.payload, str) or not _APPROVE.fullmatch(question.payload):
        return None
    if judge(question.payload).names is not None:
        return None
    action = Action("", None, (Choice.APPROVE, Choice.REJECT))
    return Ask(APPROVE_SENTENCE.name, Kind.APPROVAL, question.payload, (action,), question.payload, question.speaker)


def _encode_approve_sentence(ask: Ask, decisions: Sequence[Decision]) -> object:
    (decision,) = decisions
    if decision.choice not in (Choice.APPROVE, Choice.REJECT):
        raise unexpected(ask, decision)
    return decision.choice is Choice.APPROVE


APPROVE_SENTENCE = Dialect("approve_sentence", _recognise_approve_sentence, _encode_approve_sentence)


def _recognise_decision(question: Question) -> Ask | None:
    """Recognise a sentence that asks for a decision, also alone in an object if it names the word to send."""
    told = only_sentence(question.payload)
    if told is None:
        return None
    prompt, shown = told
    sentence = judge(prompt)
    if not sentence.decides or (sentence.names is None and not isinstance(question.payload, str)):
        return None
    named: Json = {Choice.APPROVE.value: {"resume": sentence.names}}
    choices = (Choice.REJECT,) if sentence.names is None else (Choice.APPROVE, Choice.REJECT)
    word = sentence.names if isinstance(sentence.names, str) and sentence.names.lower() not in APPROVING else ""
    own_words = {Choice.APPROVE.value: word} if word else None
    action = Action("details" if shown else "", shown, choices, reject_stops=True, own_words=own_words)
    encoding = None if sentence.names is None else named
    return Ask(DECISION.name, Kind.APPROVAL, prompt, (action,), question.payload, question.speaker, encoding=encoding)


def _encode_decision(ask: Ask, decisions: Sequence[Decision]) -> object:
    (decision,) = decisions
    match ask.encoding, decision.choice:
        case {Choice.APPROVE.value: {"resume": word}}, Choice.APPROVE:
            return word
    raise unexpected(ask, decision)


DECISION = Dialect("decision_sentence", _recognise_decision, _encode_decision)


def _recognise_string(question: Question) -> Ask | None:
    if not isinstance(question.payload, str):
        return None
    action = Action(FIELD if question.payload.strip() else "Question", None, (Choice.ANSWER,))
    return Ask(STRING.name, Kind.QUESTION, question.payload, (action,), question.payload, question.speaker)


def _encode_string(ask: Ask, decisions: Sequence[Decision]) -> object:
    (decision,) = decisions
    if decision.choice is not Choice.ANSWER:
        raise unexpected(ask, decision)
    text = decision.text.strip()
    refused = any(f"{quote}{text}{quote}" in ask.prompt for quote in "'\"`")
    if refused and _NUMBER.fullmatch(text):
        return float(text) if "." in text else int(text)
    return decision.text


STRING = Dialect("string", _recognise_string, _encode_string)


# Anything -------------------------------------------------------------------------------------------------------------


def _recognise_anything(question: Question) -> Ask:
    prompt, _ = _split_prompt(question.payload)
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


def only_sentence(payload: Json) -> tuple[str, Json] | None:
    """Return the sentence of a payload that holds nothing else, and the payload's own type of question."""
    if isinstance(payload, str):
        return payload, None
    if not isinstance(payload, dict):
        return None
    texts = [(name, each) for name, each in payload.items() if name not in _SORTS]
    sorts: dict[str, Json] = {name: each for name, each in payload.items() if name in _SORTS}
    match texts:
        case [(str(name), str(text))] if name in PROMPTS and all(isinstance(each, str) for each in sorts.values()):
            return text, sorts or None
    return None


_SORTS = ("type", "kind")


def _split_prompt(payload: Json) -> tuple[str, Json]:
    """Split a payload into the sentence that reads like a question and everything else."""
    if isinstance(payload, str):
        return payload, None
    if not isinstance(payload, dict):
        return "", payload
    for name in PROMPTS:
        text = payload.get(name)
        if isinstance(text, str) and text.strip():
            return text, {key: each for key, each in payload.items() if key != name} or None
    return "", payload
