"""Writes the figures of docs/performance.md, and its chart, from what was measured: bench/figures.json.

`make bench ARGS=--write` measures, and calls this; `python -m bench.page` only writes the page again. A block of the
page between `<!-- figures: NAME -->` and `<!-- end -->` is written anew, all else stays.
"""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from bench.chart import chart
from bench.slack import ROOT
from bench.table import Row

FIGURES = ROOT / "bench" / "figures.json"
BEFORE = ROOT / "bench" / "before.json"
PAGE = ROOT / "docs" / "performance.md"
CHART = ROOT / "docs" / "images" / "where_time_goes.svg"
HEAD = ("figure", "Signoff", "least to most", "reference", "ratio", "aim")

_BLOCK = re.compile(r"(<!-- figures: ([a-z ]+) -->\n).*?(<!-- end -->)", re.DOTALL)

Kept = dict[str, Any]
"""`machine`, `date`, `runs`, `hops`, `savers`, and `figures`: the rows of each figure, by its name."""


def read() -> Kept:
    """Read what was measured."""
    kept: Kept = json.loads(FIGURES.read_text(encoding="utf-8"))
    return kept


def write(kept: Kept) -> None:
    """Keep what was measured, and write the page and the chart."""
    FIGURES.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), kept), encoding="utf-8")
    CHART.write_text(drawn(kept), encoding="utf-8")


def page(text: str, kept: Kept) -> str:
    """Give the page with these figures. Raises KeyError for a block that nothing fills."""
    return _BLOCK.sub(lambda found: f"{found[1]}\n{BLOCKS[found[2]](kept)}\n\n{found[3]}", text)


def drawn(kept: Kept) -> str:
    """Give the chart."""
    return chart(json.loads(BEFORE.read_text(encoding="utf-8")), kept["hops"])


def rows_of(kept: Kept, *figures: str) -> list[Row]:
    """Give the rows of some figures."""
    return [Row(**row) for figure in figures for row in kept["figures"].get(figure, ())]


def _conditions(kept: Kept) -> str:
    return (
        f"Measured on {kept['date']}: {kept['machine']}. Each number is the median of up to {kept['runs']} runs,\n"
        "and the ratio the median of each run's own ratio."
    )


def _aims(kept: Kept) -> str:
    rows = rows_of(kept, "acks", "resumes", "burst", "round-trips", "size", "start")
    more = [row for row in rows_of(kept, "versus") if row.name.startswith("clicks a second")]
    return _table([row for row in rows if row.aim] + more)


def _table(rows: Sequence[Row]) -> str:
    lines = [HEAD, ("---",) * len(HEAD), *(_cells(row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cells(row: Row) -> tuple[str, ...]:
    name, ours, reference, ratio, aim = row.cells()
    return name, ours, row.spread, reference, ratio, aim


BLOCKS: dict[str, Callable[[Kept], str]] = {
    "conditions": _conditions,
    "aims": _aims,
    "naive": lambda kept: _table(rows_of(kept, "versus")),
    "growth": lambda kept: _table(rows_of(kept, "growth")),
    "savers": lambda kept: str(kept.get("savers", "")),
}


if __name__ == "__main__":
    write(read())
