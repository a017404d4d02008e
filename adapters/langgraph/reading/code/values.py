"""Values as the reader knows them: a constant, a container of values, an object made by the code, or unknown.

`path` is the place of a value in the answer, or the place that it would have: constants that it is compared with are
worth trying there. `given` is true if the answer really has the value. `atoms` are the constants and origins that a
value is made of, which trace the inputs of an effect back to the answer, the payload and the state.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

Path: TypeAlias = tuple[Any, ...]
Atom: TypeAlias = tuple[str, Any]
"""("const", REPR), ("from", ORIGIN), ("answer", PATH), ("did", PLACE) for an effect's result, or ("lacks", PATH) for a
stand-in of something that the answer does not have."""
NO_ATOMS: frozenset[Atom] = frozenset()
_MOST_ITEMS = 200
_PLAIN = (str, int, float, bool, bytes, type(None))


@dataclass(slots=True, eq=False)
class Known:
    """A constant, or a live object: a function, a class, a member of an Enum."""

    value: Any
    path: Path | None = None
    given: bool = False


@dataclass(slots=True, eq=False)
class Unknown:
    """An unknown value. `kind` is str for a person's words; the same `origin` means the same value."""

    origin: str
    atoms: frozenset[Atom] = NO_ATOMS
    kind: type | None = None
    path: Path | None = None
    given: bool = False
    is_text: bool = False
    """True if it is a text about which nothing else is known."""


@dataclass(slots=True, eq=False)
class Listed:
    """A list, tuple or set. `before` stands for unknown items in front of these."""

    items: list["Value"]
    kind: type = list
    before: "Value | None" = None
    outer: bool = False
    path: Path | None = None
    given: bool = False


@dataclass(slots=True, eq=False)
class Mapped:
    """A dict, or a state. `rest` stands for unknown keys."""

    fields: dict[Any, "Value"]
    rest: "Unknown | None" = None
    outer: bool = False
    path: Path | None = None
    given: bool = False


@dataclass(slots=True, eq=False)
class Made:
    """An instance of a class, made by the code."""

    cls: Any
    attributes: dict[str, "Value"] = field(default_factory=dict)
    path: Path | None = None
    given: bool = False


@dataclass(slots=True, eq=False)
class Closure:
    """A function made while the code runs: a nested `def`, a lambda. `scope` is where it was made."""

    node: Any
    scope: Any
    path: Path | None = None
    given: bool = False


@dataclass(slots=True, eq=False)
class BoundMethod:
    """A method and its owner; only its `name` if its code is not ours to read."""

    owner: "Value"
    name: str
    function: Any = None
    path: Path | None = None
    given: bool = False


Value: TypeAlias = Known | Unknown | Listed | Mapped | Made | Closure | BoundMethod
_numbers = itertools.count()


def at(value: Value, path: Path | None) -> Value:
    """Place a value at a path of the answer, unless it has a path already."""
    return value if path is None or value.path is not None else replace(value, path=path)


def inside(value: Value | None, key: Any) -> Path | None:
    """Return the path of a key of a value in the answer."""
    return None if value is None or value.path is None else (*value.path, key)


def lifted(value: Any, depth: int = 0) -> Value:
    """Wrap a live value. The program's containers are shared, so changing one is an effect."""
    kind = type(value)
    if depth < 6 and kind in (list, tuple, set, frozenset) and len(value) <= _MOST_ITEMS:  # noqa: PLR2004 - deep enough
        return Listed([lifted(each, depth + 1) for each in value], kind, outer=True)
    if depth < 6 and kind is dict and len(value) <= _MOST_ITEMS:  # noqa: PLR2004 - likewise
        return Mapped({key: lifted(each, depth + 1) for key, each in value.items()}, outer=True)
    return Known(value)


def unknown(origin: str, *of: Value, kind: type | None = None) -> Unknown:
    """Make an unknown value from others."""
    return Unknown(origin, atoms_of(*of), kind)


def atoms_of(*values: Value) -> frozenset[Atom]:
    """Return all atoms of values."""
    return frozenset(_atoms(values, 0))


def _atoms(values: Any, depth: int) -> Iterator[Atom]:
    for value in values if depth < 8 else ():  # noqa: PLR2004 - deep enough
        if value.given and value.path is not None:
            yield ("answer", value.path)
        match value:
            case Known():
                if isinstance(value.value, _PLAIN) and not value.given:
                    yield ("const", repr(value.value))
                if value.path is not None and not value.given:
                    yield ("lacks", value.path)
            case Unknown():
                yield from value.atoms
                if not value.given and not value.atoms:
                    yield ("from", value.origin)
            case Listed():
                yield from _atoms(value.items, depth + 1)
                yield from _atoms([value.before] if value.before else [], depth + 1)
            case Mapped():
                yield from _atoms(value.fields.values(), depth + 1)
                yield from _atoms([value.rest] if value.rest else [], depth + 1)
            case Made():
                yield from _atoms(value.attributes.values(), depth + 1)
            case BoundMethod():
                yield from _atoms([value.owner], depth + 1)


def leaves(value: Value, path: Path = ()) -> Iterator[tuple[Path, Value]]:
    """List each value within a payload, by path, the outer ones first."""
    yield path, value
    if isinstance(value, Mapped):
        for key, each in value.fields.items():
            yield from leaves(each, (*path, key))
    elif isinstance(value, Listed) and value.before is None:
        for number, each in enumerate(value.items):
            yield from leaves(each, (*path, number))


class _Text:
    """Stands in a candidate for a person's words."""

    def __repr__(self) -> str:
        return "TEXT"


class _Free:
    """Stands in a candidate for a changed value."""

    def __repr__(self) -> str:
        return "FREE"


TEXT, FREE = _Text(), _Free()


def answer_of(candidate: Any, path: Path = ()) -> Value:
    """Return a candidate as the value that `interrupt` returns."""
    match candidate:
        case _Text():
            return Unknown(f"answer{path}", kind=str, path=path, given=True)
        case _Free():
            return Unknown(f"answer{path}", path=path, given=True)
        case Mapping():
            inner = {key: answer_of(each, (*path, key)) for key, each in candidate.items()}
            return Mapped(inner, path=path, given=True)
        case list():
            return Listed([answer_of(each, (*path, n)) for n, each in enumerate(candidate)], path=path, given=True)
        case _:
            return Known(candidate, path, given=True)


class TaskFuture:
    """The class of the result of a functional API's task: its value is in `value`."""


class Generated:
    """The class of a generator: none of its code has run yet."""


class Managed:
    """The class of a `contextlib.contextmanager`; its generator is in `made`."""
