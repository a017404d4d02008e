"""A node's fingerprint changes with its code, and with nothing else (P4)."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import langgraph.graph
import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.tools import tool

from adapters.langgraph.fingerprint import _mark, _Reader, fingerprints, is_library, texts
from adapters.langgraph.loading.exports import load

SOURCE = """
from typing import TypedDict
from functools import partial
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt

class State(TypedDict, total=False):
    text: str

LIMIT = 3
STARTED = id(object())

def helper(question):
    return interrupt(question)

def make(question):
    def made(state):
        return {"text": interrupt(question)}
    return made

class Node:
    def __call__(self, state):
        return {"text": self.ask()}
    def ask(self):
        return interrupt("class")

def asks(state):
    if state.get("text") in {"a", "b", "c", "d", "e", "f"}:
        return {}
    return {"text": helper("sure?")}

def beside(state):
    return {"text": str(LIMIT) + str(STARTED)}

def taking(question, state):
    return {"text": interrupt(question)}

inner = StateGraph(State).add_node("deep", asks).add_edge(START, "deep").compile()

def calls(state):
    return inner.invoke(state)

builder = StateGraph(State)
builder.add_node("asks", asks)
builder.add_node("beside", beside)
builder.add_node("made", make("made?"))
builder.add_node("object", Node())
builder.add_node("partial", partial(taking, "partial?"))
builder.add_node("inner", inner)
builder.add_node("calls", calls)
for name in ("asks", "beside", "made", "object", "partial", "inner", "calls"):
    builder.add_edge(START, name)
graph = builder.compile()
"""


def marks(folder: Path, source: str) -> dict[str, str]:
    folder.mkdir()
    (folder / "agent.py").write_text(source)
    return dict(fingerprints(load("agent.py:graph", folder)))


@pytest.mark.promise("P4")
@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("LIMIT = 3", "\n\n# a comment\nLIMIT = 3", set()),
        ("LIMIT = 3", "LIMIT = 4", {"beside"}),
        ('"sure?"', '"really?"', {"asks", "inner/deep", "inner", "calls"}),
        (
            "return interrupt(question)\n\ndef make",
            "interrupt('x'); return interrupt(question)\n\ndef make",
            {"asks", "inner/deep", "inner", "calls"},
        ),
        ("str(LIMIT)", "repr(LIMIT)", {"beside"}),
        ("STARTED = id(object())", "STARTED = id(object()) + 1", set()),
        ('make("made?")', 'make("done?")', {"made"}),
        ('"class"', '"klass"', {"object"}),
        (
            '{"text": interrupt(question)}\n    return made',
            '{"text": str(interrupt(question))}\n    return made',
            {"made"},
        ),
        ('return {"text": interrupt(question)}\n\ninner', 'return {"text": 1}\n\ninner', {"partial"}),
        ('"d", "e"', '"d", "z"', {"asks", "inner/deep", "inner", "calls"}),
    ],
)
def test_what_changes_a_fingerprint(tmp_path: Path, old: str, new: str, changed: set[str]) -> None:
    assert old in SOURCE
    before, after = marks(tmp_path / "v1", SOURCE), marks(tmp_path / "v2", SOURCE.replace(old, new, 1))
    assert before.keys() == after.keys()
    assert {path for path in before if before[path] != after[path]} == changed


MADE_AT_START = """
from time import time
from typing import TypedDict
from uuid import uuid4
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt

class State(TypedDict, total=False):
    text: str

def make(session, question, where):
    def asks(state, began=time(), token=uuid4().bytes, limit=3, *, key=uuid4().hex):
        return {"text": interrupt({"question": question, "session": session, "where": where})}
    return asks

builder = StateGraph(State).add_node("asks", make(uuid4().hex, "sure?", ("eu", uuid4().hex)))
graph = builder.add_edge(START, "asks").compile()
"""


@pytest.mark.promise("P4")
def test_what_a_closure_or_a_default_was_given_at_start_is_not_code(tmp_path: Path) -> None:
    assert marks(tmp_path / "v1", MADE_AT_START) == marks(tmp_path / "v2", MADE_AT_START)


@pytest.mark.promise("P4")
@pytest.mark.parametrize(("old", "new"), [('"sure?"', '"really?"'), ("limit=3", "limit=4"), ('"eu"', '"us"')])
def test_what_is_written_for_a_closure_or_a_default_is_code(tmp_path: Path, old: str, new: str) -> None:
    before = marks(tmp_path / "v1", MADE_AT_START)
    after = marks(tmp_path / "v2", MADE_AT_START.replace(old, new, 1))
    assert before["asks"] != after["asks"]


def test_another_name_is_another_fingerprint(tmp_path: Path) -> None:
    before, after = marks(tmp_path / "v1", SOURCE), marks(tmp_path / "v2", SOURCE.replace('"asks"', '"erase"'))
    assert before["asks"] not in after.values()


def _run(code: str, seed: str) -> str:
    root = Path(__file__).parents[3]
    environment = {"PYTHONHASHSEED": seed, "PYTHONPATH": str(root)}
    ran = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code], cwd=root, env=environment, capture_output=True, text=True, check=True
    )
    return ran.stdout


def agent(body: Any) -> Any:
    middleware = HumanInTheLoopMiddleware({"deploy": True})
    return create_agent(GenericFakeChatModel(messages=iter([])), tools=[body], middleware=[middleware])


def test_a_prebuilt_agent_has_a_fingerprint_for_each_node_and_its_tools_count() -> None:
    @tool
    def deploy(env: str) -> str:
        """Deploy."""
        return env

    first, again = fingerprints(agent(deploy)), fingerprints(agent(deploy))
    assert first == again
    assert "HumanInTheLoopMiddleware.after_model" in first

    @tool("deploy")
    def other(env: str) -> str:
        """Deploy."""
        return env + "!"

    changed = fingerprints(agent(other))
    assert {path for path in first if first[path] != changed[path]} == {"tools"}


TASKS = """
from langgraph.func import entrypoint, task
from langgraph.types import interrupt

def review(call):
    answer = interrupt(call)
    return answer["action"], answer.get("data")

@task
def asks(topic):
    return interrupt(topic)

@task
def beside(topic):
    return topic

@entrypoint()
def graph(topic):
    return asks(topic).result(), beside(topic).result(), review(topic)
"""


@pytest.mark.parametrize(
    "change", [("return interrupt(topic)", "return interrupt(topic + '!')"), ("return topic\n", "return 1\n")]
)
def test_the_tasks_of_a_workflow_are_its_code(tmp_path: Path, change: tuple[str, str]) -> None:
    (tmp_path / "flow.py").write_text(TASKS)
    first = fingerprints(load("flow.py:graph", tmp_path))
    assert first == fingerprints(load("flow.py:graph", tmp_path))
    (tmp_path / "flow.py").write_text(TASKS.replace(*change))
    assert first != fingerprints(load("flow.py:graph", tmp_path))


def test_the_texts_of_a_node_are_those_of_all_the_code_that_it_reaches(tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(TASKS)
    (found,) = texts(load("flow.py:graph", tmp_path)).values()
    assert {"'action'", "'data'"} <= found
    assert "'topic'" not in found


@pytest.mark.parametrize(
    ("file", "library"),
    [
        (os.__file__, True),
        (langgraph.graph.__file__, True),
        ("/root/.local/lib/python3.11/site-packages/langchain/agents/factory.py", True),
        ("/usr/lib/python3/dist-packages/yaml/__init__.py", True),
        ("<string>", True),
        ("/srv/packages/agent.py", False),
        (__file__, False),
    ],
)
def test_installed_packages_are_libraries_wherever_they_lie(file: str, library: bool) -> None:  # noqa: FBT001
    assert is_library(file) is library


HOLDS = """
from dataclasses import dataclass
from functools import partial
from typing import TypedDict
from uuid import uuid4
from langchain_core.tools import tool
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt

class State(TypedDict, total=False):
    text: str

class Base:
    where = "nowhere"
    def run(self, text):
        return self.does(text)

class Dry(Base):
    def does(self, text):
        return "dry"

class Real(Base):
    def does(self, text):
        return "real"

class Elsewhere(Dry):
    where = "production"

class Slots:
    __slots__ = ("client", "empty")
    def __init__(self, client):
        self.client = client

class Around:
    def __init__(self, client):
        self.client, self.me, self.many = client, self, [Dry() for _ in HISTORY]
    def __getattribute__(self, name):
        raise AssertionError("called")
    def __eq__(self, other):
        raise AssertionError("called")
    def __hash__(self):
        return id(self)
    def __repr__(self):
        raise AssertionError("called")
    def __iter__(self):
        raise AssertionError("called")
    @property
    def __class__(self):
        raise AssertionError("called")

class Registry(dict):
    def items(self):
        raise AssertionError("called")

def dry(text):
    return "dry"

def real(text):
    return "real"

@tool
def dry_tool(text: str) -> str:
    "Run."
    return "dry"

@tool
def real_tool(text: str) -> str:
    "Run."
    return "real"

HISTORY = [0] * 3
ONE, OTHER = dry, real

def make(held):
    def asks(state):
        return {"text": held.run(interrupt("sure?"))}
    return asks

class Node:
    def __init__(self, held):
        self.held = held
    def asks(self, state):
        return {"text": self.held.run(interrupt("sure?"))}

def given(held, state):
    return {"text": held.run(interrupt("sure?"))}

def by_default(state, held=HELD):
    return {"text": held.run(interrupt("sure?"))}

GLOBAL = HELD

def by_global(state):
    return {"text": GLOBAL.run(interrupt("sure?"))}

builder = StateGraph(State)
for name, node in {
    "closure": make(HELD), "self": Node(HELD).asks, "partial": partial(given, HELD), "default": by_default,
    "global": by_global, "object": Node(HELD).asks,
}.items():
    builder.add_node(name, node).add_edge(START, name)
graph = builder.compile()
"""
CHANGES = [
    ("Dry()", "Real()"),
    ("Dry()", "Elsewhere()"),
    ("{'run': dry}", "{'run': real}"),
    ("Registry(run=dry)", "Registry(run=real)"),
    ("{'a': dry, 'b': real, 'c': real}", "{'a': dry, 'b': dry, 'c': real}"),
    ("[dry, real, real]", "[dry, dry, real]"),
    ("({dry, ONE}, 1)", "({dry, OTHER}, 1)"),
    ("frozenset([Dry()])", "frozenset([Real()])"),
    ("{'deep': [(Dry(),)]}", "{'deep': [(Real(),)]}"),
    ("Slots(Dry())", "Slots(Real())"),
    ("Slots({1: Slots(dry)})", "Slots({1: Slots(real)})"),
    ("partial(dry, 'x')", "partial(real, 'x')"),
    ("[dry_tool]", "[real_tool]"),
    ("Dry().run", "Real().run"),
    ("[Dry]", "[Real]"),
]


@pytest.mark.promise("P4")
@pytest.mark.parametrize(("old", "new"), CHANGES)
def test_the_code_of_what_a_node_holds_is_its_code(tmp_path: Path, old: str, new: str) -> None:
    before, after = (marks(tmp_path / each, HOLDS.replace("HELD", each)) for each in (old, new))
    assert {path for path in before if before[path] == after[path]} == {"__start__"} & before.keys()


@pytest.mark.promise("P4")
@pytest.mark.parametrize(
    "held", ["Around(Dry())", "[object(), 1]", "Dry()", "{uuid4().hex: Dry(), uuid4().hex: Dry()}"]
)
def test_reading_what_a_node_holds_calls_none_of_it_and_does_not_read_its_data(tmp_path: Path, held: str) -> None:
    source = HOLDS.replace("HELD", held)
    before = marks(tmp_path / "v1", source)
    assert before == marks(tmp_path / "v2", source.replace("[0] * 3", "[0] * 5000"))


STORED = """
from functools import partial

LIMIT, STARTED = 3, id(object())

class Dry:
    mode, since = "dry", str(id(object()))
    def __init__(self, inner=None):
        self.inner, self.data = inner, [1, 2]
    def run(self, question):
        return f"{question}? {LIMIT}"

def helper(question, again="sure?", seen=STARTED):
    return f"{question} {again} {seen}"

def make(question, how):
    def made(state, *, more=("x", 2.5)):
        return how(question) if state else [each for each in more]
    return made

class Node:
    def __call__(self, state):
        return self.ask(state, LIMIT)
    def ask(self, state, limit):
        return TOOLS["first"].run(state[:limit])

TOOLS = {"first": Dry(Dry()), STARTED: helper, "plain": {"second": [helper, Dry]}}
node, closure, given = Node(), make("why", helper), partial(make, "why", how=helper)
"""
MARKS = {
    (3, 11): {
        "node": ["6386600e0e9519e2", "fbd771be8dc5538c"],
        "closure": ["c7e1eff9dd7b96f2", "c7e1eff9dd7b96f2"],
        "given": ["421c30ca9878e735", "52d40b12326d0bd8"],
        "helper": ["a7e86718f04eef30", "a7e86718f04eef30"],
        "Dry": ["57ddab7608394e96", "5bae9b6483db183b"],
    },
}
"""Made by Signoff before it read the constants of a file only where they matter."""


@pytest.mark.promise("P4")
@pytest.mark.skipif(sys.version_info[:2] not in MARKS, reason="each version of Python compiles bytecode of its own")
def test_the_same_code_has_the_fingerprint_that_an_earlier_signoff_stored(tmp_path: Path) -> None:
    (tmp_path / "stored.py").write_text(STORED)
    found: dict[str, list[str]] = {}
    for name in ("node", "closure", "given", "helper", "Dry"):
        for held in (False, True):
            reader = _Reader(held=held)
            reader.read(load(f"stored.py:{name}", tmp_path))
            found.setdefault(name, []).append(_mark(name, reader))
    assert found == MARKS[sys.version_info[:2]]


IN_NO_ORDER = "{dry, ONE, real, Dry, Real, Slots(frozenset([Dry, make, given]))}"


@pytest.mark.promise("P4")
@pytest.mark.parametrize("source", [SOURCE, HOLDS.replace("HELD", IN_NO_ORDER)], ids=["simple", "in no order"])
def test_another_process_finds_the_same(tmp_path: Path, source: str) -> None:
    (tmp_path / "agent.py").write_text(source)
    code = (
        "import json; from pathlib import Path; from adapters.langgraph.fingerprint import fingerprints\n"
        "from adapters.langgraph.loading.exports import load\n"
        f"print(json.dumps(dict(fingerprints(load('agent.py:graph', Path({str(tmp_path)!r}))))))"
    )
    found = [_run(code, seed) for seed in ("1", "2")]
    assert found[0] == found[1]
