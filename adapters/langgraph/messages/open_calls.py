"""Open tool calls, which have no result yet, and the messages that carry out people's decisions about them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeGuard

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage

from adapters.langgraph.dialects.breakpoint import ToolCall
from adapters.langgraph.dialects.to_json import to_json
from adapters.langgraph.sentences import TOOL_CALL_REFUSED
from engine.asks.ask import Choice, Decision

_CALL_BLOCKS = frozenset({"tool_use", "tool_call", "function_call"})


def are_messages(value: Any) -> TypeGuard[list[BaseMessage]]:
    """Tell whether a field of a state is a list of messages."""
    return isinstance(value, list) and bool(value) and all(isinstance(each, BaseMessage) for each in value)


def messages_in(values: Any, field: str) -> list[BaseMessage]:
    """Return the messages in a field of a state; none if it holds something else."""
    found = values.get(field) if isinstance(values, Mapping) else None
    return found if are_messages(found) else []


def open_calls(messages: Sequence[BaseMessage]) -> tuple[ToolCall, ...]:
    """List the tool calls of the last AI message that have no result yet."""
    return tuple(
        ToolCall(str(call["id"]), call["name"], {name: to_json(each).value for name, each in call["args"].items()})
        for call in _open_in(messages)
    )


def _open_in(messages: Sequence[BaseMessage]) -> Iterator[Any]:
    done = set[str]()
    for each in reversed(messages):
        if isinstance(each, AIMessage):
            yield from (call for call in each.tool_calls if call["id"] not in done)
            return
        if isinstance(each, ToolMessage):
            done.add(each.tool_call_id)


def messages_after(messages: Sequence[BaseMessage], decisions: Sequence[Decision]) -> tuple[list[BaseMessage], bool]:
    """Return the messages to write after a decision about each open call, and whether any call is left to run.

    No messages if all calls run unchanged.
    """
    calls = list(_open_in(messages))
    last = next(each for each in reversed(messages) if isinstance(each, AIMessage))
    pairs = list(zip(calls, decisions, strict=True))
    refused = [(call, each) for call, each in pairs if each.choice is Choice.REJECT]
    running = [_with_edit(call, each) for call, each in pairs if each.choice is not Choice.REJECT]
    results: list[BaseMessage] = [
        ToolMessage(each.text or TOOL_CALL_REFUSED, tool_call_id=call["id"], name=call["name"], status="error")
        for call, each in refused
    ]
    if not refused:
        return ([] if running == calls else [_with_calls(last, running)]), True
    if not running:
        return results, False
    first = _with_calls(last, [call for call, _ in refused])
    return [first, *results, AIMessage("", tool_calls=running)], True


def _with_calls(message: AIMessage, calls: Sequence[Any]) -> AIMessage:
    """Copy a message with these calls alone, without the provider's own form of the calls."""
    content = message.content
    if isinstance(content, list):
        content = [each for each in content if not (isinstance(each, dict) and each.get("type") in _CALL_BLOCKS)]
    spelled = {name: each for name, each in message.additional_kwargs.items() if name != "tool_calls"}
    return message.model_copy(update={"tool_calls": list(calls), "content": content, "additional_kwargs": spelled})


def _with_edit(call: Any, decision: Decision) -> Any:
    if decision.choice is Choice.EDIT and isinstance(decision.value, dict):
        return {**call, "args": decision.value}
    return call
