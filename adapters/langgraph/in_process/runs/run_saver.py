"""The saver of one run that follows a read of its thread: it reads no checkpoint twice, and keeps decisions first.

A resumed graph would read the checkpoint that the bot has just read, to see whether the question still waits, and the
node would start only when the decision is kept. Both round trips are on the way from a click to the node. So:

* The run begins with the very bytes that were read for the thread, and LangGraph looks by itself whether the interrupt
  is pending in them (strict resume). The read was refused unless this lane's fence was the newest. Whoever takes the
  lane after that has a newer one, and then nothing of this run is stored. Where something took long between that read
  and the run (a factory, Redis, a process that stood still), the thread is read once more, and refused if it is lost. A
  process that stands still for a whole lease after that, right before the node, still runs the node: a further read
  would only move that moment. Savers that cannot decode their bytes again are asked once more.
* The marks of the decisions (`adapters.langgraph.guards.step_writes`) are written while the node runs, and the run
  stores nothing before they are stored. So whoever finds an answer, a result or a checkpoint of this run finds the
  marks, too. A crash before leaves the thread as it was, and the answer is delivered again. The same holds for the
  notes on the tasks that were given an answer (`adapters.langgraph.guards.recipients`), which come up as the run goes.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection, Coroutine
from inspect import signature
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple

from adapters.langgraph.guards.step_writes import WritesOfRun

Again = Callable[[], CheckpointTuple | None]
"""Gives the checkpoint that was read, decoded anew; None where that was too long ago."""

_AS_IT_IS = (
    "serde",
    "get_next_version",
    "get_tuple",
    "list",
    "alist",
    "get_delta_channel_history",
    "aget_delta_channel_history",
)


class RunSaver(BaseCheckpointSaver[Any]):
    """A saver that begins with `first` and writes once `kept` is done and `notes` are stored. Raises their errors."""

    def __init__(self, saver: Any, kept: "asyncio.Future[None]", first: "list[Again]", notes: WritesOfRun) -> None:
        vars(self).update({name: getattr(saver, name) for name in _AS_IT_IS})
        self._saver = saver
        self._kept = kept
        self._first = first
        """Holds one, until it is taken."""
        self._notes = notes
        self._loop = asyncio.get_running_loop()

    @property
    def config_specs(self) -> Any:
        """As the saver has them."""
        return self._saver.config_specs

    def with_allowlist(self, extra_allowlist: Collection[tuple[str, ...]]) -> "RunSaver":
        """Read more types, where LangGraph is told to be strict."""
        return RunSaver(self._saver.with_allowlist(extra_allowlist), self._kept, self._first, self._notes)

    async def aget_tuple(self, config: RunnableConfig) -> Any:
        """Read a checkpoint: the first time the newest one of the root, as it was read before."""
        configurable = config["configurable"]
        is_newest = not configurable.get("checkpoint_ns") and not configurable.get("checkpoint_id")
        found = self._first.pop()() if self._first and is_newest else None
        return await self._saver.aget_tuple(config) if found is None else found

    async def aput(self, *given: Any) -> Any:
        """Store a checkpoint."""
        await self._keep_first()
        return await self._saver.aput(*given)

    async def aput_writes(self, config: Any, writes: Any, task_id: str, task_path: str = "") -> None:
        """Store pending writes."""
        await self._keep_first()
        await self._saver.aput_writes(config, writes, task_id, task_path)

    aput_writes.__signature__ = signature(aput_writes)  # type: ignore[attr-defined]  # each run of LangGraph asks for it

    def put(self, *given: Any) -> Any:
        """Store a checkpoint, from another thread."""
        self._keep_first_blocking()
        return self._saver.put(*given)

    def put_writes(self, config: Any, writes: Any, task_id: str, task_path: str = "") -> None:
        """Store pending writes, from another thread."""
        self._keep_first_blocking()
        self._saver.put_writes(config, writes, task_id, task_path)

    async def _keep_first(self) -> None:
        await self._wait_kept()
        await self._notes.store()

    async def _wait_kept(self) -> None:
        if self._kept.done():
            self._kept.result()
        else:
            await asyncio.shield(self._kept)

    def _keep_first_blocking(self) -> None:
        self._block_until_kept()
        self._notes.store_blocking()

    def _block_until_kept(self) -> None:
        if self._kept.done():
            self._kept.result()
            return
        with contextlib.suppress(RuntimeError):
            if asyncio.get_running_loop() is self._loop:
                raise asyncio.InvalidStateError("a node blocks the event loop on which its run is stored")
        asyncio.run_coroutine_threadsafe(self._wait_kept(), self._loop).result()


@contextlib.asynccontextmanager
async def run_saver(
    saver: Any, keep: Coroutine[Any, Any, None], first: Again | None, notes: WritesOfRun
) -> AsyncIterator[RunSaver]:
    """The saver of a run, while `keep` writes. Raises what `keep` raises, at the end at the latest."""
    kept = asyncio.create_task(keep, name="decisions kept")
    try:
        yield RunSaver(saver, kept, [first] if first is not None else [], notes)
    except BaseException:
        kept.cancel()
        await asyncio.gather(kept, return_exceptions=True)
        raise
    await kept
