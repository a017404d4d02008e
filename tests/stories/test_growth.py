"""However long a conversation has gone on, a step in it reads what is open and nothing of what is over."""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import pytest
import redis
from contracts.samples import an_ask
from fakes.people import Message
from stories.world import World

from adapters.redis.keys import Keys
from adapters.redis.stores.approvals import RedisApprovals
from adapters.redis.transport.base import AsyncTransport
from adapters.redis.transport.scripts import Command, RedisCall
from bot.wiring.ports import Ports
from engine.approvals.approval import Approval, State, open_reviews
from engine.ids import InterruptId, MessageTs, approval_id
from engine.ports import Change

R = TypeVar("R")
KILOBYTES = 20


@dataclass(slots=True)
class Wire:
    """What the store of approvals says to Redis, and how many bytes it is told."""

    database: AsyncTransport
    said: Counter[str] = field(default_factory=Counter)
    heard: int = 0

    async def run(self, call: RedisCall[R]) -> R:
        return (await self.run_all(call))[0]

    async def run_all(self, *calls: RedisCall[R]) -> list[R]:
        replies = await self.database.run_all(*calls)
        self.said.update(_name(each) for each in calls)
        self.heard += sum(map(_size, replies))
        return replies

    def scan(self, match: str) -> AsyncIterator[bytes]:
        return self.database.scan(match)


def _name(call: RedisCall[Any]) -> str:
    return str(call.words[0]) if isinstance(call, Command) else type(call).__name__


def _size(reply: Any) -> int:
    if isinstance(reply, list | tuple):
        return sum(map(_size, reply))
    return len(reply) if isinstance(reply, bytes) else 8


async def _decide_earlier(world: World, like: Approval, numbers: range) -> None:
    """Approvals of 20 kB each that were decided in a thread before, each with a card of its own."""
    ask = an_ask("deploy")
    ask = replace(ask, actions=(replace(ask.actions[0], value={"text": "x" * KILOBYTES * 1_000}),))
    for number in numbers:
        interrupt = InterruptId(f"earlier-{number}")
        approval = replace(
            like,
            id=approval_id(like.thread, interrupt, "digest"),
            interrupt=interrupt,
            ask=ask,
            reviews=open_reviews(ask, (like.reviews[0].policy,)),
            card=MessageTs(f"100.{number:06}"),
            state=State.PENDING,
            version=0,
        )
        await world.bot.ports.approvals.create(Change(approval))
        await world.bot.ports.approvals.save(Change(replace(approval, state=State.DELIVERED, version=1)))


def _told(redis_url: str) -> int:
    """The bytes that the server has sent to anybody."""
    with redis.Redis.from_url(redis_url) as client:
        info: Any = client.info("stats")
        return int(info["total_net_output_bytes"])


async def _ask_and_approve(world: World, what: str) -> Message:
    await world.alice.say("dm", what)
    card = await world.alice.expect_card("dm", containing=what)
    await card.click("Approve")
    await world.alice.expect_message("dm", containing="approved")
    await world.at_rest()
    return card


@pytest.mark.promise("P1")
async def test_a_message_and_a_click_read_no_history(world: World) -> None:
    wires: list[Wire] = []

    def watch(ports: Ports) -> None:
        assert isinstance(ports.approvals, RedisApprovals)
        wires.append(Wire(ports.approvals._database))
        ports.approvals = RedisApprovals(wires[0], Keys())

    world.alter = watch
    await world.start("yes_or_no")
    approval = await world.approval(await _ask_and_approve(world, "drop table 0"))
    (wire,) = wires
    seen: list[tuple[Counter[str], int, int]] = []
    for numbers in (range(10), range(10, 300)):
        await _decide_earlier(world, approval, numbers)
        await world.at_rest()
        wire.said, wire.heard, before = Counter(), 0, _told(world.redis_url)
        card = await _ask_and_approve(world, f"drop table {numbers.stop}")
        await world.alice.say("dm", "thanks", thread=card)  # below a closed card: it belongs to the same conversation
        last = await world.alice.expect_card("dm", containing="thanks")
        await world.at_rest()
        seen.append((Counter(wire.said), wire.heard, _told(world.redis_url) - before))
        await last.click("Approve")
        await world.alice.expect_message("dm", containing="approved")
    (few, few_bytes, few_sent), (many, many_bytes, many_sent) = seen
    assert set(many) == set(few)
    assert many.total() < few.total() + 10  # a lost race of two writes is run again
    assert many_bytes < few_bytes + KILOBYTES * 1_000
    assert many_sent < few_sent + KILOBYTES * 1_000
