"""Finds comparisons that can never be true in a condition's text: a name where the value is always a Slack id.

`requester == 'alice'` has valid types and is always false, so its rule would silently never apply.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from engine.rules.conditions import Mistake, Name

_LITERAL = r"'[^'\n]*'|\"[^\"\n]*\""
_ONE = re.compile(_LITERAL)
_TEXT = rf"(?P<text>{_LITERAL})"
_LIST = rf"(?P<text>\[\s*(?:{_LITERAL})(?:\s*,\s*(?:{_LITERAL}))*\s*\])"
_IDS: Final = {
    Name.REQUESTER: (
        re.compile(r"[UW][A-Z0-9]+"),
        "is not a Slack id, so the requester never equals it",
        'Copy the id from the person\'s profile in Slack ("Copy member ID"), or use requester_groups.',
    ),
    Name.CHANNEL: (
        re.compile(r"[CDG][A-Z0-9]+"),
        "is not a Slack id, so the channel never equals it",
        'Copy the id from the end of "About this channel" in Slack: a channel may be renamed.',
    ),
}
_HANDLE = re.compile(rf"{_TEXT}\s+in\s+requester_groups\b")


def handles(text: str) -> frozenset[str]:
    """Find the handles that a condition looks for among the requester's groups."""
    return frozenset(match["text"][1:-1] for match in _HANDLE.finditer(text))


def mistakes(text: str) -> Sequence[Mistake]:
    """Find the comparisons of a condition that can never be true."""
    found = [each for name in _IDS for each in _of(name, text)]
    for match in _HANDLE.finditer(text):
        handle = match["text"][1:-1]
        if handle.startswith("@"):
            what = f"{match['text']} never matches: handles in requester_groups have no @"
            found.append(_mistake(text, match.start("text"), what, f"Write '{handle.removeprefix('@')}'."))
    return found


def _of(name: Name, text: str) -> Iterator[Mistake]:
    wanted, what, fix = _IDS[name]
    patterns = (
        rf"(?<![\w.]){name}\s*[!=]=\s*{_TEXT}",
        rf"{_TEXT}\s*[!=]=\s*{name}(?![\w.])",
        rf"(?<![\w.]){name}\s+in\s+{_LIST}",
    )
    for match in (match for pattern in patterns for match in re.finditer(pattern, text)):
        for one in _ONE.finditer(match["text"]):
            if not wanted.fullmatch(one[0][1:-1]):
                yield _mistake(text, match.start("text") + one.start(), f"{one[0]} {what}", fix)


def _mistake(text: str, place: int, what: str, fix: str) -> Mistake:
    before = text[:place]
    return Mistake(before.count("\n") + 1, place - before.rfind("\n"), what, fix)
