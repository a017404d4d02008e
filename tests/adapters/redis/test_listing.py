"""Indexes for people: bounded, healed by those who look, and no obstacle to a decision."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

import pytest
from contracts.samples import ALICE, NOW, THREAD, an_approval, closed

from adapters.redis import key_kinds
from adapters.redis.keys import Keys
from adapters.redis.lanes.lanes import RedisLanes
from adapters.redis.lanes.timers import Timers
from adapters.redis.stores import listing as listings
from adapters.redis.stores.approvals import RedisApprovals
from adapters.redis.stores.indexes import MOST_RECENT, index_closed, index_pending
from adapters.redis.stores.listing import RedisListing
from adapters.redis.transport.connection import Database
from adapters.redis.transport.failures import FailureLog
from adapters.redis.transport.scripts import Command, RedisCall
from engine.approvals.approval import Approval
from engine.ids import ApprovalId
from engine.ports import Change

R = TypeVar("R")
KEYS = Keys()
ALL = KEYS.pending("all")


@pytest.fixture
def approvals(database: Database) -> RedisApprovals:
    return RedisApprovals(database, KEYS)


@pytest.fixture
def listing(database: Database, approvals: RedisApprovals) -> RedisListing:
    return RedisListing(database, KEYS, approvals)


def one(number: int) -> Approval:
    return replace(an_approval(), id=ApprovalId(f"{THREAD}#{number:016x}"), created_at=NOW + timedelta(minutes=number))


async def test_what_a_crash_left_in_an_index_is_taken_out_by_who_looks(
    database: Database, approvals: RedisApprovals, listing: RedisListing
) -> None:
    waits, over = one(1), one(2)
    for each in (waits, over):
        await approvals.create(Change(each))
    await approvals.save(Change(replace(closed(over), version=1)))
    for name in (over.id, f"{THREAD}#gone", "no name of an approval", b"\xff\xfe"):
        await database.run(Command("ZADD", ALL, 1, name))
    assert [each.id for each in await listing.pending()] == [waits.id]
    assert await database.run(Command("ZRANGE", ALL, 0, -1)) == [waits.id.encode()]


async def test_all_that_is_pending_can_be_read_piece_by_piece(
    database: Database, approvals: RedisApprovals, listing: RedisListing
) -> None:
    for number in range(120):
        await approvals.create(Change(one(number)))
    await approvals.save(Change(replace(closed(one(7)), version=1)))
    await database.run(Command("ZADD", ALL, 1, f"{THREAD}#gone", 2, "no name of an approval"))
    found = [each.created_at async for each in listing.every_pending()]
    assert found == [NOW + timedelta(minutes=number) for number in range(120) if number != 7]


async def test_what_ended_lately_is_found_for_all_people_once(approvals: RedisApprovals, listing: RedisListing) -> None:
    for number in range(4):
        await approvals.create(Change(one(number)))
        if number:
            at = NOW + timedelta(hours=number)
            await approvals.save(Change(replace(closed(one(number)), closed_at=at, version=1)))
    assert [each.id for each in await listing.closed_lately(2)] == [one(3).id, one(2).id]


async def test_at_no_moment_is_one_that_ends_in_neither_list(
    database: Database, approvals: RedisApprovals, listing: RedisListing
) -> None:
    """In a cluster these are calls to several nodes, and a process may die between any two of them."""
    over = replace(closed(one(1)), version=1)
    await approvals.create(Change(one(1)))
    await approvals.save(Change(over))
    await database.run_all(*index_pending(KEYS, over), Command("DEL", KEYS.recent(ALICE)))
    for call in index_closed(KEYS, over):
        await database.run(call)
        assert [each.id for each in await listing.closed_lately(5)] == [over.id]
    assert await database.run(Command("ZCARD", ALL)) == 0


@pytest.mark.promise("P1")
async def test_an_index_of_another_type_loses_no_request(
    database: Database, approvals: RedisApprovals, listing: RedisListing
) -> None:
    for key in (ALL, KEYS.pending(ALICE), KEYS.recent(ALICE)):
        await database.run(Command("SET", key, "another program's", "EX", 60))
    assert await approvals.create(Change(one(1)))
    assert len(await listing.asked_by(ALICE)) == 1
    assert await approvals.save(Change(replace(closed(one(1)), version=1)))
    assert len(await listing.lately(ALICE, 5)) == 1


async def test_an_approval_that_cannot_be_read_hides_no_other(
    database: Database, approvals: RedisApprovals, listing: RedisListing
) -> None:
    for number in range(3):
        await approvals.create(Change(one(number)))
    await database.run(Command("SET", KEYS.approval(THREAD, one(1).id), "1 x\nnonsense", "EX", 60))
    assert [each.id for each in await listing.pending()] == [one(0).id, one(2).id]


async def test_of_what_is_over_only_the_latest_is_kept(
    database: Database, approvals: RedisApprovals, listing: RedisListing
) -> None:
    for number in range(MOST_RECENT + 5):
        await approvals.create(Change(one(number)))
        over = replace(closed(one(number)), version=1, closed_at=NOW + timedelta(minutes=number))
        await approvals.save(Change(over))
    assert await database.run(Command("ZCARD", KEYS.recent(ALICE))) == MOST_RECENT
    assert (await listing.lately(ALICE, 1))[0].id == one(MOST_RECENT + 4).id
    assert await database.run(Command("ZCARD", ALL)) == 0


async def test_requests_from_before_there_was_an_index_are_found_after_a_start(
    database: Database, approvals: RedisApprovals, listing: RedisListing, redis_url: str
) -> None:
    await approvals.create(Change(one(1)))
    await database.run(Command("DEL", ALL, KEYS.pending(ALICE)))
    lanes = RedisLanes(database, KEYS, redis_url)
    await Timers(database, KEYS, lanes.put, FailureLog()).restore()
    assert len(await listing.pending()) == len(await listing.asked_by(ALICE)) == 1


class Reads:
    """A transport that counts the approvals and the requests that it brings."""

    def __init__(self, database: Database) -> None:
        self._database, self.documents, self.requests = database, 0, 0

    async def run(self, call: RedisCall[R]) -> R:
        return (await self.run_all(call))[0]

    async def run_all(self, *calls: RedisCall[R]) -> list[R]:
        for each in calls:
            if isinstance(each, Command) and each.words[0] == "MGET":
                requests = sum(f":{key_kinds.ASK.name}:" in str(key) for key in each.words)
                self.requests += requests
                self.documents += 0 if requests else len(each.words) - 1
        return await self._database.run_all(*calls)

    def scan(self, match: str) -> AsyncIterator[bytes]:
        return self._database.scan(match)


async def test_to_count_again_reads_a_bounded_number_and_finds_what_a_crash_left(
    database: Database, approvals: RedisApprovals
) -> None:
    reads = Reads(database)
    listing = RedisListing(reads, KEYS, RedisApprovals(reads, KEYS))
    for number in range(450):
        await approvals.create(Change(one(number)))
    assert len(await listing.counted(1_000)) == reads.documents == reads.requests == 450
    reads.documents = 0
    await database.run(Command("DEL", KEYS.approval(THREAD, one(300).id)))
    counts = [len(await listing.counted(1_000)) for _ in range(5)]
    assert counts[0] == 450
    assert counts[-1] == 449
    assert reads.documents <= 5 * 200


async def test_a_list_is_parsed_once_and_shows_each_write(approvals: RedisApprovals, listing: RedisListing) -> None:
    for number in range(2):
        await approvals.create(Change(one(number)))
    before = await listing.pending()
    assert await approvals.save(Change(replace(one(1), version=1, note="voted on")))
    after = await listing.pending()
    assert after[0] is before[0]
    assert [each.note for each in after] == ["", "voted on"]


async def test_the_request_of_what_is_listed_again_is_not_fetched_again(
    database: Database, approvals: RedisApprovals
) -> None:
    reads = Reads(database)
    listing = RedisListing(reads, KEYS, RedisApprovals(reads, KEYS))
    for number in range(3):
        await approvals.create(Change(one(number)))
    await listing.pending()
    reads.documents = reads.requests = 0
    assert len(await listing.pending()) == reads.documents == 3
    assert reads.requests == 0


async def test_no_other_look_makes_a_list_be_parsed_again(
    database: Database, approvals: RedisApprovals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listings, "MOST", 2)
    listing = RedisListing(database, KEYS, approvals)
    for number in range(6):
        await approvals.create(Change(one(number)))
    await approvals.save(Change(replace(closed(one(5)), version=1)))
    before = await listing.pending(2)
    assert len(await listing.counted(10)) == 5
    assert [each.id for each in await listing.lately(ALICE, 2)] == [one(5).id]
    assert len(await listing.asked_by(ALICE, 2)) == 2
    after = await listing.pending(2)
    assert all(one is other for one, other in zip(before, after, strict=True))


async def test_what_cannot_be_read_is_not_listed_and_stays_in_the_index(
    database: Database, approvals: RedisApprovals, listing: RedisListing
) -> None:
    for number in range(3):
        await approvals.create(Change(one(number)))
    key = KEYS.approval(THREAD, one(1).id)
    written = await database.run(Command("GET", key))
    await database.run(Command("SET", key, b"1 a\n{of a later version"))
    for _ in range(2):
        assert [each.id for each in await listing.pending()] == [one(0).id, one(2).id]
    await database.run(Command("SET", key, written))
    assert [each.id for each in await listing.pending()] == [one(0).id, one(1).id, one(2).id]
