"""Reads numbers and JSON as people type them, without losing a digit. Pure.

A number that a float would round is refused, and the person is told. JSON has no other number with a fraction, so a
decimal that a float cannot hold is sent as text if the schema takes text (pydantic's `Decimal` does), and refused
otherwise.
"""

import json
import math
import re
from decimal import Decimal
from typing import Any

from adapters.slack.drawing.sentences import forms as sentences
from engine.asks.ask import DEEPEST, Json, unstorable

_NUMERAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d{1,6})?", re.ASCII | re.IGNORECASE)
_WHOLE = re.compile(r"([+-]?\d+)(\.0*)?", re.ASCII)
_LONGEST_WHOLE = 1_000
"""The most digits that are read: Python's limit is 4,300, and no checkpoint holds more than 20."""


class EntryError(ValueError):
    """An entry that cannot be accepted; the message is a sentence for the person."""


def is_number(text: str) -> bool:
    """True if the text spells a number: no words such as `nan`, no separators."""
    return _NUMERAL.fullmatch(text) is not None


def integer(text: str) -> int:
    """Read a whole number of any length. Raises EntryError."""
    found = _WHOLE.fullmatch(text)
    if found is None:
        raise EntryError(sentences.NOT_WHOLE if is_number(text) else sentences.NOT_A_NUMBER)
    if len(text) > _LONGEST_WHOLE:
        raise EntryError(sentences.TOO_LARGE)
    return int(found.group(1))


def number(text: str) -> int | float:
    """Read a number: an integer if it is spelled as one. Raises EntryError if a float would change it."""
    if not is_number(text):
        raise EntryError(sentences.NOT_A_NUMBER)
    if text.lstrip("+-").isdigit() and len(text) <= _LONGEST_WHOLE:
        return int(text)
    found = float(text)
    if math.isinf(found):
        raise EntryError(sentences.TOO_LARGE)
    if Decimal(text) != Decimal(repr(found)):
        raise EntryError(f"This number cannot be passed on exactly. The closest one that can be is {found!r}.")
    return found


def to_the_letter(text: str) -> int | float | None:
    """The number that JSON spells exactly so; None for 1.10, 1e5 and anything else."""
    try:
        found = number(text)
    except EntryError:
        return None
    return found if json.dumps(found) == text else None


def same_number(text: str, value: Json) -> bool:
    """True if a text spells the value of a number, possibly differently (1.0, 1)."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not is_number(text):
        return False
    return Decimal(text) == Decimal(repr(value))


# JSON -----------------------------------------------------------------------------------------------------------------


def read_json(text: str) -> Json:
    """Read a JSON text. Raises EntryError, also for what most parsers would silently change or drop."""
    try:
        value: Json = json.loads(
            text, parse_float=_fraction, parse_int=integer, parse_constant=_refused, object_pairs_hook=_object
        )
    except EntryError:
        raise
    except json.JSONDecodeError as error:
        raise EntryError(f"This is not JSON: look at line {error.lineno}, column {error.colno}.") from None
    except RecursionError:
        raise EntryError(sentences.TOO_DEEP) from None
    if any(len(each.path) > DEEPEST for each in unstorable(value)):  # how deep Python reads depends on its version
        raise EntryError(sentences.TOO_DEEP)
    return value


def _fraction(text: str) -> float:
    found = float(text)
    if math.isinf(found):
        raise EntryError(f"{text} is too large.")
    if Decimal(text) != Decimal(repr(found)):
        raise EntryError(
            f"{text} cannot be passed on exactly as a number (it would become {found!r}). "
            f'Where the agent takes text, put it in quotes: "{text}".'
        )
    return found


def _refused(name: str) -> Json:
    raise EntryError(f"{name} is not JSON.")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise EntryError(f'"{twice}" stands twice in the same object.')
    return found
