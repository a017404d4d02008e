"""`signoff check` tells of each interrupt what its card will offer, what that sends, and how it is known (P10)."""

import io
import json
import textwrap
from collections.abc import Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from bot.checks.check import check
from bot.checks.probes import LoadedGraph
from bot.checks.report import Report, show, show_json
from bot.cli import invoke
from bot.config.load import load
from bot.config.problems import ConfigError
from bot.config.settings import Config
from bot.wiring.graphs import open_local
from bot.wiring.probes import probes
from engine.asks.ask import Choice, Decision
from engine.asks.foreseen import Foreseen, Payload
from engine.ids import AgentName, ChannelId, ThreadId, UserId
from engine.ports import Answer, Asked, Resumed, Turn

pytestmark = pytest.mark.promise("P10")

ENVIRON = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1", "REDIS_URL": "redis://127.0.0.1:1/0"}
AGENT = AgentName("gate")
HEAD = """
from typing import Any
from langchain_core.messages import AIMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command, interrupt

DONE = []


def judge(said):
    return eval("said == 'go'", {"said": said})


"""
KNOWN = """
def review(state):
    if interrupt({"action": "ship", "version": "2.1"}) == "yes":
        DONE.append("2.1")
        return {"messages": [AIMessage("shipped")]}
    return {"messages": [AIMessage("kept")]}
"""
UNKNOWN = """
def review(state):
    if judge(interrupt({"action": "ship", "version": "2.1"})):
        DONE.append("2.1")
        return {"messages": [AIMessage("shipped")]}
    return {"messages": [AIMessage("kept")]}
"""
TWICE = """
def review(state):
    if judge(interrupt({"action": "ship", "stage": "first [a*]"})):
        DONE.append("first")
    if judge(interrupt({"action": "ship", "stage": "second"})):
        DONE.append("second")
    return {"messages": [AIMessage("over")]}
"""
TAIL = """
builder = StateGraph(MessagesState)
builder.add_node("review", review)
builder.add_edge(START, "review")
graph = builder.compile()
"""


def app(folder: Path, code: str, answers: str = "") -> Path:
    (folder / "gate.py").write_text(f"{HEAD}{code}{TAIL}")
    file = folder / "app.yaml"
    entry = textwrap.indent(f"answers:\n{textwrap.indent(answers, '  ')}", "    ") if answers else ""
    file.write_text(f'agents:\n  gate:\n    graph: "gate.py:graph"\n    channels: ["#ops"]\n{entry}\n')
    return file


async def loaded(file: Path) -> LoadedGraph:
    return await probes().graph(load(file, ENVIRON), AGENT)


async def report(file: Path, *, strict: bool = False) -> Report:
    """What is said of the graph; that neither Redis nor Slack answers here is left out."""
    found = await check(file, ENVIRON, probes(), strict=strict)
    problems = tuple(each for each in found.problems if "gate" in each.where)
    return Report(problems, (), tuple(each for each in found.warnings if "gate" in each), found.interrupts)


def shown(found: Report) -> str:
    out = io.StringIO()
    show(found, out, io.StringIO())
    return out.getvalue()


async def test_the_table_says_what_each_choice_sends_and_how_it_is_known(tmp_path: Path) -> None:
    found = await report(app(tmp_path, KNOWN), strict=True)
    assert not found.problems
    assert not found.warnings
    lines = [line.strip() for line in shown(found).splitlines()]
    assert lines[1] == "gate  review  gate.py:16"
    assert lines[3] == "known by: code"
    assert [line.partition(":")[0] for line in lines[4:]] == ['Approve  sends "yes"', "Reject   sends false"]


async def test_an_unknown_is_a_warning_with_its_entry_and_by_strict_a_problem(tmp_path: Path) -> None:
    file = app(tmp_path, UNKNOWN)
    found = await report(file)
    assert not found.problems
    (warning,) = found.warnings
    assert "review (gate.py:16) asks, and it is not known what an answer does" in warning
    assert "- when: {node: review}" in shown(found)
    (problem,) = (await report(file, strict=True)).problems
    assert str(problem).startswith(f"{file}:3: agents.gate.graph: review (gate.py:16) asks")
    assert str(problem).endswith("Add the entry of answers: that signoff check prints for gate.")


def test_the_exit_code_is_that_of_the_problems() -> None:
    found = Report((), ("fine",), (), {"gate": (Foreseen("review", "gate.py:1", Payload.KNOWN, ()),)})
    assert show(found, io.StringIO(), io.StringIO()) == 0


async def test_the_json_has_the_same_in_keys_that_stay(tmp_path: Path) -> None:
    out = io.StringIO()
    assert show_json(await report(app(tmp_path, KNOWN)), out) == 0
    made = json.loads(out.getvalue())
    assert (made["version"], made["ok"], made["faults"]) == (1, True, [])
    (row,) = made["agents"]["gate"]["interrupts"]
    assert {key: row[key] for key in ("node", "place", "payload", "known", "entry")} == {
        "node": "review", "place": "gate.py:16", "payload": "known", "known": True, "entry": "",
    }  # fmt: skip
    (card,) = row["cards"]
    assert card.keys() == {"title", "subject", "kind", "question", "known_by", "why", "when", "choices"}
    approve, reject = card["choices"]
    assert approve.keys() == {"choice", "button", "word", "sends", "does", "fields", "proof"}
    assert (approve["choice"], approve["sends"]) == ("approve", {"resume": "yes"})
    assert (reject["choice"], reject["button"], reject["sends"]) == ("reject", "Reject", {"resume": False})


def test_json_is_all_that_stands_on_stdout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = app(tmp_path, f"print('imported')\n{KNOWN}")
    assert invoke(["check", "--json", "--strict", "--config", str(file)]) == 1
    made = json.loads(capsys.readouterr().out)
    assert made["ok"] is False
    assert any(each["where"] == "SLACK_BOT_TOKEN" for each in made["faults"])
    assert [each["node"] for each in made["agents"]["gate"]["interrupts"]] == ["review"]


# The entry that is printed --------------------------------------------------------------------------------------------


@pytest.mark.promise("P4")
async def test_an_entry_that_nobody_filled_in_does_not_start(tmp_path: Path) -> None:
    (row,) = (await loaded(app(tmp_path, UNKNOWN))).interrupts
    with pytest.raises(ConfigError) as caught:
        load(app(tmp_path, UNKNOWN, row.entry), ENVIRON)
    approve, reject = map(str, caught.value.problems)
    assert "agents.gate.answers[0].approve.resume: this is not filled in yet. Write the value" in approve
    assert "agents.gate.answers[0].reject.resume: this is not filled in yet" in reject


@asynccontextmanager
async def running(file: Path) -> Any:
    config: Config = load(file, ENVIRON)
    graphs = await open_local(config, [AGENT], InMemorySaver())
    try:
        yield graphs
    finally:
        await graphs.aclose()


async def decided(graphs: Any, *choices: Choice) -> list[Any]:
    """Start it, and decide one request after the other; gives what the graph did."""
    thread = ThreadId(f"T:C:{'-'.join(choices)}")
    stand = await graphs.start(Turn(thread, AGENT, "turn", "go", UserId("U1"), ChannelId("C1")), fence=1)
    for choice in choices:
        (asked,) = stand.asked
        assert {Choice.APPROVE, Choice.REJECT} <= {*asked.ask.actions[0].choices}
        stand = await _answered(graphs, thread, asked, choice)
    assert stand.asked == ()
    module = next(iter(graphs._agents.values())).graph.nodes["review"].bound.func.__globals__
    done = list(dict.fromkeys(module["DONE"]))  # a node runs again from its top
    module["DONE"].clear()
    return done


async def _answered(graphs: Any, thread: ThreadId, asked: Asked, choice: Choice) -> Any:
    answer = Answer(thread, AGENT, asked.interrupt, asked.digest, asked.ask, (Decision(choice),), f"{asked.interrupt}")
    outcome = await graphs.resume_if_pending(answer, fence=1)
    assert isinstance(outcome, Resumed)
    return outcome.result


def filled_in(entry: str, *values: str) -> str:
    given: Iterator[str] = iter(values)
    while "$FILL_IN" in entry:
        entry = entry.replace("$FILL_IN", next(given), 1)
    return entry


@pytest.mark.promise("P4")
async def test_the_entry_works_as_it_is_pasted(tmp_path: Path) -> None:
    (row,) = (await loaded(app(tmp_path, UNKNOWN))).interrupts
    file = app(tmp_path, UNKNOWN, filled_in(row.entry, "go", "stay"))
    assert not (await report(file, strict=True)).problems
    async with running(file) as graphs:
        assert await decided(graphs, Choice.APPROVE) == ["2.1"]
        assert await decided(graphs, Choice.REJECT) == []


@pytest.mark.promise("P4")
async def test_the_entries_of_two_questions_of_one_node_are_each_for_its_own(tmp_path: Path) -> None:
    first, second = (await loaded(app(tmp_path, TWICE))).interrupts
    entries = "\n".join([filled_in(first.entry, "go", "stay"), filled_in(second.entry, '"go"', '["no"]')])
    file = app(tmp_path, TWICE, entries)
    assert not (await report(file, strict=True)).problems
    async with running(file) as graphs:
        assert await decided(graphs, Choice.APPROVE, Choice.REJECT) == ["first"]
        assert await decided(graphs, Choice.REJECT, Choice.APPROVE) == ["second"]
    one = app(tmp_path, TWICE, filled_in(first.entry, "go", "stay"))
    (problem,) = (await report(one, strict=True)).problems
    assert "review (gate.py:18) asks" in str(problem)


# What could not be followed -------------------------------------------------------------------------------------------

CALLED = """
def ask(state):
    if interrupt({"sure": "?"}) == "go":
        DONE.append("called")


inner = StateGraph(MessagesState).add_node(ask).add_edge(START, "ask").compile()


def review(state):
    inner.invoke(state)
    return {"messages": [AIMessage("over")]}
"""
HIDDEN = """
def ask(what):
    return interrupt(what)


def review(state):
    run = {"ask": ask}
    return {"messages": [AIMessage(str(eval("run['ask']('Which one?')", {"run": run})))]}
"""


async def test_what_could_not_be_followed_is_told_of(tmp_path: Path) -> None:
    found = await report(app(tmp_path, HIDDEN))
    assert "gate  review  gate.py:16  (the code from the node to this interrupt could not be followed)" in shown(found)
    (warning,) = found.warnings
    assert "review (gate.py:16) asks" in warning


@pytest.mark.promise("P4")
async def test_the_entry_for_a_graph_that_a_node_calls_works_as_it_is_pasted(tmp_path: Path) -> None:
    (row,) = (await loaded(app(tmp_path, CALLED))).interrupts
    file = app(tmp_path, CALLED, filled_in(row.entry, "go", "stay"))
    assert not (await report(file, strict=True)).problems
    async with running(file) as graphs:
        assert await decided(graphs, Choice.APPROVE) == ["called"]
        assert await decided(graphs, Choice.REJECT) == []


async def test_a_graph_on_a_server_has_no_code_here() -> None:
    assert "far runs on a LangGraph Server" in shown(Report((), (), (), {"far": None}))
    out = io.StringIO()
    show_json(Report((), (), (), {"far": None}), out)
    assert json.loads(out.getvalue())["agents"] == {"far": {"interrupts": None}}
