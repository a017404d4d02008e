"""Small LangGraph projects in a folder, for tests of `signoff init` and of the commands that follow."""

import json
import os
import sys
import tempfile
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

_TEMPORARY = tempfile.gettempdir()

ASKING = '''
"""Reviews {name}s.

At length.
"""
import os
from typing import TypedDict
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt

KEY = os.getenv("OPENAI_API_KEY")
REGION = os.environ.get("REGION", "eu")

class State(TypedDict):
    question: str
    answer: str

def review(state: State):
    return {{"answer": "yes" if interrupt({{"question": state["question"]}}) else "no"}}

builder = StateGraph(State).add_node("review", review).add_edge(START, "review")
graph = builder.compile()
'''


@contextmanager
def process_as_it_was() -> Iterator[None]:
    """Undo what a project changes for good: the environment and the path of the process, and its modules."""
    environment, path, modules = dict(os.environ), [*sys.path], set(sys.modules)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(environment)
        sys.path[:] = path
        for name in set(sys.modules) - modules:
            if str(getattr(sys.modules[name], "__file__", "")).startswith(_TEMPORARY):
                del sys.modules[name]


def project(folder: Path, graphs: Mapping[str, Any], files: Mapping[str, str], **more: Any) -> Path:
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text), encoding="utf-8")
    if graphs:
        (folder / "langgraph.json").write_text(json.dumps({"graphs": graphs, "dependencies": ["."], **more}))
    return folder


def one(folder: Path, **more: Any) -> Path:
    return project(folder, {"refunds": "./src/a.py:graph"}, {"src/a.py": ASKING.format(name="refund")}, **more)


def written(folder: Path) -> Any:
    return yaml.safe_load((folder / "app.yaml").read_text(encoding="utf-8"))


TOKENS = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1"}
