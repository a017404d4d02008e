r"""The whole life of an approval, in one table.

Two rules, and everything else follows from them:

1. Only what `TRANSITIONS` lists can happen. An event that is not listed for a state changes nothing: a person's click
   gets a refusal that says what stands, and everything else (a timer that fires late, a delivery reported twice) is
   passed over in silence.
2. `step` is a function of its arguments. It is told the time, it does no I/O, and it returns the approval as it
   becomes, the effects that must be durable together with it, and the audit rows. The caller compares `version` and
   writes all of it at once; who loses that race steps again on what now stands.

A click is compared with the deadline before anything else, so that an approval which is past its time expires by the
click even where its timer is late (P5).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TypeAlias

from engine.approvals.approval import (
    Approval,
    Copy,
    Looking,
    NotCalled,
    Notify,
    Place,
    PressedOn,
    Review,
    State,
    Vote,
    Words,
)
from engine.approvals.audit import Entry, What
from engine.approvals.effects import (
    Call,
    ClearTimer,
    DrawCard,
    DrawCopies,
    DrawSheet,
    Effect,
    EndRun,
    GiveGrant,
    PassOn,
    Remind,
    Resume,
    Say,
    SetTimer,
    TakeBack,
    TellPerson,
    Timer,
)
from engine.approvals.events import (
    AskedAgain,
    Automatic,
    Called,
    Cancelled,
    CardDeleted,
    Chose,
    CopyGone,
    Deferred,
    Delivered,
    Event,
    ExpiryDue,
    Extended,
    HandedOver,
    LadderDue,
    Looked,
    NotDelivered,
    Nudged,
    Offered,
    Opened,
    Posted,
    ReminderDue,
    Revoked,
    Withdrew,
)
from engine.approvals.voting import (
    Electorate,
    electorate,
    not_needed,
    recount,
    stage_for,
    vote_of,
    voted,
    with_earlier_shifts,
)
from engine.asks.ask import Choice, Decision, Json, Kind, canonical
from engine.authority.policy import Facts, OnExpiry, Policy
from engine.conversation import is_after
from engine.ids import MessageTs, UserId
from engine.rules import grants
from engine.sentences import refusals
from engine.sources import Ground

RUN_STOPPED = "The run was stopped."
NOT_TOLD = "The agent was not told: it has no way to hear a rejection here."
START_AGAIN = "To start again, send a new message."
LOOK_AGAIN = "Please look at it again."
VOTE_FELL = "You are no longer one of those who may decide this request, so your vote no longer counts."
PAUSE = timedelta(minutes=15)
"""How long reminders and the ladder rest when somebody is looking at it."""
GRANT_OF = "grant by "
"""Prefix of `Review.automatic` for a decision by a grant; what follows it is trusted mrkdwn."""
NUDGE_EVERY = timedelta(hours=1)
MOST_EXTENDED = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Step:
    """What follows from one event. `refusal` is set when a person's event did not count."""

    approval: Approval
    effects: tuple[Effect, ...] = ()
    entries: tuple[Entry, ...] = ()
    refusal: refusals.Refusal | None = None


Apply = Callable[[Approval, Event, datetime], Step]


@dataclass(frozen=True, slots=True)
class Rule:
    """What an event does in a state, and the states that it may lead to."""

    apply: Apply
    to: frozenset[State]


def step(approval: Approval, event: Event, now: datetime) -> Step:
    """What follows when `event` happens to `approval` at `now` (aware, UTC). Never raises for what a person did."""
    rule, kept = TRANSITIONS.get((approval.state, type(event))), _kept_as(event)
    if kept in approval.considered:
        return Step(approval)
    if rule is None:
        return _out_of_turn(approval, event, now)
    taken = rule.apply(approval, event, now)
    if taken.approval.state not in rule.to:
        raise AssertionError(f"{approval.state} may not become {taken.approval.state} by {type(event).__name__}")
    if not kept or taken.refusal is not None:
        return taken
    return replace(taken, approval=replace(taken.approval, considered=(*taken.approval.considered, kept)))


def _kept_as(event: Event) -> str:
    """The name of what a person did that was kept until they were looked up; "" for everything else."""
    if not isinstance(event, Chose | Looked | HandedOver | Extended) or event.at is None:
        return ""
    return f"{event.by}/{event.at.isoformat()}"


PersonsEvent: TypeAlias = Chose | Looked | HandedOver | Extended | Cancelled | Nudged
"""Acts of people: their author is told if the act had no effect."""


def _out_of_turn(approval: Approval, event: Event, now: datetime) -> Step:
    return _refuse(approval, event, standing(approval), now) if isinstance(event, PersonsEvent) else Step(approval)


def standing(approval: Approval) -> refusals.Refusal:
    """What a late click is told: who decided what, and when (P2)."""
    at, stopping = approval.closed_at or approval.created_at, approval.stopping
    match approval.state:
        case State.EXPIRED:
            return refusals.Expired(at)
        case State.WITHDRAWN | State.UNDELIVERABLE:
            return refusals.Closed(approval.note)
        case _ if approval.withdrawn_by is not None:
            return refusals.Closed("its requester withdrew it")
        case _ if any(_was_decided_by_time(review) for review in approval.reviews):
            return refusals.Expired(at)  # time decided what people had left
        case _ if any(review.automatic for review in approval.reviews) and not approval.deciders:
            return refusals.Closed(f"{approval.rule} decided it automatically")
        case State.STOPPED if stopping is not None:
            return refusals.AlreadyDecided(outcome_of(approval), stopping.deciders, at)
        case _:
            return refusals.AlreadyDecided(outcome_of(approval), approval.deciders, at, _option_of(approval))


def _was_decided_by_time(review: Review) -> bool:
    return review.decision is not None and not review.deciders and not review.automatic


def _option_of(approval: Approval) -> str:
    """The node's own word that was chosen, where that is all there was to decide."""
    decided = approval.reviews[0].decision if len(approval.reviews) == 1 else None
    return decided.option if decided else ""


def outcome_of(approval: Approval) -> str:
    """One past participle for the whole: approved, rejected, answered.

    It is decided for an option of the node's own, and where actions differ.
    """
    if approval.withdrawn_by is not None:
        return "withdrawn"
    if approval.state is State.STOPPED:
        return _PARTICIPLE[Choice.REJECT]
    words = {_PARTICIPLE[review.decision.choice] for review in approval.reviews if review.decision is not None}
    return words.pop() if len(words) == 1 else "decided"


_PARTICIPLE = {
    Choice.APPROVE: "approved",
    Choice.EDIT: "approved",
    Choice.REJECT: "rejected",
    Choice.ANSWER: "answered",
    Choice.SKIP: "skipped",
    Choice.REDO: "asked again",
    Choice.OPTION: "decided",
}


# What each event does -------------------------------------------------------------------------------------------------


def _open(approval: Approval, event: Event, now: datetime) -> Step:
    assert isinstance(event, Opened | AskedAgain)  # noqa: S101 - likewise
    approval = _with_automatic(approval, event.automatic, now)
    entries = (*_asked_entries(approval, now), *_automatic_entries(approval, event.automatic, now))
    if approval.stopping is not None:
        told = f"{approval.rule} in app.yaml rejects this, so the run was stopped. {NOT_TOLD} {START_AGAIN}"
        return _stopped(approval, entries, told, now)
    if all(review.decision is not None for review in approval.reviews):
        return _decided(approval, entries, now)
    return Step(approval, (drawing_of(approval), *_calls_of(approval), *_timers_set(approval)), entries)


def _asked_entries(approval: Approval, now: datetime) -> tuple[Entry, ...]:
    # The values are kept with the ask, as long as the audit: see `Approvals.ask`.
    asked: Json = {"actions": [action.name for action in approval.ask.actions], "digest": approval.digest}
    entries = [_entry(approval, What.ASKED, None, now, asked)]
    if approval.replaced is not None:
        decided: list[Json] = list(approval.replaced.by)
        entries.insert(0, _entry(approval, What.CHANGED, None, now, {approval.replaced.outcome: decided}))
    if approval.ask.caught:
        entries.insert(0, _entry(approval, What.CHANGED, None, now, {"stopped": approval.ask.prompt}))
    return tuple(entries)


def _with_automatic(approval: Approval, automatic: tuple[Automatic | None, ...], now: datetime) -> Approval:
    """Apply the decisions of rules and grants; the other actions of a batch wait for people."""
    if not any(automatic):
        return replace(approval, quiet=False)
    reviews = tuple(
        review
        if each is None
        else replace(
            review,
            decision=each.decision,
            decided_at=now,
            automatic=_automatic_name(review, each),
            grant=each.grant,
        )
        for review, each in zip(approval.reviews, automatic, strict=True)
    )
    return replace(approval, reviews=reviews, quiet=all(each is not None and each.quiet for each in automatic))


def _automatic_name(review: Review, automatic: Automatic) -> str:
    if automatic.by is None:
        return review.policy.rule
    until = f" until {refusals.moment(automatic.until)}" if automatic.until else ""
    return f"{GRANT_OF}<@{automatic.by}>{until}"


def _automatic_entries(approval: Approval, automatic: tuple[Automatic | None, ...], now: datetime) -> tuple[Entry, ...]:
    return tuple(
        replace(
            _entry(approval, What.DECIDED, each.by, now, _automatic_detail(place, each)),
            rule=approval.reviews[place].policy.rule,
        )
        for place, each in enumerate(automatic)
        if each is not None
    )


def _automatic_detail(place: int, automatic: Automatic) -> Json:
    detail: dict[str, Json] = {"action": place, "choice": automatic.decision.choice.value, "via": automatic.via}
    return detail | ({"grant": automatic.grant} if automatic.grant else {})


def _ask_again(approval: Approval, event: Event, now: datetime) -> Step:
    """A new start under the same id: revisions go on counting, so that no click on the older card counts.

    Slack tells nobody of a card that is redrawn. So what people had decided already is posted anew, and its old card is
    taken back: one question has one card (P8). Its decisions stand in the audit.
    """
    assert isinstance(event, AskedAgain)  # noqa: S101 - the table pairs each rule with its event
    fresh = tuple(
        Review(action.value, policy, review.revision + 1)
        for action, policy, review in zip(approval.ask.actions, event.policies, approval.reviews, strict=True)
    )
    again = replace(
        approval,
        state=State.PENDING,
        reviews=fresh,
        created_at=now,
        closed_at=None,
        note="",
        offered=(),
        replaced=event.replaced,
        called=(),
        not_called=NotCalled(),
        copies=(),
        reminded=0,
        looking=(),
        rested=timedelta(),
        extended=timedelta(),
        renewed=timedelta(),
        handed_to=None,
        nudged_at=None,
        edition=event.edition,
        deadlines=event.deadlines or approval.deadlines,
        calling=event.calling or approval.calling,
    )
    stale = [TakeBack(approval.thread, _place_of(approval, each), each.card) for each in approval.copies]
    if approval.state is State.UNDELIVERABLE and not approval.sheet and approval.card is not None:
        again = replace(again, card=None)
        stale.append(TakeBack(approval.thread, approval.place, approval.card))
    opened = _open(again, event, now)
    return replace(opened, effects=(*stale, *opened.effects))


def _place_of(approval: Approval, copy: Copy) -> Place:
    return Place(approval.place.team, copy.channel)


def _post(approval: Approval, event: Event, now: datetime) -> Step:
    assert isinstance(event, Posted)  # noqa: S101 - likewise
    if approval.card not in (None, event.card, event.instead_of):
        # Somebody else posted it meanwhile, while this poster stood still: one question has one card (P8).
        return Step(approval, (TakeBack(approval.thread, approval.place, event.card),))
    posted = replace(approval, card=event.card)
    if posted.state is not State.PENDING:
        # A card that was posted late, by who stood still meanwhile, shows what is over (P8).
        return Step(posted, (drawing_of(posted),))
    if approval.card is not None:
        return Step(posted)
    # Who was not called by the card itself is called now; a card that calls nobody by itself names them from now on.
    named = (drawing_of(posted),) if approval.names_nobody_yet else ()
    calls = _calls_of(posted) if posted.calls_when_posted else ()
    effects = (*named, *calls, *((_copies_of(posted),) if posted.signpost else ()))
    return Step(posted, effects, _called_entries(posted, posted.called, now) if posted.mentions else ())


def _post_anew(approval: Approval, event: Event, _: datetime) -> Step:
    assert isinstance(event, CardDeleted)  # noqa: S101 - likewise
    if approval.card not in (None, event.card):
        return Step(approval)  # a copy that the bot took back, or a card that another replaced already
    # Where no card is known, this one may be being posted right now: whoever draws next finds that it is gone.
    return Step(replace(approval, card=None), (drawing_of(approval),))


def _choose(approval: Approval, event: Event, now: datetime) -> Step:
    assert isinstance(event, Chose)  # noqa: S101 - likewise
    event = _as_meant(approval, event)
    if (late := _expired_before(approval, event, event.at or now, now)) is not None:
        return late
    refusal = _not_theirs(approval, event) or _refusal_of(approval, event)
    if refusal is not None:
        return _refuse(approval, event, refusal, now)
    return _count(approval, event, event.at or now, now)


def _defer(approval: Approval, event: Event, _: datetime) -> Step:
    assert isinstance(event, Deferred)  # noqa: S101 - likewise
    return Step(replace(approval, awaits=max(event.until, approval.awaits or event.until)))


def _awaits_click(approval: Approval, now: datetime) -> bool:
    """True while a click made before the deadline is being looked up: nothing later may end the request."""
    return approval.awaits is not None and now < approval.awaits


def _expired_before(approval: Approval, event: PersonsEvent, at: datetime, now: datetime) -> Step | None:
    """What follows where the deadline had passed when a person did something, though no timer fired yet.

    Where the deadline only adds people, whoever could decide before it still can.
    """
    if approval.expires_at is None or at < approval.expires_at or _escalates_by_expiry(approval):
        return None
    deadline = approval.expires_at
    if _awaits_click(approval, now):
        return _refuse(approval, event, refusals.Expired(deadline), now)
    expired = _expire(approval, ExpiryDue(), now)
    late = _refuse(expired.approval, event, refusals.Expired(deadline), now)
    return replace(late, effects=expired.effects + late.effects, entries=expired.entries + late.entries)


def _count(approval: Approval, event: Chose, at: datetime, now: datetime) -> Step:
    """Count a vote that nothing speaks against but the votes before it."""
    if not _starts_anew(approval, event):
        event = with_earlier_shifts(approval.reviews[event.action], event)
    voters = _electorate(approval, event)
    review, fallen, unknown = _recounted(approval, voters, event)
    wanted = _vote_of(approval, event, at)
    refusal = unknown
    if refusal is None and not _starts_anew(approval, event):
        refusal = voters.refuses(event.by, event.facts, stage_for(review, wanted))
        refusal = refusal or not_needed(review, wanted, event.facts)
    if refusal is not None and not fallen:
        return _refuse(approval, event, refusal, now)
    if refusal is None:
        review = _with_grant(_voted(review, approval, event, wanted), approval, event)
    reviews = (*approval.reviews[: event.action], review, *approval.reviews[event.action + 1 :])
    taken = replace(approval, reviews=reviews)
    told = _told_of_votes(approval, event, fallen)
    rows = tuple(_entry(approval, What.FELL, user, now, {"action": event.action}) for user in fallen)
    if refusal is not None:
        step = _refuse(taken, event, refusal, now)
        return replace(step, effects=(*step.effects, *told, *_drawings_of(taken)), entries=(*rows, *step.entries))
    given = next((each for each in review.votes if each.by == event.by), wanted)
    wanted = replace(wanted, grounds=tuple(dict.fromkeys((*wanted.grounds, *given.grounds))))
    counted = _closed_when_complete(approval, taken, event, wanted, now)
    gives = (GiveGrant(approval.id, event.action),) if review.allowed_until is not None else ()
    return replace(counted, effects=(*counted.effects, *gives, *told), entries=(*rows, *counted.entries))


def _electorate(approval: Approval, event: Chose) -> Electorate:
    return electorate(approval.reviews[event.action], approval.requester, approval.ask.subject, event.ruling)


def _recounted(
    approval: Approval, voters: Electorate, event: Chose
) -> tuple[Review, tuple[UserId, ...], refusals.Refusal | None]:
    """Look at the earlier votes again; an answer, a sufficient rejection and an edit do not depend on them."""
    review = approval.reviews[event.action]
    enough = event.choice is Choice.REJECT and review.policy.reject_quorum == 1
    if enough or event.choice is Choice.ANSWER or _starts_anew(approval, event):
        return review, (), None
    return recount(review, voters, event.ruling, event.by)


def _starts_anew(approval: Approval, event: Chose) -> bool:
    return event.choice is Choice.EDIT and not _edits_nothing(approval, event)


def _voted(review: Review, approval: Approval, event: Chose, vote: Vote) -> Review:
    policy = event.ruling.edited or review.governing
    edits_under = Electorate(policy, approval.requester, approval.ask.subject)
    return voted(review, event, vote, changes=_starts_anew(approval, event), edits_under=edits_under)


def _told_of_votes(approval: Approval, event: Chose, fallen: tuple[UserId, ...]) -> tuple[Effect, ...]:
    """Tell the authors of votes that no longer count, and say why."""
    review = approval.reviews[event.action]
    told = [TellPerson(approval.thread, approval.place, user, VOTE_FELL) for user in fallen]
    if _starts_anew(approval, event):
        changed = f"<@{event.by}> changed the request that you voted on, so your vote no longer counts. {LOOK_AGAIN}"
        voters = dict.fromkeys(each.by for each in review.votes if each.by != event.by and each.by not in fallen)
        told += [TellPerson(approval.thread, approval.place, user, changed) for user in voters]
    return tuple(told)


def _as_meant(approval: Approval, event: Chose) -> Chose:
    """An edit that changes nothing is an approval of what stands, where the action takes an approval.

    An answer that brings no words sends those that were offered, up to the message that it names.
    """
    if _sends_offered(event):
        sent = _up_to(approval.offered, event.said)
        return replace(event, text="\n".join(each.text for each in sent))
    if not _edits_nothing(approval, event):
        return event
    both_offered = {Choice.APPROVE, Choice.EDIT} <= set(approval.ask.actions[event.action].choices)
    return replace(event, choice=Choice.APPROVE, value=None) if both_offered else event


def _sends_offered(event: Chose) -> bool:
    return event.choice is Choice.ANSWER and event.said is not None and event.value is None and not event.text


def _up_to(offered: tuple[Words, ...], said: MessageTs | None) -> tuple[Words, ...]:
    """The words up to a message; none where it is none of theirs."""
    places = [place for place, each in enumerate(offered) if each.said == said]
    return offered[: places[0] + 1] if places else ()


def sent_words(approval: Approval) -> frozenset[MessageTs]:
    """The messages whose words were sent as the answer by the button that offered them."""
    votes = (vote for review in approval.reviews for vote in review.votes)
    return frozenset(each.said for vote in votes for each in _up_to(approval.offered, vote.said))


def _edits_nothing(approval: Approval, event: Chose) -> bool:
    """Compared as JSON is spelled: the order of keys is no change, 1.0 in the place of 1 is one."""
    if event.choice is not Choice.EDIT or not 0 <= event.action < len(approval.reviews):
        return False
    before = approval.reviews[event.action].value
    return event.value == before and canonical(event.value) == canonical(before)


def is_on_card(approval: Approval, on: PressedOn | None) -> bool:
    """Whether a button was pressed on the approval's own card or a copy that the bot posted, and on no copy of others.

    Where the card stands may not be written down yet, or it was posted anew a moment ago. So another message of the
    bot's own in the card's channel is taken for the card where it is newer than the one that is known: nobody but the
    bot can post one.
    """
    if on is None:
        return True
    if any(on.message == each.card and on.place.channel == each.channel for each in approval.copies):
        return True
    if on.place.channel != approval.place.channel:
        # A copy in direct messages that was posted a moment ago may not be written down yet.
        return on.own and on.place.channel.startswith("D") and approval.calls_directly
    return on.message == approval.card or (on.own and (approval.card is None or is_after(on.message, approval.card)))


def _not_theirs(approval: Approval, event: Chose) -> refusals.Refusal | None:
    """Offered words are the requester's, and are sent as they were shown or not at all."""
    if _sends_offered(event):
        return refusals.NotOffered()
    if event.by != approval.requester and any(each.said == event.said for each in approval.offered):
        return refusals.NotYourWords(approval.requester)
    return None


def _refusal_of(approval: Approval, event: Chose) -> refusals.Refusal | None:
    if not is_on_card(approval, event.on):
        return refusals.NotTheCard(approval.place.channel)
    if not 0 <= event.action < len(approval.reviews):
        return refusals.NotOffered()
    review = approval.reviews[event.action]
    # Who may not decide hears that first: it is the more useful answer, and tells strangers less.
    refusal = _electorate(approval, event).refuses(event.by, event.facts, None) or _too_late(approval, event, review)
    return refusal or _not_offered(approval, event, review, _vote_of(approval, event, approval.created_at))


def _too_late(approval: Approval, event: Chose, review: Review) -> refusals.Refusal | None:
    if (decided := review.decision) is not None:
        at = review.decided_at or approval.created_at
        return refusals.AlreadyDecided(_PARTICIPLE[decided.choice], review.deciders, at, decided.option)
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
        return refusals.RuleRejects(event.ruling.forbids, edited=_starts_anew(approval, event))
    return None


def _may_allow(approval: Approval, event: Chose) -> bool:
    """True if a grant given now would be honoured: not under a rule that has changed since the request."""
    if event.choice is not Choice.APPROVE or event.ruling.current is not None:
        return False
    return grants.is_offered(approval, event.action, whole=True)


def _with_grant(review: Review, approval: Approval, event: Chose) -> Review:
    terms, at = review.policy.grants, review.decided_at
    if not event.allows or terms is None or at is None:
        return review
    return replace(review, grant=grants.grant_id(approval.id, event.action), allowed_until=at + terms.lasts)


def _vote_of(approval: Approval, event: Chose, at: datetime) -> Vote:
    """The vote that a click is; an option that takes no words has none."""
    option = approval.ask.actions[event.action].option(event.option) if event.choice is Choice.OPTION else None
    text = event.text if option is None or option.takes_words else ""
    return replace(vote_of(_electorate(approval, event), event, at), text=text, option=option.word if option else "")


def _brought_on(before: Approval, after: Approval) -> Step:
    """Call the people whose turn a vote makes it: those of the next stage or, after an edit, of another rule."""
    if [review.policy for review in before.reviews] == [review.policy for review in after.reviews]:
        return Step(after, (*_drawings_of(after), *_calls_of(after)))
    if after.calling.notify is Notify.NONE:  # as the rule said that it was asked under
        after = replace(after, calling=replace(after.calling, notify=Notify.MENTION))
    return Step(after, (*_drawings_of(after), *_calls_of(after), *_timers_set(after)))


def _closed_when_complete(before: Approval, approval: Approval, event: Chose, vote: Vote, now: datetime) -> Step:
    detail = _detail(event, vote)
    entries = [_entry(approval, _VOTE_ROWS.get(event.choice, What.VOTED), event.by, now, detail)]
    if approval.stopping is not None:
        entries.append(_entry(approval, What.DECIDED, event.by, now, _PARTICIPLE[Choice.REJECT]))
        return _stopped(approval, tuple(entries), _rejected(approval, event), now, by=event.by)
    if any(review.decision is None for review in approval.reviews):
        return replace(_brought_on(before, approval), entries=tuple(entries))
    if event.choice is not Choice.ANSWER:
        option = _option_of(approval)
        outcome: Json = {"choice": Choice.OPTION.value, "option": option} if option else outcome_of(approval)
        entries.append(_entry(approval, What.DECIDED, event.by, now, outcome))
    return _decided(approval, tuple(entries), now)


_VOTE_ROWS = {Choice.EDIT: What.EDITED, Choice.ANSWER: What.ANSWERED}


def _detail(event: Chose, vote: Vote) -> Json:
    detail: dict[str, Json] = {"action": event.action, "revision": event.revision, "choice": event.choice.value}
    if vote.option:
        detail["option"] = vote.option
    if event.text:
        detail["text"] = event.text
    if event.value is not None:
        detail["value"] = event.value
    if vote.grounds:
        detail["via"] = vote.grounds[0].source.called
        detail["grounds"] = [_evidence(each) for each in vote.grounds]
    return detail


def _evidence(ground: Ground) -> Json:
    """Why a person might vote, as the audit keeps it (P11)."""
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


def _decided(approval: Approval, entries: tuple[Entry, ...], now: datetime) -> Step:
    decided = replace(approval, state=State.DECIDED, closed_at=now)
    # The graph comes first: its lane starts while the card is being redrawn.
    drawn = () if approval.quiet else _drawings_of(approval)
    return Step(decided, (Resume(approval.id), *drawn, *_timers_cleared(approval)), entries)


def _rejected(approval: Approval, event: Chose) -> str:
    """What the requester is told, behind the name of the person who rejected."""
    if approval.ask.kind is Kind.BREAKPOINT:
        told = f"stopped the run. {START_AGAIN}"
    else:
        named = approval.ask.actions[event.action].name if approval.ask.kind is Kind.TOOL_CALL else "this request"
        told = f"rejected {named}, so the run was stopped. {NOT_TOLD} {START_AGAIN}"
    return f"{told}\nReason: {event.text}" if event.text else told


def _stopped(
    approval: Approval, entries: tuple[Entry, ...], sentence: str, now: datetime, by: UserId | None = None
) -> Step:
    """The graph is told nothing: whatever it were told, it would take for its answer."""
    told_nothing = approval.withdrawn_by is None and approval.ask.kind is not Kind.BREAKPOINT
    note = f"{RUN_STOPPED} {NOT_TOLD}" if told_nothing else RUN_STOPPED
    stopped = replace(approval, state=State.STOPPED, closed_at=now, note=note)
    said = Say(approval.thread, approval.home, sentence, key=f"stopped/{approval.id}", failed=True, by=by)
    effects = (EndRun(approval.thread), *_drawings_of(approval), said, *_timers_cleared(approval))
    return Step(stopped, effects, (*entries, _entry(approval, What.STOPPED, None, now)))


def _offer(approval: Approval, event: Event, _: datetime) -> Step:
    assert isinstance(event, Offered)  # noqa: S101 - likewise
    if event.words == approval.offered:
        return Step(approval)
    offered = replace(approval, offered=event.words)
    return Step(offered, (drawing_of(offered),))


def _remind(approval: Approval, _: Event, now: datetime) -> Step:
    if approval.remind_at is None or now < approval.remind_at:
        return Step(approval)  # it was put off, as by somebody who looks at it
    reminded = approval
    while reminded.remind_at is not None and reminded.remind_at <= now:  # the bot may have been down for several
        reminded = replace(reminded, reminded=reminded.reminded + 1)
    return Step(reminded, (Remind(approval.id), *_timers_set(reminded)), (_entry(approval, What.REMINDED, None, now),))


def _escalate(approval: Approval, event: Event, now: datetime) -> Step:
    """Take the steps that are due, and those behind a step that nobody stands on: one notice for all of them."""
    assert isinstance(event, LadderDue)  # noqa: S101 - likewise
    taken = _climbing(approval, event.empty, now)
    if taken.approval == approval:
        return taken
    effects = (*_drawings_of(taken.approval), *_calls_of(taken.approval), *_timers_set(taken.approval))
    return replace(taken, effects=effects)


_Steps = frozenset[tuple[int, int]]
"""Steps of ladders, each as (action, step)."""


def _climbing(approval: Approval, empty: _Steps, now: datetime, *, in_its_place: bool = False) -> Step:
    """Climb each ladder by the steps that are due. `in_its_place`: the next one is, whatever the time."""
    reviews = tuple(
        _climbed(approval, place, empty, now, in_its_place=in_its_place) for place in range(len(approval.reviews))
    )
    rows = tuple(
        _entry(approval, What.ESCALATED, None, now, _steps(place, before, after, empty))
        for place, (before, after) in enumerate(zip(approval.reviews, reviews, strict=True))
        if before.escalated != after.escalated
    )
    return Step(replace(approval, reviews=reviews), entries=rows)


def _climbed(approval: Approval, place: int, empty: _Steps, now: datetime, *, in_its_place: bool) -> Review:
    review = approval.reviews[place]
    while review.decision is None and (due := approval.rung_due(review)) is not None and (in_its_place or due <= now):
        in_its_place = (place, review.escalated) in empty
        review = replace(review, escalated=review.escalated + 1)
    return review


def _steps(place: int, before: Review, after: Review, empty: _Steps) -> Json:
    steps: list[Json] = [
        {
            "to": [source.called if source.label else source.name for source in before.policy.ladder[number].sources],
            "empty": (place, number) in empty,
        }
        for number in range(before.escalated, after.escalated)
    ]
    return {"action": place, "steps": steps}


# What else people do --------------------------------------------------------------------------------------------------


def may_act(
    approval: Approval, by: UserId, facts: Facts, current: tuple[Policy | None, ...] = ()
) -> refusals.Refusal | None:
    """Why somebody is none of those who can decide something of a pending approval, or None.

    `current` are the policies of today for its actions: see `Ruling`.
    """
    found = [
        Electorate(review.governing, approval.requester, approval.ask.subject, today).refuses(by, facts, None)
        for review, today in zip(approval.reviews, current or [None] * len(approval.reviews), strict=True)
        if review.decision is None
    ]
    return None if None in found else found[0]


def _look(approval: Approval, event: Event, now: datetime) -> Step:
    """Reminders and the ladder rest for a while; the expiry does not."""
    assert isinstance(event, Looked)  # noqa: S101 - likewise
    if (late := _expired_before(approval, event, event.at or now, now)) is not None:
        return late
    refusal = may_act(approval, event.by, event.facts, event.current)
    if refusal is None and any(each.by == event.by for each in approval.looking):
        refusal = refusals.LookedAlready()
    if refusal is not None:
        return _refuse(approval, event, refusal, now)
    until = now + PAUSE
    resting = max((each.until for each in approval.looking), default=now)
    looked = replace(
        approval,
        looking=(*approval.looking, Looking(event.by, until)),
        rested=approval.rested + (until - max(now, resting)),
    )
    return Step(looked, (*_drawings_of(looked), *_timers_set(looked)), (_entry(approval, What.LOOKING, event.by, now),))


def _hand_over(approval: Approval, event: Event, now: datetime) -> Step:
    assert isinstance(event, HandedOver)  # noqa: S101 - likewise
    if (late := _expired_before(approval, event, event.at or now, now)) is not None:
        return late
    refusal = may_act(approval, event.by, event.facts, event.current)
    refusal = refusal or _taker_refused(approval, event)
    if refusal is not None:
        return _refuse(approval, event, refusal, now)
    # Who was called before with others is called once more, alone.
    handed = replace(approval, handed_to=event.to, called=tuple(each for each in approval.called if each != event.to))
    return Step(
        handed,
        (*_drawings_of(handed), *_calls_of(handed)),
        (_entry(approval, What.HANDED_OVER, event.by, now, {"to": event.to}),),
    )


def _taker_refused(approval: Approval, event: HandedOver) -> refusals.Refusal | None:
    """Why a request cannot be handed over to this person."""
    if event.to == event.by:
        return refusals.YoursAlready()
    match may_act(approval, event.to, event.to_facts, event.current):
        case None:
            return None
        case refusals.RosterUnknown() | refusals.SourceUnknown():
            return refusals.TakerUnknown(event.to)
        case _:
            return refusals.CannotTakeOver(event.to)


def _extend(approval: Approval, event: Event, now: datetime) -> Step:
    assert isinstance(event, Extended)  # noqa: S101 - likewise
    if (late := _expired_before(approval, event, event.at or now, now)) is not None:
        return late
    refusal = may_act(approval, event.by, event.facts, event.current)
    sum_of_all = approval.extended + event.span
    if refusal is None and (approval.expires_at is None or not timedelta() < event.span <= sum_of_all <= MOST_EXTENDED):
        refusal = refusals.NoDeadline()
    if refusal is not None:
        return _refuse(approval, event, refusal, now)
    extended = replace(approval, extended=sum_of_all)
    detail: Json = {"by_seconds": int(event.span.total_seconds())}
    return Step(
        extended,
        (*_drawings_of(extended), *_timers_set(extended)),
        (_entry(approval, What.EXTENDED, event.by, now, detail),),
    )


def _cancel(approval: Approval, event: Event, now: datetime) -> Step:
    """Its requester does not want it any more: the run ends, and nothing is sent to the graph."""
    assert isinstance(event, Cancelled)  # noqa: S101 - likewise
    if (late := _expired_before(approval, event, now, now)) is not None:
        return late
    if event.by != approval.requester:
        return _refuse(approval, event, refusals.NotTheRequester(approval.requester), now)
    if not approval.ask.is_withdrawable:
        return _refuse(approval, event, refusals.NotOffered(), now)
    entry = _entry(approval, What.WITHDRAWN, event.by, now)
    told = f"withdrew the request, so the run was stopped. {START_AGAIN}"
    stopped = _stopped(replace(approval, withdrawn_by=event.by), (entry,), told, now, by=event.by)
    if event.beside:
        return replace(stopped, effects=tuple(each for each in stopped.effects if not isinstance(each, Say)))
    return stopped


def _nudge(approval: Approval, event: Event, now: datetime) -> Step:
    assert isinstance(event, Nudged)  # noqa: S101 - likewise
    if (late := _expired_before(approval, event, now, now)) is not None:
        return late
    if event.by != approval.requester:
        return _refuse(approval, event, refusals.NotTheRequester(approval.requester), now)
    again = None if approval.nudged_at is None else approval.nudged_at + NUDGE_EVERY
    if again is not None and now < again:
        return _refuse(approval, event, refusals.NudgedAlready(again), now)
    nudged = replace(approval, nudged_at=now)
    return Step(nudged, (Remind(approval.id),), (_entry(approval, What.NUDGED, event.by, now),))


def _call(approval: Approval, event: Event, now: datetime) -> Step:
    assert isinstance(event, Called)  # noqa: S101 - likewise
    new = tuple(user for user in dict.fromkeys(event.users) if user not in approval.called)
    known = {each.card for each in approval.copies}
    copies = tuple(each for each in event.copies if each.card not in known)
    called = replace(
        approval,
        called=(*approval.called, *new),
        copies=(*approval.copies, *copies),
        not_called=approval.not_called if event.not_called is None else event.not_called,
        signpost=event.signpost or approval.signpost,
    )
    if called == approval:
        return Step(approval)
    # Whom a card is to mention is called when it is posted.
    rows = () if approval.card is None and approval.mentions else _called_entries(approval, new, now)
    # Whatever was posted late, when the card had moved on, has to tell what is true now (P8).
    late = copies or called.signpost != approval.signpost
    # A card that stands already says who was called.
    card = called.card is not None and (new or called.not_called != approval.not_called)
    effects = (*((drawing_of(called),) if card else ()), *((_copies_of(called),) if late else ()))
    return Step(called, effects, rows)


def _called_entries(approval: Approval, users: tuple[UserId, ...], now: datetime) -> tuple[Entry, ...]:
    names: list[Json] = list(users)
    return (_entry(approval, What.CALLED, None, now, {"people": names}),) if users else ()


def _revoke(approval: Approval, event: Event, _: datetime) -> Step:
    """The card no longer says that calls like it are allowed; the audit has its row from the grant itself."""
    assert isinstance(event, Revoked)  # noqa: S101 - likewise
    reviews = tuple(
        replace(each, revoked_by=event.by)
        if each.grant == event.grant and each.allowed_until is not None and each.revoked_by is None
        else each
        for each in approval.reviews
    )
    if reviews == approval.reviews:
        return Step(approval)
    revoked = replace(approval, reviews=reviews)
    return Step(revoked, _drawings_of(revoked))


def _forget_copy(approval: Approval, event: Event, _: datetime) -> Step:
    assert isinstance(event, CopyGone)  # noqa: S101 - likewise
    return Step(replace(approval, copies=tuple(each for each in approval.copies if each.card != event.card)))


# When time has passed -------------------------------------------------------------------------------------------------


def _expire(approval: Approval, event: Event, now: datetime) -> Step:
    assert isinstance(event, ExpiryDue)  # noqa: S101 - likewise
    if approval.expires_at is None or now < approval.expires_at:
        return Step(approval)  # a timer of earlier times
    if approval.awaits is not None and _awaits_click(approval, now):
        return Step(approval, (SetTimer(approval.id, Timer.EXPIRE, approval.awaits),))
    entry = _entry(approval, What.EXPIRED, None, now, approval.deadlines.on_expiry.value)
    if _escalates_by_expiry(approval):
        return _escalated_by_expiry(approval, event, entry, now)
    if approval.deadlines.on_expiry is not OnExpiry.FAIL and _can_be_rejected(approval):
        reviews = tuple(_rejected_by_time(review, now) for review in approval.reviews)
        rejected = replace(approval, reviews=reviews)
        if rejected.stopping is not None:
            told = f"Nobody decided this in time, so it was rejected and the run was stopped. {START_AGAIN}"
            return _stopped(rejected, (entry,), told, now)
        return _decided(rejected, (entry,), now)
    told = f"Nobody decided this in time, so the agent was stopped here. {START_AGAIN}"
    expired = replace(approval, state=State.EXPIRED, closed_at=now)
    said = Say(approval.thread, approval.home, told, key=f"expired/{approval.id}", failed=True)
    # What was said meanwhile waits in the conversation, and is passed on when the thread is settled.
    effects = (*_drawings_of(approval), said, PassOn(approval.thread), *_timers_cleared(approval))
    return Step(expired, effects, (entry,))


def _escalates_by_expiry(approval: Approval) -> bool:
    return approval.deadlines.on_expiry is OnExpiry.ESCALATE and approval.escalates_at is not None


def _escalated_by_expiry(approval: Approval, event: ExpiryDue, entry: Entry, now: datetime) -> Step:
    """The next step is called in place of the end, and has as long as those before it had."""
    taken = _climbing(approval, event.empty, now, in_its_place=True)
    span, after = approval.deadlines.expires_after, taken.approval
    while span and after.expires_at is not None and after.expires_at <= now:
        after = replace(after, renewed=after.renewed + span)
    return Step(after, (*_drawings_of(after), *_calls_of(after), *_timers_set(after)), (entry, *taken.entries))


def _can_be_rejected(approval: Approval) -> bool:
    undecided = zip(approval.ask.actions, approval.reviews, strict=True)
    return all(Choice.REJECT in action.choices for action, review in undecided if review.decision is None)


def _rejected_by_time(review: Review, now: datetime) -> Review:
    if review.decision is not None:
        return review
    return replace(
        review, votes=(), decision=Decision(Choice.REJECT, text="Nobody decided this in time."), decided_at=now
    )


def _withdraw(approval: Approval, event: Event, now: datetime) -> Step:
    assert isinstance(event, Withdrew)  # noqa: S101 - likewise
    return _ended(approval, State.WITHDRAWN, event.reason, What.WITHDRAWN, now)


def _fail_delivery(approval: Approval, event: Event, now: datetime) -> Step:
    assert isinstance(event, NotDelivered)  # noqa: S101 - likewise
    return _ended(approval, State.UNDELIVERABLE, event.reason, What.UNDELIVERABLE, now)


def _ended(approval: Approval, state: State, reason: str, what: What, now: datetime) -> Step:
    ended = replace(approval, state=state, note=reason, closed_at=approval.closed_at or now)
    effects = (*_drawings_of(approval), *_timers_cleared(approval))
    return Step(ended, effects, (_entry(approval, what, None, now, reason),))


def _deliver(approval: Approval, _: Event, now: datetime) -> Step:
    delivered = replace(approval, state=State.DELIVERED)
    return Step(delivered, (), (_entry(approval, What.DELIVERED, None, now),))


# Helpers --------------------------------------------------------------------------------------------------------------


def _refuse(approval: Approval, event: PersonsEvent, refusal: refusals.Refusal, now: datetime) -> Step:
    chose = event if isinstance(event, Chose) else None
    detail: dict[str, Json] = {"refusal": refusal.code, "choice": type(event).__name__.lower()}
    if chose is not None:
        detail |= {"choice": chose.choice.value, "action": chose.action}
    # Whoever sees a copy elsewhere may not see the place of the card.
    place = event.on.place if event.on is not None and _was_elsewhere(approval, event.on, refusal) else approval.place
    told = TellPerson(approval.thread, place, event.by, refusal.sentence)
    # Whoever clicks a button that is gone looks at a card that missed its last redraw (P8).
    stale = isinstance(refusal, refusals.AlreadyDecided | refusals.Changed | refusals.Expired | refusals.Closed)
    effects: tuple[Effect, ...] = (told, *_drawings_of(approval)) if stale else (told,)
    return Step(approval, effects, (_entry(approval, What.REFUSED, event.by, now, detail),), refusal)


def _was_elsewhere(approval: Approval, on: PressedOn, refusal: refusals.Refusal) -> bool:
    return isinstance(refusal, refusals.NotTheCard) or on.place.channel != approval.place.channel


def drawing_of(approval: Approval) -> DrawCard | DrawSheet:
    """The effect that makes its card tell the truth."""
    return DrawSheet(approval.thread, approval.sheet) if approval.sheet else DrawCard(approval.id)


def _drawings_of(approval: Approval) -> tuple[Effect, ...]:
    """All that makes its card and the copies of it tell the truth."""
    return (drawing_of(approval), *((_copies_of(approval),) if approval.copies or approval.signpost else ()))


def _copies_of(approval: Approval) -> DrawCopies:
    return DrawCopies(approval.id, approval.sheet)


def _calls_of(approval: Approval) -> tuple[Effect, ...]:
    return (Call(approval.id, approval.sheet),) if approval.calls else ()


def timers_of(approval: Approval) -> tuple[tuple[Timer, datetime], ...]:
    """The timers of a pending approval, each with its time."""
    timers = (
        (Timer.REMIND, approval.remind_at),
        (Timer.ESCALATE, approval.escalates_at),
        (Timer.EXPIRE, approval.expires_at),
    )
    return tuple((timer, at) for timer, at in timers if at is not None)


def _timers_set(approval: Approval) -> tuple[Effect, ...]:
    return tuple(SetTimer(approval.id, timer, at) for timer, at in timers_of(approval))


def _timers_cleared(approval: Approval) -> tuple[Effect, ...]:
    """Clear every timer that may have been set; an earlier state may have had timers that this one lacks."""
    had = (
        (Timer.REMIND, bool(approval.deadlines.reminders)),
        (Timer.ESCALATE, any(review.policy.ladder for review in approval.reviews)),
        (Timer.EXPIRE, approval.deadlines.expires_after is not None),
    )
    return tuple(ClearTimer(approval.id, timer) for timer, is_set in had if is_set)


def _entry(approval: Approval, what: What, who: UserId | None, now: datetime, detail: Json = None) -> Entry:
    return Entry(now, approval.thread, approval.id, what, who, approval.rule, detail)


_PENDING, _DECIDED = State.PENDING, State.DECIDED
_ALL = tuple(State)
_OPENED = frozenset({_PENDING, _DECIDED, State.STOPPED})
"""States after opening: a rule may decide a request at once."""
_ACTED = frozenset({_PENDING, _DECIDED, State.EXPIRED, State.STOPPED})
"""States after a person's act: it counts, or the deadline had already passed."""

TRANSITIONS: Mapping[tuple[State, type[Event]], Rule] = MappingProxyType(
    {
        (_PENDING, Opened): Rule(_open, _OPENED),
        (_PENDING, CardDeleted): Rule(_post_anew, frozenset({_PENDING})),
        (_PENDING, Chose): Rule(_choose, _ACTED),
        (_PENDING, Looked): Rule(_look, _ACTED),
        (_PENDING, HandedOver): Rule(_hand_over, _ACTED),
        (_PENDING, Extended): Rule(_extend, _ACTED),
        (_PENDING, Cancelled): Rule(_cancel, _ACTED),
        (_PENDING, Nudged): Rule(_nudge, _ACTED),
        (_PENDING, Deferred): Rule(_defer, frozenset({_PENDING})),
        (_PENDING, Offered): Rule(_offer, frozenset({_PENDING})),
        (_PENDING, LadderDue): Rule(_escalate, frozenset({_PENDING})),
        (_PENDING, ReminderDue): Rule(_remind, frozenset({_PENDING})),
        (_PENDING, ExpiryDue): Rule(_expire, frozenset({_PENDING, _DECIDED, State.EXPIRED, State.STOPPED})),
        (State.WITHDRAWN, AskedAgain): Rule(_ask_again, _OPENED),
        (State.UNDELIVERABLE, AskedAgain): Rule(_ask_again, _OPENED),
        (_PENDING, Withdrew): Rule(_withdraw, frozenset({State.WITHDRAWN})),
        (_DECIDED, Delivered): Rule(_deliver, frozenset({State.DELIVERED})),
        (_DECIDED, NotDelivered): Rule(_fail_delivery, frozenset({State.UNDELIVERABLE})),
        # The graph dropped the answer that it had, because it changed what it asks.
        (State.DELIVERED, NotDelivered): Rule(_fail_delivery, frozenset({State.UNDELIVERABLE})),
        **{(state, Posted): Rule(_post, frozenset({state})) for state in _ALL},
        **{(state, Called): Rule(_call, frozenset({state})) for state in _ALL},
        **{(state, Revoked): Rule(_revoke, frozenset({state})) for state in _ALL},
        **{(state, CopyGone): Rule(_forget_copy, frozenset({state})) for state in _ALL},
    }
)
"""Every transition there is. A state has no row for what cannot happen in it: see `step`."""
