"""One run of a graph: its config, its end, and how it is asked to stop.

`durability="sync"`: a step is on disk before the next one starts, so whatever kills the process, the thread goes on
from its last step. SIGTERM asks every run to stop after the step it is in (`RunControl`), which loses nothing.
"""

import ast
import asyncio
import re
import time
import traceback
from collections.abc import Mapping, Sequence
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
from adapters.langgraph.guards import approved
from adapters.langgraph.guards.drift import Shown
from adapters.langgraph.guards.gate import Gates
from adapters.langgraph.guards.tool_calls import Approvals, ToolChangedError
from adapters.langgraph.in_process.stream import MODES, Watching
from engine.ids import ThreadId
from engine.ports import UNWATCHED, Watcher

_log = structlog.get_logger(__name__)
_LONGEST = 300
"""Characters of what an agent raised that people are told."""


@dataclass(frozen=True, slots=True)
class Marks:
    """What a run leaves in its checkpoints, so that the thread itself tells what it has been given."""

    turn: str = ""
    answered: str = ""
    code: str = ""
    said_before: str = ""
    approved: str = ""

    def as_metadata(self) -> dict[str, str]:
        """Keyed as `config_keys` says."""
        marks = {
            keys.TURN: self.turn,
            keys.ANSWERED: self.answered,
            keys.CODE: self.code,
            keys.SAID_BEFORE: self.said_before,
            keys.APPROVED: self.approved,
        }
        return {key: mark for key, mark in marks.items() if mark}


@dataclass(frozen=True, slots=True)
class AuthUser:
    """The requester, as graphs written for LangGraph Server expect them: by attribute or by key."""

    identity: str

    def __getitem__(self, name: str) -> str:
        if name != "identity":
            raise KeyError(name)
        return self.identity


def config_of(
    thread: ThreadId, fence: int, key: str, user: str, marks: Marks, shown: Shown | None = None
) -> dict[str, Any]:
    """A run's config."""
    configurable: dict[str, Any] = {"thread_id": thread, keys.FENCE: fence, keys.STRICT_RESUME: True}
    if shown is not None:
        configurable[keys.SHOWN] = shown
    if marks.approved:
        configurable[keys.APPROVALS] = Approvals(approved.read(marks.approved))
    if key:
        configurable[keys.IDEMPOTENCY_KEY] = key
    if user:
        configurable |= {keys.USER: user, keys.AUTH_USER: AuthUser(user)}
    return {"configurable": configurable, "metadata": marks.as_metadata()}


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended. `error` is what the graph raised; `stopped`: it was asked to stop between two steps."""

    error: Exception | None = None
    stopped: bool = False
    halted: bool = False
    """Whether a limit of ours or of LangGraph's ended it, between two steps or within one, or an exit."""


class TimeLimitError(Exception):
    """A run took longer than it may."""

    def __init__(self, limit: timedelta) -> None:
        super().__init__(f"a run may take {limit}")
        self.limit = limit


class AgentExitedError(Exception):
    """Code of the agent called `sys.exit()`; `bot.loop` keeps it from ending the process."""

    def __init__(self, left: SystemExit) -> None:
        self.__cause__ = left  # so that the log says where
        super().__init__(f"its code called sys.exit({'' if left.code is None else repr(left.code)})")


class Runs:
    """The runs under way. `infrastructure` are the errors of the saver: they are raised on, not told as the agent's."""

    def __init__(self, infrastructure: tuple[type[BaseException], ...]) -> None:
        self._infrastructure = infrastructure
        self._controls: set[RunControl] = set()
        self._draining = False

    @property
    def draining(self) -> bool:
        """Whether no run is to be started any more."""
        return self._draining

    def drain(self) -> None:
        """Ask every run to stop after the step that it is in."""
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
        """Run until the graph rests. `given` is input, a Command, or None to go on.

        Where `limit` is over, the run is cancelled: what an asynchronous node awaits ends, a synchronous one runs to
        its end in its thread, and what it returns is not stored any more.
        """
        control = RunControl()
        if self._draining:
            control.request_drain()
        self._controls.add(control)
        began, waited = time.monotonic(), asyncio.timeout(limit.total_seconds() if limit else None)
        ended = Ended()
        approvals = config["configurable"].get(keys.APPROVALS, Approvals())
        gates: Gates | None = config["configurable"].get(keys.GATES)
        try:
            async with waited:
                await _run(
                    graph, given, config, watcher, context=context, durability="sync", control=control, **breakpoints
                )
                if gates is not None:
                    await gates.settled()
            if approvals.stopped:  # and somebody caught it: the tool was not run, and people are told
                ended = Ended(approvals.stopped[0], halted=True)
        except GraphDrained:
            ended = Ended(stopped=True)
        except TimeoutError as error:
            ended = Ended(TimeLimitError(limit), halted=True) if limit and waited.expired() else Ended(error)
        except GraphRecursionError as error:
            ended = Ended(error, halted=True)
        except SystemExit as left:  # LangGraph stores nothing of it: without the mark of a halt it would run again
            ended = Ended(AgentExitedError(left), halted=True)
        except Exception as error:
            if self.is_infrastructure(error):
                raise
            ended = Ended(error)
        finally:
            self._controls.discard(control)
        _tell(ended, config, time.monotonic() - began)
        return ended

    def is_infrastructure(self, error: BaseException) -> bool:
        """Whether it is the saver's own, and passes when that does."""
        if isinstance(error, BaseExceptionGroup):
            return any(self.is_infrastructure(each) for each in error.exceptions)
        return isinstance(error, self._infrastructure) and _is_of_a_saver(error)


def _is_of_a_saver(error: BaseException) -> bool:
    """Whether it came out of a saver: a node that talks to a Redis of its own raises errors of the same types."""
    return any(isinstance(frame.f_locals.get("self"), BaseCheckpointSaver) for frame, _ in walk_tb(error.__traceback__))


async def _run(graph: Any, given: Any, config: Mapping[str, Any], watcher: Watcher, **how: Any) -> None:
    if watcher is UNWATCHED:
        await graph.ainvoke(given, config, **how)
    else:
        watching = Watching(watcher, config["configurable"]["thread_id"])
        await watching.follow(graph.astream(given, config, stream_mode=list(MODES), subgraphs=True, **how))


def _tell(ended: Ended, config: Mapping[str, Any], seconds: float) -> None:
    configurable = config["configurable"]
    log = _log.bind(
        thread=configurable["thread_id"],
        run=configurable.get(keys.IDEMPOTENCY_KEY, ""),
        seconds=round(seconds, 3),
    )
    if ended.error is not None:
        # As text: a renderer of exceptions may add the values of local variables, which are not for the log.
        log.warning("the agent raised", traceback="".join(traceback.format_exception(ended.error)))
    else:
        log.info("the run was stopped" if ended.stopped else "the run came to rest")


def sentence(error: BaseException | str) -> str:
    """What a person is told of an error: its type and the first line of its message, control characters removed.

    A string is the `repr` of an exception, as LangGraph stores it; it gives the same sentence as the exception.
    """
    if isinstance(error, TimeLimitError):
        return f"The agent was stopped: it took longer than {_length(error.limit)} (time_limit in app.yaml)."
    if isinstance(error, GraphRecursionError):
        return "The agent was stopped: it took more steps than one run may (recursion_limit in app.yaml)."
    if isinstance(error, AgentExitedError):
        return f"The agent was stopped: {error}."
    kind, message = (type(error).__name__, _words_of(error)) if isinstance(error, BaseException) else _parts(error)
    first = next(iter(message.strip().splitlines()), "")
    if kind == ToolChangedError.__name__:
        return _clean(first, _LONGEST * 3)
    if refused := refused_fields(message):
        kind, first = "ValidationError", refused
    said = f"{kind}: {first}" if first else kind
    return f"The agent failed: {_clean(said)}"


def _clean(said: str, longest: int = _LONGEST) -> str:
    clean = "".join(letter if letter.isprintable() else " " for letter in said).strip().rstrip(".")
    return f"{clean if len(clean) <= longest else clean[: longest - 1] + '…'}."


def _words_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - an exception whose own code fails; its type is known
        return ""


def refused_fields(message: str) -> str:
    """What pydantic says of each field, without the values: its first line names none.

    https://docs.pydantic.dev/latest/errors/errors/
    """
    heading, *lines = message.strip().splitlines() or [""]
    if not _VALIDATION.match(heading):
        return ""
    found, field = [], ""
    for line in lines:
        if not line.startswith(" "):
            field = line
        elif not line.startswith("    "):
            why = line.strip().partition(" [type=")[0].removeprefix("Value error, ")
            found.append(f"{field}: {why}" if field else why)
            field = ""
    return "; ".join(found)


_VALIDATION = re.compile(r"\d+ validation errors? for ")


def _length(limit: timedelta) -> str:
    seconds = int(limit.total_seconds())
    for unit, length in (("hour", 3600), ("minute", 60)):
        if seconds >= length and seconds % length == 0:
            return f"{seconds // length} {unit}{'s' * (seconds > length)}"
    return f"{seconds} second{'s' * (seconds != 1)}"


def _parts(stored: str) -> tuple[str, str]:
    kind, opened, rest = stored.strip().partition("(")
    if not opened or not kind.isidentifier():
        return "error", stored
    try:
        arguments: tuple[Any, ...] = ast.literal_eval(f"({rest.removesuffix(')')},)") if rest != ")" else ()
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return kind, rest.removesuffix(")")
    return kind, ", ".join(map(str, arguments))
