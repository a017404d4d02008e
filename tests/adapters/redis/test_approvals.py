from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
import redis
from contracts.samples import BOB, NOW, PLACE, THREAD, a_conversation, a_policy, an_approval, an_ask, an_entry, closed

from adapters.redis import codec, mailbox
from adapters.redis.key_kinds import MONTH
from adapters.redis.keys import Keys
from adapters.redis.stores.approvals import RedisApprovals
from adapters.redis.stores.audit import RedisAudit
from adapters.redis.stores.conversations import RedisConversations
from adapters.redis.transport.connection import Database
from adapters.redis.transport.scripts import RedisCall
from engine.approvals.approval import Approval, State, policies_of
from engine.approvals.audit import RETENTION, What
from engine.approvals.effects import DrawCard, Resume
from engine.approvals.events import Chose, Delivered, Opened
from engine.asks.ask import Choice, Json
from engine.authority.eligibility import AccountType, Facts
from engine.authority.policy import Deadlines
from engine.ids import MessageTs, SheetId, ThreadId, UserId
from engine.machine import step
from engine.ports import Change, OvertakenError

KEYS = Keys()
R = TypeVar("R")


class Counts:
    """A database that counts its round trips, and can fail one of them half way."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.trips = 0
        self.heard = 0
        self.sent = 0
        self.dies_after_first = False

    async def run(self, call: RedisCall[R]) -> R:
        self.trips += 1
        reply = await self._database.run(call)
        self.heard += len(repr(reply))
        return reply

    async def run_all(self, *calls: RedisCall[R]) -> list[R]:
        self.trips += 1
        self.sent += sum(len(str(word)) for call in calls for word in call.by_hash())
        if self.dies_after_first:
            await self._database.run(calls[0])
            raise redis.ConnectionError
        return await self._database.run_all(*calls)

    def scan(self, match: str) -> AsyncIterator[bytes]:
        return self._database.scan(match)


@pytest.fixture
def counts(database: Database) -> Counts:
    return Counts(database)


@pytest.fixture
def approvals(counts: Counts) -> RedisApprovals:
    return RedisApprovals(counts, KEYS)


@pytest.fixture
def client(redis_url: str) -> "Iterator[redis.Redis]":
    with redis.Redis.from_url(redis_url) as client:
        yield client


async def stored(approvals: RedisApprovals, approval: Approval) -> Approval:
    found = await approvals.get(approval.id)
    assert found is not None
    return found


@pytest.mark.promise("P1")
async def test_from_click_to_ack_there_are_two_round_trips(approvals: RedisApprovals, counts: Counts) -> None:
    deadlines = Deadlines((timedelta(minutes=1),), timedelta(hours=1))
    opened = step(an_approval(deadlines=deadlines), Opened(), NOW)
    await approvals.create(Change(opened.approval, opened.effects, opened.entries))
    counts.trips = 0
    before = await stored(approvals, opened.approval)
    taken = step(
        before,
        Chose(UserId(before.reviews[0].policy.sources[0].name), Facts(AccountType.MEMBER), 0, 1, Choice.APPROVE),
        NOW,
    )
    assert len(taken.effects) == 4
    assert await approvals.save(Change(taken.approval, taken.effects, taken.entries))
    assert counts.trips == 2


@pytest.mark.promise("P1")
async def test_lanes_are_marked_before_work_is_in_them(
    approvals: RedisApprovals, counts: Counts, client: "redis.Redis"
) -> None:
    """A crash in between leaves a mark without work, never work without a mark."""
    approval = an_approval()
    counts.dies_after_first = True
    with pytest.raises(redis.ConnectionError):
        await approvals.create(Change(approval, (Resume(approval.id), DrawCard(approval.id))))
    assert await approvals.get(approval.id) is None
    assert set(client.zrange(KEYS.dirty(), 0, -1)) == {
        f"run@{THREAD}".encode(),
        f"card/{approval.id.rpartition('#')[2]}@{THREAD}".encode(),
    }


async def test_a_message_carries_the_stamp_of_its_mark(approvals: RedisApprovals, client: "redis.Redis") -> None:
    approval = an_approval()
    await approvals.create(Change(approval, (Resume(approval.id), DrawCard(approval.id))))
    marks: Any = client.zrange(KEYS.dirty(), 0, -1, withscores=True)
    assert len(marks) == 2
    for name, score in marks:
        key = mailbox.box(KEYS, mailbox.read_lane(name))
        messages: Any = client.lrange(key, 0, -1)
        found = [mailbox.read(message, key) for message in messages]
        assert {each.stamp for each in found} == {int(score)}


@pytest.mark.promise("P1")
async def test_a_decision_that_is_stored_does_not_fail_by_an_index(
    approvals: RedisApprovals, client: "redis.Redis"
) -> None:
    """The index may be on another node, which refuses to write. The person who clicked would be told of an error."""
    asked = an_approval()
    assert await approvals.create(Change(asked))
    client.set(KEYS.pending("all"), "not what it was")  # ZREM is refused
    assert await approvals.save(Change(closed(await stored(approvals, asked))))
    assert (await stored(approvals, asked)).state is State.WITHDRAWN


async def test_effects_of_another_thread_are_refused(approvals: RedisApprovals) -> None:
    approval, other = an_approval(), an_approval(thread=ThreadId("T1:C1:9.9"))
    with pytest.raises(ValueError, match="another thread"):
        await approvals.create(Change(approval, (Resume(other.id),)))


# How long things stay -------------------------------------------------------------------------------------------------


def _thread_keys(client: "redis.Redis") -> dict[str, int]:
    keys = (KEYS.audit(THREAD), KEYS.conversation(THREAD))
    return {key: client.ttl(key) for key in keys}


async def test_what_waits_for_people_never_expires(
    approvals: RedisApprovals, database: Database, client: "redis.Redis"
) -> None:
    approval = an_approval()
    await RedisConversations(database, KEYS).save(a_conversation(), 1)
    assert client.ttl(KEYS.conversation(THREAD)) == MONTH.total_seconds()
    await approvals.create(Change(approval, entries=(an_entry(approval),)))
    await RedisConversations(database, KEYS).save(a_conversation(), 1)
    assert set(_thread_keys(client).values()) == {-1}
    assert client.ttl(KEYS.approval(THREAD, approval.id)) == -1


async def test_when_the_last_is_closed_the_thread_stays_for_a_month(
    approvals: RedisApprovals, database: Database, client: "redis.Redis"
) -> None:
    first, second = an_approval(interrupt="i1"), an_approval(interrupt="i2")
    await RedisConversations(database, KEYS).save(a_conversation(), 1)
    for each in (first, second):
        await approvals.create(Change(each, entries=(an_entry(each),)))
    await approvals.save(Change(closed(await stored(approvals, first))))
    assert client.ttl(KEYS.approval(THREAD, first.id)) == MONTH.total_seconds()
    assert set(_thread_keys(client).values()) == {-1}
    decided = replace(await stored(approvals, second), state=State.DECIDED)
    await approvals.save(Change(decided))
    assert set(_thread_keys(client).values()) == {-1}
    await approvals.save(Change(step(await stored(approvals, second), Delivered(), NOW).approval))
    assert _thread_keys(client) == {
        KEYS.audit(THREAD): RETENTION.total_seconds(),
        KEYS.conversation(THREAD): MONTH.total_seconds(),
    }
    assert not client.exists(KEYS.open(THREAD))


async def test_a_late_row_of_a_finished_thread_does_not_stay_for_ever(
    approvals: RedisApprovals, client: "redis.Redis"
) -> None:
    approval = closed(an_approval())
    await approvals.save(Change(approval, entries=(an_entry(approval),), touches=False))
    assert client.ttl(KEYS.audit(THREAD)) == RETENTION.total_seconds()


async def test_what_makes_a_closed_one_findable_goes_with_it(approvals: RedisApprovals, client: "redis.Redis") -> None:
    root = replace(PLACE, thread_ts=None)
    approval = replace(an_approval(), sheet=SheetId("sheet-1"), place=root, card=MessageTs("5.1"))
    indexes = [KEYS.sheet(THREAD, "sheet-1"), KEYS.card(THREAD, "5.1"), KEYS.policies(THREAD)]
    await approvals.create(Change(approval))
    assert not client.exists(*indexes)
    await approvals.save(Change(closed(await stored(approvals, approval))))
    assert {client.ttl(key) for key in indexes} == {MONTH.total_seconds()}
    client.delete(KEYS.approval(THREAD, approval.id))
    assert list(await approvals.of_sheet(THREAD, SheetId("sheet-1"))) == []
    assert list(await approvals.deciding(THREAD)) == []


@pytest.mark.promise("P6")
async def test_what_the_last_version_listed_is_found(approvals: RedisApprovals, client: "redis.Redis") -> None:
    """It kept one list of all approvals of a thread, and nothing by which to find one of the closed."""
    root, sheet = replace(PLACE, thread_ts=None), SheetId("sheet-1")
    closed_one = replace(an_approval(interrupt="i1", policy=a_policy(BOB)), sheet=sheet, place=root)
    open_one = replace(an_approval(interrupt="i2", at=NOW + timedelta(seconds=1)), sheet=sheet)
    for each in (closed_one, open_one):
        await approvals.create(Change(replace(each, card=MessageTs("5.1"))))
    await approvals.save(Change(closed(await stored(approvals, closed_one), State.DELIVERED)))
    client.delete(KEYS.sheet(THREAD, sheet), KEYS.card(THREAD, "5.1"), KEYS.policies(THREAD))
    listed = {each.id.rpartition("#")[2]: 1 for each in (closed_one, open_one)}
    for read, expected in (
        (lambda: approvals.of_sheet(THREAD, sheet), [closed_one.id, open_one.id]),
        (lambda: approvals.by_card(THREAD, MessageTs("5.1")), closed_one.id),
        (lambda: approvals.deciding(THREAD), {a_policy(BOB), a_policy()}),
    ):
        client.zadd(KEYS.approvals(THREAD), listed)
        found: Any = await read()
        if isinstance(expected, set):
            found = set(policies_of(found))
        elif isinstance(expected, list):
            found = [each.id for each in found]
        assert found == expected
        assert not client.exists(KEYS.approvals(THREAD))


@pytest.mark.promise("P9")
async def test_rows_leave_a_long_thread_when_they_are_older_than_the_audit_is_kept(database: Database) -> None:
    approvals = RedisApprovals(database, KEYS, audit_retention=timedelta(days=400))
    audit, now, approval = RedisAudit(database, KEYS, timedelta(days=400)), datetime.now(UTC), an_approval()
    ages = (900, 410, 396, 1, 0)
    rows = [replace(an_entry(approval), at=now - timedelta(days=age)) for age in ages]
    await approvals.create(Change(approval, entries=tuple(rows)))
    assert list(await audit.of_thread(THREAD)) == rows[2:]
    await audit.add(replace(rows[0], what=What.REFUSED))
    assert len(await audit.of_thread(THREAD)) == 4


@pytest.mark.promise("P9")
async def test_the_audit_of_an_earlier_version_gets_the_longer_time_at_the_next_write(
    approvals: RedisApprovals, client: "redis.Redis"
) -> None:
    approval = closed(an_approval())
    client.rpush(KEYS.audit(THREAD), codec.ENTRY.dump(an_entry(approval)))
    client.expire(KEYS.audit(THREAD), 60)
    await approvals.save(Change(approval, entries=(an_entry(approval),), touches=False))
    assert client.ttl(KEYS.audit(THREAD)) == RETENTION.total_seconds()


# What cannot be read --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("document", [b"", b"rubbish", b'1\n{"v":2,"d":{}}', b'1\n{"v":1,"d":{"id":"x"}}'])
async def test_an_unreadable_approval_names_its_key(
    approvals: RedisApprovals, client: "redis.Redis", document: bytes
) -> None:
    approval = an_approval()
    await approvals.create(Change(approval))
    key = KEYS.approval(THREAD, approval.id)
    client.set(key, document, ex=60)
    reads: list[Callable[[], Awaitable[Any]]] = [
        lambda: approvals.get(approval.id),
        lambda: approvals.open(THREAD),
        lambda: approvals.known([approval.id]),
    ]
    for read in reads:
        with pytest.raises(codec.UnreadableError) as refused:
            await read()
        assert refused.value.key == key
    assert not await approvals.create(Change(approval))


async def test_an_unreadable_row_or_conversation_names_its_key(
    database: Database, client: "redis.Redis", caplog: pytest.LogCaptureFixture
) -> None:
    client.rpush(KEYS.audit(THREAD), b"{}")
    client.expire(KEYS.audit(THREAD), 60)
    client.set(KEYS.conversation(THREAD), b"{}", ex=60)
    client.rpush(KEYS.audit(THREAD), codec.ENTRY.dump(an_entry(an_approval())))
    assert list(await RedisAudit(database, KEYS).of_thread(THREAD)) == [an_entry(an_approval())]
    assert ":audit number 0 cannot be read" in caplog.text
    with pytest.raises(codec.UnreadableError, match=":conversation"):
        await RedisConversations(database, KEYS).get(THREAD)


# What was asked -------------------------------------------------------------------------------------------------------


async def test_a_click_does_not_write_what_was_asked_again(
    approvals: RedisApprovals, counts: Counts, client: "redis.Redis"
) -> None:
    ask = an_ask("deploy")
    value: Json = {"text": "x" * 100_000}
    ask = replace(ask, payload=value, actions=(replace(ask.actions[0], value=value),))
    opened = step(an_approval(ask=ask), Opened(), NOW)
    await approvals.create(Change(opened.approval, opened.effects, opened.entries))
    assert 100_000 < _written(client) < 105_000
    before = await stored(approvals, opened.approval)
    chose = Chose(UserId(before.reviews[0].policy.sources[0].name), Facts(AccountType.MEMBER), 0, 1, Choice.APPROVE)
    taken = step(before, chose, NOW)
    counts.sent = 0
    assert await approvals.save(Change(taken.approval, taken.effects, taken.entries))
    assert counts.sent < 5_000
    assert await stored(approvals, opened.approval) == replace(taken.approval, version=2)


def _written(client: "redis.Redis") -> int:
    """The bytes that are stored of a thread."""
    return sum(int(client.memory_usage(key) or 0) for key in client.scan_iter(KEYS.every_key_of(THREAD)))


@pytest.mark.promise("P9")
async def test_what_was_asked_is_kept_as_long_as_the_audit(approvals: RedisApprovals, client: "redis.Redis") -> None:
    approval = an_approval()
    key = KEYS.ask(THREAD, approval.id)
    await approvals.create(Change(approval))
    assert client.ttl(key) == -1
    await approvals.save(Change(closed(await stored(approvals, approval))))
    assert client.ttl(key) == RETENTION.total_seconds()
    await approvals.save(Change(replace(await stored(approvals, approval), state=State.PENDING)))
    assert client.ttl(key) == -1
    client.delete(KEYS.approval(THREAD, approval.id))
    assert await approvals.get(approval.id) is None
    assert await approvals.ask(approval.id) == approval.ask


async def test_an_approval_of_the_last_version_is_read_and_goes_on(
    approvals: RedisApprovals, client: "redis.Redis"
) -> None:
    """It held what was asked in the approval itself."""
    approval = replace(an_approval(), version=1)
    client.set(KEYS.approval(THREAD, approval.id), b"1 abc\n" + codec.APPROVAL.dump(approval))
    client.sadd(KEYS.open(THREAD), approval.id.rpartition("#")[2])
    assert await approvals.get(approval.id) == approval
    assert await approvals.ask(approval.id) == approval.ask
    assert await approvals.save(Change(replace(approval, note="seen"), entries=(an_entry(approval),)))
    assert await approvals.get(approval.id) == replace(approval, note="seen", version=2)
    assert len(await RedisAudit(approvals._database, KEYS).of_thread(THREAD)) == 1
    assert client.exists(KEYS.ask(THREAD, approval.id))


# How much is read -----------------------------------------------------------------------------------------------------


@pytest.mark.promise("P1")
async def test_no_read_grows_with_the_history(approvals: RedisApprovals, counts: Counts) -> None:
    sheet, place = SheetId("sheet-1"), replace(PLACE, thread_ts=None)
    waiting = replace(an_approval(), sheet=sheet, place=place, card=MessageTs("5.1"))
    await approvals.create(Change(waiting))
    reads: list[Callable[[], Awaitable[Any]]] = [
        lambda: approvals.get(waiting.id),
        lambda: approvals.open(THREAD),
        lambda: approvals.known([waiting.id]),
        lambda: approvals.of_sheet(THREAD, sheet),
        lambda: approvals.by_card(THREAD, MessageTs("5.1")),
        lambda: approvals.deciding(THREAD),
    ]
    seen: list[list[tuple[int, int]]] = []
    for numbers in (range(10), range(10, 300)):
        for number in numbers:
            earlier = an_approval(interrupt=f"earlier-{number}", ask=an_ask("deploy" + "x" * 20_000))
            earlier = replace(earlier, place=place, card=MessageTs(f"4.{number}"))
            await approvals.create(Change(earlier))
            await approvals.save(Change(closed(replace(earlier, version=1))))
        seen.append([])
        for read in reads:
            counts.trips = counts.heard = 0
            await read()
            seen[-1].append((counts.trips, counts.heard))
    for (few, few_heard), (many, many_heard) in zip(*seen, strict=True):
        assert (few, abs(few_heard - many_heard) < 100) == (many, True)


# Size -----------------------------------------------------------------------------------------------------------------


async def test_a_pending_approval_takes_little_room(approvals: RedisApprovals, client: "redis.Redis") -> None:
    opened = step(an_approval(), Opened(), NOW)
    await approvals.create(Change(opened.approval, opened.effects, opened.entries))
    size = sum(client.memory_usage(key) or 0 for key in client.scan_iter())
    assert size < 2_500


@pytest.mark.promise("P7")
async def test_who_lost_the_lane_cannot_write_the_conversation(database: Database) -> None:
    conversations = RedisConversations(database, KEYS)
    await conversations.save(a_conversation(), 3)
    await database.client.set(KEYS.fence(THREAD), 4, ex=60)
    with pytest.raises(OvertakenError):
        await conversations.save(replace(a_conversation(), said="late"), 3)
    assert await conversations.get(THREAD) == a_conversation()
