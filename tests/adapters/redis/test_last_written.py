"""A process writes upon what it remembers of an approval only while exactly that is stored."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, TypeVar

import pytest
import redis
from contracts.samples import an_approval, an_ask, closed

from adapters.redis.keys import Keys
from adapters.redis.stores import last_written
from adapters.redis.stores.approvals import RedisApprovals
from adapters.redis.stores.last_written import LastWritten
from adapters.redis.transport.multiplexed import Multiplexed
from adapters.redis.transport.scripts import RedisCall
from engine.approvals.approval import Approval
from engine.asks.ask import Json
from engine.ports import Change

KEYS = Keys()
FIRST = an_approval()
STORED = replace(FIRST, version=1)

R = TypeVar("R")


class Cut:
    """A connection that is lost after each script, once it `cuts`."""

    def __init__(self, database: Multiplexed) -> None:
        self._database = database
        self.cuts = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    async def run(self, call: RedisCall[R]) -> R:
        reply = await self._database.run(call)
        if self.cuts and call.by_hash()[0] == "EVALSHA":
            raise redis.ConnectionError("the answer is lost")
        return reply


@pytest.fixture
async def database(redis_url: str) -> AsyncIterator[Multiplexed]:
    async with Multiplexed.from_url(redis_url) as database:
        yield database


@pytest.fixture
async def ours(database: Multiplexed) -> RedisApprovals:
    """The store of the process that created the approval."""
    ours = RedisApprovals(database, KEYS)
    assert await ours.create(Change(FIRST))
    return ours


def noted(approval: Approval | None, note: str) -> Change:
    assert approval is not None
    return Change(replace(approval, note=note))


async def test_what_was_written_last_is_remembered_until_it_is_closed(ours: RedisApprovals) -> None:
    assert ours.remembered(FIRST.id) == STORED
    assert await ours.save(noted(STORED, "one"))
    assert ours.remembered(FIRST.id) == await ours.get(FIRST.id) == replace(STORED, note="one", version=2)
    assert await ours.save(Change(replace(STORED, note="two", version=2), touches=False))
    assert ours.remembered(FIRST.id) == replace(STORED, note="one", version=2)
    assert await ours.save(Change(closed(replace(STORED, version=2))))
    assert ours.remembered(FIRST.id) is None


@pytest.mark.promise("P4")
async def test_what_a_graph_does_later_to_the_objects_of_its_request_changes_no_memory(database: Multiplexed) -> None:
    ours = RedisApprovals(database, KEYS)
    payload: dict[str, Json] = {"service": "billing"}
    approval = an_approval(ask=replace(an_ask(), payload=payload))
    assert await ours.create(Change(approval))
    payload["service"] = "everything"
    remembered = ours.remembered(approval.id)
    assert remembered is not None
    assert remembered == await ours.get(approval.id)
    assert remembered.ask.payload == {"service": "billing"}


@pytest.mark.promise("P2")
async def test_what_another_process_wrote_since_is_not_overwritten(ours: RedisApprovals, database: Multiplexed) -> None:
    theirs = RedisApprovals(database, KEYS)
    assert theirs.remembered(FIRST.id) is None
    assert await theirs.save(noted(await theirs.get(FIRST.id), "theirs"))
    assert not await ours.save(noted(ours.remembered(FIRST.id), "ours"))
    assert ours.remembered(FIRST.id) is None
    stored = await ours.get(FIRST.id)
    assert stored == replace(STORED, note="theirs", version=2)
    assert await ours.save(noted(stored, "ours"))


@pytest.mark.promise("P2")
async def test_another_write_of_the_same_version_is_not_overwritten(
    ours: RedisApprovals, database: Multiplexed, redis_url: str
) -> None:
    """As after a backup was restored: what this process remembers never happened."""
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    assert await RedisApprovals(database, KEYS).create(Change(replace(FIRST, note="theirs")))
    assert not await ours.save(noted(ours.remembered(FIRST.id), "ours"))
    stored = await ours.get(FIRST.id)
    assert stored == replace(STORED, note="theirs")
    assert await ours.save(noted(stored, "ours"))


@pytest.mark.promise("P1")
async def test_a_write_of_which_nobody_knows_ends_the_memory(database: Multiplexed) -> None:
    cut = Cut(database)
    ours = RedisApprovals(cut, KEYS)
    assert await ours.create(Change(FIRST))
    cut.cuts = True
    with pytest.raises(redis.ConnectionError):
        await ours.save(noted(ours.remembered(FIRST.id), "one"))
    assert ours.remembered(FIRST.id) is None


def test_a_large_request_and_the_oldest_are_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_written, "MOST", 3)
    written = LastWritten()
    large = an_approval(ask=replace(an_ask(), payload="x" * (last_written.LARGEST + 1)))
    written.begin(large, "name")
    assert written.get(large.id) is None
    many = [an_approval(interrupt=f"i{number}") for number in range(5)]
    for each in many:
        written.begin(each, "name")
    assert [written.get(each.id) is not None for each in many] == [False, False, True, True, True]
    assert written.taken(replace(many[2], version=7)) is None
    assert written.taken(many[3]) == "name"
    assert [written.get(each.id) is not None for each in many[2:]] == [False, False, True]
