"""The agents of the chaos, written as any team writes its own: they import nothing of Signoff.

Each node writes down what it gets and does, with `CLOCK_MONOTONIC`, which all processes of a machine share and no test
sets. It looks at the audit first, as a distrustful tool would, and writes down how many rows that has: rows are only
added.
"""

import json
import os
import socket
import time
from pathlib import Path
from typing import Any, TypedDict
from urllib.parse import urlsplit

from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt

LEDGER = os.environ.get("CHAOS_LEDGER", os.devnull)
AUDIT = os.environ.get("CHAOS_AUDIT", "")
"""The audit's key, with `THREAD` in it."""
AMOUNT = 10


class Case(TypedDict, total=False):
    """The state of every agent here."""

    case: str
    verdict: str
    amount: Any
    done: str


def _rows(thread: str) -> int | None:
    """How many rows the audit of a thread has now; None if Redis does not say."""
    key = AUDIT.replace("THREAD", thread).encode()
    server = urlsplit(os.environ.get("REDIS_URL", "redis://127.0.0.1:6379"))
    try:
        with socket.create_connection((server.hostname or "", server.port or 6379), 2.0) as connection:
            connection.sendall(b"*2\r\n$4\r\nLLEN\r\n$%d\r\n%s\r\n" % (len(key), key))
            with connection.makefile("rb") as answer:
                return int(answer.readline()[1:])
    except (OSError, ValueError):
        return None


def note(fact: str, gate: str, verdict: str, amount: object, config: RunnableConfig) -> None:
    """Write a line into the ledger."""
    seen = _rows(config["configurable"]["thread_id"])
    line = {"fact": fact, "gate": gate, "verdict": verdict, "amount": amount, "at": time.monotonic(), "seen": seen}
    with Path(LEDGER).open("a", encoding="utf-8") as ledger:
        ledger.write(json.dumps(line) + "\n")


# Approve or reject ----------------------------------------------------------------------------------------------------


def ask(state: Case, config: RunnableConfig) -> Case:
    """Ask whether to pay."""
    gate = f"{state['case']}.pay"
    approved = interrupt({"question": f"Pay for {gate}?", "amount": AMOUNT})
    verdict = "approve" if approved else "reject"
    note("got", gate, verdict, AMOUNT if approved else None, config)
    return {"verdict": verdict, "amount": AMOUNT}


def pay(state: Case, config: RunnableConfig) -> Case:
    """Pay what was approved."""
    if state["verdict"] != "reject":
        note("did", f"{state['case']}.pay", state["verdict"], state["amount"], config)
    return {}


def tell(state: Case) -> Case:
    """Say that it is over."""
    return {"done": f"{state['case']} is over"}


def _paying(first: Any) -> Any:
    graph = StateGraph(Case)
    graph.add_node("ask", first)
    graph.add_node("pay", pay)
    graph.add_node("tell", tell)
    graph.add_edge(START, "ask")
    graph.add_edge("ask", "pay")
    graph.add_edge("pay", "tell")
    graph.add_edge("tell", END)
    return graph.compile()


approve = _paying(ask)
quorum = _paying(ask)
expiry = _paying(ask)


# A tool call that may be edited ---------------------------------------------------------------------------------------


def review(state: Case, config: RunnableConfig) -> Case:
    """Ask about a tool call, as LangChain's middleware does."""
    gate = f"{state['case']}.pay"
    call: dict[str, Any] = {"name": "pay", "args": {"gate": gate, "amount": AMOUNT}}
    allowed = {"action_name": "pay", "allowed_decisions": ["approve", "edit", "reject"]}
    given = interrupt({"action_requests": [call], "review_configs": [allowed]})
    decision = given["decisions"][0]
    args = decision["edited_action"]["args"] if decision["type"] == "edit" else call["args"]
    amount = None if decision["type"] == "reject" else args["amount"]
    note("got", gate, decision["type"], amount, config)
    return {"verdict": decision["type"], "amount": amount}


tool = _paying(review)


# Two interrupts at once -----------------------------------------------------------------------------------------------


def _half(name: str) -> Any:
    def half(state: Case, config: RunnableConfig) -> Case:
        """Ask for one of two things, and do it in the same node: whatever cut it off, the answer stays."""
        gate = f"{state['case']}.{name}"
        approved = interrupt({"question": f"Pay for {gate}?", "amount": AMOUNT})
        note("got", gate, "approve" if approved else "reject", AMOUNT if approved else None, config)
        if approved:
            note("did", gate, "approve", AMOUNT, config)
        return {}

    return half


_parallel = StateGraph(Case)
_parallel.add_node("left", _half("left"))
_parallel.add_node("right", _half("right"))
_parallel.add_node("tell", tell)
_parallel.add_edge(START, "left")
_parallel.add_edge(START, "right")
_parallel.add_edge(["left", "right"], "tell")
_parallel.add_edge("tell", END)
parallel = _parallel.compile()


# A question -----------------------------------------------------------------------------------------------------------


def inquire(state: Case, config: RunnableConfig) -> Case:
    """Ask the requester for words."""
    gate = f"{state['case']}.pay"
    city = interrupt(f"Which city is {gate} for?")
    note("got", gate, "answer", city, config)
    return {"verdict": "answer", "amount": city}


question = _paying(inquire)
