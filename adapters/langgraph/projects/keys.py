"""Tells whether the project's own code reads a key that must be there, such as `state["owner"]`.

A TypedDict requires nothing at run time: a key of it is needed only where code subscripts it. The modules that are
imported are searched as text, so that code that a graph reaches by any way counts: tools, middleware, helpers.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from adapters.langgraph.fingerprint import is_library

_HERE = Path(__file__).resolve().parents[3]
_OURS = tuple(str(_HERE / each) for each in ("adapters", "bot", "engine", "signoff"))


def is_subscripted(key: str) -> bool:
    """Tell whether a module of the project reads `x["key"]`; a comment that says so counts as well."""
    read = re.compile(rf"""\[\s*(["']){re.escape(key)}\1\s*\](?!\s*=[^=])""")
    return any(read.search(text) for text in _texts())


def _texts() -> Iterator[str]:
    files = {getattr(each, "__file__", None) or "" for each in [*sys.modules.values()]}
    for file in sorted(files):
        if file.endswith(".py") and not is_library(file) and not file.startswith(_OURS):
            try:
                yield Path(file).read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue
