"""The metrics of all workers as one: what several processes count is added up.

Counters and histograms are summed, those of workers that died included, so that a restart takes nothing back. Gauges
go by what they show (`bot.telemetry.GAUGES`). What says something of one process, such as its memory, stands once for
each worker, with the label `worker`.

prometheus_client has a mode for several processes, in which each writes its values into mapped files. It is not used:
it is switched on for a whole process before the first import, so the metrics of the graphs would change with it (no
exemplars, no labels that are removed, files for each), and gauges whose labels come and go are not supported. What it
has ahead: what was counted just before a `kill -9` is not lost. Here a worker tells its values a tenth of a second
after something was counted, and at its end.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.registry import Collector
from typing_extensions import override

from bot.telemetry import GAUGES, Combined

Labels: TypeAlias = tuple[tuple[str, str], ...]
Values: TypeAlias = dict[tuple[str, Labels], float]
"""Values by the name of a sample, such as `signoff_clicks_total`, and its labels."""

OURS = "signoff_"


class Sums:
    """Adds up the values of the workers that run, and keeps those of workers that ended."""

    def __init__(self) -> None:
        self._running: dict[int, Sequence[Any]] = {}
        self._ended: dict[str, Values] = {}

    def note(self, worker: int, families: Sequence[Any]) -> None:
        """Note what a worker told last: see `bot.telemetry.Metrics.families`."""
        self._running[worker] = families

    def end(self, worker: int) -> None:
        """Keep the counts of a worker that ended; its gauges end with it."""
        for name, kind, _, samples in self._running.pop(worker, ()):
            if name.startswith(OURS) and kind != "gauge":
                _add(self._ended.setdefault(name, {}), samples, Combined.SUM)

    def text(self, first: int, hung: int = 0) -> bytes:
        """All of it in Prometheus' text format; what is read from Redis is as worker `first` read it.

        `hung` workers do not answer.
        """
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Fixed([*self._families(first), _hung(hung)]))
        return generate_latest(registry)

    def _families(self, first: int) -> Iterator[Metric]:
        combined: dict[str, tuple[str, str, Values]] = {}
        numbers = sorted(self._running, key=lambda number: number != first)
        for number in numbers:
            for name, kind, documentation, samples in self._running[number]:
                _, _, values = combined.setdefault(name, (kind, documentation, dict(self._ended.get(name, {}))))
                if not name.startswith(OURS):
                    values.update(_labelled(samples, worker=str(number)))
                elif (how := GAUGES.get(name, Combined.SUM)) is not Combined.OF_ONE or number == first:
                    _add(values, samples, how)
        for name, (kind, documentation, values) in combined.items():
            metric = Metric(name, documentation, kind)
            for (sample, labels), value in values.items():
                metric.add_sample(sample, dict(labels), value)
            yield metric


def _hung(workers: int) -> Metric:
    metric = Metric("signoff_workers_hung", "Workers that do not answer their supervisor", "gauge")
    metric.add_sample("signoff_workers_hung", {}, workers)
    return metric


def _add(values: Values, samples: Iterable[Any], how: Combined) -> None:
    for sample, labels, value in samples:
        key = (sample, _labels(labels))
        before = values.get(key)
        if before is None:
            values[key] = value
        elif sample.endswith("_created"):
            values[key] = min(before, value)
        else:
            values[key] = max(before, value) if how is Combined.MOST else before + value


def _labelled(samples: Iterable[Any], **more: str) -> Values:
    return {(sample, _labels({**labels, **more})): value for sample, labels, value in samples}


def _labels(labels: Mapping[str, str]) -> Labels:
    return tuple(labels.items())


class _Fixed(Collector):
    """Families that are made already."""

    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    @override
    def collect(self) -> Iterable[Metric]:
        return self._families
