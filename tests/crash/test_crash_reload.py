"""SIGHUP to real processes: each reads `app.yaml` for itself, and those that did not go on by what they read before."""

import asyncio
import os
import pty
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from crash.harness import World
from fakes.patience import PATIENCE
from fakes.people import Message

CAROL, BOTH = ["carol"], ["bob", "carol"]


def rules(users: Sequence[str]) -> list[Mapping[str, Any]]:
    return [{"when": {"agent": "deploy"}, "approvers": {"users": [*users]}}]


async def reloaded(world: World, users: Sequence[str], *lives: int) -> None:
    """Name these people in the file, and tell some processes."""
    before = {number: _times(world, number) for number in lives}
    world.configure("deploy", approvals=rules(users))
    for number in lives:
        os.kill(world.lives[number - 1].pid or 0, signal.SIGHUP)
    for number in lives:
        await world.until(lambda number=number: _times(world, number) > before[number], "it reloaded")  # type: ignore[misc]


def _times(world: World, number: int) -> int:
    log = (world.folder / f"life-{number}.log").read_text(errors="replace")
    return log.count('"event": "reloaded"') + log.count('"event": "the rules stay as they were"')


async def asked(world: World) -> Message:
    await world.ask("the release")
    return await world.bob.expect_card("#deploys", containing="Approve")


@pytest.mark.promise("P6")
async def test_a_process_reloads_on_sighup_and_keeps_the_old_rules_where_the_new_are_wrong(world: World) -> None:
    world.configure("deploy", approvals=rules(BOTH))
    world.begin()
    await world.ready(1)
    card = await asked(world)
    await reloaded(world, ["carol", "nobody"], 1)
    assert "nobody in this workspace is called" in (world.folder / "life-1.log").read_text()
    await reloaded(world, CAROL, 1)
    await card.click("Approve", by=world.bob)
    await world.bob.expect_message("#deploys", containing="no longer one of its approvers", ephemeral=True)
    await card.click("Approve", by=world.slack.person("carol"))
    await card.becomes("Approved by", buttons=[])
    await world.end_all()


@pytest.mark.promise("P6")
async def test_of_two_processes_one_reloaded(world: World) -> None:
    """Who is taken out decides nothing by way of the one that knows; nobody gains anything by either."""
    world.configure("deploy", approvals=rules(["bob"]))
    world.begin()
    await world.ready(1)
    card = await asked(world)
    world.configure("deploy", approvals=rules(CAROL))
    world.begin()  # a second process starts with the new file, which names other people for the same agent
    await world.ready(2)
    await world.at_rest()
    for _ in range(2):  # Slack delivers to both in turn
        await card.click("Approve", by=world.slack.person("carol"))
        await world.slack.person("carol").expect_message("#deploys", containing="not an approver", ephemeral=True)
    await reloaded(world, CAROL, 1)
    await card.click("Approve", by=world.bob)
    await world.bob.expect_message("#deploys", containing="no longer one of its approvers", ephemeral=True)
    assert (await card.now()).buttons
    await reloaded(world, ["bob"], 1, 2)
    await card.click("Approve", by=world.bob)
    await card.becomes("Approved by", buttons=[])
    await world.end_all()


HUNG_UP = """
import asyncio, sys
from pathlib import Path
from bot.commands.serve import hang_ups

async def main():
    stop = asyncio.Event()
    async with hang_ups(Path(sys.argv[1]).touch, stop):
        print("ready", flush=True)
        await stop.wait()
    Path(sys.argv[2]).touch()

asyncio.run(main())
"""


async def test_a_terminal_that_is_closed_stops_the_bot(tmp_path: Path) -> None:
    asked, stopped = tmp_path / "asked", tmp_path / "stopped"
    pid, terminal = await asyncio.to_thread(_in_terminal, [sys.executable, "-c", HUNG_UP, str(asked), str(stopped)])
    assert b"ready" in await asyncio.to_thread(os.read, terminal, 100)
    os.kill(pid, signal.SIGHUP)
    await _appears(asked)
    os.close(terminal)
    await _appears(stopped)
    assert os.waitstatus_to_exitcode((await asyncio.to_thread(os.waitpid, pid, 0))[1]) == 0


def _in_terminal(command: list[str]) -> tuple[int, int]:
    """A process with a terminal of its own."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(command[0], command)  # noqa: S606 - our own interpreter
    return pid, terminal


async def _appears(file: Path) -> None:
    async with asyncio.timeout(PATIENCE):
        while not file.exists():  # noqa: ASYNC110, ASYNC240 - another process makes it
            await asyncio.sleep(0.01)
