"""The documentation as a site: it builds without a fault, and what its pages show is true.

Each block of a page is checked by its language: `app.yaml` is loaded, `signoff ...` is parsed by the real command line,
Python is compiled and its imports looked up. Pages whose blocks are run have tests of their own beside this one.
"""

import ast
import importlib.util
import inspect
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.pages import BLOCK, DOCS, ROOT, SECRETS, blocks

from bot import process
from bot.cli import invoke
from bot.config.entries import Agent
from bot.config.load import load

PAGES = sorted(DOCS.glob("*.md"))
NAMED = [page.name for page in PAGES]
ROTATION: Any = {"rotation": {"zone": "UTC", "starts": "2026-11-30T09:00", "every": "1w", "people": ["bob"]}}

_SPAN = re.compile(r"`(signoff [a-z-]+(?![a-z:-])[^`]*)`")


# The site -------------------------------------------------------------------------------------------------------------


def build_script() -> object:
    spec = importlib.util.spec_from_file_location("docs_build", DOCS / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


BUILD = build_script()


def test_the_site_builds_without_a_warning() -> None:
    """Broken links and anchors, pages outside of the navigation, and loads from other hosts fail."""
    python = ROOT / ".venv-docs" / "bin" / "python"
    if not python.exists():
        pytest.skip("Zensical is not installed: `make docs` installs it")
    done = subprocess.run([python, DOCS / "build.py"], capture_output=True, text=True, check=False)  # noqa: S603 - ours
    assert done.returncode == 0, done.stdout + done.stderr
    site = ROOT / "site"
    assert not [*site.glob("*.py"), *site.rglob("words.json")]
    listed = re.findall(r"^- \[(.+)\]\((.+\.md)\): (.+)$", (site / "llms.txt").read_text(), re.MULTILINE)
    assert sorted(page for _, page, _ in listed) == sorted(NAMED) == sorted(page.name for page in site.glob("*.md"))
    assert [page for _, page, said in listed if not 8 <= len(said.split()) <= 90] == [], "a paragraph says what it is"
    whole = (site / "llms-full.txt").read_text()
    assert [page for _, page, _ in listed if (DOCS / page).read_text() not in whole] == []


def test_every_page_is_in_the_navigation_once() -> None:
    assert BUILD.navigation_problems(ROOT / "zensical.toml") == []  # type: ignore[attr-defined]


@pytest.mark.parametrize("page", NAMED)
def test_a_link_is_named_by_what_the_page_is_about(page: str) -> None:
    """Not by its file: the site has no `oncall.md`."""
    assert re.findall(r"\[[\w/-]+\.md\]\([\w#-]+\.md", (DOCS / page).read_text()) == []


def test_a_page_outside_of_the_navigation_is_named(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    for name in ("index.md", "lost.md"):
        (tmp_path / "docs" / name).write_text("# A page\n")
    (tmp_path / "zensical.toml").write_text(
        '[project]\ndocs_dir = "docs"\nnav = [{"A" = ["index.md", "gone.md"]}, "index.md"]\n'
    )
    assert BUILD.navigation_problems(tmp_path / "zensical.toml") == [  # type: ignore[attr-defined]
        "zensical.toml: nav lacks lost.md. Add it.",
        "zensical.toml: nav names gone.md, which does not exist.",
        "zensical.toml: nav names index.md twice.",
    ]


def test_a_diagram_that_would_show_as_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text("# A page\n```mermaid\nflowchart TD\n```\n")
    (problem,) = BUILD.undrawn_diagrams(tmp_path / "zensical.toml")  # type: ignore[attr-defined]
    assert "docs/index.md has a Mermaid block" in problem


def test_the_rooms_of_the_architecture_picture_are_folders() -> None:
    picture = (DOCS / "images" / "rooms.svg").read_text()
    drawn = {name for names in re.findall(r'class="name">([^<]+)<', picture) for name in names.split(", ")}
    there = {room.name for top in ("bot", "adapters") for room in (ROOT / top).iterdir() if room.is_dir()}
    assert drawn - there == {"bot", "adapters", "engine"}
    assert {room.name for room in (ROOT / "adapters").iterdir() if (room / "__init__.py").exists()} - drawn == {
        "blockkit"
    }


def test_a_click_opens_a_picture(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text('<p><img alt="A card" src="../images/a.png"><img src=icon.svg></p>')
    BUILD.open_pictures(tmp_path)  # type: ignore[attr-defined]
    shown = '<p><a href="../images/a.png"><img alt="A card" src="../images/a.png"></a><img src=icon.svg></p>'
    assert (tmp_path / "page.html").read_text() == shown


def test_a_script_of_another_host_is_named(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(
        '<a href="https://x/">x</a><script src=https://cdn.example/a.js></script><img src="/b.png">'
    )
    assert BUILD.foreign_loads(tmp_path) == ["page.html: loads https://cdn.example/a.js from another host."]  # type: ignore[attr-defined]


# Every block ----------------------------------------------------------------------------------------------------------

TESTED = {
    ("check.md", "text"): "bot/test_check_page.py",
    ("clarification.md", "text"): "test_site_examples.py",
    ("conditions.md", "text"): "test_site_pages.py",
    ("context.md", "text"): "bot/test_context_page.py",
    ("deploy.md", "dockerfile"): "test_site_examples.py",
    ("deploy.md", "ini"): "test_site_examples.py",
    ("deploy.md", "nginx"): "adapters/slack/test_slack_proxies.py",
    ("deploy.md", "text"): "adapters/slack/test_slack_proxies.py",
    ("init.md", "text"): "test_site_pages.py",
    ("on-call-gate.md", "text"): "test_site_examples.py",
    ("policies.md", "text"): "test_site_pages.py",
    ("policy-tests.md", "text"): "bot/test_policy_page.py",
    ("quickstart.md", "text"): "test_site_pages.py",
    ("reference.md", "text"): "bot/test_schema.py",
    ("store.md", "json"): "test_site_pages.py",
    ("team-approvals.md", "text"): "test_site_examples.py",
}
"""The tests of blocks in languages other than those that this file checks on every page: YAML, Python and commands."""

OTHER_YAML = {
    "people": ("local_workspace.md", "test_site_pages.py"),
    "cases": ("policy-tests.md", "bot/test_policy_page.py"),
    "services": ("deploy.md", "test_site_examples.py"),
}
"""YAML that is no app.yaml, by its first key: people of a local workspace, policy tests, a compose file."""

OTHER_COMMANDS = {
    "backup.md": ("test_site_examples.py", ("cp ", "mv ", "valkey-cli ")),
    "local_workspace.md": ("test_site_pages.py", ("curl ",)),
}
"""The test that runs the commands of a page that are not ours, and these commands."""

NOT_RUN = ("git clone URL ", 'pip install "', "pip install ./", "python3 -m venv ", "kill -HUP PID")
"""Left to tests/install, which installs the package in a new environment, and to tests of SIGHUP."""


def test_each_block_is_run_or_parsed_by_a_test() -> None:
    """A new kind of block needs a test: name it above."""
    everywhere = {"yaml", "python", "console", "sh"}
    found = {(page, language) for page in NAMED for _, language, _, _ in BLOCK.findall((DOCS / page).read_text())}
    assert {each for each in found if each[1] not in everywhere} == set(TESTED)
    tests = {
        *TESTED.values(),
        *(test for _, test in OTHER_YAML.values()),
        *(test for test, _ in OTHER_COMMANDS.values()),
    }
    assert [test for test in tests if not (ROOT / "tests" / test).exists()] == []
    for first, (page, _) in OTHER_YAML.items():
        assert first in {next(iter(yaml.safe_load(block))) for block in blocks(page, "yaml")}


@pytest.mark.parametrize("page", NAMED)
def test_each_command_line_is_ours_or_run_by_a_test(page: str) -> None:
    lines = [line for block in blocks(page, "console", "sh") for line in block.splitlines() if line.strip()]
    if any(line.startswith("$ ") for line in lines):  # the others are what it prints
        lines = [line for line in lines if line.startswith("$ ")]
    known = ("signoff ", *NOT_RUN, *OTHER_COMMANDS.get(page, ("", ()))[1])
    assert [line for line in lines if not line.removeprefix("$ ").startswith(known)] == []


# YAML -----------------------------------------------------------------------------------------------------------------


def configurations() -> Iterator[tuple[str, str]]:
    for page in NAMED:
        for block in blocks(page, "yaml"):
            if OTHER_YAML.get(next(iter(yaml.safe_load(block))), ("",))[0] != page:
                yield page, block


def completed(block: str) -> dict[str, Any]:
    """An `app.yaml` from a part of one: with the agents that its rules name, and the on-call sources that it lacks."""
    shown = yaml.safe_load(block)
    if set(shown) <= set(Agent.model_fields):
        shown = {"agents": {"any": shown}}
    agents = shown.get("agents") or {name: {} for name in re.findall(r"agent: ([\w-]+)", block) or ["any"]}
    each = {"graph": "any.py:graph", "channels": ["#any"]}
    agents = {name: ({} if "server" in said else each) | {"channels": ["#any"]} | said for name, said in agents.items()}
    sources = dict.fromkeys(re.findall(r"oncall: \[(\w+)", block), ROTATION) | shown.get("oncall", {})
    return {**shown, "agents": agents, **({"oncall": sources} if sources else {})}


@pytest.mark.parametrize(("page", "block"), list(configurations()))
def test_each_app_yaml_of_a_page_is_a_configuration(page: str, block: str, tmp_path: Path) -> None:
    file = tmp_path / "app.yaml"
    file.write_text(yaml.safe_dump(completed(block)))
    variables = dict.fromkeys(re.findall(r"\$\{(\w+)", block), "https://value.example")
    assert load(file, variables | SECRETS).agents, page


# Commands -------------------------------------------------------------------------------------------------------------


def commands(page: str) -> Iterator[str]:
    """The `signoff` command lines of a page: in blocks, in files of systemd and containers, and in backticks."""
    text = (DOCS / page).read_text(encoding="utf-8")
    for line in "\n".join(blocks(page, "console", "sh", "ini")).splitlines():
        for found in re.finditer(r"(?:^|[=/ ])(signoff [a-z-]+(?![a-z:-]).*)$", line.removeprefix("$ ")):
            yield re.split(r" # |  +#|&&|;", _unpiped(found[1]))[0].strip()
    yield from map(_unpiped, _SPAN.findall(re.sub(r"\s*\n\s*", " ", re.sub(BLOCK, "", text))))


def _unpiped(line: str) -> str:
    """A command line without what the shell does with its input and output."""
    return re.split(r" [|<>]", line)[0]


@pytest.fixture
def command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real command line, whose commands do nothing once their options are parsed."""
    for name, function in inspect.getmembers(process, inspect.isfunction):
        if function.__module__ == process.__name__:
            monkeypatch.setattr(process, name, lambda *_, **__: 0)


def exit_code(line: str) -> int:
    """The exit code of a command line; 2 for what it does not know. A bare `signoff audit --json` only names it."""
    words = shlex.split(line)[1:]
    named_only = all(re.fullmatch(r"(--)?[a-z][a-z-]+", word) for word in words)
    if words[:1] == ["--install-completion"]:  # it would write into the shell's own files
        words = ["--help", *words]
    return invoke([*words, "--help"] if named_only else words)


@pytest.mark.usefixtures("command_line")
@pytest.mark.parametrize("page", NAMED)
def test_each_command_of_a_page_is_one(page: str) -> None:
    assert [line for line in commands(page) if exit_code(line) != 0] == []


@pytest.mark.usefixtures("command_line")
def test_commands_are_found_and_wrong_ones_fail() -> None:
    assert "signoff demo --clock-speed 60" in set(commands("on-call-gate.md"))
    assert "signoff run" in set(commands("deploy.md"))
    wrong = [
        "signoff shipit",
        "signoff run --fast",
        "signoff check EXTRA",
        "signoff policy tset X",
        "signoff --versoin",
    ]
    assert [exit_code(line) for line in wrong] == [2] * 5


# Python ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", NAMED)
def test_each_python_block_of_a_page_compiles_and_imports_what_exists(page: str) -> None:
    """`services` stands for a module of the reader."""
    for block in blocks(page, "python"):
        code = re.sub(r"\)\.{3}(?=\w)", ").", block)  # calls that a page leaves out
        tree = ast.parse(f"async def page():\n{re.sub('^', '    ', code, flags=re.MULTILINE)}")
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module and node.module != "services":
                module = importlib.import_module(node.module)
                assert [each.name for each in node.names if not hasattr(module, each.name)] == []
            elif isinstance(node, ast.Import):
                assert all(importlib.util.find_spec(each.name) for each in node.names)
