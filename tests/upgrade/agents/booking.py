"""A form made of a pydantic model: the answer that a checkpoint holds is an instance of it."""

from datetime import date
from pathlib import Path
from typing import Literal

from langchain_core.messages import AIMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import interrupt
from pydantic import BaseModel, Field

HERE = Path(__file__).parent


def does(what: str) -> None:
    with (HERE / "effects.txt").open("a", encoding="utf-8") as log:
        log.write(f"{what}\n")


class Booking(BaseModel):
    guest: str = Field(min_length=2)
    guests: int = Field(ge=1, le=6)
    arrival: date
    room: Literal["single", "double"]
    breakfast: bool = False


def book(state: MessagesState) -> MessagesState:
    del state
    booking = interrupt({"question": "Whom shall I book for?"}, response_schema=Booking)
    does(f"booked a {booking.room} for {booking.guest} x{booking.guests} from {booking.arrival}")
    return {"messages": [AIMessage(f"Booked for {booking.guest}.")]}


builder = StateGraph(MessagesState)
builder.add_node(book)
builder.add_edge(START, "book")
builder.add_edge("book", END)
graph = builder.compile()
