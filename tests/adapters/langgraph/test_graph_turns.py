"""A turn is fed once, a run that died goes on, nothing is lost and nothing is said twice."""

import asyncio
import contextlib
import operator
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, ParamSpec, TypedDict, TypeVar

import pytest
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.runtime import Runtime
from langgraph.types import interrupt
from support.graph_talk import AGENT, APPROVE, REJECT, Talk, error_of, halt_of, payloads, talking, words

from adapters.langgraph import sentences
from bot.runtime import loop
from engine.ids import ThreadId
from engine.ports import Answer, Resumed, WaitsForAnswerError


class Lost(Exception):  # noqa: N818 - it stands for any error of a client's library
    """The saver's own error: the connection, or a fence."""


class DyingSaver(InMemorySaver):
    """Loses its connection at the write of a given number, before or after that is done, and comes back."""

    def __init__(self) -> None:
        super().__init__()
        self.puts = 0
        self.dies_at = -1
        self.after = False

    async def _dying(self, write: Callable[[], Any]) -> Any:
        self.puts += 1
        dies = self.puts == self.dies_at
        if dies and not self.after:
            raise Lost
        written = await write()
        if dies:
            raise Lost
        return written

    async def aput(self, *args: Any, **more: Any) -> Any:
        return await self._dying(lambda: InMemorySaver.aput(self, *args, **more))

    async def aput_writes(self, *args: Any, **more: Any) -> Any:
        return await self._dying(lambda: InMemorySaver.aput_writes(self, *args, **more))


class State(TypedDict, total=False):
    fed: Annotated[list[str], operator.add]
    log: Annotated[list[Any], operator.add]


INPUT = {"fed": ["$text"]}


def two_questions(_: State) -> State:
    return {"log": [interrupt({"question": "logs?"}), interrupt({"question": "PROD?"})]}


def one_question(_: State) -> State:
    return {"log": [interrupt({"question": "logs?"})]}


def builder_of(*nodes: Any) -> StateGraph[Any, Any, Any, Any]:
    builder = StateGraph(State)
    before = START
    for node in nodes:
        builder.add_node(node.__name__, node)
        builder.add_edge(before, node.__name__)
        before = node.__name__
    return builder


def first(_: State) -> State:
    return {"log": ["first"]}


def last(_: State) -> State:
    return {"log": ["last"]}


async def state_of(talk: Talk) -> Any:
    graph = next(iter(talk.graphs._agents.values())).graph
    return (await graph.aget_state({"configurable": {"thread_id": talk.thread}})).values


P = ParamSpec("P")
T = TypeVar("T")


async def again_while_lost(deliver: Callable[P, Awaitable[T]], *work: P.args, **more: P.kwargs) -> T:
    """What a lane does: deliver the same work again."""
    for _ in range(3):
        try:
            return await deliver(*work, **more)
        except Lost:
            continue
    raise AssertionError("lost every time")


@pytest.mark.promise("P3")
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_killed_at_every_write_the_end_is_the_same(*, after: bool) -> None:
    finished = False
    for dies_at in range(1, 40):
        saver = DyingSaver()
        saver.dies_at, saver.after = dies_at, after
        async with talking(builder_of(first, two_questions, last), saver, input=INPUT, infrastructure=(Lost,)) as talk:
            (logs,) = (await again_while_lost(talk.say, "hello", key="k")).asked
            assert logs.ask.prompt == "logs?"
            result = await again_while_lost(talk.answer, logs, APPROVE)
            assert payloads(result) == [{"question": "PROD?"}], dies_at
            (prod,) = result.asked
            end = await again_while_lost(talk.answer, prod, REJECT)
            assert end.complete
            assert await state_of(talk) == {"fed": ["hello"], "log": ["first", True, False, "last"]}, dies_at
        if saver.puts < dies_at:
            finished = True
            break
    assert finished


@pytest.mark.promise("P2")
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_killed_twice_at_any_two_writes_an_answer_that_was_taken_is_never_called_undelivered(
    *, after: bool
) -> None:
    for first_kill in range(1, 8):
        for second_kill in range(1, 8):
            saver = DyingSaver()
            saver.after = after
            async with talking(
                builder_of(one_question, first, last), saver, input=INPUT, infrastructure=(Lost,)
            ) as talk:
                (asked,) = (await talk.say("hello", key="k")).asked
                for kill in (first_kill, second_kill):
                    saver.dies_at = saver.puts + kill
                    with contextlib.suppress(Lost):
                        await talk.answer(asked, APPROVE)
                assert (await talk.answer(asked, APPROVE)).complete, (first_kill, second_kill)
                assert (await state_of(talk))["log"] == [True, "first", "last"]


def beside(name: str) -> Any:
    """A branch that asks, and writes down the key under which it went on."""

    async def branch(_: State, config: RunnableConfig) -> State:
        answer = interrupt({"question": name})
        KEYS[name].add(config["configurable"]["signoff_idempotency_key"])
        return {"log": [f"{name}: {answer}"]}

    return branch


KEYS: dict[str, set[str]] = {}


def deploying(name: str) -> Any:
    """A branch that asks nothing."""

    async def branch(_: State, config: RunnableConfig) -> State:
        KEYS[name].add(config["configurable"]["signoff_idempotency_key"])
        return {"log": [name]}

    return branch


def side_by_side(branch: Callable[[str], Any]) -> StateGraph[Any, Any, Any, Any]:
    builder, branches = builder_of(), ["left", "right"]
    for name in branches:
        KEYS[name] = set()
        builder.add_node(name, branch(name))
        builder.add_edge(START, name)
    end: Any = last
    builder.add_node("last", end)
    builder.add_edge(branches, "last")
    return builder


@pytest.mark.promise("P2")
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_of_answers_sent_together_none_is_called_undelivered_after_two_kills(*, after: bool) -> None:
    for first_kill in range(1, 11):
        for second_kill in range(1, 7):
            saver = DyingSaver()
            saver.after = after
            async with talking(side_by_side(beside), saver, input=INPUT, infrastructure=(Lost,)) as talk:
                asked = (await talk.say("hello", key="k")).asked
                answers = [
                    Answer(talk.thread, AGENT, each.interrupt, each.digest, each.ask, (APPROVE,), f"key of {number}")
                    for number, each in enumerate(asked)
                ]
                for kill in (first_kill, second_kill):
                    saver.dies_at = saver.puts + kill
                    with contextlib.suppress(Lost):
                        await talk.graphs.resume_together(answers, 1)
                results = await talk.graphs.resume_together(answers, 1)
                assert [type(each) for each in results] == [Resumed, Resumed], (first_kill, second_kill)
                assert sorted((await state_of(talk))["log"]) == ["last", "left: True", "right: True"]
                assert [KEYS["left"], KEYS["right"]] == [{"key of 0"}] * 2, (first_kill, second_kill)


@pytest.mark.promise("P2")
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_killed_twice_at_any_two_writes_a_breakpoint_that_was_passed_is_never_called_undelivered(
    *, after: bool
) -> None:
    for first_kill in range(1, 7):
        for second_kill in range(1, 7):
            saver = DyingSaver()
            saver.after = after
            spec: Any = {"input": INPUT, "infrastructure": (Lost,), "interrupt_before": ("left", "right")}
            async with talking(side_by_side(deploying), saver, **spec) as talk:
                halt = halt_of(await talk.say("hello", key="k"))
                for kill in (first_kill, second_kill):
                    saver.dies_at = saver.puts + kill
                    with contextlib.suppress(Lost):
                        await talk.answer(halt, APPROVE)
                assert (await talk.answer(halt, APPROVE)).complete, (first_kill, second_kill)
                assert sorted((await state_of(talk))["log"]) == ["last", "left", "right"]
                assert KEYS["left"] | KEYS["right"] == {f"answer-{halt.interrupt}"}, (first_kill, second_kill)


async def test_a_turn_is_fed_once_however_often_it_is_delivered() -> None:
    async with talking(builder_of(first, two_questions), input=INPUT) as talk:
        before = await talk.say("hello", key="k")
        assert await talk.say("hello", key="k") == before
        (logs,) = before.asked
        await talk.answer(logs, APPROVE)
        assert payloads(await talk.say("hello", key="k")) == [{"question": "PROD?"}]
        assert (await state_of(talk))["fed"] == ["hello"]


async def test_new_input_never_voids_a_question() -> None:
    async with talking(builder_of(two_questions), input=INPUT) as talk:
        (logs,) = (await talk.say("hello", key="k")).asked
        with pytest.raises(WaitsForAnswerError):
            await talk.say("and another thing", key="l")
        (prod,) = (await talk.answer(logs, APPROVE)).asked
        with pytest.raises(WaitsForAnswerError):
            await talk.say("and another thing", key="l")
        await talk.answer(prod, APPROVE)
        assert (await talk.say("and another thing", key="l")).asked
        assert (await state_of(talk))["fed"] == ["hello", "and another thing"]


async def test_new_input_may_void_what_ended_without_an_answer() -> None:
    async with talking(builder_of(two_questions), input=INPUT) as talk:
        (expired,) = (await talk.say("hello", key="k")).asked
        (anew,) = (await talk.say("start over", key="l", voids=frozenset({expired.interrupt}))).asked
        assert anew.interrupt != expired.interrupt
        await talk.stale(expired, APPROVE)
        assert (await state_of(talk))["fed"] == ["hello", "start over"]


async def test_a_node_that_raises_is_told_in_one_sentence_and_is_run_again_on_redelivery() -> None:
    failures = ["no\x1b[31m network\nsecret second line"]

    def flaky(_: State) -> State:
        if failures:
            raise ConnectionError(failures.pop())
        return {"log": ["worked"]}

    async with talking(builder_of(first, flaky), input=INPUT) as talk:
        failed = await talk.say("hello", key="k")
        assert error_of(failed) == "The agent failed: ConnectionError: no [31m network."
        assert failed.reply is None
        assert error_of(await talk.settle()) == error_of(failed)
        assert error_of(await talk.say("hello", key="k")) == ""
        assert (await state_of(talk)) == {"fed": ["hello"], "log": ["first", "worked"]}


@pytest.mark.parametrize(
    ("stored", "told"),
    [
        ("ValueError('no \\'such\\' thing.')", "The agent failed: ValueError: no 'such' thing."),
        ("ValueError()", "The agent failed: ValueError."),
        ("OSError(2, 'No such file')", "The agent failed: OSError: 2, No such file."),
        ("Odd(<object>)", "The agent failed: Odd: <object>."),
        ("not an exception", "The agent failed: error: not an exception."),
        (f"ValueError('{'x' * 1000}')", f"The agent failed: ValueError: {'x' * 287}…."),
    ],
)
def test_a_stored_error_reads_like_the_error(stored: str, told: str) -> None:
    assert sentences.failure(stored) == told


async def test_an_error_of_the_saver_is_raised_not_told() -> None:
    saver = DyingSaver()
    saver.dies_at = 2
    async with talking(builder_of(first), saver, input=INPUT, infrastructure=(Lost,)) as talk:
        with pytest.raises(Lost):
            await talk.say()
    saver = DyingSaver()
    saver.dies_at = 2
    async with talking(builder_of(first), saver, input=INPUT) as talk:
        assert "Lost" in error_of(await talk.say())


async def test_an_error_of_the_saver_s_kind_that_a_node_raises_is_told() -> None:
    def asks_its_own_redis(_: Any) -> Any:
        raise Lost

    async with talking(builder_of(asks_its_own_redis), input=INPUT, infrastructure=(Lost,)) as talk:
        assert error_of(await talk.say()) == "The agent failed: Lost."


class SpeechlessError(Exception):
    """Fails when it is asked what happened."""

    def __str__(self) -> str:
        return str(self.args[0]["message"])

    __repr__ = __str__


async def test_an_error_whose_own_code_fails_is_told_by_its_type() -> None:
    def node(_: Any) -> Any:
        raise SpeechlessError("no dict")

    async with talking(builder_of(node), input=INPUT) as talk:
        assert error_of(await talk.say()) == "The agent failed: SpeechlessError."
        assert "SpeechlessError" in error_of(await talk.settle())


# What an agent that leaves takes with it ------------------------------------------------------------------------------


def leave() -> str:
    """Leave."""
    sys.exit(3)


async def leave_async() -> str:
    """Leave."""
    sys.exit(3)


def leaving_nodes(does: Any) -> Any:
    """Two nodes side by side, so that each has a task of its own."""
    builder = StateGraph(MessagesState)
    for name in ("one", "two"):
        if does is leave:
            builder.add_node(name, RunnableLambda(lambda _: does()))
        else:
            builder.add_node(name, does_in_node)
        builder.add_edge(START, name)
    return builder


async def does_in_node(state: Any) -> Any:  # noqa: ARG001 - LangGraph names it
    return await leave_async()


def leaving_tools(does: Any) -> Any:
    calls = AIMessage("", tool_calls=[{"name": "leave", "args": {}, "id": f"c{number}"} for number in range(2)])
    builder = StateGraph(MessagesState)
    builder.add_node("model", lambda _: {"messages": [calls]})
    builder.add_node("tools", ToolNode([tool("leave")(does)]))
    builder.add_edge(START, "model").add_edge("model", "tools")
    return builder


def leaving_tasks(does: Any) -> Any:
    @entrypoint()
    async def workflow(_: Any) -> Any:
        return await task(does)()

    return workflow


@pytest.mark.parametrize("made", [leaving_nodes, leaving_tools, leaving_tasks])
@pytest.mark.parametrize("does", [leave, leave_async])
def test_code_that_calls_exit_stops_its_run_and_the_process_goes_on(made: Any, does: Any) -> None:
    told = "The agent was stopped: its code called sys.exit(3)."

    async def main() -> None:
        async with talking(made(does)) as talk:
            assert error_of(await talk.say()) == told
            assert error_of(await talk.settle()) == told, "nothing is run again before somebody says so"
            retried = await talk.answer(halt_of(await talk.settle()), APPROVE)
            assert error_of(retried) == told

    loop.run(main())


def test_an_exit_of_the_main_program_is_one() -> None:
    async def main() -> None:
        sys.exit(4)

    with pytest.raises(SystemExit, match="4"):
        loop.run(main())


async def test_draining_stops_after_the_step_and_the_next_process_goes_on() -> None:
    saver = InMemorySaver()
    began, goes_on = asyncio.Event(), asyncio.Event()

    async def slow(_: State) -> State:
        began.set()
        await goes_on.wait()
        return {"log": ["slow"]}

    nodes = (slow, last)
    async with talking(builder_of(*nodes), saver, input=INPUT) as talk:
        run = asyncio.create_task(talk.say("hello", key="k"))
        await began.wait()
        talk.graphs.drain()
        goes_on.set()
        stopped = await run
        assert stopped.stopped
        assert not stopped.complete
        assert (await talk.say("more", key="l")).stopped
    async with talking(builder_of(*nodes), saver, input=INPUT) as talk:
        assert (await talk.say("hello", key="k")).complete
        assert await state_of(talk) == {"fed": ["hello"], "log": ["slow", "last"]}


async def test_an_answer_while_draining_is_kept_for_the_next_process() -> None:
    saver = InMemorySaver()
    async with talking(builder_of(two_questions, last), saver, input=INPUT) as talk:
        (logs,) = (await talk.say()).asked
        talk.graphs.drain()
        assert (await talk.answer(logs, APPROVE)).stopped
    async with talking(builder_of(two_questions, last), saver, input=INPUT) as talk:
        assert payloads(await talk.answer(logs, APPROVE)) == [{"question": "PROD?"}]


async def test_settling_runs_on_what_died_and_leaves_what_waits() -> None:
    saver = DyingSaver()
    saver.dies_at = 4
    async with talking(builder_of(first, two_questions), saver, input=INPUT, infrastructure=(Lost,)) as talk:
        with pytest.raises(Lost):
            await talk.say("hello", key="k")
        (logs,) = (await talk.settle()).asked
        assert (await talk.settle()).asked == (logs,)
        assert (await state_of(talk))["fed"] == ["hello"]


async def test_settling_a_thread_that_is_not_there_runs_nothing() -> None:
    async with talking(builder_of(first), input=INPUT) as talk:
        result = await talk.settle()
        assert result.complete
        assert await state_of(talk) == {}


async def test_what_a_run_is_told_of_its_turn_also_when_it_goes_on() -> None:
    seen: list[Any] = []

    def look(state: State, config: RunnableConfig) -> State:  # noqa: ARG001 - LangGraph names it
        told = config["configurable"]
        seen.append((told["user_id"], told["langgraph_auth_user"].identity, told["signoff_fence"]))
        seen.append(told["signoff_idempotency_key"])
        interrupt("well?")
        return {}

    async with talking(builder_of(look), input={"fed": ["$text from $user in $channel: $texts"]}) as talk:
        (asked,) = (await talk.say("$user {}", key="k")).asked
        await talk.answer(asked, words("yes"))
        assert seen == [("U1", "U1", 1), "k", ("U1", "U1", 1), f"answer-{asked.interrupt}"]
        assert (await state_of(talk))["fed"] == ["$user {} from U1 in C1: $texts"]


class Context(TypedDict):
    user_id: str


async def test_the_requester_is_in_the_context_where_the_graph_knows_it() -> None:
    seen: list[str] = []

    def look(state: State, runtime: Runtime[Context]) -> State:  # noqa: ARG001 - LangGraph names it
        seen.append(runtime.context["user_id"])
        return {}

    builder = StateGraph(State, context_schema=Context)
    builder.add_node("look", look)
    builder.add_edge(START, "look")
    async with talking(builder, input=INPUT) as talk:
        await talk.say()
        assert seen == ["U1"]


# Replies --------------------------------------------------------------------------------------------------------------


def speaking(*says: Any) -> StateGraph[Any, Any, Any, Any]:
    """One node for each: a message to say, or a string to ask."""
    builder = StateGraph(MessagesState)
    before = START
    for number, said in enumerate(says):
        builder.add_node(str(number), lambda _, said=said: _said(said))
        builder.add_edge(before, str(number))
        before = str(number)
    return builder


def _said(said: Any) -> Any:
    if isinstance(said, AIMessage):
        return {"messages": [said.model_copy()]}
    return {"messages": [{"role": "user", "content": interrupt(said)}]}


async def test_each_reply_has_one_key_however_often_it_is_read() -> None:
    async with talking(speaking(AIMessage("Hello.", name="planner"), "Where to?", AIMessage("Done."))) as talk:
        paused = await talk.say()
        assert paused.reply is not None
        assert (paused.reply.text, paused.reply.speaker) == ("Hello.", "planner")
        assert paused.asked[0].ask.speaker == "planner"
        assert (await talk.settle()).reply == paused.reply
        assert (await talk.say(key="turn-1")).reply == paused.reply
        end = await talk.answer(paused.asked[0], words("Rome"))
        assert end.reply is not None
        assert end.reply.text == "Done."
        assert end.reply.key != paused.reply.key
        assert (await talk.settle()).reply == end.reply


async def test_a_person_s_own_words_and_the_question_itself_are_no_reply() -> None:
    async with talking(speaking("Where to?")) as talk:
        assert (await talk.say("hello")).reply is None
    async with talking(speaking(AIMessage("Where to?"), "Where to?")) as talk:
        assert (await talk.say("hello")).reply is None


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (
            [{"type": "text", "text": "A "}, {"type": "reasoning", "reasoning": "hm"}, {"type": "text", "text": "b"}],
            "A b",
        ),
        (["plain ", {"type": "text", "text": "text"}], "plain text"),
        ("", None),
        ([], None),
    ],
)
async def test_the_text_of_a_message_s_blocks(content: Any, text: str | None) -> None:
    async with talking(speaking(AIMessage(content))) as talk:
        reply = (await talk.say()).reply
        assert (reply.text if reply else None) == text


async def test_a_reply_that_is_no_message_is_said_once_a_turn_and_old_words_are_no_news() -> None:
    answers = iter(["seven", "seven"])

    def think(_: State) -> State:
        interrupt("which one?")
        return {"log": [next(answers)]}

    async with talking(builder_of(think), input=INPUT, reply="log[-1]") as talk:
        keys = []
        for _ in range(2):
            paused = await talk.say()
            assert paused.reply is None
            end = await talk.answer(paused.asked[0], words("yes"))
            assert end.reply is not None
            assert (await talk.settle()).reply == end.reply
            keys.append(end.reply.key)
        assert len(set(keys)) == 2


@pytest.mark.parametrize("expression", ["messages[", "a b", ""])
async def test_a_reply_that_is_not_jmespath_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match="is not JMESPath"):
        async with talking(builder_of(first), reply=expression):
            pass


async def test_threads_do_not_share_anything() -> None:
    async with talking(builder_of(two_questions), input=INPUT) as talk:
        other = Talk(talk.graphs, ThreadId("T:C:2"))
        asked: Sequence[Any] = [*(await talk.say("one")).asked, *(await other.say("two")).asked]
        assert asked[0].interrupt != asked[1].interrupt
        await other.stale(asked[0], APPROVE)
        await talk.answer(asked[0], APPROVE)
        assert payloads(await other.settle()) == [{"question": "logs?"}]
