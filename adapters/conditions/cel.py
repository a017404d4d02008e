"""Google's CEL library, spoken to from here alone.

https://github.com/cel-expr/cel-python. What it says of a text that it refuses is one string, which has a line and a
column for each fault; they are counted in characters, from 1, and a dotted name is found at its last dot.
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
"""The types that arguments are declared with."""
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
class Refused:
    """One fault of a text, in the library's words."""

    line: int
    column: int
    message: str


class RefusedError(Exception):
    """The library does not take a text."""

    def __init__(self, faults: Sequence[Refused]) -> None:
        super().__init__("; ".join(each.message for each in faults))
        self.faults = faults


class UnevaluatedError(Exception):
    """An evaluation came to nothing that counts; says why, and quotes no value."""


@dataclass(frozen=True, slots=True)
class Program:
    """A text that was compiled."""

    _expression: Any

    @property
    def is_truth(self) -> bool:
        """Whether it is certain that it evaluates to true or false."""
        return str(self._expression.return_type().name()) == "BOOL"

    def evaluate(self, known: Mapping[str, Known]) -> bool:
        """Evaluate it. Raises UnevaluatedError for all but true and false.

        A failure is a value of the type ERROR, and true to Python; others are raised.
        """
        try:
            value = self._expression.eval(data=dict(known))
        except Exception as error:  # noqa: BLE001 - the library raises RuntimeError and what its conversions raise
            raise UnevaluatedError(_reason(str(error))) from None
        kind, plain = value.type().name(), value.value()
        if kind != "BOOL" or not isinstance(plain, bool):
            raise UnevaluatedError(_reason(plain) if kind == "ERROR" else "it is neither true nor false")
        return plain


def compiled(
    text: str,
    names: Iterable[Name] = Name,
    arguments: Mapping[str, str] | None = None,
    *,
    without: Sequence[tuple[str, str]] = (),
) -> Program:
    """Compile a text that may use these names; `arguments`, with their types, take the place of `args`.

    `without` has functions that it may not use, each with the overload. Raises RefusedError and NotInstalledError.
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


def _refused(said: str) -> Sequence[Refused]:
    places = _REFUSED.findall(said)
    found = [Refused(max(1, int(line)), max(1, int(column)), message) for line, column, message in places]
    return found or [Refused(1, 1, _CODES.sub("", said.partition("\n")[0]))]


_REASONS: Final = {
    "Key not found in map": "an argument that it uses is missing",
    "No value with name": "something that it uses could not be found out",
    "No matching overloads": "values that it compares have different types",
    "Iteration budget exceeded": "its loops have too many steps",
}


def _reason(said: object) -> str:
    """Why an evaluation failed. The library's own words may quote an argument, which may be a secret."""
    return next((reason for words, reason in _REASONS.items() if words in str(said)), "it cannot be computed")
