"""Finds the answers that a question can have: tries one, sees what the code compares it with, and tries that.

The first candidates are true, false, words and an empty object. Everything that the code tests (`.get("decision")`,
`== "approve"`, `isinstance(answer, str)`, a field of a pydantic model) is a candidate for the next round. In the end
there is one candidate for each branch of the code, with everything that it reaches: `Behaviour`.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from adapters.langgraph.reading.answers.candidates import ANY_KEY, spelling, value_at, with_value
from adapters.langgraph.reading.answers.graphs import NodeEntry, explore
from adapters.langgraph.reading.code.run import Demand, SiteKey, Trace
from adapters.langgraph.reading.code.values import TEXT, Atom, Known, Path, Value, atoms_of, leaves

_MOST_CANDIDATES = 64
_MOST_TRACES = 2_000
_MOST_KEPT = 1_000
"""The most traces kept beyond those of the candidates: each text under review adds one."""
_WHOLE_WORDS = ("no", "yes", "other")
"""Tried if the code looks at a part of a word: its effect for any word at all cannot be known."""
_NUMBER = 70_707
"""Stands for any number except those that the code compares with."""
_LEAST_SHOWN = 4
"""The fewest letters of a constant that counts as shown when it is part of a text of the payload."""


@dataclass(frozen=True)
class Behaviour:
    """The effects of one candidate, on every branch that the code can take."""

    candidate: Any
    traces: tuple[Trace, ...]
    complete: bool

    @cached_property
    def raises(self) -> frozenset[str]:
        """The places at which it raises because of the candidate: by its type, or on every branch."""
        always = self.ends == {"raises"}
        return frozenset(each.where for each in self.traces if each.end == "raises" and (each.by_type or always))

    @cached_property
    def is_known(self) -> bool:
        """Tell whether all of it was followed, and the answer leaves no branch open."""
        return self.is_followed and not any(each.open for each in self.traces)

    @cached_property
    def is_followed(self) -> bool:
        """Tell whether every branch was followed to its end."""
        return self.complete and bool(self.traces) and not any(each.end == "lost" for each in self.traces)

    @cached_property
    def ends(self) -> frozenset[str]:
        """The ways in which it ends: "end", "asks again", "raises"."""
        return frozenset(each.end for each in self.traces)

    @cached_property
    def only_asks_again(self) -> bool:
        """Tell whether it only asks the same question again, whatever it does before."""
        return self.ends <= {"asks again", "raises"} and "asks again" in self.ends

    @cached_property
    def sites(self) -> frozenset[SiteKey]:
        """The effects that it may reach; a question to somebody else is one."""
        return frozenset(effect.site for each in self.traces for effect in each.effects)

    @cached_property
    def does(self) -> frozenset[str]:
        """The calls of its effects."""
        return frozenset(effect.does for each in self.traces for effect in each.effects)

    @cached_property
    def flows(self) -> frozenset[Atom]:
        """The values that go into its effects."""
        return frozenset(atom for each in self.traces for effect in each.effects for atom in effect.what)

    @cached_property
    def returned(self) -> frozenset[Atom]:
        """The values that go into the state, or out of a tool."""
        return frozenset(atom for each in self.traces for atom in each.returned)

    @cached_property
    def asked_again(self) -> frozenset[Atom]:
        """The values in the question when it is asked again."""
        return frozenset(atom for each in self.traces if each.again is not None for atom in atoms_of(each.again))

    @cached_property
    def nodes(self) -> frozenset[str]:
        """The nodes that it leads to."""
        return frozenset(name for each in self.traces for name in each.nodes)

    @cached_property
    def reads(self) -> tuple[Path, ...]:
        """The parts of the answer that are read."""
        return tuple(sorted({path for each in self.traces for path in each.reads}, key=repr))

    @cached_property
    def tested(self) -> frozenset[Path]:
        """The places of the answer that are compared with something on its branches."""
        found = (demand for each in self.traces for demand in each.demands)
        return frozenset(each.path for each in found if each.kind in ("value", "part"))

    def takes(self, path: Path) -> bool:
        """Tell whether the value at a path of the answer reaches something."""
        atoms = self.flows | self.returned | self.asked_again
        return any(kind == "answer" and at[: len(path)] == path for kind, at in atoms)


@dataclass(frozen=True)
class Probed:
    """Everything that was tried on one question."""

    site: SiteKey
    entry: NodeEntry
    payload: Value
    behaviours: tuple[Behaviour, ...]
    demands: frozenset[tuple[Path, str]]
    """The constants that the answer is compared with: the place, and their `repr`."""
    reserved: frozenset[str] = field(default_factory=frozenset)
    """Words that mean something to the node, in small letters."""

    @cached_property
    def shown(self) -> frozenset[Atom]:
        """The values that the payload shows: an action with one of these does what was shown."""
        tested = {("const", constant) for _, constant in self.demands}
        values = [each for _, each in leaves(self.payload)]
        parts = [self.spelled.get(each.value) for each in values if isinstance(each, Known) and type(each.value) is str]
        found = [*map(atoms_of, values), *(each for each in parts if each is not None)]
        return frozenset(atom for atoms in found for atom in atoms if is_telling(atom)) - tested

    @cached_property
    def spelled(self) -> Mapping[str, frozenset[Atom]]:
        """The parts that texts were put together from."""
        traces = (trace for each in self.behaviours for trace in each.traces)
        return {text: atoms for trace in traces for text, atoms in trace.spelled.items()}

    @cached_property
    def shown_text(self) -> str:
        """All constants of the payload."""
        texts = sorted(value for kind, value in atoms_of(self.payload) if kind == "const")
        return _words_only(" ".join(texts))

    def shows(self, atom: Atom) -> bool:
        """Tell whether the payload shows it, or names it within a text."""
        if atom[0] == "const" and any(constant == atom[1] for _, constant in self.demands):
            return False  # the word that decides
        if atom in self.shown or (atom[0] == "from" and any(_within(atom, each) for each in self.shown)):
            return True
        kind, value = atom
        word = _words_only(str(value)).strip()
        return kind == "const" and len(word) >= _LEAST_SHOWN and f" {word} " in f" {self.shown_text} "

    def spells_shown(self, atom: Atom) -> bool:
        """Tell whether a text was put together from shown values: its other parts are atoms of their own."""
        return any(self.shows(part) for text, parts in self.spelled.items() if repr(text) == atom[1] for part in parts)

    @cached_property
    def takes_true(self) -> bool:
        """Tell whether the code takes True as an answer."""
        return any(each.candidate is True and each.is_known and not self.raises(each) for each in self.behaviours)

    @cached_property
    def raises_anyhow(self) -> frozenset[str]:
        """The places at which the code may raise whatever the answer is."""
        ended = [each.raises for each in self.behaviours if each.ends != {"raises"}]
        return frozenset.intersection(*ended) if ended else frozenset()

    def raises(self, each: Behaviour) -> bool:
        """Tell whether the code may raise because of this answer."""
        return bool(each.raises - self.raises_anyhow)

    @cached_property
    def _tried(self) -> dict[str, Behaviour]:
        return {spelling(each.candidate): each for each in self.behaviours}

    def try_(self, candidate: Any) -> Behaviour:
        """Return the behaviour of another candidate. It is kept: cards need the same ones each time."""
        key = spelling(candidate)
        if (known := self._tried.get(key)) is not None:
            return known
        tried = behaviour_of(self.entry, self.site, candidate)
        if sum(len(each.traces) for each in self._tried.values()) < _MOST_KEPT:
            self._tried[key] = tried
        return tried


def _words_only(text: str) -> str:
    return re.sub(r"[^\w./@:-]+", " ", text)


def is_telling(atom: Atom) -> bool:
    """Tell whether it is more than one of the values that are found everywhere."""
    return atom[0] != "const" or atom[1] not in ("None", "True", "False", "''", "0", "1")


def _within(atom: Atom, shown: Atom) -> bool:
    """Tell whether it is a part of what is shown."""
    return shown[0] == "from" and shown[1] != "state" and str(atom[1]).startswith(f"{shown[1]}.")


def behaviour_of(entry: NodeEntry, site: SiteKey, candidate: Any) -> Behaviour:
    """Follow the code with a candidate."""
    traces, complete = explore(entry, candidate, site)
    return Behaviour(candidate, tuple(each for each in traces if each.answered), complete)


@dataclass(frozen=True, slots=True)
class Site:
    """An `interrupt(...)` that a node can reach, with one of its payloads."""

    key: SiteKey
    payload: Value
    schema: Value | None = None


def sites_of(entry: NodeEntry) -> Sequence[Site]:
    """List the questions that a node can reach, in order."""
    traces, _ = explore(entry, None, None)
    found = {key: Site(key, payload, each.schemas.get(key)) for each in traces for key, payload in each.sites}
    return list(found.values())


def probe(entry: NodeEntry, site: SiteKey, payload: Value, more: Iterable[Any] = ()) -> Probed:
    """Try everything that the code gives reason to try; `more` are candidates from elsewhere."""
    waiting: deque[Any] = deque([True, False, TEXT, {}, *more])
    seen, found, demands = {spelling(each) for each in waiting}, list[Behaviour](), set[Demand]()
    work = 0
    while waiting and len(found) < _MOST_CANDIDATES and work < _MOST_TRACES:
        behaviour = behaviour_of(entry, site, waiting.popleft())
        found.append(behaviour)
        work += len(behaviour.traces)
        for demand in dict.fromkeys(each for trace in behaviour.traces for each in trace.demands):
            demands.add(demand)
            for candidate in _next_candidates(behaviour.candidate, demand):
                if spelling(candidate) not in seen:
                    seen.add(spelling(candidate))
                    waiting.append(candidate)
    asked = next((t.payload for each in found for t in each.traces if t.payload is not None), payload)
    compared = frozenset((each.path, repr(each.value)) for each in demands if each.kind in ("value", "part"))
    reserved = frozenset(word for each in found for trace in each.traces for word in trace.reserved)
    kept = tuple(each for each in found if not _has_any_key(each.candidate))
    return Probed(site, entry, asked, kept, compared, reserved)


def _has_any_key(candidate: Any) -> bool:
    """Tell whether it has a key only to not be empty."""
    if isinstance(candidate, list):
        return any(map(_has_any_key, candidate))
    return isinstance(candidate, dict) and (ANY_KEY in candidate or any(map(_has_any_key, candidate.values())))


def _next_candidates(candidate: Any, demand: Demand) -> Iterator[Any]:
    """List the candidates that a test of the answer gives reason to try."""
    match demand.kind:
        case "value":
            yield with_value(candidate, demand.path, demand.value)
            yield with_value(candidate, demand.path, _different_value(demand.value))
        case "part":
            yield with_value(candidate, demand.path, demand.value)
            yield from (with_value(candidate, demand.path, word) for word in _WHOLE_WORDS)
        case "map" if not isinstance(value_at(candidate, demand.path), dict):
            yield with_value(candidate, demand.path, {})
        case "filled":
            yield with_value(candidate, demand.path, {ANY_KEY: TEXT})
        case "list" if isinstance(demand.value, int) and 0 <= demand.value < 4:  # noqa: PLR2004 - a pair, a triple
            yield with_value(candidate, demand.path, [TEXT] * (demand.value + 1))
        case "text" | "fill":
            yield with_value(candidate, demand.path, TEXT)


def _different_value(value: Any) -> Any:
    """Return a value that differs from the one that the answer is compared with."""
    match value:
        case bool():
            return not value
        case int() | float():
            return _NUMBER
    return TEXT
