"""Finds the fields of the payload that a person can change, and what is sent for a change."""

from collections.abc import Iterator, Mapping
from typing import Any

from adapters.langgraph.reading.answers.candidates import has_value, spelling, text_places, value_at, with_value
from adapters.langgraph.reading.answers.corrections import corrects
from adapters.langgraph.reading.answers.encoding import template
from adapters.langgraph.reading.answers.groups import AnswerGroup, skeleton
from adapters.langgraph.reading.answers.probe import Behaviour, Probed
from adapters.langgraph.reading.code.values import (
    FREE,
    TEXT,
    Atom,
    Known,
    Listed,
    Mapped,
    Path,
    Unknown,
    Value,
    atoms_of,
    leaves,
)
from engine.asks.ask import Json
from engine.asks.templates import Word

_MOST_FIELDS = 12
_MOST_BASES = 16


def _empty_places(candidate: Any, path: Path = ()) -> Iterator[Path]:
    if candidate == {} and path:
        yield path
    elif isinstance(candidate, dict):
        for key, each in candidate.items():
            yield from _empty_places(each, (*path, key))


def edit_of(
    probed: Probed, acting: AnswerGroup, approving: Behaviour
) -> tuple[Json, tuple[Path, ...], tuple[Path, ...]] | None:
    """Return the template of an edit, the fields of the payload that it changes, and those that must not be empty."""
    best_found: tuple[int, Json, dict[Path, Path], Any] | None = None
    for base in _base_candidates(probed, acting):
        fields: dict[Path, Path] = {}
        places = [*base.reads, *text_places(base.candidate), *_empty_places(base.candidate)]
        for path in dict.fromkeys(sorted(places[:_MOST_FIELDS], key=len)):
            if has_value(base.candidate, path) and value_at(base.candidate, path) not in (TEXT, {}):
                continue
            if any(path[: len(each)] == each for each in fields):
                continue  # part of a field that is taken completely
            for place in _fields_read_below(probed, base.candidate, path):
                target = _target_field(probed, base.candidate, place, approving)
                if target is not None:
                    fields[place] = target
        if not fields:
            continue
        shaped = base.candidate
        for path, target in fields.items():
            shaped = with_value(shaped, path, _value_word(target))
        if any(template(TEXT, probed, "$text", path) == "$text" for path in text_places(shaped)):
            continue  # an edit has no words of its own
        if best_found is None or len(fields) > best_found[0]:
            best_found = (len(fields), template(shaped, probed, "$text"), fields, base.candidate)
    if best_found is None:
        return None
    _, made, fields, candidate = best_found
    filled = [target for path, target in fields.items() if not _takes_empty(probed, candidate, path, target)]
    return made, tuple(dict.fromkeys(fields.values())), tuple(dict.fromkeys(filled))


_EMPTY: Mapping[type, Json] = {str: "", bool: False, int: 0, float: 0.0, list: [], dict: {}}


def _takes_empty(probed: Probed, candidate: Any, path: Path, target: Path) -> bool:
    """Tell whether a new value that is empty or counts as false reaches the node like any other."""
    value = dict(leaves(probed.payload))[target]
    kind: Any = {Mapped: dict, Listed: list}.get(type(value), type(value.value) if isinstance(value, Known) else None)
    tried = [_EMPTY[kind]] if kind in _EMPTY else list(_EMPTY.values())
    blank = [" "] if "" in tried else []
    return all(probed.try_(with_value(candidate, path, each)).takes(path) for each in [*tried, *blank])


def _fields_read_below(probed: Probed, candidate: Any, path: Path) -> list[Path]:
    """Return a field of the answer, or the fields in it if the code reads them one by one."""
    tried = probed.try_(with_value(candidate, path, FREE))
    return [each for each in tried.reads if each[: len(path)] == path and len(each) > len(path)] or [path]


def _target_field(probed: Probed, candidate: Any, path: Path, approving: Behaviour) -> Path | None:
    """Find the field of the payload that a field of the answer changes, if the node then acts, or asks again."""
    used = frozenset(a for a in approving.flows | approving.returned if probed.shows(a))
    plain = skeleton(approving, probed)
    whole = [each.fields for at, each in leaves(probed.payload) if at and isinstance(each, Mapped)]
    for new in (FREE, TEXT, *(dict.fromkeys(each, FREE) for each in whole)) if path else (TEXT,):
        tried = probed.try_(with_value(candidate, path, new))
        shown_again = tried.only_asks_again and not approving.only_asks_again
        goes_on = skeleton(tried, probed) == plain or shown_again or corrects(probed, tried, approving)
        goes_on = goes_on or _does_the_same(probed, tried, approving)
        if tried.traces and not probed.raises(tried) and goes_on:
            found = _replaced(probed, tried, path, used)
            if found is not None and _is_readable(probed, candidate, path, found, approving):
                return found
    return None


def _does_the_same(probed: Probed, one: Behaviour, other: Behaviour) -> bool:
    """Tell whether two branches make the same calls: one sends the draft, the other an edited draft."""
    first, second = AnswerGroup((one,), probed), AnswerGroup((other,), probed)
    same = bool(first.deeds) and (first.deeds, first.nodes) == (second.deeds, second.nodes)
    return same and one.is_known and one.ends == other.ends


def _is_readable(probed: Probed, candidate: Any, path: Path, target: Path, approving: Behaviour) -> bool:
    """Tell whether the field of the payload has the kind, and the inner fields, that the node reads from an edit."""
    value = dict(leaves(probed.payload))[target]
    tried = probed.try_(with_value(candidate, path, _sample_of(value)))
    if probed.raises(tried) or not tried.takes(path):
        return False
    size = len(path)
    within = {each[size] for trace in tried.traces for each in trace.reads if each[:size] == path and len(each) > size}
    if isinstance(value, Unknown):
        used = {("from", f"{value.origin}.{key}") for key in within}
        return used <= approving.flows | approving.returned
    return not within or (isinstance(value, Mapped) and within <= value.fields.keys())


def _sample_of(value: Value) -> Any:
    """Make a candidate of the same kind as a value of the payload."""
    match value:
        case Known(value=str()):
            return TEXT
        case Known(value=bool() | int() | float()):
            return value.value
        case Mapped(rest=None):
            return {key: _sample_of(each) for key, each in value.fields.items()}
        case Listed(before=None) if value.items:
            return [_sample_of(each) for each in value.items]
    return FREE


def _base_candidates(probed: Probed, acting: AnswerGroup) -> list[Behaviour]:
    """List the candidates that act, ask again, say nothing, or lack a field; the simplest first."""
    known = [
        each
        for each in probed.behaviours
        if each in acting.members
        or each.only_asks_again
        or each.candidate is TEXT
        or each.candidate == {}
        or _does_the_same(probed, each, acting.members[0])
    ]

    def rank(each: Behaviour) -> tuple[int, ...]:
        told = spelling(each.candidate)
        return (told.count("TEXT"), told.count("True"), len(told))

    return sorted(known, key=rank)[:_MOST_BASES]


def _value_word(target: Path) -> Word:
    return Word("value", tuple(key if isinstance(key, int) else str(key) for key in target))


def _replaced(probed: Probed, tried: Behaviour, path: Path, used: frozenset[Atom]) -> Path | None:
    """Find the field of the payload that a field of the answer replaces, or is merged into."""
    if tried.only_asks_again:
        again = next((trace.again for trace in tried.traces if trace.again is not None), None)
        found = list(leaves(again)) if again is not None else []
        places = [
            at
            for at, each in found
            if _is_answer_itself(each, path) or (_same_key(at, path) and ("answer", path) in answer_places(each))
        ]
        return max(places, key=len) if places else None
    with_it = [e.what for t in tried.traces for e in t.effects if ("answer", path) in _parents(e.what)]
    if not with_it and not any(t.effects for t in tried.traces):
        with_it = [frozenset(trace.returned) for trace in tried.traces if ("answer", path) in _parents(trace.returned)]
    if not with_it:
        return None
    named = [at for at, _ in leaves(probed.payload) if at and at[-1] == (path[-1] if path else None)]
    if len(named) == 1:
        return named[0]
    lost = used - tried.flows - tried.returned
    mixed = lost or frozenset(atom for what in with_it for atom in what if probed.shows(atom))
    return _smallest(probed, mixed) if mixed else None


def _is_answer_itself(value: Value, path: Path) -> bool:
    """Tell whether it is the answer's own value: a value computed from it may be anything."""
    return value.given and value.path == path


def _same_key(at: Path, path: Path) -> bool:
    return bool(at) and bool(path) and at[-1] == path[-1]


def _parents(atoms: frozenset[Atom] | set[Atom]) -> set[Atom]:
    """List each place of the answer, with those above it."""
    return {("answer", at[:size]) for kind, at in atoms if kind == "answer" for size in range(len(at) + 1)}


def answer_places(value: Any) -> set[Atom]:
    """List the places of the answer in a value, with those above them."""
    return _parents(atoms_of(value))


def _smallest(probed: Probed, atoms: frozenset[Atom]) -> Path | None:
    """Find the smallest part of the payload that has all of these."""
    asked = frozenset(atom for atom in atoms if atom in probed.shown)
    places = [at for at, each in leaves(probed.payload) if asked and _is_all(asked, each, probed)]
    places = [at for at in places if at or not isinstance(probed.payload, Mapped)]
    return max(places, key=len) if places else None


def _is_all(atoms: frozenset[Atom], value: Value, probed: Probed) -> bool:
    """Tell whether a part of the payload has these; a text must have nothing else: a sentence is no value."""
    held = atoms_of(value)
    return atoms <= held and (isinstance(value, Mapped | Listed) or held & probed.shown <= atoms)
