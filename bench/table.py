"""What was measured, beside its reference of the same run."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.slack import Slack


@dataclass(slots=True)
class Row:
    """A figure over all runs; `references` is empty where it is compared with nothing but its aim."""

    name: str
    unit: str
    aim: str
    ours: list[float] = field(default_factory=list)
    references: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float | None:
        """The median of each run's own ratio: what else the machine does falls on both sides of it."""
        pairs = zip(self.ours, self.references, strict=False)
        ratios = [ours / reference for ours, reference in pairs if reference]
        return statistics.median(ratios) if ratios else None

    @property
    def spread(self) -> str:
        """The least and the most of all runs; "" for a count that is always the same."""
        least, most = (_number(each(self.ours)) for each in (min, max))
        return "" if least == most else f"{least} to {most}"

    def cells(self) -> tuple[str, ...]:
        """As they are printed."""
        reference = _number(statistics.median(self.references)) if self.references else ""
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}x"
        return self.name, f"{_number(statistics.median(self.ours))} {self.unit}".strip(), reference, ratio, self.aim


class Table:
    """Rows in the order in which they were first measured."""

    def __init__(self) -> None:
        self._rows: dict[str, Row] = {}

    @property
    def rows(self) -> Sequence[Row]:
        """In this order."""
        return list(self._rows.values())

    def add(self, name: str, ours: float, reference: float | None = None, *, unit: str = "", aim: str = "") -> None:
        """Note what one run measured."""
        row = self._rows.setdefault(name, Row(name, unit, aim))
        row.ours.append(ours)
        if reference is not None:
            row.references.append(reference)

    def __str__(self) -> str:
        head = ("figure", "ours", "reference", "ratio", "aim")
        lines = [head, *(row.cells() for row in self._rows.values())]
        widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
        rows = [" | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
        return "\n".join([rows[0], "-|-".join("-" * width for width in widths), *rows[1:]])


@dataclass(frozen=True, slots=True)
class Bench:
    """What every figure is measured with: Slack's side, an empty private Valkey, a folder, how often and how long."""

    slack: Slack
    redis_url: str
    folder: Path
    table: Table
    runs: int
    quick: bool

    def count(self, full: int) -> int:
        """So many, or a fifth in a quick run."""
        return max(3, full // 5) if self.quick else full


def percentile(values: Sequence[float], part: float) -> float:
    """The smallest value that is not below `part` of all; not a number where there is none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else float("nan")


def _number(value: float) -> str:
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
