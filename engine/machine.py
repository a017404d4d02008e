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
from datetime import datetime
from types import MappingProxyType

from engine import refusals
from engine.approval import OPEN, Approval, PressedOn, Review, State, Vote, Words, supports
from engine.ask import Choice, Decision, Json, Kind, canonical
from engine.audit import Entry, What
from engine.conversation import is_after
from engine.effects import (
    ClearTimer,
    DrawCard,
    DrawSheet,
    Effect,
    EndRun,
    PassOn,
    Remind,
    Resume,
    Say,
    SetTimer,
    TakeBack,
    TellPerson,
    Timer,
)
from engine.events import (
    AskedAgain,
    CardDeleted,
    Chose,
    Delivered,
    Event,
    ExpiryDue,
    NotDelivered,
    Offered,
    Opened,
    Posted,
    ReminderDue,
    Withdrew,
)
from engine.ids import MessageTs, UserId
from engine.policy import OnExpiry, may_decide

RUN_STOPPED = "The run was stopped."
NOT_TOLD = "The agent was not told: it has no way to hear a rejection here."
START_AGAIN = "To start again, send a new message."


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
    rule = TRANSITIONS.get((approval.state, type(event)))
    if rule is None:
        return _out_of_turn(approval, event, now)
    taken = rule.apply(approval, event, now)
    if taken.approval.state not in rule.to:
        raise AssertionError(f"{approval.state} may not become {taken.approval.state} by {type(event).__name__}")
    return taken


def _out_of_turn(approval: Approval, event: Event, now: datetime) -> Step:
    if isinstance(event, Chose):
        return _refuse(approval, event, _standing(approval), now)
    return Step(approval)


def _standing(approval: Approval) -> refusals.Refusal:
    """What a late click is told: who decided what, and when (P2)."""
    at, stopping = approval.closed_at or approval.created_at, approval.stopping
    match approval.state:
        case State.EXPIRED:
            return refusals.Expired(at)
        case State.WITHDRAWN | State.UNDELIVERABLE:
            return refusals.Closed(approval.note)
        case _ if any(review.decision is not None and not review.deciders for review in approval.reviews):
            return refusals.Expired(at)  # time decided what people had left
        case State.STOPPED if stopping is not None:
            return refusals.AlreadyDecided(outcome_of(approval), stopping.deciders, at)
        case _:
            return refusals.AlreadyDecided(outcome_of(approval), approval.deciders, at, _option_of(approval))


def _option_of(approval: Approval) -> str:
    """The node's own word that was chosen, where that is all there was to decide."""
    decided = approval.reviews[0].decision if len(approval.reviews) == 1 else None
    return decided.option if decided else ""


def outcome_of(approval: Approval) -> str:
    """One past participle for the whole: approved, rejected, answered.

    It is decided for an option of the node's own, and where actions differ.
    """
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


def _open(approval: Approval, _: Event, now: datetime) -> Step:
    timers: list[Effect] = []
    if approval.remind_at is not None:
        timers.append(SetTimer(approval.id, Timer.REMIND, approval.remind_at))
    if approval.expires_at is not None:
        timers.append(SetTimer(approval.id, Timer.EXPIRE, approval.expires_at))
    # The values are kept with the ask, as long as the audit: see `Approvals.ask`.
    asked: Json = {"actions": [action.name for action in approval.ask.actions], "digest": approval.digest}
    entries = [_entry(approval, What.ASKED, None, now, asked)]
    if approval.replaced is not None:
        decided: list[Json] = list(approval.replaced.by)
        entries.insert(0, _entry(approval, What.CHANGED, None, now, {approval.replaced.outcome: decided}))
    if approval.ask.caught:
        entries.insert(0, _entry(approval, What.CHANGED, None, now, {"stopped": approval.ask.prompt}))
    return Step(approval, (drawing_of(approval), *timers), tuple(entries))


def _ask_again(approval: Approval, event: Event, now: datetime) -> Step:
    """A new start under the same id: revisions go on counting, so that no click on the older card counts.

    Slack tells nobody of a card that is redrawn. So what people had decided already is posted anew, and its old card is
    taken back: one question has one card (P8). Its decisions stand in the audit.
    """
    fresh = tuple(
        Review(action.value, review.policy, review.revision + 1)
        for action, review in zip(approval.ask.actions, approval.reviews, strict=True)
    )
    assert isinstance(event, AskedAgain)  # noqa: S101 - the table pairs each rule with its event
    again = replace(
        approval,
        state=State.PENDING,
        reviews=fresh,
        created_at=now,
        closed_at=None,
        note="",
        offered=(),
        replaced=event.replaced,
    )
    if approval.state is not State.UNDELIVERABLE or approval.sheet or approval.card is None:
        return _open(again, event, now)
    opened = _open(replace(again, card=None), event, now)
    return replace(opened, effects=(TakeBack(approval.thread, approval.place, approval.card), *opened.effects))


def _post(approval: Approval, event: Event, _: datetime) -> Step:
    assert isinstance(event, Posted)  # noqa: S101 - likewise
    if approval.card not in (None, event.card, event.instead_of):
        # Somebody else posted it meanwhile, while this poster stood still: one question has one card (P8).
        return Step(approval, (TakeBack(approval.thread, approval.place, event.card),))
    # A card that was posted late, by who stood still meanwhile, shows what is over (P8).
    redraw = () if approval.state is State.PENDING else (drawing_of(approval),)
    return Step(replace(approval, card=event.card), redraw)


def _post_anew(approval: Approval, event: Event, _: datetime) -> Step:
    assert isinstance(event, CardDeleted)  # noqa: S101 - likewise
    if approval.card not in (None, event.card):
        return Step(approval)  # a copy that the bot took back, or a card that another replaced already
    # Where no card is known, this one may be being posted right now: whoever draws next finds that it is gone.
    return Step(replace(approval, card=None), (drawing_of(approval),))


def _choose(approval: Approval, event: Event, now: datetime) -> Step:
    assert isinstance(event, Chose)  # noqa: S101 - likewise
    event = _as_meant(approval, event)
    if approval.expires_at is not None and now >= approval.expires_at:
        expired = _expire(approval, ExpiryDue(), now)
        late = _refuse(expired.approval, event, refusals.Expired(approval.expires_at), now)
        return replace(late, effects=expired.effects + late.effects, entries=expired.entries + late.entries)
    refusal = _not_theirs(approval, event) or _refusal_of(approval, event)
    if refusal is not None:
        return _refuse(approval, event, refusal, now)
    vote = _vote_of(approval, event, now)
    review = _voted(approval.reviews[event.action], event, vote, changes=not _edits_nothing(approval, event))
    reviews = (*approval.reviews[: event.action], review, *approval.reviews[event.action + 1 :])
    return _closed_when_complete(replace(approval, reviews=reviews), event, now)


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
    """Whether a button was pressed on the approval's own card, and not on a copy of it.

    Where the card stands may not be written down yet, or it was posted anew a moment ago. So another message of the
    bot's own in the card's channel is taken for the card where it is newer than the one that is known: nobody but the
    bot can post one.
    """
    if on is None or on.message == approval.card:
        return on is None or on.place.channel == approval.place.channel
    if on.place.channel != approval.place.channel or not on.own:
        return False
    return approval.card is None or is_after(on.message, approval.card)


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
    refusal = may_decide(review.policy, approval.requester, event.by, event.facts, approval.ask.subject)
    return refusal or _too_late_or_not_offered(approval, event, review)


def _too_late_or_not_offered(approval: Approval, event: Chose, review: Review) -> refusals.Refusal | None:
    if (decided := review.decision) is not None:
        at = review.decided_at or approval.created_at
        return refusals.AlreadyDecided(_PARTICIPLE[decided.choice], review.deciders, at, decided.option)
    if event.revision != review.revision:
        return refusals.NotOffered() if review.edited_by is None else refusals.Changed(review.edited_by)
    if event.choice not in approval.ask.actions[event.action].choices:
        return refusals.NotOffered()
    if event.choice is Choice.OPTION and approval.ask.actions[event.action].option(event.option) is None:
        return refusals.NotOffered()
    if event.choice is Choice.ANSWER and review.policy.quorum > 1 and not approval.ask.is_question:
        return refusals.OnePersonsWords(review.policy.quorum)
    wanted = _vote_of(approval, event, approval.created_at)
    if _has_voted_so(review, wanted, changes=not _edits_nothing(approval, event)):
        counted = sum(supports(vote, wanted) for vote in review.votes)
        approved = event.choice in (Choice.APPROVE, Choice.EDIT)
        return refusals.AlreadyVoted(review.policy.quorum - counted, approved=approved)
    return None


def _vote_of(approval: Approval, event: Chose, now: datetime) -> Vote:
    """The vote that a click is; an option that takes no words has none."""
    option = approval.ask.actions[event.action].option(event.option) if event.choice is Choice.OPTION else None
    text = event.text if option is None or option.takes_words else ""
    return Vote(event.by, event.choice, now, text, event.said, option.word if option else "")


def _has_voted_so(review: Review, wanted: Vote, *, changes: bool) -> bool:
    """Whether it is a vote that counts already; other words with an option take the place of the earlier ones."""
    if wanted.choice in (Choice.REJECT, Choice.ANSWER) or (wanted.choice is Choice.EDIT and changes):
        return False
    same = (vote for vote in review.votes if vote.by == wanted.by and supports(vote, wanted))
    return any(wanted.choice is not Choice.OPTION or vote.text == wanted.text for vote in same)


def _voted(review: Review, event: Chose, vote: Vote, *, changes: bool) -> Review:
    """The review with this vote: an edit that changes something starts a new revision, a rejection or answer decides.

    A person has one vote on a revision: who wants something else now takes the earlier one back.
    """
    needed = review.policy.quorum
    match event.choice:
        case Choice.REJECT:
            votes, needed = (*review.votes, vote), 1
        case Choice.ANSWER:
            votes, needed = (vote,), 1
        case Choice.EDIT if changes:
            review = replace(review, value=event.value, revision=review.revision + 1, edited_by=event.by)
            votes = (vote,)
        case _:
            votes = (*(each for each in review.votes if each.by != event.by), vote)
    review = replace(review, votes=votes)
    if sum(supports(each, vote) for each in votes) < needed:
        return review
    return replace(review, decision=_decision(review, event, vote), decided_at=vote.at)


def _decision(review: Review, event: Chose, vote: Vote) -> Decision:
    match event.choice:
        case Choice.OPTION:
            said = dict.fromkeys(each.text for each in review.votes if each.text and supports(each, vote))
            changed = review.value if review.edited_by is not None else None
            return Decision(Choice.OPTION, value=changed, text="\n".join(said), option=vote.option)
        case Choice.REJECT:
            return Decision(Choice.REJECT, text=event.text)
        case Choice.ANSWER:
            return Decision(Choice.ANSWER, value=event.value, text=event.text)
        case Choice.SKIP | Choice.REDO:
            return Decision(event.choice)
        case Choice.APPROVE | Choice.EDIT if review.edited_by is not None or event.choice is Choice.EDIT:
            return Decision(Choice.EDIT, value=review.value)
        case _:
            return Decision(Choice.APPROVE)


def _closed_when_complete(approval: Approval, event: Chose, now: datetime) -> Step:
    detail = _detail(approval, event)
    entries = [_entry(approval, _VOTE_ROWS.get(event.choice, What.VOTED), event.by, now, detail)]
    if approval.stopping is not None:
        entries.append(_entry(approval, What.DECIDED, event.by, now, _PARTICIPLE[Choice.REJECT]))
        return _stopped(approval, tuple(entries), _rejected(approval, event), now, by=event.by)
    if any(review.decision is None for review in approval.reviews):
        return Step(approval, (drawing_of(approval),), tuple(entries))
    if event.choice is not Choice.ANSWER:
        option = _option_of(approval)
        outcome: Json = {"choice": Choice.OPTION.value, "option": option} if option else outcome_of(approval)
        entries.append(_entry(approval, What.DECIDED, event.by, now, outcome))
    return _decided(approval, tuple(entries), now)


_VOTE_ROWS = {Choice.EDIT: What.EDITED, Choice.ANSWER: What.ANSWERED}


def _detail(approval: Approval, event: Chose) -> Json:
    detail: dict[str, Json] = {"action": event.action, "revision": event.revision, "choice": event.choice.value}
    if event.choice is Choice.OPTION:
        detail["option"] = _vote_of(approval, event, approval.created_at).option
    if event.text:
        detail["text"] = event.text
    if event.value is not None:
        detail["value"] = event.value
    return detail


def _decided(approval: Approval, entries: tuple[Entry, ...], now: datetime) -> Step:
    decided = replace(approval, state=State.DECIDED, closed_at=now)
    # The graph comes first: its lane starts while the card is being redrawn.
    return Step(decided, (Resume(approval.id), drawing_of(approval), *_timers_cleared(approval)), entries)


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
    note = RUN_STOPPED if approval.ask.kind is Kind.BREAKPOINT else f"{RUN_STOPPED} {NOT_TOLD}"
    stopped = replace(approval, state=State.STOPPED, closed_at=now, note=note)
    said = Say(approval.thread, approval.home, sentence, key=f"stopped/{approval.id}", failed=True, by=by)
    effects = (EndRun(approval.thread), drawing_of(approval), said, *_timers_cleared(approval))
    return Step(stopped, effects, (*entries, _entry(approval, What.STOPPED, None, now)))


def _offer(approval: Approval, event: Event, _: datetime) -> Step:
    assert isinstance(event, Offered)  # noqa: S101 - likewise
    if event.words == approval.offered:
        return Step(approval)
    offered = replace(approval, offered=event.words)
    return Step(offered, (drawing_of(offered),))


def _remind(approval: Approval, _: Event, now: datetime) -> Step:
    return Step(approval, (Remind(approval.id),), (_entry(approval, What.REMINDED, None, now),))


def _expire(approval: Approval, _: Event, now: datetime) -> Step:
    if approval.expires_at is None or now < approval.expires_at:
        return Step(approval)  # a timer of earlier times
    entry = _entry(approval, What.EXPIRED, None, now, approval.deadlines.on_expiry.value)
    if approval.deadlines.on_expiry is OnExpiry.REJECT and _can_be_rejected(approval):
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
    effects = (drawing_of(approval), said, PassOn(approval.thread), *_timers_cleared(approval))
    return Step(expired, effects, (entry,))


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
    effects = (drawing_of(approval), *_timers_cleared(approval))
    return Step(ended, effects, (_entry(approval, what, None, now, reason),))


def _deliver(approval: Approval, _: Event, now: datetime) -> Step:
    delivered = replace(approval, state=State.DELIVERED)
    return Step(delivered, (), (_entry(approval, What.DELIVERED, None, now),))


# Helpers --------------------------------------------------------------------------------------------------------------


def _refuse(approval: Approval, event: Chose, refusal: refusals.Refusal, now: datetime) -> Step:
    detail: Json = {"refusal": refusal.code, "choice": event.choice.value, "action": event.action}
    # Whoever sees a copy elsewhere may not see the place of the card.
    elsewhere = event.on is not None and isinstance(refusal, refusals.NotTheCard)
    place = event.on.place if elsewhere and event.on else approval.place
    told = TellPerson(approval.thread, place, event.by, refusal.sentence)
    # Whoever clicks a button that is gone looks at a card that missed its last redraw (P8).
    stale = isinstance(refusal, refusals.AlreadyDecided | refusals.Changed | refusals.Expired | refusals.Closed)
    effects: tuple[Effect, ...] = (told, drawing_of(approval)) if stale else (told,)
    return Step(approval, effects, (_entry(approval, What.REFUSED, event.by, now, detail),), refusal)


def drawing_of(approval: Approval) -> DrawCard | DrawSheet:
    """The effect that makes its card tell the truth."""
    return DrawSheet(approval.thread, approval.sheet) if approval.sheet else DrawCard(approval.id)


def _timers_cleared(approval: Approval) -> tuple[Effect, ...]:
    timers = ((Timer.REMIND, approval.remind_at), (Timer.EXPIRE, approval.expires_at))
    return tuple(ClearTimer(approval.id, timer) for timer, at in timers if at is not None)


def _entry(approval: Approval, what: What, who: UserId | None, now: datetime, detail: Json = None) -> Entry:
    return Entry(now, approval.thread, approval.id, what, who, approval.rule, detail)


_PENDING, _DECIDED = State.PENDING, State.DECIDED
_CLOSED = tuple(state for state in State if state not in OPEN)

TRANSITIONS: Mapping[tuple[State, type[Event]], Rule] = MappingProxyType(
    {
        (_PENDING, Opened): Rule(_open, frozenset({_PENDING})),
        (_PENDING, CardDeleted): Rule(_post_anew, frozenset({_PENDING})),
        (_PENDING, Chose): Rule(_choose, frozenset({_PENDING, _DECIDED, State.EXPIRED, State.STOPPED})),
        (_PENDING, Offered): Rule(_offer, frozenset({_PENDING})),
        (_PENDING, ReminderDue): Rule(_remind, frozenset({_PENDING})),
        (_PENDING, ExpiryDue): Rule(_expire, frozenset({_PENDING, _DECIDED, State.EXPIRED, State.STOPPED})),
        (State.WITHDRAWN, AskedAgain): Rule(_ask_again, frozenset({_PENDING})),
        (State.UNDELIVERABLE, AskedAgain): Rule(_ask_again, frozenset({_PENDING})),
        (_PENDING, Withdrew): Rule(_withdraw, frozenset({State.WITHDRAWN})),
        (_DECIDED, Delivered): Rule(_deliver, frozenset({State.DELIVERED})),
        (_DECIDED, NotDelivered): Rule(_fail_delivery, frozenset({State.UNDELIVERABLE})),
        # The graph dropped the answer that it had, because it changed what it asks.
        (State.DELIVERED, NotDelivered): Rule(_fail_delivery, frozenset({State.UNDELIVERABLE})),
        **{(state, Posted): Rule(_post, frozenset({state})) for state in (_PENDING, _DECIDED, *_CLOSED)},
    }
)
"""Every transition there is. A state has no row for what cannot happen in it: see `step`."""
