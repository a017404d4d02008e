"""Reads the `langgraph.json` of a LangGraph project: its graphs, and what they need before they are imported.

`langgraph dev` adds the project's folder and each dependency that is a folder to the end of `sys.path`, and sets `env`
over the process's environment: a graph that was written for it finds the same here. Packages among the dependencies are
not installed by Signoff. Paths start from the folder of the file. Keys that Signoff has no use for are named in
`unused`: it brings its own checkpointer, and people reach a graph through Slack.

https://docs.langchain.com/langsmith/cli#configuration-file
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from bot.config.file import interpolated, text_of, variables
from bot.config.problems import ConfigError, ConfigProblem

FILE_NAME: Final = "langgraph.json"
_UNUSED: Final = ("auth", "checkpointer", "http")
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
    """The keys in it that Signoff does not use."""


def read_project(file: Path, environ: Mapping[str, str], missing: str = _NO_FILE) -> Project:
    """Read a `langgraph.json`; `${NAME}` in its env file may name what `environ` holds.

    Raises ConfigError with every problem; `missing` is what to do where there is no file.
    """
    file = file.absolute()
    data = _data(file, missing)
    problems: list[ConfigProblem] = []
    folders, packages = _dependencies(file, data.get("dependencies", []), problems)
    project = Project(
        file=file,
        graphs=MappingProxyType(_graphs(file, data.get("graphs"), problems)),
        folders=folders,
        packages=packages,
        env=MappingProxyType(_env(file, data.get("env", {}), environ, problems)),
        store=_store(file, data.get("store"), problems),
        unused=tuple(key for key in _UNUSED if data.get(key)),
    )
    if problems:
        raise ConfigError(problems)
    return project


def _data(file: Path, missing: str) -> dict[str, Any]:
    text = text_of(file, missing)
    if not text.strip():
        raise ConfigError([ConfigProblem(str(file), "is empty", f"Write {_SHAPE}.")])
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        what = f"is not JSON: {error.msg[:1].lower()}{error.msg[1:]} (column {error.colno})"
        raise ConfigError([ConfigProblem(f"{file}:{error.lineno}", what, "Correct this line.")]) from None
    except (RecursionError, ValueError):  # nested too deeply; a number of thousands of digits
        raise ConfigError([ConfigProblem(str(file), "cannot be read as JSON", f"Write {_SHAPE}.")]) from None
    if not isinstance(found, dict):
        raise ConfigError([ConfigProblem(str(file), "is not an object", f"Write {_SHAPE}.")])
    return found


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
        elif _PACKAGE.match(each):
            packages.append(each)
        else:
            what = f'there is no folder "{each}" beside {file.name}'
            problems.append(ConfigProblem(f"{where}[{index}]", what, "Correct the path, or remove it."))
    return tuple(folders), tuple(packages)


def _env(file: Path, given: object, environ: Mapping[str, str], problems: list[ConfigProblem]) -> dict[str, str]:
    """The variables that are named, or those of the file that is; a file that does not exist has none."""
    if isinstance(given, str):
        named = file.parent / given
        try:
            return interpolated(variables(named), environ) if named.is_file() else {}
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


def unused_words(project: Project) -> Sequence[str]:
    """Say for each key that Signoff does not use why, a sentence each."""
    return tuple(f"{project.file.name}: {key} is not used: {_WHY_UNUSED[key]}" for key in project.unused)


_WHY_UNUSED: Final = {
    "auth": "people are who they are in Slack.",
    "checkpointer": "Signoff keeps threads in its own checkpointer.",
    "http": "Signoff serves no API of LangGraph Server.",
}
