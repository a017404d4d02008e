"""What an earlier version left undone when it died is done by this one, once, and in time."""

from datetime import UTC, datetime, timedelta

import pytest
from fakes.people import wait_until
from upgrade.upgraded import MINUTES, ClockFrom, Upgraded

from engine.approvals.audit import What

YEARS = timedelta(days=1_000)


@pytest.mark.promise("P1")
async def test_a_run_that_was_cut_off_goes_on_and_the_decision_behind_it_is_delivered(upgraded: Upgraded) -> None:
    assert "signed the house" not in upgraded.log()
    await upgraded.begin()
    await upgraded.world.alice.expect_message("#deploys", containing="the house is signed.")
    await upgraded.did("legal on the house: True", "finance on the house: True", "signed the house")


@pytest.mark.promise("P1")
@pytest.mark.promise("P11")
async def test_a_click_that_was_kept_is_decided_as_of_its_own_time(upgraded: Upgraded) -> None:
    old = await upgraded.message("paged")
    assert old.buttons
    await upgraded.begin()
    await old.becomes("Approved by <@U0BOB> (on call: ops, tier 1)", buttons=[])
    await upgraded.did("did drop the page")
    (vote,) = (await upgraded.world.approval(old)).reviews[0].votes
    assert vote.at <= upgraded.fixture.at


@pytest.mark.promise("P8")
async def test_a_card_whose_redraw_was_pending_tells_the_truth(upgraded: Upgraded) -> None:
    old = await upgraded.message("redrawn")
    assert old.buttons
    await upgraded.begin()
    await old.becomes("Approved by <@U0BOB>", buttons=[])
    await upgraded.did("did drop the drawing")


@pytest.mark.promise("P1")
async def test_a_dead_letter_is_still_there_and_can_be_done_again(upgraded: Upgraded) -> None:
    await upgraded.begin()
    await upgraded.at_rest()
    lanes = upgraded.world.bot.ports.lanes
    (letter,) = await lanes.dead_letters()
    assert await lanes.revive(letter.id)
    await upgraded.world.alice.expect_message("#deploys", containing="Done: burn the letter.")
    await upgraded.at_rest()
    assert list(await lanes.dead_letters()) == []
    await upgraded.did("did burn the letter")


@pytest.mark.promise("P8")
async def test_a_card_that_waited_for_its_channel_comes_when_it_opens(upgraded: Upgraded) -> None:
    await upgraded.begin()
    await upgraded.world.carol.unarchives("#archive")
    card = await upgraded.world.bob.expect_card("#archive", containing="drop the archive")
    await card.click("Approve")
    await card.becomes("Approved by <@U0BOB>", buttons=[])
    await upgraded.did("did drop the archive")
    assert list(await upgraded.world.bot.ports.backlog.all()) == []


@pytest.mark.promise("P5")
async def test_a_deadline_that_passed_during_the_upgrade_rejects(upgraded: Upgraded) -> None:
    old = await upgraded.message("expiring")
    await upgraded.begin(timedelta(hours=5))
    await old.becomes("rejected automatically", buttons=[])
    await upgraded.world.alice.expect_message("#deploys", containing="Not done: drop the milk.")
    await upgraded.at_rest()
    approval = await upgraded.world.approval(old)
    assert await upgraded.rows(approval.id) == [What.ASKED, What.EXPIRED, What.DELIVERED]
    assert "did drop the milk" not in upgraded.log()


@pytest.mark.promise("P5")
async def test_before_its_deadline_a_request_is_still_decided(upgraded: Upgraded) -> None:
    await upgraded.begin()
    card = await upgraded.message("expiring")
    await card.click("Approve")
    await card.becomes("Approved by <@U0BOB>", buttons=[])
    await upgraded.did("did drop the milk")


SOON = timedelta(seconds=3)
"""Before a timer: it fires while this version's bot runs, or at its start on a machine that is busy."""


async def test_a_reminder_comes_in_its_time(upgraded: Upgraded) -> None:
    await upgraded.begin(upgraded.until("remind", "ladder") - SOON)
    await upgraded.world.bob.expect_message("#deploys", containing="still needs your decision")
    assert "<@U0CAROL>" not in (await upgraded.message("ladder")).text


@pytest.mark.promise("P6")
async def test_a_request_is_escalated_in_its_time(upgraded: Upgraded) -> None:
    old = await upgraded.message("ladder")
    await upgraded.begin(upgraded.until("escalate", "ladder") - SOON)
    await old.becomes("<@U0CAROL>", buttons=["Approve", "Reject"])
    await old.click("Approve", by=upgraded.world.carol)
    await old.becomes("Approved by <@U0CAROL>", buttons=[])
    await upgraded.did("did drop the ladder")


@pytest.mark.promise("P6")
async def test_a_grant_is_in_force_until_it_ends(upgraded: Upgraded) -> None:
    await upgraded.begin()
    card = await upgraded.message("granted")
    await upgraded.world.alice.say("#deploys", "@signoff refund C3", thread=card)
    await upgraded.world.bob.expect_message("#deploys", containing="Allowed by <@U0BOB>'s grant")
    await upgraded.at_rest()
    assert upgraded.log().count("refunded C3 30") == 2


@pytest.mark.promise("P6")
async def test_a_grant_ends_at_the_time_that_was_said(upgraded: Upgraded) -> None:
    await upgraded.begin(timedelta(hours=9))
    card = await upgraded.message("granted")
    await upgraded.world.alice.say("#deploys", "@signoff refund C3", thread=card)
    await upgraded.world.bob.expect_card("#deploys", containing="Approve refund_order?")
    assert upgraded.log().count("refunded C3 30") == 1


@pytest.mark.promise("P6")
async def test_a_grant_can_be_taken_back(upgraded: Upgraded) -> None:
    await upgraded.begin()
    card = await upgraded.message("granted")
    await card.click("Stop allowing this")
    await card.becomes("<@U0BOB> revoked the permission for calls like this")
    await upgraded.world.alice.say("#deploys", "@signoff refund C3", thread=card)
    await upgraded.world.bob.expect_card("#deploys", containing="Approve refund_order?")
    assert upgraded.log().count("refunded C3 30") == 1


@pytest.mark.promise("P1")
async def test_what_waits_without_a_deadline_outlasts_any_time(upgraded: Upgraded) -> None:
    """On a clock that shows today or later: what Redis forgets by itself is gone."""
    since = max(datetime.now(UTC), upgraded.fixture.at) + YEARS
    await upgraded.begin(YEARS, ClockFrom(since))
    card = await upgraded.message("plain")
    await card.click("Approve")
    await card.becomes("Approved by <@U0BOB>", buttons=[])
    await upgraded.did("did drop the table")
    await (await upgraded.message("ladder")).becomes("rejected automatically", buttons=[])


@pytest.mark.promise("P2")
@pytest.mark.promise("P8")
async def test_nothing_that_was_said_is_said_again(upgraded: Upgraded) -> None:
    await upgraded.begin(MINUTES)
    await upgraded.world.alice.expect_message("#deploys", containing="the house is signed.")
    await upgraded.world.alice.expect_message("#deploys", containing="Done: drop the page.")
    await upgraded.at_rest()
    await upgraded.world.slack.people.expect_nothing_else()
    await upgraded.world.restart()
    await upgraded.at_rest()
    await upgraded.world.slack.people.expect_nothing_else()


async def test_the_next_version_goes_on_from_here_too(upgraded: Upgraded) -> None:
    """This version stops and starts on what it made of the old one's data."""
    await upgraded.begin()
    await upgraded.at_rest()
    await upgraded.world.restart()
    card = await upgraded.message("quorum")
    await card.click("Approve", by=upgraded.world.carol)
    await card.becomes("Approved by <@U0BOB>, <@U0CAROL>", buttons=[])
    await upgraded.did("did drop the quorum")

    async def look() -> bool | None:
        return True if not await upgraded.world.bot.not_ready() else None

    await wait_until(look)
