"""`signoff init` on small projects: what it writes, what it says, and how it ends."""

import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from support.made_projects import ASKING, TOKENS, one, process_as_it_was, project, written

from bot.cli import invoke
from bot.commands.init import Options, init, write
from bot.commands.init_file import agent_names
from bot.config.load import examined
from bot.config.problems import ProblemsError
from bot.config.values import AGENT_NAME


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    with process_as_it_was():
        yield


def test_the_file_is_complete_and_valid_and_names_no_value(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = one(tmp_path, env={"BILLING_TOKEN": "tok-of-the-project"}, http={"app": "x"})
    before = {*folder.rglob("*")}
    assert invoke(["init", str(folder)]) == 0
    out = capsys.readouterr().out
    assert "refunds: ./src/a.py:graph, in #refunds and direct messages; asks people in review" in out
    assert "not used of langgraph.json: http" in out
    assert out.endswith("Next: signoff demo\n")
    made = {each for each in folder.rglob("*") if "__pycache__" not in each.parts} - before
    assert made == {folder / "app.yaml"}
    assert written(folder) == {
        "project": "langgraph.json",
        "agents": {
            "refunds": {
                "graph": "./src/a.py:graph",
                "description": "Reviews refunds",
                "channels": ["#refunds"],
                "direct_messages": True,
                "input": {"question": "$text"},
                "reply": "answer",
            }
        },
    }
    text = (folder / "app.yaml").read_text()
    assert "BILLING_TOKEN, OPENAI_API_KEY, REGION" in text
    assert "tok-of-the-project" not in text + out
    config, problems = examined(folder / "app.yaml", TOKENS)
    assert not problems
    assert config is not None


def test_an_app_yaml_that_exists_stays_and_force_writes_the_same_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = one(tmp_path)
    (folder / "app.yaml").write_text("agents: {}\n")
    assert invoke(["init", str(folder)]) == 1
    assert capsys.readouterr().err == (
        f"{folder}/app.yaml: exists already, so nothing was written. Add --force to replace it, or --dry-run to see "
        "what would be written.\n"
    )
    assert (folder / "app.yaml").read_text() == "agents: {}\n"
    assert invoke(["init", str(folder), "--force"]) == 0
    first = (folder / "app.yaml").read_bytes()
    assert invoke(["init", str(folder), "--force"]) == 0
    assert (folder / "app.yaml").read_bytes() == first


def test_a_dry_run_prints_the_file_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = one(tmp_path)
    assert invoke(["init", str(folder), "--dry-run"]) == 0
    assert list(yaml.safe_load(capsys.readouterr().out)["agents"]) == ["refunds"]
    assert not (folder / "app.yaml").exists()


def test_one_of_three_does_not_import_and_the_other_two_are_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = project(
        tmp_path,
        {"a": "./a.py:graph", "bad": "./bad.py:graph", "c": {"path": "./c.py:graph", "description": "The ${third}"}},
        {"a.py": ASKING.format(name="a"), "bad.py": "\nimport nowhere_to_be_found\n", "c.py": ASKING.format(name="c")},
    )
    assert invoke(["init", str(folder), "--channel", "approvals"]) == 0
    out = capsys.readouterr().out
    assert "not written, bad: ./bad.py:graph: bad.py, line 2: ModuleNotFoundError" in out
    agents = written(folder)["agents"]
    assert {name: each["channels"] for name, each in agents.items()} == {"a": ["#approvals"], "c": ["#approvals"]}
    assert [name for name, each in agents.items() if each.get("direct_messages")] == ["a"]
    config, _ = examined(folder / "app.yaml", TOKENS)
    assert config is not None
    assert config.agents["c"].description == "The ${third}"  # type: ignore[index]
    assert "# bad does not load:" in (folder / "app.yaml").read_text()


def test_a_graph_that_imports_a_package_called_like_ours_is_named_and_not_imported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clashing = f"open({str(tmp_path / 'imported')!r}, 'w').close()\nfrom engine.prices import price\n"
    folder = project(
        tmp_path,
        {"a": "./a.py:graph", "quotes": "./quotes.py:graph"},
        {"a.py": ASKING.format(name="a"), "quotes.py": clashing, "engine/prices.py": "def price(): return 1\n"},
    )
    assert invoke(["init", str(folder)]) == 0
    out = capsys.readouterr().out
    assert "not written, quotes: ./quotes.py:graph: " in out
    assert "quotes.py:2: imports engine, which is a package of Signoff too" in out
    assert "Rename yours, such as my_engine" in out
    assert not (tmp_path / "imported").exists()
    assert [*written(folder)["agents"]] == ["a"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("{", "is not JSON"),
        ("[]", "is not an object"),
        ("{}", "graphs: is missing"),
        ('{"graphs": {}}', "names no graph"),
        ('{"graphs": {"a": "./agent.ts:graph"}}', "langgraph.json: a: ./agent.ts:graph: it is not Python"),
        ('{"graphs": {"a": "./gone.py:graph"}}', "langgraph.json: a: ./gone.py:graph: there is no file"),
        ('{"graphs": {"a": "./gone.py"}}', "langgraph.json: a: ./gone.py: "),
        ("".join(['{"graphs": {', ",".join(f'"g{n}": "./g{n}.py:g"' for n in range(50)), "}}"]), "47 more graphs"),
    ],
)
def test_a_langgraph_json_of_no_use_is_said_in_four_lines_at_most(
    text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "langgraph.json").write_text(text)
    assert invoke(["init", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert "langgraph.json" in err
    assert len(err.splitlines()) <= 4
    assert [each.name for each in tmp_path.iterdir()] == ["langgraph.json"]


def test_a_folder_without_graphs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "main.py").write_text("import re\nPATTERN = re.compile('x')\n")
    assert invoke(["init", str(tmp_path)]) == 1
    assert "has no langgraph.json, and no Python file in it has a graph" in capsys.readouterr().err
    assert invoke(["init", str(tmp_path / "gone")]) == 1
    assert "there is no such folder" in capsys.readouterr().err


@pytest.mark.parametrize("assigned", ["graph = Desk().graph", "desk = Desk()\napp = desk.build()"])
def test_a_graph_that_a_class_builds_is_found_without_langgraph_json(tmp_path: Path, assigned: str) -> None:
    text = """
        from langgraph.graph import START, MessagesState, StateGraph

        class Desk:
            def __init__(self):
                self.graph = self.build()

            def build(self):
                return StateGraph(MessagesState).add_node("greet", self._greet).add_edge(START, "greet").compile()

            def _greet(self, state: MessagesState):
                return {"messages": [("ai", "Hello.")]}
    """
    (tmp_path / "refunds.py").write_text(f"{textwrap.dedent(text)}\n{assigned}\n")
    assert invoke(["init", str(tmp_path)]) == 0
    name = assigned.splitlines()[-1].split()[0]
    assert written(tmp_path)["agents"]["refunds"]["graph"] == f"./refunds.py:{name}"


def test_graphs_are_found_without_langgraph_json(tmp_path: Path) -> None:
    factory = """
        from langgraph.graph import MessagesState, START, StateGraph

        def make_graph():
            return StateGraph(MessagesState).add_node("say", lambda state: {}).add_edge(START, "say")
    """
    workflow = """
        from langgraph.func import entrypoint

        @entrypoint()
        def planner(topic: str) -> str:
            return topic.upper()
    """
    skipped = ("tests/test_a.py", ".venv/lib/b.py", "node_modules/c.py", "build/d.py", ".hidden/e.py", "test_f.py")
    folder = project(
        tmp_path,
        {},
        {
            "refunds/graph.py": ASKING.format(name="refund"),
            "with space/triage.py": factory,
            "plans.py": workflow,
            "broken.py": "import langgraph\ndef (",
            **dict.fromkeys(skipped, ASKING.format(name="x")),
        },
    )
    assert invoke(["init", str(folder)]) == 0
    found = written(folder)
    assert "project" not in found
    assert {name: each["graph"] for name, each in found["agents"].items()} == {
        "planner": "./plans.py:planner",
        "refunds": "./refunds/graph.py:graph",
        "triage": "./with space/triage.py:make_graph",
    }
    assert found["agents"]["planner"]["input"] == "$text"


def test_what_the_first_message_lacks_is_said_and_the_exit_code_is_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = """
        from dataclasses import dataclass
        from typing import TypedDict
        from langgraph.graph import START, StateGraph

        @dataclass
        class Context:
            tenant: str
            user: str
            region: str = "eu"

        class State(TypedDict):
            question: str
            payload: dict
            amount: float
            answer: str

        def work(state: State):
            return {"answer": f"{state['question']} {state['payload']} {state['amount']}"}

        graph = StateGraph(State, context_schema=Context).add_node("work", work).add_edge(START, "work").compile()
    """
    folder = project(tmp_path, {"buy": "./buy.py:graph"}, {"buy.py": text})
    assert invoke(["init", str(folder)]) == 1
    out = capsys.readouterr().out
    assert "needs payload (dict)" in out
    assert "the first message must give, one per line: amount: a number" in out
    assert "needs context: tenant" in out
    assert out.endswith("Next: complete the lines of app.yaml marked TO DO\n")
    agent = written(folder)["agents"]["buy"]
    assert agent["context"] == {"tenant": "${SIGNOFF_INIT_BUY_TENANT}", "user": "$user"}
    _, problems = examined(folder / "app.yaml", TOKENS)
    assert any("SIGNOFF_INIT_BUY_TENANT is not set" in str(each) for each in problems)


def test_of_many_steps_that_ask_the_first_are_told_and_the_others_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = """
        from langgraph.graph import MessagesState, StateGraph
        from langgraph.types import interrupt

        def asking(name):
            def step(state: MessagesState):
                interrupt("Go on?")
            step.__name__ = name
            return step

        steps = [asking(name) for name in ("first", "second", "third", "fourth", "fifth")]
        graph = StateGraph(MessagesState).add_sequence(steps).set_entry_point("first").compile()
    """
    folder = project(tmp_path, {"talk": "./talk.py:graph"}, {"talk.py": text})
    assert invoke(["init", str(folder)]) == 0
    assert "asks people in first, second, third and 2 more\n" in capsys.readouterr().out


def test_a_context_that_the_graph_reads_with_get_is_not_needed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = """
        from typing import TypedDict
        from langgraph.graph import START, MessagesState, StateGraph
        from langgraph.runtime import Runtime

        class Context(TypedDict):
            tone_of_voice: str
            tenant_of_graph: str

        def work(state: MessagesState, runtime: Runtime[Context]):
            tone = (runtime.context or {}).get("tone_of_voice")
            return {"messages": [("ai", f"{tone} {runtime.context['tenant_of_graph']}")]}

        graph = StateGraph(MessagesState, context_schema=Context).add_node(work).add_edge(START, "work").compile()
    """
    folder = project(tmp_path, {"say": "./say.py:graph"}, {"say.py": text})
    assert invoke(["init", str(folder)]) == 1
    assert "needs context: tenant_of_graph" in capsys.readouterr().out
    assert written(folder)["agents"]["say"]["context"] == {"tenant_of_graph": "${SIGNOFF_INIT_SAY_TENANT_OF_GRAPH}"}


def test_a_store_that_cannot_be_made_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = {"index": {"dims": 2, "embed": "./embed.py:embed"}}
    files = {"ask.py": ASKING.format(name="ask"), "embed.py": "def embed(texts): raise KeyError('NO_KEY')"}
    folder = project(tmp_path, {"ask": "./ask.py:graph"}, files, store=store)
    assert invoke(["init", str(folder)]) == 1
    out = capsys.readouterr().out
    assert "store.index: " in out
    assert "KeyError: 'NO_KEY'" in out
    assert out.endswith("Next: correct store: in langgraph.json\n")
    assert "ask" in written(folder)["agents"]


def test_ids_become_distinct_names_that_a_message_can_begin_with() -> None:
    ids = ["pay out", "pay.out", "Pay", "pay", "pay-out", "überweisung", "支払い", "x" * 80, "x" * 79, "on", "-a-"]
    names = agent_names(ids)
    assert list(names) == ids
    assert all(AGENT_NAME.fullmatch(each) for each in names.values())
    assert len({each.casefold() for each in names.values()}) == len(ids)
    assert (names["Pay"], names["pay"], names["pay-out"], names["on"]) == ("Pay", "pay-2", "pay-out", "on")
    assert {names["pay out"], names["pay.out"]} == {"pay-out-2", "pay-out-3"}


def test_names_that_yaml_would_read_as_something_else_are_quoted(tmp_path: Path) -> None:
    ids = ["on", "null", "12", "1e3", "pay.out"]
    folder = project(tmp_path, dict.fromkeys(ids, "./a.py:graph"), {"a.py": ASKING.format(name="x")})
    assert invoke(["init", str(folder)]) == 0
    assert list(written(folder)["agents"]) == ["on", "null", "12", "1e3", "pay-out"]


@pytest.mark.parametrize("force", [True, False])
def test_a_folder_that_cannot_be_written_to(force: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a parameter
    with pytest.raises(ProblemsError) as refused:
        write(tmp_path / "gone" / "app.yaml", "agents: {}", force=force)
    (line,) = str(refused.value).splitlines()
    assert "app.yaml: cannot be written: No such file or directory. Make the folder writable" in line


async def test_a_file_that_appears_meanwhile_is_not_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    late = "from pathlib import Path\nPath(__file__).with_name('app.yaml').write_text('theirs')\n"
    folder = project(tmp_path, {"a": "./a.py:graph"}, {"a.py": late + ASKING.format(name="a").lstrip()})
    with pytest.raises(ProblemsError, match="exists already"):
        await init(Options(folder))
    assert (folder / "app.yaml").read_text() == "theirs"
    assert not list(folder.glob(".app.yaml*"))
    assert capsys.readouterr().out == ""
