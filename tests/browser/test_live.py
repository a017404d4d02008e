"""The live connection, and a redraw that leaves alone what did not change."""

from pathlib import Path

import pytest
from browser.page_bot import CARD, TestBot, section
from browser.screen import OpenScreen, Screen
from fakes.patience import PATIENCE
from playwright.async_api import Browser, expect

from adapters.localslack import LocalSlack

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_page_comes_back_after_the_server_restarts(browser: Browser, tmp_path: Path) -> None:
    async with LocalSlack(data=tmp_path, ack_timeout=PATIENCE) as first, TestBot(first.environment()):
        port = int(first.url.rsplit(":", 1)[1])
        bob = await Screen.open(browser, first.url, "bob", "general")
        await bob.say("before")
        await expect(bob.message("before")).to_be_visible()
    status = bob.page.locator("#status")
    await expect(status).to_have_text("Connection lost. Trying again…")
    await bob.say("said into the void")
    await expect(bob.notices).to_contain_text("cannot be reached")
    await expect(bob.page.locator("#composer")).to_have_value("said into the void")
    async with LocalSlack(data=tmp_path, port=port, ack_timeout=PATIENCE):
        await expect(status).to_have_text("Connected")
        await expect(bob.message("before")).to_be_visible()
        await bob.page.locator("#composer").press("Enter")
        await expect(bob.message("said into the void")).to_be_visible()
        await bob.close()


async def test_a_redraw_keeps_nodes_focus_and_drafts(screen: OpenScreen, bot: TestBot) -> None:
    kept = await bot.post("deploys", "Kept", blocks=CARD)
    changed = await bot.post("deploys", "Old words", blocks=CARD)
    bob = await screen("bob")
    await bob.page.locator("#composer").fill("a draft")
    row = bob.page.locator(f'[data-ts="{kept}"]')
    await row.evaluate("(node) => { node.witness = 'the same node'; }")
    await bob.page.locator(f'[data-ts="{changed}"]').get_by_role("button", name="Edit").focus()
    blocks = [section("New words"), *CARD]
    await bot.client.chat_update(channel=await bot._id("deploys"), ts=changed, text="New words", blocks=blocks)
    await expect(bob.message("New words")).to_be_visible()
    assert await row.evaluate("(node) => node.witness") == "the same node"
    await expect(bob.page.locator(f'[data-ts="{changed}"]').get_by_role("button", name="Edit")).to_be_focused()
    await expect(bob.page.locator("#composer")).to_have_value("a draft")


async def test_a_new_message_is_in_view_when_one_reads_at_the_foot(screen: OpenScreen, bot: TestBot) -> None:
    for number in range(30):
        await bot.post("general", f"line {number}")
    bob = await screen("bob", "general")
    await expect(bob.message("line 29")).to_be_in_viewport()
    await bot.post("general", "the newest")
    await expect(bob.message("the newest")).to_be_in_viewport()


async def test_a_thousand_messages_are_drawn_once(screen: OpenScreen) -> None:
    """A state that changed nothing touches no node, however long the list."""
    bob = await screen("bob", "general")
    touched = await bob.page.evaluate(
        """async () => {
            const { store, changed } = await import("/page/state.js");
            const channel = store.workspace.channels.find((each) => each.name.endsWith("general"));
            channel.messages = Array.from({ length: 1000 }, (_, n) =>
                ({ ts: `${1700000000 + n}.000100`, user: "U1", name: "alice", text: `message ${n}`, blocks: [] }));
            changed();
            const list = document.querySelector("#messages");
            let touched = 0;
            const watch = new MutationObserver((records) => { touched += records.length; });
            watch.observe(list, { childList: true, subtree: true });
            store.workspace = structuredClone(store.workspace);
            changed();
            const twice = store.workspace.channels.find((each) => each.name.endsWith("general"));
            twice.messages[500].text = "changed";
            changed();
            touched += watch.takeRecords().length;
            return [list.querySelectorAll("article").length, touched];
        }"""
    )
    assert touched == [1000, 1]
