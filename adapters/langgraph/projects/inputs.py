"""Guesses `input:` of an agent: the field of the graph's input that takes a person's words, and what else it needs."""

import ast
import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from adapters.langgraph.messages.inputs import DEFAULT_INPUT, filled
from adapters.langgraph.projects.fields import Kind, StateField, bare, fields_of, kind_of
from adapters.langgraph.projects.guess import Guess, rank
from adapters.langgraph.projects.keys import is_subscripted
from adapters.langgraph.projects.usage import Usage, fields_read, function_behind, usage_of
from adapters.langgraph.reading.code.sources import source_of
from engine.asks.ask import Json

_ROOT = "__root__"
# fmt: off
_WORDS = (
    "question", "query", "user_input", "user_query", "user_message", "input", "request", "prompt", "message", "topic",
    "task", "text", "instruction", "instructions", "goal", "objective", "problem", "ticket", "issue", "inquiry",
    "description", "subject", "content", "title", "theme", "idea", "brief", "email", "document", "body", "name",
)
"""Names of fields that take a person's words, the likeliest first."""
# fmt: on
_PEOPLE = ("user", "user_id", "username", "user_name", "requester", "requested_by", "customer_id", "actor")
_CHANNELS = ("channel", "channel_id", "channel_name")
_MESSAGE: Json = [{"role": "user", "content": "$text"}]
_SAMPLE = {"text": "Please look at order 1042.", "user": "U01ABCDEF", "channel": "C01ABCDEF"}


def input_guess(graph: Any) -> Guess:
    """Guess the input of a graph."""
    builder = getattr(graph, "builder", None)
    if builder is None:
        return _of_workflow(graph)
    known = builder.schemas.get(builder.input_schema, {})
    if _ROOT in known:
        return _of_type(builder.input_schema, "its whole state")
    fields = [each for each in fields_of(builder.input_schema) if each.name in known]
    fields += [StateField(name, Any, required=False) for name in known if name not in {each.name for each in fields}]
    shared = builder.input_schema is builder.state_schema
    return _of_fields(builder.input_schema, fields, usage_of(graph), graph.channels, shared=shared)


# The fields of a state ------------------------------------------------------------------------------------------------


def _of_fields(
    schema: Any, fields: Sequence[StateField], used: Usage, channels: Mapping[str, Any], *, shared: bool
) -> Guess:
    value: dict[str, Json] = {}
    messages = next((each for each in fields if each.kind is Kind.MESSAGES), None)
    if messages is not None:
        value[messages.name] = _MESSAGE
    words = _taking_words(fields, used, shared=shared, beside=messages is not None)
    if words is not None:
        value[words.name] = _text_for(words)
    missing = []
    for field in fields:
        if field.name in value or not _is_needed(schema, field, used, channels, shared=shared):
            continue
        filled_in, found = _value_of(field)
        if found:
            value[field.name] = filled_in
        else:
            missing.append(field.shown)
    if not value:
        value |= _something(fields, used)
        missing += [] if value or missing else ["a field that takes text"]
    missing += _refused(schema, value, channels, missing)
    why = _why(value, messages, words)
    return Guess(value, why, tuple(dict.fromkeys(missing)))


def _why(value: Mapping[str, Json], messages: StateField | None, words: StateField | None) -> str:
    if value == DEFAULT_INPUT:
        return ""
    if words is not None:
        return f'guess: "{words.name}" takes the person\'s words'
    if messages is not None:
        return f'guess: "{messages.name}" is the list of messages'
    return "guess: no field takes text, so the person's words are not used"


def _taking_words(fields: Sequence[StateField], used: Usage, *, shared: bool, beside: bool) -> StateField | None:
    """The field that takes the person's words. `beside` messages it has to be read, and written by no node."""
    texts = [each for each in fields if _may_take_words(each)]
    if beside:
        texts = [each for each in texts if each.name in used.first and each.name not in used.writes]
        texts = [each for each in texts if rank(each.name, _WORDS) < 2 * len(_WORDS)]
    elif shared:
        texts = [each for each in texts if each.name not in used.writes or each.name in used.first] or texts
    return min(texts, key=lambda each: _fitness(each, used), default=None)


def _fitness(field: StateField, used: Usage) -> tuple[bool, int, bool, bool, bool]:
    return (
        field.kind is Kind.UNKNOWN and rank(field.name, _WORDS) >= len(_WORDS),
        0 if field.name in used.first and rank(field.name, _WORDS) < len(_WORDS) else rank(field.name, _WORDS) + 1,
        field.name not in used.first,
        field.name not in used.reads,
        field.kind is not Kind.TEXT,
    )


def _may_take_words(field: StateField) -> bool:
    if field.name in (*_PEOPLE, *_CHANNELS):
        return False
    match field.kind:
        case Kind.TEXT:
            return True
        case Kind.UNKNOWN | Kind.TEXTS:
            return rank(field.name, _WORDS) < 2 * len(_WORDS)
        case Kind.OBJECT:
            return any(each.kind is Kind.TEXT for each in fields_of(field.bare))
        case _:
            return False


def _text_for(field: StateField) -> Json:
    if field.kind is Kind.TEXTS:
        return ["$text"]
    if field.kind is Kind.OBJECT:
        return _of_fields(field.bare, fields_of(field.bare), Usage(known=False), {}, shared=False).value
    return "$text"


def _is_needed(schema: Any, field: StateField, used: Usage, channels: Mapping[str, Any], *, shared: bool) -> bool:
    """Tell whether the graph fails without a field."""
    if _has_initial_value(channels.get(field.name)):
        return False
    if _is_enforced(schema):
        return field.required
    if field.name in used.first:
        return True
    if used.known:
        return field.name in used.needs and field.name not in used.writes
    if not field.required or shared or field.name in used.writes or field.takes_none:
        return False
    return is_subscripted(field.name)


def _is_enforced(schema: Any) -> bool:
    """Tell whether Python itself refuses an input without a required field: not for a TypedDict."""
    return isinstance(schema, type) and not issubclass(schema, dict)


def _has_initial_value(channel: Any) -> bool:
    """Tell whether a state has a value for a field before anything was written: a reducer starts with an empty one."""
    try:
        return channel is not None and bool(channel.is_available() or getattr(channel, "operator", None))
    except AttributeError:
        return False


def _value_of(field: StateField) -> tuple[Json, bool]:
    """The value of a needed field that is not the person's words, and whether it is known."""
    text = field.kind in (Kind.TEXT, Kind.UNKNOWN)
    if text and field.name in _PEOPLE:
        return "$user", True
    if text and field.name in _CHANNELS:
        return "$channel", True
    if field.takes_none:
        return None, True
    if field.kind in (Kind.OTHER, Kind.TEXTS, Kind.MESSAGES) and "history" in field.name and _is_list(field.bare):
        return [], True
    return None, False


def _something(fields: Sequence[StateField], used: Usage) -> dict[str, Json]:
    """A value for a graph that reads no words: LangGraph refuses an input without any field of the state."""
    empty: Mapping[Any, Json] = {int: 0, float: 0.0, bool: False, str: "", list: [], dict: {}}
    unread = [each for each in fields if used.known and each.name not in used.first]
    for each in fields:
        if each.takes_none:
            return {each.name: None}
    kinds = {each.name: getattr(each.bare, "__origin__", each.bare) for each in unread}
    return next(({name: empty[kind]} for name, kind in kinds.items() if kind in empty), {})


def _refused(schema: Any, value: Mapping[str, Json], channels: Mapping[str, Any], missing: Sequence[str]) -> list[str]:
    """What pydantic refuses of a sample, by field."""
    if not (isinstance(schema, type) and issubclass(schema, BaseModel)) or missing:
        return []
    try:
        given = {name: filled(each, _SAMPLE) for name, each in value.items()}
        schema.model_validate({name: _reduced(channels.get(name), each) for name, each in given.items()})
    except ValidationError as error:
        return [f"{'.'.join(map(str, each['loc'])) or 'the input'} ({each['msg']})" for each in error.errors()]
    except Exception as error:  # noqa: BLE001 - a validator of the project, which may raise anything
        return [f"the input ({type(error).__name__})"]
    return []


def _reduced(channel: Any, value: Json) -> Any:
    """What a node gets for a value: LangGraph validates a state after its reducers, which make messages of dicts."""
    if channel is None:
        return value
    own = channel.copy()
    own.update([value])
    return own.get()


# A value that is not a state ------------------------------------------------------------------------------------------


def _of_type(kind: Any, what: str) -> Guess:
    match kind_of(kind):
        case Kind.MESSAGES:
            return Guess(_MESSAGE, f"guess: {what} is a list of messages")
        case Kind.TEXT | Kind.UNKNOWN:
            return Guess("$text", f"guess: {what} is the person's words")
        case Kind.TEXTS:
            return Guess(["$text"], f"guess: {what} is a list of texts")
        case Kind.OBJECT:
            return _of_fields(bare(kind), fields_of(bare(kind)), Usage(known=False), {}, shared=False)
        case _ if _is_list(bare(kind)):
            return Guess(_MESSAGE, f"guess: {what} is a list of messages")
        case _:
            shown = getattr(bare(kind), "__name__", str(kind))
            return Guess("$text", f"guess: {what} takes the person's words", (f"the input ({shown})",))


def _of_workflow(graph: Any) -> Guess:
    """The input of a workflow of the functional API: the argument of its function."""
    kind = getattr(graph.channels.get("__start__"), "typ", Any)
    function, name = _function(graph)
    if getattr(bare(kind), "__origin__", bare(kind)) not in (dict, Mapping, Any):
        return _of_type(kind, f'"{name}"')
    used = Usage(known=False) if function is None else fields_read(function)
    keys = _in_order(function, used.reads) if function is not None else []
    if "messages" in keys:
        return Guess({"messages": _MESSAGE})
    if not keys and used.known:
        return Guess(dict(DEFAULT_INPUT))  # it reads nothing of its input
    if not keys:
        is_object = getattr(bare(kind), "__origin__", bare(kind)) in (dict, Mapping)
        if name == "messages":
            return _of_type(list, f'"{name}"')
        missing = ("the input (a dict of unknown keys)",) if is_object else ()
        return Guess({"input": "$text"} if is_object else "$text", f'guess: "{name}" is the person\'s words', missing)
    fields = [StateField(each, Any, required=each in used.needs) for each in keys]
    words = min(fields, key=lambda each: rank(each.name, _WORDS))
    value: dict[str, Json] = {words.name: "$text"}
    lacking: list[str] = []
    for each in fields:
        if each.name in value or not each.required:
            continue
        known, found = _value_of(each)
        value |= {each.name: known} if found else {}
        lacking += [] if found else [each.name]
    return Guess(value, f'guess: "{words.name}" takes the person\'s words', tuple(lacking))


def workflow_function(graph: Any) -> Any:
    """Return the function of a workflow of the functional API."""
    bound = next(iter(graph.nodes.values())).bound
    steps = getattr(bound, "steps", None) or [bound]
    functions = (getattr(part, name, None) for part in steps for name in ("func", "afunc"))
    return next(filter(None, functions), None)


def _function(graph: Any) -> tuple[Any, str]:
    function, _ = function_behind(workflow_function(graph))
    names = [] if function is None else [*inspect.signature(function).parameters]
    return function, next(iter(names), "the input")


def _in_order(function: Any, names: frozenset[str]) -> list[str]:
    """The names in the order in which the code has them."""
    tree = source_of(function)
    found = [each.value for each in ast.walk(tree) if isinstance(each, ast.Constant)] if tree is not None else []
    return [*dict.fromkeys([each for each in found if isinstance(each, str) and each in names] + sorted(names))]


def _is_list(kind: Any) -> bool:
    return (getattr(kind, "__origin__", None) or kind) in (list, tuple, set) or "Sequence" in str(kind)
