"""`make bench`: measures what an operator feels, each figure beside a reference of the same run.

    python bench/run.py [--only NAME] [--runs N] [--quick]

The checkpointers have a table of their own (`--only savers`), measured in a process and an environment of its own.

The load comes from a process of its own (`bench.driver`), Redis is a private Valkey that has every write on the disk
before it answers, and the bot is the real one, put together as `signoff run` does it. It never fails a build: the aims
stand in the table, and whoever reads it judges.
"""

import argparse
import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from adapters.redis import embedded
from bench import clicks, growth, reading, resumes, round_trips, size, start, versus
from bench.slack import ROOT, driver
from bench.table import Bench, Table
from bot.telemetry import set_up_logs

SAVERS = "savers"
FIGURES: dict[str, Callable[[Bench], Awaitable[None]]] = {
    "acks": clicks.measure,
    "round-trips": round_trips.measure,
    "burst": clicks.measure_burst,
    "resumes": resumes.measure,
    "versus": versus.measure,
    "growth": growth.measure,
    "size": size.measure,
    "start": start.measure,
    "reading": reading.measure,
}


def main() -> None:
    """Measure, and print one table."""
    parser = argparse.ArgumentParser(prog="make bench", description="Prints the figures beside their references.")
    parser.add_argument(
        "--only", choices=(*FIGURES, SAVERS), action="append", help="measure this figure; may be given again"
    )
    parser.add_argument("--runs", type=_at_least_one, default=5, help="runs whose median counts (default 5)")
    parser.add_argument("--quick", action="store_true", help="a fifth of the clicks in each run")
    given = parser.parse_args()
    figures = [figure for figure in given.only or FIGURES if figure != SAVERS]
    if figures:
        with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
            set_up_logs(stream=nowhere, json=True)  # lines are made as in production, and then dropped
            table = asyncio.run(measured(figures, given.runs, quick=given.quick))
        print(table, flush=True)
    if not given.only or SAVERS in given.only:
        compare_savers(given.runs, quick=given.quick)


def compare_savers(runs: int, *, quick: bool) -> None:
    """Print their table; where their environment was not made, the others' cells say that they are not installed."""
    python = ROOT / ".venv-bench" / "bin" / "python"
    command = (str(python) if python.exists() else sys.executable, "-m", "bench.savers", "--runs", str(runs))
    subprocess.run((*command, "--quick") if quick else command, cwd=ROOT, check=True)  # noqa: S603 - ours


async def measured(figures: Sequence[str], runs: int, *, quick: bool) -> Table:
    """Measure some figures."""
    table = Table()
    with TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        async with driver() as slack, embedded.running(folder / "valkey") as redis_url:
            for figure in figures:
                sys.stderr.write(f"{figure} ...\n")
                await FIGURES[figure](Bench(slack, redis_url, folder, table, runs, quick))
    return table


def _at_least_one(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError("at least one run is needed")
    return number


if __name__ == "__main__":
    main()
