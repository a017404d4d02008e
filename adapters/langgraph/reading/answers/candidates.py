"""Reads and changes candidates for an answer: the value at a path, a copy with another value there."""

from collections.abc import Iterator
from typing import Any

from adapters.langgraph.reading.code.values import TEXT, Path

_LONGEST_LIST = 4
ANY_KEY = "any key"
"""In a candidate: a key of a dict that only must not be empty, so that the fields read from it come to light."""


def spelling(candidate: Any) -> str:
    """Spell a candidate; the same candidate always has the same spelling."""
    if isinstance(candidate, dict):
        return f"{{{', '.join(sorted(f'{key!r}: {spelling(each)}' for key, each in candidate.items()))}}}"
    return f"[{', '.join(map(spelling, candidate))}]" if isinstance(candidate, list) else repr(candidate)


def value_at(candidate: Any, path: Path) -> Any:
    """Return the value of a candidate at a path; None if it has none."""
    for key in path:
        if isinstance(candidate, dict):
            candidate = candidate.get(key)
        elif isinstance(candidate, list) and isinstance(key, int) and key < len(candidate):
            candidate = candidate[key]
        else:
            return None
    return candidate


def has_value(candidate: Any, path: Path) -> bool:
    """Tell whether a candidate has a value at a path."""
    return path == () or value_at(candidate, path) is not None


def without(candidate: Any, path: Path) -> Any:
    """Remove the value at a path; only keys of a dict can be removed."""
    inner = value_at(candidate, path[:-1]) if path else None
    if not isinstance(inner, dict):
        return candidate
    return with_value(candidate, path[:-1], {key: each for key, each in inner.items() if key != path[-1]})


def with_value(candidate: Any, path: Path, value: Any) -> Any:
    """Put another value at a path of a candidate."""
    if not path:
        return value
    key, rest = path[0], path[1:]
    if isinstance(candidate, list) and isinstance(key, int) and key < len(candidate):
        return [with_value(each, rest, value) if number == key else each for number, each in enumerate(candidate)]
    if isinstance(key, int) and not isinstance(key, bool) and 0 <= key < _LONGEST_LIST:
        return [*[TEXT] * key, with_value(None, rest, value)]
    inner = {name: each for name, each in candidate.items() if name != ANY_KEY} if isinstance(candidate, dict) else {}
    return {**inner, key: with_value(inner.get(key), rest, value)}


def text_places(candidate: Any, path: Path = ()) -> Iterator[Path]:
    """List the places of a person's words in a candidate."""
    if candidate is TEXT:
        yield path
    elif isinstance(candidate, dict | list):
        for key, each in candidate.items() if isinstance(candidate, dict) else enumerate(candidate):
            yield from text_places(each, (*path, key))


def size(candidate: Any) -> int:
    """Count the values of a candidate."""
    return 1 + sum(map(size, candidate.values())) if isinstance(candidate, dict) else 1
