"""Reads methods of values, and functions of Python and of libraries. `purity` lists those without an effect."""

import ast
from typing import Any

from adapters.langgraph.reading.code.classes import ClassReader
from adapters.langgraph.reading.code.purity import is_pure
from adapters.langgraph.reading.code.regexes import matched, words_of
from adapters.langgraph.reading.code.run import Raised, ReadingEnded, Scope
from adapters.langgraph.reading.code.values import BoundMethod, Known, Listed, Made, Mapped, Unknown, Value, at, unknown

# fmt: off
_CHANGING = frozenset({
    "append", "extend", "insert", "add", "update", "setdefault", "pop", "remove", "discard", "clear", "sort",
    "reverse", "popitem",
})
# fmt: on
_ON_TEXT = frozenset(dir(str))
_PARTS = frozenset(("startswith", "endswith"))
_SAME_TEXT = frozenset(("strip", "lower", "upper", "casefold", "lstrip", "rstrip", "title", "capitalize"))


class MethodReader(ClassReader):
    """Reads methods of values, and functions of Python and of libraries."""

    def call(self, function: Value, values: list[Value], named: dict[str, Value], node: ast.AST, scope: Scope) -> Value:
        """Return the value of a call; see `CallReader`."""
        raise NotImplementedError

    def _of_mapped(self, owner: Mapped, name: str, values: list[Value], node: ast.AST, scope: Scope) -> Value:
        match name, values:
            case "get" | "pop" | "setdefault", [Mapped() | Listed(), *_]:
                if values[0].path is not None:
                    self.demand(values[0].path, "text")
                raise Raised(TypeError, self.place(node, scope))  # it cannot be a key
            case "get" | "pop" | "setdefault", [Known() as key, *rest]:
                default = rest[0] if rest else Known(None)
                for each in owner.fields if key.path is not None else ():
                    self.compare_with(key, each)
                if key.value not in owner.fields and owner.rest is None:
                    self.item_read(owner, key.value)
                    return at(default, None if owner.path is None else (*owner.path, key.value))
                return self.item(owner, key, node, scope)
            case "get", [key, *rest]:
                return self._routed(owner, key, rest, node, scope)
            case "items", []:
                pairs: list[Value] = [Listed([Known(key), each], tuple) for key, each in owner.fields.items()]
                return Listed(pairs, before=owner.rest)
            case "keys", []:
                return Listed([Known(key) for key in owner.fields], before=owner.rest)
            case "values", []:
                return Listed(list(owner.fields.values()), before=owner.rest)
            case "copy", []:
                return Mapped(dict(owner.fields), owner.rest)
            case "update", [value]:
                if owner.outer:
                    self.effect(node, scope, value)
                self.merge(owner, value)
                return Known(None)
        if name not in dir(dict):
            self.demand(owner.path, "text")
            raise Raised(AttributeError, self.place(node, scope))
        return unknown(self.place(node, scope), owner, *values)

    def _routed(self, owner: Mapped, key: Value, rest: list[Value], node: ast.AST, scope: Scope) -> Value:
        """Choose from a dict by the answer's words: they are none of its keys, unless one is tried."""
        if isinstance(key, Unknown) and key.kind is str and owner.rest is None:
            for each in owner.fields:
                self.compare_with(key, each)
            return rest[0] if rest else Known(None)
        return self.item(owner, key, node, scope)

    def item_read(self, owner: Mapped, key: Any) -> None:
        """Note that a key is read which the answer does not have."""
        if owner.path is not None and self.trace.answered:
            self.trace.reads.add((*owner.path, key))

    def _of_listed(self, owner: Listed, name: str, values: list[Value], node: ast.AST, scope: Scope) -> Value:
        if name in _CHANGING:
            if owner.outer:
                self.effect(node, scope, *values, told=name in ("append", "add") and all(map(_says_answer, values)))
            if name in ("append", "add"):
                owner.items.extend(values)
            else:
                owner.before, owner.items = unknown(self.place(node, scope), owner, *values), []
            return Known(None)
        if name not in dir(owner.kind):
            if owner.path is not None:
                self.demand(owner.path, "text")
            raise Raised(AttributeError, self.place(node, scope))
        return unknown(self.place(node, scope), owner, *values)

    def _of_text(
        self, owner: Known, name: str, values: list[Value], named: dict[str, Value], node: ast.AST, scope: Scope
    ) -> Value:
        if name not in _ON_TEXT:
            self.demand(owner.path, "map")
            raise Raised(AttributeError, self.place(node, scope))
        given = [each.value for each in values if isinstance(each, Known) and isinstance(each.value, str | int | tuple)]
        by_name = {key: each.value for key, each in named.items() if isinstance(each, Known)}
        if len(given) != len(values) or len(by_name) != len(named):
            return unknown(self.place(node, scope), owner, *values, *named.values())
        if owner.path is not None and name in _PARTS:
            for each in given:
                self._looked_for(owner, each)
        try:
            made = getattr(owner.value, name)(*given, **by_name)
        except (TypeError, ValueError):
            return unknown(self.place(node, scope), owner)
        if isinstance(made, list | tuple):
            return Listed([Known(each, owner.path, owner.given) for each in made])
        return Known(made, owner.path, owner.given)

    def _of_words(self, owner: Unknown, name: str, values: list[Value], node: ast.AST, scope: Scope) -> Value:
        if name in _SAME_TEXT:
            return owner
        if name not in _ON_TEXT:
            self.demand(owner.path, "map")
            raise Raised(AttributeError, self.place(node, scope))
        for each in values if name in _PARTS else ():
            for part in each.items if isinstance(each, Listed) else [each]:
                self._looked_for(owner, part.value if isinstance(part, Known) else None)
        if name in ("split", "rsplit", "partition", "rpartition"):
            self._looked_for(owner, "")  # one word of it may decide
        for each in values if name not in _PARTS else ():
            if isinstance(each, Known):
                self.demand(owner.path, "value", each.value)
        return unknown(self.place(node, scope), owner, *values)

    def _looked_for(self, owner: Known | Unknown, part: Any) -> None:
        """Note that a text of the answer is searched for another."""
        for each in part if isinstance(part, tuple) else (part,):
            if isinstance(each, str):
                self.demand(owner.path, "part", str(each))

    # What Python and libraries bring ----------------------------------------------------------------------------------

    def _builtin(self, held: Any, values: list[Value], named: dict[str, Value], node: ast.AST, scope: Scope) -> Value:
        """Read a call of a function of Python's or of a library. Raises Raised, ReadingEnded."""
        name, module = getattr(held, "__name__", ""), (getattr(held, "__module__", "") or "").split(".")[0]
        if name == "interrupt":
            raise ReadingEnded("lost", self.place(node, scope))
        result = self._of_builtins(name, module, values, named, node, scope)
        if result is None:
            result = self._of_library(name, module, values, named, node, scope)
        if result is not None:
            return result
        if not is_pure(Known(held), name):
            return self.effect(node, scope, *values, *named.values())
        return unknown(self.place(node, scope), *values, *named.values())

    def _of_builtins(
        self, name: str, module: str, values: list[Value], named: dict[str, Value], node: ast.AST, scope: Scope
    ) -> Value | None:
        """Read a call of a builtin function; None if its result is not known."""
        first = values[0] if values else Known(None)
        match name:
            case "isinstance" if len(values) == 2:  # noqa: PLR2004 - as it is called
                return self.is_instance(first, values[1], node, scope)
            case "eval" | "exec" if module == "builtins":  # it reads every name in sight
                self.effect(node, scope, *values, *named.values())
                self.trace.open |= self.trace.answered
                self.trace.direct |= self.trace.answered
                return unknown(self.place(node, scope), *values, *named.values())
            case "callable" | "hasattr" if first.path is not None:
                return unknown(self.place(node, scope), first)
            case "getattr" if len(values) > 1 and isinstance(values[1], Known):
                return self._got(first, values, node, scope)
            case "len" if (
                isinstance(first, Listed | Mapped) and getattr(first, "before", getattr(first, "rest", None)) is None
            ):
                return Known(len(first.items if isinstance(first, Listed) else first.fields))
            case "all" | "any" if isinstance(first, Listed):
                parts = [*first.items, *([first.before] if first.before else [])]
                return Known((all if name == "all" else any)(self.truth(each, id(each)) for each in parts))
        return None

    def _of_library(
        self, name: str, module: str, values: list[Value], named: dict[str, Value], node: ast.AST, scope: Scope
    ) -> Value | None:
        """Read a call of a library's function; None if its result is not known."""
        first = values[0] if values else Known(None)
        match module, name:
            case "typing", "cast" if len(values) > 1:
                return values[1]
            case "asyncio", "to_thread" | "run_in_executor":
                return self.call(first, values[1:], named, node, scope)
            case "asyncio", "wait_for" | "create_task" | "ensure_future" | "shield":
                return first
            case "asyncio", "gather":
                return Listed([self.awaited(each) for each in values])
            case "langgraph", "add_messages" | "_add_messages" if len(values) > 1:
                return _joined(first, values[1])
            case "asyncio" | "time", "sleep":
                return Known(None)
            case "copy", "deepcopy" | "copy":
                return _copied(first)
            case "json", "loads":
                return self._from_json(first, node, scope)
            case "re", "match" | "search" | "fullmatch" if len(values) > 1:
                flags = values[2] if len(values) > 2 else named.get("flags", Known(0))  # noqa: PLR2004 - the third
                return self._matched(name, first, values[1], flags, node, scope)
        return None

    def _matched(self, name: str, pattern: Value, text: Value, flags: Value, node: ast.AST, scope: Scope) -> Value:
        """Match a pattern: the truth of the result is known if the pattern and the text are."""
        if isinstance(pattern, Known) and isinstance(flags, Known) and isinstance(flags.value, int):
            for word in words_of(pattern.value) if text.path is not None else ():
                self.demand(text.path, "part", word)
            if isinstance(text, Known) and isinstance(text.value, str):
                found = matched(name, pattern.value, text.value, int(flags.value))
                if found is not None:
                    return BoundMethod(text, "match") if found else Known(None)
        if (
            text.path is not None
            and not isinstance(text, Unknown)
            and not (isinstance(text, Known) and isinstance(text.value, str))
        ):
            self.demand(text.path, "text")
            raise Raised(TypeError, self.place(node, scope))
        return unknown(self.place(node, scope), pattern, text)

    def _got(self, owner: Value, values: list[Value], node: ast.AST, scope: Scope) -> Value:
        name = values[1].value if isinstance(values[1], Known) else ""
        if values[1].path is not None:
            self.trace.open |= self.trace.answered  # the answer names what is called
        if owner.path is not None and not isinstance(owner, Made):
            return values[2] if len(values) > 2 else unknown(self.place(node, scope), owner)  # noqa: PLR2004 - a default
        return self.attribute(owner, str(name), node, scope)

    def _from_json(self, value: Value, node: ast.AST, scope: Scope) -> Value:
        if value.path is not None and value.given:
            self.demand(value.path, "json")
            raise Raised(ValueError, self.place(node, scope))
        return unknown(self.place(node, scope), value)


def _says_answer(value: Value) -> bool:
    """Tell whether it is a text that is made of the answer."""
    return isinstance(value, Unknown) and value.is_text and any(kind == "answer" for kind, _ in value.atoms)


def _joined(left: Value, right: Value) -> Value:
    """Append messages to others, as https://reference.langchain.com/python/langgraph/graph/message does."""
    new = right.items if isinstance(right, Listed) and right.before is None else [right]
    if isinstance(left, Listed):
        return Listed([*left.items, *new], before=left.before)
    return Listed(list(new), before=left)


def _copied(value: Value) -> Value:
    match value:
        case Mapped():
            return Mapped(dict(value.fields), value.rest, path=value.path, given=value.given)
        case Listed():
            return Listed(list(value.items), value.kind, value.before, path=value.path, given=value.given)
    return value
