"""The table of everything that can happen to an approval, and `step`, which applies it.

Only what `TRANSITIONS` lists can happen. For an event that has no row in the approval's state, `step` refuses a
person's act and ignores everything else (a timer that fires late, a delivery that is reported twice).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, TypeAlias, TypeVar

from engine.approvals.approval import Approval, State
from engine.approvals.events import (
    AskedAgain,
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
    TakenBack,
    Withdrew,
)
from engine.machine import acts, cards, deadlines, delivery, offered_words, requests, votes
from engine.machine.closing import refusal_when_closed
from engine.machine.step import PersonsEvent, Step, refuse

E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True)
class Transition:
    """The handler of an event in a state, and the states that it may lead to."""

    apply: Callable[[Approval, Any, datetime], Step]
    to: frozenset[State]


_Row: TypeAlias = tuple[tuple[State, type[Any]], Transition]


def _on(state: State, event: type[E], apply: Callable[[Approval, E, datetime], Step], *to: State) -> _Row:
    """One row: in this state, this event is handled by `apply`, and leads to one of these states."""
    return (state, event), Transition(apply, frozenset(to))


_PENDING, _DECIDED, _DELIVERED = State.PENDING, State.DECIDED, State.DELIVERED
_EXPIRED, _STOPPED, _WITHDRAWN, _UNDELIVERABLE = State.EXPIRED, State.STOPPED, State.WITHDRAWN, State.UNDELIVERABLE

TRANSITIONS: Mapping[tuple[State, type[Event]], Transition] = MappingProxyType(
    dict(
        (
            # The graph asks. A rule or a grant may decide at once.
            _on(_PENDING, Opened, requests.open_request, _PENDING, _DECIDED, _STOPPED),
            _on(_WITHDRAWN, AskedAgain, requests.ask_again, _PENDING, _DECIDED, _STOPPED),
            _on(_UNDELIVERABLE, AskedAgain, requests.ask_again, _PENDING, _DECIDED, _STOPPED),
            _on(_PENDING, Withdrew, delivery.withdraw, _WITHDRAWN),
            # People act. An act after the deadline expires the request, even if its timer is late (P5).
            _on(_PENDING, Chose, votes.choose, _PENDING, _DECIDED, _STOPPED, _EXPIRED),
            _on(_PENDING, Looked, acts.pause, _PENDING, _DECIDED, _STOPPED, _EXPIRED),
            _on(_PENDING, HandedOver, acts.hand_over, _PENDING, _DECIDED, _STOPPED, _EXPIRED),
            _on(_PENDING, Extended, acts.extend, _PENDING, _DECIDED, _STOPPED, _EXPIRED),
            _on(_PENDING, Cancelled, acts.cancel, _PENDING, _DECIDED, _STOPPED, _EXPIRED),
            _on(_PENDING, Nudged, acts.nudge, _PENDING, _DECIDED, _STOPPED, _EXPIRED),
            _on(_PENDING, TakenBack, acts.take_back, _PENDING, _DECIDED, _STOPPED, _EXPIRED),
            _on(_PENDING, Deferred, deadlines.defer, _PENDING),
            _on(_PENDING, Offered, offered_words.offer_words, _PENDING),
            # Time passes.
            _on(_PENDING, ReminderDue, deadlines.remind, _PENDING),
            _on(_PENDING, LadderDue, deadlines.escalate, _PENDING),
            _on(_PENDING, ExpiryDue, deadlines.expire, _PENDING, _DECIDED, _STOPPED, _EXPIRED),
            # The decision goes to the graph, which may have dropped it: it then asks something else.
            _on(_DECIDED, Delivered, delivery.deliver, _DELIVERED),
            _on(_DECIDED, NotDelivered, delivery.fail_delivery, _UNDELIVERABLE),
            _on(_DELIVERED, NotDelivered, delivery.fail_delivery, _UNDELIVERABLE),
            # Cards. Slack may report any of these late, so each is listed for every state but the second.
            *(_on(state, Posted, cards.record_card, state) for state in State),
            _on(_PENDING, CardDeleted, cards.post_again, _PENDING),
            *(_on(state, Called, cards.record_calls, state) for state in State),
            *(_on(state, CopyGone, cards.forget_copy, state) for state in State),
            *(_on(state, Revoked, cards.revoke_grant, state) for state in State),
        )
    )
)


def step(approval: Approval, event: Event, now: datetime) -> Step:
    """Apply `event` to `approval` at `now` (aware, UTC). Never raises for what a person did."""
    transition, kept = TRANSITIONS.get((approval.state, type(event))), _kept_name(event)
    if kept in approval.considered:
        return Step(approval)
    if transition is None:
        return _not_listed(approval, event, now)
    taken = transition.apply(approval, event, now)
    if taken.approval.state not in transition.to:
        raise AssertionError(f"{approval.state} may not become {taken.approval.state} by {type(event).__name__}")
    if not kept or taken.refusal is not None:
        return taken
    return replace(taken, approval=replace(taken.approval, considered=(*taken.approval.considered, kept)))


def _kept_name(event: Event) -> str:
    """Name an act that was kept until its author was looked up, so that it counts once; "" for all other events."""
    if not isinstance(event, Chose | Looked | HandedOver | Extended) or event.at is None:
        return ""
    return f"{event.by}/{event.at.isoformat()}"


def _not_listed(approval: Approval, event: Event, now: datetime) -> Step:
    if isinstance(event, PersonsEvent):
        return refuse(approval, event, refusal_when_closed(approval), now)
    return Step(approval)
