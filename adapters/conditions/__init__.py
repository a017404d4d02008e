"""Conditions of rules in CEL, the Common Expression Language (https://cel.dev), by Google's library.

The library comes with the extra `rules`. It returns most failures as a value that is
true in Python, reads a text only up to its first NUL, crashes on a deeply nested list, and holds the interpreter's lock
while it evaluates. So `cel` alone calls it and counts only values of the type BOOL, `arguments` holds back what it
misreads, and `effort` what would take long. Imports the engine.
"""

from adapters.conditions.condition import CelConditions

__all__ = ["CelConditions"]
