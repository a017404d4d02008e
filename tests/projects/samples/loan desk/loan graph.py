from pathlib import Path
from typing import Literal, Optional

from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt
from pydantic import BaseModel, Field


class Application(BaseModel):
    request: str = Field(description="What the customer asks for")
    score: int = 0
    officer_note: Optional[str] = None
    letter: str = ""


def score(state: Application):
    return {"score": 610 if "car" in state.request else 400}


def review(state: Application) -> Command[Literal["grant", "refuse"]]:
    verdict = interrupt(
        {"question": f"Grant this loan? The score is {state.score}.", "request": state.request, "score": state.score}
    )
    return Command(goto="grant" if verdict else "refuse")


def grant(state: Application):
    (Path(__file__).parent / "granted loans.txt").write_text(f"granted at {state.score}\n")
    return {"letter": "Good news: the loan is granted."}


def refuse(state: Application):
    return {"letter": "We are sorry, the loan is refused."}


builder = StateGraph(Application)
builder.add_node("score", score)
builder.add_node("review", review)
builder.add_node("grant", grant)
builder.add_node("refuse", refuse)
builder.add_edge(START, "score")
builder.add_edge("score", "review")
builder.add_edge("grant", END)
builder.add_edge("refuse", END)
