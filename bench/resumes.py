"""From a click until the graph goes on, and how many graphs go on in a second."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from bench import graph, outside
from bench.driver import Clicked
from bench.subject import AGENT, Behind, Subject, subject
from bench.table import Bench, percentile
from bot.config.entries import Mode
from engine.approvals.approval import Approval
from engine.asks.ask import Choice, Decision
from engine.ports import Answer, Resumed

SERIAL = 30
AT_ONCE = 50
_APPROVED: Any = Command(resume={"decisions": [{"type": "approve"}]})
_FENCE = 1_000_000


async def measure(bench: Bench) -> None:
    """One after the other, then many at once; the bare loop and the bot by turns."""
    for _ in range(bench.runs):
        async with subject(bench.slack, bench.redis_url, bench.folder, Mode.SOCKET, Behind.GRAPH) as served:
            await _serial(bench, served)
            await _at_once(bench, served)
            await _only_graphs(bench, served)


async def _serial(bench: Bench, served: Subject) -> None:
    bare, threads = await _bare(bench.count(SERIAL))
    reference = [await _timed(bare, thread) for thread in threads]
    approvals = await served.asked(bench.count(SERIAL))
    clicked = await served.click(approvals, rate=10)
    await served.at_rest()
    ours = [(outside.done[each.thread] - sent) * 1000 for each, sent in zip(approvals, clicked.sent, strict=True)]
    name = "click -> graph resumed, p50"
    bench.table.add(name, percentile(ours, 0.5), percentile(reference, 0.5), unit="ms", aim="4x")


async def _at_once(bench: Bench, served: Subject) -> None:
    reference = await _bare_at_once()
    approvals = await served.asked(AT_ONCE)
    clicked = await served.click(approvals, at_once=AT_ONCE)
    await served.at_rest()
    name = f"resumes a second, {AT_ONCE} threads clicked at once"
    bench.table.add(name, AT_ONCE / _until_done(approvals, clicked), reference, aim="0.6x")


async def _only_graphs(bench: Bench, served: Subject) -> None:
    """Without clicks, lanes and cards: the graphs' own part."""
    reference = await _bare_at_once()
    answers = [_answer(approval) for approval in await served.asked(AT_ONCE)]
    began = time.perf_counter()
    became = await asyncio.gather(*(served.bot.ports.graphs.resume_if_pending(each, _FENCE) for each in answers))
    seconds = time.perf_counter() - began
    if not all(isinstance(each, Resumed) for each in became):
        raise RuntimeError(f"a graph was not resumed: {became}")
    bench.table.add(f"resumes a second, {AT_ONCE} threads, only the graphs", AT_ONCE / seconds, reference)


def _until_done(approvals: Sequence[Approval], clicked: Clicked) -> float:
    return max(outside.done[each.thread] for each in approvals) - min(clicked.sent)


def _answer(approval: Approval) -> Answer:
    decisions = (Decision(Choice.APPROVE),)
    return Answer(approval.thread, AGENT, approval.interrupt, approval.digest, approval.ask, decisions, key=approval.id)


# The bare loop --------------------------------------------------------------------------------------------------------


async def _bare(count: int) -> tuple[Any, list[str]]:
    bare: Any = graph.builder.compile(checkpointer=InMemorySaver())
    threads = [f"bare-{number}" for number in range(count)]
    for thread in threads:
        await bare.ainvoke({"request": "ship billing 2.4.1 to production"}, _config(thread))
    return bare, threads


async def _timed(bare: Any, thread: str) -> float:
    began = time.perf_counter()
    await bare.ainvoke(_APPROVED, _config(thread))
    return (outside.done[thread] - began) * 1000


async def _bare_at_once() -> float:
    bare, threads = await _bare(AT_ONCE)
    began = time.perf_counter()
    await asyncio.gather(*(bare.ainvoke(_APPROVED, _config(thread)) for thread in threads))
    return AT_ONCE / (time.perf_counter() - began)


def _config(thread: str) -> Any:
    return {"configurable": {"thread_id": thread}}
