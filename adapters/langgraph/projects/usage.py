"""Reads what the nodes of a graph do with its state: the fields that they read, need and write.

The code is read, not run. A node that passes its state on as a whole, or whose source is not there, is not known:
`Usage.known` is False then, and what it reads is not said to be unused.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import FunctionType, MethodType
from typing import Any

from adapters.langgraph.reading.code.sources import Node, source_of

_DEEPEST = 3
_START, _END = "__start__", "__end__"


@dataclass(frozen=True, slots=True)
class Usage:
    """The fields of a state that code reads (perhaps), needs (it fails without them) and writes.

    `first` is needed by nodes that the input reaches before another node wrote; `last` is written by nodes before the
    end. `sometimes` is needed on some ways through the code only. `known` is False if it may read or write more.
    """

    reads: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()
    writes: tuple[str, ...] = ()
    first: frozenset[str] = frozenset()
    last: tuple[str, ...] = ()
    known: bool = True
    sometimes: frozenset[str] = frozenset()

    def plus(self, other: "Usage") -> "Usage":
        """Return what both do."""
        return Usage(
            self.reads | other.reads,
            self.needs | other.needs,
            (*dict.fromkeys((*self.writes, *other.writes)),),
            self.first | other.first,
            (*dict.fromkeys((*self.last, *other.last)),),
            self.known and other.known,
            self.sometimes | other.sometimes,
        )

    @property
    def wanted(self) -> "Usage":
        """Return the same, where all that is needed sometimes is needed."""
        return replace(self, needs=self.needs | self.sometimes, sometimes=frozenset())


def usage_of(graph: Any) -> Usage:
    """Read the usage of a graph's state.

    What is needed sometimes is needed if all that writes is known: else another step may write it before, such as a
    tool. Behind a breakpoint people may write it.
    """
    builder = getattr(graph, "builder", None)
    if builder is None:
        return Usage(known=False)
    last = {start for start, end in builder.edges if end == _END}
    going_on = {start for start, _ in builder.edges} | builder.branches.keys()
    last |= {name for name, each in builder.nodes.items() if not each.ends} - going_on
    last |= {name for name, each in builder.branches.items() if any(_ends(branch) for branch in each.values())}
    nodes = {name: _of_runnable(spec.runnable) for name, spec in builder.nodes.items()}
    known = all(each.known for each in nodes.values())
    sent = _sent_to(builder)
    found, alone = Usage(), {}
    for name, spec in builder.nodes.items():
        used = nodes[name].wanted if known else nodes[name]
        used = replace(used, needs=frozenset()) if name in sent else used
        routers = _union(_of_router(each.path) for each in builder.branches.get(name, {}).values())
        alone[name] = used.needs | (routers.needs - frozenset(used.writes))
        used = used.plus(routers)
        ends = used.writes if name in last or _END in (spec.ends or ()) else ()
        found = found.plus(Usage(used.reads, used.needs, used.writes, last=ends, known=used.known))
    found = found.plus(_of_start(builder, alone))
    stops = getattr(graph, "interrupt_before_nodes", ()) or getattr(graph, "interrupt_after_nodes", ())
    return replace(found, needs=found.first) if stops else found


def _sent_to(builder: Any) -> frozenset[str]:
    """List the nodes that get a state of their own, by `Send`, and are reached in no other way."""
    found: set[str] = set()
    for branch in (each for several in builder.branches.values() for each in several.values()):
        function, _ = function_behind(getattr(branch.path, "func", None) or getattr(branch.path, "afunc", None))
        tree = None if function is None else source_of(function)
        if tree is not None and any(isinstance(each, ast.Call) and _name(each) == "Send" for each in ast.walk(tree)):
            found |= builder.nodes.keys() if branch.ends is None else {*branch.ends.values()}
    return frozenset(found - {end for _, end in builder.edges})


def _of_start(builder: Any, needs: Mapping[str, frozenset[str]]) -> Usage:
    """What is needed at once: by each node that the input reaches, and by all of those that it may reach."""
    first = frozenset().union(*(needs.get(end, frozenset()) for start, end in builder.edges if start == _START))
    routers = builder.branches.get(_START, {}).values()
    for each in routers:
        reached = needs if each.ends is None else [end for end in each.ends.values() if end in needs]
        ends = [needs[name] for name in reached]
        first |= frozenset.intersection(*ends) if ends else frozenset()
    used = _union(_of_router(each.path) for each in routers)
    return used.plus(Usage(first=first | used.needs))


def _ends(branch: Any) -> bool:
    return branch.ends is None or _END in branch.ends.values()


def _of_router(path: Any) -> Usage:
    used = _of_runnable(path)
    return Usage(used.reads, used.needs, known=used.known, sometimes=used.sometimes)


def _of_runnable(runnable: Any) -> Usage:
    if hasattr(runnable, "builder"):
        used = usage_of(runnable)
        return Usage(used.reads, used.first, used.writes, known=used.known)
    if (steps := getattr(runnable, "steps", None)) is not None:
        first = _of_runnable(steps[0])
        return Usage(first.reads, first.needs, known=False)
    function = getattr(runnable, "func", None) or getattr(runnable, "afunc", None)
    return _of_function(function) if function is not None else Usage(known=False)


def _union(several: Iterable[Usage]) -> Usage:
    found = Usage()
    for each in several:
        found = found.plus(each)
    return found


def function_behind(callable_: Any) -> tuple[FunctionType | None, int]:
    """Return the function that a callable runs, and the number of its arguments that are bound already."""
    bound = 0
    for _ in range(_DEEPEST):
        if isinstance(callable_, MethodType):
            callable_, bound = callable_.__func__, bound + 1
        elif hasattr(callable_, "func") and not isinstance(callable_, FunctionType):
            bound += len(getattr(callable_, "args", ()))
            callable_ = callable_.func
        elif isinstance(callable_, FunctionType):
            break
        elif not isinstance(callable_, type) and hasattr(type(callable_), "__call__"):  # noqa: B004 - of the class
            callable_ = getattr(callable_, "__call__", None)  # noqa: B004 - bound
        else:
            return None, 0
    return (callable_, bound) if isinstance(callable_, FunctionType) else (None, 0)


def _of_function(callable_: Any, depth: int = 0) -> Usage:
    function, bound = function_behind(callable_)
    tree = None if function is None else source_of(function)
    if function is None or tree is None or depth > _DEEPEST:
        return Usage(known=False)
    names = [each.arg for each in (*tree.args.posonlyargs, *tree.args.args)][bound:]
    if not names:
        return Usage(known=False)
    return _Reader(function, tree, names[0], depth).usage()


class _Reader(ast.NodeVisitor):
    """Reads one function; `state` is the name of its argument."""

    def __init__(self, function: FunctionType, tree: Node, state: str, depth: int) -> None:
        self.function, self.tree, self.state, self.depth = function, tree, state, depth
        self.reads: set[str] = set()
        self.needs: set[str] = set()
        self.sometimes: set[str] = set()
        self.asked: set[str] = set()
        """Fields that the code looks for before it reads them."""
        self.ways = 0
        """Conditions around the code that is being read."""
        self.known = True

    def usage(self) -> Usage:
        """Read it."""
        body = [self.tree.body] if isinstance(self.tree, ast.Lambda) else self.tree.body
        inner = Usage()
        for each in body:
            self.visit(each)
        for call in (each for top in body for each in ast.walk(top) if isinstance(each, ast.Call)):
            inner = inner.plus(self._passed_on(call))
        writes = (*dict.fromkeys(self._written(body)),)
        needs = frozenset(self.needs - self.asked) | inner.needs
        sometimes = (frozenset(self.sometimes - self.asked) | inner.sometimes) - needs
        reads = frozenset(self.reads) | inner.reads | needs | sometimes
        return Usage(reads, needs, writes, known=self.known and inner.known, sometimes=sometimes)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        """`state["field"]`."""
        if self._is_state(node.value) and (name := _text(node.slice)):
            if isinstance(node.ctx, ast.Load):
                (self.sometimes if self.ways else self.needs).add(name)
        elif self._is_state(node.value):
            self.known = False
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        """`if ...: ... else: ...`."""
        self._one_way_or_another(node.test, [*node.body, *node.orelse])

    def visit_IfExp(self, node: ast.IfExp) -> None:
        """`... if ... else ...`."""
        self._one_way_or_another(node.test, [node.body, node.orelse])

    def _one_way_or_another(self, condition: ast.expr, ways: Iterable[ast.AST]) -> None:
        self.visit(condition)
        self.ways += 1
        for each in ways:
            self.visit(each)
        self.ways -= 1

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """`state.field`."""
        if self._is_state(node.value) and isinstance(node.ctx, ast.Load):
            self.reads.add(node.attr)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        """`state.get("field")`."""
        func = node.func
        if isinstance(func, ast.Attribute) and self._is_state(func.value) and func.attr in ("get", "pop", "setdefault"):
            named = set(filter(None, map(_text, node.args[:1])))
            self.asked |= named
            self.reads |= named
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        """`"field" in state`."""
        if (name := _text(node.left)) and any(self._is_state(each) for each in node.comparators):
            self.asked.add(name)
        self.generic_visit(node)

    def _is_state(self, node: ast.AST) -> bool:
        return isinstance(node, ast.Name) and node.id == self.state

    def _passed_on(self, call: ast.Call) -> Usage:
        """Follow the state into functions of the project that get it as their first argument."""
        whole = [each for each in (*call.args, *(key.value for key in call.keywords)) if self._is_state(each)]
        if not whole:
            return Usage()
        target = self.function.__globals__.get(call.func.id) if isinstance(call.func, ast.Name) else None
        if isinstance(target, FunctionType) and call.args and self._is_state(call.args[0]):
            used = _of_function(target, self.depth + 1)
            return Usage(used.reads, used.needs, known=used.known, sometimes=used.sometimes)
        return Usage(known=False)

    def _written(self, body: list[Any]) -> Iterator[str]:
        results = [self.tree.body] if isinstance(self.tree, ast.Lambda) else list(_results(self.tree))
        for each in results:
            yield from self._keys(each, body)

    def _keys(self, value: ast.expr | None, body: list[Any]) -> Iterator[str]:
        match value:
            case ast.Dict():
                yield from filter(None, map(_text, value.keys))
            case ast.Call() if _name(value) in ("Command", "dict"):
                yield from (each.arg for each in value.keywords if each.arg and _name(value) == "dict")
                for each in (key.value for key in value.keywords if key.arg == "update"):
                    yield from self._keys(each, body)
            case ast.Call() if value.keywords and _name(value)[:1].isupper():
                yield from (each.arg for each in value.keywords if each.arg)
            case ast.IfExp():
                yield from self._keys(value.body, body)
                yield from self._keys(value.orelse, body)
            case ast.Name():
                yield from self._of_variable(value.id, body)
            case None | ast.Constant():
                return
            case _:
                self.known = False

    def _of_variable(self, name: str, body: list[Any]) -> Iterator[str]:
        """The keys of a dict that is made before it is returned."""
        found = False
        for each in (node for top in body for node in ast.walk(top)):
            if isinstance(each, ast.Assign | ast.AnnAssign):
                targets = each.targets if isinstance(each, ast.Assign) else [each.target]
                for target in targets:
                    if isinstance(target, ast.Name) and target.id == name and isinstance(each.value, ast.Dict):
                        found = True
                        yield from self._keys(each.value, body)
                    if isinstance(target, ast.Subscript) and _is_named(target.value, name):
                        found = True
                        yield from filter(None, [_text(target.slice)])
        self.known &= found


def results_of(callable_: Any) -> Iterator[ast.expr]:
    """List the values that a function returns, as they are written; none if its source is not there."""
    function, _ = function_behind(callable_)
    tree = None if function is None else source_of(function)
    if tree is not None:
        yield from [tree.body] if isinstance(tree, ast.Lambda) else filter(None, _results(tree))


def _results(tree: ast.AST) -> Iterator[ast.expr | None]:
    """The results of a function, without those of functions inside it."""
    for each in ast.iter_child_nodes(tree):
        if isinstance(each, ast.Return):
            yield each.value
        elif not isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            yield from _results(each)


def fields_read(callable_: Any) -> Usage:
    """Read the usage of a function's first argument."""
    return _of_function(callable_).wanted


def _name(call: ast.Call) -> str:
    func = call.func
    return func.id if isinstance(func, ast.Name) else func.attr if isinstance(func, ast.Attribute) else ""


def _text(node: ast.expr | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _is_named(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name
