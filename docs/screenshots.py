"""Takes the README's pictures: `python docs/screenshots.py`.

It plays a short scene in a fresh demo, as people would, and photographs it in Chromium. With the address of a demo
(`python docs/screenshots.py http://127.0.0.1:8484`) it takes them there.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import camera
from fakes.people import People
from playwright.async_api import Page, async_playwright


async def scene(people: People) -> str:
    """Some deployments; the last one waits. Gives its thread."""
    alice, bob, carol = map(people.person, ("alice", "bob", "carol"))
    await carol.say("#deploys", "@signoff status of billing")
    await alice.expect_message("#deploys", containing="billing")
    await carol.say("#deploys", "@signoff ship search 3.0.0 to staging")
    card = await bob.expect_card("#deploys", containing="search")
    await card.click("Approve")
    await card.becomes("Approved by", buttons=[])
    await bob.say("#deploys", "The freeze is lifted, go ahead.")
    asked = await alice.say("#deploys", "@signoff ship billing 2.4.1 to production")
    await bob.expect_card("#deploys", containing="billing 2.4.1")
    return asked.ts


async def photograph(page: Page, thread: str, url: str) -> None:
    """The card, the form with a wrong value, and the card after it."""
    await page.goto(f"{url}/?as=bob#/deploys/{thread}")
    await page.get_by_role("button", name="Approve").last.wait_for()
    await camera.photograph(page, "demo")
    await page.get_by_role("button", name="Edit").last.click()
    await page.get_by_label("replicas").fill("99")
    await page.get_by_role("button", name="Approve with changes").click()
    await page.get_by_text("This must be at most 20").wait_for()
    await camera.photograph(page, "edit")
    await page.get_by_label("replicas").fill("5")
    await page.get_by_role("button", name="Approve with changes").click()
    await page.get_by_text("is live in production").last.wait_for()
    await page.emulate_media(color_scheme="dark")
    await camera.photograph(page, "approved")


@asynccontextmanager
async def fresh_demo() -> AsyncIterator[str]:
    """Run a demo of its own, which keeps nothing, and give its address."""
    with tempfile.TemporaryDirectory() as data:
        command = [sys.executable, "-m", "bot", "demo", "--no-browser", "--port", "0", "--data", data]
        process = await asyncio.create_subprocess_exec(
            *command, cwd=camera.ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            yield await _address(process)
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


async def _address(process: asyncio.subprocess.Process) -> str:
    """Read until the demo says where it is."""
    if process.stdout is not None:
        async for line in process.stdout:
            word, _, address = line.decode().strip().partition(" ")
            if word == "ready":
                return address
    raise SystemExit("The demo did not start. `signoff demo` says why.")


async def main(url: str | None, chromium: str) -> None:
    """Play the scene and take the pictures."""
    if url is None:
        async with fresh_demo() as made:
            await main(made, chromium)
        return
    async with People(url) as people, async_playwright() as playwright:
        thread = await scene(people)
        browser = await playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        await photograph(await browser.new_page(viewport={"width": 1280, "height": 800}), thread, url)
        await browser.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", nargs="?")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    arguments = parser.parse_args()
    asyncio.run(main(arguments.url, arguments.chromium))
