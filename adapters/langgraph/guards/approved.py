"""Which tool calls people decided, and with which arguments: what `tool_guard` compares a tool's start with.

A call is known by its id. Some payloads have it; the others are matched, by name and arguments, with the calls that are
open in the messages of the graph that asks. A call that neither names nor matches one is not known, and not guarded.

What is known is written beside the answers before they are sent, as `decided` does, for the step in which people are
asked; each run carries it on in the metadata of its checkpoints, for the steps behind it. The last `MOST` calls are
carried, and of long arguments only fingerprints.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from adapters.langgraph.config_keys import APPROVED
from adapters.langgraph.dialects.breakpoint import ToolCall
from adapters.langgraph.dialects.gated import GATED
from adapters.langgraph.guards.drift import json_mark
from engine.asks.ask import Action, Ask, Choice, Decision, Json, canonical

MOST = 50
LONGEST = 300
"""Characters of an argument, as JSON, that are carried whole."""


@dataclass(frozen=True, slots=True)
class Approved:
    """A decision on a tool call: approved as it stands here, or rejected.

    `long` has the fingerprints of arguments that are not in `args`. `interrupt` is the one by which people were asked,
    or the halt; `graph` the namespace of the graph that asked: models may give one id in two graphs. `results` counts
    the results that this id had there: they may give it twice in one graph. `number` counts the decisions on this call.
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
        """What tells it from other calls."""
        return self.graph, self.id

    def covers(self, graph: str, tool: str) -> bool:
        """Whether it is about a call of its id in a graph: its own, or one below it that has the same tool."""
        below = not self.graph or graph.startswith(f"{self.graph}|")
        return graph == self.graph or (below and tool == self.name)


@dataclass(frozen=True, slots=True)
class Asking:
    """The graph that asks: its namespace, the calls in its messages that have no result, and the results by id."""

    graph: str = ""
    calls: Sequence[ToolCall] = ()
    results: Mapping[str, int] = field(default_factory=dict)


def decided_calls(interrupt: str, ask: Ask, decisions: Sequence[Decision], asking: Asking) -> Iterator[Approved]:
    """What was decided of the calls that an ask is about; nothing of a gate's, which itself sees to what runs."""
    if ask.dialect == GATED.name:
        return
    left = [*_named(ask.payload), *asking.calls]
    for action, decision in zip(ask.actions, decisions, strict=True):
        call = next((each for each in left if (each.name, each.args) == (action.name, action.value)), None)
        if call is not None:
            left = [each for each in left if each.id != call.id]
            args = _decided(ask, action, decision)
            if args is not None:
                short = {key: each for key, each in args.items() if len(canonical(each)) <= LONGEST}
                long = {key: json_mark(each) for key, each in args.items() if key not in short}
                results, rejected = asking.results.get(call.id, 0), decision.choice is Choice.REJECT
                yield Approved(call.id, call.name, short, long, interrupt, asking.graph, results, rejected)


def _decided(ask: Ask, action: Action, decision: Decision) -> Mapping[str, Json] | None:
    """The arguments that were approved or rejected; None where neither was."""
    match decision.choice, decision.value if decision.choice is Choice.EDIT else action.value:
        case Choice.APPROVE | Choice.REJECT, dict(args):
            return args
        case Choice.EDIT, dict(args) if ask.encoding is None:  # else `answers:` says what becomes of it
            return args
        case _:
            return None


def _named(payload: Json) -> Iterator[ToolCall]:
    """The tool calls in a payload that have an id."""
    match payload:
        case {"name": str(name), "args": dict(args), "tool_call_id": str(call)}:
            yield ToolCall(call, name, args)
        case {"name": str(name), "args": dict(args), "id": str(call)}:
            yield ToolCall(call, name, args)
        case dict():
            for each in payload.values():
                yield from _named(each)
        case list():
            for each in payload:
                yield from _named(each)
        case _:
            pass


# Where it is kept -----------------------------------------------------------------------------------------------------


def numbered(calls: Sequence[Approved], before: Sequence[Approved]) -> Sequence[Approved]:
    """The calls with their numbers; one that is decided by the same decision again keeps the number that it has."""
    return [_numbered(each, [old for old in before if old.key == each.key]) for each in calls]


def _numbered(call: Approved, before: Sequence[Approved]) -> Approved:
    last = max(before, key=lambda each: each.number, default=None)
    if last is None or replace(call, number=last.number) == last:
        return last or call
    return replace(call, number=last.number + 1)


async def keep(saver: Any, config: Mapping[str, Any], checkpoint: str, calls: Sequence[Approved]) -> None:
    """Write calls to a checkpoint at the root. Writing one again changes nothing."""
    configurable = {**config["configurable"], "checkpoint_ns": "", "checkpoint_id": checkpoint}
    for each in calls:
        written, of = [(APPROVED, canonical(asdict(each)))], json_mark([*each.key])[:32]
        await saver.aput_writes({**config, "configurable": configurable}, written, f"{APPROVED}:{of}:{each.number}")


def of_step(writes: Sequence[tuple[str, str, Any]]) -> Sequence[Approved]:
    """The last decision on each call, of the writes of a checkpoint."""
    found = sorted((_read(json.loads(written)) for _, channel, written in writes if channel == APPROVED), key=_order)
    return list({each.key: each for each in found}.values())


def _order(call: Approved) -> tuple[int, tuple[str, str]]:
    return call.number, call.key


def spelled(calls: Sequence[Approved], here: int = 0) -> str:
    """A mark for the metadata of checkpoints: the last `MOST` calls, and in any case the last `here`."""
    last = list({each.key: each for each in calls}.values())[-max(MOST, here) :]
    return canonical([asdict(each) for each in last]) if last else ""


def read(mark: str) -> Sequence[Approved]:
    """The reading of `spelled`."""
    return [_read(each) for each in json.loads(mark)] if mark else []


def _read(stored: Any) -> Approved:
    return Approved(**stored)
