"""Opens the stores in Redis: at REDIS_URL, or in the private Valkey of the data folder."""

import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from redis.exceptions import MovedError, RedisError, ResponseError

from adapters.redis import embedded
from adapters.redis.codec import UnreadableError
from adapters.redis.keys import Keys
from adapters.redis.lanes.lanes import LEASE, RedisLanes
from adapters.redis.stores.approvals import RedisApprovals
from adapters.redis.stores.audit import RedisAudit
from adapters.redis.stores.backlog import RedisBacklog
from adapters.redis.stores.conversations import RedisConversations
from adapters.redis.stores.grants import RedisGrants
from adapters.redis.stores.listing import RedisListing
from adapters.redis.transport import deployments
from adapters.redis.transport.cluster import Cluster
from adapters.redis.transport.errors import UnusableRedisError
from adapters.redis.transport.failures import describe
from adapters.redis.transport.multiplexed import Multiplexed
from adapters.redis.transport.server_check import explain, node_of_cluster
from bot.config.problems import ConfigProblem, ProblemsError
from bot.config.settings import Config
from bot.config.stored import StorageSettings
from bot.masking import masked
from bot.runtime.clock import SYSTEM_CLOCK, DemoClock, SystemClock
from bot.runtime.turns import lane_context


@dataclass(frozen=True, slots=True)
class Storage:
    """The stores in Redis."""

    database: Multiplexed | Cluster
    keys: Keys
    lanes: RedisLanes
    approvals: RedisApprovals
    conversations: RedisConversations
    audit: RedisAudit
    backlog: RedisBacklog
    grants: RedisGrants
    listing: RedisListing


@contextlib.asynccontextmanager
async def storage(
    config: Config | StorageSettings, lease: timedelta = LEASE, clock: SystemClock | DemoClock = SYSTEM_CLOCK
) -> AsyncIterator[Storage]:
    """Connect to `REDIS_URL`, or to the private Valkey of the data folder. Raises ProblemsError."""
    async with contextlib.AsyncExitStack() as stack:
        try:
            url = await stack.enter_async_context(redis_at(config.secrets.redis_url, config.data))
            database = deployments.multiplexed(url, ride_out=0)
            stack.push_async_callback(database.aclose)
            await database.check()
        except (UnusableRedisError, embedded.EmbeddedError) as error:
            raise ProblemsError([redis_problem(error)]) from None
        keys = Keys(spread=isinstance(database, Cluster))
        kept, audited = config.retention, config.audit_retention
        lanes = RedisLanes(
            database,
            keys,
            url,
            lease=lease,
            outage=database.outage,
            now=clock.now,
            speed=clock.speed,
            masked=masked,
            context=lane_context,
        )
        with _explained(database.address):
            approvals = RedisApprovals(database, keys, kept, audited)
            yield Storage(
                database,
                keys,
                lanes,
                approvals,
                RedisConversations(database, keys, kept),
                RedisAudit(database, keys, audited),
                RedisBacklog(database, keys),
                RedisGrants(database, keys, audited),
                RedisListing(database, keys, approvals),
            )


@contextlib.contextmanager
def _explained(address: str) -> Iterator[None]:
    """Turn errors of Redis and unreadable data into a problem: an operator gets one line and no traceback."""
    try:
        yield
    except UnreadableError as error:
        raise ProblemsError(
            [ConfigProblem("REDIS_URL", str(error), "Does another program write to this Redis?")]
        ) from None
    except MovedError:
        raise ProblemsError([redis_problem(node_of_cluster(address))]) from None
    except ResponseError as error:
        what = f"Redis at {address}: {describe(error)}"
        raise ProblemsError([ConfigProblem("REDIS_URL", what, "Does another program write to this Redis?")]) from None
    except RedisError as error:
        raise ProblemsError([redis_problem(explain(error, address))]) from None


@contextlib.asynccontextmanager
async def redis_at(url: str | None, data: Path) -> AsyncIterator[str]:
    """Give the URL of Redis; without one, that of the private Valkey, which runs as long as it is used."""
    if url is not None:
        yield url
        return
    async with embedded.running(data) as private:
        yield private


def redis_problem(error: Exception) -> ConfigProblem:
    """The problem that an error of Redis, or of the private Valkey, means."""
    what, _, fix = str(error).partition(": ")
    return ConfigProblem("REDIS_URL", what, fix)
