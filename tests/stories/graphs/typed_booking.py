"""Typed answers: `interrupt(..., response_schema=...)` with a pydantic model, one with every sort of field.

https://docs.langchain.com/oss/python/langgraph/interrupts#define-an-interrupt-response-schema
"""

from datetime import date
from enum import Enum
from typing import Literal

from langchain_core.messages import AIMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import interrupt
from pydantic import BaseModel, Field, field_validator
from stories.outside import outside


class Extra(Enum):
    BREAKFAST = "breakfast"
    PARKING = "parking"
    LATE = "late check-out"


class Address(BaseModel):
    street: str = Field(min_length=3)
    zip_code: str = Field(pattern=r"^\d{4}-\d{3}$", description="Such as 1100-148")
    country: Literal["Portugal", "Spain"] = "Portugal"


class Booking(BaseModel):
    guest: str = Field(min_length=2, description="As in the passport")
    guests: int = Field(ge=1, le=6)
    budget: float = Field(gt=0)
    arrival: date
    room: Literal["single", "double", "suite"]
    extras: list[Extra] = []
    newsletter: bool = False
    address: Address
    note: str | None = None

    @field_validator("guest")
    @classmethod
    def not_anonymous(cls, guest: str) -> str:
        if guest == "nobody":
            raise ValueError("nobody cannot book")
        return guest


def book(state: MessagesState) -> MessagesState:  # noqa: ARG001 - LangGraph names it
    booking = interrupt({"question": "Whom shall I book for?"}, response_schema=Booking)
    outside.do(booking.model_dump_json())
    return {"messages": [AIMessage(f"Booked a {booking.room} for {booking.guest} from {booking.arrival:%d %B %Y}.")]}


builder = StateGraph(MessagesState)
builder.add_node(book)
builder.add_edge(START, "book")
builder.add_edge("book", END)
graph = builder.compile()
