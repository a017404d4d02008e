"""Time travel: each branch begins once (P3), asks everything anew, and is reached by no decision of another (P4)."""

import operator
from typing import Annotated, Any, TypedDict

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from support.graph_talk import AGENT, APPROVE, REJECT, Talk, halt_of, payloads, talking

from engine.asks.ask import Json
from engine.ids import UserId
from engine.ports import RunResult, Snapshot, Stale, TimeTravelRun

ran: list[str] = []


class State(TypedDict, total=False):
    env: str
    log: Annotated[list[Any], operator.add]


def plan(state: State) -> State:
    ran.append("plan")
    return {"log": [f"plan {state['env']}"]}


def ask(state: State) -> State:
    return {"log": [interrupt({"question": f"Deploy to {state['env']}?"})]}


def deploy(state: State) -> State:
    ran.append(f"deploy {state['env']} {state['log'][-1]}")
    return {"log": ["deployed"]}


builder = StateGraph(State)
for node in (plan, ask, deploy):
    builder.add_node(node.__name__, node)
for origin, target in ((START, "plan"), ("plan", "ask"), ("ask", "deploy"), ("deploy", END)):
    builder.add_edge(origin, target)

FED: dict[str, Any] = {"input": {"env": "$text"}, "reply": "log[-1]"}


@pytest.fixture(autouse=True)
def _nothing_ran() -> None:
    ran.clear()


async def snapshots_of(talk: Talk) -> list[Snapshot]:
    return list(await talk.graphs.snapshots(talk.thread, AGENT, 20))


async def before(talk: Talk, node: str) -> Snapshot:
    return next(each for each in await snapshots_of(talk) if each.next == (node,))


async def go(talk: Talk, target: Snapshot, key: str = "branch", edits: Json = None) -> RunResult | Stale:
    request = TimeTravelRun(talk.thread, AGENT, target.checkpoint, edits, key, UserId("U2"))
    return await talk.graphs.time_travel(request, fence=1)


async def test_the_history_says_what_ran_what_came_next_and_what_was_asked() -> None:
    async with talking(builder, **FED) as talk:
        (asked,) = (await talk.say("prod")).asked
        await talk.answer(asked, APPROVE)
        told = [(each.ran, each.next, each.asked) for each in await snapshots_of(talk)]
        assert told == [
            (("deploy",), (), ()),
            (("ask",), ("deploy",), ()),
            (("plan",), ("ask",), ("Deploy to prod?",)),
            ((), ("plan",), ()),
            ((), (), ()),
        ]
        assert (await snapshots_of(talk))[0].values == {"env": "prod", "log": ["plan prod", True, "deployed"]}
        assert len(await talk.graphs.snapshots(talk.thread, AGENT, 2)) == 2


@pytest.mark.promise("P4")
async def test_a_replay_from_before_a_question_asks_it_anew() -> None:
    async with talking(builder, **FED) as talk:
        (old,) = (await talk.say("prod")).asked
        await talk.answer(old, APPROVE)
        branch = await go(talk, await before(talk, "ask"))
        assert isinstance(branch, RunResult)
        (asked,) = branch.asked
        assert payloads(branch) == [{"question": "Deploy to prod?"}]
        assert asked.interrupt != old.interrupt
        assert isinstance(await talk.deliver(old, APPROVE), Stale), "a decision of the old branch is not for this one"
        assert ran == ["plan", "deploy prod True"]
        await talk.answer(asked, REJECT)
        assert ran == ["plan", "deploy prod True", "deploy prod False"]


@pytest.mark.promise("P3")
async def test_a_replay_from_behind_a_question_runs_what_was_approved_once_for_each_journey() -> None:
    async with talking(builder, **FED) as talk:
        (asked,) = (await talk.say("prod")).asked
        await talk.answer(asked, APPROVE)
        there = await before(talk, "deploy")
        for _ in range(3):
            await go(talk, there, "one")
        assert ran == ["plan", "deploy prod True", "deploy prod True"]
        await go(talk, there, "two")
        assert len(ran) == 4


async def test_a_fork_runs_on_with_the_state_that_was_written() -> None:
    async with talking(builder, **FED) as talk:
        await talk.say("prod")
        branch = await go(talk, await before(talk, "ask"), edits={"env": "staging", "log": ["planned by hand"]})
        assert isinstance(branch, RunResult)
        assert payloads(branch) == [{"question": "Deploy to staging?"}]
        (asked,) = branch.asked
        end = await talk.answer(asked, APPROVE)
        assert end.asked == ()
        assert (await snapshots_of(talk))[0].values == {"env": "staging", "log": ["planned by hand", True, "deployed"]}


class DyingError(Exception):
    """The process is killed."""


class DyingSaver(InMemorySaver):
    """Dies after a number of checkpoints."""

    left = 1_000

    async def aput(self, *args: Any, **more: Any) -> Any:
        done = await super().aput(*args, **more)
        self.left -= 1
        if self.left == 0:
            raise DyingError
        return done


@pytest.mark.promise("P3")
@pytest.mark.parametrize("left", [1, 2, 3])
@pytest.mark.parametrize("edited", [False, True], ids=["replay", "fork"])
async def test_a_journey_begins_one_branch_wherever_the_process_dies(left: int, *, edited: bool) -> None:
    saver = DyingSaver()
    async with talking(builder, saver, **FED, infrastructure=(DyingError,)) as talk:
        await talk.say("prod")
        there = await before(talk, "plan")
        edits: Json = {"env": "staging"} if edited else None
        saver.left = left
        for _ in range(2):
            try:
                await go(talk, there, edits=edits)
            except DyingError:
                saver.left = 1_000
        saver.left = 1_000
        branch = await go(talk, there, edits=edits)
        assert isinstance(branch, RunResult)
        assert payloads(branch) == [{"question": f"Deploy to {'staging' if edited else 'prod'}?"}]
        branches = [each for each in await snapshots_of(talk) if each.source in ("fork", "update")]
        assert len(branches) == 1


@pytest.mark.promise("P3")
async def test_a_journey_to_a_breakpoint_asks_there() -> None:
    async with talking(builder, **FED, interrupt_before=("deploy",)) as talk:
        (asked,) = (await talk.say("prod")).asked
        halt = halt_of(await talk.answer(asked, APPROVE))
        await talk.answer(halt, APPROVE)
        branch = await go(talk, await before(talk, "deploy"))
        assert isinstance(branch, RunResult)
        again = halt_of(branch)
        assert again.interrupt != halt.interrupt
        assert ran == ["plan", "deploy prod True"]


async def test_a_checkpoint_that_is_gone_does_nothing() -> None:
    async with talking(builder, **FED) as talk:
        await talk.say("prod")
        there = await before(talk, "ask")
        gone = Snapshot("1f000000-0000-6000-8000-000000000000", there.at, "loop", (), (), (), None)
        stale = await go(talk, gone)
        assert isinstance(stale, Stale)
        assert payloads(stale.result) == [{"question": "Deploy to prod?"}]


async def test_the_next_message_goes_on_from_the_branch() -> None:
    async with talking(builder, **FED) as talk:
        (old,) = (await talk.say("prod")).asked
        await talk.answer(old, REJECT)
        branch = await go(talk, await before(talk, "ask"), edits={"env": "staging", "log": []})
        assert isinstance(branch, RunResult)
        (asked,) = branch.asked
        await talk.answer(asked, APPROVE)
        (more,) = (await talk.say("qa")).asked
        assert more.ask.payload == {"question": "Deploy to qa?"}
        assert (await snapshots_of(talk))[0].values == {"env": "qa", "log": [True, "deployed", "plan qa"]}


async def test_a_change_where_the_message_is_not_read_yet_is_refused() -> None:
    """LangGraph would take the change in the message's place, and run nothing."""
    async with talking(builder, **FED) as talk:
        await talk.say("prod")
        unread = next(each for each in await snapshots_of(talk) if each.source == "input")
        refused = await go(talk, unread, edits={"env": "staging"})
        assert isinstance(refused, Stale)
        assert "had not read the message yet" in refused.reason
        assert ran == ["plan"]
