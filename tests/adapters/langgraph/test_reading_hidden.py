"""What a node does out of sight, and refusals that would act: nothing is taken for proven that is not."""

from collections.abc import Callable
from typing import Any

import pytest
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt
from typing_extensions import TypedDict

from adapters.langgraph.reading import Convention, read_graph
from engine.ask import Choice

A, E, R, W = Choice.APPROVE, Choice.EDIT, Choice.REJECT, Choice.ANSWER


class State(TypedDict, total=False):
    messages: list[Any]
    text: str


def read(*nodes: Callable[[State], Any]) -> Convention:
    """What is known of the first node's question."""
    builder = StateGraph(State)
    names = [each.__name__ for each in nodes]
    for each in nodes:
        builder.add_node(each.__name__, each)
    for one, two in zip([START, *names], names, strict=False):
        builder.add_edge(one, two)
    return read_graph(builder.compile()).all()[0].convention


def act(what: str) -> None:
    open("/dev/null", "a").write(what)  # noqa: PTH123, SIM115 - stands for anything that is done


def model(prompt: str) -> str:
    return str(eval("prompt", {"prompt": prompt}))  # noqa: S307 - stands for what cannot be read


# A refusal avoids what an approval does -------------------------------------------------------------------------------


def made_anew(_: State) -> None:
    text = "Buy now!"
    answer = interrupt({"text": text})
    if isinstance(answer, dict) and answer.get("approved") is False:
        text = model("another one")
    act(text)


def other_call_of_the_same(_: State) -> None:
    text = "Buy now!"
    answer = interrupt({"text": text})
    if answer == "no":
        act(model("another one"))
        return
    act(text)


def one_call_for_both(_: State) -> None:
    answer = interrupt({"title": "A long title"})
    act("A long title" if answer == "yes" else "Untitled")


def corrected(_: State) -> State:
    answer = interrupt({"text": "The limit is 50."})
    if isinstance(answer, str) and answer != "approve":
        return {"text": answer}
    return {"text": "The limit is 50."}


def sends(state: State) -> None:
    act(state["text"])


@pytest.mark.promise("P4")
@pytest.mark.parametrize("nodes", [(made_anew,), (other_call_of_the_same,), (one_call_for_both,), (corrected, sends)])
def test_a_refusal_that_does_the_same_with_another_value_is_not_sent(nodes: Any) -> None:
    assert R not in read(*nodes).templates


@pytest.mark.promise("P4")
def test_words_that_take_the_place_of_what_is_shown_are_an_edit_and_no_answer() -> None:
    known = read(corrected, sends)
    assert known.templates[A] == "approve"
    assert known.templates[E] == "$value.text"
    assert W not in known.templates


def anywhere(_: State) -> None:
    answer = interrupt("Delete the archive? (approve / deny)")
    if "approve" in str(answer).lower():
        act("archive")


@pytest.mark.promise("P4")
def test_words_are_not_offered_where_one_word_of_them_approves() -> None:
    known = read(anywhere)
    assert (known.decides, known.templates[A]) == (True, "approve")
    assert W not in known.templates
