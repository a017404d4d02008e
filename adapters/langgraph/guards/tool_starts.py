"""Stops a tool that starts with other arguments than people approved, or that they rejected (P4).

People approve a tool call where the graph asks; the tool starts later. In between a middleware, another node or an
update of the state may change the call. So at the tool's start, after all of them, its id is looked up among the
decisions (`approvals`), and its arguments are compared with the approved ones. Where they differ it raises before
anything of the tool has run, and the run fails with a sentence that names the tool and the fields. If a middleware
catches this, to report an error to the model, the tool has not run either: the run is stopped at its end.

Arguments are compared by their meaning to the tool: as its own schema reads them, with its defaults, and without those
that the graph injects. These starts are not compared:

- a call that nobody was asked about;
- a tool that asks for itself, until it has its answer: it starts with the model's arguments (see `drift`);
- an id that a model uses again, in another graph or once its first call has a result;
- a tool that another tool calls under its own id: that is part of the outer tool.

`BaseTool.run` and `arun` are where every tool of LangChain starts: in a ToolNode, in `create_agent`, below subgraphs,
or called by a node with a tool call. Both are replaced on the class. Private parts: `_parse_input`, by which a tool
reads its arguments, `_filter_injected_args`, and of LangGraph those that `drift` names and the function by which a task
reads its graph's channels. `check_contract` runs a tool in a ToolNode and checks that all this works. Measured on
langchain-core 1.7.0, 1.7.2 and 1.8.3.

Not covered: tools that override `run` or `arun` or are no BaseTool, calls without an id, and what a tool does inside.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache, wraps
from typing import Any

from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.runnables.config import ensure_config
from langchain_core.tools import BaseTool, StructuredTool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode

from adapters.langgraph.config_keys import APPROVALS, NAMESPACE, READ, SCRATCHPAD, interrupt_id
from adapters.langgraph.dialects.breakpoint import ToolCall, before_tools
from adapters.langgraph.dialects.to_json import to_json
from adapters.langgraph.errors import ToolChangedError
from adapters.langgraph.fingerprint import UNGUARDED
from adapters.langgraph.guards.approved_calls import AskingGraph, ToolDecision, tool_decisions
from adapters.langgraph.guards.drift import interrupts_before, json_mark, unguarded
from adapters.langgraph.guards.tool_args import without_injected
from adapters.langgraph.sentences import tool_changed
from engine.asks.ask import Choice, Decision, canonical

_installing = threading.Lock()
_within: ContextVar[frozenset[tuple[str, str]]] = ContextVar("_within", default=frozenset())
"""The calls, by graph and id, inside which this code runs."""
_MOST_NAMED = 3
_LONGEST = 60


@dataclass(slots=True)
class ToolDecisions:
    """People's decisions on tool calls, for one run; `stopped` has an error for each start that was refused."""

    calls: Sequence[ToolDecision] = ()
    stopped: list[ToolChangedError] = field(default_factory=list)

    def of(self, call: str, graph: str, tool: str) -> ToolDecision | None:
        """The decision on a call of a graph, from the nearest graph that asked."""
        found = [each for each in self.calls if each.id == call and each.covers(graph, tool)]
        return max(found, key=lambda each: len(each.graph), default=None)


def install() -> None:
    """Guard the tools of this process. May be called many times."""
    with _installing:
        if UNGUARDED not in vars(BaseTool.run):
            BaseTool.run = _guarded(BaseTool.run)  # type: ignore[method-assign]
            BaseTool.arun = _guarded_async(BaseTool.arun)  # type: ignore[method-assign]


def _guarded(run: Any) -> Any:
    @wraps(run)
    def guarded(self: BaseTool, tool_input: Any, *more: Any, **named: Any) -> Any:
        with _checking_start(self, tool_input, named.get("tool_call_id"), named.get("config")):
            return run(self, tool_input, *more, **named)

    vars(guarded)[UNGUARDED] = run
    return guarded


def _guarded_async(arun: Any) -> Any:
    @wraps(arun)
    async def guarded(self: BaseTool, tool_input: Any, *more: Any, **named: Any) -> Any:
        with _checking_start(self, tool_input, named.get("tool_call_id"), named.get("config")):
            return await arun(self, tool_input, *more, **named)

    vars(guarded)[UNGUARDED] = arun
    return guarded


@contextmanager
def _checking_start(tool: BaseTool, tool_input: Any, call: str | None, config: Any) -> Iterator[None]:
    """Surround a tool's run. Raises ToolChangedError where the tool must not run."""
    configurable = (config or ensure_config()).get("configurable", {})
    decisions, graph = configurable.get(APPROVALS), configurable.get(NAMESPACE, "").rpartition("|")[0]
    if not call or not isinstance(decisions, ToolDecisions):
        yield
        return
    if (graph, call) not in _within.get():
        _check_start(tool, tool_input, decisions, decisions.of(call, graph, tool.name), configurable)
    around = _within.set(_within.get() | {(graph, call)})
    try:
        yield
    finally:
        _within.reset(around)


def _check_start(
    tool: BaseTool,
    tool_input: Any,
    decisions: ToolDecisions,
    decided: ToolDecision | None,
    configurable: Mapping[str, Any],
) -> None:
    if decided is None or _asks_for_itself(decided, configurable):
        return
    found = _difference(tool, tool_input, decided)
    if found and not _has_new_result(configurable, decided):
        error = ToolChangedError(tool_changed(tool.name, found))
        decisions.stopped.append(error)
        raise error


def _asks_for_itself(decided: ToolDecision, configurable: Mapping[str, Any]) -> bool:
    """Tell whether the decision answers an interrupt that this task has yet to come to."""
    scratchpad = configurable.get(SCRATCHPAD)
    if scratchpad is None:
        return False
    number, namespace = interrupts_before(scratchpad.interrupt_counter), configurable.get(NAMESPACE, "")
    ahead = range(number, max(number, len(scratchpad.resume)) + 1)
    return any(decided.interrupt == interrupt_id(namespace, each) for each in ahead)


def decided_before(tool: BaseTool, call: str, configurable: Mapping[str, Any]) -> bool:
    """Tell whether people decided this tool call already, so that its start is compared with their decision."""
    decisions, graph = configurable.get(APPROVALS), configurable.get(NAMESPACE, "").rpartition("|")[0]
    if not isinstance(decisions, ToolDecisions) or (graph, call) in _within.get():
        return False
    decided = decisions.of(call, graph, tool.name)
    if decided is None or decided.name != tool.name or _asks_for_itself(decided, configurable):
        return False
    return not _has_new_result(configurable, decided)


def _has_new_result(configurable: Mapping[str, Any], decided: ToolDecision) -> bool:
    """Tell whether the model has seen a result of the decided call: then this is another call with its id."""
    try:
        messages = configurable[READ]("messages")
        results = [number for number, each in enumerate(messages) if _is_result(each, decided.id)]
        seen = any(isinstance(each, AIMessage) for each in messages[results[-1] :]) if results else False
    except Exception:  # noqa: BLE001 - a graph without such a channel, or outside of a graph
        return False
    return seen and len(results) > decided.results


def _is_result(message: Any, call: str) -> bool:
    return isinstance(message, ToolMessage) and message.tool_call_id == call


# The difference -------------------------------------------------------------------------------------------------------


def _difference(tool: BaseTool, tool_input: Any, decided: ToolDecision) -> str:
    """Describe how the call differs from the decision; "" if it does not."""
    if decided.rejected:
        return "although it was rejected" if tool.name == decided.name else ""
    if tool.name != decided.name:
        return f"in place of {decided.name}, which was approved"
    if not isinstance(tool_input, dict):  # the one argument of a tool that takes a text
        tool_input = dict.fromkeys([*decided.args, *decided.long][:1], tool_input)
    given, meant = without_injected(tool, tool_input), dict(decided.args)
    meant |= {name: given[name] for name, mark in decided.long.items() if _mark_of(given.get(name)) == mark}
    unknown = [name for name in decided.long if name not in meant]
    changed = [*unknown, *(name for name in _changed(given, meant) if name not in unknown)]
    if changed and not unknown:
        given, meant = _as_read(tool, tool_input, given, meant, decided.id)
        changed = _changed(given, meant)
    return _describe(given, meant, changed)


def _mark_of(value: Any) -> str:
    return json_mark(to_json(value).value)


def _changed(given: Mapping[str, Any], meant: Mapping[str, Any]) -> list[str]:
    names = dict.fromkeys([*given, *meant])
    return [name for name in names if _canonical(given, name) != _canonical(meant, name)]


def _canonical(arguments: Mapping[str, Any], name: str) -> str:
    return canonical(to_json(arguments[name]).value) if name in arguments else ""


def _as_read(
    tool: BaseTool, running: Mapping[str, Any], given: dict[str, Any], meant: dict[str, Any], call: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both as the tool reads them, or unchanged if it refuses one of them."""
    injected = {name: each for name, each in running.items() if name not in given}
    try:
        both = [tool._parse_input({**injected, **each}, call) for each in (given, meant)]  # noqa: SLF001
    except Exception:  # noqa: BLE001 - the tool's own validators
        return given, meant
    first, second = (without_injected(tool, each) for each in both if isinstance(each, dict))
    return first, second


def _describe(given: Mapping[str, Any], meant: Mapping[str, Any], changed: Sequence[str]) -> str:
    named = [
        _describe_argument(name[:_LONGEST], _canonical(given, name), _canonical(meant, name))
        for name in changed[:_MOST_NAMED]
    ]
    more = f", and {len(changed) - _MOST_NAMED} more" if len(changed) > _MOST_NAMED else ""
    return ", ".join(named) + more


def _describe_argument(name: str, given: str, meant: str) -> str:
    if not given:
        return f"without {name}, which was approved"
    if max(len(given), len(meant)) > _LONGEST:
        return f"with another {name} than approved"
    return f"with {name} {given} ({f'approved: {meant}' if meant else 'not approved'})"


# Check of the installed LangChain and LangGraph -----------------------------------------------------------------------


@cache
def check_contract() -> None:
    """Check that the guard works with the installed releases. Raises UnguardedError otherwise.

    A tool node gets a call that was approved, which has to run, and one with another argument, which must not, although
    the node reports errors to the model.
    """
    install()
    ran = list[int]()

    def contract(number: int) -> str:
        """Do nothing."""
        ran.append(number)
        return ""

    try:
        seen = [_count_stopped(StructuredTool.from_function(contract), number) for number in (1, 2)]
    except Exception as error:  # noqa: BLE001 - whatever it is, the guard does not work
        raise unguarded(type(error).__name__) from None
    if ran != [1] or seen != [0, 1]:
        raise unguarded("tools start another way")


def _count_stopped(tool: BaseTool, number: int) -> int:
    """Count the stopped starts of a call that was approved with the number 1."""
    ask = before_tools((), [ToolCall("1", tool.name, {"number": 1})], {})
    decisions = ToolDecisions([*tool_decisions("", ask, [Decision(Choice.APPROVE)], AskingGraph())])
    builder = StateGraph(MessagesState)
    builder.add_node("tools", ToolNode([tool], handle_tool_errors=True))
    builder.add_edge(START, "tools")
    message = AIMessage("", tool_calls=[{"id": "1", "name": tool.name, "args": {"number": str(number)}}])
    builder.compile().invoke({"messages": [message]}, {"configurable": {APPROVALS: decisions}})
    return len(decisions.stopped)
