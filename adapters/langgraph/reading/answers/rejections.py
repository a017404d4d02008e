"""Picks the candidate that Reject sends, with a place for the reason."""

from collections.abc import Sequence

from adapters.langgraph.reading.answers.candidates import has_value, size, spelling, text_places, with_value
from adapters.langgraph.reading.answers.edits import _MOST_FIELDS
from adapters.langgraph.reading.answers.encoding import template
from adapters.langgraph.reading.answers.groups import AnswerGroup, skeleton, texts_of
from adapters.langgraph.reading.answers.probe import Behaviour, Probed
from adapters.langgraph.reading.answers.signs import signs_of
from adapters.langgraph.reading.code.values import TEXT, Path
from engine.asks.ask import Json

_REASONS = ("reason", "feedback", "comment", "note", "why", "explanation", "message", "text", "instruction")


def rejection_of(
    probed: Probed, acting: AnswerGroup | None, refusing: Sequence[AnswerGroup]
) -> tuple[Json, Behaviour] | None:
    """Return the template of a rejection, and its behaviour; None if a rejection stops the run instead."""
    found: list[tuple[tuple[object, ...], Json, Behaviour]] = []
    known = {path for each in acting.members for path in each.reads} if acting is not None else set()
    for group in refusing:
        for each in group.members:
            reasoned, reasons = _with_reason(probed, each, known)
            signs = set(signs_of(each.candidate, probed))
            spare = len(list(text_places(each.candidate))) - reasons
            rank = (
                not reasons,
                True in signs,
                False not in signs,
                spare,
                "True" in spelling(each.candidate),
                len(each.sites),
                size(each.candidate),
            )
            found.append((rank, reasoned, each))
    if not found:
        return None
    _, made, behaviour = min(found, key=lambda each: each[0])
    return made, behaviour


def _is_reason(path: Path) -> bool:
    return any(word in str(path[-1]).lower() for word in _REASONS)


def _goes_the_same_way(tried: Behaviour, each: Behaviour, path: Path, probed: Probed) -> bool:
    """Tell whether a field changes nothing of the effects; a reason may replace the text for none."""
    if skeleton(tried, probed) == skeleton(each, probed):
        return True
    same = (tried.sites, tried.nodes, tried.ends) == (each.sites, each.nodes, each.ends)
    told, before = texts_of(tried, probed), texts_of(each, probed)
    return same and _is_reason(path) and all(any(text in whole for whole in before) for text in told)


def _with_reason(probed: Probed, each: Behaviour, known: set[Path]) -> tuple[Json, int]:
    """Put `$reason` into a refusing candidate if the node passes words on; say in how many places."""
    made = each.candidate
    free = [path for path in text_places(made) if template(TEXT, probed, "$reason", path) == "$reason"]
    places = sum(each.takes(path) for path in free)
    taking = []
    for path in [path for path in each.reads if not has_value(made, path)][:_MOST_FIELDS]:
        tried = probed.try_(with_value(made, path, TEXT))
        if not probed.raises(tried) and _goes_the_same_way(tried, each, path, probed) and tried.takes(path):
            taking.append(path)
    only_here = [path for path in taking if path not in known]
    named = [path for path in only_here or taking if _is_reason(path)]
    chosen = (named or only_here or taking)[:2] if not places else []
    for path in chosen:
        made = with_value(made, path, TEXT)
    return template(made, probed, "$reason"), places + len(chosen)
