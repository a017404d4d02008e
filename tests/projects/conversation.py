"""A conversation with a sample project in `signoff demo`: alice asks, bob decides, the graph acts and replies."""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pytest
from fakes.patience import PATIENCE
from fakes.people import Message, People, wait_until

from bot.commands.demo import demo_config
from bot.config.settings import Config

SAMPLES = Path(__file__).parent / "samples"
SIGNOFF = Path(sys.executable).with_name("signoff")


@dataclass(frozen=True, slots=True)
class Talk:
    """What alice says, what bob sees and presses, what the graph does and replies.

    `graph` is a part of the agent's `graph:`, to tell it from the project's others. `form` fills in the fields that the
    button opens. `effect` is a file of the project and what it holds afterwards; where it is empty, there is none.
    """

    says: str
    card: str
    reply: str
    effect: tuple[str, str] | None = None
    graph: str = ""
    press: str = "Approve"
    form: tuple[tuple[str, str], ...] | None = None
    decided: str = "Approved"
    before: tuple[str, ...] = ()
    """What the agent says before it asks."""
    again: str | None = None
    """The reply when alice asks the same once more, where nobody is asked any more."""

    @property
    def found(self) -> str:
        """What the file of the effect holds now."""
        file = Path(self.effect[0]) if self.effect else None
        return file.read_text() if file is not None and file.exists() else ""


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample project: its folder, the number of agents that `signoff init` makes of it, and what people do there."""

    folder: str
    talks: tuple[Talk, ...]
    agents: int = 1
    windows: bool = False
    """Its files have the line ends of Windows."""
    hides: tuple[str, ...] = ()
    """Values of its environment, which may not stand in app.yaml."""
    named: tuple[str, ...] = ()
    """What `signoff init` must name."""
    missing: tuple[str, ...] = ()
    """The graphs that do not import, which `signoff check` and `signoff demo` must name too."""

    def copied_to(self, place: Path) -> Path:
        """Return a copy of its folder in a place."""
        copied = place / self.folder
        shutil.copytree(SAMPLES / self.folder, copied)
        if self.windows:
            for each in [*copied.rglob("*.py"), *copied.rglob("*.json")]:
                each.write_bytes(each.read_bytes().replace(b"\n", b"\r\n"))
        return copied


@contextlib.asynccontextmanager
async def demo_here(out: "Captured") -> AsyncIterator[str]:
    """Run `signoff demo` in this process; gives the address of its page. It is stopped as by `kill`."""
    from bot.commands.demo import demo  # noqa: PLC0415 - as the command line imports it

    running = asyncio.create_task(demo(None, _data(), 0, None, speed=1, browser=False))

    async def ready() -> str | None:
        if running.done():
            running.result()
        line = next((each for each in out.lines() if each.startswith("ready ")), None)
        return line.removeprefix("ready ") if line else None

    try:
        yield await wait_until(ready, instead=lambda: f"the demo is not ready: {out.lines()}")
    finally:
        if not running.done():
            signal.raise_signal(signal.SIGTERM)
        assert await running == 0


def _data() -> Path:
    return Path(".signoff").absolute()


@contextlib.asynccontextmanager
async def demo_apart() -> AsyncIterator[str]:
    """Run `signoff demo` as a process; gives the address of its page. It is stopped by SIGTERM, and must end well."""
    with _stderr() as stderr:
        process = await asyncio.create_subprocess_exec(
            SIGNOFF, "demo", "--no-browser", "--port", "0", stdout=asyncio.subprocess.PIPE, stderr=stderr
        )
    assert process.stdout is not None
    try:
        line = (await asyncio.wait_for(process.stdout.readline(), PATIENCE)).decode()
        assert line.startswith("ready "), _told()
        yield line.removeprefix("ready ").strip()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        await process.wait()
    assert process.returncode == 0, _told()


def _stderr() -> BinaryIO:
    return Path(".stderr").open("wb")


def _told() -> str:
    return Path(".stderr").read_text()


class Captured:
    """What this process has printed so far, as pytest captured it."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture
        self._out = self._err = ""

    def lines(self) -> list[str]:
        """Return all lines of stdout so far."""
        self._read()
        return self._out.splitlines()

    def errors(self) -> str:
        """Return all of stderr so far."""
        self._read()
        return self._err

    def _read(self) -> None:
        found = self._capture.readouterr()
        self._out += found.out
        self._err += found.err


async def held(sample: Sample, url: str) -> None:
    """Hold every talk of a project, one after the other, in the demo at `url`."""
    config = demo_config(Path("app.yaml"), Path(".signoff"), dict(os.environ))
    async with People(url, patience=PATIENCE) as people:
        for talk in sample.talks:
            await _held(talk, config, people)
        await people.expect_nothing_else()


async def _held(talk: Talk, config: Config, people: People) -> None:
    alice, bob = people.person("alice"), people.person("bob")
    channel, text = addressed(talk, config)
    await alice.say(channel, text)
    card = await bob.expect_card(channel, containing=talk.card)
    for words in talk.before:
        await alice.expect_message(channel, containing=words)
    assert talk.effect is None or talk.found == "", "it acted before anybody approved"
    await _decide(card, talk)
    await card.becomes(talk.decided, buttons=[])
    _reply_is_right(await alice.expect_message(channel, containing=talk.reply), talk)
    assert talk.effect is None or talk.found == talk.effect[1]
    if talk.again is not None:
        await alice.say(channel, text)
        await alice.expect_message(channel, containing=talk.again)


async def _decide(card: Message, talk: Talk) -> None:
    if talk.form is None:
        await card.click(talk.press)
        return
    form = await card.open_form(talk.press)
    assert not (await form.submit(dict(talk.form))).errors


def _reply_is_right(reply: Message, talk: Talk) -> None:
    assert talk.says not in reply.text, "it said the asker's own words back"


def addressed(talk: Talk, config: Config) -> tuple[str, str]:
    """The channel of a talk's agent, and the message that starts it there."""
    name, agent = next(each for each in config.agents.items() if talk.graph in (each[1].graph or ""))
    channel = agent.channels[0]
    alone = sum(channel in each.channels for each in config.agents.values()) == 1
    return channel, f"@signoff {talk.says}" if alone else f"@signoff {name} {talk.says}"
