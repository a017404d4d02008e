"""Decides what each choice sends, from all that was tried on a question.

A `Convention` holds the same templates as an entry of `answers:` in app.yaml, so both are encoded, bound by the digest
and stored in the same way. `$reason` is a rejection's reason, in words that cannot be taken for another answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from adapters.langgraph.reading.answers.approving import approvable, best
from adapters.langgraph.reading.answers.edits import edit_of
from adapters.langgraph.reading.answers.encoding import template
from adapters.langgraph.reading.answers.free_text import follows_words, free_text, is_mere_question, wants_words
from adapters.langgraph.reading.answers.groups import AnswerGroup, grouped
from adapters.langgraph.reading.answers.options import all_named, is_short, named_branches, word_of
from adapters.langgraph.reading.answers.polarity import Polarity, polarity
from adapters.langgraph.reading.answers.probe import Behaviour, Probed
from adapters.langgraph.reading.answers.proofs import proof
from adapters.langgraph.reading.answers.rejections import rejection_of
from adapters.langgraph.reading.answers.signs import APPROVING, REJECTING
from adapters.langgraph.reading.code.run import ASKS
from adapters.langgraph.reading.code.values import Path
from engine.asks.ask import Choice, Json


@dataclass(frozen=True)
class FurtherChoice:
    """A further choice of the node: its word, its template, the node's name for a person's words, and the proof."""

    word: str
    sends: Json
    asks_for: str
    proof: str


@dataclass(frozen=True)
class Convention:
    """The answers that a question takes. `proofs` say for each choice where the code goes."""

    templates: Mapping[Choice, Json] = field(default_factory=dict)
    proofs: Mapping[Choice, str] = field(default_factory=dict)
    edited: tuple[Path, ...] = ()
    """The fields of the payload that an edit changes."""
    filled: tuple[Path, ...] = ()
    """Those of them that keep their value if the new one is empty or counts as false."""
    options: tuple[FurtherChoice, ...] = ()
    """The node's further choices."""
    all_named: bool = False
    """True if every branch of the node has a word or a button."""
    own_words: Mapping[Choice, str] = field(default_factory=dict)
    """The node's own words for the choices of our buttons, if they differ."""
    reserved: frozenset[str] = frozenset()
    """Words that mean something to the node, in small letters."""
    is_question: bool = False
    """Every answer takes the same branch, and is passed on."""
    wants_words: bool = False
    """The answer is passed on as a text."""
    acts_anyway: bool = False
    """There is an effect that does not depend on the answer."""
    decides: bool = False
    """Some answers make the node do something else."""
    proven: bool = False
    why: str = ""

    @property
    def sends(self) -> tuple[Mapping[Choice, Json], Mapping[str, Json]]:
        """All that can be sent: by choice, and by the words of the further choices."""
        return self.templates, {each.word: each.sends for each in self.options}

    @property
    def is_known(self) -> bool:
        """Tell whether anything can be sent."""
        return bool(self.templates or self.options)


def convention_of(probed: Probed) -> Convention:
    """Decide what each choice sends."""
    groups = grouped(probed)
    decided = polarity(groups)
    if decided.acts is None and decided.apart and (found := _of_branches(probed, groups, decided)) is not None:
        return found
    if decided.acts is None or is_mere_question(groups, decided.acts):
        return _of_question(probed, groups, decided)
    return _of_decision(probed, groups, decided, decided.acts)


def _of_branches(probed: Probed, groups: Sequence[AnswerGroup], decided: Polarity) -> Convention | None:
    """Offer each branch under its own word: all are known, and none is known to approve.

    None if there are fewer than two.
    """
    rejection = rejection_of(probed, None, decided.refuse)
    rejecting = _like(rejection[1], groups) if rejection is not None else ()
    templates: dict[Choice, Json] = {} if rejection is None else {Choice.REJECT: rejection[0]}
    options = _further(probed, rejecting, templates)
    if len(options) < 2:  # noqa: PLR2004 - one branch alone is no choice
        return None
    others = [each for each in groups if not any(one in rejecting for one in each.members)]
    return Convention(
        templates,
        {} if rejection is None else {Choice.REJECT: proof(rejection[1])},
        options=options,
        all_named=all_named(others, probed),
        own_words=_own_words(probed, templates),
        reserved=probed.reserved,
        decides=True,
        why=decided.why,
    )


_PASSED_ON = "the words are passed on"


def _of_question(probed: Probed, groups: Sequence[AnswerGroup], decided: Polarity) -> Convention:
    """Offer an answer in words alone, if the node takes one."""
    words = free_text(probed, groups, decided.acts)
    is_question = words is not None and len(groups) == 1 and follows_words(probed)
    return Convention(
        {Choice.ANSWER: words} if words is not None else {},
        {Choice.ANSWER: _PASSED_ON} if words is not None else {},
        reserved=probed.reserved,
        is_question=is_question,
        wants_words=is_question and wants_words(probed),
        acts_anyway=_acts_anyway(probed),
        proven=is_question,
        why=decided.why,
    )


def _of_decision(probed: Probed, groups: Sequence[AnswerGroup], decided: Polarity, acting: AnswerGroup) -> Convention:
    """Offer to approve with the group that acts, and whatever else is known."""
    if not (members := approvable(acting)):
        return Convention(reserved=probed.reserved, why="the approving answer contains a person's own words")
    approving = best(members, probed)
    templates: dict[Choice, Json] = {Choice.APPROVE: template(approving.candidate, probed, "$text")}
    proofs = {Choice.APPROVE: proof(approving)}
    edited: tuple[Path, ...] = ()
    filled: tuple[Path, ...] = ()
    if (edit := edit_of(probed, acting, approving)) is not None:
        templates[Choice.EDIT], edited, filled = edit
    rejection = rejection_of(probed, acting, decided.refuse) if decided.proven else None
    if rejection is not None:
        templates[Choice.REJECT], proofs[Choice.REJECT] = rejection[0], proof(rejection[1])
    words = free_text(probed, groups, acting)
    replaces_shown = str(templates.get(Choice.EDIT)).startswith("$value")  # an edit, and no answer
    if words is not None and not replaces_shown:
        templates[Choice.ANSWER], proofs[Choice.ANSWER] = words, _PASSED_ON
    taken = [*acting.members, *(_like(rejection[1], groups) if rejection is not None else ())]
    return Convention(
        templates,
        proofs,
        edited,
        filled,
        options=_further(probed, taken, templates),
        own_words=_own_words(probed, templates),
        reserved=probed.reserved,
        decides=len(groups) > 1,
        proven=decided.proven,
        why=decided.why,
    )


def _like(each: Behaviour, groups: Sequence[AnswerGroup]) -> Sequence[Behaviour]:
    """List all behaviours of the same group."""
    return next((group.members for group in groups if each in group.members), (each,))


def _further(probed: Probed, taken: Sequence[Behaviour], templates: Mapping[Choice, Json]) -> tuple[FurtherChoice, ...]:
    found = []
    for each in named_branches(probed, taken, templates.values()):
        asks_for = "" if each.words_at is None else str(each.words_at[-1] if each.words_at else each.word)
        sends = template(each.candidate, probed, "$text")
        found.append(FurtherChoice(each.word, sends, asks_for, proof(each.behaviour)))
    return tuple(found)


_SAME: Mapping[Choice, frozenset[str]] = {
    Choice.APPROVE: APPROVING,
    Choice.EDIT: frozenset(("edit", "edited", "update", "modify", "change")) | APPROVING,
    Choice.REJECT: REJECTING,
}
"""Words that say what our button says."""


def _own_words(probed: Probed, templates: Mapping[Choice, Json]) -> Mapping[Choice, str]:
    words = {choice: word_of(templates.get(choice), probed) for choice in _SAME}
    found = {choice: named[1] for choice, named in words.items() if named and is_short(named[1])}
    return {choice: word for choice, word in found.items() if word.strip().lower() not in _SAME[choice]}


def _acts_anyway(probed: Probed) -> bool:
    """Tell whether there is an effect in which the answer has no part."""
    effects = (effect for each in probed.behaviours for trace in each.traces for effect in trace.effects)
    done = (effect.what for effect in effects if not effect.where.startswith(ASKS))
    return any(not any(kind == "answer" for kind, _ in what) for what in done)
