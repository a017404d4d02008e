"""Guesses `reply:` of an agent: the field of the graph's output that answers the person, never their own words."""

import ast
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from adapters.langgraph.messages.replies import DEFAULT
from adapters.langgraph.projects.fields import Kind, StateField, bare, fields_of, kind_of
from adapters.langgraph.projects.guess import Guess, rank
from adapters.langgraph.projects.inputs import workflow_function
from adapters.langgraph.projects.usage import Usage, function_behind, results_of, usage_of
from engine.asks.ask import Json

_ROOT = "__root__"
NOTHING = "`null`"
"""JMESPath for no value: the bot says that the agent is done."""
# fmt: off
_ANSWERS = (
    "answer", "final_answer", "reply", "response", "final_response", "output", "final_output", "result", "final_result",
    "report", "final_report", "summary", "final_summary", "generation", "completion", "recommendation", "conclusion",
    "decision", "outcome", "verdict", "essay", "article", "post", "story", "poem", "draft", "email", "letter", "plan",
    "translation", "text", "content", "message", "confirmation", "status", "title",
)
"""Names of fields that answer a person, the likeliest first."""
# fmt: on
_LABELS = ("title", "status")
"""Names of fields that head a structure: alone they are no answer."""
_PLAIN = re.compile(r"[A-Za-z_]\w*", re.ASCII)


def reply_guess(graph: Any, given: Json) -> Guess:
    """Guess the reply of a graph; `given` is its `input:`."""
    builder = getattr(graph, "builder", None)
    if builder is None:
        return _of_workflow(graph, given)
    known = builder.schemas.get(builder.output_schema, {})
    if _ROOT in known:
        return _of_value(builder.output_schema)
    fields = [each for each in fields_of(builder.output_schema) if each.name in known]
    used = usage_of(graph)
    found = [each for each in fields if each.kind is Kind.MESSAGES]
    messages = next((each for each in found if each.name in used.writes or not used.known), None)
    if messages is not None and not _answers_elsewhere(fields, used, messages):
        return _of_messages(messages)
    asked = _asked(given)
    explicit = builder.output_schema is not builder.input_schema and builder.output_schema is not builder.state_schema
    answers = [
        each for each in fields if each.kind is not Kind.MESSAGES and _may_answer(each, asked, used, explicit=explicit)
    ]
    return _best(answers, used) or (_of_messages(found[0]) if found else Guess(NOTHING, _SILENT))


_SILENT = "guess: no field of its output but the person's own words, so the bot says that the agent is done"


def _answers_elsewhere(fields: Sequence[StateField], used: Usage, messages: StateField) -> bool:
    """Tell whether a text answers, and the messages are not written: then what is last in them is the person's."""
    texts = any(each.kind is Kind.TEXT and each.name in used.writes for each in fields)
    return texts and messages.name not in used.writes


def _of_messages(field: StateField) -> Guess:
    if field.name == "messages":
        return Guess(DEFAULT)
    return Guess(f"{_key(field.name)}[-1].content", f'guess: the last message of "{field.name}"')


def _asked(given: Json) -> frozenset[str]:
    """The fields of the input that hold the person's own words, or the person."""
    return frozenset(given) if isinstance(given, Mapping) else frozenset()


def _may_answer(field: StateField, asked: frozenset[str], used: Usage, *, explicit: bool) -> bool:
    if field.name in used.writes:
        return True
    return field.name not in asked and (explicit or not used.known)


def _best(fields: Sequence[StateField], used: Usage) -> Guess | None:
    """The likeliest answer: a known name before another, a text before a structure, what was written last before it."""
    order = {each.name: place for place, each in enumerate(fields)}

    def fitness(field: StateField) -> tuple[int, bool, bool, int, bool, int]:
        kinds = {Kind.TEXT: 0, Kind.OBJECT: 1, Kind.UNKNOWN: 1, Kind.TEXTS: 2}
        named = rank(field.name.removeprefix("final_"), _ANSWERS)
        is_answer = named < len(_ANSWERS) and field.kind is not Kind.OTHER
        kind = 0 if is_answer else 1 + kinds.get(field.kind, 3)
        early = field.name not in used.last
        is_structure = is_answer and field.kind is Kind.OBJECT
        return kind, is_structure, early and not is_answer, named, early, -order[field.name]

    best = min(fields, key=fitness, default=None)
    if best is None:
        return None
    path = _path(best)
    what = "text" if best.kind in (Kind.TEXT, Kind.UNKNOWN) or "." in path else "value, shown field by field,"
    how = f"the {what} that its last step writes" if best.name in used.last else "the likeliest answer in its output"
    return Guess(path, f'guess: "{best.name}" is {how}')


def _path(field: StateField) -> str:
    """JMESPath of a field; of a structure with one text in it, that text."""
    name = _key(field.name)
    if field.kind is not Kind.OBJECT:
        return name
    texts = [each for each in fields_of(field.bare) if each.kind is Kind.TEXT]
    named = [each for each in texts if rank(each.name, _ANSWERS) < len(_ANSWERS) and each.name not in _LABELS]
    if len(texts) == 1 and named:
        return f"{name}.{_key(texts[0].name)}"
    return name


def _key(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else json.dumps(name)


def _of_value(kind: Any) -> Guess:
    if kind_of(kind) is Kind.MESSAGES or getattr(kind, "__origin__", kind) is list:
        return Guess("[-1].content", "guess: the last message of its state")
    return Guess("@", "guess: its whole state is the answer")


# Workflows of the functional API --------------------------------------------------------------------------------------


def _of_workflow(graph: Any, given: Json) -> Guess:
    kind = getattr(graph.channels.get("__end__"), "typ", Any)
    typed = fields_of(bare(kind)) if kind_of(kind) is Kind.OBJECT else ()
    fields = typed or _returned(graph)
    messages = next((each for each in fields if each.name == "messages"), None)
    if not fields or messages is not None:
        return Guess(DEFAULT)
    asked = _asked(given)
    own = [each for each in fields if each.name not in asked]
    best = _best(own, Usage(writes=tuple(each.name for each in own))) or Guess(NOTHING, _SILENT)
    return Guess(DEFAULT) if best.value in _LABELS and len(own) == len(typed) else best


def _returned(graph: Any) -> list[StateField]:
    """The keys of the dict that the workflow returns, without those that are its argument or a part of it."""
    function, _ = function_behind(workflow_function(graph))
    if function is None:
        return []
    argument = next(iter(function.__code__.co_varnames), "")
    found: dict[str, StateField] = {}
    for result in results_of(function):
        value = _value_of(result)
        if not isinstance(value, ast.Dict):
            continue
        for key, each in zip(value.keys, value.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str) and not _is_of(each, argument):
                found.setdefault(key.value, StateField(key.value, Any))
    return [*found.values()]


def _value_of(result: ast.expr) -> ast.expr:
    """What a workflow returns to its caller: of `entrypoint.final(value=..., save=...)` the value."""
    if isinstance(result, ast.Call) and isinstance(result.func, ast.Attribute) and result.func.attr == "final":
        return next((each.value for each in result.keywords if each.arg == "value"), result)
    return result


def _is_of(value: ast.expr, argument: str) -> bool:
    """Tell whether a value is the argument, or a field of it."""
    while isinstance(value, ast.Subscript | ast.Attribute):
        value = value.value
    return isinstance(value, ast.Name) and value.id == argument
