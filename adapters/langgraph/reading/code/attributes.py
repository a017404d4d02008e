"""Reads names, attributes and items, without running code of the project."""

import ast
import os
from enum import Enum
from types import FunctionType, MemberDescriptorType, ModuleType, SimpleNamespace
from typing import Any

from adapters.langgraph.reading.code.conditions import ConditionReader, is_hashable
from adapters.langgraph.reading.code.run import Raised, Scope
from adapters.langgraph.reading.code.sources import texts_in
from adapters.langgraph.reading.code.values import (
    BoundMethod,
    Closure,
    Known,
    Listed,
    Made,
    Mapped,
    Unknown,
    Value,
    at,
    lifted,
    unknown,
)

_DICT, _TEXT = frozenset(dir(dict)), frozenset(dir(str))


class AttributeReader(ConditionReader):
    """Reads names, attributes and items."""

    def lookup(self, name: str, scope: Scope) -> Value:
        """Return the value of a name."""
        here: Scope | None = scope
        while here is not None:
            if name in here.names:
                return here.names[name]
            if name in here.cells:
                put = self.written.get((f"cell {here.file}", name))
                return self.held(here.cells[name], name, scope) if put is None else put
            here = here.above
        if (f"global {scope.file}", name) in self.written:
            return self.written[f"global {scope.file}", name]
        if name in scope.globals:
            return self.held(scope.globals[name], name, scope)
        builtin = scope.globals.get("__builtins__", {})
        held = builtin if isinstance(builtin, dict) else vars(builtin)
        return Known(held[name]) if name in held else Unknown(f"name {name}")

    def held(self, value: Any, name: str, scope: Scope) -> Value:
        """Return the current value of the program's name, unless it is a text of the environment: it may be a secret.

        A node may ask for a PIN: it is never sent, shown or stored as the word that approves.
        """
        secret = type(value) is str and value != "" and value in os.environ.values()
        return Unknown(f"environment {name}") if secret and value not in texts_in(scope.file) else self.lift(value)

    def attribute(self, owner: Value, name: str, node: ast.AST, scope: Scope) -> Value:
        """Read `owner.name` without running the owner's code."""
        match owner:
            case Made() if name in owner.attributes:
                return owner.attributes[name]
            case Made() if name in getattr(owner.cls, "model_fields", ()):
                return _default_of(owner.cls.model_fields[name])
            case Made() if isinstance(owner.cls, type):
                return self._of_class(owner, owner.cls, name)
            case Mapped() if owner.rest is not None and name not in _DICT and not owner.given:
                return self.item(owner, Known(name), node, scope)
            case Mapped() | Listed() | Closure() | BoundMethod():
                return BoundMethod(owner, name)
            case Unknown():
                return BoundMethod(owner, name) if owner.kind is str else self._part(owner, name)
            case Known():
                return self._of_live(owner, name, node, scope)
        return unknown(self.place(node, scope), owner)

    def _part(self, owner: Unknown, key: Any) -> Value:
        path = None if owner.path is None else (*owner.path, key)
        part = Unknown(f"{owner.origin}.{key}", owner.atoms, None, path, owner.given)
        part.atoms = frozenset(_deeper(each, key) for each in owner.atoms)
        return part

    def _of_live(self, owner: Known, name: str, node: ast.AST, scope: Scope) -> Value:
        held = owner.value
        if owner.path is not None and not isinstance(held, Enum):
            if hasattr(type(held), name):
                return BoundMethod(owner, name)
            self.demand(owner.path, "text" if name in _TEXT and name not in _DICT else "map")
            raise Raised(AttributeError, self.place(node, scope))
        if isinstance(held, Enum) and name in ("value", "name"):
            return at(Known(held.value if name == "value" else held.name), owner.path)
        if isinstance(held, ModuleType):
            if (f"global {getattr(held, '__file__', '')}", name) in self.written:
                return self.written[f"global {getattr(held, '__file__', '')}", name]
            return (
                self.held(vars(held)[name], name, scope) if name in vars(held) else Unknown(f"{held.__name__}.{name}")
            )
        if isinstance(held, type) and issubclass(held, Enum) and name in held.__members__:
            return Known(held.__members__[name])
        if isinstance(held, type):
            return self._of_class(owner, held, name)
        inner = vars(held) if hasattr(held, "__dict__") else {}
        if (put := self.written.get((name, id(held)))) is not None:
            return put
        return self.held(inner[name], name, scope) if name in inner else self._of_class(owner, type(held), name)

    def _of_class(self, owner: Value, kind: type, name: str) -> Value:
        for each in kind.__mro__:
            if (name, id(each)) in self.written:
                return self.written[name, id(each)]
            if name in vars(each):
                held = vars(each)[name]
                if isinstance(held, MemberDescriptorType):
                    return self._of_slot(owner, held, name)
                if isinstance(held, staticmethod):
                    return Known(held.__func__)
                if isinstance(held, classmethod):
                    cls = owner if isinstance(owner, Known) and isinstance(owner.value, type) else Known(kind)
                    return BoundMethod(cls, name, held.__func__)
                if isinstance(held, property):
                    return self.call_function(held.fget, [owner], {}) if held.fget else Unknown(name)
                if isinstance(held, FunctionType):
                    bound = isinstance(owner, Known) and owner.value is kind
                    return Known(held) if bound else BoundMethod(owner, name, held)
                return self.lift(held) if not callable(held) else BoundMethod(owner, name)
        if (told := self.special(owner, "__getattr__", Known(name))) is not None:
            return told
        return self._missing(owner, kind, name)

    def _of_slot(self, owner: Value, slot: MemberDescriptorType, name: str) -> Value:
        """Read an instance's value in one of its class's `__slots__`; no code of the class runs."""
        if isinstance(owner, Known):
            try:
                return self.lift(slot.__get__(owner.value, type(owner.value)))
            except (AttributeError, TypeError):
                return Unknown(name)
        return Unknown(name)

    def _missing(self, owner: Value, kind: type, name: str) -> Value:
        """Read an attribute that nobody has set: an error if everything that sets them is known."""
        if isinstance(owner, Made) and (kind is SimpleNamespace or hasattr(kind, "_fields")):
            if owner.path is not None:
                self.demand((*owner.path, name), "fill")
            raise Raised(AttributeError, name)
        return BoundMethod(owner, name)

    def item(self, owner: Value, key: Value, node: ast.AST, scope: Scope) -> Value:
        """Read `owner[key]`. Raises Raised if there is none."""
        if isinstance(owner, Known) and isinstance(owner.value, type) and issubclass(owner.value, Enum):
            return self._by_name(owner.value, key, node, scope)
        if (told := self.special(owner, "__getitem__", key)) is not None:
            return told
        if isinstance(key, Known) and is_hashable(key.value):
            match owner:
                case Mapped():
                    return self._of_map(owner, key, node, scope)
                case Listed():
                    return self._of_list(owner, key.value, node, scope)
                case Known() if owner.path is not None:
                    self._demand_container(owner.path, key.value)
                    raise Raised(TypeError, self.place(node, scope))
                case Unknown() if owner.kind is str:
                    self._demand_container(owner.path, key.value)
                    raise Raised(TypeError, self.place(node, scope))
                case Unknown():
                    self._read(owner.path, key.value)
                    return self._part(owner, key.value)
        if isinstance(owner, Mapped) and key.path is not None:
            for each in owner.fields:
                self.compare_with(key, each)
            if owner.rest is None and isinstance(key, Unknown) and key.kind is str:
                self._may_lack(key, KeyError, node, scope)  # a person's words are none of its keys
        return unknown(self.place(node, scope), owner, key)

    def _may_lack(self, key: Value, kind: type, node: ast.AST, scope: Scope) -> None:
        """Read both branches if the answer picks something that the running program may lack."""
        if key.given and not self.oracle.decide(("has", self.place(node, scope))):
            raise Raised(kind, self.place(node, scope))

    def _by_name(self, cls: type[Enum], key: Value, node: ast.AST, scope: Scope) -> Value:
        """Read `Verdict["GO"]`."""
        for name in cls.__members__ if key.path is not None else ():
            self.compare_with(key, name)
        if isinstance(key, Known) and key.value in cls.__members__:
            return Known(cls.__members__[key.value], key.path, key.given)
        if isinstance(key, Known) or (isinstance(key, Unknown) and key.kind is str):
            raise Raised(KeyError, self.place(node, scope))
        return unknown(self.place(node, scope), key)

    def _of_map(self, owner: Mapped, key: Known, node: ast.AST, scope: Scope) -> Value:
        self._read(owner.path, key.value)
        for each in owner.fields if key.path is not None else ():
            self.compare_with(key, each)
        if key.value in owner.fields:
            return owner.fields[key.value]
        if owner.rest is not None:
            return self._part(owner.rest, key.value)
        if owner.outer:
            self._may_lack(key, KeyError, node, scope)
            return unknown(f"{self.place(node, scope)}[{key.value}]", owner, key)  # it may have the key by then
        if owner.path is not None:
            self.demand((*owner.path, key.value), "fill")
        raise Raised(KeyError, self.place(node, scope))

    def _of_list(self, owner: Listed, key: Any, node: ast.AST, scope: Scope) -> Value:
        if owner.kind in (set, frozenset) or not isinstance(key, int) or isinstance(key, bool):
            if owner.path is not None:
                self._demand_container(owner.path, key)
            raise Raised(TypeError, self.place(node, scope))
        if owner.before is None and -len(owner.items) <= key < len(owner.items):
            return owner.items[key]
        if owner.before is not None:
            return owner.items[key] if -len(owner.items) <= key < 0 else unknown(f"{owner.before}[{key}]", owner)
        if owner.outer:
            return unknown(f"{self.place(node, scope)}[{key}]", owner)
        raise Raised(IndexError, self.place(node, scope))


def _default_of(field: Any) -> Value:
    """Return the default of a field of a pydantic model."""
    if field.default_factory in (list, tuple):
        return Listed([])
    if field.default_factory is dict:
        return Mapped({})
    return lifted(field.default) if field.default_factory is None else Unknown("default")


def _deeper(atom: Any, key: Any) -> Any:
    kind, origin = atom
    return (kind, f"{origin}.{key}") if kind == "from" else atom
