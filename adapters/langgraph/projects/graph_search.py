"""Finds graphs in the Python files of a project that has no langgraph.json, and the variables that its files read.

The files are parsed, not run: each candidate is proven by loading it. A builder that the same file compiles, a factory
that it calls and a graph that is a node of another are parts of another candidate, so they are none.
"""

import ast
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_SKIPPED = frozenset(
    {"tests", "test", "node_modules", "site-packages", "dist-packages", "build", "dist", "venv", "env"}
)
_MOST_FILES = 5000
_LIBRARIES = ("langgraph", "langchain", "deepagents")
_BUILDERS = frozenset({"StateGraph", "MessageGraph"})
_MAKERS = frozenset({"create_agent", "create_react_agent", "create_deep_agent", "async_create_deep_agent"})
_COMPILED = frozenset({"CompiledStateGraph", "CompiledGraph", "StateGraph", "Pregel"})
_FACTORY = re.compile(r"(make|build|create|get|compile)_(\w+_)?(graph|agent|workflow|app)|graph|agent|workflow")
_OF_INSTANCE = re.compile(rf"{_FACTORY.pattern}|app|build|compile|compiled(_graph)?")
_GENERAL = frozenset(
    {"graph", "agent", "app", "workflow", "builder", "main", "index", "__init__", "src", "agents", "graphs"}
    | {
        f"{verb}_{noun}"
        for verb in ("make", "build", "create", "get")
        for noun in ("graph", "agent", "workflow", "app")
    }
)
_MOST_ARGUMENTS = 2
"""Of a factory: the config and the runtime."""
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A name of a module that may be a graph. `spec` is relative to the project's folder."""

    name: str
    spec: str


def python_files(folder: Path) -> Iterator[Path]:
    """The project's own Python files, in order; no tests, no environments, nothing hidden, nothing built."""
    count = 0
    for here, folders, files in os.walk(folder):
        at = Path(here)
        folders[:] = sorted(each for each in folders if _is_own(at / each))
        for name in sorted(files):
            if name.endswith(".py") and not name.startswith(("test_", ".")) and not name.endswith("_test.py"):
                count += 1
                if count > _MOST_FILES:
                    return
                yield at / name


def _is_own(folder: Path) -> bool:
    name = folder.name
    if name.startswith((".", "__pycache__")) or name in _SKIPPED or name.endswith(".egg-info"):
        return False
    return not os.path.exists(folder / "pyvenv.cfg")  # noqa: PTH110 - Path.exists raises where a folder is unreadable


def candidates(folder: Path) -> Sequence[Candidate]:
    """The graphs that a project's files seem to have, in the order of the files."""
    found: list[tuple[str, Path]] = []
    for file in python_files(folder):
        tree = _parsed(file)
        if tree is not None and _imports_langgraph(tree):
            found += [(name, file) for name in _Module(tree).graphs()]
    return [
        Candidate(_named(name, file.relative_to(folder), found), f"./{file.relative_to(folder).as_posix()}:{name}")
        for name, file in found
    ]


def _named(name: str, file: Path, found: Sequence[tuple[str, Path]]) -> str:
    """The name of the agent: the variable's if it says something and no other file has it, else the file's."""
    alone = sum(other == name for other, _ in found) == 1
    if alone and name.lower() not in _GENERAL:
        return name
    parts = [*file.with_suffix("").parts]
    telling = [each for each in reversed(parts) if each.lower() not in _GENERAL]
    several = sum(other == file for _, other in found) > 1
    stem = telling[0] if telling else name if len(found) == 1 or not alone else parts[-1]
    return f"{stem}-{name}" if several and stem != name else stem


def _parsed(file: Path) -> ast.Module | None:
    try:
        return ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return None


def _imports_langgraph(tree: ast.Module) -> bool:
    names = [each.module or "" for each in ast.walk(tree) if isinstance(each, ast.ImportFrom) and not each.level]
    names += [alias.name for each in ast.walk(tree) if isinstance(each, ast.Import) for alias in each.names]
    return any(name.split(".")[0].startswith(_LIBRARIES) for name in names)


class _Module:
    """The names of one module that may be graphs."""

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.functions = {
            each.name: each for each in tree.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        self.makers = {name for name, each in self.functions.items() if _makes_graph(each)}
        self.classes = {each.name for each in tree.body if isinstance(each, ast.ClassDef) and _builds(each)}
        self.instances = {name for name, value in _assignments(tree.body) if _called(value) in self.classes}

    def graphs(self) -> list[str]:
        found: dict[str, None] = {}
        for name, value in _assignments(self.tree.body):
            if not name.startswith("_") and self._is_graph(value):
                found[name] = None
        entrypoints = [name for name, each in self.functions.items() if _is_entrypoint(each)]
        found |= dict.fromkeys(each for each in entrypoints if not each.startswith("_"))
        used = self._parts(found)
        own = [each for each in found if each not in used] or [*found]
        made_here = {_called(value) for _, value in _assignments(self.tree.body)}
        inner = {
            _called(each) for top in self.functions.values() for each in ast.walk(top) if isinstance(each, ast.Call)
        }
        factories = [each for each in self.functions if each in self.makers - made_here - inner and each not in own]
        return [*own, *(each for each in factories if not each.startswith("_"))]

    def _is_graph(self, value: ast.expr) -> bool:
        if self._is_of_instance(value):
            return True
        if not isinstance(value, ast.Call):
            return False
        if isinstance(value.func, ast.Attribute) and value.func.attr in ("compile", "with_config"):
            base = value.func.value
            return not (isinstance(base, ast.Name) and base.id in ("re", "regex", "jinja2", "sqlite3"))
        name = _called(value)
        return name in _BUILDERS | _MAKERS | self.makers or _called(_innermost(value)) in _BUILDERS

    def _is_of_instance(self, value: ast.expr) -> bool:
        """Tell whether this is `Desk(model).graph` or `desk.build()`, where the class builds a graph."""
        part = value.func if isinstance(value, ast.Call) else value
        if not isinstance(part, ast.Attribute) or not _OF_INSTANCE.fullmatch(part.attr):
            return False
        owner = part.value
        return _called(owner) in self.classes or (isinstance(owner, ast.Name) and owner.id in self.instances)

    def _parts(self, found: dict[str, None]) -> set[str]:
        """The names that are parts of another graph: builders that are compiled, graphs that are nodes."""
        used: set[str] = set()
        for each in (node for node in ast.walk(self.tree) if isinstance(node, ast.Call)):
            func = each.func
            if isinstance(func, ast.Attribute) and func.attr in ("compile", "with_config"):
                used |= {name.id for name in [_root(func.value)] if isinstance(name, ast.Name)}
            if isinstance(func, ast.Attribute) and func.attr == "add_node":
                used |= {arg.id for arg in each.args if isinstance(arg, ast.Name)}
        return used & found.keys()


def _assignments(body: Sequence[ast.stmt]) -> Iterator[tuple[str, ast.expr]]:
    for each in body:
        if isinstance(each, ast.Try | ast.With | ast.AsyncWith):
            yield from _assignments(each.body)
        targets = (
            each.targets if isinstance(each, ast.Assign) else [each.target] if isinstance(each, ast.AnnAssign) else []
        )
        value = getattr(each, "value", None)
        for target in targets:
            if isinstance(target, ast.Name) and isinstance(value, ast.expr):
                yield target.id, value


def _called(value: ast.AST | None) -> str:
    if isinstance(value, ast.Await):
        value = value.value
    if not isinstance(value, ast.Call):
        return ""
    func = value.func.value if isinstance(value.func, ast.Subscript) else value.func
    return func.id if isinstance(func, ast.Name) else func.attr if isinstance(func, ast.Attribute) else ""


def _innermost(value: ast.expr) -> ast.expr:
    """The first call of a chain: `StateGraph(S)` of `StateGraph(S).add_node(...).compile()`."""
    while (
        isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and isinstance(value.func.value, ast.Call)
    ):
        value = value.func.value
    return value


def _root(value: ast.expr) -> ast.expr:
    while isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
        value = value.func.value
    return value


def _builds(defined: ast.ClassDef) -> bool:
    """Tell whether a class builds a graph."""
    calls = {_called(each) for each in ast.walk(defined) if isinstance(each, ast.Call)}
    return bool(calls & (_BUILDERS | _MAKERS))


def _is_entrypoint(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    names = [each.func if isinstance(each, ast.Call) else each for each in function.decorator_list]
    return any(getattr(each, "id", getattr(each, "attr", "")) == "entrypoint" for each in names)


def _makes_graph(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Tell whether a function is a factory: by what it is said to return, else by its name and what it calls."""
    if _is_entrypoint(function):
        return False
    returns = function.returns
    if returns is not None and {each.id for each in ast.walk(returns) if isinstance(each, ast.Name)} & _COMPILED:
        return _takes_few_arguments(function)
    if isinstance(returns, ast.Constant) and any(each in str(returns.value) for each in _COMPILED):
        return _takes_few_arguments(function)
    calls = {_called(each) for each in ast.walk(function) if isinstance(each, ast.Call)}
    return bool(
        _FACTORY.fullmatch(function.name)
        and calls & (_BUILDERS | _MAKERS | {"compile"})
        and _takes_few_arguments(function)
    )


def _takes_few_arguments(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    arguments = function.args
    needed = len(arguments.posonlyargs) + len(arguments.args) - len(arguments.defaults)
    needed += sum(each is None for each in arguments.kw_defaults)
    return needed <= _MOST_ARGUMENTS and not _is_property_like(function)


def _is_property_like(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    names = {getattr(each.func if isinstance(each, ast.Call) else each, "id", "") for each in function.decorator_list}
    return bool(names & {"tool", "task", "property"})


# Variables ------------------------------------------------------------------------------------------------------------


def variables(folder: Path) -> Sequence[str]:
    """The names of the environment variables that a project's files read, in alphabetical order."""
    found: set[str] = set()
    for file in python_files(folder):
        tree = _parsed(file)
        for each in ast.walk(tree) if tree is not None else ():
            found |= set(_variable(each))
    return sorted(found)


def _variable(node: ast.AST) -> Iterator[str]:
    key: ast.expr | None = None
    if isinstance(node, ast.Subscript) and _is_environ(node.value):
        key = node.slice
    elif isinstance(node, ast.Call) and node.args:
        func = node.func
        reads = (
            isinstance(func, ast.Attribute) and func.attr in ("get", "pop", "setdefault") and _is_environ(func.value)
        )
        named = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
        key = node.args[0] if reads or named in ("getenv", "secret_from_env") else None
    if isinstance(key, ast.Constant) and isinstance(key.value, str) and _VARIABLE.fullmatch(key.value):
        yield key.value


def _is_environ(value: ast.expr) -> bool:
    return (isinstance(value, ast.Name) and value.id == "environ") or (
        isinstance(value, ast.Attribute) and value.attr == "environ"
    )
