"""What fails: workers, Redis, Slack, clocks, and cards that people delete. Each failure ends by itself.

A worker that is frozen for longer than its lease wakes as a zombie: its lanes have other holders by then. A clock that
jumps is wrong for one worker alone.
"""

import asyncio
import contextlib
import random
import signal
from collections.abc import Awaitable, Callable
from typing import Any, Final

from adapters.localslack import LocalSlack
from adapters.localslack.faults import FaultRequest
from adapters.localslack.people import interactions
from adapters.localslack.people.interactions import NoSuchThingError
from bench.chaos.machines import FAKETIME, RedisServer, StuckError, Worker, Workers, wait_until
from bench.chaos.people import Crowd
from bench.chaos.recorder import Recorder

LEASE: Final = 10.0
"""Seconds after which a lane of a worker that says nothing is taken over."""
CLICKS_BETWEEN: Final = 5
"""Between two failures of a kind, for a minute at most."""
_FAULTS: Final[tuple[dict[str, Any], ...]] = (
    {"method": "*", "status": 429, "retry_after": 1, "times": 5},
    {"method": "*", "status": 500, "times": 5},
    {"method": "chat.update", "status": 500, "times": 3},
    {"method": "chat.postMessage", "lost_response": True, "times": 2},
    {"method": "chat.update", "lost_response": True, "times": 2},
    {"method": "*", "delay": 2.0, "times": 3},
    {"method": "*", "answer_after": 2.0, "times": 3},
    {"method": "views.open", "status": 500, "times": 1},
    {"method": "apps.connections.open", "status": 500, "times": 2},
    {"drop_ack": 2},
    {"duplicate": 5},
    {"disconnect": 1},
    {"disconnect": True},
    {"disconnect": "refresh"},
)


class Failures:
    """Lets things fail, until it is cancelled."""

    def __init__(
        self,
        slack: LocalSlack,
        server: RedisServer,
        workers: Workers,
        crowd: Crowd,
        recorder: Recorder,
        dice: random.Random,
    ) -> None:
        self._slack, self._server, self._workers = slack, server, workers
        self._crowd, self._recorder, self._dice = crowd, recorder, dice

    async def run(self) -> None:
        """Fail, one kind beside the other."""
        async with asyncio.TaskGroup() as group:
            for act, least, most in (
                (self._kill, 4, 9),
                (self._freeze, 15, 40),
                (self._redis, 20, 45),
                (self._slack_fails, 1, 5),
                (self._delete_card, 3, 8),
                *([(self._jump, 5, 12)] if FAKETIME.exists() else []),
            ):
                group.create_task(self._often(act, least, most))

    async def _often(self, act: Callable[[], Awaitable[None]], least: float, most: float) -> None:
        """Let something fail every few seconds, but not again before people got on with their clicks.

        Else the workers of a busy machine would be killed while they start, one after the other, and none would work.
        """
        while True:
            enough = self._recorder.counts["clicks acked"] + CLICKS_BETWEEN

            async def clicked(enough: int = enough) -> bool:
                return self._recorder.counts["clicks acked"] >= enough

            await asyncio.sleep(self._dice.uniform(least, most))
            with contextlib.suppress(StuckError):
                await wait_until(clicked, "people click")
            await act()

    async def _kill(self) -> None:
        worker, pid = self._one()
        if pid is not None:
            with self._recorder.trouble("workers killed"):
                worker.send(signal.SIGKILL, pid)

    def _one(self) -> tuple[Worker, int | None]:
        """One process that serves; None where it has just ended."""
        worker = self._dice.choice(self._workers.all)
        return worker, self._dice.choice([*worker.pids] or [None])

    async def _freeze(self) -> None:
        worker, pid = self._one()
        if pid is None:
            return
        with self._recorder.trouble("workers frozen"):
            worker.send(signal.SIGSTOP, pid)
            try:
                await asyncio.sleep(LEASE + self._dice.uniform(1, 4))
            finally:
                worker.send(signal.SIGCONT, pid)

    async def _redis(self) -> None:
        match self._dice.choice(("stopped", "killed", "frozen")):
            case "frozen":
                with self._recorder.trouble("Redis frozen"):
                    self._server.send(signal.SIGSTOP)
                    try:
                        await asyncio.sleep(self._dice.uniform(1, 5))
                    finally:
                        self._server.send(signal.SIGCONT)
            case how:
                with self._recorder.trouble(f"Redis {how}"):
                    await self._server.end(signal.SIGTERM if how == "stopped" else signal.SIGKILL)
                    try:
                        await asyncio.sleep(self._dice.uniform(0, 3))
                    finally:
                        await self._server.start()

    async def _slack_fails(self) -> None:
        given = self._dice.choice(_FAULTS)
        self._recorder.counts["faults of Slack"] += 1
        fault = FaultRequest(**given)
        self._slack.workspace.faults.add(fault)
        if fault.disconnect == "refresh":
            await self._slack.workspace.sockets.disconnect(warn=True)
        elif fault.disconnect:
            await self._slack.workspace.sockets.disconnect(None if fault.disconnect is True else 1)

    async def _delete_card(self) -> None:
        gate = self._dice.choice(self._crowd.gates[-20:] or [None])
        card = None if gate is None else self._crowd.board.last(gate)
        if card is None:
            return
        self._recorder.fact("deleted", gate=str(gate))  # before: this may be cut off while the bot is told of it
        with contextlib.suppress(NoSuchThingError):
            await interactions.delete(self._slack.workspace, *card)
            self._recorder.counts["cards deleted"] += 1

    async def _jump(self) -> None:
        worker = self._dice.choice(self._workers.all)
        seconds = self._dice.choice((0, 0, 90, -90, 3_600, -3_600, 7_200, -7_200))
        worker.clock.write_text(f"{seconds:+}\n", encoding="ascii")
        self._recorder.counts["clock jumps"] += 1
