"""Nodes read their answers in many ways: each choice that is offered does what its button says, and no other is."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from pydantic import BaseModel
from support.graph_talk import APPROVE, edit, talking
from typing_extensions import TypedDict

from adapters.langgraph.dialects import Question, encode, problems, read
from adapters.langgraph.reading import read_graph
from engine.asks.ask import Choice, Decision, Json

DONE: list[Any] = []
SAID: list[Any] = []
A, E, R, W = Choice.APPROVE, Choice.EDIT, Choice.REJECT, Choice.ANSWER


class State(TypedDict, total=False):
    messages: list[Any]
    allowed: bool


class Reply(BaseModel):
    granted: bool
    remark: str = ""


def truth(_: State) -> None:
    door = "north door"
    if interrupt({"door": door}):
        DONE.append(door)


def turned_round(_: State) -> None:
    door = "north door"
    if interrupt({"door": door, "keep": "locked"}) == "continue":
        return  # here the word that sounds like going on is the refusal
    DONE.append(door)


def named(_: State) -> None:
    door = "north door"
    reply = interrupt({"door": door})
    match reply["verdict"]:
        case "unlock":
            DONE.append(door)
        case "leave":
            SAID.append(reply.get("remark"))
        case other:
            raise ValueError(other)


def other_name(_: State) -> None:
    sign = "Closed"
    reply = interrupt({"sign": sign})
    if reply.get("mode", "drop") in ("hang", "reword"):
        DONE.append(reply.get("new_sign") or sign)
    else:
        SAID.append(reply.get("feedback"))


def modelled(_: State) -> None:
    door = "north door"
    reply = Reply.model_validate(interrupt({"door": door}))
    if reply.granted:
        DONE.append(door)
    else:
        SAID.append(reply.remark)


def never_no(_: State) -> None:
    interrupt({"door": "north door"})
    DONE.append("north door")


def flag(_: State) -> State:
    return {"allowed": interrupt({"door": "north door"}) is True}


def judged(_: State) -> None:
    if judge(interrupt({"door": "north door"})):
        DONE.append("north door")


def judge(said: Any) -> Any:
    return eval("bool(said)", {"said": said})  # noqa: S307 - stands for what cannot be read


def goes(state: State) -> str:
    return "unlock" if state["allowed"] else END


def unlock(state: State) -> None:  # noqa: ARG001 - LangGraph names it
    DONE.append("north door")


def graph_of(node: Callable[..., Any]) -> Any:
    builder = StateGraph(State)
    builder.add_node("node", node)
    builder.add_node("unlock", unlock)
    builder.add_edge(START, "node")
    if node is flag:
        builder.add_conditional_edges("node", goes, ["unlock", END])
    return builder.compile()


TABLE = [
    (truth, (A, R), False),
    (turned_round, (A, R), False),
    (named, (A, R), True),
    (other_name, (A, E, R), True),
    (modelled, (A, R), True),
    (never_no, (A, R), False),
    (flag, (A, R), False),
    (judged, (R, W), False),
]


@pytest.mark.promise("P4")
@pytest.mark.parametrize(("node", "offered", "hears"), TABLE)
async def test_each_choice_does_what_its_button_says(node: Any, offered: tuple[Choice, ...], hears: Any) -> None:
    for choice in offered:
        DONE.clear()
        SAID.clear()
        async with talking(graph_of(node), input={"messages": []}, reply="@") as talk:
            (asked,) = (await talk.say()).asked
            (action,) = asked.ask.actions
            assert action.choices == offered
            if choice is R and not action.reject_stops:
                end = await talk.answer(asked, Decision(R, text="it is late"))
                assert (DONE, end.error) == ([], "")
                assert (["it is late"] if hears else []) == SAID
            elif choice is A:
                await talk.answer(asked, APPROVE)
                assert len(DONE) == 1
            elif choice is E:
                await talk.answer(asked, edit({"sign": "Open"}))
                assert DONE == ["Open"]


class Painting(TypedDict, total=False):
    coats: int
    allowed: bool


def writes(what: str) -> None:
    with Path("effects.log").open("a", encoding="utf-8") as log:
        log.write(what)


def documented(state: Painting) -> Painting:
    call = {"name": "paint", "args": {"door": "north door", "coats": state["coats"]}, "id": "call-1"}
    action, given = interrupt({"question": "Is this right?", "tool_call": call})
    writes(f"told {action}")
    coats = given["coats"] if action == "update" else state["coats"]
    return {"allowed": action != "feedback", "coats": coats}


def paint(state: Painting) -> None:
    if state["allowed"]:
        writes(f"painted x{state['coats']}")


def test_what_the_documentation_has_for_a_payload_goes_before_a_word_that_the_node_takes_as_well() -> None:
    builder = StateGraph(Painting)
    builder.add_node("ask", documented)
    builder.add_node("paint", paint)
    builder.add_edge(START, "ask")
    builder.add_edge("ask", "paint")
    (reading,) = read_graph(builder.compile()).all()
    args: Json = {"door": "north door", "coats": 2}
    payload: Json = {"question": "Is this right?", "tool_call": {"name": "paint", "args": args, "id": "call-1"}}
    ask = read(Question(payload, nodes=("ask",), reading=reading))
    assert ask.actions[0].choices == (A, E, R)
    assert [encode(ask, [each]).resume for each in (APPROVE, Decision(R, text="too cold"))] == [
        ["continue", None],
        ["feedback", "too cold"],
    ]
    assert encode(ask, [edit({"door": "north door", "coats": 3})]).resume == ["update", {"coats": 3}]
    assert problems(ask, 0, edit({"door": "south door", "coats": 2})), "the node takes no other door"
