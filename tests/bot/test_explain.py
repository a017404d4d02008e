"""`signoff explain`: which rule governs a tool call and why, who decides, by when, and who is on call."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from adapters.localslack import LocalSlack
from bot.cli import invoke

pytestmark = pytest.mark.promise("P6")

APP = """\
agents:
  shop: {graph: shop.py:graph, channels: ["#refunds"]}
  desk: {graph: shop.py:graph, direct_messages: true}
oncall:
  ops: {rotation: {zone: Europe/Berlin, starts: 2026-11-30T09:00, every: 1w, people: [alice, bob]}}
  gone: {ical: {file: gone.ics, zone: UTC}}
approvals:
  - {when: {tool: "get_*"}, decide: approve}
  - when: {tool: "refund_*", if: "args.amount > 1000"}
    approvers: {all_of: [{groups: [payments]}, {oncall: [ops]}]}
    notify: dm
    remind_after: 10m
    escalate: [{after: 15m, to: {users: [carol]}}, {after: 1h, to: {groups: [managers], oncall: [gone]}}]
    expires_after: 4h
    hours: {zone: Europe/Berlin, from: "09:00", to: "17:00"}
  - when: {tool: "refund_*", if: "'sre' in requester_groups || requester == 'U0CAROL'"}
    approvers: {users: [bob]}
    own_requests: true
    notify: dm
  - when: {agent: shop}
    stages: [{groups: [dev]}, {oncall: [ops], users: [carol], quorum: 2}]
    reject_quorum: 2
    post_to: "#approvals"
defaults: {expires_after: 7d}
"""
CALL = ["explain", "--agent", "shop", "--tool", "refund_order", "--at", "2026-12-01T15:30Z"]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_API_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "app.yaml"
    file.write_text(APP)
    return file


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    assert invoke([*CALL, *arguments]) == 0
    return capsys.readouterr().out.splitlines()


@pytest.mark.usefixtures("file")
def test_it_says_which_rule_governs_and_who_decides_by_when(capsys: pytest.CaptureFixture[str]) -> None:
    """The clocks rest from 17:00 to 9:00; on call is who has that week; no Slack is needed for that."""
    assert told(capsys, "--args", '{"amount": 5000}') == [
        "refund_order, called by shop in #refunds, at Tue 2026-12-01 16:30 CET",
        '  approvals[0]: for the tool "get_*"',
        "  approvals[1]: matches, its condition holds: args.amount > 1000",
        "approvals[1] governs (app.yaml:9): people decide.",
        "2 approvals: 1 from @payments and 1 from on call ops",
        "A person counts once.",
        "The requester cannot approve.",
        "  on call ops: alice",
        "  on call gone: The file gone.ics does not exist.",
        "Asked in #refunds; each who may decide gets it as a direct message.",
        "Tue 2026-12-01 16:40 CET  reminder",
        "Tue 2026-12-01 16:45 CET  also carol",
        "Wed 2026-12-02 09:30 CET  also @managers, on call gone",
        "Wed 2026-12-02 12:30 CET  it is rejected automatically",
    ]


@pytest.mark.usefixtures("file")
def test_what_nobody_can_tell_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    lines = told(capsys, "--args", '{"amount": 5}', "--offline", "--requester", "dave")
    unknown = "The rule's condition could not be checked: a value that it uses could not be looked up"
    assert lines[2:5] == [
        "  approvals[1]: its condition is false: args.amount > 1000",
        f"  approvals[2]: counts as matched, since nobody can tell: {unknown}",
        "approvals[2] governs (app.yaml:16): people decide, since nobody can tell whether a rule matches.",
    ]
    assert lines[-1] == "Tue 2026-12-08 15:30 UTC  it is rejected automatically"


@pytest.mark.usefixtures("file")
def test_stages_and_defaults_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["explain", "--agent", "shop", "--tool", "delete", "--offline"]) == 0
    out = capsys.readouterr().out
    assert (
        "Stage 1: 1 approval, from @dev\nStage 2: 2 approvals, from carol or on call ops\nA person counts once.\n"
        in out
    )
    asked = "Asked in #approvals; those who may decide are mentioned.\n"
    assert f"Rejections needed: 2.\n  on call ops: not asked (--offline)\n{asked}" in out
    assert invoke(["explain", "--agent", "desk", "--tool", "delete", "--offline"]) == 0
    out = capsys.readouterr().out
    assert "No rule governs: the person in the direct message decides.\n1 approval, from the requester\n" in out
    assert invoke(["explain", "--agent", "desk", "--tool", "get_it", "--offline"]) == 0
    assert capsys.readouterr().out.endswith("approvals[0] governs (app.yaml:8): it is approved automatically.\n")


@pytest.mark.usefixtures("file")
def test_a_tool_that_no_gate_stops_is_noted(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A rule asks nobody by itself: without a gate, the graph has to ask."""
    assert invoke([*CALL, "--offline"]) == 0
    note = "note: no pattern of gate_tools matches refund_order: people are asked only if the graph itself asks"
    assert capsys.readouterr().err == f"{note} about this call.\n"
    file.write_text(APP.replace("defaults: {", 'defaults: {gate_tools: ["refund_*"], '))
    assert invoke([*CALL, "--offline"]) == 0
    assert capsys.readouterr().err == ""


WRONG = {
    "an agent that is not there": (
        ["--agent", "shp"],
        '--agent: there is no agent "shp" in app.yaml. Did you mean "sh',
    ),
    "arguments that are no JSON": (["--args", "{a: 1}"], "--args: this is not JSON (Expecting property name"),
    "arguments without names": (["--args", "[1]"], "--args: the arguments of a tool have names. Write an object:"),
    "an instant without an offset": (["--at", "2026-12-01T15:30"], '--at: "2026-12-01T15:30" has no offset,'),
    "a requester without a token": (["--requester", "bob", "--args", '{"amount": 5}'], "SLACK_BOT_TOKEN: is not set."),
}


@pytest.mark.usefixtures("file")
@pytest.mark.parametrize(("arguments", "line"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_one_line(arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke([*CALL, *arguments]) == 1
    assert capsys.readouterr().err.startswith(line)


async def _in_slack(folder: Path, *arguments: str) -> dict[str, Any]:
    """The command in a process of its own, beside a local workspace."""
    async with LocalSlack(data=folder / "slack") as slack:
        environ = {**os.environ, **slack.environment(), "PYTHONPATH": str(Path(__file__).parents[2])}
        command = [sys.executable, "-m", "bot", *CALL, *arguments, "--json"]
        process = await asyncio.create_subprocess_exec(*command, env=environ, cwd=folder, stdout=-1, stderr=-1)
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    found: dict[str, Any] = json.loads(out)
    return found


@pytest.mark.parametrize(
    ("who", "rule"), [("carol", "approvals[2]"), ("U0CAROL", "approvals[2]"), ("bob", "approvals[2]"), ("gina", "")]
)
async def test_slack_says_who_asks_and_in_which_groups_they_are(who: str, rule: str, file: Path) -> None:
    """Bob is in the group sre; carol is named by her id."""
    found = await _in_slack(file.parent, "--requester", who, "--args", '{"amount": 5}')
    assert found["rule"] == (rule or "approvals[3]")
    assert found["decides"] == "people"
    assert found["why"] is None
    assert found["rules"][2] == {
        "rule": "approvals[2]",
        "matches": "yes" if rule else "no",
        "why": found["rules"][2]["why"],
    }
