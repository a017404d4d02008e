"""Reads statements."""

import ast
import builtins
from contextlib import suppress
from typing import Any

from adapters.langgraph.reading.code.conditions import is_hashable
from adapters.langgraph.reading.code.patterns import PatternReader
from adapters.langgraph.reading.code.run import Broke, Continued, Raised, ReadingEnded, Returned, Scope, Signal
from adapters.langgraph.reading.code.special import class_of
from adapters.langgraph.reading.code.values import (
    Closure,
    Known,
    Listed,
    Made,
    Managed,
    Mapped,
    Unknown,
    Value,
    lifted,
    unknown,
)

_MOST_ROUNDS = 6
_OPEN_ROUNDS = 2
"""The rounds of a loop whose condition is not known."""


class StatementReader(PatternReader):
    """Reads a function's body."""

    def run_body(self, body: list[ast.stmt], scope: Scope) -> None:
        """Read statements, one after the other."""
        for each in body:
            self.step()
            reader = getattr(self, f"_{type(each).__name__.lower()}_statement", None)
            if reader is not None:
                reader(each, scope)

    def _expr_statement(self, node: ast.Expr, scope: Scope) -> None:
        self.evaluate(node.value, scope)

    def _return_statement(self, node: ast.Return, scope: Scope) -> None:
        value = self.evaluate(node.value, scope) if node.value else Known(None)
        self.left_at = self.place(node, scope)
        raise Returned(value)

    def _functiondef_statement(self, node: ast.FunctionDef, scope: Scope) -> None:
        scope.names[node.name] = Closure(node, scope)

    _asyncfunctiondef_statement = _functiondef_statement

    def _global_statement(self, node: ast.Global | ast.Nonlocal, scope: Scope) -> None:
        scope.outside |= dict.fromkeys(node.names, type(node).__name__)

    _nonlocal_statement = _global_statement

    def _delete_statement(self, node: ast.Delete, scope: Scope) -> None:
        for each in node.targets:
            match each:
                case ast.Subscript():
                    self._remove(self.evaluate(each.value, scope), self.evaluate(each.slice, scope), each, scope)
                case ast.Attribute():
                    owner = self.evaluate(each.value, scope)
                    if self.special(owner, "__delattr__", Known(each.attr)) is None:
                        self.effect(each, scope, owner)

    def _remove(self, owner: Value, key: Value, node: ast.AST, scope: Scope) -> None:
        if self.special(owner, "__delitem__", key) is not None:
            return
        if isinstance(owner, Mapped) and not owner.outer:
            if isinstance(key, Known) and is_hashable(key.value):
                owner.fields.pop(key.value, None)
            else:
                owner.rest = unknown(f"removed {self.place(node, scope)}", owner)
        elif isinstance(owner, Listed) and not owner.outer:
            owner.before, owner.items = unknown(f"removed {self.place(node, scope)}", owner), []
        else:
            self.effect(node, scope, owner, key)

    def _break_statement(self, _: ast.Break, __: Scope) -> None:
        raise Broke

    def _continue_statement(self, _: ast.Continue, __: Scope) -> None:
        raise Continued

    def _import_statement(self, node: ast.Import, scope: Scope) -> None:
        for each in node.names:
            scope.names[each.asname or each.name.split(".")[0]] = _imported(each.name, scope)

    def _importfrom_statement(self, node: ast.ImportFrom, scope: Scope) -> None:
        module = _imported(node.module or "", scope)
        held = vars(module.value) if isinstance(module, Known) else {}
        for each in node.names:
            name = each.asname or each.name
            scope.names[name] = lifted(held[each.name]) if each.name in held else Unknown(f"import {each.name}")

    def _raise_statement(self, node: ast.Raise, scope: Scope) -> None:
        value = self.evaluate(node.exc, scope) if node.exc else None
        kind = value.cls if isinstance(value, Made) else value.value if isinstance(value, Known) else None
        raise Raised(kind if isinstance(kind, type) else None, self.place(node, scope), by_type=False, value=value)

    def _assert_statement(self, node: ast.Assert, scope: Scope) -> None:
        if not self.truth(self.evaluate(node.test, scope), self.place(node, scope)):
            raise Raised(AssertionError, self.place(node, scope), by_type=False)

    # Assignments ------------------------------------------------------------------------------------------------------

    def _assign_statement(self, node: ast.Assign, scope: Scope) -> None:
        value = self.evaluate(node.value, scope)
        for target in node.targets:
            self.bind(target, value, scope)

    def _annassign_statement(self, node: ast.AnnAssign, scope: Scope) -> None:
        if node.value is not None:
            self.bind(node.target, self.evaluate(node.value, scope), scope)

    def _augassign_statement(self, node: ast.AugAssign, scope: Scope) -> None:
        left, right = self.evaluate(node.target, scope), self.evaluate(node.value, scope)
        if isinstance(left, Listed) and isinstance(right, Listed):
            if left.outer:
                self.effect(node, scope, right)
            left.items += right.items
            return
        self.bind(node.target, self.operate(type(node.op), left, right, node, scope), scope)

    def bind(self, target: ast.expr, value: Value, scope: Scope) -> None:
        """Assign a value to a target."""
        match target:
            case ast.Name():
                self._name_it(target, value, scope)
            case ast.Tuple() | ast.List():
                self._unpack(target, value, scope)
            case ast.Starred():
                self.bind(target.value, value, scope)
            case ast.Subscript():
                self._put(self.evaluate(target.value, scope), self.evaluate(target.slice, scope), value, target, scope)
            case ast.Attribute():
                self._set_attribute(self.evaluate(target.value, scope), target, value, scope)

    def _name_it(self, target: ast.Name, value: Value, scope: Scope) -> None:
        declared, name = scope.outside.get(target.id), target.id
        if declared is None:
            scope.names[name] = value
            return
        above = scope.above if declared == "Nonlocal" else None
        while above is not None and name not in above.names:
            above = above.above
        if above is not None:
            above.names[name] = value
            return
        self.effect(target, scope, value)
        self.written[f"{'cell' if declared == 'Nonlocal' else 'global'} {scope.file}", name] = value

    def _set_attribute(self, owner: Value, target: ast.Attribute, value: Value, scope: Scope) -> None:
        """Read `owner.attr = value`."""
        if self.special(owner, "__setattr__", Known(target.attr), value) is not None:
            return
        held = next(
            (vars(c)[target.attr] for c in getattr(class_of(owner), "__mro__", ()) if target.attr in vars(c)), 0
        )
        if isinstance(held, property) and held.fset is not None:
            self.call_function(held.fset, [owner, value], {})
        elif isinstance(owner, Made):
            owner.attributes[target.attr] = value
        elif isinstance(owner, Mapped):
            owner.fields[target.attr] = value
        else:
            self.effect(target, scope, value)
            if isinstance(owner, Known):
                self.written[target.attr, id(owner.value)] = value

    def _unpack(self, target: ast.Tuple | ast.List, value: Value, scope: Scope) -> None:
        count = len(target.elts)
        if isinstance(value, Listed) and value.before is None and len(value.items) == count:
            for each, item in zip(target.elts, value.items, strict=True):
                self.bind(each, item, scope)
            return
        starred = next((n for n, each in enumerate(target.elts) if isinstance(each, ast.Starred)), None)
        if isinstance(value, Listed) and value.before is None and starred is not None and len(value.items) >= count - 1:
            after = len(value.items) - (count - 1 - starred)
            rest = Listed(value.items[starred:after])
            for each, item in zip(target.elts, [*value.items[:starred], rest, *value.items[after:]], strict=True):
                self.bind(each, item, scope)
            return
        typed = not (isinstance(value, Unknown) and value.kind is None)
        if typed and value.path is not None and (value.given or isinstance(value, Known)):
            self.demand(value.path, "list", count - 1)
            raise Raised(ValueError, self.place(target, scope))
        for number, each in enumerate(target.elts):
            part = self._part(value, number) if isinstance(value, Unknown) else unknown(f"{id(target)}.{number}", value)
            self.bind(each, part, scope)

    def _put(self, owner: Value, key: Value, value: Value, node: ast.AST, scope: Scope) -> None:
        """Read `owner[key] = value`."""
        if self.special(owner, "__setitem__", key, value) is not None:
            return
        if isinstance(owner, Mapped):
            if owner.outer:
                self.effect(node, scope, value)
            if isinstance(key, Known) and isinstance(key.value, str | int | bool):
                owner.fields[key.value] = value
                return
            owner.rest = unknown(f"put {self.place(node, scope)}", *([owner.rest] if owner.rest else []), value)
            for name, each in owner.fields.items():
                owner.fields[name] = unknown(f"put {name}", each, value)
        elif isinstance(owner, Unknown):
            owner.atoms |= unknown("", owner, value).atoms
            if not owner.origin.startswith(("state", "answer")) and not owner.given:
                self.effect(node, scope, value)
        elif not isinstance(owner, Listed) or owner.outer:
            self.effect(node, scope, value)

    # Branches ---------------------------------------------------------------------------------------------------------

    def _if_statement(self, node: ast.If, scope: Scope) -> None:
        taken = self.truth(self.evaluate(node.test, scope), self.place(node.test, scope))
        self.run_body(node.body if taken else node.orelse, scope)

    def _while_statement(self, node: ast.While, scope: Scope) -> None:
        for number in range(_MOST_ROUNDS):
            test = self.evaluate(node.test, scope)
            known = isinstance(test, Known)
            if not known and number >= _OPEN_ROUNDS:
                break
            if not self.truth(test, (self.place(node.test, scope), number)):
                break
            if self._round(node.body, scope):
                return
        else:
            if isinstance(node.test, ast.Constant):
                raise ReadingEnded("lost", self.place(node, scope))
        self.run_body(node.orelse, scope)

    def _for_statement(self, node: ast.For | ast.AsyncFor, scope: Scope) -> None:
        source = self.evaluate(node.iter, scope)
        tries = isinstance(node.iter, ast.Call) and ast.unparse(node.iter.func) in ("range", "count", "itertools.count")
        for number, each in enumerate(self.items_of(source, node, scope)[:50]):
            self.bind(node.target, each, scope)
            if self.one_round(lambda: self._round(node.body, scope), next_item=number > 0 and not tries):
                return
        self.run_body(node.orelse, scope)

    _asyncfor_statement = _for_statement

    def _round(self, body: list[ast.stmt], scope: Scope) -> bool:
        """Read one round of a loop; tell whether the loop was left."""
        try:
            self.run_body(body, scope)
        except Broke:
            return True
        except Continued:
            return False
        return False

    def _with_statement(self, node: ast.With | ast.AsyncWith, scope: Scope) -> None:
        self._within(list(node.items), node.body, scope)

    def _within(self, items: list[ast.withitem], body: list[ast.stmt], scope: Scope) -> None:
        """Read a body within the remaining context managers, with their exits."""
        if not items:
            self.run_body(body, scope)
            return
        manager = self.evaluate(items[0].context_expr, scope)
        entered = self._entered(manager)
        if items[0].optional_vars is not None:
            self.bind(items[0].optional_vars, entered, scope)
        try:
            self._within(items[1:], body, scope)
        except Raised as raised:
            if not self._left(manager, raised):
                raise
        except Signal:
            self._left(manager, None)
            raise
        else:
            self._left(manager, None)

    def _entered(self, manager: Value) -> Value:
        if isinstance(manager, Made) and manager.cls is Managed:
            given = self.items_of(manager.attributes["made"], ast.Pass(), Scope({}, None, {}, ""))
            return given[0] if given else Unknown("entered")
        for name in ("__enter__", "__aenter__"):
            if (told := self.special(manager, name)) is not None:
                return told
        return manager

    def _left(self, manager: Value, raised: Raised | None) -> bool:
        """Leave a context manager; tell whether it keeps an error to itself."""
        if isinstance(manager, Made) and manager.cls is suppress:
            kinds = [each.value for each in manager.attributes.values() if isinstance(each, Known)]
            return raised is not None and (raised.kind is None or issubclass(raised.kind, tuple(kinds)))
        if isinstance(manager, Made) and manager.cls is Managed and raised is not None:
            raise ReadingEnded("lost", raised.where)  # the generator may handle it
        kind: Value = Known(None) if raised is None else Unknown(f"error {raised.where}")
        for name in ("__exit__", "__aexit__"):
            if (told := self.special(manager, name, kind, kind, kind)) is not None:
                return raised is not None and self.truth(told, ("left", raised.where))
        return False

    _asyncwith_statement = _with_statement

    def _try_statement(self, node: ast.Try, scope: Scope) -> None:
        try:
            try:
                self.run_body(node.body, scope)
            except Raised as raised:
                self._handled(node, raised, scope)
            else:
                self.run_body(node.orelse, scope)
        finally:
            self.run_body(node.finalbody, scope)

    def _handled(self, node: ast.Try, raised: Raised, scope: Scope) -> None:
        for handler in node.handlers:
            kinds = self._caught(handler, scope)
            if raised.kind is None or kinds is None or any(issubclass(raised.kind, each) for each in kinds):
                if handler.name:
                    held = raised.value if isinstance(raised.value, Made) else None
                    scope.names[handler.name] = held or Unknown(f"error {raised.where}")
                with_bare_raise = [
                    each for each in ast.walk(handler) if isinstance(each, ast.Raise) and each.exc is None
                ]
                if with_bare_raise and len(handler.body) == 1:
                    raise raised
                self.run_body(handler.body, scope)
                return
        raise raised

    def _caught(self, handler: ast.ExceptHandler, scope: Scope) -> list[type] | None:
        if handler.type is None:
            return None
        held = self.evaluate(handler.type, scope)
        each = held.items if isinstance(held, Listed) else [held]
        kinds = [one.value for one in each if isinstance(one, Known) and isinstance(one.value, type)]
        return kinds if len(kinds) == len(each) else None


def _imported(name: str, scope: Scope) -> Value:
    """Return a module that is already imported: reading imports nothing."""
    import sys  # noqa: PLC0415 - here alone

    module: Any = sys.modules.get(name)
    with suppress(AttributeError):
        return Known(module) if module is not None else Unknown(f"module {name}")
    return Unknown(f"module {name} of {scope.file}{builtins.__name__}")
