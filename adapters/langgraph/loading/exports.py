"""Finds the graph that `graph:` in `app.yaml` names, in any form in which it can be exported.

A spec is `path.py:attribute`, beside `app.yaml`, or `module:attribute`. The attribute is a compiled graph, a StateGraph
builder, a workflow of `@entrypoint`, or a factory of one: see `factories`.
LangGraph CLI reads the same forms: https://docs.langchain.com/langsmith/application-structure

`check_spec` checks the path without importing anything: LangGraph takes most of a second to import, and a wrong path
should be reported at once. A graph gets our checkpointer. If it brought its own, `Loaded.warnings` says that it is
replaced: its threads would be stored apart from everything else.
"""

import hashlib
import importlib
import importlib.util
import os
import socket
import sys
import sysconfig
import traceback
from collections.abc import Iterable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from adapters.langgraph.loading import one_module
from adapters.langgraph.loading.factories import FactoryError, RunInput, call_factory

_NO_RUN = RunInput()


class LoadError(Exception):
    """The graph cannot be used; the message names the spec, the problem and how to fix it, in one sentence.

    `key` is the key of the agent's entry in `app.yaml` that is wrong, `agent` the agent, once that is known.
    """

    def __init__(self, message: str, key: str = "graph") -> None:
        super().__init__(message)
        self.key = key
        self.agent = ""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A compiled graph with our checkpointer. `warnings` are sentences for the operator."""

    graph: Any
    warnings: tuple[str, ...] = ()


def check_spec(spec: str, base: Path) -> tuple[Path | str, str]:
    """Split a spec into its file or module and the attribute. `base` is the folder of `app.yaml`.

    Raises LoadError if the spec is malformed or its file is missing; imports nothing.
    """
    where, colon, attribute = spec.rpartition(":")
    if not colon or not where or not attribute.isidentifier():
        raise LoadError(f"graph: {spec!r} is not of the form path.py:name or module:name.")
    if not where.endswith(".py") and "/" not in where:
        return where, attribute
    file = base / where
    if not file.is_file():
        raise LoadError(f"graph: {spec!r}: there is no file {file}. Paths are read from the folder of app.yaml.")
    return file, attribute


def load(spec: str, base: Path, loaded: set[str] | None = None) -> Any:
    """Import what the spec names: a graph, a builder or a factory.

    `loaded` holds the files that were run for other agents of the same process. Each is run once: a second run would
    make new classes, and the first agent's checkpoints would come back with classes that its graph refuses.
    Raises LoadError if it cannot be imported or has no such attribute.
    """
    where, attribute = check_spec(spec, base)
    if isinstance(where, Path):
        _make_importable(base, where.parent)
        module = _module_of_file(spec, where, set() if loaded is None else loaded)
    else:
        module = _module_by_name(spec, where, base)
    with _as_load_error(spec):  # a module may have its own __getattr__
        try:
            return getattr(module, attribute)
        except AttributeError:
            known = ", ".join(sorted(name for name in vars(module) if not name.startswith("_"))[:20]) or "nothing"
            raise LoadError(f"graph: {spec!r}: there is no {attribute!r} in it. It has: {known}.") from None


def loaded_module(spec: str, base: Path) -> ModuleType:
    """Return the module that `load` imported for a spec."""
    where, _ = check_spec(spec, base)
    return sys.modules[_name_of_file(spec, where) if isinstance(where, Path) else where]


def doubled(spec: str, base: Path, types: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Warn where the file of a graph was run a second time, imported by name, and defines one of its own `types`."""
    module = loaded_module(spec, base)
    file = getattr(module, "__file__", None)  # a module that code made has none
    defined = {kind for where, kind in types if where == module.__name__ and file is not None}
    for name, other in list(sys.modules.items()) if defined else ():
        same = other is not module and getattr(other, "__file__", None) == file
        twice = sorted(each for each in defined if hasattr(other, each)) if same and name not in _MAIN else []
        if twice:
            return (_warning_of_doubled(spec, name, ", ".join(twice)),)
    return ()


def _warning_of_doubled(spec: str, name: str, kinds: str) -> str:
    told = f"so {kinds} exists twice, and an object of one is no instance of the other"
    if name.startswith(_PREFIX):
        return (
            f"graph: {spec!r}: another entry spells the path of this file in another way, {told}. Spell the path in "
            "one way."
        )
    return (
        f"graph: {spec!r}: the project imports this file as {name} too, {told}. Define it in a file that both import. "
        f"Where no thread is stored yet, graph: {name}:{spec.rpartition(':')[2]} does as well."
    )


_MAIN = ("__main__", "__mp_main__")
_PREFIX = "signoff_agent_"


def with_other_names(spec: str, base: Path, types: Iterable[tuple[str, str]]) -> frozenset[tuple[str, str]]:
    """Add the names that types of the graph's file have by the other names of its module: threads may have them."""
    module, known = loaded_module(spec, base), [*types]
    own = [kind for where, kind in known if where == module.__name__]
    return frozenset([*known, *((name, kind) for name in one_module.other_names(module) for kind in own)])


def _name_of_file(spec: str, file: Path) -> str:
    # Made from the path as written: checkpoints name the classes of a state by module, and a process with another
    # checkout must be able to read them.
    mark = hashlib.sha256(spec.rpartition(":")[0].encode()).hexdigest()[:8]
    return f"{_PREFIX}{file.stem}_{mark}"


def _module_of_file(spec: str, file: Path, loaded: set[str]) -> ModuleType:
    name = _name_of_file(spec, file)
    if name in loaded and Path(str(sys.modules[name].__file__)).resolve() == file.resolve():
        return sys.modules[name]
    before = sys.modules.get(name)
    try:
        with _as_load_error(spec):
            module = _run_once(spec, name, file)
    except LoadError:
        sys.modules.pop(name, None)
        if before is not None:
            sys.modules[name] = before
        raise
    loaded.add(name)
    return module


def _run_once(spec: str, name: str, file: Path) -> ModuleType:
    """Run a file, and give its module to all who import the file; if that fails, run it as any other module."""
    known, module = set(sys.modules), _new_module(spec, name, file)
    one_module.give(file, module)
    try:
        _execute(module)
    except BaseException:
        one_module.give_no_more(file)
        if not one_module.was_given(module):
            raise
        _forget_own_modules(set(sys.modules) - known)  # they may hold parts of it
    else:
        return module
    module = _new_module(spec, name, file)
    _execute(module)
    return module


def _new_module(spec: str, name: str, file: Path) -> ModuleType:
    found = importlib.util.spec_from_file_location(name, file)
    if found is None:
        raise LoadError(f"graph: {spec!r}: {file} is not a Python file.")
    sys.modules[name] = module = importlib.util.module_from_spec(found)
    return module


def _execute(module: ModuleType) -> None:
    loader = module.__spec__.loader if module.__spec__ else None
    if loader is None:
        raise AssertionError("a file has a loader")
    loader.exec_module(module)


def _forget_own_modules(names: Iterable[str]) -> None:
    for name in names:
        file = getattr(sys.modules[name], "__file__", None)
        own = file is not None and _is_code(file) and _INSTALLED.isdisjoint(Path(file).parts)
        if own and name.partition(".")[0] not in _OURS:
            del sys.modules[name]


_OURS = frozenset({"adapters", "bot", "engine", "signoff"})
"""Signoff runs from a checkout, too."""


def _module_by_name(spec: str, name: str, base: Path) -> ModuleType:
    _make_importable(base)
    with _as_load_error(spec):
        return importlib.import_module(name)


def _make_importable(*folders: Path) -> None:
    """Let a project's files import from its folders, for good: nodes and factories import while they run.

    Last in the path, as `langgraph dev` has it, so that what is installed is found before a file of the same name.
    """
    sys.path += [each for each in dict.fromkeys(str(folder.resolve()) for folder in folders) if each not in sys.path]
    importlib.invalidate_caches()


@contextmanager
def _as_load_error(spec: str) -> Iterator[None]:
    """Turn any error of the project's code into one sentence with the line in its file."""
    try:
        yield
    except LoadError:
        raise
    except (Exception, SystemExit) as error:
        first = first_of(error)
        raise LoadError(f"graph: {spec!r}: {_file_and_line(first)}{_error_text(first)}.") from error


def first_of(error: BaseException) -> BaseException:
    """Give the error that a task group wraps, the first if there are several."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _file_and_line(error: BaseException) -> str:
    """Name the file and line to look at: of the syntax error, or the innermost line of the project's own code.

    A graph in an installed package has none: then it is the innermost line that is neither Python's nor ours.
    """
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).is_file():
        return f"{error.filename}, line {error.lineno}: "
    frames = [each for each in traceback.extract_tb(error.__traceback__) if _is_code(each.filename)]
    own = [each for each in frames if _INSTALLED.isdisjoint(Path(each.filename).parts)]
    found = (own or frames)[-1:]
    return "".join(f"{each.filename}, line {each.lineno}: " for each in found)


_INSTALLED = frozenset({"site-packages", "dist-packages"})
_NOT_THEIRS = (Path(sysconfig.get_path("stdlib")).resolve(), Path(__file__).resolve())


def _is_code(file: str) -> bool:
    """Tell whether a frame is in a file (not `<frozen os>`) outside the standard library and this module."""
    path = Path(file).resolve()
    if not path.is_file():
        return False
    return not _INSTALLED.isdisjoint(path.parts) or not any(path.is_relative_to(each) for each in _NOT_THEIRS)


def _error_text(error: BaseException) -> str:
    said = str(error.msg if isinstance(error, SyntaxError) else error).strip().splitlines()
    what = f"{type(error).__name__}: {said[0].rstrip('.')}" if said else type(error).__name__
    if isinstance(error, SystemExit):
        return f"it ends the process ({what})"
    if isinstance(error, KeyError) and _is_of_environ(error):
        return f"{what}. This variable of the environment is not set: set it, or write it into the project's env file"
    if isinstance(error, ModuleNotFoundError):
        return f"{what}. {_how_to_install(error)}"
    if isinstance(error, ImportError) and "relative import" in what:
        return f"{what}. Name the module without the dot, or write graph: as package.module:name"
    if any(_is_of_network(each) for each in _chain(error)):
        return f"{what}. This code reaches over the network while it is imported: move it into a factory or a node"
    return what


def _is_of_environ(error: KeyError) -> bool:
    """Tell whether a key was looked for in `os.environ`."""
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and frames[-1].name == "__getitem__" and frames[-1].filename in ("<frozen os>", os.__file__)


def _how_to_install(error: ModuleNotFoundError) -> str:
    """Say what to install: the folder of the project that has the package in its `src`; else the distribution.

    Names the environment: a newcomer's other packages are often in another one.
    """
    package = (error.name or "").partition(".")[0]
    if (folder := _folder_with(package, error)) is not None:
        if _is_distribution(folder):
            return f"It is a package of this project: run `pip install -e .` in {folder}, with {sys.executable}"
        return f"It is in {folder / 'src'}: name that folder among the dependencies of langgraph.json"
    name = _DISTRIBUTIONS.get(package, package.replace("_", "-"))
    return (
        f"Install its package into Signoff's environment ({sys.prefix}), or correct the import: "
        f"`{sys.executable} -m pip install {name}`"
    )


def _folder_with(package: str, error: BaseException) -> Path | None:
    """Find the folder whose `src` has a package: above the file that imports it, or among the project's folders."""
    files = [Path(each.filename) for each in traceback.extract_tb(error.__traceback__) if _is_code(each.filename)]
    above = next((each for each in (files[-1].parents if files else ()) if _is_distribution(each)), None)
    importable = [Path(each) for each in sys.path if _INSTALLED.isdisjoint(Path(each).parts)]
    folders = [above, *importable] if above is not None else importable
    names = (package, f"{package}.py")
    return next((each for each in folders if package and any((each / "src" / name).exists() for name in names)), None)


def _is_distribution(folder: Path) -> bool:
    return any((folder / each).is_file() for each in ("pyproject.toml", "setup.py"))


_DISTRIBUTIONS = {
    "bs4": "beautifulsoup4", "cv2": "opencv-python", "dateutil": "python-dateutil", "dotenv": "python-dotenv",
    "fitz": "pymupdf", "git": "gitpython", "github": "PyGithub", "google": "google-genai", "jose": "python-jose",
    "jwt": "PyJWT", "PIL": "pillow", "psycopg2": "psycopg2-binary", "sklearn": "scikit-learn", "slack": "slackclient",
    "tavily": "tavily-python", "yaml": "PyYAML",
}  # fmt: skip
"""Modules whose distribution has another name."""

_OF_NETWORK = frozenset(
    {"APIConnectionError", "ClientConnectorError", "ConnectError", "ConnectTimeout", "MaxRetryError", "URLError"}
)


def _is_of_network(error: BaseException) -> bool:
    return isinstance(error, ConnectionError | socket.gaierror) or type(error).__name__ in _OF_NETWORK


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


async def open_graph(
    spec: str, exported: Any, saver: Any, stack: AsyncExitStack, store: Any = None, run: RunInput = _NO_RUN
) -> Loaded:
    """Make a graph that is ready to run. A factory that is a context manager is entered on `stack`.

    `store` is LangGraph's BaseStore for a graph that was compiled without one; `run` is given to a factory.

    Raises LoadError if it is no graph, if its factory raises, or if it cannot have a checkpointer.
    """
    if not is_factory(exported):
        return _with_checkpointer(spec, exported, saver, store)
    with _as_load_error(spec):
        try:
            made = await call_factory(exported, store, stack, run)
        except FactoryError as error:
            raise LoadError(f"graph: {spec!r}: {error}.") from None
    return _with_checkpointer(spec, made, saver, store)


def is_factory(exported: Any) -> bool:
    """Tell whether an export is called to make the graph."""
    return callable(exported) and not _is_graph(exported)


def _is_graph(value: Any) -> bool:
    from langgraph.graph import StateGraph  # noqa: PLC0415 - late: see the module's docstring
    from langgraph.pregel import Pregel  # noqa: PLC0415

    return isinstance(value, StateGraph | Pregel)


def _with_checkpointer(spec: str, made: Any, saver: Any, store: Any) -> Loaded:
    from langgraph.graph import StateGraph  # noqa: PLC0415 - late: see the module's docstring
    from langgraph.pregel import Pregel  # noqa: PLC0415

    if isinstance(made, StateGraph):
        with _as_load_error(spec):
            return Loaded(made.compile(checkpointer=saver, store=store))
    if isinstance(made, Pregel):
        own = made.checkpointer not in (None, True)
        replaced = (
            f"graph: {spec!r} is compiled with a checkpointer of its own. Signoff uses its own instead: leave "
            "checkpointer= out of compile()."
        )
        graph = made.copy(update={"checkpointer": saver, "store": store if made.store is None else made.store})
        return Loaded(graph, (replaced,) if own else ())
    if hasattr(made, "ainvoke"):
        raise LoadError(
            f"graph: {spec!r} is of type {type(made).__name__}, which can hold no checkpointer, so it could not wait "
            "for an answer. Export the graph itself."
        )
    raise LoadError(
        f"graph: {spec!r} is of type {type(made).__name__}, not a graph. Export a compiled graph, a StateGraph, or a "
        "function that returns one."
    )
