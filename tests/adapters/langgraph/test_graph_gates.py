"""`gate_tools`: a tool of a matching name asks a person before it starts, wherever the graph calls it."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from threading import Event, Thread
from typing import Annotated, Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware, HumanInTheLoopMiddleware, ToolRetryMiddleware
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langchain_core.runnables.config import ContextThreadPoolExecutor
from langchain_core.tools import BaseTool, InjectedToolCallId, StructuredTool, Tool, tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import InjectedState, ToolNode, ToolRuntime
from langgraph.types import Command, Send, interrupt
from pydantic import BaseModel, Field
from support.graph_talk import AGENT, APPROVE, REJECT, Talk, edit, error_of, talking, words

from adapters.langgraph.errors import AnswerNotTakenError
from adapters.langgraph.loading.exports import LoadError
from engine.asks.ask import Choice, Decision, Kind
from engine.ports import Asked, RunResult

pytestmark = pytest.mark.promise("P4")

RAN: list[Any] = []
GATED = {"gate_tools": ("refund*",)}


@pytest.fixture(autouse=True)
def _nothing_ran() -> None:
    RAN.clear()


@tool
def refund(amount: int, currency: str = "EUR") -> str:
    """Pay money back."""
    RAN.append((amount, currency))
    return f"refunded {amount} {currency}"


@tool
async def refund_later(amount: int) -> str:
    """Pay money back later."""
    RAN.append(("later", amount))
    return f"later {amount}"


@tool
def look_up(order: str) -> str:
    """Look an order up."""
    RAN.append(order)
    return f"{order} is there"


class Scripted(GenericFakeChatModel):
    """Says what it is given, in order."""

    def bind_tools(self, tools: Sequence[Any], **_: Any) -> Any:
        del tools
        return self


def calls(*args: tuple[str, dict[str, Any]], first: int = 0) -> AIMessage:
    made = [{"name": name, "args": each, "id": f"c{first + n}"} for n, (name, each) in enumerate(args)]
    return AIMessage("", tool_calls=made)


def agent(*says: AIMessage, tools: Sequence[Any] = (refund, refund_later, look_up), **more: Any) -> Any:
    return create_agent(Scripted(messages=iter(says)), tools=list(tools), **more)


def tool_node(*said: BaseMessage) -> Any:
    """The calls of a message, all in one node of tools."""
    builder = StateGraph(MessagesState)
    builder.add_node("model", lambda _: {"messages": list(said)})
    builder.add_node("tools", ToolNode([refund, refund_later, look_up]))
    builder.add_edge(START, "model")
    builder.add_edge("model", "tools")
    return builder.compile()


DONE = AIMessage("All done.")


async def only(talk: Talk) -> Asked:
    (asked,) = (await talk.say()).asked
    return asked


def args_of(asked: Asked) -> Any:
    return asked.ask.actions[0].value


async def test_a_call_asks_and_runs_as_it_was_shown() -> None:
    async with talking(agent(calls(("refund", {"amount": "5"})), DONE), **GATED) as talk:
        asked = await only(talk)
        assert asked.ask.kind is Kind.TOOL_CALL
        assert asked.ask.actions[0].name == "refund"
        assert args_of(asked) == {"amount": 5, "currency": "EUR"}
        assert asked.ask.actions[0].choices == (Choice.APPROVE, Choice.EDIT, Choice.REJECT)
        assert RAN == []
        end = await talk.answer(asked, APPROVE)
        assert end.reply
        assert end.reply.text == "All done."
        assert RAN == [(5, "EUR")]


async def test_an_edit_runs_with_the_edited_arguments() -> None:
    async with talking(agent(calls(("refund", {"amount": 5})), DONE), **GATED) as talk:
        end = await talk.answer(await only(talk), edit({"amount": 7, "currency": "USD"}))
        assert not end.error
        assert RAN == [(7, "USD")]


async def test_a_rejection_is_the_tools_result() -> None:
    async with talking(agent(calls(("refund", {"amount": 5})), DONE), **GATED) as talk:
        end = await talk.answer(await only(talk), Decision(Choice.REJECT, text="Too much."))
        assert end.reply
        assert end.reply.text == "All done."
        assert RAN == []
        state = await talk.graphs._agents[AGENT].graph.aget_state({"configurable": {"thread_id": talk.thread}})
        (message,) = [each for each in state.values["messages"] if isinstance(each, ToolMessage)]
        assert message.content == "The tool refund was not run. Reason: Too much."
        assert message.status == "error"


async def test_calls_of_one_node_each_get_their_own_answer_and_none_is_done_twice() -> None:
    said = calls(
        ("look_up", {"order": "a"}),
        ("refund", {"amount": 1}),
        ("refund_later", {"amount": 2}),
        ("refund", {"amount": 3}),
    )
    async with talking(tool_node(said), **GATED) as talk:
        asked = await only(talk)
        assert args_of(asked)["amount"] == 1
        assert RAN == ["a"]
        (asked,) = (await talk.answer(asked, APPROVE)).asked
        assert args_of(asked) == {"amount": 2}
        (asked,) = (await talk.answer(asked, REJECT)).asked
        assert args_of(asked)["amount"] == 3
        end = await talk.answer(asked, edit({"amount": 4, "currency": "EUR"}))
        assert not end.asked
        assert RAN == ["a", (1, "EUR"), (4, "EUR")]


# A node that calls its tools itself -----------------------------------------------------------------------------------


def by_itself(node: Any) -> Any:
    builder = StateGraph(MessagesState)
    builder.add_node("work", node)
    builder.add_edge(START, "work")
    return builder.compile()


def said(*parts: Any) -> dict[str, Any]:
    return {"messages": [AIMessage(" | ".join(map(str, parts)))]}


def sync_invoke(_: Any) -> Any:
    look_up.invoke({"order": "a"})
    return said(refund.invoke({"amount": 1}), refund.invoke({"amount": 2}))


async def async_invoke(_: Any) -> Any:
    await look_up.ainvoke({"order": "a"})
    return said(await refund.ainvoke({"amount": 1}), await refund.ainvoke({"amount": 2}))


async def sync_in_async(_: Any) -> Any:
    look_up.invoke({"order": "a"})
    return said(refund.invoke({"amount": 1}), refund.invoke({"amount": 2}))


def run_directly(_: Any) -> Any:
    look_up.run({"order": "a"})
    return said(refund.run({"amount": 1}), refund.run({"amount": 2}))


async def arun_directly(_: Any) -> Any:
    await look_up.arun({"order": "a"})
    return said(await refund.arun({"amount": 1}), await refund.arun({"amount": 2}))


def batch(_: Any) -> Any:
    look_up.invoke({"order": "a"})
    return said(*refund.batch([{"amount": 1}, {"amount": 2}]))


async def abatch(_: Any) -> Any:
    await look_up.ainvoke({"order": "a"})
    return said(*await refund.abatch([{"amount": 1}, {"amount": 2}]))


async def gather(_: Any) -> Any:
    await look_up.ainvoke({"order": "a"})
    return said(*await asyncio.gather(refund.ainvoke({"amount": 1}), refund.ainvoke({"amount": 2})))


async def chain(_: Any) -> Any:
    await look_up.ainvoke({"order": "a"})
    as_args: RunnableLambda[int, Any] = RunnableLambda(lambda amount: {"amount": amount})
    double = as_args | refund
    return said(await double.ainvoke(1), await double.ainvoke(2))


async def threads(_: Any) -> Any:
    await look_up.ainvoke({"order": "a"})
    return said(*[await asyncio.to_thread(refund.invoke, {"amount": amount}) for amount in (1, 2)])


def own_loop(_: Any) -> Any:
    async def work() -> list[Any]:
        await look_up.arun({"order": "a"})
        return [*await asyncio.gather(refund.arun({"amount": 1}), refund.arun({"amount": 2}))]

    return said(*asyncio.run(work()))


def own_threads(_: Any, config: RunnableConfig) -> Any:
    look_up.invoke({"order": "a"})
    with ThreadPoolExecutor() as pool:
        return said(*pool.map(lambda amount: refund.invoke({"amount": amount}, config), (1, 2)))


def inner_graph(_: Any) -> Any:
    def inner(_: Any) -> Any:
        return said(refund.invoke({"amount": 1}), refund.invoke({"amount": 2}))

    look_up.invoke({"order": "a"})
    return by_itself(inner).invoke({"messages": []})


async def inner_graph_async(_: Any) -> Any:
    await look_up.ainvoke({"order": "a"})
    return await by_itself(batch_inner).ainvoke({"messages": []})


async def batch_inner(_: Any) -> Any:
    return said(await refund.ainvoke({"amount": 1}), await refund.ainvoke({"amount": 2}))


NODES = [
    sync_invoke,
    async_invoke,
    sync_in_async,
    run_directly,
    arun_directly,
    batch,
    abatch,
    gather,
    chain,
    threads,
    own_loop,
    own_threads,
    inner_graph,
    inner_graph_async,
]


class Homebound(InMemorySaver):
    """Writes on the loop on which it was made, as the saver on Redis does."""

    def __init__(self) -> None:
        super().__init__()
        self.home = asyncio.get_running_loop()

    async def aput_writes(self, *args: Any, **more: Any) -> None:
        assert asyncio.get_running_loop() is self.home
        await super().aput_writes(*args, **more)


@pytest.mark.parametrize("node", NODES)
async def test_a_tool_that_a_node_calls_asks_and_its_neighbours_are_done_once(node: Any) -> None:
    async with talking(by_itself(node), Homebound(), **GATED) as talk:
        seen = list[Any]()
        (asked,) = (await talk.say()).asked
        assert RAN == ["a"]
        while True:
            seen.append(args_of(asked)["amount"])
            end = await talk.answer(
                asked, APPROVE if args_of(asked)["amount"] == 1 else Decision(Choice.REJECT, text="No.")
            )
            if not end.asked:
                break
            (asked,) = end.asked
        # `asyncio.run` cancels one call when the other asks: it may have been made, so on a slow machine people are
        # asked again. Each approval still starts one call at most.
        cut_off = seen.count(1) - 1 if node is own_loop else 0
        assert sorted(seen) == [1] * (1 + cut_off) + [2]
        assert RAN[0] == "a"
        assert 1 <= RAN[1:].count((1, "EUR")) == len(RAN) - 1 <= 1 + cut_off
        assert end.reply
        assert end.reply.text == "refunded 1 EUR | The tool refund was not run. Reason: No."


async def test_the_same_call_twice_is_two_calls() -> None:
    def node(_: Any) -> Any:
        return said(refund.invoke({"amount": 1}), refund.invoke({"amount": 1}))

    async with talking(by_itself(node), **GATED) as talk:
        (again,) = (await talk.answer(await only(talk), APPROVE)).asked
        assert RAN == [(1, "EUR")]
        end = await talk.answer(again, REJECT)
        assert RAN == [(1, "EUR")]
        assert end.reply
        assert end.reply.text.startswith("refunded 1 EUR | The tool refund was not run.")


@pytest.mark.parametrize("way", ["sync", "async"])
async def test_a_call_that_comes_out_otherwise_is_asked_anew(way: str) -> None:
    prices = iter([100, 200, 200, 200])

    def node(_: Any) -> Any:
        return said(refund.invoke({"amount": next(prices)}))

    async def anode(_: Any) -> Any:
        return said(await refund.ainvoke({"amount": next(prices)}))

    async with talking(by_itself(node if way == "sync" else anode), **GATED) as talk:
        asked = await only(talk)
        stale = await talk.stale(asked, APPROVE)
        assert RAN == []
        (anew,) = stale.result.asked
        assert args_of(anew)["amount"] == 200
        assert anew.instead_of == asked.digest
        end = await talk.answer(anew, APPROVE)
        assert not end.asked
        assert RAN == [(200, "EUR")]


async def test_a_thread_without_the_runs_context_is_refused() -> None:
    def node(_: Any) -> Any:
        raised = list[BaseException]()

        def work() -> None:
            try:
                refund.invoke({"amount": 1})
            except RuntimeError as error:
                raised.append(error)

        thread = Thread(target=work)
        thread.start()
        thread.join()
        raise raised[0]

    async with talking(by_itself(node), **GATED) as talk:
        end = await talk.say()
        assert "The tool refund was not run" in error_of(end)
        assert RAN == []
    assert refund.invoke({"amount": 1}) == "refunded 1 EUR"  # nobody gates it any more


async def test_a_graph_with_a_thread_id_of_its_own_is_refused() -> None:
    def inner(_: Any) -> Any:
        return said(refund.invoke({"amount": 1}))

    async def node(_: Any) -> Any:
        return await by_itself(inner).ainvoke({"messages": []}, {"configurable": {"thread_id": "own"}})

    async with talking(by_itself(node), **GATED) as talk:
        assert "The tool refund was not run" in error_of(await talk.say())
        assert RAN == []


async def test_other_agents_are_not_gated() -> None:
    async with talking(by_itself(sync_invoke), **GATED), talking(by_itself(sync_invoke)) as other:
        assert not (await other.say()).asked
        assert RAN == ["a", (1, "EUR"), (2, "EUR")]


# Asked once -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["batched", "per_call"])
async def test_a_call_that_a_middleware_asks_about_is_asked_once(mode: Any) -> None:
    hitl = HumanInTheLoopMiddleware({"refund": True}, interrupt_mode=mode)
    graph = agent(calls(("refund", {"amount": 5})), calls(("refund", {"amount": 6})), DONE, middleware=[hitl])
    async with talking(graph, **GATED) as talk:
        asked = await only(talk)
        assert asked.ask.dialect.startswith("langchain")
        (again,) = (await talk.answer(asked, APPROVE)).asked
        assert RAN == [(5, "EUR")]
        assert again.ask.dialect.startswith("langchain")
        end = await talk.answer(again, edit({"amount": 7}))
        assert not end.asked
        assert RAN == [(5, "EUR"), (7, "EUR")]


async def test_a_call_that_a_breakpoint_asks_about_is_asked_once() -> None:
    async with talking(tool_node(calls(("refund", {"amount": 5}))), interrupt_before=("tools",), **GATED) as talk:
        end = await talk.answer(await only(talk), APPROVE)
        assert not end.asked
        assert RAN == [(5, "EUR")]


@tool
def refund_asking(amount: int) -> str:
    """Ask, then pay."""
    answer = interrupt({"action": "pay", "amount": amount})
    RAN.append(("asking", amount, answer))
    return "done"


@tool
def refund_asking_at_times(amount: int) -> str:
    """Ask about much, then pay."""
    if amount > 10:
        interrupt({"action": "pay", "amount": amount})
    RAN.append(("at times", amount))
    return "done"


async def test_a_tool_that_asks_for_itself_is_asked_once_and_one_that_does_so_at_times_is_gated() -> None:
    graph = agent(calls(("refund_asking", {"amount": 5})), DONE, tools=[refund_asking])
    async with talking(graph, **GATED) as talk:
        asked = await only(talk)
        assert asked.ask.payload == {"action": "pay", "amount": 5}
        assert not (await talk.answer(asked, words("fine"))).asked
        assert RAN == [("asking", 5, "fine")]
    RAN.clear()
    graph = agent(calls(("refund_asking_at_times", {"amount": 50})), DONE, tools=[refund_asking_at_times])
    async with talking(graph, **GATED) as talk:
        asked = await only(talk)
        assert asked.ask.dialect == "gated_tool"
        (own,) = (await talk.answer(asked, APPROVE)).asked
        assert own.ask.payload == {"action": "pay", "amount": 50}
        assert RAN == []
        assert not (await talk.answer(own, APPROVE)).asked
        assert RAN == [("at times", 50)]


# Interrupts of the graph's own beside gates ---------------------------------------------------------------------------


async def test_interrupts_of_the_node_keep_their_answers_beside_gates() -> None:
    def node(_: Any) -> Any:
        first = interrupt("first?")
        one = refund.invoke({"amount": 1})
        second = interrupt("second?")
        two = refund.invoke({"amount": 2})
        return said(first, one, second, two)

    async with talking(by_itself(node), **GATED) as talk:
        end = await talk.say()
        for decision in (words("1st"), APPROVE, words("2nd"), APPROVE):
            (asked,) = end.asked
            end = await talk.answer(asked, decision)
        assert end.reply
        assert end.reply.text == "1st | refunded 1 EUR | 2nd | refunded 2 EUR"
        assert RAN == [(1, "EUR"), (2, "EUR")]


async def test_answers_within_a_call_that_is_done_are_passed_over() -> None:
    @tool
    def chat(about: str) -> str:
        """Ask somebody."""
        RAN.append(about)
        return str(interrupt(f"{about}?"))

    def node(_: Any) -> Any:
        return said(
            chat.invoke({"about": "a"}), refund.invoke({"amount": 1}), interrupt("second?"), chat.invoke({"about": "b"})
        )

    async with talking(by_itself(node), **GATED) as talk:
        end = await talk.say()
        for decision in (words("1st"), APPROVE, words("2nd"), words("3rd")):
            (asked,) = end.asked
            end = await talk.answer(asked, decision)
        assert end.reply
        assert end.reply.text == "1st | refunded 1 EUR | 2nd | 3rd"
        assert RAN == ["a", "a", (1, "EUR"), "b", "b"]


async def test_a_tool_within_a_tool_asks_for_itself() -> None:
    @tool
    def refund_all(amounts: list[int]) -> str:
        """Refund several."""
        RAN.append("all")
        return " ".join(refund.invoke({"amount": each}) for each in amounts)

    graph = agent(calls(("refund_all", {"amounts": [1, 2]})), DONE, tools=[refund_all])
    async with talking(graph, **GATED) as talk:
        end = await talk.say()
        names = list[Any]()
        while end.asked:
            (asked,) = end.asked
            assert isinstance(asked.ask.payload, dict)
            names.append((asked.ask.actions[0].name, "starts" in asked.ask.payload))
            end = await talk.answer(asked, APPROVE)
        assert names == [("refund_all", False), ("refund", False), ("refund", False)]
        assert [each for each in RAN if each != "all"] == [(1, "EUR"), (2, "EUR")]


# What people see ------------------------------------------------------------------------------------------------------


class Order(BaseModel):
    """An order."""

    number: int
    due: date


async def test_people_see_what_the_tool_gets_and_nothing_that_is_injected() -> None:
    @tool
    def refund_typed(
        order: Order,
        amount: Decimal,
        call: Annotated[str, InjectedToolCallId],
        state: Annotated[dict[str, Any], InjectedState],
        runtime: ToolRuntime,
        note: str = "none",
    ) -> str:
        """Refund."""
        RAN.append((order, amount, call, len(state["messages"]), note, runtime.tool_call_id))
        return "done"

    args = {"order": {"number": "7", "due": "2026-11-28"}, "amount": "1.50", "state": "forged"}
    graph = agent(calls(("refund_typed", args)), DONE, tools=[refund_typed])
    async with talking(graph, **GATED) as talk:
        asked = await only(talk)
        assert args_of(asked) == {"order": {"number": 7, "due": "2026-11-28"}, "amount": "1.50", "note": "none"}
        schema = asked.ask.actions[0].schema
        assert schema is not None
        assert list(schema["properties"]) == ["order", "amount", "note"]  # type: ignore[arg-type]
        changed = {"order": {"number": 8, "due": "2026-11-29"}, "amount": "2.50", "note": "x"}
        assert not (await talk.answer(asked, edit(changed))).asked
        (ran,) = RAN
        assert ran == (Order(number=8, due=date(2026, 11, 29)), Decimal("2.50"), "c0", 2, "x", "c0")


async def test_arguments_that_the_tool_refuses_ask_nobody() -> None:
    graph = agent(calls(("refund", {"amount": "much"})), DONE)
    async with talking(graph, **GATED) as talk:
        assert not (await talk.say()).asked
        assert RAN == []


async def test_a_tool_of_one_text_is_edited_as_a_text() -> None:
    def refund_text(text: str) -> str:
        RAN.append(text)
        return "done"

    plain = Tool("refund_text", refund_text, "Refund by text.")

    def node(_: Any) -> Any:
        return said(plain.invoke("order 7"))

    async with talking(by_itself(node), **GATED) as talk:
        asked = await only(talk)
        assert args_of(asked) == {"tool_input": "order 7"}
        assert not (await talk.answer(asked, edit({"tool_input": "order 8"}))).asked
        assert RAN == ["order 8"]


# Which tools there are ------------------------------------------------------------------------------------------------


class Runs(BaseTool):
    """Starts in its own way."""

    name: str = "refund_own"
    description: str = "Refund."

    def _run(self, amount: int) -> str:
        return f"{amount}"

    def run(self, *_: Any, **__: Any) -> Any:
        return "ran"


async def test_a_tool_that_starts_another_way_cannot_be_gated() -> None:
    graph = agent(DONE, tools=[Runs()])
    with pytest.raises(LoadError, match="the tool refund_own cannot be gated: Runs overrides") as caught:
        async with talking(graph, **GATED):
            pass
    assert caught.value.key == "gate_tools"
    async with talking(agent(DONE, tools=[Runs()]), gate_tools=("other",)):
        pass


@pytest.mark.parametrize("node", NODES)
async def test_the_tools_that_a_node_calls_are_seen(node: Any) -> None:
    async with talking(by_itself(node)) as talk:
        assert talk.graphs.tools(AGENT) >= {"refund", "look_up"}


async def test_the_tools_of_agents_within_tools_are_seen() -> None:
    inner = agent(DONE, tools=[refund])

    @tool
    async def delegate(task: str) -> str:
        """Let another agent do it."""
        return str(await inner.ainvoke({"messages": [("user", task)]}))

    async with talking(agent(DONE, tools=[delegate])) as talk:
        assert talk.graphs.tools(AGENT) >= {"delegate", "refund"}


# Killed ---------------------------------------------------------------------------------------------------------------


class Dies(Exception):  # noqa: N818 - it is no error of the bot's
    """The process is killed."""


class DyingSaver(InMemorySaver):
    """Dies before one of its writes, and from then on writes nothing."""

    left = 0
    dead = False

    async def aput(self, *args: Any, **more: Any) -> Any:
        self.count()
        return await super().aput(*args, **more)

    async def aput_writes(self, *args: Any, **more: Any) -> None:
        self.count()
        await super().aput_writes(*args, **more)

    def count(self) -> None:
        self.left -= 1
        self.dead = self.dead or self.left == 0
        if self.dead:
            raise Dies


@dataclass
class Life:
    """What people approved, call by call, and the last request that they approved."""

    granted: list[str] = field(default_factory=list)
    last: Asked | None = None

    async def lived(self, talk: Talk, end: RunResult) -> RunResult:
        """Approve all that is asked."""
        while end.asked:
            self.last = end.asked[0]
            self.granted.append(str(args_of(self.last)["amount"]))
            end = await talk.answer(self.last, APPROVE)
        return end


GRAPHS = {
    "agent": lambda: agent(
        calls(("look_up", {"order": "a"}), ("refund", {"amount": 1}), ("refund", {"amount": 2})), DONE, DONE
    ),
    "tool node": lambda: tool_node(
        calls(("look_up", {"order": "a"}), ("refund", {"amount": 1}), ("refund", {"amount": 2}))
    ),
    "sync node": lambda: by_itself(sync_invoke),
    "async node": lambda: by_itself(arun_directly),
    "gather": lambda: by_itself(gather),
    "batch": lambda: by_itself(batch),
}


@pytest.mark.parametrize("graph", GRAPHS)
@pytest.mark.parametrize("left", range(1, 12))
async def test_wherever_the_process_dies_one_approval_runs_one_call(graph: str, left: int) -> None:
    saver, life = DyingSaver(), Life()
    async with talking(GRAPHS[graph](), saver, infrastructure=(Dies,), **GATED) as talk:
        end = await talk.say()
        saver.left = left
        with suppress(Dies, AnswerNotTakenError, AssertionError):
            await life.lived(talk, end)
        saver.left, saver.dead = 0, False
    async with talking(GRAPHS[graph](), saver, **GATED) as talk:
        assert life.last is not None
        await talk.deliver(life.last, APPROVE)  # once more
        end = await life.lived(talk, await talk.settle())
        assert not error_of(end)
    for amount in (1, 2):
        times = RAN.count((amount, "EUR"))
        assert 1 <= times <= life.granted.count(str(amount)), (RAN, life.granted)


@pytest.mark.parametrize("node", [sync_invoke, arun_directly])
async def test_a_call_that_was_begun_when_the_process_died_is_asked_about_again_and_the_card_says_so(node: Any) -> None:
    saver = DyingSaver()
    async with talking(by_itself(node), saver, infrastructure=(Dies,), **GATED) as talk:
        asked = await only(talk)
        saver.left = 3  # what was decided, that it starts; then it is done, and its outcome is not written
        with suppress(Dies):
            await talk.deliver(asked, APPROVE)
        assert RAN == ["a", (1, "EUR")]
        saver.left, saver.dead = 0, False
    async with talking(by_itself(node), saver, **GATED) as talk:
        outcome = await talk.deliver(asked, APPROVE)
        (again,) = outcome.result.asked
        assert again.interrupt != asked.interrupt
        assert "It may have taken effect" in again.ask.actions[0].description
        assert RAN == ["a", (1, "EUR")]
        (second,) = (await talk.answer(again, REJECT)).asked
        end = await talk.answer(second, APPROVE)
        assert RAN == ["a", (1, "EUR"), (2, "EUR")]
        assert end.reply
        assert end.reply.text == "The tool refund was not run. The call was rejected. | refunded 2 EUR"


# More graphs, as people write them ------------------------------------------------------------------------------------


async def all_approved(graph: Any, **spec: Any) -> tuple[list[Any], RunResult]:
    """Approve one after another what is asked: the arguments of each call, and where it ends."""
    async with talking(graph, **GATED, **spec) as talk:
        end, seen = await talk.say(), list[Any]()
        while end.asked:
            assert end.asked[0].ask.dialect == "gated_tool"
            seen.append(args_of(end.asked[0])["amount"])
            end = await talk.answer(end.asked[0], APPROVE)
        return seen, end


def payer(**more: Any) -> Any:
    script = calls(("look_up", {"order": "a"}), ("refund", {"amount": 1}), ("refund", {"amount": 2}))
    return agent(script, AIMessage("Paid."), **more)


def below(*graphs: tuple[str, Any]) -> Any:
    """Agents as nodes, one behind the other, as a supervisor has them."""
    builder = StateGraph(MessagesState)
    before = START
    for name, graph in graphs:
        builder.add_node(name, graph)
        builder.add_edge(before, name)
        before = name
    return builder.compile()


def swarm() -> Any:
    """An agent that hands over to another one by a tool, as langgraph-swarm does it."""

    @tool
    def transfer_to_payer(call: Annotated[str, InjectedToolCallId]) -> Any:
        """Hand over."""
        done = ToolMessage("transferred", tool_call_id=call)
        return Command(goto="payer", graph=Command.PARENT, update={"messages": [done]})

    greeter = agent(calls(("transfer_to_payer", {}), first=20), tools=[transfer_to_payer])
    builder = StateGraph(MessagesState)
    builder.add_node("greeter", greeter, destinations=("payer",))
    builder.add_node("payer", payer())
    builder.add_edge(START, "greeter")
    return builder.compile()


def as_tool() -> Any:
    """An agent that is a tool of another one."""
    inner = payer()

    @tool
    async def delegate(task: str) -> str:
        """Let another agent do it."""
        return str((await inner.ainvoke({"messages": [("user", task)]}))["messages"][-1].content)

    return agent(calls(("delegate", {"task": "pay"}), first=30), DONE, tools=[delegate])


def as_sync_tool() -> Any:
    inner = payer()

    @tool
    def delegate(task: str) -> str:
        """Let another agent do it."""
        return str(inner.invoke({"messages": [("user", task)]})["messages"][-1].content)

    return agent(calls(("delegate", {"task": "pay"}), first=30), DONE, tools=[delegate])


def workflow() -> Any:
    """A workflow of the functional API."""

    @task
    def pay(amount: int) -> str:
        return str(refund.invoke({"amount": amount}))

    @entrypoint()
    def flow(_: Any) -> Any:
        look_up.invoke({"order": "a"})
        one, two = pay(1), pay(2)
        return said(one.result(), two.result())

    return flow


def async_workflow() -> Any:
    @task
    async def pay(amount: int) -> str:
        return str(await refund.ainvoke({"amount": amount}))

    @entrypoint()
    async def flow(_: Any) -> Any:
        await look_up.ainvoke({"order": "a"})
        return said(await pay(1), await pay(2))

    return flow


def fanned_out() -> Any:
    """Tasks made by Send, which call their tools without ids, two of them the same."""

    def start(state: Any) -> Any:  # noqa: ARG001 - LangGraph names it
        look_up.invoke({"order": "a"})
        return Command(goto=[Send("work", amount) for amount in (1, 2)])

    def work(state: Any) -> Any:
        return said(refund.invoke({"amount": state}))

    builder = StateGraph(MessagesState)
    builder.add_node("start", start, destinations=("work",))
    builder.add_node("work", work)
    builder.add_edge(START, "start")
    return builder.compile()


@pytest.mark.parametrize(
    "made",
    [
        payer,
        swarm,
        as_tool,
        as_sync_tool,
        workflow,
        async_workflow,
        fanned_out,
        lambda: below(("a", agent(DONE)), ("b", payer())),
    ],
    ids=["agent", "swarm", "as tool", "as sync tool", "workflow", "async workflow", "fanned out", "supervised"],
)
async def test_every_kind_of_graph_asks_about_each_call_and_does_it_once(made: Any) -> None:
    seen, end = await all_approved(made())
    assert sorted(seen) == [1, 2]
    assert not error_of(end)
    assert sorted(map(str, RAN)) == ["(1, 'EUR')", "(2, 'EUR')", "a"]


async def test_a_tool_of_an_mcp_server_is_gated_and_edited_by_its_json_schema() -> None:
    schema = {"type": "object", "properties": {"amount": {"type": "integer", "maximum": 9}}, "required": ["amount"]}

    async def call(amount: int) -> tuple[str, dict[str, Any]]:
        RAN.append(amount)
        return f"refunded {amount}", {"raw": amount}

    of_server = StructuredTool(
        name="refund_mcp", description="", args_schema=schema, coroutine=call, response_format="content_and_artifact"
    )
    graph = agent(calls(("refund_mcp", {"amount": 5})), DONE, tools=[of_server])
    async with talking(graph, **GATED) as talk:
        asked = await only(talk)
        assert talk.graphs.problems(AGENT, asked.ask, 0, edit({"amount": 10}))
        assert not (await talk.answer(asked, edit({"amount": 7}))).asked
        assert RAN == [7]


async def test_a_result_that_is_a_command_is_kept() -> None:
    @tool
    def refund_and_note(amount: int, call: Annotated[str, InjectedToolCallId]) -> Any:
        """Refund."""
        RAN.append(amount)
        return Command(update={"messages": [ToolMessage(f"noted {amount}", tool_call_id=call)]})

    builder = StateGraph(MessagesState)
    said = calls(("refund_and_note", {"amount": 1}), ("refund_and_note", {"amount": 2}))
    builder.add_node("model", lambda _: {"messages": [said]})
    builder.add_node("tools", ToolNode([refund_and_note]))
    builder.add_edge(START, "model")
    builder.add_edge("model", "tools")
    seen, end = await all_approved(builder.compile())
    assert (seen, RAN) == ([1, 2], [1, 2])
    assert end.reply
    assert end.reply.text == "noted 1\n\nnoted 2"


def swallowing(_: Any) -> Any:
    try:
        return said(refund.invoke({"amount": 1}))
    except Exception as error:  # noqa: BLE001 - as people write it
        return said(f"failed: {type(error).__name__}")


async def in_a_group(_: Any) -> Any:
    async with asyncio.TaskGroup() as group:
        made = [group.create_task(refund.ainvoke({"amount": amount})) for amount in (1, 2)]
    return said(*[each.result() for each in made])


@pytest.mark.parametrize("node", [swallowing, in_a_group])
async def test_a_question_that_a_node_swallows_is_told(node: Any) -> None:
    async with talking(by_itself(node), **GATED) as talk:
        assert "The tool refund was not run, and nobody was asked" in error_of(await talk.say())
        assert RAN == []


async def test_a_call_that_a_middleware_repeats_is_asked_about_each_time() -> None:
    tries = list[int]()

    @tool
    def refund_badly(amount: int) -> str:
        """Fail once."""
        tries.append(amount)
        if len(tries) == 1:
            raise ValueError("not now")
        return "done"

    retry = ToolRetryMiddleware(max_retries=2, initial_delay=0)
    graph = agent(calls(("refund_badly", {"amount": 1})), DONE, tools=[refund_badly], middleware=[retry])
    async with talking(graph, **GATED) as talk:
        end = await talk.answer(await only(talk), APPROVE)
        assert tries == [1]
        (again,) = end.asked
        end = await talk.answer(again, APPROVE)
        while end.asked:
            end = await talk.answer(end.asked[0], APPROVE)
        assert not error_of(end)
        assert len(tries) <= 3


async def test_a_call_that_comes_out_otherwise_each_time_stops_the_run() -> None:
    prices = iter(range(100, 200))

    def node(_: Any) -> Any:
        return said(refund.invoke({"amount": next(prices)}))

    async with talking(by_itself(node), **GATED) as talk:
        asked = await only(talk)
        for _ in range(3):
            (asked,) = (await talk.stale(asked, APPROVE)).result.asked
        stale = await talk.stale(asked, APPROVE)
        assert "it changed its request after each of 4 decisions (args.amount" in error_of(stale.result)
        assert RAN == []


async def test_sets_and_names_of_their_own_are_shown_in_one_way() -> None:
    def make() -> str:
        RAN.append("made")
        return "made"

    class Part(BaseModel):
        """A part."""

        named: int = Field(alias="theName")

    class Args(BaseModel):
        """Arguments."""

        amount: int
        part: Part
        tags: set[str] = Field(default_factory=set)
        made: str = Field(default_factory=make)

    def pay(**named: Any) -> str:
        RAN.append(named)
        return "done"

    named = StructuredTool.from_function(pay, name="refund_named", description="Refund.", args_schema=Args)
    args = {"amount": 5, "part": {"theName": 3}, "tags": [f"tag{n}" for n in range(20, 0, -1)]}
    async with talking(agent(calls(("refund_named", args)), DONE, tools=[named]), **GATED) as talk:
        asked = await only(talk)
        assert args_of(asked) == {"amount": 5, "part": {"theName": 3}, "tags": sorted(f"tag{n}" for n in range(1, 21))}
        assert not (await talk.answer(asked, edit({"amount": 6, "part": {"theName": 4}, "tags": ["a"]}))).asked
        ran = RAN[-1]
        assert (ran["amount"], ran["part"].named, ran["tags"]) == (6, 4, {"a"})


async def test_a_call_whose_result_cannot_be_kept_is_asked_about_again() -> None:
    @tool
    def refund_odd(amount: int) -> Any:
        """Give something that no checkpoint keeps."""
        RAN.append(amount)
        return lambda: amount

    def node(_: Any) -> Any:
        odd = refund_odd.invoke({"amount": 1})
        return said(odd(), refund.invoke({"amount": 2}))

    async with talking(by_itself(node), **GATED) as talk:
        (second,) = (await talk.answer(await only(talk), APPROVE)).asked
        assert args_of(second)["amount"] == 2
        (again,) = (await talk.answer(second, APPROVE)).asked
        assert isinstance(again.ask.payload, dict)
        assert (args_of(again), "starts" in again.ask.payload) == ({"amount": 1}, True)
        end = await talk.answer(again, APPROVE)
        assert RAN == [1, 1, (2, "EUR")]
        assert end.reply
        assert end.reply.text == "1 | refunded 2 EUR"


async def test_the_check_shows_the_card_of_each_gated_tool() -> None:
    graph = agent(DONE, tools=[refund, look_up, refund_asking])
    async with talking(graph, **GATED) as talk:
        rows = [each for each in talk.graphs.foreseen(AGENT) if each.node == "any step"]
        (card,) = [card for row in rows for card in row.cards]
        assert (card.subject, card.why) == ("refund", "gate_tools in app.yaml")
        assert [each.does for each in card.choices] == [
            "runs the tool call",
            "runs the tool call with the changed arguments",
            "does not run the tool call; the reason is its result",
        ]


async def test_calls_that_a_synchronous_node_of_tools_makes_in_threads_each_get_their_own_answer() -> None:
    def node(_: Any) -> Any:
        asked: list[tuple[str, dict[str, Any]]] = [
            ("refund", {"amount": 1}),
            ("look_up", {"order": "a"}),
            ("refund", {"amount": 2}),
            ("refund", {"amount": 1}),
        ]
        return tool_node(calls(*asked)).invoke({"messages": []})

    async with talking(by_itself(node), **GATED) as talk:
        end, seen = await talk.say(), list[Any]()
        while end.asked:
            (asked,) = end.asked
            seen.append(args_of(asked)["amount"])
            end = await talk.answer(asked, APPROVE if seen[-1] == 1 else REJECT)
        assert sorted(seen) == [1, 1, 2]
        assert sorted(RAN, key=str) == [(1, "EUR"), (1, "EUR"), "a"]


@pytest.mark.parametrize("asking", ["a gated call", "the node"])
async def test_a_call_in_a_thread_that_ends_after_another_asked_is_not_made_again(asking: str) -> None:
    others_asked = Event()

    @tool
    def look_up_slowly(order: str) -> str:
        """Look an order up."""
        RAN.append(order)
        assert others_asked.wait(20)
        return f"{order} is there"

    def node(_: Any) -> Any:
        with ContextThreadPoolExecutor() as pool:
            found = pool.submit(look_up_slowly.invoke, {"order": "a"})
            try:
                approved = refund.invoke({"amount": 1}) if asking == "a gated call" else interrupt("Publish it?")
            finally:
                others_asked.set()
        return said("published" if approved else "left", found.result())

    async with talking(by_itself(node), **GATED) as talk:
        end = await talk.answer(await only(talk), APPROVE)
        assert end.reply
        assert end.reply.text == "published | a is there"
        assert RAN.count("a") == 1


async def test_a_call_that_ends_after_its_node_has_asked_is_not_made_again() -> None:
    others_asked = asyncio.Event()

    @tool
    async def look_up_slowly(order: str) -> str:
        """Look an order up."""
        RAN.append(order)
        await asyncio.wait_for(others_asked.wait(), 20)
        return f"{order} is there"

    async def asking() -> Any:
        try:
            return await refund.ainvoke({"amount": 1})
        finally:
            others_asked.set()

    async def node(_: Any) -> Any:
        return said(*await asyncio.gather(look_up_slowly.ainvoke({"order": "a"}), asking()))

    async with talking(by_itself(node), **GATED) as talk:
        end = await talk.answer(await only(talk), APPROVE)
        assert end.reply
        assert end.reply.text == "a is there | refunded 1 EUR"
        assert RAN == ["a", (1, "EUR")]


async def test_a_call_with_an_id_that_comes_out_otherwise_is_asked_anew() -> None:
    rates = iter(range(1, 99))

    class Converting(AgentMiddleware):
        """Changes the arguments whenever the call is about to run."""

        async def awrap_tool_call(self, request: Any, handler: Any) -> Any:
            call = request.tool_call
            return await handler(request.override(tool_call={**call, "args": {"amount": next(rates)}}))

    graph = agent(calls(("refund", {"amount": 100})), DONE, middleware=[Converting()])
    async with talking(graph, **GATED) as talk:
        asked = await only(talk)
        assert args_of(asked)["amount"] == 1
        stale = await talk.stale(asked, APPROVE)
        (anew,) = stale.result.asked
        assert (args_of(anew)["amount"], anew.instead_of) == (2, asked.digest)
        assert RAN == []


@pytest.mark.promise("P5")
@pytest.mark.parametrize("node", [sync_invoke, arun_directly])
async def test_what_waits_is_decided_although_app_yaml_gates_it_no_more(node: Any) -> None:
    saver = InMemorySaver()
    async with talking(by_itself(node), saver, **GATED) as talk:
        asked = await only(talk)
    async with talking(by_itself(node), saver) as talk:
        (second,) = (await talk.answer(asked, REJECT)).asked  # the same tool, in the same step
        assert RAN == ["a"]
        end = await talk.answer(second, APPROVE)
        assert RAN == ["a", (2, "EUR")]
        assert end.reply
        assert "was not run" in end.reply.text
        assert not (await talk.say(key="another")).asked
        assert len(RAN) == 5
