"""Which types an agent's checkpoints may be made of: those of its own code and state, and nothing that acts."""

from contextlib import AsyncExitStack
from pathlib import Path
from textwrap import dedent

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from adapters.langgraph.agents import AgentSpec
from adapters.langgraph.opening import open_agent

GRAPH = """
import decimal
import subprocess
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from typing import Annotated, Any, NamedTuple, Optional, TypedDict

from langchain_core.agents import AgentAction
from langchain_core.documents.base import Blob
from langchain_core.language_models import FakeListChatModel
from langchain_core.tools import tool
from langgraph.graph import START, StateGraph
from pydantic import BaseModel
import own_beside
from own_beside import helper

class Step(BaseModel):
    n: int

@dataclass
class Unnamed:
    at: "NotThere"

class Pair(NamedTuple):
    a: int

class Money(decimal.Decimal):
    pass

class Worker:
    pass

class Nested(TypedDict, total=False):
    action: list[AgentAction | None]

class State(TypedDict, total=False):
    steps: Annotated[list[Step], lambda a, b: b]
    nested: dict[str, Optional[Nested]]
    blob: Blob
    any: Any

@tool
def act(x: int) -> int:
    "Acts."
    return x

graph = StateGraph(State).add_node("a", helper).add_edge(START, "a")
"""

BESIDE = """
from pydantic import BaseModel

class Beside(BaseModel):
    n: int

def helper(state):
    return {"any": Beside(n=1)}
"""


@pytest.fixture
async def types(tmp_path: Path) -> frozenset[tuple[str, str]]:
    (tmp_path / "own_graph.py").write_text(dedent(GRAPH))
    (tmp_path / "own_beside.py").write_text(dedent(BESIDE))
    async with AsyncExitStack() as stack:
        agent = await open_agent(AgentSpec("own_graph.py:graph", tmp_path), InMemorySaver(), stack)
    return agent.types


def test_data_of_its_own_modules_and_of_its_state_is(types: frozenset[tuple[str, str]]) -> None:
    own = {name for module, name in types if module.startswith("signoff_agent_own_graph_")}
    assert own == {"Step", "Unnamed", "Pair", "Money"}
    assert ("own_beside", "Beside") in types
    assert ("langchain_core.agents", "AgentAction") in types
    assert ("langchain_core.documents.base", "Blob") in types
    assert ("http", "HTTPStatus") in types


def test_what_acts_is_not_nor_what_only_libraries_name(types: frozenset[tuple[str, str]]) -> None:
    names = {name for _, name in types}
    assert not names & {"Worker", "FakeListChatModel", "StructuredTool", "StateGraph", "BaseModel", "Enum", "Decimal"}
    assert not [module for module, _ in types if module in ("subprocess", "os", "langgraph.graph.state", "builtins")]
