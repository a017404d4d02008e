"""What a node does out of sight, and refusals that would act: nothing is taken for proven that is not."""

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import IntEnum
from threading import Thread
from types import SimpleNamespace
from typing import Any, NamedTuple, Self

import pytest
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt
from pydantic import BaseModel, field_validator, model_validator
from support.graph_talk import APPROVE, REJECT, talking, words
from typing_extensions import TypedDict

from adapters.langgraph.reading import Convention, read_graph
from engine.asks.ask import Choice, Kind

A, E, R, W = Choice.APPROVE, Choice.EDIT, Choice.REJECT, Choice.ANSWER


class State(TypedDict, total=False):
    messages: list[Any]
    text: str


def graph_of(*nodes: Callable[[State], Any]) -> Any:
    """The nodes one after the other."""
    builder: Any = StateGraph(State)
    names = [each.__name__ for each in nodes]
    for each in nodes:
        builder.add_node(each.__name__, each)
    for one, two in zip([START, *names], names, strict=False):
        builder.add_edge(one, two)
    return builder.compile()


def read(*nodes: Callable[[State], Any]) -> Convention:
    """What is known of the first node's question."""
    return read_graph(graph_of(*nodes)).all()[0].convention


def act(what: str) -> None:
    open("/dev/null", "a").write(what)  # noqa: PTH123, SIM115 - stands for anything that is done


def model(prompt: str) -> str:
    return str(eval("prompt", {"prompt": prompt}))  # noqa: S307 - stands for what cannot be read


class OfModel(BaseModel):
    temperature: float = 0

    @model_validator(mode="after")
    def _checked(self) -> Self:
        return self

    def invoke(self, prompt: str) -> str:
        return prompt.upper()


def test_a_model_that_is_made_after_the_decision_does_not_hide_what_the_decision_does() -> None:
    def gate(_: State) -> dict[str, Any]:
        if interrupt({"question": "Send it?"}):
            act("sent")
        return {}

    def report(state: State) -> dict[str, Any]:
        return {"text": OfModel(temperature=1).invoke(state["text"])}

    known = read(gate, report)
    assert known.proven
    assert known.templates[A] is True


def reviewed(call: dict[str, str]) -> Any:
    answer = interrupt({"question": "Is this correct?", "call": call})
    if answer["action"] == "continue":
        return call
    return None


def test_a_call_that_a_review_does_not_return_is_not_made() -> None:
    def gate(_: State) -> dict[str, Any]:
        call = reviewed({"name": "pay"})
        act(call["name"])
        return {}

    assert read(gate).templates[A] == {"action": "continue"}


class Payment(BaseModel):
    amount: int

    @model_validator(mode="after")
    def _paid(self) -> Self:
        act(f"paid {self.amount}")
        return self


@pytest.mark.promise("P5")
def test_a_model_whose_validators_are_not_read_may_do_anything() -> None:
    def gate(_: State) -> dict[str, Any]:
        if interrupt({"question": "Send it?"}):
            act("sent")
        else:
            Payment(amount=300)
        return {}

    known = read(gate)
    assert not known.proven


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


# What is done out of sight: the word "alpha" acts, and nothing but the code says so -----------------------------------

DONE: list[str] = []
SEEN: list[str] = []


class Batch:
    """Does on the way out what it was told within."""

    def __init__(self) -> None:
        self.rows: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        DONE.extend(self.rows)


class Door:
    """Opens by itself, whatever is done with it."""

    def __init__(self, raw: Any = None) -> None:
        object.__setattr__(self, "raw", raw)

    def __setattr__(self, name: str, value: Any) -> None:
        DONE.append(name)

    def __setitem__(self, key: str, value: Any) -> None:
        DONE.append(key)

    def __delitem__(self, key: str) -> None:
        DONE.append(key)

    def __lshift__(self, value: str) -> "Door":
        DONE.append(value)
        return self

    def __format__(self, spec: str) -> str:
        DONE.append(spec)
        return "door"

    def __iter__(self) -> Any:
        DONE.append("iter")
        return iter(())

    def __call__(self) -> None:
        DONE.append("call")

    @property
    def wide(self) -> bool:
        return False

    @wide.setter
    def wide(self, value: bool) -> None:
        DONE.append(f"wide {value}")

    def open(self) -> None:
        DONE.append("open")


class Verdict:
    def __init__(self, raw: Any) -> None:
        self.raw = raw

    def __bool__(self) -> bool:
        return bool(self.raw == "alpha")

    def __eq__(self, other: object) -> bool:
        return bool(self.raw == other)

    __hash__ = object.__hash__


class Level(IntEnum):
    NONE = 0
    FULL = 1


class Checked(BaseModel):
    go: bool = False

    @field_validator("go", mode="before")
    @classmethod
    def parse(cls, value: Any) -> bool:
        return bool(value == "alpha")


@dataclass
class Derived:
    word: str = ""
    go: bool = False

    def __post_init__(self) -> None:
        self.go = self.word == "alpha"


class Reply(NamedTuple):
    word: str
    note: str = ""


class Acting(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        DONE.append(record.getMessage())


acting_log = logging.getLogger("a log that acts")
acting_log.addHandler(Acting())
acting_log.propagate = False
door, logger = Door(), Door()
LOUD = True
"""Whether a refusal does something too, which is seen where the deed is not."""
ARMED = False
SWITCHES = {"armed": False}


def later() -> Iterator[int]:
    DONE.append("later")
    yield 1


@contextmanager
def allowed() -> Iterator[bool]:
    yield interrupt({"row": "r1"}) == "alpha"


def said() -> Any:
    return interrupt({"row": "r1"})


def refuse() -> None:
    if LOUD:
        SEEN.append("refused")


def on_the_way_out(_: State) -> None:
    if said() == "alpha":
        with Batch() as batch:
            batch.rows.append("r1")
    else:
        refuse()


def an_item_set(_: State) -> None:
    if said() == "alpha":
        door["r1"] = 1
    else:
        refuse()


def an_item_deleted(_: State) -> None:
    if said() == "alpha":
        del door["r1"]
    else:
        refuse()


def an_attribute_set(_: State) -> None:
    made = Door()
    if said() == "alpha":
        made.state = "open"
    else:
        refuse()


def an_operator(_: State) -> None:
    if said() == "alpha":
        door << "r1"
    else:
        refuse()


def a_format(_: State) -> None:
    if said() == "alpha":
        f"{door:r1}"
    else:
        refuse()


def a_loop(_: State) -> None:
    if said() == "alpha":
        for _each in door:
            pass
    else:
        refuse()


def a_call_of_an_object(_: State) -> None:
    if said() == "alpha":
        door()
    else:
        refuse()


def a_logger_that_is_none(_: State) -> None:
    if said() == "alpha":
        logger.open()
    else:
        refuse()


def a_handler_that_acts(_: State) -> None:
    if said() == "alpha":
        acting_log.error("r1")
    else:
        refuse()


def a_generator(_: State) -> None:
    answer, made = said(), later()
    if answer == "alpha":
        next(made)
    else:
        refuse()


def a_thread(_: State) -> None:
    if said() == "alpha":
        thread = Thread(target=DONE.append, args=("r1",))
        thread.start()
        thread.join()
    else:
        refuse()


def a_manager_that_asks(_: State) -> None:
    with allowed() as yes:
        if yes:
            DONE.append("r1")
        else:
            refuse()


def a_truth_of_its_own(_: State) -> None:
    if Verdict(said()):
        DONE.append("r1")
    else:
        refuse()


def an_equality_of_its_own(_: State) -> None:
    if Verdict(said()) == "alpha":
        DONE.append("r1")
    else:
        refuse()


def a_member_that_is_zero(_: State) -> None:
    if Level(said()["level"]):
        DONE.append("r1")
    else:
        refuse()


def a_validator(_: State) -> None:
    if Checked.model_validate(said()).go:
        DONE.append("r1")
    else:
        refuse()


def a_field_that_is_derived(_: State) -> None:
    if Derived(said().get("word", "")).go:
        DONE.append("r1")
    else:
        refuse()


def a_named_tuple(_: State) -> None:
    if Reply(**said()).word == "alpha":
        DONE.append("r1")
    else:
        refuse()


def a_namespace(_: State) -> None:
    if SimpleNamespace(**said()).go:
        DONE.append("r1")
    else:
        refuse()


def a_name_out_of_the_answer(_: State) -> None:
    getattr(SimpleNamespace(alpha=DONE.append, beta=SEEN.append), said().get("do", "beta"))("r1")


def a_table(_: State) -> None:
    {"alpha": DONE.append}.get(said(), SEEN.append)("r1")


def a_table_by_a_key(_: State) -> None:
    {"alpha": DONE.append}.get(said().get("do"), SEEN.append)("r1")


def a_nonlocal(_: State) -> None:
    answer, yes = said(), False

    def look() -> None:
        nonlocal yes
        yes = answer == "alpha"

    look()
    DONE.append("r1") if yes else refuse()


def a_list_called_log(_: State) -> None:
    log: list[Any] = []
    log.append(said())
    DONE.append("r1") if log[-1] == "alpha" else refuse()


def an_error_that_is_suppressed(_: State) -> None:
    answer, yes = said(), False
    with suppress(ValueError):
        if answer != "alpha":
            raise ValueError
        yes = True
    DONE.append("r1") if yes else refuse()


def a_list_of_what_is_kept(_: State) -> None:
    kept = said().get("keep", [])
    DONE.extend(each for each in ("r1", "r2") if each in kept)


def a_falsy_answer_replaced(_: State) -> None:
    DONE.append("r1") if (said() or {}).get("word") == "alpha" else refuse()


def arms_a_global(_: State) -> None:
    global ARMED  # noqa: PLW0603 - as some do
    ARMED = said() == "alpha"


def reads_a_global(_: State) -> None:
    DONE.append("r1") if ARMED else refuse()


def arms_a_switch(_: State) -> None:
    SWITCHES["armed"] = said() == "alpha"


def reads_a_switch(_: State) -> None:
    DONE.append("r1") if SWITCHES["armed"] else refuse()


class Machine:
    def __init__(self) -> None:
        self.armed = False

    def arm(self, _: State) -> None:
        self.armed = said() == "alpha"

    def fire(self, _: State) -> None:
        DONE.append("r1") if self.armed else refuse()


machine = Machine()
HIDDEN: list[tuple[Any, ...]] = [
    (on_the_way_out,),
    (an_item_set,),
    (an_item_deleted,),
    (an_attribute_set,),
    (an_operator,),
    (a_format,),
    (a_loop,),
    (a_call_of_an_object,),
    (a_logger_that_is_none,),
    (a_handler_that_acts,),
    (a_generator,),
    (a_thread,),
    (a_manager_that_asks,),
    (a_truth_of_its_own,),
    (an_equality_of_its_own,),
    (a_member_that_is_zero,),
    (a_validator,),
    (a_field_that_is_derived,),
    (a_named_tuple,),
    (a_namespace,),
    (a_name_out_of_the_answer,),
    (a_table,),
    (a_table_by_a_key,),
    (a_nonlocal,),
    (a_list_called_log,),
    (an_error_that_is_suppressed,),
    (a_list_of_what_is_kept,),
    (a_falsy_answer_replaced,),
    (arms_a_global, reads_a_global),
    (arms_a_switch, reads_a_switch),
    (machine.arm, machine.fire),
]

UNREAD = (a_thread, a_handler_that_acts, a_name_out_of_the_answer, a_table, a_table_by_a_key, a_list_of_what_is_kept)
"""Nobody can say there which answer acts."""


@pytest.mark.promise("P4")
@pytest.mark.parametrize("nodes", HIDDEN, ids=lambda nodes: nodes[0].__name__)
@pytest.mark.parametrize("loud", [True, False])
async def test_a_choice_that_is_offered_does_what_it_says_wherever_the_deed_is_hidden(
    nodes: Any, *, loud: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(globals(), "LOUD", loud)
    for decision in (APPROVE, REJECT):
        async with talking(graph_of(*nodes), input={"messages": []}, reply="@") as talk:
            (asked,) = (await talk.say()).asked
            (action,) = asked.ask.actions
            if decision.choice not in action.choices or (decision is REJECT and action.reject_stops):
                continue
            DONE.clear()
            end = await talk.answer(asked, decision)
            assert (len(DONE), end.error, end.asked) == (int(decision is APPROVE), "", ())


@pytest.mark.promise("P4")
@pytest.mark.parametrize(
    "nodes", [each for each in HIDDEN if each[0] not in UNREAD], ids=lambda nodes: nodes[0].__name__
)
def test_what_is_read_where_it_is_hidden_is_offered(nodes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "LOUD", not nodes)
    assert read(*nodes).templates.keys() >= {A, R}


# What a question's words mean -----------------------------------------------------------------------------------------


@pytest.mark.promise("P4")
async def test_one_word_that_decides_makes_a_question_a_decision_in_whatever_language() -> None:
    def asks(_: State) -> State:
        return {"text": interrupt("Ar dzēst failu? (jā/nē)")}

    def acts(state: State) -> None:
        DONE.append("yes") if state["text"] == "jā" else DONE.append("no")

    async with talking(graph_of(asks, acts), input={"messages": []}, reply="@") as talk:
        (asked,) = (await talk.say()).asked
    assert asked.ask.kind is Kind.APPROVAL
    assert asked.ask.actions[0].reject_stops


@pytest.mark.promise("P4")
async def test_words_are_sent_where_the_node_reads_them() -> None:
    def asks(_: State) -> None:
        DONE.append(interrupt({"query": "Which one?"})["answer"])

    DONE.clear()
    async with talking(graph_of(asks), input={"messages": []}, reply="@") as talk:
        (asked,) = (await talk.say()).asked
        end = await talk.answer(asked, words("the second, no other"))
    assert (DONE, end.error) == (["the second, no other"], "")


@pytest.mark.promise("P4")
def test_words_are_not_offered_where_the_code_itself_makes_of_them_what_cannot_be_read() -> None:
    def asks(_: State) -> None:
        answer = interrupt({"row": "r1"})
        act("r1" if re.match(r"^\s*(s|sí)\s*$", str(answer)) else "none")

    assert read(asks).templates.keys() <= {A}


@pytest.mark.promise("P4")
def test_where_every_other_answer_raises_the_one_that_acts_is_known_and_a_rejection_stops() -> None:
    def asks(_: State) -> None:
        answer = interrupt({"row": "r1"})
        if isinstance(answer, dict) and answer.get("action") == "reject":
            raise PermissionError
        act("r1")

    assert read(asks).templates == {A: True}


@pytest.mark.promise("P4")
def test_fields_that_are_read_one_by_one_are_edited_one_by_one() -> None:
    def asks(state: State) -> None:
        text, to = state["text"], "ada"
        answer = interrupt({"letter": {"text": text, "to": to}})
        if answer.get("action") == "send":
            changed = answer.get("changes") or {}
            act(f"{changed.get('text', text)} to {to}")

    known = read(asks)
    assert known.templates[E] == {"action": "send", "changes": {"text": "$value.letter.text"}}


@pytest.mark.promise("P4")
def test_what_is_read_of_an_answer_only_where_there_is_one_is_found() -> None:
    def asks(_: State) -> None:
        answer = interrupt({"row": "r1"})
        if answer and answer.get("approved"):
            act("r1")

    known = read(asks)
    assert known.templates[A] == {"approved": True}
    assert R in known.templates


def ensure(answer: Any) -> None:
    if answer.get("status") != "granted":
        raise PermissionError(answer.get("comment", ""))


@pytest.mark.promise("P4")
def test_a_reason_goes_with_the_error_that_carries_it() -> None:
    def asks(_: State) -> None:
        answer = interrupt({"row": "r1"})
        try:
            ensure(answer)
            act("r1")
        except PermissionError as error:
            act(f"refused: {error}")

    known = read(asks)
    assert known.templates[A] == {"status": "granted"}
    assert known.templates[R] == {"comment": "$reason"}


@pytest.mark.promise("P4")
def test_a_truth_value_that_makes_no_difference_says_nothing_against_the_word_that_does() -> None:
    def asks(_: State) -> None:
        if (answer := interrupt({"row": "r1"})) and str(answer).lower() == "y":
            act("r1")

    assert read(asks).templates[A] == "y"


@pytest.mark.promise("P4")
def test_the_reason_does_not_take_the_place_of_the_word_that_refuses() -> None:
    def asks(_: State) -> State:
        answer = interrupt({"row": "r1"})
        if answer["outcome"] == "approve":
            act("r1")
            return {"text": "r1"}
        return {"text": f"{answer['outcome']}: {answer.get('reason', '')}"}

    assert read(asks).templates[R] == {"outcome": "rejected", "reason": "$reason"}


@pytest.mark.promise("P4")
def test_a_text_that_the_code_puts_together_is_still_made_of_what_was_shown() -> None:
    def asks(_: State) -> None:
        letter = "Dear Ada"
        answer = interrupt({"letter": letter})
        if answer.get("mode") == "leave":
            act("left alone")
        else:
            act(f"sent {answer.get('letter', letter)}")

    known = read(asks)
    assert known.templates[A] != {"mode": "leave"}
    assert (known.templates[R], known.edited) == ({"mode": "leave"}, (("letter",),))
