"""The agents of the next fixture: a graph for each way to ask. Others have files of their own.

A fixture has its own copy of this file, as a user's graphs stay as they are while Signoff is upgraded. Each line of
`effects.txt` beside it is something that a graph did. A node waits as long as a file `hold NAME` lies there.
"""

import asyncio
import operator
from pathlib import Path
from typing import Annotated, Any, Literal, TypedDict

from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import tool
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command, Send, interrupt
from pydantic import Field

HERE = Path(__file__).parent


def does(what: str) -> None:
    with (HERE / "effects.txt").open("a", encoding="utf-8") as log:
        log.write(f"{what}\n")


async def held(name: str) -> None:
    while (HERE / f"hold {name}").exists():  # noqa: ASYNC110 - another process takes the file away
        await asyncio.sleep(0.02)


# Approve or reject ----------------------------------------------------------------------------------------------------


class Deed(TypedDict, total=False):
    what: str
    said: str


def approval(state: Deed) -> Command[Literal["proceed", "cancel"]]:
    agreed = interrupt({"question": "Approve this action?", "details": state["what"]})
    return Command(goto="proceed" if agreed else "cancel")


def proceed(state: Deed) -> Deed:
    does(f"did {state['what']}")
    return {"said": f"Done: {state['what']}."}


def cancel(state: Deed) -> Deed:
    return {"said": f"Not done: {state['what']}."}


_deed = StateGraph(Deed)
_deed.add_node(approval)
_deed.add_node(proceed)
_deed.add_node(cancel)
_deed.add_edge(START, "approval")
_deed.add_edge("proceed", END)
_deed.add_edge("cancel", END)
deed = _deed.compile()


# LangChain's middleware: one card for the calls of a message ----------------------------------------------------------


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


# Tools that ask nothing themselves: `gate_tools` ----------------------------------------------------------------------


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


# Questions, texts -----------------------------------------------------------------------------------------------------


def ask(state: MessagesState) -> MessagesState:
    del state
    city = interrupt("Which city?")
    does(f"city {city}")
    return {"messages": [AIMessage(f"We go to {city}.")]}


def confirm(state: MessagesState) -> MessagesState:
    name = state["messages"][-1].text
    answer = interrupt(f"HIGH risk on {name}. Go on and delete it? (yes/no)")
    if answer.strip().lower() in ("yes", "y"):
        does(f"deleted {name}")
        return {"messages": [AIMessage(f"{name} is deleted.")]}
    return {"messages": [AIMessage(f"{name} stays.")]}


def consult(state: MessagesState) -> MessagesState:
    del state
    answer = interrupt({"query": "Which framework should I use?"})
    does(f"the expert said {answer['data']}")
    return {"messages": [AIMessage(f"The expert says: {answer['data']}")]}


def revise(state: MessagesState) -> MessagesState:
    text = interrupt({"text_to_revise": state["messages"][-1].text})
    does(f"published {text}")
    return {"messages": [AIMessage(f"Published: {text}")]}


def inbox(state: MessagesState) -> MessagesState:
    args = {"hotel": state["messages"][-1].text, "nights": 2}
    config = {"allow_ignore": True, "allow_respond": True, "allow_edit": True, "allow_accept": True}
    request = {"action_request": {"action": "book_hotel", "args": args}, "config": config, "description": "A hotel."}
    response = interrupt([request])[0]
    match response["type"]:
        case "accept":
            booking = args
        case "edit":
            booking = response["args"]["args"]
        case _:
            return {"messages": [AIMessage("Then not.")]}
    does(f"booked {booking['hotel']} for {booking['nights']}")
    return {"messages": [AIMessage(f"Booked {booking['hotel']}.")]}


def elicit(state: MessagesState) -> MessagesState:
    del state
    schema = {"type": "object", "properties": {"seats": {"type": "integer", "title": "Seats"}}, "required": ["seats"]}
    request = {"key": "table", "message": "For how many?", "mode": "form", "requested_schema": schema}
    resume = interrupt({"type": "mcp_elicitation", "tool_name": "book_table", "requests": [request]})
    answer = resume["responses"]["table"]
    does(f"table {answer['action']} {answer.get('content')}")
    return {"messages": [AIMessage(f"The server was told {answer['action']}.")]}


def anything(state: MessagesState) -> MessagesState:
    del state
    answer = interrupt({"route": "north", "stops": [1, 2]})
    does(f"answered {answer!r}")
    return {"messages": [AIMessage("I was told.")]}


def verdict(state: MessagesState) -> MessagesState:
    del state
    said = interrupt({"question": "Send this letter?", "letter": "Dear Ada"})
    match said["verdict"]:
        case "mail it":
            does("sent the letter")
        case "escalate":
            does("paged the lawyer")
        case other:
            return {"messages": [AIMessage(f"Nothing is sent: {other}.")]}
    return {"messages": [AIMessage("The letter is dealt with.")]}


def _one(node: Any) -> Any:
    builder = StateGraph(MessagesState)
    builder.add_node(node.__name__, node)
    builder.add_edge(START, node.__name__)
    builder.add_edge(node.__name__, END)
    return builder.compile()


question, risky, query, text = _one(ask), _one(confirm), _one(consult), _one(revise)
agent_inbox, elicitation, general, worded = _one(inbox), _one(elicit), _one(anything), _one(verdict)


# A breakpoint, and a failure ------------------------------------------------------------------------------------------


class Rollout(TypedDict, total=False):
    service: str
    replicas: int
    said: str


def prepare(state: Rollout) -> Rollout:
    return {"replicas": 3, "said": f"{state['service']} is planned"}


def ship(state: Rollout) -> Rollout:
    does(f"shipped {state['service']} x{state['replicas']}")
    return {"said": f"{state['service']} runs x{state['replicas']}"}


_rollout = StateGraph(Rollout)
_rollout.add_node(prepare)
_rollout.add_node(ship)
_rollout.add_edge(START, "prepare")
_rollout.add_edge("prepare", "ship")
_rollout.add_edge("ship", END)
rollout = _rollout.compile()


def work(state: Deed) -> Deed:
    if (HERE / "hold work").exists():
        raise RuntimeError("the work does not work today")
    does(f"worked on {state['what']}")
    return {"said": f"Worked on {state['what']}."}


_broken = StateGraph(Deed)
_broken.add_node(work)
_broken.add_edge(START, "work")
_broken.add_edge("work", END)
broken = _broken.compile()


# Several at once ------------------------------------------------------------------------------------------------------


class Contract(TypedDict, total=False):
    what: str
    agreed: Annotated[list[str], operator.add]
    said: str


async def legal(state: Contract) -> Contract:
    agreed = interrupt({"question": "Does legal agree?", "contract": state["what"]})
    await held(f"legal {state['what']}")
    does(f"legal on {state['what']}: {agreed}")
    return {"agreed": ["legal"] if agreed else []}


async def finance(state: Contract) -> Contract:
    agreed = interrupt({"question": "Does finance agree?", "contract": state["what"]})
    does(f"finance on {state['what']}: {agreed}")
    return {"agreed": ["finance"] if agreed else []}


def sign(state: Contract) -> Contract:
    if len(state["agreed"]) < 2:
        return {"said": f"{state['what']} is not signed."}
    does(f"signed {state['what']}")
    return {"said": f"{state['what']} is signed."}


_pair = StateGraph(Contract)
_pair.add_node(legal)
_pair.add_node(finance)
_pair.add_node(sign)
_pair.add_edge(START, "legal")
_pair.add_edge(START, "finance")
_pair.add_edge(["legal", "finance"], "sign")
_pair.add_edge("sign", END)
pair = _pair.compile()


class Orders(TypedDict, total=False):
    count: str
    refunds: Annotated[list[str], operator.add]
    said: str


class Order(TypedDict):
    number: int


def each_order(state: Orders) -> list[Send]:
    return [Send("pay_back", {"number": number}) for number in range(1, int(state["count"]) + 1)]


def pay_back(state: Order) -> Orders:
    if interrupt({"question": "Refund this order?", "order": state["number"]}):
        does(f"paid order {state['number']} back")
        return {"refunds": [str(state["number"])]}
    return {"refunds": []}


def report(state: Orders) -> Orders:
    return {"said": f"Paid back: {', '.join(sorted(state['refunds']))}."}


_fan = StateGraph(Orders)
_fan.add_node(pay_back)
_fan.add_node(report)
_fan.add_conditional_edges(START, each_order, ["pay_back"])
_fan.add_edge("pay_back", "report")
_fan.add_edge("report", END)
fan = _fan.compile()


# A subgraph -----------------------------------------------------------------------------------------------------------


def pay(state: MessagesState) -> MessagesState:
    invoice = state["messages"][0].text
    if interrupt({"question": "Pay this invoice?", "invoice": invoice}):
        does(f"paid {invoice}")
        return {"messages": [AIMessage("It is paid.")]}
    return {"messages": [AIMessage("It is not paid.")]}


_payments = StateGraph(MessagesState).add_node(pay).add_edge(START, "pay").add_edge("pay", END).compile()
_finance = StateGraph(MessagesState).add_node("payments", _payments).add_edge(START, "payments").compile()
team = StateGraph(MessagesState).add_node("finance", _finance).add_edge(START, "finance").compile()


# The functional API ---------------------------------------------------------------------------------------------------


@task
def look(city: str) -> str:
    does(f"looked at {city}")
    return f"sunny in {city}"


@entrypoint()
def functional(text: str, previous: list[str] | None) -> entrypoint.final[str, list[str]]:
    """Look first, which is kept, then ask; what was said in earlier turns stands in `previous`."""
    seen = look(text).result()
    told = [*(previous or []), seen if interrupt({"question": "Publish the weather?", "weather": seen}) else "nothing"]
    does(f"published {'; '.join(told)}")
    return entrypoint.final(value="; ".join(told), save=told)


# A conversation of many turns, whose state says which agent is active -------------------------------------------------


class Talk(MessagesState, total=False):
    active_agent: Literal["sales", "support"]


def _heard(state: Talk) -> str:
    return next(each for each in reversed(state["messages"]) if each.type == "human").text


def sales(state: Talk) -> Command[Literal["support", "human"]]:
    if "broken" in _heard(state):
        return Command(goto="support")
    said = AIMessage(f"sales heard: {_heard(state)}", name="sales")
    return Command(goto="human", update={"messages": [said], "active_agent": "sales"})


def support(state: Talk) -> Command[Literal["sales", "human"]]:
    if "buy" in _heard(state):
        return Command(goto="sales")
    said = AIMessage(f"support heard: {_heard(state)}", name="support")
    return Command(goto="human", update={"messages": [said], "active_agent": "support"})


def human(state: Talk) -> Command[Literal["sales", "support"]]:
    answer = interrupt("Ready for user input.")
    return Command(update={"messages": [{"role": "human", "content": answer}]}, goto=state["active_agent"])


_talk = StateGraph(Talk)
_talk.add_node(sales)
_talk.add_node(support)
_talk.add_node(human)
_talk.add_edge(START, "sales")
talk = _talk.compile()
