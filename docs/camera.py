"""Takes pictures of the real page: each is a short scene in a fresh local workspace, with the bot and a Redis.

A script of scenes makes an `Album`, and decorates each scene with its `picture`. What a scene ends with is photographed
under the scene's name.

The words of each picture are kept in `docs/images/words.json`. A test fails when the code does not say one of its
`sentences` any more: the picture is out of date then. A picture whose words are the same as before is left as it is,
since the times in it would change each time. Delete a picture to have it taken in any case.
"""

import argparse
import asyncio
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis
from playwright.async_api import Browser, Page, async_playwright

ROOT = Path(__file__).parent.parent
IMAGES = ROOT / "docs" / "images"
WORDS = IMAGES / "words.json"
GRAPHS = ROOT / "tests" / "stories" / "graphs"
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from fakes.people import Message, PeopledSlack  # noqa: E402 - the tests' own way to act as people
from stories import policies_page  # noqa: E402 - likewise
from stories.outside import outside  # noqa: E402 - likewise
from stories.world import GRAPH_STATES, World, agent  # noqa: E402 - likewise
from support.said import is_said  # noqa: E402 - likewise

from adapters.redis import embedded  # noqa: E402 - likewise

__all__ = ["IMAGES", "ROOT", "Album", "Message", "Scene", "agent", "outside", "photograph", "policies_page"]

_CHANGING = re.compile(r"((today|tomorrow|[A-Z][a-z]{2} \d+, \d{4}) at )?\d\d:\d\d [AP]M|\b[0-9a-f]{8}\b")
_WORDS = """() => [...document.querySelectorAll("#messages .content, #thread-messages .content, dialog[open]")]
    .flatMap(shown => shown.innerText.split("\\n"))"""


async def photograph(page: Page, name: str) -> None:
    """Take a picture of a page into `docs/images`, unless there is one with the same words."""
    await page.wait_for_load_state("networkidle")
    kept = json.loads(WORDS.read_text(encoding="utf-8"))
    words = _sorted_out(_CHANGING.sub("…", line) for line in await page.evaluate(_WORDS))
    file = IMAGES / f"{name}.png"
    if file.exists() and kept.get(name) == words:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=file)
    WORDS.write_text(json.dumps({**kept, name: words}, indent=1, ensure_ascii=False, sort_keys=True) + "\n", "utf-8")


def _sorted_out(lines: Iterable[str]) -> dict[str, list[str]]:
    """Tell the sentences of our own code from what agents and people say, and from names of fields."""
    parts = sorted({part.strip() for line in lines for part in line.split(" · ") if part.strip()})
    return {
        "sentences": [part for part in parts if is_said(part)],
        "others": [part for part in parts if not is_said(part)],
    }


@dataclass(slots=True)
class Scene:
    """A world with the bot, and somebody's page on it."""

    world: World
    browser: Browser
    page_of: str
    pages: list[Page] = field(default_factory=list)

    @property
    def page(self) -> Page:
        """The page that was opened last."""
        return self.pages[-1]

    async def start(self, name: str, graph: str, **more: Any) -> None:
        """Start the bot with an agent of this name in #deploys and direct messages; `more` is what app.yaml may say."""
        known = {"channels": ["#deploys"], "direct_messages": True, **GRAPH_STATES.get(graph, {}), **more}
        await self.world.start(agents={name: agent(graph, **known)})

    async def show(
        self, person: str, message: Message, *, root: bool = False, height: int = 720, working: bool = False
    ) -> Page:
        """Open the page as somebody, on the thread that a message stands in; `root`: on its channel.

        All work is waited for first, unless the agent is to be seen `working`.
        """
        if not working:
            await self.world.at_rest()
        where = message.channel if root else f"{message.channel}/{message.thread_ts}"
        context = await self.browser.new_context(viewport={"width": 1180, "height": height}, reduced_motion="reduce")
        self.pages.append(await context.new_page())
        await self.page.goto(f"{self.world.slack.url}/?as={person}#/{where}")
        await self.page.locator("#status[data-state=live]").wait_for(state="attached")
        return self.page

    async def press(self, name: str) -> None:
        """Press the last button of that name."""
        await self.page.get_by_role("button", name=name, exact=True).last.click()

    async def photograph(self, name: str) -> None:
        """Take a picture now; the last one is taken without being asked for."""
        await photograph(self.page, f"{self.page_of}/{name}")


Play = Callable[[Scene], Awaitable[None]]


@dataclass(slots=True)
class Album:
    """The scenes of one page of docs/, by the page's name."""

    page_of: str
    scenes: dict[str, Play] = field(default_factory=dict)

    def picture(self, play: Play) -> Play:
        """Photograph what a scene ends with, under the scene's name."""
        self.scenes[getattr(play, "__name__", "")] = play
        return play

    def take(self, about: str | None) -> None:
        """Take the pictures that the command line names, all of them where it names none."""
        parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("names", nargs="*", choices=[[], *self.scenes], metavar="NAME", help=", ".join(self.scenes))
        parser.add_argument("--chromium", default="/usr/bin/chromium")
        arguments = parser.parse_args()
        asyncio.run(self._take(arguments.names or list(self.scenes), arguments.chromium))

    async def _take(self, names: list[str], chromium: str) -> None:
        with tempfile.TemporaryDirectory() as folder, embedded.running_sync(Path(folder)) as redis_url:
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(
                    executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
                )
                for name in names:
                    await self._play(name, browser, redis_url)
                await browser.close()

    async def _play(self, name: str, browser: Browser, redis_url: str) -> None:
        """Play one scene in a workspace and a Redis of its own, and photograph its end."""
        with redis.Redis.from_url(redis_url) as client:
            client.flushall()
        outside.forget()
        with tempfile.TemporaryDirectory() as made:
            folder = Path(made)
            for graph in GRAPHS.glob("*.py"):
                shutil.copy(graph, folder)
            async with PeopledSlack(data=folder / "slack", rate_limit=None) as slack:
                scene = Scene(World(folder, slack, redis_url), browser, self.page_of)
                try:
                    await self.scenes[name](scene)
                    await scene.photograph(name)
                finally:
                    for page in scene.pages:
                        await page.context.close()
                    await scene.world.stop()
