"""Keeps account of one process: which hop spends its CPU, what each hop asks of Redis, and the tasks that it starts.

A hop is charged while its code runs, not while it waits: a coroutine under `Account.charged` is charged from each
resumption to the next suspension. Hops nest, and the innermost is charged. Inside a hop a part (the Redis client, a
document, a call of Slack) is charged apart from the rest of the hop.
"""

import asyncio
import contextlib
import sys
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Generator, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial, wraps
from pathlib import Path
from types import FrameType
from typing import Any, TypeAlias, TypeVar

import hiredis

from adapters.redis.keys import Keys
from adapters.redis.transport import scripts

REST = "the rest"
"""The hop of what is under no hop: the event loop, sockets, Bolt's and Slack's background tasks."""
GARBAGE = "garbage collector"
_OWN = "own code"
_ROOT = f"{Path(__file__).parent.parent}/"
_UNINTERESTING = ("adapters/redis/transport/", "adapters/redis/lanes/retrying", "bench/", ".venv")

T = TypeVar("T")
Label: TypeAlias = tuple[str, str]
Words: TypeAlias = tuple[scripts.Arg, ...]

_pack: Callable[[Any], bytes] = hiredis.pack_command


@dataclass(slots=True)
class Asked:
    """One call of Redis: `trip` numbers the round trips of this way, `by` are the functions that wanted it."""

    hop: str
    call: str
    by: str
    trip: int
    bytes_out: int
    bytes_in: int


@dataclass(slots=True)
class Account:
    """What was spent since the last `clear`. With `lists`, calls are listed with their bytes, which costs CPU."""

    lists: bool
    calls: list[Asked] = field(default_factory=list)
    tasks: Counter[Label] = field(default_factory=Counter)
    """Tasks that were started, by hop and name of the coroutine."""
    done: Counter[Label] = field(default_factory=Counter)
    """Other things that a hop did, such as reading a document, by hop and name."""
    cpu_ns: Counter[Label] = field(default_factory=Counter)
    """CPU time of the event loop's thread, by hop and part."""
    active: float = 0.0
    """`time.monotonic` when something was last charged to a hop."""
    _thread: int = field(default_factory=threading.get_ident)
    _trips: int = 0
    _stack: list[Label] = field(default_factory=lambda: [(REST, _OWN)])
    _since: int = field(default_factory=time.thread_time_ns)

    def clear(self) -> None:
        """Begin anew."""
        for each in (self.calls, self.tasks, self.done, self.cpu_ns):
            each.clear()
        self._trips = 0
        self._since = time.thread_time_ns()

    def report(self) -> dict[str, Any]:
        """Give what was spent, for JSON."""
        self._charge()
        return {
            "calls": [asdict(each) for each in self.calls],
            "tasks": _rows(self.tasks),
            "done": _rows(self.done),
            "cpu_us": _rows(Counter({label: spent // 1000 for label, spent in self.cpu_ns.items()})),
        }

    # Who is charged ---------------------------------------------------------------------------------------------------

    @property
    def hop(self) -> str:
        """The hop whose code runs."""
        return self._stack[-1][0]

    def _charge(self) -> None:
        now = time.thread_time_ns()
        self.cpu_ns[self._stack[-1]] += now - self._since
        self._since = now

    def enter(self, hop: str = "", part: str = _OWN) -> None:
        """Charge a hop, or a part of the present one, with what runs from now until `leave`."""
        self._charge()
        self._stack.append((hop or self.hop, part))
        if self.hop != REST:
            self.active = time.monotonic()

    def note_collection(self, phase: str, _: dict[str, int]) -> None:
        """Charge the garbage collector apart, whoever's code it interrupts: a callback of `gc`, in any thread."""
        if threading.get_ident() != self._thread:
            return
        if phase == "start":
            self.enter(GARBAGE)
        else:
            self.leave()

    def leave(self) -> None:
        """Charge the outer hop again."""
        self._charge()
        self._stack.pop()

    async def charged(self, waiting: Awaitable[T], hop: str = "", part: str = _OWN) -> T:
        """Await, and charge a hop, or a part of the present one, while that code runs."""
        result: T = await _Charged(self, waiting, hop or self.hop, part)
        return result

    def make_task(self, loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> "asyncio.Task[Any]":
        """Start a task as a part of the hop that starts it: a task factory."""
        hop, part = self._stack[-1]
        self.tasks[hop, getattr(work, "__qualname__", type(work).__name__)] += 1
        return asyncio.Task(self.charged(work, hop, part), loop=loop, **options)

    # What it asks of Redis --------------------------------------------------------------------------------------------

    async def asked(self, packet: Sequence[Words], answered: Awaitable[list[Any]]) -> list[Any]:
        """Await the raw replies to one packet of commands, and list these."""
        if not self.lists:
            return await answered
        self._trips += 1
        hop, trip, by = self.hop, self._trips, _wanted_by(sys._getframe())  # noqa: SLF001 - the stack is the answer
        listed = [Asked(hop, _name(words), by, trip, len(_pack(words)), 0) for words in packet]
        self.calls += listed
        replies = await answered
        for each, reply in zip(listed, replies, strict=True):
            each.bytes_in = _size(reply)
        return replies


class _Charged:
    """Drives an awaitable, and charges a hop from each resumption to the next suspension."""

    def __init__(self, account: Account, waiting: Awaitable[Any], hop: str, part: str) -> None:
        self._account, self._waiting, self._hop, self._part = account, waiting, hop, part

    def __await__(self) -> Generator[Any, Any, Any]:
        steps: Any = self._waiting.__await__()
        resume: Callable[[], Any] = partial(next, steps)
        while True:
            self._account.enter(self._hop, self._part)
            try:
                waits_for = resume()
            except StopIteration as end:
                return end.value
            finally:
                self._account.leave()
            resume = yield from _resumption(steps, waits_for)


def _resumption(steps: Any, waits_for: Any) -> Generator[Any, Any, Callable[[], Any]]:
    """Suspend, and give what goes on: with the loop's value, or with its exception."""
    try:
        value = yield waits_for
    except BaseException as error:  # noqa: BLE001 - it is passed on
        return partial(steps.throw, error)
    return partial(steps.send, value)


@contextlib.contextmanager
def watched(owner: Any, name: str, make: Callable[[Any], Any]) -> Iterator[None]:
    """Put `make(function)` in the place of a function of a class or module, until the block ends."""
    original = getattr(owner, name)
    setattr(owner, name, wraps(original)(make(original)))
    try:
        yield
    finally:
        setattr(owner, name, original)


def _rows(counted: "Counter[Label]") -> list[list[Any]]:
    return [[*label, count] for label, count in counted.most_common()]


def _name(words: Words) -> str:
    """Name a script by its class, a command by its word and the kind of its key."""
    word, *rest = map(str, words)
    if word == "EVALSHA":
        made = scripts._LAYOUTS.items()  # noqa: SLF001 - nobody else knows scripts by their hash
        return next((kind.__name__ for kind, layout in made if layout.sha == rest[0]), word)
    kind = Keys().kind_of(rest[0]) if rest else None
    return f"{word} {kind.name}" if kind else word


def _wanted_by(frame: FrameType | None) -> str:
    """Name the function that made the call, and the function of another folder that it works for."""
    wanted: list[tuple[str, str]] = []
    while frame is not None:
        path = frame.f_code.co_filename
        inside = path.removeprefix(_ROOT)
        if inside != path and not inside.startswith(_UNINTERESTING):
            folder = inside.rpartition("/")[0]
            if not wanted or wanted[-1][0] != folder:
                wanted.append((folder, frame.f_code.co_qualname))
        frame = frame.f_back
    return " < ".join(name for _, name in wanted[:3])


def _size(reply: Any) -> int:
    """Give the bytes of a reply on the wire (RESP2)."""
    match reply:
        case None:
            return len("$-1\r\n")
        case bytes():
            return len(f"${len(reply)}\r\n\r\n") + len(reply)
        case list():
            return len(f"*{len(reply)}\r\n") + sum(map(_size, reply))
        case _:
            return len(f":{reply}\r\n")
