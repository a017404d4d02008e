"""`signoff check` finds work that would be done twice, and questions that would be swallowed; and nothing else."""

import logging
from pathlib import Path
from typing import Any, TypedDict

import pytest
from langgraph.errors import GraphInterrupt
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt

from adapters.langgraph.loading.advice import advice

log = logging.getLogger(__name__)


class State(TypedDict, total=False):
    text: str


class Mailer:
    def send(self, text: str) -> str:
        return text

    def fetch(self) -> str:
        return ""


mailer = Mailer()


def notify(text: str) -> None:
    mailer.send(text)


def ask(question: str) -> Any:
    return interrupt(question)


def sends_first(state: State) -> State:
    mailer.send(state["text"])
    return {"text": interrupt("Sure?")}


def notifies_first(state: State) -> State:
    notify(state["text"])
    return {"text": ask("Sure?")}


def writes_first(state: State) -> State:
    with Path("/dev/null").open("w") as file, open("/dev/null", "w"):  # noqa: PTH123 - what people write
        file.write(state["text"])
    return {"text": interrupt("Sure?")}


def sends_between(_: State) -> State:
    first = interrupt("First?")
    mailer.send(first)
    return {"text": interrupt("Second?")}


def swallows(_: State) -> State:
    try:
        return {"text": interrupt("Sure?")}
    except Exception:  # noqa: BLE001 - what is to be found
        return {"text": "never asked"}


def swallows_deep(_: State) -> State:
    try:
        return {"text": ask("Sure?")}
    except:  # noqa: E722 - what is to be found
        return {"text": "never asked"}


def reads_first(state: State) -> State:
    log.info("asking %s", state["text"])
    found: dict[str, object] = {"text": mailer.fetch()}
    found.update(state)
    return {"text": interrupt(found)}


def sends_after(_: State) -> State:
    answer = interrupt("Sure?")
    mailer.send(answer)
    return {"text": answer}


def catches_by_name(_: State) -> State:
    try:
        return {"text": str(int(interrupt("How many?")))}
    except ValueError:
        return {"text": "no number"}


def raises_again(_: State) -> State:
    try:
        return {"text": interrupt("Sure?")}
    except Exception:
        log.warning("not asked")
        raise


def asks_nothing(state: State) -> State:
    try:
        mailer.send(state["text"])
    except GraphInterrupt:
        raise AssertionError from None
    return {}


def of(node: Any) -> list[str]:
    builder = StateGraph(State)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    return list(advice(builder.compile()))


@pytest.mark.parametrize(
    ("node", "named"),
    [
        (sends_first, "mailer.send() runs before interrupt()"),
        (notifies_first, "notify() runs before interrupt()"),
        (writes_first, "open() runs before interrupt()"),
        (sends_between, "mailer.send() runs before interrupt()"),
        (swallows, "catches it, so the question may never be asked"),
        (swallows_deep, "catches it, so the question may never be asked"),
    ],
)
def test_a_mistake_is_named_with_its_place(node: Any, named: str) -> None:
    found = of(node)
    assert any(named in each for each in found)
    assert all(each.startswith("node (test_graph_advice.py, line ") for each in found)


@pytest.mark.parametrize("node", [reads_first, sends_after, catches_by_name, raises_again, asks_nothing])
def test_what_is_right_is_left_alone(node: Any) -> None:
    assert of(node) == []


def test_a_graph_below_is_looked_into() -> None:
    inner = StateGraph(State)
    inner.add_node("deep", sends_first)
    inner.add_edge(START, "deep")
    (found,) = of(inner.compile())
    assert found.startswith("node/deep (")
