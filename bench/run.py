"""`make bench`: measures what an operator feels, each figure beside a reference of the same run.

    python bench/run.py [--only NAME] [--runs N] [--quick] [--write]

The checkpointers have a table of their own (`--only savers`), measured in a process and an environment of its own.

The load comes from a process of its own (`bench.driver`), Redis is a private Valkey that has every write on the disk
before it answers, and the bot is the real one, put together as `signoff run` does it and on the same event loop, as are
its references. It never fails a build: the aims stand in the table, and whoever reads it judges. All of it takes a
quarter of an hour; `--write` puts what was measured into docs/performance.md (`bench.page`).
"""

import argparse
import asyncio
import os
import platform
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from adapters.redis import embedded
from bench import clicks, growth, hops, page, reading, resumes, round_trips, size, start, versus
from bench.slack import ROOT, driver
from bench.table import Bench, Table
from bot.runtime import loop
from bot.telemetry import set_up_logs

SAVERS, HOPS = "savers", "hops"
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
    """Measure, and print a table for each figure."""
    parser = argparse.ArgumentParser(prog="make bench", description="Prints the figures beside their references.")
    parser.add_argument(
        "--only", choices=(*FIGURES, HOPS, SAVERS), action="append", help="measure this figure; may be given again"
    )
    parser.add_argument("--runs", type=_at_least_one, default=5, help="runs whose median counts (default 5)")
    parser.add_argument("--quick", action="store_true", help="a fifth of the clicks in each run")
    parser.add_argument("--write", action="store_true", help="write what was measured into docs/performance.md")
    given = parser.parse_args()
    wanted = given.only or [*FIGURES, HOPS, SAVERS]
    kept: page.Kept = {"machine": machine(), "date": f"{date.today()}", "runs": given.runs}  # noqa: DTZ011 - the reader's
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        set_up_logs(stream=nowhere, json=True)  # lines are made as in production, and then dropped
        figures = [figure for figure in FIGURES if figure in wanted]
        kept["figures"] = loop.run(measured(figures, given.runs, quick=given.quick), fast=True)
        if HOPS in wanted:
            kept[HOPS] = asyncio.run(hops.measured_alone(hops.WAYS))
            print(hops.told(kept[HOPS]), flush=True)
    if SAVERS in wanted:
        kept[SAVERS] = compare_savers(given.runs, quick=given.quick)
        print(kept[SAVERS], flush=True)
    if given.write:
        earlier = page.read()
        page.write({**earlier, **kept, "figures": {**earlier["figures"], **kept["figures"]}})


def machine() -> str:
    """What is measured on."""
    return f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


def compare_savers(runs: int, *, quick: bool) -> str:
    """Give their table; where their environment was not made, the others' cells say that they are not installed."""
    python = ROOT / ".venv-bench" / "bin" / "python"
    command = [str(python) if python.exists() else sys.executable, "-m", "bench.savers", "--runs", str(runs)]
    command += ["--quick"] if quick else []
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603 - ours
    return done.stdout.strip()


async def measured(figures: Sequence[str], runs: int, *, quick: bool) -> dict[str, list[dict[str, Any]]]:
    """Measure some figures, and print them; gives the rows of each."""
    found: dict[str, list[dict[str, Any]]] = {}
    with TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        async with driver() as slack, embedded.running(folder / "valkey") as redis_url:
            for figure in figures:
                sys.stderr.write(f"{figure} ...\n")
                table = Table()
                began = time.monotonic()
                await FIGURES[figure](Bench(slack, redis_url, folder, table, runs, quick))
                print(f"{figure}, {time.monotonic() - began:.0f} s\n{table}\n", flush=True)
                found[figure] = [asdict(row) for row in table.rows]
    return found


def _at_least_one(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError("at least one run is needed")
    return number


if __name__ == "__main__":
    main()
