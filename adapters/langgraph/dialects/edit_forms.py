"""The form of an edit: people can change the fields that the graph takes, and read the others."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from adapters.langgraph.dialects.json_schema import NOT_EMPTY, Schema
from engine.asks.ask import Json, ValueProblem, canonical
from engine.asks.templates import PickPath

NOT_TAKEN = "The agent does not accept a change to this field."


def read_only_except(schema: Schema | None, edited: Sequence[tuple[Any, ...]]) -> Schema | None:
    """Make every other field of a schema read-only."""
    if schema is None or any(not path for path in edited):
        return schema
    properties = schema.get("properties")
    if not isinstance(properties, Mapping):
        return schema
    made: dict[str, Json] = {}
    for name, each in properties.items():
        inner = [path[1:] for path in edited if path[0] == name]
        part = dict(each) if isinstance(each, Mapping) else {}
        made[name] = dict(_closed(read_only_except(part, inner) or {})) if inner else {**part, "readOnly": True}
    return {**schema, "properties": made}


def _closed(schema: Schema) -> Schema:
    """Close an object: the node takes exactly these fields."""
    properties = schema.get("properties")
    if not isinstance(properties, Mapping):
        return schema
    inner: dict[str, Json] = {
        name: dict(_closed(each)) if isinstance(each, Mapping) else each for name, each in properties.items()
    }
    return {**schema, "properties": inner, "additionalProperties": False}


def with_required(schema: Schema | None, paths: Sequence[tuple[Any, ...]]) -> Schema | None:
    """Require values that are not empty at these paths."""
    if schema is None:
        return None
    made = {**schema, **NOT_EMPTY} if () in paths else dict(schema)
    properties = made.get("properties")
    if not isinstance(properties, Mapping):
        return made
    inner: dict[str, Json] = {}
    for name, each in properties.items():
        below = [path[1:] for path in paths if path[:1] == (name,)]
        inner[name] = dict(with_required(each, below) or {}) if below and isinstance(each, Mapping) else each
    return {**made, "properties": inner}


def changed_read_only(schema: Schema | None, before: Json, after: Json, path: PickPath = ()) -> Iterator[ValueProblem]:
    """Report a problem for each read-only field that was changed."""
    properties = (schema or {}).get("properties")
    if not isinstance(properties, Mapping) or not isinstance(before, dict) or not isinstance(after, dict):
        return
    for name, part in properties.items():
        if not isinstance(part, Mapping):
            continue
        if part.get("readOnly") is True:
            if name in before and (name not in after or canonical(after[name]) != canonical(before[name])):
                yield ValueProblem((*path, name), NOT_TAKEN)
        else:
            yield from changed_read_only(part, before.get(name), after.get(name), (*path, name))
