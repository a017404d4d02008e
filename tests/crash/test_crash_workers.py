"""`signoff run --processes N` as real processes: workers are killed, the supervisor is, and nothing is lost."""

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from crash.harness import World
from crash.tales import APPROVED
from crash.test_crash_reload import rules
from crash.test_crash_stopping import STEPS
from fakes.patience import PATIENCE
from fakes.people import Message, Person, wait_until

from adapters.slack.inbound.http import PATH


@dataclass(slots=True)
class Workers:
    """A supervisor and its workers. `lines` are the lines of its log so far."""

    world: World
    process: asyncio.subprocess.Process
    lines: list[dict[str, object]] = field(default_factory=list)

    async def logged(self, event: str, times: int = 1, **more: object) -> dict[str, object]:
        """Wait until a line was logged so often; gives the last one."""

        async def look() -> dict[str, object] | None:
            found = [each for each in self._lines() if each["event"] == event and more.items() <= each.items()]
            return found[times - 1] if len(found) >= times else None

        return await wait_until(look, instead=self.world.tail)

    def _lines(self) -> Iterator[dict[str, object]]:
        for line in (self.world.folder / "life-run.log").read_text().splitlines():
            if line.startswith("{"):
                yield json.loads(line)

    async def ready(self) -> str:
        """Wait until all workers serve; gives the address."""
        return str((await self.logged("ready"))["http"])

    def pids(self) -> dict[int, int]:
        """The process of each worker, as it was started last."""
        served = [each for each in self._lines() if each["event"] == "a worker serves"]
        return {int(str(each["worker"])): int(str(each["pid"])) for each in served}

    async def both_die(self, served: int) -> None:
        """Kill both, the second when the first serves again; so many have served before."""
        for number in (1, 2):
            os.kill(self.pids()[number], signal.SIGKILL)
            await self.logged("a worker serves", times=served + number)

    async def ended(self) -> int:
        """Its exit code."""
        return await asyncio.wait_for(self.process.wait(), PATIENCE)


@contextlib.asynccontextmanager
async def signoff_run(world: World, count: int) -> AsyncIterator[Workers]:
    """The command itself."""
    with (world.folder / "life-run.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "run", "--processes", str(count)),
            *("--config", str(world.folder / "app.yaml")),
            env=os.environ | world.environ,
            stdout=log,
            stderr=log,
        )
    try:
        yield Workers(world, process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def metric(address: str, sample: str) -> float:
    async with aiohttp.ClientSession() as client, client.get(f"{address}/metrics") as answer:
        text = await answer.text()
    return sum(float(value) for value in re.findall(rf"^{sample}(?:{{.*}})? (\S+)$", text, re.MULTILINE))


async def readiness(address: str) -> str:
    async with aiohttp.ClientSession() as client, client.get(f"{address}/readyz") as answer:
        return await answer.text()


async def asked(world: World, *texts: str) -> list[Message]:
    await asyncio.gather(*(world.ask(text) for text in texts))
    return [await world.bob.expect_card("#deploys", containing=text) for text in texts]


@pytest.mark.promise("P1")
@pytest.mark.promise("P7")
async def test_three_workers_lose_no_click_while_one_is_killed_and_reload_and_drain_together(world: World) -> None:
    world.configure("deploy", approvals=rules(["bob", "carol"]))
    async with signoff_run(world, 3) as workers:
        address = await workers.ready()
        assert await readiness(address) == "ready\n"
        for each in ("users.list", "conversations.list"):  # a worker that is started again asks its supervisor
            await world.slack.people.fault(method=each, error="missing_scope", times=99)

        names = [f"service-{number:02}" for number in range(12)]
        cards = await asked(world, *names)
        assert await metric(address, "signoff_approvals_pending") == len(cards)
        world.dies("after answer")  # one worker, in the middle of a run, with the clicks of the burst
        await asyncio.gather(*(world.approve(card) for card in cards))
        for card in cards:
            await card.becomes("Approved by", buttons=[])
        died = await workers.logged("a worker died and is started again")
        assert died["ended"] == "signal SIGKILL"
        await workers.logged("a worker serves", times=4)
        await world.at_rest()
        deployed = [each for each in world.effects() if each.startswith("deployed")]
        assert sorted(set(deployed)) == sorted(f"deployed {name} x2" for name in names)
        assert await metric(address, "signoff_approvals_pending") == 0

        counted = await metric(address, "signoff_clicks_total")
        assert counted > len(cards) / 2, "a worker that dies takes along what it counted just before, and no more"

        await world.slack.people.fault(reset=True)
        # A wrong file is refused by all, a good one is taken by all.
        world.configure("deploy", approvals=rules(["carol", "nobody"]))
        workers.process.send_signal(signal.SIGHUP)
        await workers.logged("the rules stay as they were, in all workers")
        assert "the rules of" in await readiness(address)
        world.configure("deploy", approvals=rules(["carol"]))
        workers.process.send_signal(signal.SIGHUP)
        await workers.logged("all workers reloaded")
        assert await metric(address, "signoff_reloads_total") == 2
        assert await metric(address, "signoff_clicks_total") == counted
        (last,) = await asked(world, "last")
        for _ in range(3):  # Slack delivers to all in turn
            await last.click("Approve", by=world.bob)
            await world.bob.expect_message("#deploys", containing="not an approver", ephemeral=True)
        await last.click("Approve", by=world.slack.person("carol"))
        await last.becomes("Approved by", buttons=[])

        workers.process.send_signal(signal.SIGTERM)
        assert await workers.ended() == 0
    assert not any(_lives(pid) for pid in workers.pids().values())


@pytest.mark.promise("P6")
async def test_a_worker_that_is_started_again_goes_by_the_variables_of_its_siblings(world: World) -> None:
    """`.env` was changed meanwhile. A reload brings it into the rules of all; what graphs find stays, for all."""
    bob, carol, env = world.bob, world.slack.person("carol"), world.folder / ".env"
    world.configure("region", approvals=[{"when": {"agent": "region"}, "approvers": {"users": ["${APPROVER}"]}}])
    env.write_text("APPROVER=bob\nREGION=north\n")
    async with signoff_run(world, 2) as workers:
        await workers.ready()
        env.write_text("APPROVER=carol\nREGION=south\n")
        await workers.both_die(served=2)
        assert "north" in await _decides(world, "one", bob, carol)

        workers.process.send_signal(signal.SIGHUP)
        await workers.logged("all workers reloaded")
        assert "north" in await _decides(world, "two", carol, bob)
        await workers.both_die(served=4)
        assert "north" in await _decides(world, "three", carol, bob)
        workers.process.send_signal(signal.SIGTERM)
        assert await workers.ended() == 0


@pytest.mark.promise("P6")
async def test_a_worker_that_is_started_again_during_a_reload_hears_nobody_before_its_end(world: World) -> None:
    sockets = world.slack.workspace.sockets
    world.configure("deploy", approvals=rules(["bob", "carol"]))
    async with signoff_run(world, 2) as workers:
        await workers.ready()
        assert sockets.count == 4
        os.kill(workers.pids()[1], signal.SIGSTOP)  # the reload waits for it
        world.configure("deploy", approvals=rules(["carol"]))
        workers.process.send_signal(signal.SIGHUP)
        os.kill(workers.pids()[2], signal.SIGKILL)
        await workers.logged("a worker waits for the reload that is under way", worker=2)
        assert sockets.count == 2
        os.kill(workers.pids()[1], signal.SIGCONT)
        await workers.logged("all workers reloaded")
        await workers.logged("a worker serves", times=3)
        assert sockets.count == 4
        await _decides(world, "one", world.slack.person("carol"), world.bob)
        workers.process.send_signal(signal.SIGTERM)
        assert await workers.ended() == 0


async def _decides(world: World, text: str, one: Person, other: Person) -> str:
    (card,) = await asked(world, text)
    for _ in range(2):  # Slack delivers to both workers in turn
        await card.click("Approve", by=other)
        await other.expect_message("#deploys", containing="not an approver", ephemeral=True)
    await card.click("Approve", by=one)
    await card.becomes("Approved by", buttons=[])
    return card.text


@pytest.mark.promise("P1")
async def test_workers_whose_supervisor_is_killed_drain_and_end(world: World) -> None:
    """A run of several steps rests at the end of its step, and the next bot goes on with it. Slack calls by HTTP."""
    world.configure("slow", mode="http")
    async with signoff_run(world, 2) as workers:
        world.slack.request_url = await workers.ready() + PATH
        await world.ask("the release")
        card = await world.bob.expect_card("#deploys", containing="Shall I begin?")
        await world.approve(card)
        await world.begun("begun 1")
        workers.process.kill()
        await workers.logged("the supervisor is gone: this worker drains and ends", times=2)
        world.open_door(1)

        async def ended() -> bool | None:
            return None if any(_lives(pid) for pid in workers.pids().values()) else True

        await wait_until(ended, instead=world.tail)
        assert world.effects()[-1] == "done 1"
    for number in (2, 3):
        world.open_door(number)
    world.begin()
    await world.alice.expect_message("#deploys", containing="All steps are done.")
    await world.end_all()
    assert world.effects() == ["approved True", *STEPS], "each step once"
    (await world.kept()).decided_once(*APPROVED.rows)


@pytest.mark.promise("P10")
async def test_a_graph_that_cannot_be_loaded_is_told_once(world: World) -> None:
    world.configure("nothing_of_this_name")
    async with signoff_run(world, 3) as workers:
        assert await workers.ended() == 1
    lines = (world.folder / "life-run.log").read_text().splitlines()
    told = [each for each in lines if "nothing_of_this_name" in each]
    assert len(told) == 1
    assert not told[0].startswith("{")


def _lives(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False
