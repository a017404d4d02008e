"""The parts of every dialect: two pure functions, payload -> Ask and Ask + Decisions -> resume value."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from adapters.langgraph.dialects.json_schema import Schema, inferred
from adapters.langgraph.reading import Reading
from engine.asks.ask import Action, Ask, Choice, Decision, Json, canonical

NO_TOOLS: Mapping[str, Schema] = {}


@dataclass(frozen=True, slots=True)
class Question:
    """An interrupt as a dialect reads it.

    `payload` is its value as JSON; `exact` is false if the value was not JSON, so that an edited copy would mean
    something else to the graph. `schema` is its `response_schema`; `tools` are the schemas of the graph's tools, by
    name.
    """

    payload: Json
    schema: Schema | None = None
    exact: bool = True
    tools: Mapping[str, Schema] = field(default_factory=lambda: NO_TOOLS)
    speaker: str = ""
    nodes: tuple[str, ...] = ()
    """The node that asks, by its name and by its path from the root (`agent|tools`)."""
    reading: Reading | None = None
    """The answers that the node's own code takes; None if the code is not known."""
    texts: frozenset[str] = frozenset()
    """The texts in the node's code, each as Python spells it; empty if the code is not known."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A resume value for the graph, and an update of its state, written as if by the node `as_node`."""

    resume: object = None
    update: Mapping[str, Json] | None = None
    as_node: str = ""


Recognise = Callable[[Question], Ask | None]
Encode = Callable[[Ask, Sequence[Decision]], object]


@dataclass(frozen=True, slots=True)
class Dialect:
    """A form of payload. `recognise` returns None for any other; `encode` takes a checked decision per action."""

    name: str
    recognise: Recognise
    encode: Encode


def schema_for(name: str, value: Json, question: Question) -> Schema | None:
    """Return the schema of a tool's arguments: the graph's own, or one inferred from the values."""
    return question.tools.get(name) or inferred(value)


def value_of(action: Action, decision: Decision) -> Json:
    """Return the action's value after the decision; an option keeps an earlier change."""
    changed = decision.choice is Choice.EDIT or (decision.choice is Choice.OPTION and decision.value is not None)
    return decision.value if changed else action.value


def fields_of(rest: Mapping[object, object]) -> dict[str, Json]:
    """Type the other fields of a matched payload as JSON: mypy does not know that they are."""
    return cast("dict[str, Json]", dict(rest))


def described(description: object, rest: Mapping[object, object], *told: str) -> str:
    """Write an action's description, and below it each field that the card shows nowhere else (P4).

    Descriptions are Markdown; the fields are shown literally.
    """
    words = description if isinstance(description, str) else ""
    left = {name: each for name, each in fields_of(rest).items() if name not in told}
    if not isinstance(description, str | None):
        left["description"] = cast("Json", description)
    lines = [
        f"{literal(name)}: {literal(each if isinstance(each, str) else canonical(each))}" for name, each in left.items()
    ]
    return "\n\n".join([*([words] if words else []), *(["\n".join(lines)] if lines else [])])


def literal(text: str) -> str:
    """Quote a text in Markdown so that nothing in it is markup. https://spec.commonmark.org/0.31.2/#code-spans."""
    if not text:
        return '`""`'
    runs = [len(run) for run in re.findall("`+", text)]
    if "\n" in text:
        fence = "`" * max(3, max(runs, default=0) + 1)
        return f"\n{fence}\n{text}\n{fence}"
    mark = "`" * (max(runs, default=0) + 1)
    pad = " " if not text.strip() or text[0] in " `" or text[-1] in " `" else ""
    return f"{mark}{pad}{text}{pad}{mark}"


def unexpected(ask: Ask, decision: Decision) -> ValueError:
    """Make the error for a choice that the ask does not offer: a bug of ours, since decisions are checked before."""
    return ValueError(f"{ask.dialect} cannot encode {decision.choice}")
