"""A node for each way to ask, as the documentation of LangGraph and public graphs have it."""

from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import interrupt

HERE = Path(__file__).parent


def does(what: str) -> None:
    with (HERE / "effects.txt").open("a", encoding="utf-8") as log:
        log.write(f"{what}\n")


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
