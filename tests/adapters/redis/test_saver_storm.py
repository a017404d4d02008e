"""The saver behaves as LangGraph's own in memory also where answers get lost: what is sent again is done once."""

import asyncio
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis
from fakes.broken_wire import BrokenWire, How, Line
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test
from support.saver_machine import SaverMachine

from adapters.redis.checkpointer.saver import AsyncRedisSaver
from adapters.redis.transport.multiplexed import Multiplexed


class Shaken(Multiplexed):
    """Has a client beside it, for what the test itself looks at."""

    client: redis.Redis


@contextmanager
def storm(redis_url: str) -> Iterator[tuple[AsyncRedisSaver, BrokenWire]]:
    """A saver on a loop of its own, over a wire of which every other connection is soon cut again."""
    dice = random.Random(1)  # noqa: S311 - the same storm each time

    def begin(line: Line) -> None:
        if line.number % 2:
            line.cut_reply(dice.randrange(150), dice.choice(("end", "reset")))

    started: asyncio.Queue[tuple[AsyncRedisSaver, BrokenWire]] = asyncio.Queue()
    over = asyncio.Event()

    async def main() -> None:
        wire = BrokenWire(redis_url, begin)
        async with wire.serving(), Shaken.from_url(wire.url) as transport:
            with redis.Redis.from_url(redis_url) as transport.client:
                started.put_nowait((AsyncRedisSaver(transport), wire))
                await over.wait()

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_until_complete, args=(main(),))
    thread.start()
    try:
        yield asyncio.run_coroutine_threadsafe(started.get(), loop).result(30)
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(30)
        loop.close()


@pytest.mark.promise("P1")
def test_it_is_as_the_saver_in_memory_though_answers_get_lost(redis_url: str) -> None:
    with storm(redis_url) as (shaken, wire):

        class Machine(SaverMachine):
            saver = shaken  # type: ignore[assignment]

            @rule(after=st.integers(0, 20), how=st.sampled_from(["end", "reset"]))
            def shake(self, after: int, how: How) -> None:
                if wire.lines:
                    wire.newest.cut_reply(after, how)

        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=60,
                stateful_step_count=25,
                deadline=None,
                database=None,
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
            ),
        )
        assert sum(line.lost.is_set() for line in wire.lines) > 15
