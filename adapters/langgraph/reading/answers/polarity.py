"""Decides which group of answers approves, and which groups can reject.

In one graph "cancel" is the action, in another "continue" is the refusal: so words prove nothing. They count in two
cases. If they contradict the effects, nothing is known. If both branches do something of their own, as when a refusal
sends an email, the effects need a word that agrees. If two groups reach the same effects (they differ in what they say,
for instance), the group with our button's name, or with a true value, is the approval: a hint, and no proof. A
rejection is then never sent by its name alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.langgraph.reading.answers.candidates import has_value, with_value
from adapters.langgraph.reading.answers.groups import AnswerGroup, Evidence, is_named
from adapters.langgraph.reading.code.values import FREE, TEXT


@dataclass(frozen=True)
class Polarity:
    """The group that acts, those that do not, and whether the code proves it.

    `apart` is true if each group is known to do something of its own, and nothing shows which of them approves.
    """

    acts: AnswerGroup | None
    refuse: tuple[AnswerGroup, ...] = ()
    proven: bool = False
    why: str = ""
    apart: bool = False


def polarity(groups: Sequence[AnswerGroup]) -> Polarity:
    """Decide which group approves, and which groups can reject."""
    deciding = [each for each in groups if not each.is_words]
    if not deciding:
        return Polarity(None, why="the answer is passed on as it is")
    if len(groups) == 1:
        return _judge_single(deciding[0])
    best = [each for each in deciding if all(each.acts_over(other) for other in groups if other is not each)]
    if best and _goes_further(best[0], groups):
        return _choose_by_name(best[0], groups)
    if best:
        return _unless_contradicted(best[0], [each for each in groups if each is not best[0]])
    dominated = [each for each in groups if any(other.acts_over(each) for other in deciding)]
    left = [each for each in groups if each not in dominated]
    ending = [each for each in left if not each.may_ask_again]
    if len(ending) == 1 and len(left) > 1:
        return _unless_contradicted(ending[0], [each for each in groups if each is not ending[0]], ends_alone=True)
    named = [each for each in left if each.signs == {True}]
    refusing = tuple(each for each in dominated if True not in each.signs and _is_refusal(each, left))
    if len(named) == 1 and (dominated or all(each.does == named[0].does for each in left)):
        acting = named[0]
        lesser = [each for each in dominated if acting.acts_over(each) and each.avoids(acting)]
        lesser = [each for each in lesser if True not in each.signs]
        alike = all(each.sites == acting.sites for each in left)
        certain = bool(refusing or (lesser and alike))
        return Polarity(acting, least_doing(refusing or lesser), proven=certain, why="it has the button's name")
    return Polarity(None, least_doing(refusing), why="the effects of the answers cannot be told apart", apart=True)


def _goes_further(best: AnswerGroup, groups: Sequence[AnswerGroup]) -> list[AnswerGroup]:
    """List the groups that use all of the shown values that the best one uses, and act over a third: "run", "always".

    Their effects do not show which of them is the approval: the one that does most may do too much.
    """
    others = [each for each in groups if each is not best]
    alike = [each for each in others if best.acts_on and each.acts_on == best.acts_on]
    return [each for each in alike if any(each.acts_over(other) for other in others if other not in alike)]


def _choose_by_name(best: AnswerGroup, groups: Sequence[AnswerGroup]) -> Polarity:
    """Of several groups that act, choose the one named as our button; a refusal does nothing that they do."""
    able = [best, *_goes_further(best, groups)]
    rest = [each for each in groups if each not in able and True not in each.signs]
    refusing = least_doing([each for each in rest if _is_refusal(each, able)])
    named = [each for each in able if each.signs == {True}]
    if len(named) != 1 or any(each.signs == {False} for each in able):
        return Polarity(None, refusing, why="several answers act on the shown values", apart=True)
    return Polarity(named[0], refusing, proven=bool(refusing), why="of the answers that act, it has the button's name")


def _is_refusal(group: AnswerGroup, acting: Sequence[AnswerGroup]) -> bool:
    """Tell whether it does nothing that one of the acting groups does."""
    return all(each.acts_over(group) >= Evidence.AVOIDED and group.avoids(each) for each in acting)


def least_doing(refusing: Sequence[AnswerGroup]) -> tuple[AnswerGroup, ...]:
    """Choose the groups that a rejection may take: those that do least, and end instead of asking again.

    Paging somebody avoids the action too, and so does a new draft; but neither is the refusal if another branch does
    less. If two do something of their own, the one with the name of a refusal is chosen; otherwise none is known.
    """
    ending = [each for each in refusing if not each.may_ask_again] or [e for e in refusing if e.is_rest]
    lowest = [each for each in ending if not any(_does_more(each, other) for other in ending if other is not each)]
    if len({(each.sites, each.nodes) for each in lowest}) > 1:
        own = [each for each in lowest if all(is_named(member, each.probed) for member in each.members)]
        if len({(each.does, each.nodes) for each in lowest}) == 1 and len(own) <= 1:
            return tuple(own or lowest)  # a word of the node's, and any other text, are treated alike
        named = [each for each in lowest if each.signs == {False}] or [each for each in lowest if each.hints == {False}]
        return tuple(named) if len(named) == 1 else ()
    return tuple(each for each in lowest if False in each.signs) or tuple(lowest)


def _does_more(group: AnswerGroup, other: AnswerGroup) -> bool:
    """Tell whether it does something that another avoids; a named refusal may keep a person's words."""
    keeps = group.hints == {False} and group.only_notes(group.sites - other.sites)
    return bool(group.acts_over(other)) and not keeps


def _judge_single(group: AnswerGroup) -> Polarity:
    """Judge a single group: every other answer asks again or raises, so it takes one word, or anything."""
    asks_again = any(each.only_asks_again for each in group.probed.behaviours)
    named = any(is_named(each, group.probed) for each in group.members)
    if asks_again and not (named and group.uses):
        return Polarity(
            None, why="it asks again until it accepts an answer, and it is not known which answers it accepts"
        )
    if _some_do_more(group):
        return Polarity(None, why="some answers do more, and it is not known which")
    if not asks_again and group.sites and _others_raise(group):
        return Polarity(group, (), proven=True, why="every other answer raises")
    if not asks_again and not _is_demanded(group) and _is_told_apart(group):
        return Polarity(None, why="the code tells answers apart, and the effect is not known")
    if not group.sites and not group.nodes and any(each.reads for each in group.members):
        return Polarity(None, why="the answer is read, with no known effect")
    return Polarity(group, (), proven=True, why="every answer takes the same branch")


def _is_demanded(group: AnswerGroup) -> bool:
    """Tell whether the code raises at any other answer: then only this one goes on, with what was shown."""
    others = [each for each in group.probed.behaviours if each not in group.members]
    raising = all(each.is_known and each.ends == {"raises"} for each in others)
    return raising and bool(others) and bool(group.uses) and group.signs | group.hints == {True}


def _others_raise(group: AnswerGroup) -> bool:
    """Tell whether every other answer only reaches a `raise` of the project's own: some projects refuse like that."""
    others = [each for each in group.probed.behaviours if each not in group.members]
    own = [each for each in others if not any(trace.by_type for trace in each.traces)]
    return bool(own) and all(each.is_known and each.ends == {"raises"} for each in others)


def _some_do_more(group: AnswerGroup) -> bool:
    """Tell whether some answers are not known completely, and may do more."""
    left = [each for each in group.probed.behaviours if not each.is_known and not group.probed.raises(each)]
    return any(each.sites - group.sites or each.nodes - group.nodes for each in left)


def _is_told_apart(group: AnswerGroup) -> bool:
    """Tell whether the code compares something with a constant that it does not pass on."""
    probed = group.probed
    for path in {path for path, _ in probed.demands}:
        each = next((each for each in group.members if path == () or has_value(each.candidate, path[:-1])), None)
        tried = None if each is None else probed.try_(with_value(each.candidate, path, FREE if path else TEXT))
        if tried is None or not tried.is_known or not tried.takes(path):
            return True
    return False


def _unless_contradicted(acting: AnswerGroup, others: Sequence[AnswerGroup], *, ends_alone: bool = False) -> Polarity:
    """Accept the acting group unless names contradict it. `ends_alone`: all others ask again, or do less."""
    evidence = min((acting.acts_over(each) for each in others), default=Evidence.SHOWN)
    if ends_alone:
        evidence = max(evidence, Evidence.LIKELY)
    contradicted = acting.signs == {False} or any(each.signs == {True} for each in others)
    doubted = acting.hints == {False} or any(each.hints == {True} for each in others)
    if contradicted or (doubted and evidence < Evidence.SHOWN):
        return Polarity(None, why="the effects of the answers contradict their names")
    agreed = acting.hints == {True} or any(each.hints == {False} for each in others)
    if evidence is Evidence.LIKELY and not agreed:
        return Polarity(None, why="each answer does something of its own", apart=True)
    avoiding = [each for each in others if each.avoids(acting) and (True not in each.signs or False in each.signs)]
    refusing = [each for each in avoiding if acting.acts_over(each) >= Evidence.AVOIDED or each.is_rest]
    why = "it ends, while the others ask again" if ends_alone else "it does what the other avoids"
    return Polarity(acting, least_doing(refusing), proven=True, why=why)
