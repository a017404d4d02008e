"""Pauses without a payload of their own: a breakpoint, tool calls that wait at one, a NodeInterrupt.

| pause | approve | edit | skip | reject |
|---|---|---|---|---|
| breakpoint | go on | change the state, then go on | go past the waiting nodes | the run stops |
| before a tool node | run this call | run it with other arguments | | the tool does not run, the model is told |
| NodeInterrupt | run the node again | change the state, then run it | go past it | the run stops |

`adapters.langgraph.in_process.threads.state_edits` carries the decisions out. A state may be large: a field that is too
long to read is named with its length and hash, and cannot be edited.

https://docs.langchain.com/oss/python/langgraph/interrupts#debugging-with-interrupts
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from adapters.langgraph.dialects.base import Dialect, Question, unexpected
from adapters.langgraph.dialects.json_schema import Schema, inferred
from engine.asks.ask import Action, Ask, Choice, Decision, Json, Kind, KnownBy, canonical

LONGEST_FIELD = 20_000
"""The most characters of one field, as JSON, that are kept with an approval."""
LONGEST_STATE = 200_000

_GO_ON = (Choice.APPROVE, Choice.EDIT, Choice.SKIP, Choice.REJECT)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool call of the last AI message that has no result yet."""

    id: str
    name: str
    args: Mapping[str, Json]


def shown_state(values: Mapping[str, Json]) -> tuple[dict[str, Json], str]:
    """Split a state into the fields to show and a line about each field that is too long."""
    left, shown, lines = LONGEST_STATE, dict[str, Json](), list[str]()
    for name, value in values.items():
        size = len(spelled := canonical(value))
        if size > min(left, LONGEST_FIELD):
            mark = hashlib.sha256(spelled.encode("utf-8", "surrogatepass")).hexdigest()[:12]
            lines.append(f"{name}: {size:,} characters, which are not shown and not changed here ({mark})")
        else:
            shown[name], left = value, left - size
    return shown, "\n".join(lines)


def at_breakpoint(nodes: str, paths: Sequence[str], values: Mapping[str, Json], *, may_edit: bool) -> Ask:
    """Ask before nodes run. `values` is the state, as JSON."""
    shown, rest = shown_state(values)
    choices = tuple(each for each in _GO_ON if each is not Choice.EDIT or (may_edit and shown))
    action = Action("state", shown, choices, rest, _object_of(shown), reject_stops=True)
    payload: Json = {"next": list(paths), "state": shown, "rest": rest}
    return Ask(BREAKPOINT.name, Kind.BREAKPOINT, _question(nodes), (action,), payload, known_by=KnownBy.LIBRARY)


def _question(nodes: str) -> str:
    if not nodes:
        return "Let the run end?"
    return f"Run the steps {nodes}?" if ", " in nodes else f'Run the step "{nodes}"?'


def _object_of(shown: Mapping[str, Json]) -> Schema | None:
    """Make a form of exactly these fields."""
    schema = inferred(dict(shown))
    if schema is None or "properties" not in schema:
        return schema
    return {**schema, "additionalProperties": False}


def before_tools(paths: Sequence[str], calls: Iterable[ToolCall], tools: Mapping[str, Schema]) -> Ask:
    """Ask before a node that runs these tool calls."""
    calls = tuple(calls)
    choices = (Choice.APPROVE, Choice.EDIT, Choice.REJECT)
    actions = tuple(
        Action(call.name, dict(call.args), choices, schema=tools.get(call.name) or inferred(dict(call.args)))
        for call in calls
    )
    asked: list[Json] = [{"id": call.id, "name": call.name, "args": dict(call.args)} for call in calls]
    payload: Json = {"next": list(paths), "tool_calls": asked}
    return Ask(TOOLS.name, Kind.TOOL_CALL, "", actions, payload, known_by=KnownBy.LIBRARY)


def node_interrupt(nodes: str, said: Sequence[Json], values: Mapping[str, Json], *, may_edit: bool) -> Ask:
    """Ask about nodes that stopped themselves with the deprecated NodeInterrupt, and quote them."""
    ask = at_breakpoint(nodes, (nodes,), values, may_edit=may_edit)
    words = "\n".join(each if isinstance(each, str) else canonical(each) for each in said)
    payload: Json = {"said": list(said), "at": ask.payload}
    said_so = f"{nodes} stopped: {words}"
    return Ask(NODE_INTERRUPT.name, Kind.BREAKPOINT, said_so, ask.actions, payload, known_by=KnownBy.LIBRARY)


# A checkpoint shows these pauses, and an update of the state carries out the decision: no payload, no value.


def _recognise_nothing(_: Question) -> Ask | None:
    return None


def _encode_nothing(ask: Ask, decisions: Sequence[Decision]) -> object:
    raise unexpected(ask, decisions[0])


BREAKPOINT = Dialect("breakpoint", _recognise_nothing, _encode_nothing)
TOOLS = Dialect("breakpoint_tools", _recognise_nothing, _encode_nothing)
NODE_INTERRUPT = Dialect("node_interrupt", _recognise_nothing, _encode_nothing)
_STEP: Mapping[Choice, str] = {
    Choice.APPROVE: "goes on",
    Choice.EDIT: "changes the state, then goes on",
    Choice.SKIP: "skips the waiting steps",
    Choice.REJECT: "stops the run here",
}
DOES: Mapping[str, Mapping[Choice, str]] = {
    BREAKPOINT.name: _STEP,
    NODE_INTERRUPT.name: {**_STEP, Choice.APPROVE: "runs the step again"},
    TOOLS.name: {
        Choice.APPROVE: "runs the tool call",
        Choice.EDIT: "runs the tool call with the changed arguments",
        Choice.REJECT: "does not run the tool call; the model is told the reason",
    },
}
"""The effect of each choice, for `signoff check`: see `adapters.langgraph.in_process.decisions.pauses`."""
