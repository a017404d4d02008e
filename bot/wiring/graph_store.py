"""Makes the store of the graphs from `store` of langgraph.json: its expiry, and its search by embeddings.

Graphs that were compiled without a store get it, also where langgraph.json has no `store`: then it keeps everything and
searches by filters. What agents keep there is theirs: `retention` does not touch it, only a TTL of the project does.

A model that cannot be used is a problem of `check` and of the start, and no failure of a user's first message: one text
is embedded then.
"""

import asyncio
import re
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapters.langgraph.loading.exports import LoadError, load
from adapters.redis.keys import Keys
from adapters.redis.transport.base import AsyncTransport
from adapters.redis.transport.multiplexed import Multiplexed
from bot.config.problems import ConfigProblem, ProblemsError
from bot.config.project import Project
from bot.masking import masked

if TYPE_CHECKING:
    from adapters.redis.graph_store.store import AsyncRedisStore

_PATIENCE_SECONDS = 15.0
_LONGEST = 300
_OURS = Path(__file__).resolve().parents[2] / "adapters"
_WITHOUT = "or remove index: to search by filters alone."


async def graph_store(project: Project | None, database: AsyncTransport, keys: Keys) -> "AsyncRedisStore":
    """Make the store, and try its model once. Raises ProblemsError."""
    from adapters.redis.graph_store.store import AsyncRedisStore

    written: dict[str, Any] = dict((project.store if project else None) or {})
    if project is None or not written:
        return AsyncRedisStore(database, keys=keys)
    _check_objects(project, written)
    ttl, index = written.get("ttl"), written.get("index")
    part = "ttl"
    try:
        AsyncRedisStore(database, keys=keys, ttl=ttl)
        part = "index"
        if index and ".py:" in str(index.get("embed")):
            index = {**index, "embed": await asyncio.to_thread(load, index["embed"], project.file.parent)}
        store = AsyncRedisStore(database, keys=keys, ttl=ttl, index=index)
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await store.try_model()
    except TimeoutError:
        what = f"the embedding model did not answer within {_PATIENCE_SECONDS:.0f} seconds"
        raise _problem(project, part, what, f"Try again, {_WITHOUT}") from None
    except LoadError as error:
        what = str(error).removeprefix("graph: ")
        raise _problem(project, part, what, f"Correct it, {_WITHOUT}") from None
    except ImportError as error:
        fix = f"Install it into Signoff's environment ({sys.prefix}), {_WITHOUT}"
        raise _problem(project, part, _said(error, project), fix) from None
    except Exception as error:  # noqa: BLE001 - a model raises its provider's own errors, as for a missing key
        fix = f"Correct it, {_WITHOUT}" if part == "index" else "Correct this line."
        raise _problem(project, part, _said(error, project), fix) from None
    return store


async def try_store(project: Project | None) -> None:
    """Make the store without a database, and try the model of its index. Raises ProblemsError."""
    async with Multiplexed.from_url("unix:///nowhere") as nowhere:  # connects on first use, which never comes
        await graph_store(project, nowhere, Keys())


def _check_objects(project: Project, written: dict[str, Any]) -> None:
    for part in ("ttl", "index"):
        if not isinstance(written.get(part), dict | None):
            raise _problem(project, part, "is not an object", "Write {...}, or remove it.")


def _said(error: Exception, project: Project) -> str:
    """Say what an error says, with the project's line that it came from; providers' errors have several lines."""
    text = " ".join(masked(str(error)).split())
    text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
    folder = project.file.parent.resolve()
    for each in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(each.filename).resolve()
        if _is_of_project(file, folder):
            return f"{file}, line {each.lineno}: {type(error).__name__}: {text}"
    return text or type(error).__name__


def _is_of_project(file: Path, folder: Path) -> bool:
    installed = "site-packages" in file.parts or file.is_relative_to(_OURS)
    return file.is_relative_to(folder) and file.is_file() and not installed


def _problem(project: Project, part: str, what: str, fix: str) -> ProblemsError:
    where = f"{project.file}{_line(project.file, part)}: store.{part}"
    return ProblemsError([ConfigProblem(where, what.removeprefix(f"{part}: "), fix)])


def _line(file: Path, part: str) -> str:
    """Find the line on which a part of `store` begins."""
    text = file.read_text(encoding="utf-8", errors="replace")
    found = re.search(rf'"store"\s*:.*?"{part}"\s*:', text, re.DOTALL)
    return f":{text[: found.end()].count(chr(10)) + 1}" if found else ""
