"""Everything can be done without a mouse."""

import re

import pytest
from browser.page_bot import CARD, TestBot
from browser.screen import OpenScreen
from playwright.async_api import expect

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_card_is_approved_by_keyboard_alone(screen: OpenScreen, bot: TestBot) -> None:
    await bot.post("deploys", "Run deploy?", blocks=CARD)
    bob = await screen("bob")
    await bob.tab_to("Skip to the message box")
    await bob.page.keyboard.press("Enter")
    await expect(bob.page.locator("#composer")).to_be_focused()
    await bob.tab_to("Approve", "Shift+Tab")
    await bob.page.keyboard.press("Enter")
    card = bob.message("Approved by @bob")
    await expect(card).to_be_visible()
    await expect(card).to_be_focused()


async def test_a_form_is_filled_and_sent_by_keyboard_alone(screen: OpenScreen, bot: TestBot) -> None:
    await bot.post("deploys", "Run deploy?", blocks=CARD)
    bob = await screen("bob")
    await bob.page.keyboard.press("Alt+l")
    await bob.tab_to("Edit")
    await bob.page.keyboard.press("Enter")
    await expect(bob.form.get_by_label("Service")).to_be_focused()
    await bob.page.keyboard.press("Tab")
    await expect(bob.form.get_by_label("Replicas")).to_be_focused()
    await bob.page.keyboard.press("Control+a")
    await bob.page.keyboard.type("zero point one")
    await bob.page.keyboard.press("Enter")
    await expect(bob.form.get_by_label("Replicas")).to_have_attribute("aria-invalid", "true")
    await expect(bob.form.get_by_label("Replicas")).to_be_focused()
    await bob.page.keyboard.press("Control+a")
    await bob.page.keyboard.type("7")
    await expect(bob.form.get_by_label("Replicas")).to_have_value("7")
    await bob.page.keyboard.press("Enter")
    await expect(bob.message("Approved with changes by @bob")).to_be_visible()
    assert bot.submitted[0]["replicas"]["value"]["value"] == "7"


async def test_arrows_walk_the_messages_and_enter_opens_a_thread(screen: OpenScreen, bot: TestBot) -> None:
    for words in ("one", "two", "three"):
        await bot.post("general", words)
    bob = await screen("bob", "general")
    await expect(bob.messages).to_have_count(3)
    await bob.page.keyboard.press("Alt+l")
    await expect(bob.message("three")).to_be_focused()
    await bob.page.keyboard.press("ArrowUp")
    await expect(bob.message("two")).to_be_focused()
    await bob.page.keyboard.press("Home")
    await expect(bob.message("one")).to_be_focused()
    await bob.page.keyboard.press("Enter")
    await expect(bob.thread).to_contain_text("one")
    await bob.page.keyboard.press("Escape")
    await expect(bob.message("one")).to_be_focused()


async def test_shortcuts_change_the_channel_and_are_listed(screen: OpenScreen) -> None:
    bob = await screen("bob", "general")
    title = bob.page.locator("#title")
    await bob.page.keyboard.press("Alt+ArrowDown")
    await expect(title).to_have_text("#deploys")
    await bob.page.keyboard.press("Alt+ArrowUp")
    await expect(title).to_have_text("#general")
    await bob.page.keyboard.press("Control+k")
    await expect(bob.page.get_by_label("Jump to", exact=True).and_(bob.page.get_by_role("textbox"))).to_be_focused()
    await bob.page.keyboard.type("refu")
    await expect(bob.page.get_by_role("dialog", name="Jump to").get_by_role("link")).to_have_text(["# refunds"])
    await bob.page.keyboard.press("Enter")
    await expect(title).to_have_text("#refunds")
    await bob.page.keyboard.press("Alt+m")
    await expect(bob.page.locator("#composer")).to_be_focused()
    await bob.page.get_by_role("button", name="Keyboard shortcuts").press("Enter")
    await expect(bob.page.get_by_role("dialog", name="Keyboard shortcuts")).to_contain_text("Ctrl + K")
    await bob.page.keyboard.press("Escape")
    await expect(bob.page.get_by_role("dialog")).to_have_count(0)


async def test_the_switcher_is_a_menu(screen: OpenScreen) -> None:
    bob = await screen("bob", "general")
    await bob.page.get_by_role("button", name="You are bob").focus()
    await bob.page.keyboard.press("Enter")
    await expect(bob.page.get_by_role("menuitemradio", name="bob")).to_be_focused()
    await bob.page.keyboard.press("ArrowDown")
    await expect(bob.page.get_by_role("menuitemradio", name="carol")).to_be_focused()
    await bob.page.keyboard.press("Enter")
    await expect(bob.page.get_by_role("button", name="You are carol")).to_be_focused()


async def test_every_control_has_a_name(screen: OpenScreen, bot: TestBot) -> None:
    await bot.post("deploys", "Run deploy?", blocks=CARD)
    bob = await screen("bob")
    await bob.button("Edit").click()
    await expect(bob.form).to_be_visible()
    controls = bob.page.get_by_role("textbox").or_(bob.page.get_by_role("button")).or_(bob.page.get_by_role("combobox"))
    assert await controls.count() > 5
    for control in await controls.all():
        await expect(control).to_have_accessible_name(re.compile(r"\S"))
