"""An event loop that an agent's code cannot end.

asyncio lets a SystemExit through: a task that raises it ends the loop, so `sys.exit()` in a node or a tool would stop
all other agents, and again at each redelivery of the message that led there. By then the task holds the exception like
any other, and the loop is intact. So the loop runs on, and the code that awaits the task reports the exit
(`adapters.langgraph.in_process.runs.run`).
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import structlog

log = structlog.get_logger(__name__)

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run`, until `main` is done. An exit of its own ends the process."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(main)


class _Loop(asyncio.SelectorEventLoop):
    def run_until_complete(self, future: Any) -> Any:
        task = asyncio.ensure_future(future, loop=self)
        while True:
            try:
                return super().run_until_complete(task)
            except SystemExit as left:
                if task.done():
                    raise
                log.warning("code of an agent called sys.exit(); the bot goes on", code=str(left.code))
