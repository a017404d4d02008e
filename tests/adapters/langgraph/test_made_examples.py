"""Nodes that `test_made_nodes` made up and the reader once got wrong, each as small as it can be."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypedDict

import pytest
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from support.graph_talk import AGENT, APPROVE, edit, talking, words

from engine.asks.ask import Choice, Decision

DONE: list[Any] = []
SAID: list[Any] = []
ROWS: list[Any] = []
A, E, R, W = Choice.APPROVE, Choice.EDIT, Choice.REJECT, Choice.ANSWER


class State(TypedDict, total=False):
    messages: list[Any]


class Ledger:
    """Its list has the name of a logger."""

    def __init__(self) -> None:
        self.log = DONE

    def send(self, value: Any) -> None:
        self.log.append(value)


LEDGER = Ledger()


@dataclass
class Reply:
    granted: bool
    remark: str


def effect_called_log(_: State) -> None:
    reply = interrupt({"door": "north door"})
    if reply["way"] == "leave":
        SAID.append(reply.get("remark"))
        return
    LEDGER.send("north door")


def kept_unless_false(_: State) -> None:
    """Only `False` is tested for, yet it is any other value that refuses; and an edit is no refusal."""
    reply = interrupt("Open the door 4755?")
    if reply.get("keep", False) is False:
        DONE.append(reply.get("door") or 4755)


def spread(_: State) -> None:
    reply = Reply(**interrupt({"door": "north door"}))
    if reply.granted:
        DONE.append("north door")
    else:
        SAID.append(reply.remark)


def number(_: State) -> None:
    reply = interrupt({"door": "north door"})
    if int(reply.get("code")) == 200:
        DONE.append("north door")
    else:
        SAID.append(reply.get("note"))


def edit_within(_: State) -> None:
    reply = interrupt({"door": "north door"})
    if reply["ok"]:
        DONE.append((reply.get("args") or {}).get("door", "north door"))


def sentence(_: State) -> None:
    """What stands within the sentence can be changed, the sentence cannot."""
    door = "north door"
    reply = interrupt(f"Open the {door}?")
    if reply["go"] == 7:
        DONE.append(reply.get("new") or door)


class Gate:
    async def __call__(self, _: State) -> None:
        reply = interrupt({"action": "open", "message": "Please look", "door": "north door"})
        if reply.get("decision", "") != "leave":
            DONE.append("north door")
        else:
            SAID.append(reply.get("note"))


def prefix(_: State) -> None:
    reply = interrupt({"door": "north door"})
    if str(reply.get("word", "")).startswith("le"):
        SAID.append(reply.get("note"))
        return
    DONE.append("north door")


def task(_: State) -> None:
    """Its payload looks like a text to revise, and it reads another answer."""
    reply = interrupt({"task": "Please check this", "door": "north door"})
    if str(reply.get("d")).lower() == "no":
        DONE.append("north door")
    else:
        SAID.append(reply.get("why"))


def out_of_sight(_: State) -> None:
    """What is made of the answer is not known, and so it is of what it lacks."""
    reply = interrupt({"door": "north door"})
    if eval("bool(said)", {"said": reply.get("d")}):  # noqa: S307 - stands for what cannot be read
        DONE.append("north door")


def in_sight(_: State) -> None:
    """The answer is not handed to what reads it."""
    reply = interrupt({"door": "north door"})
    if eval("bool(reply['d'])"):  # noqa: S307 - likewise
        DONE.append("north door")
    else:
        SAID.append(reply.get("note"))


def key_out_of_sight(_: State) -> None:
    """Any word is a true value there: "no" too."""
    reply = interrupt({"door": "north door"})
    if eval("bool(said)", {"said": reply["d"]}):  # noqa: S307 - stands for what cannot be read
        DONE.append("north door")
    else:
        SAID.append(reply.get("note"))


def text_instead(_: State) -> None:
    """A text takes the place of what is shown, in a call of its own."""
    answer = interrupt({"door": "north door"})
    if isinstance(answer, str) and answer.strip():
        DONE.append(answer.strip())
    elif answer:
        LEDGER.send("north door")
    else:
        note("refused")


def fails_to_no(_: State) -> None:
    """What raises is a no, and what else there is cannot be read."""
    reply = interrupt({"door": "north door"})
    try:
        fine = re.search(r"^\w\w\w\w", str(reply.get("d")))
    except AttributeError:
        fine = None
    if fine:
        DONE.append("north door")
    else:
        note("refused")


def kept(_: State) -> None:
    """A true value says yes only where its name says so."""
    reply = interrupt("Open c-3?")
    ROWS.append("asked")
    if reply["keep"] is False:
        DONE.append("c-3")
    elif reply["keep"] is True:
        note("kept")


def note(word: str) -> None:
    ROWS.append(word)


def ignores_nothing(_: State) -> None:
    reply = interrupt({"door": "north door"})
    if reply["ok"]:
        DONE.append(reply.get("door") or "north door")


def edited_is_no_note(_: State) -> None:
    """What may be changed before it is done is the action, however much the refusal writes down."""
    gate = "c-3"
    reply = interrupt(f"Halt {gate}?")
    if reply["d"] == "stop":
        gate = reply.get("new") or gate
        DONE.append(gate)
    elif reply["d"] == "continue":
        SAID.append(reply.get("note"))
        note("refused")


TABLE = [
    (effect_called_log, {A, R}, "north door"),
    (kept_unless_false, {A, R}, 4755),
    (spread, {A, R}, "north door"),
    (number, {A, R}, "north door"),
    (edit_within, {A, E, R}, "north door"),
    (sentence, {A, R}, "north door"),
    (Gate(), {A, R}, "north door"),
    (prefix, {A, R}, "north door"),
    (task, {R, W}, None),
    (out_of_sight, {R, W}, None),
    (in_sight, {R, W}, None),
    (key_out_of_sight, {R, W}, None),
    (text_instead, {A, R}, "north door"),
    (fails_to_no, {R, W}, None),
    (kept, {A, R}, "c-3"),
    (edited_is_no_note, {R, W}, None),
    (ignores_nothing, {A, E, R}, "north door"),
]


def graph_of(node: Callable[..., Any]) -> Any:
    builder = StateGraph(State)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    builder.add_edge("node", END)
    return builder.compile()


@pytest.mark.promise("P4")
@pytest.mark.parametrize(("node", "offered", "done"), TABLE, ids=lambda each: getattr(each, "__name__", None))
async def test_what_was_once_misread(node: Any, offered: set[Choice], done: Any) -> None:
    for choice in sorted(offered):
        async with talking(graph_of(node), input={"messages": []}, reply="@") as talk:
            (asked,) = (await talk.say()).asked
            (action,) = asked.ask.actions
            assert set(action.choices) == offered
            DONE.clear()
            SAID.clear()
            match choice:
                case Choice.APPROVE:
                    await talk.answer(asked, APPROVE)
                    assert [done] == DONE
                case Choice.EDIT:
                    for empty in ("", " ") if node is ignores_nothing else ():
                        assert talk.graphs.problems(AGENT, asked.ask, 0, edit({"door": empty}))
                    await talk.answer(asked, edit({"door": "south door"}))
                    assert DONE == ["south door"]
                case Choice.REJECT if not action.reject_stops:
                    end = await talk.answer(asked, Decision(R, text="it is late"))
                    assert (DONE, end.error, end.asked) == ([], "", ())
                    assert SAID in ([], ["it is late"])
                case Choice.ANSWER:
                    assert talk.graphs.problems(AGENT, asked.ask, 0, words("no, do not"))
