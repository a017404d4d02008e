"""The table that a run prints."""

from collections import Counter
from statistics import median, quantiles

from bench.chaos.checker.rules import COLUMNS
from bench.chaos.plan import Report

_SHOWN = 20


def table(report: Report) -> str:
    """Format what a run did, and what it found."""
    counts, found = report.recorder.counts, Counter(each.column for each in report.broken)
    done = {
        "seed": report.plan.seed,
        "workers / their starts": f"{report.plan.workers} / {counts.pop('starts of workers')}",
        "cases": counts.pop("cases"),
        "clicks sent / acked": f"{counts.pop('clicks')} / {counts.pop('clicks acked')}",
        "click -> ack, median / p99": _acks(report.recorder.acks),
        **dict(sorted(counts.items())),
        "workers that ended by themselves": len(report.ended),
        "seconds until the last card was true": f"{report.settled:.0f}",
        **{each: found[each] for each in COLUMNS},
    }
    width = max(map(len, done))
    lines = [f"{name.ljust(width)}  {value}" for name, value in done.items()]
    lines += [str(each) for each in report.broken[:_SHOWN]]
    lines += [f"... and {len(report.broken) - _SHOWN} more"] if len(report.broken) > _SHOWN else []
    return "\n".join([*lines, *report.ended[:_SHOWN]])


def _acks(acks: list[float]) -> str:
    if len(acks) < 2:
        return "-"
    return f"{median(acks):.0f} / {quantiles(acks, n=100)[-1]:.0f} ms"
