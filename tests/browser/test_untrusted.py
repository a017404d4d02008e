"""What an agent, or a person, writes is text: it never becomes markup, a broadcast, or a disguise."""

import pytest
from browser.page_bot import TestBot, button, section, text
from browser.screen import OpenScreen
from playwright.async_api import expect

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOSTILE = "<img src=x onerror=alert(1)>"
ESCAPED = "&lt;img src=x onerror=alert(1)&gt; &lt;!channel&gt;"


async def test_hostile_text_stays_text_in_every_block(screen: OpenScreen, bot: TestBot) -> None:
    rich = {"type": "rich_text_section", "elements": [{"type": "text", "text": HOSTILE}]}
    blocks = [
        {"type": "header", "text": text("plain_text", HOSTILE)},
        section(f"{ESCAPED}\n```{ESCAPED}``` `{ESCAPED}` *{ESCAPED}*"),
        {"type": "section", "fields": [text("mrkdwn", ESCAPED), text("plain_text", HOSTILE)]},
        {"type": "context", "elements": [text("mrkdwn", ESCAPED)]},
        {"type": "rich_text", "elements": [rich]},
        {"type": "markdown", "text": f"{HOSTILE}\n\n- {HOSTILE}\n\n```\n{HOSTILE}\n```"},
        {"type": "actions", "elements": [button(HOSTILE, "approve")]},
        {"type": "image", "alt_text": HOSTILE, "image_url": "https://example.com/a.png"},
    ]
    await bot.post("deploys", ESCAPED, blocks=blocks)
    bob = await screen("bob")
    message = bob.messages.first
    # section 4, fields 2, and one each; markdown 3.
    assert (await message.inner_text()).count(HOSTILE) == 14
    assert await message.locator("img, script, iframe").count() == 0
    assert (await message.locator(".mention").count()) == 0


async def test_what_a_person_types_is_shown_as_typed(screen: OpenScreen) -> None:
    bob = await screen("bob", "general")
    await bob.say(f"{HOSTILE} &amp; <b>")
    await expect(bob.messages.first.locator(".content")).to_have_text(f"{HOSTILE} &amp; <b>")


async def test_characters_that_reorder_or_hide_are_made_visible(screen: OpenScreen, bot: TestBot) -> None:
    await bot.post("general", "pay \u202e001\u202c to b\u200bob")
    bob = await screen("bob", "general")
    await expect(bob.messages.first.locator(".disguise")).to_have_text(["U+202E", "U+202C", "U+200B"])


async def test_a_link_cannot_pretend_to_lead_elsewhere_or_run(screen: OpenScreen, bot: TestBot) -> None:
    await bot.post("general", "<https://evil.example/x|https://bank.example/login> <https://evil.example|our page>")
    await bot.post("general", "click", blocks=[{"type": "markdown", "text": "[click](javascript:alert(1))"}])
    bob = await screen("bob", "general")
    links = bob.messages.first.locator(".content a")
    await expect(links).to_have_text(["https://bank.example/login (evil.example)", "our page"])
    assert await links.first.get_attribute("rel") == "noopener noreferrer nofollow"
    await expect(bob.messages.last).to_contain_text("click")
    assert await bob.messages.last.locator(".content a").count() == 0


async def test_formatting_is_drawn(screen: OpenScreen, bot: TestBot) -> None:
    await bot.post("general", "*bold* _it_ ~no~ `a*b*c` snake_case_name 2*3*4 :x: :unknown_thing:\n&gt; quoted\n• item")
    bob = await screen("bob", "general")
    content = bob.messages.first.locator(".content")
    for tag, words in {
        "strong": "bold",
        "em": "it",
        "s": "no",
        "code": "a*b*c",
        "blockquote": "quoted",
        "li": "item",
    }.items():
        await expect(content.locator(tag)).to_have_text([words])
    await expect(content.get_by_role("img", name="x", exact=True)).to_be_visible()
    await expect(content).to_contain_text("snake_case_name 2*3*4")
    await expect(content).to_contain_text(":unknown_thing:")


async def test_an_escaped_mark_is_the_character_itself(screen: OpenScreen, bot: TestBot) -> None:
    """So an agent's words are sent where only Markdown can be: they mark nothing."""
    words = r"\*\*not bold\*\* \`no code\` \[no link\](https\://a.example) \@all **bold \* still** \\ `\*`"
    await bot.post("general", "escaped", blocks=[{"type": "markdown", "text": words}])
    message = (await screen("bob", "general")).messages.first
    shown = r"**not bold** `no code` [no link](https://a.example) @all bold * still \ \*"
    await expect(message.locator(".block")).to_have_text(shown)
    await expect(message.locator("strong")).to_have_text("bold * still")
    await expect(message.locator("code")).to_have_text(r"\*")
    assert await message.locator(".content a").count() == 0


async def test_plain_text_without_emoji_is_shown_letter_by_letter(screen: OpenScreen, bot: TestBot) -> None:
    words = {"type": "plain_text", "text": ":x: &amp;lt;b&amp;gt; *no*", "emoji": False}
    await bot.post("general", "plain", blocks=[{"type": "header", "text": words}])
    bob = await screen("bob", "general")
    await expect(bob.page.get_by_role("article").get_by_role("heading")).to_have_text(":x: &lt;b&gt; *no*")


async def test_a_block_that_is_not_known_is_said(screen: OpenScreen) -> None:
    bob = await screen("bob", "general")
    words = await bob.page.evaluate(
        """async () => {
            const { blocks } = await import("/page/blocks.js");
            const surface = { name: "x", address: {} };
            const dial = { type: "section", accessory: { type: "dial" } };
            const strange = [{ type: "hologram" }, { type: "constructor" }, null, dial];
            return blocks(strange, surface).map((node) => node.textContent);
        }"""
    )
    assert words == [
        "A block of type “hologram” is not shown here.",
        "A block of type “constructor” is not shown here.",
        "A block of type “none” is not shown here.",
        "An element of type “dial” is not shown here.",
    ]


async def test_nothing_is_loaded_from_elsewhere(screen: OpenScreen, bot: TestBot) -> None:
    image = {"type": "image", "alt_text": "A chart", "image_url": "https://example.com/a.png"}
    await bot.post("general", "pictures", blocks=[image, section("x", accessory=image)])
    bob = await screen("bob", "general")
    asked: list[str] = []
    bob.page.on("request", lambda request: asked.append(request.url))
    await bob.page.reload()
    await expect(bob.page.get_by_role("img", name="A chart")).to_have_count(2)
    assert asked
    assert [url for url in asked if not url.startswith((bob.url, bob.url.replace("http", "ws")))] == []
