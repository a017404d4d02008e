"""The source of a node is read only if it is what runs, whatever the clocks of machines say."""

import importlib.util
import os
import time
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest

from adapters.langgraph.reading.code.sources import forget_changed, source_of

NODE = """
from __future__ import annotations

def node(state, config=None):
    approved = ask(state)
    return {"approved": approved}

def other(state):
    return [each for each in state if (lambda x: x)(each)]
"""
LATER = time.time() + 7_200
"""A time of which this machine's clock says that it is to come."""


def imported(folder: Path, source: str) -> Any:
    file = folder / "graph_with_nodes.py"
    file.write_text(source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("graph_with_nodes", file)
    assert spec is not None and spec.loader is not None  # noqa: PT018 - for the types
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read(function: FunctionType) -> str:
    node = source_of(function)
    return "" if node is None else str(getattr(node, "name", "lambda"))


@pytest.mark.promise("P4")
def test_a_file_from_the_future_is_read_if_it_is_what_runs(tmp_path: Path) -> None:
    """The clock of this machine is behind that of the one that wrote the file: other processes read it, too."""
    module = imported(tmp_path, NODE)
    os.utime(module.__file__, (LATER, LATER))
    assert [read(module.node), read(module.other)] == ["node", "other"]


@pytest.mark.promise("P4")
def test_a_function_that_was_edited_since_it_was_imported_is_not_read(tmp_path: Path) -> None:
    module = imported(tmp_path, NODE)
    edited = NODE.replace('{"approved": approved}', '{"approved": True}')
    Path(module.__file__).write_text(edited, encoding="utf-8")
    os.utime(module.__file__, (LATER, LATER))
    assert [read(module.node), read(module.other)] == ["", "other"]


@pytest.mark.parametrize("source", ["def node(state):\n  return (", "", "x" * 10_000 + "("])
def test_a_file_that_can_no_longer_be_parsed_is_not_read(tmp_path: Path, source: str) -> None:
    module = imported(tmp_path, NODE)
    Path(module.__file__).write_text(source, encoding="utf-8")
    os.utime(module.__file__, (LATER, LATER))
    assert read(module.node) == ""


def test_a_file_that_is_loaded_again_is_read_again(tmp_path: Path) -> None:
    module = imported(tmp_path, NODE)
    assert read(module.node) == "node"
    again = imported(tmp_path, NODE.replace("approved = ask(state)", "approved = ask(state) or None"))
    forget_changed()
    assert read(again.node) == "node"
