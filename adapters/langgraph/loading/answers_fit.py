"""Checks `answers:` in `app.yaml` against the graph: a node that does not exist, a pick that no request has.

The graph's code is read, not run, and it may ask more than was found in it. So these are warnings: a choice whose pick
is missing is left out when it is asked (`dialects.configured`), and nothing is sent.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from adapters.langgraph.dialects import AnswerRule
from adapters.langgraph.fingerprint import SEPARATOR
from adapters.langgraph.reading import Reading
from adapters.langgraph.reading.code.values import Known, Listed, Mapped, Value
from engine.asks import templates
from engine.asks.ask import Json
from engine.asks.templates import PickPath, Word

_PLAIN = (str, int, float, bool, type(None))
_CALLS = ("tool_call", "action_request", "args")
"""Fields whose values people decide on, whatever they contain."""
_DEEPEST = 3
"""The levels of a payload that may hold the value that people decide on."""


def unfit_entries(rules: Sequence[AnswerRule], nodes: Iterable[str], readings: Iterable[Reading]) -> Iterator[str]:
    """Say what does not fit, in a sentence each; `nodes` are all nodes of the graph, by path."""
    known, asked = [*nodes], [*readings]
    for index, rule in enumerate(rules):
        if rule.node is not None and known and not any(_is_for(rule, path) for path in known):
            yield f'answers[{index}].when.node: the graph has no node "{rule.node}".{_suggestion(rule.node, known)}'
            continue
        asking = [each for each in asked if _is_for(rule, each.path) and _may_match(rule.payload, each.payload)]
        for place, path in _picks(rule):
            if asking and all(_certainly_lacks(each.payload, path) for each in asking):
                lines = ", ".join(dict.fromkeys(each.line for each in asking))
                yield (
                    f"answers[{index}].{place}: {Word('value', path)} picks a value that is not in the request "
                    f"({lines}), so this choice will not be offered.{_fields(asking[0].payload)}"
                )


def _is_for(rule: AnswerRule, path: str) -> bool:
    names = (path.rpartition(SEPARATOR)[2], path)
    return rule.node is None or any(fnmatchcase(each, rule.node) for each in names)


def _suggestion(node: str, paths: Sequence[str]) -> str:
    names = dict.fromkeys(path.rpartition(SEPARATOR)[2] for path in paths)
    near = difflib.get_close_matches(node, names, n=1)
    return f' Did you mean "{near[0]}"?' if near else ""


def _may_match(pattern: Mapping[str, Json], shape: Value) -> bool:
    """Tell whether such a payload may have the fields that an entry names."""
    if not pattern:
        return True
    if not isinstance(shape, Mapped):
        return not isinstance(shape, Known)
    return all(
        _may_fit(each, shape.fields.get(name), open_ended=shape.rest is not None) for name, each in pattern.items()
    )


def _may_fit(pattern: Json, value: Value | None, *, open_ended: bool) -> bool:
    if value is None:
        return open_ended
    if not isinstance(value, Known) or not isinstance(value.value, str) or not isinstance(pattern, str):
        return True
    return fnmatchcase(value.value, pattern)


def _picks(rule: AnswerRule) -> Iterator[tuple[str, PickPath]]:
    worded = [(choice.value, template) for choice, template in rule.templates.items()]
    worded += [(f"options.{name}", template) for name, template in rule.options.items()]
    for place, template in worded:
        for path in dict.fromkeys(each for part in template.values() for each in templates.picks(part) if each):
            yield place, path


def _certainly_lacks(payload: Value, path: PickPath) -> bool:
    """Tell whether a payload cannot have a value at a path, nor can any part of it that people may decide on."""
    return all(_has_no_path(each, path) for each in _parts(payload))


def _parts(value: Value, depth: int = 0) -> Iterator[Value]:
    yield value
    inner = list(value.fields.items()) if isinstance(value, Mapped) else []
    inner += [("", each) for each in value.items] if isinstance(value, Listed) else []
    for key, each in inner if depth < _DEEPEST else ():
        if isinstance(each, Mapped | Listed) or key in _CALLS:
            yield from _parts(each, depth + 1)


def _has_no_path(value: Value, path: PickPath) -> bool:
    if not path:
        return False
    match value, path[0]:
        case Mapped(), str(key) if value.rest is None:
            return key not in value.fields or _has_no_path(value.fields[key], path[1:])
        case Mapped(), str(key) if key in value.fields:
            return _has_no_path(value.fields[key], path[1:])
        case Listed(), int(number) if value.before is None:
            return number >= len(value.items) or _has_no_path(value.items[number], path[1:])
        case (Mapped(), int()) | (Listed(), str()):
            return True
        case Known(), _:
            return isinstance(value.value, _PLAIN)
    return False


def _fields(payload: Value) -> str:
    names = [str(key) for key in payload.fields] if isinstance(payload, Mapped) else []
    return f" It has {', '.join(names)}." if names else ""
