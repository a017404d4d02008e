"""Who one is, where one looks, and saying things."""

import re

import pytest
from browser.page_bot import TestBot
from browser.screen import OpenScreen
from playwright.async_api import expect

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_what_one_person_says_the_other_sees(screen: OpenScreen) -> None:
    alice, bob = await screen("alice", "general"), await screen("bob", "general")
    await alice.say("Lunch?")
    await expect(bob.message("Lunch?").locator(".name")).to_have_text("alice")
    await expect(alice.page.locator("#composer")).to_have_value("")


async def test_a_member_is_chosen_for_this_tab_and_stays_after_a_reload(screen: OpenScreen) -> None:
    tab = await screen("alice", "general")
    await tab.page.get_by_role("button", name="You are alice").click()
    await tab.page.get_by_role("menuitemradio", name="carol").click()
    await tab.say("It is carol who speaks")
    await expect(tab.message("It is carol").locator(".name")).to_have_text("carol")
    await expect(tab.page).to_have_url(re.compile(r"\?as=carol#/general"))
    await tab.page.goto(tab.url)
    await expect(tab.page.get_by_role("button", name="You are carol")).to_be_visible()


async def test_a_name_that_nobody_has_falls_back_and_says_so(screen: OpenScreen) -> None:
    tab = await screen("mallory", "general")
    await expect(tab.notices).to_have_text(re.compile("Nobody here is called “mallory”. You are alice."))


async def test_a_message_elsewhere_shows_as_unread_until_it_is_looked_at(screen: OpenScreen) -> None:
    alice, bob = await screen("alice", "general"), await screen("bob", "refunds")
    await alice.say("News")
    link = bob.page.get_by_role("link", name="general 1 unread")
    await expect(link).to_be_visible()
    await expect(bob.page).to_have_title(re.compile(r"^\(1\) "))
    await link.click()
    await expect(bob.message("News")).to_be_visible()
    await expect(bob.page.get_by_role("link", name="general", exact=True)).not_to_have_class(re.compile("unread"))


async def test_names_are_completed_while_typing(screen: OpenScreen) -> None:
    alice = await screen("alice", "general")
    field = alice.page.locator("#composer")
    await field.press_sequentially("Hello @bo")
    await expect(alice.page.get_by_role("option", name="bob")).to_have_count(1)
    await field.press("Enter")
    await expect(field).to_have_value("Hello @bob ")
    await field.press_sequentially("see #dep")
    await expect(alice.page.get_by_role("option", name="#deploys")).to_have_count(1)
    await field.press("Tab")
    await expect(field).to_have_value("Hello @bob see #deploys ")
    await field.press("Enter")
    message = alice.message("Hello")
    await expect(message.locator(".mention")).to_have_text(["@bob", "#deploys"])
    await message.get_by_role("link", name="#deploys").click()
    await expect(alice.page.locator("#title")).to_have_text("#deploys")


async def test_a_user_group_is_shown_by_its_handle_and_completed(screen: OpenScreen, bot: TestBot) -> None:
    """As its members see it, too; one that is not there any more is shown by what the message calls it."""
    await bot.post("general", "ask <!subteam^S0SRE> or <!subteam^S0GONE|@gone>")
    for name, classes in (("bob", "mention me"), ("carol", "mention")):
        mentions = (await screen(name, "general")).messages.last.locator(".mention")
        await expect(mentions).to_have_text(["@sre", "@gone"])
        await expect(mentions.first).to_have_attribute("class", classes)
    carol = await screen("carol", "general")
    field = carol.page.locator("#composer")
    await field.press_sequentially("ask @pay")
    await expect(carol.page.get_by_role("option")).to_have_text(["@payments (Payments)"])
    await field.press("Enter")
    await expect(field).to_have_value("ask @payments ")
    await field.press("Enter")
    await expect(carol.messages.last.locator(".mention")).to_have_text(["@payments"])


async def test_shift_enter_starts_a_new_line_and_a_draft_waits_in_its_channel(screen: OpenScreen) -> None:
    alice = await screen("alice", "general")
    field = alice.page.locator("#composer")
    await field.press_sequentially("one")
    await field.press("Shift+Enter")
    await field.press_sequentially("two")
    await alice.page.get_by_role("link", name="refunds").click()
    await expect(field).to_have_value("")
    await alice.page.get_by_role("link", name="general").click()
    await expect(field).to_have_value("one\ntwo")
    await expect(alice.messages).to_have_count(0)


@pytest.mark.usefixtures("bot")
async def test_a_hint_tells_what_to_try_and_fills_the_message_box(screen: OpenScreen) -> None:
    alice = await screen("alice", "deploys")
    await alice.page.get_by_role("button", name="@signoff ship billing 2.4.1 to production").click()
    await expect(alice.page.locator("#composer")).to_be_focused()
    await expect(alice.page.locator("#composer")).to_have_value("@signoff ship billing 2.4.1 to production")
    await alice.page.keyboard.press("Enter")
    await expect(alice.thread.get_by_role("button", name="Approve")).to_be_visible()
    await expect(alice.messages.locator(".thread-link")).to_contain_text("1 reply")
    await expect(alice.messages.locator(".thread-link")).not_to_contain_text("new")


@pytest.mark.parametrize(("place", "hint"), [("refunds", "order 1042"), ("signoff", "plan a trip")])
async def test_each_agent_has_a_hint(screen: OpenScreen, place: str, hint: str) -> None:
    alice = await screen("alice", place)
    await expect(alice.page.locator(".try-text")).to_contain_text(hint)


async def test_a_thread_opens_by_its_link_and_takes_replies(screen: OpenScreen, bot: TestBot) -> None:
    ts = await bot.post("general", "Where to?")
    bob = await screen("bob", f"general/{ts}")
    await expect(bob.thread.get_by_role("article")).to_have_count(1)
    reply = bob.thread.get_by_label("Reply in the thread")
    await reply.fill("To Lisbon")
    await reply.press("Enter")
    await expect(bob.thread.get_by_role("article").last).to_contain_text("To Lisbon")
    await expect(bob.messages).to_have_count(1)
    await expect(bob.messages.get_by_role("link", name=re.compile("1 reply"))).to_be_visible()
    await bob.page.keyboard.press("Escape")
    await expect(bob.thread).to_be_hidden()


async def test_words_for_one_person_alone_are_no_reply(screen: OpenScreen, bot: TestBot) -> None:
    ts = await bot.post("general", "Where to?")
    await bot.post("general", "Here.", thread_ts=ts)
    bob = await screen("bob", f"general/{ts}")
    await expect(bob.thread.get_by_role("article")).to_have_count(2)
    me = await bob.page.evaluate("fetch('/people/state?as=bob').then((reply) => reply.json()).then((all) => all.me.id)")
    await bot.client.chat_postEphemeral(channel=await bot._id("general"), user=me, text="For bob.", thread_ts=ts)
    await expect(bob.thread.get_by_role("article")).to_have_count(3)
    await expect(bob.thread).to_contain_text("1 reply")
    await expect(bob.messages.get_by_role("link", name=re.compile("1 reply"))).to_be_visible()


async def test_a_permalink_of_slack_opens_its_thread(screen: OpenScreen, bot: TestBot) -> None:
    ts = await bot.post("general", "Where to?")
    channel = await bot._id("general")
    bob = await screen("bob", "general")
    await bob.page.goto(f"{bob.url}/archives/{channel}/p{ts.replace('.', '')}")
    await expect(bob.thread.get_by_role("article")).to_contain_text("Where to?")
    await expect(bob.page).to_have_url(re.compile(rf"/\?as=bob#/general/{re.escape(ts)}"))


async def test_a_slash_command_is_answered_to_its_author_alone(screen: OpenScreen, bot: TestBot) -> None:
    alice, bob = await screen("alice", "general"), await screen("bob", "general")
    await alice.say("/signoff pending of mine")
    answer = alice.message("Nothing waits for you.")
    await expect(answer).to_contain_text("Only visible to you")
    assert bot.commands == ["pending of mine"]
    await bob.say("I see nothing")
    await expect(bob.messages).to_have_count(1)


@pytest.mark.usefixtures("bot")
async def test_home_is_asked_for_when_it_is_opened(screen: OpenScreen) -> None:
    alice = await screen("alice", "general")
    await alice.page.get_by_role("link", name="signoff Home").click()
    await expect(alice.page.get_by_role("heading", name="Waiting for you")).to_be_visible()
