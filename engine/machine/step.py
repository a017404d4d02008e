"""The result of one event: the approval after it, effects, audit rows, and a refusal where an act did not count."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from engine.approvals.approval import Approval, PressedOn
from engine.approvals.audit import Entry, What
from engine.approvals.effects import Effect, TellPerson
from engine.approvals.events import Cancelled, Chose, Extended, HandedOver, Looked, Nudged, TakenBack
from engine.asks.ask import Json
from engine.ids import UserId
from engine.machine.common_effects import drawings_of
from engine.sentences import refusals


@dataclass(frozen=True, slots=True)
class Step:
    """The result of one event. `refusal` is set if a person's act did not count."""

    approval: Approval
    effects: tuple[Effect, ...] = ()
    entries: tuple[Entry, ...] = ()
    refusal: refusals.Refusal | None = None


PersonsEvent: TypeAlias = Chose | Looked | HandedOver | Extended | Cancelled | Nudged | TakenBack
"""Acts of people, who are told if their act had no effect."""


def refuse(approval: Approval, event: PersonsEvent, refusal: refusals.Refusal, now: datetime) -> Step:
    """Refuse an act: tell its author why, and record it."""
    chose = event if isinstance(event, Chose) else None
    detail: dict[str, Json] = {"refusal": refusal.code, "choice": type(event).__name__.lower()}
    if chose is not None:
        detail |= {"choice": chose.choice.value, "action": chose.action}
    # A person who clicks a button that is gone sees a card that missed its last redraw (P8).
    stale = isinstance(refusal, refusals.AlreadyDecided | refusals.Changed | refusals.Expired | refusals.Closed)
    drawn = drawings_of(approval) if stale else ()
    if isinstance(event, TakenBack):  # whom the command tells
        row = entry_of(approval, What.REFUSED, None, now, detail | {"operator": event.operator})
        return Step(approval, drawn, (row,), refusal)
    # A person who sees a copy elsewhere may not see the card's place.
    place = event.on.place if event.on is not None and _was_elsewhere(approval, event.on, refusal) else approval.place
    told = TellPerson(approval.thread, place, event.by, refusal.sentence)
    effects: tuple[Effect, ...] = (told, *drawn)
    return Step(approval, effects, (entry_of(approval, What.REFUSED, event.by, now, detail),), refusal)


def _was_elsewhere(approval: Approval, on: PressedOn, refusal: refusals.Refusal) -> bool:
    return isinstance(refusal, refusals.NotTheCard) or on.place.channel != approval.place.channel


def entry_of(approval: Approval, what: What, who: UserId | None, now: datetime, detail: Json = None) -> Entry:
    """Make an audit row of this approval."""
    return Entry(now, approval.thread, approval.id, what, who, approval.rule, detail)
