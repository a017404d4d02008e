"""A button counts on the approval's own card: a copy of it elsewhere decides nothing (P6)."""

from dataclasses import replace

import pytest
from contracts.samples import BOB, CAROL, NOW, PLACE, a_policy, an_approval

from engine.approvals.approval import Approval, Place, PressedOn, State
from engine.approvals.audit import What
from engine.approvals.effects import TellPerson
from engine.approvals.events import Chose, Posted
from engine.asks.ask import Choice
from engine.authority.eligibility import AccountType, Facts
from engine.ids import ChannelId, MessageTs
from engine.machine import Step, is_on_card, step
from engine.sentences.refusals import NotTheCard

CARD, OLDER, NEWER = (MessageTs(f"20{second}.000001") for second in (1, 0, 2))
ELSEWHERE = Place(PLACE.team, ChannelId("C2"))


def pressed(approval: Approval, on: PressedOn | None) -> Step:
    return step(approval, Chose(BOB, Facts(AccountType.MEMBER), 0, 1, Choice.APPROVE, on=on), NOW)


@pytest.mark.promise("P6")
@pytest.mark.parametrize(
    ("card", "on", "counts"),
    [
        pytest.param(CARD, PressedOn(PLACE, CARD, own=True), True, id="the card"),
        pytest.param(CARD, PressedOn(PLACE, CARD, own=False), True, id="the card, whoever Slack says wrote it"),
        pytest.param(CARD, None, True, id="a form or words"),
        pytest.param(None, PressedOn(PLACE, CARD, own=True), True, id="a card that is not written down yet"),
        pytest.param(CARD, PressedOn(PLACE, NEWER, own=True), True, id="posted anew, and not written down yet"),
        pytest.param(CARD, PressedOn(PLACE, OLDER, own=True), False, id="a card that was posted anew since"),
        pytest.param(CARD, PressedOn(ELSEWHERE, CARD, own=True), False, id="of the same time in another channel"),
        pytest.param(CARD, PressedOn(ELSEWHERE, NEWER, own=True), False, id="in another channel"),
        pytest.param(None, PressedOn(ELSEWHERE, NEWER, own=True), False, id="in another channel, before the card"),
        pytest.param(CARD, PressedOn(PLACE, NEWER, own=False), False, id="shared in the same channel"),
        pytest.param(None, PressedOn(PLACE, NEWER, own=False), False, id="shared before the card is written down"),
    ],
)
def test_where_a_click_counts(card: MessageTs | None, on: PressedOn | None, counts: bool) -> None:  # noqa: FBT001
    approval = replace(an_approval(policy=a_policy(BOB, CAROL)), card=card)
    assert is_on_card(approval, on) is counts
    taken = pressed(approval, on)
    assert taken.refusal == (None if counts else NotTheCard(PLACE.channel))
    assert taken.approval.state is (State.DECIDED if counts else State.PENDING)


@pytest.mark.promise("P9")
def test_who_presses_a_copy_is_told_where_they_pressed_and_it_is_recorded() -> None:
    approval = replace(an_approval(), card=CARD)
    taken = pressed(approval, PressedOn(ELSEWHERE, NEWER, own=True))
    sentence = "This is a copy of the request, so your click had no effect. Use the original in <#C1>."
    assert taken.effects == (TellPerson(approval.thread, ELSEWHERE, BOB, sentence),)
    assert [(each.what, each.who) for each in taken.entries] == [(What.REFUSED, BOB)]


def test_a_click_on_a_card_that_was_posted_anew_counts_before_and_after_that_is_written_down() -> None:
    approval = replace(an_approval(), card=CARD)
    on = PressedOn(PLACE, NEWER, own=True)
    assert pressed(approval, on).refusal is None
    written = step(approval, Posted(NEWER, instead_of=CARD), NOW).approval
    assert pressed(written, on).refusal is None
    assert pressed(written, PressedOn(PLACE, CARD, own=True)).refusal == NotTheCard(PLACE.channel)
