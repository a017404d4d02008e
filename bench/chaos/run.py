"""`make chaos`: people click while everything fails, then nothing fails any more, then the history is checked.

`ARGS="--minutes 3 --clicks 500 --seed 7"`. The same seed makes the same plan; what happens depends on the machine, too.
A run that breaks a rule leaves its folder, with the history, the logs and the data of Redis.
"""

import argparse
import asyncio
import contextlib
import os
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from adapters.localslack import LocalSlack
from adapters.localslack.faults import FaultRequest
from adapters.redis.keys import Keys
from bench.chaos.checker.history import read
from bench.chaos.checker.rules import broken
from bench.chaos.failures import Failures
from bench.chaos.machines import PATIENCE, RedisServer, StuckError, Worker, Workers, wait_until
from bench.chaos.people import APPROVERS, PEOPLE, SHAPES, Crowd
from bench.chaos.plan import LOAD, Plan, Report
from bench.chaos.recorder import Recorder, now
from bench.chaos.table import table
from bench.chaos.witness import Witness

ROOT = Path(__file__).parent.parent.parent
RETRIES = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0)
"""When the workspace repeats an event that was not acked, in place of Slack's minutes."""

MOST_CASES = 40
"""Cases under way at once: a machine that is busy with other work gets fewer clicks, not ones that it never reaches."""


async def chaos(plan: Plan, folder: Path) -> Report:
    """Run the plan."""
    recorder = Recorder(folder / "history.jsonl")
    dice = random.Random(plan.seed)  # noqa: S311 - a plan, not a secret
    async with _world(plan, folder) as (slack, server, workers):
        crowd = Crowd(slack, recorder, dice)
        witness = Witness(slack, crowd, recorder, server.url)
        failures = Failures(slack, server, workers, crowd, recorder, dice)
        await _connected(slack, plan.workers)
        await _load(plan, crowd, failures, recorder)
        calm = now()
        await _calm(slack, server, workers)
        await _settle(plan, crowd, witness)
        settled = now() - calm
        workers.failed()
        await witness.write(folder / "ledger.jsonl")
        await workers.end()
    recorder.counts["starts of workers"] = sum(each.starts for each in workers.all)
    found = broken(read((folder / "history.jsonl").read_text(encoding="utf-8").splitlines()))
    return Report(plan, folder, recorder, found, settled, [each for one in workers.all for each in one.ended])


@contextlib.asynccontextmanager
async def _world(plan: Plan, folder: Path) -> AsyncIterator[tuple[LocalSlack, RedisServer, Workers]]:
    server = RedisServer(folder / "redis")
    people = {"people": [{"name": each} for each in PEOPLE], "channels": [each.name for each in SHAPES]}
    async with LocalSlack(data=folder / "slack", people=people, rate_limit=None, retry_after=RETRIES) as slack:
        (folder / "app.yaml").write_text(yaml.safe_dump(configuration()), encoding="utf-8")
        (folder / "ledger.jsonl").touch()
        await server.start()
        environ = dict(os.environ) | slack.environment() | {
            "REDIS_URL": server.url,
            "CHAOS_LEDGER": str(folder / "ledger.jsonl"),
            "CHAOS_AUDIT": Keys().audit("THREAD"),
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "",  # a worker starts many times: what it imports is compiled once
        }  # fmt: skip
        workers = Workers(
            [Worker(1, folder, environ, plan.workers)]
            if plan.supervised
            else [Worker(number, folder, environ) for number in range(1, plan.workers + 1)]
        )
        workers.start()
        try:
            yield slack, server, workers
        finally:
            await workers.end()
            await server.end()


def configuration() -> Mapping[str, Any]:
    """Build the `app.yaml`: an agent for each shape, in a channel of its name."""
    graphs = Path(__file__).parent / "graphs.py"
    agents = {
        each.name: {
            "graph": f"{graphs}:{each.name}",
            "channels": [f"#{each.name}"],
            "input": {"case": "$text"},
            "reply": "done",
        }
        for each in SHAPES
    }
    more: Mapping[str, Mapping[str, Any]] = {"quorum": {"quorum": 2}, "expiry": {"expires_after": "6s"}}
    rules = [
        {"when": {"agent": each.name}, "approvers": {"users": list(APPROVERS)}, **more.get(each.name, {})}
        for each in SHAPES
        if each.name != "question"
    ]
    return {"agents": agents, "approvals": rules, "slack": {"mode": "socket"}, "http": {"port": 0}}


async def _connected(slack: LocalSlack, number: int) -> None:
    async def there() -> bool:
        return slack.workspace.sockets.count >= number

    await wait_until(there, f"{number} workers are connected", 3 * PATIENCE)  # on a busy machine


async def _load(plan: Plan, crowd: Crowd, failures: Failures, recorder: Recorder) -> None:
    """Begin cases until there are enough clicks or the time is over, and let things fail meanwhile."""
    end, failing = now() + plan.seconds_of_load, asyncio.create_task(_nothing() if plan.quiet else failures.run())
    try:
        while (left := end - now()) > 0 and (wanted := plan.clicks - recorder.counts["clicks"]) > 0:
            cases = wanted / recorder.clicks_a_case
            await asyncio.wait([failing], timeout=min(left, left / max(1.0, cases)))
            if failing.done():
                break
            if crowd.under_way < MOST_CASES:
                crowd.begin(recorder.next_case())
    finally:
        failing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await failing


async def _nothing() -> None:
    await asyncio.get_running_loop().create_future()


async def _calm(slack: LocalSlack, server: RedisServer, workers: Workers) -> None:
    """Let nothing fail any more."""
    slack.workspace.faults.add(FaultRequest(reset=True))
    await wait_until(server.answers, "Redis answers")
    for worker in workers.all:
        worker.send(signal.SIGCONT)
        worker.clock.write_text("+0\n", encoding="ascii")
    await _connected(slack, sum(each.processes for each in workers.all))


async def _settle(plan: Plan, crowd: Crowd, witness: Witness) -> None:
    """Decide what is open, and wait until every card is true and no work is left."""
    await crowd.ended()

    async def settled() -> bool:
        await asyncio.gather(*(crowd.insist(each) for each in crowd.gates if crowd.board.live(each)))
        return not await witness.open_gates() and not (await witness.work_left())[0]

    with contextlib.suppress(StuckError):  # the checker says what is wrong
        await wait_until(settled, "all cards are true", max(120.0, plan.minutes * 60 * (1 - LOAD)), look_again=1.0)


def clicks_in(minutes: float) -> int:
    """As many clicks as Slack's limits let the bot keep up with."""
    return round(Plan().clicks * min(1.0, minutes / Plan().minutes))


def main(arguments: list[str]) -> int:
    """Run, print the table, and exit with 1 if a rule is broken."""
    parser = argparse.ArgumentParser(
        prog="make chaos", description="Click while everything fails, and check what came out."
    )
    parser.add_argument("--minutes", type=float, default=Plan().minutes)
    parser.add_argument("--clicks", type=int, default=None, help="10,000 in 30 minutes, fewer in fewer, if left out")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--workers", type=int, default=Plan().workers)
    parser.add_argument("--supervised", action="store_true", help="the workers are signoff run --processes N")
    parser.add_argument("--quiet", action="store_true", help="nothing fails")
    parser.add_argument("--keep", action="store_true", help="leave the folder, whatever came out")
    given = parser.parse_args(arguments)
    seed = random.SystemRandom().randrange(1_000_000) if given.seed is None else given.seed
    clicks = clicks_in(given.minutes) if given.clicks is None else given.clicks
    plan = Plan(given.minutes, clicks, seed, given.workers, supervised=given.supervised, quiet=given.quiet)
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    print(f"seed {seed}, in {folder}", flush=True)
    report = asyncio.run(chaos(plan, folder))
    print(table(report))
    if report.broken or given.keep:
        print(f"To check it again: {sys.executable} -m bench.chaos.checker {folder}/history.jsonl")
    else:
        shutil.rmtree(folder)
    return 1 if report.broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
