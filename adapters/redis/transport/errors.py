"""Errors of redis-py by their meaning for callers, and our own error for a Redis that cannot be used."""

import redis
from redis.exceptions import MasterDownError, ReadOnlyError

LOST = (redis.ConnectionError, redis.TimeoutError)
"""Errors of a call whose connection ended before its answer came; the call may have run."""


def is_no_primary(refusal: redis.ResponseError) -> bool:
    """Tell whether a server refused because it is not the primary any more. Nothing was written.

    Redis before 7 wraps the refusal of a command in a script in an error of the script.
    """
    return isinstance(refusal, ReadOnlyError | MasterDownError) or "-READONLY " in str(refusal)


class UnusableRedisError(Exception):
    """Redis cannot be used. The message says what is wrong, where, and how to fix it; it has no password."""
