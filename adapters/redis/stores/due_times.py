"""The index of timers: a member `TIMER/APPROVAL` for each, scored by the microsecond since 1970 at which it is due.

`adapters.redis.lanes.timers` fires them.
"""

from datetime import UTC, datetime, timedelta

from adapters.redis.keys import Keys
from adapters.redis.transport.scripts import Command
from engine.approvals.effects import Timer
from engine.ids import ApprovalId, thread_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def score(at: datetime) -> int:
    """Give the score of a time."""
    return (at - _EPOCH) // _MICROSECOND


def set_timer(keys: Keys, approval: ApprovalId, timer: Timer, at: datetime) -> Command:
    """Set a timer, or set it to another time."""
    return Command("ZADD", keys.timers(), score(at), _member(approval, timer))


def set_missing_timer(keys: Keys, approval: ApprovalId, timer: Timer, at: datetime) -> Command:
    """Set a timer unless it is set."""
    return Command("ZADD", keys.timers(), "NX", score(at), _member(approval, timer))


def clear_timer(keys: Keys, approval: ApprovalId, timer: Timer) -> Command:
    """Clear a timer, if it is set."""
    return Command("ZREM", keys.timers(), _member(approval, timer))


def read(member: bytes, scored: bytes) -> tuple[ApprovalId, Timer, datetime]:
    """Read a timer. Raises ValueError or OverflowError for anything else."""
    timer, _, approval = member.decode("utf-8", "surrogatepass").partition("/")
    thread_of(ApprovalId(approval))
    return ApprovalId(approval), Timer(timer), _EPOCH + int(float(scored)) * _MICROSECOND


def _member(approval: ApprovalId, timer: Timer) -> bytes:
    return f"{timer.value}/{approval}".encode("utf-8", "surrogatepass")
