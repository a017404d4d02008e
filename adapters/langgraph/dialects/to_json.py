"""Converts any Python value to JSON, to show it: a dataclass, a message, a set, bytes, even a value with a cycle.

The same value gives the same JSON in every process, because a digest of it binds decisions to what was shown (P4): sets
are sorted, and memory addresses are dropped. Values that JSON cannot hold become strings that a person can read.
"""

import base64
import dataclasses
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from enum import Enum
from typing import Any

from engine.asks.ask import DEEPEST, Json, canonical

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


@dataclass(frozen=True, slots=True)
class AsJson:
    """A value as JSON; `exact` if it was JSON already, so that the graph reads an edited copy as it is shown."""

    value: Json
    exact: bool


def to_json(value: Any) -> AsJson:
    """Convert any value to JSON. Never raises."""
    reader = _Reader()
    return AsJson(reader.read(value, ()), reader.exact)


class _Reader:
    """One walk over one value. `inside` holds the ids of the containers around the current value."""

    def __init__(self) -> None:
        self.exact = True

    def read(self, value: Any, inside: tuple[int, ...]) -> Json:
        # The exact types first: subclasses (an enum of strings, a named tuple) do not survive a round trip.
        if value is None or type(value) in (bool, int):
            return value  # type: ignore[no-any-return]
        if type(value) is str:
            return value if value.isascii() else self._text(value)
        if type(value) is float:
            return value if math.isfinite(value) else self._inexact(str(value))
        if id(value) in inside:
            return self._inexact("(contains itself)")
        if len(inside) >= DEEPEST:
            return self._inexact(f"(nested more than {DEEPEST} levels deep)")
        within = (*inside, id(value))
        if type(value) is dict:
            return self._mapping(value, within)
        if type(value) is list:
            return [self.read(each, within) for each in value]
        self.exact = False
        return self._other(value, within)

    def _text(self, value: str) -> str:
        """Escape a lone surrogate, which cannot be stored or sent anywhere."""
        try:
            value.encode()
        except UnicodeEncodeError:
            return str(self._inexact(value.encode("utf-8", "backslashreplace").decode()))
        return value

    def _inexact(self, note: str) -> Json:
        self.exact = False
        return note

    def _mapping(self, value: Mapping[Any, Any], within: tuple[int, ...]) -> Json:
        if not all(type(key) is str for key in value):
            self.exact = False
        return {self._key(key): self.read(each, within) for key, each in value.items()}

    def _key(self, key: Any) -> str:
        return self._text(key) if type(key) is str else _shown(key)

    def _other(self, value: Any, within: tuple[int, ...]) -> Json:  # noqa: PLR0911 - one line for each sort of value
        match value:
            case Enum():
                return self.read(value.value, within)
            case str():
                return self._text(str(value))
            case bool() | int():
                return int(value)
            case bytes() | bytearray() | memoryview():
                return base64.b64encode(bytes(value)).decode("ascii")
            case date() | time():
                return value.isoformat()
            case timedelta():
                return str(value)
            case Mapping():
                return self._mapping(value, within)
            case set() | frozenset():
                return sorted((self.read(each, within) for each in value), key=canonical)
            case tuple() | list():
                return [self.read(each, within) for each in value]
            case _:
                return self._object(value, within)

    def _object(self, value: Any, within: tuple[int, ...]) -> Json:
        fields = _fields(value)
        if fields is None:
            return _shown(value)
        return {name: self.read(each, within) for name, each in fields}


def _fields(value: Any) -> Iterable[tuple[str, Any]] | None:
    """List the public fields of a dataclass or pydantic model, without the empty ones of a message."""
    if isinstance(value, type):
        return None
    if dataclasses.is_dataclass(value):
        return [(each.name, getattr(value, each.name, None)) for each in dataclasses.fields(value)]
    declared = getattr(type(value), "model_fields", None)
    if not isinstance(declared, Mapping):
        return None
    fields = [(name, getattr(value, name, None)) for name in declared]
    if "content" not in declared or "type" not in declared:
        return fields
    return [(name, each) for name, each in fields if name in ("type", "content") or each not in (None, {}, [], False)]


def _shown(value: Any) -> str:
    try:
        text = _ADDRESS.sub("", repr(value) if not isinstance(value, type) else value.__qualname__)
    except Exception:  # noqa: BLE001 - a payload's own repr may raise anything; it is only shown
        return f"({type(value).__name__})"
    return text.encode("utf-8", "backslashreplace").decode()
