"""Asks a person, and takes the answer apart."""

from typing import Any, NamedTuple

from langgraph.types import interrupt

from house import words


class Decision(NamedTuple):
    granted: bool
    reason: str


def ask_person(payload: dict[str, Any]) -> Decision:
    answer = interrupt({"art": "freigabe", **payload})
    word = str(answer.get(words.KEY, "")).lower()
    if word not in words.GRANTED | words.DENIED:
        raise ValueError(f"unbekannt: {word!r}")
    return Decision(word in words.GRANTED, answer.get(words.REASON_KEY, ""))
