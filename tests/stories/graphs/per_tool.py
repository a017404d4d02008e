"""`create_agent` with the human-in-the-loop middleware: what may be decided differs from tool to tool.

https://docs.langchain.com/oss/python/langchain/human-in-the-loop
"""

from typing import Any, Literal

from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain.tools import tool
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import BaseModel, Field
from stories.outside import outside

CALLS = [
    {"name": "deploy", "args": {"service": "billing", "environment": "staging", "replicas": 2}, "id": "call-1"},
    {"name": "ask_user", "args": {"question": "Which release notes?"}, "id": "call-2"},
]


class Scripted(BaseChatModel):
    """Calls both tools at once, then tells what they said."""

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        if messages[-1].type == "human":
            message = AIMessage("", tool_calls=CALLS)
        else:
            message = AIMessage("; ".join(f"{each.name}: {each.content}" for each in messages if each.type == "tool"))
        return ChatResult(generations=[ChatGeneration(message=message)])

    def bind_tools(self, *_: Any, **__: Any) -> "Scripted":
        return self


class Deployment(BaseModel):
    service: str = Field(description="Which service")
    environment: Literal["staging", "production"]
    replicas: int = Field(ge=1, le=20)
    canary: bool = False


@tool(args_schema=Deployment)
def deploy(service: str, environment: str, replicas: int, canary: bool = False) -> str:  # noqa: FBT001, FBT002 - a tool
    """Deploy a service."""
    outside.do(f"deploy {service} to {environment} x{replicas}{' as a canary' if canary else ''}")
    return "deployed"


@tool
def ask_user(question: str) -> str:
    """Ask the user, who answers in place of this tool."""
    outside.do(f"ask {question}")
    return "nobody answered"


graph = create_agent(
    model=Scripted(),
    tools=[deploy, ask_user],
    middleware=[
        HumanInTheLoopMiddleware(
            interrupt_on={
                "deploy": {"allowed_decisions": ["approve", "edit", "reject"]},
                "ask_user": {"allowed_decisions": ["respond"]},
            },
            interrupt_mode="batched",
        )
    ],
)
