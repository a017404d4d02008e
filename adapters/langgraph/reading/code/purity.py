"""Lists the calls without an effect: those of Python and of libraries that only compute.

Every other call counts as an effect, a request to a model too. A harmless call taken for an effect leaves a convention
unknown; the other way round an action would be overlooked.
"""

import inspect
from enum import Enum

from adapters.langgraph.reading.code.values import Known, Made, Value

# fmt: off
_PURE_MODULES = frozenset({
    "json", "re", "datetime", "time", "uuid", "math", "random", "copy", "textwrap", "itertools", "functools",
    "collections", "typing", "enum", "dataclasses", "decimal", "string", "hashlib", "inspect", "logging",
    "operator", "types", "abc", "statistics", "langgraph", "langchain_core", "pydantic", "structlog",
    "typing_extensions", "zoneinfo", "calendar", "html", "traceback", "warnings", "contextvars", "_operator",
    "_json", "_collections", "_functools", "posixpath", "langsmith", "pprint", "difflib", "fractions", "numbers",
    "unicodedata", "base64",
})
_PURE_BUILTINS = frozenset({
    "abs", "all", "any", "ascii", "bin", "bool", "bytes", "callable", "chr", "dict", "dir", "divmod", "enumerate",
    "filter", "float", "format", "frozenset", "getattr", "hasattr", "hash", "hex", "id", "int", "isinstance",
    "issubclass", "iter", "len", "list", "map", "max", "min", "next", "oct", "ord", "pow", "print", "range", "repr",
    "reversed", "round", "set", "slice", "sorted", "str", "sum", "super", "tuple", "type", "vars", "zip",
})
READING = frozenset({
    "get", "items", "keys", "values", "lower", "upper", "strip", "lstrip", "rstrip", "title", "capitalize",
    "casefold", "split", "rsplit", "splitlines", "join", "format", "startswith", "endswith", "replace", "copy",
    "index", "count", "isdigit", "isnumeric", "isalpha", "isalnum", "find", "rfind", "removeprefix", "removesuffix",
    "model_dump", "model_dump_json", "model_copy", "dict", "json", "isoformat", "strftime", "total_seconds",
    "zfill", "ljust", "rjust", "encode", "decode", "pretty_repr", "pretty_print", "union", "intersection",
    "difference", "partition", "rpartition", "fullmatch", "match", "search", "group", "groups", "result", "date",
    "time", "timestamp", "bind", "swapcase", "center", "expandtabs",
})
# fmt: on


def is_pure(owner: Value, name: str) -> bool:
    """Tell whether a call does nothing to the world, as far as that is known of Python and of libraries."""
    held = owner.value if isinstance(owner, Known) else None
    if isinstance(owner, Made):
        held = owner.cls
    if isinstance(held, Enum):
        return True
    module = (getattr(held, "__module__", "") or getattr(held, "__name__", "") or "").split(".")[0]
    if module == "builtins" or inspect.isbuiltin(held):
        return name in _PURE_BUILTINS or name in READING or module in _PURE_MODULES
    if name in ("invoke", "ainvoke", "stream", "astream", "batch", "abatch"):
        return False
    return module in _PURE_MODULES
