"""Approve all: its button, its confirmation dialog, and what became of the rows."""

from collections.abc import Mapping

DECIDED = "decided already"
CHANGED = "changed since you saw it"
APPROVED = "approved by you already"
NOT_YOURS = "not yours to decide"
UNKNOWN = "not approved, as Slack couldn't confirm that you may"
IN_PART = "shown only in part"
FAILED = "could not be saved: please press again"
CHECKING = "being checked, you'll hear in a moment"
QUESTION = "to be answered separately"
OTHER = "without an Approve"


def button(count: int, *, one_rule: bool) -> str:
    """The label of the button."""
    return f"Approve all {count}" if one_rule else "Approve all I can"


def confirm(shown: int, in_part: int, *, one_rule: bool) -> tuple[str, str, str]:
    """The title, text and button of the confirmation dialog; `in_part` requests are not fully shown."""
    which = f"the {shown} requests fully shown above"
    told = [f"This approves {which if one_rule else f'what you can of {which}'}."]
    if in_part:
        told.append(f"{in_part} that did not fit {'is' if in_part == 1 else 'are'} left out.")
    told.append("Any that change first are skipped.")
    title = f"Approve {shown} requests?" if one_rule else "Approve all you can?"
    return title, " ".join(told), "Approve all"


def result(*, approved: int, counted: int, total: int, left_out: Mapping[str, int]) -> str:
    """The numbers of requests that were approved, that need another approval, and that were left out.

    `counted` requests have this person's approval and need another one.
    """
    told = [f"✅ You approved {approved} of {total} requests."] if approved or counted else ["Nothing was approved."]
    if counted:
        told = told[:1] if approved else []
        told.append(f"Your approval counts for {counted}{' more' if approved else ''}; somebody else must approve too.")
    if left_out:
        told.append(f"Left out: {', '.join(f'{count} {why}' for why, count in left_out.items())}.")
    return " ".join(told)
