"""Checks an agent's entry in `app.yaml` against the graph: its input, its reply, its context.

LangGraph silently drops a field of the input that the graph's state does not have; JMESPath gives nothing for a missing
field; and a node finds None in place of a missing context. So each of these is reported before the bot starts. What a
graph does not declare is not checked: a workflow of the functional API takes anything.

https://docs.langchain.com/oss/python/langgraph/graph-api#schema,
https://docs.langchain.com/oss/python/langgraph/graph-api#runtime-context
"""

import dataclasses
import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_type_hints

import jmespath

from adapters.langgraph.config_keys import USER

_ROOT = "__root__"
_LEFT_OF = frozenset(
    {"subexpression", "index_expression", "projection", "value_projection", "flatten", "slice", "pipe"}
)
"""JMESPath expressions whose first part alone reads the state; the other parts read its result."""
_FILTER = "filter_projection"


@dataclass(frozen=True, slots=True)
class Misfit:
    """A problem of the agent's entry: its key, what is wrong, and what to write."""

    key: str
    what: str
    fix: str


def misfits(graph: Any, given: Any, reply: str) -> Sequence[Misfit]:
    """List what the graph cannot use of the agent's entry; `given` is its `input:`."""
    return (*_of_input(graph, given), *_of_reply(graph, reply), *_of_context(graph))


def hints(graph: Any) -> Sequence[str]:
    """Say what may be wrong, a sentence each: nothing enforces the required keys of a TypedDict at run time."""
    schema = graph.context_schema
    needed = sorted(getattr(schema, "__required_keys__", frozenset()) - {USER})
    if not needed:
        return ()
    return (f"{schema.__name__}: Signoff gives a graph no context, so runtime.context has no {', '.join(needed)}.",)


# Input ----------------------------------------------------------------------------------------------------------------


def _of_input(graph: Any, given: Any) -> Iterator[Misfit]:
    fields = _input_fields(graph)
    if not fields:
        return
    fix = f"Write input: {{{_text_of(graph.builder.input_schema, fields)}: $text}}."
    if not isinstance(given, Mapping):
        yield Misfit("input", "the graph takes an object, and this is not one", fix)
        return
    unknown = [name for name in given if name not in fields]
    if unknown:
        names = ", ".join(f'"{name}"' for name in unknown)
        what = f"the graph's input has no {names}, so its value would be dropped; it has {', '.join(fields)}"
        yield Misfit("input", what, _suggestion(given, unknown, fields) or fix)


def _suggestion(given: Mapping[str, Any], unknown: Sequence[str], fields: Sequence[str]) -> str:
    """Suggest the field that a misspelt one is nearest to; nothing if no field of the input fits."""
    near = difflib.get_close_matches(unknown[0], fields, n=1) if len(unknown) < len(given) else []
    return f'Did you mean "{near[0]}"?' if near else ""


def _input_fields(graph: Any) -> Sequence[str]:
    """List the fields that the graph takes; none if they are not known, or its state is no object."""
    builder = getattr(graph, "builder", None)
    fields = [*builder.schemas[builder.input_schema]] if builder is not None else []
    return () if _ROOT in fields else fields


# Reply ----------------------------------------------------------------------------------------------------------------


def _of_reply(graph: Any, reply: str) -> Iterator[Misfit]:
    builder = getattr(graph, "builder", None)
    if builder is None:
        return
    fields = {name for each in builder.schemas.values() for name in each}
    read = set(_fields_read(jmespath.compile(reply).parsed))
    if not fields or _ROOT in fields or not read or not read.isdisjoint(fields):
        return
    names = ", ".join(f'"{name}"' for name in sorted(read))
    own, taken = [*builder.schemas[builder.output_schema]], _text_of(builder.input_schema, _input_fields(graph))
    said = _text_of(builder.output_schema, [name for name in reversed(own) if name != taken] or own)
    what = f"the graph's state has no {names}, so no reply would be posted; it has {', '.join(own)}"
    yield Misfit("reply", what, f"Write reply: {said}.")


def _fields_read(expression: Mapping[str, Any]) -> Iterator[str]:
    """List the fields of the state that an expression reads."""
    kind, children = expression["type"], expression.get("children") or []
    if kind == "field":
        yield expression["value"]
    elif kind in _LEFT_OF or kind == _FILTER:
        yield from _fields_read(children[0])
    else:
        for child in children:
            yield from _fields_read(child)


# Context --------------------------------------------------------------------------------------------------------------


def context_fields(schema: Any) -> Mapping[str, bool]:
    """List the fields of a context schema, and whether each is required."""
    if dataclasses.is_dataclass(schema):
        return {each.name: _is_required(each) for each in dataclasses.fields(schema) if each.init}
    if (declared := getattr(schema, "model_fields", None)) is not None:
        return {name: each.is_required() for name, each in declared.items()}
    return dict.fromkeys(getattr(schema, "__annotations__", None) or (), False)


def _is_required(field: "dataclasses.Field[Any]") -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _of_context(graph: Any) -> Iterator[Misfit]:
    schema = graph.context_schema
    needed = [name for name, required in context_fields(schema).items() if required and name != USER]
    if needed:
        what = f"the graph needs a context with {', '.join(needed)}, and Signoff gives it none"
        yield Misfit(
            "graph", what, f"Give each of these a default in {schema.__name__}, or read it from the environment."
        )


# Words ----------------------------------------------------------------------------------------------------------------


def _text_of(schema: Any, fields: Sequence[str]) -> str:
    """Return the first field that holds text, or the first one."""
    try:
        known = get_type_hints(schema)
    except (NameError, TypeError):
        known = {}
    return next((name for name in fields if known.get(name) is str), next(iter(fields), "FIELD"))
