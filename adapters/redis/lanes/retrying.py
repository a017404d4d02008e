"""Runs a call until Redis answers: what a lane has done is not forgotten because Redis restarts."""

import asyncio
from typing import TypeVar

from redis.exceptions import RedisError

from adapters.redis.transport.base import AsyncTransport
from adapters.redis.transport.failures import FailureLog, is_temporary
from adapters.redis.transport.scripts import RedisCall

_RETRY_SECONDS = 0.25
_WRITING = "writing to Redis"

R = TypeVar("R")


class RetryingCalls:
    """The calls of one service; a failure is logged once, until all of them go through again."""

    def __init__(self, database: AsyncTransport, failures: FailureLog) -> None:
        self._database = database
        self._failures = failures
        self._retrying: set[int] = set()

    async def run(self, call: RedisCall[R]) -> R:
        """Run a call until Redis answers.

        Raises redis.exceptions.ResponseError for what Redis would refuse each time.
        """
        try:
            while True:
                try:
                    return await self._database.run(call)
                except RedisError as error:
                    if not is_temporary(error):
                        raise
                    self._retrying.add(id(call))
                    self._failures.report_error(_WRITING, error)
                    await asyncio.sleep(_RETRY_SECONDS)  # a cancellation ends the loop here
        finally:
            self._retrying.discard(id(call))
            if not self._retrying:  # a server without memory still takes some calls
                self._failures.clear(_WRITING)
