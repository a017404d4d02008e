"""Answers questions of tenants. A person checks each new answer; known ones are given at once."""

import hashlib
from typing import TypedDict

from langgraph.config import get_store
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import interrupt

NAMESPACE = ("faq", "answers")


class Question(TypedDict):
    question: str


class State(TypedDict):
    question: str
    draft: str
    answer: str


def _key(question: str) -> str:
    return hashlib.sha1(question.lower().encode()).hexdigest()


async def recall(state: State, runtime: Runtime):
    known = await runtime.store.aget(NAMESPACE, _key(state["question"]))
    return {"answer": f"As we said before: {known.value['text']}" if known else ""}


def write(state: State):
    return {"draft": "Bins are collected on Tuesdays."}


def check(state: State):
    if not interrupt({"question": "Send this answer to the tenant?", "answer": state["draft"]}):
        return {"answer": "Somebody will call you back."}
    get_store().put(NAMESPACE, _key(state["question"]), {"text": state["draft"]})
    return {"answer": state["draft"]}


builder = StateGraph(State, input_schema=Question)
builder.add_node("recall", recall)
builder.add_node("write", write)
builder.add_node("check", check)
builder.add_edge(START, "recall")
builder.add_conditional_edges("recall", lambda state: END if state["answer"] else "write", ["write", END])
builder.add_edge("write", "check")
builder.add_edge("check", END)
graph = builder.compile()
