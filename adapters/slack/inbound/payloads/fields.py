"""Typed access to the fields of a payload.

A field that is missing or of another type raises `MalformedError`; the parsers rely on what they read here.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

Payload: TypeAlias = Mapping[str, Any]


class MalformedError(ValueError):
    """A payload's `field` is missing or of another type."""

    def __init__(self, field: str) -> None:
        super().__init__(f"{field} is missing or of another type")
        self.field = field


def optional_object(payload: Payload, key: str) -> Payload:
    """The object under a key; empty if there is none. Raises MalformedError."""
    found = payload.get(key)
    if found is None:
        return {}
    if not isinstance(found, Mapping):
        raise MalformedError(key)
    return found


def objects(payload: Payload, key: str) -> Sequence[Payload]:
    """The list of objects under a key; empty if there is none. Raises MalformedError."""
    found = payload.get(key)
    if found is None:
        return ()
    if not isinstance(found, list) or not all(isinstance(each, Mapping) for each in found):
        raise MalformedError(key)
    return found


def optional_text(payload: Payload, key: str) -> str:
    """The text under a key; "" if there is none. Raises MalformedError."""
    found = payload.get(key)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise MalformedError(key)
    return found


def text(payload: Payload, key: str) -> str:
    """The text under a key, which may not be empty. Raises MalformedError."""
    found = optional_text(payload, key)
    if not found:
        raise MalformedError(key)
    return found
