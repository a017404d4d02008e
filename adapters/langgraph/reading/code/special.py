"""Reads the methods of the project's classes that Python calls by itself: `__bool__` for a test, `__exit__`.

If a class defines none, Python's own rule holds, and nothing is called.
"""

from enum import Enum
from types import FunctionType
from typing import Any

from adapters.langgraph.reading.code.run import Run
from adapters.langgraph.reading.code.sources import source_of
from adapters.langgraph.reading.code.values import Known, Made, Value


class SpecialMethodReader(Run):
    """Reads the methods that Python calls by itself."""

    def call_function(self, function: Any, values: list[Value], named: dict[str, Value]) -> Value:
        """Call live code; see `CallReader`."""
        raise NotImplementedError

    def special(self, owner: Value, name: str, *values: Value) -> Value | None:
        """Call `owner.__name__(*values)`; None if the project's code has no such method."""
        function = own_method(class_of(owner), name)
        return None if function is None else self.call_function(function, [owner, *values], {})


def class_of(value: Value) -> type | None:
    """Return the class of an object that the code made, or that lives."""
    if isinstance(value, Made):
        return value.cls if isinstance(value.cls, type) else None
    if isinstance(value, Known) and value.path is None and not isinstance(value.value, type | FunctionType):
        return type(value.value)
    if isinstance(value, Known) and isinstance(value.value, Enum):
        return type(value.value)
    return None


def own_method(kind: type | None, name: str) -> FunctionType | None:
    """Return a class's method if it is written in the project."""
    for each in kind.__mro__ if kind is not None else ():
        if name in vars(each):
            held = vars(each)[name]
            return held if isinstance(held, FunctionType) and source_of(held) is not None else None
    return None
