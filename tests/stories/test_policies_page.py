"""docs/policies.md shows files that the bot takes, and it does with them what the page says."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml
from fakes.people import Message
from stories import policies_page as page
from stories.world import World

from bot.config.load import load
from bot.config.settings import Config

SECRETS = {"SLACK_BOT_TOKEN": "xoxb-1-1-abc", "SLACK_APP_TOKEN": "xapp-1-1-abc", "PAGERDUTY_TOKEN": "key"}
WITHOUT_A_FILE = {"Edits", "On the card", "Before you rely on it"}
REFUNDS = "#refunds"
BERLIN = ZoneInfo("Europe/Berlin")


def loaded(folder: Path, text: str) -> Config:
    file = folder / "app.yaml"
    file.write_text(text)
    return load(file, SECRETS)


@pytest.mark.promise("P10")
@pytest.mark.parametrize("section", page.files())
def test_each_app_yaml_is_a_configuration(section: str, tmp_path: Path) -> None:
    assert loaded(tmp_path, page.files()[section]).approvals


def test_the_quickstarts_files_are_too_with_either_schedule(tmp_path: Path) -> None:
    shown = page.quickstart()
    assert list(loaded(tmp_path, shown["app.yaml"]).oncall) == ["primary"]
    real = yaml.safe_load(shown["app.yaml"]) | yaml.safe_load(shown["schedule"])
    (entry,) = loaded(tmp_path, yaml.safe_dump(real)).oncall.values()
    assert entry.kind == "pagerduty"


def test_each_section_with_a_rule_has_a_story_here() -> None:
    code = Path(__file__).read_text(encoding="utf-8")
    for section in page.files():
        assert f'page.start(world, "{section}")' in code


async def asked(world: World, text: str, who: str = "alice") -> Message:
    """Somebody asks, and everybody sees the card."""
    tool = {"refund": "refund_order", "delete": "delete_order", "restart": "restart_service", "look": "look_up_order"}
    await world.slack.person(who).say(REFUNDS, f"@signoff {text}")
    return await world.bob.expect_card(REFUNDS, containing=tool[text.split(maxsplit=1)[0]])


async def refused(world: World, card: Message, who: str, why: str) -> None:
    person = world.slack.person(who)
    await card.click("Approve", by=person)
    await person.expect_message(REFUNDS, containing=why, ephemeral=True)


@pytest.mark.promise("P6")
@pytest.mark.parametrize("who", ["bob", "carol"])
async def test_any_source_of_approvers_is_enough(who: str, world: World) -> None:
    """Bob is named, and in the group; carol is in the group, and on call."""
    await page.start(world, "Approvers")
    card = await asked(world, "refund A7 120")
    await refused(world, card, "gina", "Guests")
    await card.click("Approve", by=world.slack.person(who))
    await world.done("refunded A7 120")


@pytest.mark.promise("P6")
async def test_members_of_the_channel_decide(world: World) -> None:
    await page.start(world, "Approvers")
    card = await asked(world, "delete A7")
    await card.click("Approve", by=world.carol)
    await world.done("deleted A7")


@pytest.mark.promise("P6")
async def test_both_parts_have_to_approve(world: World) -> None:
    await page.start(world, "Several approvals")
    card = await asked(world, "refund A7 120", who="carol")
    await refused(world, card, "carol", "You asked for this yourself")
    await card.click("Approve", by=world.bob)
    await card.becomes("1 of 2 approvals")
    await card.click("Approve", by=world.alice)
    await world.done("refunded A7 120")


@pytest.mark.promise("P6")
async def test_two_rejections_close_it(world: World) -> None:
    await page.start(world, "Several approvals")
    card = await asked(world, "delete A7", who="alice")
    for who in (world.bob, world.carol):
        await (await card.open_form("Reject", by=who)).submit({"Reason": "no"})
        await world.at_rest()
    await card.becomes("Rejected by", buttons=[])
    await world.done()


@pytest.mark.promise("P6")
async def test_the_second_stage_waits_for_the_first(world: World) -> None:
    await page.start(world, "Stages")
    card = await asked(world, "delete A7", who="carol")
    await refused(world, card, "alice", "must approve this first")
    await card.click("Approve", by=world.bob)
    await card.becomes("1 of 2 approvals")
    await card.click("Approve", by=world.alice)
    await world.done("deleted A7")


@pytest.mark.promise("P6")
async def test_own_requests_may_be_approved_where_the_rule_says_so(world: World) -> None:
    await page.start(world, "Own requests")
    card = await asked(world, "restart search")
    await card.click("Approve", by=world.alice)
    await world.done("restarted search")


@pytest.mark.promise("P6")
async def test_a_guest_who_is_named_decides(world: World) -> None:
    await page.start(world, "Guests")
    card = await asked(world, "restart search")
    await card.click("Approve", by=world.gina)
    await world.done("restarted search")


@pytest.mark.promise("P6")
async def test_rules_decide_by_themselves_and_large_amounts_need_both_parts(world: World) -> None:
    await page.start(world, "Conditions and automatic decisions")
    await world.alice.say(REFUNDS, "@signoff look A7")
    await world.alice.expect_message(REFUNDS, containing="A7 is paid.")
    await world.alice.say(REFUNDS, "@signoff refund A7 50")
    await world.alice.expect_message(REFUNDS, containing="Approved automatically by approvals[1]")
    await world.done("looked A7 up", "refunded A7 50")
    card = await asked(world, "refund A7 500", who="carol")
    form = await card.open_form("Edit", by=world.bob)
    assert not (await form.submit({"amount": "5000"})).errors
    await world.at_rest()
    await world.done("looked A7 up", "refunded A7 50")
    await card.click("Approve", by=world.alice)
    await world.done("looked A7 up", "refunded A7 50", "refunded A7 5000")


@pytest.mark.promise("P6")
async def test_calls_like_one_that_was_allowed_run(world: World) -> None:
    await page.start(world, "Allow for a while")
    card = await asked(world, "restart search")
    await card.click("Allow like this for 1 h", by=world.bob)
    await world.done("restarted search")
    for service, asks in (("search", False), ("billing", True)):
        await world.alice.say(REFUNDS, f"@signoff restart {service}", thread=card)
        await world.alice.expect_message(REFUNDS, containing="Approve restart_service?" if asks else "grant")
    await world.done("restarted search", "restarted search")


async def test_each_approver_is_called_where_the_rule_says(world: World) -> None:
    await page.start(world, "Who is called")
    await world.alice.say(REFUNDS, "@signoff refund A7 120")
    copies = [await each.expect_card("dm", containing="refund_order") for each in (world.bob, world.carol)]
    await world.bob.expect_card("#approvals", containing="refund_order")
    await world.alice.expect_message(REFUNDS, containing="Waiting for a decision in <#C0APPROVALS>")
    await copies[0].click("Approve")
    await copies[1].becomes("Approved by", buttons=[])
    await world.done("refunded A7 120")
    card = await asked(world, "delete A7")
    assert "subtype" not in card.shown
    assert "Notified" not in (await asked(world, "restart search")).text


@pytest.mark.promise("P5")
async def test_time_adds_approvers_and_never_approves(world: World) -> None:
    world.speed = 1_800
    await page.start(world, "Reminders, escalation, expiry")
    card = await asked(world, "restart search")
    await card.becomes("@sre")
    await card.becomes("Nobody decided by", buttons=[])
    await world.done()
    approval = await world.approval(await asked(world, "delete A7"))
    assert (approval.deadlines.expires_after, approval.deadlines.reminders) == (
        timedelta(days=30),
        (timedelta(days=1),),
    )


@pytest.mark.promise("P5")
async def test_clocks_rest_outside_of_working_hours(world: World) -> None:
    """Asked on a Friday at 16:00, it is open until Monday at 16:00."""
    now = datetime.now(BERLIN)
    friday = (now + timedelta(days=(4 - now.weekday()) % 7 + 7)).replace(hour=16, minute=0, second=0, microsecond=0)
    world.clock.ahead = friday.astimezone(UTC) - now
    await page.start(world, "Working hours")
    approval = await world.approval(await asked(world, "refund A7 120"))
    assert approval.expires_at is not None
    monday = friday.replace(tzinfo=None) + timedelta(days=3)
    late = approval.expires_at.astimezone(BERLIN).replace(tzinfo=None) - monday
    assert timedelta() <= late < timedelta(minutes=1)
