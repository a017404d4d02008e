"""A factory with parameters makes a graph for each run: with what the run is given, and bound to what a card showed."""

import asyncio
import operator
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, TypedDict

import anyio
import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, StructuredTool, tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import interrupt
from langgraph_sdk.runtime import ServerRuntime
from pydantic import BaseModel
from support.graph_talk import AGENT, APPROVE, REJECT, THREAD, Talk, edit, exported, halt_of, payloads, talking, words

from adapters.langgraph.agents import AgentSpec
from adapters.langgraph.config_keys import USER
from adapters.langgraph.errors import AnswerNotTakenError
from adapters.langgraph.in_process.graphs import LocalGraphs
from adapters.langgraph.loading.exports import LoadError
from adapters.langgraph.requester import AuthUser
from adapters.redis.checkpointer.serializer import GuardedSerializer
from engine.asks.ask import Choice, Json, KnownBy
from engine.ids import AgentName, ChannelId, ThreadId, UserId
from engine.ports import Asked, Later, RunResult, Stale, TimeTravelRun, Turn, WaitsForAnswerError


class State(TypedDict, total=False):
    text: str


def built(node: Callable[[State], Any]) -> Any:
    builder: Any = StateGraph(State)
    builder.add_node("node", node)
    return builder.add_edge(START, "node")


def deploys(_: State) -> State:
    if interrupt({"question": "Deploy?"}):
        DONE.append("deployed")
    return {"text": "ready"}


def deletes(_: State) -> State:
    if interrupt({"question": "Deploy?"}):
        DONE.append("deleted")
    return {"text": "ready"}


DONE: list[str] = []
TEXT: dict[str, Any] = {"input": {"text": "$text"}, "reply": "text"}


@pytest.fixture(autouse=True)
def nothing_done() -> None:
    DONE.clear()


def making(make: Any, saver: Any = None, **spec: Any) -> Any:
    """Talk with the agent of a factory. As a partial it does not belong to this module, with all that tests import."""
    return talking(partial(make), saver, **spec)


def one(result: RunResult) -> Asked:
    (asked,) = result.asked
    return asked


async def told(talk: Talk, user: str, key: str = "turn", thread: ThreadId = THREAD, text: str = "go") -> RunResult:
    return await talk.graphs.start(Turn(thread, AGENT, key, text, UserId(user), ChannelId("C1"), None), fence=1)


# What a run is given --------------------------------------------------------------------------------------------------


@dataclass
class Settings:
    model: str
    tries: int = 3


@dataclass
class Calls:
    """A factory that keeps what it was given."""

    configs: list[RunnableConfig] = field(default_factory=list)
    runtimes: list[Any] = field(default_factory=list)

    def __call__(self, config: RunnableConfig, runtime: ServerRuntime[Settings]) -> Any:
        self.configs.append(config)
        self.runtimes.append(runtime)
        return built(deploys)


GIVEN = {"context": {"model": "large", "tries": "5"}, "configurable": {"tenant": "acme/$channel", "for": "$user"}}


async def test_each_run_gives_the_factory_its_person_its_context_and_its_configuration() -> None:
    calls = Calls()
    async with making(calls, recursion_limit=9, **GIVEN, **TEXT) as talk:
        asked = one(await told(talk, "U7"))
        await talk.answer(asked, APPROVE)
    at_start, *of_runs = (each["configurable"] for each in calls.configs)
    assert at_start["user_id"] == "U0EXAMPLE", "the graph is read once before any run"
    assert (
        of_runs
        == [
            {
                "model": "large",
                "tries": "5",
                "tenant": "acme/C",
                "for": "U7",
                "thread_id": THREAD,
                "user_id": "U7",
                "langgraph_auth_user": AuthUser("U7"),
                "langgraph_auth_permissions": [],
            }
        ]
        * 2
    ), "the run after an answer gets the requester of the turn, whoever decided"
    assert [each["recursion_limit"] for each in calls.configs] == [9] * 3
    runtime = calls.runtimes[1].execution_runtime
    assert (runtime.access_context, runtime.user.identity) == ("threads.create_run", "U7")
    assert runtime.context == GIVEN["context"], "as LangGraph Server passes it"
    assert (runtime.context.model, runtime.context.tries) == ("large", 5), "as its documentation reads it"
    with pytest.raises(AttributeError):
        _ = runtime.context.nothing_of_this_name


async def test_without_a_context_a_factory_gets_what_is_configurable() -> None:
    """As on LangGraph Server; a change that a factory makes to its config stays in that call."""
    calls = Calls()
    async with making(calls, configurable={"model": "small"}, **TEXT) as talk:
        await told(talk, "U1")
        calls.configs[-1]["configurable"]["model"] = "changed"
        await talk.settle()
    assert calls.runtimes[-1].context == {"model": "small"}
    assert calls.configs[-1]["configurable"]["model"] == "small"


async def test_a_restart_is_given_the_person_who_asked_then() -> None:
    calls = Calls()
    async with making(calls, **TEXT) as talk:
        await talk.answer(one(await told(talk, "U7", "first")), APPROVE)
        then = (await talk.graphs.snapshots(THREAD, AGENT, 9))[-1]
        await talk.answer(one(await told(talk, "U8", "second")), APPROVE)
        seen = len(calls.configs)
        await talk.graphs.time_travel(TimeTravelRun(THREAD, AGENT, then.checkpoint, None, "back", UserId("U9")), 1)
        back = [each["configurable"]["user_id"] for each in calls.configs[seen:]]
    assert back == ["U7"]


class Job(TypedDict, total=False):
    text: str
    done: Annotated[list[str], operator.add]


def for_each_person(config: RunnableConfig) -> Any:
    """Make a graph of another node for each person."""
    user = config["configurable"]["user_id"]

    def work(state: Job, config: RunnableConfig) -> Job:
        DONE.append(f"{user}'s graph for {config['configurable'][USER]}")
        if state["text"] != "done":
            interrupt({"question": "First?"})
            interrupt({"question": f"Second, with the account of {user}?"})
        return {"text": "ready", "done": [user]}

    builder: Any = StateGraph(Job).add_node("side", lambda _: {"done": ["side"]}).add_node(f"work for {user}", work)
    return builder.add_edge(START, "side").add_edge(START, f"work for {user}")


@pytest.mark.promise("P3")
async def test_a_restart_that_is_refused_leaves_the_thread_to_the_graph_of_its_own_requester() -> None:
    """Also where its last turn was another person's: their card waits as it was."""
    async with making(for_each_person, **TEXT) as talk:
        await told(talk, "U7", "first", text="done")
        then = [each for each in await talk.graphs.snapshots(THREAD, AGENT, 9) if each.source == "input"][-1]
        asked = one(await told(talk, "U8", "second"))
        DONE.clear()
        edits: Json = {"text": "changed before it was read"}
        request = TimeTravelRun(THREAD, AGENT, then.checkpoint, edits, "back", UserId("U7"))
        outcome = await talk.graphs.time_travel(request, 1)
        assert isinstance(outcome, Stale)
        assert outcome.result.asked == (asked,)
        assert DONE == []
        await talk.answer(asked, APPROVE)
    assert DONE == ["U8's graph for U8"]


@pytest.mark.promise("P3")
async def test_a_message_of_another_person_does_not_void_a_question_that_waits() -> None:
    """Their graph cannot read the question: it is partly answered, of other code, beside a step that is done."""
    async with making(for_each_person, **TEXT) as talk:
        first = one(await told(talk, "U7", "first"))
        second = one(await talk.answer(first, APPROVE))
        turn = Turn(THREAD, AGENT, "second", "go", UserId("U8"), ChannelId("C1"), frozenset())
        with pytest.raises(WaitsForAnswerError) as waits:
            await talk.graphs.start(turn, 1)
        assert list(waits.value.asked) == [second]
        await talk.answer(second, APPROVE)
        assert (await talk.graphs.start(replace(turn, text="done"), 1)).reply is not None
    assert DONE[-1] == "U8's graph for U8"


async def test_only_work_on_a_thread_calls_it() -> None:
    """Forms and lists are answered at once, so nothing that people wait for in Slack calls a factory."""
    calls = Calls()
    async with making(calls, **TEXT) as talk:
        asked = one(await told(talk, "U1"))
        assert len(calls.configs) == 2, "at start, and for the turn"
        await talk.graphs.snapshots(THREAD, AGENT, 9)
        talk.graphs.problems(AGENT, asked.ask, 0, APPROVE)
        assert talk.graphs.tools(AGENT) == frozenset()
        talk.graphs.foreseen(AGENT)
        assert len(calls.configs) == 2


async def test_a_factory_without_parameters_is_called_once() -> None:
    calls: list[None] = []

    def make() -> Any:
        calls.append(None)
        return built(deploys)

    async with making(make, **TEXT) as talk:
        await talk.answer(one(await talk.say()), APPROVE)
    assert len(calls) == 1


async def test_an_example_is_named_where_the_factory_fails_at_start() -> None:
    def make(config: RunnableConfig) -> Any:
        raise KeyError(config["configurable"]["user_id"])

    with pytest.raises(LoadError, match=r"KeyError: 'U0EXAMPLE'\. .*once at start, for an example of a person"):
        async with making(make, **TEXT):
            pass


# How long it lives ----------------------------------------------------------------------------------------------------


async def test_a_context_manager_lives_as_long_as_the_run_in_one_task() -> None:
    """A task group belongs to the task that opened it, as in clients of MCP: it cannot be left in another."""
    log: list[str] = []

    def node(_: State) -> State:
        log.append("asks")
        return {"text": interrupt("Which city?")}

    @asynccontextmanager
    async def make(_: RunnableConfig) -> AsyncIterator[Any]:
        async with anyio.create_task_group():
            log.append("in")
            yield built(node)
        log.append("out")

    async with making(make, **TEXT) as talk:
        assert log == ["in", "out"], "read at start"
        asked = one(await talk.say())
        await talk.answer(asked, words("fine"))
        run = ["in", "asks", "out"]
        assert log[2:] == [*run, *run]


async def test_a_context_manager_without_parameters_is_left_in_the_task_that_entered_it() -> None:
    """The bot loads its graphs in one task, and closes them in another."""
    log: list[str] = []

    @asynccontextmanager
    async def make() -> AsyncIterator[Any]:
        async with anyio.create_task_group():
            log.append("in")
            yield built(deploys)
        log.append("out")

    talk = making(make, **TEXT)
    said = await asyncio.create_task(talk.__aenter__())
    await said.answer(one(await said.say()), APPROVE)
    assert log == ["in"]
    await asyncio.create_task(talk.__aexit__(None, None, None))
    assert log == ["in", "out"]


async def test_a_context_manager_that_fails_to_close_changes_no_outcome() -> None:
    fails: list[None] = []

    @contextmanager
    def make(_: RunnableConfig) -> Iterator[Any]:
        yield built(deploys)
        if fails:
            raise RuntimeError("the connection is gone")

    async with making(make, **TEXT) as talk:
        asked = one(await talk.say())
        fails.append(None)
        assert (await talk.answer(asked, APPROVE)).reply is not None
    assert DONE == ["deployed"]


@pytest.mark.promise("P3")
async def test_a_context_manager_that_suppresses_errors_loses_no_answer() -> None:
    broken: list[None] = []

    def node(state: State) -> State:
        if broken:
            raise ConnectionError("down")
        return deploys(state)

    @contextmanager
    def make(_: RunnableConfig) -> Iterator[Any]:
        with suppress(Exception):
            yield built(node)

    async with making(make, **TEXT) as talk:
        asked = one(await talk.say())
        broken.append(None)
        with pytest.raises(AnswerNotTakenError):
            await talk.deliver(asked, APPROVE)
        broken.clear()
        await talk.answer(asked, APPROVE)
    assert DONE == ["deployed"]


async def test_two_runs_at_once_have_a_graph_each() -> None:
    met = asyncio.Barrier(2)
    live: list[str] = []

    @asynccontextmanager
    async def make(config: RunnableConfig) -> AsyncIterator[Any]:
        user = config["configurable"]["user_id"]

        async def node(_: State) -> State:
            await met.wait()
            return {"text": f"{user} beside {sorted(set(live) - {user})}"}

        live.append(user)
        yield built(node)
        live.remove(user)

    async with making(make, **TEXT) as talk:
        runs = [told(talk, user, thread=ThreadId(f"T:C:{user}")) for user in ("U1", "U2")]
        replies = [each.reply.text for each in await asyncio.gather(*runs) if each.reply is not None]
    assert replies == ["U1 beside ['U2']", "U2 beside ['U1']"]
    assert live == []


async def went_away() -> None:
    raise ConnectionError("the MCP server went away")


LOST = "keeps open failed: ConnectionError: the MCP server went away"


@pytest.mark.promise("P3")
async def test_a_run_whose_connection_fails_in_the_background_says_why_and_is_delivered_again() -> None:
    """The task group of a client of MCP cancels the run, which is no stop of the bot."""
    dies: list[None] = []

    @asynccontextmanager
    async def make(_: RunnableConfig) -> AsyncIterator[Any]:
        async with anyio.create_task_group() as group:

            async def node(state: State) -> State:
                if dies:
                    group.start_soon(went_away)
                    await anyio.sleep_forever()
                return deploys(state)

            yield built(node)

    async with making(make, **TEXT) as talk:
        asked = one(await talk.say())
        dies.append(None)
        with pytest.raises(LoadError, match=LOST) as lost:
            await talk.deliver(asked, APPROVE)
        assert isinstance(lost.value.__cause__, ExceptionGroup)
        assert DONE == []
        dies.clear()
        await talk.answer(asked, APPROVE)
    assert DONE == ["deployed"]


@pytest.mark.parametrize("for_each_run", [True, False])
async def test_a_connection_that_fails_while_it_opens_is_named(*, for_each_run: bool) -> None:
    @asynccontextmanager
    async def opens() -> AsyncIterator[Any]:
        async with anyio.create_task_group() as group:
            group.start_soon(went_away)
            await anyio.sleep_forever()
            yield built(deploys)

    def for_each(_: RunnableConfig) -> Any:
        return opens()

    with pytest.raises(LoadError, match=r"line \d+: ConnectionError: the MCP server went away"):
        async with talking(for_each if for_each_run else opens, **TEXT):
            pass


async def test_a_connection_that_fails_while_another_agent_is_loaded_is_named() -> None:
    loading = asyncio.Event()

    @asynccontextmanager
    async def opens() -> AsyncIterator[Any]:
        async with anyio.create_task_group() as group:

            async def later() -> None:
                await loading.wait()
                await went_away()

            group.start_soon(later)
            yield built(deploys)

    async def takes_long() -> None:
        loading.set()
        await anyio.sleep_forever()

    with exported(opens) as first, exported(takes_long) as second:
        both = {AGENT: AgentSpec(first, Path(), **TEXT), AgentName("other"): AgentSpec(second, Path(), **TEXT)}
        with pytest.raises(LoadError, match=LOST):
            await LocalGraphs.open(both, InMemorySaver())


async def test_a_connection_that_fails_while_the_bot_serves_ends_it_with_the_cause() -> None:
    """Nothing of the graph is closed behind its back while the bot serves on."""
    dies = asyncio.Event()

    @asynccontextmanager
    async def make() -> AsyncIterator[Any]:
        async with anyio.create_task_group() as group:

            async def later() -> None:
                await dies.wait()
                await went_away()

            group.start_soon(later)
            yield built(deploys)

    async with making(make, **TEXT) as talk:
        keeping = asyncio.create_task(talk.graphs.keep())
        await talk.answer(one(await talk.say()), APPROVE)
        assert not keeping.done()
        dies.set()
        with pytest.raises(LoadError, match=LOST):
            await keeping


async def test_the_same_object_each_time_is_one_graph() -> None:
    kept = built(deploys).compile()

    async with making(lambda _: kept, **TEXT) as talk:
        await talk.answer(one(await talk.say()), APPROVE)
        await talk.answer(one(await talk.say()), REJECT)
    assert DONE == ["deployed"]
    assert kept.checkpointer is None, "the project's own object stays as it was"


@pytest.mark.promise("P1")
async def test_a_run_that_is_cancelled_while_its_factory_opens_closes_it_and_is_delivered_again() -> None:
    """A thread cannot be cancelled, so what it opens meanwhile is closed before the work ends."""
    entered, go_on, slow = threading.Event(), threading.Event(), list[None]()
    log: list[str] = []

    @contextmanager
    def make(_: RunnableConfig) -> Iterator[Any]:
        if slow:
            entered.set()
            assert go_on.wait(60)
        log.append("in")
        yield built(deploys)
        log.append("out")

    async with making(make, **TEXT) as talk:
        asked = one(await talk.say())
        slow.append(None)
        delivery = asyncio.create_task(talk.deliver(asked, APPROVE))
        await asyncio.to_thread(entered.wait, 60)
        delivery.cancel()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await delivery
        assert log == ["in", "out"] * 3
        assert DONE == []
        slow.clear()
        await talk.answer(asked, APPROVE)
    assert DONE == ["deployed"]


async def test_a_factory_that_takes_longer_than_the_limit_of_a_run_fails_the_work() -> None:
    never, slow = asyncio.Event(), list[None]()

    async def make(_: RunnableConfig) -> Any:
        if slow:
            await never.wait()
        return built(deploys)

    async with making(make, time_limit=timedelta(milliseconds=20), **TEXT) as talk:
        slow.append(None)
        with pytest.raises(LoadError, match="took longer than time_limit"):
            await talk.say()


@pytest.mark.promise("P1")
async def test_a_stop_drains_where_the_limit_is_over_while_a_thread_still_opens() -> None:
    """The limit cannot cancel the thread, so the work ends when the thread does; the other runs rest at once."""
    entered, go_on, slow = threading.Event(), threading.Event(), list[None]()

    @contextmanager
    def make(_: RunnableConfig) -> Iterator[Any]:
        if slow:
            entered.set()
            assert go_on.wait(60)
        yield built(deploys)

    async with making(make, time_limit=timedelta(milliseconds=300), **TEXT) as talk:
        slow.append(None)
        work = asyncio.create_task(talk.say())
        await asyncio.to_thread(entered.wait, 60)
        assert not (await asyncio.wait([work], timeout=0.4))[0]
        talk.graphs.drain()
        go_on.set()
        with pytest.raises(Later):
            await work


# Faults ---------------------------------------------------------------------------------------------------------------


def other_state() -> Any:
    class Other(TypedDict):
        other: str

    return StateGraph(Other).add_node("node", lambda _: {"other": ""}).add_edge(START, "node")


@pytest.mark.promise("P3")
@pytest.mark.parametrize(
    ("made", "says"),
    [
        (lambda: 1 / 0, "ZeroDivisionError: division by zero"),
        (lambda: "graph", "is of type str, not a graph"),
        (lambda: built(deploys).compile() | (lambda state: state), "can hold no checkpointer"),
        (other_state, 'the graph\'s input has no "text"'),
    ],
    ids=["raises", "another thing", "a chain", "another state"],
)
async def test_a_factory_that_fails_sends_nothing_and_the_answer_is_delivered_again(made: Any, says: str) -> None:
    fails: list[None] = []

    def make(_: RunnableConfig) -> Any:
        return made() if fails else built(deploys)

    async with making(make, **TEXT) as talk:
        asked = one(await talk.say())
        fails.append(None)
        for work in (talk.deliver(asked, APPROVE), talk.say(), talk.settle()):
            with pytest.raises(LoadError, match=says):
                await work
        assert DONE == []
        fails.clear()
        await talk.answer(asked, APPROVE)
    assert DONE == ["deployed"]


# What was shown is what runs ------------------------------------------------------------------------------------------


@pytest.mark.promise("P4")
async def test_a_graph_with_another_node_asks_again_and_does_nothing_that_no_card_showed() -> None:
    nodes = {"node": deploys}
    async with making(lambda _: built(nodes["node"]), **TEXT) as talk:
        asked = one(await talk.say())
        nodes["node"] = deletes
        stale = await talk.stale(asked, APPROVE)
        assert DONE == []
        again = one(stale.result)
        assert again.interrupt != asked.interrupt
        await talk.answer(again, APPROVE)
    assert DONE == ["deleted"], "people saw the card of this code"


@pytest.mark.promise("P4")
async def test_a_factory_that_alternates_is_asked_about_each_time() -> None:
    """Also where it changes between two reads of an idle thread, and whichever code a new turn meets."""
    nodes = {"node": deploys}
    async with making(lambda _: built(nodes["node"]), **TEXT) as talk:
        asked = one(await talk.say())
        for node in (deletes, deploys, deletes):
            nodes["node"] = node
            asked = one((await talk.stale(asked, APPROVE)).result)
        nodes["node"] = deploys
        asked = one(await talk.settle())
        assert DONE == []
        await talk.answer(asked, APPROVE)
    assert DONE == ["deployed"]


@pytest.mark.promise("P4")
async def test_a_request_that_shows_another_value_is_asked_again() -> None:
    target = ["staging"]

    def make(_: RunnableConfig) -> Any:
        where = target[0]

        def node(_: State) -> State:
            if interrupt({"question": f"Deploy to {where}?"}):
                DONE.append(where)
            return {"text": "ready"}

        return built(node)

    async with making(make, **TEXT) as talk:
        asked = one(await talk.say())
        target[0] = "production"
        again = one((await talk.stale(asked, APPROVE)).result)
        assert DONE == []
        assert payloads(await talk.settle()) == [{"question": "Deploy to production?"}]
        await talk.answer(again, APPROVE)
    assert DONE == ["production"]


@tool
def pay(amount: int) -> str:
    """Pay."""
    DONE.append(f"paid {amount}")
    return "paid"


@tool("pay")
def pay_twice(amount: int) -> str:
    """Pay."""
    DONE.append(f"paid {amount} and {amount}")
    return "paid"


def paying(*tools: BaseTool, breaks: bool = True) -> Any:
    async def model(state: MessagesState) -> MessagesState:
        if state["messages"][-1].type == "tool":
            return {"messages": [AIMessage("done")]}
        call = {"name": "pay", "args": {"amount": 5}, "id": "call-1", "type": "tool_call"}
        return {"messages": [AIMessage("", tool_calls=[call])]}

    builder = StateGraph(MessagesState)
    builder.add_node("model", model)
    builder.add_node("tools", ToolNode(list(tools)))
    builder.add_edge(START, "model")
    builder.add_edge("tools", "model")
    builder.add_conditional_edges("model", lambda state: "tools" if state["messages"][-1].tool_calls else "__end__")
    return builder.compile(interrupt_before=["tools"] if breaks else None)


@pytest.mark.promise("P4")
async def test_another_tool_behind_a_breakpoint_is_asked_about_again() -> None:
    tools = [pay]
    async with making(lambda _: paying(*tools)) as talk:
        asked = halt_of(await talk.say())
        tools[:] = [pay_twice]
        again = halt_of((await talk.stale(asked, APPROVE)).result)
        assert DONE == []
        await talk.answer(again, APPROVE)
    assert DONE == ["paid 5 and 5"]


@pytest.mark.promise("P4", "P5")
@pytest.mark.parametrize("choice", [APPROVE, REJECT])
async def test_a_breakpoint_that_was_shown_holds_where_the_graph_has_it_no_more(choice: Any) -> None:
    saver, breaks = InMemorySaver(), [True]

    def make(_: RunnableConfig) -> Any:
        return paying(pay, breaks=breaks[0])

    async with making(make, saver) as talk:
        halt_of(await talk.say())
    breaks[0] = False
    async with making(make, saver) as talk:
        asked = halt_of(await talk.settle())
        assert DONE == []
        await talk.answer(asked, choice)
    assert (["paid 5"] if choice.choice is Choice.APPROVE else []) == DONE


@pytest.mark.promise("P4", "P5")
async def test_a_breakpoint_that_a_deploy_removed_still_waits_for_people() -> None:
    saver = InMemorySaver()
    async with talking(paying(pay), saver) as talk:
        halt_of(await talk.say())
    async with talking(paying(pay, breaks=False), saver) as talk:
        await talk.answer(halt_of(await talk.settle()), REJECT)
    assert DONE == []


class Shown(BaseModel):
    text: str = ""
    cost: int = 0


class Real(BaseModel):
    text: str = ""
    cost: Literal["cheap", "dear"] = "cheap"


def priced(config: RunnableConfig) -> Any:
    kind: type[BaseModel] = Shown if config["configurable"]["user_id"] == "U0EXAMPLE" else Real

    def plan(_: Any) -> dict[str, Any]:
        return {"text": "planned", "cost": 1 if kind is Shown else "cheap"}

    def pay(state: Any) -> dict[str, Any]:
        DONE.append(f"paid {state.cost}")
        return {}

    builder: Any = StateGraph(kind)
    builder.add_node("plan", plan).add_node("pay", pay)
    return builder.add_edge(START, "plan").add_edge("plan", "pay").compile(interrupt_before=["pay"])


@pytest.mark.promise("P1", "P4")
async def test_an_edit_is_checked_by_the_graph_of_the_run_and_not_by_the_one_of_the_start() -> None:
    async with making(priced, **TEXT) as talk:
        asked = halt_of(await talk.say())
        good, bad = edit({"text": "planned", "cost": "dear"}), edit({"text": "planned", "cost": 5})
        assert not talk.graphs.problems(AGENT, asked.ask, 0, good)
        stale = await talk.stale(asked, bad)
        assert "cost: Input should be 'cheap' or 'dear'" in stale.reason
        assert DONE == []
        await talk.answer(halt_of(stale.result), good)
    assert DONE == ["paid dear"]


@pytest.mark.promise("P4")
async def test_a_gated_tool_of_a_run_waits_for_its_approval() -> None:
    """The graph that was read at start has no tools: the gate stands where tools start."""

    def make(config: RunnableConfig) -> Any:
        return paying(*([] if config["configurable"]["user_id"] == "U0EXAMPLE" else [pay]), breaks=False)

    async with making(make, gate_tools=("pay",)) as talk:
        asked = one(await talk.say())
        assert DONE == []
        await talk.answer(asked, APPROVE)
    assert DONE == ["paid 5"]


class Starts(StructuredTool):
    async def arun(self, *_: Any, **__: Any) -> Any:
        DONE.append("started")


async def test_a_tool_that_cannot_be_gated_does_not_run_in_a_graph_of_a_run() -> None:
    def make(config: RunnableConfig) -> Any:
        ungated = Starts.from_function(lambda amount: amount, name="pay", description="Pay.")
        return paying(*([] if config["configurable"]["user_id"] == "U0EXAMPLE" else [ungated]), breaks=False)

    async with making(make, gate_tools=("pay",)) as talk:
        with pytest.raises(LoadError, match="the tool pay cannot be gated"):
            await talk.say()
    assert DONE == []


@pytest.mark.promise("P4")
async def test_words_that_the_graph_of_the_run_acts_on_are_no_answer() -> None:
    """The graph of the start does nothing with them, so the form takes them: checked again before they are sent."""

    def harmless(_: State) -> State:
        return {"text": "left"}

    def acts(_: State) -> State:
        reply = interrupt({"summary": "Sales rose by 4 %.", "about": "the board's summary"})
        if reply.strip(" .!x").casefold() == "yes":
            DONE.append("sent to the board")
            return {"text": "Sent."}
        return {"text": f"To be revised: {reply}"}

    def make(config: RunnableConfig) -> Any:
        return built(harmless if config["configurable"]["user_id"] == "U0EXAMPLE" else acts)

    async with making(make, **TEXT) as talk:
        asked, said = one(await talk.say()), words("xx YES x!")
        assert not talk.graphs.problems(AGENT, asked.ask, 0, said)
        assert "is a decision here" in (await talk.stale(asked, said)).reason
    assert DONE == []


CHANGED = """
from typing import TypedDict
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt

class State(TypedDict, total=False):
    text: str

def sent():
    print("sent to the board")
    return {"text": "sent"}

def one(state):
    reply = interrupt({"summary": "Sales rose by 4 %.", "about": "the board's summary"})
    if reply.strip().lower() in ("yes", "ok"):
        return sent()
    return {"text": reply}

def graph(config):
    node = (lambda state: {}) if config["configurable"]["user_id"] == "U0EXAMPLE" else one
    return StateGraph(State).add_node("node", node).add_edge(START, "node")
"""


@pytest.mark.promise("P4")
async def test_a_file_that_changes_is_not_read_for_the_code_that_runs(tmp_path: Path) -> None:
    """A deploy writes new files before the bot is started again; until then the old code runs."""
    file, changed = tmp_path / "agent.py", CHANGED.replace('"yes", "ok"', '"yes", "sure"')
    file.write_text(CHANGED)
    async with talking(file, **TEXT) as talk:
        known = one(await told(talk, "U1", thread=ThreadId("T:C:1"))).ask
        file.write_text(changed)
        assert one(await told(talk, "U1", thread=ThreadId("T:C:2"))).ask == known
    assert "yes" in str(known.encoding)


@pytest.mark.promise("P4")
async def test_a_file_that_changed_before_it_was_read_gives_no_word_for_an_approval(tmp_path: Path) -> None:
    nodes, factory = CHANGED.split("def graph(config)")
    (tmp_path / "nodes_of_changed.py").write_text(nodes)
    (tmp_path / "agent.py").write_text(f"from nodes_of_changed import *\ndef graph(config){factory}")
    try:
        async with talking(tmp_path / "agent.py", **TEXT) as talk:
            (tmp_path / "nodes_of_changed.py").write_text(nodes.replace('"yes", "ok"', '"yes", "sure"'))
            asked = one(await talk.say()).ask
    finally:
        del sys.modules["nodes_of_changed"]
    assert asked.known_by is KnownBy.UNKNOWN


async def test_a_workflow_of_a_factory_runs() -> None:
    def make(config: RunnableConfig) -> Any:
        @entrypoint()
        async def work(given: dict[str, str]) -> str:
            return f"{given['text']} for {config['configurable']['user_id']}"

        return work

    async with making(make, input={"text": "$text"}, reply="@") as talk:
        reply = (await told(talk, "U3")).reply
    assert reply is not None
    assert reply.text == "go for U3"


TYPED = """
from typing import Any, TypedDict
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt

class State(TypedDict, total=False):
    text: Any

def graph(config):
    if config["configurable"]["user_id"] == "U0EXAMPLE":
        return StateGraph(State).add_node("ask", lambda state: {}).add_edge(START, "ask")
    from order_of_some import Order

    def order(state):
        return {"text": Order("tea")}

    def ask(state):
        interrupt("Which city?")
        return {"text": type(state["text"]).__name__ + " of " + state["text"].what}

    builder = StateGraph(State).add_node("order", order).add_node("ask", ask)
    return builder.add_edge(START, "order").add_edge("order", "ask")
"""


async def test_a_type_that_the_graph_of_the_start_does_not_know_comes_back_after_a_restart(tmp_path: Path) -> None:
    """It is signed, so this bot wrote it: the saver needs no list of what each run's graph may store."""
    (tmp_path / "agent.py").write_text(TYPED)
    (tmp_path / "order_of_some.py").write_text(
        "from dataclasses import dataclass\n@dataclass\nclass Order:\n    what: str\n"
    )
    saver = InMemorySaver(serde=GuardedSerializer(secret="token"))
    try:
        async with talking(tmp_path / "agent.py", saver, **TEXT) as talk:
            asked = one(await talk.say())
        saver.serde = GuardedSerializer(secret="token")  # as after a restart
        async with talking(tmp_path / "agent.py", saver, **TEXT) as talk:
            saver.serde.allow(talk.graphs.types)
            reply = (await talk.answer(asked, words("Rome"))).reply
    finally:
        del sys.modules["order_of_some"]
    assert reply is not None
    assert reply.text == "Order of tea"


class _Model(GenericFakeChatModel):
    def bind_tools(self, *_: Any, **__: Any) -> Any:
        return self


@pytest.mark.promise("P4")
async def test_an_approved_call_does_not_run_a_tool_that_changed_since_it_was_asked_about() -> None:
    production, did = [False], list[str]()

    def agent_of_now(_config: RunnableConfig) -> Any:
        def staged(what: str) -> str:
            """Deploy."""
            did.append(f"staging: {what}")
            return "ok"

        def released(what: str) -> str:
            """Deploy."""
            did.append(f"production: {what}")
            return "ok"

        deploy = StructuredTool.from_function(released if production[0] else staged, name="deploy")
        call = AIMessage("", tool_calls=[{"name": "deploy", "args": {"what": "it"}, "id": "call-1"}])
        says = [AIMessage("done")] if production[0] else [call]
        return create_agent(
            _Model(messages=iter(says)), tools=[deploy], middleware=[HumanInTheLoopMiddleware({"deploy": True})]
        )

    async with talking(agent_of_now) as talk:
        (asked,) = (await talk.say()).asked
        production[0] = True
        (again,) = (await talk.stale(asked, APPROVE)).result.asked
        assert did == []
        assert again.digest != asked.digest
        await talk.answer(again, APPROVE)
    assert did == ["production: it"]
