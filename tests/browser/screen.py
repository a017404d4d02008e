"""What a person sees and does in the page, in words of the page: cards, threads, forms, notices.

Whatever waits for the page has `PATIENCE`, and a notice stays as long: on a busy machine it could be gone before a test
looks at it.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any, Self

from fakes.patience import PATIENCE
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect

_MILLISECONDS = PATIENCE * 1_000
expect.set_options(timeout=_MILLISECONDS)

# `page/toast.js` takes an error away after ten seconds; nothing else in the page waits as long.
_NOTICES_STAY = f"""
    const wait = window.setTimeout;
    window.setTimeout = (act, ms, ...more) => wait(act, ms === 10000 ? {_MILLISECONDS:.0f} : ms, ...more);
"""

# What a browser says by itself when a request fails; the page shows each such failure as a notice.
_EXPECTED = re.compile(r"Failed to load resource|WebSocket connection to|net::ERR_CONNECTION")


class Screen:
    """One browser tab on the workspace, in a context of its own."""

    def __init__(self, context: BrowserContext, page: Page, url: str) -> None:
        self.context = context
        self.page = page
        self.url = url
        self.errors: list[str] = []

    @classmethod
    async def open(cls, browser: Browser, url: str, person: str, place: str, **options: Any) -> Self:
        """Open the page as `person` at a channel; `options` are the browser context's."""
        options.setdefault("viewport", {"width": 1280, "height": 800})
        options.setdefault("reduced_motion", "reduce")
        context = await browser.new_context(**options)
        page = await context.new_page()
        page.set_default_timeout(_MILLISECONDS)
        await page.add_init_script(_NOTICES_STAY)
        screen = cls(context, page, url)
        page.on("pageerror", lambda error: screen.errors.append(str(error)))
        page.on("console", screen._heard)
        await page.goto(f"{url}/?as={person}#/{place}")
        await expect(page.locator("#status")).to_have_attribute("data-state", "live")
        return screen

    async def close(self) -> None:
        await self.context.close()
        assert self.errors == []

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not _EXPECTED.search(message.text):
            self.errors.append(message.text)

    @property
    def messages(self) -> Locator:
        """The channel's messages."""
        return self.page.locator("#messages article")

    @property
    def thread(self) -> Locator:
        """The thread panel."""
        return self.page.get_by_role("complementary", name="Thread")

    @property
    def form(self) -> Locator:
        """The open modal."""
        return self.page.locator("dialog#modal")

    @property
    def notices(self) -> Locator:
        return self.page.locator("#toasts .toast")

    async def say(self, text: str) -> None:
        """Type into the channel's composer and press Enter, as a person does."""
        await self.page.locator("#composer").fill(text)
        await self.page.locator("#composer").press("Enter")

    def message(self, text: str | re.Pattern[str]) -> Locator:
        """A message of the channel by what it says."""
        return self.messages.filter(has_text=text)

    def button(self, name: str) -> Locator:
        """A button of a card, by its whole name."""
        return self.page.locator("article").get_by_role("button", name=name, exact=True)

    async def focused(self) -> str:
        """The text or name of what has focus."""
        words = await self.page.evaluate(
            "() => { const e = document.activeElement;"
            " return e.getAttribute('aria-label') || e.innerText || e.id || e.tagName; }"
        )
        return str(words)

    async def tab_to(self, name: str, key: str = "Tab", most: int = 60) -> None:
        """Press Tab until the element of that name has focus."""
        seen = []
        for _ in range(most):
            await self.page.keyboard.press(key)
            seen.append((await self.focused()).strip())
            if seen[-1] == name:
                return
        raise AssertionError(f"{most} times {key} never reached {name!r}; it went over {seen}")


OpenScreen = Callable[..., Awaitable[Screen]]
