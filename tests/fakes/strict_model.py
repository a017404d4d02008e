"""A chat model that refuses what OpenAI and Anthropic refuse: tool calls without results, results without calls.

https://platform.openai.com/docs/guides/function-calling, https://docs.claude.com/en/docs/agents-and-tools/tool-use
"""

from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult


class BadRequestError(Exception):
    """HTTP 400."""


def refuse_what_providers_refuse(messages: Sequence[BaseMessage]) -> None:
    """Raise unless each tool call has exactly one result in the messages after it, and each result has a call."""
    waiting: set[str] = set()
    for message in messages:
        if isinstance(message, ToolMessage):
            if message.tool_call_id not in waiting:
                raise BadRequestError(f"400: a result without a call: {message.tool_call_id}")
            waiting.discard(message.tool_call_id)
        elif waiting:
            raise BadRequestError(f"400: tool calls without results: {sorted(waiting)}")
        if isinstance(message, AIMessage):
            calls = [*message.tool_calls, *message.invalid_tool_calls]
            waiting = {str(call["id"]) for call in calls}
    if waiting:
        raise BadRequestError(f"400: tool calls without results: {sorted(waiting)}")


class StrictModel(BaseChatModel):
    """Answers from `script`, if providers would accept the messages."""

    script: Callable[[Sequence[BaseMessage]], AIMessage]

    @property
    def _llm_type(self) -> str:
        return "strict"

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        refuse_what_providers_refuse(messages)
        return ChatResult(generations=[ChatGeneration(message=self.script(messages))])

    def bind_tools(self, *_: Any, **__: Any) -> "StrictModel":
        """Return itself: the script knows its tools by name."""
        return self
