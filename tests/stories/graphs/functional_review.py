"""The functional API: an agent whose tool calls are reviewed, with the messages of earlier turns in `previous`.

https://docs.langchain.com/oss/python/langgraph/functional-api-human-in-the-loop
"""

from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolCall, ToolMessage
from langgraph.func import entrypoint, task
from langgraph.graph.message import add_messages
from langgraph.types import interrupt
from stories.outside import outside


@task
def call_model(messages: list[BaseMessage]) -> AIMessage:
    """A model without a provider: it looks up two cities' weather, then tells what the tools said."""
    results: list[str] = []
    for each in reversed(messages):
        if not isinstance(each, ToolMessage):
            break
        results.append(str(each.content))
    if results:
        return AIMessage("; ".join(reversed(results)))
    cities = str(messages[-1].content).split()
    calls = [
        {"name": "get_weather", "args": {"location": city}, "id": f"call-{len(messages)}-{city}"} for city in cities
    ]
    return AIMessage("", tool_calls=calls)


@task
def call_tool(tool_call: ToolCall) -> ToolMessage:
    """Run a tool."""
    location = tool_call["args"]["location"]
    outside.do(f"weather of {location}")
    return ToolMessage(f"sunny in {location}", tool_call_id=tool_call["id"])


def review_tool_call(tool_call: ToolCall) -> ToolCall | ToolMessage:
    """Review a tool call, returning a validated version."""
    human_review = interrupt({"question": "Is this correct?", "tool_call": tool_call})
    review_action = human_review["action"]
    review_data = human_review.get("data")
    if review_action == "continue":
        return tool_call
    if review_action == "update":
        return {**tool_call, "args": review_data}
    return ToolMessage(content=review_data, name=tool_call["name"], tool_call_id=tool_call["id"])


@entrypoint()
def graph(
    messages: list[dict[str, str]], previous: list[BaseMessage] | None
) -> entrypoint.final[str, list[BaseMessage]]:
    """Think, have each call reviewed, act, and tell."""
    history: Any = [*(previous or []), *(HumanMessage(each["content"]) for each in messages)]
    response = call_model(history).result()
    while response.tool_calls:
        reviewed = [review_tool_call(call) for call in response.tool_calls]
        done = [each for each in reviewed if isinstance(each, ToolMessage)]
        futures = [call_tool(each) for each in reviewed if not isinstance(each, ToolMessage)]
        new: list[Any] = [response, *done, *(future.result() for future in futures)]
        history = add_messages(history, new)
        response = call_model(history).result()
    history = add_messages(history, response)
    return entrypoint.final(value=str(response.content), save=history)
