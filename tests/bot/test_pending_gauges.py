"""What /metrics says of pending requests: read from what is stored, so the same in each process."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from contracts.samples import NOW, an_approval
from redis.exceptions import ConnectionError as RedisDown

from bot.runtime import pending
from bot.runtime.pending import PendingGauges
from bot.telemetry import Metrics
from engine.approvals.approval import Approval
from engine.asks.ask import Kind
from engine.ids import AgentName, UserId
from engine.ports import Pending

HOUR = timedelta(hours=1)


class Stored:
    """What is stored: the same for each process."""

    def __init__(self, *approvals: Approval) -> None:
        self.approvals, self.down, self.looks = approvals, False, 0

    async def pending(self, most: int = 0) -> Sequence[Approval]:
        raise NotImplementedError

    async def counted(self, most: int) -> Sequence[Pending]:
        self.looks += 1
        if self.down:
            raise RedisDown("gone")
        return [Pending.of(each) for each in self.approvals[:most]]

    async def asked_by(self, user: UserId, most: int = 0) -> Sequence[Approval]:
        raise NotImplementedError

    async def lately(self, user: UserId, most: int) -> Sequence[Approval]:
        raise NotImplementedError


class Clock:
    def now(self) -> datetime:
        return NOW


def gauges(stored: Stored, metrics: Metrics) -> PendingGauges:
    return PendingGauges(listing=stored, agents=[AgentName("idle")], clock=Clock(), metrics=metrics)


def shown(metrics: Metrics) -> list[str]:
    lines = metrics.text().decode().splitlines()
    return [each for each in lines if each.startswith(("signoff_approvals_pending", "signoff_approvals_oldest"))]


def asked(agent: str, age: timedelta, kind: Kind = Kind.TOOL_CALL) -> Approval:
    sample = an_approval()
    return replace(sample, agent=AgentName(agent), created_at=NOW - age, ask=replace(sample.ask, kind=kind))


async def test_each_process_shows_what_is_stored_by_agent() -> None:
    stored = Stored(asked("deploy", HOUR), asked("deploy", 3 * HOUR), asked("refunds", HOUR, Kind.FAILURE))
    one, after_a_restart = Metrics(), Metrics()
    for metrics in (one, after_a_restart):
        await gauges(stored, metrics).refresh()
        assert shown(metrics) == [
            'signoff_approvals_pending{agent="idle"} 0.0',
            'signoff_approvals_pending{agent="deploy"} 2.0',
            'signoff_approvals_oldest_pending_seconds{agent="idle"} 0.0',
            'signoff_approvals_oldest_pending_seconds{agent="deploy"} 10800.0',
        ]
        assert metrics.registry.get_sample_value("signoff_approvals_open") == 3


async def test_scrapes_in_a_row_look_once(monkeypatch: pytest.MonkeyPatch) -> None:
    stored, metrics = Stored(asked("deploy", HOUR)), Metrics()
    both = gauges(stored, metrics)
    await both.refresh()
    await both.refresh()
    assert stored.looks == 1
    monkeypatch.setattr(pending, "FRESH", 0)
    stored.approvals = ()
    await both.refresh()
    assert shown(metrics) == [
        'signoff_approvals_pending{agent="idle"} 0.0',
        'signoff_approvals_oldest_pending_seconds{agent="idle"} 0.0',
    ]


async def test_nothing_is_shown_that_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """While Redis is away the other metrics are served, and no number that was right before."""
    monkeypatch.setattr(pending, "FRESH", 0)
    stored, metrics = Stored(asked("deploy", HOUR)), Metrics()
    both = gauges(stored, metrics)
    await both.refresh()
    stored.down = True
    await both.refresh()
    assert shown(metrics) == []
    assert metrics.registry.get_sample_value("signoff_approvals_open") is None
    stored.down = False
    await both.refresh()
    assert 'signoff_approvals_pending{agent="deploy"} 1.0' in shown(metrics)
