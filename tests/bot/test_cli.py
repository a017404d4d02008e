"""The command line: what it prints where, and how it ends."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from bot.cli import app, invoke
from bot.commands.demo import examples_file

ROOT = Path(__file__).parents[2]


def test_the_examples_of_a_checkout_are_found_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert examples_file() == ROOT / "app.yaml"


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["--version"]) == 0
    assert capsys.readouterr() == ("signoff 0.1.0\n", "")


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["--help"]) == 0
    out = capsys.readouterr().out.partition("Commands:")[2]
    commands = "demo init run check manifest workspace schema dead-letters approvals audit oncall policy explain"
    for command in commands.split():
        assert f"  {command} " in out
    assert "..." not in out, "a description is too long to be shown"


def commands() -> list[str]:
    """All commands, those of groups with their group."""
    found = []
    for name, command in getattr(get_command(app), "commands", {}).items():
        inner = list(getattr(command, "commands", ()))
        found += [f"{name} {each}" for each in inner] + [name] * (not inner or command.invoke_without_command)
    assert {"run", "approvals", "approvals withdraw", "policy test"} <= {*found}
    return found


@pytest.mark.parametrize("command", commands())
def test_the_page_for_operators_names_every_command(command: str) -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    table = page.partition("## Commands")[2].partition("### ")[0]
    assert re.search(rf"`signoff {command}[` ]", table)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["shipit"], "No such command 'shipit'."),
        (["demo", "--port", "70000"], "Invalid value for '--port'"),
        (["demo", "--clock-speed", "0.5"], "Invalid value for '--clock-speed'"),
        (["run", "--clock-speed", "60"], "No such option"),
        (["workspace", "--port", "0"], "Missing option '--data'."),
        (["audit"], "Missing argument"),
    ],
)
def test_a_wrong_option_is_said_and_exits_2(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert invoke(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert complaint in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("words", "position", "offered"),
    [
        ("signoff de", 1, "demo dead-letters"),
        ("signoff dead-letters --re", 2, "--revive"),
        ("signoff policy ", 2, "test"),
        ("signoff ap", 1, "approvals"),
        ("signoff approvals ", 2, "withdraw"),
        ("signoff approvals --", 2, "--pending --agent --json --demo --config --help"),
        ("signoff approvals withdraw --", 3, "--reason --demo --config --help"),
        ("signoff audit --", 2, "--json --config --demo --help"),
        ("signoff dead-letters --", 2, "--config --revive --demo --help"),
    ],
)
def test_bash_completes_commands_and_options(
    words: str, position: int, offered: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = {"_SIGNOFF_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(position)}
    for name, value in typed.items():
        monkeypatch.setenv(name, value)
    assert invoke([]) == 0
    out, err = capsys.readouterr()
    assert (out.split(), err) == (offered.split(), "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_its_completion(
    shell: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_SIGNOFF_COMPLETE", f"source_{shell}")
    assert invoke([]) == 0
    assert f"_SIGNOFF_COMPLETE=complete_{shell}" in capsys.readouterr().out


def test_zsh_and_fish_complete_the_same(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", "signoff approvals wi")
    monkeypatch.setenv("_TYPER_COMPLETE_WORD_TO_COMPLETE", "wi")
    monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
    for shell in ("zsh", "fish"):
        monkeypatch.setenv("_SIGNOFF_COMPLETE", f"complete_{shell}")
        assert invoke([]) == 0
        out, err = capsys.readouterr()
        assert "withdraw" in out, shell
        assert "Withdraw a pending request" in out, shell
        assert err == ""


def test_slack_calls_no_address_but_https(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["manifest", "--http", "http://localhost"]) == 1
    assert capsys.readouterr().err == (
        '--http: "http://localhost" is not an address that Slack can call. Write https://HOST.\n'
    )


def test_a_workspace_calls_no_bot_at_what_is_no_address(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["workspace", "--port", "0", "--data", str(tmp_path / "slack"), "--http", "localhost:8080"]) == 1
    assert capsys.readouterr().err == (
        '--http: "localhost:8080" is not the address of a bot. Write http://127.0.0.1:8080/slack/events.\n'
    )
    assert not (tmp_path / "slack").exists()


@pytest.mark.promise("P10")
@pytest.mark.parametrize("command", [["workspace"], ["demo", "--no-browser"]])
def test_a_wrong_people_file_is_told_with_its_lines(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    people, data = tmp_path / "people.yaml", tmp_path / "data"
    people.write_text("people:\n  - {name: ann}\n  - {nme: bob}\ngroups: [{handle: sre}]\n")
    assert invoke([*command, "--port", "0", "--data", str(data), "--people", str(people)]) == 1
    out, err = capsys.readouterr()
    assert (out, data.exists()) == ("", False)
    assert err.splitlines()[-3:] == [
        f"{people}:3: people[1].name: is missing. Add it.",
        f'{people}:3: people[1].nme: is not a key of this file. Did you mean "name"?',
        f"{people}:4: groups[0].members: is missing. Add it.",
    ]


@pytest.mark.promise("P10")
@pytest.mark.parametrize(
    "command", [["run"], ["check"], ["demo", "--no-browser", "--port", "0"], ["dead-letters"], ["audit", "T:C:root"]]
)
def test_a_configuration_that_is_not_there(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "app.yaml"
    data = ["--data", str(tmp_path / "data")] if command[0] == "demo" else []
    assert invoke([*command, "--config", str(missing), *data]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"{missing}: there is no such file. Write one, or name another with --config.\n"


@pytest.mark.parametrize("command", [["audit", "T:C:root"], ["dead-letters"]])
def test_where_no_demo_ran_there_is_nothing_of_one_to_read(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert invoke([*command, "--demo", str(tmp_path)]) == 1
    assert capsys.readouterr().err == (
        f"--demo: no demo has kept anything in {tmp_path}. Name the demo's --data folder.\n"
    )


def test_python_m_bot_is_signoff() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bot", "--version"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "signoff 0.1.0\n"


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    script = "import sys, bot.cli; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603 - our own interpreter
    heavy = {"langgraph", "langchain_core", "slack_bolt", "slack_sdk", "aiohttp", "redis", "pydantic", "rich"}
    assert heavy & set(done.stdout.split()) == set()
    assert "typer" in done.stdout.split()


WAITING = """
import signal, sys, time
from bot.cli import app, main

@app.command()
def wait() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where this was started with it ignored
    print("waiting", flush=True)
    while True:
        time.sleep(0.05)  # a signal just before signal.pause() would be waited for again

sys.argv[1:] = ["wait"]
main()
"""


def test_ctrl_c_ends_without_a_word() -> None:
    command = [sys.executable, "-c", WAITING]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own interpreter
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, "", "")


def test_what_a_graph_raises_at_import_is_reported_without_its_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MAPS_API_KEY", "maps-key-4711")
    (tmp_path / "noisy.py").write_text("import os\nraise RuntimeError('no: ' + os.environ['MAPS_API_KEY'])\n")
    (tmp_path / "app.yaml").write_text("agents: {a: {graph: 'noisy.py:graph', channels: ['#deploys']}}\n")
    assert invoke(["check", "--config", str(tmp_path / "app.yaml")]) == 1
    err = capsys.readouterr().err
    assert "RuntimeError: no: •••" in err
    assert "maps-key-4711" not in err
