"""Tool calls that people decide on: of LangChain's middleware, and of tools that ask nothing (`gate_tools`)."""

from pathlib import Path
from typing import Any

from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import tool
from langgraph.graph import END, START, MessagesState, StateGraph
from pydantic import Field

HERE = Path(__file__).parent


def does(what: str) -> None:
    with (HERE / "effects.txt").open("a", encoding="utf-8") as log:
        log.write(f"{what}\n")


@tool
def write_file(path: str, text: str) -> str:
    """Write a file."""
    does(f"wrote {path}: {text}")
    return "written"


@tool
def run_sql(query: str) -> str:
    """Run a statement."""
    does(f"ran {query}")
    return "run"


@tool
def send_mail(to: str) -> str:
    """Send a mail."""
    does(f"mailed {to}")
    return "sent"


class Calls(BaseChatModel):
    """A model without a provider: it makes its calls, then says what came of them."""

    calls: list[Any]

    @property
    def _llm_type(self) -> str:
        return "calls"

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        if messages[-1].type == "human":
            message = AIMessage("", tool_calls=self.calls)
        else:
            since = max(place for place, each in enumerate(messages) if each.type == "human")
            told = [f"{each.name}: {each.content}" for each in messages[since:] if each.type == "tool"]
            message = AIMessage("; ".join(told))
        return ChatResult(generations=[ChatGeneration(message=message)])

    def bind_tools(self, *_: Any, **__: Any) -> "Calls":
        return self


ASK: Any = {"allowed_decisions": ["approve", "edit", "reject"]}
WRITE: Any = {"name": "write_file", "args": {"path": "notes.txt", "text": "hello"}, "id": "call-1"}
batch = create_agent(
    model=Calls(
        calls=[
            WRITE,
            {"name": "run_sql", "args": {"query": "DELETE FROM users"}, "id": "call-2"},
            {"name": "send_mail", "args": {"to": "all@example.com"}, "id": "call-3"},
        ]
    ),
    tools=[write_file, run_sql, send_mail],
    middleware=[
        HumanInTheLoopMiddleware(
            interrupt_on={"write_file": ASK, "run_sql": ASK, "send_mail": ASK}, interrupt_mode="batched"
        )
    ],
)

calls = create_agent(
    model=Calls(calls=[WRITE, {"name": "send_mail", "args": {"to": "zoe@example.com"}, "id": "call-2"}]),
    tools=[write_file, send_mail],
    middleware=[
        HumanInTheLoopMiddleware(interrupt_on={"write_file": ASK, "send_mail": ASK}, interrupt_mode="per_call")
    ],
)


@tool
def look_up(order: str) -> str:
    """Look an order up."""
    does(f"looked {order} up")
    return "paid, 40 EUR"


@tool
def refund_order(order: str, amount: int = Field(ge=1, le=500)) -> str:
    """Pay an order back."""
    does(f"refunded {order} {amount}")
    return f"refunded {amount}"


async def refund(state: MessagesState) -> MessagesState:
    """Look two orders up and pay them back: what was decided or done before a question is kept."""
    del state
    told = [
        await tool.ainvoke({"order": order, **more})
        for order, amount in (("A7", 40), ("B1", 60))
        for tool, more in ((look_up, {}), (refund_order, {"amount": amount}))
    ]
    return {"messages": [AIMessage("; ".join(told))]}


_shop = StateGraph(MessagesState)
_shop.add_node(refund)
_shop.add_edge(START, "refund")
_shop.add_edge("refund", END)
shop = _shop.compile()

gate = create_agent(
    model=Calls(calls=[{"name": "refund_order", "args": {"order": "C3", "amount": 30}, "id": "call-1"}]),
    tools=[refund_order],
)
