"""SIGTERM in the middle of a run of several steps: the process ends within 30 seconds, and the run goes on later."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator

import pytest
from crash.harness import World
from crash.sweep import EVERYTHING
from crash.tales import APPROVED
from fakes.patience import PATIENCE
from fakes.people import Message

SECONDS = 30.0
STEPS = tuple(f"{what} {number}" for number in (1, 2, 3) for what in ("begun", "done"))


async def begun(world: World) -> Message:
    await world.ask("the release")
    card = await world.bob.expect_card("#deploys", containing="Shall I begin?")
    await world.approve(card)
    await card.becomes("Approved by", buttons=[])
    await world.begun("begun 1")
    return card


async def finished(world: World, card: Message) -> None:
    await world.alice.expect_message("#deploys", containing="All steps are done.")
    await card.becomes("Approved by", buttons=[])
    await world.nothing_else()
    (await world.kept()).decided_once(*APPROVED.rows)


@pytest.mark.promise("P1")
async def test_a_run_rests_at_the_end_of_its_step_and_goes_on_with_the_next(world: World) -> None:
    world.configure("slow")
    first = world.begin()
    card = await begun(world)
    for number in (1, 2):
        life = world.lives[-1]
        await world.begun(f"begun {number}")
        os.kill(life.pid or 0, signal.SIGTERM)
        await world.until((world.folder / f"draining-{number}").exists, "it drains")
        world.open_door(number)
        await asyncio.to_thread(life.join, PATIENCE)
        assert life.exitcode == 0
        assert world.effects()[-1] == f"done {number}"
        world.begin()
    assert first is not world.lives[-1]
    world.open_door(3)
    await finished(world, card)
    assert world.effects() == ["approved True", *STEPS], "each step once"
    await world.end_all()


@pytest.mark.promise("P1")
async def test_the_command_ends_by_itself_and_goes_on_when_it_is_run_again(world: World) -> None:
    world.configure("slow")
    async with signoff_run(world) as process:
        card = await begun(world)
        process.send_signal(signal.SIGTERM)
        for number in (1, 2, 3):
            world.open_door(number)
        await ended(process)
    async with signoff_run(world) as process:
        await finished(world, card)
        assert world.effects() == ["approved True", *STEPS], "each step once"
        process.send_signal(signal.SIGTERM)
        await ended(process)


@pytest.mark.skipif(not EVERYTHING, reason="takes half a minute; SIGNOFF_CRASHES=all runs it")
@pytest.mark.promise("P1")
async def test_a_step_that_does_not_end_is_cut_off_in_time_and_begun_again(world: World) -> None:
    world.configure("slow")
    async with signoff_run(world) as process:
        card = await begun(world)
        process.send_signal(signal.SIGTERM)
        await ended(process)
    async with signoff_run(world):
        for number in (1, 2, 3):
            world.open_door(number)
        await finished(world, card)
    assert world.effects() == ["approved True", "begun 1", *STEPS]


@pytest.mark.skipif(not EVERYTHING, reason="takes half a minute; SIGNOFF_CRASHES=all runs it")
@pytest.mark.promise("P8")
async def test_a_card_whose_post_was_cut_off_is_not_posted_again(world: World) -> None:
    """Slack has the card; its answer did not come before the process had to go."""
    APPROVED.begin(world)
    first = world.begin("after:chat.draw:1:hang")
    await world.ask("billing")
    card = await world.bob.expect_card("#deploys", containing="Is this right?")
    os.kill(first.pid or 0, signal.SIGTERM)
    await asyncio.to_thread(first.join, SECONDS)
    assert first.exitcode == 0
    world.begin()
    await world.approve(card)
    await card.becomes("Approved by", buttons=[])
    await world.alice.expect_message("#deploys", containing="Shipped billing x2")
    await world.nothing_else()
    await world.end_all()


@contextlib.asynccontextmanager
async def signoff_run(world: World) -> AsyncIterator[asyncio.subprocess.Process]:
    """The command itself."""
    with (world.folder / "life-run.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "run", "--config", str(world.folder / "app.yaml")),
            env=os.environ | world.environ,
            stdout=log,
            stderr=log,
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def ended(process: asyncio.subprocess.Process) -> None:
    """It ends in time, and says that all is well."""
    began = time.monotonic()
    assert await asyncio.wait_for(process.wait(), 2 * SECONDS) == 0
    assert time.monotonic() - began < SECONDS
