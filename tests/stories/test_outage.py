"""Redis goes away under a bot at work, and comes back: two lines in the log, and nothing is lost."""

import asyncio
import logging
import os
import signal
from pathlib import Path

import pytest
from stories.world import World, agent
from structlog.testing import capture_logs

from adapters.redis import embedded
from adapters.redis.embedded.server import pid_of

AWAY = 8.0
"""Seconds, in which every loop that asks Redis by itself asks it: the sweep, the timers, the leases."""


@pytest.mark.promise("P1")
async def test_an_outage_is_one_line_when_it_begins_and_one_when_it_ends(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "valkey"
    world.redis_url = await embedded.ensure(folder)  # not `running`, which would start it again by itself
    try:
        asking = agent("yes_or_no")
        await world.start(agents={"asking": asking, "slow": agent("slow", channels=["#general"])})
        card = await world.asked("drop the table")
        await world.at_rest()
        await world.alice.say("#general", "@signoff dig")
        await world.done("began dig")
        with caplog.at_level(logging.INFO), capture_logs() as said:
            os.kill(pid_of(folder), signal.SIGKILL)
            await asyncio.sleep(AWAY / 2)
            world.outside.door("first").set()  # a step ends while its checkpoint cannot be written
            world.outside.door("second").set()
            await asyncio.sleep(AWAY / 2)
            assert any("unreachable" in reason for reason in await world.bot.not_ready())
            await embedded.ensure(folder)
            await card.click("Approve")
            await world.alice.expect_message("#deploys", containing="approved")
            await world.alice.expect_message("#general", containing="dig is done")
            await world.at_rest()
        loud = [each["event"] for each in said if each["log_level"] not in ("debug", "info")]
        assert loud == [], said
        lines = [f"{each.name}: {each.getMessage()}" for each in caplog.records if each.levelno >= logging.WARNING]
        assert [line.partition(" at ")[0] for line in lines] == ["adapters.redis.transport.failures: Redis"] * 2, lines
        assert "does not answer" in lines[0]
        assert "answers again, after" in lines[1]
    finally:
        await world.stop()
        for _ in range(2):  # as often as it was asked for
            await embedded.release(folder)
