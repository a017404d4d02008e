"""Waits until replicas have what is acknowledged to people.

Redis replicates asynchronously: if a primary dies, its replica takes over without the last writes, though they were
answered. With `?wait=1` in REDIS_URL a script that is marked as `ACKED` is followed by WAIT, so a click, a message or a
form is on so many replicas before Slack is told "ok" (P1), and so is the claim of a lane before its work begins: two
processes never have the same token (P7). What else the bot does is not waited for: what is lost of that is done again.

* WAIT holds up its connection. So these scripts have a second connection to the server, and everything else goes on
  meanwhile. It is one for all of them: WAITs that come together are answered together.
* WAIT covers what its connection wrote (https://valkey.io/commands/wait/). A call may be repeated on a new one, because
  its answer got lost, so such a script writes something even where it finds its own write.
* If too few replicas answer within `WAIT_MS`, the call succeeds all the same, and the log says so: the decision is
  stored and takes effect, so an error would not be true, and a cluster whose only replica took over would take no
  decisions. From then on nobody waits, until replicas answer in time again. To refuse decisions instead, set
  `min-replicas-to-write 1` on the servers: then they refuse before they write.
* WAIT does not choose the replica that takes over. With more than one for each primary, wait for all but one of them.
"""

import logging
from collections.abc import Iterable
from typing import Any, Final

from adapters.redis.transport.scripts import Arg, RedisCall, Script

WAIT_MS = 500
"""Milliseconds that replicas have to answer: less than people notice, and much more than the next zone takes."""

log: Final = logging.getLogger(__name__)


def is_acked(calls: Iterable[RedisCall[Any]]) -> bool:
    """Tell whether calls write what is acknowledged to people."""
    return any(isinstance(call, Script) and call.ACKED for call in calls)


class Replicas:
    """The replicas of one server, as many as are waited for."""

    def __init__(self, wanted: int, address: str) -> None:
        self._wanted = wanted
        self._address = address
        self._missing = False

    def wait(self) -> tuple[Arg, ...]:
        """Give the command that waits for them."""
        return ("WAIT", self._wanted, 1 if self._missing else WAIT_MS)

    def take(self, reply: Any) -> None:
        """Read the answer, and log when replicas are missing and when they are there again."""
        missing = isinstance(reply, Exception) or reply < self._wanted
        if missing and not self._missing:
            what = type(reply).__name__ if isinstance(reply, Exception) else f"{reply} of {self._wanted} answered"
            log.warning(
                "the replicas of Redis at %s are late (%s): clicks are acknowledged before they have them",
                self._address,
                what,
            )
        elif self._missing and not missing:
            log.warning("the replicas of Redis at %s answer in time again", self._address)
        self._missing = missing
