"""The graph and the app.yaml of docs/context.md do what the page says."""

import re
from pathlib import Path

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from bot.config.load import load
from bot.config.problems import ProblemsError
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
