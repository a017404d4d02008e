"""Which answers make the node act: read from what they reach, never from what they are called.

Candidates that make the code do the same are one group. A group acts, compared with another, where it reaches effects,
nodes or a use of what was shown that the other avoids, and avoids nothing that the other reaches. Where both have
something of their own nothing follows, and where nothing follows for one pair nothing is known of the question.

In one graph "cancel" is the action, in another "continue" is the refusal: so words prove nothing. They are heard in two
places only. Words that contradict what was read make it unknown. And where two groups reach the same (they differ in
what they say, for instance), the one that is called as our button is, or that takes a true value, is approved with: a
hint, and no proof. A rejection is then never sent by its name alone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from adapters.langgraph.reading.probe import Behaviour, Probed, got, has, put, tells
from adapters.langgraph.reading.values import FREE, TEXT, Atom

_APPROVING = frozenset(("approve", "approved", "accept", "accepted", "yes", "y", "ok", "okay", "true", "confirm"))
_REJECTING = frozenset(("reject", "rejected", "deny", "denied", "decline", "declined", "no", "n", "false"))
_APPROVING_KEYS = frozenset(("approved", "approve", "is_approved", "accepted", "accept", "confirmed", "confirm", "ok"))


@dataclass(frozen=True)
class Group:
    """Candidates that do the same, apart from what of the answer they pass on."""

    members: tuple[Behaviour, ...]
    probed: Probed

    @cached_property
    def sites(self) -> frozenset[str]:
        """The effects that they reach."""
        return frozenset(site for each in self.members for site in each.sites)

    @cached_property
    def nodes(self) -> frozenset[str]:
        """The nodes that they go to."""
        return frozenset(node for each in self.members for node in each.nodes)

    @cached_property
    def uses(self) -> frozenset[Atom]:
        """What of the payload goes into their effects."""
        return frozenset(a for each in self.members for a in each.flows if self.probed.shows(a))

    @cached_property
    def keeps(self) -> frozenset[Atom]:
        """What of the payload goes into the state."""
        return frozenset(a for each in self.members for a in each.returned if self.probed.shows(a))

    @cached_property
    def signs(self) -> frozenset[bool]:
        """What the words and truth values that they are told apart by are called: approving, rejecting."""
        return frozenset(sign for each in self.members for sign in signs_of(each.candidate, self.probed))

    @cached_property
    def is_words(self) -> bool:
        """Whether they are texts that an effect takes: that is a message to the agent, no decision."""
        text = any(path == () and constant[:1] in "'\"" for path, constant in self.probed.demands)
        return text and all(("answer", ()) in each.flows for each in self.members)

    def acts_over(self, other: "Group") -> bool:
        """Whether it does something that the other avoids, and nothing less."""
        more, less = self.sites - other.sites, other.sites - self.sites
        used, unused = self.uses - other.uses, other.uses - self.uses
        if unused:
            return False
        if used:
            return True
        if more or less:
            return bool(more) and not less
        if self.nodes != other.nodes:
            return self.nodes > other.nodes
        return self.keeps > other.keeps


def signs_of(candidate: object, probed: Probed) -> Iterable[bool]:
    """The signs of what a candidate has at the places that the code tests."""
    for path, constant in probed.demands:
        value = got(candidate, path) if has(candidate, path) else None
        if value is None or value is TEXT or repr(value) != constant:
            continue
        if isinstance(value, bool):
            if path == () or str(path[-1]).lower() in _APPROVING_KEYS:
                yield value
        elif isinstance(value, str) and value.strip().lower() in _APPROVING | _REJECTING:
            yield value.strip().lower() in _APPROVING


def grouped(probed: Probed) -> list[Group]:
    """The groups, in the order in which their first candidates were tried.

    What asks the same again is no end, unless nothing ever ends: then the question is about the next thing. Where all
    reach the same, what they leave in the state may still tell them apart.
    """
    known = [each for each in probed.behaviours if each.is_known and not probed.raises(each)]
    able = [each for each in known if "end" in each.ends] or [each for each in known if each.only_asks_again]
    found: dict[object, list[Behaviour]] = {}
    for each in able:
        found.setdefault(skeleton(each, probed), []).append(each)
    if len(found) == 1:
        found = {}
        for each in able:
            found.setdefault(frozenset(a for a in each.returned if a[0] == "const"), []).append(each)
    return [Group(tuple(members), probed) for members in found.values()]


def skeleton(each: Behaviour, probed: Probed) -> object:
    """What a candidate reaches, without what is shown and without the answer: an edit has that of an approval."""
    effects = frozenset(
        (effect.where, frozenset(a for a in effect.what if _marks(a, probed)))
        for trace in each.traces
        for effect in trace.effects
    )
    said = frozenset(a for a in each.returned if _marks(a, probed) and not effects)
    return (effects, said, each.nodes, each.sites)


def _marks(atom: Atom, probed: Probed) -> bool:
    """Whether a constant tells one branch from another: what stands for a missing value does not."""
    return atom[0] == "const" and tells(atom) and not probed.shows(atom)


@dataclass(frozen=True)
class Polarity:
    """The group that acts, those that do not, and whether the code proves it."""

    acts: Group | None
    refuse: tuple[Group, ...] = ()
    proven: bool = False
    why: str = ""


def polarity(groups: Sequence[Group]) -> Polarity:
    """Which group is approved with, and which ones can be rejected with."""
    deciding = [each for each in groups if not each.is_words]
    if not deciding:
        return Polarity(None, why="the answer is passed on as it is")
    if len(groups) == 1:
        return _only_one(deciding[0])
    best = [each for each in deciding if all(each.acts_over(other) for other in groups if other is not each)]
    if best:
        return _not_contradicted(best[0], [each for each in groups if each is not best[0]])
    dominated = [each for each in groups if any(other.acts_over(each) for other in deciding)]
    left = [each for each in groups if each not in dominated]
    named = [each for each in left if each.signs == {True}]
    if len(named) == 1:
        acting = named[0]
        refusing = tuple(each for each in dominated if acting.acts_over(each) and True not in each.signs)
        return Polarity(acting, refusing, proven=bool(refusing) and len(left) == 1, why="named as the button is")
    return Polarity(None, why="what the answers do cannot be told apart")


def _only_one(group: Group) -> Polarity:
    """Where one group is all there is, every other answer asks again or raises: it takes a word, or anything."""
    asks_again = any(each.only_asks_again for each in group.probed.behaviours)
    named = any(_is_named(each, group.probed) for each in group.members)
    if asks_again and not (named and group.uses):
        return Polarity(None, why="it asks again until it is content, and what contents it is not known")
    if not asks_again and _is_told_apart(group):
        return Polarity(None, why="answers are told apart, and what follows from that is not known")
    return Polarity(group, (), proven=True, why="every answer goes the same way")


def _is_told_apart(group: Group) -> bool:
    """Whether the code compares something with a constant that it does not pass on."""
    probed = group.probed
    for path in {path for path, _ in probed.demands}:
        each = next((each for each in group.members if path == () or has(each.candidate, path[:-1])), None)
        if each is None or not probed.try_(put(each.candidate, path, FREE if path else TEXT)).takes(path):
            return True
    return False


def _is_named(each: Behaviour, probed: Probed) -> bool:
    """Whether it is told apart by a word or a truth value of its own."""
    places = {path for path, constant in probed.demands if constant[:1] in "'\"TF"}
    return any(isinstance(got(each.candidate, path), str | bool) for path in places)


def _not_contradicted(acting: Group, others: Sequence[Group]) -> Polarity:
    contradicted = acting.signs == {False} or any(each.signs == {True} for each in others)
    if contradicted:
        return Polarity(None, why="what the answers reach and what they are called contradict each other")
    refusing = tuple(each for each in others if True not in each.signs or False in each.signs)
    return Polarity(acting, refusing, proven=True, why="it does what the other avoids")
