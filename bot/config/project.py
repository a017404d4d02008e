"""Reads the `langgraph.json` of a LangGraph project: its graphs, and what they need before they are imported.

`langgraph dev` adds the project's folder and each dependency that is a folder to the end of `sys.path`, and sets `env`
over the process's environment: a graph that was written for it finds the same here. Packages among the dependencies are
not installed by Signoff. Paths start from the folder of the file. Keys that Signoff has no use for are named in
`unused`: it brings its own checkpointer, and people reach a graph through Slack.

https://docs.langchain.com/langsmith/cli#configuration-file
"""

import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from bot.config.file import interpolated, variables
from bot.config.files import Files
from bot.config.problems import ConfigError, ConfigProblem

FILE_NAME: Final = "langgraph.json"
_USED: Final = frozenset({"dependencies", "env", "graphs", "store"})
_OF_IMAGES: Final = frozenset(
    {
        "$schema", "_INTERNAL_docker_tag", "api_version", "base_image", "docker_compose_file", "dockerfile_lines",
        "image_distro", "keep_pkg_tools", "node_version", "pip_config_file", "pip_installer", "python_version",
        "source",
    }
)  # fmt: skip
"""Keys that only builds of images read. They mean nothing to a graph that runs in its own environment."""
_WHY_UNUSED: Final = {
    "auth": "people are who they are in Slack.",
    "checkpointer": "Signoff keeps threads in its own checkpointer.",
    "encryption": "Signoff writes threads into your Redis as they are.",
    "http": "Signoff serves no API of LangGraph Server.",
    "ui": "people see messages and cards in Slack.",
    "ui_config": "people see messages and cards in Slack.",
    "webhooks": "Signoff calls no webhooks.",
}
_NO_FILE: Final = "Write one, or name another file."
_SHAPE: Final = '{"graphs": {"agent": "./agent.py:graph"}, "dependencies": ["."]}'
_SPEC: Final = 'Write "./agent.py:graph", or {"path": "./agent.py:graph", "description": "..."}.'
_PACKAGE: Final = re.compile(r"[A-Za-z0-9][^/\\]*$|[^/]*(?:@|://)")
"""A requirement for pip: a name, maybe with extras and a version, or an address."""


@dataclass(frozen=True, slots=True)
class ProjectGraph:
    """One entry of `graphs`: `path` is the spec, `./agent.py:graph` or `package.module:graph`."""

    path: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Project:
    """A valid `langgraph.json`. `folders` go to the end of `sys.path` in this order: its own folder is the first."""

    file: Path
    graphs: Mapping[str, ProjectGraph] = field(default_factory=dict)
    folders: tuple[Path, ...] = ()
    packages: tuple[str, ...] = ()
    """Dependencies that are packages: `langgraph dev` does not install them either."""
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    store: Mapping[str, Any] | None = None
    """`store` as it is written; `index` in it is the configuration of its vector search."""
    unused: tuple[str, ...] = ()
    """The keys in it that Signoff does not use, unknown ones too, without those that only builds of images read."""
    missing_env: str = ""
    """The file that `env` names, if it does not exist: `langgraph dev` starts without it, too."""


def read_project(
    file: Path, environ: Mapping[str, str], missing: str = _NO_FILE, files: Files | None = None
) -> Project:
    """Read a `langgraph.json`; `${NAME}` in its env file may name what `environ` holds.

    Raises ConfigError with every problem; `missing` is what to do where there is no file.
    """
    file, files = file.absolute(), files or Files()
    data = _data(file, files.text_of(file, missing))
    problems: list[ConfigProblem] = []
    folders, packages = _dependencies(file, data.get("dependencies", []), problems)
    project = Project(
        file=file,
        graphs=MappingProxyType(_graphs(file, data.get("graphs"), problems)),
        folders=folders,
        packages=packages,
        env=MappingProxyType(_env(file, data.get("env", {}), environ, files, problems)),
        store=_store(file, data.get("store"), problems),
        unused=tuple(key for key in sorted(data.keys() - _USED - _OF_IMAGES) if data[key]),
        missing_env=_missing_env(file, data.get("env"), files),
    )
    if problems:
        raise ConfigError(problems)
    return project


def _data(file: Path, text: str) -> dict[str, Any]:
    if not text.strip():
        raise ConfigError([ConfigProblem(str(file), "is empty", f"Write {_SHAPE}.")])
    try:
        found = json.loads(text, object_pairs_hook=lambda pairs: _without_repeats(file, pairs))
    except json.JSONDecodeError as error:
        what = f"is not JSON: {error.msg[:1].lower()}{error.msg[1:]} (column {error.colno})"
        raise ConfigError([ConfigProblem(f"{file}:{error.lineno}", what, _how_to_correct(text, error.pos))]) from None
    except (RecursionError, ValueError):  # nested too deeply; a number of thousands of digits
        raise ConfigError([ConfigProblem(str(file), "cannot be read as JSON", f"Write {_SHAPE}.")]) from None
    if not isinstance(found, dict):
        raise ConfigError([ConfigProblem(str(file), "is not an object", f"Write {_SHAPE}.")])
    return found


def _without_repeats(file: Path, pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object; JSON itself would let the last of two equal keys win, and a graph would be missing unsaid."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ConfigError([ConfigProblem(str(file), f'"{twice}" stands twice in one object', "Keep one of the two.")])
    return found


def _how_to_correct(text: str, at: int) -> str:
    """Say what to write for what other readers accept: comments, and commas before a closing bracket."""
    if text[at:].startswith(("//", "/*", "#")):
        return "JSON has no comments: remove this one."
    if re.match(r",?\s*[}\]]", text[at:]) and text[: at + 1].rstrip("}] \t\r\n").endswith(","):
        return "Remove the comma before the closing bracket."
    return "Correct this line."


def _graphs(file: Path, given: object, problems: list[ConfigProblem]) -> dict[str, ProjectGraph]:
    where = f"{file}: graphs"
    if not isinstance(given, dict) or not given:
        what = "is missing" if given is None else "names no graph"
        problems.append(ConfigProblem(where, what, f"Write {_SHAPE}."))
        return {}
    found: dict[str, ProjectGraph] = {}
    for name, entry in given.items():
        path, description = (entry.get("path"), entry.get("description")) if isinstance(entry, dict) else (entry, None)
        if not isinstance(path, str) or not path.strip():
            problems.append(ConfigProblem(f"{where}.{name}", "names no file and no graph in it", _SPEC))
        elif not isinstance(description, str | None):
            problems.append(ConfigProblem(f"{where}.{name}.description", "is not text", "Write a sentence in quotes."))
        else:
            found[name] = ProjectGraph(path.strip(), description or "")
    return found


def _dependencies(file: Path, given: object, problems: list[ConfigProblem]) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    where = f"{file}: dependencies"
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
        problems.append(ConfigProblem(where, "is not a list of folders and packages", 'Write ["."].'))
        return (file.parent,), ()
    folders, packages = {file.parent: None}, []
    for index, each in enumerate(given):
        folder = (file.parent / each).resolve()
        if folder.is_dir():
            folders[folder] = None
        elif folder.is_file():
            continue  # such as "./pyproject.toml": `langgraph dev` adds folders only
        elif _PACKAGE.match(each):
            packages.append(each)
        else:
            what = f'there is no folder "{each}" beside {file.name}'
            problems.append(ConfigProblem(f"{where}[{index}]", what, "Correct the path, or remove it."))
    return tuple(folders), tuple(packages)


def _env(
    file: Path, given: object, environ: Mapping[str, str], files: Files, problems: list[ConfigProblem]
) -> dict[str, str]:
    """The variables that are named, or those of the file that is; a file that does not exist has none."""
    if isinstance(given, str):
        named = file.parent / given
        try:
            return interpolated(variables(named, files), environ) if files.has(named) else {}
        except ConfigError as error:
            problems += error.problems
            return {}
    if not isinstance(given, dict):
        problems.append(
            ConfigProblem(f"{file}: env", "is not a file and no object", 'Write ".env", or {"NAME": "value"}.')
        )
        return {}
    problems += _unfit_variables(file, given)
    return {name: str(value) for name, value in given.items()}


def _missing_env(file: Path, given: object, files: Files) -> str:
    return given if isinstance(given, str) and given and files.lacks(file.parent / given) else ""


def _unfit_variables(file: Path, given: Mapping[str, object]) -> Iterator[ConfigProblem]:
    for name, value in given.items():
        if not name or "=" in name or "\0" in name:
            yield ConfigProblem(f"{file}: env", "has a key that is no name of a variable", "Rename it.")
        elif isinstance(value, bool) or not isinstance(value, str | int | float) or "\0" in str(value):
            yield ConfigProblem(f"{file}: env.{name}", "is not text", "Put its value into quotes.")


def _store(file: Path, given: object, problems: list[ConfigProblem]) -> Mapping[str, Any] | None:
    if given is None or isinstance(given, dict):
        return given
    problems.append(ConfigProblem(f"{file}: store", "is not an object", 'Write {"index": {...}}, or remove it.'))
    return None


def project_notes(project: Project) -> Sequence[str]:
    """Say what of the file has no effect, and why, a sentence each."""
    name = project.file.name
    missing = f"{name}: env: there is no file {project.missing_env}, so it sets no variables."
    return (*(f"{name}: {_why_unused(key)}" for key in project.unused), *([missing] if project.missing_env else []))


def _why_unused(key: str) -> str:
    if key in _WHY_UNUSED:
        return f"{key} is not used: {_WHY_UNUSED[key]}"
    near = difflib.get_close_matches(key, _USED, n=1)
    return f"{key} is not used: Signoff does not know this key.{f' Did you mean {near[0]}?' if near else ''}"
