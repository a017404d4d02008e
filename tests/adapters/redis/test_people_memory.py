"""The names of people, as commands without a token of Slack read them."""

import pytest
from contracts.samples import ALICE, BOB, CAROL
from redis.exceptions import ResponseError

from adapters.redis.keys import Keys
from adapters.redis.stores.people import RedisPeopleMemory
from adapters.redis.transport.connection import Database
from adapters.redis.transport.scripts import Command
from engine.approvals.audit import RETENTION

KEYS = Keys()


@pytest.fixture
def memory(database: Database) -> RedisPeopleMemory:
    return RedisPeopleMemory(database, KEYS, "T1")


async def test_a_name_is_read_by_other_processes_and_replaced_by_a_newer_one(
    database: Database, memory: RedisPeopleMemory
) -> None:
    await memory.remember(ALICE, "alice")
    await memory.remember(BOB, "bob")
    await memory.remember(BOB, "robert")
    await memory.remember_address("https://acme.slack.com/")
    other = RedisPeopleMemory(database, KEYS, "T1")
    assert await other.remembered([ALICE, CAROL, BOB]) == {ALICE: "alice", BOB: "robert"}
    assert await other.address() == "https://acme.slack.com/"
    assert await other.remembered([]) == {}
    elsewhere = RedisPeopleMemory(database, KEYS, "T2")
    assert (await elsewhere.remembered([ALICE]), await elsewhere.address()) == ({}, "")


async def test_names_live_as_long_as_the_audit(database: Database, memory: RedisPeopleMemory) -> None:
    await memory.remember(ALICE, "alice")
    assert 0 < await database.run(Command("TTL", KEYS.people("T1"))) <= RETENTION.total_seconds()


async def test_a_key_of_another_type_is_replaced_by_who_writes(database: Database, memory: RedisPeopleMemory) -> None:
    await database.run(Command("SET", KEYS.people("T1"), "another program's", "EX", 60))
    with pytest.raises(ResponseError):
        await memory.remembered([ALICE])
    await memory.remember(ALICE, "alice")
    assert await memory.remembered([ALICE]) == {ALICE: "alice"}
