"""The graph and the app.yaml of docs/context.md do what the page says."""

import re
from pathlib import Path
from typing import Any

import langsmith
import pytest
import requests
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableLambda
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from requests.adapters import BaseAdapter
from support.graph_talk import talking

from bot.concealment import shown_value
from bot.config.load import load
from bot.config.problems import ProblemsError
from bot.masking import masked, remember
from bot.wiring.graphs import open_local
from engine.ids import AgentName, ChannelId, ThreadId, UserId
from engine.ports import Turn

PAGE = (Path(__file__).parents[2] / "docs" / "context.md").read_text(encoding="utf-8")
ENVIRON = {"SLACK_BOT_TOKEN": "xoxb-1-bot", "SLACK_APP_TOKEN": "xapp-1-app"}
CONTEXT = 'context: {model: "${MODEL:-small}", tries: "5"}'
AGENT = AgentName("assistant")


def shown(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "assistant.py").write_text(shown("python"), encoding="utf-8")
    (tmp_path / "app.yaml").write_text(shown("yaml"), encoding="utf-8")
    return tmp_path


async def test_its_graph_gets_the_context_and_configurable(folder: Path) -> None:
    graphs = await open_local(load(folder / "app.yaml", ENVIRON), [AGENT], InMemorySaver())
    turn = Turn(ThreadId("T1:C1:1.0"), AGENT, "key", "hello", UserId("U1"), ChannelId("C1"))
    try:
        reply = (await graphs.start(turn, 1)).reply
    finally:
        await graphs.aclose()
    assert reply is not None
    assert reply.text == "small for U1 of acme/C1, 5 tries"


@pytest.mark.promise("P10")
@pytest.mark.parametrize(("number", "context"), [(0, "context: {tries: 5}"), (1, "context: {model: m, tries: many}")])
async def test_its_problems_are_those_that_are_printed(folder: Path, number: int, context: str) -> None:
    file = folder / "app.yaml"
    file.write_text(shown("yaml").replace(CONTEXT, context), encoding="utf-8")
    with pytest.raises(ProblemsError) as refused:
        await open_local(load(file, ENVIRON), [AGENT], InMemorySaver())
    assert str(refused.value).removeprefix(f"{folder}/") == shown("text").splitlines()[number]


@pytest.mark.parametrize("key", ["context", "configurable"])
def test_a_value_under_a_name_that_looks_secret_is_masked(folder: Path, key: str) -> None:
    lines = [each for each in shown("yaml").splitlines() if "context:" not in each and "configurable:" not in each]
    (folder / "app.yaml").write_text("\n".join([*lines, f'    {key}: {{api_key: "${{MODELS}}"}}', ""]))
    secret = f"not-a-word-{key}"
    remember(load(folder / "app.yaml", {**ENVIRON, "MODELS": secret}).secret_values)
    assert secret not in masked(f"a log or a reply with {secret}")
    assert secret not in str(shown_value({"card": {"said": [secret]}}))


class _LangSmith(BaseAdapter):
    """Takes what LangSmith's client sends."""

    def __init__(self) -> None:
        super().__init__()
        self.bodies: list[str] = []

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:  # type: ignore[override]
        body = request.body or b""
        self.bodies.append(body.decode() if isinstance(body, bytes) else str(body))
        answer = requests.Response()
        answer.status_code, answer.request, answer.url = 202, request, request.url or ""
        answer._content = b"{}"
        return answer

    def close(self) -> None:
        """Nothing is open."""


async def test_langsmith_gets_no_value_of_configurable_and_of_the_context() -> None:
    """Neither from the run nor from graphs and steps below it."""
    url, taken = "http://127.0.0.1:9", _LangSmith()
    session = requests.Session()
    client = langsmith.Client(api_url=url, api_key="x", session=session, auto_batch_tracing=False)
    session.mount(url, taken)  # the client has mounted its own
    step: Any = RunnableLambda(lambda _: [AIMessage("a reply")])
    below = StateGraph(MessagesState).add_node("step", lambda state: {"messages": step.invoke(state)})
    graph = StateGraph(MessagesState).add_node("below", below.add_edge(START, "step").compile())
    with langsmith.tracing_context(enabled=True, client=client):
        spec = {"context": {"note": "in-context"}, "configurable": {"tenant": "of-tenant", "api_key": "of-key"}}
        async with talking(graph.add_edge(START, "below"), **spec) as talk:
            await talk.say()
    sent = "".join(taken.bodies)
    assert "a reply" in sent
    assert '"tenant":"(not stored)"' in sent
    assert [each for each in ("in-context", "of-tenant", "of-key") if each in sent] == []
