"""The agents of the crash tests. Beside them lies `effects.log`, where a node writes what it does, with its key.

What a node does may be done again when its process dies: the idempotency key stays the same, so a tool that looks at it
does it once. `dies(point)` kills the process at a line of a node, once, where the test has put a file of that name.
"""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any, TypedDict

from langchain_core.runnables import RunnableConfig
from langchain_core.tools import tool
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, StateGraph
from langgraph.store.base import BaseStore, PutOp
from langgraph.types import interrupt

HERE = Path(__file__).parent


def dies(point: str) -> None:
    try:
        (HERE / f"dies {point}").unlink()
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def does(what: str, config: RunnableConfig) -> None:
    with (HERE / "effects.log").open("a", encoding="utf-8") as log:
        log.write(f"{what}\t{config['configurable'].get('signoff_idempotency_key', '')}\n")


# One tool call to decide ----------------------------------------------------------------------------------------------


class Deploy(TypedDict, total=False):
    text: str
    replicas: int
    approved: bool
    said: str


def plan(state: Deploy) -> Deploy:  # noqa: ARG001 - LangGraph calls it so
    dies("in plan")
    return {"replicas": 2}


def review(state: Deploy, config: RunnableConfig) -> Deploy:
    dies("before interrupt")
    call = {"name": "deploy", "args": {"service": state["text"], "replicas": state["replicas"]}, "id": "call"}
    action, given = interrupt({"question": "Is this right?", "tool_call": call})
    dies("after answer")
    does(f"reviewed {action}", config)
    dies("after reviewed")
    replicas = given["replicas"] if action == "update" else state["replicas"]
    return {"approved": action != "feedback", "replicas": replicas}


def act(state: Deploy, config: RunnableConfig) -> Deploy:
    dies("in act")
    if state["approved"]:
        does(f"deployed {state['text']} x{state['replicas']}", config)
    dies("after act")
    return {}


def tell(state: Deploy) -> Deploy:
    dies("in tell")
    what = f"Shipped {state['text']} x{state['replicas']}" if state["approved"] else f"Kept {state['text']}"
    return {"said": what}


_deploy = StateGraph(Deploy)
_deploy.add_node(plan)
_deploy.add_node(review)
_deploy.add_node(act)
_deploy.add_node(tell)
_deploy.add_edge(START, "plan")
_deploy.add_edge("plan", "review")
_deploy.add_edge("review", "act")
_deploy.add_edge("act", "tell")
_deploy.add_edge("tell", END)
deploy = _deploy.compile()


# A node that asks twice -----------------------------------------------------------------------------------------------


class Trip(TypedDict, total=False):
    text: str
    said: str


def ask_twice(state: Trip, config: RunnableConfig) -> Trip:  # noqa: ARG001 - LangGraph calls it so
    city = interrupt("Which city?")
    dies("after answer")
    does(f"city {city}", config)
    dies("between")
    day = interrupt("Which day?")
    dies("after second answer")
    does(f"day {day}", config)
    dies("after both")
    return {"said": f"Booked {city} on {day}."}


_trip = StateGraph(Trip)
_trip.add_node(ask_twice)
_trip.add_edge(START, "ask_twice")
_trip.add_edge("ask_twice", END)
trip = _trip.compile()


class Cleaning(TypedDict, total=False):
    text: str
    said: str


def clean(state: Cleaning, config: RunnableConfig) -> Cleaning:  # noqa: ARG001 - LangGraph calls it so
    logs = interrupt({"question": "Delete the logs?", "path": "/logs"})
    dies("after answer")
    if logs:
        does("logs deleted", config)
    dies("between")
    production = interrupt({"question": "Delete PRODUCTION?", "path": "/production"})
    dies("after second answer")
    if production:
        does("production deleted", config)
    dies("after both")
    return {"said": f"logs {logs}, production {production}"}


_cleaning = StateGraph(Cleaning)
_cleaning.add_node(clean)
_cleaning.add_edge(START, "clean")
_cleaning.add_edge("clean", END)
cleaning = _cleaning.compile()


# A task whose graph asks twice, and a node that calls a graph and asks on ---------------------------------------------


def sure(question: str, path: str) -> Any:
    return interrupt({"question": question, "path": path}, response_schema={"type": "boolean"})


def clean_logs(state: Cleaning, config: RunnableConfig) -> Cleaning:  # noqa: ARG001 - LangGraph calls it so
    logs = sure("Delete the logs?", "/logs")
    dies("after answer")
    if logs:
        does("logs deleted", config)
    return {"said": f"logs {logs}"}


def clean_production(state: Cleaning, config: RunnableConfig) -> Cleaning:
    dies("between")
    production = sure("Delete PRODUCTION?", "/production")
    dies("after second answer")
    if production:
        does("production deleted", config)
    return {"said": f"{state['said']}, production {production}"}


_logs = StateGraph(Cleaning)
_logs.add_node(clean_logs)
_logs.add_edge(START, "clean_logs")

_all = StateGraph(Cleaning)
_all.add_node(clean_logs)
_all.add_node(clean_production)
_all.add_edge(START, "clean_logs")
_all.add_edge("clean_logs", "clean_production")


@task
def clean_all(text: str) -> Any:
    return _all.compile().invoke({"text": text})["said"]


@entrypoint()
def cleaning_task(state: Cleaning) -> Cleaning:
    said = clean_all(state["text"]).result()
    dies("after both")
    return {"said": said}


def call_and_ask(state: Cleaning, config: RunnableConfig) -> Cleaning:
    logs = _logs.compile().invoke({"text": state["text"]})
    cleaned = clean_production({"said": logs["said"]}, config)
    dies("after both")
    return cleaned


_cleaning_call = StateGraph(Cleaning)
_cleaning_call.add_node(call_and_ask)
_cleaning_call.add_edge(START, "call_and_ask")
cleaning_call = _cleaning_call.compile()


# A text that cannot be told no ----------------------------------------------------------------------------------------


class Letter(TypedDict, total=False):
    text: str
    said: str


def revise(state: Letter, config: RunnableConfig) -> Letter:
    dies("before interrupt")
    text = interrupt({"text_to_revise": state["text"]})
    does(f"revised {text}", config)
    return {"said": text}


_letter = StateGraph(Letter)
_letter.add_node(revise)
_letter.add_edge(START, "revise")
_letter.add_edge("revise", END)
letter = _letter.compile()


# A node that calls tools which ask nothing ----------------------------------------------------------------------------


class Payroll(TypedDict, total=False):
    text: str
    said: str


@tool
def look_up(name: str, config: RunnableConfig) -> str:
    """Look somebody up."""
    does(f"looked {name} up", config)
    return name


@tool
def pay(name: str, config: RunnableConfig) -> str:
    """Pay somebody."""
    dies(f"before {name} is paid")
    does(f"paid {name}", config)
    dies(f"after {name} is paid")
    return f"paid {name}"


async def pay_all(state: Payroll) -> Payroll:  # noqa: ARG001 - LangGraph calls it so
    await look_up.ainvoke({"name": "zoe"})
    dies("between look_up and pay")
    first = await pay.ainvoke({"name": "zoe"})
    dies("between payments")
    second = await pay.ainvoke({"name": "kim"})
    dies("after both")
    return {"said": f"{first}; {second}"}


_payroll = StateGraph(Payroll)
_payroll.add_node(pay_all)
_payroll.add_edge(START, "pay_all")
_payroll.add_edge("pay_all", END)
payroll = _payroll.compile()


# Slow steps -----------------------------------------------------------------------------------------------------------


class Slow(TypedDict, total=False):
    text: str
    approved: bool
    said: str


STEPS = 3


def gate(state: Slow, config: RunnableConfig) -> Slow:
    approved = interrupt({"question": "Shall I begin?", "about": state["text"]})
    does(f"approved {approved}", config)
    return {"approved": approved}


def step(number: int) -> Any:
    async def slow(state: Slow, config: RunnableConfig) -> Slow:  # noqa: ARG001 - LangGraph calls it so
        """Wait for the test to open the door."""
        does(f"begun {number}", config)
        while not (HERE / f"open {number}").exists():  # noqa: ASYNC110 - the door is opened by another process
            await asyncio.sleep(0.01)
        does(f"done {number}", config)
        return {}

    return slow


def last(state: Slow) -> Slow:  # noqa: ARG001 - LangGraph calls it so
    return {"said": "All steps are done."}


_slow = StateGraph(Slow)
_slow.add_node(gate)
_slow.add_edge(START, "gate")
before = "gate"
for each in range(1, STEPS + 1):
    _slow.add_node(f"step{each}", step(each))
    _slow.add_edge(before, f"step{each}")
    before = f"step{each}"
_slow.add_node(last)
_slow.add_edge(before, "last")
_slow.add_edge("last", END)
slow = _slow.compile()


# A node that puts into the store --------------------------------------------------------------------------------------


class Notes(TypedDict, total=False):
    text: str
    said: str


async def note(state: Notes, config: RunnableConfig, *, store: BaseStore) -> Notes:
    interrupt({"question": "Note it?", "text": state["text"]})
    does(f"found {len(await store.asearch(()))}", config)
    await store.aput(("first",), "k", {"text": state["text"]})
    dies("after first")
    await store.abatch([PutOp((name,), key, {"text": state["text"]}) for name in "abc" for key in "xy"])
    dies("after all")
    return {"said": f"Noted {len(await store.asearch(()))}"}


_notes = StateGraph(Notes)
_notes.add_node(note)
_notes.add_edge(START, "note")
_notes.add_edge("note", END)
notes = _notes.compile()


# A variable of `.env` -------------------------------------------------------------------------------------------------


class Region(TypedDict, total=False):
    text: str
    said: str


def move(state: Region) -> Region:
    args = {"service": state["text"], "region": os.environ["REGION"]}
    interrupt({"question": "Is this right?", "tool_call": {"name": "move", "args": args, "id": "call"}})
    return {"said": "Moved."}


_region = StateGraph(Region)
_region.add_node("move", move)
_region.add_edge(START, "move")
_region.add_edge("move", END)
region = _region.compile()
