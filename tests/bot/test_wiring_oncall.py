"""The sources of `oncall:` as they are put together: which address is called, with which headers."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from fakes.oncall_services import ServiceServer

from bot.config.load import load
from bot.config.oncall import OnCallEntry
from bot.wiring.oncall import fingerprint, shift_sources
from engine.ports import SourceFailedError

NOW = datetime(2026, 11, 30, 8, tzinfo=UTC)
APP = """\
agents:
  deploy: {{graph: a.py:graph, channels: ["#deploys"]}}
oncall:
  source: {source}
"""
ENVIRON = {"SLACK_BOT_TOKEN": "xoxb-1-bot", "SLACK_APP_TOKEN": "xapp-1-app"}

CALLED = {
    "pagerduty: {policy: P1, token: t-1, url: URL}": ("/oncalls", {"Authorization": "Token token=t-1"}),
    "pagerduty: {schedule: S1, token: t-1, url: URL/eu}": (
        "/eu/oncalls",
        {"Accept": "application/vnd.pagerduty+json;version=2"},
    ),
    "incident_io: {schedule: S1, token: t-1, url: URL/}": (
        "/v2/schedule_entries",
        {"Authorization": "Bearer t-1"},
    ),
    "rootly: {schedule: S1, token: t-1, url: URL}": (
        "/v1/oncalls",
        {"Authorization": "Bearer t-1", "Accept": "application/vnd.api+json"},
    ),
    "grafana: {schedule: S/1, token: t-1, url: URL/oncall}": (
        "/oncall/api/v1/schedules/S%2F1/",
        {"Authorization": "Bearer t-1", "X-Grafana-URL": None},
    ),
    "grafana: {schedule: S1, token: glsa_1, url: URL/oncall}": (
        "/oncall/api/v1/schedules/S1/",
        {"Authorization": "Bearer glsa_1", "X-Grafana-URL": "URL"},
    ),
    'grafana: {schedule: S1, token: glsa_1, url: URL, stack: "https://s.grafana.net"}': (
        "/api/v1/schedules/S1/",
        {"X-Grafana-URL": "https://s.grafana.net"},
    ),
    'http: {url: "URL/rota/now?team=1", headers: {X-Key: k-1}, people: now}': ("/rota/now?team=1", {"X-Key": "k-1"}),
    "ical: {url: URL/cal.ics}": ("/cal.ics", {"Authorization": None}),
}


@pytest.mark.parametrize(("source", "called"), CALLED.items(), ids=CALLED)
async def test_each_service_is_called_at_its_address(
    source: str, called: tuple[str, dict[str, str | None]], tmp_path: Path
) -> None:
    async with ServiceServer() as server:
        file = _written(tmp_path, source.replace("URL", server.url))
        async with shift_sources(load(file, ENVIRON)) as sources:
            with pytest.raises(SourceFailedError, match="status 404"):
                await sources["source"].shifts(NOW, NOW)
        path, headers = called
        (request,) = server.requests
        assert request.raw_path.startswith(path)
        for name, value in headers.items():
            assert request.headers.get(name) == (value and value.replace("URL", server.url))


def _written(folder: Path, source: str) -> Path:
    file = folder / "app.yaml"
    file.write_text(APP.format(source=f"{{{source}}}"))
    return file


def test_processes_share_the_answers_of_one_definition_only() -> None:
    """A new token is no other definition; the name, the schedule and the tiers are."""

    def of(name: str = "pay", **more: object) -> str:
        said = {"policy": "P1", "token": "t-1", **more}
        return fingerprint(name, OnCallEntry.model_validate({"pagerduty": said}))

    assert of() == of(token="t-2")
    assert len({of(), of("other"), of(policy="P2"), of(tiers=[1, 2]), of(url="https://api.eu.pagerduty.com")}) == 5
