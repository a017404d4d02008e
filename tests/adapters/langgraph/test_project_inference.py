"""`input:` and `reply:` as they are inferred from graphs of different shapes, each by running the graph with them."""

import dataclasses
import importlib
import operator
import sys
from collections.abc import Mapping
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, TypedDict

import jmespath
import pytest
from langchain.agents import AgentState, create_agent
from langchain.tools import ToolRuntime, tool
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, AnyMessage
from langgraph.func import entrypoint
from langgraph.graph import END, START, MessagesState, StateGraph, add_messages
from langgraph.prebuilt import ToolNode
from langgraph.types import Command, Send
from pydantic import BaseModel, Field, create_model

from adapters.langgraph.dialects.to_json import to_json
from adapters.langgraph.loading.schema_fit import misfits
from adapters.langgraph.messages.inputs import DEFAULT_INPUT, filled
from adapters.langgraph.messages.replies import DEFAULT
from adapters.langgraph.projects.inputs import input_guess
from adapters.langgraph.projects.keys import is_subscripted
from adapters.langgraph.projects.replies import NOTHING, reply_guess

WORDS = {"text": "ship billing", "user": "U01ALICE", "channel": "C01DEPLOY"}


def one_node(state: Any, node: Any, **more: Any) -> Any:
    return StateGraph(state, **more).add_node("work", node).add_edge(START, "work").add_edge("work", END).compile()


class Question(TypedDict):
    question: str


class Answer(TypedDict):
    answer: str


class OneText(TypedDict):
    topic: str
    essay: str


class Several(TypedDict):
    notes: str
    request: str
    user_id: str
    tone: str | None
    steps: Annotated[list[str], operator.add]
    result: str


class WithBudget(TypedDict):
    question: str
    budget: int
    answer: str


class Model(BaseModel):
    query: str
    limit: int = 3
    report: str = ""


class StrictModel(BaseModel):
    query: str = Field(pattern=r"^ORDER-\d+$")
    report: str = ""


@dataclasses.dataclass
class Data:
    task: str
    style: str = "plain"
    output: str = ""


class Verdict(BaseModel):
    summary: str
    score: int


class Structured(TypedDict):
    ticket: str
    verdict: Verdict


class NoText(TypedDict):
    count: int
    done: bool


class Both(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]
    question: str
    answer: str


class Chosen(TypedDict):
    mode: Literal["fast", "slow"]
    prompt: str
    draft: str


def answers(state: Mapping[str, Any]) -> dict[str, Any]:
    return {"answer": f"to {state['question']}"}


def writes_essay(state: OneText) -> dict[str, Any]:
    return {"essay": f"about {state['topic']}"}


def works(state: Several) -> dict[str, Any]:
    return {"result": f"{state['request']} for {state['user_id']} {state['tone']}", "steps": ["one"], "notes": "n"}


def spends(state: WithBudget) -> dict[str, Any]:
    return {"answer": f"{state['question']} for {state['budget']}"}


def reports(state: Model) -> dict[str, Any]:
    return {"report": f"{state.query} {state.limit}"}


def outputs(state: Data) -> dict[str, Any]:
    return {"output": f"{state.task} {state.style}"}


def judges(state: Structured) -> dict[str, Any]:
    return {"verdict": Verdict(summary=f"read {state['ticket']}", score=3)}


def counts(_state: NoText) -> dict[str, Any]:
    return {"count": 1, "done": True}


def says(state: MessagesState) -> dict[str, Any]:
    return {"messages": [AIMessage(f"heard {state['messages'][-1].content}")]}


def drafts(state: Chosen) -> dict[str, Any]:
    return {"draft": f"draft of {state['prompt']} {state.get('mode')}"}


GRAPHS: Mapping[str, tuple[Any, Any, str, Any]] = {
    "messages": (lambda: one_node(MessagesState, says), dict(DEFAULT_INPUT), DEFAULT, "heard ship billing"),
    "one text": (lambda: one_node(OneText, writes_essay), {"topic": "$text"}, "essay", "about ship billing"),
    "several": (
        lambda: one_node(Several, works),
        {"request": "$text", "user_id": "$user", "tone": None},
        "result",
        "ship billing for U01ALICE None",
    ),
    "input and output schemas": (
        lambda: one_node(Both, answers, input_schema=Question, output_schema=Answer),
        {"question": "$text"},
        "answer",
        "to ship billing",
    ),
    "messages and a question": (
        lambda: one_node(Both, answers),
        {"messages": [{"role": "user", "content": "$text"}], "question": "$text"},
        "answer",
        "to ship billing",
    ),
    "pydantic": (lambda: one_node(Model, reports), {"query": "$text"}, "report", "ship billing 3"),
    "dataclass": (lambda: one_node(Data, outputs), {"task": "$text"}, "output", "ship billing plain"),
    "structured": (lambda: one_node(Structured, judges), {"ticket": "$text"}, "verdict.summary", "read ship billing"),
    "a choice of words": (
        lambda: one_node(Chosen, drafts),
        {"prompt": "$text"},
        "draft",
        "draft of ship billing None",
    ),
}


@pytest.mark.parametrize("shape", GRAPHS)
async def test_the_first_message_reaches_the_graph_and_its_answer_is_the_reply(shape: str) -> None:
    made, given, reply, said = GRAPHS[shape]
    graph = made()
    guess = input_guess(graph)
    assert (guess.value, guess.missing) == (given, ())
    answer = reply_guess(graph, guess.value)
    assert answer.value == reply
    assert misfits(graph, guess.value, reply) == ()
    state = await graph.ainvoke(filled(guess.value, WORDS))
    assert jmespath.search(reply, to_json(state).value) == said


def test_a_required_value_that_nobody_knows_is_said_by_the_message_and_not_invented() -> None:
    guess = input_guess(one_node(WithBudget, spends))
    assert (guess.value, guess.missing) == ({"question": "$text", "budget": "$fields.budget"}, ())


def test_a_text_that_a_pydantic_state_refuses_is_said_by_name() -> None:
    guess = input_guess(one_node(StrictModel, reports))
    assert (guess.value, guess.missing) == ({"query": "$fields.query"}, ())


class Choice(Enum):
    RESTART = "restart"


def typed(**fields: Any) -> Any:
    """A graph whose first step needs each field, and whose last writes `answer`."""

    def node(state: Any) -> dict[str, str]:
        return {"answer": f"{state}"}

    required: dict[str, Any] = {name: (each, ...) for name, each in fields.items()}
    model = create_model("State", **required, answer=(str, ""))
    return one_node(model, node)


class Nested(BaseModel):
    id: str
    total: float


@pytest.mark.parametrize(
    ("fields", "given"),
    [
        ({"account": str}, {"account": "$text"}),
        ({"account": str, "amount": float}, {"account": "$fields.account", "amount": "$fields.amount"}),
        ({"account": str, "reason": str}, {"account": "$fields.account", "reason": "$text"}),
        ({"host": str, "command": str}, {"host": "$fields.host", "command": "$fields.command"}),
        ({"email": str, "complaint": str}, {"email": "$fields.email", "complaint": "$text"}),
        ({"question": str, "tone": Literal["dry", "warm"]}, {"question": "$text", "tone": "$fields.tone"}),
        ({"action": Choice}, {"action": "$fields.action"}),
        ({"question": str, "since": date | None}, {"question": "$text", "since": None}),
        ({"question": str, "sources": list[str]}, {"question": "$text", "sources": "$fields.sources"}),
        ({"order": Nested}, {"order": {"id": "$fields.order_id", "total": "$fields.order_total"}}),
        (
            {
                "a": Annotated[str, Field(description="The ISO code")],
                "b": Annotated[str, Field(description="The question")],
            },
            {"a": "$fields.a", "b": "$text"},
        ),
        ({"check_in": date, "no_of_beds": int}, {"check_in": "$fields.check_in", "no_of_beds": "$fields.no_of_beds"}),
        ({"user_id": str, "request": str}, {"user_id": "$user", "request": "$text"}),
        ({"customer_id": str, "request": str}, {"customer_id": "$fields.customer_id", "request": "$text"}),
        ({"topic": str, "audience": str}, {"topic": "$text", "audience": "$text"}),
        ({"company": str, "role": str}, {"company": "$text", "role": "$text"}),
        ({"review": str}, {"review": "$text"}),  # of a product, say
        ({"product": str, "review": str}, {"product": "$text", "review": "$text"}),
        (
            {"topic": str, "audience": str, "words": int},
            {"topic": "$text", "audience": "$fields.audience", "words": "$fields.words"},
        ),
    ],
    ids=",".join,
)
def test_of_several_required_fields_one_takes_the_words_if_it_says_so(fields: Any, given: Any) -> None:
    guess = input_guess(typed(**fields))
    assert (guess.value, guess.missing) == (given, ())


class Verdicts(Enum):
    GOOD = "approve"
    BAD = "reject"


class Gated(BaseModel):
    task: str
    quick: bool


def described(kind: Any, text: str) -> Any:
    return Annotated[kind, Field(description=text)]


@pytest.mark.promise("P4")
@pytest.mark.parametrize(
    ("field", "kind"),
    [
        *((name, str) for name in ("confirmed_by", "reviewed", "allowed", "granted", "permission", "decision")),
        *((name, str) for name in ("human_review", "review_required", "reviewResult")),
        *((name, str) for name in ("isAdmin", "preapproved", "skip_review", "override", "status", "verdict", "force")),
        *((name, str) for name in ("is_member", "canDelete", "no_questions", "authenticated", "check_result")),
        *((name, bool) for name in ("approved", "dry_run", "quick", "paid")),
        *(("answer_is", kind) for kind in (Verdicts, Literal["allow", "deny"], Literal["yes", "no"], Literal[0, 1])),
        *(("marks", kind) for kind in (list[bool], tuple[bool, ...], list[Verdicts], str | bool, dict[str, bool])),
        *(("mark", Annotated[str, Field(pattern=each)]) for each in ("^(yes|no)$", "approve|reject")),
        ("mark", described(str, "Whether the request may go on")),
        ("level", described(int, "Approved by this many people")),
        ("note", described(bool, "The question")),
    ],
)
@pytest.mark.parametrize("beside", [{}, {"service": str}, {"question": str}, {"service": str, "amount": int}])
def test_no_decision_and_no_flag_is_asked_of_the_person_who_asks(field: str, kind: Any, beside: Any) -> None:
    fields: Any = {**beside, field: kind}
    within: Any = {name: (each, ...) for name, each in fields.items()}
    for place, graph in (("", typed(**fields)), ("order.", typed(order=create_model("Within", **within)))):
        guess = input_guess(graph)
        assert [each.partition(" ")[0] for each in guess.missing] == [f"{place}{field}"]
        assert f"'{field}'" not in f"{guess.value}"


@pytest.mark.promise("P4")
def test_a_workflow_takes_no_decision_from_a_message() -> None:
    @entrypoint()
    def of_keys(inputs: dict[str, Any]) -> str:
        return f"{inputs['reviewed']} {inputs['task']} {inputs['skip_checks']}"

    @entrypoint()
    def of_one_key(inputs: dict[str, Any]) -> str:
        return f"{inputs['reviewed']}"

    @entrypoint()
    def of_model(given: Gated) -> str:
        return f"{given}"

    @entrypoint()
    def of_flag(quick: bool) -> str:  # noqa: FBT001 - as a project writes it
        return f"{quick}"

    @entrypoint()
    def of_word(approved: str) -> str:
        return approved

    @entrypoint()
    def of_any(approved) -> str:  # type: ignore[no-untyped-def] # noqa: ANN001 - as a project writes it
        return "paid" if approved else "not paid"

    @entrypoint()
    def of_flags(inputs: dict[str, bool]) -> str:
        return f"{inputs['quick']}"

    found = [input_guess(each) for each in (of_keys, of_one_key, of_model, of_flag, of_word, of_any, of_flags)]
    assert [(each.value, each.missing) for each in found] == [
        ({"task": "$text"}, ("reviewed", "skip_checks")),
        ({}, ("reviewed",)),
        ({"task": "$text"}, ("quick (bool)",)),
        ({}, ("the input (bool)",)),
        ({}, ("the input (str)",)),
        ({}, ("approved",)),
        ({}, ("quick (bool)",)),
    ]


def test_an_object_is_not_asked_of_the_person_who_asks() -> None:
    assert input_guess(typed(payload=dict)).missing == ("payload (dict)",)


class Ticketed(BaseModel):
    messages: Annotated[list[AnyMessage], add_messages] = Field(default_factory=list)
    ticket: str | None = None


def test_the_messages_of_a_pydantic_state_are_tried_as_the_reducer_makes_them() -> None:
    guess = input_guess(one_node(Ticketed, reports))
    assert guess.value == {"messages": [{"role": "user", "content": "$text"}]}
    assert not guess.missing


async def test_a_state_without_text_starts_and_answers_with_a_value() -> None:
    graph = one_node(NoText, counts)
    guess = input_guess(graph)
    assert guess.missing == ()
    assert "not used" in guess.why
    reply = str(reply_guess(graph, guess.value).value)
    assert reply in ("count", "done")
    state = await graph.ainvoke(guess.value)
    assert state["done"] is True


def test_the_persons_own_words_are_no_reply() -> None:
    def acts(state: Question) -> None:
        assert state["question"]

    graph = one_node(Question, acts)
    assert input_guess(graph).value == {"question": "$text"}
    assert reply_guess(graph, {"question": "$text"}).value == NOTHING
    assert misfits(graph, {"question": "$text"}, NOTHING) == ()


def test_the_value_that_a_later_node_needs_is_no_part_of_the_input() -> None:
    def first(state: OneText) -> dict[str, Any]:
        return {"essay": state["topic"]}

    def second(state: OneText) -> dict[str, Any]:
        return {"essay": state["essay"] + "!"}

    graph = StateGraph(OneText).add_sequence([("first", first), ("second", second)]).add_edge(START, "first").compile()
    assert input_guess(graph) == dataclasses.replace(input_guess(graph), value={"topic": "$text"}, missing=())


class Case(MessagesState):
    name: str


@tool
def name_it() -> Any:
    """Name the case."""
    return Command(update={"name": "X"})


def speaks(state: Case) -> dict[str, Any]:
    if len(state["messages"]) > 1:
        return {"messages": [AIMessage(f"it is {state['name']}")]}
    return {"messages": [AIMessage("wait")]}


def hands_out(state: Case) -> list[Send]:
    return [Send("work", {"name": each.id}) for each in state["messages"]]


def names(state: Case) -> dict[str, Any]:
    return {"messages": [AIMessage(state["name"])]}


def test_what_a_later_step_or_a_person_writes_is_not_asked_of_the_message() -> None:
    by_a_tool = StateGraph(Case).add_node(speaks).add_node("tools", ToolNode([name_it])).add_edge(START, "speaks")
    by_send = StateGraph(Case).add_node("work", names).add_conditional_edges(START, hands_out, ["work"])
    by_a_person = StateGraph(Case).add_sequence([("first", says), ("work", names)]).add_edge(START, "first")
    assert input_guess(by_a_tool.add_edge("tools", "speaks").compile()).value == DEFAULT_INPUT
    assert input_guess(by_send.compile()).value == DEFAULT_INPUT
    assert input_guess(by_a_person.compile(interrupt_before=["work"])).value == DEFAULT_INPUT
    asked = {**DEFAULT_INPUT, "name": "$fields.name"}
    assert input_guess(by_a_person.compile()).value == asked
    assert input_guess(one_node(Case, speaks)).value == asked  # nothing else could write it


class Owned(AgentState[Any]):
    owner: str
    case_number: str


def test_a_key_of_an_agents_state_is_needed_only_where_code_reads_it() -> None:
    @tool
    def look_up(runtime: ToolRuntime[None, Owned]) -> str:
        """Look a case up."""
        return str(runtime.state["case_number"])

    agent = create_agent(GenericFakeChatModel(messages=iter([])), tools=[look_up], state_schema=Owned)
    guess = input_guess(agent)
    assert guess.missing == ()
    assert guess.value == {**DEFAULT_INPUT, "case_number": "$fields.case_number"}


class Refund(TypedDict, total=False):
    message: str
    decision: Verdict
    approval_status: str
    final_reply: str


class Panel(TypedDict, total=False):
    event: str
    review_decision: str
    log_entry: str


def test_the_text_of_the_last_step_answers_and_no_step_before_it() -> None:
    def decide(state: Refund) -> Refund:
        return {"decision": Verdict(summary=state["message"], score=1)}

    def respond(state: Refund) -> Refund:
        return {"final_reply": "refused" if state.get("approval_status") == "rejected" else state["decision"].summary}

    def review(state: Panel) -> Command[Literal["act"]]:
        return Command(update={"review_decision": state["event"]}, goto="act")

    def act(state: Panel) -> Panel:
        return {"log_entry": state["review_decision"]}

    refund = StateGraph(Refund).add_sequence([decide, respond]).add_edge(START, "decide").compile()
    panel = StateGraph(Panel).add_node(review).add_node(act).add_edge(START, "review").compile()
    assert reply_guess(refund, {"message": "$text"}).value == "final_reply"
    assert reply_guess(panel, {"event": "$text"}).value == "log_entry"


# The functional API ---------------------------------------------------------------------------------------------------


@entrypoint()
def of_text(topic: str) -> str:
    return f"about {topic}"


@entrypoint()
def of_dict(inputs: dict[str, Any]) -> dict[str, Any]:
    return {"topic": inputs["topic"], "essay": f"about {inputs['topic']}", "score": 3}


@entrypoint()
def of_budget(inputs: dict[str, Any]) -> dict[str, Any]:
    return {"plan": f"{inputs['request']} for {inputs['budget']}"}


@entrypoint()
def of_question(given: Question) -> Answer:
    return {"answer": f"to {given['question']}"}


@entrypoint()
def of_nothing(_inputs: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "assistant", "content": "done"}]}


@pytest.mark.parametrize(
    ("workflow", "given", "missing", "reply"),
    [
        (of_text, "$text", (), DEFAULT),
        (of_dict, {"topic": "$text"}, (), "essay"),
        (of_budget, {"request": "$text", "budget": "$fields.budget"}, (), "plan"),
        (of_question, {"question": "$text"}, (), "answer"),
        (of_nothing, dict(DEFAULT_INPUT), (), DEFAULT),
    ],
    ids=["text", "dict", "budget", "typed", "nothing"],
)
def test_a_workflow_of_the_functional_api(workflow: Any, given: Any, missing: tuple[str, ...], reply: str) -> None:
    guess = input_guess(workflow)
    assert (guess.value, guess.missing) == (given, missing)
    assert reply_guess(workflow, guess.value).value == reply


def test_a_key_counts_as_read_by_modules_of_its_own_project_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = {
        "one/shop_settings.py": "from typing import TypedDict\nclass Settings(TypedDict):\n    tone: str\n",
        "one/shop_graph.py": "def node(context):\n    return context['size']\n",
        "two/other_graph.py": "def node(context):\n    return context['tone']\n",
    }
    for name, text in sources.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
        monkeypatch.syspath_prepend(tmp_path / name.split("/")[0])
    modules = [importlib.import_module(Path(name).stem) for name in sources]
    settings = modules[0].Settings
    assert (is_subscripted("size", settings), is_subscripted("tone", settings)) == (True, False)
    for each in modules:
        monkeypatch.delitem(sys.modules, each.__name__)
