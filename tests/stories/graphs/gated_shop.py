"""A shop of two agents, and a node that calls a tool by itself. Nothing here asks: `gate_tools` does."""

from typing import Any, Literal

from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import tool
from langgraph.graph import START, MessagesState, StateGraph
from pydantic import Field
from stories.outside import outside


@tool
def look_up(order: str) -> str:
    """Look an order up."""
    outside.do(f"looked {order} up")
    return "paid, 40 EUR"


@tool
def refund_order(order: str, amount: int = Field(ge=1, le=500), currency: Literal["EUR", "USD"] = "EUR") -> str:
    """Pay an order back."""
    outside.do(f"refunded {order} {amount} {currency}")
    return f"refunded {amount} {currency}"


@tool
def delete_order(order: str) -> str:
    """Delete an order."""
    outside.do(f"deleted {order}")
    return "deleted"


class Clerk(BaseChatModel):
    """A model without a provider: it looks the order up and refunds it."""

    @property
    def _llm_type(self) -> str:
        return "clerk"

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        calls = [_call(1, "look_up", order="A7"), _call(2, "refund_order", order="A7", amount=40)]
        message = AIMessage("", tool_calls=calls) if messages[-1].type == "human" else AIMessage("I did what I could.")
        return ChatResult(generations=[ChatGeneration(message=message)])

    def bind_tools(self, *_: Any, **__: Any) -> "Clerk":
        return self


def _call(number: int, name: str, **args: object) -> dict[str, Any]:
    return {"name": name, "args": args, "id": f"call-{number}"}


clerk = create_agent(Clerk(), tools=[look_up, refund_order])


async def tidy(state: MessagesState) -> MessagesState:
    """Look, then delete two orders, one after the other."""
    del state
    looked = await look_up.ainvoke({"order": "B1"})
    told = [delete_order.invoke({"order": "B1"}), await delete_order.ainvoke({"order": "B2"})]
    return {"messages": [AIMessage(f"Order B1 was {looked}; then: {'; '.join(told)}")]}


builder = StateGraph(MessagesState)
builder.add_node("clerk", clerk)
builder.add_node("tidy", tidy)
builder.add_edge(START, "clerk")
builder.add_edge("clerk", "tidy")
graph = builder.compile()
