"""From a click to its ack: how long, how many, and whether any is lost."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.driver import Clicked
from bench.raw import raw
from bench.subject import Behind, subject
from bench.table import Bench, percentile
from bot.config.entries import Mode
from engine.approvals.approval import Approval

RATES = {20: 60, 100: 300}
"""Clicks a second, and how many of them in a run."""
ACK_RATE, SLOWEST_RATE = 20, 100
"""The rates for whose median and for whose p99 there are aims."""
MOST = 1_000
AT_ONCE = 32
BURST, BURSTS = 300, 2
_NAMES = {Mode.SOCKET: "Socket Mode", Mode.HTTP: "signed HTTP"}


async def measure(bench: Bench) -> None:
    """Every transport, every rate; raw handlers and the bot by turns."""
    for _ in range(bench.runs):
        for mode in Mode:
            async with subject(bench.slack, bench.redis_url, bench.folder, mode, Behind.NOTHING) as most:
                approvals = await most.pending(bench.count(MOST))
                alone = await most.click(approvals, at_once=AT_ONCE)
            reference = await _raw(bench, mode, approvals[0])
            await _served(bench, mode, reference)
            throughput = _a_second(reference[0])
            name = f"most clicks a second, {_NAMES[mode]}"
            bench.table.add(f"{name}, the ack path alone", _a_second(alone), throughput)
            await _most_served(bench, mode, throughput)
            if mode is Mode.SOCKET:
                await _with_graphs(bench, reference)


async def _raw(bench: Bench, mode: Mode, sample: Approval) -> dict[int, Clicked]:
    """By rate; 0 is the most."""
    async with raw(bench.slack, bench.redis_url, mode, sample) as handler:
        clicked = {0: await handler.click(bench.count(MOST), at_once=AT_ONCE)}
        for rate, count in RATES.items():
            clicked[rate] = await handler.click(bench.count(count), rate=rate)
    return clicked


async def _served(bench: Bench, mode: Mode, reference: dict[int, Clicked]) -> None:
    async with subject(bench.slack, bench.redis_url, bench.folder, mode, Behind.LANES) as served:
        for rate, count in RATES.items():
            clicked = await served.click(await served.pending(bench.count(count)), rate=rate)
            await served.at_rest()
            aims = ("1.5x", "") if rate == ACK_RATE else ("", "")
            _add(bench, f"click -> ack, {_NAMES[mode]}, {rate}/s", clicked, reference[rate], aims=aims)


async def _most_served(bench: Bench, mode: Mode, reference: float) -> None:
    async with subject(bench.slack, bench.redis_url, bench.folder, mode, Behind.LANES) as served:
        clicked = await served.click(await served.pending(bench.count(MOST)), at_once=AT_ONCE)
        name = f"most clicks a second, {_NAMES[mode]}, effects performed beside"
        bench.table.add(name, _a_second(clicked), reference)


async def _with_graphs(bench: Bench, reference: dict[int, Clicked]) -> None:
    async with subject(bench.slack, bench.redis_url, bench.folder, Mode.SOCKET, Behind.GRAPH) as served:
        for rate, count in RATES.items():
            clicked = await served.click(await served.asked(bench.count(count)), rate=rate)
            await served.at_rest()
            aims = ("", "4x, under 10 ms") if rate == SLOWEST_RATE else ("", "")
            name = f"click -> ack, {_NAMES[Mode.SOCKET]}, graphs resumed behind, {rate}/s"
            _add(bench, name, clicked, reference[rate], aims=aims)


def _add(bench: Bench, name: str, ours: Clicked, reference: Clicked, *, aims: Sequence[str]) -> None:
    for part, aim in zip((0.5, 0.99), aims, strict=True):
        row = f"{name}, p{part * 100:.0f}"
        bench.table.add(row, percentile(ours.acked, part), percentile(reference.acked, part), unit="ms", aim=aim)


def _a_second(clicked: Clicked) -> float:
    return len(clicked.acked) / clicked.seconds


# Many at the same moment ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Burst:
    """What became of many clicks at the same moment: `lost` were not acked, `undecided` are not decided."""

    lost: int
    undecided: int
    slowest_ms: float


async def burst(bench: Bench, mode: Mode, behind: Behind, count: int = BURST) -> Burst:
    """Press `count` buttons at the same moment."""
    async with subject(bench.slack, bench.redis_url, bench.folder, mode, behind) as served:
        approvals = await (served.asked(count) if behind is Behind.GRAPH else served.pending(count))
        clicked = await served.click(approvals, at_once=count)
        return Burst(clicked.lost, count - await served.decided(approvals), max(clicked.ms))


async def measure_burst(bench: Bench) -> None:
    """All behind: each click resumes a graph."""
    for _ in range(min(bench.runs, BURSTS)):
        for mode in Mode:
            became, name = await burst(bench, mode, Behind.GRAPH), f"{BURST} clicks at the same moment, {_NAMES[mode]}"
            bench.table.add(f"{name}: lost", became.lost, aim="0")
            bench.table.add(f"{name}: refused or not decided", became.undecided, aim="0")
            bench.table.add(f"{name}: slowest ack", became.slowest_ms, unit="ms", aim="3,000 ms")
