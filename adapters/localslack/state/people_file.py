"""Reads a people file (YAML or JSON; `roster` shows one) and reports every problem: file, line, what, how to fix it.

The file is read node by node first: YAML's loader keeps no line numbers and silently takes the last of two equal keys.
"""

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from adapters.localslack.state import roster
from adapters.localslack.state.roster import ChannelEntry, GroupEntry, PeopleFile, PersonEntry

_KeyPath: TypeAlias = tuple[int | str, ...]

_ENTRIES: Mapping[str, type[BaseModel]] = {"people": PersonEntry, "channels": ChannelEntry, "groups": GroupEntry}
_KINDS = {"people": "person", "channels": "channel", "groups": "group"}
_IDENTITIES = {"people": "U024BE7LH", "channels": "C024BE91L", "groups": "S024BE7LH"}
_FIXES = {
    "missing": "Add it.",
    "too_short": "Name at least one.",
    "list_type": "Write a list, such as [alice, bob].",
    "string_type": "Write text; put it into quotes.",
    "bool_type": "Write true or false.",
    "bool_parsing": "Write true or false.",
}
_OTHER_FIX = "Write keys and values, such as {name: alice}."


@dataclass(frozen=True, slots=True)
class RosterProblem:
    """A problem in the file: `where` names file, line and key."""

    where: str
    what: str
    fix: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}. {self.fix}"


class RosterError(ValueError):
    """The people file cannot be used; the message has a line for each problem."""

    def __init__(self, wrong: Iterable[RosterProblem]) -> None:
        self.wrong = tuple(wrong)
        super().__init__("\n".join(map(str, self.wrong)))


@dataclass(frozen=True, slots=True)
class _Source:
    """The source of the data: its name, and the line of each key."""

    name: str
    lines: Mapping[_KeyPath, int] = field(default_factory=dict)

    def wrong(self, path: _KeyPath, what: str, fix: str) -> RosterProblem:
        line = next((self.lines[path[:end]] for end in range(len(path), -1, -1) if path[:end] in self.lines), None)
        where = self.name if line is None else f"{self.name}:{line}"
        return RosterProblem(f"{where}: {_spelled(path)}" if path else where, what, fix)


def load(path: Path | None) -> PeopleFile:
    """Read a people file, or return the built-in roster. Raises RosterError."""
    if path is None:
        return roster.BUILT_IN
    name = str(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
        node = yaml.compose(text, yaml.SafeLoader)
        lines = dict(_lines(node)) if node else {}
        data = yaml.safe_load(text)
    except OSError as error:
        raise RosterError(
            [RosterProblem(name, f"cannot be read: {error.strerror}", "Name a file that can be read.")]
        ) from None
    except UnicodeDecodeError as error:
        raise RosterError([RosterProblem(name, f"is not UTF-8 (byte {error.start})", "Save it as UTF-8.")]) from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        what = ", ".join(filter(None, (error.context, error.problem)))
        raise RosterError([RosterProblem(f"{name}:{line}", f"is not YAML: {what}", "Correct the line.")]) from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        what = str(error).partition("\n")[0]
        raise RosterError([RosterProblem(name, f"is not YAML: {what}", "Correct the file.")]) from None
    source = _Source(name, lines)
    twice = [source.wrong(path, "stands here twice", "Keep one of the two.") for path in _equal_keys(node)]
    return _checked(data, source, twice)


def check(data: object, source: str = "people") -> PeopleFile:
    """Validate a roster given as data. Raises RosterError."""
    return _checked(data, _Source(source), [])


def _checked(data: object, source: _Source, wrong: Sequence[RosterProblem]) -> PeopleFile:
    try:
        found = PeopleFile.model_validate({} if data is None else data)
    except ValidationError as error:
        raise RosterError([*wrong, *(_schema_problem(source, each, data) for each in error.errors())]) from None
    if wrong := [*wrong, *_unknown_members(source, found), *_taken_names(source, found)]:
        raise RosterError(wrong)
    return found


# Shape ----------------------------------------------------------------------------------------------------------------


def _schema_problem(source: _Source, error: ErrorDetails, data: object) -> RosterProblem:
    path, kind = error["loc"], error["type"]
    if kind == "extra_forbidden":
        model = _ENTRIES[str(path[0])] if len(path) > 1 else PeopleFile
        return source.wrong(path, "is not a key of this file", _suggestion(str(path[-1]), model.model_fields))
    if kind == "string_pattern_mismatch":
        what = f'"{error["input"]}" cannot be {"an id" if path[-1] == "id" else "a name"} here'
        fix = f"Write one like {_IDENTITIES[str(path[0])]}." if path[-1] == "id" else _NAME_FIX
        return source.wrong(path, what, fix)
    if kind == "missing" and len(path) == 1 and not isinstance(data, dict | None):
        return source.wrong((), "holds no keys", "Begin with: people: [{name: alice}].")
    if not path:
        return source.wrong(path, "holds no keys", "Begin with: people: [{name: alice}].")
    what = {"missing": "is missing", "too_short": "is empty"}.get(kind, error["msg"][:1].lower() + error["msg"][1:])
    return source.wrong(path, what, _FIXES.get(kind, _OTHER_FIX))


_NAME_FIX = "Use lower-case letters and digits, with . _ or - between them."


# Sense ----------------------------------------------------------------------------------------------------------------


def _unknown_members(source: _Source, found: PeopleFile) -> Iterator[RosterProblem]:
    names = [person.name for person in found.people]
    listed: list[tuple[_KeyPath, list[str]]] = [
        (("channels", at), each.members) for at, each in enumerate(found.channels)
    ]
    listed += [(("groups", at), each.members) for at, each in enumerate(found.groups)]
    for path, members in listed:
        for at, member in enumerate(members):
            if member not in names:
                what = f'"{member}" is not among the people'
                yield source.wrong((*path, "members", at), what, _suggestion(member, names))


def _taken_names(source: _Source, found: PeopleFile) -> Iterator[RosterProblem]:
    """Report names and ids used twice. People and groups are both mentioned as `@name`, so they share no name."""
    called = [("people", index, "name", each.name) for index, each in enumerate(found.people)]
    called += [("groups", index, "handle", each.handle) for index, each in enumerate(found.groups)]
    rooms = [("channels", index, "name", each.name) for index, each in enumerate(found.channels)]
    identified = [("people", index, "id", each.id) for index, each in enumerate(found.people) if each.id]
    identified += [("channels", index, "id", each.id) for index, each in enumerate(found.channels) if each.id]
    identified += [("groups", index, "id", each.id) for index, each in enumerate(found.groups) if each.id]
    for namespace in (called, rooms, identified):
        first: dict[str, str] = {}
        for key, index, name, value in namespace:
            owner = first.setdefault(value, f"{_KINDS[key]} {index + 1}")
            if owner != f"{_KINDS[key]} {index + 1}":
                what = f'"{value}" is taken by {owner} of this file'
                yield source.wrong((key, index, name), what, "Choose another one.")


def _suggestion(word: str, known: Iterable[str]) -> str:
    names = list(known)
    near = difflib.get_close_matches(word.lower(), names, n=1)
    return f'Did you mean "{near[0]}"?' if near else f"Known are: {', '.join(names)}."


# Lines ----------------------------------------------------------------------------------------------------------------


def _lines(node: yaml.Node, path: _KeyPath = ()) -> Iterator[tuple[_KeyPath, int]]:
    yield path, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            below = (*path, str(key.value))
            yield from _lines(value, below)
            yield below, key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for index, each in enumerate(node.value):
            yield from _lines(each, (*path, index))


def _equal_keys(node: yaml.Node | None, path: _KeyPath = ()) -> Iterator[_KeyPath]:
    if isinstance(node, yaml.MappingNode):
        counted = Counter(str(key.value) for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge")
        yield from ((*path, key) for key, count in counted.items() if count > 1)
        for key, value in node.value:
            yield from _equal_keys(value, (*path, str(key.value)))
    elif isinstance(node, yaml.SequenceNode):
        for index, each in enumerate(node.value):
            yield from _equal_keys(each, (*path, index))


def _spelled(path: _KeyPath) -> str:
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).removeprefix(".")
