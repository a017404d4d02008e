"""What the modules and variables of a project look like to its own code: run in LangGraph Server, and by Signoff."""

import os
import sys
from pathlib import Path
from typing import Any, TypedDict

from langgraph.graph import START, StateGraph


class State(TypedDict, total=False):
    """The names of variables, and what is seen."""

    names: list[str]
    seen: dict[str, Any]


def seen(names: list[str]) -> dict[str, Any]:
    """Return the project's modules with their files, and the values of variables."""
    folder = Path.cwd()
    files = {name: getattr(each, "__file__", None) for name, each in [*sys.modules.items()]}
    own = {name: Path(file) for name, file in files.items() if file and Path(file).is_relative_to(folder)}
    own = {name: file for name, file in own.items() if file.stem != "sample_probe"}
    return {
        "modules": {name: file.relative_to(folder).as_posix() for name, file in own.items()},
        "variables": {name: os.environ.get(name) for name in names},
    }


def look(state: State) -> State:
    """Answer with what is seen."""
    return {"seen": seen(state["names"])}


graph = StateGraph(State).add_node("look", look).add_edge(START, "look").compile()
