"""Makes the store of the graphs from `store` of langgraph.json: its expiry, and its search by embeddings.

Graphs that were compiled without a store get it, also where langgraph.json has no `store`: then it keeps everything and
searches by filters. What agents keep there is theirs: `retention` does not touch it, only a TTL of the project does.

A model that cannot be used is a problem of `check` and of the start, and no failure of a user's first message: one text
is embedded then.
"""

import asyncio
from typing import TYPE_CHECKING, Any

from adapters.langgraph.loading.exports import LoadError, load
from adapters.redis.keys import Keys
from adapters.redis.transport.base import AsyncTransport
from bot.config.problems import ConfigProblem, ProblemsError
from bot.config.settings import Config
from bot.masking import masked

if TYPE_CHECKING:
    from adapters.redis.graph_store.store import AsyncRedisStore

_PATIENCE_SECONDS = 15.0
_FIX = "Correct store: in it, or remove index: to search by filters alone."


async def graph_store(config: Config, database: AsyncTransport, keys: Keys) -> "AsyncRedisStore":
    """Make the store, and try its model once. Raises ProblemsError."""
    from adapters.redis.graph_store.store import AsyncRedisStore

    project = config.project
    written: dict[str, Any] = dict((project.store if project else None) or {})
    if project is None or not written:
        return AsyncRedisStore(database, keys=keys)
    try:
        index = written.get("index")
        if isinstance(index, dict) and ".py:" in str(index.get("embed")):
            embed = await asyncio.to_thread(load, index["embed"], project.file.parent)
            index = {**index, "embed": embed}
        _check_objects(ttl=written.get("ttl"), index=index)
        store = AsyncRedisStore(database, keys=keys, ttl=written.get("ttl"), index=index)
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await store.try_model()
    except TimeoutError:
        what = f"the embedding model did not answer within {_PATIENCE_SECONDS:.0f} seconds"
        raise _problem(config, what) from None
    except LoadError as error:
        raise _problem(config, str(error).removeprefix("graph: ")) from None
    except Exception as error:  # noqa: BLE001 - a model raises its provider's own errors, as for a missing key
        said = masked(str(error)).strip().splitlines()
        raise _problem(config, said[0].rstrip(".") if said else type(error).__name__) from None
    return store


def _check_objects(**given: object) -> None:
    for name, value in given.items():
        if value is not None and not isinstance(value, dict):
            raise ValueError(f"{name} is not an object")


def _problem(config: Config, what: str) -> ProblemsError:
    file = config.project.file if config.project else config.file
    return ProblemsError([ConfigProblem(f"{file}: store", what, _FIX)])
