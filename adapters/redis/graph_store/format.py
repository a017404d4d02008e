"""Writes namespaces and values for Redis, and reads them back. No I/O.

A value is JSON, as LangGraph's own contract says ("JSON-serializable values") and as its Postgres store keeps it: never
pickle, and no types that would have to be imported to be read. A tuple comes back as a list; anything else that JSON
would change without a word (a key that is no text, a date) is refused before anything is written.

A namespace is its labels, each ended by 0x00, so that the names of all namespaces under a prefix begin with its name
and Redis finds them by their order.
"""

import json
import math
import struct
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from langgraph.store.base import InvalidNamespaceError, Item

Namespace = tuple[str, ...]

HEADER = struct.Struct(">Bddd")
"""Of a record, before its JSON: format, and when it was created and updated and its TTL, in ms. Scripts write it."""

_FORMAT = 1
_FOREVER = 1e15
_DEEPEST = 200
_MS = 1000.0
_MINUTE = 60_000.0


class Record(NamedTuple):
    """A stored item."""

    key: str
    body: bytes
    created: float
    updated: float
    ttl: float

    def item(self, namespace: Namespace) -> Item:
        """Make LangGraph's item."""
        return Item(
            value=self.value(),
            key=self.key,
            namespace=namespace,
            created_at=_at(self.created),
            updated_at=_at(self.updated),
        )

    def value(self) -> dict[str, Any]:
        """Read the value. Raises ValueError for one that is damaged."""
        try:
            return dict(json.loads(self.body))
        except (ValueError, TypeError):
            raise _damaged(self.key) from None


def read_record(key: str, raw: bytes) -> Record:
    """Read a record. Raises ValueError for one of a newer version, and for one that Signoff did not write."""
    if len(raw) < HEADER.size:
        raise _damaged(key)
    version, created, updated, ttl = HEADER.unpack_from(raw)
    if version != _FORMAT:
        raise ValueError(f"the item {key!r} was written by a newer version of Signoff (format {version})")
    return Record(key, raw[HEADER.size :], created, updated, ttl)


def _damaged(key: str) -> ValueError:
    return ValueError(f"the item {key!r} is damaged in Redis: put it again, or delete it")


def _at(milliseconds: float) -> datetime:
    return datetime.fromtimestamp(milliseconds / _MS, UTC)


def write_value(value: Mapping[str, Any]) -> bytes:
    """Write an item's value. Raises TypeError or ValueError that names the place, for what JSON cannot hold."""
    if not isinstance(value, Mapping):
        raise TypeError(f"the value of an item is a dict, not {type(value).__name__}")
    return json.dumps(_plain(value, "value", 0), separators=(",", ":")).encode()


def _plain(value: Any, path: str, depth: int) -> Any:
    if depth > _DEEPEST:
        raise ValueError(f"{path[:80]}... is nested deeper than {_DEEPEST} levels, or holds itself")
    match value:
        case None | bool() | int() | float() | str():
            return value
        case Mapping():
            for key in value:
                if not isinstance(key, str):
                    raise TypeError(f"{path} has the key {key!r}: keys are text in JSON")
            return {key: _plain(each, f"{path}[{key!r}]", depth + 1) for key, each in value.items()}
        case list() | tuple():
            return [_plain(each, f"{path}[{place}]", depth + 1) for place, each in enumerate(value)]
        case _:
            raise TypeError(f"{path} is of type {type(value).__name__}, which JSON cannot hold: store text or numbers")


def write_namespace(labels: Sequence[str]) -> str:
    """Name a namespace, or a prefix of namespaces. Raises InvalidNamespaceError for a label that is no text."""
    for label in labels:
        if not isinstance(label, str):
            raise InvalidNamespaceError(f"the label {label!r} of the namespace {tuple(labels)} is not text")
    return "".join(label.replace("%", "%25").replace("\0", "%00") + "\0" for label in labels)


def read_namespace(name: str) -> Namespace:
    """Read a namespace's name."""
    return tuple(label.replace("%00", "\0").replace("%25", "%") for label in name.split("\0")[:-1])


def as_bytes(text: str) -> bytes:
    """Encode any text, lone surrogates too."""
    return text.encode(errors="surrogatepass")


def as_text(raw: bytes) -> str:
    """Undo `as_bytes`."""
    return raw.decode(errors="surrogatepass")


def milliseconds(minutes: float | None, what: str = "ttl") -> float:
    """Turn a TTL into ms, 0 for none and 30,000 years at most, since Redis refuses more.

    Raises ValueError or TypeError when it is not a positive number.
    """
    if minutes is None:
        return 0.0
    if isinstance(minutes, bool) or not isinstance(minutes, int | float):
        raise TypeError(f"{what} is {minutes!r}: it is a number of minutes")
    if not math.isfinite(minutes) or minutes <= 0:
        raise ValueError(f"{what} is {minutes}: it is a number of minutes above 0; leave it out for items that stay")
    return min(max(float(round(minutes * _MINUTE)), 1.0), _FOREVER)
