"""The parts of the supervisor that are functions: cores, connections, sums of metrics."""

import os
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from adapters.slack.workspace.errors import SlackRefused
from bot.cli import invoke
from bot.rules.channel_names import ChannelNames
from bot.rules.group_names import GroupNames
from bot.rules.rulebook import KnownNames
from bot.supervisor.assignment import MOST_CONNECTIONS, connections_of
from bot.supervisor.cores import usable_cores
from bot.supervisor.sums import Sums
from bot.telemetry import GAUGES, Metrics, Waiting
from bot.wiring import slack
from bot.wiring.slack import slack_problem
from engine.ids import ChannelId, UserId
from engine.ports import ListedGroup, ListedPerson

CORES = usable_cores(Path("/nowhere"), Path("/nowhere"))
"""Of this machine, without a quota."""

needs_two = pytest.mark.skipif(CORES < 2, reason="a quota of one core shows nothing on a machine with one core")


# Cores ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "text", "cores"),
    [
        ("cpu.max", "max 100000", CORES),
        ("cpu.max", "50000 100000", 1),
        ("cpu.max", "100000 100000", 1),
        ("cpu.max", "150000 100000", 2),
        ("cpu.max", "6400000 100000", CORES),
        ("cpu.max", "nonsense", CORES),
        ("cpu/cpu.cfs_quota_us", "-1", CORES),
        ("cpu/cpu.cfs_quota_us", "100000", 1),
    ],
)
@needs_two
def test_the_quota_of_a_container_counts(file: str, text: str, cores: int, tmp_path: Path) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / file).write_text(f"{text}\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert usable_cores(tmp_path, Path("/nowhere")) == cores


@needs_two
def test_the_smallest_quota_on_the_way_up_counts(tmp_path: Path) -> None:
    (tmp_path / "own").write_text("0::/system.slice/signoff.service\n")
    service = tmp_path / "cgroup" / "system.slice" / "signoff.service"
    service.mkdir(parents=True)
    (service / "cpu.max").write_text("max 100000\n")
    (service.parent / "cpu.max").write_text("100000 100000\n")
    assert usable_cores(tmp_path / "cgroup", tmp_path / "own") == 1


@needs_two
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="macOS has no affinity")
def test_affinity_counts() -> None:
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert usable_cores() == 1
    finally:
        os.sched_setaffinity(0, before)


@pytest.mark.parametrize("wrong", ["0", "-1", "65", "1.5", "all", "", "²"])
def test_a_wrong_number_of_processes_is_said(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["run", f"--processes={wrong}"]) == 2
    assert f'"{wrong}" is not a number from 1 to 64, and not auto.' in capsys.readouterr().err


@pytest.mark.promise("P10")
@pytest.mark.parametrize("processes", ["2", "auto"])
def test_a_wrong_file_is_said_once(processes: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "app.yaml"
    file.write_text("agents: {a: {grph: 'x.py:graph', channels: ['#deploys']}}\n")
    assert invoke(["run", "--config", str(file), "--processes", processes]) == 1
    assert capsys.readouterr().err.count("there is no key") == 1


# Connections ----------------------------------------------------------------------------------------------------------


def test_two_supervisors_with_their_workers_stay_within_slacks_ten() -> None:
    for workers in range(2, 65):
        each = [connections_of(number, workers) for number in range(1, workers + 1)]
        assert 2 * sum(each) <= 2 * MOST_CONNECTIONS <= 10
        assert sum(each) >= 3, "one is open while Slack replaces another, also where a worker is being started again"
        assert len({*each} - {0}) == 1, "Slack spreads events over connections"


def test_it_is_said_where_slack_opens_no_more_connections() -> None:
    problem = slack_problem("SLACK_APP_TOKEN", SlackRefused("apps.connections.open", "too_many_websockets"))
    assert str(problem) == (
        "SLACK_APP_TOKEN: Slack allows an app 10 connections by Socket Mode, and all are in use. "
        "Stop other processes that use this app, or give them another app."
    )


# Names ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["internal_error", "ratelimited", "http_503"])
def test_a_slack_that_is_broken_is_no_fault_of_the_token(code: str) -> None:
    problem = slack_problem("SLACK_APP_TOKEN", SlackRefused("apps.connections.open", code))
    assert problem.where == "Slack"
    assert "Start again in a minute." in str(problem)


def test_names_mean_the_same_in_the_worker_that_gets_them() -> None:
    channels = ChannelNames({"#deploys": ChannelId("C1")}, {"#old": "is archived"}, {"#deploys": "x"}, ("#deploys",))
    people = {"alice": ListedPerson(UserId("U1")), "U2": ListedPerson(UserId("U2"), "a guest", outsider=True)}
    groups = GroupNames({"sre": ListedGroup("S1", "sre", frozenset({UserId("U1")}))}, {"sre": "S1"})
    known = KnownNames(people, channels.ids, channels.listed, groups)
    got_known, got_channels = slack._names().validate_json(slack._names().dump_json((known, channels)))
    assert (got_known, got_channels) == (known, channels)
    assert (got_known.groups.handles, got_channels.memory) == (groups.handles, channels.memory)


# Metrics --------------------------------------------------------------------------------------------------------------


def values(text: bytes) -> dict[str, float]:
    samples = (each for family in text_string_to_metric_families(text.decode()) for each in family.samples)
    return {f"{each.name}{sorted(each.labels.items())}" if each.labels else each.name: each.value for each in samples}


def test_every_gauge_says_how_it_is_combined() -> None:
    metrics = Metrics()
    metrics.show_waiting(0, {})
    ours = {name for name, kind, *_ in metrics.families() if kind == "gauge" and name.startswith("signoff_")}
    assert ours == {*GAUGES}


def test_counts_and_histograms_are_summed_and_survive_a_worker() -> None:
    sums, one, two = Sums(), Metrics(), Metrics()
    one.clicked("approve", "counted")
    two.clicked("approve", "counted")
    two.clicked("reject", "not_approver")
    two.closed("approved", 7)
    sums.note(1, one.families())
    sums.note(2, two.families())
    before = values(sums.text(1))
    assert before["signoff_clicks_total[('choice', 'approve'), ('result', 'counted')]"] == 2
    assert before["signoff_approval_decision_seconds_bucket[('le', '15.0'), ('outcome', 'approved')]"] == 1
    assert before["signoff_approval_decision_seconds_bucket[('le', '5.0'), ('outcome', 'approved')]"] == 0

    sums.end(2)
    after = values(sums.text(1))
    counts = [name for name in before if (name.startswith("signoff_") and "_total" in name) or "_bucket" in name]
    assert all(after[name] == before[name] for name in counts)

    again = Metrics()
    again.clicked("reject", "not_approver")
    sums.note(2, again.families())
    last = values(sums.text(1))
    assert last["signoff_clicks_total[('choice', 'reject'), ('result', 'refused')]"] == 2
    created = "signoff_clicks_created[('choice', 'reject'), ('result', 'refused')]"
    assert last[created] == before[created], "a counter that goes on was not made anew"


def test_gauges_go_by_what_they_show() -> None:
    sums, one, two = Sums(), Metrics(), Metrics()
    with one.run(), two.run():
        one.show_waiting(1, {"old": Waiting(1, 5.0)})  # read some scrapes ago
        two.show_waiting(3, {"deploy": Waiting(3, 60.0)})
        one.show_failing_source("ops", failing=True)
        two.show_failing_source("ops", failing=False)
        sums.note(1, one.families())
        sums.note(2, two.families())
    found = values(sums.text(2))
    assert found["signoff_runs_active"] == 2
    assert found["signoff_approvals_open"] == 3
    assert found["signoff_approvals_pending[('agent', 'deploy')]"] == 3
    assert "signoff_approvals_pending[('agent', 'old')]" not in found
    assert found["signoff_oncall_failing[('source', 'ops')]"] == 1
    assert {f"process_resident_memory_bytes[('worker', '{number}')]" for number in (1, 2)} <= found.keys()
    sums.end(1)
    assert values(sums.text(2))["signoff_runs_active"] == 1
