"""Small checks from which the description of Block Kit is built.

A check takes a value and its JSON pointer and yields the problems found. Checks are built from checks: an object is a
table of fields, an array is a check for each item. All wording is Slack's, as its `invalid_blocks` answers carry it.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class BlockProblem:
    """One thing that Slack would refuse.

    `code` is the `error` of Slack's answer (`invalid_blocks`, `msg_blocks_too_long`, ...), `reason` its sentence,
    `pointer` the JSON pointer of the value at fault ("" for the whole call).
    """

    code: str
    reason: str
    pointer: str = ""

    @property
    def message(self) -> str:
        """The problem as one of the `errors` of Slack's answer."""
        return f"{self.reason} [json-pointer:{self.pointer}]" if self.pointer else self.reason


Found = Iterator[tuple[str, str]]
"""Pairs of a reason and a pointer; the surface adds Slack's error code."""

Check = Callable[[Any, str], Found]


def string(at_most: int | None = None, *, at_least: int = 0) -> Check:
    """Accept a string of `at_least` to `at_most` characters."""

    def check(value: Any, pointer: str) -> Found:
        if not isinstance(value, str):
            yield "must provide a string", pointer
        elif len(value) < at_least:
            yield f"must be more than {at_least - 1} characters", pointer
        elif at_most is not None and len(value) > at_most:
            yield f"must be less than {at_most + 1} characters", pointer

    return check


def matching(pattern: str, reason: str) -> Check:
    """Accept a string that matches the whole pattern."""
    compiled = re.compile(pattern)

    def check(value: Any, pointer: str) -> Found:
        if not isinstance(value, str):
            yield "must provide a string", pointer
        elif not compiled.fullmatch(value):
            yield reason, pointer

    return check


def one_of(*values: str) -> Check:
    """Accept one of the given strings."""

    def check(value: Any, pointer: str) -> Found:
        if value not in values:
            yield f"must be a valid enum value: {', '.join(values)}", pointer

    return check


def boolean(value: Any, pointer: str) -> Found:
    """Accept true or false."""
    if not isinstance(value, bool):
        yield "must provide a boolean", pointer


def integer(at_least: int, at_most: int) -> Check:
    """Accept a whole number in the range."""

    def check(value: Any, pointer: str) -> Found:
        if not isinstance(value, int) or isinstance(value, bool):
            yield "must provide an integer", pointer
        elif value < at_least:
            yield f"must be greater than or equal to {at_least}", pointer
        elif value > at_most:
            yield f"must be less than or equal to {at_most}", pointer

    return check


def anything(_value: Any, _pointer: str) -> Found:
    """Accept any value, for fields that we do not check."""
    yield from ()


def array(item: Check, *, at_most: int | None = None, at_least: int = 0) -> Check:
    """Accept an array of `at_least` to `at_most` items, each passing `item`."""

    def check(value: Any, pointer: str) -> Found:
        if not isinstance(value, list):
            yield "must provide an array", pointer
            return
        if at_most is not None and len(value) > at_most:
            yield f"no more than {at_most} items allowed", pointer
        if len(value) < at_least:
            yield f"no fewer than {at_least} items allowed", pointer
        for index, each in enumerate(value):
            yield from item(each, f"{pointer}/{index}")

    return check


@dataclass(frozen=True, slots=True)
class Object:
    """Accept an object of exactly these fields; `also` checks rules that span several fields."""

    required: Mapping[str, Check]
    optional: Mapping[str, Check]
    also: Check = anything

    def __call__(self, value: Any, pointer: str) -> Found:
        """Check the object at `pointer`."""
        if not isinstance(value, dict):
            yield "must provide an object", pointer
            return
        for name in self.required:
            if name not in value:
                yield f"missing required field: {name}", pointer
        for name, each in value.items():
            check = self.required.get(name) or self.optional.get(name)
            if check is None:
                yield f"invalid additional property: {name}", pointer
            else:
                yield from check(each, f"{pointer}/{name}")
        yield from self.also(value, pointer)


def by_type(kinds: Mapping[str, Check]) -> Check:
    """Accept an object whose `type` is one of `kinds`, and apply the check of that type."""

    def check(value: Any, pointer: str) -> Found:
        if not isinstance(value, dict):
            yield "must provide an object", pointer
        elif "type" not in value:
            yield "missing required field: type", pointer
        elif not isinstance(value["type"], str) or value["type"] not in kinds:
            yield f"unsupported type: {value['type']}", f"{pointer}/type"
        else:
            yield from kinds[value["type"]](value, pointer)

    return check


def exactly_one(*names: str) -> Check:
    """Accept an object that has exactly one of the fields."""
    listed = " or ".join(f"`{name}`" for name in names)

    def check(value: Any, pointer: str) -> Found:
        given = sum(name in value for name in names)
        if given == 0:
            yield f"must define either {listed}", pointer
        elif given > 1:
            yield f"must define only one of {listed}", pointer

    return check


def at_least_one(*names: str) -> Check:
    """Accept an object that has at least one of the fields."""
    listed = " or ".join(f"`{name}`" for name in names)

    def check(value: Any, pointer: str) -> Found:
        if not any(name in value for name in names):
            yield f"must define either {listed}", pointer

    return check


def every(*checks: Check) -> Check:
    """Accept a value that passes all the checks."""

    def check(value: Any, pointer: str) -> Found:
        for each in checks:
            yield from each(value, pointer)

    return check
