"""Describes the constant parts of a function's result: `goto=cancel`, `status='rejected'`."""

from collections.abc import Iterable

from adapters.langgraph.reading.code.values import Known, Listed, Made, Mapped, Value

MOST = 2
"""The most parts of one kind in a sentence."""
_LONGEST = 60


def constant_parts(result: Value) -> str:
    """Return the constant parts of a function's result in words: `goto=cancel`, `status='rejected'`."""
    match result:
        case Made() if getattr(result.cls, "__name__", "") == "Command":
            goto = ", ".join(_names(result.attributes.get("goto")))
            return f"goto={goto}" if goto else ""
        case Mapped():
            parts = [f"{key}={_constant(each)}" for key, each in result.fields.items() if _constant(each)]
            return ", ".join(parts[:MOST])
        case Known():
            return _constant(result)
    return ""


def _names(value: Value | None) -> Iterable[str]:
    match value:
        case Known() if isinstance(value.value, str):
            yield "END" if value.value == "__end__" else value.value
        case Listed():
            for each in value.items:
                yield from _names(each)
        case Made():
            yield from _names(value.attributes.get("node") or value.attributes.get("_0"))


def _constant(value: Value) -> str:
    if not isinstance(value, Known) or not isinstance(value.value, str | int | float):
        return ""
    return shortened(repr(value.value))


def shortened(text: str) -> str:
    """Cut a piece of code to the length that a sentence has room for."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
