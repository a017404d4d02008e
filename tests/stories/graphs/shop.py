"""A shop's agent, which does what it is told: `refund A7 120`, `delete A7`, `look A7`, `restart search`.

It asks nobody; the rules of docs/policies.md do.
"""

from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import tool
from stories.outside import outside


@tool
def look_up_order(order: str) -> str:
    """Look an order up."""
    outside.do(f"looked {order} up")
    return f"{order} is paid."


@tool
def refund_order(order: str, amount: int) -> str:
    """Pay an order back."""
    outside.do(f"refunded {order} {amount}")
    return f"{amount} EUR are on their way back for {order}."


@tool
def delete_order(order: str) -> str:
    """Delete an order."""
    outside.do(f"deleted {order}")
    return f"{order} is deleted."


@tool
def restart_service(service: str, reason: str) -> str:
    """Restart a service."""
    outside.do(f"restarted {service}")
    return f"{service} is up again ({reason})."


class Clerk(BaseChatModel):
    """A model without a provider."""

    @property
    def _llm_type(self) -> str:
        return "clerk"

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        last = messages[-1]
        said = AIMessage(last.text) if last.type == "tool" else AIMessage("", tool_calls=[_call(last.text)])
        return ChatResult(generations=[ChatGeneration(message=said)])

    def bind_tools(self, *_: Any, **__: Any) -> "Clerk":
        return self


def _call(text: str) -> dict[str, Any]:
    match text.split():
        case [*_, "refund", order, amount]:
            name, args = "refund_order", {"order": order, "amount": int(amount)}
        case [*_, "delete", order]:
            name, args = "delete_order", {"order": order}
        case [*_, "restart", service]:
            name, args = "restart_service", {"service": service, "reason": "no answer"}
        case [*_, order]:
            name, args = "look_up_order", {"order": order}
        case _:
            raise ValueError(text)
    return {"name": name, "args": args, "id": f"call-{name}"}


graph = create_agent(Clerk(), tools=[look_up_order, refund_order, delete_order, restart_service])
