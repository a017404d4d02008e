"""Which requests share a message: the same ones, whoever was killed in between."""

import pytest
from contracts.samples import PLACE, THREAD, a_policy, an_ask

from bot.approvals.sheets import MOST_CARDS, SHEET_ROWS, sheets_of
from engine.approvals.approval import Calling
from engine.authority.policy import Deadlines
from engine.ids import ApprovalId, InterruptId, SheetId, approval_id
from engine.ports import Asked
from engine.rules.routing import Route, Ruled


def asked(count: int) -> dict[ApprovalId, Asked]:
    each = [Asked(InterruptId(f"i{number}"), an_ask(f"deploy_{number}"), "digest") for number in range(count)]
    return {approval_id(THREAD, one.interrupt, one.digest): one for one in each}


def sheets(count: int, known: dict[ApprovalId, SheetId] | None = None) -> dict[ApprovalId, SheetId]:
    wanted = asked(count)
    route = Route((Ruled(a_policy()),), Deadlines(), PLACE, Calling())
    return dict(sheets_of(wanted, dict.fromkeys(wanted, route), known or {}))


def test_a_few_have_a_card_each_and_more_share_sheets() -> None:
    assert sheets(MOST_CARDS) == {}
    assert len(set(sheets(MOST_CARDS + 1).values())) == 1
    assert len(set(sheets(2 * SHEET_ROWS + 5).values())) == 3


@pytest.mark.promise("P8")
@pytest.mark.parametrize("created", range(21))
def test_who_takes_over_after_a_kill_puts_the_rest_on_the_same_sheet(created: int) -> None:
    whole = sheets(20)
    before = dict(list(whole.items())[:created])
    assert sheets(20, before) == whole


def test_one_that_comes_later_gets_a_card_of_its_own() -> None:
    known = sheets(19)
    later = sheets(20, known)
    assert set(later) & (set(asked(20)) - set(known)) == set()
