"""Keeps the starts and results of the tool calls of a step that paused, so that no call is made twice.

LangGraph runs a paused node again from its top. In an agent with gates, a call that finished before the pause is not
made again: its result is kept beside the answers of the step, as `decided` keeps its marks, and returned instead. So it
is deleted with the thread, and a step that is asked again from its beginning has none.

| a call | kept |
|---|---|
| that people approved | its start, before it starts; its result, as soon as there is one |
| any other | its result, when its step pauses, or when it ends after that |

After a crash, an approved call without a result may have been made: people are asked again, and the card says so. One
approval never starts two calls. A call without a gate is made again, as in any other node.

Writes go through the saver, on its own loop. Code that calls a tool synchronously on that very loop cannot wait for
them: there they are written as soon as the loop is free, and the run waits for them at its end.
"""

import asyncio
import contextlib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import structlog
from langchain_core.messages import ToolMessage

from adapters.langgraph.config_keys import KEPT

_log = structlog.get_logger(__name__)
_PATIENCE_SECONDS = 5.0
"""The longest wait of a thread for a write: the loop may be waiting for the thread."""


@dataclass(frozen=True, slots=True)
class KeptCall:
    """The stored state of a call.

    `starts` counts the starts without a known result, `result` is the result as the saver's serializer writes it,
    `answers` are the numbers of the answers that interrupts within the call took. `number` counts the writes about the
    call: the last one holds.
    """

    starts: int = 0
    result: tuple[str, bytes] | None = None
    answers: tuple[int, ...] = ()
    number: int = 0


def of_step(writes: Sequence[tuple[str, str, Any]]) -> Mapping[str, KeptCall]:
    """Each call's last state, from the writes of a checkpoint."""
    found: dict[str, KeptCall] = {}
    for _, channel, written in writes:
        for call, number, starts, kind, result, answers in written if channel == KEPT else ():
            if call not in found or found[call].number < number:
                found[call] = KeptCall(starts, (kind, result) if kind else None, tuple(answers), number)
    return found


def _without_artifact(result: Any) -> Any:
    """A result without a message's artifact, which no model reads."""
    return result.model_copy(update={"artifact": None}) if isinstance(result, ToolMessage) else result


class KeptCalls:
    """The calls of one run. `config` names the thread and carries the fence; `known` are those that are stored."""

    def __init__(self, saver: Any, config: Mapping[str, Any], known: Mapping[str, KeptCall]) -> None:
        self._saver = saver
        self._config = config
        self._known = dict(known)
        self._done: dict[str, tuple[str, KeptCall]] = {}
        """Finished calls that are not written yet, with the checkpoint of their step."""
        self._loop = asyncio.get_running_loop()
        self._late: set[Future[None]] = set()

    def find(self, call: str) -> KeptCall:
        """The state of a call."""
        return self._known.get(call, KeptCall())

    def value(self, kept: KeptCall) -> Any:
        """The result of a call, as it was returned."""
        return None if kept.result is None else self._saver.serde.loads_typed(kept.result)

    def started(self, call: str, by: int) -> KeptCall:
        """Count a start, or take back one that only paused."""
        known = self.find(call)
        return self._note(call, replace(known, starts=known.starts + by, number=known.number + 1))

    def done(self, call: str, result: Any, answers: Iterable[int]) -> KeptCall | None:
        """Keep the result of an approved call; None if it cannot be stored, so that only the start is known."""
        spelled = self._serialized(result)
        if spelled is None:
            return None
        known = self.find(call)
        return self._note(call, KeptCall(0, spelled, tuple(answers), known.number + 1))

    def _note(self, call: str, kept: KeptCall) -> KeptCall:
        self._known[call] = kept
        return kept

    def remember(self, checkpoint: str, call: str, result: Any, answers: Iterable[int]) -> None:
        """Keep the result of a call without a gate, in case its step pauses."""
        spelled = self._serialized(result)
        if spelled is not None:
            self._done[call] = checkpoint, KeptCall(0, spelled, tuple(answers), 1)

    def _serialized(self, result: Any) -> tuple[str, bytes] | None:
        """Serialize a result; None if it would come back as something else."""
        serde = self._saver.serde
        try:
            spelled: tuple[str, bytes] = serde.dumps_typed(result)
            again = serde.loads_typed(spelled)
            if type(again) is type(result) and serde.dumps_typed(_without_artifact(again)) == serde.dumps_typed(
                _without_artifact(result)
            ):
                return spelled
        except Exception:  # noqa: BLE001, S110 - whatever a serializer raises, it cannot be stored
            pass
        _log.warning("the result of a tool cannot be kept", type=type(result).__qualname__)
        return None

    def unwritten(self, checkpoint: str) -> Mapping[str, KeptCall]:
        """Take the finished calls of a step that are not written yet."""
        finished = self._done.copy()  # in one step, since calls in other threads end meanwhile
        found = {call: kept for call, (at, kept) in finished.items() if at == checkpoint}
        for call in found:
            self._done.pop(call, None)
        return found

    # Writing ----------------------------------------------------------------------------------------------------------

    async def write(self, checkpoint: str, calls: Mapping[str, KeptCall]) -> None:
        """Write calls to the checkpoint of their step, even if the caller is cancelled meanwhile."""
        if calls:
            await asyncio.shield(asyncio.wrap_future(self._start_write(checkpoint, calls)))

    def write_blocking(self, checkpoint: str, calls: Mapping[str, KeptCall]) -> None:
        """The same for code that blocks."""
        if not calls:
            return
        future = self._start_write(checkpoint, calls)
        if not self._is_on_savers_loop():
            with contextlib.suppress(TimeoutError):
                future.result(_PATIENCE_SECONDS)

    def _start_write(self, checkpoint: str, calls: Mapping[str, KeptCall]) -> Future[None]:
        """Start a write on the saver's loop: a node may have made a loop of its own, in its thread."""
        future = asyncio.run_coroutine_threadsafe(self._write(checkpoint, calls), self._loop)
        self._late.add(future)
        future.add_done_callback(self._late.discard)
        return future

    def _is_on_savers_loop(self) -> bool:
        """Tell whether this thread runs the saver's loop."""
        try:
            return asyncio.get_running_loop() is self._loop
        except RuntimeError:
            return False

    async def _write(self, checkpoint: str, calls: Mapping[str, KeptCall]) -> None:
        configurable = {**self._config["configurable"], "checkpoint_ns": "", "checkpoint_id": checkpoint}
        written = [
            [call, kept.number, kept.starts, *(kept.result or ("", b"")), list(kept.answers)]
            for call, kept in calls.items()
        ]
        config = {"configurable": configurable}
        await self._saver.aput_writes(config, [(KEPT, written)], f"{KEPT}:{uuid4().hex}")

    async def wait_written(self) -> None:
        """Wait for the writes that their callers could not wait for."""
        await asyncio.gather(*(asyncio.wrap_future(each) for each in list(self._late)))
