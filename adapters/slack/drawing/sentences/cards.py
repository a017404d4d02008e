"""Sentences of cards and sheets that are not about people, times or outcomes."""

from adapters.slack.drawing.sentences.people import speaker
from adapters.slack.drawing.untrusted_text import mrkdwn_line
from engine.approvals.approval import Approval, Replaced
from engine.asks.ask import Choice, Kind
from engine.sentences.spoken import people

UNGUARDED = "Runs on a LangGraph Server: a change after approval can't be detected."


def changed_since(replaced: Replaced) -> str:
    """The reason why a request is asked a second time."""
    how = f"{people(replaced.by)} {replaced.outcome} it" if replaced.by else f"it was {replaced.outcome}"
    return (
        f"⚠️ *The agent changed its request after {how}.* Nothing was run. Please look at the changes and decide again."
    )


CANNOT_SHOW_CARD = "Slack can't show this request here. Press Show all to read it before you decide."
CANNOT_SHOW_SHEET = "Slack can't show these requests here. Press Show all to read one before you decide it."


def no_answer(quorum: int) -> str:
    """The reason why a request that takes only an answer cannot be answered under a quorum."""
    return f"An answer can't be used here: {quorum} approvals are needed. You can only reject this"


def asks(approval: Approval) -> str:
    """The agent that asks its requester."""
    return f"*{mrkdwn_line(speaker(approval), 80)}* asks <@{approval.requester}>"


def tells(approval: Approval) -> str:
    """The agent that tells its requester something."""
    return f"*{mrkdwn_line(speaker(approval), 80)}* tells <@{approval.requester}>"


def how_to_answer(approval: Approval) -> str:
    """The way to answer a question."""
    if approval.ask.kind is Kind.FORM:
        fills_in = any(Choice.ANSWER in action.choices for action in approval.ask.actions)
        return "Press Answer to fill in the form" if fills_in else "Approve if you want to open the link"
    to_requester = approval.reviews[0].policy.is_requesters
    if approval.place != approval.home or not to_requester or len(approval.reviews) > 1:
        return "Press Answer to reply"
    return "Reply here to answer" if approval.place.thread_ts is None else "Reply in this thread to answer"


# What is not shown ----------------------------------------------------------------------------------------------------


def shown_in_part(shown: int, total: int, file: str = "") -> str:
    """The number of characters that a card shows; `file` has all of them if no modal does."""
    return f"This card shows {shown:,} of {total:,} characters.{f' {in_file(file)}' if file else ''}"


def row_shown_in_part(shown: int, total: int) -> str:
    """The same for a row of a sheet."""
    return f"This row shows {shown:,} of {total:,} characters: press Show all"


def in_file(name: str) -> str:
    """The file that has the full request."""
    return f"For the full request {see_file(name)}."


def see_file(name: str) -> str:
    """The same within a sentence."""
    return f"see the file {name} in this thread"


def more_actions(left: int, total: int, *, pending: bool) -> str:
    """The number of actions beyond those that a card has room for."""
    return f"{left} more of {total} actions {'appear as you decide these' if pending else 'are not shown here'}."


def more_decided(left: int) -> str:
    """The number of decided actions beyond those that are listed."""
    return f"and {left} more decided actions"
