"""Where the time goes: the two ways through, hop by hop.

    python -m bench.hops [--json FILE] [--ways N]

"ask" goes from a message through the graph's interrupt to the posted card, "decide" from a click through its ack to the
redrawn card and the resumed graph. Calls of Redis, tasks and documents are counts of one way through, the last of a few
that went alone. CPU is that of the event loop's thread for one way through, the mean of many that went at once.

`--json` writes what `Ways` holds: {way: {"calls", "tasks", "done", "cpu_us"}}, see `bench.account.Account`.
"""

import argparse
import asyncio
import contextlib
import gc
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

from slack_sdk.web.async_base_client import AsyncBaseClient

from adapters.langgraph.routed import RoutedGraphs
from adapters.redis import codec, embedded
from adapters.redis.checkpointer.saver import AsyncRedisSaver
from adapters.redis.lanes.visit import LaneVisit
from adapters.redis.stores import documents
from adapters.redis.transport.multiplexed import Multiplexed
from adapters.slack.inbound import socket_mode
from adapters.slack.outbound.chat import SlackChat
from bench.account import Account, watched
from bench.slack import driver
from bench.subject import Behind, Subject, subject
from bench.table import Bench, Table
from bot.approvals import register
from bot.config.entries import Mode
from bot.outbound.outbox import Outbox
from bot.telemetry import set_up_logs

ASK, DECIDE = "ask", "decide"
WAYS = 100
AT_ONCE = 16
ALONE = 3
"""Ways through that go alone; the last is listed, since the first ones meet empty caches."""
CLICK, LANES, MESSAGE, BENCH = "click", "lanes", "message", "bench"
_QUIET = 0.3
"""Seconds without a call after which a way through is at its end."""

Ways: TypeAlias = dict[str, dict[str, Any]]
AnyFunction: TypeAlias = Callable[..., Any]
_PARTS: tuple[tuple[Any, str, str], ...] = (
    (Multiplexed, "run", "Redis client"),
    (Multiplexed, "run_all", "Redis client"),
    (SlackChat, "draw", "drawing"),
    (AsyncBaseClient, "api_call", "Slack client"),
    (RoutedGraphs, "start", "graph"),
    (RoutedGraphs, "resume_if_pending", "graph"),
    (AsyncRedisSaver, "aget_tuple", "checkpointer"),
    (AsyncRedisSaver, "aput", "checkpointer"),
    (AsyncRedisSaver, "aput_writes", "checkpointer"),
)
_COUNTED: tuple[tuple[Any, str, str], ...] = (
    (documents, "load", "read approval"),
    (documents, "load_asked", "read request"),
    (documents, "dump", "write approval"),
    (documents, "dump_asked", "write request"),
    (codec.Codec, "load", "read"),
    (codec.Codec, "dump", "write"),
    (register, "step", "step"),
)
_KINDS = {id(each): name for name, each in vars(codec).items() if isinstance(each, codec.Codec)}


async def listed(bench: Bench) -> Ways:
    """Both ways through, each alone: exact counts."""
    return await _ways(bench, Account(lists=True), ALONE, 1)


async def measured(bench: Bench, ways: int = WAYS) -> Ways:
    """Both ways through: counts, and the CPU of many at once."""
    found = await listed(bench)
    spent = await _ways(bench, Account(lists=False), ways, AT_ONCE)
    for way, report in found.items():
        report["cpu_us"] = [[hop, part, micros / ways] for hop, part, micros in spent[way]["cpu_us"]]
    return found


async def _ways(bench: Bench, account: Account, count: int, at_once: int) -> Ways:
    with _kept(account):
        async with subject(bench.slack, bench.redis_url, bench.folder, Mode.SOCKET, Behind.GRAPH) as served:
            await served.click(await served.asked(4))
            if account.lists:
                return [await _through(served, account, 1, 1) for _ in range(count)][-1]
            return await _through(served, account, count, at_once)


async def _through(served: Subject, account: Account, count: int, at_once: int) -> Ways:
    """Ask `count` times and answer: what that took, by way."""
    await _quiet(account)
    account.clear()
    threads = []
    for first in range(0, count, at_once):
        asking = (account.charged(served.ask(), MESSAGE) for _ in range(min(at_once, count - first)))
        threads += await asyncio.gather(*asking)
    await _quiet(account)
    asked = account.report()
    approvals = [(await served.bot.ports.approvals.open(thread))[0] for thread in threads]
    account.clear()
    await account.charged(served.click(approvals, at_once=at_once), BENCH)
    await _quiet(account)
    return {ASK: asked, DECIDE: account.report()}


async def _quiet(account: Account) -> None:
    """Wait until no hop has run for a while."""
    while (left := account.active + _QUIET - time.monotonic()) > 0:  # noqa: ASYNC110 - each hop puts the end off
        await asyncio.sleep(left)


# What is watched ------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _kept(account: Account) -> Iterator[None]:
    """Keep account of this process, until the block ends."""
    loop = asyncio.get_running_loop()
    with ExitStack() as stack:

        def watch(owner: Any, name: str, make: Callable[[AnyFunction], AnyFunction]) -> None:
            stack.enter_context(watched(owner, name, make))

        handler = vars(socket_mode)["_Handler"]  # ours, and the first of our code that sees a payload
        watch(handler, "handle", partial(_hop, account, lambda *_: CLICK))
        watch(LaneVisit, "claim", partial(_hop, account, lambda *_: LANES))
        watch(LaneVisit, "work", partial(_hop, account, lambda *_: LANES))
        watch(Outbox, "perform", partial(_hop, account, lambda _, work: type(work.effect).__name__))
        for owner, name, part in _PARTS:
            watch(owner, name, partial(_part, account, part))
        for owner, name, what in _COUNTED:
            watch(owner, name, partial(_counted, account, what))
        watch(Multiplexed, "ask", partial(_asked, account))
        loop.set_task_factory(account.make_task)
        gc.callbacks.append(account.note_collection)
        try:
            yield
        finally:
            gc.callbacks.remove(account.note_collection)
            loop.set_task_factory(None)


def _hop(account: Account, name: Callable[..., str], do: AnyFunction) -> AnyFunction:
    return lambda *given: account.charged(do(*given), name(*given))


def _part(account: Account, part: str, do: AnyFunction) -> AnyFunction:
    return lambda *given, **named: account.charged(do(*given, **named), part=part)


def _asked(account: Account, ask: AnyFunction) -> AnyFunction:
    return lambda client, packet: account.asked(packet, ask(client, packet))


def _counted(account: Account, what: str, do: AnyFunction) -> AnyFunction:
    """Count a function that does not suspend, and charge it to a part of the hop."""

    def counted(*given: Any) -> Any:
        kind = _KINDS.get(id(given[0]), "").lower()
        account.done[account.hop, f"{what} {kind}".strip()] += 1
        account.enter(part=what.partition(" ")[0])
        try:
            return do(*given)
        finally:
            account.leave()

    return counted


# What is printed ------------------------------------------------------------------------------------------------------


def told(ways: Ways) -> str:
    """Both ways through as tables."""
    return "\n\n".join(_told(way, report) for way, report in ways.items())


def _told(way: str, report: dict[str, Any]) -> str:
    calls, spent = report["calls"], Counter[str]()
    for hop, _, micros in report["cpu_us"]:
        spent[hop] += micros
    trips = len({each["trip"] for each in calls})
    total = sum(spent.values()) / 1000
    lines = [f"{way}: {len(calls)} calls of Redis in {trips} round trips, {total:.2f} ms of CPU", ""]
    lines += ["trip hop          call                            out     in  for", *map(_line, calls)]
    for title in ("tasks", "done"):
        lines += ["", title, *(f"  {hop:12} {count:3} {name}" for hop, name, count in report[title])]
    lines += ["", "CPU, ms"]
    for hop, micros_of_hop in spent.most_common():
        parts = ", ".join(f"{part} {micros / 1000:.2f}" for own, part, micros in report["cpu_us"] if own == hop)
        lines.append(f"  {hop:18} {micros_of_hop / 1000:6.2f}  {parts}")
    return "\n".join(lines)


def _line(call: dict[str, Any]) -> str:
    size = f"{call['bytes_out']:6} {call['bytes_in']:6}"
    return f"{call['trip']:4} {call['hop']:12} {call['call']:28} {size}  {call['by']}"


async def measured_alone(ways: int) -> Ways:
    """Measure on a Redis and a Slack of their own."""
    with TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        async with driver() as slack, embedded.running(folder / "valkey") as redis_url:
            return await measured(Bench(slack, redis_url, folder, Table(), runs=1, quick=False), ways)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.hops", description="Prints where the time goes.")
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    parser.add_argument("--ways", type=int, default=WAYS, help=f"ways through for the CPU (default {WAYS})")
    given = parser.parse_args()
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        set_up_logs(stream=nowhere, json=True)
        ways = asyncio.run(measured_alone(given.ways))
    print(told(ways))
    if given.json:
        given.json.write_text(json.dumps(ways) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
