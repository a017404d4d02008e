"""Audit rows, to be read back later: who, what, when, under which rule (P9)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from engine.asks.ask import Json
from engine.ids import ApprovalId, ThreadId, UserId

RETENTION = timedelta(days=400)
"""The default time for which rows are kept: a year, and some time to review it."""


class What(StrEnum):
    """The kinds of audit rows."""

    ASKED = "asked"
    VOTED = "voted"
    EDITED = "edited"
    DECIDED = "decided"
    ANSWERED = "answered"
    REFUSED = "refused"
    REMINDED = "reminded"
    ESCALATED = "escalated"
    CALLED = "called"
    LOOKING = "looking"
    HANDED_OVER = "handed over"
    EXTENDED = "extended"
    NUDGED = "nudged"
    FELL = "fell"
    """A vote no longer counts, since its author may no longer decide."""
    EXPIRED = "expired"
    STOPPED = "stopped"
    """A rejection ended the run; the graph was told nothing."""
    WITHDRAWN = "withdrawn"
    DELIVERED = "delivered"
    UNDELIVERABLE = "undeliverable"
    CHANGED = "changed"
    """The graph changed its request after the decision: nothing was run, and people are asked again.

    Or a tool was about to run with something other than the decision, and was stopped.
    """
    TRAVELLED = "travelled"
    """Somebody restarted the conversation from an earlier step."""
    GRANTED = "granted"
    """A call was approved, and calls like it were allowed for a while."""
    GRANT_USED = "grant_used"
    """A call was allowed by a grant, so nobody was asked."""
    GRANT_REVOKED = "grant_revoked"


@dataclass(frozen=True, slots=True)
class Entry:
    """One row. `who` is None if no person acted (an expiry); `detail` is small JSON: choice, reason, before, after.

    A repeated refusal is counted in one row: `times`, from `at` to `last`. A person who presses a button ten thousand
    times must not bury the other rows.
    """

    at: datetime
    thread: ThreadId
    approval: ApprovalId
    what: What
    who: UserId | None
    rule: str
    detail: Json = None
    times: int = 1
    last: datetime | None = None


NEWEST = 20
"""The number of newest rows in which a repeated refusal is looked for."""


def recorded(rows: Sequence[Entry], entry: Entry) -> Sequence[Entry]:
    """Add a row to a thread's rows; a refusal that is among the newest already is counted there instead."""
    if entry.what is What.REFUSED:
        for place in range(len(rows) - 1, max(-1, len(rows) - NEWEST - 1), -1):
            if replace(rows[place], at=entry.at, times=1, last=None) == entry:
                again = replace(rows[place], times=rows[place].times + 1, last=entry.at)
                return [*rows[:place], again, *rows[place + 1 :]]
    return [*rows, entry]
