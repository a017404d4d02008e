"""Events of cards: posted, deleted, copied to the people who were called, a grant on them revoked."""

from dataclasses import replace
from datetime import datetime

from engine.approvals.approval import Approval, PressedOn, State
from engine.approvals.audit import Entry, What
from engine.approvals.effects import TakeBack
from engine.approvals.events import Called, CardDeleted, CopyGone, Posted, Revoked
from engine.asks.ask import Json
from engine.conversation import is_after
from engine.ids import UserId
from engine.machine.common_effects import calls_of, copies_of, drawing_of, drawings_of
from engine.machine.step import Step, entry_of


def record_card(approval: Approval, event: Posted, now: datetime) -> Step:
    """Note the posted card, and call people once there is one."""
    if approval.card not in (None, event.card, event.instead_of):
        # Another process posted it while this one was stalled: one question has one card (P8).
        return Step(approval, (TakeBack(approval.thread, approval.place, event.card),))
    posted = replace(approval, card=event.card)
    if approval.card not in (None, event.card):
        posted = replace(posted, first_card=approval.seen_since)
    if posted.state is not State.PENDING:
        # A stalled process posted the card late: redraw it, so that it shows the outcome (P8).
        return Step(posted, (drawing_of(posted),))
    if approval.card is not None:
        return Step(posted)
    # Call those whom the card itself did not call. A card that calls nobody by itself may name them from now on.
    named = (drawing_of(posted),) if approval.names_nobody_yet else ()
    calls = calls_of(posted) if posted.calls_when_posted else ()
    effects = (*named, *calls, *((copies_of(posted),) if posted.signpost else ()))
    return Step(posted, effects, called_entries(posted, posted.called, now) if posted.mentions else ())


def post_again(approval: Approval, event: CardDeleted, _: datetime) -> Step:
    """Post a card again that a person deleted."""
    if approval.card not in (None, event.card):
        return Step(approval)  # a copy that the bot deleted, or a card that was replaced already
    # If no card is known, this one may be in the middle of being posted: the next redraw finds it gone.
    return Step(replace(approval, card=None, first_card=approval.seen_since), (drawing_of(approval),))


def record_calls(approval: Approval, event: Called, now: datetime) -> Step:
    """Note who was called, and by which copies of the card."""
    new = tuple(user for user in dict.fromkeys(event.users) if user not in approval.called)
    known = {each.card for each in approval.copies}
    copies = tuple(each for each in event.copies if each.card not in known)
    called = replace(
        approval,
        called=(*approval.called, *new),
        copies=(*approval.copies, *copies),
        not_called=approval.not_called if event.not_called is None else event.not_called,
        signpost=event.signpost or approval.signpost,
        copying=approval.copying if event.copying is None else event.copying,
    )
    if called == approval:
        return Step(approval)
    # People whom a card mentions are called when it is posted.
    rows = () if approval.card is None and approval.mentions else called_entries(approval, new, now)
    # Copies that were posted late, after the card had changed, have to be redrawn (P8).
    late = copies or called.signpost != approval.signpost
    # A posted card shows who was called.
    card = called.card is not None and (new or called.not_called != approval.not_called)
    effects = (*((drawing_of(called),) if card else ()), *((copies_of(called),) if late else ()))
    return Step(called, effects, rows)


def called_entries(approval: Approval, users: tuple[UserId, ...], now: datetime) -> tuple[Entry, ...]:
    """The audit row of people who were called."""
    names: list[Json] = list(users)
    return (entry_of(approval, What.CALLED, None, now, {"people": names}),) if users else ()


def forget_copy(approval: Approval, event: CopyGone, _: datetime) -> Step:
    """Drop a copy that was deleted."""
    return Step(replace(approval, copies=tuple(each for each in approval.copies if each.card != event.card)))


def revoke_grant(approval: Approval, event: Revoked, _: datetime) -> Step:
    """Take the grant off the card; the audit gets its row from the grant itself."""
    reviews = tuple(
        replace(each, revoked_by=event.by)
        if each.grant == event.grant and each.allowed_until is not None and each.revoked_by is None
        else each
        for each in approval.reviews
    )
    if reviews == approval.reviews:
        return Step(approval)
    revoked = replace(approval, reviews=reviews)
    return Step(revoked, drawings_of(revoked))


def is_on_card(approval: Approval, on: PressedOn | None) -> bool:
    """True if a button was pressed on the approval's card or on a copy that the bot posted, and on no other copy.

    The card may not be recorded yet, or may have been posted again a moment ago. So another message of the bot in the
    card's channel counts as the card if it is newer than the recorded one: only the bot can post such a message.
    """
    if on is None:
        return True
    if any(on.message == each.card and on.place.channel == each.channel for each in approval.copies):
        return True
    if on.place.channel != approval.place.channel:
        # A copy in direct messages that was posted a moment ago may not be recorded yet.
        return on.own and on.place.channel.startswith("D") and approval.calls_directly
    return on.message == approval.card or (on.own and (approval.card is None or is_after(on.message, approval.card)))
