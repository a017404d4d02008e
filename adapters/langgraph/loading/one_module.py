"""Gives one module for a graph's file, by whatever name the project imports it.

`graph: agent/graph.py:graph` runs the file under a name made from that path, because checkpoints name classes by
module. A project whose other files say `from agent.graph import State` would run it a second time: then each class
exists twice, and an object of one is no instance of the other. Under `langgraph dev` it is so.

So a finder, first in `sys.meta_path`, knows the files that are loaded, and the one being loaded. Where the other
finders would load such a file under another name (`graph`, `agent.graph`, `src.agent.graph`), it gives the module that
is there. The import system does the rest: it imports the packages above, and sets the module as their attribute. The
module keeps its own name, so checkpoints name its classes as before.

A file that is imported by name while it still runs is given half-filled, as Python does for any circular import. Where
that fails, `exports` runs it again without the finder, as `langgraph dev` does, and warns of the classes.
"""

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType


class _Given(Loader):
    """Loads nothing: the module is there."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module
        self._spec = module.__spec__

    def create_module(self, spec: ModuleSpec) -> ModuleType:  # noqa: ARG002 - the import system's signature
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec  # the import system has put that of the other name there


class _Finder(MetaPathFinder):
    """The modules of the files that are loaded. `given` are those that were imported by another name."""

    def __init__(self) -> None:
        self._modules: dict[str, dict[Path, ModuleType]] = {}
        self.given: set[int] = set()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """See `importlib.abc.MetaPathFinder`; None for every other file."""
        known = self._modules.get(fullname.rpartition(".")[2])
        origin = self._origin(fullname, path, target) if known else None
        module = known.get(Path(origin).resolve()) if known and origin else None
        if module is None:
            return None
        self.given.add(id(module))
        return ModuleSpec(fullname, _Given(module), origin=origin)

    def _origin(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None) -> str | None:
        """Return the file that the other finders would load."""
        others = (each.find_spec(fullname, path, target) for each in sys.meta_path if each is not self)
        return next((found.origin for found in others if found is not None), None)

    def add(self, file: Path, module: ModuleType) -> None:
        self.remove(file)
        self._modules.setdefault(file.stem, {})[file.resolve()] = module
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def remove(self, file: Path) -> None:
        module = self._modules.get(file.stem, {}).pop(file.resolve(), None)
        for name in other_names(module) if module is not None else ():
            del sys.modules[name]


_finder = _Finder()


def give(file: Path, module: ModuleType) -> None:
    """Give this module for every import of its file from now on, in place of an earlier one."""
    _finder.add(file, module)


def give_no_more(file: Path) -> None:
    """Let a file be imported as any other."""
    _finder.remove(file)


def was_given(module: ModuleType) -> bool:
    """Tell whether a module was imported by another name, maybe while it was half-filled."""
    return id(module) in _finder.given


def other_names(module: ModuleType) -> Sequence[str]:
    """List the names besides its own by which a module is imported."""
    return [name for name, each in list(sys.modules.items()) if each is module and name != module.__name__]
