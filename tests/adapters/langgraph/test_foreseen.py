"""Each interrupt that a graph's code shows is told of, with its card; what the code does not show is said."""

import re
import sysconfig
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any, Literal

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.language_models import FakeListChatModel
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import NodeInterrupt
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command, interrupt
from pydantic import BaseModel
from support.graph_talk import AGENT, APPROVE, talking

from adapters.langgraph.agents import AgentSpec
from adapters.langgraph.dialects import AnswerRule
from adapters.langgraph.in_process.graphs import LocalGraphs
from engine.asks.ask import Choice, KnownBy
from engine.asks.foreseen import Foreseen, Payload
from engine.ids import ChannelId, ThreadId, UserId
from engine.ports import Turn

pytestmark = pytest.mark.promise("P10")

DONE: list[Any] = []
A, E, R, W = Choice.APPROVE, Choice.EDIT, Choice.REJECT, Choice.ANSWER


async def foreseen(graph: Any, **more: Any) -> list[Foreseen]:
    async with talking(graph, reply="@", **more) as talk:
        return list(talk.graphs.foreseen(AGENT))


def graph_of(*nodes: Callable[..., Any], **compiled: Any) -> Any:
    builder = StateGraph(MessagesState)
    for each in nodes:
        builder.add_node(each)
    builder.add_edge(START, nodes[0].__name__)
    return builder.compile(**compiled)


async def only(*nodes: Callable[[Any], Any], **more: Any) -> Foreseen:
    (found,) = await foreseen(graph_of(*nodes), **more)
    return found


def sent(found: Foreseen) -> dict[Choice, Any]:
    (card,) = found.cards
    return {each.choice: each.sends["resume"] if each.sends is not None else None for each in card.choices}


# Code, schemas, rules -------------------------------------------------------------------------------------------------


def gate(_: Any) -> Command[Literal["ship", "keep"]]:
    if interrupt({"door": "north"}) == "no":
        return Command(goto="keep")
    return Command(goto="ship")


def ship(_: Any) -> None:
    DONE.append("north")


def keep(state: Any) -> None:  # noqa: ARG001 - LangGraph names it
    return None


async def test_a_proof_names_the_line_that_an_answer_takes() -> None:
    found = await only(gate, ship, keep)
    (card,) = found.cards
    approve, reject = card.choices
    first = gate.__code__.co_firstlineno
    assert (found.node, found.place, found.payload) == ("gate", f"test_foreseen.py:{first + 1}", Payload.KNOWN)
    assert card.known_by is KnownBy.CODE
    assert reject.proof == f"takes line {first + 2}, which returns goto=keep"
    assert approve.proof.startswith(f"takes line {first + 3}, which returns goto=ship; runs line ")
    assert approve.proof.endswith(': DONE.append("north")')


def pick(_: Any) -> Command[Literal["settle", "keep"]]:
    return Command(goto="settle" if interrupt({"door": "north"}) == "yes" else "keep")


def settle(state: Any) -> None:
    if state["messages"]:
        DONE.append("north")
    else:
        DONE.append("south")


async def test_a_proof_does_not_claim_that_one_of_two_ways_is_taken() -> None:
    """What the state holds decides which line runs, and the code does not show it."""
    found = await only(pick, settle, keep)
    line = settle.__code__.co_firstlineno
    approve = found.cards[0].choices[0]
    ways = f'may run line {line + 2}: DONE.append("north") or line {line + 4}: DONE.append("south")'
    assert approve.proof.endswith(ways)


class Booking(BaseModel):
    guests: int


def books(_: Any) -> None:
    DONE.append(interrupt({"question": "For whom?"}, response_schema=Booking))


def confirms(_: Any) -> None:
    DONE.append(interrupt("Sure?", response_schema={"type": "boolean"}))


async def test_a_response_schema_is_known_by_itself() -> None:
    found = await only(books)
    assert found.cards[0].known_by is KnownBy.SCHEMA
    assert (found.cards[0].is_question, sent(found)) == (True, {W: "$value"})
    assert sent(await only(confirms)) == {A: True, R: False}


async def test_a_rule_of_app_yaml_is_told_by_its_place() -> None:
    rules = (AnswerRule("other", {}, {A: {"resume": 1}}), AnswerRule("gate", {}, {A: {"resume": {"ok": "$user"}}}))
    found = await only(gate, ship, keep, answers=rules)
    assert (found.cards[0].known_by, found.cards[0].why) == (KnownBy.RULE, "answers[1] in app.yaml")
    assert sent(found) == {A: {"ok": "$user"}, R: None}


# Payloads that are made while the graph runs --------------------------------------------------------------------------


def made_by_helper(state: Any) -> None:
    DONE.append(interrupt(describe(state)))


def describe(state: Any) -> Any:
    return eval("dict(state)", {"state": state})  # noqa: S307 - stands for what cannot be read


def reviews(state: Any) -> None:
    reply = interrupt({"question": "Is this correct?", "tool_call": state["messages"][-1].tool_calls[0]})
    if reply[0] == "continue":
        DONE.append("call")
    elif reply[0] == "update":
        DONE.append(reply[1])


async def test_a_payload_that_the_code_does_not_show_is_said_to_be_so() -> None:
    found = await only(made_by_helper)
    assert found.payload is Payload.UNKNOWN
    assert found.place.startswith("test_foreseen.py:")
    assert {card.when for card in found.cards} <= {"", "the payload is a text", "the payload is an object"}


async def test_where_the_payload_decides_each_card_says_when_it_is_shown() -> None:
    found = await only(reviews)
    assert found.payload is Payload.PARTLY
    shown = {card.when: card for card in found.cards}
    assert all(when in ("", "tool_call is a text", "tool_call is an object") for when in shown)
    assert len(shown) == len(found.cards)


def judged(_: Any) -> None:
    if eval("said == 'go'", {"said": interrupt({"door": "north"})}):  # noqa: S307 - likewise
        DONE.append("north")


async def test_an_unknown_one_comes_with_an_entry_and_nothing_else_does() -> None:
    found = await only(judged)
    assert not found.is_known
    assert found.entry.startswith("- when: {node: judged}\n  approve: {resume: $FILL_IN}\n")
    assert (await only(gate, ship, keep)).entry == ""


# Libraries ------------------------------------------------------------------------------------------------------------


def inbox(_: Any) -> None:
    config = {"allow_accept": True, "allow_edit": False, "allow_ignore": True, "allow_respond": False}
    reply = interrupt([{"action_request": {"action": "book", "args": {"city": "Rome"}}, "config": config}])
    if reply[0]["type"] == "accept":
        DONE.append("Rome")


async def test_agent_inbox_is_known_by_the_library() -> None:
    found = await only(inbox)
    assert (found.cards[0].known_by, found.cards[0].why) == (KnownBy.LIBRARY, "Agent Inbox")
    assert {*sent(found)} == {A, R}
    assert sent(found)[A] == [{"type": "accept", "args": None}]


@tool
def wipe(path: str) -> str:
    """Wipe a path."""
    return path


@tool
def look(path: str) -> str:
    """Look at a path."""
    return path


@pytest.mark.parametrize("mode", ["batched", "per_call"])
async def test_the_middleware_of_langchain_is_told_by_its_own_configuration(mode: Any) -> None:
    gates = HumanInTheLoopMiddleware(
        {"wipe": {"allowed_decisions": ["approve", "reject"]}, "look": True}, interrupt_mode=mode
    )
    agent = create_agent(FakeListChatModel(responses=["x"]), [wipe, look], middleware=[gates])
    (found,) = await foreseen(agent)
    assert found.node == ("tools" if mode == "per_call" else "HumanInTheLoopMiddleware.after_model")
    first, second = found.cards
    assert (first.subject, first.known_by) == ("wipe", KnownBy.LIBRARY)
    assert [each.choice for each in first.choices] == [A, R]
    assert (second.subject, [each.choice for each in second.choices]) == ("look", [A, E, R, W])
    alone = {"type": "approve"}
    assert first.choices[0].sends == {"resume": alone if mode == "per_call" else {"decisions": [alone]}}


async def test_a_tool_that_asks_for_itself_is_told_under_its_node() -> None:
    @tool
    def erase(path: str) -> str:
        """Erase a path."""
        if interrupt({"tool": "erase", "path": path}) != "yes":
            return "kept"
        DONE.append(path)
        return "erased"

    builder = StateGraph(MessagesState)
    builder.add_node("tools", ToolNode([erase]))
    builder.add_edge(START, "tools")
    (found,) = await foreseen(builder.compile())
    assert (found.node, found.payload) == ("tools", Payload.PARTLY)
    assert sent(found)[A] == "yes"


@tool
def pay(amount: int) -> str:
    """Pay an amount."""
    if interrupt({"question": "Pay?", "amount": amount}):
        DONE.append(amount)
        return "paid"
    return "not paid"


TOOLS = [pay]


class Model(FakeListChatModel):
    def bind_tools(self, tools: Any, **_: Any) -> Any:
        return self.bind(tools=tools)


MODEL = Model(responses=["x"])


async def test_a_tool_asks_where_it_runs_and_not_where_a_model_is_told_of_it() -> None:
    def call_model(state: Any) -> Any:
        return {"messages": [MODEL.bind_tools(TOOLS).invoke(state["messages"])]}

    builder = StateGraph(MessagesState)
    builder.add_node(call_model)
    builder.add_node("tools", ToolNode(TOOLS))
    builder.add_edge(START, "call_model").add_edge("call_model", "tools")
    for graph in (builder.compile(), create_agent(MODEL, TOOLS)):
        (found,) = await foreseen(graph)
        assert (found.node, found.is_known) == ("tools", True)


async def test_what_a_node_calls_to_give_its_tools_to_a_model_is_looked_into() -> None:
    def tools_of(state: Any) -> Any:
        return interrupt({"which": state})

    def call_model(state: Any) -> Any:
        return MODEL.bind_tools(tools_of(state)).invoke(state["messages"])

    assert (await only(call_model)).node == "call_model"


async def test_a_graph_that_a_library_calls_in_a_node_is_read_as_a_graph_below_it() -> None:
    def gate(_: Any) -> None:
        if interrupt({"question": "Ship?"}):
            DONE.append("shipped")

    source = "def wrapped(agent):\n    def call(state):\n        return agent.invoke(state)\n    return call"
    builder = StateGraph(MessagesState)
    builder.add_node("agent", compiled_in_a_library(source, "wrapped")(graph_of(gate)))
    builder.add_edge(START, "agent")
    async with talking(builder.compile(), reply="@") as talk:
        (found,) = talk.graphs.foreseen(AGENT)
        assert (found.node, sent(found)) == ("agent", {A: True, R: False})
        (asked,) = (await talk.say()).asked
        assert asked.ask.actions[0].choices == (A, R)
        await talk.answer(asked, APPROVE)
    assert DONE[-1] == "shipped"


def compiled_in_a_library(source: str, name: str) -> FunctionType:
    names: dict[str, Any] = {"interrupt": interrupt, "__name__": "some_library"}
    exec(compile(source, f"{sysconfig.get_path('purelib')}/some_library/gate.py", "exec"), names)  # noqa: S102 - a library
    made: FunctionType = names[name]
    return made


async def test_a_library_that_asks_is_told_of_although_its_code_is_not_read() -> None:
    library = compiled_in_a_library("\n\ndef library_gate(state):\n    interrupt({'sure': state})\n", "library_gate")
    found = await only(library)
    assert (found.node, found.place, found.cards) == ("library_gate", "gate.py:4", ())
    assert found.note == "a library asks here, and makes its request at run time"
    assert not found.is_known

    def calls_it(state: Any) -> None:
        library(state)

    assert (await only(calls_it)).place == "gate.py:4"


# Code that is not followed --------------------------------------------------------------------------------------------


def by_name(state: Any) -> None:
    HANDLERS[state["messages"][-1].text](state)


def asks_behind_a_table(_: Any) -> None:
    DONE.append(interrupt("Which one?"))


HANDLERS: dict[str, Callable[[Any], None]] = {"ask": asks_behind_a_table}


class Desk:
    def run(self, state: Any) -> None:
        getattr(self, state["messages"][-1].text)(state)

    def wait(self, _: Any) -> None:
        return self._ask()

    def _ask(self) -> None:
        interrupt("Which one?")


@pytest.mark.parametrize("node", [by_name, Desk().wait])
async def test_an_interrupt_that_the_reader_did_not_come_to_is_told_all_the_same(node: Any) -> None:
    builder = StateGraph(MessagesState)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    (found,) = await foreseen(builder.compile())
    assert found.place.startswith("test_foreseen.py:")


async def test_what_a_graph_asks_that_a_node_calls_is_told_of() -> None:
    inner = graph_of(asks_behind_a_table)

    def calls(state: Any) -> None:
        inner.invoke(state)

    found = await only(calls)
    assert (found.node, found.cards) == ("calls", ())
    assert "could not be followed" in found.note
    assert found.entry.startswith('- when: {node: "calls*"}')


async def test_an_entry_for_its_node_makes_known_what_could_not_be_followed() -> None:
    inner = graph_of(asks_behind_a_table)

    def calls(state: Any) -> None:
        inner.invoke(state)

    rules = (AnswerRule("calls*", {"stage": "two"}, {A: {"resume": "go"}}),)
    found = await only(calls, answers=rules)
    assert found.is_known
    assert found.entry == ""
    assert found.cards[0].why == "answers[0] in app.yaml"
    assert sent(found) == {A: "go", R: None}


# Breakpoints ----------------------------------------------------------------------------------------------------------


async def test_breakpoints_are_told_with_what_each_choice_does() -> None:
    builder = StateGraph(MessagesState)
    builder.add_node("tools", ToolNode([wipe]))
    builder.add_node(keep)
    builder.add_edge(START, "tools")
    graph = builder.compile(interrupt_before=["tools"])
    tools, after = await foreseen(graph, interrupt_after=("keep",))
    assert (tools.node, tools.note) == ("tools", "a breakpoint before it")
    assert next((each.choice, each.does) for each in tools.cards[0].choices) == (A, "runs the tool call")
    assert (after.node, after.note) == ("keep", "a breakpoint after it")
    assert after.cards[0].title == 'Go on after the step "keep"?'
    assert all(each.sends is None and each.does for row in (tools, after) for each in row.cards[0].choices)
    assert tools.is_known
    assert after.is_known


async def test_a_node_that_stops_itself_is_told_of() -> None:
    def stops(_: Any) -> None:
        raise NodeInterrupt("too long")

    found = await only(stops)
    assert (found.node, found.note) == ("stops", "NodeInterrupt, which is deprecated")
    assert found.place.startswith("test_foreseen.py:")
    assert found.cards[0].choices[0].does == "runs the step again"


# As it is while the bot runs ------------------------------------------------------------------------------------------

CONVENTIONS = Path(__file__).parents[2] / "conventions" / "graphs"
NAMES = sorted(re.findall(r'^    "(\w+)": _m\(', (CONVENTIONS / "sample.py").read_text(), re.MULTILINE))


@pytest.mark.parametrize("name", NAMES)
async def test_the_card_is_the_one_that_people_get(name: str) -> None:
    graphs = await LocalGraphs.open({AGENT: AgentSpec(f"sample.py:{name}", CONVENTIONS)}, InMemorySaver())
    try:
        cards = [card for row in graphs.foreseen(AGENT) for card in row.cards]
        turn = Turn(ThreadId("T:C:1"), AGENT, "turn", "go", UserId("U1"), ChannelId("C1"))
        (asked,) = (await graphs.start(turn, fence=1)).asked
    finally:
        await graphs.aclose()
    offered: list[tuple[Choice, str]] = [
        (each, "") for each in asked.ask.actions[0].choices if each is not Choice.OPTION
    ]
    offered += [(Choice.OPTION, each.word) for each in asked.ask.actions[0].options]
    told = [
        [(each.choice, each.word if each.choice is Choice.OPTION else "") for each in card.choices]
        for card in cards
        if (card.kind, card.known_by, card.is_question) == (asked.ask.kind, asked.ask.known_by, asked.ask.is_question)
    ]
    assert sorted(offered) in [sorted(each) for each in told]
    if len(cards) == 1 and isinstance(asked.ask.encoding, dict):
        sends = {each.choice.value: each.sends for each in cards[0].choices if each.sends and not each.word}
        encoded = {choice: parts for choice, parts in asked.ask.encoding.items() if isinstance(parts, dict)}
        assert all(encoded[choice]["resume"] == parts["resume"] for choice, parts in sends.items())
