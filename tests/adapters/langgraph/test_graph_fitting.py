"""What an agent's entry says must fit its graph: nothing that a person writes is dropped in silence (P10)."""

import dataclasses
from typing import Any, TypedDict

import pytest
from langchain_core.messages import AIMessage
from langgraph.func import entrypoint
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.runtime import Runtime
from pydantic import BaseModel
from support.graph_talk import talking

from adapters.langgraph.loading.schema_fit import Misfit, hints, misfits
from adapters.langgraph.messages.inputs import DEFAULT_INPUT
from adapters.langgraph.messages.replies import DEFAULT

pytestmark = pytest.mark.promise("P10")


class Topic(TypedDict):
    topic: str
    tries: int
    essay: str


class Model(BaseModel):
    topic: str
    essay: str = ""


class Question(TypedDict):
    question: str


@dataclasses.dataclass
class Needs:
    model: str
    language: str = "en"


@dataclasses.dataclass
class Defaults:
    user_id: str = ""
    language: str = "en"


class NeedsModel(BaseModel):
    model: str


class Languages(BaseModel):
    language: str = "en"


class Keys(TypedDict):
    model: str


def a_graph(schema: Any, *, context: Any = None, given: Any = None) -> Any:
    def says_its_context(state: Any, runtime: Runtime[Any]) -> dict[str, Any]:  # noqa: ARG001 - LangGraph names it
        return {"messages": [AIMessage(str(runtime.context))]} if schema is MessagesState else {}

    builder = StateGraph(schema, context_schema=context, input_schema=given)
    builder.add_node("node", says_its_context)
    builder.add_edge(START, "node")
    builder.add_edge("node", END)
    return builder.compile()


@entrypoint()
def workflow(topic: str) -> str:
    return topic


@pytest.mark.parametrize("state", [Topic, Model])
def test_the_defaults_do_not_fit_a_state_without_messages(state: type) -> None:
    found = misfits(a_graph(state), DEFAULT_INPUT, DEFAULT)
    assert [(each.key, each.fix) for each in found] == [
        ("input", "Write input: {topic: $text}."),
        ("reply", "Write reply: essay."),
    ]
    assert 'no "messages", so its value would be dropped; it has topic' in found[0].what
    assert 'no "messages", so no reply would be posted; it has topic' in found[1].what


def test_a_misspelt_field_of_the_input_is_told_the_one_that_was_meant() -> None:
    found = misfits(a_graph(Topic), {"topic": "$text", "essai": "$user"}, "essay")
    assert [(each.key, each.fix) for each in found] == [("input", 'Did you mean "essay"?')]


@pytest.mark.parametrize(
    ("graph", "given", "reply"),
    [
        (a_graph(MessagesState), DEFAULT_INPUT, DEFAULT),
        (a_graph(Topic), {"topic": "$text"}, "essay"),
        (a_graph(Topic), {}, "'Done'"),
        (a_graph(Topic), {"topic": "$text"}, "messages[-1].content || essay"),
        (a_graph(Topic), {"topic": "$text"}, "join(', ', [topic, essay])"),
        (a_graph(Topic), {"topic": "$text"}, "@"),
        (a_graph(Topic, given=Question), {"question": "$text"}, "essay"),
        (workflow, DEFAULT_INPUT, DEFAULT),
        (workflow, "$text", "@"),
    ],
)
def test_what_fits_is_no_fault(graph: Any, given: Any, reply: str) -> None:
    assert misfits(graph, given, reply) == ()


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"topic": "$text", "topics": []}, 'the graph\'s input has no "topics"'),
        ({"question": "$text"}, 'the graph\'s input has no "question"'),
        ("$text", "the graph takes an object, and this is not one"),
    ],
)
def test_a_field_that_the_input_does_not_have(given: Any, what: str) -> None:
    (found,) = misfits(a_graph(Topic), given, "essay")
    assert found.key == "input"
    assert found.what.startswith(what)


@pytest.mark.parametrize("reply", ["esay", "esay[-1]", "esay.text | upper(@)", "esay[?a]", "length(esay)"])
def test_a_field_that_the_state_does_not_have(reply: str) -> None:
    (found,) = misfits(a_graph(Topic), {"topic": "$text"}, reply)
    assert found.key == "reply"
    assert found.what.startswith('the graph\'s state has no "esay"')


@pytest.mark.parametrize("schema", [Needs, NeedsModel])
def test_a_context_that_nobody_gives(schema: type) -> None:
    assert misfits(a_graph(MessagesState, context=schema), DEFAULT_INPUT, DEFAULT) == (
        Misfit("context", "the graph needs a context with model", "Write context: {model: TEXT}."),
    )


def test_what_no_run_requires_is_only_warned_of() -> None:
    keys = a_graph(MessagesState, context=Keys)
    assert misfits(keys, DEFAULT_INPUT, DEFAULT) == ()
    assert hints(keys) == (
        (
            "Keys: app.yaml has no context:, so runtime.context has no model. If a node needs it, write context: "
            "{model: TEXT}."
        ),
    )
    assert hints(keys, {"model": "m"}) == hints(keys, None, {"model": "m"}) == ()
    assert hints(a_graph(MessagesState), {"model": "m"}) == (
        "the graph has no context_schema, so context: in app.yaml is passed to it unchecked.",
    )
    assert hints(a_graph(MessagesState, context=Defaults)) == hints(a_graph(MessagesState)) == ()


@pytest.mark.parametrize(
    ("schema", "seen"),
    [
        (Defaults, "Defaults(user_id='U1', language='en')"),
        (Languages, "language='en'"),
        (Keys, "None"),
        (None, "None"),
    ],
)
async def test_a_context_of_defaults_is_there_while_the_graph_runs(schema: Any, seen: str) -> None:
    async with talking(a_graph(MessagesState, context=schema)) as talk:
        reply = (await talk.say()).reply
        assert reply is not None
        assert reply.text == seen
