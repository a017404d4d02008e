"""The payloads that LangGraph's own pages show, and what the nodes on those pages expect back.

https://docs.langchain.com/oss/python/langgraph/interrupts

| payload | approve | edit | reject | answer |
|---|---|---|---|---|
| `{"question", "tool_call"}` | `("continue", None)` | `("update", args)` | `("feedback", reason)` | |
| the same, by name | `{"action": "continue"}` | `{"action": "update", "data": args}` | likewise with `feedback` | |
| `{"action", "message", ...}` | `{"action": "approve"}` | with the changed fields | `{"action": "reject"}` | |
| `{"text_to_revise", ...}`, `{"instruction", "content"}` | the text | the new text | stops the run | |
| `{"task", ONE_TEXT}` | `{"edited_text": text}` | likewise | stops the run | |
| `{"question", "fields", "current_values"}` | | | | `{FIELD: value}` |
| `{"question", ...}` | `True` | | `False` | |
| `{"query"}` | | | | `{"data": text}` |

A text to revise knows no answer that means no, since such a node puts whatever it gets in the text's place: so a
rejection is not sent to it, and stops the run. `False` and `{"action": "reject"}` have no room for a reason: it stays
on the card and in the audit.

The pages have two nodes for the same payload of a tool call: one unpacks a pair, the other reads `["action"]` and
`.get("data")`. Neither can use what the other wants, so the node's own code says which it is: one in which both names
stand is answered by name. https://docs.langchain.com/oss/python/langgraph/functional-api-human-in-the-loop
"""

from collections.abc import Sequence

from adapters.langgraph.dialects.base import Dialect, Question, described, fields_of, schema_for, unexpected, value_of
from adapters.langgraph.dialects.general import reads_like_a_verdict
from adapters.langgraph.dialects.json_schema import Schema, inferred
from engine.asks.ask import Action, Ask, Choice, Decision, Json, Kind

REFUSED = "The reviewer rejected this tool call."
"""The feedback of a rejection without a reason."""
_TEXT: Schema = {"type": "string", "minLength": 1}


def _editable(question: Question, *choices: Choice) -> tuple[Choice, ...]:
    return tuple(choice for choice in choices if question.exact or choice is not Choice.EDIT)


# A tool call to review ------------------------------------------------------------------------------------------------


def _recognise_tool_call(question: Question) -> Ask | None:
    match question.payload:
        case {"question": str(prompt), "tool_call": {"name": str(name), "args": dict(args), **call}, **rest}:
            choices = _editable(question, Choice.APPROVE, Choice.EDIT, Choice.REJECT)
            known = ("id", "type") if call.get("type") == "tool_call" else ("id",)
            more = described(described("", call, *known), rest)
            action = Action(name, args, choices, more, schema=schema_for(name, args, question))
            dialect = TOOL_CALL_BY_NAME if question.texts >= _BY_NAME else TOOL_CALL
            return Ask(dialect.name, Kind.TOOL_CALL, prompt, (action,), question.payload, question.speaker)
    return None


_BY_NAME = frozenset({repr("action"), repr("data")})


def _encode_by_name(ask: Ask, decisions: Sequence[Decision]) -> object:
    name, data = _encode_tool_call(ask, decisions)
    return {"action": name} if data is None else {"action": name, "data": data}


def _encode_tool_call(ask: Ask, decisions: Sequence[Decision]) -> tuple[str, Json]:
    (action,), (decision,) = ask.actions, decisions
    match decision.choice:
        case Choice.APPROVE:
            return ("continue", None)
        case Choice.EDIT:
            return ("update", value_of(action, decision))
        case Choice.REJECT:
            return ("feedback", decision.text or REFUSED)
    raise unexpected(ask, decision)


TOOL_CALL = Dialect("question_tool_call", _recognise_tool_call, _encode_tool_call)
TOOL_CALL_BY_NAME = Dialect("question_tool_call_by_name", _recognise_tool_call, _encode_by_name)


# A tool that asks for itself ------------------------------------------------------------------------------------------


def _recognise_gate(question: Question) -> Ask | None:
    match question.payload:
        case {"action": str(name), "message": str(prompt), **rest} if rest:
            fields = fields_of(rest)
            choices = _editable(question, Choice.APPROVE, Choice.EDIT, Choice.REJECT)
            action = Action(name, fields, choices, schema=schema_for(name, fields, question))
            return Ask(GATE.name, Kind.TOOL_CALL, prompt, (action,), question.payload, question.speaker)
    return None


def _encode_gate(ask: Ask, decisions: Sequence[Decision]) -> object:
    (action,), (decision,) = ask.actions, decisions
    match decision.choice:
        case Choice.APPROVE:
            return {"action": "approve"}
        case Choice.EDIT:
            changed = value_of(action, decision)
            return {**(changed if isinstance(changed, dict) else {}), "action": "approve"}
        case Choice.REJECT:
            return {"action": "reject"}
    raise unexpected(ask, decision)


GATE = Dialect("action_message", _recognise_gate, _encode_gate)


# A text to revise -----------------------------------------------------------------------------------------------------


def _recognise_text(question: Question) -> Ask | None:
    match question.payload:
        case {"text_to_revise": str(text), **rest}:
            prompt = _first(fields_of(rest), "task", "instruction", "question")
            more = described(None, {name: each for name, each in rest.items() if each != prompt or not prompt})
            return _text_ask(TEXT, question, prompt, "text_to_revise", text, more)
        case {"instruction": str(prompt), "content": str(text), **rest} if not rest:
            return _text_ask(TEXT, question, prompt, "content", text)
    return None


def _recognise_task(question: Question) -> Ask | None:
    match question.payload:
        case {"task": str(prompt), **rest} if len(rest) == 1:
            ((name, text),) = fields_of(rest).items()
            return _text_ask(TASK, question, prompt, name, text) if isinstance(text, str) else None
    return None


def _text_ask(dialect: Dialect, question: Question, prompt: str, name: str, text: str, more: str = "") -> Ask:
    choices = (Choice.APPROVE, Choice.EDIT, Choice.REJECT)
    action = Action(name, text, choices, more, schema=_TEXT, reject_stops=True)
    return Ask(dialect.name, Kind.TEXT, prompt, (action,), question.payload, question.speaker)


def _encode_text(ask: Ask, decisions: Sequence[Decision]) -> object:
    (action,), (decision,) = ask.actions, decisions
    if decision.choice not in (Choice.APPROVE, Choice.EDIT):
        raise unexpected(ask, decision)
    return value_of(action, decision)


def _encode_task(ask: Ask, decisions: Sequence[Decision]) -> object:
    return {"edited_text": _encode_text(ask, decisions)}


TEXT = Dialect("text_to_revise", _recognise_text, _encode_text)
TASK = Dialect("task_text", _recognise_task, _encode_task)


# Fields to fill in ----------------------------------------------------------------------------------------------------


def _recognise_fields(question: Question) -> Ask | None:
    match question.payload:
        case {"question": str(prompt), "fields": [_, *_] as names, **rest} if all(
            isinstance(each, str) for each in names
        ):
            known = rest.get("current_values")
            current = known if isinstance(known, dict) else {}
            if known is not None and current is not known:
                return None
            properties: dict[str, Json] = {str(each): dict(_type_of(current.get(str(each)))) for each in names}
            schema: Schema = {"type": "object", "properties": properties}
            action = Action(
                "fields", current or None, (Choice.ANSWER,), described(None, rest, "current_values"), schema
            )
            verdict = reads_like_a_verdict(dict(schema))
            return Ask(FIELDS.name, Kind.FORM, prompt, (action,), question.payload, question.speaker, verdict)
    return None


def _type_of(value: Json) -> Schema:
    return inferred(value) or {"type": "string"}


def _encode_fields(ask: Ask, decisions: Sequence[Decision]) -> object:
    (decision,) = decisions
    if decision.choice is not Choice.ANSWER:
        raise unexpected(ask, decision)
    return decision.value


FIELDS = Dialect("question_fields", _recognise_fields, _encode_fields)


# Yes or no ------------------------------------------------------------------------------------------------------------


def _recognise_yes_or_no(question: Question) -> Ask | None:
    match question.payload:
        case {"question": str(prompt), **rest}:
            shown: Json = fields_of(rest) or None
            action = Action("details" if shown else "", shown, (Choice.APPROVE, Choice.REJECT))
            return Ask(YES_OR_NO.name, Kind.APPROVAL, prompt, (action,), question.payload, question.speaker)
    return None


def _encode_yes_or_no(ask: Ask, decisions: Sequence[Decision]) -> object:
    (decision,) = decisions
    if decision.choice not in (Choice.APPROVE, Choice.REJECT):
        raise unexpected(ask, decision)
    return decision.choice is Choice.APPROVE


YES_OR_NO = Dialect("question", _recognise_yes_or_no, _encode_yes_or_no)


# A tool that asks a person --------------------------------------------------------------------------------------------


def _recognise_query(question: Question) -> Ask | None:
    match question.payload:
        case {"query": str(prompt), **rest} if not rest:
            action = Action("answer", None, (Choice.ANSWER,))
            return Ask(QUERY.name, Kind.QUESTION, prompt, (action,), question.payload, question.speaker)
    return None


def _encode_query(ask: Ask, decisions: Sequence[Decision]) -> object:
    (decision,) = decisions
    if decision.choice is not Choice.ANSWER:
        raise unexpected(ask, decision)
    return {"data": decision.text}


QUERY = Dialect("query", _recognise_query, _encode_query)


def _first(fields: dict[str, Json], *names: str) -> str:
    return next((text for name in names if isinstance(text := fields.get(name), str)), "")
