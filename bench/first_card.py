"""`make first-card`: times the way from an empty environment to the first decided card.

    python bench/first_card.py [--python PYTHON] [--no-cache] [--with REQUIREMENT]... [--matrix]

As a new user goes it, with the wheel of this checkout, on a sample project of the tests: an environment,
`pip install`, `signoff init`, `signoff demo`, one message and one click over HTTP, until the card is decided and the
agent has replied. Needs the package index. `--with` has the same pip install more into the environment. `--matrix` goes
the way beside what people use next to LangGraph, on each Python that this machine has: ten minutes or more. Exits with
1 if a way does not end with a decided card.
"""

import argparse
import contextlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).parents[1]

SAMPLE = ROOT / "tests" / "projects" / "samples" / "returns"
CHANNEL, WORDS, CARD, REPLY = "#returns", "order 7731 arrived broken", "Accept the return", "RET-7731"
PATIENCE = 120.0
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
BESIDE: Mapping[str, Sequence[str]] = {
    "newest LangGraph, langchain 1.5": ("langchain>=1.5,<1.6", "langgraph-cli", "deepagents"),
    "LangGraph 1.2.20, langchain 1.4": ("langgraph==1.2.20", "langchain>=1.4,<1.5", "langgraph-cli"),
}
SHOWN = ("langgraph", "langchain", "langchain-core", "langgraph-cli", "deepagents")


class FailedError(Exception):
    """A step of the way failed; the message is what it said."""


@dataclass(slots=True)
class Way:
    """One way in a folder of its own, and the seconds that each of its steps took."""

    folder: Path
    python: str
    wheel: Path
    requirements: Sequence[str] = ()
    cache: bool = True
    cpu: float = 0.0
    steps: dict[str, float] = field(default_factory=dict)

    def go(self) -> None:
        """Go all of it. Raises FailedError."""
        before = _cpu()
        project = self.folder / "project"
        shutil.copytree(SAMPLE, project)
        environment = self.folder / ".venv"
        bin_ = environment / "bin"
        pip = [str(bin_ / "python"), "-m", "pip", "install", "--quiet", *([] if self.cache else ["--no-cache-dir"])]
        with self._step("environment"):
            _run([self.python, "-m", "venv", str(environment)], self.folder)
        with self._step("pip install"):
            _run([*pip, f"{self.wheel}[examples]", *self.requirements], self.folder)
        with self._step("signoff init"):
            _run([str(bin_ / "signoff"), "init"], project)
        self._decide(project, str(bin_ / "signoff"))
        self.cpu = _cpu() - before

    def beside(self) -> str:
        """Give the releases of what stands beside Signoff."""
        script = (
            "import importlib.metadata as m, json; print(json.dumps({d.name: d.version for d in m.distributions()}))"
        )
        found = json.loads(_run([str(self.folder / ".venv" / "bin" / "python"), "-c", script], self.folder))
        return ", ".join(f"{name} {found[name]}" for name in SHOWN if name in found)

    def _decide(self, project: Path, command: str) -> None:
        """Start the demo, and take one card to its decision."""
        ours = {name: value for name, value in os.environ.items() if not name.startswith(("SLACK_", "REDIS_"))}
        words = [command, "demo", "--no-browser", "--port", "0"]
        with (project / "stderr").open("w") as errors:
            demo = subprocess.Popen(words, cwd=project, env=ours, stdout=subprocess.PIPE, stderr=errors, text=True)  # noqa: S603 - our own command
        try:
            with self._step("signoff demo, until ready"):
                assert demo.stdout is not None  # noqa: S101 - for the type checker
                line = demo.stdout.readline()
            if not line.startswith("ready "):
                raise FailedError((project / "stderr").read_text())
            with self._step("message, card, click, reply"):
                _talk(line.removeprefix("ready ").strip())
        finally:
            demo.send_signal(signal.SIGTERM)
            demo.wait(60)

    @contextlib.contextmanager
    def _step(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.steps[name] = time.perf_counter() - began


def _cpu() -> float:
    """The processor time of all that was started and has ended: it hardly depends on what else the machine does."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _run(command: Sequence[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - our own commands
    if done.returncode:
        raise FailedError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


# The talk -------------------------------------------------------------------------------------------------------------


def _talk(url: str) -> None:
    """Alice asks, bob approves, the agent replies. Raises FailedError if one of them does not come."""
    _post(url, "send", {"as": "alice", "channel": CHANNEL, "text": f"@signoff {WORDS}"})
    card = _awaited(url, lambda message: CARD in json.dumps(message) and _button(message) is not None)
    button = _button(card) or {}
    click = {"as": "bob", "channel": CHANNEL, "ts": card["ts"], "action_id": button["action_id"]}
    _post(url, "click", click)
    _awaited(url, lambda message: message["ts"] == card["ts"] and "Approved by" in json.dumps(message))
    _awaited(url, lambda message: message["ts"] != card["ts"] and REPLY in json.dumps(message))


def _button(message: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The button Approve of a message."""
    elements = (each for block in message["blocks"] or () for each in block.get("elements", ()))
    return next((each for each in elements if each.get("text", {}) and _label(each) == "Approve"), None)


def _label(element: Mapping[str, Any]) -> str:
    text = element.get("text")
    return str(text["text"]) if isinstance(text, dict) else ""


def _awaited(url: str, fits: Callable[[Mapping[str, Any]], bool]) -> Mapping[str, Any]:
    end = time.monotonic() + PATIENCE
    state: Any = None
    while time.monotonic() < end:
        with urllib.request.urlopen(f"{url}/people/state?as=bob", timeout=PATIENCE) as answer:  # noqa: S310 - on this machine
            state = json.load(answer)
        messages = (each for channel in state["channels"] for each in channel["messages"])
        if (found := next(filter(fits, messages), None)) is not None:
            return dict(found)
        time.sleep(0.05)
    raise FailedError(f"this did not come within {PATIENCE:.0f} s; bob sees {json.dumps(state)[-2000:]}")


def _post(url: str, what: str, body: Mapping[str, str]) -> None:
    headers = {"Content-Type": "application/json"}
    asked = urllib.request.Request(f"{url}/people/{what}", json.dumps(body).encode(), headers)  # noqa: S310 - on this machine
    with urllib.request.urlopen(asked, timeout=PATIENCE) as answer:  # noqa: S310 - likewise
        answer.read()


# The command ----------------------------------------------------------------------------------------------------------


def main() -> int:
    """Go the ways that the arguments say; give the exit code."""
    parser = argparse.ArgumentParser(prog="make first-card", description="Times the way to the first decided card.")
    parser.add_argument("--python", default=sys.executable, help="the Python of the environment")
    parser.add_argument("--with", action="append", default=[], dest="requirements", help="install this beside Signoff")
    parser.add_argument("--no-cache", action="store_true", help="download all packages")
    parser.add_argument("--matrix", action="store_true", help="beside what people use, on each Python of this machine")
    given = parser.parse_args()
    with TemporaryDirectory(prefix="signoff-first-card-") as place:
        build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", place]
        _run(build, ROOT)
        (wheel,) = Path(place).glob("*.whl")
        if given.matrix:
            return _matrix(wheel, Path(place))
        way = Way(Path(place) / "way", given.python, wheel, given.requirements, cache=not given.no_cache)
        return 0 if _gone(way) else 1


def _matrix(wheel: Path, place: Path) -> int:
    went = True
    for version in PYTHONS:
        if (python := _python(version)) is None:
            print(f"Python {version}: not on this machine\n")
            continue
        for number, (name, requirements) in enumerate(BESIDE.items()):
            print(f"Python {version}, {name}", flush=True)
            folder = place / f"{version}-{number}"
            went = _gone(Way(folder, python, wheel, requirements)) and went
            shutil.rmtree(folder)
    return 0 if went else 1


def _python(version: str) -> str | None:
    """Find a Python on the PATH or among those of pyenv."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    places = [shutil.which(f"python{version}"), *sorted(pyenv.glob(f"{version}.*/bin/python"), reverse=True)]
    for each in filter(None, places):
        command = [str(each), "-c", "import ensurepip, sys; print(sys.executable)"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - a Python
        if done.returncode == 0:
            return done.stdout.strip()
    return None


def _gone(way: Way) -> bool:
    """Go a way, and print its steps; False if it does not end with a decided card."""
    try:
        way.folder.mkdir()
        way.go()
    except FailedError as error:
        print(f"  FAILED after {', '.join(way.steps) or 'nothing'}: {error}\n", flush=True)
        return False
    for name, seconds in way.steps.items():
        print(f"  {name:28}{seconds:7.1f} s")
    whole = sum(way.steps.values())
    print(f"  {'in all':28}{whole:7.1f} s, {way.cpu:.0f} s of it on the processor; {os.cpu_count()} cores")
    print(f"  {way.beside()}\n", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
