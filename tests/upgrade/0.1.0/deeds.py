"""Approve or reject, and an agent that fails while a file `hold work` lies beside it.

A fixture has its own copy of this folder, as a user's graphs stay as they are while Signoff is upgraded. Each line of
`effects.txt` is something that a graph did. Every file has a `does` of its own, so that each agent loads fast.
"""

from pathlib import Path
from typing import Literal, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt

HERE = Path(__file__).parent


def does(what: str) -> None:
    with (HERE / "effects.txt").open("a", encoding="utf-8") as log:
        log.write(f"{what}\n")


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
