"""Reviews with more ways on than two: which one approves follows from what it reaches, the others keep their words.

Nothing is done although it was refused, whatever the words are; and each choice that is offered does what it says.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import pytest
from langchain_core.language_models import FakeListChatModel
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt
from pydantic import BaseModel
from support.graph_talk import APPROVE, REJECT, talking
from typing_extensions import TypedDict

from engine.asks.ask import Action, Choice, Decision

A, R, W, OWN = Choice.APPROVE, Choice.REJECT, Choice.ANSWER, Choice.OPTION
DONE: list[Any] = []
model = FakeListChatModel(responses=["a better letter"])


class State(TypedDict, total=False):
    letter: str
    verdict: str
    feedback: str
    rounds: int


def deed(*what: Any) -> None:
    DONE.append(what)


def write(state: State) -> State:
    feedback = state.get("feedback", "")
    if feedback:
        deed("wrote", feedback)
    return {"letter": f"letter {feedback}"}


def send(state: State) -> None:
    deed("sent", state.get("letter"))


def page(state: State) -> None:  # noqa: ARG001 - LangGraph names it
    deed("paged", "the lawyer")


def tell(state: State) -> None:  # noqa: ARG001 - LangGraph names it
    deed("told", "the writer")


def graph_of(review: Callable[..., Any], route: Callable[[State], str] | None = None) -> Any:
    builder = StateGraph(State)
    for node in (write, send, page, tell):
        builder.add_node(node)
    builder.add_node("review", review)
    builder.add_edge(START, "write")
    builder.add_edge("write", "review")
    if route is not None:
        builder.add_conditional_edges("review", route, ["send", "write", "page", END])
    return builder.compile()


# Shapes ---------------------------------------------------------------------------------------------------------------


def by_command(state: State) -> Any:
    said = interrupt({"letter": state["letter"]})
    if said["action"] == "approve":
        return Command(goto="send")
    if said["action"] == "revise":
        return Command(goto="write", update={"feedback": said.get("feedback", "")})
    return Command(goto=END)


def by_state(state: State) -> State:
    said = interrupt({"letter": state["letter"]})
    return {"verdict": said.get("verdict"), "feedback": said.get("feedback", ""), "rounds": state.get("rounds", 0) + 1}


def routed(state: State) -> str:
    if state["verdict"] == "approve":
        return "send"
    if state["verdict"] == "revise" and state["rounds"] < 3:
        return "write"
    return END


def by_words_of_its_own(state: State) -> Any:
    said = interrupt({"letter": state["letter"]})
    match said["verdict"]:
        case "ship":
            return Command(goto="send")
        case "redo":
            return Command(goto="write", update={"feedback": said["notes"]})
        case "drop":
            return Command(goto="tell")
        case other:
            raise ValueError(other)


def by_text(state: State) -> Any:
    said = interrupt({"letter": state["letter"]})
    if said in ("y", "yes", "approve"):
        return Command(goto="send")
    if said in ("escalate", "e", "up"):
        return Command(goto="page")
    return Command(goto=END)


def by_table(state: State) -> Any:
    said = interrupt({"letter": state["letter"]})
    to = {"approve": "send", "revise": "write", "reject": "tell"}[said["choice"]]
    return Command(goto=to, update={"feedback": said.get("comment", "")})


ROUTES = {"send": "send", "page": "page", "drop": END}


def by_a_table_of_the_module(state: State) -> Any:
    said = interrupt({"letter": state["letter"]})
    return Command(goto=ROUTES[said["to"]], update={"feedback": said.get("why", "no reason")})


def let_be(_: Any) -> None:
    """Stands for a handler that does nothing."""


HANDLERS = {"go": lambda letter: deed("sent", letter), "drop": let_be}


def by_handlers(state: State) -> None:
    HANDLERS[interrupt({"letter": state["letter"]})](state["letter"])


def in_one_node(state: State) -> Any:
    letter = state["letter"]
    while True:
        said = interrupt({"letter": letter})
        if said["action"] == "approve":
            deed("sent", letter)
            return None
        if said["action"] == "revise":
            letter = str(model.invoke(f"{letter}: {said['feedback']}").content)
            continue
        if said["action"] == "reject":
            return None


class Ruling(BaseModel):
    decision: Literal["approve", "revise", "reject"]
    comments: str = ""


def by_model(state: State) -> Any:
    ruling = Ruling.model_validate(interrupt({"letter": state["letter"]}))
    if ruling.decision == "approve":
        return Command(goto="send")
    if ruling.decision == "revise":
        return Command(goto="write", update={"feedback": ruling.comments})
    return Command(goto=END)


def for_good(state: State) -> None:
    """One way does what the approval does, and allows it for ever: the one that does most is not the approval."""
    said = interrupt({"letter": state["letter"]})
    if said in ("always", "y"):
        if said == "always":
            DONE.append(("allowed", state["letter"]))
        deed("sent", state["letter"])


def for_good_without_a_yes(state: State) -> None:
    said = interrupt({"letter": state["letter"]})
    if said in ("for good", "this time"):
        if said == "for good":
            DONE.append(("allowed", state["letter"]))
        deed("sent", state["letter"])


def edited_elsewhere(state: State) -> None:
    """The same call in another branch, with another text: an edit, and no further choice."""
    said = interrupt({"letter": state["letter"]})
    match said.get("action"):
        case "approve":
            deed("sent", state["letter"])
        case "change":
            deed("sent", said["letter"])
        case "escalate":
            deed("paged", said.get("reason"))


def said_twice(state: State) -> None:
    """Branches that make the very same call mean the same, wherever they stand."""
    said = interrupt({"letter": state["letter"]})
    if said == "ok":
        deed("sent", state["letter"])
    elif said == "escalate":
        deed("paged", "the lawyer")
    elif said == "yes":
        deed("sent", state["letter"])
    elif said == "up":
        deed("paged", "the lawyer")


def one_by_one(_: State) -> None:
    """The next question shows what comes next: that is not yet done."""
    for name in ("first", "second"):
        said = interrupt({"item": name})
        if said == "skip":
            continue
        if said == "stop":
            break
        deed("did", name)


def both_act(state: State) -> None:
    """Two ways use what was shown; nothing but the name says that one of them is the approval."""
    said = interrupt({"letter": state["letter"]})
    if said == "approve":
        deed("sent", state["letter"])
    elif said == "escalate":
        deed("paged about", state["letter"])


def nobody_knows(state: State) -> None:
    said = interrupt({"letter": state["letter"]})
    if said == "billing":
        deed("billing", state["letter"])
    elif said == "support":
        deed("support", state["letter"])
    else:
        raise ValueError(said)


def nobody_knows_the_rest(state: State) -> None:
    said = interrupt({"letter": state["letter"]})
    if said == "billing":
        deed("billing", state["letter"])
    elif said == "support":
        deed("support", state["letter"])
    else:
        deed("sales", state["letter"])


def pages_with_a_reason(state: State) -> Any:
    """Only the escalation takes a reason: a rejection must not take it for its own."""
    said = interrupt({"letter": state["letter"]})
    if said["action"] == "approve":
        deed("sent", state["letter"])
    elif said["action"] == "escalate":
        deed("paged", said.get("reason"))


def refuses_with_a_default(state: State) -> Any:
    said = interrupt({"letter": state["letter"]})
    if said["action"] == "send":
        deed("sent", state["letter"])
    else:
        DONE.append(("told", f"on hold: {said.get('reason', 'no reason given')}"))


def refusal_acts(state: State) -> Any:
    """As one public project has it: whatever is said, the next stage runs."""
    said = interrupt({"letter": state["letter"]})
    if said == "reject":
        deed("noted", "a rejection")
    if said == "hold":
        deed("noted", "a hold")
    deed("sent", state["letter"])


def refuses_by_letter(state: State) -> Any:
    said = interrupt({"letter": state["letter"]})
    if said == "accept":
        deed("sent", state["letter"])
    elif said == "deny":
        deed("wrote", "a refusal")


def refuses_and_sends(state: State) -> Any:
    said = interrupt({"letter": state["letter"]})
    if said == "accept":
        deed("told", "the writer")
    elif said == "deny":
        deed("wrote", "a refusal")
    else:
        return
    deed("sent", state["letter"])


SENT, PAGED = [("sent", "letter ")], [("paged", "the lawyer")]
REVISED = [("wrote", "kinder")]
TABLE: Mapping[str, tuple[Any, Any, tuple[Choice, ...], Mapping[str, Any], Any]] = {
    "by command": (by_command, None, (A, R, OWN), {"revise": REVISED}, []),
    "by state, three rounds": (by_state, routed, (A, R, OWN), {"revise": REVISED}, []),
    "by words of its own": (by_words_of_its_own, None, (A, R, OWN), {"redo": REVISED}, [("told", "the writer")]),
    "by text, synonyms once": (by_text, None, (A, R, OWN), {"escalate": PAGED}, []),
    "by a table": (by_table, None, (A, R, OWN), {"revise": REVISED}, [("told", "the writer")]),
    "by a table of the module": (by_a_table_of_the_module, None, (A, R, OWN), {"page": PAGED}, []),
    "by handlers, and by no other word": (by_handlers, None, (A, R), {}, []),
    "in one node": (in_one_node, None, (A, R, OWN), {"revise": []}, []),
    "a reason for the escalation": (pages_with_a_reason, None, (A, R, OWN), {"escalate": [("paged", "kinder")]}, []),
    "by a model": (by_model, None, (A, R, OWN), {"revise": REVISED}, []),
    "for good": (for_good, None, (A, R, OWN), {"always": [("allowed", "letter "), *SENT]}, []),
    "for good, and no yes": (
        for_good_without_a_yes,
        None,
        (R, OWN),
        {"for good": [("allowed", "letter "), *SENT], "this time": SENT},
        [],
    ),
    "said twice": (said_twice, None, (A, R, OWN), {"escalate": PAGED}, []),
    "both act": (both_act, None, (A, R, OWN), {"escalate": [("paged about", "letter ")]}, []),
    "nobody knows": (
        nobody_knows,
        None,
        (R, OWN),
        {"billing": [("billing", "letter ")], "support": [("support", "letter ")]},
        None,
    ),
    "nobody knows the rest": (
        nobody_knows_the_rest,
        None,
        (R, W, OWN),
        {"billing": [("billing", "letter ")], "support": [("support", "letter ")]},
        None,
    ),
}
"""The node, its edge, the choices that are offered, what each option does, and a rejection (None: it is not sent)."""


async def decided(graph: Any, decision: Decision) -> list[Any]:
    DONE.clear()
    async with talking(graph, input={}, reply="@") as talk:
        (asked,) = (await talk.say()).asked
        end = await talk.answer(asked, decision)
        assert end.error == ""
    return list(DONE)


async def action_of(graph: Any) -> Action:
    async with talking(graph, input={}, reply="@") as talk:
        (asked,) = (await talk.say()).asked
        (action,) = asked.ask.actions
        return action


@pytest.mark.promise("P4")
@pytest.mark.promise("P5")
@pytest.mark.parametrize(("review", "route", "offered", "options", "refused"), TABLE.values(), ids=TABLE.keys())
async def test_each_way_on_is_offered_and_does_what_it_says(
    review: Any, route: Any, offered: tuple[Choice, ...], options: Mapping[str, Any], refused: Any
) -> None:
    graph = graph_of(review, route)
    action = await action_of(graph)
    assert action.choices == offered
    assert [each.word for each in action.options] == list(options)
    if A in offered:
        assert await decided(graph, APPROVE) == SENT
    assert action.reject_stops is (refused is None)
    if refused is not None:
        assert await decided(graph, REJECT) == refused
    for each in action.options:
        text = "kinder" if each.takes_words else ""
        assert await decided(graph, Decision(OWN, text=text, option=each.word)) == options[each.word]


@pytest.mark.promise("P4")
async def test_the_same_call_with_another_text_is_an_edit() -> None:
    action = await action_of(graph_of(edited_elsewhere))
    assert action.choices == (A, Choice.EDIT, R, OWN)
    assert [each.word for each in action.options] == ["escalate"]
    changed = Decision(Choice.EDIT, value={"letter": "a kinder letter"})
    assert await decided(graph_of(edited_elsewhere), changed) == [("sent", "a kinder letter")]
    assert await decided(graph_of(edited_elsewhere), APPROVE) == SENT
    assert await decided(graph_of(edited_elsewhere), REJECT) == []


@pytest.mark.promise("P5")
async def test_a_further_question_is_no_deed() -> None:
    action = await action_of(graph_of(one_by_one))
    assert action.choices == (A, R, OWN)
    assert ([each.word for each in action.options], action.own_words) == (["skip"], {"reject": "stop"})
    assert await decided(graph_of(one_by_one), APPROVE) == [("did", "first")]
    assert await decided(graph_of(one_by_one), REJECT) == []
    assert await decided(graph_of(one_by_one), Decision(OWN, option="skip")) == []


@pytest.mark.promise("P5")
async def test_a_refusal_that_does_something_of_its_own_has_its_own_button() -> None:
    """Reject takes the way on which nothing happens; the node's own word is sent as it stands."""
    action = await action_of(graph_of(refuses_by_letter))
    assert action.choices == (A, R, OWN)
    assert [each.word for each in action.options] == ["deny"]
    assert await decided(graph_of(refuses_by_letter), APPROVE) == SENT
    assert await decided(graph_of(refuses_by_letter), REJECT) == []
    assert await decided(graph_of(refuses_by_letter), Decision(OWN, option="deny")) == [("wrote", "a refusal")]


@pytest.mark.promise("P5")
async def test_a_refusal_that_may_do_what_the_approval_does_has_no_button() -> None:
    action = await action_of(graph_of(refuses_and_sends))
    assert "deny" not in [each.word for each in action.options]


@pytest.mark.promise("P5")
async def test_where_every_way_acts_no_word_is_taken_for_a_refusal() -> None:
    action = await action_of(graph_of(refusal_acts))
    assert action.reject_stops
    assert "reject" not in [each.word for each in action.options]


async def test_words_that_go_with_a_choice_are_asked_for_by_the_nodes_own_name() -> None:
    action = await action_of(graph_of(by_words_of_its_own))
    assert [(each.word, each.asks_for) for each in action.options] == [("redo", "notes")]
    assert action.own_words == {"approve": "ship", "reject": "drop"}


@pytest.mark.promise("P4")
@pytest.mark.parametrize(
    ("review", "unsent"), [(by_command, True), (by_handlers, True), (refuses_with_a_default, False)]
)
async def test_a_form_promises_that_a_reason_is_seen_only_where_it_is_sent(review: Any, unsent: Any) -> None:
    assert (await action_of(graph_of(review))).reason_unsent is unsent


async def test_a_reason_takes_the_place_of_the_text_for_none() -> None:
    end = await decided(graph_of(refuses_with_a_default), Decision(R, text="it is late"))
    assert end == [("told", "on hold: it is late")]


async def test_words_that_say_what_our_button_says_do_not_stand_beside_it() -> None:
    assert (await action_of(graph_of(by_command))).own_words is None


@pytest.mark.promise("P4")
async def test_of_words_for_the_same_branch_the_one_that_is_shown_is_the_button() -> None:
    def review(state: State) -> Command[Literal["send", "page", "tell"]]:
        word = interrupt({"letter": state["letter"], "question": "Send it? Reply: 'approve' | 'reject' | 'escalate'"})
        if word in ("yes", "approve"):
            return Command(goto="send")
        return Command(goto="page" if word in ("maybe", "unsure", "escalate") else "tell")

    action = await action_of(graph_of(review))
    assert [each.word for each in action.options] == ["escalate"]


async def test_what_an_option_sends_is_bound_by_the_digest() -> None:
    async def digest(graph: Any) -> str:
        async with talking(graph, input={}, reply="@") as talk:
            (asked,) = (await talk.say()).asked
            assert isinstance(asked.ask.encoding, dict)
            assert "options" in asked.ask.encoding
            return asked.digest

    assert await digest(graph_of(by_command)) != await digest(graph_of(pages_with_a_reason))


# Secrets --------------------------------------------------------------------------------------------------------------


def with_a_pin(pin: str) -> Any:
    def review(state: State) -> None:
        if interrupt({"letter": state["letter"]}) == pin:
            deed("sent", state["letter"])

    return review


@pytest.mark.promise("P4")
async def test_a_secret_of_the_environment_is_no_word_of_the_node(monkeypatch: pytest.MonkeyPatch) -> None:
    pin = "".join(str(number) for number in (7, 7, 3, 1))
    monkeypatch.setenv("RELEASE_PIN", pin)
    async with talking(graph_of(with_a_pin(pin)), input={}, reply="@") as talk:
        (asked,) = (await talk.say()).asked
        assert A not in asked.ask.actions[0].choices
        assert asked.ask.actions[0].reject_stops
        assert pin not in repr(asked.ask)


async def test_a_word_that_the_code_spells_is_known_whatever_the_environment_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STAGE", "ship")
    assert A in (await action_of(graph_of(with_a_pin("ship")))).choices
