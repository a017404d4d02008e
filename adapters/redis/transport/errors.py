"""What errors of redis-py mean to whoever sends calls, in one place."""

import redis
from redis.exceptions import MasterDownError, ReadOnlyError

LOST = (redis.ConnectionError, redis.TimeoutError)
"""What a call fails with when its connection ended before its answer; it may have run."""


def is_no_primary(refusal: redis.ResponseError) -> bool:
    """Tell whether a server refused because another one is the primary now. Nothing was written.

    Redis before 7 wraps what a script's command was told in an error of the script.
    """
    return isinstance(refusal, ReadOnlyError | MasterDownError) or "-READONLY " in str(refusal)


class UnusableRedisError(Exception):
    """Redis cannot be used. The message says what is wrong, where, and the mend, and holds no password."""
