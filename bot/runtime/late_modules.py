"""Packages of others whose import a start can spare: their code runs when somebody first looks into them.

LangChain imports LangSmith's client, and that client the models of its whole API: some 150 classes of pydantic, a
fifteenth of a start, for a service that most bots never call. One constant beside them is all that the import needs.
"""

import sys
import threading
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any

SPARED = ("langsmith.types",)
"""Packages that define names and do nothing else: when that happens makes no difference."""
_running = threading.RLock()


class _Late(ModuleType):
    """A package whose submodules can be imported. Its own code runs when a name in it is first wanted."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__all__":  # what only looks at modules does not want their names
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        with _running:  # a second thread waits until all names are there
            state = vars(self)
            if name not in state and state.pop("_is_late", False):
                spec = self.__spec__
                if spec is None or spec.loader is None:
                    raise AssertionError("it was found by its spec")
                spec.loader.exec_module(self)
            if name in state:
                return state[name]
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")


def spare() -> None:
    """Let these packages come late, as far as they are there and not imported."""
    for name in SPARED:
        if name in sys.modules or not (spec := _found(name)):
            continue
        late: ModuleType = module_from_spec(spec)
        late.__class__ = _Late
        vars(late)["_is_late"] = True
        sys.modules[name] = late
        around, _, own = name.rpartition(".")
        setattr(sys.modules[around], own, late)


def _found(name: str) -> Any:
    try:
        return find_spec(name)
    except ModuleNotFoundError:  # the package around it
        return None
