"""Reads `app.yaml` and `.env`: values, the line of each, and variables of the environment in them.

YAML is read node by node rather than with `safe_load`, because a problem has to name its line, and because YAML would
silently let the second of two equal keys win. `${NAME}` is expanded after parsing and in values only, so that the value
of a variable cannot change the structure of the file. Problems show a value as it is written, never as it is expanded:
it may be a secret.
"""

import io
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import yaml
from dotenv.parser import parse_stream
from dotenv.variables import parse_variables

from bot.config.files import MISSING, Files
from bot.config.problems import ConfigError, ConfigProblem

KeyPath: TypeAlias = tuple[str | int, ...]

_VARIABLE = re.compile(
    r"(?P<kept>\$)?\$\{(?P<name>[A-Za-z_]\w*)(?::-(?P<default>[^}]*))?\}|(?P<wrong>\$\{[^}]*\}?)", re.ASCII
)
_UNQUOTED_HASH = re.compile(r"[\s\[,]#")
_PLAIN_TAGS = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")
_LONGEST_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Document:
    """A file's values, with `lines` (counted from 1) and `written` (scalars before expansion) by key path."""

    file: Path
    data: object = field(repr=False)
    lines: Mapping[KeyPath, int] = field(repr=False)
    written: Mapping[KeyPath, object] = field(repr=False)

    def where(self, path: KeyPath) -> str:
        """`app.yaml:12: agents.deploy.graph`; a key that is not there has the line of what it is missing from."""
        return _where(self.file, self.lines, path)

    def shown(self, path: KeyPath) -> str:
        """A value as it is written, for a problem; "this" for what is not a single value."""
        match self.written.get(path, ...):
            case str() as text:
                return f'"{text[:_LONGEST_SHOWN]}{"..." if len(text) > _LONGEST_SHOWN else ""}"'
            case bool() as truth:
                return str(truth).lower()
            case int() | float() as number:
                return str(number)
            case _:
                return "this"


def read(
    file: Path,
    environ: Mapping[str, str],
    missing: str = MISSING,
    keys: Collection[str] | None = None,
    files: Files | None = None,
) -> tuple[Document, list[ConfigProblem]]:
    """Read a YAML file and expand `${NAME}` and `${NAME:-default}` in its values; `$${NAME}` stays `${NAME}`.

    Returns the document and its problems: repeated keys, keys that are not text, variables that are not set. With
    `keys`, only these of the file's own keys are read.

    Raises ConfigError where nothing can be read at all; `missing` is what to do where there is no file.
    """
    text = (files or Files()).text_of(file, missing)
    nodes = _Nodes(file, environ, keys)
    try:
        loader = yaml.SafeLoader(text)
        try:
            root = loader.get_single_node()
            data = None if root is None else nodes.value(loader, root, ())
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        raise ConfigError([_not_yaml(file, text, error)]) from None
    except yaml.YAMLError as error:
        first = str(error).partition("\n")[0]
        raise ConfigError([ConfigProblem(str(file), f"is not YAML: {first}", "Correct the file.")]) from None
    except RecursionError:
        raise ConfigError([ConfigProblem(str(file), "is nested too deeply", "Does an alias hold itself?")]) from None
    return Document(file, data, nodes.lines, nodes.written), nodes.problems


def environment(folder: Path, environ: Mapping[str, str], files: Files | None = None) -> dict[str, str]:
    """Read `.env` in this folder; the environment overrides it.

    Graphs read keys of their own from here: put it into the process's environment before a graph is imported.

    Raises ConfigError for a `.env` that cannot be read.
    """
    file, files = folder / ".env", files or Files()
    return variables(file, files) | dict(environ) if files.has(file) else dict(environ)


def variables(file: Path, files: Files) -> dict[str, str]:
    """Read a file of variables, as they are written.

    Raises ConfigError where it cannot be read.
    """
    bindings = list(parse_stream(io.StringIO(files.text_of(file))))
    if problems := [
        ConfigProblem(f"{file}:{binding.original.line}", "cannot be read", "Write NAME=value.")
        for binding in bindings
        if binding.error
    ]:
        raise ConfigError(problems)
    return {binding.key: binding.value for binding in bindings if binding.key and binding.value is not None}


def interpolated(values: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """Replace `${NAME}` in variables by those before it, else by the environment, as python-dotenv does."""
    found: dict[str, str] = {}
    for name, value in values.items():
        found[name] = "".join(each.resolve({**environ, **found}) for each in parse_variables(value))
    return found


def spelled(path: KeyPath) -> str:
    """A key path for people: `approvals[0].when.tool`."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).removeprefix(".")


class _Nodes:
    """Turns YAML nodes into values, and stores the line of each."""

    def __init__(self, file: Path, environ: Mapping[str, str], keys: Collection[str] | None) -> None:
        self.file = file
        self.environ = environ
        self._keys = keys
        self.lines: dict[KeyPath, int] = {}
        self.written: dict[KeyPath, object] = {}
        self.problems: list[ConfigProblem] = []
        self._flat: set[int] = set()

    def value(self, loader: yaml.SafeLoader, node: yaml.Node, path: KeyPath) -> object:
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.CollectionNode) and node.tag not in _PLAIN_TAGS:
            raise yaml.MarkedYAMLError(problem=f"the tag {node.tag} makes no plain value", problem_mark=node.start_mark)
        match node:
            case yaml.MappingNode():
                return dict(self._pairs(loader, node, path))
            case yaml.SequenceNode():
                return [self.value(loader, each, (*path, index)) for index, each in enumerate(node.value)]
            case _:
                return self._scalar(loader, node, path)

    def _pairs(self, loader: yaml.SafeLoader, node: yaml.MappingNode, path: KeyPath) -> Iterator[tuple[str, object]]:
        if id(node) not in self._flat:  # an alias brings the same node again
            self._flat.add(id(node))
            self._refuse_equal_keys(node, path)
            loader.flatten_mapping(node)
        for key_node, value_node in node.value:
            if self._is_left_out(key_node, path):
                continue
            line = key_node.start_mark.line + 1
            if key_node.tag != "tag:yaml.org,2002:str":
                key = str(getattr(key_node, "value", "this")) if isinstance(key_node, yaml.ScalarNode) else "this"
                where = _where(self.file, {**self.lines, (*path, key): line}, (*path, key))
                self.problems.append(ConfigProblem(where, "is a key, but not text", f'Put it into quotes: "{key}".'))
                continue
            self.lines[(*path, key_node.value)] = line
            yield key_node.value, self.value(loader, value_node, (*path, key_node.value))

    def _refuse_equal_keys(self, node: yaml.MappingNode, path: KeyPath) -> None:
        seen: dict[str, int] = {}
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag == "tag:yaml.org,2002:merge":
                continue
            if self._is_left_out(key_node, path):
                continue
            line = key_node.start_mark.line + 1
            first = seen.setdefault(key_node.value, line)
            if first != line:
                here = (*path, key_node.value)
                what = f"is repeated (first in line {first})"
                self.problems.append(ConfigProblem(_where(self.file, {here: line}, here), what, "Keep one of the two."))

    def _is_left_out(self, key_node: yaml.Node, path: KeyPath) -> bool:
        return not path and self._keys is not None and key_node.value not in self._keys

    def _scalar(self, loader: yaml.SafeLoader, node: yaml.Node, path: KeyPath) -> object:
        try:
            value: object = loader.construct_object(node)
        except ValueError:  # such as the date 2026-99-99
            self.problems.append(
                ConfigProblem(_where(self.file, self.lines, path), "is not a value", "Put it into quotes.")
            )
            value = str(node.value)
        if isinstance(value, bool) and node.value.lower() not in _TRUTH and _is_sent(path):
            fix = f'Write "{node.value}" in quotes for the word, or {str(value).lower()}.'
            self._wrong(path, f"YAML reads {node.value} as {str(value).lower()}, not as a word", fix)
        self.written[path] = value
        return self._expanded(value, path) if isinstance(value, str) else value

    def _expanded(self, text: str, path: KeyPath) -> str:
        def replace(match: re.Match[str]) -> str:
            name, default = match["name"], match["default"]
            if match["wrong"] is not None:
                self._wrong(path, f"{match['wrong']} names no variable", "Write ${NAME} or ${NAME:-default}.")
                return ""
            if match["kept"]:
                return match[0][1:]
            found = self.environ.get(name, "")
            if found:
                return found.replace("$", "$$") if _is_template(path) else found
            if default is not None:
                return default
            fix = f"Set {name}, in the environment or in .env beside this file, or write ${{{name}:-default}}."
            self._wrong(path, f"the environment variable {name} is not set", fix)
            return match[0]

        return _VARIABLE.sub(replace, text)

    def _wrong(self, path: KeyPath, what: str, fix: str) -> None:
        self.problems.append(ConfigProblem(_where(self.file, self.lines, path), what, fix))


_TRUTH = ("true", "false")


def _is_sent(path: KeyPath) -> bool:
    """True for a value that goes to a graph or is compared with what it asks: there "yes" and true differ."""
    return path[:1] == ("agents",) and path[2:3] in (("answers",), ("context",), ("configurable",))


def _is_template(path: KeyPath) -> bool:
    """True where words such as $user are filled in. A dollar sign in a variable's value is none of them."""
    if path[:1] != ("agents",):
        return False
    match path[2:3]:
        case ("input" | "context" | "configurable",):
            return True
        case ("answers",):
            return not {"resume", "update"}.isdisjoint(path[4:])
    return False


def _where(file: Path, lines: Mapping[KeyPath, int], path: KeyPath) -> str:
    line = next((lines[path[:end]] for end in range(len(path), -1, -1) if path[:end] in lines), 1)
    return f"{file}:{line}: {spelled(path)}" if path else f"{file}:{line}"


def _not_yaml(file: Path, text: str, error: yaml.MarkedYAMLError) -> ConfigProblem:
    is_left_open = "flow" in (
        error.context or ""
    )  # then the line of the bracket is more useful than the end of the file
    mark = error.context_mark if is_left_open else error.problem_mark
    line = 1 if mark is None else mark.line + 1
    suspects = text.splitlines()[max(0, line - 2) : line]
    fix = "Correct this line, or the one above it."
    if any(_UNQUOTED_HASH.search(each) for each in suspects):
        fix = 'A # begins a comment: put names that start with it into quotes, such as "#deploys".'
    what = ", ".join(filter(None, (error.context, error.problem)))
    return ConfigProblem(f"{file}:{line}", f"is not YAML: {what}", fix)
