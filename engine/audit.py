"""What can be read back later: who, what, when, under which rule (P9)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from engine.ask import Json
from engine.ids import ApprovalId, ThreadId, UserId


class What(StrEnum):
    """The kinds of audit rows."""

    ASKED = "asked"
    VOTED = "voted"
    EDITED = "edited"
    DECIDED = "decided"
    ANSWERED = "answered"
    REFUSED = "refused"
    REMINDED = "reminded"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    DELIVERED = "delivered"
    UNDELIVERABLE = "undeliverable"
    TRAVELLED = "travelled"
    """Somebody went back to an earlier point of the conversation."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One row. `who` is None for what nobody did (an expiry); `detail` is small JSON: choice, reason, before, after."""

    at: datetime
    thread: ThreadId
    approval: ApprovalId
    what: What
    who: UserId | None
    rule: str
    detail: Json = None
