"""A short run of the chaos: three workers, killed and frozen, Redis stopped, Slack failing, and nothing lost.

`make chaos` does the same for half an hour. On a busy machine a worker may need long to start; nothing here has a time
by which it must have happened, but for the three minutes in which things fail.
"""

from pathlib import Path

import pytest

from bench.chaos.plan import Plan
from bench.chaos.run import chaos, clicks_in
from bench.chaos.table import table

pytestmark = [
    pytest.mark.timeout(900),
    *(pytest.mark.promise(each) for each in ("P1", "P2", "P3", "P5", "P6", "P7", "P8", "P9")),
]


async def test_nothing_is_lost_and_nothing_is_decided_twice(tmp_path: Path) -> None:
    report = await chaos(Plan(minutes=3, clicks=400, seed=4), tmp_path)
    again = f"To check it again: python -m bench.chaos.checker {tmp_path}/history.jsonl"
    assert not report.broken, f"{table(report)}\n{again}"
    assert report.acked > 100
    assert report.recorder.counts["workers killed"]


def test_a_shorter_run_has_fewer_clicks() -> None:
    assert [clicks_in(minutes) for minutes in (1, 3, 30, 60)] == [333, 1000, 10_000, 10_000]
