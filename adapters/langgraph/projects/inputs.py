"""Guesses `input:` of an agent: the field of the graph's input that takes a person's words, and what else it needs."""

import ast
import inspect
import re
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from adapters.langgraph.loading.stated_types import written_as
from adapters.langgraph.messages.inputs import DEFAULT_INPUT, fields_named, filled, takes_words
from adapters.langgraph.projects.decisions import is_decision
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
    "description", "complaint", "concern", "feedback", "claim", "content", "comment", "details", "reason", "subject",
    "title", "theme", "idea", "brief", "memo", "note", "notes", "body", "document", "email",
)
"""Names of fields that take a person's words, the likeliest first."""
_TELLING = re.compile(
    r"\b(asks?|asked|complaint|description|instructions?|message|prompt|query|question|request(?!e|ed by)|said|says|"
    r"wants?|words|writes|wrote|written)\b",
    re.IGNORECASE,
)
"""Words in the description of a field that takes a person's words."""
# fmt: on
# fmt: off
_NO_WORDS = frozenset({
    "account", "address", "amount", "branch", "cluster", "code", "command", "count", "currency", "customer", "database",
    "date", "email", "environment", "env", "file", "host", "hostname", "iban", "id", "ids", "index", "key", "kind",
    "limit", "name", "node", "number", "path", "phone", "port", "price", "quantity", "region", "repo", "repository",
    "server", "service", "sku", "status", "table", "total", "type", "url", "version",
})
# fmt: on
"""Last parts of names of fields that say one thing exactly, as `ticket_id` and `request_type`."""
_PEOPLE = ("user", "user_id", "username", "user_name", "requester", "requested_by")
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
    schema: Any,
    fields: Sequence[StateField],
    used: Usage,
    channels: Mapping[str, Any],
    *,
    shared: bool,
    within: str = "",
) -> Guess:
    value: dict[str, Json] = {}
    messages = next((each for each in fields if each.kind is Kind.MESSAGES), None)
    if messages is not None:
        value[messages.name] = _MESSAGE
    needed = [each for each in fields if _is_needed(schema, each, used, channels, shared=shared)]
    words = _taking_words(fields, needed, used, shared=shared, beside=messages is not None)
    told = [*([] if words is None else [words]), *_told_by_any_message(needed)]
    missing: list[str] = []
    for field in [*told, *needed]:
        if field.name not in value:
            part, lacking = _text_for(field, within) if field in told else _value_of(field, within)
            value |= {} if lacking and part is None else {field.name: part}
            missing += lacking
    refused = _refused(schema, value, channels, [])
    for field in told:
        if any(each.startswith(f"{field.name} (") for each in refused):
            value |= {field.name: _value_of(field, within)[0]}  # its schema refuses most messages: one says its value
    if not value and not missing:
        value |= _something(fields, used)
        missing += [] if value else ["a field that takes text"]
    missing += _refused(schema, value, channels, missing)
    why = _why(value, messages, words)
    return Guess(value, why, tuple(dict.fromkeys(missing)))


def _why(value: Mapping[str, Json], messages: StateField | None, words: StateField | None) -> str:
    if value == DEFAULT_INPUT:
        return ""
    if words is not None and takes_words(value):
        return f'guess: "{words.name}" takes the person\'s words'
    if messages is not None:
        return f'guess: "{messages.name}" is the list of messages'
    if next(fields_named(value), None):
        return "guess: the message says each value"
    return "guess: no field takes text, so the person's words are not used"


def _taking_words(
    fields: Sequence[StateField], needed: Sequence[StateField], used: Usage, *, shared: bool, beside: bool
) -> StateField | None:
    """The field that takes the person's words. `beside` messages it has to be read, and written by no node.

    Of several needed fields, one whose name or description says so; else none, and the message says each value.
    """
    texts = [each for each in fields if _may_take_words(each)]
    if beside:
        texts = [each for each in texts if each.name in used.first and each.name not in used.writes]
        texts = [each for each in texts if _is_telling(each)]
    elif open_ := [each for each in needed if _is_open(each)]:
        texts = [each for each in texts if each in needed and (_is_telling(each) or len(open_) == 1)]
        texts = texts or [*_told_by_any_message(needed)]
    elif shared:
        texts = [each for each in texts if each.name not in used.writes or each.name in used.first] or texts
    return min(texts, key=lambda each: _fitness(each, used), default=None)


def _told_by_any_message(needed: Sequence[StateField]) -> Sequence[StateField]:
    """The needed fields if each of them is a text, and none says one thing exactly: a topic and an audience, say.

    A plain message fills them all, so that it reaches the graph: a model makes sense of it.
    """
    open_ = [each for each in needed if _is_open(each)]
    return open_ if all(each.kind is Kind.TEXT and not _is_exact(each) for each in open_) else ()


def _is_open(field: StateField) -> bool:
    """Tell whether only a person knows the value of a needed field."""
    value, lacking = _value_of(field)
    return bool(lacking) or value == f"$fields.{field.name}"


def _is_exact(field: StateField) -> bool:
    """Tell whether the name or the description of a text says that it is one thing exactly, as an id is."""
    if _is_telling(field) and not _decides(field):
        return False
    words = re.findall(r"[a-z]+", f"{field.name.split('_')[-1]} {field.description}".lower())
    return bool(_NO_WORDS.intersection(words)) or _decides(field)


def _decides(field: StateField) -> bool:
    """Tell whether a field may hold a decision. A request stays one if its description says who decides about it."""
    is_words = field.kind is Kind.TEXT and rank(field.name, _WORDS) < len(_WORDS)
    return is_decision(field.name, field.type, "" if is_words else field.description)


def _is_telling(field: StateField) -> bool:
    """Tell whether the name or the description of a field says that it takes a person's words."""
    if _TELLING.search(field.description):
        return True
    name = field.name.lower()
    return rank(name, _WORDS) < 2 * len(_WORDS) and name.split("_")[-1] not in _NO_WORDS


def _fitness(field: StateField, used: Usage) -> tuple[bool, bool, bool, int, bool, bool, bool]:
    is_known = rank(field.name, _WORDS) < len(_WORDS)
    return (
        not _is_telling(field),
        field.kind is Kind.UNKNOWN and not is_known,
        not (is_known and field.name in used.first),
        rank(field.name, _WORDS),
        field.name not in used.first,
        field.name not in used.reads,
        field.kind is not Kind.TEXT,
    )


def _may_take_words(field: StateField) -> bool:
    if field.name in (*_PEOPLE, *_CHANNELS) or _decides(field):
        return False
    match field.kind:
        case Kind.TEXT:
            return True
        case Kind.UNKNOWN | Kind.TEXTS:
            return _is_telling(field)
        case Kind.OBJECT:
            return any(map(_may_take_words, fields_of(field.bare)))
        case _:
            return False


def _text_for(field: StateField, within: str) -> tuple[Json, Sequence[str]]:
    if field.kind is Kind.TEXTS:
        return ["$text"], ()
    return _of_object(field, within) if field.kind is Kind.OBJECT else ("$text", ())


def _of_object(field: StateField, within: str) -> tuple[Json, Sequence[str]]:
    inner = fields_of(field.bare)
    guess = _of_fields(field.bare, inner, Usage(known=False), {}, shared=False, within=f"{within}{field.name}_")
    return guess.value, [f"{field.name}.{each}" for each in guess.missing]


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
    return is_subscripted(field.name, schema)


def _is_enforced(schema: Any) -> bool:
    """Tell whether Python itself refuses an input without a required field: not for a TypedDict."""
    return isinstance(schema, type) and not issubclass(schema, dict)


def _has_initial_value(channel: Any) -> bool:
    """Tell whether a state has a value for a field before anything was written: a reducer starts with an empty one."""
    try:
        return channel is not None and bool(channel.is_available() or getattr(channel, "operator", None))
    except AttributeError:
        return False


def _value_of(field: StateField, within: str = "") -> tuple[Json, Sequence[str]]:
    """The value of a needed field that is not the person's words, and what of it nobody can say.

    A value that only a person knows is said by the message. A decision is not asked of the person who asks for it.
    """
    text = field.kind in (Kind.TEXT, Kind.UNKNOWN)
    if text and field.name in _PEOPLE:
        return "$user", ()
    if text and field.name in _CHANNELS:
        return "$channel", ()
    if field.takes_none:
        return None, ()
    if field.kind in (Kind.OTHER, Kind.TEXTS, Kind.MESSAGES) and "history" in field.name and _is_list(field.bare):
        return [], ()
    if field.kind is Kind.OBJECT and not _decides(field):
        return _of_object(field, within)
    name = f"{within}{field.name}"
    if field.kind is Kind.MESSAGES or not name.strip("_").isidentifier() or _decides(field):
        return None, (field.shown,)
    return (f"$fields.{name}", ()) if written_as(field.type) else (None, (field.shown,))


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
        said = {path for _, path in fields_named(value)}  # the message says them, and is read by the same rules
        wrong = [each for each in error.errors() if not any(each["loc"][: len(path)] == path for path in said)]
        return [f"{'.'.join(map(str, each['loc'])) or 'the input'} ({each['msg']})" for each in wrong]
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


def _of_type(kind: Any, what: str, name: str = "") -> Guess:
    match kind_of(kind):
        case _ if is_decision(name, kind):
            return Guess({}, "", (_whole(kind),))
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
        case _ if name.isidentifier() and written_as(kind):
            return Guess(f"$fields.{name}", "guess: the message says the value")
        case _:
            return Guess("$text", f"guess: {what} takes the person's words", (_whole(kind),))


def _whole(kind: Any) -> str:
    return f"the input ({getattr(bare(kind), '__name__', str(kind))})"


def _of_workflow(graph: Any) -> Guess:
    """The input of a workflow of the functional API: the argument of its function."""
    kind = getattr(graph.channels.get("__start__"), "typ", Any)
    function, name = _function(graph)
    if getattr(bare(kind), "__origin__", bare(kind)) not in (dict, Mapping, Any):
        return _of_type(kind, f'"{name}"', name)
    is_object = getattr(bare(kind), "__origin__", bare(kind)) in (dict, Mapping)
    if not is_object and is_decision(name, kind):
        return Guess({}, "", (name,))
    used = Usage(known=False) if function is None else fields_read(function)
    keys = _in_order(function, used.reads) if function is not None else []
    if "messages" in keys:
        return Guess({"messages": _MESSAGE})
    if not keys and used.known:
        return Guess(dict(DEFAULT_INPUT))  # it reads nothing of its input
    if not keys:
        if name == "messages":
            return _of_type(list, f'"{name}"')
        missing = ("the input (a dict of unknown keys)",) if is_object else ()
        return Guess({"input": "$text"} if is_object else "$text", f'guess: "{name}" is the person\'s words', missing)
    held = [*get_args(bare(kind))[1:], Any][0]
    return _of_keys([StateField(each, held, required=each in used.needs) for each in keys])


def _of_keys(fields: Sequence[StateField]) -> Guess:
    """The input of a workflow that reads these keys of a dict."""
    able = [each for each in fields if not _decides(each)]
    words = min(able, key=lambda each: rank(each.name, _WORDS), default=None)
    value: dict[str, Json] = {} if words is None else {words.name: "$text"}
    lacking: list[str] = []
    for each in fields:
        if each.name in value or not each.required:
            continue
        part, unknown = _value_of(each)
        value |= {} if unknown else {each.name: part}
        lacking += unknown
    why = "" if words is None else f'guess: "{words.name}" takes the person\'s words'
    return Guess(value, why, tuple(lacking))


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
