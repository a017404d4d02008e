"""Conditions of rules in CEL, the Common Expression Language (https://cel.dev), by Google's library.

The library comes with the extra `rules`: `pip install "signoff[rules]"`. It hands most failures back as a value that
Python takes for true, reads a text only up to its first NUL, dies of a deeply nested list, and holds the interpreter's
lock while it evaluates. So nothing but `adapters.conditions.cel` speaks with it: only a value of the type BOOL counts,
`adapters.conditions.arguments` keeps from it what it misreads, and `adapters.conditions.effort` what would take long.
"""

from adapters.conditions.condition import CelConditions

__all__ = ["CelConditions"]
