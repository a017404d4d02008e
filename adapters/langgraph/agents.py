"""An agent whose graph runs in this process: its entry in `app.yaml`, and what is read of its graph."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from adapters.langgraph import fingerprint
from adapters.langgraph.dialects import AnswerRule
from adapters.langgraph.dialects.json_schema import Schema
from adapters.langgraph.loading.answers_fit import unfit_entries
from adapters.langgraph.loading.breakpoints import Breakpoints
from adapters.langgraph.loading.own_types import TypeName
from adapters.langgraph.loading.schema_fit import USER_EXAMPLE, Misfit, context_for, context_given, hints, misfits
from adapters.langgraph.loading.stated_types import input_type, read_stated, takes_none, written_as
from adapters.langgraph.messages.inputs import DEFAULT_INPUT, fields_named, input_of, later_template, of_run, said_in
from adapters.langgraph.messages.replies import DEFAULT, Replies
from adapters.langgraph.reading import Reading, Readings
from adapters.langgraph.sentences import fields_wanted
from engine.asks.ask import Json
from engine.ids import ThreadId
from engine.ports import Turn

THREAD_EXAMPLE = ThreadId("T0EXAMPLE:C0EXAMPLE:1700000000.000100")
"""The conversation of `USER_EXAMPLE`."""


@dataclass(frozen=True, slots=True)
class AgentSpec:
    """An entry of `agents:`. `base` is the folder of `app.yaml`; `input` may hold $text, $user, $channel and $$."""

    graph: str
    base: Path
    input: Any = field(default_factory=lambda: DEFAULT_INPUT)
    reply: str = DEFAULT
    answers: tuple[AnswerRule, ...] = ()
    interrupt_before: tuple[str, ...] = ()
    interrupt_after: tuple[str, ...] = ()
    time_limit: timedelta | None = None
    """The limit of one run, without the time that people take."""
    recursion_limit: int | None = None
    """The limit of one run; None is LangGraph's own limit."""
    gate_tools: tuple[str, ...] = ()
    """Patterns for the names of tools that need a decision before they start."""
    context: Mapping[str, Any] | None = field(default=None, repr=False)
    """The context of each run; it may hold $user, $channel and $thread, and so may `configurable`."""
    configurable: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """More keys of `config["configurable"]`."""

    def configurable_of(self, user: str, thread: ThreadId) -> dict[str, Any]:
        """Fill in `configurable:` for a run that `user` asked for."""
        return {**of_run(self.configurable, user, thread)}


@dataclass(frozen=True, slots=True)
class LocalAgent:
    """A compiled graph, and all that is read of it once.

    `code` has a fingerprint for each node, by path; `mark` is the JSON of all of them.
    """

    spec: AgentSpec
    graph: Any
    replies: Replies
    code: Mapping[str, str]
    mark: str
    tools: Mapping[str, Schema]
    nested: bool
    texts: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The texts in the code of each node, by path."""
    warnings: tuple[str, ...] = ()
    breakpoints: Mapping[str, Breakpoints] = field(default_factory=dict)
    """The breakpoints of the graph and of its subgraphs, by path."""
    tool_nodes: Mapping[str, str] = field(default_factory=dict)
    """The field that holds the messages for each node that runs tools, by path."""
    readings: Readings = field(default_factory=Readings)
    """The meaning of the answers to its questions, as far as its code shows it."""
    types: frozenset[TypeName] = frozenset()
    """Its own types that checkpoints may hold: see `adapters.langgraph.loading.own_types`."""

    @property
    def interrupt_options(self) -> Mapping[str, Sequence[str]]:
        """The breakpoints of the root graph, as options of a run."""
        root = self.breakpoints.get("", Breakpoints())
        return {"interrupt_before": sorted(root.before), "interrupt_after": sorted(root.after)}

    def graph_at(self, path: str) -> Any:
        """Return the graph at a path; the root is at ""."""
        inner = {name.replace("|", fingerprint.SEPARATOR): below for name, below in self._graphs_below()}
        return inner.get(path.rstrip(fingerprint.SEPARATOR), self.graph)

    def _graphs_below(self) -> Iterable[tuple[str, Any]]:
        return self.graph.get_subgraphs(recurse=True) if self.nested else ()

    def input_of(self, turn: Turn, *, again: bool) -> tuple[Any, str]:
        """Make the input of a turn, and say what its message lacks to start the graph; "". `again`: a later turn.

        Each said value is read once: by the code of the graph, too.
        """
        template = self.spec.input
        if again and hasattr(self.graph, "builder"):  # a workflow of the functional API keeps no input
            template = later_template(template, turn.text)
        values, problems = self._stated(template, turn.text)
        refusal = fields_wanted(fields_said(self.graph, template), problems) if problems else ""
        return input_of(template, turn, values), refusal

    def _stated(self, template: Any, text: str) -> tuple[Mapping[tuple[str, ...], Any], Mapping[str, str]]:
        """Read the values that a message says, by place; and what is wrong with each other, "" where it is missing."""
        named = [*fields_named(template)]
        said, values, problems = (
            said_in(text, [name for name, _ in named]),
            dict[tuple[str, ...], Any](),
            dict[str, str](),
        )
        for name, path in named:
            kind = input_type(self.graph, path)
            match said.get(name, ()):
                case (value,):
                    values[path], wrong = read_stated(kind, value)
                    problems |= {name: wrong[0].what} if wrong else {}
                case () if takes_none(kind):
                    values[path] = None
                case several:
                    problems[name] = "has two different values" if several else ""
        return values, problems

    @property
    def misfits(self) -> Sequence[Misfit]:
        """The parts of the agent's entry in `app.yaml` that the graph cannot use."""
        spec = self.spec
        return misfits(
            self.graph,
            spec.input,
            spec.reply,
            spec.context,
            spec.configurable,
            lambda template: of_run(template, USER_EXAMPLE, THREAD_EXAMPLE),
        )

    @property
    def hints(self) -> Sequence[str]:
        """Sentences about the context for an operator."""
        return hints(self.graph, self.spec.context, self.spec.configurable)

    @property
    def unfit_answers(self) -> Sequence[str]:
        """Say for each entry of `answers:` that does not fit the graph why."""
        nodes = self.code if hasattr(self.graph, "builder") else ()  # a workflow has no names for what it calls
        return [*unfit_entries(self.spec.answers, nodes, self.readings.all())]

    def context_of(self, user: str, thread: ThreadId) -> dict[str, Any] | None:
        """Make the context of a run that `user` asked for."""
        schema = self.graph.context_schema
        given = context_given(schema, self.spec.context, self.spec.configurable)
        return context_for(schema, of_run(given, user, thread), user)

    def node_of(self, path: str) -> str:
        """Return the deepest node on a path with a fingerprint: a graph that a node calls is part of its code."""
        while path not in self.code and fingerprint.SEPARATOR in path:
            path = path.rpartition(fingerprint.SEPARATOR)[0]
        return path

    def texts_of(self, path: str) -> frozenset[str]:
        """Return the texts in the code that asks at a path."""
        return self.texts.get(self.node_of(path), frozenset())

    def reading_of(self, path: str, payload: Json) -> Reading | None:
        """Return what the code of a node shows about a question."""
        return self.readings.find(self.node_of(path), payload)

    def acts_on(self, payload: Json, value: object) -> bool:
        """Tell whether the code of a node that may have asked this acts on a value."""
        asking = (each for each in self.readings.all() if each.fits(payload, closely=True))
        return any(each.acts_on(value) for each in asking)

    def fingerprint_of(self, path: str, stored: Mapping[str, str]) -> str:
        """Return the path with the fingerprint of the code that asks there, as far as the thread's own marks say."""
        node = self.node_of(path)
        return f"{path}:{fingerprint.as_far_as(stored.get(node, ''), self.code.get(node, ''))}"


def fields_said(graph: Any, template: Any) -> Mapping[str, str]:
    """List the values that a message has to say for an `input:`, each with what to write."""
    found: dict[str, list[str]] = {}
    for name, path in fields_named(template):
        found.setdefault(name, []).append(written_as(input_type(graph, path)))
    return {
        name: " and ".join(dict.fromkeys([each for each in kinds if each != "text"] or kinds))
        for name, kinds in found.items()
    }
