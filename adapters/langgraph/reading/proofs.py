"""How it is known what an answer does, in a sentence: the lines that the code takes with it.

"takes line 52, which returns goto=cancel"; "runs line 34: client.delete(path)"; "goes on to publish".
"""

import linecache
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from adapters.langgraph.reading.run import ASKS, Trace
from adapters.langgraph.reading.values import Known, Listed, Made, Mapped, Value

if TYPE_CHECKING:
    from adapters.langgraph.reading.probe import Behaviour

_MOST = 2
"""Places of one kind that a sentence names."""
_LONGEST = 60


def told(result: Value) -> str:
    """What a function returns, as far as it is constant: `goto=cancel`, `status='rejected'`."""
    match result:
        case Made() if getattr(result.cls, "__name__", "") == "Command":
            goto = ", ".join(_names(result.attributes.get("goto")))
            return f"goto={goto}" if goto else ""
        case Mapped():
            parts = [f"{key}={_constant(each)}" for key, each in result.fields.items() if _constant(each)]
            return ", ".join(parts[:_MOST])
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
    return _short(repr(value.value))


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def proof(behaviour: "Behaviour") -> str:
    """Where the code goes with an answer: by the line that it returns from, by what it does, by the nodes that follow.

    Where it goes several ways by something else than the answer, the first of them are told.
    """
    lefts = list(dict.fromkeys(trace.left for trace in behaviour.traces if trace.left[0]))
    nodes = sorted(behaviour.nodes)
    runs = _runs(behaviour.traces, 1 if nodes else _MOST)
    if not nodes:
        return runs or _takes(lefts) or "runs to the end"
    way = _takes(lefts)
    if "goto=" not in way:
        way = f"{_takes([(place, '') for place, _ in lefts])} and goes on to {_listed(nodes)}".removeprefix(" and ")
    return f"{way}; {runs}" if runs else way


def _takes(lefts: Sequence[tuple[str, str]]) -> str:
    if not lefts:
        return ""
    said = [each for each in dict.fromkeys(said for _, said in lefts) if each]
    returns = f", which returns {' or '.join(said[:_MOST])}" if said else ""
    return f"takes {_lines([place for place, _ in lefts])}{returns}"


def _runs(traces: Sequence[Trace], most: int) -> str:
    """The lines of the function that asks in which something is done to the world, with their code."""
    places = dict.fromkeys(
        effect.by[1] if len(effect.by) > 1 else effect.where
        for trace in traces
        for effect in trace.effects
        if not effect.where.startswith((ASKS, "node "))
    )
    lines = list(dict.fromkeys(map(_line_of, places)))[:most]
    shown = [f"line {number}{f': {code}' if code else ''}" for number, code in lines]
    return f"runs {' and '.join(shown)}" if shown else ""


def _line_of(place: str) -> tuple[str, str]:
    file, _, rest = place.partition(":") if place.count(":") == _MOST else ("", "", place)
    number = rest.partition(":")[0]
    code = linecache.getline(file, int(number)).strip() if file and number.isdigit() else ""
    return number, _short(code)


def _lines(places: Sequence[str]) -> str:
    numbers = list(dict.fromkeys(_line_of(place)[0] for place in places))
    return f"line{'s' * (len(numbers) > 1)} {_listed(numbers)}"


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[: _MOST + 1])
    return shown if len(names) <= _MOST + 1 else f"{shown} and {len(names) - _MOST - 1} more"
