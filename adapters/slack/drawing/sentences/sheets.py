"""Sentences of sheets: titles, counts, and the text for notifications."""

from collections import Counter
from collections.abc import Mapping, Sequence

from adapters.slack.drawing.sentences.people import requested, speaker
from adapters.slack.drawing.untrusted_text import clipped, mrkdwn_line
from engine.approvals.approval import Approval, State
from engine.machine import outcome_of

SEE_ROWS = "unless a row says otherwise"
TOGETHER = "The agent gets all answers together, once everything is decided"
WAITS_FOR_OTHERS = "waits for the others"
NO_NAME = "(no name)"
A_QUESTION = "A question"
_SIGNS = {
    "approved": "✅",
    "rejected": "⛔",
    "answered": "💬",
    "expired": "⌛",
    "withdrawn": "↩️",
    "not delivered": "⚠️",
    "decided": "☑️",
}


def title(left: int, total: int) -> str:
    """The headline, with the number of open requests."""
    if left == 0:
        return f"{total} requests"
    return f"{total} requests to decide" if left == total else f"{left} of {total} to decide"


def counted(approvals: Sequence[Approval]) -> str:
    """The number of requests for each outcome."""
    found = Counter(outcome(each) for each in approvals)
    words = [word for word in _SIGNS if word in found] + sorted(word for word in found if word not in _SIGNS)
    return " · ".join(f"{_SIGNS.get(word, '▫️')} {found[word]} {word}" for word in words)


def outcome(approval: Approval) -> str:
    """The outcome of a request in a word."""
    match approval.state:
        case State.PENDING:
            return "open"
        case State.EXPIRED | State.WITHDRAWN:
            return approval.state.value
        case State.UNDELIVERABLE:
            return "not delivered"
        case _:
            return "expired" if not approval.deciders else outcome_of(approval)


def speaker_of(approvals: Sequence[Approval]) -> str:
    """The speaker of all requests, else their agent. Untrusted."""
    names = {speaker(each) for each in approvals}
    return names.pop() if len(names) == 1 else approvals[0].agent


def requested_by(approvals: Sequence[Approval], *, strong: bool = True) -> str:
    """The requester, and the agent that asks."""
    return requested(approvals[0].requester, speaker_of(approvals), strong=strong)


def needed(count: int, names: Mapping[str, int]) -> str:
    """The open requests by name, for a notification."""
    listed = ", ".join(f"{clipped(name, 100)}{f' ({times})' if times > 1 else ''}" for name, times in names.items())
    return f"{count} approvals needed: {mrkdwn_line(listed, 600)}"


def ended(approvals: Sequence[Approval]) -> str:
    """The text of a sheet on which nothing is open."""
    return f"{len(approvals)} requests from {mrkdwn_line(speaker_of(approvals), 80)} - {counted(approvals)}"


def question_to(approval: Approval) -> str:
    """A question that its requester answers."""
    return f"A question for <@{approval.requester}>"
