"""`signoff demo` as its user meets it: the wheel in an environment of its own, away from the checkout."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fakes.people import People
from stories.policies_page import quickstart

STARTED_WITHIN = 120
"""Seconds."""
GRAPH = """
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt

def ask(state):
    answer = interrupt({"question": "Publish it?"})
    return {"messages": [("ai", f"published: {answer}")]}

graph = StateGraph(MessagesState).add_node(ask).add_edge(START, "ask")
"""

APP = """
slack: {mode: http}
agents:
  press: {graph: press.py:graph, channels: ["#press", C024BE91L]}
approvals:
  - approvers: {users: [dana, U024BE7LH]}
    post_to: "#desk"
"""

# Of a real workspace and a real Redis, which a demo must leave alone.
DOT_ENV = """
SLACK_BOT_TOKEN=xoxb-1-2-real
SLACK_APP_TOKEN=xapp-1-A-real
REDIS_URL=redis://redis.invalid:6379/0
"""


STEPS = ("asked", "escalated", "decided")


@dataclass(slots=True)
class Demo:
    """A demo that runs: its page, and what it wrote to stderr before `ready`."""

    url: str
    said: str


@dataclass(slots=True)
class Installed:
    """An environment with nothing but the wheel and what it needs, and an empty folder to work in."""

    site: Path
    folder: Path

    def signoff(self, *arguments: str) -> tuple[list[str], dict[str, str]]:
        """Give the command and its environment; `-I -S` leaves out the checkout and our own environment."""
        paths = [str(self.site), str(self.folder / "site-packages")]
        start = f"import sys; sys.path += {paths!r}; from bot.cli import main; main()"
        ours = {name: value for name, value in os.environ.items() if not name.startswith(("SLACK_", "REDIS_"))}
        return [sys.executable, "-I", "-S", "-c", start, *arguments], ours

    def link(self, *, without: str = "") -> None:
        """Install what the tests' own environment has, but Signoff and what is to be missing."""
        here = Path(sys.prefix) / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
        # The folder is named as in an environment: else the packages' types are taken for the agents' own.
        packages = self.folder / "site-packages"
        packages.mkdir()
        for each in here.iterdir():
            if not each.name.endswith(".pth") and each.name.partition("-")[0] not in {"signoff", without}:
                (packages / each.name).symlink_to(each)

    def audit(self, channel: str, ts: str) -> list[dict[str, Any]]:
        """Give the rows of a conversation, as `signoff audit` prints them of a demo that was stopped."""
        done = self.finished("audit", f"T0LOCAL:{channel}:{ts}", "--json", "--demo", ".signoff")
        assert done.stderr == ""
        return [json.loads(line) for line in done.stdout.splitlines()]

    def run(self, *arguments: str) -> Any:
        """Give what a command prints as JSON."""
        done = self.finished(*arguments)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def finished(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        command, environment = self.signoff(*arguments)
        return subprocess.run(  # noqa: S603 - our own command
            command,
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=STARTED_WITHIN,
            check=False,
        )

    @contextlib.asynccontextmanager
    async def demo(self, *arguments: str) -> AsyncIterator[Demo]:
        """Run the demo on a free port until it is ready; at the end it is stopped, and must end well."""
        command, environment = self.signoff("demo", "--no-browser", "--port", "0", *arguments)
        with (self.folder / "stderr").open("wb") as stderr:
            process = await asyncio.create_subprocess_exec(
                *command, cwd=self.folder, env=environment, stdout=asyncio.subprocess.PIPE, stderr=stderr
            )
        assert process.stdout is not None
        try:
            line = (await asyncio.wait_for(process.stdout.readline(), STARTED_WITHIN)).decode()
            said = (self.folder / "stderr").read_text()
            assert line.startswith("ready http://127.0.0.1:"), said
            yield Demo(line.removeprefix("ready ").strip(), said)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            await process.wait()
        assert process.returncode == 0, (self.folder / "stderr").read_text()


@pytest.fixture
def installed(wheel: Path, tmp_path: Path) -> Installed:
    site, folder = tmp_path / "site", tmp_path / "work"
    folder.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    return Installed(site, folder)


async def test_the_demo_runs_the_bundled_examples_and_says_so(installed: Installed) -> None:
    installed.link()
    async with installed.demo() as demo, People(demo.url) as people:
        assert demo.said.splitlines()[0] == (
            "signoff demo: running the example agents; an app.yaml in this folder would run in their place"
        )
        asked = await people.person("alice").say("#deploys", "@signoff ship billing 2.4.1 to production")
        await people.person("bob").expect_card("#deploys", containing="billing")
    assert "asked" in {row["what"] for row in installed.audit("C0DEPLOYS", asked.ts)}


@pytest.mark.promise("P6")
async def test_the_demo_has_a_gate_that_is_decided_by_who_is_on_call_or_after_its_time_by_more_people(
    installed: Installed,
) -> None:
    """With a clock that runs faster, and without the package of conditions. A restart loses and doubles nothing."""
    installed.link(without="cel_expr_python")
    fast = ("--clock-speed", "300")
    async with installed.demo(*fast) as demo, People(demo.url) as people:
        assert "signoff demo: the clock runs 300 times as fast." in demo.said
        asked = await people.person("alice").say("#databases", "@signoff the orders database hangs, please restart it")
        card = await people.person("bob").expect_card("#databases", containing="restart_database")
        assert "on call (ops)" in card.text
        assert "@sre" not in card.text
    async with installed.demo(*fast) as demo, People(demo.url) as people:
        waiting = await people.person("carol").expect_card("#databases", containing="restart_database")
        await waiting.becomes("@sre")
        await waiting.click("Approve")
        await people.person("alice").expect_message("#databases", containing="orders was restarted after 30 s")
    steps = [row for row in installed.audit("C0DATABASES", asked.ts) if row["what"] in STEPS]
    assert [row["what"] for row in steps] == list(STEPS)
    began, escalated, _ = (datetime.fromisoformat(row["at"]) for row in steps)
    assert timedelta(minutes=15) <= escalated - began < timedelta(hours=4), "by the demo's clock"


async def test_the_page_leads_from_the_quickstart_to_an_on_call_gate(installed: Installed) -> None:
    """With the files of docs/policies.md, and without LangChain."""
    installed.link(without="langchain")
    shown = quickstart()
    for name in ("ops.py", "app.yaml"):
        (installed.folder / name).write_text(shown[name])
    assert installed.run("oncall", "primary", "--offline")["error"] is None
    assert installed.run("check", "--offline", "--json")["ok"] is True
    async with installed.demo("--clock-speed", "300") as demo, People(demo.url) as people:
        await people.person("alice").say("#ops", "@signoff restart billing")
        card = await people.person("bob").expect_card("#ops", containing="restart_service")
        await card.becomes("@sre")
        await card.click("Approve")  # he is on call, or in the group
        await people.person("alice").expect_message("#ops", containing="billing is up again.")


def test_without_the_examples_needs_one_sentence_says_what_to_install(installed: Installed) -> None:
    installed.link(without="langchain")
    done = installed.finished("demo", "--no-browser", "--port", "0")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "signoff demo: the example agents need LangChain, which is not installed. "
        f'Run: {sys.executable} -m pip install "langchain<2,>=1.4.6" "numpy<3,>=2.0".\n'
    )
    assert not (installed.folder / ".signoff").exists(), "nothing was begun"


async def test_the_demo_runs_the_app_yaml_of_its_folder_with_the_people_and_channels_named_there(
    installed: Installed,
) -> None:
    """By itself: not with the tokens, the Redis and the mode that the same files give to `signoff run`."""
    installed.link(without="langchain")
    for name, text in {"app.yaml": APP, "press.py": GRAPH, ".env": DOT_ENV}.items():
        (installed.folder / name).write_text(text)
    async with installed.demo() as demo, People(demo.url) as people:
        assert f"signoff demo: running the agents of {installed.folder}/app.yaml\n" in demo.said
        await people.person("alice").say("#press", "@signoff the news")
        card = await people.person("dana").expect_card("#desk", containing="Publish it?")
        await card.click("Approve")
        await people.person("alice").expect_message("#press", containing="published: True")
        await people.person("U024BE7LH").say("C024BE91L", "@signoff more news")
        await people.person("dana").expect_card("#desk", containing="Publish it?")


async def test_the_demo_takes_people_channels_and_groups_from_a_file(installed: Installed) -> None:
    """With those that app.yaml names beside them."""
    installed.link(without="langchain")
    people = "people: [{name: ann}, {name: ben, deactivated: true}]\ngroups: [{handle: sre, members: [ann]}]\n"
    for name, text in {"app.yaml": APP, "press.py": GRAPH, "people.yaml": people}.items():
        (installed.folder / name).write_text(text)
    async with installed.demo("--people", "people.yaml") as demo, People(demo.url) as everybody:
        seen = await everybody.person("ann").state()
        assert [each["name"] for each in seen["people"]] == ["ann", "ben", "dana", "u024be7lh"]
        assert [(each["handle"], each["members"]) for each in seen["groups"]] == [("sre", ["U0ANN"])]


def test_a_graph_that_cannot_be_loaded_is_said_before_the_demo_is_ready(installed: Installed) -> None:
    installed.link()
    (installed.folder / "app.yaml").write_text(APP)
    (installed.folder / "press.py").write_text("import nowhere_to_be_found\n")
    done = installed.finished("demo", "--no-browser", "--port", "0")
    assert (done.returncode, done.stdout) == (1, "")
    assert "No module named 'nowhere_to_be_found'" in done.stderr
    assert "Traceback" not in done.stderr
