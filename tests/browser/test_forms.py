"""Forms: every kind of field, updates and pushes while one is being filled in."""

import pytest
from browser.page_bot import CARD, TestBot, a_form, button, field, options, section, text
from browser.screen import OpenScreen
from playwright.async_api import expect

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_every_kind_of_field_sends_what_was_entered(screen: OpenScreen, bot: TestBot) -> None:
    grouped = {"option_groups": [{"label": text("plain_text", "Near"), "options": options("Lisbon", "Porto")}]}
    bot.form = a_form(
        field("Text", "text", {"type": "plain_text_input", "multiline": True}),
        field("Mail", "mail", {"type": "email_text_input"}),
        field("Page", "page", {"type": "url_text_input"}),
        field("Share", "share", {"type": "number_input", "is_decimal_allowed": True}),
        field("Day", "day", {"type": "datepicker"}),
        field("Hour", "hour", {"type": "timepicker"}),
        field("City", "city", {"type": "static_select", **grouped}),
        field("Extras", "extras", {"type": "multi_static_select", "options": options("wifi", "desk", "view")}),
        field("Who", "who", {"type": "users_select"}),
        field("Where", "where", {"type": "channels_select"}),
    )
    await bot.post("deploys", "Run deploy?", blocks=CARD)
    bob = await screen("bob")
    await bob.button("Edit").click()
    fields = {"Text": "two\nlines", "Mail": "a@example.com", "Page": "https://example.com", "Share": "0.5"}
    for label, value in (fields | {"Day": "2026-03-01", "Hour": "14:30"}).items():
        await bob.form.get_by_label(label, exact=True).fill(value)
    for label, value in {"City": "Porto", "Who": "carol", "Where": "#refunds"}.items():
        await bob.form.get_by_label(label, exact=True).select_option(label=value)
    await bob.form.get_by_label("wifi").check()
    await bob.form.get_by_label("view").check()
    await bob.form.get_by_role("button", name="Approve edited").click()
    await expect(bob.form).to_have_count(0)
    sent = {name: entry["value"] for name, entry in bot.submitted[0].items()}
    assert sent["text"]["value"] == "two\nlines"
    assert sent["mail"]["value"] == "a@example.com"
    assert sent["page"]["value"] == "https://example.com"
    assert sent["share"]["value"] == "0.5"
    assert sent["day"]["selected_date"] == "2026-03-01"
    assert sent["hour"]["selected_time"] == "14:30"
    assert sent["city"]["selected_option"]["value"] == "Porto"
    assert [each["value"] for each in sent["extras"]["selected_options"]] == ["wifi", "view"]
    assert "CAROL" in sent["who"]["selected_user"]
    assert sent["where"]["selected_channel"] == await bot._id("refunds")


async def test_all_required_fields_that_are_empty_are_named_at_once(screen: OpenScreen, bot: TestBot) -> None:
    bot.form = a_form(
        field("Reason", "reason", {"type": "plain_text_input"}),
        field("When", "when", {"type": "radio_buttons", "options": options("now", "tonight")}),
        field("Note", "note", {"type": "plain_text_input"}, optional=True),
    )
    await bot.post("deploys", "Run deploy?", blocks=CARD)
    bob = await screen("bob")
    await bob.button("Edit").click()
    await bob.form.get_by_role("button", name="Approve edited").click()
    await expect(bob.form.locator(".field-error")).to_have_count(2)
    await expect(bob.form.get_by_role("radiogroup", name="When")).to_have_accessible_description(
        "Please complete this required field."
    )
    await expect(bob.form.get_by_label("Reason")).to_be_focused()


async def test_an_update_keeps_what_was_typed_and_a_push_comes_back_to_it(screen: OpenScreen, bot: TestBot) -> None:
    presses = {"type": "actions", "elements": [button("Add a field", "add"), button("Show all", "push")]}
    bot.form = a_form(field("Service", "service", {"type": "plain_text_input", "initial_value": "billing"}), presses)
    await bot.post("deploys", "Run deploy?", blocks=CARD)
    bob = await screen("bob")
    await bob.button("Edit").click()
    service = bob.form.get_by_label("Service")
    await service.fill("payments")
    await bob.form.get_by_role("button", name="Add a field").click()
    await bob.form.get_by_label("Added").fill("more")
    await expect(service).to_have_value("payments")
    await bob.form.get_by_role("button", name="Show all").click()
    await expect(bob.form.get_by_role("heading", name="Above")).to_be_visible()
    await bob.page.keyboard.press("Escape")
    await expect(bob.form.get_by_role("heading", name="Edit deploy")).to_be_visible()
    await expect(service).to_have_value("payments")
    await expect(bob.form.get_by_label("Added")).to_have_value("more")
    await bob.form.get_by_role("button", name="Show all").click()
    await bob.form.get_by_role("button", name="Close", exact=True).click()
    await expect(bob.form).to_have_count(0)


async def test_a_form_that_the_bot_does_not_take_stays_open_and_says_so(screen: OpenScreen, bot: TestBot) -> None:
    bot.form = a_form(section("Nobody listens"), field("Note", "note", {"type": "plain_text_input"})) | {
        "callback_id": "nobody_listens"
    }
    await bot.post("deploys", "Run deploy?", blocks=CARD)
    bob = await screen("bob")
    await bob.button("Edit").click()
    await bob.form.get_by_label("Note").fill("kept")
    await bob.page.route("**/people/submit", lambda route: route.fulfill(json={"acked": False, "ms": 3000}))
    await bob.form.get_by_role("button", name="Approve edited").click()
    await expect(bob.form.get_by_role("alert")).to_have_text("signoff did not answer within 3 seconds.")
    await expect(bob.form.get_by_label("Note")).to_have_value("kept")


async def test_a_notice_stands_above_a_form_and_outlives_it(screen: OpenScreen, bot: TestBot) -> None:
    bot.form = a_form(section("Press it"), {"type": "actions", "elements": [button("Show all", "push")]})
    await bot.post("deploys", "Run deploy?", blocks=CARD)
    bob = await screen("bob")
    await bob.button("Edit").click()
    await bob.page.route("**/people/click", lambda route: route.abort())
    await bob.form.get_by_role("button", name="Show all").click()
    await expect(bob.form.locator(".toast")).to_contain_text("cannot be reached")
    await bob.page.keyboard.press("Escape")
    await expect(bob.form).to_have_count(0)
    await expect(bob.notices).to_contain_text("cannot be reached")
    await bob.button("Approve").click()
    await expect(bob.notices).to_have_count(1)
