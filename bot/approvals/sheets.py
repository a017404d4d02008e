"""Groups requests that share a message: a sheet, with a row for each."""

from collections.abc import Mapping

from engine.approvals.approval import Place
from engine.asks.ask import Ask
from engine.ids import ApprovalId, SheetId, sheet_id
from engine.ports import Asked
from engine.rules.routing import Route

MOST_CARDS = 5
"""Requests that a thread asks at once and that get a card each; more of them share a sheet."""
SHEET_ROWS = 20
"""The most requests on one sheet."""


def sheets_of(
    asked: Mapping[ApprovalId, Asked], routes: Mapping[ApprovalId, Route], known: Mapping[ApprovalId, SheetId]
) -> Mapping[ApprovalId, SheetId]:
    """Group requests that share a message: the simple ones of one place, where too many are new for a card each.

    Computed from all questions, not only the new ones, so that after a crash the next process computes the same.
    """
    places: dict[Place, list[ApprovalId]] = {}
    for each, question in asked.items():
        if _fits_a_row(question.ask) and not question.instead_of and not any(routes[each].automatic):
            places.setdefault(routes[each].place, []).append(each)
    found: dict[ApprovalId, SheetId] = {}
    for approvals in places.values():
        many = sum(each not in known for each in approvals) > MOST_CARDS
        for start in range(0, len(approvals), SHEET_ROWS):
            rows = approvals[start : start + SHEET_ROWS]
            sheet = sheet_id(rows)
            if many or any(known.get(each) == sheet for each in rows):
                found |= dict.fromkeys(rows, sheet)
    return found


def _fits_a_row(ask: Ask) -> bool:
    return len(ask.actions) == 1 and not ask.may_recur
