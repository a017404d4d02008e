"""`oncall:` and `people:` in `app.yaml`: what may stand there, and each mistake as one clear line (P10)."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.config.load import load
from bot.config.names import oncall_names
from bot.config.problems import ConfigError
from bot.config.settings import Config

pytestmark = pytest.mark.promise("P10")

ENVIRON = {"SLACK_BOT_TOKEN": "xoxb-1-bot", "SLACK_APP_TOKEN": "xapp-1-app", "PD": "pd-key-123456"}
AGENTS = "agents:\n  deploy: {graph: a.py:graph, channels: [ops]}\n"
ROTATION = "zone: Europe/Berlin, starts: 2026-11-30T09:00, every: 1w, people: [alice, bob]"


def read(folder: Path, text: str) -> Config:
    file = folder / "app.yaml"
    file.write_text(AGENTS + text, encoding="utf-8")
    return load(file, ENVIRON)


def faults(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(folder, text)
    return str(caught.value).replace(f"{folder}/", "").splitlines()


def source(text: str) -> str:
    return f"oncall:\n  pay: {text}\n"


def test_every_kind_of_source_is_read(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        """\
people: {"Jane Doe": U0JANE, jane@example.com: "@jane"}
oncall:
  pay: {pagerduty: {policy: P7PAY, tiers: [1, 2], token: "${PD}"}}
  two: {pagerduty: {schedule: PS1, token: "${PD}", url: "https://api.eu.pagerduty.com"}}
  inc: {incident_io: {schedule: 01ABC, token: t}}
  roo: {rootly: {schedule: 5f, token: t}}
  gra: {grafana: {schedule: SBM, token: t, url: "https://oncall.example/oncall", stack: "https://s.grafana.net"}}
  own: {http: {url: "http://127.0.0.1:9/now", headers: {Authorization: "Bearer ${PD}"}, people: "now[].slack_id"}}
  db: {ical: {url: "webcal://calendar.example/db.ics", zone: Europe/Berlin, networks: [10.1.0.0/16]}}
  file: {ical: {file: db.ics}}
  ops: {rotation: {zone: Europe/Berlin, starts: 2026-11-30T09:00, every: 1w, people: [alice, "@bob", Jane Doe]}}
  ops2: {rotation: {zone: UTC, starts: 2026-11-30T09:00:30, every: 10d, people: [alice]}}
  ops3: {rotation: {zone: UTC, starts: 2026-11-30, every: 1d, people: [alice]}}
""",
    )
    assert {name: entry.kind for name, entry in config.oncall.items()} == {
        "pay": "pagerduty",
        "two": "pagerduty",
        "inc": "incident_io",
        "roo": "rootly",
        "gra": "grafana",
        "own": "http",
        "db": "ical",
        "file": "ical",
        "ops": "rotation",
        "ops2": "rotation",
        "ops3": "rotation",
    }
    assert config.oncall["pay"].source.tiers == (1, 2)
    assert config.oncall["two"].source.tiers == (1,), "the first tier only, where none is named"
    assert config.oncall["db"].source.url == "https://calendar.example/db.ics"
    starts = [config.oncall[name].source.starts for name in ("ops", "ops2", "ops3")]
    assert [each.isoformat() for each in starts] == [
        "2026-11-30T09:00:00",
        "2026-11-30T09:00:30",
        "2026-11-30T00:00:00",
    ]
    assert config.oncall["ops"].source.every == timedelta(weeks=1)
    assert isinstance(config.oncall["ops"].source.starts, datetime)
    assert list(oncall_names(config)) == ["U0JANE", "jane", "alice", "bob"], "Jane Doe stands in people:"
    assert {"pd-key-123456", "Bearer pd-key-123456", "https://calendar.example/db.ics"} <= set(config.secret_values)
    assert "pd-key" not in repr(config)


CASES = {
    "a service that is not known": (
        source("{opsgenie: {token: x}}"),
        (
            'oncall.pay.opsgenie: there is no key "opsgenie" here. Known are: pagerduty, incident_io, rootly, grafana, '
            "http, ical, rotation."
        ),
    ),
    "a key that a source does not have": (
        source("{incident_io: {schedule: a, token: t, tiers: [1]}}"),
        'oncall.pay.incident_io.tiers: there is no key "tiers" here. Known are: networks, schedule, token, url.',
    ),
    "no source": (
        source("{}"),
        "oncall.pay: names no source. Write one of pagerduty, incident_io, rootly, grafana, http, ical, rotation.",
    ),
    "two sources": (
        source(f"{{ical: {{file: a.ics}}, rotation: {{{ROTATION}}}}}"),
        "oncall.pay.rotation: ical is the source already. Give each source a name of its own.",
    ),
    "a policy and a schedule": (
        source("{pagerduty: {policy: A, schedule: B, token: t}}"),
        "oncall.pay.pagerduty.schedule: an escalation policy is named already. Keep policy or schedule.",
    ),
    "neither policy nor schedule": (
        source("{rootly: {token: t}}"),
        "oncall.pay.rootly.policy: is missing. Add policy: or schedule:, with its id.",
    ),
    "no tiers": (
        source("{pagerduty: {policy: A, token: t, tiers: []}}"),
        "oncall.pay.pagerduty.tiers: is empty. Name at least one.",
    ),
    "tier 0": (
        source("{pagerduty: {policy: A, token: t, tiers: [0]}}"),
        "oncall.pay.pagerduty.tiers[0]: 0 is too small. Write at least 1.",
    ),
    "no token": (source("{pagerduty: {policy: A}}"), "oncall.pay.pagerduty.token: is missing. Add it."),
    "an empty token": (source("{pagerduty: {policy: A, token: }}"), "oncall.pay.pagerduty.token: is empty."),
    "a token over two lines": (
        source('{pagerduty: {policy: A, token: "a\\nb"}}'),
        "oncall.pay.pagerduty.token: this cannot be sent in a header of HTTP. Copy it again, without line breaks.",
    ),
    "Grafana without its address": (
        source("{grafana: {schedule: S, token: t}}"),
        "oncall.pay.grafana.url: is missing. Add it.",
    ),
    "plain http to another machine": (
        source('{http: {url: "http://rota.example/now", people: now}}'),
        (
            'oncall.pay.http.url: "http://rota.example/now" is not encrypted, and plain http is for this machine only. '
            "Write https://."
        ),
    ),
    "no address": (
        source('{http: {url: "rota.example", people: now}}'),
        'oncall.pay.http.url: "rota.example" is not an address. Write https://HOST/PATH.',
    ),
    "an expression that is none": (
        source('{http: {url: "https://a.example", people: "now[."}}'),
        'oncall.pay.http.people: "now[." is not JMESPath',
    ),
    "a header's name that is none": (
        source('{http: {url: "https://a.example", people: now, headers: {"a b": c}}}'),
        "oncall.pay.http.headers.a b: this is not the name of a header. Write Authorization, for example.",
    ),
    "a network that is none": (
        source("{ical: {url: https://a.example/x, networks: [inside]}}"),
        'oncall.pay.ical.networks[0]: "inside" is not a network. Write 10.20.0.0/16, or one address.',
    ),
    "an address and a file": (
        source("{ical: {url: https://a.example/x, file: a.ics}}"),
        "oncall.pay.ical.file: an address is named already. Keep url or file.",
    ),
    "neither address nor file": (source("{ical: {zone: UTC}}"), "oncall.pay.ical.url: is missing. Add url: or file:."),
    "a zone that is none": (
        source("{ical: {file: a.ics, zone: Europe/Berln}}"),
        'oncall.pay.ical.zone: "Europe/Berln" is not a time zone. Did you mean "Europe/Berlin"?',
    ),
    "a rotation without people": (
        source("{rotation: {zone: UTC, starts: 2026-11-30T09:00, every: 1w, people: []}}"),
        "oncall.pay.rotation.people: is empty. Name at least one.",
    ),
    "a rotation with a gap among its people": (
        source('{rotation: {zone: UTC, starts: 2026-11-30T09:00, every: 1w, people: [alice, ""]}}'),
        "oncall.pay.rotation.people[1]: is empty. Write a member's name, e-mail address or Slack id, such as alice.",
    ),
    "a rotation by hours": (
        source("{rotation: {zone: UTC, starts: 2026-11-30T09:00, every: 12h, people: [alice]}}"),
        'oncall.pay.rotation.every: "12h" is not a number of days or weeks. Write 1d, 1w or 2w.',
    ),
    "a rotation of no days": (
        source("{rotation: {zone: UTC, starts: 2026-11-30T09:00, every: 0d, people: [alice]}}"),
        'oncall.pay.rotation.every: "0d" is not a number of days or weeks. Write 1d, 1w or 2w.',
    ),
    "a start with an offset": (
        source("{rotation: {zone: UTC, starts: 2026-11-30T09:00:00Z, every: 1d, people: [alice]}}"),
        (
            "oncall.pay.rotation.starts: this has an offset, and a rotation goes by the wall clock of its zone. "
            "Write the wall clock of the zone: 2026-11-30T09:00."
        ),
    ),
    "a start that is none": (
        source("{rotation: {zone: UTC, starts: monday, every: 1d, people: [alice]}}"),
        'oncall.pay.rotation.starts: "monday" is not a date with a time. Write the wall clock of the zone',
    ),
    "a name that is none": (
        "oncall:\n  on call: {ical: {file: a.ics}}\n",
        'oncall.on call: "on call" is not a name. Use letters, digits, - and _, at most 64.',
    ),
    "a source that is no entry": (source("[pagerduty]"), "oncall.pay: this is not a set of keys with values."),
    "people who are nobody": (
        'people: {"Jane Doe": "Jane Doe"}\n',
        (
            'people.Jane Doe: "Jane Doe" is not the name of a person. '
            "Write a member's name, e-mail address or Slack id, such as alice."
        ),
    ),
    "one name twice, but for case": (
        "people:\n  Jane Doe: U0JANE\n  jane  doe: U0JOAN\n",
        'people.jane  doe: "Jane Doe" is the same name. Keep one of the two.',
    ),
}


@pytest.mark.parametrize(("text", "line"), CASES.values(), ids=CASES)
def test_a_mistake_is_one_line_with_its_place(text: str, line: str, tmp_path: Path) -> None:
    (said,) = faults(tmp_path, text)
    where, _, rest = said.partition(": ")
    assert where in ("app.yaml:3", "app.yaml:4", "app.yaml:5")
    assert rest.startswith(line.replace("jane  doe", "jane doe")), said


def test_a_mistake_repeats_no_secret(tmp_path: Path) -> None:
    said = faults(tmp_path, source('{http: {url: "http://rota.example/${PD}", people: now}}'))
    assert "pd-key" not in str(said)
    assert "${PD}" in said[0]
