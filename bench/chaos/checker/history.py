"""The history: facts that were observed from outside, one JSON object a line, in any order.

All times are seconds of one monotonic clock of the machine; no rule compares anything with a wall clock.

| fact | says | fields |
|---|---|---|
| `gate` | what a graph asks, and the model of who may decide it | `gate`, `case`, `may`, `quorum`, `expires`, `amount` |
| `start` | the message that starts a case | `case`, `acked` |
| `click` | what a person sent to decide a gate: a click, a form, an answer | `gate`, `by`, `choice`, `value`, `sent`, `done`, `acked` |
| `told` | what one person alone was told | `case`, `by`, `text` |
| `row` | a row of the audit, and its place in that of the thread | `gate`, `approval`, `place`, `what`, `who`, `choice`, `value`, `why` |
| `got` | a node got this answer to its interrupt | `gate`, `verdict`, `amount`, `at`, `seen` |
| `did` | a node did what was approved | the same |
| `trouble` | something was broken from `since` until `until` | `what`, `since`, `until` |
| `card` | a message about a gate, as it is at the end | `gate`, `text`, `live`: it can still be decided there |
| `deleted` | a person deleted a card | `gate` |
| `said` | what the bot replied in a case's thread | `case`, `text` |
| `left` | a case has work left at the end | `case` |
| `end` | the last fact, and the work that is left | `waiting`, `dead` |

`seen` of `got` and `did` is how many rows the audit of the thread had at that moment; null if it could not be read.
"""  # noqa: E501 - a table

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import Any, TypeAlias

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"


class HistoryError(ValueError):
    """The history cannot be read; the message names the line."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One line."""

    line: int


@dataclass(frozen=True, slots=True)
class Gate(Fact):
    """A request, with the model of who may decide it."""

    gate: str
    case: str
    may: list[str]
    quorum: int
    expires: bool
    amount: Json


@dataclass(frozen=True, slots=True)
class Start(Fact):
    """The message that starts a case."""

    case: str
    acked: bool


@dataclass(frozen=True, slots=True)
class Click(Fact):
    """What a person sent to decide."""

    gate: str
    by: str
    choice: str
    value: Json
    sent: float
    done: float
    acked: bool


@dataclass(frozen=True, slots=True)
class Told(Fact):
    """What one person alone was told."""

    case: str
    by: str
    text: str


@dataclass(frozen=True, slots=True)
class Row(Fact):
    """A row of the audit."""

    gate: str
    approval: str
    place: int
    what: str
    who: str | None
    choice: str
    value: Json
    why: str
    """The reason of a refusal."""


@dataclass(frozen=True, slots=True)
class Ran(Fact):
    """A node got an answer, or did what was approved."""

    gate: str
    verdict: str
    amount: Json
    at: float
    seen: int | None


@dataclass(frozen=True, slots=True)
class Got(Ran):
    """A node got this answer."""


@dataclass(frozen=True, slots=True)
class Did(Ran):
    """A node did this."""


@dataclass(frozen=True, slots=True)
class Trouble(Fact):
    """Something was broken for a while."""

    what: str
    since: float
    until: float


@dataclass(frozen=True, slots=True)
class Card(Fact):
    """A message about a gate at the end."""

    gate: str
    text: str
    live: bool


@dataclass(frozen=True, slots=True)
class Deleted(Fact):
    """A card that a person deleted."""

    gate: str


@dataclass(frozen=True, slots=True)
class Said(Fact):
    """A reply of the bot."""

    case: str
    text: str


@dataclass(frozen=True, slots=True)
class Left(Fact):
    """A case with work that is left at the end."""

    case: str


@dataclass(frozen=True, slots=True)
class End(Fact):
    """The work that is left at the end."""

    waiting: int
    dead: int


KINDS: dict[str, type[Fact]] = {
    each.__name__.lower(): each
    for each in (Gate, Start, Click, Told, Row, Got, Did, Trouble, Card, Deleted, Said, Left, End)
}
_OF_GATE = (Click, Row, Got, Did, Card, Deleted)
_OF_CASE = (Start, Told, Said)


@dataclass(slots=True)
class About:
    """All facts about one gate or one case, by kind."""

    facts: dict[type[Fact], list[Any]] = field(default_factory=lambda: defaultdict(list))

    def clicks(self) -> list[Click]:
        """The clicks."""
        return list(self.facts[Click])

    def rows(self, *whats: str) -> list[Row]:
        """The audit rows of these kinds, in order; all without any."""
        return [each for each in self.facts[Row] if not whats or each.what in whats]

    def got(self) -> list[Got]:
        """The answers that nodes got, in time's order."""
        return sorted(self.facts[Got], key=lambda each: each.at)

    def did(self) -> list[Did]:
        """What nodes did, in time's order."""
        return sorted(self.facts[Did], key=lambda each: each.at)

    def cards(self) -> list[Card]:
        """The messages at the end."""
        return list(self.facts[Card])

    def deleted(self) -> list[Deleted]:
        """The cards that people deleted."""
        return list(self.facts[Deleted])


@dataclass(slots=True)
class History:
    """The facts, sorted by what they are about."""

    gates: dict[str, Gate] = field(default_factory=dict)
    starts: dict[str, Start] = field(default_factory=dict)
    troubles: list[Trouble] = field(default_factory=list)
    ends: list[End] = field(default_factory=list)
    unfinished: set[str] = field(default_factory=set)
    """The cases that have work left."""
    unknown: list[Fact] = field(default_factory=list)
    """Facts about a gate or case that the model does not have."""
    _by_gate: dict[str, About] = field(default_factory=lambda: defaultdict(About))
    _by_case: dict[str, About] = field(default_factory=lambda: defaultdict(About))

    def of(self, gate: str) -> About:
        """All about a gate."""
        return self._by_gate[gate]

    def told(self, case: str, person: str) -> list[Told]:
        """What a person was told in a case."""
        return [each for each in self._by_case[case].facts[Told] if each.by == person]

    def said(self, case: str) -> list[Said]:
        """The replies in a case."""
        return list(self._by_case[case].facts[Said])

    def gates_of(self, case: str) -> list[Gate]:
        """The gates of a case."""
        return [each for each in self.gates.values() if each.case == case]

    def add(self, fact: Fact) -> None:
        """Put a fact where it belongs."""
        match fact:
            case Gate():
                self.gates[fact.gate] = fact
            case Start():
                self.starts[fact.case] = fact
            case Trouble():
                self.troubles.append(fact)
            case Left():
                self.unfinished.add(fact.case)
            case End():
                self.ends.append(fact)
            case Told() | Said():
                self._by_case[fact.case].facts[type(fact)].append(fact)
            case Click() | Row() | Got() | Did() | Card() | Deleted():
                self._by_gate[fact.gate].facts[type(fact)].append(fact)

    def close(self) -> None:
        """Find the facts that are about nothing that the model has."""
        cases = {each.case for each in self.gates.values()}
        for name, about in self._by_gate.items():
            if name not in self.gates:
                self.unknown += [fact for facts in about.facts.values() for fact in facts]
        for case, start in self.starts.items():
            if case not in cases:
                self.unknown.append(start)
        for gate in self.gates.values():
            if gate.case not in self.starts:
                self.unknown.append(gate)


def read(lines: Iterable[str]) -> History:
    """Read a history. Raises HistoryError."""
    history = History()
    for number, line in enumerate(lines, 1):
        history.add(_fact(number, line))
    history.close()
    return history


def _fact(number: int, line: str) -> Fact:
    try:
        given = json.loads(line)
        kind = KINDS[given.pop("fact")]
        wanted = {each.name for each in fields(kind)} - {"line"}
        if set(given) != wanted:
            raise HistoryError(
                f"line {number}: a fact of this kind has the fields {sorted(wanted)}, not {sorted(given)}"
            )
        return kind(line=number, **given)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise error if isinstance(error, HistoryError) else HistoryError(f"line {number}: {error!r}") from error
