"""Tells whether the project's own code reads a key that must be there, such as `state["owner"]`.

A TypedDict requires nothing at run time: a key of it is needed only where code subscripts it. The modules that are
imported from the folder of its own module are searched as text, so that code that a graph reaches by any way counts:
tools, middleware, helpers.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from adapters.langgraph.fingerprint import is_library

_HERE = Path(__file__).resolve().parents[3]
_OURS = tuple(str(_HERE / each) for each in ("adapters", "bot", "engine", "signoff"))


def is_subscripted(key: str, schema: Any) -> bool:
    """Tell whether a module of the schema's project reads `x["key"]`; a comment that says so counts as well."""
    read = re.compile(rf"""\[\s*(["']){re.escape(key)}\1\s*\](?!\s*=[^=])""")
    return any(read.search(text) for text in _texts(_folder(schema)))


def _folder(schema: Any) -> Path:
    """The widest folder of the import path that holds the schema's module; the root where it has no file."""
    file = getattr(sys.modules.get(getattr(schema, "__module__", "")), "__file__", None)
    if file is None:
        return Path("/")
    path = Path(file).absolute()
    holding = [each for each in (Path(entry).absolute() for entry in sys.path) if path.is_relative_to(each)]
    return min(holding, key=lambda each: len(each.parts), default=path.parent)


def _texts(folder: Path) -> Iterator[str]:
    files = {getattr(each, "__file__", None) or "" for each in [*sys.modules.values()]}
    for file in sorted(each for each in files if each.endswith(".py") and Path(each).is_relative_to(folder)):
        if not is_library(file) and not file.startswith(_OURS):
            try:
                yield Path(file).read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue
