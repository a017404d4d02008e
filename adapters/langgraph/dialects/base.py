"""What every dialect is made of: a pair of pure functions, payload -> Ask and Ask + Decisions -> resume value."""

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

    `payload` is its value as JSON; `exact` is false where it was not JSON, and an edit of it would mean something else
    to the graph. `schema` is its `response_schema`; `tools` are the schemas of the graph's tools by name.
    """

    payload: Json
    schema: Schema | None = None
    exact: bool = True
    tools: Mapping[str, Schema] = field(default_factory=lambda: NO_TOOLS)
    speaker: str = ""
    nodes: tuple[str, ...] = ()
    """The node that asks, by its name and by its path from the root (`agent|tools`)."""
    reading: Reading | None = None
    """What the node's own code takes for an answer; None where the code is not known."""
    texts: frozenset[str] = frozenset()
    """The texts in the node's code, each as Python spells it; empty where the code is not known."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What goes to the graph: a resume value, and an update of its state, as though `as_node` had written it."""

    resume: object = None
    update: Mapping[str, Json] | None = None
    as_node: str = ""


Recognise = Callable[[Question], Ask | None]
Encode = Callable[[Ask, Sequence[Decision]], object]


@dataclass(frozen=True, slots=True)
class Dialect:
    """`recognise` gives None for a payload of another dialect; `encode` is given one checked decision per action."""

    name: str
    recognise: Recognise
    encode: Encode


def schema_for(name: str, value: Json, question: Question) -> Schema | None:
    """The schema of a tool's arguments: the tool's own where the graph has such a tool, else what the values say."""
    return question.tools.get(name) or inferred(value)


def value_of(action: Action, decision: Decision) -> Json:
    """What stands after the decision; an option has a value where it was changed before."""
    changed = decision.choice is Choice.EDIT or (decision.choice is Choice.OPTION and decision.value is not None)
    return decision.value if changed else action.value


def fields_of(rest: Mapping[object, object]) -> dict[str, Json]:
    """The other fields of a payload that a pattern has matched: mypy does not know that they are JSON as well."""
    return cast("dict[str, Json]", dict(rest))


def described(description: object, rest: Mapping[object, object], *told: str) -> str:
    """An action's description, and below it every field of the payload that stands nowhere else on the card (P4).

    Descriptions are Markdown; the fields stand in it letter by letter.
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
    """A text in Markdown of which nothing is markup. https://spec.commonmark.org/0.31.2/#code-spans."""
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
    """For a choice that the ask does not offer: a mistake of ours, since decisions are checked before."""
    return ValueError(f"{ask.dialect} cannot encode {decision.choice}")
