"""Loads the graphs of a project as `signoff run` does, and infers the entry of each in `app.yaml`."""

import inspect
import re
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adapters.langgraph.agents import AgentSpec, LocalAgent, fields_said
from adapters.langgraph.config_keys import USER
from adapters.langgraph.foreseeing import foreseen
from adapters.langgraph.guards import drift
from adapters.langgraph.loading.context_schema import is_typed_dict
from adapters.langgraph.loading.exports import LoadError, loaded_module
from adapters.langgraph.loading.schema_fit import misfits
from adapters.langgraph.loading.tools_seen import tools_of
from adapters.langgraph.messages.inputs import takes_words
from adapters.langgraph.opening import open_agent, told_when_late
from adapters.langgraph.projects.fields import StateField, fields_of
from adapters.langgraph.projects.guess import Guess
from adapters.langgraph.projects.inputs import input_guess
from adapters.langgraph.projects.keys import is_subscripted
from adapters.langgraph.projects.replies import reply_guess

LONGEST_DESCRIPTION = 140
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")


@dataclass(frozen=True, slots=True)
class Inferred:
    """A graph that loads. `input` and `reply` are guesses; `context` has the fields that its context schema needs.

    `unfit` are sentences on what `signoff check` would refuse all the same.
    """

    input: Guess
    reply: Guess
    description: str = ""
    tools: tuple[str, ...] = ()
    asks: tuple[str, ...] = ()
    """The nodes that ask people."""
    context: Mapping[str, Guess] = field(default_factory=dict)
    stated: Mapping[str, str] = field(default_factory=dict)
    """The values that a message says itself, each with what to write."""
    unfit: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def talks(self) -> bool:
        """True if the person's words reach it."""
        return takes_words(self.input.value) or bool(self.stated)

    @property
    def missing(self) -> tuple[str, ...]:
        """What its first message lacks."""
        return (*self.input.missing, *(f"context: {name}" for name, each in self.context.items() if each.missing))

    @property
    def is_reached(self) -> bool:
        """True if the first message reaches it, whatever it says."""
        return self.is_whole and not self.stated

    @property
    def is_whole(self) -> bool:
        """True if nothing has to be added to its entry."""
        return not self.missing and not self.unfit


@dataclass(frozen=True, slots=True)
class Unusable:
    """A graph that does not load, and why, in a sentence with the file and the line."""

    why: str


async def infer(
    specs: Mapping[str, str], base: Path, waiting: Callable[[str], None]
) -> Mapping[str, Inferred | Unusable]:
    """Load the graphs one after another, each file once, and infer the entry of each.

    `waiting` is told the name of a graph that takes longer than a few seconds, from another thread.
    """
    files: set[str] = set()
    found: dict[str, Inferred | Unusable] = {}
    for name, spec in specs.items():
        with told_when_late(lambda name=name: waiting(name)):  # type: ignore[misc]
            found[name] = await _inferred(spec, base, files)
    return found


async def _inferred(spec: str, base: Path, files: set[str]) -> Inferred | Unusable:
    from langgraph.checkpoint.memory import InMemorySaver  # noqa: PLC0415 - late, as in `loading`

    try:
        drift.check_contract()
        async with AsyncExitStack() as stack:
            agent = await open_agent(AgentSpec(spec, base), InMemorySaver(), stack, files)
            return _of_agent(agent, spec, base)
    except (LoadError, drift.UnguardedError) as error:
        why = str(error).removeprefix("graph: ").removeprefix(f"{spec!r}: ").rstrip(".")
        return Unusable(why.replace(f"{base}/", ""))  # the file is the same on another machine


def _of_agent(agent: LocalAgent, spec: str, base: Path) -> Inferred:
    graph = agent.graph
    given = input_guess(graph)
    reply = reply_guess(graph, given.value)
    unfit = [
        f"{each.key}: {each.what}. {each.fix}"
        for each in misfits(graph, given.value, str(reply.value))
        if each.key in ("input", "reply")
    ]
    return Inferred(
        given,
        reply,
        _description(spec, base),
        tuple(sorted(tools_of(graph))),
        tuple(dict.fromkeys(each.node for each in foreseen(agent))),
        _context(graph),
        fields_said(graph, given.value),
        tuple(unfit),
        agent.warnings,
    )


# Context --------------------------------------------------------------------------------------------------------------


def _context(graph: Any) -> Mapping[str, Guess]:
    schema = graph.context_schema
    needed = [each for each in fields_of(schema) if each.required and each.name != USER]
    if is_typed_dict(schema):  # many projects read it with `.get`
        needed = [each for each in needed if is_subscripted(each.name, schema)]
    return {each.name: _context_value(each) for each in needed}


def _context_value(field_: StateField) -> Guess:
    if field_.name in ("user", "username", "user_name", "requester"):
        return Guess("$user", "guess: the person who asked")
    if field_.name in ("channel", "channel_id"):
        return Guess("$channel", "guess: the channel of the conversation")
    if field_.name == "thread_id":
        return Guess("$thread", "guess: the conversation")
    return Guess(None, "", (field_.shown,))


# Description ----------------------------------------------------------------------------------------------------------


def _description(spec: str, base: Path) -> str:
    """The first line of what the graph's function, or its module, says of itself."""
    module = loaded_module(spec, base)
    exported = getattr(module, spec.rpartition(":")[2], None)
    own = exported if inspect.isfunction(exported) else None
    for text in (own and own.__doc__, module.__doc__):
        if text and (line := cut(text)):
            return line
    return ""


def cut(text: str) -> str:
    """The first line of a description, of the length that a line in Slack can take."""
    lines = [_CONTROLS.sub(" ", each).strip() for each in text.strip().splitlines()]
    paragraph: list[str] = []
    for line in lines:
        if not line:
            break
        paragraph.append(line)
        if line.endswith((".", "!", "?")):
            break
    joined = " ".join(" ".join(paragraph).split())
    if len(joined) <= LONGEST_DESCRIPTION:
        return joined.removesuffix(".")
    return joined[: LONGEST_DESCRIPTION - 1].rsplit(" ", 1)[0].rstrip(",;:") + "…"
