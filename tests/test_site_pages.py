"""Blocks of pages that are run or compared: calls of the local workspace, an on-call source, a store, evidence."""

import asyncio
import json
import shutil
import subprocess
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml
from fakes.oncall_services import ServiceServer, on_call
from support.pages import ROOT, SECRETS, blocks
from support.said import is_said

from adapters.langgraph.messages.inputs import fields_named, said_in
from adapters.localslack import LocalSlack
from adapters.redis.keys import Keys
from adapters.redis.transport.multiplexed import Multiplexed
from bot.cli import invoke
from bot.config.load import load
from bot.wiring.graph_store import graph_store
from engine.sources import Origin


async def test_init_and_check_print_what_the_quickstart_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a folder that has the graph of team approvals, and nothing else."""
    (tmp_path / "release.py").write_text(blocks("team-approvals.md", "python")[0])
    monkeypatch.chdir(tmp_path)
    written, table = blocks("quickstart.md", "text")
    assert await asyncio.to_thread(invoke, ["init"]) == 0
    assert capsys.readouterr().out == written
    assert await asyncio.to_thread(invoke, ["check", "--offline"]) == 0
    assert capsys.readouterr().out.endswith(table)
    _, rule = blocks("quickstart.md", "yaml")
    (tmp_path / "app.yaml").write_text((tmp_path / "app.yaml").read_text() + rule)
    assert await asyncio.to_thread(invoke, ["check", "--offline"]) == 0, capsys.readouterr().err
    assert capsys.readouterr().out.endswith(table)


def test_the_message_of_the_page_on_init_says_the_values_of_its_input() -> None:
    template = yaml.safe_load(blocks("init.md", "yaml")[0])["input"]
    names = [name for name, _ in fields_named(template)]
    assert said_in(blocks("init.md", "text")[0], names) == {"account": ["Kraus"], "amount": ["20"]}


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
async def test_the_calls_of_the_local_workspace_page_are_taken(tmp_path: Path) -> None:
    """Each line is run as it stands there, on the people that the page shows; nobody has posted the card yet."""
    people = yaml.safe_load(blocks("local_workspace.md", "yaml")[0])
    people["channels"].append("deploys")  # as the demo does: app.yaml names it
    lines = "".join(blocks("local_workspace.md", "console")).splitlines()
    calls = [each for each in lines if not each.startswith("signoff ")]
    async with LocalSlack(data=tmp_path, people=people, ack_timeout=0.1) as slack:
        answers = [
            await asyncio.to_thread(answer_of, call.replace("http://127.0.0.1:8484", slack.url)) for call in calls
        ]
        assert len(answers) == 6
        assert [each["error"] for each in answers if "error" in each] == ["bob sees no message TS in deploys"], answers


def answer_of(call: str) -> dict[str, Any]:
    done = subprocess.run(["/bin/sh", "-c", call], capture_output=True, check=True)  # noqa: S603 - our own page
    said: dict[str, Any] = json.loads(done.stdout)
    return said


async def test_the_lines_of_an_on_call_source_are_as_its_page_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = yaml.safe_load(blocks("oncall.md", "yaml")[0])
    line = blocks("oncall.md", "console")[0].splitlines()[1]
    jane = {"name": "jane", "id": "U024BE7LH", "email": "jane@example.com"}
    people = {"people": [{"name": "alice"}, jane]}
    async with ServiceServer() as server, LocalSlack(data=tmp_path / "slack", people=people) as slack:
        server.pagerduty(on_call("jane@example.com"))
        shown["oncall"]["pay"]["pagerduty"]["url"] = server.url
        file = tmp_path / "app.yaml"
        file.write_text(yaml.safe_dump(shown | {"agents": {"deploy": {"graph": "a.py:g", "channels": ["#deploys"]}}}))
        for name, value in (slack.environment() | {"PAGERDUTY_TOKEN": "key"}).items():
            monkeypatch.setenv(name, value)
        command = ["oncall", "pay", "--at", json.loads(line)["at"], "--config", str(file)]
        assert await asyncio.to_thread(invoke, command) == 0
        assert capsys.readouterr().out.strip() == line


async def test_the_store_of_the_page_is_one(tmp_path: Path) -> None:
    (written,) = blocks("store.md", "json")
    (tmp_path / "langgraph.json").write_text(written)
    (tmp_path / "agent.py").write_text("")
    (tmp_path / "embed.py").write_text("def embed(texts):\n    return [[1.0] * 5 for _ in texts]\n")
    file = tmp_path / "app.yaml"
    file.write_text("project: langgraph.json\nagents: {a: {graph: agent.py:graph, channels: ['#a']}}\n")
    nowhere = Multiplexed.from_url("redis://127.0.0.1:1")
    store = await graph_store(load(file, SECRETS).project, nowhere, Keys(), AsyncExitStack())
    assert store.ttl_config == json.loads(written)["store"]["ttl"]


def test_the_evidence_of_a_vote_has_what_the_page_shows() -> None:
    shown = json.loads(blocks("policies.md", "text")[0])
    written = (ROOT / "engine" / "machine" / "votes.py").read_text(encoding="utf-8")
    assert [key for key in shown if f'"{key}": ground.' not in written] == []
    assert Origin(shown["source"]) is Origin.GROUP


def test_the_mistake_of_a_condition_is_one_of_the_code() -> None:
    (line,) = blocks("conditions.md", "text")
    what, _, hint = line.partition("column 1: ")[2].partition(". ")
    assert is_said(what)
    assert is_said(hint)
