"""The supervisor: it keeps N workers running, and starts, reloads and stops them as one bot.

* The first worker starts alone, the others when it serves. So a graph that cannot be loaded, or a token that Slack
  refuses, is told once.
* A worker that ends by itself is started again: at once, then after a growing pause if it dies soon each time. If it
  cannot start because of the configuration, Slack or Redis, that is told: before any worker has served it is the end of
  the whole, and afterwards it counts as a death, since what was right once is most likely right again soon.
* If workers die again and again and none serves for long, the supervisor gives up: then systemd or Kubernetes can see
  it.
* A reload has two steps. All workers prepare the texts of the files that the supervisor has read; only if all of them
  can take them, they take effect. A worker that does not answer refuses, too. A worker that starts gets the texts that
  are in force, not the files as they may be by then, and for the environment of its graphs the `.env` that was read
  first: a reload changes no environment, so the graphs of all workers find the same.
* Before a worker takes anything from Slack or from lanes it asks whether it may serve. The answer waits for the reload
  that is under way, and for the worker to put in force what took effect while it started. From then on it takes part
  in reloads. So no worker ever serves by rules that are older than the last reload.
* A worker whose event loop hangs, because an agent's code blocks it or something stopped the process, does not
  answer. After 10 s that is logged, and /metrics and /readyz show it. Then its leases have run out: others have begun
  its work again, and fences refuse what it still writes. So to kill it makes nothing run twice that does not do so
  anyway, but it may cut off a call in the middle. Most code that blocks comes back, and so does the worker. It is
  killed and started again only after `HUNG_SECONDS`, longer than the time-outs of common clients of models and
  services. It is not left for ever: it would refuse each reload, also one that takes an approver out, and clicks that
  Slack sends to it get lost.
* A stop asks each worker to drain. Those that are not done after `STOP_SECONDS` are killed, which loses nothing: see
  `bot.commands.serve`.
"""

import asyncio
import contextlib
import itertools
import os
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from bot.config.problems import ConfigProblem, ProblemsError
from bot.supervisor.assignment import Assignment, connections_of
from bot.supervisor.channel import GoneError, Message, Texts
from bot.supervisor.sums import Sums
from bot.supervisor.worker import Worker, how_it_ended

log = structlog.get_logger(__name__)

STOP_SECONDS = 29.0
"""A worker takes 25 s for its runs and some for its last answers; orchestrators kill after 30 s by default."""
_ANSWER_SECONDS = 4.0
_SOON_SECONDS = 0.4
"""How long /readyz waits for a worker that does not answer, such as one that imports its graphs, if another one is
ready: a probe of Kubernetes waits for a second."""
_PREPARE_SECONDS = 60.0
HUNG_SECONDS = 600
"""How long a worker may hang before it is killed, unless `--hung-after` says otherwise."""
_BEAT_SECONDS = 2.0
_FIRST_DEATHS = 3
"""Deaths in a row after which a supervisor gives up none of whose workers ever served."""
_DEATHS = 3
"""The same for each worker, once one has served."""

Listeners = Mapping[str, Sequence[socket.socket]]
ReadTexts = Callable[[], Texts]
"""Reads `app.yaml` and the files beside it, and sees that they are valid. Raises ProblemsError."""


@dataclass(slots=True)
class Edition:
    """What was read of the configuration at one moment, under a number that no other has.

    `names` are those that a worker has looked up in Slack for it, and `looked_up` is when: see
    `bot.runtime.shared_names`.
    """

    number: int
    texts: Texts = field(repr=False)
    names: str | None = field(default=None, repr=False)
    looked_up: float = 0.0


class Supervisor:
    """Runs workers on the configuration that `read` reads, at first on `texts`; they get the environment `environ`.

    One that hangs for `hung_seconds` is killed; 0: never.
    """

    def __init__(
        self,
        workers: Sequence[Worker],
        file: Path,
        environ: Mapping[str, str],
        listeners: Listeners,
        read: ReadTexts,
        texts: Texts,
        hung_seconds: float = HUNG_SECONDS,
    ) -> None:
        self._workers, self._hung_seconds = workers, hung_seconds
        self._file, self._environ, self._listeners = file, environ, listeners
        self._read, self._numbers = read, itertools.count(1)
        self._first = self._in_force = Edition(next(self._numbers), texts)
        self._candidate = self._in_force
        """What the workers prepare, or prepared last."""
        self._sums = Sums()
        self._first_serves, self._all_serve = asyncio.Event(), asyncio.Event()
        self._stop, self._reload_asked = asyncio.Event(), asyncio.Event()
        self._reloading = asyncio.Lock()
        self._deaths = 0
        self._failure: tuple[str, ...] = ()
        self._lifeline, self._held = os.pipe()

    async def run(self, stop: asyncio.Event, on_ready: Callable[[], None]) -> int:
        """Run until `stop` is set, or until it gives up; gives the exit code."""
        keeping = [asyncio.create_task(self._keep(each), name=f"worker {each.number}") for each in self._workers]
        reloading = asyncio.create_task(self._keep_reloading(), name="reload")
        ready = asyncio.create_task(self._tell_ready(on_ready), name="ready")
        ends = [asyncio.create_task(each.wait(), name="stop") for each in (stop, self._stop)]
        try:
            done, _ = await asyncio.wait({*ends, *keeping, reloading}, return_when=asyncio.FIRST_COMPLETED)
            await self._drain(keeping)
            for each in done:
                each.result()
        finally:
            for each in (ready, reloading, *ends, *keeping):
                each.cancel()
            for worker in self._workers:
                worker.kill()
            await asyncio.gather(ready, reloading, *ends, *keeping, return_exceptions=True)
            os.close(self._held)
            os.close(self._lifeline)
        for line in self._failure:
            sys.stderr.write(f"{line}\n")
        return 1 if self._failure else 0

    def kill(self) -> None:
        """Kill all workers."""
        for each in self._workers:
            each.kill()

    def reload(self) -> None:
        """Ask for a reload; asked for during one, the file is read once more after it."""
        self._reload_asked.set()

    async def _tell_ready(self, on_ready: Callable[[], None]) -> None:
        await self._all_serve.wait()
        on_ready()

    async def _drain(self, keeping: Sequence["asyncio.Task[None]"]) -> None:
        self._stop.set()
        log.info("the workers drain", workers=sum(each.process is not None for each in self._workers))
        for sockets in self._listeners.values():
            for each in sockets:
                each.close()  # with those of the workers: then nobody waits for an answer that will not come
        for worker in self._workers:
            worker.ask_to_stop()
        _, late = await asyncio.wait(keeping, timeout=STOP_SECONDS)
        if late:
            log.warning("some workers did not end in time and are killed", workers=len(late))
            self.kill()
            await asyncio.wait(late, timeout=1)

    # One worker -------------------------------------------------------------------------------------------------------

    async def _keep(self, worker: Worker) -> None:
        """Keep a worker running until the stop."""
        if worker is not self._workers[0]:
            await self._unless_stopped(self._first_serves.wait())
        while not self._stop.is_set():
            code, was_steady = await self._live(worker)
            if self._stop.is_set():
                return
            self._judge(worker, code, was_steady=was_steady)
            if worker.pause:
                await self._unless_stopped(asyncio.sleep(worker.pause))

    async def _unless_stopped(self, waiting: Any) -> None:
        """Wait for this, or for the stop."""
        waits = [asyncio.ensure_future(waiting), asyncio.ensure_future(self._stop.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def _live(self, worker: Worker) -> tuple[int, bool]:
        """Let a worker live once; gives its exit code, and whether it served for a while."""
        ours, theirs = socket.socketpair()
        with theirs:
            assignment = Assignment(
                number=worker.number,
                file=str(self._file),
                path=sys.path,
                channel=theirs.fileno(),
                lifeline=self._lifeline,
                listeners={key: [each.fileno() for each in sockets] for key, sockets in self._listeners.items()},
                connections=connections_of(worker.number, len(self._workers)),
            )
            worker.problems = ()
            try:
                async with worker.started(assignment, ours, self._environ, partial(self._answer, worker)) as process:
                    theirs.close()
                    if self._stop.is_set():  # it was asked before it was there
                        worker.ask_to_stop()
                    watching = asyncio.create_task(self._watch(worker), name=f"watch {worker.number}")
                    try:
                        code = await process.wait()
                    finally:
                        watching.cancel()
                        await asyncio.gather(watching, return_exceptions=True)
                    was_steady = worker.is_steady
            except OSError as error:
                worker.problems = (f"signoff run: the system starts no worker ({error.strerror}).",)
                return 1, False
        self._sums.end(worker.number)
        return code, was_steady

    async def _watch(self, worker: Worker) -> None:
        """Tell when a worker that serves does not answer any more, and kill it when that lasts."""
        with contextlib.suppress(GoneError):
            while True:
                await asyncio.sleep(_BEAT_SECONDS)
                if worker.serves:
                    await self._answer_of(worker)

    async def _answer_of(self, worker: Worker) -> None:
        """Wait for a worker's answer. Raises GoneError."""
        said = {"worker": worker.number, "pid": worker.process and worker.process.pid}
        answer = asyncio.create_task(worker.ask("alive"))
        try:
            # Its silence is counted in waits: a machine that was suspended for an hour has waited once.
            while not (await asyncio.wait({answer}, timeout=_BEAT_SECONDS))[0]:
                hung, worker.silent = worker.hangs, worker.silent + _BEAT_SECONDS
                if worker.hangs and not hung:
                    log.error("a worker hangs, and others take over its work", seconds=worker.silent, **said)
                if self._hung_seconds and worker.silent >= self._hung_seconds and not self._stop.is_set():
                    log.error("a worker hung for too long and is killed", seconds=worker.silent, **said)
                    worker.kill()
                    return
            answer.result()
            if worker.hangs:
                log.warning("a worker that hung answers again", seconds=worker.silent, **said)
        finally:
            worker.silent = 0.0
            answer.cancel()
            await asyncio.gather(answer, return_exceptions=True)

    def _judge(self, worker: Worker, code: int, *, was_steady: bool) -> None:
        """Say why a worker ended; give up where all of them die again and again."""
        worker.short_lives = 0 if was_steady or code == 0 else worker.short_lives + 1
        others = [each for each in self._workers if each is not worker]
        self._deaths = 0 if was_steady or any(each.is_steady for each in others) else self._deaths + 1
        ended = how_it_ended(code)
        said = {"worker": worker.number, "ended": ended, "times": worker.starts, "pause": worker.pause}
        most = _DEATHS * len(self._workers) if self._first_serves.is_set() else _FIRST_DEATHS
        if worker.problems:
            if not self._first_serves.is_set():
                self._give_up(worker.problems)
                return
            for each in worker.problems:
                log.error("a worker cannot start", worker=worker.number, problem=each)
        elif code == 0:
            log.info("a worker was stopped and is started again", **said)
        elif self._deaths < most:
            log.error("a worker died and is started again", **said)
        if self._deaths >= most:
            died = f"signoff run: workers died {self._deaths} times in a row; the last one ended with {ended}."
            self._give_up([*worker.problems, died])

    def _give_up(self, lines: Sequence[str]) -> None:
        if not self._failure:
            self._failure = tuple(lines)
        self._stop.set()

    # What workers say -------------------------------------------------------------------------------------------------

    async def _answer(self, worker: Worker, message: Message) -> Message | None:
        match message["what"]:
            case "configuration":
                worker.edition = self._in_force.number
                return {
                    "edition": self._in_force.number,
                    "texts": self._in_force.texts,
                    "first": self._first.texts,
                }
            case "may serve":
                await self._let_serve(worker)
            case "serving":
                self._begin_to_serve(worker)
            case "failed":
                worker.problems = tuple(message["problems"])
            case "names":
                return self._shared_names(message)
            case "metrics" if "families" in message:
                self._sums.note(worker.number, message["families"])
            case "metrics":
                return {"text": await self.exposition(worker)}
            case "readiness":
                return await self.readiness()
            case what:
                raise AssertionError(what)
        return None

    def _shared_names(self, message: Message) -> Message:
        """Note the names that a worker has looked up, or give those of another one; None for an older edition."""
        edition = next((each for each in (self._in_force, self._candidate) if each.number == message["edition"]), None)
        if edition is None:
            return {"names": None}
        if "names" in message:
            edition.names, edition.looked_up = message["names"], time.monotonic()
        return {"names": edition.names, "age": time.monotonic() - edition.looked_up}

    async def _let_serve(self, worker: Worker) -> None:
        """Wait until a worker goes by what is in force, and let it take part in reloads from then on."""
        if self._reloading.locked():
            log.info("a worker waits for the reload that is under way", worker=worker.number)
        async with self._reloading:
            if worker.edition != self._in_force.number and not await self._brought_up_to_date(worker):
                worker.kill()  # it is started again, with what is in force
                raise GoneError("it does not take what is in force")
            worker.takes_part = True

    def _begin_to_serve(self, worker: Worker) -> None:
        worker.begin_to_serve()
        log.info("a worker serves", worker=worker.number, pid=worker.process and worker.process.pid)
        self._first_serves.set()
        if all(each.serves for each in self._workers):
            self._all_serve.set()

    async def _brought_up_to_date(self, worker: Worker) -> bool:
        """Give a worker what was put in force while it started; False if it does not take it."""
        return not await self._prepared(worker, self._in_force) and await self._takes_effect(worker, counted=False)

    async def exposition(self, first: Worker) -> str:
        """The metrics of all workers; `first` counts what waits in Redis."""

        async def asked(worker: Worker) -> None:
            with contextlib.suppress(GoneError, TimeoutError):  # then what it told last stands
                async with asyncio.timeout(_ANSWER_SECONDS):
                    found = await worker.ask("metrics", waiting=worker is first)
                if worker.serves:
                    self._sums.note(worker.number, found["families"])

        await asyncio.gather(*(asked(each) for each in self._workers if each.serves))
        return self._sums.text(first.number, hung=sum(each.hangs for each in self._workers)).decode()

    # Readiness --------------------------------------------------------------------------------------------------------

    async def readiness(self) -> Message:
        """Ready if one worker is that Slack can reach: it does the work of all. The others are named as degraded."""
        found = await self._readiness_of_each()
        degraded = list(dict.fromkeys(said for each in found for said in each["degraded"]))
        missing = [
            f"worker {worker.number}: {said}"
            for worker, each in zip(self._workers, found, strict=True)
            for said in each["missing"]
        ]
        if any(map(_is_ready, found)):
            return {"missing": [], "degraded": [*missing, *degraded]}
        return {"missing": missing or ["no worker is connected to Slack"], "degraded": degraded}

    async def _readiness_of_each(self) -> list[Message]:
        """What each worker says. Once one is ready, nobody waits for another that is busy."""
        asked = [asyncio.create_task(self._readiness_of(each)) for each in self._workers]
        try:
            done, _ = await asyncio.wait(asked, timeout=_SOON_SECONDS)
            if not any(_is_ready(each.result()) for each in done):
                done, _ = await asyncio.wait(asked, timeout=_ANSWER_SECONDS - _SOON_SECONDS)
        finally:
            for each in asked:
                each.cancel()
            await asyncio.gather(*asked, return_exceptions=True)
        return [
            task.result() if task in done else _missing("it does not answer" if worker.serves else "it is starting")
            for worker, task in zip(self._workers, asked, strict=True)
        ]

    @staticmethod
    async def _readiness_of(worker: Worker) -> Message:
        try:
            return await worker.ask("readiness")
        except GoneError as error:
            return _missing(str(error))

    # Reload -----------------------------------------------------------------------------------------------------------

    async def _keep_reloading(self) -> None:
        while True:
            await self._reload_asked.wait()
            self._reload_asked.clear()
            async with self._reloading:
                await self._reload()

    async def _reload(self) -> None:
        serving = [each for each in self._workers if each.takes_part]
        try:
            self._candidate = Edition(next(self._numbers), await asyncio.to_thread(self._read))
            problems = await self._all_prepared(serving, self._candidate)
        except ProblemsError as error:
            problems = list(error.problems)
        if problems:
            await self._refuse(serving, problems)
            return
        self._in_force = self._candidate
        for worker in serving:
            if not worker.takes_part:
                continue  # it died meanwhile: whatever its next process has read, it serves with the one in force
            if not await self._takes_effect(worker, counted=worker is serving[0]):
                worker.kill()  # it may still go by the old rules; it is started again with the new ones
        log.info("all workers reloaded", file=str(self._file), workers=len(serving))

    async def _all_prepared(self, workers: Sequence[Worker], edition: Edition) -> list[ConfigProblem]:
        """Let one worker prepare an edition, which looks up the names in it, and then the others."""
        for some in (workers[:1], workers[1:]):
            found = await asyncio.gather(*(self._prepared(each, edition) for each in some))
            if problems := [each for problems in found for each in problems]:
                return problems
        return []

    async def _prepared(self, worker: Worker, edition: Edition) -> list[ConfigProblem]:
        """Let a worker prepare an edition; gives what is wrong with it."""
        try:
            async with asyncio.timeout(_PREPARE_SECONDS):
                answer = await worker.ask("prepare", edition=edition.number, texts=edition.texts)
                return [ConfigProblem(*each) for each in answer["problems"]]
        except GoneError:
            return []  # it is started again, and then gets what is in force
        except TimeoutError:
            what = f"worker {worker.number} does not answer"
            return [ConfigProblem(str(self._file), what, "Send SIGHUP again, or restart the bot.")]

    async def _takes_effect(self, worker: Worker, *, counted: bool) -> bool:
        """Let a worker put in force what it prepared; False if it does not say that it did."""
        with contextlib.suppress(GoneError, TimeoutError):
            async with asyncio.timeout(_ANSWER_SECONDS):
                await worker.ask("take effect", counted=counted)
            worker.edition = self._in_force.number
            return True
        return False

    async def _refuse(self, workers: Sequence[Worker], problems: Sequence[ConfigProblem]) -> None:
        said = list(dict.fromkeys(map(str, problems)))
        for each in said:
            log.error("not reloaded", problem=each)
        log.error("the rules stay as they were, in all workers", problems=len(said))
        for worker in workers:
            with contextlib.suppress(GoneError, TimeoutError):
                async with asyncio.timeout(_ANSWER_SECONDS):
                    await worker.ask("discard", problems=len(said), counted=worker is workers[0])


def _missing(what: str) -> Message:
    return {"missing": [what], "degraded": [], "hears": False}


def _is_ready(said: Message) -> bool:
    return bool(said["hears"] and not said["missing"])
