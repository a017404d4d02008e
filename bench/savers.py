"""Checkpointers side by side: `python -m bench.savers [--runs N] [--quick] [--only TEXT]` prints a Markdown table.

In each run every saver does the same in turn, in another order each time, and InMemorySaver right before each of them;
a ratio is that of such a pair, and what counts is the median of the runs. A saver that cannot do a row says so in its
cell.

"ours" and AsyncValkeySaver stand on a Valkey that syncs its log once a second (`appendfsync everysec`, what managed
servers do at best), "ours, synced" on one that does so before each answer, which is what SQLite, PostgreSQL and
MariaDB do as they come. All are on this machine, the servers behind a unix socket, and all run on the event loop that
`signoff run` takes: uvloop.
"""

import argparse
import contextlib
import gc
import logging
import statistics
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import redis

from adapters.redis import embedded
from bench import mariadb, postgres
from bench.saver_kinds import KINDS, REFERENCE, AbsentError, Opened, Servers
from bench.saver_rows import ROWS, Row
from bot.runtime import loop

_LONGEST_REASON = 60


@dataclass(slots=True)
class Cell:
    """What one saver did in one row, run by run, and how that compares with what InMemorySaver did right before."""

    values: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)
    failed: str = ""

    def __str__(self) -> str:
        if self.failed or not self.values:
            return self.failed or "-"
        median = _number(statistics.median(self.values))
        return f"{statistics.median(self.ratios):.2f}x ({median})" if self.ratios else median


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="bench/savers.py", description="Compares checkpointers.")
    parser.add_argument("--runs", type=int, default=5, help="runs whose median counts (default 5)")
    parser.add_argument("--quick", action="store_true", help="a fifth of the turns in each run")
    parser.add_argument("--only", action="append", help="rows whose name has this text; may be given again")
    parser.add_argument("--saver", action="append", choices=KINDS, help="this saver besides InMemorySaver; likewise")
    given = parser.parse_args()
    rows = [row for row in ROWS if not given.only or any(text in row.name for text in given.only)]
    kinds = [kind for kind in KINDS if not given.saver or kind in (REFERENCE, *given.saver)]
    logging.disable()  # a failure is told in its cell
    with servers() as at:
        table = loop.run(measured(at, rows, kinds, given.runs, 6 if given.quick else 30), fast=True)
    print(table)


@contextlib.contextmanager
def servers() -> Iterator[Servers]:
    """Start what the savers need."""
    with TemporaryDirectory(prefix="bench-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        url = stack.enter_context(embedded.running_sync(folder / "valkey"))
        synced = stack.enter_context(embedded.running_sync(folder / "synced"))
        with redis.Redis.from_url(url) as client:
            client.config_set("appendfsync", "everysec")
        databases = stack.enter_context(postgres.running()), stack.enter_context(mariadb.running())
        yield Servers(url, synced, *databases, folder)


async def measured(at: Servers, rows: Sequence[Row], kinds: Sequence[str], runs: int, turns: int) -> str:
    """Measure rows one after the other; gives the table."""
    lines = [("ms, or kB where it says so", "aim", *kinds), ("---",) * (len(kinds) + 2)]
    for row in rows:
        sys.stderr.write(f"{row.name} ...\n")
        cells = await _row(at, row, kinds, runs, turns)
        lines.append((row.name, row.aim, *map(str, cells.values())))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


async def _row(at: Servers, row: Row, kinds: Sequence[str], runs: int, turns: int) -> dict[str, Cell]:
    """Measure every saver in turn, so often; each run begins with another one."""
    cells = {kind: Cell() for kind in kinds}
    async with contextlib.AsyncExitStack() as stack:
        opened = {
            kind: found for kind in kinds if (found := await stack.enter_async_context(_prepared(at, row, kind, cells)))
        }
        for run in range(runs):
            others = [kind for kind in kinds if kind in opened and kind != REFERENCE]
            first = run % max(1, len(others))
            for kind in (*others[first:], *others[:first]):
                if not cells[kind].failed:
                    reference = await _run(row, opened[REFERENCE], cells[REFERENCE], turns)
                    value = await _run(row, opened[kind], cells[kind], turns)
                    if reference and value:
                        cells[kind].ratios.append(value / reference)
    return cells


@contextlib.asynccontextmanager
async def _prepared(at: Servers, row: Row, kind: str, cells: dict[str, Cell]) -> AsyncIterator[Opened | None]:
    async with contextlib.AsyncExitStack() as stack:
        try:
            opened = await stack.enter_async_context(KINDS[kind](at))
            await row.prepare(opened)
        except Exception as error:  # noqa: BLE001 - whatever another's saver raises is what its cell says
            cells[kind].failed = _reason(error)
            yield None
        else:
            yield opened


async def _run(row: Row, opened: Opened, cell: Cell, turns: int) -> float | None:
    gc.collect()
    try:
        value = await row.measure(opened, turns)
    except Exception as error:  # noqa: BLE001 - whatever another's saver raises is what its cell says
        cell.failed = _reason(error)
        return None
    if value is not None:
        cell.values.append(value)
    return value


def _reason(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, AbsentError):
        return str(error)
    words = " ".join(f"{type(error).__name__}: {error}".split()).replace("|", "/")
    return f"fails: {words[:_LONGEST_REASON]}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    main()
