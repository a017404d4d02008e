"""Makes a condition read the clock of its rule's time zone.

In CEL `now.getHours()` is the hour in UTC, `now.getHours('Europe/Berlin')` the one in Berlin, and the library cannot
change the first. So the zone is written into the text wherever a function of time is called without one. The library
finds these places: compiled without the functions that take no zone, it refuses exactly them and gives the position of
their parentheses. Durations have functions of the same names; these are left alone.
"""

import re
from collections.abc import Sequence
from typing import Final

from adapters.conditions import cel

UTC: Final = "UTC"
_WITHOUT_ZONE: Final = (
    ("getFullYear", "timestamp_to_year"),
    ("getMonth", "timestamp_to_month"),
    ("getDayOfYear", "timestamp_to_day_of_year"),
    ("getDayOfMonth", "timestamp_to_day_of_month"),
    ("getDate", "timestamp_to_day_of_month_1_based"),
    ("getDayOfWeek", "timestamp_to_day_of_week"),
    ("getHours", "timestamp_to_hours"),
    ("getMinutes", "timestamp_to_minutes"),
    ("getSeconds", "timestamp_to_seconds"),
    ("getMilliseconds", "timestamp_to_milliseconds"),
)
_ASKED = re.compile(r"(?:undeclared reference to|found no matching overload for) 'get[A-Za-z]+'")
_ZONE = re.compile(r"[A-Za-z0-9_+/-]{1,64}")


def is_known(zone: str) -> bool:
    """Tell whether the library knows a zone: it reads the machine's tables, not Python's."""
    if not _ZONE.fullmatch(zone):
        return False
    try:
        return cel.compiled(f"timestamp('2026-01-01T00:00:00Z').getHours('{zone}') >= 0").evaluate({})
    except cel.UnevaluatedError:
        return False


def in_zone(text: str, zone: str) -> cel.Program:
    """Compile a valid text with the clock of a known zone. Raises RefusedError."""
    while zone != UTC:
        try:
            return cel.compiled(text, without=_WITHOUT_ZONE)
        except cel.RefusedError as error:
            places = [_place(text, each) for each in error.refusals if _ASKED.match(each.message)]
            if not places or any(text[place : place + 1] != "(" for place in places):
                raise
            text = _with(text, zone, places)
    return cel.compiled(text)


def _place(text: str, refusal: cel.CelRefusal) -> int:
    return sum(len(line) + 1 for line in text.split("\n")[: refusal.line - 1]) + refusal.column - 1


def _with(text: str, zone: str, places: Sequence[int]) -> str:
    for place in sorted(set(places), reverse=True):
        text = f"{text[: place + 1]}'{zone}'{text[place + 1 :]}"
    return text
