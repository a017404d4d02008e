"""A letter with four ways on: it is sent, written anew with what the reviewer says, passed to somebody, or dropped."""

from typing import Literal

from langchain_core.messages import AIMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command, interrupt
from stories.outside import outside


class State(MessagesState):
    letter: str
    feedback: str


def write(state: State) -> dict[str, str]:
    feedback = state.get("feedback", "")
    return {"letter": f"Dear Ada, {feedback}" if feedback else "Dear Ada, we owe you an answer."}


def review(state: State) -> Command[Literal["write", "send", "page", "__end__"]]:
    said = interrupt({"question": "Send this letter?", "letter": state["letter"]})
    match said["verdict"]:
        case "mail it":
            return Command(goto="send")
        case "revise":
            return Command(goto="write", update={"feedback": said["feedback"]})
        case "escalate":
            return Command(goto="page")
        case "bin":
            return Command(goto="__end__", update={"messages": [AIMessage("The letter is dropped.")]})
        case other:
            raise ValueError(other)


def send(state: State) -> dict[str, list[AIMessage]]:
    outside.do(f"sent: {state['letter']}")
    return {"messages": [AIMessage("The letter is sent.")]}


def page(state: State) -> dict[str, list[AIMessage]]:  # noqa: ARG001 - LangGraph names it
    outside.do("paged the lawyer")
    return {"messages": [AIMessage("The on-call lawyer reads the letter.")]}


builder = StateGraph(State)
builder.add_node(write)
builder.add_node(review)
builder.add_node(send)
builder.add_node(page)
builder.add_edge(START, "write")
builder.add_edge("write", "review")
graph = builder.compile()
