"""Skips redraws that would change nothing, so that twenty clicks on one message are not twenty slow updates.

Each decision asks for a redraw, and each redraw shows the state at its turn. So the first redraw after twenty quick
clicks shows them all, and the rest would send the same again: they are skipped, for some seconds only. Later a click on
a button that is gone draws the message again, whatever this process remembers (P8).

This holds for every redraw of a sheet, and for redraws of a card that queued behind one that had to wait for its turn
(`adapters.slack.workspace.pacing`).

The rows of a sheet are created one after the other. The sheet is posted once all are there, as its id tells, so that
people are notified once. A missing row is waited for no longer than `ROWS_OVERDUE`.
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
"""Seconds for which a drawn message counts as unchanged."""
ROWS_ON_THEIR_WAY = 0.05
ROWS_OVERDUE = 10.0
_MOST_KEPT = 1_000


class Redraws:
    """Remembers for some seconds what was drawn last."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._drawn: dict[MessageTs, tuple[str, float]] = {}
        self._held_up: set[MessageTs] = set()
        self._waiting: dict[SheetId, float] = {}

    def stands(self, card: MessageTs, message: SlackMessage) -> bool:
        """True if the message was drawn exactly so some seconds ago."""
        digest, at = self._drawn.get(card, ("", 0.0))
        return digest == _digest(message) and self._clock() - at < FRESH

    def drew(self, card: MessageTs, message: SlackMessage) -> None:
        """Remember a drawn message."""
        if len(self._drawn) >= _MOST_KEPT:
            self._drawn.clear()
        self._drawn[card] = _digest(message), self._clock()

    def held_up(self, card: MessageTs) -> None:
        """Note that a redraw of this message has to wait for its turn."""
        if len(self._held_up) >= _MOST_KEPT:
            self._held_up.clear()
        self._held_up.add(card)

    def drew_card(self, card: MessageTs, message: SlackMessage) -> None:
        """Remember a drawn card, if other redraws may have queued behind it."""
        if card in self._held_up:
            self._held_up.discard(card)
            self.drew(card, message)

    def wait_for_rows(self, sheet: SheetId, approvals: Sequence[Approval]) -> None:
        """Wait for the rows of a sheet. Raises Later while some are missing."""
        if sheet_id(each.id for each in approvals) == sheet:
            self._waiting.pop(sheet, None)
            return
        if len(self._waiting) >= _MOST_KEPT:
            self._waiting.clear()
        if self._clock() - self._waiting.setdefault(sheet, self._clock()) < ROWS_OVERDUE:
            raise Later(ROWS_ON_THEIR_WAY)


def _digest(message: SlackMessage) -> str:
    return hashlib.sha256(json.dumps([message.text, message.blocks], sort_keys=True).encode()).hexdigest()
