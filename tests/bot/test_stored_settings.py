"""Commands that only read what is stored need only the keys of `app.yaml` that say where it is and for how long."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from fakes.servers import Cluster
from redis.exceptions import MovedError

from bot.checks.probes import UnfitError
from bot.cli import invoke
from bot.config.load import examined
from bot.config.problems import ConfigError, ConfigProblem, ProblemsError
from bot.config.stored import StorageSettings, storage_settings
from bot.wiring.probes import RealProbes
from bot.wiring.storage import _explained, storage

REDIS = {"REDIS_URL": "redis://127.0.0.1:1/0"}
NOWHERE = "redis://127.0.0.1:1/0"
RIGHT = "agents: {a: {graph: 'gone.py:graph', channels: ['#deploys']}}\n"
COMMANDS = [
    ["audit", "T:C:root"],
    ["dead-letters"],
    ["approvals"],
    ["approvals", "--json"],
    ["approvals", "withdraw", "abcd1234", "--reason", "wrong"],
]

pytestmark = pytest.mark.promise("P10")


def written(folder: Path, text: str) -> Path:
    file = folder / "app.yaml"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    "more",
    [
        "oncall: {ops: {pagerduty: {policy: P7PAY, token: '${PAGERDUTY_TOKEN}'}}}",
        "people: {ann: '${ANN}'}",
        "approvals: [{when: {agent: nobody}}]",
        "approvals: [{expire_after: 4h}]",
        "approvals: []\napprovals: []",
        "misspelt: true",
        "http: {port: '${PORT}'}",
        "project: langgraph.json",
        "defaults: 7",
    ],
)
def test_what_they_do_not_use_may_be_wrong_or_missing(tmp_path: Path, more: str) -> None:
    file = written(tmp_path, f"retention: 3d\n{RIGHT}{more}\n")
    assert examined(file, REDIS)[0] is None, "the bot would not start"
    settings = storage_settings(file, REDIS)
    assert settings.secrets.redis_url == NOWHERE
    assert (settings.retention, settings.audit_retention) == (timedelta(days=3), timedelta(days=400))
    assert (settings.data, settings.agents) == (tmp_path / ".signoff", ("a",))


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ("data: '${FOLDER}'", "app.yaml:1: data: the environment variable FOLDER is not set."),
        ("retention: soon", 'app.yaml:1: retention: "soon" is not '),
        ("retention: 30d\nretention: 3d", "app.yaml:2: retention: is repeated (first in line 1)."),
        ("retention: 30d\naudit_retention: 3d", "app.yaml:2: audit_retention: the audit would be forgotten"),
    ],
)
def test_what_they_use_must_be_right(tmp_path: Path, more: str, problem: str) -> None:
    with pytest.raises(ConfigError) as error:
        storage_settings(written(tmp_path, f"{more}\n{RIGHT}"), REDIS)
    (line,) = str(error.value).splitlines()
    assert problem in line


def project(folder: Path) -> Path:
    data = {"graphs": {"a": "./gone.py:graph"}, "env": {"REDIS_URL": "redis://of-project:1/0", "FOLDER": "kept"}}
    (folder / "langgraph.json").write_text(json.dumps(data), encoding="utf-8")
    return written(folder, f"project: langgraph.json\ndata: '${{FOLDER}}'\n{RIGHT}")


def test_the_environment_of_the_project_is_read_after_that_of_the_bot(tmp_path: Path) -> None:
    file = project(tmp_path)
    of_project, of_bot = storage_settings(file, {}), storage_settings(file, REDIS)
    assert (of_project.secrets.redis_url, of_bot.secrets.redis_url) == ("redis://of-project:1/0", NOWHERE)
    assert of_project.data == tmp_path / "kept"


def test_a_project_that_cannot_be_read_matters_where_it_may_hold_the_address_of_redis(tmp_path: Path) -> None:
    file = written(tmp_path, f"project: langgraph.json\n{RIGHT}")
    with pytest.raises(ConfigError, match=r"there is no file .*langgraph\.json"):
        storage_settings(file, {})


def test_the_secrets_of_what_is_wrong_are_masked_all_the_same(tmp_path: Path) -> None:
    settings: StorageSettings = storage_settings(
        written(
            tmp_path,
            """
agents:
  a: {graf: "gone.py:graph", context: {api_token: context-secret}}
  b: {server: {url: "http://127.0.0.1:1", assistant: b, api_key: "server-secret"}}
oncall:
  ops: {pagerduty: {policy: 7, token: pager-secret, tiers: none}}
  cal: {ical: {url: "https://cal.example/path-secret.ics", nonsense: 1}}
  web: {http: {url: "https://web.example/hook-secret", headers: {X-Team: header-secret}, people: "]["}}
""",
        ),
        {**REDIS, "SLACK_BOT_TOKEN": "xoxb-secret"},
    )
    known = {
        "context-secret", "server-secret", "pager-secret", "https://cal.example/path-secret.ics", "xoxb-secret",
        "https://web.example/hook-secret", "header-secret",
    }  # fmt: skip
    assert known <= {*settings.secret_values}
    assert not any(each in repr(settings) for each in known)


def test_the_secrets_of_agents_that_are_no_mapping_are_masked_all_the_same(tmp_path: Path) -> None:
    file = written(tmp_path, "agents:\n- a: {graph: 'g.py:graph', context: {api_key: listed-secret}}\n")
    assert "listed-secret" in storage_settings(file, REDIS).secret_values


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_where_redis_is_down_one_sentence_says_so(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", NOWHERE)
    assert invoke([*command, "--config", str(written(tmp_path, RIGHT))]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        "REDIS_URL: Redis at 127.0.0.1:1 is unreachable. "
        "Start it, correct REDIS_URL, or unset it to use the private Valkey.\n"
    )


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_where_no_bot_ran_nothing_is_started_to_read_it(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REDIS_URL", raising=False)
    assert invoke([*command, "--config", str(written(tmp_path, RIGHT))]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        f"REDIS_URL: is not set, and no bot has stored anything in {tmp_path / '.signoff'}. "
        "Set it as for the bot, or name the bot's app.yaml with --config.\n"
    )
    assert [each.name for each in tmp_path.iterdir()] == ["app.yaml"]


async def test_the_start_and_the_check_refuse_a_node_of_a_cluster_that_is_named_as_a_single_server(
    tmp_path: Path, ring: Cluster
) -> None:
    file = written(tmp_path, RIGHT)
    address = f"127.0.0.1:{ring.primaries[0].port}"
    what = f"Redis at {address} is a node of a cluster"
    fix = "write redis+cluster://HOST:PORT,HOST:PORT, with some of its nodes"
    with pytest.raises(UnfitError) as unfit:
        await RealProbes().redis(f"redis://{address}", tmp_path)
    assert (unfit.value.what, unfit.value.fix) == (what, fix)
    with pytest.raises(ProblemsError) as caught:
        async with storage(storage_settings(file, {"REDIS_URL": f"redis://{address}"})):
            pass
    assert caught.value.problems == (ConfigProblem("REDIS_URL", what, fix),)


def test_a_node_of_a_cluster_whose_facts_are_hidden_is_known_by_its_answers() -> None:
    with pytest.raises(ProblemsError) as caught, _explained("h:7000"):
        raise MovedError("1 h:7001")
    assert str(caught.value) == (
        "REDIS_URL: Redis at h:7000 is a node of a cluster. "
        "Write redis+cluster://HOST:PORT,HOST:PORT, with some of its nodes."
    )
