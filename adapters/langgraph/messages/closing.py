"""Closes tool calls without a result before a new turn, because model providers refuse messages with open calls.

A call stays open if a run ended between the model's message and the results: a tool failed, a limit was reached, nobody
approved it. OpenAI and Anthropic refuse such messages, and would refuse each later turn of the thread. So the input of
the new turn has a result for each open call, before the person's message: one checkpoint has both, a message that is
delivered again closes nothing twice, and the graph starts as with any input.

| the open call | its result |
|---|---|
| its tool finished, beside one that did not | the tool's result |
| its tool raised | Failed: and the error, with secrets masked |
| another call raised while its tool ran | Not finished: another call failed while it ran. It may have had its effect. |
| a limit ended the run | Not finished: and which limit |
| nobody approved it | Not run: nobody approved it. |
| its arguments could not be parsed | Not run: its arguments could not be read. |
| anything else | Not run: the conversation went on without it. |

If other messages follow the open call already, as in threads of earlier versions, results at the end would be out of
order: then the list is replaced, if its reducer is LangGraph's `add_messages`. A list that the input replaces needs
nothing. A field that the input schema leaves out is written by an update before the input, which voids whatever that
update would run next.

Only fields of the root and of subgraphs with a memory of their own (`checkpointer=True`) outlive a turn.
https://docs.langchain.com/oss/python/langchain/messages#tool-message
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from langchain_core.messages import AIMessage, BaseMessage, RemoveMessage, ToolMessage
from langgraph.channels import LastValue
from langgraph.errors import InvalidUpdateError
from langgraph.graph.message import REMOVE_ALL_MESSAGES, add_messages

from adapters.langgraph.config_keys import PUSHED
from adapters.langgraph.sentences import failure
from adapters.langgraph.tasks import died, failed, was_cancelled

NOT_APPROVED = "Not run: nobody approved it."
NOT_READ = "Not run: its arguments could not be read."
CUT_OFF = "Not finished: another call failed while it ran. It may have had its effect."
LEFT = "Not run: the conversation went on without it."
Masked = Callable[[str], str]
Message: TypeAlias = BaseMessage | Mapping[str, Any]
"""A message of LangChain, or `{"role": ..., "content": ...}` in a graph that calls a provider by itself."""
_AGENT = frozenset({"assistant", "ai"})


@dataclass(frozen=True, slots=True)
class ClosedCalls:
    """The update of one field of messages: `results` to append, or `messages` to replace all of them."""

    results: list[Message]
    messages: list[Message]
    in_order: bool
    """True if results at the end follow their calls, so that they can be appended."""


def close_fields(snapshot: Any, last_run: "LastRun") -> dict[str, ClosedCalls]:
    """Close the open calls in a state's fields, by field."""
    values = snapshot.values
    fields = values.items() if isinstance(values, Mapping) else ()
    lists = ((name, each) for name, each in fields if isinstance(each, list))
    found = ((name, close_calls(each, snapshot.tasks, last_run)) for name, each in lists)
    return {name: each for name, each in found if each is not None}


def close_calls(messages: Sequence[Any], tasks: Sequence[Any], last_run: "LastRun") -> ClosedCalls | None:
    """Close the open calls of these messages; `tasks` are those of the unfinished step."""
    if not all(isinstance(each, BaseMessage) or _role(each) for each in messages):
        return None
    # A snapshot shows the results of an unfinished step, but an input drops them.
    given = {each.tool_call_id: each for task in tasks for each in _tool_results(task.result)}
    unstored = {each.id for each in given.values()}
    stored = [each for each in messages if not (isinstance(each, ToolMessage) and each.id in unstored)]
    results = _missing_results(stored, given, tasks, last_run)
    flat = [result for each in results.values() for result in each]
    complete = list(_with_results(stored, results))
    return ClosedCalls(flat, complete, in_order=complete == [*stored, *flat]) if flat else None


def input_with(graph: Any, given: Any, found: Mapping[str, ClosedCalls]) -> Any:
    """Make the input of a turn with the results before its own messages."""
    if not isinstance(given, Mapping):
        return given
    added = {name: _update(graph.channels[name], each) for name, each in found.items() if _is_in_input(graph, name)}
    return {**given, **{name: [*each, *_as_list(given.get(name))] for name, each in added.items() if each}}


async def update_beforehand(
    graph: Any, inner: Any, snapshot: Any, config: Mapping[str, Any], found: Mapping[str, ClosedCalls]
) -> None:
    """Write the fields that an input cannot reach, as if a node that waits, or any node that can, had written them.

    `inner` is the graph that the snapshot is of, `graph` the root.
    """
    values = {name: _update(inner.channels[name], each, replace=True) for name, each in found.items()}
    values = {name: each for name, each in values.items() if each}
    nodes = dict.fromkeys((*(task.name for task in snapshot.tasks), *inner.nodes))
    where = {**config, "configurable": {**config["configurable"], **snapshot.config["configurable"]}}
    for node in nodes if values else ():
        try:
            await graph.aupdate_state(where, values, node)
        except InvalidUpdateError:
            continue
        return


def outside_input(graph: Any, found: Mapping[str, ClosedCalls]) -> dict[str, ClosedCalls]:
    """List the fields that the graph's input schema leaves out."""
    return {name: each for name, each in found.items() if not _is_in_input(graph, name)}


def _is_in_input(graph: Any, name: str) -> bool:
    builder = getattr(graph, "builder", None)
    schemas = getattr(builder, "schemas", {})
    return name in schemas.get(getattr(builder, "input_schema", None), {})


def _update(channel: Any, closing: ClosedCalls, *, replace: bool = False) -> list[Message]:
    if isinstance(channel, LastValue):
        return closing.messages if replace else []  # an input replaces the field
    if closing.in_order:
        return closing.results
    if getattr(channel, "operator", None) is add_messages:
        return [RemoveMessage(id=REMOVE_ALL_MESSAGES), *closing.messages]
    return []


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [] if value is None else [value]


# The open calls and their results -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LastRun:
    """The way in which the run before ended. `refused`: the open requests were not approved."""

    stopped_for: str
    refused: bool
    masked: Masked

    def reason_for_one(self, task: Any, beside: Sequence[Any]) -> str:
        """Say why the call that this task was to run has no result; `beside` are the tasks of its step."""
        cut_off = was_cancelled(task) or (died(task) and any(failed(each) for each in beside))
        return CUT_OFF if cut_off and not self.stopped_for else self.reason_for([task])

    def reason_for(self, tasks: Sequence[Any]) -> str:
        """Say why the calls that these tasks were to run have no result."""
        if self.stopped_for:
            return f"Not finished: {self.masked(self.stopped_for)}"
        raised = next((task.error for task in tasks if failed(task)), None)
        if raised is not None:
            return self.masked(failure(raised).replace("The agent failed: ", "Failed: ", 1))
        return NOT_APPROVED if self.refused else LEFT


def _missing_results(
    messages: Sequence[Message], given: Mapping[str, BaseMessage], tasks: Sequence[Any], last_run: LastRun
) -> dict[int, list[Message]]:
    """Make the results of open calls, by the index of the message with the calls."""
    ais = [at for at, each in enumerate(messages) if isinstance(each, AIMessage) or _role(each) in _AGENT]
    found: dict[int, list[Message]] = {}
    for at, end in zip(ais, [*ais, len(messages)][1:], strict=True):
        answered = {_answered(each) for each in messages[at:end]}
        made = messages[at]  # other messages may have the same ids: models number calls as they like
        calls, invalid = _calls_of(made)
        left = [call for call in calls if call["id"] and call["id"] not in answered]
        unparsed = [call for call in invalid if call["id"] and call["id"] not in answered]
        reasons = _reasons(left, tasks, last_run) if at == ais[-1] else [LEFT] * len(left)
        known = given if at == ais[-1] else {}
        results = [
            known.get(str(call["id"])) or _result_for(made, call, each)
            for call, each in zip(left, reasons, strict=True)
        ]
        found[at] = [*results, *(_result_for(made, each, NOT_READ) for each in unparsed)]
    return found


def _calls_of(message: Message) -> tuple[Sequence[Any], Sequence[Any]]:
    """List the calls of a model's message that have an id and a name, and those that could not be parsed."""
    if isinstance(message, AIMessage):
        return message.tool_calls, message.invalid_tool_calls
    listed = message.get("tool_calls") if isinstance(message, Mapping) else None
    calls = [each for each in listed if isinstance(each, Mapping)] if isinstance(listed, list) else []
    return [{"id": each.get("id"), "name": _name_of(each)} for each in calls], ()


def _name_of(call: Mapping[str, Any]) -> Any:
    function = call.get("function")
    return function.get("name") if isinstance(function, Mapping) else call.get("name")


def _answered(message: Message) -> Any:
    """Return the id of the call whose result a message is; None for another message."""
    if isinstance(message, ToolMessage):
        return message.tool_call_id
    return message.get("tool_call_id") if isinstance(message, Mapping) else None


def _role(message: Any) -> str:
    """Return the role of a message that is a mapping; "" for any other value."""
    found = (message.get("role") or message.get("type")) if isinstance(message, Mapping) else None
    return found if isinstance(found, str) else ""


def _reasons(calls: Sequence[Any], tasks: Sequence[Any], last_run: LastRun) -> list[str]:
    """Say for each call of the last step why it has no result: one by one if each has a task of its own."""
    own = [task for task in tasks if task.path and task.path[0] == PUSHED]
    return (
        [last_run.reason_for_one(task, own) for task in own]
        if len(own) == len(calls)
        else [last_run.reason_for(tasks)] * len(calls)
    )


def _result_for(made: Message, call: Any, why: str) -> Message:
    """Make a result in the form of the message with the call."""
    if isinstance(made, Mapping):
        return {"role": "tool", "tool_call_id": call["id"], "name": call["name"], "content": why}
    return ToolMessage(why, tool_call_id=call["id"], name=call["name"], status="error")


def _tool_results(result: Any) -> Iterator[ToolMessage]:
    """List the tool results in the writes of a finished task."""
    for value in result.values() if isinstance(result, Mapping) else ():
        yield from (each for each in _as_list(value) if isinstance(each, ToolMessage))


def _with_results(messages: Sequence[Message], results: Mapping[int, Sequence[Message]]) -> Iterator[Message]:
    """Insert each result after its call and the results that follow it already."""
    waiting: Sequence[Message] = ()
    for at, message in enumerate(messages):
        if waiting and _answered(message) is None:
            yield from waiting
            waiting = ()
        yield message
        waiting = results.get(at, waiting)
    yield from waiting
