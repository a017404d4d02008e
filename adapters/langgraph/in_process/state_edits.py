"""Changes to a thread's state that people decide at a halt: edits, skipped nodes, tool calls run or refused.

Each is one `update_state` at the checkpoint that people looked at, under the lane's fence, with a mark in the metadata
of what it writes: whoever is delivered the same decision again sees the mark, and does not update twice.

An edit puts what the person saw in the state's place: `Overwrite` goes past a reducer, which would add to what is
there. Messages keep their types and ids. Tool calls that are refused become a message of the model with only those,
each with its result; those that are approved become a message after it: every model provider takes that order, the
refused tools do not run, and the model learns why.

https://docs.langchain.com/oss/python/langgraph/use-time-travel, https://docs.langchain.com/oss/python/langgraph/graph-api
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage, convert_to_messages
from langgraph.channels import BinaryOperatorAggregate
from langgraph.errors import InvalidUpdateError
from langgraph.types import Overwrite, StateUpdate
from pydantic import ValidationError

from adapters.langgraph.dialects.breakpoint import ToolCall
from adapters.langgraph.dialects.to_json import plain
from adapters.langgraph.guards.approved import Asking
from adapters.langgraph.in_process.threads import Level
from engine.asks.ask import Choice, Decision, Json, Problem

_CALL_BLOCKS = frozenset({"tool_use", "tool_call", "function_call"})

NOT_FITTING = "The agent's state does not take this change:"
REFUSED = "A person refused this tool call."
"""What the model is told of a refusal without a reason."""


class CannotMoveError(Exception):
    """The state does not take the change; the message is a sentence for the person."""


async def update(graph: Any, level: Level, config: Mapping[str, Any], updates: Sequence[StateUpdate]) -> None:
    """Write to the checkpoint of a level. `config` carries the fence and the marks.

    Raises CannotMoveError where the graph does not take it.
    """
    configurable = {**level.snapshot.config["configurable"], **config["configurable"]}
    try:
        await graph.abulk_update_state({**config, "configurable": configurable}, [list(updates)])
    except (InvalidUpdateError, KeyError, TypeError, ValueError, AttributeError) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CannotMoveError(f"{NOT_FITTING} {said}") from None


# Edits ----------------------------------------------------------------------------------------------------------------


def state_of(level: Level) -> dict[str, Json]:
    """The fields of a state, as JSON; none where it is no object."""
    values = level.snapshot.values
    return {name: plain(each).value for name, each in values.items()} if isinstance(values, Mapping) else {}


def can_be_edited(level: Level) -> bool:
    """Whether every field that is shown means to the graph what it shows."""
    values = level.snapshot.values
    return isinstance(values, Mapping) and all(plain(each).exact or _is_talk(each) for each in values.values())


def edits(graph: Any, level: Level, edited: Mapping[str, Json]) -> dict[str, Any]:
    """The fields that were changed, as the graph takes them.

    Raises CannotMoveError where its own schema refuses what they make of the state.
    """
    values, shown = level.snapshot.values, state_of(level)
    changed = {name: each for name, each in edited.items() if name not in shown or shown[name] != each}
    meant = {name: _meant(values.get(name), each) for name, each in changed.items()}
    waiting = [task.name for task in level.snapshot.tasks]
    if found := refused(graph, waiting, values, meant):
        told = "; ".join(f"{'.'.join(map(str, each.path))}: {each.sentence}".lstrip(": ") for each in found)
        raise CannotMoveError(f"{NOT_FITTING} {told}")
    return {name: _taken(graph.channels.get(name), each) for name, each in meant.items()}


def refused(
    graph: Any, waiting: Sequence[str], values: Mapping[str, Any], edited: Mapping[str, Any], *, whole: bool = True
) -> list[Problem]:
    """Why the graph's own schemas refuse a state with these fields edited.

    LangGraph validates a state when it prepares a node, so each node's schema is asked about the edited fields; those
    that wait, about the state as a whole too. `whole` is false where `values` are not all that is there.
    """
    state, found = {**values, **edited}, dict[tuple[str | int, ...], Problem]()
    for name, node in graph.nodes.items():
        channels = [node.channels] if isinstance(node.channels, str) else list(node.channels)
        if node.mapper is None or edited.keys().isdisjoint(channels):
            continue
        for problem in _raised(node.mapper, {each: state[each] for each in channels if each in state}):
            of_whole = whole and name in waiting and not problem.path
            if of_whole or (problem.path and problem.path[0] in edited):
                found.setdefault(problem.path, problem)
    return list(found.values())


def _raised(mapper: Callable[[Any], Any], state: Mapping[str, Any]) -> list[Problem]:
    """What a schema says of a state: pydantic tells it field by field, a dataclass may raise anything."""
    try:
        mapper(dict(state))
    except ValidationError as error:
        return [Problem(tuple(each["loc"]), _sentence(each["msg"])) for each in error.errors(include_url=False)]
    except Exception as error:  # noqa: BLE001 - the graph's own code
        return [Problem((), _sentence(str(error).strip() or type(error).__name__))]
    return []


def _sentence(said: str) -> str:
    first = said.removeprefix("Value error, ").splitlines()[0]
    return f"{first[:1].upper()}{first[1:].rstrip('.')}."


def _meant(before: Any, after: Json) -> Any:
    return _talk(before, after) if _is_talk(before) and isinstance(after, list) else after


def _taken(channel: Any, value: Any) -> Any:
    return Overwrite(value) if isinstance(channel, BinaryOperatorAggregate) else value


def _is_talk(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, BaseMessage) for each in value)


def _talk(before: Sequence[BaseMessage], after: Sequence[Json]) -> list[BaseMessage]:
    """Messages as people left them: untouched ones as they were, others with what was changed."""
    known = {each.id: each for each in before if each.id}
    return [_message(known, each) for each in after]


def _message(known: Mapping[str, BaseMessage], edited: Json) -> BaseMessage:
    if not isinstance(edited, dict):
        raise CannotMoveError("A message has to be an object with a type and a content.")
    original = known.get(str(edited.get("id")))
    if original is None:
        try:
            return convert_to_messages([edited])[0]
        except (ValueError, TypeError, NotImplementedError) as error:
            raise CannotMoveError(f"This is no message: {str(error).splitlines()[0]}") from None
    shown = plain(original).value
    if shown == edited or not isinstance(shown, dict):
        return original
    changed = {name: each for name, each in edited.items() if shown.get(name) != each}
    removed = {
        name: type(original).model_fields[name].get_default(call_default_factory=True) for name in shown.keys() - edited
    }
    return type(original).model_validate({**original.model_dump(), **removed, **changed})


# Tool calls -----------------------------------------------------------------------------------------------------------


def open_calls(messages: Sequence[BaseMessage]) -> tuple[ToolCall, ...]:
    """The tool calls of the last AI message that have no result yet."""
    return tuple(
        ToolCall(str(call["id"]), call["name"], {name: plain(each).value for name, each in call["args"].items()})
        for call in _open(messages)
    )


def _open(messages: Sequence[BaseMessage]) -> Iterator[Any]:
    last = next((each for each in reversed(messages) if isinstance(each, AIMessage)), None)
    if last is not None:
        done = {each.tool_call_id for each in messages[messages.index(last) :] if isinstance(each, ToolMessage)}
        yield from (call for call in last.tool_calls if call["id"] not in done)


def asking_of(graph: str, state: Any) -> Asking:
    """What tool calls a graph may ask about, of all messages in its state."""
    talks = [each for each in state.values() if _is_talk(each)] if isinstance(state, Mapping) else []
    results = Counter(each.tool_call_id for talk in talks for each in talk if isinstance(each, ToolMessage))
    return Asking(graph, [call for talk in talks for call in open_calls(talk)], results)


def messages_of(level: Level, key: str) -> list[BaseMessage]:
    """The messages in a field of a state; none where it holds something else."""
    values = level.snapshot.values
    found = values.get(key) if isinstance(values, Mapping) else None
    return found if _is_talk(found) and found is not None else []


def decided_calls(messages: Sequence[BaseMessage], decisions: Sequence[Decision]) -> tuple[list[BaseMessage], bool]:
    """The messages that a decision about each open call writes, and whether any call is left to run.

    No messages where all calls run as they are.
    """
    calls = list(_open(messages))
    last = next(each for each in reversed(messages) if isinstance(each, AIMessage))
    pairs = list(zip(calls, decisions, strict=True))
    refused = [(call, each) for call, each in pairs if each.choice is Choice.REJECT]
    running = [_call(call, each) for call, each in pairs if each.choice is not Choice.REJECT]
    results: list[BaseMessage] = [
        ToolMessage(each.text or REFUSED, tool_call_id=call["id"], name=call["name"], status="error")
        for call, each in refused
    ]
    if not refused:
        return ([] if running == calls else [_with_calls(last, running)]), True
    if not running:
        return results, False
    first = _with_calls(last, [call for call, _ in refused])
    return [first, *results, AIMessage("", tool_calls=running)], True


def _with_calls(message: AIMessage, calls: Sequence[Any]) -> AIMessage:
    """The message with these calls alone: providers' own spellings of its calls are left out."""
    content = message.content
    if isinstance(content, list):
        content = [each for each in content if not (isinstance(each, dict) and each.get("type") in _CALL_BLOCKS)]
    spelled = {name: each for name, each in message.additional_kwargs.items() if name != "tool_calls"}
    return message.model_copy(update={"tool_calls": list(calls), "content": content, "additional_kwargs": spelled})


def _call(call: Any, decision: Decision) -> Any:
    if decision.choice is Choice.EDIT and isinstance(decision.value, dict):
        return {**call, "args": decision.value}
    return call
