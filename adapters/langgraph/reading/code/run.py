"""One reading of a graph's code along one path, with one candidate for the answer.

Code is read as a person reads it: line by line, with the candidate in place of the answer. Nothing is executed. A
condition that depends on something else than the answer can take both branches: `Oracle` takes one and remembers the
other for the next reading. The same condition always gets the same answer within a reading.

A reading notes its findings in a `Trace`: what the code compares the answer with (`Demand`: worth trying next), the
effects that it reaches, and how it ends.
"""

import ast
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from adapters.langgraph.reading.code.values import Atom, Known, Listed, Mapped, Path, Unknown, Value, atoms_of, lifted

MOST_STEPS = 6_000
ASKS = "asks"
"""The beginning of the place of an effect that is another question."""
MOST_CALLS = 14
"""The deepest nesting of function calls."""


class TooLongError(Exception):
    """There is more to read than was allowed."""


@dataclass(slots=True)
class StepBudget:
    """The steps that are left. They are counted, not timed: every process reads the same of the same code.

    `until`, in the thread's own time, is a last resort for code in which one step takes long.
    """

    left: int
    until: float

    def spend(self) -> None:
        """Count one step. Raises TooLongError if none is left."""
        self.left -= 1
        if self.left < 0 or (self.left % _CLOCK_EVERY == 0 and time.thread_time() > self.until):
            self.left = -1
            raise TooLongError


_CLOCK_EVERY = 256
SHORT_WORK, SHORT_SECONDS = 30_000, 2.0
"""The work allowed while the bot runs: about a tenth of a second."""
_work: ContextVar[StepBudget | None] = ContextVar("_work", default=None)


@contextmanager
def allowed(steps: int, seconds: float) -> Iterator[StepBudget]:
    """Allow a reading so much work, taken from what the one around it has left."""
    outer = _work.get()
    began = steps if outer is None else max(0, min(steps, outer.left))
    until = time.thread_time() + seconds
    work = StepBudget(began, until if outer is None else min(until, outer.until))
    token = _work.set(work)
    try:
        yield work
    finally:
        _work.reset(token)
        if outer is not None:
            outer.left -= began - max(0, work.left)


def work_left() -> StepBudget:
    """Return the work allowed to a reading that begins now."""
    return _work.get() or StepBudget(SHORT_WORK, time.thread_time() + SHORT_SECONDS)


class Signal(Exception):  # noqa: N818 - it is no error: it leaves a block of the code that is read
    """Leaves a block of the code that is read."""


class Returned(Signal):
    """The code returns a value."""

    def __init__(self, value: Value) -> None:
        super().__init__()
        self.value = value


class Broke(Signal):
    """The code leaves a loop."""


class Continued(Signal):
    """The code continues with the next round of a loop."""


class Raised(Signal):
    """The code raises. `kind` is the class if it is known, `where` the place.

    `by_type`: an operation does not take its operand; otherwise the code has a `raise` of its own, of `value`.
    """

    def __init__(self, kind: type | None, where: str, *, by_type: bool = True, value: Value | None = None) -> None:
        super().__init__()
        self.kind = kind
        self.where = where
        self.by_type = by_type
        self.value = value


class ReadingEnded(Signal):
    """The reading ends here: `how` is "asks again", or "lost" if the code cannot be followed."""

    def __init__(self, how: str, where: str = "") -> None:
        super().__init__()
        self.how = how
        self.where = where


SiteKey = tuple[str, ...]
"""A place and the calls that lead to it, each as FILE:LINE:COLUMN, the outermost first."""


@dataclass(frozen=True, slots=True)
class Demand:
    """A test of the answer at a path.

    `kind` is "value" or "part" (then `value`), "map", "list", "text", "json", "fill" or "filled".
    """

    path: Path
    kind: str
    value: Any = field(default=None, compare=False)
    spelled: str = ""
    """The value as Python spells it: 1 is not True."""


@dataclass(frozen=True, slots=True)
class Reached:
    """An effect: the place of the call in the code, and the values that go into it.

    `by` are the calls that lead to it: one helper called in two branches has two effects. `does` is the called
    function, as the code names it. `told` is true if the program only adds a text that says the answer to a list of its
    own: a record of what people said, and no action.
    """

    where: str
    what: frozenset[Atom]
    by: tuple[str, ...] = ()
    does: str = ""
    told: bool = False

    @property
    def site(self) -> SiteKey:
        """The key that tells it from every other effect."""
        return (*self.by, self.where)


@dataclass(slots=True)
class Oracle:
    """The branch that each open condition takes: as `taken` says, then the first one."""

    taken: list[bool]
    asked: int = 0
    known: dict[Any, bool] = field(default_factory=dict)

    def decide(self, key: Any) -> bool:
        """Choose the branch of a condition; the same key always takes the same one."""
        if key not in self.known:
            if self.asked == len(self.taken):
                self.taken.append(True)
            self.known[key] = self.taken[self.asked]
            self.asked += 1
        return self.known[key]


@dataclass(slots=True)
class Scope:
    """The names of a function being read, the scope around it, and the globals of its module."""

    names: dict[str, Value]
    above: "Scope | None"
    globals: Mapping[str, Any]
    file: str
    cells: Mapping[str, Any] = field(default_factory=dict)
    depth: int = 0
    outside: dict[str, str] = field(default_factory=dict)
    """Names that are declared `global` or `nonlocal`."""


@dataclass(slots=True)
class Trace:
    """The findings of one reading. Everything counts from the moment the answer is there."""

    answered: bool = False
    sites: list[tuple[SiteKey, Value]] = field(default_factory=list)
    schemas: dict[SiteKey, Value] = field(default_factory=dict)
    """The `response_schema` of the sites that have one."""
    payload: Value | None = None
    again: Value | None = None
    """The payload of the question when it is asked again."""
    effects: list[Reached] = field(default_factory=list)
    nodes: list[str] = field(default_factory=list)
    demands: list[Demand] = field(default_factory=list)
    reserved: set[str] = field(default_factory=set)
    """The constants that a person's words are compared with."""
    spelled: dict[str, frozenset[Atom]] = field(default_factory=dict)
    """The parts that texts were put together from."""
    reads: set[Path] = field(default_factory=set)
    returned: set[Atom] = field(default_factory=set)
    """The values that go into the state or into a tool's result."""
    kept: list[tuple[Any, Value]] = field(default_factory=list)
    """The values written into the state, by key."""
    left: tuple[str, str] = ("", "")
    """The place of the `return` that left the asking function, and its constant parts in words."""
    said: bool = False
    """True if the answer went into a message for a model."""
    direct: bool = False
    """True if the code's own test of the answer leaves a branch open."""
    open: bool = False
    """True if a value made from the answer leaves a branch open, so that the effect of the answer is not known."""
    handed: bool = False
    """True if the answer itself, and not a text made from it, goes into a call that is not followed."""
    end: str = "end"
    by_type: bool = False
    """True if it ends because an operation does not take its operand."""
    where: str = ""


def _is_answer(value: Value) -> bool:
    """Tell whether it is a part of the answer as it came, or a container with one."""
    match value:
        case Mapped():
            return any(map(_is_answer, value.fields.values())) or value.given
        case Listed():
            return any(map(_is_answer, value.items)) or value.given
        case Known() | Unknown():
            return value.given
    return False


@lru_cache(maxsize=4096)
def _spelled(node: ast.expr) -> str:
    return ast.unparse(node)


class Run:
    """The state of a reading; the subclasses read."""

    def __init__(self, candidate: Any, site: SiteKey | None, oracle: Oracle, work: StepBudget) -> None:
        self.candidate = candidate
        self.site = site
        self.oracle = oracle
        self.trace = Trace()
        self.stack: list[str] = []
        self.left_at = ""
        """The last `return`, of the function that was left last."""
        self.rounds = 0
        """The loops over items around the current code: asking once more there is about the next item."""
        self.written: dict[tuple[str, Any], Value] = {}
        """The values that the code puts into global names, or into attributes of live objects."""
        self.yields: list[list[Value]] = []
        self._shared: dict[int, tuple[Any, Value]] = {}
        self._steps = 0
        self._work = work

    def step(self) -> None:
        """Count a step. Raises TooLongError if no work is left, ReadingEnded if the function is too long."""
        self._work.spend()
        self._steps += 1
        if self._steps > MOST_STEPS:
            raise ReadingEnded("lost", "too long")

    def place(self, node: ast.AST, scope: Scope) -> str:
        """Return the place of a node in the code."""
        return f"{scope.file}:{getattr(node, 'lineno', 0)}:{getattr(node, 'col_offset', 0)}"

    def lift(self, value: Any) -> Value:
        """Wrap a live value. A container is the same each time, so that items put into it are found again."""
        if type(value) not in (list, dict, set):
            return lifted(value)
        if id(value) not in self._shared:
            self._shared[id(value)] = (value, lifted(value))
        return self._shared[id(value)][1]

    def demand(self, path: Path | None, kind: str, value: Any = None) -> None:
        """Note a test of the answer."""
        if path is not None and self.trace.answered:
            self.trace.demands.append(Demand(path, kind, value, repr(value)))

    def _made_of(self, *values: Value) -> frozenset[Atom]:
        """Return the atoms of values, and of the texts that they were put together from."""
        atoms = atoms_of(*values)
        texts = (each for text, each in self.trace.spelled.items() if ("const", repr(text)) in atoms)
        return atoms.union(*texts)

    def effect(self, node: ast.AST, scope: Scope, *values: Value, told: bool = False) -> Unknown:
        """Note an effect. Its result is made of its arguments, without constants."""
        if self.trace.answered:
            place = self.place(node, scope)
            does = _spelled(node.func) if isinstance(node, ast.Call) else place
            self.trace.effects.append(Reached(place, self._made_of(*values), tuple(self.stack), does, told))
            self.trace.handed |= any(map(_is_answer, values))
        given = frozenset(each for each in atoms_of(*values) if each[0] != "const")
        return Unknown(self.place(node, scope), given | {("did", self.place(node, scope))})
