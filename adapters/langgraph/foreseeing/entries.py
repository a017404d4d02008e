"""Writes an entry of `answers:` for a question whose answers are not known."""

import json
import re
from collections.abc import Sequence

from adapters.langgraph.dialects import AnswerRule, Question
from adapters.langgraph.foreseeing.payloads import TEXT
from engine.asks.ask import Json
from engine.asks.foreseen import entry


def entry_for(node: str, questions: Sequence[Question], beside: Sequence[Sequence[Question]]) -> str:
    """Write an entry of `answers:`; `beside` are the questions of the node's other interrupts.

    A person fills in its values; until then it is refused.
    """
    fields = _unique_fields(questions, [each for others in beside for each in others]) if beside and questions else {}
    below = "" if questions else "*"  # the graph may be one that the node calls: its nodes are below this one
    when = f"node: {_yaml(_literal(node) + below)}"
    when += f", payload: {_yaml(fields)}" if fields else ""
    more = "This node has other requests too: add payload: {FIELD: VALUE} to say which one is meant."
    return entry(when, more if beside and not fields else "")


def _unique_fields(questions: Sequence[Question], rivals: Sequence[Question]) -> dict[str, Json]:
    """Find the fewest fields that tell a payload from others; none if nothing does."""
    first, *more = [question.payload if isinstance(question.payload, dict) else {} for question in questions]
    same = {key: each for key, each in first.items() if all(each == other.get(key, ...) for other in more)}
    fields = {
        key: _literal(each) if isinstance(each, str) else each for key, each in same.items() if _is_constant(each)
    }
    alone: list[dict[str, Json]] = [{key: each} for key, each in sorted(fields.items(), key=lambda at: len(str(at)))]
    for tried in (*alone, fields):
        if tried and not any(AnswerRule(None, tried, {}).matches(rival) for rival in rivals):
            return tried
    return {}


_LONGEST = 80


def _is_constant(value: Json) -> bool:
    """Tell whether a value is a constant that can be written in app.yaml as it is."""
    if isinstance(value, str):
        return len(value) <= _LONGEST and value.isprintable() and "${" not in value and TEXT not in value
    return isinstance(value, bool | int)


def _literal(text: str) -> str:
    """Escape a text so that the pattern matches it alone."""
    return re.sub(r"([*?\[])", r"[\1]", text)


_PLAIN_WORD = re.compile(r"(?!(?:y|n|yes|no|on|off|true|false|null)$)[A-Za-z_][\w./-]*", re.IGNORECASE)


def _yaml(value: Json) -> str:
    """Write a value in YAML's flow style, on one line."""
    if isinstance(value, str) and _PLAIN_WORD.fullmatch(value):
        return value
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_yaml(key)}: {_yaml(each)}' for key, each in value.items())}}}"
    shown = not isinstance(value, str) or value.isprintable()
    return json.dumps(value, ensure_ascii=not shown)
