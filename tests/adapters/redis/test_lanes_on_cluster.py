"""What a node of a cluster may have lost when it failed: marks, timers and bells. Other nodes still have the rest."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from contracts.samples import THREAD, an_approval
from fakes import servers
from fakes.people import wait_until

from adapters.redis import mailbox
from adapters.redis.keys import Keys
from adapters.redis.lanes.bells import Bells
from adapters.redis.lanes.lanes import RedisLanes
from adapters.redis.stores.approvals import RedisApprovals
from adapters.redis.transport.cluster import Cluster
from adapters.redis.transport.deployments import Listening
from adapters.redis.transport.failures import FailureLog
from adapters.redis.transport.scripts import Command
from engine.approvals.effects import DrawCard, Effect, Lane, lane_of
from engine.authority.policy import Deadlines
from engine.machine import timers_of
from engine.ports import Change, Work

KEYS = Keys(spread=True)
LEASE = timedelta(seconds=0.4)


@pytest.fixture
async def database(ring: servers.Cluster) -> AsyncIterator[Cluster]:
    async with Cluster.from_url(ring.url) as database:
        yield database


async def put_without_mark(database: Cluster, effect: Effect, key: str) -> None:
    lane, stamp = lane_of(effect), mailbox.STAMPS.next()
    seen = KEYS.seen(lane.thread, lane.name, key)
    message = mailbox.write(key, stamp, effect)
    await database.run(mailbox.AppendMail(mailbox.box(KEYS, lane), seen, 60, stamp, message))


@pytest.mark.promise("P1")
async def test_work_and_timers_that_are_not_listed_are_found_at_the_start_and_after_a_fail_over(
    database: Cluster, ring: servers.Cluster
) -> None:
    waits = an_approval(deadlines=Deadlines(expires_after=timedelta(hours=1)), at=datetime.now(UTC))
    await RedisApprovals(database, KEYS).create(Change(waits))
    done: list[str] = []

    async def handle(work: Work) -> None:
        done.append(work.id)

    async def found(work: str) -> None:
        async def look() -> bool | None:
            timers = await database.run(Command("ZRANGE", KEYS.timers(), 0, -1))
            mine = sum(waits.id.encode() in each for each in timers)
            return True if work in done and mine == len(timers_of(waits)) > 0 else None

        await wait_until(look, instead=lambda: f"done: {done}")

    await put_without_mark(database, DrawCard(waits.id), "before the start")
    lanes = RedisLanes(database, KEYS, ring.url, lease=LEASE, outage=database.outage)
    serving = asyncio.create_task(lanes.serve(handle))
    try:
        await found("before the start")
        await database.run(Command("DEL", KEYS.timers()))
        await put_without_mark(database, DrawCard(waits.id), "later")
        database.outage.losses += 1
        await found("later")
    finally:
        serving.cancel()
        await asyncio.wait([serving])


async def test_a_bell_is_heard_at_another_node_when_that_of_the_listener_fails(
    database: Cluster, ring: servers.Cluster
) -> None:
    bells = Bells(database, KEYS.bells(), Listening(database, ring.url), FailureLog())
    heard: list[Lane] = []
    lane = Lane(THREAD, "run")
    over = asyncio.Event()

    async def listen() -> None:
        while not over.is_set():
            try:
                await bells.hear(heard.append, lambda: not over.is_set())
            except Exception:  # noqa: BLE001 - as the lanes do it, without their pause
                await asyncio.sleep(0.01)

    async def rung() -> bool | None:
        await bells.ring([lane])
        return True if heard else None

    await database.run(Command("PING"))
    listening = asyncio.create_task(listen())
    try:
        await wait_until(rung, instead=lambda: "not heard")
        for node in ring.primaries:
            node.execute("CLIENT", "KILL", "TYPE", "pubsub")
        heard.clear()
        await wait_until(rung, instead=lambda: "not heard again")
    finally:
        over.set()  # a cancellation can get lost: see `adapters.redis.lanes.lanes`
        listening.cancel()
        await asyncio.wait([listening])
