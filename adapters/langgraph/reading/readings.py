"""Readings: the questions that a graph's code asks, and the meaning of their answers."""

from ast import literal_eval
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from adapters.langgraph.reading.answers.conventions import Convention
from adapters.langgraph.reading.answers.groups import AnswerGroup, grouped, skeleton
from adapters.langgraph.reading.answers.polarity import Polarity, polarity
from adapters.langgraph.reading.answers.probe import Probed
from adapters.langgraph.reading.answers.proofs import proof
from adapters.langgraph.reading.code.run import SiteKey
from adapters.langgraph.reading.code.values import FREE, TEXT, Known, Listed, Mapped, Path, Unknown, Value
from engine.asks.ask import Json


@dataclass(frozen=True)
class Reading:
    """An `interrupt(...)` of a node, and the meaning of its answers. `line` is FILE:LINE."""

    path: str
    site: SiteKey
    payload: Value
    probed: Probed
    convention: Convention
    certain: bool = True
    """True if this is surely the question."""
    schema: Value | None = None
    """Its `response_schema`."""

    @property
    def line(self) -> str:
        """The place of the interrupt, as FILE:LINE."""
        return self.site[-1].rpartition(":")[0].rpartition("/")[2]

    @cached_property
    def _groups(self) -> tuple[Sequence[AnswerGroup], Polarity]:
        groups = grouped(self.probed)
        return groups, polarity(groups)

    @cached_property
    def is_proven(self) -> bool:
        """Tell whether the code shows which answers act, or can do nothing at all."""
        groups, decided = self._groups
        return decided.proven or not any(each.sites for each in groups)

    @cached_property
    def compared(self) -> frozenset[str]:
        """The words that the code compares the answer with."""
        spelled = (constant for _, constant in self.probed.demands if constant[:1] in ("'", '"'))
        return frozenset(str(literal_eval(each)) for each in spelled)

    @cached_property
    def uses_words(self) -> bool:
        """Tell whether the words of an answer reach something."""
        return any(each.candidate is TEXT and each.takes(()) for each in self.probed.behaviours)

    @property
    def compares_words(self) -> bool:
        """Tell whether words decide in a way that is not known."""
        groups, decided = self._groups
        return decided.acts is None and len(groups) > 1 and bool(self.probed.reserved)

    @property
    def words_only_end_it(self) -> bool:
        """Tell whether each word does at most what any words do, or ends it, as "quit" does."""
        free = self.probed.try_(TEXT)
        named = [each for each in self.probed.behaviours if isinstance(each.candidate, str)]
        return free.is_known and all(each.sites <= free.sites and each.nodes <= free.nodes for each in named)

    def takes(self, words: Any) -> bool:
        """Tell whether the node can use these words; `words` has TEXT in their place."""
        tried = self.probed.try_(words)
        lacking = {"map", "list", "json", "fill"} & {each.kind for trace in tried.traces for each in trace.demands}
        return not (lacking and self.probed.raises(tried))

    @cached_property
    def only_decides(self) -> bool:
        """Tell whether the node only tells answers apart, so that a person's own words reach nothing."""
        words = (each for each in self.probed.behaviours if each.candidate is TEXT)
        reached = {kind for each in words for kind, _ in each.flows | each.asked_again}
        return len({each.sites for each in self._groups[0]}) > 1 and "answer" not in reached

    @cached_property
    def weighs_words(self) -> bool:
        """Tell whether words only decide, by a test without a constant in the code: a PIN, for instance."""
        words = self.probed.try_(TEXT)
        reached = {kind for kind, _ in words.flows | words.returned | words.asked_again}
        ways = {frozenset(effect.site for effect in trace.effects) for trace in words.traces}
        return any(trace.open for trace in words.traces) and len(ways) > 1 and "answer" not in reached

    def holds(self, approve: Any, reject: Any = None, *, stops: bool = False) -> bool:
        """Tell whether a dialect's own values mean to this node what they should: proven where possible."""
        if not self.certain:
            return False
        decided = self._groups[1]
        agreed = self.probed.try_(approve)
        if not agreed.is_known or self.probed.raises(agreed):
            return False
        acts = decided.acts
        if acts is not None and skeleton(agreed, self.probed) not in {skeleton(e, self.probed) for e in acts.members}:
            return False
        groups, one = self._groups[0], AnswerGroup((agreed,), self.probed)
        if acts is None and any(each.acts_over(one) for each in groups):
            return False  # another answer does more, so this one may be the refusal
        if stops:
            return True
        refused = self.probed.try_(reject)
        same = skeleton(refused, self.probed) == skeleton(agreed, self.probed)
        if not refused.is_known or self.probed.raises(refused) or same:
            return False
        other = AnswerGroup((refused,), self.probed)
        return other.avoids(one) and not other.acts_over(one)

    def follows(self, value: Any) -> bool:
        """Tell whether the code shows what it does with this value, and can ask nothing else instead."""
        tried = self.probed.try_(value)
        return self.certain and (tried.is_known or self.probed.raises(tried))

    def survives(self, value: Any) -> bool:
        """Tell whether the node certainly does not raise because of this value."""
        tried = self.probed.try_(value)
        return self.certain and tried.is_known and not self.probed.raises(tried)

    def acts_on(self, value: Any) -> bool:
        """Tell whether the node certainly acts on this value."""
        acts = self._groups[1].acts
        if acts is None:
            return False
        tried = self.probed.try_(value)
        return skeleton(tried, self.probed) in {skeleton(each, self.probed) for each in acts.members}

    def takes_edit(self, edited: Any) -> bool:
        """Tell whether the node reads all of a dialect's edit, and some of it reaches something.

        `edited` has FREE in place of the changed values.
        """
        tried = self.probed.try_(edited)
        changed = [path for path, each in _paths_in(edited) if each is FREE or each is TEXT]
        read = [path for path in changed if path in tried.reads or tried.takes(path)]
        return not self.probed.raises(tried) and read == changed and any(tried.takes(path) for path in changed)

    def proof_of(self, sent: Json) -> str:
        """Say where the code goes with a value; "" if it is not known."""
        tried = self.probed.try_(sent)
        return proof(tried) if self.certain and tried.is_known and not self.probed.raises(tried) else ""

    def fits(self, payload: Json, *, closely: bool) -> bool:
        """Tell whether a payload may be of this question; `closely`: with the constants that its code has now."""
        return _fits(self.payload, payload, closely=closely)


def _paths_in(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    yield path, value
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield from _paths_in(each, (*path, key))


def _fits(shape: Value, payload: Json, *, closely: bool) -> bool:
    match shape:
        case Mapped():
            if not isinstance(payload, dict):
                return False
            named = {key: each for key, each in shape.fields.items() if isinstance(key, str)}
            if not named.keys() <= payload.keys() or (shape.rest is None and named.keys() != payload.keys()):
                return False
            return all(_fits(each, payload[key], closely=closely) for key, each in named.items())
        case Listed() if shape.before is None:
            return isinstance(payload, list) and len(payload) == len(shape.items)
        case Known() if closely and isinstance(shape.value, str | int | float | bool | None):
            return bool(shape.value == payload)
        case Unknown() if shape.kind is str:
            return isinstance(payload, str)
    return True


@dataclass(frozen=True)
class Readings:
    """The questions of a graph, by the path of the node that asks."""

    by_path: Mapping[str, tuple[Reading, ...]] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)
    """The nodes that were not read completely, and why."""

    def find(self, path: str, payload: Json) -> Reading | None:
        """Find the reading of a pending question; None if the node's code is not known."""
        known = self.by_path.get(path, ())
        for closely in (True, False):
            fitting = [each for each in known if each.fits(payload, closely=closely)]
            if fitting:
                break
        else:
            fitting = list(known)
        if not fitting:
            return None
        first = fitting[0]
        agree = all(each.convention.sends == first.convention.sends for each in fitting)
        agree = agree and path not in self.unread
        return first if agree else replace(first, convention=Convention(), certain=False)

    def all(self) -> list[Reading]:
        """List every question, in the order of the nodes."""
        return [each for readings in self.by_path.values() for each in readings]
