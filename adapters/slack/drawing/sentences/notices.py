"""Short messages beside a card: mentions, reminders, and where a request went."""

from collections.abc import Sequence

from adapters.blockkit import limits
from adapters.slack.drawing.sentences import notifications, people, times
from adapters.slack.drawing.untrusted_text import clipped
from engine.approvals.approval import Approval, State
from engine.approvals.calling import MOST
from engine.ids import UserId


def call(approvals: Sequence[Approval], users: Sequence[UserId], link: str) -> str:
    """The mention of people who are notified after the card was posted."""
    what, need = ("these requests", "need") if approvals[0].sheet else ("this request", "needs")
    return f"🔔 {people.names(users, MOST)}: {what} {need} your {_wanted(approvals[0])}{link}."


def reminder(approval: Approval, users: Sequence[UserId], link: str) -> str:
    """The reminder to people who can decide and have not."""
    what, need = ("these requests", "need") if approval.sheet else ("this request", "needs")
    wanted = _wanted(approval)
    if not users:
        return f"⏰ {what.capitalize()} still {need} {'an' if wanted == 'answer' else 'a'} {wanted}{link}."
    return f"⏰ {people.names(users, MOST)}: {what} still {need} your {wanted}{link}."


def _wanted(approval: Approval) -> str:
    return "answer" if approval.ask.is_question else "decision"


def signpost(approvals: Sequence[Approval], summary: str, link: str) -> str:
    """The message in the conversation whose card is posted elsewhere: where the card is, and how the request ended.

    It mentions nobody while the request is open: approvers are mentioned where they can decide.
    """
    first, channel = approvals[0], approvals[0].place.channel
    if any(each.state is State.PENDING for each in approvals):
        about = notifications.about(first) if not first.sheet else f"{len(approvals)} requests"
        until = "" if first.sheet else times.deadline(first)
        told = [f"⏳ Waiting for a decision in <#{channel}>{link}: {about}", *([until] if until else [])]
        return clipped(" · ".join(told), limits.SECTION_TEXT)
    return clipped(f"{summary} · in <#{channel}>{link}", limits.SECTION_TEXT)


def origin(approval: Approval, link: str) -> str:
    """The conversation that a request came from, for a card that is posted elsewhere."""
    if approval.home.channel.startswith("D"):
        return "Asked in a direct message"
    return f"Asked in <#{approval.home.channel}>{link}"


def file_refused(code: str) -> str:
    """The warning in place of a file with the full request that Slack did not take."""
    return f"Slack did not take the file with the full request ({code}). Do not decide before you have read it."
