"""Calls Google's CEL library, https://github.com/cel-expr/cel-python. No other module does.

The library reports all problems of a text in one string, each with line and column. Both count from 1, the column in
characters; a dotted name is reported at its last dot.
"""

import importlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final, TypeAlias

from engine.asks.ask import Json
from engine.rules.conditions import Name

Known: TypeAlias = "Json | datetime"

TEXT, ANY = "string", "dyn"
"""Types of declared arguments."""
_TYPES: Final[Mapping[str, str]] = {
    Name.ARGS: "map<string, dyn>",
    Name.REQUESTER: TEXT,
    Name.REQUESTER_GROUPS: "list<string>",
    Name.REQUESTER_IS_GUEST: "bool",
    Name.AGENT: TEXT,
    Name.CHANNEL: TEXT,
    Name.NOW: "timestamp",
}
_REFUSED = re.compile(r"^(?:[A-Z_]+: )?ERROR: <input>:(-?\d+):(-?\d+): (.*?)(?: \[[A-Z_]+\])?$", re.MULTILINE)
_CODES = re.compile(r"^[A-Z_]+: | \[[A-Z_]+\]$")


class NotInstalledError(Exception):
    """The extra `rules` is not installed."""


@dataclass(frozen=True, slots=True)
class CelRefusal:
    """A problem of a text, in the library's words."""

    line: int
    column: int
    message: str


class RefusedError(Exception):
    """The library does not compile a text."""

    def __init__(self, refusals: Sequence[CelRefusal]) -> None:
        super().__init__("; ".join(each.message for each in refusals))
        self.refusals = refusals


class UnevaluatedError(Exception):
    """An evaluation gave neither true nor false. Says why, and quotes no value."""


@dataclass(frozen=True, slots=True)
class Program:
    """A compiled text."""

    _expression: Any

    @property
    def is_truth(self) -> bool:
        """True if it always evaluates to true or false."""
        return str(self._expression.return_type().name()) == "BOOL"

    def evaluate(self, known: Mapping[str, Known]) -> bool:
        """Evaluate it. Raises UnevaluatedError for anything but true and false.

        The library returns some failures as a value of the type ERROR, which is true in Python, and raises others.
        """
        try:
            value = self._expression.eval(data=dict(known))
        except Exception as error:  # noqa: BLE001 - the library raises RuntimeError and what its conversions raise
            raise UnevaluatedError(_reason(str(error))) from None
        kind, result = value.type().name(), value.value()
        if kind != "BOOL" or not isinstance(result, bool):
            raise UnevaluatedError(_reason(result) if kind == "ERROR" else "it is neither true nor false")
        return result


def compiled(
    text: str,
    names: Iterable[Name] = Name,
    arguments: Mapping[str, str] | None = None,
    *,
    without: Sequence[tuple[str, str]] = (),
) -> Program:
    """Compile a text that may use these names; typed `arguments` replace `args`.

    `without` lists functions that it must not use, each with its overload. Raises RefusedError and NotInstalledError.
    """
    types = {name.value: _TYPES[name] for name in names}
    if arguments is not None:
        del types[Name.ARGS]
        types |= {f"{Name.ARGS}.{name}": kind for name, kind in arguments.items()}
    environment = _environment(tuple(sorted(types.items())), tuple(without))
    try:
        return Program(environment.compile(text))
    except Exception as error:  # noqa: BLE001 - see `evaluate`
        raise RefusedError(_refused(str(error))) from None


@cache
def _library() -> Any:
    try:
        return importlib.import_module("cel_expr_python.cel")
    except ImportError:
        raise NotInstalledError from None


@cache
def _environment(types: tuple[tuple[str, str], ...], without: tuple[tuple[str, str], ...]) -> Any:
    library = _library()
    excluded = [{"name": name, "overloads": [{"id": overload}]} for name, overload in without]
    config = library.NewEnvConfigFromYaml(repr({"stdlib": {"exclude_functions": excluded}})) if excluded else None
    return library.NewEnv(config=config, variables={name: _type(library.Type, kind) for name, kind in types})


def _type(types: Any, kind: str) -> Any:
    match kind:
        case "map<string, dyn>":
            return types.Map(types.STRING, types.DYN)
        case "list<string>":
            return types.List(types.STRING)
        case _:
            return getattr(types, kind.upper())


def _refused(said: str) -> Sequence[CelRefusal]:
    places = _REFUSED.findall(said)
    found = [CelRefusal(max(1, int(line)), max(1, int(column)), message) for line, column, message in places]
    return found or [CelRefusal(1, 1, _CODES.sub("", said.partition("\n")[0]))]


_REASONS: Final = {
    "Key not found in map": "an argument that it uses is missing",
    "No value with name": "a value that it uses could not be looked up",
    "No matching overloads": "values that it compares have different types",
    "Iteration budget exceeded": "its loops have too many steps",
}


def _reason(said: object) -> str:
    """Say why an evaluation failed. The library's own words may quote an argument, which may be a secret."""
    return next((reason for words, reason in _REASONS.items() if words in str(said)), "it cannot be computed")
