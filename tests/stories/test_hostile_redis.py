"""Somebody else writes to the bot's Redis: nothing of it runs, and one conversation suffers at most."""

import asyncio
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ormsgpack
import pytest
import redis
from stories.world import World
from structlog.testing import capture_logs

from adapters.redis.keys import Keys

KEYS = Keys()
ROOT = Path(__file__).parents[2]


class Evil:
    """Leaves a file where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return os.system, (f"touch {self._mark}",)


def signoff(world: World, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run a command beside the bot."""
    environment = {**world.slack.environment(), "REDIS_URL": world.redis_url, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "bot", *words, "--config", str(world.folder / "app.yaml")]
    return subprocess.run(  # noqa: S603 - our own program
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def spoil(client: "redis.Redis", thread: str, words: list[bytes]) -> None:
    """Replace all that is kept of a thread, and add to what is kept of the bot."""
    for key in client.scan_iter(KEYS.every_key_of(thread), count=1_000):
        match client.type(key):
            case b"string" if b":fence:" not in key:
                client.set(key, words[0], keepttl=True)
            case b"hash":
                for field in client.hkeys(key):
                    client.hset(key, field, words[1])
            case b"list":
                client.rpush(key, *words)
    for number, word in enumerate(words):
        client.rpush(KEYS.mail(thread, "run"), word)
        client.hset(KEYS.dead(), f"evil {number}", word)
        client.zadd(KEYS.timers(), {word: 1.0, b"expire/" + word: float("inf")})
        client.zadd(KEYS.dirty(), {word: 1.0, b"run@" + thread.encode(): 1.0})
        client.publish(KEYS.bells(), word)


@pytest.mark.promise("P6")
@pytest.mark.parametrize("ack_timeout", [1.0])
@pytest.mark.usefixtures("ack_timeout")
async def test_what_another_program_writes_to_redis_runs_nothing_and_stops_one_conversation_at_most(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mark = tmp_path / "it ran"
    evil = pickle.dumps(Evil(mark))
    named = b"\0" + ormsgpack.packb(ormsgpack.Ext(0, ormsgpack.packb(["os", "system", f"touch {mark}"])))
    await world.start("yes_or_no")
    first = await world.asked("drop the table")
    second = await world.asked("drop the view")
    await world.at_rest()
    broken = world.thread(first)
    with redis.Redis.from_url(world.redis_url) as client, capture_logs() as said:
        spoil(client, broken, [evil, named, b'["k",1]\n' + evil])
        await first.click("Approve", stale=True)
        await world.bob.expect_message("#deploys", containing="couldn't", ephemeral=True)
        await second.click("Approve")
        await world.alice.expect_message("#deploys", containing="approved")
        await world.done("drop the view")
        await world.restart()
        third = await world.asked("drop the index")
        await third.click("Approve")
        await world.alice.expect_message("#deploys", containing="approved")
        await world.done("drop the view", "drop the index")

        listed = await asyncio.to_thread(signoff, world, "dead-letters")
        assert (listed.returncode, listed.stdout) == (0, "")
        assert len(listed.stderr.splitlines()) == 4, listed.stderr  # three letters, and that none is shown
        told = await asyncio.to_thread(signoff, world, "audit", broken, "--json")
        assert told.returncode == 0, told.stderr
        assert '"asked"' in told.stdout
        assert len(told.stderr.splitlines()) == 4, told.stderr  # three rows, and what was asked
        client.delete(KEYS.dead())
        client.set(KEYS.dead(), evil)
        refused = await asyncio.to_thread(signoff, world, "dead-letters")
        assert refused.returncode == 1
        assert "another type of value" in refused.stderr
        assert len(refused.stderr.splitlines()) == 1, refused.stderr
        client.delete(KEYS.dead(), KEYS.mail(broken, "run"))
    assert not mark.exists()
    lines = [each.getMessage() for each in caplog.records if each.name.startswith("adapters.redis")]
    assert len([each for each in lines if broken in each]) <= 4, lines
    assert not [each for each in caplog.records if each.exc_info]
    assert not [each for each in said if "exc_info" in each]
