"""A real Chromium on the real local workspace: a browser for each worker, a context and a workspace for each test."""

import os
import shutil
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from browser.page_bot import TestBot
from browser.screen import OpenScreen, Screen
from fakes.patience import PATIENCE
from playwright.async_api import Browser, async_playwright

from adapters.localslack import LocalSlack

CHROMIUM = os.environ.get("CHROMIUM", shutil.which("chromium") or "/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    if not os.access(CHROMIUM, os.X_OK):
        missing = f"no Chromium at {CHROMIUM}: install Debian's package `chromium`, or name another in CHROMIUM"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        await chromium.close()


@pytest_asyncio.fixture(loop_scope="session")
async def slack() -> AsyncIterator[LocalSlack]:
    async with LocalSlack(rate_limit=None, ack_timeout=PATIENCE, trigger_seconds=PATIENCE) as workspace:
        yield workspace


@pytest_asyncio.fixture(loop_scope="session")
async def bot(slack: LocalSlack) -> AsyncIterator[TestBot]:
    async with TestBot(slack.environment()) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def screen(browser: Browser, slack: LocalSlack) -> AsyncIterator[OpenScreen]:
    """Open the page as somebody at a channel, any number of times. An error that the page logs fails the test."""
    opened: list[Screen] = []

    async def open_screen(person: str, place: str = "deploys", **context: object) -> Screen:
        made = await Screen.open(browser, slack.url, person, place, **context)
        opened.append(made)
        return made

    yield open_screen
    for each in opened:
        await each.close()
