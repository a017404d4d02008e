"""`signoff run --processes 2` on a Redis Cluster: a worker is killed, and nothing is lost."""

import signal

import pytest
from crash.harness import World
from crash.test_crash_workers import asked, metric, readiness, signoff_run
from fakes import servers
from fakes.people import Message

REQUESTS = 8


@pytest.fixture
def redis_url(ring: servers.Cluster) -> str:
    """The cluster."""
    return ring.url


@pytest.mark.promise("P1")
@pytest.mark.promise("P2")
@pytest.mark.promise("P7")
async def test_two_workers_on_a_cluster_lose_nothing_while_one_is_killed(world: World) -> None:
    world.configure("deploy")
    async with signoff_run(world, 2) as workers:
        address = await workers.ready()
        assert await readiness(address) == "ready\n"
        names = [f"service-{number:02}" for number in range(REQUESTS)]
        cards = await asked(world, *names)
        assert await metric(address, "signoff_approvals_pending") == REQUESTS
        world.dies("after answer")  # one worker, in the middle of a run
        for card in cards:
            await _approve(world, card)
        for card in cards:
            await card.becomes("Approved by", buttons=[])
        await workers.logged("a worker died and is started again", ended="signal SIGKILL")
        await workers.logged("a worker serves", times=3)
        done = sorted(f"deployed {name} x2" for name in names)
        await world.until(
            lambda: sorted({each for each in world.effects() if "deployed" in each}) == done, "all is done"
        )
        assert await metric(address, "signoff_approvals_pending") == 0
        assert await metric(address, "signoff_dead_letters_total") == 0
        workers.process.send_signal(signal.SIGTERM)
        assert await workers.ended() == 0


async def _approve(world: World, card: Message) -> None:
    """Press until the click is acked: it may reach the worker that dies."""
    while not (await card.click("Approve", by=world.bob, stale=True)).acked:
        if not (await card.now()).buttons:
            return
