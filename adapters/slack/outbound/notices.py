"""How people are reached besides the card: words on mentions, on copies, and on where a request went. Pure."""

from collections.abc import Sequence

from adapters.blockkit import limits
from adapters.slack.cards.message import SlackMessage
from adapters.slack.drawing import blocks
from adapters.slack.drawing.blocks import Block
from adapters.slack.drawing.sentences import notifications, people, times
from adapters.slack.drawing.untrusted_text import clipped
from engine.approvals.approval import Approval, State
from engine.approvals.calling import MOST
from engine.ids import UserId

CALL_EVENT = "signoff_call"
POINTER_EVENT = "signoff_pointer"
SIGNPOST_EVENT = "signoff_signpost"
REMINDER_EVENT = "signoff_reminder"


def message(text: str, event: str, payload: Block) -> SlackMessage:
    """A short message of our own words, that is found again by its payload."""
    return SlackMessage(text, [blocks.section(text)], {"event_type": event, "event_payload": payload})


def identity(approvals: Sequence[Approval]) -> Block:
    """What tells a message about these from one about others, and from one about an earlier asking of them."""
    first = approvals[0]
    asked = int(first.created_at.timestamp())
    return {"sheet": first.sheet} if first.sheet else {"approval": first.id, "asked": asked}


def call(approvals: Sequence[Approval], users: Sequence[UserId], link: str) -> str:
    """What people read who are called after the card was posted."""
    what, need = ("these requests", "need") if approvals[0].sheet else ("this request", "needs")
    return f"🔔 {people.names(users, MOST)}: {what} {need} your {_wanted(approvals[0])}{link}."


def reminder(approval: Approval, users: Sequence[UserId], link: str) -> str:
    """What those read who can decide now and have not."""
    what, need = ("these requests", "need") if approval.sheet else ("this request", "needs")
    wanted = _wanted(approval)
    if not users:
        return f"⏰ {what.capitalize()} still {need} {'an' if wanted == 'answer' else 'a'} {wanted}{link}."
    return f"⏰ {people.names(users, MOST)}: {what} still {need} your {wanted}{link}."


def _wanted(approval: Approval) -> str:
    return "answer" if approval.ask.is_question else "decision"


def signpost(approvals: Sequence[Approval], summary: str, link: str) -> str:
    """What the conversation says of a card that stands elsewhere: where it is, and what became of it.

    Nobody is mentioned while it waits: they are called where they can decide.
    """
    first, channel = approvals[0], approvals[0].place.channel
    if any(each.state is State.PENDING for each in approvals):
        about = notifications.about(first) if not first.sheet else f"{len(approvals)} requests"
        until = "" if first.sheet else times.deadline(first)
        told = [f"⏳ Waiting for a decision in <#{channel}>{link}: {about}", *([until] if until else [])]
        return clipped(" · ".join(told), limits.SECTION_TEXT)
    return clipped(f"{summary} · in <#{channel}>{link}", limits.SECTION_TEXT)


def origin(approval: Approval, link: str) -> str:
    """Where a request came from, for a card that stands elsewhere."""
    if approval.home.channel.startswith("D"):
        return "Asked in a direct message"
    return f"Asked in <#{approval.home.channel}>{link}"
