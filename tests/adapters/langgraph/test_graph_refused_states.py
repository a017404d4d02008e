"""A state that the graph's own schema refuses is a failure of the agent: told at once, with Retry, never in silence."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt
from pydantic import BaseModel, Field, field_validator, model_validator
from support.graph_talk import AGENT, APPROVE, REJECT, THREAD, Talk, edit, error_of, halt_of, payloads, talking, words

from engine.asks.ask import Kind, ValueProblem
from engine.ids import UserId
from engine.ports import RunResult, Stale, TimeTravelRun

INPUT = {"text": "$text"}


class Bounded(BaseModel):
    """With a bound in its JSON Schema, one in Python alone, and one over both fields."""

    text: str = ""
    n: int = Field(default=0, le=100)
    even: int = 0

    @field_validator("even")
    @classmethod
    def _is_even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("this must be even")
        return value

    @model_validator(mode="after")
    def _fits(self) -> "Bounded":
        if self.n and self.n == self.even:
            raise ValueError("n and even must differ")
        return self


@dataclass
class BoundedDataclass:
    """The same without pydantic."""

    text: str = ""
    n: int = 0
    even: int = 0

    def __post_init__(self) -> None:
        if self.n > 100:
            raise ValueError("n: Input should be less than or equal to 100")


def steps(first: Callable[..., Any], schema: Any = Bounded) -> Any:
    builder = StateGraph(schema)
    builder.add_node("first", first)
    builder.add_node("second", lambda state: {"text": f"n is {state.n}"})
    builder.add_edge(START, "first").add_edge("first", "second")
    return builder


def too_large(_: Any) -> Any:
    return {"n": 500}


def asks_and_is_too_large(_: Any) -> Any:
    return {"n": 500 if interrupt("How many?") == "many" else 5}


TOLD = "n: Input should be less than or equal to 100"


@pytest.mark.parametrize("schema", [Bounded, BoundedDataclass])
async def test_what_a_node_returns_beyond_the_schema_is_told_with_retry(schema: Any) -> None:
    async with talking(steps(too_large, schema), input=INPUT) as talk:
        stood = await talk.say("go")
        failed = halt_of(stood)
        assert TOLD in error_of(stood)
        assert failed.ask.kind is Kind.FAILURE
        again = halt_of(await talk.settle())
        assert (again.interrupt, again.digest) == (failed.interrupt, failed.digest), "every process tells the same"
        assert halt_of(await talk.answer(failed, APPROVE)).interrupt == failed.interrupt
        assert not (await talk.answer(failed, REJECT)).ended


@pytest.mark.promise("P3")
async def test_an_answer_after_which_the_schema_refuses_the_state_counts_as_given() -> None:
    async with talking(steps(asks_and_is_too_large), input=INPUT) as talk:
        (asked,) = (await talk.say("go")).asked
        stood = await talk.answer(asked, words("many"))
        assert TOLD in error_of(stood)
        again = await talk.answer(asked, words("many"))
        assert TOLD in error_of(again)


async def test_a_new_message_is_not_fed_to_it_and_its_author_is_told() -> None:
    async with talking(steps(too_large), input=INPUT) as talk:
        await talk.say("go")
        for _ in range(2):
            stood = await talk.say("and now?")
            assert "Your message was not passed on" in stood.error
            assert not stood.complete
            assert not stood.ended


async def test_the_history_is_still_read_and_a_restart_from_an_earlier_step_heals_the_thread() -> None:
    sizes = iter([500, 5])
    async with talking(steps(lambda _: {"n": next(sizes)}), input=INPUT, reply="text") as talk:
        await talk.say("go")
        snapshots = await talk.graphs.snapshots(THREAD, AGENT, 10)
        assert [each.next for each in snapshots] == [(), ("first",), ()]
        request = TimeTravelRun(THREAD, AGENT, snapshots[1].checkpoint, None, "branch-1", UserId("U1"))
        stood = await talk.graphs.time_travel(request, fence=1)
        assert isinstance(stood, RunResult)
        assert stood.reply is not None
        assert stood.reply.text == "n is 5"


SOURCE = """
from typing import Literal
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt
from pydantic import BaseModel

class State(BaseModel):
    text: str = ""
    env: Literal["staging", "production"] = "production"

def ask(state):
    interrupt({"question": f"Deploy to {state.env}?"})
    return {"text": f"deployed to {state.env}"}

builder = StateGraph(State)
builder.add_node(ask)
builder.add_edge(START, "ask")
graph = builder.compile()
"""


@pytest.mark.promise("P4")
async def test_a_deploy_that_narrows_a_literal_while_a_request_waits(tmp_path: Path) -> None:
    saver, file = InMemorySaver(), tmp_path / "agent.py"
    file.write_text(SOURCE)
    async with talking(file, saver, input={"text": "$text", "env": "production"}, reply="text") as talk:
        (asked,) = (await talk.say("go")).asked
    file.write_text(SOURCE.replace('Literal["staging", "production"]', 'Literal["staging"]'))
    async with talking(file, saver, input={"text": "$text", "env": "production"}, reply="text") as talk:
        stale = await talk.stale(asked, APPROVE)
        assert "refuses the state" in stale.reason
        assert "env: Input should be 'staging'" in error_of(stale.result)
        assert not stale.result.complete, "so the request is not withdrawn"
        failed = halt_of(stale.result)
    file.write_text(SOURCE)
    async with talking(file, saver, input={"text": "$text", "env": "production"}, reply="text") as talk:
        (again,) = (await talk.answer(failed, APPROVE)).asked
        assert payloads(await talk.settle()) == [{"question": "Deploy to production?"}]
        end = await talk.answer(again, APPROVE)
        assert end.reply is not None
        assert end.reply.text == "deployed to production"


class OutageError(Exception):
    """The saver's own."""


class FailingSaver(InMemorySaver):
    """Fails when it is told to."""

    down = False

    async def aget_tuple(self, config: Any) -> Any:
        if self.down:
            raise OutageError
        return await super().aget_tuple(config)


@pytest.mark.promise("P1")
async def test_an_outage_of_the_saver_is_no_failure_of_the_agent() -> None:
    saver = FailingSaver()
    async with talking(steps(too_large), saver, input=INPUT, infrastructure=(OutageError,)) as talk:
        await talk.say("go")
        saver.down = True
        with pytest.raises(OutageError):
            await talk.settle()


# Edits ----------------------------------------------------------------------------------------------------------------


def problems(talk: Talk, asked: Any, **changed: Any) -> list[ValueProblem]:
    value = {**asked.ask.actions[0].value, **changed}
    return list(talk.graphs.problems(AGENT, asked.ask, 0, edit(value)))


async def test_an_edit_that_the_schema_refuses_is_refused_at_its_field() -> None:
    graph = steps(lambda _: {"n": 1, "even": 2})
    async with talking(graph, input=INPUT, interrupt_before=("second",)) as talk:
        asked = halt_of(await talk.say("go"))
        assert problems(talk, asked, n=50) == []
        assert problems(talk, asked, n=500) == [ValueProblem(("n",), "Input should be less than or equal to 100.")]
        assert problems(talk, asked, even=3) == [ValueProblem(("even",), "This must be even.")]
        assert problems(talk, asked, n=4, even=4) == [ValueProblem((), "N and even must differ.")]
        assert {each.path for each in problems(talk, asked, n=500, even=3)} == {("n",), ("even",)}


@pytest.mark.promise("P3")
@pytest.mark.parametrize("schema", [Bounded, BoundedDataclass])
async def test_an_edit_that_is_refused_is_not_written(schema: Any) -> None:
    graph = steps(lambda _: {"n": 1}, schema)
    async with talking(graph, input=INPUT, interrupt_before=("second",), reply="text") as talk:
        asked = halt_of(await talk.say("go"))
        state = asked.ask.actions[0].value
        assert isinstance(state, dict)
        stale = await talk.stale(asked, edit({**state, "n": 500}))
        assert isinstance(stale, Stale)
        assert "less than or equal to 100" in stale.reason
        assert halt_of(stale.result) == asked, "it is asked again, as it was"
        end = await talk.answer(asked, edit({**state, "n": 50}))
        assert end.reply is not None
        assert end.reply.text == "n is 50"


async def test_an_edit_on_the_way_back_that_the_schema_refuses_is_not_made() -> None:
    async with talking(steps(lambda _: {"n": 1}), input=INPUT, reply="text") as talk:
        await talk.say("go")
        snapshots = await talk.graphs.snapshots(THREAD, AGENT, 10)
        before = next(each for each in snapshots if each.next == ("second",))
        values = before.values if isinstance(before.values, dict) else {}
        request = TimeTravelRun(THREAD, AGENT, before.checkpoint, {**values, "n": 500}, "branch-1", UserId("U1"))
        outcome = await talk.graphs.time_travel(request, fence=1)
        assert isinstance(outcome, Stale)
        assert "less than or equal to 100" in outcome.reason
