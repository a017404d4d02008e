"""A graph is found in whatever form it is exported, and each fault is one sentence."""

import asyncio
import importlib
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.store.memory import InMemoryStore
from support.graph_talk import talking

from adapters.langgraph.agents import AgentSpec
from adapters.langgraph.loading.exports import Loaded, LoadError, check_spec, load, open_graph
from adapters.langgraph.opening import open_agent

BUILDER = """
from typing import TypedDict
from langgraph.graph import START, StateGraph

class State(TypedDict, total=False):
    text: str

builder = StateGraph(State)
builder.add_node("node", lambda state: {"text": "ran"})
builder.add_edge(START, "node")
"""


async def opened(folder: Path, source: str, attribute: str = "graph", saver: Any = None) -> Loaded:
    (folder / "agent.py").write_text(source)
    spec = f"agent.py:{attribute}"
    async with AsyncExitStack() as stack:
        return await open_graph(spec, load(spec, folder), saver or InMemorySaver(), stack)


@pytest.mark.parametrize(
    "export",
    [
        "graph = builder",
        "graph = builder.compile()",
        "def graph(): return builder.compile()",
        "def graph(): return builder",
        "async def graph(): return builder.compile()",
        "def graph(config): return builder.compile() if 'configurable' in config else None",
        "async def graph(config): return builder.compile()",
        "def graph(config=None): return builder.compile() if config is not None else None",
        "def graph(debug=False): return builder.compile() if 'configurable' in debug else None",
        "def graph(*, config): return builder.compile() if 'configurable' in config else None",
        "def graph(config, /): return builder.compile() if 'configurable' in config else None",
        "def graph(*args, **kwargs): return builder.compile() if not args and not kwargs else None",
        "import contextlib\n@contextlib.asynccontextmanager\nasync def graph():\n    yield builder.compile()",
        "from contextlib import contextmanager\n@contextmanager\ndef graph(config):\n    yield builder.compile()",
        "graph = builder.compile().with_config(tags=['x'])",
    ],
)
async def test_every_form_gets_our_checkpointer(tmp_path: Path, export: str) -> None:
    saver = InMemorySaver()
    loaded = await opened(tmp_path, BUILDER + export, saver=saver)
    assert loaded.warnings == ()
    config = {"configurable": {"thread_id": "t"}}
    assert await loaded.graph.ainvoke({"text": ""}, config) == {"text": "ran"}
    assert (await saver.aget_tuple(config)) is not None  # type: ignore[arg-type]


async def test_a_context_manager_is_left_when_we_close(tmp_path: Path) -> None:
    source = (
        BUILDER
        + "from contextlib import asynccontextmanager\nlog = []\n@asynccontextmanager\nasync def graph():\n"
        + "    log.append('in')\n    yield builder.compile()\n    log.append('out')\n"
    )
    (tmp_path / "agent.py").write_text(source)
    exported = load("agent.py:graph", tmp_path)
    log = exported.__wrapped__.__globals__["log"]
    async with AsyncExitStack() as stack:
        await open_graph("agent.py:graph", exported, InMemorySaver(), stack)
        assert log == ["in"]
    assert log == ["in", "out"]


async def test_its_own_checkpointer_is_replaced_with_a_warning(tmp_path: Path) -> None:
    own = "from langgraph.checkpoint.memory import InMemorySaver\ngraph = builder.compile(checkpointer=InMemorySaver())"
    saver = InMemorySaver()
    loaded = await opened(tmp_path, BUILDER + own, saver=saver)
    assert loaded.graph.checkpointer is saver
    assert "checkpointer of its own" in loaded.warnings[0]


def test_siblings_can_be_imported_and_their_folder_stays_last_in_the_path(tmp_path: Path) -> None:
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "sibling_of_agent.py").write_text("graph = 'sibling'")
    (tmp_path / "agents" / "agent.py").write_text("from sibling_of_agent import graph")
    before = list(sys.path)
    assert load("agents/agent.py:graph", tmp_path) == "sibling"
    assert load("agents/agent.py:graph", tmp_path) == "sibling"
    assert sys.path == [*before, str(tmp_path), str(tmp_path / "agents")]


def test_what_is_installed_is_found_before_a_file_of_the_same_name(tmp_path: Path) -> None:
    (tmp_path / "jmespath.py").write_text("raise RuntimeError('not this one')")
    (tmp_path / "agent.py").write_text("import jmespath\ngraph = jmespath.search('a', {'a': 'installed'})")
    assert load("agent.py:graph", tmp_path) == "installed"


def test_a_module_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "module_of_agent.py").write_text("graph = 'found'")
    assert load("module_of_agent:graph", tmp_path) == "found"


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("graph = 3", "is of type int, not a graph"),
        ("", "there is no 'graph' in it. It has: nothing."),
        ("other = 1", "It has: other."),
        ("def broken(:\n  pass", "agent.py, line 1: SyntaxError"),
        (
            "import nothing_of_this_name",
            "agent.py, line 1: ModuleNotFoundError: No module named 'nothing_of_this_name'. ",
        ),
        ("import nothing_of_this_name", f"Install its package into Signoff's environment ({sys.prefix}), or "),
        ("import langchain_nowhere", "-m pip install langchain-nowhere`."),
        (
            "import socket\nraise socket.gaierror(-2, 'Name or service not known')",
            "agent.py, line 2: gaierror: [Errno -2]",
        ),
        ("raise ConnectionRefusedError(111, 'refused')", "reaches over the network while it is imported: move it into"),
        ("from . import nodes", "Name the module without the dot, or write graph: as package.module:name."),
        ("def graph(config, runtime): ...", "or these two; this one needs config, runtime."),
        ("x = 1\ny = 1 / 0", "agent.py, line 2: ZeroDivisionError: division by zero."),
        ("import sys\nsys.exit(3)", "it ends the process (SystemExit: 3)."),
        ("def graph():\n    raise RuntimeError('no key')", "agent.py, line 2: RuntimeError: no key."),
        ("def graph():\n    return 3", "is of type int, not a graph"),
        ("def graph(one, two): ...", "this one needs one, two."),
        ("graph = dict", "no signature found for builtin type"),
        (BUILDER + "graph = builder.compile() | (lambda x: x)", "can hold no checkpointer"),
        ("from langgraph.graph import StateGraph\ngraph = StateGraph(dict)", "ValueError"),
        ("import json\njson.loads('{')", "agent.py, line 2: JSONDecodeError"),
        ("import os\n\nkey = os.environ['NO_SUCH_KEY']", "agent.py, line 3: KeyError: 'NO_SUCH_KEY'."),
        ("import ast\nast.parse('def broken(:')", "agent.py, line 2: SyntaxError"),
        ("def __getattr__(name):\n    raise RuntimeError('no key')", "agent.py, line 2: RuntimeError: no key."),
    ],
)
async def test_each_fault_is_one_sentence(tmp_path: Path, source: str, says: str) -> None:
    with pytest.raises(LoadError) as caught:
        await opened(tmp_path, source)
    message = str(caught.value)
    assert says in message
    assert message.startswith("graph: 'agent.py:graph'")
    assert "\n" not in message
    assert "Traceback" not in message


async def test_a_fault_in_the_current_folder_is_not_told_of_python_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LoadError, match=r"agent\.py, line 2: KeyError: 'NO_SUCH_KEY'\. This variable"):
        await opened(tmp_path, "import os\nkey = os.environ['NO_SUCH_KEY']")


@pytest.mark.parametrize(
    ("helper", "says"),
    [
        ("x = 1\nimport nothing_of_this_name", "helper_of_agent.py, line 2: ModuleNotFoundError: No module named"),
        ("import json.nothing_of_this_name", "helper_of_agent.py, line 1: ModuleNotFoundError"),
        ("from json import nothing_of_this_name", "helper_of_agent.py, line 1: ImportError: cannot import name"),
        ("x = 1\ndef broken(:", "helper_of_agent.py, line 2: SyntaxError"),
    ],
)
def test_a_fault_in_a_module_that_the_graph_imports_is_told_there(tmp_path: Path, helper: str, says: str) -> None:
    (tmp_path / "agent.py").write_text("from helper_of_agent import x\ngraph = x")
    (tmp_path / "helper_of_agent.py").write_text(helper)
    with pytest.raises(LoadError) as caught:
        load("agent.py:graph", tmp_path)
    assert says in str(caught.value)
    assert "json.nothing_of" not in helper or "nothing_of_this_name" in str(caught.value)


def test_a_module_of_another_folder_is_told_with_its_own_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "module_elsewhere.py").write_text("import os\n\ngraph = os.environ['NO_SUCH_KEY']")
    monkeypatch.syspath_prepend(tmp_path / "elsewhere")
    with pytest.raises(LoadError, match=r"module_elsewhere\.py, line 3: KeyError"):
        load("module_elsewhere:graph", tmp_path)


def test_a_fault_in_an_installed_package_is_told_at_the_line_that_imports_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "venv" / "site-packages"
    installed.mkdir(parents=True)
    (installed / "package_of_others.py").write_text("import nothing_of_this_name")
    (tmp_path / "agent.py").write_text("x = 1\nimport package_of_others")
    monkeypatch.syspath_prepend(installed)
    with pytest.raises(LoadError, match=r"agent\.py, line 2: ModuleNotFoundError: .*nothing_of_this_name"):
        load("agent.py:graph", tmp_path)
    with pytest.raises(LoadError, match=r"package_of_others\.py, line 1: ModuleNotFoundError"):
        load("package_of_others:graph", tmp_path)


@pytest.mark.parametrize("spec", ["", "graph", "agent.py", "agent.py:", ":graph", "agent.py:not valid", "a.py:b.c"])
def test_a_spec_of_another_form_is_refused(tmp_path: Path, spec: str) -> None:
    with pytest.raises(LoadError, match="is not of the form"):
        check_spec(spec, tmp_path)


def test_a_missing_file_is_told_with_its_whole_path(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match=r"there is no file .*/nowhere/agent.py"):
        check_spec("nowhere/agent.py:graph", tmp_path)


def test_checking_a_path_does_not_import_langgraph() -> None:
    code = (
        "import sys; from pathlib import Path; from adapters.langgraph.loading.exports import check_spec, LoadError\n"
        "try: check_spec('no.py:graph', Path())\nexcept LoadError: pass\n"
        "sys.exit(any(name.split('.')[0] in ('langgraph', 'langchain_core') for name in sys.modules))"
    )
    root = Path(__file__).parents[3]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0  # noqa: S603


@pytest.mark.parametrize(
    "export",
    [
        "def node(state):\n    from beside import WORD\n    return {'text': WORD}",
        "async def graph(config):\n    from beside import WORD\n    return made(lambda state: {'text': WORD})",
    ],
    ids=["node", "factory"],
)
async def test_a_node_and_a_factory_import_what_stands_beside_them(tmp_path: Path, export: str) -> None:
    (tmp_path / "beside.py").write_text("WORD = 'from beside'")
    made = BUILDER.partition("builder =")[0] + (
        "def made(node):\n    builder = StateGraph(State)\n    builder.add_node('node', node)\n"
        "    return builder.add_edge(START, 'node')\n"
    )
    (tmp_path / "agent.py").write_text(f"{made}{export}\n" + ("" if "graph(" in export else "graph = made(node)\n"))
    try:
        async with talking(tmp_path / "agent.py", input={"text": "$text"}, reply="text") as talk:
            said = (await talk.say()).reply
            assert said is not None
            assert said.text == "from beside"
    finally:
        sys.modules.pop("beside", None)


OWN_STORE = (
    "from langgraph.store.memory import InMemoryStore\nstore = InMemoryStore()\ngraph = builder.compile(store=store)"
)


@pytest.mark.parametrize("export", ["graph = builder", "graph = builder.compile()", "def graph(): return builder"])
async def test_a_graph_without_a_store_gets_ours(tmp_path: Path, export: str) -> None:
    (tmp_path / "agent.py").write_text(BUILDER + export)
    ours = InMemoryStore()
    async with AsyncExitStack() as stack:
        spec = "agent.py:graph"
        loaded = await open_graph(spec, load(spec, tmp_path), InMemorySaver(), stack, ours)
    assert loaded.graph.store is ours


async def test_a_graph_that_has_a_store_keeps_it(tmp_path: Path) -> None:
    (tmp_path / "agent.py").write_text(BUILDER + OWN_STORE)
    async with AsyncExitStack() as stack:
        exported = load("agent.py:graph", tmp_path)
        loaded = await open_graph("agent.py:graph", exported, InMemorySaver(), stack, InMemoryStore())
    assert loaded.graph.store is exported.store is not None


RUNTIME = "from langgraph_sdk.runtime import ServerRuntime\n"
ONLY_FOR_TYPES = (
    "from __future__ import annotations\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n"
    "    from langgraph_sdk.runtime import ServerRuntime\n    from nowhere import Config, Other\n"
)
USED = "    return builder if runtime.execution_runtime.store is runtime.store else None\n"


@pytest.mark.parametrize(
    "source",
    [
        RUNTIME + BUILDER + "def graph(runtime: ServerRuntime):\n" + USED,
        RUNTIME + BUILDER + "def graph(runtime: 'ServerRuntime | None' = None):\n" + USED,
        RUNTIME + BUILDER + "async def graph(*, runtime: ServerRuntime):\n" + USED,
        RUNTIME + BUILDER + "def graph(config, runtime: ServerRuntime):\n    config['configurable']\n" + USED,
        RUNTIME + BUILDER + "def graph(runtime: ServerRuntime, config: dict):\n    config['tags']\n" + USED,
        ONLY_FOR_TYPES + BUILDER + "def graph(config: Config, runtime: ServerRuntime) -> Other:\n" + USED,
        RUNTIME + BUILDER + "class Made:\n  def __call__(self, runtime: ServerRuntime):\n  " + USED + "graph = Made()",
        RUNTIME + BUILDER + "import functools\ndef make(runtime: ServerRuntime):\n" + USED
        + "graph = functools.partial(make)",
    ],
)  # fmt: skip
async def test_a_factory_gets_a_server_runtime_by_its_annotation(tmp_path: Path, source: str) -> None:
    assert (await opened(tmp_path, source)).warnings == ()


async def test_a_runtime_has_the_defaults_of_its_context(tmp_path: Path) -> None:
    source = (
        f"from dataclasses import dataclass\n{RUNTIME}{BUILDER}@dataclass\nclass Context:\n    word: str = 'yes'\n"
        "def graph(runtime: ServerRuntime[Context]):\n"
        "    return builder if runtime.execution_runtime.context.word == 'yes' else None\n"
    )
    await opened(tmp_path, source)


async def test_a_workflow_is_taken_as_it_is(tmp_path: Path) -> None:
    source = "from langgraph.func import entrypoint\n@entrypoint()\ndef graph(text):\n    return text\n"
    saver = InMemorySaver()
    loaded = await opened(tmp_path, source, saver=saver)
    assert loaded.graph.checkpointer is saver
    assert loaded.warnings == ()


@pytest.mark.parametrize("form", ["", "@contextlib.contextmanager\n"])
async def test_a_slow_factory_does_not_stop_the_event_loop(tmp_path: Path, form: str) -> None:
    """It waits for the loop to go on: run in the loop it would wait until it gives up."""
    made = "yield" if form else "return"
    source = (
        f"{BUILDER}import contextlib, threading\nticked = threading.Event()\n{form}def graph():\n"
        f"    assert ticked.wait(20)\n    {made} builder.compile()\n"
    )
    (tmp_path / "agent.py").write_text(source)
    exported = load("agent.py:graph", tmp_path)
    ticked = sys.modules[load_name(exported)].ticked
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
        group.create_task(open_graph("agent.py:graph", exported, InMemorySaver(), stack))
        group.create_task(asyncio.to_thread(ticked.set))


def load_name(exported: Any) -> str:
    return str(getattr(exported, "__wrapped__", exported).__module__)


def test_a_package_in_src_is_installed_with_the_project(tmp_path: Path) -> None:
    package = tmp_path / "src" / "package_in_src"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "state.py").write_text("x = 1")
    (package / "graph.py").write_text("from package_in_src.state import x\ngraph = x")
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'mine'\n")
    with pytest.raises(LoadError) as caught:
        load("./src/package_in_src/graph.py:graph", tmp_path)
    assert "graph.py, line 1: ModuleNotFoundError: No module named 'package_in_src'" in str(caught.value)
    assert f"run `pip install -e .` in {tmp_path}, with {sys.executable}." in str(caught.value)


TWICE = """
from dataclasses import dataclass
from langgraph.graph import START, StateGraph

@dataclass
class State:
    text: str = ""

import nodes_of_twice
graph = StateGraph(State).add_node("node", nodes_of_twice.node).add_edge(START, "node")
"""


FLAT = {
    "graph_of_twice.py": TWICE,
    "nodes_of_twice.py": "from graph_of_twice import State\ndef node(state):\n    assert type(state) is State\n"
    "    return {'text': 'one class'}\n",
}
LATE = {
    **FLAT,
    "nodes_of_twice.py": "def node(state):\n    from graph_of_twice import State\n    assert type(state) is State\n"
    "    return {'text': 'one class'}\n",
}
IN_PACKAGE = {
    "twice_package/__init__.py": "",
    "twice_package/graph.py": TWICE.replace("import nodes_of_twice", "import twice_package.nodes as nodes_of_twice"),
    "twice_package/nodes.py": "from .graph import State\nimport twice_package.graph\nfrom twice_package import graph\n"
    "def node(state):\n    assert type(state) is State is twice_package.graph.State is graph.State\n"
    "    return {'text': 'one class'}\n",
}


@pytest.fixture
def modules_as_before() -> Iterator[None]:
    before = dict(sys.modules)
    yield
    for name in set(sys.modules) - set(before):
        if "twice" in name:
            del sys.modules[name]


def written(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)


@pytest.mark.usefixtures("modules_as_before")
@pytest.mark.parametrize(
    ("files", "spec", "other"),
    [
        (FLAT, "graph_of_twice.py:graph", "graph_of_twice"),
        (LATE, "graph_of_twice.py:graph", ""),
        (IN_PACKAGE, "twice_package/graph.py:graph", "twice_package.graph"),
    ],
    ids=["flat", "late", "package"],
)
async def test_a_class_that_is_imported_by_path_and_by_name_exists_once(
    tmp_path: Path, files: Mapping[str, str], spec: str, other: str
) -> None:
    """Its name in checkpoints stays the one made from the path; threads with the other name can still be read."""
    written(tmp_path, files)
    async with AsyncExitStack() as stack:
        agent = await open_agent(AgentSpec(spec, tmp_path), InMemorySaver(), stack)
        assert (await agent.graph.ainvoke({"text": ""}, {"configurable": {"thread_id": "t"}}))["text"] == "one class"
    assert agent.warnings == ()
    assert {name for name, _ in agent.types if not name.startswith("signoff_agent_graph")} == (
        {other} if other else set()
    )
    assert {kind for _, kind in agent.types} == {"State"}


@pytest.mark.usefixtures("modules_as_before")
async def test_a_file_that_only_works_when_it_runs_twice_runs_twice_with_a_warning(tmp_path: Path) -> None:
    """A package that exports the graph, whose file imports from the package: it works under `langgraph dev`, too.

    Nothing keeps the half-filled module of the first attempt.
    """
    graph = TWICE.replace("import nodes_of_twice", "import holds_twice\nimport twice_package.nodes")
    written(
        tmp_path,
        {
            "twice_package/__init__.py": "from twice_package.graph_of_twice import graph\n",
            "twice_package/graph_of_twice.py": graph.replace("nodes_of_twice.node", "holds_twice.node")
            + "LAST = 'ran'\n",
            "twice_package/nodes.py": "",
            "holds_twice.py": "def node(state):\n    return {'text': graph_of_twice.LAST}\nimport graph_of_twice\n",
        },
    )
    async with AsyncExitStack() as stack:
        agent = await open_agent(AgentSpec("twice_package/graph_of_twice.py:graph", tmp_path), InMemorySaver(), stack)
        assert (await agent.graph.ainvoke({"text": ""}, {"configurable": {"thread_id": "t"}}))["text"] == "ran"
    (warning,) = agent.warnings
    assert "the project imports this file as " in warning
    assert "too, so State exists twice" in warning


@pytest.mark.usefixtures("modules_as_before")
async def test_a_file_that_is_loaded_anew_is_given_anew(tmp_path: Path) -> None:
    for text in ("one class", "another one"):
        written(tmp_path, {name: each.replace("one class", text) for name, each in FLAT.items()})
        async with AsyncExitStack() as stack:
            agent = await open_agent(AgentSpec("graph_of_twice.py:graph", tmp_path), InMemorySaver(), stack)
            state = await agent.graph.ainvoke({"text": ""}, {"configurable": {"thread_id": "t"}})
        assert agent.warnings == ()
        assert sys.modules["graph_of_twice"] is sys.modules[type(agent.graph.builder.state_schema()).__module__]
        del sys.modules["nodes_of_twice"]
        assert state["text"]


@pytest.mark.usefixtures("modules_as_before")
def test_a_file_that_fails_is_imported_by_name_as_any_other(tmp_path: Path) -> None:
    written(tmp_path, {"broken_twice.py": "import calls_twice\nraise ValueError('no')\n", "calls_twice.py": ""})
    for _ in range(2):
        with pytest.raises(LoadError, match=r"broken_twice\.py, line 2: ValueError: no"):
            load("broken_twice.py:graph", tmp_path)
        with pytest.raises(ValueError, match="no"):
            importlib.import_module("broken_twice")


@pytest.mark.usefixtures("modules_as_before")
@pytest.mark.parametrize("spelled", ["", "./"])
async def test_a_file_that_another_entry_loaded_runs_once_or_the_other_spelling_is_named(
    tmp_path: Path, spelled: str
) -> None:
    files = set[str]()
    written(tmp_path, FLAT)
    first = load(f"{spelled}graph_of_twice.py:State", tmp_path, files)
    async with AsyncExitStack() as stack:
        agent = await open_agent(AgentSpec("graph_of_twice.py:graph", tmp_path), InMemorySaver(), stack, files)
    if not spelled:
        assert agent.graph.builder.state_schema is first
        assert agent.warnings == ()
    else:
        assert "another entry spells the path of this file in another way, so State exists twice" in agent.warnings[0]
        assert "graph: signoff_agent_" not in agent.warnings[0]


@pytest.mark.usefixtures("modules_as_before")
def test_files_of_one_spelling_in_two_folders_are_two(tmp_path: Path) -> None:
    files, found = set[str](), list[str]()
    for folder in ("one", "other"):
        (tmp_path / folder).mkdir()
        written(tmp_path / folder, {"named_twice.py": f"NAME = '{folder}'\n"})
        found.append(load("named_twice.py:NAME", tmp_path / folder, files))
    assert found == ["one", "other"]
