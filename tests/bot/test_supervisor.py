"""The supervisor, with workers that only speak with it: `fakes.small_worker`. Real ones are in `tests/crash`."""

import asyncio
import contextlib
import errno
import os
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fakes import small_worker
from fakes.patience import PATIENCE
from structlog.testing import capture_logs

import bot.supervisor.supervisor as supervising
from bot.config.problems import ConfigProblem, ProblemsError
from bot.supervisor import worker as workers
from bot.supervisor.channel import Texts
from bot.supervisor.supervisor import Supervisor
from bot.supervisor.worker import Worker

PROGRAM = Path(small_worker.__file__)


@dataclass(slots=True)
class Crew:
    """A supervisor that runs."""

    file: Path
    supervisor: Supervisor
    workers: list[Worker]
    stop: asyncio.Event
    ready: asyncio.Event
    running: "asyncio.Task[int]"
    logs: list[Any]

    def reload(self, text: str) -> None:
        self.file.write_text(text)
        self.supervisor.reload()

    async def until(self, true: Callable[[], object]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not true():  # noqa: ASYNC110 - other processes make it true
                await asyncio.sleep(0.005)

    def logged(self, event: str, **more: object) -> int:
        return sum(each["event"] == event and more.items() <= each.items() for each in self.logs)

    def pid(self, number: int) -> int:
        process = self.workers[number - 1].process
        assert process is not None
        return process.pid


@contextlib.asynccontextmanager
async def crew(folder: Path, text: str, count: int = 2, hung_seconds: float = 0) -> AsyncIterator[Crew]:
    file = folder / "app.yaml"
    file.write_text(text)

    def read() -> Texts:
        if "not yaml" in (found := file.read_text()):
            raise ProblemsError([ConfigProblem(f"{file}:1", "is not YAML", "Correct the file.")])
        return {"app.yaml": found}

    made = [Worker(number, PROGRAM) for number in range(1, count + 1)]
    supervisor = Supervisor(made, file, dict(os.environ), {}, read, {"app.yaml": text}, hung_seconds)
    stop, ready = asyncio.Event(), asyncio.Event()
    with capture_logs() as logs:
        running = asyncio.create_task(supervisor.run(stop, ready.set))
        try:
            yield Crew(file, supervisor, made, stop, ready, running, logs)
        finally:
            stop.set()
            async with asyncio.timeout(PATIENCE):
                await running
            assert not any(each.process for each in made)


async def test_all_serve_and_all_stop(tmp_path: Path) -> None:
    async with crew(tmp_path, "", count=3) as running:
        await running.ready.wait()
        assert all(each.serves for each in running.workers)
        running.stop.set()
        assert await running.running == 0


async def test_a_worker_that_dies_is_started_again_and_its_counts_stay(tmp_path: Path) -> None:
    async with crew(tmp_path, "1: counts 3\n2: counts 5") as running:
        await running.ready.wait()
        one, two = running.workers
        os.kill(running.pid(2), signal.SIGKILL)
        await running.until(lambda: two.starts == 2 and two.serves)
        assert running.logged("a worker died and is started again", worker=2, ended="signal SIGKILL", times=1) == 1
        text = await running.supervisor.exposition(one)
        assert 'signoff_clicks_total{choice="a"} 13.0' in text  # 3, and 5 twice: each of its two lives counted 5
        assert "signoff_runs_active 4.0" in text
        assert one.starts == 1


async def test_a_worker_that_is_stopped_from_outside_is_started_again(tmp_path: Path) -> None:
    async with crew(tmp_path, "") as running:
        await running.ready.wait()
        os.kill(running.pid(1), signal.SIGTERM)  # it has no handler: a death, as any other
        await running.until(lambda: running.workers[0].starts == 2 and running.workers[0].serves)


@pytest.mark.promise("P10")
async def test_a_configuration_that_the_first_worker_cannot_use_is_told_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with crew(tmp_path, "1: cannot start\n2: cannot start", count=2) as running:
        assert await running.running == 1
    assert capsys.readouterr().err == "app.yaml:1: agents: it cannot start.\n"
    assert [each.starts for each in running.workers] == [1, 0]


async def test_while_another_serves_a_worker_that_cannot_start_is_tried_again(tmp_path: Path) -> None:
    """Slack may be away for a moment, just when a worker is started again."""
    async with crew(tmp_path, "2: cannot start") as running:
        await running.until(lambda: running.workers[1].starts == 3)
        assert running.logged("a worker cannot start", worker=2) == 2
        assert running.workers[0].serves
        assert running.workers[1].pause == 1.0


async def test_a_worker_that_cannot_start_again_takes_none_with_it_that_is_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "_LONGEST_PAUSE", 0.01)
    async with crew(tmp_path, "") as running:
        await running.ready.wait()
        in_force = running.supervisor._in_force  # what a worker gets that is started from now on
        in_force.texts = {"app.yaml": "1: never serves\n2: cannot start"}
        for number in (1, 2):
            os.kill(running.pid(number), signal.SIGKILL)
        await running.until(lambda: running.logged("a worker cannot start", worker=2))
        in_force.texts = {"app.yaml": ""}
        await running.until(lambda: all(each.serves for each in running.workers))
        assert not running.running.done()


async def test_it_gives_up_where_no_worker_comes_to_serve(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with crew(tmp_path, "1: never serves") as running:
        assert await running.running == 1
    assert (
        capsys.readouterr().err
        == "signoff run: workers died 3 times in a row; the last one ended with signal SIGKILL.\n"
    )
    assert running.logged("a worker died and is started again") == 2  # the third time it is not
    assert [each.starts for each in running.workers] == [3, 0]


async def test_it_gives_up_where_all_die_soon_after_they_serve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(workers, "_LONGEST_PAUSE", 0.01)
    async with crew(tmp_path, "1: dies\n2: dies") as running:
        assert await running.running == 1
    assert "workers died 6 times in a row" in capsys.readouterr().err


async def test_it_goes_on_where_one_of_them_lasts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_LONGEST_PAUSE", 0.01)
    monkeypatch.setattr(workers, "STEADY_SECONDS", 0.0)
    async with crew(tmp_path, "2: never serves") as running:
        await running.until(lambda: running.workers[1].starts == 9)
        assert not running.running.done()


async def test_names_are_looked_up_by_the_first_worker_for_all(tmp_path: Path) -> None:
    """Slack allows 20 lists of people a minute, to all workers together."""
    text = "1: names\n2: names\n3: names"
    async with crew(tmp_path, text, count=3) as running:
        await running.ready.wait()
        assert (await running.supervisor.readiness())["degraded"] == [text, "names of worker 1"]


@pytest.mark.promise("P6")
async def test_all_workers_take_a_file_or_none(tmp_path: Path) -> None:
    async with crew(tmp_path, "old", count=3) as running:
        await running.ready.wait()
        for wrong in ("new\n3: refuses", "not yaml"):
            running.reload(wrong)
            refused = running.logged("the rules stay as they were, in all workers")
            await running.until(lambda: running.logged("the rules stay as they were, in all workers") > refused)  # noqa: B023
            assert (await running.supervisor.readiness())["degraded"] == ["old"]
        running.reload("new")
        await running.until(lambda: running.logged("all workers reloaded", workers=3))
        assert (await running.supervisor.readiness())["degraded"] == ["new"]


@pytest.mark.promise("P6")
async def test_a_worker_that_starts_gets_what_is_in_force_and_not_what_is_on_the_disk(tmp_path: Path) -> None:
    async with crew(tmp_path, "old") as running:
        await running.ready.wait()
        running.file.write_text("not put in force yet")
        os.kill(running.pid(2), signal.SIGKILL)
        await running.until(lambda: running.workers[1].starts == 2 and running.workers[1].serves)
        assert (await running.supervisor.readiness())["degraded"] == ["old"]
        running.supervisor.reload()
        await running.until(lambda: running.logged("all workers reloaded"))
        assert (await running.supervisor.readiness())["degraded"] == ["not put in force yet"]


@pytest.mark.promise("P6")
async def test_a_worker_that_hangs_lets_no_other_take_a_new_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervising, "_PREPARE_SECONDS", 0.05)
    monkeypatch.setattr(supervising, "_SOON_SECONDS", 0.05)
    monkeypatch.setattr(supervising, "STOP_SECONDS", 1.0)
    async with crew(tmp_path, "2: hangs") as running:
        await running.ready.wait()
        running.reload("new")
        await running.until(lambda: running.logged("the rules stay as they were, in all workers"))
        found = await running.supervisor.readiness()
        assert found == {"missing": [], "degraded": ["worker 2: it does not answer", "2: hangs"]}
        running.stop.set()
        assert await running.running == 0
        assert running.logged("some workers did not end in time and are killed", workers=1) == 1


@pytest.mark.promise("P6")
async def test_a_worker_that_dies_during_a_reload_does_not_go_on_with_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its next process has the old text, which is still in force, and is starting when the new one takes effect."""
    async with crew(tmp_path, "2: starts late") as running:
        two, prepared = running.workers[1], running.supervisor._all_prepared
        await running.until(lambda: two.edition)
        await running.supervisor.readiness()
        await running.ready.wait()

        async def and_dies(*given: Any) -> list[ConfigProblem]:
            problems = await prepared(*given)
            two.edition = 0
            os.kill(running.pid(2), signal.SIGKILL)
            await running.until(lambda: two.edition)  # it has the old text
            return problems

        monkeypatch.setattr(running.supervisor, "_all_prepared", and_dies)
        running.reload("new")
        await running.until(lambda: running.logged("all workers reloaded"))
        await running.supervisor.readiness()  # worker 2 goes on starting
        await running.until(lambda: two.serves)
        assert (await running.supervisor.readiness())["degraded"] == ["new"]


@pytest.mark.promise("P6")
async def test_a_worker_that_hangs_when_it_is_brought_up_to_date_holds_up_no_reload(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervising, "_ANSWER_SECONDS", 0.2)
    async with crew(tmp_path, "2: starts late\n2: takes nothing") as running:
        await running.until(lambda: running.workers[0].serves and running.workers[1].edition)
        running.reload("new")
        await running.until(lambda: running.logged("all workers reloaded", workers=1))
        await running.supervisor.readiness()  # worker 2 goes on starting
        await running.until(lambda: running.workers[1].starts == 2 and running.workers[1].serves)
        assert (await running.supervisor.readiness())["degraded"] == ["new"]


@pytest.mark.promise("P6")
async def test_no_worker_serves_before_it_goes_by_the_file_that_is_in_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Worker 2 has started on the old file when the reload begins, and asks whether it may serve while it lasts."""
    async with crew(tmp_path, "2: starts late") as running:
        two, prepared, go = running.workers[1], running.supervisor._all_prepared, asyncio.Event()
        await running.until(lambda: running.workers[0].serves and two.edition)

        async def slowly(*given: Any) -> list[ConfigProblem]:
            problems = await prepared(*given)
            await running.supervisor.readiness()  # worker 2 goes on starting
            await running.until(lambda: running.logged("a worker waits for the reload that is under way", worker=2))
            assert not two.serves
            await go.wait()
            return problems

        monkeypatch.setattr(running.supervisor, "_all_prepared", slowly)
        running.reload("new")
        await running.until(lambda: running.logged("a worker waits for the reload that is under way", worker=2))
        go.set()
        await running.until(lambda: running.logged("all workers reloaded", workers=1))
        await running.ready.wait()
        assert (await running.supervisor.readiness())["degraded"] == ["new"]


@pytest.fixture
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker hangs after a moment."""
    monkeypatch.setattr(supervising, "_BEAT_SECONDS", 0.05)
    monkeypatch.setattr(workers, "HANGS_SECONDS", 0.2)


@pytest.mark.usefixtures("_soon")
async def test_a_worker_that_stands_still_is_told_of_and_comes_back(tmp_path: Path) -> None:
    """The code of an agent blocked it. Nobody kills it."""
    async with crew(tmp_path, "") as running:
        await running.ready.wait()
        os.kill(running.pid(2), signal.SIGSTOP)
        await running.until(lambda: running.logged("a worker hangs, and others take over its work", worker=2))
        await running.until(lambda: running.workers[1].silent > 0.4)
        assert "signoff_workers_hung 1.0" in await running.supervisor.exposition(running.workers[0])
        os.kill(running.pid(2), signal.SIGCONT)
        await running.until(lambda: running.logged("a worker that hung answers again", worker=2))
        assert "signoff_workers_hung 0.0" in await running.supervisor.exposition(running.workers[0])
        assert running.logged("a worker hangs, and others take over its work", worker=2) == 1
        assert running.workers[1].starts == 1


@pytest.mark.usefixtures("_soon")
async def test_a_worker_that_hangs_for_long_is_killed_and_started_again(tmp_path: Path) -> None:
    async with crew(tmp_path, "", hung_seconds=1.0) as running:
        await running.ready.wait()
        os.kill(running.pid(2), signal.SIGSTOP)
        await running.until(lambda: running.logged("a worker hung for too long and is killed", worker=2))
        await running.until(lambda: running.workers[1].starts == 2 and running.workers[1].serves)
        assert running.logged("a worker died and is started again", worker=2, ended="signal SIGKILL") == 1


async def test_a_stop_reaches_workers_that_are_just_being_started(tmp_path: Path) -> None:
    for turns in range(6):
        async with crew(tmp_path, "", count=2) as running:
            for _ in range(turns):
                await asyncio.sleep(0)
            running.stop.set()
            assert await running.running == 0


async def test_where_the_system_starts_no_process_that_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def refused(*_: object, **__: object) -> None:
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(asyncio, "create_subprocess_exec", refused)
    async with crew(tmp_path, "") as running:
        assert await running.running == 1
    assert capsys.readouterr().err == "signoff run: the system starts no worker (Resource temporarily unavailable).\n"


async def test_whole_is_not_ready_while_its_first_worker_starts(tmp_path: Path) -> None:
    async with crew(tmp_path, "", count=2) as running:
        found = await running.supervisor.readiness()
        assert found["missing"] == ["worker 1: it is not running", "worker 2: it is not running"]


async def test_probes_and_scrapes_wait_for_no_worker_that_starts(tmp_path: Path) -> None:
    """It imports its graphs, for seconds, and answers nothing meanwhile; the others do its work."""
    async with crew(tmp_path, "1: counts 1\n2: starts for long") as running:
        await running.until(lambda: running.workers[0].serves and running.workers[1].process)
        async with asyncio.timeout(supervising._ANSWER_SECONDS - 0.5):
            found = await running.supervisor.readiness()
            text = await running.supervisor.exposition(running.workers[0])
        assert found["missing"] == []
        assert found["degraded"][0] == "worker 2: it is starting"
        assert 'signoff_clicks_total{choice="a"} 1.0' in text
        running.stop.set()
        await running.until(lambda: running.logged("the workers drain"))
        running.supervisor.kill()


async def test_where_nobody_answers_all_are_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervising, "_SOON_SECONDS", 0.05)
    monkeypatch.setattr(supervising, "_ANSWER_SECONDS", 0.1)
    async with crew(tmp_path, "1: hangs\n2: hangs") as running:
        await running.ready.wait()
        found = await running.supervisor.readiness()
        assert found["missing"] == ["worker 1: it does not answer", "worker 2: it does not answer"]
        running.stop.set()
        await running.until(lambda: running.logged("the workers drain"))
        running.supervisor.kill()


async def test_a_second_signal_kills(tmp_path: Path) -> None:
    async with crew(tmp_path, "1: hangs\n2: hangs") as running:
        await running.ready.wait()
        running.stop.set()
        await running.until(lambda: running.logged("the workers drain"))
        running.supervisor.kill()
        assert await running.running == 0
