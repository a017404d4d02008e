"""A card, its buttons, and its form."""

import re

import pytest
from browser.page_bot import CARD, TestBot, button, options, section, text
from browser.screen import OpenScreen, Screen
from fakes.people import wait_until
from playwright.async_api import Browser, Route, expect

from adapters.localslack import LocalSlack

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.promise("P8")
@pytest.mark.usefixtures("bot")
async def test_an_approved_card_changes_for_everybody_and_loses_its_buttons(screen: OpenScreen) -> None:
    alice = await screen("alice")
    await alice.say("@signoff ship billing 2.4.1 to production")
    bob = await screen("bob")
    await bob.page.get_by_role("link", name=re.compile("1 reply")).click()
    await bob.thread.get_by_role("button", name="Approve").click()
    for one in (alice, bob):
        card = one.thread.get_by_role("article", name=re.compile("^signoff"))
        await expect(card).to_contain_text("Approved by @bob")
        await expect(card).to_contain_text("(edited)")
        await expect(card.locator(".actions")).to_have_count(0)


async def test_a_button_is_busy_while_the_bot_is_asked(screen: OpenScreen, bot: TestBot) -> None:
    await bot.post("deploys", "Run deploy?", blocks=CARD)
    bob = await screen("bob")
    held: list[Route] = []
    # A lambda, as Playwright puts a mark on the handler, which a built-in method does not take.
    await bob.page.route("**/people/click", lambda route: held.append(route))  # noqa: PLW0108
    approve = bob.button("Approve")
    await approve.click()
    await expect(approve).to_have_attribute("aria-busy", "true")

    async def asked() -> Route | None:
        return held[0] if held else None

    asking = await wait_until(asked, instead=lambda: "the workspace is not asked")
    await approve.click(force=True)
    assert len(held) == 1
    await asking.continue_()
    await expect(bob.message("Approved")).to_be_visible()


async def test_a_bot_that_does_not_answer_is_said_to(browser: Browser) -> None:
    async with LocalSlack(ack_timeout=0.2) as slack, TestBot(slack.environment()) as bot:
        await bot.post("deploys", "Silent", blocks=[{"type": "actions", "elements": [button("Ask", "nobody_listens")]}])
        bob = await Screen.open(browser, slack.url, "bob", "deploys")
        await bob.button("Ask").click()
        await expect(bob.notices).to_have_text("signoff did not answer within 3 seconds.")
        await expect(bob.button("Ask")).not_to_have_attribute("aria-busy", "true")
        await bob.close()


async def test_a_press_that_the_workspace_refuses_is_said(screen: OpenScreen, bot: TestBot) -> None:
    ts = await bot.post("deploys", "Run deploy?", blocks=CARD)
    bob = await screen("bob")
    await bob.page.route("**/people/click", lambda route: route.abort())
    await bob.button("Approve").click()
    await expect(bob.notices).to_contain_text("The local workspace cannot be reached")
    await bob.page.unroute("**/people/click")
    await expect(bob.page.locator(f'[data-ts="{ts}"]').get_by_role("button", name="Approve")).to_be_visible()


async def test_a_confirmation_is_asked_before_anything_is_sent(screen: OpenScreen, bot: TestBot) -> None:
    await bot.post("deploys", "Run deploy?", blocks=CARD)
    bob = await screen("bob")
    await bob.button("Reject").click()
    ask = bob.page.get_by_role("dialog", name="Reject it?")
    await expect(ask).to_contain_text("The agent hears no.")
    await ask.get_by_role("button", name="Go back").click()
    await expect(bob.button("Reject")).to_be_visible()
    await bob.button("Reject").click()
    await ask.get_by_role("button", name="Yes, reject").click()
    await expect(bob.message("Rejected by @bob")).to_be_visible()


async def test_a_wrong_value_is_shown_at_its_field_and_a_right_one_is_sent(screen: OpenScreen, bot: TestBot) -> None:
    await bot.post("deploys", "Run deploy?", blocks=CARD)
    bob = await screen("bob")
    await bob.button("Edit").click()
    replicas = bob.form.get_by_label("Replicas")
    await replicas.fill("many")
    await bob.form.get_by_label("Note").fill("kept while others are corrected")
    await bob.form.get_by_role("button", name="Approve edited").click()
    await expect(bob.form.get_by_role("alert").filter(has_text="number")).to_have_count(1)
    await expect(replicas).to_be_focused()
    await expect(replicas).to_have_attribute("aria-invalid", "true")
    await expect(replicas).to_have_accessible_description(re.compile("Please enter a number. A whole number, 1 to 20."))

    await replicas.fill("21")
    await replicas.press("Enter")
    await expect(replicas).to_have_accessible_description(re.compile("There are only 20 machines."))

    await replicas.fill("4")
    await bob.form.get_by_label("Environment").select_option("staging")
    await bob.form.get_by_label("smoke").check()
    await bob.form.get_by_label("tonight").check()
    await bob.form.get_by_role("button", name="Approve edited").click()
    await expect(bob.message("Approved with changes by @bob")).to_be_visible()
    await expect(bob.form).to_have_count(0)
    sent = {name: next(iter(entry.values())) for name, entry in bot.submitted[0].items()}
    assert sent["replicas"]["value"] == "4"
    assert sent["environment"]["selected_option"]["value"] == "staging"
    assert [each["value"] for each in sent["checks"]["selected_options"]] == ["smoke"]
    assert sent["when"]["selected_option"]["value"] == "tonight"
    assert sent["note"]["value"] == "kept while others are corrected"


async def test_escape_closes_a_form_and_focus_returns(screen: OpenScreen, bot: TestBot, slack: LocalSlack) -> None:
    await bot.post("deploys", "Run deploy?", blocks=CARD)
    bob = await screen("bob")
    await bob.button("Edit").click()
    await expect(bob.form.get_by_label("Service")).to_be_focused()
    await bob.page.keyboard.press("Escape")
    await expect(bob.form).to_have_count(0)
    await expect(bob.button("Edit")).to_be_focused()
    person = slack.workspace.state.find_person("bob")
    assert person is not None
    assert slack.workspace.views.top(person.id) is None


async def test_what_was_typed_outlives_news_from_the_workspace(screen: OpenScreen, bot: TestBot) -> None:
    await bot.post("deploys", "Run deploy?", blocks=CARD)
    bob = await screen("bob")
    await bob.button("Edit").click()
    note = bob.form.get_by_label("Note")
    await note.press_sequentially("half a sent")
    await bot.post("deploys", "Something else happens")
    await expect(bob.message("Something else happens")).to_have_count(1)
    await expect(note).to_be_focused()
    await note.press_sequentially("ence")
    await expect(note).to_have_value("half a sentence")


async def test_a_choice_in_a_select_or_menu_reaches_the_bot(screen: OpenScreen, bot: TestBot) -> None:
    select = {
        "type": "static_select",
        "action_id": "region",
        "options": options("eu", "us"),
        "placeholder": text("plain_text", "Region"),
    }
    menu = {"type": "overflow", "action_id": "more", "options": options("show", "copy")}
    blocks = [section("Pick", accessory=select), {"type": "actions", "elements": [menu]}]
    await bot.post("deploys", "Pick", blocks=blocks)
    bob = await screen("bob")
    await bob.page.get_by_label("Region").select_option("us")
    await bob.button("More actions").click()
    await bob.page.get_by_role("menuitem", name="copy").click()
    await expect(bob.page.locator("[aria-busy=true]")).to_have_count(0)
    assert [each["selected_option"]["value"] for each in bot.chosen] == ["us", "copy"]


@pytest.mark.promise("P6")
async def test_a_refusal_is_shown_to_one_person_only(screen: OpenScreen, bot: TestBot) -> None:
    bob, carol = await screen("bob"), await screen("carol")
    me = (await bob.page.evaluate("fetch('/people/state?as=bob').then((r) => r.json())"))["me"]["id"]
    await bot.client.chat_postEphemeral(channel=await bot._id("deploys"), user=me, text="You may not decide this.")
    await bot.post("deploys", "For all")
    await expect(bob.message("You may not decide this.")).to_contain_text("Only visible to you")
    await expect(carol.message("For all")).to_be_visible()
    await expect(carol.message("You may not decide this.")).to_have_count(0)


async def test_a_file_can_be_opened_and_downloaded(screen: OpenScreen, bot: TestBot) -> None:
    await bot.client.files_upload_v2(
        channel=await bot._id("deploys"), content="x" * 12_345, filename="arguments.json", initial_comment="All of it"
    )
    bob = await screen("bob")
    card = bob.page.locator(".file")
    await expect(card).to_contain_text("12 kB")
    async with bob.page.expect_download() as waiting:
        await card.get_by_role("link", name="Download arguments.json").click()
    download = await waiting.value
    assert (await download.path()).read_text() == "x" * 12_345


async def test_a_reply_that_is_broadcast_stands_in_the_channel_and_leads_to_its_thread(
    screen: OpenScreen, bot: TestBot
) -> None:
    root = await bot.post("deploys", "who ships *billing*?")
    await bot.post("deploys", "Run deploy?", blocks=CARD, thread_ts=root, reply_broadcast=True)
    bob = await screen("bob")
    card = bob.messages.filter(has_text="Run deploy?")
    await expect(card).to_have_count(1)
    await expect(card.locator(".broadcast")).to_have_text("Replied to a thread: who ships billing?")
    await card.get_by_role("link", name="a thread").click()
    replied = bob.thread.get_by_role("article").filter(has_text="Run deploy?")
    await expect(replied.locator(".broadcast")).to_have_text("Also sent to the channel")
