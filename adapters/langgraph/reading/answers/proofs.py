"""Says in a sentence how the effect of an answer is known: the lines that the code takes with it.

"takes line 52, which returns goto=cancel"; "runs line 34: client.delete(path)"; "goes on to publish".
"""

import linecache
from collections.abc import Iterator, Sequence

from adapters.langgraph.reading.answers.probe import Behaviour
from adapters.langgraph.reading.code.results import MOST, shortened
from adapters.langgraph.reading.code.run import ASKS, Trace

_COLONS = 2
"""The colons in a place, `FILE:LINE:COLUMN`."""


def proof(behaviour: Behaviour) -> str:
    """Say where the code goes with an answer: the line it returns from, its effects, the nodes that follow.

    If something other than the answer leads to several branches, the first ones are named.
    """
    lefts = list(dict.fromkeys(trace.left for trace in behaviour.traces if trace.left[0]))
    nodes = sorted(behaviour.nodes)
    runs = _runs(behaviour.traces, 1 if nodes else MOST)
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
    returns = f", which returns {' or '.join(said[:MOST])}" if said else ""
    return f"takes {_lines([place for place, _ in lefts])}{returns}"


def _runs(traces: Sequence[Trace], most: int) -> str:
    """Name the lines of the asking function that have an effect, with their code.

    If the first of them runs on some of the ways only, they are alternatives: "may run line 4: a() or line 6: b()".
    """
    ways = [list(dict.fromkeys(map(_line_of, _places(trace)))) for trace in traces]
    lines = list(dict.fromkeys(line for way in ways for line in way))
    certain = bool(lines) and all(lines[0] in way for way in ways)
    shown = [f"line {number}{f': {code}' if code else ''}" for number, code in lines[: most if certain else MOST]]
    if not shown:
        return ""
    return f"runs {' and '.join(shown)}" if certain else f"may run {' or '.join(shown)}"


def _places(trace: Trace) -> Iterator[str]:
    for effect in trace.effects:
        if not effect.where.startswith((ASKS, "node ")):
            yield effect.by[1] if len(effect.by) > 1 else effect.where


def _line_of(place: str) -> tuple[str, str]:
    file, _, rest = place.partition(":") if place.count(":") == _COLONS else ("", "", place)
    number = rest.partition(":")[0]
    code = linecache.getline(file, int(number)).strip() if file and number.isdigit() else ""
    return number, shortened(code)


def _lines(places: Sequence[str]) -> str:
    numbers = list(dict.fromkeys(_line_of(place)[0] for place in places))
    return f"line{'s' * (len(numbers) > 1)} {_listed(numbers)}"


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[: MOST + 1])
    return shown if len(names) <= MOST + 1 else f"{shown} and {len(names) - MOST - 1} more"
