"""Runs a graph until it ends or pauses, and returns how it ended.

`durability="sync"`: a step is on disk before the next one starts, so whatever kills the process, the thread goes on
from its last step. SIGTERM asks every run to stop after the step it is in (`RunControl`), which loses nothing.
"""

import asyncio
import time
import traceback
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from traceback import walk_tb
from types import MappingProxyType
from typing import Any

import structlog
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.errors import GraphDrained, GraphRecursionError
from langgraph.runtime import RunControl

from adapters.langgraph import config_keys as keys
from adapters.langgraph.errors import AgentExitedError, TimeLimitError
from adapters.langgraph.guards.gates import Gates
from adapters.langgraph.guards.tool_starts import ToolDecisions
from adapters.langgraph.in_process.runs.stream import MODES, StreamReader
from engine.ports import UNWATCHED, Watcher

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of a run. `error` is what the graph raised; `stopped`: it was asked to stop between two steps."""

    error: Exception | None = None
    stopped: bool = False
    by_limit: bool = False
    """True if a limit, an exit or a guard ended it: only people let it go on."""


class Runs:
    """The runs of this process. `infrastructure` are the saver's errors, which are raised, not shown as the agent's."""

    def __init__(self, infrastructure: tuple[type[BaseException], ...]) -> None:
        self._infrastructure = infrastructure
        self._controls: set[RunControl] = set()
        self._draining = False

    @property
    def draining(self) -> bool:
        """True once the process is stopping: no run may start."""
        return self._draining

    def drain(self) -> None:
        """Ask every run to stop after its current step."""
        self._draining = True
        for control in self._controls:
            control.request_drain()

    async def run(
        self,
        graph: Any,
        given: Any,
        config: Mapping[str, Any],
        context: Any,
        watcher: Watcher = UNWATCHED,
        breakpoints: Mapping[str, Sequence[str]] = MappingProxyType({}),
        limit: timedelta | None = None,
    ) -> Ended:
        """Run until the graph ends or pauses. `given` is input, a Command, or None to go on.

        After `limit` the run is cancelled: an asynchronous node is cancelled where it awaits; a synchronous one runs to
        its end in its thread, and its result is not stored.
        """
        control = RunControl()
        if self._draining:
            control.request_drain()
        self._controls.add(control)
        began = time.monotonic()
        try:
            ended = await self._end_of(
                _start(
                    graph, given, config, watcher, context=context, durability="sync", control=control, **breakpoints
                ),
                config,
                limit,
            )
        finally:
            self._controls.discard(control)
        _log_end(ended, config, time.monotonic() - began)
        return ended

    async def _end_of(self, run: Awaitable[None], config: Mapping[str, Any], limit: timedelta | None) -> Ended:
        """Await a run, and return how it ended. Raises errors of the infrastructure."""
        waited = asyncio.timeout(limit.total_seconds() if limit else None)
        decisions: ToolDecisions = config["configurable"].get(keys.APPROVALS, ToolDecisions())
        gates: Gates | None = config["configurable"].get(keys.GATES)
        try:
            async with waited:
                await run
                if gates is not None:
                    await gates.settled()
        except GraphDrained:
            return Ended(stopped=True)
        except TimeoutError as error:
            return Ended(TimeLimitError(limit), by_limit=True) if limit and waited.expired() else Ended(error)
        except GraphRecursionError as error:
            return Ended(error, by_limit=True)
        except SystemExit as left:  # LangGraph stores nothing of it: without the mark it would run again
            return Ended(AgentExitedError(left), by_limit=True)
        except Exception as error:
            if self.is_infrastructure(error):
                raise
            return Ended(error)
        # A stopped tool whose error the graph caught: the tool was not run, and people learn of it.
        return Ended(decisions.stopped[0], by_limit=True) if decisions.stopped else Ended()

    def is_infrastructure(self, error: BaseException) -> bool:
        """Tell whether an error is the saver's own, and passes when the database is back."""
        if isinstance(error, BaseExceptionGroup):
            return any(self.is_infrastructure(each) for each in error.exceptions)
        return isinstance(error, self._infrastructure) and _is_raised_by_saver(error)


def _is_raised_by_saver(error: BaseException) -> bool:
    """Tell whether an error came out of a saver: a node with a Redis of its own raises errors of the same types."""
    return any(isinstance(frame.f_locals.get("self"), BaseCheckpointSaver) for frame, _ in walk_tb(error.__traceback__))


async def _start(graph: Any, given: Any, config: Mapping[str, Any], watcher: Watcher, **how: Any) -> None:
    if watcher is UNWATCHED:
        await graph.ainvoke(given, config, **how)
    else:
        reader = StreamReader(watcher, config["configurable"]["thread_id"])
        await reader.follow(graph.astream(given, config, stream_mode=list(MODES), subgraphs=True, **how))


def _log_end(ended: Ended, config: Mapping[str, Any], seconds: float) -> None:
    configurable = config["configurable"]
    log = _log.bind(
        thread=configurable["thread_id"],
        run=configurable.get(keys.IDEMPOTENCY_KEY, ""),
        seconds=round(seconds, 3),
    )
    if ended.error is not None:
        # As text: a renderer of exceptions may add the values of local variables, which are not for the log.
        log.warning("the agent failed", traceback="".join(traceback.format_exception(ended.error)))
    else:
        log.info("the run was stopped" if ended.stopped else "the run paused or ended")
