"""Bells: a process that adds work but does not serve wakes the processes that do, by publish and subscribe.

The message is the name of a lane as it stands in the index of work, and is used for nothing else: a forged bell makes a
process look into a mailbox. A bell that nobody hears only costs time, because the sweep finds every lane with work
(`adapters.redis.mailbox`).

Hearing needs a connection of its own, since a subscribed one takes no other commands. While it is quiet it sends one
PING every `SILENCE` seconds, which detects a connection that died without notice.

In a cluster the nodes pass a message on to one another (https://valkey.io/topics/pubsub/), so each process rings and
hears at any node, and at another one when that fails. Sharded channels would spare the nodes these messages, but they
are few and small: only a process that does not serve rings. A node that left the cluster hears nothing, so it is left.
"""

from collections.abc import Callable, Iterable
from typing import Any

import redis
import redis.asyncio
from redis.exceptions import RedisError

from adapters.redis import mailbox
from adapters.redis.transport import deployments
from adapters.redis.transport.base import AsyncTransport
from adapters.redis.transport.failures import FailureLog
from adapters.redis.transport.scripts import Command
from engine.approvals.effects import Lane

SILENCE = 30.0
_BATCH = 500
_RINGING = "ringing the bells of other processes"
_HEARING = "hearing the bells of other processes"


class Bells:
    """The bells of one bot."""

    def __init__(
        self, database: AsyncTransport, channel: str, listening: deployments.Listening, failures: FailureLog
    ) -> None:
        self._database = database
        self._channel = channel
        self._listening = listening
        self._failures = failures

    async def ring(self, lanes: Iterable[Lane]) -> None:
        """Wake the processes that serve. Errors of Redis are logged, not raised."""
        calls = [Command("PUBLISH", self._channel, mailbox.write_lane(lane)) for lane in lanes]
        try:
            for start in range(0, len(calls), _BATCH):
                await self._database.run_all(*calls[start : start + _BATCH])
        except RedisError as error:
            self._failures.report_error(_RINGING, error)
        else:
            self._failures.clear(_RINGING)

    async def hear(self, wake: Callable[[Lane], None], goes_on: Callable[[], bool]) -> None:
        """Wake a lane for each bell, as long as it `goes_on`. Raises RedisError when the connection is lost."""
        pool = self._listening.pool()
        async with redis.asyncio.Redis.from_pool(pool) as client, client.pubsub() as heard:
            await heard.subscribe(self._channel)
            asked = False
            while goes_on():  # a cancellation can get lost: see `adapters.redis.lanes.lanes`
                message = await heard.get_message(timeout=SILENCE)
                if message is not None:
                    asked = False
                    self._failures.clear(_HEARING)
                    self._take(message, wake)
                elif asked:
                    raise redis.ConnectionError("the server does not answer")
                elif self._listening.is_over(pool):
                    raise redis.ConnectionError("the node has left the cluster")
                else:
                    await heard.ping()
                    asked = True

    def _take(self, message: Any, wake: Callable[[Lane], None]) -> None:
        if message["type"] != "message":
            return
        try:
            lane = mailbox.read_lane(message["data"])
        except ValueError:
            sentence = "a bell was rung that names no lane: another program writes to this Redis"
            self._failures.report(self._channel, sentence)
        else:
            wake(lane)

    def log_deafness(self, error: RedisError) -> None:
        """Log that bells are not heard at the moment."""
        self._failures.report_error(_HEARING, error)
