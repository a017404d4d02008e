"""What people wait for runs before what machines do, on asyncio's loop and on uvloop; and neither starves the other."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from contracts.waiting import wait_until
from fakes.patience import PATIENCE
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from support.graph_talk import exported

from adapters.langgraph.agents import AgentSpec
from adapters.langgraph.in_process.graphs import LocalGraphs
from adapters.langgraph.routed import RoutedGraphs
from bot.runtime import loop as loops
from bot.runtime.turns import (
    AGENTS_THREADS,
    BLOCKED,
    LONGEST_HOLD,
    LONGEST_WAIT,
    TURN,
    PeopleFirst,
    lane_context,
    waited_for,
)
from engine.approvals.effects import Lane
from engine.ids import AgentName, ChannelId, ThreadId, UserId
from engine.ports import Turn

THREAD = ThreadId("T1:C1:1.1")
RUN, CHAT = Lane(THREAD, "run"), Lane(THREAD, "chat")

uv_loop = loops.uv_loop()
LOOPS = [loops.AsyncioLoop, *([uv_loop] if uv_loop is not None else [])]


class Time:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(params=LOOPS, ids=lambda each: each.__name__)
def runner(request: pytest.FixtureRequest) -> Iterator[asyncio.Runner]:
    """A loop of each kind whose turns are counted by `Time`."""
    with asyncio.Runner(loop_factory=request.param) as made:
        yield made


def timed(runner: asyncio.Runner) -> Time:
    loop, clock = runner.get_loop(), Time()
    assert isinstance(loop, PeopleFirst)
    loop.clock = clock
    return clock


def behind(callback: Callable[[], object]) -> asyncio.Handle:
    return asyncio.get_running_loop().call_soon(callback, context=lane_context(RUN))


async def turns(count: int) -> None:
    """Let the loop go round."""
    for _ in range(count):
        await asyncio.sleep(0)


async def people_are_busy(seconds: float) -> None:
    """Let the loop go round, and always have something to do."""
    loop = asyncio.get_running_loop()
    over = loop.time() + seconds
    while loop.time() < over:
        await turns(1)


def test_people_come_first_however_late(runner: asyncio.Runner) -> None:
    timed(runner)
    ran = list[str]()

    async def main() -> None:
        for each in range(3):
            behind(lambda each=each: ran.append(f"machine {each}"))  # type: ignore[misc]
        for each in range(3):
            await asyncio.sleep(0)
            ran.append(f"person {each}")
        await wait_until(lambda: len(ran) == 6)

    runner.run(main())
    assert ran == [*(f"person {each}" for each in range(3)), *(f"machine {each}" for each in range(3))]


def test_what_a_machine_starts_is_a_machines(runner: asyncio.Runner) -> None:
    """A graph's code starts tasks, sleeps and gathers: all of it stays in the background. P7: and in its order."""
    timed(runner)
    ran = list[str]()

    async def node(name: str) -> None:
        await asyncio.sleep(0)
        ran.append(name)

    async def lane() -> None:
        await asyncio.gather(*(asyncio.create_task(node(f"machine {each}")) for each in range(3)))

    async def main() -> None:
        working = asyncio.get_running_loop().create_task(lane(), context=lane_context(RUN))
        await turns(50)
        ran.append("person")
        await working

    runner.run(main())
    assert ran == ["person", "machine 0", "machine 1", "machine 2"]


def test_people_are_told_things_at_once(runner: asyncio.Runner) -> None:
    """The lane that tells a refusal is no background, also if a lane of the background woke it."""
    timed(runner)
    ran = list[str]()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        done = asyncio.Event()

        def woken() -> None:
            loop.call_soon(ran.append, "card", context=lane_context(RUN))
            loop.call_soon(ran.append, "refusal", context=lane_context(CHAT))
            loop.call_soon(done.set, context=lane_context(RUN))

        behind(woken)
        await done.wait()

    runner.run(main())
    assert ran == ["refusal", "card"]


def test_while_a_payload_is_under_way_no_machine_begins(runner: asyncio.Runner) -> None:
    timed(runner)
    ran = list[str]()

    async def main() -> None:
        with waited_for():
            behind(lambda: ran.append("machine"))
            await asyncio.sleep(LONGEST_WAIT * 3)  # it waits for Redis; the clock of the turns stands
            ran.append("stored")
        await asyncio.sleep(0.001)

    runner.run(main())
    assert ran == ["stored", "machine"]


def test_a_machine_waits_no_longer_than_the_bound(runner: asyncio.Runner) -> None:
    """Payload after payload, and callbacks of people that never end: the background still gets its turn."""
    clock, ran, steps = timed(runner), list[str](), 0

    async def main() -> None:
        nonlocal steps
        behind(lambda: ran.append("machine"))
        while not ran:
            with waited_for():
                await asyncio.sleep(0)
            clock.now += LONGEST_WAIT / 10
            steps += 1

    runner.run(main())
    assert 9 <= steps <= 12


def test_a_payload_that_waits_for_slack_holds_up_no_graph(runner: asyncio.Runner) -> None:
    clock, ran = timed(runner), list[float]()

    async def main() -> None:
        with waited_for():
            behind(lambda: ran.append(clock.now))
            clock.now += LONGEST_HOLD
            await wait_until(lambda: bool(ran))
            for _ in range(10):  # and goes on at its full pace: the clock stands
                behind(lambda: ran.append(clock.now))
            await wait_until(lambda: len(ran) == 11)

    runner.run(main())
    assert len(set(ran)) == 1


def test_the_sockets_are_looked_at_between_two_turns(runner: asyncio.Runner) -> None:
    """A turn ends after `TURN`: a person's callback that came meanwhile does not wait for all machines."""
    clock, ran = timed(runner), list[str]()

    async def main() -> None:
        loop = asyncio.get_running_loop()

        def step(number: int) -> None:
            clock.now += TURN / 2
            ran.append(f"machine {number}")
            if number == 0:
                loop.call_soon(ran.append, "person", context=lane_context(CHAT))

        for number in range(6):
            behind(lambda number=number: step(number))  # type: ignore[misc]
        await wait_until(lambda: len(ran) == 7)

    runner.run(main())
    assert ran.index("person") == 1


def test_a_cancelled_callback_does_not_run(runner: asyncio.Runner) -> None:
    timed(runner)
    ran = list[str]()

    async def main() -> None:
        behind(lambda: ran.append("cancelled")).cancel()
        behind(lambda: ran.append("other"))
        await asyncio.sleep(0.005)

    runner.run(main())
    assert ran == ["other"]


def test_a_time_limit_does_not_overtake_an_answer(runner: asyncio.Runner) -> None:
    """The answer came in time, and the machine gets its turn when the time is over: it has its answer all the same."""
    timed(runner)

    async def main() -> str:
        loop = asyncio.get_running_loop()
        asked, answer = asyncio.Event(), loop.create_future()

        async def machine() -> str:
            async with asyncio.timeout(0.02):
                asked.set()
                return str(await answer)

        working = loop.create_task(machine(), context=lane_context(RUN))
        await asked.wait()
        answer.set_result("answered")
        await people_are_busy(0.05)
        return await working

    assert runner.run(main()) == "answered"


def _at(callback: Callable[[str], object], name: str) -> asyncio.TimerHandle:
    loop = asyncio.get_running_loop()
    return loop.call_at(loop.time(), callback, name)


def _later(callback: Callable[[str], object], name: str) -> asyncio.TimerHandle:
    return asyncio.get_running_loop().call_later(0.001, callback, name)


@pytest.mark.parametrize("schedule", [_at, _later])
def test_a_timer_of_a_machine_can_be_cancelled_until_it_has_its_turn(runner: asyncio.Runner, schedule: Any) -> None:
    timed(runner)
    ran = list[str]()

    async def main() -> None:
        loop = asyncio.get_running_loop()

        def begin() -> None:
            schedule(ran.append, "cancelled at once").cancel()
            timers.extend(schedule(ran.append, name) for name in ("cancelled", "due"))

            begun.set()

        timers, begun = list[asyncio.TimerHandle](), asyncio.Event()
        behind(begin)
        await begun.wait()
        await people_are_busy(0.02)
        assert not ran
        assert timers[0].when() <= timers[1].when() <= loop.time()
        timers[0].cancel()
        await wait_until(lambda: bool(ran))

    runner.run(main())
    assert ran == ["due"]


def test_an_exit_of_an_agents_code_ends_nothing(runner: asyncio.Runner) -> None:
    """`sys.exit()` in a node: its own task has it, those behind it in the same turn go on."""
    timed(runner)

    async def leaves() -> None:
        raise SystemExit(3)

    async def works() -> str:
        await asyncio.sleep(0)
        return "worked"

    async def main() -> list[Any]:
        loop = asyncio.get_running_loop()
        tasks = [loop.create_task(each, context=lane_context(RUN)) for each in (leaves(), works(), leaves(), works())]
        return await asyncio.gather(*tasks, return_exceptions=True)

    first, second, third, fourth = runner.run(main())
    assert [second, fourth] == ["worked", "worked"]
    assert isinstance(first, SystemExit)
    assert isinstance(third, SystemExit)


def test_an_exit_of_the_main_task_ends_the_loop(runner: asyncio.Runner) -> None:
    async def main() -> None:
        raise SystemExit(4)

    with pytest.raises(SystemExit, match="4"):
        runner.run(main())


def test_threads_in_which_agents_wait_hold_up_nobody_else(runner: asyncio.Runner) -> None:
    """Blocking nodes take all threads that LangGraph has for them: a name is looked up, and the bot's work is done."""
    blocked, waiting = threading.Event(), list[str]()

    def wait(_: MessagesState) -> MessagesState:
        waiting.append("node")
        blocked.wait()
        return {"messages": []}

    builder: Any = StateGraph(MessagesState)
    builder.add_node("wait", wait)
    builder.add_edge(START, "wait")
    graph = builder.compile()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        runs = [
            loop.create_task(graph.ainvoke({"messages": []}), context=lane_context(RUN))
            for _ in range(AGENTS_THREADS + 1)
        ]
        await wait_until(lambda: len(waiting) == AGENTS_THREADS)
        try:
            async with asyncio.timeout(PATIENCE):
                assert await loop.create_task(loop.getaddrinfo("localhost", 80), context=lane_context(RUN))
                assert await asyncio.to_thread(lambda: "done") == "done"
            assert len(waiting) == AGENTS_THREADS
        finally:
            blocked.set()
            await asyncio.gather(*runs)

    runner.run(main())


def test_an_error_of_a_callback_goes_to_the_loop(runner: asyncio.Runner) -> None:
    timed(runner)
    told = list[Any]()

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["exception"]))
        behind(lambda: 1 // 0)
        behind(lambda: told.append("went on"))
        await asyncio.sleep(0.005)

    runner.run(main())
    assert isinstance(told[0], ZeroDivisionError)
    assert told[1] == "went on"


def test_code_that_blocks_the_loop_is_named_once(runner: asyncio.Runner) -> None:
    clock = timed(runner)

    async def main() -> None:
        def block() -> None:
            clock.now += BLOCKED

        with structlog.contextvars.bound_contextvars(agent=f"blocking {runner.get_loop()!r}"):
            behind(block)
            behind(block)
        behind(lambda: None)
        await asyncio.sleep(0.005)

    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as logged:
        runner.run(main())
    (line,) = logged
    assert line["agent"].startswith("blocking")
    assert line["seconds"] == BLOCKED
    assert "blocked the event loop" in line["event"]


def test_the_agent_whose_node_blocks_the_loop_is_named(runner: asyncio.Runner) -> None:
    """A real graph with an async node that computes: it runs in the background of the lane, as all that it starts."""
    clock = timed(runner)

    async def compute(_: MessagesState) -> MessagesState:
        await asyncio.sleep(0)
        clock.now += 2.0
        return {"messages": []}

    builder: Any = StateGraph(MessagesState)
    builder.add_node("compute", compute)
    builder.add_edge(START, "compute")
    slow = AgentName(f"slow on {runner.get_loop()!r}")

    async def main() -> None:
        with exported(builder) as name:
            local = await LocalGraphs.open({slow: AgentSpec(name, Path())}, InMemorySaver())
        turn = Turn(THREAD, slow, "turn-1", "go", UserId("U1"), ChannelId("C1"))
        running = RoutedGraphs(local, {}).start(turn, fence=1)
        await asyncio.get_running_loop().create_task(running, context=lane_context(RUN))
        await local.aclose()

    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as logged:
        runner.run(main())
    (line,) = (each for each in logged if "blocked the event loop" in each["event"])
    assert (line["agent"], line["seconds"]) == (slow, 2.0)


@pytest.mark.parametrize("fast", [False, True])
def test_the_loop_that_runs_is_named(*, fast: bool) -> None:
    async def main() -> str:
        return loops.name()

    assert loops.run(main(), fast=fast) == ("uvloop" if fast and uv_loop else "asyncio")


def test_a_supervisor_names_the_loop_of_its_workers() -> None:
    async def main() -> str:
        return loops.name()

    assert loops.name_of_fast() == loops.run(main(), fast=True)


def test_on_another_loop_nothing_is_held() -> None:
    async def main() -> None:
        with waited_for():
            await asyncio.sleep(0)

    with contextlib.closing(asyncio.SelectorEventLoop()) as plain:
        plain.run_until_complete(main())
