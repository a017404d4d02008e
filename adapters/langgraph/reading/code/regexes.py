"""Reads regular expressions: matches them with words, and finds the words in a pattern that are worth trying."""

import re
from collections.abc import Iterator
from typing import Any

MATCHING = frozenset(("match", "search", "fullmatch"))
_MOST_WORDS = 12
_LONGEST = 200
"""The most letters of a pattern and of a word: neither takes long to match."""


def matched(name: str, pattern: Any, word: str, flags: int = 0) -> bool | None:
    """Tell whether a pattern of the project matches a word; None if that is not worked out."""
    source = pattern.pattern if isinstance(pattern, re.Pattern) else pattern
    if not isinstance(source, str) or len(source) > _LONGEST or len(word) > _LONGEST or _repeats(source):
        return None
    try:
        compiled = pattern if isinstance(pattern, re.Pattern) else re.compile(source, flags)
    except re.error:
        return None
    return getattr(compiled, name)(word) is not None


def words_of(pattern: Any) -> Iterator[str]:
    """List the words in a pattern."""
    source = pattern.pattern if isinstance(pattern, re.Pattern) else pattern
    if isinstance(source, str):
        plain = re.sub(r"\\[A-Za-z]|\(\?[a-zA-Z<!=:]+", " ", source)
        yield from list(dict.fromkeys(re.findall(r"\w+(?: \w+)*", plain)))[:_MOST_WORDS]


def _repeats(source: str) -> bool:
    """Tell whether a repetition is inside another, which may take forever."""
    return re.search(r"[+*}]\)?[+*{]|\([^)]*[+*][^)]*\)[+*{]", source) is not None
