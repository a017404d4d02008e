"""How the examples come to run: loaded by path from anywhere, light, repeatable, with a real model if there is one."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.example_conversations import EXAMPLES, Conversation, load

CONVERSATIONS: dict[str, tuple[str, list[Any]]] = {
    "deploy": (
        "ship billing 2.4.1 and ledger 1.9.0 to production",
        [{"decisions": [{"type": "approve"}, {"type": "reject", "message": "no"}]}],
    ),
    "refunds": ("order 1042 arrived broken, please refund", ["A letter", True]),
    "travel": ("a trip to Kyoto", ["5", "900", "1", "yes"]),
    "database": ("the orders database hangs, please restart it", []),
}

# Loads a graph as a stranger's file: by path, from another folder, its own folder importable only meanwhile.
LOADER = """
import importlib.util, sys

def load(path):
    spec = importlib.util.spec_from_file_location("agent", path)
    module = importlib.util.module_from_spec(spec)
    folder = path.rpartition("/")[0]
    sys.path.insert(0, folder)
    spec.loader.exec_module(module)
    sys.path.remove(folder)
    return module.graph
"""


def run(code: str, folder: Path, *arguments: str, **environment: str) -> list[str]:
    """Return the lines that a program prints which runs in a folder of its own, without keys of this machine."""
    kept = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY") and name != "PYTHONPATH"}
    done = subprocess.run(  # noqa: S603  # our own code
        [sys.executable, "-c", LOADER + code, *arguments],
        cwd=folder,
        env=kept | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_graph_loads_by_path_from_another_folder_and_stays_light(tmp_path: Path) -> None:
    code = """
names = sys.argv[1:]
for name in names:
    graph = load(name)
    print(graph.name, graph.checkpointer, "langchain.agents" in sys.modules)
print(sorted({"bot", "engine", "adapters", "openai", "anthropic"} & set(sys.modules)))
"""
    paths = [str(EXAMPLES / f"{name}.py") for name in ("refunds", "travel", "deploy", "database")]
    assert run(code, tmp_path, *paths) == [
        "refunds None False", "travel None False", "deploy None True", "database None True", "[]",
    ]  # fmt: skip


@pytest.mark.parametrize("name", CONVERSATIONS)
async def test_the_same_conversation_goes_the_same_way(name: str) -> None:
    text, given = CONVERSATIONS[name]
    heard = []
    for _ in range(2):
        conversation = await Conversation(name).say(text)
        questions = []
        for answer in given:
            questions.append(conversation.asked)
            await conversation.answer(answer)
        calls = [getattr(each, "tool_calls", None) for each in conversation.state["messages"]]
        heard.append((questions, [each.content for each in conversation.state["messages"]], calls))
    assert heard[0] == heard[1]
    assert heard[0][1][-1]


@pytest.mark.parametrize("name", CONVERSATIONS)
async def test_a_graph_loaded_anew_goes_on_with_a_thread_that_waits(name: str) -> None:
    text, given = CONVERSATIONS[name]
    conversation = await Conversation(name).say(text)
    for answer in given:
        conversation.graph = load(name).copy(update={"checkpointer": conversation.graph.checkpointer})
        await conversation.answer(answer)
    uninterrupted = await Conversation(name).say(text)
    for answer in given:
        await uninterrupted.answer(answer)
    assert conversation.reply == uninterrupted.reply


@pytest.mark.parametrize("name", CONVERSATIONS)
async def test_a_graph_draws_its_nodes(name: str) -> None:
    drawn = {
        "deploy": {"model", "tools"},
        "refunds": {"review_letter"},
        "travel": {"human"},
        "database": {"model", "tools"},
    }
    assert set(load(name).get_graph().nodes) >= drawn[name]


# A provider's package as small as can be: it answers with a tool call when it was given tools, else with a text.
PROVIDER = """
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult

ARGS = {
    "Reading": {"place": "Kyoto", "days": 5},
    "deploy_service": {"service": "billing", "version": "9.9.9", "environment": "staging", "replicas": 1},
}

class ChatOpenAI(BaseChatModel):
    model: str

    @property
    def _llm_type(self):
        return "stand-in"

    def bind_tools(self, tools, **kwargs):
        return self.bind(names=[getattr(tool, "name", None) or tool.__name__ for tool in tools])

    def _generate(self, messages, stop=None, run_manager=None, names=(), **kwargs):
        calls = [{"name": name, "args": ARGS[name], "id": "call_1"} for name in names if name in ARGS]
        return ChatResult(generations=[ChatGeneration(message=AIMessage(f"{self.model} wrote this", tool_calls=calls))])
"""


def test_with_a_key_and_a_package_the_same_graphs_use_the_real_model(tmp_path: Path) -> None:
    (tmp_path / "langchain_openai").mkdir()
    (tmp_path / "langchain_openai" / "__init__.py").write_text(PROVIDER)
    code = """
from langgraph.checkpoint.memory import InMemorySaver
for path, text in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
    graph = load(path).copy(update={"checkpointer": InMemorySaver()})
    config = {"configurable": {"thread_id": "1"}}
    asked = graph.invoke({"messages": [{"role": "user", "content": text}]}, config)["__interrupt__"][0].value
    print(asked if isinstance(asked, str) else asked.get("text_to_revise") or asked["action_requests"][0]["args"])
"""
    asking = {name: text for name, (text, answers) in CONVERSATIONS.items() if answers}
    said = [each for name, text in asking.items() for each in (str(EXAMPLES / f"{name}.py"), text)]
    lines = run(code, tmp_path, *said, OPENAI_API_KEY="made-up", PYTHONPATH=str(tmp_path))
    assert lines == [
        "{'service': 'billing', 'version': '9.9.9', 'environment': 'staging', 'replicas': 1}",
        "gpt-5-mini wrote this",
        "Travel adviser here. How much may the hotel cost in all, in euros?",
    ]


def test_a_key_without_its_package_leaves_the_script_and_says_so(tmp_path: Path) -> None:
    code = """
import logging
logging.basicConfig(stream=sys.stdout, format="%(message)s")
load(sys.argv[1])
"""
    lines = run(code, tmp_path, str(EXAMPLES / "travel.py"), ANTHROPIC_API_KEY="made-up")
    assert lines == ["ANTHROPIC_API_KEY is set, but langchain-anthropic is not installed: not using it"]
