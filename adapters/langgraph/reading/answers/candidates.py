"""Candidates for an answer: what one has at a path, and copies of it with another value there."""

from collections.abc import Iterator
from typing import Any

from adapters.langgraph.reading.code.values import TEXT, Path

_LONGEST_LIST = 4
ANY_KEY = "any key"
"""In a candidate: a dict that only has to have something in it, so that what is then read of it is seen."""


def mark(candidate: Any) -> str:
    """One spelling for each candidate."""
    if isinstance(candidate, dict):
        return f"{{{', '.join(sorted(f'{key!r}: {mark(each)}' for key, each in candidate.items()))}}}"
    return f"[{', '.join(map(mark, candidate))}]" if isinstance(candidate, list) else repr(candidate)


def got(candidate: Any, path: Path) -> Any:
    """What a candidate has at a path; None where it has nothing there."""
    for key in path:
        if isinstance(candidate, dict):
            candidate = candidate.get(key)
        elif isinstance(candidate, list) and isinstance(key, int) and key < len(candidate):
            candidate = candidate[key]
        else:
            return None
    return candidate


def has(candidate: Any, path: Path) -> bool:
    """Whether a candidate has something at a path."""
    return path == () or got(candidate, path) is not None


def without(candidate: Any, path: Path) -> Any:
    """A candidate that has nothing at a path; as it is where that is no key of a dict."""
    inner = got(candidate, path[:-1]) if path else None
    if not isinstance(inner, dict):
        return candidate
    return put(candidate, path[:-1], {key: each for key, each in inner.items() if key != path[-1]})


def put(candidate: Any, path: Path, value: Any) -> Any:
    """A candidate with another value at a path."""
    if not path:
        return value
    key, rest = path[0], path[1:]
    if isinstance(candidate, list) and isinstance(key, int) and key < len(candidate):
        return [put(each, rest, value) if number == key else each for number, each in enumerate(candidate)]
    if isinstance(key, int) and not isinstance(key, bool) and 0 <= key < _LONGEST_LIST:
        return [*[TEXT] * key, put(None, rest, value)]
    inner = {name: each for name, each in candidate.items() if name != ANY_KEY} if isinstance(candidate, dict) else {}
    return {**inner, key: put(inner.get(key), rest, value)}


def text_places(candidate: Any, path: Path = ()) -> Iterator[Path]:
    """Where a candidate has words of a person."""
    if candidate is TEXT:
        yield path
    elif isinstance(candidate, dict | list):
        for key, each in candidate.items() if isinstance(candidate, dict) else enumerate(candidate):
            yield from text_places(each, (*path, key))


def size(candidate: Any) -> int:
    """How many values a candidate has."""
    return 1 + sum(map(size, candidate.values())) if isinstance(candidate, dict) else 1
