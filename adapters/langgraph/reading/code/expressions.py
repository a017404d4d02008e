"""Reads expressions. An expression that cannot be followed is unknown, and never an error."""

import ast
from collections.abc import Callable
from typing import Any, TypeVar

from adapters.langgraph.reading.code.attributes import AttributeReader
from adapters.langgraph.reading.code.conditions import is_hashable
from adapters.langgraph.reading.code.run import Raised, Scope
from adapters.langgraph.reading.code.values import (
    Closure,
    Generated,
    Known,
    Listed,
    Made,
    Mapped,
    TaskFuture,
    Unknown,
    Value,
    at,
    atoms_of,
    unknown,
)

T = TypeVar("T")
_SMALL = (int, float, str, bool)


class ExpressionReader(AttributeReader):
    """Reads expressions, comprehensions and operators."""

    def evaluate(self, node: ast.expr | None, scope: Scope) -> Value:
        """Return the value of an expression."""
        self.step()
        reader = getattr(self, f"_{type(node).__name__.lower()}", None)
        if reader is None:
            return self._anything(node, scope)
        value: Value = reader(node, scope)
        return value

    def _anything(self, node: ast.AST | None, scope: Scope) -> Value:
        inner = [each for each in ast.iter_child_nodes(node) if isinstance(each, ast.expr)] if node else []
        return unknown(self.place(node, scope) if node else "", *(self.evaluate(each, scope) for each in inner))

    # Names and constants ----------------------------------------------------------------------------------------------

    def _constant(self, node: ast.Constant, _: Scope) -> Value:
        return Known(node.value)

    def _name(self, node: ast.Name, scope: Scope) -> Value:
        return self.lookup(node.id, scope)

    def _namedexpr(self, node: ast.NamedExpr, scope: Scope) -> Value:
        value = self.evaluate(node.value, scope)
        scope.names[node.target.id] = value
        return value

    def _await(self, node: ast.Await, scope: Scope) -> Value:
        return self.awaited(self.evaluate(node.value, scope))

    def awaited(self, value: Value) -> Value:
        """Read `await value`."""
        return value.attributes["value"] if isinstance(value, Made) and value.cls is TaskFuture else value

    def _lambda(self, node: ast.Lambda, scope: Scope) -> Value:
        return Closure(node, scope)

    def _yield(self, node: ast.Yield, scope: Scope) -> Value:
        value = self.evaluate(node.value, scope) if node.value else Known(None)
        self.yields[-1].append(value)
        return Unknown(f"sent {self.place(node, scope)}")

    def _yieldfrom(self, node: ast.YieldFrom, scope: Scope) -> Value:
        self.yields[-1] += self.items_of(self.evaluate(node.value, scope), node, scope)
        return Unknown(f"sent {self.place(node, scope)}")

    def drawn(self, value: Made) -> list[Value]:
        """Return all items of a generator; see `CallReader`."""
        raise NotImplementedError

    # Attributes and items ---------------------------------------------------------------------------------------------

    def _attribute(self, node: ast.Attribute, scope: Scope) -> Value:
        return self.attribute(self.evaluate(node.value, scope), node.attr, node, scope)

    def _subscript(self, node: ast.Subscript, scope: Scope) -> Value:
        owner = self.evaluate(node.value, scope)
        if isinstance(node.slice, ast.Slice):
            return self._anything(node, scope) if isinstance(owner, Known | Unknown) else owner
        is_none = isinstance(owner, Known) and owner.value is None and owner.path is None
        if is_none and isinstance(node.value, ast.Name) and node.value.id in scope.names:
            raise Raised(TypeError, self.place(node, scope))  # a global that is None now may be set later
        return self.item(owner, self.evaluate(node.slice, scope), node, scope)

    # Containers and text ----------------------------------------------------------------------------------------------

    def _dict(self, node: ast.Dict, scope: Scope) -> Value:
        made = Mapped({})
        for key, held in zip(node.keys, node.values, strict=True):
            value = self.evaluate(held, scope)
            if key is None:
                self.merge(made, value)
                continue
            name = self.evaluate(key, scope)
            if isinstance(name, Known) and is_hashable(name.value):
                made.fields[name.value] = value
            else:
                made.rest = unknown(self.place(node, scope), *([made.rest] if made.rest else []), value)
        return made

    def merge(self, into: Mapped, value: Value) -> None:
        """Read `into.update(value)`."""
        if isinstance(value, Mapped):
            into.fields |= value.fields
            into.rest = value.rest or into.rest
        elif not (isinstance(value, Known) and not value.value):
            # It may replace what was there, or not: from now on both are in it.
            into.rest = unknown(f"merged {id(into)}", *([into.rest] if into.rest else []), value)
            for name, each in into.fields.items():
                into.fields[name] = unknown(f"merged {name}", each, value)

    def _list(self, node: ast.List | ast.Tuple | ast.Set, scope: Scope) -> Value:
        made = Listed([], {ast.List: list, ast.Tuple: tuple, ast.Set: set}[type(node)])
        for each in node.elts:
            if not isinstance(each, ast.Starred):
                made.items.append(self.evaluate(each, scope))
                continue
            value = self.evaluate(each.value, scope)
            if isinstance(value, Listed) and value.before is None:
                made.items += value.items
            else:
                made.before, made.items = unknown(self.place(node, scope), value, *made.items), []
        return made

    _tuple = _set = _list

    def _joinedstr(self, node: ast.JoinedStr, scope: Scope) -> Value:
        parts = [self.evaluate(each, scope) for each in node.values]
        if all(isinstance(each, Known) and isinstance(each.value, _SMALL) and not each.given for each in parts):
            whole = "".join(str(each.value) for each in parts if isinstance(each, Known))
            self.trace.spelled[whole] = atoms_of(*parts)
            return Known(whole)
        made = unknown(self.place(node, scope), *parts, kind=None)
        made.is_text = True
        return made

    def _formattedvalue(self, node: ast.FormattedValue, scope: Scope) -> Value:
        value = self.evaluate(node.value, scope)
        spec = self.evaluate(node.format_spec, scope) if node.format_spec else Known("")
        for name, values in (("__format__", [spec]), ("__str__", []), ("__repr__", [])):
            if (told := self.special(value, name, *values)) is not None:
                return told
        return value if isinstance(value, Known) and not value.given else unknown(self.place(node, scope), value)

    def _listcomp(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp, scope: Scope) -> Value:
        inner = Scope({}, scope, scope.globals, scope.file, {}, scope.depth)
        if len(node.generators) != 1:
            return self._anything(node, scope)
        (loop,) = node.generators
        source, found = self.evaluate(loop.iter, scope), list[Value]()
        for number, each in enumerate(self.items_of(source, node, scope)[:50]):
            self.bind(loop.target, each, inner)
            self.one_round(lambda: self._chosen(node, loop, inner, found), next_item=number > 0)
        return Listed(found)

    def one_round(self, read: Callable[[], T], *, next_item: bool) -> T:
        """Read a round of a loop. `next_item`: it is about another item than the first one."""
        self.rounds += next_item
        try:
            return read()
        finally:
            self.rounds -= next_item

    def _chosen(self, node: Any, loop: ast.comprehension, inner: Scope, found: list[Value]) -> None:
        if all(self.truth(self.evaluate(each, inner), (self.place(each, inner), len(found))) for each in loop.ifs):
            found.append(self.evaluate(node.elt, inner))

    _setcomp = _generatorexp = _listcomp

    def _dictcomp(self, node: ast.DictComp, scope: Scope) -> Value:
        inner = Scope({}, scope, scope.globals, scope.file, {}, scope.depth)
        (loop, *more) = node.generators
        source, made = self.evaluate(loop.iter, scope), Mapped({})
        for each in self.items_of(source, node, scope)[:50]:
            self.bind(loop.target, each, inner)
            if more or not all(self.truth(self.evaluate(test, inner), self.place(test, scope)) for test in loop.ifs):
                continue
            key, value = self.evaluate(node.key, inner), self.evaluate(node.value, inner)
            if isinstance(key, Known) and is_hashable(key.value):
                made.fields[key.value] = value
            else:
                made.rest = unknown(self.place(node, scope), value, source)
        return made

    def items_of(self, value: Value, node: ast.AST, scope: Scope) -> list[Value]:
        """Return the items that a loop goes through; of an unknown value, one that stands for all. Raises Raised."""
        told = self.special(value, "__iter__")
        if told is not None and told is not value:
            return self.items_of(told, node, scope)
        if isinstance(value, Made) and value.cls is Generated:
            return self.drawn(value)
        match value:
            case Listed() if value.before is None:
                return list(value.items)
            case Listed():
                before = [value.before] if value.before else []
                return [unknown(f"each of {self.place(node, scope)}", *before), *value.items]
            case Mapped() if value.rest is None:
                return [at(Known(key), value.path) for key in value.fields]
            case Known() if value.path is not None and not isinstance(value.value, str):
                self.demand(value.path, "list", 0)
                raise Raised(TypeError, self.place(node, scope))
            case Known() if isinstance(value.value, type) and hasattr(value.value, "__members__"):
                return [Known(each) for each in value.value.__members__.values()]
            case _:
                return [unknown(f"each of {self.place(node, scope)}", value)]

    def bind(self, target: ast.expr, value: Value, scope: Scope) -> None:
        """Assign; see `StatementReader`."""
        raise NotImplementedError

    # Conditions -------------------------------------------------------------------------------------------------------

    def _ifexp(self, node: ast.IfExp, scope: Scope) -> Value:
        taken = self.truth(self.evaluate(node.test, scope), self.place(node.test, scope))
        return self.evaluate(node.body if taken else node.orelse, scope)

    def _boolop(self, node: ast.BoolOp, scope: Scope) -> Value:
        stops_at, value = isinstance(node.op, ast.Or), self.evaluate(node.values[0], scope)
        for each in node.values[1:]:
            if self.truth(value, self.place(node, scope)) is stops_at:
                return value
            # A stand-in takes the place of the missing value, so that the next test is known to test that place.
            instead = self.evaluate(each, scope)
            replaces = isinstance(instead, Known) or (isinstance(instead, Mapped | Listed) and not instead.outer)
            value = at(instead, value.path) if stops_at and replaces else instead
        return value

    def _unaryop(self, node: ast.UnaryOp, scope: Scope) -> Value:
        value = self.evaluate(node.operand, scope)
        if isinstance(node.op, ast.Not):
            return Known(not self.truth(value, self.place(node.operand, scope)))
        if isinstance(node.op, ast.USub) and isinstance(value, Known) and isinstance(value.value, int | float):
            return Known(-value.value)
        return unknown(self.place(node, scope), value)

    def _binop(self, node: ast.BinOp, scope: Scope) -> Value:
        left, right = self.evaluate(node.left, scope), self.evaluate(node.right, scope)
        if isinstance(node.op, ast.BitOr) and isinstance(left, Mapped):
            made = Mapped(dict(left.fields), left.rest)
            self.merge(made, right)
            return made
        if isinstance(node.op, ast.Add | ast.BitOr) and isinstance(left, Listed) and isinstance(right, Listed):
            return Listed([*left.items, *right.items], left.kind, left.before)
        return self.operate(type(node.op), left, right, node, scope)

    def _compare(self, node: ast.Compare, scope: Scope) -> Value:
        left = self.evaluate(node.left, scope)
        result: Value = Known(value=True)
        for each, right_node in zip(node.ops, node.comparators, strict=True):
            right = self.evaluate(right_node, scope)
            result = self.compare(each, left, right, node, scope)
            if not self.truth(result, self.place(node, scope)):
                return Known(value=False)
            left = right
        return Known(value=True)
