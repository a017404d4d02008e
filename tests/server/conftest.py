"""A real LangGraph Server for the stories of this folder: `langgraph dev`, started by the first that needs it.

It lives in an environment of its own, since its licence (Elastic-2.0) makes it a tool of these tests and no dependency:
`make test` makes it, in `.venv-server`; SIGNOFF_SERVER_VENV names another.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import ClientSession, web
from fakes.patience import PATIENCE
from fakes.people import PeopledSlack
from fakes.valkey import redis_server, redis_url
from stories.world import World

__all__ = ["redis_server", "redis_url"]

ROOT = Path(__file__).parents[2]
GRAPHS = ROOT / "tests" / "stories" / "graphs"
STARTING = 120.0
"""Seconds that a server may take to answer."""


@dataclass
class LangGraphServer:
    """`folder` is what its graphs and the stories tell one another by."""

    url: str
    folder: Path
    project: Path
    venv: Path
    port: int
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        environ = {**os.environ, "SIGNOFF_STORY": str(self.folder), "LANGSMITH_TRACING": "false"}
        environ["PATH"] = f"{self.venv / 'bin'}{os.pathsep}{environ['PATH']}"
        command = [self.venv / "bin" / "langgraph", "dev", "--no-browser", "--no-reload", "--n-jobs-per-worker", "4"]
        with (self.project / "server.log").open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own command
                [*map(str, command), "--host", "127.0.0.1", "--port", str(self.port)],
                cwd=self.project,
                env=environ,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        end = time.monotonic() + STARTING
        while not self._answers():
            log_text = (self.project / "server.log").read_text(errors="replace")
            assert self.process.poll() is None, f"the server ended: {log_text[-3000:]}"
            assert time.monotonic() < end, f"the server does not answer: {log_text[-3000:]}"
            time.sleep(0.1)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/ok", timeout=1) as answer:  # noqa: S310 - our own server
                return bool(answer.status == 200)
        except OSError:
            return False

    def stop(self) -> None:
        """Stop it, with what it started."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(timeout=PATIENCE)
        self.process = None

    # What is told between the graphs and the stories ------------------------------------------------------------------

    @property
    def done(self) -> list[str]:
        """What the graphs did."""
        file = self.folder / "done"
        return file.read_text(encoding="utf-8").splitlines() if file.exists() else []

    def break_step(self, name: str) -> None:
        """From now on this step raises."""
        (self.folder / f"broken-{name}").touch()

    def mend(self, name: str) -> None:
        """It works again."""
        (self.folder / f"broken-{name}").unlink()

    def open_door(self, name: str) -> None:
        """Let who waits there go on."""
        (self.folder / f"door-{name}").touch()

    def forget(self) -> None:
        """Begin a new story."""
        for each in self.folder.iterdir():
            each.unlink()


def server_of(project: Path, folder: Path) -> LangGraphServer:
    """A server for a project, on a free port; skips the test if none is installed."""
    venv = Path(os.environ.get("SIGNOFF_SERVER_VENV", ROOT / ".venv-server"))
    if not (venv / "bin" / "langgraph").exists():
        pytest.skip(f"there is no LangGraph Server in {venv}: `make server` installs one")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return LangGraphServer(f"http://127.0.0.1:{port}", folder, project, venv, port)


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LangGraphServer]:
    """The server, with the graphs of all stories as assistants."""
    project, folder = tmp_path_factory.mktemp("project"), tmp_path_factory.mktemp("story")
    shutil.copytree(Path(__file__).parent / "project", project, dirs_exist_ok=True)
    names = []
    for graph in sorted(GRAPHS.glob("*.py")):
        if "stories.graphs" not in graph.read_text(encoding="utf-8"):
            shutil.copy(graph, project)
            names.append(graph.stem)
    graphs = {name: f"./{name}.py:graph" for name in [*names, "settings"] if name in WANTED}
    (project / "langgraph.json").write_text(json.dumps({"dependencies": ["."], "graphs": graphs}), encoding="utf-8")
    server = server_of(project, folder)
    server.start()
    yield server
    server.stop()


WANTED = frozenset(
    {
        "advisers",
        "ask_until_good",
        "bounded",
        "assistant",
        "endings",
        "form",
        "mail_inbox",
        "own_words",
        "risky",
        "rollout",
        "settings",
        "cleaner",
        "side_by_side",
        "text_to_revise",
        "trouble",
        "two_questions",
        "yes_or_no",
    }
)


@pytest.fixture
def server(served: LangGraphServer) -> LangGraphServer:
    """The server, with nothing done yet."""
    served.forget()
    return served


@pytest.fixture
async def world(tmp_path: Path, redis_url: str) -> AsyncIterator[World]:
    """Slack and Redis are there; the bot starts when the story says so."""
    async with PeopledSlack(data=tmp_path / "slack", rate_limit=None, retry_after=(0.0, 0.05, 0.1)) as slack:
        story = World(tmp_path, slack, redis_url)
        try:
            yield story
        finally:
            await story.stop()


# What may stand between the bot and the server ------------------------------------------------------------------------


@dataclass
class Proxy:
    """Passes calls on; `fault` says for a method and path what becomes of the call instead: a status, or "drop"."""

    url: str
    behind: str
    fault: "dict[str, list[int | str]]"
    calls: list[str]

    async def pass_on(self, request: web.Request) -> web.StreamResponse:
        """Pass one call on, or let its fault happen."""
        name = f"{request.method} {request.path.rpartition('/')[2]}"
        self.calls.append(name)
        faults = self.fault.get(name) or self.fault.get("*") or []
        what = faults.pop(0) if faults else None
        if isinstance(what, int):
            return web.json_response({"detail": "a fault"}, status=what)
        body = await request.read()
        headers = {key: each for key, each in request.headers.items() if key.lower() not in ("host", "content-length")}
        async with (
            ClientSession() as session,
            session.request(request.method, f"{self.behind}{request.path_qs}", data=body, headers=headers) as answer,
        ):
            content = await answer.read()
        if what == "drop" and request.transport is not None:
            request.transport.abort()
        kind = answer.headers.get("Content-Type", "application/json")
        return web.Response(body=content, status=answer.status, headers={"Content-Type": kind})


@pytest.fixture
async def proxy(server: LangGraphServer) -> AsyncIterator[Proxy]:
    """Between the bot and the server."""
    made = Proxy("", server.url, {}, [])
    app = web.Application(client_max_size=2**26)
    app.router.add_route("*", "/{path:.*}", made.pass_on)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield made
    finally:
        await runner.cleanup()
