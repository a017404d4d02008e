"""Light and dark, wide and narrow, and colours that can be read."""

import re
from pathlib import Path
from typing import Any

import pytest
from browser.page_bot import CARD, TestBot
from browser.screen import OpenScreen
from playwright.async_api import expect

from adapters.localslack.server import PAGE

browser_test = pytest.mark.asyncio(loop_scope="session")

# (text or line, what it stands on): pairs that the style sheets lay over one another.
TEXT = [
    ("ink", "paper"),
    ("ink", "paper-2"),
    ("ink", "paper-3"),
    ("ink", "accent-soft"),
    ("ink-2", "paper"),
    ("ink-2", "paper-2"),
    ("ink-2", "paper-3"),
    ("ink-2", "accent-soft"),
    ("rail-ink", "rail"),
    ("rail-ink", "rail-here"),
    ("on-fill", "rail-here"),
    ("side-ink", "side"),
    ("side-ink", "side-here"),
    ("side-strong", "side"),
    ("side-strong", "side-here"),
    ("accent", "paper"),
    ("accent", "accent-soft"),
    ("on-fill", "accent-fill"),
    ("on-fill", "danger-fill"),
    ("danger", "paper"),
    ("danger", "paper-2"),
    ("danger", "danger-soft"),
    ("link", "paper"),
    ("link", "paper-2"),
    ("link", "mention-soft"),
    ("me", "me-soft"),
    ("code", "paper-2"),
]
LINES = [("outline", "paper"), ("outline", "paper-2"), ("focus", "paper"), ("focus", "side"), ("on-fill", "rail")]
_ONE_OR_TWO = re.compile(r"--([\w-]+): (?:light-dark\((#\w{6}), (#\w{6})\)|(#\w{6}));")


def colours(theme: int) -> dict[str, str]:
    css = Path(PAGE / "theme.css").read_text(encoding="utf-8")
    return {name: (light, dark)[theme] or both for name, light, dark, both in _ONE_OR_TWO.findall(css)}


def luminance(colour: str) -> float:
    """Source: https://www.w3.org/TR/WCAG21/#dfn-relative-luminance."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_and_outlines_stand_out_enough(theme: int) -> None:
    found = colours(theme)
    weak = {
        f"{front} on {back}": round(contrast(found[front], found[back]), 2)
        for pairs, least in ((TEXT, 4.5), (LINES, 3.0))
        for front, back in pairs
        if contrast(found[front], found[back]) < least
    }
    assert weak == {}


def test_initials_stand_out_on_every_avatar() -> None:
    css = Path(PAGE / "theme.css").read_text(encoding="utf-8")
    fills = re.findall(r"\.(?:colour-\d|avatar\.bot) \{ background: (#\w{6})", css)
    assert len(fills) == 7
    assert [fill for fill in fills if contrast("#ffffff", fill) < 4.5] == []


@browser_test
@pytest.mark.parametrize(("scheme", "paper"), [("light", "rgb(255, 255, 255)"), ("dark", "rgb(23, 25, 28)")])
async def test_the_theme_follows_the_system_until_one_is_chosen(screen: OpenScreen, scheme: Any, paper: str) -> None:
    bob = await screen("bob", "general", color_scheme=scheme)
    await expect(bob.page.locator("body")).to_have_css("background-color", paper)
    await bob.page.get_by_role("button", name=re.compile("Use the (dark|light) theme")).click()
    await expect(bob.page.locator("body")).not_to_have_css("background-color", paper)
    await bob.page.reload()
    await expect(bob.messages).to_have_count(0)
    await expect(bob.page.locator("body")).not_to_have_css("background-color", paper)


@browser_test
async def test_a_narrow_screen_shows_one_column_at_a_time(screen: OpenScreen, bot: TestBot) -> None:
    ts = await bot.post("general", "Run deploy?", blocks=CARD)
    bob = await screen("bob", "deploys", viewport={"width": 400, "height": 740})
    await expect(bob.page.locator("#sidebar")).to_be_hidden()
    menu = bob.page.get_by_role("button", name="Channels and people")
    await menu.click()
    await expect(bob.page.get_by_role("link", name="deploys")).to_be_focused()
    await bob.page.keyboard.press("Escape")
    await expect(menu).to_be_focused()
    await menu.click()
    await bob.page.get_by_role("link", name=re.compile("^general")).click()
    await expect(bob.page.locator("#sidebar")).to_be_hidden()
    await bob.button("Approve").scroll_into_view_if_needed()
    await bob.message("Run deploy?").focus()
    await bob.page.keyboard.press("Enter")
    await expect(bob.thread).to_be_visible()
    box = await bob.thread.bounding_box()
    assert box is not None
    assert (box["x"], box["width"]) == (0, 400)
    assert await bob.page.evaluate("document.documentElement.scrollWidth") == 400
    await bob.page.get_by_role("button", name="Close the thread").click()
    await expect(bob.page.locator(f'#messages [data-ts="{ts}"]')).to_be_visible()
