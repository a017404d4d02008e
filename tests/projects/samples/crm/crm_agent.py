import os
from typing import Any

from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import tool

REGION = os.environ["CRM_REGION"]
OUTBOX = os.environ["CRM_OUTBOX"]


class OfflineModel(BaseChatModel):
    """Stands in for the provider while nobody has a key."""

    @property
    def _llm_type(self) -> str:
        return "offline"

    def bind_tools(self, tools: Any, **kwargs: Any) -> "OfflineModel":
        return self

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> ChatResult:
        last = messages[-1]
        if isinstance(last, ToolMessage):
            reply = AIMessage(f"Done: {last.content}")
        else:
            call = {"name": "send_offer", "args": {"customer": "Meyer GmbH", "discount": 15}, "id": "offer-1"}
            reply = AIMessage("I would send an offer.", tool_calls=[call])
        return ChatResult(generations=[ChatGeneration(message=reply)])


@tool
def find_customer(name: str) -> str:
    """Look a customer up."""
    return f"{name}, {REGION}"


@tool
def send_offer(customer: str, discount: int) -> str:
    """Send an offer to a customer, with a discount in percent."""
    with open(OUTBOX, "a") as outbox:
        outbox.write(f"{customer} {discount}%\n")
    return f"{customer} gets {discount}% ({REGION})"


agent = create_agent(
    OfflineModel(),
    tools=[find_customer, send_offer],
    system_prompt="You help the sales team.",
    middleware=[HumanInTheLoopMiddleware(interrupt_on={"send_offer": True})],
)
