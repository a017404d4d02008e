"""What this process drew a moment ago: twenty clicks on one message shall not be twenty slow updates.

Each decision asks for a redraw, and each redraw shows what is true when its turn comes. So the one behind twenty quick
clicks shows them all, and those behind it would send the same again: these are passed over. Only for some seconds: who
clicks a button that is gone later on gets the message drawn anew, whatever this process believes of it (P8).

That holds for each redraw of a sheet, and for redraws of a card that gathered behind one which had to wait for its turn
(`adapters.slack.workspace.pacing`).

The rows of a sheet are created one after the other. It is posted when all are there, as its name says: people are
notified once, of the whole. A row that does not come is waited for no longer than `ROWS_OVERDUE`.
"""

import hashlib
import json
import time
from collections.abc import Callable, Sequence

from adapters.slack.cards.message import SlackMessage
from engine.approvals.approval import Approval
from engine.ids import MessageTs, SheetId, sheet_id
from engine.ports import Later

FRESH = 5.0
"""Seconds for which a drawn sheet is known to stand as it was drawn."""
ROWS_ON_THEIR_WAY = 0.05
ROWS_OVERDUE = 10.0
_MOST_KEPT = 1_000


class Redraws:
    """Remembers what was drawn last, for a moment."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._drawn: dict[MessageTs, tuple[str, float]] = {}
        self._held_up: set[MessageTs] = set()
        self._waiting: dict[SheetId, float] = {}

    def stands(self, card: MessageTs, message: SlackMessage) -> bool:
        """Whether the message was drawn just so a moment ago."""
        digest, at = self._drawn.get(card, ("", 0.0))
        return digest == _digest(message) and self._clock() - at < FRESH

    def drew(self, card: MessageTs, message: SlackMessage) -> None:
        """The message stands so now."""
        if len(self._drawn) >= _MOST_KEPT:
            self._drawn.clear()
        self._drawn[card] = _digest(message), self._clock()

    def held_up(self, card: MessageTs) -> None:
        """A redraw of this message has to wait for its turn."""
        if len(self._held_up) >= _MOST_KEPT:
            self._held_up.clear()
        self._held_up.add(card)

    def drew_card(self, card: MessageTs, message: SlackMessage) -> None:
        """A card stands so now: remembered where others may have gathered behind its redraw."""
        if card in self._held_up:
            self._held_up.discard(card)
            self.drew(card, message)

    def wait_for_rows(self, sheet: SheetId, approvals: Sequence[Approval]) -> None:
        """Raise Later while rows of a sheet are still to come."""
        if sheet_id(each.id for each in approvals) == sheet:
            self._waiting.pop(sheet, None)
            return
        if len(self._waiting) >= _MOST_KEPT:
            self._waiting.clear()
        if self._clock() - self._waiting.setdefault(sheet, self._clock()) < ROWS_OVERDUE:
            raise Later(ROWS_ON_THEIR_WAY)


def _digest(message: SlackMessage) -> str:
    return hashlib.sha256(json.dumps([message.text, message.blocks], sort_keys=True).encode()).hexdigest()
