"""The sample projects under `langgraph dev` and in Signoff: the same imports, the same variables, the same questions.

Each is a server of its own, so one of them runs by default. All of them take a minute:
`SIGNOFF_SAMPLES=all .venv/bin/pytest -n 0 tests/server/test_sample_projects.py`
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from projects.conversation import Sample
from projects.test_projects import AS_PROCESSES, IN_THIS_PROCESS
from server.conftest import server_of

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
ALL = [*IN_THIS_PROCESS, *AS_PROCESSES]
CHOSEN = ALL if os.environ.get("SIGNOFF_SAMPLES") == "all" else [each for each in ALL if each.folder == "stockroom"]


WITHOUT_CHECKPOINTER = {"./agent.py:graph": "./agent.py:builder"}
"""The server refuses a graph that is compiled with a checkpointer, which Signoff replaces."""


def in_signoff(sample: Sample, project: Path) -> dict[str, Any]:
    """What the project asks and has imported in Signoff."""
    texts = {talk.graph: talk.says for talk in sample.talks}
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, str(HERE / "sample_in_signoff.py"), json.dumps(texts)],
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}", "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def served_graphs(project: Path, specs: list[str]) -> dict[str, str]:
    """Write the langgraph.json of the server: the graphs that load, and one that looks around. Gives their ids."""
    file = project / "langgraph.json"
    config: dict[str, Any] = {"dependencies": ["."], "graphs": {}}
    if file.exists():
        config = json.loads(file.read_text())
    given = {id_: each if isinstance(each, str) else each["path"] for id_, each in config["graphs"].items()}
    given = given or {f"graph{number}": spec for number, spec in enumerate(specs)}
    ids = {spec: id_ for id_, spec in given.items() if spec in specs}
    served = {id_: WITHOUT_CHECKPOINTER.get(spec, spec) for spec, id_ in ids.items()}
    config["graphs"] = {**served, "look": "./sample_probe.py:graph"}
    config.pop("auth", None)  # it would ask the test who it is
    file.write_text(json.dumps(config))
    shutil.copy(HERE / "sample_probe.py", project)
    return ids


async def run(session: ClientSession, url: str, graph: str, given: Any) -> Any:
    """Run a graph in a new thread to its end, or to its question."""
    async with session.post(f"{url}/threads", json={}) as answer:
        thread = (await answer.json())["thread_id"]
    asking = {"assistant_id": graph, "input": given}
    async with session.post(f"{url}/threads/{thread}/runs/wait", json=asking) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json()


@pytest.mark.parametrize("sample", CHOSEN, ids=lambda each: each.folder)
async def test_a_project_is_the_same_in_langgraph_server(sample: Sample, tmp_path: Path) -> None:
    project = sample.copied_to(tmp_path)
    ours = in_signoff(sample, project)
    ids = served_graphs(project, [*ours["asked"]])
    server = server_of(project, tmp_path)
    server.start()
    try:
        async with ClientSession() as session:
            for spec, asked in ours["asked"].items():
                result = await run(session, server.url, ids[spec], ours["inputs"][spec])
                assert [each["value"] for each in result["__interrupt__"]] == asked
            theirs = (await run(session, server.url, "look", {"names": ours["names"]}))["seen"]
    finally:
        server.stop()
    assert theirs["variables"] == ours["variables"]
    assert_same_modules(ours["modules"], theirs["modules"])


def assert_same_modules(ours: dict[str, str], theirs: dict[str, str]) -> None:
    """All that is imported by name has the same name; the files of the graphs have a name of each program's own."""
    named = {name: file for name, file in ours.items() if not name.startswith("signoff_agent_")}
    assert named == {name: file for name, file in theirs.items() if not name.startswith("__")}
    assert sorted(ours.values()) == sorted(theirs.values())
