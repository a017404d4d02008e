"""What can be read back later: who, what, when, under which rule (P9)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from engine.asks.ask import Json
from engine.ids import ApprovalId, ThreadId, UserId

RETENTION = timedelta(days=400)
"""How long rows are kept where nothing else is said: a year, and the time that it takes to look back at it."""


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
    """A vote does not count any more: its author is no longer one of those who may decide."""
    EXPIRED = "expired"
    STOPPED = "stopped"
    """The run ended with a rejection, of which the graph was told nothing."""
    WITHDRAWN = "withdrawn"
    DELIVERED = "delivered"
    UNDELIVERABLE = "undeliverable"
    CHANGED = "changed"
    """The graph changed its request after it was decided: nothing was run, and it is asked again.

    Or a tool was about to run with something else than was decided, and was stopped.
    """
    TRAVELLED = "travelled"
    """Somebody went back to an earlier point of the conversation."""
    GRANTED = "granted"
    """Whoever approved a call allowed calls like it for a while."""
    GRANT_USED = "grant_used"
    """A call was allowed by a grant, so nobody was asked."""
    GRANT_REVOKED = "grant_revoked"


@dataclass(frozen=True, slots=True)
class Entry:
    """One row. `who` is None for what nobody did (an expiry); `detail` is small JSON: choice, reason, before, after.

    A refusal that is repeated is counted in one row: `times`, from `at` to `last`. Who presses a button ten thousand
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
"""Rows among which a repeated refusal is looked for."""


def recorded(rows: Sequence[Entry], entry: Entry) -> Sequence[Entry]:
    """The rows of a thread with one more; a refusal that stands among the newest already is counted there."""
    if entry.what is What.REFUSED:
        for place in range(len(rows) - 1, max(-1, len(rows) - NEWEST - 1), -1):
            if replace(rows[place], at=entry.at, times=1, last=None) == entry:
                again = replace(rows[place], times=rows[place].times + 1, last=entry.at)
                return [*rows[:place], again, *rows[place + 1 :]]
    return [*rows, entry]
