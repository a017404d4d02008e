"""Which answers make the node act: read from what they reach, never from what they are called.

Candidates that make the code do the same are one group. A group acts, compared with another, where it reaches effects,
nodes or a use of what was shown that the other avoids, and avoids nothing that the other reaches (`Evidence`). Where
nothing follows for one pair, nothing is known of the question.

In one graph "cancel" is the action, in another "continue" is the refusal: so words prove nothing. They are heard where
they speak against what was read, which makes it unknown, and where both branches do something of their own, as when a
refusal writes a mail: then what was read needs a word that says the same. And where two groups reach the same (they
differ in what they say, for instance), the one that is called as our button is, or that takes a true value, is approved
with: a hint, and no proof. A rejection is then never sent by its name alone.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

from adapters.langgraph.reading.answers.probe import Behaviour, Probed, got, has, mark, put, tells, without
from adapters.langgraph.reading.code.run import ASKS, Reached, SiteKey
from adapters.langgraph.reading.code.values import FREE, TEXT, Atom, Path, atoms_of

APPROVING = frozenset(("approve", "approved", "accept", "accepted", "yes", "y", "ok", "okay", "true", "confirm"))
REJECTING = frozenset(("reject", "rejected", "deny", "denied", "decline", "declined", "no", "n", "false"))
# fmt: off
YES_ELSEWHERE = frozenset({"ja", "oui", "si", "sí", "sim", "да", "是", "批准", "同意", "はい"})
NO_ELSEWHERE = frozenset({"nein", "non", "não", "нет", "否", "拒绝", "不", "いいえ"})
_YES, _NO = APPROVING | YES_ELSEWHERE, REJECTING | NO_ELSEWHERE
_GOING = _YES | {
    "go", "go ahead", "proceed", "continue", "ship", "run", "execute", "send", "publish", "deploy", "apply", "allow",
    "allowed", "do", "do it", "lgtm", "sure", "grant", "pass",
}
_HALTING = _NO | {
    "stop", "cancel", "cancelled", "canceled", "abort", "skip", "hold", "halt", "block", "blocked", "quit", "exit",
    "drop", "discard", "refuse", "refused", "veto", "revoke", "disallow", "keep",
}
# fmt: on
_MOST_TRIED = 4
_NOTHING = ("''", "None")
"""What stands for a field that an answer lacks."""
_APPROVING_KEYS = frozenset(("approved", "approve", "is_approved", "accepted", "accept", "confirmed", "confirm", "ok"))


class Evidence(IntEnum):
    """How sure it is that one group acts and another does not."""

    NONE = 0
    LIKELY = 1
    """Both do something of their own: it does more, or it alone uses what was shown."""
    AVOIDED = 2
    """The other avoids all that it does, and does nothing of its own."""
    SHOWN = 3
    """It alone uses what was shown. The other makes no call of its own, but for what keeps a person's words."""


@dataclass(frozen=True)
class AnswerGroup:
    """Candidates that do the same, apart from what of the answer they pass on."""

    members: tuple[Behaviour, ...]
    probed: Probed
    decided_at: frozenset[Path] = frozenset()
    """Where answers of different groups differ; empty where that is not known."""

    @cached_property
    def sites(self) -> frozenset[SiteKey]:
        """The effects that they reach."""
        return frozenset(site for each in self.members for site in each.sites)

    @cached_property
    def effects(self) -> frozenset[Reached]:
        """The same, with what goes into them."""
        return frozenset(e for each in self.members for trace in each.traces for e in trace.effects)

    @cached_property
    def does(self) -> frozenset[str]:
        """What their effects call."""
        return frozenset(call for each in self.members for call in each.does)

    @cached_property
    def nodes(self) -> frozenset[str]:
        """The nodes that they go to."""
        return frozenset(node for each in self.members for node in each.nodes)

    @cached_property
    def uses(self) -> frozenset[Atom]:
        """What of the payload goes into their effects."""
        return frozenset(a for each in self.members for a in each.flows if self.probed.shows(a))

    @cached_property
    def acts_on(self) -> frozenset[Atom]:
        """The same without what further questions are made of: they do nothing yet."""
        acting = (effect for effect in self.effects if effect.does != ASKS)
        return frozenset(a for each in acting for a in each.what if self.probed.shows(a))

    @cached_property
    def keeps(self) -> frozenset[Atom]:
        """What of the payload goes into the state."""
        return frozenset(a for each in self.members for a in each.returned if self.probed.shows(a))

    @cached_property
    def signs(self) -> frozenset[bool]:
        """What the words and truth values that they are told apart by are called: approving, rejecting."""
        return self._signs(_YES, _NO)

    @cached_property
    def hints(self) -> frozenset[bool]:
        """The same, by words that often mean it."""
        return self._signs(_GOING, _HALTING)

    def _signs(self, going: frozenset[str], halting: frozenset[str]) -> frozenset[bool]:
        marks = {mark(each.candidate) for each in self.members}
        return frozenset(
            sign
            for each in self.members
            for path, sign in signed(each.candidate, self.probed, going, halting)
            if path in each.tested and (not self.decided_at or path in self.decided_at)
            if sign or mark(without(each.candidate, path)) not in marks  # a "no" that has no say is none
            if not self._goes_both_ways(each.candidate, path, marks)
        )

    def _goes_both_ways(self, candidate: object, path: Path, marks: set[str]) -> bool:
        """Whether it does not matter here which truth value stands at a place."""
        value = got(candidate, path) if path else candidate
        return isinstance(value, bool) and mark(put(candidate, path, not value)) in marks

    @cached_property
    def is_rest(self) -> bool:
        """Whether it is called a refusal, or is where every other answer goes."""
        return False in self.hints or not all(_is_named(each, self.probed) for each in self.members)

    @cached_property
    def may_ask_again(self) -> bool:
        """Whether the same question may be asked once more, as where a draft goes back to its writer."""
        return any("asks again" in each.ends for each in self.members)

    @cached_property
    def is_words(self) -> bool:
        """Whether they are texts that an effect takes: that is a message to the agent, no decision."""
        text = any(path == () and constant[:1] in "'\"" for path, constant in self.probed.demands)
        free = any(each.candidate is TEXT for each in self.members)
        return text and free and all(("answer", ()) in each.flows for each in self.members)

    @cached_property
    def notes(self) -> frozenset[SiteKey]:
        """The effects that keep what a person said: a reason, where the answer has one."""
        pairs = [
            (each, self.probed.try_(put(each.candidate, path, TEXT)))
            for each in self.members[:_MOST_TRIED]
            for path in each.reads
            if not has(each.candidate, path)
        ]
        reached = [_by_site(each) for each in (*self.members, *(tried for _, tried in pairs))]
        said = {site for sites in reached for site, what in sites.items() if any(k == "answer" for k, _ in what)}
        return frozenset(said - {site for plain, tried in pairs for site in _replaced(plain, tried)})

    def only_notes(self, sites: frozenset[SiteKey]) -> bool:
        """Whether all of these effects keep what a person said, each by itself or in one helper with others."""
        helpers = {each[:-1] for each in self.notes if len(each) > 1}
        return all(each in self.notes or each[:-1] in helpers for each in sites)

    def _means_no(self, other: "AnswerGroup", sites: frozenset[SiteKey]) -> bool:
        """Whether what only the other does is a call that this makes as well, or keeps what a person said."""
        own = [each for each in other.effects if each.site in sites and each.does not in self.does]
        return not own or {each.site for each in own} <= other.notes

    def acts_over(self, other: "AnswerGroup") -> Evidence:
        """What says that it does something that the other avoids, and nothing less."""
        more, less = self.sites - other.sites, other.sites - self.sites
        if other.uses - self.uses:
            return Evidence.NONE
        if self.uses - other.uses:
            if self.sites and self.sites <= other.sites and self.nodes <= other.nodes:
                return Evidence.NONE  # it does the same with something else, such as an edit
            return Evidence.SHOWN if self._means_no(other, less) else Evidence.LIKELY
        if more and less:
            return Evidence.LIKELY if other.only_notes(less) or self.does > other.does else Evidence.NONE
        if more or less:
            return Evidence.AVOIDED if more else Evidence.NONE
        wider = self.nodes > other.nodes if self.nodes != other.nodes else self.keeps > other.keeps
        called_so = other.signs == {True} != self.signs  # a way round to the same
        return Evidence.AVOIDED if wider and not called_so else Evidence.NONE

    @cached_property
    def deeds(self) -> frozenset[tuple[str, frozenset[Atom]]]:
        """What their effects call, with the constants that tell one call from another."""
        return frozenset((e.does, frozenset(a for a in e.what if _marks(a, self.probed))) for e in self.effects)

    def avoids(self, acting: "AnswerGroup") -> bool:
        """Whether something that the other does is certainly not done: the same call with another value is no refusal.

        It has to be another call as well. Where one call gets another constant ("approved", "rejected"; but just as
        well a text and the one that stands for it), nobody can say which constant does nothing. A record of what was
        answered is made of either, and counts for none.
        """
        if self._is_text_instead_of(acting):
            return False
        records = {each.site for each in self.effects if each.told}
        done = [each for each in acting.effects if not (each.told and each.site in records)]
        return not done or bool(acting.sites - self.sites and acting.deeds - self.deeds)

    def _is_text_instead_of(self, acting: "AnswerGroup") -> bool:
        """Whether it is told apart by being a text, and does something with it: that may be an edit, and no reason.

        Where the action is a word among others, what is no such word is no edit.
        """
        for path in {path for path, _ in self.probed.demands} | {()}:
            texts = all(got(each.candidate, path) is TEXT for each in self.members)
            done = any(kind == "answer" and at == path for each in self.members for kind, at in each.flows)
            if texts and done and not any(isinstance(got(each.candidate, path), str) for each in acting.members):
                return True
        return False


def _by_site(each: Behaviour) -> dict[SiteKey, frozenset[Atom]]:
    """What goes into each effect."""
    found: dict[SiteKey, frozenset[Atom]] = {}
    for trace in each.traces:
        for effect in trace.effects:
            found[effect.site] = found.get(effect.site, frozenset()) | effect.what
    return found


def _replaced(plain: Behaviour, tried: Behaviour) -> Iterator[SiteKey]:
    """The effects in which what a person said takes the place of something: an edit, and no note of it."""
    after = _by_site(tried)
    for site, what in _by_site(plain).items():
        lost = what - after.get(site, what)
        if any(each[0] in ("const", "from") and tells(each) for each in lost):
            yield site


def signs_of(candidate: object, probed: Probed) -> Iterable[bool]:
    """The signs of what a candidate has at the places that the code tests."""
    return (sign for _, sign in signed(candidate, probed, _YES, _NO))


def signed(
    candidate: object, probed: Probed, going: frozenset[str], halting: frozenset[str]
) -> Iterator[tuple[Path, bool]]:
    """The same, with their places."""
    for path, constant in probed.demands:
        value = got(candidate, path) if has(candidate, path) else None
        if value is None or value is TEXT or repr(value) != constant:
            continue
        if isinstance(value, bool):
            key = str(path[-1]).lower() if path else ""
            worded = any(at == path and other[:1] in "'\"" for at, other in probed.demands)
            if path == () and not (value or probed.takes_true):
                continue  # stands for nothing at all: `interrupt(...) or {}`
            if path == () or key in _APPROVING_KEYS:
                yield path, value
            elif going is _GOING and not worded:
                yield from ((path, value is sign) for sign in _sign_of_key(key))
        elif isinstance(value, str) and value.strip().lower() in going | halting:
            yield path, value.strip().lower() in going


def _sign_of_key(key: str) -> Iterable[bool]:
    """What a true value at a key says, by the words of its name; nothing where they say nothing: `{"night": True}`."""
    words = frozenset(key.replace("-", "_").split("_"))
    if bool(words & _HALTING) is not bool(words & _GOING):
        yield bool(words & _GOING)


def grouped(probed: Probed) -> list[AnswerGroup]:
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
            kept = frozenset(a for a in each.returned if a[0] == "const" and a[1] not in _NOTHING)
            found.setdefault(kept, []).append(each)
    merged: dict[object, list[Behaviour]] = {}
    for members in found.values():
        merged.setdefault(_meaning(members), []).extend(members)
    decided_at = _decided_at(list(merged.values()), probed)
    return [AnswerGroup(tuple(members), probed, decided_at) for members in merged.values()]


def _meaning(members: Sequence[Behaviour]) -> object:
    """What tells groups apart that make calls: two branches that make the very same ones mean the same."""
    made = frozenset((calls(each), each.nodes, each.returned, _left(each), each.ends) for each in members)
    return made if any(calls(each) for each in members) else id(members)


def _left(each: Behaviour) -> frozenset[tuple[str, frozenset[Atom]]]:
    """What is left in the state, by its key."""
    return frozenset((str(key), atoms_of(value)) for trace in each.traces for key, value in trace.kept)


def calls(each: Behaviour) -> frozenset[tuple[str, frozenset[Atom]]]:
    """What is called, with what; wherever the call stands, and whatever of the answer goes into it."""
    effects = (effect for trace in each.traces for effect in trace.effects)
    return frozenset((effect.does, frozenset(a for a in effect.what if a[0] != "answer")) for effect in effects)


def _decided_at(groups: Sequence[Sequence[Behaviour]], probed: Probed) -> frozenset[Path]:
    """The places at which another value alone leads to another group."""
    reached: dict[tuple[Path, str], set[int]] = {}
    for number, members in enumerate(groups):
        for each in members:
            for path in {path for path, _ in probed.demands if path == () or has(each.candidate, path[:-1])}:
                reached.setdefault((path, mark(put(each.candidate, path, None))), set()).add(number)
    return frozenset(path for (path, _), found in reached.items() if len(found) > 1)


def skeleton(each: Behaviour, probed: Probed) -> object:
    """What a candidate reaches, without what is shown and without the answer: an edit has that of an approval."""
    effects = frozenset(
        (effect.where, frozenset(a for a in effect.what if _marks(a, probed)))
        for trace in each.traces
        for effect in trace.effects
    )
    said = frozenset(a for a in each.returned if _marks(a, probed) and not effects)
    return (effects, said, each.nodes, each.sites)


def texts_of(each: Behaviour, probed: Probed) -> frozenset[str]:
    """The constants that it passes on, into effects or into the state, as the code spells them without quotes."""
    atoms = each.flows | each.returned
    return frozenset(str(atom[1]).strip("'\"") for atom in atoms if _marks(atom, probed))


def _marks(atom: Atom, probed: Probed) -> bool:
    """Whether a constant tells one branch from another: what stands for a missing value does not."""
    return atom[0] == "const" and tells(atom) and not probed.shows(atom) and not probed.spells_shown(atom)


@dataclass(frozen=True)
class Polarity:
    """The group that acts, those that do not, and whether the code proves it.

    `apart` is true where each group is known to do something of its own, and nothing says which of them approves.
    """

    acts: AnswerGroup | None
    refuse: tuple[AnswerGroup, ...] = ()
    proven: bool = False
    why: str = ""
    apart: bool = False


def polarity(groups: Sequence[AnswerGroup]) -> Polarity:
    """Which group is approved with, and which ones can be rejected with."""
    deciding = [each for each in groups if not each.is_words]
    if not deciding:
        return Polarity(None, why="the answer is passed on as it is")
    if len(groups) == 1:
        return _only_one(deciding[0])
    best = [each for each in deciding if all(each.acts_over(other) for other in groups if other is not each)]
    if best and _goes_further(best[0], groups):
        return _one_of(best[0], groups)
    if best:
        return _not_contradicted(best[0], [each for each in groups if each is not best[0]])
    dominated = [each for each in groups if any(other.acts_over(each) for other in deciding)]
    left = [each for each in groups if each not in dominated]
    ending = [each for each in left if not each.may_ask_again]
    if len(ending) == 1 and len(left) > 1:
        return _not_contradicted(ending[0], [each for each in groups if each is not ending[0]], ends_alone=True)
    named = [each for each in left if each.signs == {True}]
    refusing = tuple(each for each in dominated if True not in each.signs and _is_refusal(each, left))
    if len(named) == 1 and (dominated or all(each.does == named[0].does for each in left)):
        acting = named[0]
        lesser = [each for each in dominated if acting.acts_over(each) and each.avoids(acting)]
        lesser = [each for each in lesser if True not in each.signs]
        alike = all(each.sites == acting.sites for each in left)
        certain = bool(refusing or (lesser and alike))
        return Polarity(acting, least(refusing or lesser), proven=certain, why="named as the button is")
    return Polarity(None, least(refusing), why="what the answers do cannot be told apart", apart=True)


def _goes_further(best: AnswerGroup, groups: Sequence[AnswerGroup]) -> list[AnswerGroup]:
    """The groups that use all that the best one uses of what is shown, and act over a third: "run it" and "always".

    Which of them is the approval nobody can tell from what they reach: the one that does most may do too much.
    """
    others = [each for each in groups if each is not best]
    alike = [each for each in others if best.acts_on and each.acts_on == best.acts_on]
    return [each for each in alike if any(each.acts_over(other) for other in others if other not in alike)]


def _one_of(best: AnswerGroup, groups: Sequence[AnswerGroup]) -> Polarity:
    """The one of several that act which is called as the button is; a refusal does nothing that one of them does."""
    able = [best, *_goes_further(best, groups)]
    rest = [each for each in groups if each not in able and True not in each.signs]
    refusing = least([each for each in rest if _is_refusal(each, able)])
    named = [each for each in able if each.signs == {True}]
    if len(named) != 1 or any(each.signs == {False} for each in able):
        return Polarity(None, refusing, why="several answers act on what is shown", apart=True)
    return Polarity(named[0], refusing, proven=bool(refusing), why="of those that act, it is named as the button is")


def _is_refusal(group: AnswerGroup, acting: Sequence[AnswerGroup]) -> bool:
    """Whether it does nothing that one of those does that act."""
    return all(each.acts_over(group) >= Evidence.AVOIDED and group.avoids(each) for each in acting)


def least(refusing: Sequence[AnswerGroup]) -> tuple[AnswerGroup, ...]:
    """The groups that a rejection may take: those that do least, and do not ask again where another one ends.

    Paging somebody avoids the action too, and so does a new draft; but neither is a refusal where there is a way on
    which does less. Where two do something of their own, the one that is called a refusal is; else none is known.
    """
    ending = [each for each in refusing if not each.may_ask_again] or [e for e in refusing if e.is_rest]
    lowest = [each for each in ending if not any(_does_more(each, other) for other in ending if other is not each)]
    if len({(each.sites, each.nodes) for each in lowest}) > 1:
        own = [each for each in lowest if all(_is_named(member, each.probed) for member in each.members)]
        if len({(each.does, each.nodes) for each in lowest}) == 1 and len(own) <= 1:
            return tuple(own or lowest)  # the node's word for it, and what is no word of its, are treated alike
        named = [each for each in lowest if each.signs == {False}] or [each for each in lowest if each.hints == {False}]
        return tuple(named) if len(named) == 1 else ()
    return tuple(each for each in lowest if False in each.signs) or tuple(lowest)


def _does_more(group: AnswerGroup, other: AnswerGroup) -> bool:
    """Whether it does something that another avoids; what is called a refusal may keep what a person said."""
    keeps = group.hints == {False} and group.only_notes(group.sites - other.sites)
    return bool(group.acts_over(other)) and not keeps


def _only_one(group: AnswerGroup) -> Polarity:
    """Where one group is all there is, every other answer asks again or raises: it takes a word, or anything."""
    asks_again = any(each.only_asks_again for each in group.probed.behaviours)
    named = any(_is_named(each, group.probed) for each in group.members)
    if asks_again and not (named and group.uses):
        return Polarity(None, why="it asks again until it is content, and what contents it is not known")
    if _some_do_more(group):
        return Polarity(None, why="some answers do more, and which ones is not known")
    if not asks_again and group.sites and _others_raise(group):
        return Polarity(group, (), proven=True, why="every other answer raises")
    if not asks_again and not _is_demanded(group) and _is_told_apart(group):
        return Polarity(None, why="answers are told apart, and what follows from that is not known")
    if not group.sites and not group.nodes and any(each.reads for each in group.members):
        return Polarity(None, why="what is read of the answer makes no difference that is known")
    return Polarity(group, (), proven=True, why="every answer goes the same way")


def _is_demanded(group: AnswerGroup) -> bool:
    """Whether the code raises at any other answer: then it goes on with this one alone, and that is what was shown."""
    others = [each for each in group.probed.behaviours if each not in group.members]
    raising = all(each.is_known and each.ends == {"raises"} for each in others)
    return raising and bool(others) and bool(group.uses) and group.signs | group.hints == {True}


def _others_raise(group: AnswerGroup) -> bool:
    """Whether a `raise` of the code's own is all that comes of every other answer: a refusal, in some projects."""
    others = [each for each in group.probed.behaviours if each not in group.members]
    own = [each for each in others if not any(trace.by_type for trace in each.traces)]
    return bool(own) and all(each.is_known and each.ends == {"raises"} for each in others)


def _some_do_more(group: AnswerGroup) -> bool:
    """Whether there are answers of which it is not known what they do, and which may do more."""
    left = [each for each in group.probed.behaviours if not each.is_known and not group.probed.raises(each)]
    return any(each.sites - group.sites or each.nodes - group.nodes for each in left)


def _is_told_apart(group: AnswerGroup) -> bool:
    """Whether the code compares something with a constant that it does not pass on."""
    probed = group.probed
    for path in {path for path, _ in probed.demands}:
        each = next((each for each in group.members if path == () or has(each.candidate, path[:-1])), None)
        tried = None if each is None else probed.try_(put(each.candidate, path, FREE if path else TEXT))
        if tried is None or not tried.is_known or not tried.takes(path):
            return True
    return False


def _is_named(each: Behaviour, probed: Probed) -> bool:
    """Whether it is told apart by a word or a truth value of its own."""
    places = {path for path, constant in probed.demands if constant[:1] in "'\"TF"}
    return any(isinstance(got(each.candidate, path), str | bool) for path in places)


def _not_contradicted(acting: AnswerGroup, others: Sequence[AnswerGroup], *, ends_alone: bool = False) -> Polarity:
    """`ends_alone`: all others ask again, or do less."""
    evidence = min((acting.acts_over(each) for each in others), default=Evidence.SHOWN)
    if ends_alone:
        evidence = max(evidence, Evidence.LIKELY)
    contradicted = acting.signs == {False} or any(each.signs == {True} for each in others)
    doubted = acting.hints == {False} or any(each.hints == {True} for each in others)
    if contradicted or (doubted and evidence < Evidence.SHOWN):
        return Polarity(None, why="what the answers reach and what they are called contradict each other")
    agreed = acting.hints == {True} or any(each.hints == {False} for each in others)
    if evidence is Evidence.LIKELY and not agreed:
        return Polarity(None, why="each answer does something of its own", apart=True)
    avoiding = [each for each in others if each.avoids(acting) and (True not in each.signs or False in each.signs)]
    refusing = [each for each in avoiding if acting.acts_over(each) >= Evidence.AVOIDED or each.is_rest]
    why = "it ends, where the others ask again" if ends_alone else "it does what the other avoids"
    return Polarity(acting, least(refusing), proven=True, why=why)
