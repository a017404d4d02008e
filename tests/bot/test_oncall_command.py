"""`signoff oncall`: a line of JSON for each instant, in the form that scripts rely on."""

import asyncio
import io
import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fakes.oncall_services import ServiceServer, on_call

from adapters.extras import install_command
from adapters.localslack import LocalSlack
from bot.cli import invoke

APP = """\
agents:
  deploy: {graph: a.py:graph, channels: ["#deploys"]}
people: {"Jane Doe": carol, joan@elsewhere.example: U0BOB}
oncall:
  ops: {rotation: {zone: Europe/Berlin, starts: 2026-11-30T09:00, every: 1w, people: [alice, Jane Doe, nobody]}}
  guests: {rotation: {zone: UTC, starts: 2026-11-30T09:00, every: 1d, people: [gina]}}
  feed: {ical: {file: feed.ics}}
  gone: {ical: {file: gone.ics}}
"""
FEED = """\
BEGIN:VCALENDAR
VERSION:2.0
BEGIN:VEVENT
UID:1
DTSTART:20261201T000000Z
DTEND:20261202T000000Z
ATTENDEE:mailto:Alice@Example.com
ATTENDEE:Joan@Elsewhere.example
ATTENDEE:stranger@example.com
END:VEVENT
END:VCALENDAR
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_API_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "feed.ics").write_text(FEED)
    file = tmp_path / "app.yaml"
    file.write_text(APP)
    return file


def asked(file: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    assert invoke(["oncall", *arguments, "--config", str(file)]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_offline_a_line_says_who_as_the_source_does(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = asked(file, capsys, "ops", "--at", "2026-12-08T12:00:00Z", "--offline")
    assert line == {"at": "2026-12-08T12:00:00Z", "who": ["Jane Doe"], "error": None}


def test_without_a_token_offline_is_offered(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["oncall", "ops", "--config", str(file)]) == 1
    err = capsys.readouterr().err
    assert err.startswith("SLACK_BOT_TOKEN: is not set. ")
    assert err.endswith(" page, or add --offline.\n")


def test_instants_are_read_one_a_line(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    instants = ["2026-11-30T07:59:59Z", "2026-11-30T09:00+01:00", "2026-12-07T08:00:00.000Z"]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join([*instants, "", "tomorrow"])))
    lines = asked(file, capsys, "ops", "--at", "-", "--offline")
    assert [line["at"] for line in lines] == [*instants, "tomorrow"]
    assert [line["who"] for line in lines] == [[], ["alice"], ["Jane Doe"], []]
    assert [line["error"] for line in lines[:3]] == [None, None, None]
    assert lines[3]["error"].startswith('--at: "tomorrow" is not an instant.')


def test_a_source_that_fails_names_nobody_and_says_why(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = asked(file, capsys, "gone", "--offline")
    assert line == {"at": line["at"], "who": [], "error": "The file gone.ics does not exist."}
    assert datetime.fromisoformat(line["at"]) <= datetime.now(UTC)


@pytest.mark.promise("P10")
def test_without_the_extra_a_calendar_says_what_to_install(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.oncall.ical.PACKAGES", ("icalendar", "no_such_package"))
    (line,) = asked(file, capsys, "feed", "--at", "2026-12-01T12:00:00Z", "--offline")
    assert line["who"] == []
    assert line["error"] == f"The calendar needs packages that are not installed. Run: {install_command('ical')}"


async def _in_slack(file: Path, tmp_path: Path, *arguments: str) -> list[Any]:
    """The command beside a local workspace."""
    async with LocalSlack(data=tmp_path / "slack") as slack:
        return await _run({**slack.environment(), "PATH": ""}, file, *arguments)


async def _run(environ: Mapping[str, str], file: Path, *arguments: str) -> list[Any]:
    """The command in a process of its own; gives its lines. No secret stands in what it prints."""
    command = [sys.executable, "-m", "bot", "oncall", *arguments, "--config", str(file)]
    process = await asyncio.create_subprocess_exec(
        *command, env=environ, cwd=Path(__file__).parents[2], stdout=-1, stderr=-1
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    assert b"secret" not in out + err
    return [json.loads(line) for line in out.splitlines()]


@pytest.mark.promise("P6")
async def test_people_are_members_and_a_stranger_is_nobody(file: Path, tmp_path: Path) -> None:
    """By e-mail, whatever its case, and by people: for addresses that Slack does not know."""
    (line,) = await _in_slack(file, tmp_path, "feed", "--at", "2026-12-01T12:00:00Z")
    assert line["who"] == ["Alice@Example.com", "Joan@Elsewhere.example", "stranger@example.com"]
    assert line["people"] == ["U0ALICE", "U0BOB"]


@pytest.mark.promise("P6")
@pytest.mark.parametrize(
    ("name", "at", "people"),
    [
        ("ops", "2026-12-01T12:00:00Z", ["U0ALICE"]),
        ("ops", "2026-12-08T12:00:00Z", ["U0CAROL"]),
        ("ops", "2026-12-15T12:00:00Z", []),
        ("guests", "2026-12-15T12:00:00Z", []),
    ],
)
async def test_a_rotation_names_members(name: str, at: str, people: list[str], file: Path, tmp_path: Path) -> None:
    (line,) = await _in_slack(file, tmp_path, name, "--at", at)
    assert line["people"] == people
    assert line["error"] is None


SERVICES = """\
agents:
  deploy: {{graph: a.py:graph, channels: ["#deploys"]}}
oncall:
  pay: {{pagerduty: {{policy: P7PAY, token: "pd-secret-token", url: "{url}"}}}}
  two: {{pagerduty: {{policy: P7PAY, tiers: [2, 3], token: "pd-secret-token", url: "{url}/"}}}}
  own:
    http: {{url: "{url}/rota?key=own-secret-key", headers: {{X-Key: "own-secret-key"}}, people: "now[].slack_id"}}
"""


async def test_services_are_asked_as_the_bot_asks_them(file: Path) -> None:
    async with ServiceServer() as server:
        _point(file, server)
        server.pagerduty(on_call("jane@example.com"), on_call("bob@example.com", tier=2))
        (line,) = await _offline(file, "pay", "--at", "2026-12-01T12:00:00Z")
        assert line == {"at": "2026-12-01T12:00:00Z", "who": ["jane@example.com"], "error": None}
        (line,) = await _offline(file, "two")
        assert line["who"] == ["bob@example.com"]
        server.says({"now": [{"slack_id": "U0BOB"}]}, "/rota")
        (line,) = await _offline(file, "own", "--at", "2026-12-01T12:00:00Z")
        assert line["who"] == ["U0BOB"], "it only tells of now, and a line on stderr says so"


async def test_a_service_that_fails_is_said_without_its_secrets(file: Path) -> None:
    async with ServiceServer() as server:
        _point(file, server)
        server.fails(429, {"Retry-After": "3600"}, text="pd-secret-token own-secret-key")
        (line,) = await _offline(file, "pay")
        assert line == {"at": line["at"], "who": [], "error": "PagerDuty answered with status 429."}
        (line,) = await _offline(file, "own")
        assert line["error"] == "127.0.0.1 answered with status 429."
        server.fails(302, {"Location": "https://elsewhere.example/"})
        (line,) = await _offline(file, "pay")
        assert line["error"] == "PagerDuty redirects to another host, which is refused."


def _point(file: Path, server: ServiceServer) -> None:
    file.write_text(SERVICES.format(url=server.url))


async def _offline(file: Path, *arguments: str) -> list[Any]:
    return await _run({"PATH": ""}, file, *arguments, "--offline")


@pytest.mark.promise("P10")
def test_mistakes_are_said(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, said in {
        ("opps", "--offline"): 'signoff oncall: app.yaml has no "opps" below oncall:. Did you mean "ops"?\n',
        ("ops", "--offline", "--at", "noon"): '--at: "noon" is not an instant. Write it with its offset: ',
        ("ops",): "SLACK_BOT_TOKEN: is not set. ",
    }.items():
        assert invoke(["oncall", *arguments, "--config", str(file)]) == 1
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith(said)
