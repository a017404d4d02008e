"""People's decisions on tool calls, with the arguments that they saw: `tool_starts` compares a tool's start with them.

A call is known by its id. Some payloads have it; the others are matched, by name and arguments, with the calls that are
open in the messages of the graph that asks. A call without an id and without a match is unknown, and not guarded.

The decisions are written beside the answers before those are sent, as `decided` does, for the step in which people are
asked; each run carries them in the metadata of its checkpoints, for later steps: the last `MOST` decisions, and only
fingerprints of long arguments.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from langchain_core.messages import ToolMessage

from adapters.langgraph.config_keys import APPROVED
from adapters.langgraph.dialects.breakpoint import ToolCall
from adapters.langgraph.dialects.gated import GATED
from adapters.langgraph.guards.drift import json_mark
from adapters.langgraph.guards.step_writes import StepWrite
from adapters.langgraph.messages.open_calls import are_messages, open_calls
from engine.asks.ask import Action, Ask, Choice, Decision, Json, canonical

MOST = 50
LONGEST = 300
"""Characters of an argument, as JSON, that are carried; of a longer one its fingerprint is."""


@dataclass(frozen=True, slots=True)
class ToolDecision:
    """A decision on a tool call: approved with these arguments, or rejected.

    `long` has the fingerprints of arguments that are not in `args`. `interrupt` is the interrupt or the pause at which
    people were asked; `graph` is the namespace of the graph that asked, since models may use one id in two graphs.
    `results` counts the results that this id had there, since models may use it twice in one graph. `number` counts the
    decisions on this call. The names of the fields are stored data.
    """

    id: str
    name: str
    args: Mapping[str, Json]
    long: Mapping[str, str]
    interrupt: str
    graph: str = ""
    results: int = 0
    rejected: bool = False
    number: int = 1

    @property
    def key(self) -> tuple[str, str]:
        """The call that this is about."""
        return self.graph, self.id

    def covers(self, graph: str, tool: str) -> bool:
        """Tell whether this is about a call with its id in a graph: its own, or one below it with the same tool."""
        below = not self.graph or graph.startswith(f"{self.graph}|")
        return graph == self.graph or (below and tool == self.name)


@dataclass(frozen=True, slots=True)
class AskingGraph:
    """The graph that asks: its namespace, the calls in its messages that have no result, and the results by id."""

    graph: str = ""
    calls: Sequence[ToolCall] = ()
    results: Mapping[str, int] = field(default_factory=dict)


def asking_graph(namespace: str, state: Any) -> AskingGraph:
    """Collect the tool calls that a graph may ask about, from all messages in its state."""
    lists = [each for each in state.values() if are_messages(each)] if isinstance(state, Mapping) else []
    results = Counter(each.tool_call_id for messages in lists for each in messages if isinstance(each, ToolMessage))
    return AskingGraph(namespace, [call for messages in lists for call in open_calls(messages)], results)


def tool_decisions(
    interrupt: str, ask: Ask, decisions: Sequence[Decision], asking: AskingGraph
) -> Iterator[ToolDecision]:
    """The decisions on the tool calls of an ask; none of a gate's, which itself sees to what runs."""
    if ask.dialect == GATED.name:
        return
    left = [*_calls_with_id(ask.payload), *asking.calls]
    for action, decision in zip(ask.actions, decisions, strict=True):
        call = next((each for each in left if (each.name, each.args) == (action.name, action.value)), None)
        if call is not None:
            left = [each for each in left if each.id != call.id]
            args = _decided_args(ask, action, decision)
            if args is not None:
                short = {key: each for key, each in args.items() if len(canonical(each)) <= LONGEST}
                long = {key: json_mark(each) for key, each in args.items() if key not in short}
                results, rejected = asking.results.get(call.id, 0), decision.choice is Choice.REJECT
                yield ToolDecision(call.id, call.name, short, long, interrupt, asking.graph, results, rejected)


def _decided_args(ask: Ask, action: Action, decision: Decision) -> Mapping[str, Json] | None:
    """The arguments that were approved or rejected; None for another choice."""
    match decision.choice, decision.value if decision.choice is Choice.EDIT else action.value:
        case Choice.APPROVE | Choice.REJECT, dict(args):
            return args
        case Choice.EDIT, dict(args) if ask.encoding is None:  # else `answers:` says what is sent
            return args
        case _:
            return None


def _calls_with_id(payload: Json) -> Iterator[ToolCall]:
    """The tool calls in a payload that have an id."""
    match payload:
        case {"name": str(name), "args": dict(args), "tool_call_id": str(call)}:
            yield ToolCall(call, name, args)
        case {"name": str(name), "args": dict(args), "id": str(call)}:
            yield ToolCall(call, name, args)
        case dict():
            for each in payload.values():
                yield from _calls_with_id(each)
        case list():
            for each in payload:
                yield from _calls_with_id(each)
        case _:
            pass


# How decisions are stored ---------------------------------------------------------------------------------------------


def numbered(calls: Sequence[ToolDecision], before: Sequence[ToolDecision]) -> Sequence[ToolDecision]:
    """Number decisions; the same decision, delivered again, keeps its number."""
    return [_numbered(each, [old for old in before if old.key == each.key]) for each in calls]


def _numbered(call: ToolDecision, before: Sequence[ToolDecision]) -> ToolDecision:
    last = max(before, key=lambda each: each.number, default=None)
    if last is None or replace(call, number=last.number) == last:
        return last or call
    return replace(call, number=last.number + 1)


def as_writes(calls: Sequence[ToolDecision]) -> Sequence[StepWrite]:
    """The writes that keep decisions."""
    return [
        (f"{APPROVED}:{json_mark([*each.key])[:32]}:{each.number}", APPROVED, canonical(asdict(each))) for each in calls
    ]


def of_step(writes: Sequence[tuple[str, str, Any]]) -> Sequence[ToolDecision]:
    """The last decision on each call, from the writes of a checkpoint."""
    found = sorted(
        (_decision_of(json.loads(written)) for _, channel, written in writes if channel == APPROVED), key=_sort_key
    )
    return list({each.key: each for each in found}.values())


def _sort_key(call: ToolDecision) -> tuple[int, tuple[str, str]]:
    return call.number, call.key


def serialized(calls: Sequence[ToolDecision], here: int = 0) -> str:
    """Spell the last `MOST` decisions for the metadata of checkpoints, and in any case the last `here`."""
    last = list({each.key: each for each in calls}.values())[-max(MOST, here) :]
    return canonical([asdict(each) for each in last]) if last else ""


def read(mark: str) -> Sequence[ToolDecision]:
    """Read what `serialized` made."""
    return [_decision_of(each) for each in json.loads(mark)] if mark else []


def _decision_of(stored: Any) -> ToolDecision:
    return ToolDecision(**stored)
