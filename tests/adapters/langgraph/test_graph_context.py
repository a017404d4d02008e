"""`context:` and `configurable:` of an agent: checked against the graph, and the same in every run of a turn."""

import dataclasses
import json
from typing import Annotated, Any, NotRequired, TypedDict

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import interrupt
from pydantic import BaseModel, Field, field_validator
from support.graph_talk import AGENT, THREAD, halt_of, talking, words

from adapters.langgraph.config_keys import TURN
from adapters.langgraph.loading.schema_fit import misfits
from adapters.langgraph.messages.inputs import DEFAULT_INPUT, of_run
from adapters.langgraph.messages.replies import DEFAULT
from engine.asks.ask import Choice, Decision
from engine.ids import ChannelId, ThreadId, UserId
from engine.ports import Stale, TimeTravelRun, Turn

EXAMPLE = ThreadId("T0:C0:1.0")


class State(TypedDict, total=False):
    text: str


@dataclasses.dataclass
class Database:
    url: str
    pool: int = 5


@dataclasses.dataclass
class Settings:
    model: str
    tries: int = 3
    database: Database | None = None
    user_id: str = ""


class Model(BaseModel):
    model: str
    tries: Annotated[int, Field(gt=0)] = 3
    team: str = "ops"

    @field_validator("team")
    @classmethod
    def _known(cls, team: str) -> str:
        if team != "ops":
            raise ValueError(f"no team {team}")
        return team


class Limits(TypedDict):
    most: int


class Keys(TypedDict):
    model: str
    tries: NotRequired[int]
    limits: NotRequired[Limits]


class Handle:
    """A class that pydantic knows nothing of."""


@dataclasses.dataclass
class WithHandle:
    handle: Handle | None = None
    model: str = "m"


def a_graph(schema: Any) -> Any:
    builder = StateGraph(MessagesState, context_schema=schema)
    builder.add_node("node", lambda _: {})
    builder.add_edge(START, "node")
    return builder.compile()


def told(schema: Any, context: Any, configurable: Any = None) -> list[tuple[str, str]]:
    found = misfits(
        a_graph(schema), DEFAULT_INPUT, DEFAULT, context, configurable or {}, lambda each: of_run(each, "U0", EXAMPLE)
    )
    assert all(each.key == "context" for each in found)
    return [(each.what, each.fix) for each in found]


@pytest.mark.promise("P10")
@pytest.mark.parametrize(
    ("schema", "context"),
    [
        (Settings, {"model": "m"}),
        (Settings, {"model": "$user", "tries": "4", "database": {"url": "x"}, "user_id": "me"}),
        (Model, {"model": "m", "tries": 1}),
        (Model, {"model": "m", "team": "$channel"}),  # its validator may know real channels only
        (Keys, {"model": "m", "limits": {"most": 3}}),
        (WithHandle, {"model": "m", "handle": None}),
        (dict, {"anything": 1}),
        (None, {"anything": 1}),
    ],
)
def test_a_context_that_fits(schema: Any, context: Any) -> None:
    assert told(schema, context) == []


@pytest.mark.promise("P10")
@pytest.mark.parametrize(
    ("schema", "context", "what", "fix"),
    [
        (Settings, {}, "the graph needs a context with model", "Write context: {model: TEXT}."),
        (
            Settings,
            {"model": "m", "trys": 3},
            "trys is unknown to Settings, which has model, tries, database, user_id",
            'Did you mean "tries"?',
        ),
        (
            Settings,
            {"model": "m", "tries": "many"},
            "tries has to be a valid integer",
            "Correct it, or change Settings in the graph.",
        ),
        (
            Settings,
            {"model": "m", "database": {"pool": 2}},
            "the graph needs a context with database.url",
            "Write context: {model: TEXT, database: {url: TEXT}}.",
        ),
        (
            Settings,
            {"model": "m", "database": {"url": "x", "size": 2}},
            "database.size is unknown to Database, which has url, pool",
            "Correct it, or change Settings in the graph.",
        ),
        (Settings, {"model": "m", "tries": "$user"}, "tries has to be a valid integer", ""),
        (Model, {}, "the graph needs a context with model", "Write context: {model: TEXT}."),
        (Model, {"model": "m", "tries": 0}, "tries has to be greater than 0", ""),
        (Model, {"model": "m", "modle": 1}, "modle is unknown to Model, which has model, tries, team", ""),
        (Model, {"model": "m", "team": "hush-hush"}, "team is refused by the code of the graph", ""),
        (Keys, {"tries": 1}, "the graph needs a context with model", "Write context: {model: TEXT}."),
        (Keys, {"model": "m", "limits": {"most": "x"}}, "limits.most has to be a valid integer", ""),
        (Keys, {"model": "m", "limits": {}}, "the graph needs a context with limits.most", ""),
    ],
)
def test_a_context_that_does_not_fit(schema: Any, context: Any, what: str, fix: str) -> None:
    ((said, how),) = told(schema, context)
    assert said == what
    assert how == fix or not fix
    assert "hush" not in said + how, "a value may be a secret"


def test_without_a_context_the_schema_takes_its_keys_from_configurable() -> None:
    assert told(Settings, None, {"model": "m", "other": 1}) == []
    assert [what for what, _ in told(Settings, None, {"other": 1})] == ["the graph needs a context with model"]


# Runs -----------------------------------------------------------------------------------------------------------------

CONFIGURABLE = {"tenant": "acme-$user", "api": "s3cret", "nested": {"where": "$channel"}, "price": "$$5"}


def asking(schema: Any, seen: list[Any], *, below: bool) -> Any:
    """A node that notes its context and configurable, asks, and fails once after the answer; maybe in a subgraph."""
    failed: list[bool] = []

    def look(state: State, config: RunnableConfig, runtime: Runtime[Any]) -> State:  # noqa: ARG001 - LangGraph names it
        told = config["configurable"]
        seen.append((runtime.context, {name: told.get(name) for name in CONFIGURABLE}, told["langgraph_auth_user"]))
        answer = interrupt("Which?")
        if answer == "fail" and not failed:
            failed.append(True)
            raise RuntimeError("once")
        return {"text": answer}

    builder: Any = StateGraph(State, context_schema=schema)
    if below:
        inner: Any = StateGraph(State, context_schema=schema)
        inner.add_node("look", look)
        inner.add_edge(START, "look")
        builder.add_node("below", inner.compile())
        builder.add_edge(START, "below")
    else:
        builder.add_node("look", look)
        builder.add_edge(START, "look")
    return builder


@pytest.mark.promise("P3")
@pytest.mark.parametrize("below", [False, True])
async def test_every_run_of_a_turn_has_the_same_context_and_configurable(*, below: bool) -> None:
    seen: list[Any] = []
    context = {"model": "$user in $channel of $thread for $$1", "tries": "4", "database": {"url": "db"}}
    saver = InMemorySaver()
    spec: dict[str, Any] = {"input": {"text": "$text"}, "reply": "text", "context": context}
    async with talking(asking(Settings, seen, below=below), saver, configurable=CONFIGURABLE, **spec) as talk:
        (asked,) = (await talk.say()).asked
        failed = await talk.answer(asked, words("fail"))  # resumed
        await talk.answer(halt_of(failed), Decision(Choice.APPROVE))  # retried
        points = await talk.graphs.snapshots(THREAD, AGENT, 20)
        first = next(each for each in points if each.next)
        request = TimeTravelRun(THREAD, AGENT, first.checkpoint, None, "travel", UserId("U9"))
        assert not isinstance(await talk.graphs.time_travel(request, 1), Stale)
        await talk.settle()
    filled = Settings("U1 in C of T:C:1 for $1", 4, Database("db"), "U1")
    configurable = {"tenant": "acme-U1", "api": "s3cret", "nested": {"where": "C"}, "price": "$5"}
    assert len(seen) >= 4
    for context_seen, configurable_seen, user in seen:
        assert (context_seen, configurable_seen, user.identity) == (filled, configurable, "U1")
    stored = [each async for each in saver.alist({"configurable": {"thread_id": THREAD}})]
    assert {dict(each.metadata)["api"] for each in stored} == {"(not stored)"}
    assert "s3cret" not in json.dumps([each.metadata for each in stored], default=str) + str(saver.writes)
    assert any(each.metadata.get(TURN) for each in stored)


async def test_the_next_turn_is_of_the_person_who_asks_then() -> None:
    seen: list[Any] = []
    spec: dict[str, Any] = {"input": {"text": "$text"}, "reply": "text", "context": {"model": "$user"}}
    async with talking(asking(Settings, seen, below=False), **spec) as talk:
        (asked,) = (await talk.say()).asked
        await talk.answer(asked, words("yes"))
        turn = Turn(THREAD, AGENT, "later", "again", UserId("U2"), ChannelId("C1"))
        (asked,) = (await talk.graphs.start(turn, 1)).asked
        await talk.answer(asked, words("yes"))
    assert [context.model for context, _, _ in seen] == ["U1", "U1", "U2", "U2"]


@pytest.mark.parametrize(
    ("schema", "context", "configurable", "got"),
    [
        (Keys, None, {}, None),  # as under `langgraph dev`
        (Keys, None, {"model": "m", "other": 1}, {"model": "m"}),
        (Settings, None, {"model": "m", "other": 1}, Settings("m", user_id="U1")),
        (Model, {"model": "m"}, {}, Model(model="m")),
        (WithHandle, None, {}, WithHandle()),
        (None, None, {"other": 1}, None),
        (None, {"model": "$user"}, {}, {"model": "U1"}),
        (dict, None, {"other": 1}, None),
    ],
)
async def test_the_context_of_a_run(schema: Any, context: Any, configurable: Any, got: Any) -> None:
    seen: list[Any] = []

    def look(state: State, runtime: Runtime[Any]) -> State:  # noqa: ARG001 - LangGraph names it
        seen.append(runtime.context)
        return {}

    builder = StateGraph(State, context_schema=schema)
    builder.add_node("look", look)
    builder.add_edge(START, "look")
    spec: dict[str, Any] = {"context": context, "configurable": configurable}
    async with talking(builder, input={"text": "$text"}, reply="text", **spec) as talk:
        await talk.say()
    assert seen == [got]


async def test_the_person_who_asked_reads_as_on_a_langgraph_server() -> None:
    seen: list[Any] = []

    def look(state: State, config: RunnableConfig) -> State:  # noqa: ARG001 - LangGraph names it
        seen.append(config["configurable"])
        return {}

    builder = StateGraph(State)
    builder.add_node("look", look)
    builder.add_edge(START, "look")
    async with talking(builder, input={"text": "$text"}, reply="text") as talk:
        await talk.say()
    (configurable,) = seen
    user = configurable["langgraph_auth_user"]
    assert (user.identity, user.display_name, user.is_authenticated, user.permissions) == ("U1", "U1", True, [])
    assert (user["identity"], user.get("email", "none"), "permissions" in user) == ("U1", "none", True)
    assert dict(user) == user.dict() == user.model_dump() == dict(user.items())
    assert [*user] == [*user.keys()]
    assert (len(user), next(iter(user.values()))) == (4, "U1")
    with pytest.raises(KeyError):
        user["email"]
    assert configurable["user_id"] == "U1"
    assert configurable["langgraph_auth_permissions"] == []
