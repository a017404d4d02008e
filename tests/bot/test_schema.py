"""The JSON Schema of app.yaml: it has every key of the models, takes what they take and refuses what they refuse."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from bot.cli import invoke
from bot.config import schema as schemas
from bot.config.approvals import ApprovalEntry
from bot.config.entries import Agent, File
from bot.config.oncall import OnCallEntry
from bot.config.validation import _entries_in

ROOT = Path(__file__).parents[2]
SCHEMA = schemas.schema()
VALID = Draft202012Validator(SCHEMA)


def models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Give a model and the models of its fields."""
    yield model
    for field in model.model_fields.values():
        for inner in _entries_in(field.annotation):
            yield from models(inner)


ENTRIES = [*dict.fromkeys(each for top in (File, Agent, ApprovalEntry, OnCallEntry) for each in models(top))]
KEYS = [
    pytest.param(model, field.alias or name, field, id=f"{model.__name__}.{field.alias or name}")
    for model in sorted(ENTRIES, key=lambda each: each.__name__)
    for name, field in model.model_fields.items()
]


def described(model: type[BaseModel]) -> dict[str, Any]:
    """The keys of a model in the schema."""
    found: dict[str, Any] = (SCHEMA if model is File else SCHEMA["$defs"][model.__name__])["properties"]
    return found


def as_json(data: object) -> Any:
    """What an editor sees: dates are text."""
    return json.loads(json.dumps(data, default=date.isoformat))


@pytest.mark.parametrize(("model", "key", "field"), KEYS)
def test_each_key_has_a_description_and_examples_that_the_models_take(
    model: type[BaseModel], key: str, field: FieldInfo
) -> None:
    node = described(model)[key]
    assert node["description"].endswith("."), "write a docstring below the key"
    assert node["examples"], "give it Field(examples=[...])"
    alone: Any = Annotated[field.annotation, *field.metadata, "of the field alone"]
    adapter = TypeAdapter[Any](alone)
    for example in node["examples"]:
        adapter.validate_python(example)
        assert Draft202012Validator({**node, "$defs": SCHEMA["$defs"]}).is_valid(example)


@pytest.mark.parametrize("model", [pytest.param(each, id=each.__name__) for each in ENTRIES])
def test_a_key_that_there_is_not_is_refused_on_every_level(model: type[BaseModel]) -> None:
    entry = SCHEMA if model is File else SCHEMA["$defs"][model.__name__]
    errors = Draft202012Validator({**entry, "$defs": SCHEMA["$defs"]}).iter_errors({"mispelt": 1})
    assert any(each.validator == "additionalProperties" for each in errors)


def test_the_reference_page_has_every_key() -> None:
    shown = (ROOT / "docs/reference.md").read_text()
    keys = {field.alias or name for model in ENTRIES for name, field in model.model_fields.items()}
    assert {key for key in keys if f"| `{key}` |" not in shown} == set()


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize(
    "entry", [(Agent, "agents"), (ApprovalEntry, "approvals"), (OnCallEntry, "oncall")], ids=lambda each: each[1]
)
def test_the_examples_of_entries_that_are_validated_by_themselves_are_valid(entry: tuple[type[BaseModel], str]) -> None:
    model, key = entry
    (example,) = SCHEMA["properties"][key]["examples"]
    for each in example if isinstance(example, list) else example.values():
        model.model_validate(each)


FILES = [ROOT / "app.yaml", *sorted(ROOT.glob("tests/**/app.yaml"))]
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]


def snippets() -> Iterator[Any]:
    """The parts of app.yaml that pages show: YAML with keys of the file's top level."""
    for page in PAGES:
        for text in re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL):
            data = yaml.safe_load(text)
            if isinstance(data, dict) and set(data) <= set(File.model_fields):
                yield pytest.param({"agents": {}} | data, id=f"{page.name}: {text[:40]!r}")


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_it_takes_the_files_that_we_have(file: Path) -> None:
    VALID.validate(as_json(yaml.safe_load(file.read_text())))


@pytest.mark.parametrize("data", [*snippets()])
def test_it_takes_what_the_pages_show(data: object) -> None:
    VALID.validate(as_json(data))


DEPLOY = {"deploy": {"graph": "a.py:g", "channels": ["#ops"]}}


@pytest.mark.parametrize(
    "data",
    [
        {"agents": {"deploy": {**DEPLOY["deploy"], "direct_messages": "${DIRECT:-false}", "recursion_limit": "${N}"}}},
        {"agents": {"deploy": {**DEPLOY["deploy"], "resume": "${RESUME}", "time_limit": "${LIMIT:-1h}"}}},
        {"agents": {"deploy": {"graph": "${GRAPH}", "channels": ["${CHANNEL}"]}}},
        {"agents": DEPLOY, "http": {"port": "${PORT}"}, "retention": "${KEEP}d"},
        {"agents": DEPLOY, "approvals": [{"approvers": {"users": ["${WHO}"]}, "remind_after": ["1m", "${LATE}"]}]},
    ],
)
def test_variables_may_stand_where_numbers_and_words_of_a_list_stand(data: object) -> None:
    VALID.validate(data)


RULE = {"approvers": {"users": ["alice"]}}
WRONG: dict[str, tuple[type[BaseModel], Any]] = {
    "no agents": (File, {}),
    "a key that there is not": (File, {"agents": {}, "retentoin": "3d"}),
    "a port too high": (File, {"agents": {}, "http": {"port": 70000}}),
    "a duration without a unit": (File, {"agents": {}, "retention": "30"}),
    "an empty value": (File, {"agents": {}, "audit_retention": None}),
    "a list for a set of keys": (File, {"agents": []}),
    "an agent without a graph": (Agent, {"channels": ["#ops"]}),
    "an agent with a graph and a server": (
        Agent,
        {"graph": "a.py:g", "server": {"url": "http://x", "assistant": "a"}, "channels": ["#ops"]},
    ),
    "an agent with a key that there is not": (Agent, {"graph": "a.py:g", "chanels": ["#ops"]}),
    "a graph without a name": (Agent, {"graph": "a.py", "channels": ["#ops"]}),
    "a channel in capitals": (Agent, {"graph": "a.py:g", "channels": ["#Ops and more"]}),
    "neither true nor false": (Agent, {"graph": "a.py:g", "direct_messages": "perhaps"}),
    "a limit of none": (Agent, {"graph": "a.py:g", "direct_messages": True, "recursion_limit": 0}),
    "a word of no list": (Agent, {"graph": "a.py:g", "direct_messages": True, "resume": "togeter"}),
    "a quorum of none": (ApprovalEntry, {**RULE, "quorum": 0}),
    "an expiry that approves": (ApprovalEntry, {**RULE, "expires_after": "1h", "on_expiry": "approve"}),
    "a rule that edits": (ApprovalEntry, {"decide": "edit"}),
    "a day that there is not": (
        ApprovalEntry,
        {**RULE, "hours": {"zone": "UTC", "days": ["mon", "fry"], "from": "09:00", "to": "17:00"}},
    ),
    "one part of all": (ApprovalEntry, {"approvers": {"all_of": [{"users": ["alice"]}]}}),
    "two sources": (
        OnCallEntry,
        {"ical": {"file": "a.ics"}, "http": {"url": "https://x/y", "people": "a"}},
    ),
    "no source": (OnCallEntry, {}),
    "no tiers": (OnCallEntry, {"pagerduty": {"policy": "P1", "token": "t", "tiers": []}}),
}


@pytest.mark.parametrize(("model", "data"), [*WRONG.values()], ids=[*WRONG])
def test_it_refuses_what_the_models_refuse(model: type[BaseModel], data: Any) -> None:
    with pytest.raises(ValidationError):
        model.model_validate(data)
    whole = {File: data, Agent: {"agents": {"a": data}}}.get(model) or {
        "agents": DEPLOY,
        **({"approvals": [data]} if model is ApprovalEntry else {"oncall": {"ops": data}}),
    }
    assert not VALID.is_valid({} if model is File and not data else whole)


def test_an_agent_with_a_name_that_no_message_can_begin_with_is_refused() -> None:
    assert not VALID.is_valid({"agents": {"pay out": DEPLOY["deploy"]}})


def test_the_command_prints_what_the_wheel_installs(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["schema"]) == 0
    current = (ROOT / "docs/app.schema.json").read_text() == capsys.readouterr().out
    assert current, "make reference writes it anew"


def test_the_reference_page_is_current() -> None:
    command = [sys.executable, str(ROOT / "docs/reference.py")]
    done = subprocess.run(  # noqa: S603 - our own script
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": "."}, capture_output=True, text=True, check=True
    )
    current = (ROOT / "docs/reference.md").read_text() == done.stdout
    assert current, "make reference writes it anew"


MISSING = (
    "# Editors read that file. If it is missing: signoff schema > app.schema.json, and write $schema=app.schema.json."
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with an environment in which the schema is installed."""
    installed = tmp_path / "project" / ".venv" / "share" / "signoff" / "app.schema.json"
    installed.parent.mkdir(parents=True)
    installed.touch()
    return tmp_path / "project"


def first_lines(folder: Path, environment: Path) -> tuple[str, ...]:
    return schemas.editor_lines(folder, environment / "share" / "signoff" / "app.schema.json")


def test_the_first_line_of_a_file_leads_to_the_schema_of_the_environment_in_its_folder(project: Path) -> None:
    line = "# yaml-language-server: $schema=.venv/share/signoff/app.schema.json"
    assert first_lines(project, project / ".venv") == (line, MISSING)
    linked = project.parent / "linked"
    linked.symlink_to(project)
    assert first_lines(linked, project / ".venv") == (line, MISSING)
    assert first_lines(project, linked / ".venv") == (line, MISSING)


def test_or_of_the_environment_of_its_repository_but_not_of_the_machine(project: Path) -> None:
    line = "# yaml-language-server: $schema=../../.venv/share/signoff/app.schema.json"
    assert first_lines(project / "agents" / "billing", project / ".venv") == (line, MISSING)
    machines = "# yaml-language-server: $schema=/usr/share/signoff/app.schema.json"
    assert first_lines(project, Path("/usr")) == (machines, MISSING)


def test_elsewhere_it_is_absolute_and_a_path_with_spaces_is_an_address(project: Path) -> None:
    """To an editor a path ends at the first space."""
    other = project.parent / "other"
    assert first_lines(other, project / ".venv")[0].endswith(f"$schema={project}/.venv/share/signoff/app.schema.json")
    spaced = project / "my env"
    (project / ".venv").rename(spaced)
    for folder in (project, other):
        address = f"file://{project}/my%20env/share/signoff/app.schema.json"
        assert first_lines(folder, spaced) == (f"# yaml-language-server: $schema={address}", MISSING)


def test_a_copy_beside_the_file_comes_first_and_without_any_schema_it_says_how_to_write_one(project: Path) -> None:
    line = "# yaml-language-server: $schema=app.schema.json"
    how = "# Editors read that file: signoff schema > app.schema.json writes it."
    assert schemas.editor_lines(project, None) == (line, how)
    (project / "app.schema.json").touch()
    assert first_lines(project, project / ".venv") == (line,)


def test_the_schema_of_this_installation_is_found() -> None:
    found = schemas.installed_schema()
    assert found is not None
    assert found == Path(sys.prefix) / "share" / "signoff" / "app.schema.json"
