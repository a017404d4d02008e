"""Finds modules of the user's that a graph imports under the name of a package of Signoff.

Ours are imported already, so the graph would get ours; and checkpoints name the classes of a state by module, so two
packages of one name cannot share a process. This follows the import statements from each graph's file through the
project's own files, those in functions too, and imports nothing. A package that nothing imports is no problem.
"""

import ast
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.config.problems import ConfigProblem
from bot.config.settings import Config

OUR_PACKAGES = ("bot", "engine", "adapters")
_OURS = Path(__file__).resolve().parents[2]
_INSTALLED = frozenset({"site-packages", "dist-packages"})


def clashes(config: Config) -> Iterator[ConfigProblem]:
    """A problem for each module that a graph imports under a name of ours, with the line that imports it."""
    folders = config.project.folders if config.project is not None else ()
    specs = [agent.graph for agent in config.agents.values() if agent.graph is not None]
    return clashing(specs, config.base, folders)


def clashing(specs: Iterable[str], base: Path, folders: Iterable[Path] = ()) -> Iterator[ConfigProblem]:
    """The same for specs of graphs: `base` is the folder that they start from, `folders` those of the project."""
    own = [each.resolve() for each in (base, *folders)]
    search = _Search(own, [each for each in _of_path() if each not in own])  # a project's may be in the path already
    for spec in specs:
        search.follow(spec, base)
    for name, (found, where) in search.clashes.items():
        what = f"imports {name}, which is a package of Signoff too, so it would not get {found}"
        yield ConfigProblem(where, what, f"Rename yours, such as my_{name}, here and where else it is imported.")


def _of_path() -> Iterator[Path]:
    """The folders of projects in the path, such as those that `pip install -e` adds."""
    standard = Path(sysconfig.get_path("stdlib")).resolve()
    for folder in (Path(each).resolve() for each in sys.path):
        if not _is_installed(folder) and not folder.is_relative_to(standard):
            yield folder


def _is_installed(folder: Path) -> bool:
    """True for a folder that pip installs packages into, also by `--target`: reading them all would take a minute."""
    return not _INSTALLED.isdisjoint(folder.parts) or any(folder.glob("*.dist-info"))


@dataclass(slots=True)
class _Search:
    """Follows imports. `clashes` has the user's module and the line that imports it first, by our package's name."""

    folders: Sequence[Path]
    path: Sequence[Path]
    """Other folders in the path, where a folder without `__init__.py` says little: ours would be found before it."""
    clashes: dict[str, tuple[Path, str]] = field(default_factory=dict)
    _waiting: list[Path] = field(default_factory=list)
    _seen: set[Path] = field(default_factory=set)

    def follow(self, spec: str, base: Path) -> None:
        """Follow the imports of a graph's file, or of its module."""
        where = spec.rpartition(":")[0]
        if where.endswith(".py") or "/" in where:
            roots = self._roots(base / where)
            self._add(base / where)
        else:
            roots = self._roots(None)
            self._absolute(where, roots, f"graph: {spec}")
        while self._waiting:
            self._read(self._waiting.pop(), roots)

    def _roots(self, file: Path | None) -> list[Path]:
        own = [file.parent] if file is not None else []
        return [
            each
            for each in dict.fromkeys(each.resolve() for each in (*self.folders, *own, *self.path))
            if each != _OURS
        ]

    def _read(self, file: Path, roots: list[Path]) -> None:
        try:
            tree = ast.parse(file.read_bytes())
        except (OSError, SyntaxError, ValueError, RecursionError):  # the import says it with its line
            return
        for node in _executed(tree):
            at = f"{file}:{getattr(node, 'lineno', 1)}"
            match node:
                case ast.Import():
                    for each in node.names:
                        self._absolute(each.name, roots, at)
                case ast.ImportFrom(level=0, module=str(module)):
                    for each in node.names:
                        self._absolute(module, roots, at, each.name)
                case ast.ImportFrom():
                    self._relative(node, file)
                case ast.Call(args=[ast.Constant(value=str(module)), *_]) if _imports(node.func):
                    self._absolute(module, roots, at)

    def _absolute(self, module: str, roots: list[Path], at: str, name: str = "") -> None:
        parts = module.split(".")
        for root in roots:
            if _module(root.joinpath(*parts)) is None or self._is_hidden(root, parts[0]):
                continue
            if parts[0] in OUR_PACKAGES:
                if not (_is_ours(parts, name) and _module(root.joinpath(*parts, name)) is None):
                    self.clashes.setdefault(parts[0], (root.joinpath(*parts), at))
                return
            for end in range(1, len(parts) + 1):
                self._add(root.joinpath(*parts[:end]))
            self._add(root.joinpath(*parts, name))
            return

    def _is_hidden(self, root: Path, name: str) -> bool:
        is_loose = not any(each.is_file() for each in (root / name / "__init__.py", root / f"{name}.py"))
        return name in OUR_PACKAGES and is_loose and root in self.path

    def _relative(self, node: ast.ImportFrom, file: Path) -> None:
        folder = file.parents[min(node.level, len(file.parents)) - 1]
        target = folder.joinpath(*(node.module or "").split("."))
        self._add(target)
        for each in node.names:
            self._add(target / each.name)

    def _add(self, path: Path) -> None:
        found = path if path.suffix == ".py" else _module(path)
        if found is None or found.is_dir():
            return
        file = found.resolve()
        if file not in self._seen:
            self._seen.add(file)
            self._waiting.append(file)


def _module(path: Path) -> Path | None:
    """The file of a module or package; the folder of a package that has no `__init__.py`."""
    for file in (path / "__init__.py", path.with_name(f"{path.name}.py")):
        if file.is_file():
            return file
    return path if any(path.glob("*.py")) or any(path.glob("*/*.py")) else None


def _is_ours(parts: list[str], name: str) -> bool:
    """Tell whether `from adapters import redis` means a module of ours."""
    return bool(name) and _module(_OURS.joinpath(*parts, name)) is not None


def _executed(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those that only type checkers see."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test).rpartition(".")[2] == "TYPE_CHECKING":
            for each in node.orelse:
                yield each
                yield from _executed(each)
            continue
        yield node
        yield from _executed(node)


def _imports(function: ast.expr) -> bool:
    return ast.unparse(function) in ("importlib.import_module", "import_module", "__import__")
