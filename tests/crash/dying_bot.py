"""A bot in a process of its own, which dies where a test wants it to: the real bot, its ports wrapped.

A hop is written `WHEN:PORT.METHOD:N`, as in `after:approvals.save:1`: the process is killed with SIGKILL right before
or right after the N-th call of that method in its life. With `stop` as a fourth part it is stopped (SIGSTOP) instead,
with `hang` the call never returns.
Production code knows nothing of this.

Each life writes the calls that it makes into `hops.log` beside `app.yaml`, so that a test can see that no hop is left
out of its list.
"""

import asyncio
import faulthandler
import inspect
import os
import signal
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import adapters.langgraph.in_process.graphs  # imported before the process forks, so that each life starts at once
import adapters.redis.checkpointer.saver  # noqa: F401 - likewise
from adapters.slack.outbound.chat import SlackChat
from adapters.slack.workspace.client import web_client
from bot.commands.serve import hang_ups, serve, stop_signals
from bot.config.load import load
from bot.telemetry import set_up_logs
from bot.wiring.assembly import bot
from bot.wiring.ports import Ports
from bot.wiring.running import Bot
from engine.ids import UserId

BOT = UserId("U0SIGNOFF")
LEASE = timedelta(seconds=1)
WRAPPED = ("approvals", "conversations", "lanes", "graphs", "chat", "roster")


@dataclass(frozen=True, slots=True)
class Life:
    """One life of a bot: where its `app.yaml` is, the environment of the configuration, and the hop it dies at."""

    folder: Path
    environ: Mapping[str, str]
    hop: str = ""
    number: int = 1

    @property
    def log(self) -> Path:
        """What the process writes to stdout and stderr."""
        return self.folder / f"life-{self.number}.log"


class Death:
    """Counts calls, writes them down, and ends the process at the hop."""

    def __init__(self, hop: str, hops: Path) -> None:
        self._when, self._what, self._number, self._signal = _hop(hop)
        self._hops = hops
        self._counts: Counter[tuple[str, str]] = Counter()

    async def passes(self, when: str, what: str) -> None:
        """Say that the process is right before or after a call."""
        self._counts[when, what] += 1
        if when == "before":
            with self._hops.open("a", encoding="utf-8") as log:
                log.write(f"{what}\n")
        if (when, what, self._counts[when, what]) == (self._when, self._what, self._number):
            if self._signal is None:
                await asyncio.Event().wait()
            else:
                os.kill(os.getpid(), self._signal)


_WAYS: Mapping[str, signal.Signals | None] = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP, "hang": None}


def _hop(hop: str) -> tuple[str, str, int, signal.Signals | None]:
    when, what, number, *way = hop.split(":") if hop else ("", "", "0")
    return when, what, int(number), _WAYS[way[0] if way else "kill"]


class Watched:
    """A port whose calls are passed through a death."""

    def __init__(self, port: Any, name: str, death: Death) -> None:
        self._port, self._name, self._death = port, name, death

    def __getattr__(self, method: str) -> Any:
        real = getattr(self._port, method)
        if not inspect.iscoroutinefunction(real) or method == "serve":
            return real
        what = f"{self._name}.{method}"

        async def watched(*args: Any, **named: Any) -> Any:
            await self._death.passes("before", what)
            result = await real(*args, **named)
            await self._death.passes("after", what)
            return result

        return watched


class Told:
    """A bot that says when it begins to drain."""

    def __init__(self, running: Bot, life: Life) -> None:
        self._bot, self._life = running, life

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bot, name)

    def drain(self) -> None:
        """Drain, and say so."""
        self._bot.drain()
        (self._life.folder / f"draining-{self._life.number}").touch()


def live(life: Life) -> None:
    """Be a bot, from start to end. Runs in a process of its own."""
    out = os.open(life.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(out, 1)
    os.dup2(out, 2)
    faulthandler.enable()
    asyncio.run(_live(life))


async def _live(life: Life) -> None:
    read = partial(load, life.folder / "app.yaml", life.environ)
    config = read()
    set_up_logs()
    death = Death(life.hop, life.folder / "hops.log")
    async with web_client(config.secrets.slack_bot_token, config.secrets.slack_api_url or "") as client:

        def altered(ports: Ports) -> None:
            ports.chat = SlackChat(client, BOT)
            for name in WRAPPED:
                setattr(ports, name, Watched(getattr(ports, name), name, death))

        async with (
            stop_signals() as stop,
            bot(config, altered, LEASE, read=read) as running,
            hang_ups(running.reload.ask, stop),
        ):
            (life.folder / f"listens-life-{life.number}").touch()
            told = Told(running, life)
            await serve(told, stop, on_ready=(life.folder / f"ready-{life.number}").touch)  # type: ignore[arg-type]
