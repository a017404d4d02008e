"""`answers:` in `app.yaml`: what a choice sends, and that its update is made once."""

import operator
from typing import Annotated, Any, TypedDict

import pytest
from graph_talk import APPROVE, REJECT, edit, talking, words
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt

from adapters.langgraph.dialects import AnswerRule, Question, encode, read
from engine.ask import Choice, Json, Kind
from engine.ids import UserId

BOB = [UserId("U0BOB")]


class State(TypedDict, total=False):
    log: Annotated[list[Any], operator.add]
    notes: Annotated[list[Any], operator.add]


def rule(node: str | None = None, payload: dict[str, Json] | None = None, **sends: Any) -> AnswerRule:
    return AnswerRule(node, payload or {}, {Choice(name): each for name, each in sends.items()})


def test_the_first_rule_that_fits_is_taken() -> None:
    rules = [
        rule(node="other", approve={"resume": 1}),
        rule(payload={"type": "refund_*", "n": 2}, approve={"resume": 2}),
        rule(payload={"type": "*", "n": True}, approve={"resume": 3}),
        rule(payload={"type": "refund"}, approve={"resume": 4}),
    ]
    ask = read(Question({"type": "refund", "n": 1}, nodes=("review", "a|review")), rules)
    assert encode(ask, [APPROVE]).resume == 4
    nodes = read(Question({"type": "x"}, nodes=("review", "a|other")), [rule(node="a|*", approve={"resume": 5})])
    assert encode(nodes, [APPROVE]).resume == 5


def test_what_no_rule_is_for_stays_as_it_was() -> None:
    plain = read(Question({"question": "Sure?"}))
    assert read(Question({"question": "Sure?"}), [rule(node="x", approve={"resume": 1})]) == plain
    assert encode(plain, [APPROVE]).resume is True


def test_words_keep_their_types_and_are_never_read_again() -> None:
    said = {"resume": {"all": "$value", "in": "is $value", "who": "$user", "why": ["$text"]}}
    ask = read(Question({"n": {"$text": "$user"}}), [rule(edit=said, reject=said, answer=said)])
    sent = encode(ask, [edit({"n": [1, "$text"]})], BOB)
    assert sent.resume == {"all": {"n": [1, "$text"]}, "in": 'is {"n":[1,"$text"]}', "who": "U0BOB", "why": [""]}
    assert encode(ask, [words("say $user")], BOB).resume == {
        "all": None,
        "in": "is ",
        "who": "U0BOB",
        "why": ["say $user"],
    }


@pytest.mark.promise("P6")
def test_words_alone_are_a_question_and_whatever_can_be_approved_is_not() -> None:
    assert read(Question({"anything": 1}), [rule(answer={"resume": "$text"})]).kind is Kind.QUESTION
    turned = read(Question("Which one?"), [rule(answer={"resume": "$text"}, approve={"resume": True})])
    assert turned.kind is Kind.APPROVAL
    assert not turned.is_question


def test_a_batch_is_answered_as_its_dialect_says() -> None:
    calls: Json = [{"name": "a", "args": {}}, {"name": "b", "args": {}}]
    payload: Json = {"action_requests": calls, "review_configs": []}
    ask = read(Question(payload), [rule(approve={"resume": True})])
    assert ask.encoding is None
    assert encode(ask, [APPROVE, REJECT]).resume == {"decisions": [{"type": "approve"}, {"type": "reject"}]}


@pytest.mark.promise("P3")
@pytest.mark.parametrize("fails_in", ["node", "later"])
async def test_an_update_is_made_once_however_often_the_answer_is_delivered(fails_in: str) -> None:
    broken = {fails_in}

    def node(_: State) -> State:
        answer = interrupt({"question": "Sure?"})
        if "node" in broken:
            raise RuntimeError("not now")
        return {"log": [answer]}

    def later(_: State) -> State:
        if "later" in broken:
            raise RuntimeError("not now")
        return {"log": ["later"]}

    builder = StateGraph(State)
    builder.add_node("node", node)
    builder.add_node("later", later)
    builder.add_edge(START, "node")
    builder.add_edge("node", "later")
    builder.add_edge("later", END)
    says = rule(approve={"resume": "yes", "update": {"notes": ["by $user"]}})
    async with talking(builder, answers=(says,)) as talk:
        (asked,) = (await talk.say()).asked
        await talk.deliver(asked, APPROVE)
        broken.clear()
        await talk.deliver(asked, APPROVE)
        await talk.deliver(asked, APPROVE)
        graph = next(iter(talk.graphs._agents.values())).graph
        values = (await graph.aget_state({"configurable": {"thread_id": talk.thread}})).values
    assert values["log"] == ["yes", "later"]
    assert values["notes"] == ["by "]
