"""Makes the questions that an `interrupt(...)` may ask, with the payload as the code shows it.

A stand-in replaces each value that the graph makes at run time: of the type that the state or the tool declares, or a
text and an object, one after the other.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from typing import Any, get_origin

from pydantic import TypeAdapter

from adapters.langgraph.agents import LocalAgent
from adapters.langgraph.dialects import Question
from adapters.langgraph.dialects.general import PROMPTS
from adapters.langgraph.dialects.json_schema import Schema
from adapters.langgraph.dialects.to_json import to_json
from adapters.langgraph.fingerprint import SEPARATOR
from adapters.langgraph.reading import Reading
from adapters.langgraph.reading.answers.graphs import NodeEntry
from adapters.langgraph.reading.code.sources import hints_of
from adapters.langgraph.reading.code.values import Known, Listed, Made, Mapped, Unknown, Value
from engine.asks.ask import Json
from engine.asks.foreseen import Payload

TEXT = "…"
OBJECT: Mapping[str, Json] = {"name": TEXT, "args": {TEXT: TEXT}, "id": TEXT}
"""Stands for any object, also for a tool call."""
_MOST_OPEN = 4
"""The most values of a payload that are tried as a text and as an object, in every combination."""


def questions(agent: LocalAgent, reading: Reading) -> Iterator[tuple[Question, str]]:
    """Make each question that an interrupt may ask, and say what the payload is then."""
    open_places = list(_open_places(reading.payload))
    tried = open_places[:_MOST_OPEN]
    known = _types(reading.probed.entry)
    options = [_stand_ins(path, value, known) for path, value in tried]
    schema = _schema_of(reading.schema)
    nodes = (reading.path.rpartition(SEPARATOR)[2], reading.path)
    for chosen in itertools.product(*options):
        stand_ins: dict[int, Json] = {id(value): each for (_, value), each in zip(tried, chosen, strict=True)}
        payload, exact = _filled(reading.payload, stand_ins)
        said = ", ".join(
            f"{_field(path)} is {'a text' if each == TEXT else 'an object'}"
            for (path, _), each, option in zip(tried, chosen, options, strict=True)
            if len(option) > 1
        )
        question = Question(
            payload,
            schema,
            exact,
            agent.tools,
            nodes=nodes,
            reading=agent.reading_of(reading.path, payload),
            texts=agent.texts_of(reading.path),
        )
        yield question, said


def _types(entry: NodeEntry) -> Mapping[str, Any]:
    """List the types of a state's fields, or of a tool's arguments, by origin."""
    builder = getattr(entry.chain[-1][0], "builder", None)
    state = hints_of(getattr(builder, "state_schema", None))
    arguments = hints_of(getattr(entry.function, "__func__", entry.function)) if entry.is_tool else {}
    return {
        **{f"state.{name}": each for name, each in state.items()},
        **{f"argument {name}": each for name, each in arguments.items()},
    }


def _stand_ins(path: tuple[Any, ...], value: Value, types: Mapping[str, Any]) -> tuple[Json, ...]:
    """List the values to try in place of one that is made at run time."""
    if (path and path[-1] in PROMPTS) or (isinstance(value, Unknown) and value.is_text):
        return (TEXT,)
    declared = types.get(value.origin) if isinstance(value, Unknown) else None
    declared = get_origin(declared) or declared
    for kind, each in _BY_TYPE.items():
        if isinstance(declared, type) and issubclass(declared, kind):
            return (each,)
    is_object = isinstance(declared, type) and (hasattr(declared, "model_fields") or is_dataclass(declared))
    return (dict(OBJECT),) if is_object else (TEXT, dict(OBJECT))


_BY_TYPE: Mapping[type, Json] = {str: TEXT, bool: True, int: 1, float: 1.5, dict: dict(OBJECT), list: [TEXT]}


def _field(path: tuple[Any, ...]) -> str:
    return ".".join(map(str, path)) or "the payload"


def _open_places(value: Value, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Value]]:
    """List the parts of a payload that may be anything."""
    match value:
        case Mapped():
            for key, each in value.fields.items():
                yield from _open_places(each, (*path, key))
        case Listed():
            for number, each in enumerate(value.items):
                yield from _open_places(each, (*path, number))
        case Known() | Made():
            return
        case Unknown() if value.kind is str:
            return
        case _:
            yield path, value


def _filled(value: Value, stand_ins: Mapping[int, Json]) -> tuple[Json, bool]:
    """Return a payload as JSON, and whether the graph has it in this form."""
    if id(value) in stand_ins:
        return stand_ins[id(value)], True
    match value:
        case Known():
            made = to_json(value.value)
            return made.value, made.exact
        case Mapped():
            inner = {str(key): _filled(each, stand_ins) for key, each in value.fields.items()}
            return {key: each for key, (each, _) in inner.items()}, all(exact for _, exact in inner.values())
        case Listed():
            items = [_filled(each, stand_ins) for each in value.items]
            return [each for each, _ in items], value.kind is list and all(exact for _, exact in items)
        case Made():
            return {name: _filled(each, stand_ins)[0] for name, each in value.attributes.items()}, False
    return TEXT, True


def known_share(value: Value) -> Payload:
    """Tell how much of a payload the code shows."""
    match value:
        case Known():
            return Payload.KNOWN
        case Mapped() | Listed() | Made():
            rest = value.rest if isinstance(value, Mapped) else value.before if isinstance(value, Listed) else None
            known = rest is None and all(known_share(each) is Payload.KNOWN for each in _parts(value))
            return Payload.KNOWN if known else Payload.PARTLY
        case Unknown() if value.kind is str:
            return Payload.PARTLY
    return Payload.UNKNOWN


def _parts(value: Mapped | Listed | Made) -> Sequence[Value]:
    match value:
        case Mapped():
            return list(value.fields.values())
        case Listed():
            return value.items
        case Made():
            return list(value.attributes.values())


def _schema_of(value: Value | None) -> Schema | None:
    """Read a `response_schema` as LangGraph publishes it."""
    if value is None or (isinstance(value, Known) and value.value is None):
        return None
    if isinstance(value, Known):
        try:
            made = to_json(TypeAdapter(value.value).json_schema()).value
        except Exception:  # noqa: BLE001 - a type of which pydantic has no schema: then the node would raise, too
            return None
        return made if isinstance(made, dict) else None
    filled, _ = _filled(value, {})
    return filled if isinstance(filled, dict) else None
