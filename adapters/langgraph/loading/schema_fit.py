"""Checks an agent's entry in `app.yaml` against the graph: its input, its reply, its context.

LangGraph silently drops a field of the input that the graph's state does not have; JMESPath gives nothing for a missing
field; and a context that lacks a field fails the first run. So each of these is reported before the bot starts. What a
graph does not declare is not checked: a workflow of the functional API takes anything.

https://docs.langchain.com/oss/python/langgraph/graph-api#schema,
https://docs.langchain.com/oss/python/langgraph/graph-api#runtime-context
"""

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, get_type_hints

import jmespath

from adapters.langgraph.config_keys import USER
from adapters.langgraph.loading.context_schema import example_of, fields_of, is_typed_dict, read_by

_ROOT = "__root__"
USER_EXAMPLE = "U0EXAMPLE"
"""A Slack id, with which a context is tried before anybody asks."""
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


def misfits(
    graph: Any,
    given: Any,
    reply: str,
    context: Mapping[str, Any] | None = None,
    configurable: Mapping[str, Any] = MappingProxyType({}),
    as_filled: Callable[[Any], Any] = lambda template: template,
) -> Sequence[Misfit]:
    """List what the graph cannot use of the agent's entry; `given` is its `input:`.

    `as_filled` fills examples in for the words of the context, such as `$user`.
    """
    of_context = _of_context(graph.context_schema, context, configurable, as_filled)
    return (*_of_input(graph, given), *_of_reply(graph, reply), *of_context)


def hints(
    graph: Any, context: Mapping[str, Any] | None = None, configurable: Mapping[str, Any] = MappingProxyType({})
) -> Sequence[str]:
    """Say what may be wrong with the context, a sentence each.

    Many projects declare a TypedDict whose keys look required and read them with `.get`: so a missing context is no
    problem there.
    """
    schema = graph.context_schema
    if context is not None and not isinstance(schema, type):
        return ("the graph has no context_schema, so context: in app.yaml is passed to it unchecked.",)
    if context is not None or not is_typed_dict(schema):
        return ()
    fields = fields_of(schema)
    needed = sorted(name for name in fields if fields[name] and name != USER and name not in configurable)
    if not needed:
        return ()
    fix = f"If a node needs it, write context: {example_of(schema, needed)}."
    return (f"{schema.__name__}: app.yaml has no context:, so runtime.context has no {', '.join(needed)}. {fix}",)


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


def context_given(
    schema: Any, context: Mapping[str, Any] | None, configurable: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    """Return the context of a run before its words are filled in; None for a graph that has no use for one.

    Without `context:` it has those keys of `configurable` that the schema knows, as on a LangGraph Server, or none:
    from an empty context LangGraph makes the defaults of a dataclass or a model, from None it makes None. An empty
    TypedDict comes as None, as it does under `langgraph dev`.
    """
    if context is not None:
        return context
    if not isinstance(schema, type):
        return None
    return {name: each for name, each in configurable.items() if name in fields_of(schema)}


def context_for(schema: Any, given: Mapping[str, Any] | None, user: str) -> dict[str, Any] | None:
    """Return the context that a run gets, with the requester where the schema has a field for them."""
    if given is None:
        return None
    read, _ = read_by(schema, _with_user(schema, given, user)) if isinstance(schema, type) else (dict(given), ())
    return read


def _with_user(schema: Any, given: Mapping[str, Any], user: str) -> dict[str, Any]:
    required = fields_of(schema).get(USER)
    return {USER: user, **given} if required or (required is not None and user) else dict(given)


def _of_context(
    schema: Any, context: Mapping[str, Any] | None, configurable: Mapping[str, Any], as_filled: Callable[[Any], Any]
) -> Iterator[Misfit]:
    given = context_given(schema, context, configurable)
    if given is None or not isinstance(schema, type):
        return
    filled = as_filled(given)
    _, problems = read_by(schema, _with_user(schema, filled, USER_EXAMPLE))
    missing = [each for each in problems if each.missing]
    if missing and (context is not None or not is_typed_dict(schema)):
        needed = dict.fromkeys(name for name, required in fields_of(schema).items() if required and name != USER)
        needed |= dict.fromkeys(each.at.partition(".")[0] for each in missing)
        names = ", ".join(each.at for each in missing)
        what = f"the graph needs a context with {names}"
        yield Misfit("context", what, f"Write context: {example_of(schema, [*needed])}.")
    for each in problems:
        if each.missing or (each.own and filled != given):  # its code may know real people only
            continue
        near = difflib.get_close_matches(each.at, [*fields_of(schema)], n=1) if each.unknown else []
        meant = near and "." not in each.at
        fix = f'Did you mean "{near[0]}"?' if meant else f"Correct it, or change {schema.__name__} in the graph."
        yield Misfit("context", f"{each.at or 'this'} {each.what}", fix)


# Words ----------------------------------------------------------------------------------------------------------------


def _text_of(schema: Any, fields: Sequence[str]) -> str:
    """Return the first field that holds text, or the first one."""
    try:
        known = get_type_hints(schema)
    except (NameError, TypeError):
        known = {}
    return next((name for name in fields if known.get(name) is str), next(iter(fields), "FIELD"))
