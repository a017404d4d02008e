"""Offered words: what the requester wrote before a question was posted, offered as its answer."""

from dataclasses import replace
from datetime import datetime

from engine.approvals.approval import Approval, Words
from engine.approvals.events import Chose, Offered
from engine.asks.ask import Choice
from engine.ids import MessageTs
from engine.machine.common_effects import drawing_of
from engine.machine.step import Step
from engine.sentences import refusals


def offer_words(approval: Approval, event: Offered, _: datetime) -> Step:
    """Quote the words on the card, with a button that sends them as the answer."""
    if event.words == approval.offered:
        return Step(approval)
    offered = replace(approval, offered=event.words)
    return Step(offered, (drawing_of(offered),))


def sends_offered(event: Chose) -> bool:
    """True if an answer sends the words that the card offers."""
    return event.choice is Choice.ANSWER and event.said is not None and event.value is None and not event.text


def up_to(offered: tuple[Words, ...], said: MessageTs | None) -> tuple[Words, ...]:
    """The words up to a message; none if it is not one of theirs."""
    places = [place for place, each in enumerate(offered) if each.said == said]
    return offered[: places[0] + 1] if places else ()


def sent_words(approval: Approval) -> frozenset[MessageTs]:
    """The messages whose words were sent as the answer by that button."""
    votes = (vote for review in approval.reviews for vote in review.votes)
    return frozenset(each.said for vote in votes for each in up_to(approval.offered, vote.said))


def not_theirs(approval: Approval, event: Chose) -> refusals.Refusal | None:
    """Refuse to send offered words for another person, or other words than were shown."""
    if sends_offered(event):
        return refusals.NotOffered()
    if event.by != approval.requester and any(each.said == event.said for each in approval.offered):
        return refusals.NotYourWords(approval.requester)
    return None
