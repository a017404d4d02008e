"""Forms: what was typed is what the graph gets, and what it cannot get is refused at its field."""

import pytest
from fakes.people import Form, Message
from stories.world import World


async def _form(world: World) -> tuple[Message, Form]:
    await world.start("payments", interrupt_before=["tools"])
    card = await world.asked("pay", containing="pay")
    return card, await card.open_form("Edit")


@pytest.mark.promise("P4")
@pytest.mark.parametrize(
    ("typed", "paid"),
    [
        ({"amount": "12345678901234567.89"}, "paid Decimal('12345678901234567.89') to 7 at 0.5"),
        ({"amount": "1.10"}, "paid Decimal('1.10') to 7 at 0.5"),
        ({"amount": "2"}, "paid Decimal('2') to 7 at 0.5"),
        ({"account": "18446744073709551615"}, "paid Decimal('1.5') to 18446744073709551615 at 0.5"),
        ({"rate": "0.25"}, "paid Decimal('1.5') to 7 at 0.25"),
    ],
    ids=lambda each: ", ".join(each.values()) if isinstance(each, dict) else "",
)
async def test_every_digit_arrives(world: World, typed: dict[str, str], paid: str) -> None:
    card, form = await _form(world)
    assert not (await form.submit(typed)).errors
    await world.alice.expect_message("#deploys", containing="Paid.")
    await world.done(paid)
    await card.becomes("Approved with changes by", buttons=[])
    await world.nothing_else()


@pytest.mark.promise("P4")
async def test_what_cannot_arrive_is_refused_at_its_field_and_the_form_stays_open(world: World) -> None:
    card, form = await _form(world)
    for field, text, sentence in (
        ("account", "1" * 30, "This number is too large"),
        ("rate", "1e400", "This number is too large."),
        ("rate", "0.12345678901234567891", "cannot be passed on exactly"),
        ("amount", "ten", "This must be a number, such as 1.50."),
    ):
        errors = (await form.submit({"amount": "1.5", "account": "7", "rate": "0.5", field: text})).errors
        assert list(errors) == [f"field:/{field}"]
        assert sentence in errors[f"field:/{field}"]
    await world.done()
    assert not (await form.submit({"amount": "1.50", "account": "7", "rate": "0.5"})).errors
    await world.alice.expect_message("#deploys", containing="Paid.")
    await world.done("paid Decimal('1.50') to 7 at 0.5")
    await card.becomes("Approved with changes by", buttons=[])
    await world.nothing_else()


async def test_a_form_that_is_sent_as_it_opened_is_an_approval(world: World) -> None:
    card, form = await _form(world)
    assert not (await form.submit()).errors
    await world.alice.expect_message("#deploys", containing="Paid.")
    await world.done("paid Decimal('1.5') to 7 at 0.5")
    shown = await card.becomes("Approved by", buttons=[])
    assert "Changed" not in shown.text
    await world.nothing_else()


# A form that decides --------------------------------------------------------------------------------------------------


@pytest.mark.promise("P5")
async def test_a_form_that_decides_can_be_answered_or_rejected(world: World) -> None:
    await world.start("verdict_form")
    card = await world.asked("please", containing="Ship it?")
    assert card.buttons == ["Answer", "Reject"]
    form = await card.open_form("Answer")
    assert not (await form.submit({"approved": True, "budget": "5"})).errors
    await world.alice.expect_message("#deploys", containing="Thank you.")
    await world.done("shipped: True, for 5")

    await world.alice.say("#deploys", "@signoff again")
    card = await world.bob.expect_card("#deploys", containing="Ship it?")
    await (await card.open_form("Reject")).submit({"Reason": "not today"})
    await card.becomes("Rejected by <@U0BOB>", buttons=[])
    await world.alice.expect_message("#deploys", containing="rejected this request, so the run was stopped")
    await world.done("shipped: True, for 5")
    await world.nothing_else()


@pytest.mark.promise("P6")
async def test_where_several_must_approve_a_form_that_decides_can_still_be_rejected(world: World) -> None:
    rule = {"when": {"agent": "*"}, "approvers": {"users": ["bob", "carol"]}, "quorum": 2}
    await world.start("verdict_form", approvals=[rule])
    card = await world.asked("please", containing="Ship it?")
    assert card.buttons == ["Reject"]
    assert "only reject" in card.text
    await (await card.open_form("Reject")).submit({"Reason": "not today"})
    await card.becomes("Rejected by <@U0BOB>", buttons=[])
    await world.alice.expect_message("#deploys", containing="rejected this request, so the run was stopped")
    await world.done()
    await world.nothing_else()
