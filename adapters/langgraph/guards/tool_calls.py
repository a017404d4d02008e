"""No tool starts with other arguments than people approved, and none that they rejected (P4).

People approve a tool call where the graph asks; the tool starts later. In between a middleware, another node or an
update of the state may change the call. So at the tool's start, behind all of them, its id is looked up among the
decisions (`approved`), and what is about to run is compared with what was approved. Where they differ it raises before
anything of the tool has run, and the run fails with a sentence that names the tool and the fields. Where a middleware
catches this, to tell the model of an error, the tool has not run either: the run is stopped when it comes to rest.

Arguments are compared by what they mean to the tool: as its own schema reads them, with its defaults, and without those
that the graph injects. These starts are not compared:

- a call that nobody was asked about;
- a tool that asks for itself, until it has its answer: it starts with what the model said (see `drift_guard`);
- an id that a model uses again, in another graph or once its first call has a result;
- what a tool calls under its own id: that is part of the tool.

`BaseTool.run` and `arun` are where every tool of LangChain starts: in a ToolNode, in `create_agent`, below subgraphs,
or called by a node with a tool call. Both are replaced on the class. Private parts: `_parse_input`, by which a tool
reads its arguments, `_filter_injected_args`, and of LangGraph what `drift_guard` names and the function by which a task
reads its graph's channels. `check_contract` lets a ToolNode run a tool and sees that all this holds. Measured on
langchain-core 1.7.0, 1.7.2 and 1.8.3.

Out of reach: tools that override `run` or `arun` or are no BaseTool, calls without an id, and what a tool does within.
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
from adapters.langgraph.dialects.to_json import plain
from adapters.langgraph.fingerprint import UNGUARDED
from adapters.langgraph.guards.approved import Approved, Asking, decided_calls
from adapters.langgraph.guards.drift import asked_before, json_mark, unguarded
from adapters.langgraph.guards.tool_args import without_injected
from engine.asks.ask import Choice, Decision, canonical

_installing = threading.Lock()
_within: ContextVar[frozenset[tuple[str, str]]] = ContextVar("_within", default=frozenset())
"""The calls, by graph and id, whose tools run around this."""
_MOST_NAMED = 3
_LONGEST = 60
_NOT_RUN = " It was not run."


class ToolChangedError(RuntimeError):
    """A tool was about to run with something else than people decided; the message is a sentence for people.

    It is no ValueError or the like: those a tool, or what stands around it, may take for a mistake of the model.
    """


def tells_of_one(sentence: str) -> bool:
    """Whether a sentence about a failure is that of a ToolChangedError: no other begins and ends so."""
    return sentence.startswith("The tool ") and sentence.endswith(_NOT_RUN)


@dataclass(slots=True)
class Approvals:
    """What people decided of tool calls, for one run; `stopped` are the starts that it did not allow."""

    calls: Sequence[Approved] = ()
    stopped: list[ToolChangedError] = field(default_factory=list)

    def of(self, call: str, graph: str, tool: str) -> Approved | None:
        """The decision on a call of a graph: that of the nearest graph which asked."""
        found = [each for each in self.calls if each.id == call and each.covers(graph, tool)]
        return max(found, key=lambda each: len(each.graph), default=None)


def install() -> None:
    """Guard the tools of this process. May be done many times."""
    with _installing:
        if UNGUARDED not in vars(BaseTool.run):
            BaseTool.run = _guarded(BaseTool.run)  # type: ignore[method-assign]
            BaseTool.arun = _guarded_async(BaseTool.arun)  # type: ignore[method-assign]


def _guarded(run: Any) -> Any:
    @wraps(run)
    def guarded(self: BaseTool, tool_input: Any, *more: Any, **named: Any) -> Any:
        with _started(self, tool_input, named.get("tool_call_id"), named.get("config")):
            return run(self, tool_input, *more, **named)

    vars(guarded)[UNGUARDED] = run
    return guarded


def _guarded_async(arun: Any) -> Any:
    @wraps(arun)
    async def guarded(self: BaseTool, tool_input: Any, *more: Any, **named: Any) -> Any:
        with _started(self, tool_input, named.get("tool_call_id"), named.get("config")):
            return await arun(self, tool_input, *more, **named)

    vars(guarded)[UNGUARDED] = arun
    return guarded


@contextmanager
def _started(tool: BaseTool, tool_input: Any, call: str | None, config: Any) -> Iterator[None]:
    """Around a tool that runs. Raises ToolChangedError where it must not."""
    configurable = (config or ensure_config()).get("configurable", {})
    approvals, graph = configurable.get(APPROVALS), configurable.get(NAMESPACE, "").rpartition("|")[0]
    if not call or not isinstance(approvals, Approvals):
        yield
        return
    if (graph, call) not in _within.get():
        _check(tool, tool_input, approvals, approvals.of(call, graph, tool.name), configurable)
    around = _within.set(_within.get() | {(graph, call)})
    try:
        yield
    finally:
        _within.reset(around)


def _check(
    tool: BaseTool, tool_input: Any, approvals: Approvals, decided: Approved | None, configurable: Mapping[str, Any]
) -> None:
    if decided is None or _asks_for_itself(decided, configurable):
        return
    found = _difference(tool, tool_input, decided)
    if found and not _is_over(configurable, decided):
        error = ToolChangedError(f"{found}{_NOT_RUN}")
        approvals.stopped.append(error)
        raise error


def _asks_for_itself(decided: Approved, configurable: Mapping[str, Any]) -> bool:
    """Whether the decision is the answer to an interrupt that this task has yet to come to."""
    scratchpad = configurable.get(SCRATCHPAD)
    if scratchpad is None:
        return False
    number, namespace = asked_before(scratchpad.interrupt_counter), configurable.get(NAMESPACE, "")
    ahead = range(number, max(number, len(scratchpad.resume)) + 1)
    return any(decided.interrupt == interrupt_id(namespace, each) for each in ahead)


def decided_before(tool: BaseTool, call: str, configurable: Mapping[str, Any]) -> bool:
    """Whether people decided this call of a tool, so that its start is compared with what they decided."""
    approvals, graph = configurable.get(APPROVALS), configurable.get(NAMESPACE, "").rpartition("|")[0]
    if not isinstance(approvals, Approvals) or (graph, call) in _within.get():
        return False
    decided = approvals.of(call, graph, tool.name)
    if decided is None or decided.name != tool.name or _asks_for_itself(decided, configurable):
        return False
    return not _is_over(configurable, decided)


def _is_over(configurable: Mapping[str, Any], decided: Approved) -> bool:
    """Whether the call has a result that the model has seen since it was decided: then this is another of its id."""
    try:
        messages = configurable[READ]("messages")
        results = [number for number, each in enumerate(messages) if _is_result(each, decided.id)]
        seen = any(isinstance(each, AIMessage) for each in messages[results[-1] :]) if results else False
    except Exception:  # noqa: BLE001 - a graph without such a channel, or outside of a graph
        return False
    return seen and len(results) > decided.results


def _is_result(message: Any, call: str) -> bool:
    return isinstance(message, ToolMessage) and message.tool_call_id == call


# What differs ---------------------------------------------------------------------------------------------------------


def _difference(tool: BaseTool, tool_input: Any, decided: Approved) -> str:
    """A sentence where something else is about to run than was decided."""
    if decided.rejected:
        return f"The tool {tool.name} was about to run although it was rejected." if tool.name == decided.name else ""
    if tool.name != decided.name:
        return f"The tool {tool.name} was about to run in place of {decided.name}, which was approved."
    if not isinstance(tool_input, dict):  # the one argument of a tool that takes a text
        tool_input = dict.fromkeys([*decided.args, *decided.long][:1], tool_input)
    given, meant = without_injected(tool, tool_input), dict(decided.args)
    meant |= {name: given[name] for name, mark in decided.long.items() if _mark(given.get(name)) == mark}
    unknown = [name for name in decided.long if name not in meant]
    changed = [*unknown, *(name for name in _changed(given, meant) if name not in unknown)]
    if changed and not unknown:
        given, meant = _as_read(tool, tool_input, given, meant, decided.id)
        changed = _changed(given, meant)
    return f"The tool {tool.name} was about to run {_told(given, meant, changed)}." if changed else ""


def _mark(value: Any) -> str:
    return json_mark(plain(value).value)


def _changed(given: Mapping[str, Any], meant: Mapping[str, Any]) -> list[str]:
    names = dict.fromkeys([*given, *meant])
    return [name for name in names if _spelled(given, name) != _spelled(meant, name)]


def _spelled(arguments: Mapping[str, Any], name: str) -> str:
    return canonical(plain(arguments[name]).value) if name in arguments else ""


def _as_read(
    tool: BaseTool, running: Mapping[str, Any], given: dict[str, Any], meant: dict[str, Any], call: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both as the tool reads them; as they are where it refuses either."""
    injected = {name: each for name, each in running.items() if name not in given}
    try:
        both = [tool._parse_input({**injected, **each}, call) for each in (given, meant)]  # noqa: SLF001
    except Exception:  # noqa: BLE001 - the tool's own validators
        return given, meant
    first, second = (without_injected(tool, each) for each in both if isinstance(each, dict))
    return first, second


def _told(given: Mapping[str, Any], meant: Mapping[str, Any], changed: Sequence[str]) -> str:
    told = [_told_one(name[:_LONGEST], _spelled(given, name), _spelled(meant, name)) for name in changed[:_MOST_NAMED]]
    more = f", and {len(changed) - _MOST_NAMED} more" if len(changed) > _MOST_NAMED else ""
    return ", ".join(told) + more


def _told_one(name: str, given: str, meant: str) -> str:
    if not given:
        return f"without {name}, which was approved"
    if max(len(given), len(meant)) > _LONGEST:
        return f"with another {name} than approved"
    return f"with {name} {given} ({f'approved: {meant}' if meant else 'not approved'})"


# Does it hold with this LangChain? ------------------------------------------------------------------------------------


@cache
def check_contract() -> None:
    """See that the guard holds with the LangChain and LangGraph that are installed. Raises UnguardedError otherwise.

    A tool node is given a call that was approved, which has to run, and one with another argument than was approved,
    which must not, although the node tells the model of errors.
    """
    install()
    ran = list[int]()

    def contract(number: int) -> str:
        """Do nothing."""
        ran.append(number)
        return ""

    try:
        seen = [_run(StructuredTool.from_function(contract), number) for number in (1, 2)]
    except Exception as error:  # noqa: BLE001 - whatever it is, the contract does not hold
        raise unguarded(type(error).__name__) from None
    if ran != [1] or seen != [0, 1]:
        raise unguarded("tools start another way")


def _run(tool: BaseTool, number: int) -> int:
    """How many starts were stopped of a call that was approved with the number 1 and comes with another."""
    ask = before_tools((), [ToolCall("1", tool.name, {"number": 1})], {})
    approvals = Approvals([*decided_calls("", ask, [Decision(Choice.APPROVE)], Asking())])
    builder = StateGraph(MessagesState)
    builder.add_node("tools", ToolNode([tool], handle_tool_errors=True))
    builder.add_edge(START, "tools")
    message = AIMessage("", tool_calls=[{"id": "1", "name": tool.name, "args": {"number": str(number)}}])
    builder.compile().invoke({"messages": [message]}, {"configurable": {APPROVALS: approvals}})
    return len(approvals.stopped)
