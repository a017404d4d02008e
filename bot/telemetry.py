"""Shows operators what happens: structured logs on stderr, and metrics for Prometheus.

Standard output is for the results of a command. All logs, ours and those of libraries, go through one chain whose last
step before rendering masks secrets, also in tracebacks; tracebacks show no local variables, which hold payloads and
tokens. `thread`, `approval` and `run` are bound by `structlog.contextvars` where work begins, so that each line has
them.
"""

import asyncio
import contextlib
import logging
import sys
import time
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, TextIO

import structlog
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from structlog.typing import Processor

from bot.masking import MASK, SECRET_NAMES, masked

# Logs -----------------------------------------------------------------------------------------------------------------

_OURS = ("bot", "engine", "adapters")
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"}
"""Control characters: what an agent says may hold escape sequences, which a terminal would obey."""


def set_up_logs(
    *,
    stream: TextIO | None = None,
    json: bool | None = None,
    level: int = logging.INFO,
    worker: int | None = None,
) -> None:
    """Log to `stream` (stderr by default): lines for people where it is a terminal, else one JSON object a line.

    Our own packages log from `level` on, libraries from WARNING on. Secrets are masked wherever they appear: see
    `bot.masking`. Each line names the `worker`, if this process is one. Calling it again replaces what was set up.
    """
    out = sys.stderr if stream is None else stream
    as_json = not out.isatty() if json is None else json
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if worker is not None:
        shared.append(_naming(worker))
    handler = _Handler(out)
    handler.setFormatter(_formatter(shared, Mask(), as_json=as_json, colors=out.isatty()))
    root = logging.getLogger()
    root.handlers[:] = [*(each for each in root.handlers if not isinstance(each, _Handler)), handler]
    root.setLevel(logging.WARNING)
    for name in _OURS:
        logging.getLogger(name).setLevel(level)
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _naming(worker: int) -> Processor:
    """A processor that says which worker logs."""

    def name(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event.setdefault("worker", worker)
        return event

    return name


class _Handler(logging.StreamHandler[TextIO]):
    """A handler that `set_up_logs` made, and may replace."""


def _formatter(shared: list[Processor], mask: Processor, *, as_json: bool, colors: bool) -> logging.Formatter:
    """The formatter of our own lines and of those of libraries."""
    lines = structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback)
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.StackInfoRenderer(),
            structlog.processors.format_exc_info,
            mask,
            structlog.processors.JSONRenderer() if as_json else lines,
        ],
    )


class Mask:
    """A processor that masks values under secret names, and anything that looks like a secret in a text."""

    def __call__(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Mask one event."""
        return {key: self._of(key, value) for key, value in event.items()}

    def _of(self, key: object, value: object) -> object:
        match value:
            case None | bool() | int() | float():
                return value
            case _ if SECRET_NAMES.search(str(key)):
                return MASK
            case str():
                return masked(value).translate(_CONTROLS)
            case dict():
                return {self._of("", str(inner)): self._of(inner, each) for inner, each in value.items()}
            case list() | tuple() | set() | frozenset():
                return [self._of("", each) for each in value]
            case _:
                return self._of("", repr(value))


# Metrics --------------------------------------------------------------------------------------------------------------

_ACK_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3)
"""Slack gives up after 3 s."""
_DECISION_SECONDS = (5, 15, 60, 300, 900, 3600, 14_400, 43_200, 86_400, 259_200, 604_800, 2_592_000)
"""From 5 s to 30 days."""
_RUN_SECONDS = (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600)


class Combined(Enum):
    """How the gauges of several processes become one."""

    SUM = auto()
    MOST = auto()
    """Each process sees the same, or one that fails is worth knowing of."""
    OF_ONE = auto()
    """Read from Redis at the scrape, by one process for all."""


GAUGES: Mapping[str, Combined] = {
    "signoff_runs_active": Combined.SUM,
    "signoff_unposted": Combined.MOST,
    "signoff_channels_closed": Combined.MOST,
    "signoff_oncall_failing": Combined.MOST,
    "signoff_rules_stale": Combined.MOST,
    "signoff_approvals_open": Combined.OF_ONE,
    "signoff_approvals_pending": Combined.OF_ONE,
    "signoff_approvals_oldest_pending_seconds": Combined.OF_ONE,
}


@dataclass(frozen=True, slots=True)
class Waiting:
    """The pending requests of an agent: their number, and the age of the oldest in seconds."""

    count: int = 0
    oldest: float = 0.0

    def with_one(self, age: float) -> "Waiting":
        """Count one more."""
        return Waiting(self.count + 1, max(self.oldest, age))


class Metrics:
    """The metrics, in a registry of their own. Labels are our words or names of app.yaml: no ids, no message texts."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self.counted = asyncio.Event()
        """Set whenever something was counted: a worker then tells its supervisor."""
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
        self._clicks = Counter(
            "signoff_clicks", "Clicks and submitted forms, counted or refused", ["choice", "result"], registry=registry
        )
        self._refusals = Counter(
            "signoff_refusals", "Clicks that did not count, by reason", ["code"], registry=registry
        )
        self._opened = Counter("signoff_approvals_opened", "Approvals asked for", ["kind"], registry=registry)
        self._changed = Counter(
            "signoff_requests_changed",
            "Requests and tool calls that a graph changed after they were decided",
            registry=registry,
        )
        self._closed = Counter("signoff_approvals_closed", "Approvals that ended", ["outcome"], registry=registry)
        self._ack = Histogram(
            "signoff_ack_seconds",
            "From a click at the desk to the moment it is durable and may be acked",
            buckets=_ACK_SECONDS,
            registry=registry,
        )
        self._run = Histogram(
            "signoff_run_seconds", "How long graphs run until they rest", buckets=_RUN_SECONDS, registry=registry
        )
        self._running = Gauge("signoff_runs_active", "Graph runs under way", registry=registry)
        self._dead = Counter("signoff_dead_letters", "Work that failed too often and was set aside", registry=registry)
        self._unposted = Gauge(
            "signoff_unposted", "Messages and cards that wait until their channel takes them", registry=registry
        )
        self._closed_channels = Gauge(
            "signoff_channels_closed", "Channels of app.yaml in which the bot cannot post", registry=registry
        )
        self._lookups = Counter(
            "signoff_oncall_lookups", "Lookups of who is on call, by source", ["source", "result"], registry=registry
        )
        self._failing_sources = Gauge(
            "signoff_oncall_failing",
            "1 where the last lookup of an on-call source failed",
            ["source"],
            registry=registry,
        )
        self._reloads = Counter("signoff_reloads", "Reloads of app.yaml, by result", ["result"], registry=registry)
        self._stale = Gauge("signoff_rules_stale", "1 where the last reload of app.yaml was refused", registry=registry)
        self._open: Gauge | None = None
        self._pending = Gauge(
            "signoff_approvals_pending", "Requests that wait for a decision or an answer", ["agent"], registry=registry
        )
        self._oldest = Gauge(
            "signoff_approvals_oldest_pending_seconds",
            "Age of the oldest request that waits for a decision or an answer, 0 where none does",
            ["agent"],
            registry=registry,
        )
        self._decision = Histogram(
            "signoff_approval_decision_seconds",
            "From a request that people were asked to its end",
            ["outcome"],
            buckets=_DECISION_SECONDS,
            registry=registry,
        )

    def clicked(self, choice: str, result: str) -> None:
        """Count a click: `result` is "counted", or the code of its refusal."""
        self.counted.set()
        counted = result == "counted"
        self._clicks.labels(choice, "counted" if counted else "refused").inc()
        if not counted:
            self._refusals.labels(result).inc()

    def opened(self, kind: str) -> None:
        """Count an approval asked for, by the kind of its ask."""
        self.counted.set()
        self._opened.labels(kind).inc()

    def changed(self) -> None:
        """Count a request that a graph changed after it was decided: nothing was run."""
        self.counted.set()
        self._changed.inc()

    def closed(self, outcome: str, seconds: float) -> None:
        """Count an approval that ended after so many seconds: approved, rejected, answered, expired, withdrawn."""
        self.counted.set()
        self._closed.labels(outcome).inc()
        self._decision.labels(outcome).observe(max(0.0, seconds))

    def reloaded(self, *, ok: bool, counted: bool = True) -> None:
        """Count a reload, and show whether the rules are those of the file. Of several workers one counts it."""
        self.counted.set()
        if counted:
            self._reloads.labels("taken" if ok else "refused").inc()
        self._stale.set(not ok)

    def set_aside(self) -> None:
        """Count a dead letter."""
        self.counted.set()
        self._dead.inc()

    def show_closed_channels(self, count: int) -> None:
        """Show in how many channels of the configuration the bot cannot post."""
        self._closed_channels.set(count)

    def looked_up(self, source: str, result: str) -> None:
        """Count a lookup of an on-call source of `app.yaml`: answered or failed."""
        self.counted.set()
        self._lookups.labels(source, result).inc()

    def show_failing_source(self, source: str, *, failing: bool) -> None:
        """Show whether the last lookup of an on-call source failed."""
        self._failing_sources.labels(source).set(failing)

    def show_unposted(self, count: int) -> None:
        """Show how much waits until it can be posted."""
        self._unposted.set(count)

    def show_waiting(self, count: int, agents: Mapping[str, Waiting]) -> None:
        """Show how many approvals wait for somebody, and the requests of each agent among them."""
        if self._open is None:
            self._open = Gauge("signoff_approvals_open", "Approvals that wait for somebody", registry=self.registry)
        self._open.set(count)
        for gauge in (self._pending, self._oldest):
            gauge.clear()  # an agent that is no longer there
        for agent, waiting in agents.items():
            self._pending.labels(agent).set(waiting.count)
            self._oldest.labels(agent).set(waiting.oldest)

    def forget_waiting(self) -> None:
        """Show nothing of what waits, as it is not known."""
        self._pending.clear()
        self._oldest.clear()
        if self._open is not None:
            self.registry.unregister(self._open)
            self._open = None

    @contextlib.contextmanager
    def ack(self) -> Iterator[None]:
        """Time a click until it may be acked."""
        with self._timed(self._ack):
            yield

    @contextlib.contextmanager
    def run(self) -> Iterator[None]:
        """Time a graph run, and count it among those under way."""
        with self._running.track_inprogress(), self._timed(self._run):
            yield

    def families(self) -> Sequence[Any]:
        """All values as JSON: name, kind, documentation, and the samples of each metric."""
        return [
            [each.name, each.type, each.documentation, [[one.name, one.labels, one.value] for one in each.samples]]
            for each in self.registry.collect()
        ]

    def text(self) -> bytes:
        """The metrics in Prometheus' text format: see `content_type`."""
        return generate_latest(self.registry)

    @contextlib.contextmanager
    def _timed(self, histogram: Histogram) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            histogram.observe(time.perf_counter() - began)
            self.counted.set()
