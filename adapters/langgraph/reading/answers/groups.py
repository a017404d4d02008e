"""Groups the answers by what they make the node do, and weighs which group acts.

Candidates with the same effects are one group. A group acts, compared with another, if it reaches effects, nodes or a
use of the shown values that the other avoids, and avoids nothing that the other reaches (`Evidence`). If nothing
follows for one pair, nothing is known of the question. Names prove nothing: see `polarity`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

from adapters.langgraph.reading.answers.candidates import has_value, spelling, value_at, with_value, without
from adapters.langgraph.reading.answers.probe import Behaviour, Probed, is_telling
from adapters.langgraph.reading.answers.signs import GOING, HALTING, NO, YES, signs_with_places
from adapters.langgraph.reading.code.run import ASKS, Reached, SiteKey
from adapters.langgraph.reading.code.values import TEXT, Atom, Path, atoms_of

_MOST_TRIED = 4
_NOTHING = ("''", "None")
"""The values that stand for a field that an answer lacks."""


class Evidence(IntEnum):
    """The certainty that one group acts and another does not."""

    NONE = 0
    LIKELY = 1
    """Both do something of their own: it does more, or it alone uses what was shown."""
    AVOIDED = 2
    """The other avoids all that it does, and does nothing of its own."""
    SHOWN = 3
    """It alone uses what was shown. The other makes no call of its own, except to keep a person's words."""


@dataclass(frozen=True)
class AnswerGroup:
    """Candidates that do the same, apart from the parts of the answer that they pass on."""

    members: tuple[Behaviour, ...]
    probed: Probed
    decided_at: frozenset[Path] = frozenset()
    """The places at which answers of different groups differ; empty if not known."""

    @cached_property
    def sites(self) -> frozenset[SiteKey]:
        """The effects that they reach."""
        return frozenset(site for each in self.members for site in each.sites)

    @cached_property
    def effects(self) -> frozenset[Reached]:
        """The same effects, with the values that go into them."""
        return frozenset(e for each in self.members for trace in each.traces for e in trace.effects)

    @cached_property
    def does(self) -> frozenset[str]:
        """The calls of their effects."""
        return frozenset(call for each in self.members for call in each.does)

    @cached_property
    def nodes(self) -> frozenset[str]:
        """The nodes that they lead to."""
        return frozenset(node for each in self.members for node in each.nodes)

    @cached_property
    def uses(self) -> frozenset[Atom]:
        """The parts of the payload that go into their effects."""
        return frozenset(a for each in self.members for a in each.flows if self.probed.shows(a))

    @cached_property
    def acts_on(self) -> frozenset[Atom]:
        """The same without the values of further questions, which do nothing yet."""
        acting = (effect for effect in self.effects if effect.does != ASKS)
        return frozenset(a for each in acting for a in each.what if self.probed.shows(a))

    @cached_property
    def keeps(self) -> frozenset[Atom]:
        """The parts of the payload that go into the state."""
        return frozenset(a for each in self.members for a in each.returned if self.probed.shows(a))

    @cached_property
    def signs(self) -> frozenset[bool]:
        """The signs of the words and truth values that tell them apart: approving, rejecting."""
        return self._signs(YES, NO)

    @cached_property
    def hints(self) -> frozenset[bool]:
        """The same, by words that often mean it."""
        return self._signs(GOING, HALTING)

    def _signs(self, going: frozenset[str], halting: frozenset[str]) -> frozenset[bool]:
        marks = {spelling(each.candidate) for each in self.members}
        return frozenset(
            sign
            for each in self.members
            for path, sign in signs_with_places(each.candidate, self.probed, going, halting)
            if path in each.tested and (not self.decided_at or path in self.decided_at)
            if sign or spelling(without(each.candidate, path)) not in marks  # a "no" that decides nothing is none
            if not self._goes_both_ways(each.candidate, path, marks)
        )

    def _goes_both_ways(self, candidate: object, path: Path, marks: set[str]) -> bool:
        """Tell whether the truth value at a place makes no difference here."""
        value = value_at(candidate, path) if path else candidate
        return isinstance(value, bool) and spelling(with_value(candidate, path, not value)) in marks

    @cached_property
    def is_rest(self) -> bool:
        """Tell whether its name is a refusal, or every other answer ends up here."""
        return False in self.hints or not all(is_named(each, self.probed) for each in self.members)

    @cached_property
    def may_ask_again(self) -> bool:
        """Tell whether the same question may be asked again, as if a draft goes back to its writer."""
        return any("asks again" in each.ends for each in self.members)

    @cached_property
    def is_words(self) -> bool:
        """Tell whether they are texts that an effect takes: a message to the agent, no decision."""
        text = any(path == () and constant[:1] in "'\"" for path, constant in self.probed.demands)
        free = any(each.candidate is TEXT for each in self.members)
        return text and free and all(("answer", ()) in each.flows for each in self.members)

    @cached_property
    def notes(self) -> frozenset[SiteKey]:
        """The effects that keep a person's words: a reason, if the answer has one."""
        pairs = [
            (each, self.probed.try_(with_value(each.candidate, path, TEXT)))
            for each in self.members[:_MOST_TRIED]
            for path in each.reads
            if not has_value(each.candidate, path)
        ]
        reached = [_inputs_by_site(each) for each in (*self.members, *(tried for _, tried in pairs))]
        said = {site for sites in reached for site, what in sites.items() if any(k == "answer" for k, _ in what)}
        return frozenset(said - {site for plain, tried in pairs for site in _overwritten(plain, tried)})

    def only_notes(self, sites: frozenset[SiteKey]) -> bool:
        """Tell whether all of these effects keep a person's words, by themselves or in one helper with others."""
        helpers = {each[:-1] for each in self.notes if len(each) > 1}
        return all(each in self.notes or each[:-1] in helpers for each in sites)

    def _means_no(self, other: "AnswerGroup", sites: frozenset[SiteKey]) -> bool:
        """Tell whether the other's own effects are calls that this group makes too, or keep a person's words."""
        own = [each for each in other.effects if each.site in sites and each.does not in self.does]
        return not own or {each.site for each in own} <= other.notes

    def acts_over(self, other: "AnswerGroup") -> Evidence:
        """Judge the evidence that it does something that the other avoids, and nothing less."""
        more, less = self.sites - other.sites, other.sites - self.sites
        if other.uses - self.uses:
            return Evidence.NONE
        if self.uses - other.uses:
            if self.sites and self.sites <= other.sites and self.nodes <= other.nodes:
                return Evidence.NONE  # the same with another value, such as an edit
            return Evidence.SHOWN if self._means_no(other, less) else Evidence.LIKELY
        if more and less:
            return Evidence.LIKELY if other.only_notes(less) or self.does > other.does else Evidence.NONE
        if more or less:
            return Evidence.AVOIDED if more else Evidence.NONE
        wider = self.nodes > other.nodes if self.nodes != other.nodes else self.keeps > other.keeps
        called_so = other.signs == {True} != self.signs  # a detour to the same
        return Evidence.AVOIDED if wider and not called_so else Evidence.NONE

    @cached_property
    def deeds(self) -> frozenset[tuple[str, frozenset[Atom]]]:
        """The calls of their effects, with the constants that tell one call from another."""
        return frozenset((e.does, frozenset(a for a in e.what if _is_mark(a, self.probed))) for e in self.effects)

    def avoids(self, acting: "AnswerGroup") -> bool:
        """Tell whether it certainly does not do something that the other does.

        The same call with another value is no refusal: it has to be another call too. If one call gets another constant
        ("approved", "rejected"; but just as well a text and its stand-in), nobody can say which constant does nothing.
        A record of the answer contains either, and does not count.
        """
        if self._is_text_instead_of(acting):
            return False
        records = {each.site for each in self.effects if each.told}
        done = [each for each in acting.effects if not (each.told and each.site in records)]
        return not done or bool(acting.sites - self.sites and acting.deeds - self.deeds)

    def _is_text_instead_of(self, acting: "AnswerGroup") -> bool:
        """Tell whether its answers are texts that it acts on: that may be an edit, and no reason.

        If the action is one word among others, any other text is no edit.
        """
        for path in {path for path, _ in self.probed.demands} | {()}:
            texts = all(value_at(each.candidate, path) is TEXT for each in self.members)
            done = any(kind == "answer" and at == path for each in self.members for kind, at in each.flows)
            if texts and done and not any(isinstance(value_at(each.candidate, path), str) for each in acting.members):
                return True
        return False


def _inputs_by_site(each: Behaviour) -> dict[SiteKey, frozenset[Atom]]:
    """Return the values that go into each effect."""
    found: dict[SiteKey, frozenset[Atom]] = {}
    for trace in each.traces:
        for effect in trace.effects:
            found[effect.site] = found.get(effect.site, frozenset()) | effect.what
    return found


def _overwritten(before: Behaviour, after: Behaviour) -> Iterator[SiteKey]:
    """List the effects in which a person's words take the place of something: an edit, and no note of it."""
    found = _inputs_by_site(after)
    for site, what in _inputs_by_site(before).items():
        lost = what - found.get(site, what)
        if any(each[0] in ("const", "from") and is_telling(each) for each in lost):
            yield site


def grouped(probed: Probed) -> list[AnswerGroup]:
    """Group the candidates, in the order in which they were tried.

    Asking the same again is no end, unless nothing ever ends: then the question is about the next thing. Groups that
    reach the same effects may still differ in what they leave in the state.
    """
    known = [each for each in probed.behaviours if each.is_known and not probed.raises(each)]
    able = [each for each in known if "end" in each.ends] or [each for each in known if each.only_asks_again]
    found: dict[object, list[Behaviour]] = {}
    for each in able:
        found.setdefault(skeleton(each, probed), []).append(each)
    if len(found) == 1:
        found = {}
        for each in able:
            kept = frozenset(a for a in each.returned if a[0] == "const" and a[1] not in _NOTHING)
            found.setdefault(kept, []).append(each)
    merged: dict[object, list[Behaviour]] = {}
    for members in found.values():
        merged.setdefault(_merge_key(members), []).extend(members)
    decided_at = _decided_at(list(merged.values()), probed)
    return [AnswerGroup(tuple(members), probed, decided_at) for members in merged.values()]


def _merge_key(members: Sequence[Behaviour]) -> object:
    """Return what tells groups with calls apart: two branches with exactly the same calls mean the same."""
    made = frozenset((calls(each), each.nodes, each.returned, _left_in_state(each), each.ends) for each in members)
    return made if any(calls(each) for each in members) else id(members)


def _left_in_state(each: Behaviour) -> frozenset[tuple[str, frozenset[Atom]]]:
    """Return what is left in the state, by key."""
    return frozenset((str(key), atoms_of(value)) for trace in each.traces for key, value in trace.kept)


def calls(each: Behaviour) -> frozenset[tuple[str, frozenset[Atom]]]:
    """Return each call with its arguments, wherever it is in the code, without the parts of the answer."""
    effects = (effect for trace in each.traces for effect in trace.effects)
    return frozenset((effect.does, frozenset(a for a in effect.what if a[0] != "answer")) for effect in effects)


def _decided_at(groups: Sequence[Sequence[Behaviour]], probed: Probed) -> frozenset[Path]:
    """List the places at which another value alone leads to another group."""
    reached: dict[tuple[Path, str], set[int]] = {}
    for number, members in enumerate(groups):
        for each in members:
            for path in {path for path, _ in probed.demands if path == () or has_value(each.candidate, path[:-1])}:
                reached.setdefault((path, spelling(with_value(each.candidate, path, None))), set()).add(number)
    return frozenset(path for (path, _), found in reached.items() if len(found) > 1)


def skeleton(each: Behaviour, probed: Probed) -> object:
    """Return what a candidate reaches, without shown values and the answer: an edit has that of an approval."""
    effects = frozenset(
        (effect.where, frozenset(a for a in effect.what if _is_mark(a, probed)))
        for trace in each.traces
        for effect in trace.effects
    )
    said = frozenset(a for a in each.returned if _is_mark(a, probed) and not effects)
    return (effects, said, each.nodes, each.sites)


def texts_of(each: Behaviour, probed: Probed) -> frozenset[str]:
    """List the constants that it passes on to effects or the state, as the code spells them without quotes."""
    atoms = each.flows | each.returned
    return frozenset(str(atom[1]).strip("'\"") for atom in atoms if _is_mark(atom, probed))


def _is_mark(atom: Atom, probed: Probed) -> bool:
    """Tell whether a constant tells one branch from another: a stand-in for a missing value does not."""
    return atom[0] == "const" and is_telling(atom) and not probed.shows(atom) and not probed.spells_shown(atom)


def is_named(each: Behaviour, probed: Probed) -> bool:
    """Tell whether a word or a truth value of its own tells it apart."""
    places = {path for path, constant in probed.demands if constant[:1] in "'\"TF"}
    return any(isinstance(value_at(each.candidate, path), str | bool) for path in places)
