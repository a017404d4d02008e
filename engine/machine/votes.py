"""Votes: a click is checked and counted, and closes the request when the votes are enough."""

from dataclasses import replace
from datetime import datetime

from engine.approvals.approval import Approval, Notify, Review, Vote
from engine.approvals.audit import What
from engine.approvals.effects import Effect, GiveGrant, TellPerson
from engine.approvals.electorate import (
    Electorate,
    electorate,
    not_needed,
    recount,
    stage_for,
    vote_of,
    with_earlier_shifts,
    with_vote,
)
from engine.approvals.events import Chose
from engine.asks.ask import Choice, Json, Kind, canonical
from engine.ids import UserId
from engine.machine.cards import is_on_card
from engine.machine.closing import PARTICIPLES, decide, option_of, outcome_of, stop_run
from engine.machine.common_effects import calls_of, drawings_of, timers_set
from engine.machine.deadlines import expired_before
from engine.machine.offered_words import not_theirs, sends_offered, up_to
from engine.machine.step import Step, entry_of, refuse
from engine.rules import grants
from engine.sentences import notices, refusals
from engine.sources import Ground


def choose(approval: Approval, event: Chose, now: datetime) -> Step:
    """Take a click or a form: refuse it, or count it as a vote."""
    event = _normalized(approval, event)
    if (late := expired_before(approval, event, event.at or now, now)) is not None:
        return late
    refusal = not_theirs(approval, event) or _refusal_of(approval, event)
    if refusal is not None:
        return refuse(approval, event, refusal, now)
    return _count_vote(approval, event, event.at or now, now)


def _count_vote(approval: Approval, event: Chose, at: datetime, now: datetime) -> Step:
    """Count a vote, unless the earlier votes leave it no effect."""
    if not _changes_value(approval, event):
        event = with_earlier_shifts(approval.reviews[event.action], event)
    voters = _electorate(approval, event)
    review, fallen, unknown = _without_fallen_votes(approval, voters, event)
    wanted = _vote_of(approval, event, at)
    refusal = unknown
    if refusal is None and not _changes_value(approval, event):
        refusal = voters.refuses(event.by, event.facts, stage_for(review, wanted))
        refusal = refusal or not_needed(review, wanted, event.facts)
    if refusal is not None and not fallen:
        return refuse(approval, event, refusal, now)
    if refusal is None:
        review = _with_grant(_with_vote(review, approval, event, wanted), approval, event)
    reviews = (*approval.reviews[: event.action], review, *approval.reviews[event.action + 1 :])
    taken = replace(approval, reviews=reviews)
    told = _notices_to_voters(approval, event, fallen)
    rows = tuple(entry_of(approval, What.FELL, user, now, {"action": event.action}) for user in fallen)
    if refusal is not None:
        step = refuse(taken, event, refusal, now)
        return replace(step, effects=(*step.effects, *told, *drawings_of(taken)), entries=(*rows, *step.entries))
    given = next((each for each in review.votes if each.by == event.by), wanted)
    wanted = replace(wanted, grounds=tuple(dict.fromkeys((*wanted.grounds, *given.grounds))))
    counted = _closed_when_complete(approval, taken, event, wanted, now)
    gives = (GiveGrant(approval.id, event.action),) if review.allowed_until is not None else ()
    return replace(counted, effects=(*counted.effects, *gives, *told), entries=(*rows, *counted.entries))


def _electorate(approval: Approval, event: Chose) -> Electorate:
    return electorate(approval.reviews[event.action], approval.requester, approval.ask.subject, event.ruling)


def _without_fallen_votes(
    approval: Approval, voters: Electorate, event: Chose
) -> tuple[Review, tuple[UserId, ...], refusals.Refusal | None]:
    """Check the earlier votes, on which only answers, sufficient rejections and edits do not depend."""
    review = approval.reviews[event.action]
    enough = event.choice is Choice.REJECT and review.policy.reject_quorum == 1
    if enough or event.choice is Choice.ANSWER or _changes_value(approval, event):
        return review, (), None
    return recount(review, voters, event.ruling, event.by)


def _changes_value(approval: Approval, event: Chose) -> bool:
    return event.choice is Choice.EDIT and not _edits_nothing(approval, event)


def _with_vote(review: Review, approval: Approval, event: Chose, vote: Vote) -> Review:
    policy = event.ruling.edited or review.governing
    edits_under = Electorate(policy, approval.requester, approval.ask.subject)
    return with_vote(review, event, vote, changes=_changes_value(approval, event), edits_under=edits_under)


def _notices_to_voters(approval: Approval, event: Chose, fallen: tuple[UserId, ...]) -> tuple[Effect, ...]:
    """Tell the authors of votes that no longer count why."""
    review = approval.reviews[event.action]
    told = [TellPerson(approval.thread, approval.place, user, notices.VOTE_FELL) for user in fallen]
    if _changes_value(approval, event):
        changed = notices.changed_after_vote(event.by)
        voters = dict.fromkeys(each.by for each in review.votes if each.by != event.by and each.by not in fallen)
        told += [TellPerson(approval.thread, approval.place, user, changed) for user in voters]
    return tuple(told)


def _normalized(approval: Approval, event: Chose) -> Chose:
    """Turn an edit without changes into an approval, if the action offers one.

    An answer without words sends the offered ones, up to the message that it names.
    """
    if sends_offered(event):
        sent = up_to(approval.offered, event.said)
        return replace(event, text="\n".join(each.text for each in sent))
    if not _edits_nothing(approval, event):
        return event
    both_offered = {Choice.APPROVE, Choice.EDIT} <= set(approval.ask.actions[event.action].choices)
    return replace(event, choice=Choice.APPROVE, value=None) if both_offered else event


def _edits_nothing(approval: Approval, event: Chose) -> bool:
    """True for an edit without changes, compared as JSON: the order of keys is no change, 1.0 for 1 is one."""
    if event.choice is not Choice.EDIT or not 0 <= event.action < len(approval.reviews):
        return False
    before = approval.reviews[event.action].value
    return event.value == before and canonical(event.value) == canonical(before)


def _refusal_of(approval: Approval, event: Chose) -> refusals.Refusal | None:
    if not is_on_card(approval, event.on):
        return refusals.NotTheCard(approval.place.channel)
    if not 0 <= event.action < len(approval.reviews):
        return refusals.NotOffered()
    review = approval.reviews[event.action]
    # A person who may not decide is told that first: it is more useful, and tells strangers less.
    refusal = _electorate(approval, event).refuses(event.by, event.facts, None) or _too_late(approval, event, review)
    return refusal or _not_offered(approval, event, review, _vote_of(approval, event, approval.created_at))


def _too_late(approval: Approval, event: Chose, review: Review) -> refusals.Refusal | None:
    if (decided := review.decision) is not None:
        at = review.decided_at or approval.created_at
        return refusals.AlreadyDecided(PARTICIPLES[decided.choice], review.deciders, at, decided.option)
    if event.revision != review.revision:
        return refusals.NotOffered() if review.edited_by is None else refusals.Changed(review.edited_by)
    if event.at is not None and any(each.by == event.by and each.at > event.at for each in review.votes):
        return refusals.Overtaken()
    return None


def _not_offered(approval: Approval, event: Chose, review: Review, wanted: Vote) -> refusals.Refusal | None:
    if event.choice not in approval.ask.actions[event.action].choices:
        return refusals.NotOffered()
    if event.choice is Choice.OPTION and not wanted.option:
        return refusals.NotOffered()
    if event.allows and not _may_allow(approval, event):
        return refusals.NoGrant()
    if event.choice is Choice.ANSWER and review.policy.quorum > 1 and not approval.ask.is_question:
        return refusals.OnePersonsWords(review.policy.quorum)
    if event.ruling.forbids and event.choice is not Choice.REJECT:
        return refusals.RuleRejects(event.ruling.forbids, edited=_changes_value(approval, event))
    return None


def _may_allow(approval: Approval, event: Chose) -> bool:
    """True if a grant can be given now: not under a rule that has changed since the request."""
    if event.choice is not Choice.APPROVE or event.ruling.current is not None:
        return False
    return grants.is_offered(approval, event.action, whole=True)


def _with_grant(review: Review, approval: Approval, event: Chose) -> Review:
    terms, at = review.policy.grants, review.decided_at
    if not event.allows or terms is None or at is None:
        return review
    return replace(review, grant=grants.grant_id(approval.id, event.action), allowed_until=at + terms.lasts)


def _vote_of(approval: Approval, event: Chose, at: datetime) -> Vote:
    """Make the vote of a click; an option that takes no words drops them."""
    option = approval.ask.actions[event.action].option(event.option) if event.choice is Choice.OPTION else None
    text = event.text if option is None or option.takes_words else ""
    return replace(vote_of(_electorate(approval, event), event, at), text=text, option=option.word if option else "")


def _with_next_turn(before: Approval, after: Approval) -> Step:
    """Call the people whose turn it is after a vote: those of the next stage or, after an edit, of another rule."""
    if [review.policy for review in before.reviews] == [review.policy for review in after.reviews]:
        return Step(after, (*drawings_of(after), *calls_of(after)))
    if after.calling.notify is Notify.NONE:  # as the rule said that it was asked under
        after = replace(after, calling=replace(after.calling, notify=Notify.MENTION))
    return Step(after, (*drawings_of(after), *calls_of(after), *timers_set(after)))


def _closed_when_complete(before: Approval, approval: Approval, event: Chose, vote: Vote, now: datetime) -> Step:
    detail = _vote_detail(event, vote)
    entries = [entry_of(approval, _VOTE_ROWS.get(event.choice, What.VOTED), event.by, now, detail)]
    if approval.stopping is not None:
        entries.append(entry_of(approval, What.DECIDED, event.by, now, PARTICIPLES[Choice.REJECT]))
        return stop_run(approval, tuple(entries), _rejection(approval, event), now, by=event.by)
    if any(review.decision is None for review in approval.reviews):
        return replace(_with_next_turn(before, approval), entries=tuple(entries))
    if event.choice is not Choice.ANSWER:
        option = option_of(approval)
        outcome: Json = {"choice": Choice.OPTION.value, "option": option} if option else outcome_of(approval)
        entries.append(entry_of(approval, What.DECIDED, event.by, now, outcome))
    return decide(approval, tuple(entries), now)


_VOTE_ROWS = {Choice.EDIT: What.EDITED, Choice.ANSWER: What.ANSWERED}


def _vote_detail(event: Chose, vote: Vote) -> Json:
    detail: dict[str, Json] = {"action": event.action, "revision": event.revision, "choice": event.choice.value}
    if vote.option:
        detail["option"] = vote.option
    if event.text:
        detail["text"] = event.text
    if event.value is not None:
        detail["value"] = event.value
    if vote.grounds:
        detail["via"] = vote.grounds[0].source.called
        detail["grounds"] = [_ground_detail(each) for each in vote.grounds]
    return detail


def _ground_detail(ground: Ground) -> Json:
    """Write a ground of a vote for the audit (P11)."""
    told: dict[str, Json] = {
        "source": ground.source.origin.value,
        "name": ground.source.name,
        "called": ground.source.label,
        "looked_up": ground.looked_up.isoformat(),
        "tier": ground.tier,
        "starts": ground.starts.isoformat() if ground.starts else None,
        "ends": ground.ends.isoformat() if ground.ends else None,
        "said": ground.said,
    }
    return {name: value for name, value in told.items() if value not in (None, "")}


def _rejection(approval: Approval, event: Chose) -> str:
    """Tell the requester of a rejection, behind the name of the person who rejected."""
    if approval.ask.kind is Kind.BREAKPOINT:
        return notices.with_reason(notices.ENDED, event.text)
    what = approval.ask.actions[event.action].name if approval.ask.kind is Kind.TOOL_CALL else "this request"
    return notices.rejected(what, event.text)
