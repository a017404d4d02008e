"""Picks the candidate that Approve sends."""

from collections.abc import Sequence
from typing import Any

from adapters.langgraph.reading.answers.candidates import size, text_places, value_at
from adapters.langgraph.reading.answers.groups import AnswerGroup
from adapters.langgraph.reading.answers.probe import Behaviour, Probed
from adapters.langgraph.reading.answers.signs import signs_of
from adapters.langgraph.reading.code.values import Path


def approvable(group: AnswerGroup) -> list[Behaviour]:
    """List the members that need no words of a person: an approval comes without any."""
    probed = group.probed

    def needs_words(each: Behaviour, path: Path) -> bool:
        tested = any(at == path and constant in ("True", "False") for at, constant in probed.demands)
        acted_on = not group.uses and any(kind == "answer" and at[: len(path)] == path for kind, at in each.flows)
        return tested or acted_on

    return [e for e in group.members if not any(needs_words(e, path) for path in text_places(e.candidate))]


def best(members: Sequence[Behaviour], probed: Probed) -> Behaviour:
    """Choose the simplest member: named or true if possible, with few fields, and nothing made up."""

    def rank(each: Behaviour) -> tuple[object, ...]:
        signs = set(signs_of(each.candidate, probed))
        made_up = len(list(text_places(each.candidate)))
        passes_on = any(kind == "answer" for kind, _ in each.flows | each.returned)
        unnamed = 0 if True in signs else len(_compared(each.candidate, probed))
        return (False in signs, True not in signs, passes_on, made_up, unnamed, len(each.reads), size(each.candidate))

    return min(members, key=rank)


def _compared(candidate: Any, probed: Probed) -> list[Path]:
    """List the places of a candidate with a text that the code compares with."""
    places = {path for path, _ in probed.demands}
    return [path for path in places if isinstance(value_at(candidate, path), str)]
