"""Static breakpoints: nothing runs past one without its decision (P3), and what was shown is what runs (P4)."""

import operator
from collections.abc import Callable
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import NodeInterrupt
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import Send, interrupt
from support.graph_talk import AGENT, APPROVE, REJECT, SKIP, Talk, edit, error_of, halt_of, payloads, talking, words

from adapters.langgraph.dialects import AnswerRule
from adapters.langgraph.loading.exports import LoadError
from engine.asks.ask import Choice, Kind
from engine.ids import UserId
from engine.ports import Asked, Held, Resumed, RunResult, Stale, TimeTravelRun, WaitsForAnswerError


class State(TypedDict, total=False):
    log: Annotated[list[Any], operator.add]
    env: str


def step(name: str) -> Callable[..., State]:
    def node(state: State) -> State:
        return {"log": [f"{name} {state.get('env', '')}".strip()]}

    return node


def chain(*names: str, **more: Callable[..., Any]) -> StateGraph[Any, Any, Any, Any]:
    builder = StateGraph(State)
    for name in names:
        builder.add_node(name, more.get(name) or step(name))
    for before, after in zip((START, *names), (*names, END), strict=True):
        builder.add_edge(before, after)
    return builder


async def state_of(talk: Talk) -> dict[str, Any]:
    graph = next(iter(talk.graphs._agents.values())).graph
    return dict((await graph.aget_state({"configurable": {"thread_id": talk.thread}})).values)


async def ran(talk: Talk) -> list[Any]:
    return list((await state_of(talk)).get("log", []))


def nodes(asked: Asked) -> list[str]:
    payload = asked.ask.payload
    assert isinstance(payload, dict)
    return list(payload["next"])  # type: ignore[arg-type]


FED: dict[str, Any] = {"input": {"env": "$text"}, "reply": "log[-1]"}


# Where it stands ------------------------------------------------------------------------------------------------------


@pytest.mark.promise("P3")
@pytest.mark.parametrize("when", ["compiled", "run time"])
async def test_nothing_runs_past_a_breakpoint_without_its_decision(when: str) -> None:
    graph: Any = chain("plan", "deploy", "tell")
    more: dict[str, Any] = {"interrupt_before": ("deploy",)} if when == "run time" else {}
    if when == "compiled":
        graph = graph.compile(interrupt_before=["deploy"])
    async with talking(graph, **FED, **more) as talk:
        halt = halt_of(await talk.say("prod", key="k"))
        assert (halt.ask.kind, nodes(halt)) == (Kind.BREAKPOINT, ["deploy"])
        assert halt.ask.actions[0].value == {"env": "prod", "log": ["plan prod"]}
        assert halt.ask.actions[0].choices == (Choice.APPROVE, Choice.EDIT, Choice.SKIP, Choice.REJECT)
        for _ in range(2):  # a redelivered turn, a sweep
            assert halt_of(await talk.say("prod", key="k")) == halt
            assert halt_of(await talk.settle()) == halt
        assert await ran(talk) == ["plan prod"]
        end = await talk.answer(halt, APPROVE)
        assert (end.asked, end.reply and end.reply.text) == ((), "tell prod")
        assert await ran(talk) == ["plan prod", "deploy prod", "tell prod"]


@pytest.mark.parametrize("at", ["first", "loop", "both sides"])
async def test_each_breakpoint_is_decided_for_itself(at: str) -> None:
    names = {"first": ("plan", "deploy"), "loop": ("plan", "plan2"), "both sides": ("plan", "deploy")}[at]
    before = {"first": ("plan",), "loop": ("plan", "plan2"), "both sides": ("deploy",)}[at]
    after = ("deploy",) if at == "both sides" else ()
    async with talking(chain(*names, "tell"), **FED, interrupt_before=before, interrupt_after=after) as talk:
        halt = halt_of(await talk.say("x"))
        assert nodes(halt) == [before[0]]
        result = await talk.answer(halt, APPROVE)
        if at == "first":
            assert result.asked == ()
        else:
            second = halt_of(result)
            assert nodes(second) == [{"loop": "plan2", "both sides": "tell"}[at]]
            assert second.interrupt != halt.interrupt
            assert (await talk.answer(second, APPROVE)).asked == ()
        assert [each.split()[0] for each in await ran(talk)] == [*names, "tell"]


async def test_a_breakpoint_after_a_node_stands_before_what_follows() -> None:
    async with talking(chain("plan", "deploy").compile(interrupt_after=["plan"]), **FED) as talk:
        halt = halt_of(await talk.say("x"))
        assert nodes(halt) == ["deploy"]
        assert await ran(talk) == ["plan x"]
        await talk.answer(halt, APPROVE)
        assert await ran(talk) == ["plan x", "deploy x"]


async def test_a_graph_below_has_breakpoints_of_its_own() -> None:
    inner = chain("fetch", "wipe").compile(interrupt_before=["wipe"])
    outer = StateGraph(State)
    outer.add_node("clean", inner)
    outer.add_node("tell", step("tell"))
    outer.add_edge(START, "clean")
    outer.add_edge("clean", "tell")
    async with talking(outer, **FED) as talk:
        halt = halt_of(await talk.say("x"))
        assert nodes(halt) == ["clean/wipe"]
        assert halt_of(await talk.settle()) == halt
        changed = {**halt.ask.actions[0].value, "env": "y"}  # type: ignore[dict-item]
        await talk.answer(halt, edit(changed))
        assert [each for each in await ran(talk) if "wipe" in each] == ["wipe y"]


async def test_an_unknown_node_is_refused_when_the_graph_is_loaded() -> None:
    with pytest.raises(LoadError, match=r'no node "deply" for a breakpoint\. The graph has: deploy, plan'):
        async with talking(chain("plan", "deploy"), interrupt_before=("deply",)):
            raise AssertionError("loaded")


async def test_new_input_waits_for_the_decision() -> None:
    async with talking(chain("plan", "deploy"), **FED, interrupt_before=("deploy",)) as talk:
        halt = halt_of(await talk.say("x"))
        with pytest.raises(WaitsForAnswerError):
            await talk.say("y")
        assert halt_of(await talk.say("y", voids=frozenset({halt.interrupt}))).interrupt != halt.interrupt


# What follows from a decision -----------------------------------------------------------------------------------------


@pytest.mark.promise("P4")
async def test_an_edit_puts_what_was_shown_in_the_states_place_and_goes_on() -> None:
    async with talking(chain("plan", "deploy"), **FED, interrupt_before=("deploy",)) as talk:
        halt = halt_of(await talk.say("prod"))
        await talk.answer(halt, edit({"env": "staging", "log": ["planned by hand"]}))
        assert await ran(talk) == ["planned by hand", "deploy staging"]


async def test_skipping_goes_past_the_node_alone() -> None:
    async with talking(chain("plan", "deploy", "tell"), **FED, interrupt_before=("deploy", "tell")) as talk:
        second = halt_of(await talk.answer(halt_of(await talk.say("x")), SKIP))
        assert nodes(second) == ["tell"]
        assert await ran(talk) == ["plan x"]
        await talk.answer(second, SKIP)
        assert await ran(talk) == ["plan x"]


async def test_stopping_runs_nothing_and_the_next_message_begins_anew() -> None:
    async with talking(chain("plan", "deploy"), **FED, interrupt_before=("deploy",)) as talk:
        halt = halt_of(await talk.say("x"))
        stopped = await talk.answer(halt, REJECT)
        assert halt_of(stopped) == halt
        assert await ran(talk) == ["plan x"]
        again = halt_of(await talk.say("y", voids=frozenset({halt.interrupt})))
        assert again.interrupt != halt.interrupt
        assert await ran(talk) == ["plan x", "plan y"]


@pytest.mark.promise("P3")
@pytest.mark.parametrize("decision", [APPROVE, SKIP, edit({"env": "y", "log": ["plan x"]})], ids=["go", "skip", "edit"])
async def test_a_decision_delivered_again_lets_nothing_else_past(decision: Any) -> None:
    async with talking(chain("plan", "deploy", "tell"), **FED, interrupt_before=("deploy", "tell")) as talk:
        halt = halt_of(await talk.say("x"))
        first = halt_of(await talk.answer(halt, decision))
        for _ in range(2):
            assert halt_of(await talk.answer(halt, decision)) == first
        assert nodes(first) == ["tell"]
        assert [each for each in await ran(talk) if each.startswith("tell")] == []


class Dies(Exception):  # noqa: N818 - it is no error of the bot's
    """The process is killed."""


class DyingSaver(InMemorySaver):
    """Dies after a number of checkpoints."""

    left = 1_000

    async def aput(self, *args: Any, **more: Any) -> Any:
        done = await super().aput(*args, **more)
        self.left -= 1
        if self.left == 0:
            raise Dies
        return done


@pytest.mark.promise("P3")
@pytest.mark.parametrize("left", [1, 2, 3, 4])
@pytest.mark.parametrize("decision", [SKIP, edit({"env": "y", "log": ["plan x"]})], ids=["skip", "edit"])
async def test_an_update_is_made_once_wherever_the_process_dies(decision: Any, left: int) -> None:
    saver = DyingSaver()
    graph = chain("plan", "deploy", "tell", "end")
    async with talking(graph, saver, **FED, interrupt_before=("deploy", "end"), infrastructure=(Dies,)) as talk:
        halt = halt_of(await talk.say("x"))
        saver.left = left
        try:
            await talk.answer(halt, decision)
        except Dies:
            saver.left = 1_000
            await talk.answer(halt, decision)
        saver.left = 1_000
        env = "x" if decision is SKIP else "y"
        deployed = [] if decision is SKIP else [f"deploy {env}"]
        assert await ran(talk) == ["plan x", *deployed, f"tell {env}"]
        assert nodes(halt_of(await talk.settle())) == ["end"]


@pytest.mark.promise("P4")
async def test_an_edit_that_leads_elsewhere_is_asked_about_there() -> None:
    builder = StateGraph(State)
    for name in ("plan", "deploy", "wipe"):
        builder.add_node(name, step(name))
    builder.add_edge(START, "plan")
    builder.add_conditional_edges("plan", lambda state: "wipe" if state["env"] == "y" else "deploy", ["deploy", "wipe"])
    async with talking(builder, **FED, interrupt_before=("deploy", "wipe")) as talk:
        halt = halt_of(await talk.say("x"))
        other = halt_of(await talk.answer(halt, edit({"env": "y", "log": ["plan x"]})))
        assert nodes(other) == ["wipe"], "nobody let it wipe"
        await talk.answer(other, APPROVE)
        assert await ran(talk) == ["plan x", "wipe y"]


@pytest.mark.promise("P4")
async def test_a_state_that_changed_meanwhile_is_asked_again() -> None:
    async with talking(chain("plan", "deploy"), **FED, interrupt_before=("deploy",)) as talk:
        halt = halt_of(await talk.say("x"))
        graph = next(iter(talk.graphs._agents.values())).graph
        await graph.aupdate_state({"configurable": {"thread_id": talk.thread}}, {"env": "elsewhere"})
        stale = await talk.stale(halt, APPROVE)
        assert halt_of(stale.result).ask.actions[0].value == {"env": "elsewhere", "log": ["plan x"]}
        assert await ran(talk) == ["plan x"]


GATES = pytest.mark.parametrize("gate", [{"interrupt_before": ("deploy",)}, {"interrupt_after": ("plan",)}], ids=str)


@pytest.mark.promise("P3")
@pytest.mark.parametrize("edits", [None, {"env": "elsewhere"}], ids=["as it was", "edited"])
@GATES
async def test_back_at_a_breakpoint_that_was_rejected_people_are_asked_again(gate: Any, edits: Any) -> None:
    async with talking(chain("plan", "deploy"), **FED, **gate) as talk:
        halt = halt_of(await talk.say("x"))
        await talk.answer(halt, REJECT)
        target = next(each for each in await talk.graphs.snapshots(talk.thread, AGENT, 20) if each.next == ("deploy",))
        request = TimeTravelRun(talk.thread, AGENT, target.checkpoint, edits, "branch", UserId("U1"))
        back = await talk.graphs.time_travel(request, fence=1)
        assert isinstance(back, RunResult)
        again = halt_of(back)
        assert again.interrupt != halt.interrupt
        assert await ran(talk) == ["plan x"]
        await talk.answer(again, APPROVE)
        assert await ran(talk) == ["plan x", "deploy elsewhere" if edits else "deploy x"]


@pytest.mark.promise("P3")
@GATES
async def test_an_update_by_another_process_does_not_pass_a_breakpoint(gate: Any) -> None:
    async with talking(chain("plan", "deploy"), **FED, **gate) as talk:
        halt = halt_of(await talk.say("x"))
        graph = next(iter(talk.graphs._agents.values())).graph
        for env in ("y", "z"):
            await graph.aupdate_state({"configurable": {"thread_id": talk.thread}}, {"env": env})
        again = halt_of(await talk.settle())
        assert again.interrupt != halt.interrupt
        assert await ran(talk) == ["plan x"]
        assert halt_of((await talk.stale(halt, APPROVE)).result) == again
        await talk.answer(again, APPROVE)
        assert await ran(talk) == ["plan x", "deploy z"]


async def test_a_failure_behind_a_breakpoint_is_told_and_run_again_without_asking_twice() -> None:
    broken = {"deploy"}

    def deploy(_: State) -> State:
        if broken:
            raise RuntimeError("no route")
        return {"log": ["deployed"]}

    graph = chain("plan", "deploy", deploy=deploy)
    async with talking(graph, **FED, interrupt_before=("deploy",)) as talk:
        halt = halt_of(await talk.say("x"))
        failed = await talk.answer(halt, APPROVE)
        assert "no route" in error_of(failed)
        failure = halt_of(failed)
        assert error_of(await talk.answer(halt, APPROVE)), "delivered again, it has begun"
        broken.clear()
        assert (await talk.answer(failure, APPROVE)).asked == ()
        assert await ran(talk) == ["plan x", "deployed"]


# Beside questions -----------------------------------------------------------------------------------------------------


@pytest.mark.promise("P3")
async def test_an_answer_beside_a_breakpoint_waits_for_it() -> None:
    def ask(state: State) -> State:  # noqa: ARG001 - LangGraph names it
        return {"log": [interrupt({"question": "Sure?"})]}

    inner = chain("fetch", "wipe").compile(interrupt_before=["wipe"])
    builder = StateGraph(State)
    builder.add_node("ask", ask)
    builder.add_node("clean", inner)
    builder.add_edge(START, "ask")
    builder.add_edge(START, "clean")
    async with talking(builder, **FED) as talk:
        result = await talk.say("x")
        halt = halt_of(result)
        assert not result.complete, "the question beside it is not withdrawn"
        graph = next(iter(talk.graphs._agents.values())).graph
        snapshot = await graph.aget_state({"configurable": {"thread_id": talk.thread}})
        (waiting,) = snapshot.interrupts
        asked = Asked(waiting.id, halt.ask, "digest")
        held = await talk.deliver(Asked(asked.interrupt, _question(), ""), APPROVE)
        assert isinstance(held, Held)
        assert not any("wipe" in str(each) for each in await ran(talk))
        result = await talk.answer(halt, APPROVE)
        (question,) = result.asked
        assert payloads(result) == [{"question": "Sure?"}]
        await talk.answer(question, APPROVE)
        assert True in await ran(talk)


def _question() -> Any:
    from adapters.langgraph.dialects import Question, read  # noqa: PLC0415 - only here

    return read(Question({"question": "Sure?"}))


# Tools ----------------------------------------------------------------------------------------------------------------

calls: list[str] = []


@tool
def delete(path: str, force: bool = False) -> str:  # noqa: FBT001, FBT002 - a tool's argument
    """Delete a file."""
    calls.append(f"delete {path} {force}")
    return f"deleted {path}"


def model_of(*said: AIMessage) -> Any:
    return GenericFakeChatModel(messages=iter(said))


def call(number: int, path: str) -> Any:
    return {"id": f"call-{number}", "name": "delete", "args": {"path": path}}


def agent_of(*tool_calls: Any) -> StateGraph[Any, Any, Any, Any]:
    model = model_of(AIMessage("", id="ai-1", tool_calls=list(tool_calls)), AIMessage("All done.", id="ai-2"))

    async def think(state: MessagesState) -> MessagesState:
        return {"messages": [await model.ainvoke(state["messages"])]}

    builder = StateGraph(MessagesState)
    builder.add_node("think", think)
    builder.add_node("tools", ToolNode([delete]))
    builder.add_edge(START, "think")
    builder.add_conditional_edges("think", tools_condition)
    builder.add_edge("tools", "think")
    return builder


def sending_agent(*tool_calls: Any) -> StateGraph[Any, Any, Any, Any]:
    """As prebuilt agents do: a task for each call."""
    from langchain.agents import create_agent  # noqa: PLC0415 - slow to import

    model = model_of(AIMessage("", id="ai-1", tool_calls=list(tool_calls)), AIMessage("All done.", id="ai-2"))

    class Model(GenericFakeChatModel):
        def bind_tools(self, *_: Any, **__: Any) -> Any:
            return self

    agent: Any = create_agent(Model(messages=model.messages), tools=[delete])
    return agent  # type: ignore[no-any-return]


@pytest.mark.promise("P4")
@pytest.mark.parametrize("make", [agent_of, sending_agent], ids=["plain", "sent"])
async def test_a_breakpoint_before_tools_gates_each_call(make: Any) -> None:
    calls.clear()
    async with talking(make(call(1, "a"), call(2, "b"), call(3, "c")), interrupt_before=("tools",)) as talk:
        halt = halt_of(await talk.say("clean up"))
        assert halt.ask.kind is Kind.TOOL_CALL
        assert [(each.name, each.value) for each in halt.ask.actions] == [
            ("delete", {"path": path}) for path in ("a", "b", "c")
        ]
        assert "force" in str(halt.ask.actions[0].schema), "the form is of the tool's own arguments"
        no = REJECT.__class__(Choice.REJECT, text="keep b")
        end = await talk.answer(halt, APPROVE, no, edit({"path": "d", "force": True}))
        assert end.asked == ()
        assert end.reply is not None
        assert end.reply.text == "All done."
        assert sorted(calls) == ["delete a False", "delete d True"]
        messages = (await state_of(talk))["messages"]
        answered: set[str | None] = set()
        for position, message in enumerate(messages):
            if isinstance(message, AIMessage) and message.tool_calls:
                wanted = {each["id"] for each in message.tool_calls}
                given = {
                    each.tool_call_id
                    for each in messages[position + 1 : position + 1 + len(wanted)]
                    if isinstance(each, ToolMessage)
                }
                assert wanted == given, "each call is answered right behind the message that makes it"
                answered |= wanted
        assert answered == {"call-1", "call-2", "call-3"}
        (refusal,) = [each for each in messages if isinstance(each, ToolMessage) and each.tool_call_id == "call-2"]
        assert (refusal.content, refusal.status) == ("keep b", "error")
        assert isinstance(messages[0], HumanMessage)


@pytest.mark.parametrize("make", [agent_of, sending_agent], ids=["plain", "sent"])
@pytest.mark.parametrize("choice", ["all", "none"])
async def test_all_calls_may_run_or_none(make: Any, choice: str) -> None:
    calls.clear()
    async with talking(make(call(1, "a"), call(2, "b")), interrupt_before=("tools",)) as talk:
        halt = halt_of(await talk.say("clean up"))
        decision = APPROVE if choice == "all" else REJECT
        end = await talk.answer(halt, decision, decision)
        assert end.reply is not None
        assert end.reply.text == "All done."
        assert sorted(calls) == (["delete a False", "delete b False"] if choice == "all" else [])
        again = await talk.deliver(halt, decision, decision)
        assert isinstance(again, Resumed | Stale)
        assert len(calls) == (2 if choice == "all" else 0)


# A fan-out ------------------------------------------------------------------------------------------------------------


async def test_a_fan_out_waits_as_one() -> None:
    builder = StateGraph(State)
    builder.add_node("plan", step("plan"))
    builder.add_node("work", lambda each: {"log": [f"work {each['n']}"]})
    builder.add_edge(START, "plan")
    builder.add_conditional_edges("plan", lambda _: [Send("work", {"n": n}) for n in range(3)], ["work"])
    async with talking(builder, **FED, interrupt_before=("work",)) as talk:
        halt = halt_of(await talk.say("x"))
        assert nodes(halt) == ["work"]
        await talk.answer(halt, APPROVE)
        assert sorted(await ran(talk)) == ["plan x", "work 0", "work 1", "work 2"]


# NodeInterrupt --------------------------------------------------------------------------------------------------------


def too_long(state: State) -> State:
    if len(state.get("env", "")) > 3:
        with pytest.warns(DeprecationWarning, match="NodeInterrupt"):
            error = NodeInterrupt(f"{state['env']} is too long")
        raise error
    return {"log": [f"named {state['env']}"]}


@pytest.mark.parametrize("way", ["edit", "skip", "again", "stop"])
async def test_a_node_interrupt_ends_when_its_condition_does(way: str) -> None:
    async with talking(chain("name", "tell", name=too_long), **FED) as talk:
        halt = halt_of(await talk.say("production"))
        assert halt.ask.prompt == "name stopped: production is too long"
        match way:
            case "edit":
                await talk.answer(halt, edit({"env": "prd", "log": []}))
                assert await ran(talk) == ["named prd", "tell prd"]
            case "skip":
                await talk.answer(halt, SKIP)
                assert await ran(talk) == ["tell production"]
            case "again":
                assert halt_of(await talk.answer(halt, APPROVE)).ask.prompt == halt.ask.prompt
            case _:
                assert halt_of(await talk.answer(halt, REJECT)) == halt
                assert await ran(talk) == []


# Input as a node ------------------------------------------------------------------------------------------------------


async def test_words_become_the_input_of_a_node() -> None:
    rule = AnswerRule(
        "human_input", {}, {Choice.ANSWER: {"update": {"env": "$text"}, "as_node": "human_input"}}, "What should it be?"
    )
    graph = chain("plan", "human_input", "tell", human_input=lambda _: {"log": ["never"]})
    async with talking(graph, **FED, interrupt_before=("human_input",), answers=(rule,)) as talk:
        asked = halt_of(await talk.say("x"))
        assert (asked.ask.kind, asked.ask.prompt) == (Kind.QUESTION, "What should it be?")
        end = await talk.answer(asked, words("blue"))
        assert end.reply is not None
        assert end.reply.text == "tell blue"
        assert await ran(talk) == ["plan x", "tell blue"]
