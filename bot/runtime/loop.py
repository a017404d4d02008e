"""The event loop: people first, and not to be ended by an agent's code. uvloop where it is installed.

asyncio lets a SystemExit through: a task that raises it ends the loop, so `sys.exit()` in a node or a tool would stop
all other agents, and again at each redelivery of the message that led there. By then the task holds the exception like
any other, and the loop is intact. So the loop runs on, and the code that awaits the task reports the exit
(`adapters.langgraph.in_process.runs.run`). uvloop does the same.

uvloop (the extra `fast`) takes a tenth off what a click costs of a core: most of a click is Python code, which it does
not touch. It has no wheels for Windows.
"""

import asyncio
import functools
import socket
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import structlog

from bot.runtime.turns import PeopleFirst

_SWITCH_SECONDS = 0.001
"""How long a thread of an agent that computes may keep the interpreter while the loop wants it; Python's 5 ms would be
added to each look at the sockets."""

log = structlog.get_logger(__name__)

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T], *, fast: bool = False) -> T:
    """`asyncio.run`, until `main` is done. An exit of its own ends the process.

    `fast` takes uvloop where it is installed: a command that ends at once would wait longer for its import.
    """
    sys.setswitchinterval(_SWITCH_SECONDS)
    with asyncio.Runner(loop_factory=(fast and uv_loop()) or AsyncioLoop) as runner:
        return runner.run(main)


def name() -> str:
    """The kind of loop that runs: `asyncio` or `uvloop`."""
    return "asyncio" if isinstance(asyncio.get_running_loop(), asyncio.BaseEventLoop) else "uvloop"


def name_of_fast() -> str:
    """The kind of loop that `run` takes with `fast`."""
    return "asyncio" if uv_loop() is None else "uvloop"


class _Unending(PeopleFirst):
    """A loop that goes on when a task other than its main one exits."""

    def run_until_complete(self, future: Any) -> Any:
        task = asyncio.ensure_future(future, loop=self)
        while True:
            try:
                return super().run_until_complete(task)
            except SystemExit as left:
                if task.done():
                    raise
                log.warning("code of an agent called sys.exit(); the bot goes on", code=str(left.code))


class AsyncioLoop(_Unending, asyncio.SelectorEventLoop):
    """On asyncio's own loop."""

    async def getaddrinfo(self, *address: Any, **hints: Any) -> Any:
        """Look a name up, in a thread of our own also for the background: Slack, Redis and all people wait for it.

        uvloop has threads of its own for that.
        """
        return await self.run_in_executor(self.own_threads, functools.partial(socket.getaddrinfo, *address, **hints))


def uv_loop() -> "Callable[[], asyncio.AbstractEventLoop] | None":
    """The same on uvloop; None where it is not installed."""
    try:
        import uvloop  # noqa: PLC0415 - an extra
    except ImportError:
        return None
    return type("UvLoop", (_Unending, uvloop.Loop), {})
