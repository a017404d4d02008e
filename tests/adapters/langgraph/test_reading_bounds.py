"""Reading a graph's code takes a bounded time, whatever the code is; what was not read is said, and is not known."""

import asyncio
import importlib.util
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from structlog.testing import capture_logs
from support.graph_talk import talking

from adapters.langgraph.reading import TOO_LONG, Readings, read, read_graph
from engine.asks.ask import Choice

SECONDS = 12.0
"""Far above the three that it takes: the machine may be busy."""
HEAD = """
from typing import Any
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt
from typing_extensions import TypedDict


class State(TypedDict, total=False):
    a: Any


def act(what):
    open(what)


builder = StateGraph(State)
"""


@pytest.fixture
def graph_of(tmp_path: Path) -> Iterator[Callable[[list[str]], Any]]:
    """A graph of nodes in a row, each by the lines of its body."""
    names: list[str] = []

    def made(bodies: list[str]) -> Any:
        lines = [HEAD]
        for number, body in enumerate(bodies):
            lines += [f"def n{number}(s):", body, f"builder.add_node(n{number})"]
            lines.append(f"builder.add_edge({'START' if not number else repr(f'n{number - 1}')}, 'n{number}')")
        file = tmp_path / f"graph_{len(names)}.py"
        file.write_text("\n".join([*lines, "graph = builder.compile()"]))
        names.append(f"bounds_{len(names)}")
        return _imported(names[-1], file).graph

    yield made
    for name in names:
        sys.modules.pop(name, None)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth of the work: the same code is too long then, and is read in a tenth of the time."""
    for name in ("_GRAPH_STEPS", "_QUESTION_STEPS", "_SEARCH_STEPS", "_LEAST_SHARE"):
        monkeypatch.setattr(read, name, getattr(read, name) // 10)


def _imported(name: str, file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def read_in_time(graph: Any) -> Readings:
    began = time.process_time()
    readings = read_graph(graph)
    assert time.process_time() - began < SECONDS
    return readings


ASKS = "    said = interrupt({'n': 1})\n"
PLAIN = f"{ASKS}    if said == 'go':\n        act('x')\n"
CONDITIONS = ASKS + "".join(f"    if s.get('k{n}'):\n        act('c{n}')\n" for n in range(40)) + PLAIN
DEEP = ASKS + "".join(f"{' ' * (4 + n)}if s.get('k{n}'):\n" for n in range(90)) + f"{' ' * 94}act('z')\n"
WORDS = ASKS + "".join(f"    if said == 'w{n}':\n        act('w{n}')\n" for n in range(300))
FIELDS = ASKS + "".join(f"    if said.get('f{n}') == 'w{n}':\n        act(said.get('g{n}'))\n" for n in range(80))
LOOPS = (
    "    while True:\n        said = interrupt({'n': 1})\n        for a in s['l']:\n            for b in s['m']:\n"
    "                if a and b:\n                    act(said)\n        if said == 'x':\n            break\n"
    "    act('z')\n"
)
STRANGE = {
    "many conditions": [CONDITIONS] * 8,
    "deep nesting": [DEEP] * 8,
    "many words": [WORDS] * 8,
    "many fields": [FIELDS] * 8,
    "loops within loops": [LOOPS] * 20,
}


@pytest.mark.promise("P4")
def test_ten_thousand_lines_of_nodes_are_read_in_seconds(graph_of: Callable[[list[str]], Any]) -> None:
    readings = read_in_time(graph_of([PLAIN + "    x = 1\n" * 16] * 500))
    assert len(readings.all()) == 500
    assert any(each.convention.why == TOO_LONG for each in readings.all())


@pytest.mark.promise("P4")
@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("bodies", STRANGE.values(), ids=STRANGE)
def test_what_was_not_read_whole_is_not_known(graph_of: Callable[[list[str]], Any], bodies: list[str]) -> None:
    with capture_logs() as logs:
        readings = read_in_time(graph_of(bodies))
    assert any("too long" in str(each) for each in logs)
    unread = [each for each in readings.all() if each.convention.why == TOO_LONG]
    assert unread
    assert not any(each.convention.is_known or each.holds("yes", "no") for each in unread)


@pytest.mark.promise("P4")
@pytest.mark.usefixtures("short")
def test_a_node_whose_questions_were_not_all_found_is_told_and_none_of_them_is_known(
    graph_of: Callable[[list[str]], Any],
) -> None:
    before = "".join(f"    if s.get('k{n}'):\n        act('c{n}')\n" for n in range(900))
    readings = read_in_time(graph_of([f"{PLAIN}{before}{PLAIN}", PLAIN]))
    assert dict(readings.unread) == {"n0": TOO_LONG}
    found = readings.find("n0", {"n": 1})
    assert found is not None
    assert not found.certain
    assert not found.convention.is_known
    assert readings.by_path["n1"][0].convention.templates[Choice.APPROVE] == "go"


@pytest.mark.usefixtures("short")
def test_one_long_node_leaves_the_others_to_be_read(graph_of: Callable[[list[str]], Any]) -> None:
    readings = read_in_time(graph_of([f"{PLAIN}    return None\n", *[FIELDS] * 3]))
    first, *others = readings.all()
    assert first.path == "n0"
    assert any(each.convention.why == TOO_LONG for each in others)


@pytest.mark.usefixtures("short")
def test_the_same_code_is_read_alike_each_time(graph_of: Callable[[list[str]], Any]) -> None:
    graph = graph_of([PLAIN, *[CONDITIONS] * 3, PLAIN])
    first, second = ([each.convention for each in read_graph(graph).all()] for _ in range(2))
    assert first == second


async def test_reading_leaves_the_event_loop_to_others(graph_of: Callable[[list[str]], Any]) -> None:
    gaps, graph = [0.0], graph_of([FIELDS] * 8)

    async def beat() -> None:
        while True:
            began = time.monotonic()
            await asyncio.sleep(0.01)
            gaps.append(time.monotonic() - began)

    beating, began = asyncio.create_task(beat()), time.monotonic()
    async with talking(graph):
        beating.cancel()
    took = time.monotonic() - began
    with suppress(asyncio.CancelledError):
        await beating
    assert took > 1, "there is too little to read here to see anything"
    assert max(gaps) < took / 3


def test_what_a_card_asks_of_a_reading_is_read_once(graph_of: Callable[[list[str]], Any]) -> None:
    (found,) = read_graph(graph_of([PLAIN])).all()
    assert found.probed.try_("go") is found.probed.try_("go")
    assert found.probed.try_("1") is not found.probed.try_(1)
