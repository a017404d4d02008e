"""`langgraph.json`, and `project:` in `app.yaml`, which names it."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType

import pytest

from bot.commands.environment import enter
from bot.config.files import Files
from bot.config.load import examined, load
from bot.config.problems import ConfigError
from bot.config.project import Project, ProjectGraph, project_notes, read_project
from bot.runtime.reload import unchangeable

ENVIRON = MappingProxyType({"SLACK_BOT_TOKEN": "xoxb-1-bot", "SLACK_APP_TOKEN": "xapp-1-app"})
GRAPHS = MappingProxyType({"agent": "./agent.py:graph"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "a project"
    found.mkdir()
    return found


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    environ = dict(os.environ)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield
    os.environ.clear()
    os.environ.update(environ)


def project(folder: Path, **said: object) -> Project:
    file = folder / "langgraph.json"
    file.write_text(json.dumps({"graphs": dict(GRAPHS), **said}))
    return read_project(file, ENVIRON)


def refused(folder: Path, text: str) -> str:
    file = folder / "langgraph.json"
    file.write_text(text)
    with pytest.raises(ConfigError) as refusal:
        read_project(file, ENVIRON)
    return str(refusal.value)


def app(folder: Path, more: str = "") -> Path:
    file = folder / "app.yaml"
    file.write_text(f"project: langgraph.json\nagents: {{a: {{graph: agent.py:graph, channels: ['#a']}}}}\n{more}")
    return file


# langgraph.json -------------------------------------------------------------------------------------------------------


def test_graphs_are_strings_or_objects(folder: Path) -> None:
    found = project(folder, graphs={"a": "./a.py:graph", "pay out": {"path": "m.n:make", "description": "Pays"}})

    assert found.graphs == {"a": ProjectGraph("./a.py:graph"), "pay out": ProjectGraph("m.n:make", "Pays")}


def test_a_dependency_is_a_folder_or_a_package(folder: Path) -> None:
    (folder / "libs").mkdir()
    named = [".", "./libs", "langchain[openai]>=1.0", "mine @ git+https://example.test/mine.git", "requests"]

    found = project(folder, dependencies=named)

    assert found.folders == (folder, folder / "libs")
    assert found.packages == tuple(named[2:])


def test_a_folder_that_is_missing_is_a_problem(folder: Path) -> None:
    (folder / "pyproject.toml").touch()
    assert project(folder, dependencies=["./pyproject.toml"]).folders == (folder,)  # langgraph dev adds folders alone
    text = refused(folder, '{"graphs": {"a": "./a.py:graph"}, "dependencies": [".", "./gone", "libs/gone"]}')

    assert f'{folder}/langgraph.json: dependencies[1]: there is no folder "./gone" beside langgraph.json.' in text
    assert 'dependencies[2]: there is no folder "libs/gone"' in text


def test_an_env_file_is_read_as_dotenv_reads_it(folder: Path) -> None:
    (folder / "my.env").write_text("export A='one'\nB=${A}-two\nC=\"x y\"\nD=${SLACK_BOT_TOKEN}\nE\n")

    assert project(folder, env="my.env").env == {"A": "one", "B": "one-two", "C": "x y", "D": "xoxb-1-bot"}


def test_an_env_file_that_does_not_exist_is_empty(folder: Path) -> None:
    notes = project_notes(project(folder, env=".env.prod"))
    assert notes == ("langgraph.json: env: there is no file .env.prod, so it sets no variables.",)
    assert project(folder, env="./.env").env == {}


def test_an_env_is_an_object(folder: Path) -> None:
    assert project(folder, env={"A": "${B}", "PORT": 80}).env == {"A": "${B}", "PORT": "80"}


def test_values_of_env_are_not_shown(folder: Path) -> None:
    assert "hush-hush" not in repr(project(folder, env={"API_KEY": "hush-hush"}))
    text = refused(folder, '{"graphs": {"a": "./a.py:graph"}, "env": {"API_KEY": ["hush-hush"]}}')
    assert "env.API_KEY: is not text" in text
    assert "hush-hush" not in text


def test_a_store_is_kept_and_unused_keys_are_named(folder: Path) -> None:
    store = {"index": {"embed": "openai:text-embedding-3-small", "dims": 1536}}
    found = project(folder, store=store, auth={"path": "./auth.py:auth"}, http={"app": "./x.py:app"}, checkpointer=None)

    assert found.store == store
    assert found.unused == ("auth", "http")
    assert project_notes(found)[0] == "langgraph.json: auth is not used: people are who they are in Slack."


def test_keys_of_images_are_passed_over_and_unknown_ones_are_named(folder: Path) -> None:
    built = {"python_version": "3.12", "dockerfile_lines": ["RUN x"], "pip_config_file": "./pip.conf"}
    assert project(folder, **built, image_distro="wolfi").unused == ()
    found = project(folder, **built, dependecies=["."], ui={"x": "./x.tsx"})
    assert project_notes(found) == (
        "langgraph.json: dependecies is not used: Signoff does not know this key. Did you mean dependencies?",
        "langgraph.json: ui is not used: people see messages and cards in Slack.",
    )


def test_windows_line_ends_and_a_bom_are_no_trouble(folder: Path) -> None:
    file = folder / "langgraph.json"
    file.write_bytes(b'\xef\xbb\xbf{\r\n  "graphs": {"a": "./a.py:graph"},\r\n  "env": ".env"\r\n}\r\n')
    (folder / ".env").write_bytes(b"\xef\xbb\xbfA=1\r\nB=2\r\n")

    assert read_project(file, {}).env == {"A": "1", "B": "2"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "langgraph.json: is empty. Write {"),
        (" \r\n", "langgraph.json: is empty."),
        ('{\n"graphs": {,}\n}', "langgraph.json:2: is not JSON: expecting property name"),
        ('{"graphs": {\n// the agents\n"a": "./a.py:graph"}}', "langgraph.json:2: is not JSON"),
        ('{"graphs": {\n// the agents\n"a": "./a.py:graph"}}', "JSON has no comments: remove this one."),
        ('{"graphs": {"a": "./a.py:graph"}, # x\n"env": ".env"}', "JSON has no comments: remove this one."),
        ('{"graphs": {"a": "./a.py:graph",\n}}', "Remove the comma before the closing bracket."),
        ('{"graphs": {"a": "./a.py:graph"}, "dependencies": [".",]}', "Remove the comma before the closing bracket."),
        ('{"graphs": {"a": "./a.py:graph", "a": "./b.py:graph"}}', 'langgraph.json: "a" stands twice in one object.'),
        ('{"graphs": {"a": "./a.py:g"}, "graphs": {"b": "./b.py:g"}}', '"graphs" stands twice in one object.'),
        ("[]", "langgraph.json: is not an object."),
        ("null", "langgraph.json: is not an object."),
        ("[" * 100_000, "langgraph.json: cannot be read as JSON."),
        ("{}", "langgraph.json: graphs: is missing."),
        ('{"graphs": {}}', "langgraph.json: graphs: names no graph."),
        ('{"graphs": ["./a.py:graph"]}', "langgraph.json: graphs: names no graph."),
        (
            '{"graphs": {"a": 3}}',
            'langgraph.json: graphs.a: names no file and no graph in it. Write "./agent.py:graph"',
        ),
        ('{"graphs": {"a": {"description": "x"}}}', "langgraph.json: graphs.a: names no file"),
        ('{"graphs": {"a": {"path": "a.py:g", "description": 3}}}', "graphs.a.description: is not text."),
        ('{"graphs": {"a": "a.py:g"}, "dependencies": "."}', "dependencies: is not a list of folders and packages."),
        ('{"graphs": {"a": "a.py:g"}, "env": 3}', "env: is not a file and no object."),
        ('{"graphs": {"a": "a.py:g"}, "env": {"A=B": "1"}}', "env: has a key that is no name of a variable."),
        ('{"graphs": {"a": "a.py:g"}, "store": []}', "store: is not an object."),
    ],
)
@pytest.mark.promise("P10")
def test_a_broken_file_is_named_with_what_to_write(folder: Path, text: str, said: str) -> None:
    assert said in refused(folder, text)


@pytest.mark.promise("P10")
def test_a_file_that_is_missing_or_no_text_is_named(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"langgraph\.json: there is no such file"):
        read_project(folder / "langgraph.json", {})
    with pytest.raises(ConfigError, match="cannot be read"):
        read_project(folder, {})
    (folder / "langgraph.json").write_bytes(b'{"graphs": "\xff"}')
    with pytest.raises(ConfigError, match=r"langgraph\.json: is not UTF-8"):
        read_project(folder / "langgraph.json", {})


def test_an_env_file_that_is_no_dotenv_is_named_with_its_line(folder: Path) -> None:
    (folder / ".env").write_text("A=1\n=2\n")

    assert f"{folder}/.env:2: cannot be read." in refused(folder, '{"graphs": {"a": "a.py:g"}, "env": ".env"}')


# project: in app.yaml -------------------------------------------------------------------------------------------------


def test_variables_of_the_project_are_expanded_over_those_of_the_process(folder: Path) -> None:
    project(folder, env={"HOME_CHANNEL": "#project", "SLACK_APP_TOKEN": "xapp-other"})
    file = folder / "app.yaml"
    file.write_text("project: langgraph.json\nagents: {a: {graph: a.py:g, channels: ['${HOME_CHANNEL}']}}\n")

    config = load(file, {**ENVIRON, "HOME_CHANNEL": "#process"})

    assert next(iter(config.agents.values())).channels == ("#project",)
    assert config.secrets.slack_app_token == "xapp-1-app", "the bot's own tokens are those of its process"


def test_tokens_may_stand_in_the_project_and_its_secrets_are_masked(folder: Path) -> None:
    project(folder, env={**ENVIRON, "MY_API_KEY": "hush-hush-hush", "REGION": "north"})

    config = load(app(folder), {})

    assert config.secrets.slack_bot_token == "xoxb-1-bot"
    assert "hush-hush-hush" in config.secret_values
    assert "north" not in config.secret_values


@pytest.mark.promise("P10")
def test_a_project_that_is_missing_or_broken_is_a_problem_of_app_yaml(folder: Path) -> None:
    config, problems = examined(app(folder), ENVIRON)
    assert config is None
    assert f"app.yaml:1: project: there is no file {folder}/langgraph.json." in str(problems[0])

    (folder / "langgraph.json").write_text("{")
    config, problems = examined(app(folder), ENVIRON)
    assert config is None
    assert f"{folder}/langgraph.json:1: is not JSON" in str(problems[0])


def test_project_is_the_path_of_a_file(folder: Path) -> None:
    _, problems = examined(app(folder), ENVIRON)
    file = folder / "app.yaml"
    file.write_text(file.read_text().replace("project: langgraph.json", "project: [x]"))

    _, problems = examined(file, ENVIRON)

    assert "app.yaml:1: project" in str(problems[0])


def test_entering_a_project_sets_its_env_and_appends_its_folders_once(folder: Path) -> None:
    os.environ["REGION"] = "process"
    found = project(folder, env={"REGION": "project"}, dependencies=["."])

    for _ in range(2):
        enter(found)

    assert os.environ["REGION"] == "project"
    assert sys.path[-1] == str(folder)
    assert sys.path.count(str(folder)) == 1


def test_a_project_cannot_change_while_the_bot_runs(folder: Path) -> None:
    project(folder)
    before = load(app(folder), ENVIRON)
    project(folder, env={"A": "1"})

    (problem,) = unchangeable(before, load(app(folder), ENVIRON))

    assert "app.yaml:1: project: changed. Restart the bot" in str(problem)


# As it was read before ------------------------------------------------------------------------------------------------


def test_what_was_read_once_means_the_same_after_every_file_was_changed(folder: Path) -> None:
    """All workers of a supervisor go by what it has read, also one that is started later."""
    (folder / ".env").write_text("A=alice\nSLACK_BOT_TOKEN=xoxb-2-dotenv\n")
    (folder / "graphs.env").write_text("B=${A}.b\n")
    project(folder, env="graphs.env")
    file, environ = app(folder, 'people: {x: "${A}", y: "${B}"}\n'), {"SLACK_APP_TOKEN": "xapp-1-app"}
    read = Files()
    before = load(file, environ, read)
    assert before.people == {"x": "alice", "y": "alice.b"}
    for each in ("app.yaml", ".env", "langgraph.json", "graphs.env"):
        (folder / each).unlink()
    again = load(file, environ, Files(json.loads(json.dumps(read.texts))))
    assert (again.people, again.secrets, again.project) == (before.people, before.secrets, before.project)
    assert [*unchangeable(before, again)] == []


def test_a_file_that_was_not_there_stays_away(folder: Path) -> None:
    project(folder, env="graphs.env")
    file, read = app(folder), Files()
    load(file, ENVIRON, read)
    (folder / ".env").write_text("not a variable\n")
    (folder / "graphs.env").write_text("B=new\n")
    found = load(file, ENVIRON, Files(read.texts)).project
    assert found is not None
    assert (found.env, found.missing_env) == ({}, "graphs.env")
