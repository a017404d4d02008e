"""Of the bench's figures those that are counts, not times: they hold on any machine."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fakes.valkey import redis_server, redis_url

from bench import clicks, hops, round_trips, size
from bench.slack import driver
from bench.subject import Behind
from bench.table import Bench, Table
from bot.config.entries import Mode

__all__ = ["redis_server", "redis_url"]


@pytest.fixture
async def bench(redis_url: str, tmp_path: Path) -> AsyncIterator[Bench]:
    """One short run."""
    async with driver() as slack:
        yield Bench(slack, redis_url, tmp_path, Table(), runs=1, quick=True)


async def test_a_click_on_what_another_process_asked_for_asks_redis_twice_before_its_ack(bench: Bench) -> None:
    assert await round_trips.of_a_click(bench) == 2


@pytest.mark.promise("P1")
@pytest.mark.parametrize("mode", Mode)
async def test_of_100_clicks_at_the_same_moment_each_is_acked_and_decides(bench: Bench, mode: Mode) -> None:
    """The bench presses 300: for those, three seconds are too few where the disk stalls."""
    became = await clicks.burst(bench, mode, Behind.LANES, 100)
    assert (became.lost, became.undecided) == (0, 0)


async def test_a_pending_approval_and_its_thread_take_less_than_6_kilobytes(bench: Bench) -> None:
    """With their entries in the indexes of all approvals, so a million of them take less than 6 GB."""
    assert await size.bytes_of_one(bench) < 6_000


async def test_every_hop_of_both_ways_through_is_listed_and_charged(bench: Bench) -> None:
    ways = await hops.listed(bench)
    asked, decided = ways[hops.ASK], ways[hops.DECIDE]
    assert {each["hop"] for each in asked["calls"]} >= {hops.MESSAGE, hops.LANES, "Hear", "DrawCard"}
    assert {each["hop"] for each in decided["calls"]} >= {hops.CLICK, hops.LANES, "Resume", "DrawCard"}
    assert len({each["trip"] for each in decided["calls"] if each["hop"] == hops.CLICK}) == 1
    for way, hop, reads in ((asked, "Hear", 3), (decided, "Resume", 2)):
        calls = [each["call"] for each in way["calls"] if each["hop"] == hop]
        assert calls.count("LoadCheckpoint") == reads, "before the run and after it; by it, where it is a new turn"
        assert calls.count("SMEMBERS open") == 1, "where no messages wait, a run's end looks once for what is open"
    first = [each["call"] for each in decided["calls"] if each["hop"] == "Resume"][:4]
    assert first == ["MGET approval", "GET conversation", "LoadCheckpoint", "PutWrites"], "and then the node runs"
    assert ["Resume", "LateGraphs.read_ahead", 1] in decided["tasks"], "the thread is read beside its approval"
    for way in ways.values():
        charged = {hop for hop, _, micros in way["cpu_us"] if micros > 0}
        assert charged >= {each["hop"] for each in way["calls"]}
        assert all(each["bytes_out"] and each["bytes_in"] and each["by"] for each in way["calls"])
