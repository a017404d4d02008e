"""What the log says of trouble with Redis: each fault once, however many tasks meet it and however often.

Decisions:
* An outage is one thing for the whole process. The connection that all share sees it first and last, so that it alone
  tells of it: one line when a call is given up, one line when the next is answered (`Outage`). Everybody else who meets
  a lost connection tries again in silence.
* A refusal (a key of another type, a server without memory) or a document that cannot be read is told where it is met,
  once for each place, until that place works again (`FailureLog`). What is found in Redis is never repeated in a line.
"""

import logging
import re
import time
from typing import Final

from redis.exceptions import ClusterDownError, NoPermissionError, OutOfMemoryError, RedisError, ResponseError

from adapters.redis.transport.errors import LOST, is_no_primary

log: Final = logging.getLogger(__name__)

_MOST = 10_000
_OF_THE_SERVER = re.compile(r"\b(OOM|MISCONF|NOREPLICAS|BUSY|CLUSTERDOWN|NOPERM)\b")


class Outage:
    """Whether a server answers, as its one shared connection sees it."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._began: float | None = None
        self._ended = 0.0

    def begin(self, error: Exception) -> None:
        """Say that a call was given up, where that is news."""
        if self._began is None:
            self._began = time.monotonic()
            log.warning("Redis at %s does not answer (%s): waiting for it", self._address, type(error).__name__)

    def end(self) -> None:
        """Say that Redis answers again, where it did not."""
        if self._began is not None:
            self._ended = time.monotonic()
            log.warning("Redis at %s answers again, after %.1f s", self._address, self._ended - self._began)
            self._began = None

    def explains(self, error: BaseException, since: float) -> bool:
        """Whether an error is that of an outage that was told, in the time since (`time.monotonic()`)."""
        return isinstance(error, LOST) and (self._began is not None or self._ended >= since)


class FailureLog:
    """Faults that last, by the place where they are met."""

    def __init__(self) -> None:
        self._told: dict[str, str] = {}

    def report(self, place: str, sentence: str) -> None:
        """Log a fault, unless it was the last that was met at this place."""
        if self._told.get(place) == sentence:
            return
        if len(self._told) >= _MOST:
            self._told.clear()
        self._told[place] = sentence
        log.error("%s", sentence)

    def report_error(self, place: str, error: RedisError) -> None:
        """Log that something does not work; a lost connection is told by `Outage`."""
        if not isinstance(error, LOST):
            self.report(place, f"{place}: {describe(error)}; trying again")

    def clear(self, place: str) -> None:
        """Forget a fault: what worked at this place is told anew when it fails again."""
        self._told.pop(place, None)


def describe(error: BaseException) -> str:
    """What went wrong, without anything that stands in Redis or in a URL."""
    text = str(error)
    if isinstance(error, ResponseError) and "WRONGTYPE" in text:
        return "a key of Redis holds another type of value than Signoff wrote"
    return f"Redis refuses it ({type(error).__name__})" if isinstance(error, RedisError) else type(error).__name__


def is_temporary(refusal: RedisError) -> bool:
    """Whether a refusal is about the server as it is now, so that the same call may work later.

    Any other is about what stands in the call's keys, and comes again each time.
    """
    passing = (*LOST, OutOfMemoryError, NoPermissionError, ClusterDownError)
    if isinstance(refusal, passing) or not isinstance(refusal, ResponseError):
        return True
    return is_no_primary(refusal) or _OF_THE_SERVER.search(str(refusal)) is not None
