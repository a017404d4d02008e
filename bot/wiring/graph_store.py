"""Makes the store of the graphs from `store` of langgraph.json: its expiry, and its search by embeddings.

Graphs that were compiled without a store get it, also where langgraph.json has no `store`: then it keeps everything and
searches by filters. What agents keep there is theirs: `retention` does not touch it, only a TTL of the project does.
`path` in it names a store of the project's own, which LangGraph Server would use in place of its own: so does Signoff.

A model that cannot be used is a problem of `check` and of the start, and no failure of a user's first message: one text
is embedded then.
"""

import asyncio
import contextlib
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapters.langgraph.loading.exports import LoadError, load
from adapters.langgraph.loading.factories import RunInput, call_factory
from adapters.redis.keys import Keys
from adapters.redis.transport.base import AsyncTransport
from adapters.redis.transport.multiplexed import Multiplexed
from bot.config.problems import ConfigProblem, ProblemsError, nearest
from bot.config.project import Project
from bot.masking import masked

if TYPE_CHECKING:
    from langgraph.store.base import BaseStore

_PATIENCE_SECONDS = 15.0
_LONGEST = 300
_OURS = Path(__file__).resolve().parents[2] / "adapters"
_KEYS = {
    "ttl": ("default_ttl", "refresh_on_read", "sweep_interval_minutes", "omit_expired"),
    "index": ("dims", "embed", "fields"),
}
_WITHOUT = {
    "ttl": "or remove ttl: to keep every item.",
    "index": "or remove index: to search by filters alone.",
    "path": "or remove path: to use Signoff's store.",
}


async def graph_store(
    project: Project | None,
    database: AsyncTransport,
    keys: Keys,
    stack: AsyncExitStack,
    loaded_files: set[str] | None = None,
) -> "BaseStore":
    """Make the store, and try its model once. A store of the project's own is closed with `stack`.

    `loaded_files` learns the files that it runs, so that a graph in the same file does not run it again.

    Raises ProblemsError.
    """
    from adapters.redis.graph_store.store import AsyncRedisStore

    written: dict[str, Any] = dict((project.store if project else None) or {})
    if project is None or not written:
        return AsyncRedisStore(database, keys=keys)
    _check_shape(project, written)
    ttl, index = written.get("ttl"), written.get("index")
    if written.get("path"):
        with _problems_of(project, "path"):
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return await _own_store(written["path"], project.file.parent, stack)
    with _problems_of(project, "ttl"):
        AsyncRedisStore(database, keys=keys, ttl=ttl)
    with _problems_of(project, "index"):
        if index and ".py:" in str(index.get("embed")):
            index = {**index, "embed": await asyncio.to_thread(load, index["embed"], project.file.parent, loaded_files)}
        store = AsyncRedisStore(database, keys=keys, ttl=ttl, index=index)
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await store.try_model()
    return store


async def try_store(project: Project | None) -> None:
    """Make the store without a database, and try the model of its index. Raises ProblemsError."""
    async with AsyncExitStack() as stack:
        nowhere = await stack.enter_async_context(
            Multiplexed.from_url("unix:///nowhere")
        )  # never used, so never opened
        await graph_store(project, nowhere, Keys(), stack)


async def _own_store(spec: str, base: Path, stack: AsyncExitStack) -> "BaseStore":
    """Load a store, or what makes one: a function, also a coroutine, or a context manager, as LangGraph Server does."""
    from langgraph.store.base import BaseStore

    exported = await asyncio.to_thread(load, spec if ":" in spec else ":".join(spec.rsplit(".", 1)), base)
    if isinstance(exported, BaseStore):
        return exported
    is_context = hasattr(exported, "__aenter__") or hasattr(exported, "__enter__")
    made = await call_factory((lambda: exported) if is_context else exported, None, stack, RunInput())
    if not isinstance(made, BaseStore):
        raise TypeError(f"{spec!r} makes a {type(made).__name__}, and no store (langgraph.store.base.BaseStore)")
    return made


def _check_shape(project: Project, written: dict[str, Any]) -> None:
    for part, known in _KEYS.items():
        given = written.get(part) or {}
        if not isinstance(given, dict):
            raise _problem(project, part, "is not an object", "Write {...}, or remove it.")
        for key in given:
            near = None if key in known else nearest(key, known)
            if near is not None:
                raise _problem(project, part, f"{key!r} is not one of its keys", f'Did you mean "{near}"?')
    if not isinstance(written.get("path"), str | None):
        raise _problem(project, "path", "is not text", 'Write "./FILE.py:NAME", or remove it.')


@contextlib.contextmanager
def _problems_of(project: Project, part: str) -> Iterator[None]:
    """Turn every error of a part of `store` into a problem of its line."""
    try:
        yield
    except TimeoutError:
        who = "the embedding model" if part == "index" else "it"
        what = f"{who} did not answer within {_PATIENCE_SECONDS:.0f} seconds"
        raise _problem(project, part, what, f"Try again, {_WITHOUT[part]}") from None
    except LoadError as error:
        what = str(error).removeprefix("graph: ")
        raise _problem(project, part, what, f"Correct it, {_WITHOUT[part]}") from None
    except ImportError as error:
        fix = f"Install it into Signoff's environment ({sys.prefix}), {_WITHOUT[part]}"
        raise _problem(project, part, _said(error, project), fix) from None
    except Exception as error:  # noqa: BLE001 - a model raises its provider's own errors, as for a missing key
        raise _problem(project, part, _said(error, project), f"Correct it, {_WITHOUT[part]}") from None


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
