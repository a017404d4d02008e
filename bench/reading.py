"""What it costs at a start that graphs' code is read: beside importing and compiling the same graphs, in the same run.

The graphs are the examples and those of the tests, and one of many nodes, to see where the bound is. It is the time of
the processor that counts: to read code waits for nothing.
"""

import importlib.util
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from adapters.langgraph.reading import read_graph
from bench.slack import ROOT
from bench.table import Bench

FOLDERS = ("examples", "tests/stories/graphs", "tests/conventions/graphs")
_NODES = 500
_BODY = """
def n{n}(state):
    said = interrupt({{"number": {n}}})
    if said == "go":
        open("{n}")
    elif said == "wait":
        open("queue")
{more}
"""


async def measure(bench: Bench) -> None:
    """Load each file of graphs, and read what it exports."""
    large = bench.folder / "large_graph.py"
    large.write_text(_large(), encoding="utf-8")
    for _ in range(bench.runs):
        loaded, read, slowest, count = 0.0, 0.0, 0.0, 0
        for file in (each for folder in FOLDERS for each in sorted((ROOT / folder).glob("*.py"))):
            took, graphs = _loaded(file)
            loaded += took
            times = [_seconds(graph) for graph in graphs]
            read, count, slowest = read + sum(times), count + len(times), max([slowest, *times])
        name = f"reading a graph's code (the mean of {count}), beside importing and compiling it"
        bench.table.add(name, read * 1000 / count, loaded * 1000 / count, unit="ms", aim="20 ms")
        bench.table.add("the graph of them that takes longest", slowest * 1000, unit="ms", aim="1,000 ms")
        took, (graph, *_) = _loaded(large)
        bench.table.add(f"reading {_lines(large)} lines of nodes", _seconds(graph), took, unit="s", aim="5 s")


def _large() -> str:
    head = "from langgraph.graph import START, MessagesState, StateGraph\nfrom langgraph.types import interrupt\n"
    more = "\n".join(f"    x{n} = {n}" for n in range(12))
    nodes = "".join(_BODY.format(n=n, more=more) for n in range(_NODES))
    edges = "\n".join(f"b.add_node(n{n})\nb.add_edge({_before(n)}, 'n{n}')" for n in range(_NODES))
    return f"{head}{nodes}b = StateGraph(MessagesState)\n{edges}\ngraph = b\n"


def _before(number: int) -> str:
    return f"'n{number - 1}'" if number else "START"


def _lines(file: Path) -> str:
    return f"{len(file.read_text(encoding='utf-8').splitlines()):,}"


def _loaded(file: Path) -> tuple[float, list[Any]]:
    """The seconds that a file of graphs takes, and its graphs, compiled."""
    sys.path[:0] = (places := [str(file.parent), str(ROOT / "tests")])
    began = time.process_time()
    try:
        graphs = list(_compiled(_module(file)))
    finally:
        del sys.path[: len(places)]
    return time.process_time() - began, graphs


def _module(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"bench_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise RuntimeError(f"{file} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    spec.loader.exec_module(module)
    return module


def _compiled(module: ModuleType) -> Iterator[Any]:
    from langgraph.graph import StateGraph  # noqa: PLC0415 - most of a second, which only this figure needs
    from langgraph.pregel import Pregel  # noqa: PLC0415 - likewise

    for held in list(vars(module).values()):
        if isinstance(held, StateGraph):
            yield held.compile()
        elif isinstance(held, Pregel):
            yield held


def _seconds(graph: Any) -> float:
    began = time.process_time()
    read_graph(graph)
    return time.process_time() - began
