"""Whatever another program writes into any key: nothing of it runs, it is told once, and other threads go on."""

import asyncio
import logging
import pickle
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import ormsgpack
import pytest
import redis
from contracts.lanes_contract import Recorder, say, served
from contracts.samples import THREAD, a_conversation, an_approval, an_entry
from contracts.waiting import wait_until
from fakes.patience import PATIENCE
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import empty_checkpoint

from adapters.redis.checkpointer.saver import AsyncRedisSaver, DamagedCheckpointError
from adapters.redis.checkpointer.serializer import GuardedSerializer
from adapters.redis.codec import UnreadableError
from adapters.redis.key_kinds import KINDS, KeyKind
from adapters.redis.keys import Keys
from adapters.redis.lanes.lanes import RedisLanes
from adapters.redis.stores.approvals import RedisApprovals
from adapters.redis.stores.audit import RedisAudit
from adapters.redis.stores.backlog import RedisBacklog
from adapters.redis.stores.conversations import RedisConversations
from adapters.redis.transport.multiplexed import Multiplexed
from engine.approvals.effects import Say, Timer
from engine.ids import ThreadId
from engine.ports import Change, Work

KEYS = Keys()
OTHER = ThreadId("T1:C1:200.000002")
VICTIM = an_approval()
LEASE = timedelta(seconds=0.2)
MOST_LINES = 3
"""That work of the thread failed, that it was given up, and that a deadline is not known: a line each."""
RAN: list[object] = []


def run(word: object) -> object:
    """What must not run."""
    RAN.append(word)
    return word


class Evil:
    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return run, ("unpickled",)


PICKLE = pickle.dumps(Evil())
EXT = ormsgpack.packb(ormsgpack.Ext(0, ormsgpack.packb([__name__, "run", "x"])))
DEEP = b"[" * 50_000
WORDS: Mapping[str, bytes] = {
    "a pickle": PICKLE,
    "a type of msgpack": EXT,
    "deep JSON": DEEP,
    "a message of a pickle": b'["k",1]\n' + PICKLE,
    "an odd message": b'[{"a":1},"x"]\n{"v":1,"d":{"is":"PassOn","thread":"t"}}',
    "an approval of a pickle": b"1 abc\n" + PICKLE,
    "a checkpoint of a type": b"\0" + EXT,
    "a document of another form": b'{"v":1,"d":{"is":["x"],"id":7}}',
    "a time without end": b'{"v":1,"d":{"at":"0001-01-01T00:00:00+23:59","thread":"t"}}',
    "a time beyond all": b'inf\n{"v":1,"d":{}}',
    "nothing": b"",
}


def write(client: "redis.Redis", key: str, kind: str, word: bytes) -> None:
    """Put a word into a key as a value of some type, in place of what stands there or, for one of our type, beside."""
    if client.type(key) not in (kind.encode(), b"none"):
        client.delete(key)
    match kind:
        case "string":
            client.set(key, word)
        case "list":
            client.lpush(key, word)
        case "set":
            client.sadd(key, word)
        case "zset":
            client.zadd(key, {word: float("-inf"), word + b"2": float("inf"), b"\xff" + word: 1.5})
        case "hash":
            for field in [*client.hkeys(key), b"field"]:
                client.hset(key, field, word)


@dataclass
class Bot:
    """The stores and lanes of one bot, without Slack and graphs: the handler reads all that it has of a thread."""

    lanes: RedisLanes
    approvals: RedisApprovals
    audit: RedisAudit
    conversations: RedisConversations
    saver: AsyncRedisSaver
    backlog: RedisBacklog

    async def handle(self, work: Work) -> None:
        thread = work.lane.thread
        await self.approvals.open(thread)
        await self.conversations.get(thread)
        await self.conversations.save(a_conversation(thread), work.fence)
        await self.conversations.of_channel(a_conversation(thread).place.channel)
        await self.audit.of_thread(thread)
        await self.backlog.all()
        await self.backlog.of(["field"])
        await self.backlog.is_buried(VICTIM.place.channel)
        at: RunnableConfig = {"configurable": {"thread_id": thread, "checkpoint_ns": ""}}
        await self.saver.aget_tuple(at)
        versions = {"x": self.saver.get_next_version(None, None)}
        checkpoint = empty_checkpoint() | {"channel_values": {"x": 1}, "channel_versions": versions}
        made = await self.saver.aput(at, checkpoint, {"source": "loop"}, versions)  # type: ignore[arg-type]
        await self.saver.aput_writes(made, [("x", 2)], "task")
        await self.lanes.set_timer(VICTIM.id, Timer.REMIND, VICTIM.created_at + timedelta(days=3650))


@pytest.fixture
async def bot(redis_url: str) -> AsyncIterator[Bot]:
    RAN.clear()
    async with Multiplexed.from_url(redis_url) as database:
        lanes = RedisLanes(database, KEYS, redis_url, lease=LEASE, attempts=2)
        saver = AsyncRedisSaver(database, serde=GuardedSerializer(secret="s"))
        yield Bot(
            lanes,
            RedisApprovals(database, KEYS),
            RedisAudit(database, KEYS),
            RedisConversations(database, KEYS),
            saver,
            RedisBacklog(database, KEYS),
        )
    assert RAN == []


def key_of(kind: KeyKind) -> str:
    match kind.name:
        case "mail" | "lease" | "fence" | "tries":
            return str(getattr(KEYS, kind.name)(THREAD, "chat"))
        case "approval":
            return KEYS.approval(THREAD, VICTIM.id)
        case "talks":
            return KEYS.talks(VICTIM.place.channel)
        case "seen":
            return KEYS.seen(THREAD, "chat", "k2")
    build = getattr(KEYS, kind.name)
    return str(
        build(THREAD, *["x"] * (build.__code__.co_argcount - 2))
        if kind.of_thread
        else build(*["x"] * (build.__code__.co_argcount - 1))
    )


def waiting(client: "redis.Redis", thread: str) -> int:
    """How many messages wait; a box of another type is one."""
    try:
        return int(client.llen(KEYS.mail(thread, "chat")))
    except redis.ResponseError:
        return 1


@pytest.mark.parametrize("name", [kind.name for kind in KINDS])
async def test_other_threads_go_on(name: str, bot: Bot, redis_url: str, caplog: pytest.LogCaptureFixture) -> None:
    kind = next(each for each in KINDS if each.name == name)
    done: set[str] = set()

    async def respond(work: Work) -> None:
        await bot.handle(work)
        if isinstance(work.effect, Say):
            done.add(work.effect.text)

    with redis.Redis.from_url(redis_url) as client:
        for type_, word in _values(kind):
            client.flushall()
            done.clear()
            caplog.clear()
            await bot.approvals.create(Change(VICTIM, (), (an_entry(VICTIM),)))
            await bot.lanes.put(say(1, THREAD), "k1")
            write(client, key_of(kind), type_, word)
            with caplog.at_level(logging.WARNING):
                async with served(bot.lanes, Recorder(respond)):
                    await wait_until(lambda: client.type(KEYS.dirty()) != b"string")
                    await _insist(bot)
                    await wait_until(lambda: "2" in done)
                    await wait_until(lambda: client.type(KEYS.timers()) in (b"zset", b"none"))
            told = [each.getMessage() for each in caplog.records]
            assert len(told) == len(set(told)) <= MOST_LINES, told
            assert not [each for each in caplog.records if each.exc_info or "\n" in each.getMessage()]
        client.flushall()


def _values(kind: KeyKind) -> Iterator[tuple[str, bytes]]:
    """Each word as a value of the type that the key has, and one as a value of each other type."""
    for word in WORDS.values():
        yield kind.type, word
    for type_ in ("string", "list", "set", "zset", "hash"):
        if type_ != kind.type:
            yield type_, PICKLE


async def _insist(bot: Bot) -> None:
    """Put work of another thread, again where an index is not ours yet."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await bot.lanes.put(say(2, OTHER), "k2")
            except redis.ResponseError:
                await asyncio.sleep(0.01)
            else:
                return


@pytest.mark.promise("P9")
async def test_what_cannot_be_read_of_audit_and_dead_letters_leaves_the_rest(
    bot: Bot, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    await bot.audit.add(an_entry(VICTIM))

    async def fail(_: Work) -> None:
        raise ValueError("not today")

    with redis.Redis.from_url(redis_url) as client:
        async with served(bot.lanes, Recorder(fail)):
            await bot.lanes.put(say(1), "k1")
            await wait_until(lambda: client.hlen(KEYS.dead()) == 1)
        for number, word in enumerate(WORDS.values()):
            client.rpush(KEYS.audit(THREAD), word)
            client.hset(KEYS.dead(), f"evil {number}", word)
        caplog.clear()
        assert list(await bot.audit.of_thread(THREAD)) == [an_entry(VICTIM)]
        assert [letter.effect for letter in await bot.lanes.dead_letters()] == [say(1)]
    assert len(caplog.records) == 2 * len(WORDS)
    assert not [each for each in caplog.records if "\n" in each.getMessage() or each.exc_info]


async def test_an_approval_that_cannot_be_read_is_no_approval(bot: Bot, redis_url: str) -> None:
    """Nothing fails open: the thread has an error, and not an approval less."""
    with redis.Redis.from_url(redis_url) as client:
        for word in WORDS.values():
            await bot.approvals.create(Change(VICTIM))
            client.set(KEYS.approval(THREAD, VICTIM.id), word)
            with pytest.raises(UnreadableError):
                await bot.approvals.get(VICTIM.id)
            with pytest.raises(UnreadableError):
                await bot.approvals.open(THREAD)
        client.flushall()


@pytest.mark.parametrize("word", list(WORDS))
async def test_a_checkpoint_record_that_is_none_is_named(bot: Bot, redis_url: str, word: str) -> None:
    at: RunnableConfig = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
    await bot.saver.aput(at, {**empty_checkpoint(), "id": "1"}, {"source": "loop"}, {})
    with redis.Redis.from_url(redis_url) as client:
        for field in client.hkeys(KEYS.state("t")):
            client.hset(KEYS.state("t"), field, WORDS[word])
    with pytest.raises((DamagedCheckpointError, redis.ResponseError)):
        await bot.saver.aget_tuple(at)
