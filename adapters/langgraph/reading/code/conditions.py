"""Reads conditions: compares values, and chooses the branch."""

import ast
import operator
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from adapters.langgraph.reading.code.run import Raised, ReadingEnded, Scope
from adapters.langgraph.reading.code.special import SpecialMethodReader
from adapters.langgraph.reading.code.values import (
    Closure,
    Known,
    Listed,
    Made,
    Mapped,
    Unknown,
    Value,
    atoms_of,
    unknown,
)

_OPERATORS: Mapping[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Mod: operator.mod,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_NAMES: Mapping[type, tuple[str, str]] = {
    ast.Add: ("__add__", "__radd__"),
    ast.Sub: ("__sub__", "__rsub__"),
    ast.Mult: ("__mul__", "__rmul__"),
    ast.Mod: ("__mod__", "__rmod__"),
    ast.Div: ("__truediv__", "__rtruediv__"),
    ast.FloorDiv: ("__floordiv__", "__rfloordiv__"),
    ast.MatMult: ("__matmul__", "__rmatmul__"),
    ast.BitAnd: ("__and__", "__rand__"),
    ast.BitOr: ("__or__", "__ror__"),
    ast.BitXor: ("__xor__", "__rxor__"),
    ast.LShift: ("__lshift__", "__rlshift__"),
    ast.RShift: ("__rshift__", "__rrshift__"),
    ast.Lt: ("__lt__", "__gt__"),
    ast.LtE: ("__le__", "__ge__"),
    ast.Gt: ("__gt__", "__lt__"),
    ast.GtE: ("__ge__", "__le__"),
}
_SMALL = (int, float, str, bool)
_LONGEST = 10_000


class ConditionReader(SpecialMethodReader):
    """Reads comparisons, membership and truth."""

    def operate(self, kind: type, left: Value, right: Value, node: ast.AST, scope: Scope) -> Value:
        """Apply an operator to two constants, or by a class of the project; otherwise unknown.

        Raises Raised.
        """
        for name, owner, other in zip(_NAMES.get(kind, ()), (left, right), (right, left), strict=False):
            if (made := self.special(owner, name, other)) is not None:
                return made
        if isinstance(left, Known) and isinstance(right, Known) and kind in _OPERATORS:
            known = (
                isinstance(left.value, _SMALL) and isinstance(right.value, _SMALL) and not (left.given or right.given)
            )
            small = all(not isinstance(each, str) or len(each) < _LONGEST for each in (left.value, right.value))
            if known and small and kind not in (ast.Mult, ast.Mod):
                try:
                    return Known(_OPERATORS[kind](left.value, right.value))
                except TypeError:
                    raise Raised(TypeError, self.place(node, scope)) from None
        return unknown(self.place(node, scope), left, right)

    def compare(self, how: ast.cmpop, left: Value, right: Value, node: ast.AST, scope: Scope) -> Value:
        """Read one comparison."""
        match how:
            case ast.Eq() | ast.Is():
                return self.equal(left, right, node, scope, strictly=isinstance(how, ast.Is))
            case ast.NotEq() | ast.IsNot():
                same = self.equal(left, right, node, scope, strictly=isinstance(how, ast.IsNot))
                return Known(not same.value) if isinstance(same, Known) else unknown(self.place(node, scope), same)
            case ast.In():
                return self.contains(right, left, node, scope)
            case ast.NotIn():
                within = self.contains(right, left, node, scope)
                return (
                    Known(not within.value) if isinstance(within, Known) else unknown(self.place(node, scope), within)
                )
            case _:
                return self.operate(type(how), left, right, node, scope)

    def equal(self, left: Value, right: Value, node: ast.AST, scope: Scope, *, strictly: bool = False) -> Value:
        """Read `left == right`, or `is`. Words of a person are taken to differ from every constant."""
        for owner, value in ((left, right), (right, left)) if not strictly else ():
            if (told := self.special(owner, "__eq__", value)) is not None:
                return told
        for one, other in ((left, right), (right, left)):
            if one.path is not None and isinstance(other, Known):
                self.compare_with(one, other.value)
        if isinstance(left, Known) and isinstance(right, Known):
            one, other = left.value, right.value
            return Known(one is other if strictly and not isinstance(one, str) else bool(_equal(one, other)))
        kinds = {type(left), type(right)}
        if Known in kinds and kinds & {Mapped, Listed, Made, Closure} and not self._may_equal(left, right):
            return Known(value=False)
        if any(isinstance(each, Unknown) and each.kind is str for each in (left, right)) and Known in kinds:
            return Known(value=False)
        return unknown(self.place(node, scope), left, right)

    def _may_equal(self, *values: Value) -> bool:
        return any(isinstance(each, Known) and isinstance(each.value, dict | list | tuple) for each in values)

    def compare_with(self, value: Value, constant: Any) -> None:
        """Note that the answer is compared with a constant."""
        if isinstance(constant, Enum):
            constant = constant.value
        if isinstance(constant, str | int | float | bool | None):
            self.demand(value.path, "value", constant)
            if isinstance(constant, str) and isinstance(value, Unknown) and self.trace.answered:
                self.trace.reserved.add(constant.strip().lower())

    def contains(self, owner: Value, value: Value, node: ast.AST, scope: Scope) -> Value:
        """Read `value in owner`. Raises Raised."""
        if (told := self.special(owner, "__contains__", value)) is not None:
            return told
        if isinstance(owner, Listed) and owner.path is not None and self.trace.answered:
            self.trace.open = self.trace.direct = True
        match owner:
            case Listed() if owner.kind in (set, frozenset) and isinstance(value, Mapped | Listed):
                if value.path is not None:
                    self.demand(value.path, "text")
                    for each in owner.items:
                        self.compare_with(value, each.value if isinstance(each, Known) else None)
                raise Raised(TypeError, self.place(node, scope))  # it cannot be in a set
            case Listed() if owner.before is None:
                answers = [self.equal(value, each, node, scope) for each in owner.items]
                if any(isinstance(each, Known) and each.value for each in answers):
                    return Known(value=True)
                if all(isinstance(each, Known) for each in answers):
                    return Known(value=False)
            case Mapped() if isinstance(value, Known) and is_hashable(value.value):
                self._read(owner.path, value.value)
                for each in owner.fields if value.path is not None else ():
                    self.compare_with(value, each)
                if owner.path is not None and value.value not in owner.fields:
                    self.demand((*owner.path, value.value), "fill")
                if value.value in owner.fields or owner.rest is None:
                    return Known(value.value in owner.fields)
            case Mapped() if owner.rest is None and isinstance(value, Unknown) and value.kind is str:
                for each in owner.fields:
                    self.compare_with(value, each)
                return Known(value=False)
            case Known() if isinstance(owner.value, str) and isinstance(value, Known) and isinstance(value.value, str):
                return Known(value.value in owner.value)
            case Known() if owner.path is not None and not isinstance(owner.value, str):
                self._demand_container(owner.path, value.value if isinstance(value, Known) else "")
                raise Raised(TypeError, self.place(node, scope))
            case Unknown() if owner.kind is str:
                self._tested(owner, value)
        return unknown(self.place(node, scope), owner, value)

    def _tested(self, words: Unknown, value: Value) -> None:
        if isinstance(value, Known):
            self.demand(words.path, "part", value.value)

    def opened(self, value: Value) -> None:
        """Note that a value made from the answer leaves the branch open."""
        kinds = {kind for kind, _ in atoms_of(value)} if self.trace.answered else set()
        self.trace.open |= bool(kinds & {"answer", "lacks"})
        self.trace.direct |= "answer" in kinds and "did" not in kinds and not self.trace.said

    def truth(self, value: Value, key: Any) -> bool:
        """Tell whether a value counts as true. An unknown value takes both branches, one after the other."""
        for name in ("__bool__", "__len__"):
            if (told := self.special(value, name)) is not None:
                return self.truth(told, key)
        match value:
            case Known():
                if value.path is not None:
                    self.demand(value.path, "value", value=True)
                    self.demand(value.path, "value", value=False)
                return _truth_of(value, key)
            case Listed() if value.before is None and not value.outer:
                if value.path is not None and not value.items:
                    self.demand(value.path, "list", 0)
                return bool(value.items)
            case Listed() if value.items and not value.outer:
                return True
            case Mapped() if value.outer:
                return self.oracle.decide(("truth", key))
            case Mapped() if value.rest is None or value.fields:
                if value.path is not None:
                    self.demand(value.path, "value", value=False)
                if value.path == () and not value.fields:
                    self.demand((), "filled")
                return bool(value.fields)
            case Unknown() if value.kind is str or (value.given and value.path is not None):
                self.demand(value.path, "value", value=True)
                self.demand(value.path, "value", value=False)
                return True
            case Unknown():
                self.opened(value)
                return self.oracle.decide(("truth", value.origin))
            case Listed() | Mapped():
                self.opened(value)
                return self.oracle.decide(("truth", key))
            case _:
                return True

    def _demand_container(self, path: Any, key: Any) -> None:
        if path is not None:
            self.demand(path, "list" if isinstance(key, int) else "map", key)

    def _read(self, path: Any, key: Any) -> None:
        if path is not None and self.trace.answered:
            self.trace.reads.add((*path, key))


def _truth_of(value: Known, key: Any) -> bool:
    """Test the truth as Python does, without running code of the project."""
    held = value.value
    if isinstance(held, Enum):
        held = held.value if isinstance(held, str | int) else True
    kind = type(held)
    if kind.__module__ == "builtins":
        return bool(held)
    if any(name in vars(each) for each in kind.__mro__ for name in ("__bool__", "__len__")):
        raise ReadingEnded("lost", str(key))
    return True


def is_hashable(value: Any) -> bool:
    """Tell whether a constant can be a key."""
    return isinstance(value, str | int | float | bool | None | Enum)


def _equal(one: Any, other: Any) -> bool:
    """Compare as Python does, without running code of the project."""
    if isinstance(one, Enum) or isinstance(other, Enum):
        plain = [
            each.value if isinstance(each, Enum) and isinstance(each, str | int) else each for each in (one, other)
        ]
        return one is other or (
            type(plain[0]) is type(plain[1]) and not isinstance(plain[0], Enum) and plain[0] == plain[1]
        )
    known = (str, int, float, bool, bytes, type(None))
    return one is other or (isinstance(one, known) and isinstance(other, known) and one == other)
