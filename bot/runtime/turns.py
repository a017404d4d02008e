"""Who runs first on the event loop: what people wait for, then what machines do.

asyncio runs callbacks in the order in which they were scheduled. A hundred graphs that resume would stand before each
step of a click, of which there are a dozen: its ack would take as long as a dozen steps of all graphs. So callbacks of
the background, which are those in a context made by `lane_context`, wait in a queue of their own. asyncio and uvloop
schedule each step of a task by `call_soon` in the task's context, and what a task starts inherits it; so whatever a
graph's code does is in the background, with nothing for it to call. Its timers, too: one that is due waits behind what
became ready before, or a time limit would overtake an answer that came long ago and only waits for its turn.

The background gets a turn when nothing else is ready, for `TURN` seconds or until something else is; then sockets are
looked at again. While a
payload of Slack's is under way (`waited_for`), it gets none, even if the payload waits for Redis: a step of a graph may
take longer than Redis does. Two bounds keep it from starving:

* `LONGEST_WAIT` after its last turn it gets one, whatever else there is to do.
* A payload counts for at most `LONGEST_HOLD` seconds: one that waits for Slack holds up no graph.

A callback is never interrupted, so a click waits for the one that runs: `BLOCKED` says from when on that is logged.

The same holds for threads. LangGraph runs blocking nodes in the loop's default ones (`AGENTS_THREADS`), each of which
may be busy for minutes. So all that is not in the background has threads of its own.

A connection to Redis of its own for clicks was tried and changed nothing: the background sends little meanwhile.
"""

import asyncio
import contextlib
import contextvars
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any, TypeVar, TypeVarTuple

import structlog

from engine.approvals.effects import Lane, is_waited_for

TURN = 0.001
"""Seconds of a turn; the callback in which they end is finished."""
LONGEST_WAIT = 0.01
"""Seconds that the background waits for its next turn at most."""
LONGEST_HOLD = 0.03
"""Seconds for which a payload keeps the background waiting at most, but for the turns of `LONGEST_WAIT`."""
BLOCKED = 0.5
"""Seconds of one callback from which on the log names whose it was."""

AGENTS_THREADS = 32
"""The most threads for blocking nodes. Most of those wait for a model or a service, and Python itself would give them
six on two cores. Not one for each graph run: nodes that compute would keep the event loop from the interpreter."""
_OWN_THREADS = 16
"""The most threads for what is not in the background."""

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_BACKGROUND = contextvars.ContextVar("background", default=False)

log = structlog.get_logger(__name__)


def lane_context(lane: Lane) -> contextvars.Context:
    """A copy of the current context for the work of a lane: the background, unless somebody waits for it."""
    context = contextvars.copy_context()
    context.run(_BACKGROUND.set, not is_waited_for(lane))
    return context


@contextlib.contextmanager
def waited_for() -> Iterator[None]:
    """Keep the background waiting, within the bounds above: somebody waits for the end of the block."""
    loop = asyncio.get_running_loop()
    if not isinstance(loop, PeopleFirst):
        yield
        return
    held = loop.hold()
    try:
        yield
    finally:
        loop.release(held)


class PeopleFirst(asyncio.AbstractEventLoop):
    """The two queues, for an event loop that stands behind this class: `class Loop(PeopleFirst, OtherLoop)`.

    `clock` can be replaced by tests.
    """

    clock: Callable[[], float] = staticmethod(time.monotonic)

    def __init__(self) -> None:
        super().__init__()
        self._waiting: deque[_Turn] = deque()
        self._held: dict[object, float] = {}
        self._others_came = False
        self._last_turn = 0.0
        self._next: asyncio.Handle | None = None
        self._sleeps = False
        self._own_threads: ThreadPoolExecutor | None = None
        self.set_default_executor(ThreadPoolExecutor(AGENTS_THREADS, "agent"))

    def call_soon(
        self,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.Handle:
        """Schedule a callback: at once, or for a turn of the background."""
        if not _is_background(context):
            self._others_came = True
            return super().call_soon(callback, *args, context=context)
        turn = _Turn(callback, args, self, context)
        self._queue(turn)
        return turn

    def call_later(
        self,
        delay: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """Schedule a callback for later, and then for a turn of the background if it belongs there."""
        if not _is_background(context):
            return super().call_later(delay, callback, *args, context=context)
        turn = _TimedTurn(self.time() + delay, callback, args, self, context)
        turn.timer = super().call_later(delay, self._queue_due, turn, context=_NEUTRAL)
        return turn

    def call_at(
        self,
        when: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """The same for a time of this loop's clock."""
        if not _is_background(context):
            return super().call_at(when, callback, *args, context=context)
        return self.call_later(when - self.time(), callback, *args, context=context)

    def hold(self) -> object:
        """Keep the background waiting until `release`, or for `LONGEST_HOLD`."""
        held = object()
        self._held[held] = self.clock() + LONGEST_HOLD
        return held

    def release(self, held: object) -> None:
        """End a `hold`."""
        self._held.pop(held, None)
        if self._sleeps and not self._held and self._next is not None:
            self._next.cancel()
            self._come_soon()

    def run_in_executor(self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts) -> "asyncio.Future[T]":
        """Run a function in a thread: in a default one for the background, else in one of our own."""
        if executor is None and not _BACKGROUND.get():
            executor = self.own_threads
        return super().run_in_executor(executor, func, *args)

    @property
    def own_threads(self) -> Executor:
        """Threads that no agent's code runs in."""
        if self._own_threads is None:
            self._own_threads = ThreadPoolExecutor(_OWN_THREADS, "signoff")
        return self._own_threads

    def close(self) -> None:
        """Close the loop."""
        if self._own_threads is not None:
            self._own_threads.shutdown(wait=False)
        super().close()

    def _queue_due(self, turn: "_TimedTurn") -> None:
        turn.timer = None  # so that the two do not keep each other
        if not turn.cancelled():
            self._queue(turn)

    def _queue(self, turn: "_Turn") -> None:
        if not self._waiting:
            self._last_turn = self.clock()
        self._waiting.append(turn)
        if self._next is None:
            self._come_soon()

    # Turns ------------------------------------------------------------------------------------------------------------

    def _come_soon(self) -> None:
        self._sleeps = False
        self._next = super().call_soon(self._come, context=_NEUTRAL)

    def _come(self) -> None:
        """Give a turn, or wait for one. `_next` stands until this is decided: there is only one at a time."""
        now = self.clock()
        due = self._last_turn + LONGEST_WAIT
        others_came, self._others_came = self._others_came, False
        if now >= due:
            self._take_turn(now + TURN)
        elif others_came:
            self._come_soon()
        elif held := self._held_until(now):
            self._sleeps = True
            self._next = self.call_later(min(held, due) - now, self._come, context=_NEUTRAL)
        else:
            self._take_turn(now + TURN)

    def _held_until(self, now: float) -> float:
        """When the last payload under way stops counting; 0 if none counts."""
        until = max(self._held.values(), default=0.0)
        return until if until > now else 0.0

    def _take_turn(self, end: float) -> None:
        try:
            began = self.clock()
            while self._waiting and began < end and not self._others_came:
                turn = self._waiting.popleft()
                if not turn.cancelled():
                    turn.run()
                    began = self._watched(turn, began)
        finally:  # a callback may raise SystemExit
            self._last_turn, self._others_came = self.clock(), False
            self._next = None
            if self._waiting:
                self._come_soon()

    def _watched(self, turn: "_Turn", began: float) -> float:
        """Log a callback that blocked the loop, with what is bound to its context's log; gives the time."""
        now = self.clock()
        if now - began >= BLOCKED:
            turn.tell(now - began)
        return now


class _Turn(asyncio.Handle):
    """A callback of the background."""

    def run(self) -> None:
        """Call it; an error goes to the loop's exception handler."""
        self._run()

    def tell(self, seconds: float) -> None:
        """Log, once for each agent, that it blocked the loop."""
        contextvars.Context.run(self._context, _blocked, seconds)  # type: ignore[attr-defined]


class _TimedTurn(_Turn, asyncio.TimerHandle):
    """A callback of the background that is due at a time, or was and waits for its turn."""

    def __init__(
        self, when: float, callback: Callable[..., object], args: Any, loop: asyncio.AbstractEventLoop, context: Any
    ) -> None:
        asyncio.TimerHandle.__init__(self, when, callback, args, loop, context)
        self.timer: asyncio.TimerHandle | None = None

    def cancel(self) -> None:
        """Let it run neither now nor then."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        asyncio.Handle.cancel(self)  # not of TimerHandle, which is for timers that asyncio keeps


def _is_background(context: contextvars.Context | None) -> bool:
    """Whether a callback of this context, or of the current one, belongs to the background."""
    return _BACKGROUND.get() if context is None else context.get(_BACKGROUND, False)


def _blocked(seconds: float) -> None:
    agent = structlog.contextvars.get_contextvars().get("agent", "")
    if agent not in _told:
        _told.add(agent)
        log.warning(_BLOCKED_SENTENCE, seconds=round(seconds, 1))


_BLOCKED_SENTENCE = (
    "code blocked the event loop: no click was answered meanwhile. An async node must await what takes long; "
    "a node that computes belongs into a plain function, which runs in a thread"
)
_told: set[str] = set()
_NEUTRAL = contextvars.Context()
"""Without anything that was bound where the background was scheduled."""
