"""Logs each failure of Redis once, however many tasks meet it and however often.

Decisions:
* An outage concerns the whole process. The shared connection sees it first and last, so it alone logs it: one line when
  a call is given up, one line when the next is answered (`Outage`). Everything else that meets a lost connection
  retries silently. Of a cluster one node may fail alone: the cluster logs that calls wait, its nodes log nothing.
* A refusal (a key of another type, a server without memory) or an unreadable document is logged where it is met, once
  for each place, until that place works again (`FailureLog`). Log lines never repeat what is stored in Redis.
"""

import logging
import re
import time
from typing import Final

from redis.exceptions import ClusterDownError, NoPermissionError, OutOfMemoryError, RedisError, ResponseError
from typing_extensions import override

from adapters.redis.transport.errors import LOST, is_no_primary

log: Final = logging.getLogger(__name__)

_MOST = 10_000
_TEMPORARY = re.compile(r"\b(OOM|MISCONF|NOREPLICAS|BUSY|CLUSTERDOWN|NOPERM)\b")


class Outage:
    """The outages of a server, as the one shared connection sees them."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._began: float | None = None
        self._ended = 0.0
        self.losses = 0
        """Counts the times at which acknowledged writes may have been lost: outages that ended, and fail-overs."""

    def begin(self, error: Exception) -> None:
        """Log that a call was given up, if no outage was logged yet."""
        if self._began is None:
            self._began = time.monotonic()
            log.warning("Redis at %s does not answer (%s): waiting for it", self._address, type(error).__name__)

    def end(self) -> None:
        """Log that Redis answers again, if an outage was logged."""
        if self._began is not None:
            self._ended = time.monotonic()
            log.warning("Redis at %s answers again, after %.1f s", self._address, self._ended - self._began)
            self._began = None
            self.losses += 1

    def ended_since(self, since: float) -> bool:
        """Tell whether an outage ended in the time since (`time.monotonic()`)."""
        return self._ended >= since

    def explains(self, error: BaseException, since: float) -> bool:
        """Tell whether an outage that was logged explains an error, in the time since (`time.monotonic()`)."""
        return isinstance(error, (*LOST, ClusterDownError)) and (self._began is not None or self._ended >= since)


class NoOutage(Outage):
    """The outages of a node of a cluster, which the cluster logs."""

    @override
    def begin(self, error: Exception) -> None:
        """Log nothing."""


class FailureLog:
    """Failures that last, by the place where they are met."""

    def __init__(self) -> None:
        self._logged: dict[str, str] = {}

    def report(self, place: str, sentence: str) -> None:
        """Log a failure, unless it was the last one logged for this place."""
        if self._logged.get(place) == sentence:
            return
        if len(self._logged) >= _MOST:
            self._logged.clear()
        self._logged[place] = sentence
        log.error("%s", sentence)

    def report_error(self, place: str, error: RedisError) -> None:
        """Log an error of Redis, but not a lost connection, which `Outage` logs."""
        if not isinstance(error, LOST):
            self.report(place, f"{place}: {describe(error)}; trying again")

    def clear(self, place: str) -> None:
        """Forget the failure of a place that works again: the next one is logged."""
        self._logged.pop(place, None)


def describe(error: BaseException) -> str:
    """Describe an error without repeating anything from Redis or from a URL."""
    text = str(error)
    if isinstance(error, ResponseError) and "WRONGTYPE" in text:
        return "a key of Redis holds another type of value than Signoff wrote"
    return f"Redis refuses it ({type(error).__name__})" if isinstance(error, RedisError) else type(error).__name__


def is_temporary(refusal: RedisError) -> bool:
    """Tell whether a refusal is about the server's current state, so that the same call may work later.

    Any other is about the content of the call's keys, and would come again each time.
    """
    passing = (*LOST, OutOfMemoryError, NoPermissionError, ClusterDownError)
    if isinstance(refusal, passing) or not isinstance(refusal, ResponseError):
        return True
    return is_no_primary(refusal) or _TEMPORARY.search(str(refusal)) is not None
