"""Finds the node's further choices: branches with a word of their own that neither act nor refuse.

A review often has three branches: it approves, it refuses, and it sends the draft back to its writer or pages somebody.
Each branch that is followed to its end, does not raise, and has a text that the code compares with, can be offered with
that text. Texts that lead to the same branch ("y", "yes", "ok") are one choice. Which branch approves and which one
refuses is decided before, by their effects (`groups`); the words are only the names of the choices.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from adapters.langgraph.reading.answers.candidates import has_value, text_places, value_at, with_value
from adapters.langgraph.reading.answers.groups import AnswerGroup, calls, skeleton
from adapters.langgraph.reading.answers.probe import Behaviour, Probed
from adapters.langgraph.reading.answers.signs import REJECTING
from adapters.langgraph.reading.code.run import SiteKey
from adapters.langgraph.reading.code.values import TEXT, Atom, Path, atoms_of, leaves
from engine.asks.ask import MOST_OPTIONS

_LONGEST_WORD = 75
"""The most characters of a button."""
_SHORTEST_WORD = 3
_REASONS = ("feedback", "reason", "comment", "note", "instruction", "message", "text", "why", "explanation", "suggest")


@dataclass(frozen=True)
class NamedBranch:
    """A further choice: its word, a candidate that takes it, and the field that passes a person's words on."""

    word: str
    behaviour: Behaviour
    candidate: Any
    words_at: Path | None = None


def word_of(candidate: Any, probed: Probed) -> tuple[Path, str] | None:
    """Return the text that tells a candidate from others, and its place; None if there is none, or several."""
    found = {
        (path, value)
        for path, constant in probed.demands
        if isinstance(value := value_at(candidate, path), str) and repr(value) == constant
    }
    return found.pop() if len(found) == 1 else None


def named_branches(probed: Probed, taken: Collection[Behaviour], templates: Iterable[Any]) -> tuple[NamedBranch, ...]:
    """List the further choices: `taken` are the answers of our own buttons, `templates` are what these send."""
    sent = list(templates)
    found: dict[object, list[NamedBranch]] = {}
    known = [each for each in probed.behaviours if each.is_known and not probed.raises(each)]
    ours = {_branch(each, probed) for each in taken}
    avoided = frozenset(site for each in taken for site in each.sites)
    for each in known:
        named = word_of(each.candidate, probed)
        if named is None or _branch(each, probed) in ours or any(value_at(one, named[0]) == named[1] for one in sent):
            continue
        if named[1].strip().lower() in REJECTING and not _is_apart(each, taken, probed):
            continue  # a button called "reject" must not do what Approve does
        way = _with_words(probed, each, named, avoided)
        if way is not None and not _does_nothing(way, probed):
            found.setdefault(_branch(each, probed), []).append(way)
    made: dict[str, NamedBranch] = {}
    simplicity = partial(_simplicity, asked=_texts_asked(probed))
    for simplest in (min(same, key=simplicity) for same in found.values()):
        before = made.get(simplest.word)  # one word may lead to two branches: prefer the one with words
        made[simplest.word] = simplest if before is None else min(before, simplest, key=simplicity)
    as_compared = [named[1] for each in probed.behaviours if (named := word_of(each.candidate, probed))]
    looks = Counter(_appearance(word) for word in made)  # nobody could tell two such words apart
    told_apart = [way for way in made.values() if looks[_appearance(way.word)] == 1]
    in_order = sorted(told_apart, key=lambda way: as_compared.index(way.word))
    return tuple(in_order) if len(in_order) <= MOST_OPTIONS else ()


def _appearance(word: str) -> str:
    return " ".join(word.split()).casefold()


def _simplicity(way: NamedBranch, asked: str) -> tuple[bool, int, bool, bool]:
    """Rank a branch: with words before without, few fields, a word that is shown, a word before a letter ("e")."""
    fields = len(way.candidate) if isinstance(way.candidate, Mapping) else 0
    return way.words_at is None, fields, way.word.casefold() not in asked, len(way.word) < _SHORTEST_WORD


def _texts_asked(probed: Probed) -> str:
    """Return the constant texts of the question, in small letters."""
    atoms = atoms_of(*(leaf for _, leaf in leaves(probed.payload)))
    return " ".join(sorted(str(text) for kind, text in atoms if kind == "const")).casefold()


def all_named(groups: Sequence[AnswerGroup], probed: Probed) -> bool:
    """Tell whether each of them has a word."""
    return all(any(word_of(each.candidate, probed) for each in group.members) for group in groups)


def _branch(each: Behaviour, probed: Probed) -> object:
    """Return what tells one branch from another: its effects, its end, and the values that it asks about again."""
    again = frozenset(atom for atom in each.asked_again if atom[0] == "from")
    what = calls(each) or skeleton(each, probed)
    return what, each.nodes, each.ends - {"raises"}, again


def _does_nothing(way: NamedBranch, probed: Probed) -> bool:
    """Tell whether it only asks the same again: that is no choice."""
    each = way.behaviour
    if not each.only_asks_again or each.sites or each.nodes - {probed.entry.path}:
        return False
    asked = frozenset[Atom]().union(*(atoms_of(leaf) for _, leaf in leaves(probed.payload)))
    return each.asked_again <= asked


def _is_apart(each: Behaviour, taken: Collection[Behaviour], probed: Probed) -> bool:
    """Tell whether it shares no effect and no later node with the answers of our buttons, of which there are some."""
    here = {probed.entry.path}
    return bool(taken) and all(
        each.sites.isdisjoint(other.sites) and (each.nodes - here).isdisjoint(other.nodes - here) for other in taken
    )


# The words that go with it --------------------------------------------------------------------------------------------


def _with_words(
    probed: Probed, each: Behaviour, named: tuple[Path, str], avoided: frozenset[SiteKey]
) -> NamedBranch | None:
    """Return the choice, with a field for a person's words if it passes them on; None if it needs anything else.

    With words it takes the same branch. It may do more there, except what our own buttons do (`avoided`).
    """
    at, word = named
    if not is_short(word):
        return None
    needed = list(text_places(each.candidate))
    if needed:
        (place, *more) = needed
        fits = not more and place not in _compared(probed) and each.takes(place) and not _is_shown(place, probed)
        return NamedBranch(word, each, each.candidate, place) if fits else None
    for path in sorted(_reason_fields(probed, each), key=_reason_rank):
        tried = probed.try_(with_value(each.candidate, path, TEXT))
        same = tried.is_known and not probed.raises(tried) and tried.nodes == each.nodes
        if path != at and same and tried.takes(path) and not (tried.sites - each.sites) & avoided:
            return NamedBranch(word, tried, tried.candidate, path)
    return NamedBranch(word, each, each.candidate)


def is_short(word: str) -> bool:
    """Tell whether it fits on a button."""
    return 0 < len(word.strip()) <= _LONGEST_WORD and word.isprintable()


def _reason_fields(probed: Probed, each: Behaviour) -> Iterator[Path]:
    """List the fields that it reads and that a person's words may fill: those with the name of a reason."""
    compared = _compared(probed)
    for path in each.reads:
        named = path and isinstance(path[-1], str) and any(word in path[-1].lower() for word in _REASONS)
        if named and path not in compared and not has_value(each.candidate, path) and not _is_shown(path, probed):
            yield path


def _compared(probed: Probed) -> frozenset[Path]:
    """List the places of compared texts: a person's words there could be taken for another choice."""
    return frozenset(path for path, constant in probed.demands if constant[:1] in "'\"" and len(constant) > len("''"))


def _reason_rank(path: Path) -> int:
    return next(place for place, word in enumerate(_REASONS) if word in str(path[-1]).lower())


def _is_shown(path: Path, probed: Probed) -> bool:
    """Tell whether the payload has a field of that name: then a new value is an edit."""
    return bool(path) and any(at and at[-1] == path[-1] for at, _ in leaves(probed.payload))
