"""`answers:` in `app.yaml`: what a choice sends, and that its update is made once."""

import operator
from dataclasses import replace
from typing import Annotated, Any, TypedDict

import pytest
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from support.graph_talk import APPROVE, REJECT, edit, talking, words

from adapters.langgraph.dialects import AnswerRule, Question, encode, problems, read
from adapters.langgraph.dialects.encoded import decides
from engine.asks.ask import Choice, Decision, Json, Kind
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


def test_an_option_sends_what_its_entry_says_of_what_was_shown() -> None:
    options: dict[str, Any] = {"escalate": {"resume": {"to": "cfo", "amount": "$value.amount"}}}
    entry = AnswerRule(None, {}, {Choice.APPROVE: {"resume": True}}, options=options)
    ask = read(Question({"amount": 80}), [entry])
    assert ask.actions[0].choices == (Choice.APPROVE, Choice.REJECT, Choice.OPTION)
    assert ask.actions[0].reject_stops
    as_asked = Decision(Choice.OPTION, option="escalate")
    assert encode(ask, [as_asked]).resume == {"to": "cfo", "amount": 80}
    assert encode(ask, [replace(as_asked, value={"amount": 90})]).resume == {"to": "cfo", "amount": 90}
    unknown = Decision(Choice.OPTION, option="approve")
    assert [each.sentence for each in problems(ask, 0, unknown)] == ["The agent does not accept this choice here."]
    with pytest.raises(ValueError, match="no words"):
        encode(ask, [unknown])


def test_words_keep_their_types_and_are_never_read_again() -> None:
    said = {"resume": {"all": "$value", "in": "is $value", "who": "$user", "why": ["$text"]}}
    ask = read(Question({"n": {"$text": "$user"}}), [rule(edit=said, reject=said, answer=said)])
    sent = encode(ask, [edit({"n": [1, "$text"]})], BOB)
    assert sent.resume == {"all": {"n": [1, "$text"]}, "in": 'is {"n":[1,"$text"]}', "who": "U0BOB", "why": [""]}
    assert encode(ask, [words("say $user")], BOB).resume == {
        "all": {"n": {"$text": "$user"}},
        "in": 'is {"n":{"$text":"$user"}}',
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

    def node(state: State) -> State:  # noqa: ARG001 - LangGraph names it
        answer = interrupt({"question": "Sure?"})
        if "node" in broken:
            raise RuntimeError("not now")
        return {"log": [answer]}

    def later(state: State) -> State:  # noqa: ARG001 - LangGraph names it
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


# Picks ----------------------------------------------------------------------------------------------------------------

DRAFT: Json = {"question": "Send it?", "draft": "Dear Ada", "to": ["ada@example.com"], "due-date": "May", "price": "$5"}


def test_picks_take_of_the_value_as_it_was_edited() -> None:
    says = {"resume": {"text": "$value.draft", "first": "$value.to[0]", "due": 'until $value["due-date"]'}}
    ask = read(Question(DRAFT), [rule(approve=says, edit=says)])
    assert encode(ask, [APPROVE]).resume == {"text": "Dear Ada", "first": "ada@example.com", "due": "until May"}
    edited = {"draft": "Dear Bob", "to": ["bob@example.com"], "due-date": "June", "price": "$5"}
    assert encode(ask, [edit(edited)]).resume == {"text": "Dear Bob", "first": "bob@example.com", "due": "until June"}


def test_a_field_beside_the_value_is_sent_as_it_was_asked() -> None:
    says = {"resume": {"asked": "$value.question", "price": "$value.price", "all": "$value"}}
    ask = read(Question(DRAFT), [rule(approve=says)])
    assert "question" not in ask.actions[0].value  # type: ignore[operator]
    sent = encode(ask, [APPROVE]).resume
    assert sent == {"asked": "Send it?", "price": "$5", "all": ask.actions[0].value}
    alone = read(Question({"question": "Costs $5?"}), [rule(approve={"resume": "$value.question"})])
    assert encode(alone, [APPROVE]).resume == "Costs $5?"


@pytest.mark.promise("P4")
def test_a_choice_that_picks_what_is_not_there_is_not_offered_and_the_card_says_so() -> None:
    rules = [rule(approve={"resume": "$value.body"}, edit={"resume": "$value.body"}, answer={"resume": "$text"})]
    ask = read(Question(DRAFT), rules)
    (action,) = ask.actions
    assert action.choices == (Choice.REJECT, Choice.ANSWER)
    assert action.reject_stops
    assert "Approve is not offered" in action.description
    assert "$value.body" in action.description
    assert [each.sentence for each in problems(ask, 0, APPROVE)] == ["The agent does not accept an approval here."]
    there = read(Question({**DRAFT, "body": "x"}), rules)  # type: ignore[dict-item]
    assert there.actions[0].choices == (Choice.APPROVE, Choice.EDIT, Choice.REJECT, Choice.ANSWER)


@pytest.mark.promise("P4")
def test_what_an_edit_takes_away_is_a_problem_at_the_form_and_no_error() -> None:
    ask = read(Question({"plan": {"steps": ["a", "b"]}}), [rule(edit={"resume": "$value.plan.steps[1]"})])
    assert problems(ask, 0, edit({"plan": {"steps": ["a", "c"]}})) == []
    (found,) = problems(ask, 0, edit({"plan": {"steps": ["a"]}}))
    assert found.path == ("plan", "steps")
    assert found.sentence == "The agent needs plan.steps[1], which is no longer there."


def test_only_what_an_edit_sends_can_be_edited() -> None:
    ask = read(Question({"draft": "x", "to": "y"}), [rule(edit={"resume": "$value.draft"})])
    schema: Any = ask.actions[0].schema
    assert schema["properties"]["to"]["readOnly"] is True
    assert "readOnly" not in schema["properties"]["draft"]
    assert problems(ask, 0, edit({"draft": "new", "to": "y"})) == []
    (lost,) = problems(ask, 0, edit({"draft": "new", "to": "z"}))
    assert (lost.path, lost.sentence) == (("to",), "The agent does not accept a change to this field.")
    whole = read(Question({"draft": "x", "to": "y"}), [rule(edit={"resume": "$value"})])
    assert "readOnly" not in str(whole.actions[0].schema)


@pytest.mark.promise("P5")
def test_every_decision_can_be_rejected_and_where_the_entry_has_no_words_for_it_the_run_stops() -> None:
    ask = read(Question({"question": "Sure?"}), [rule(approve={"resume": 1})])
    assert (ask.actions[0].choices, ask.actions[0].reject_stops) == ((Choice.APPROVE, Choice.REJECT), True)
    worded = read(Question({"question": "Sure?"}), [rule(approve={"resume": 1}, reject={"resume": 0})])
    assert not worded.actions[0].reject_stops
    question = read(Question({"question": "Which?"}), [rule(answer={"resume": "$text"})])
    assert (question.kind, question.actions[0].choices) == (Kind.QUESTION, (Choice.ANSWER,))
    unanswerable = read(Question({"question": "Which?"}), [rule(answer={"resume": ["$text", "$value.nothing"]})])
    assert (unanswerable.kind, unanswerable.actions[0].choices) == (Kind.APPROVAL, (Choice.REJECT,))


def test_json_is_sent_as_the_value_that_it_is_and_nothing_else_is_taken() -> None:
    ask = read(Question({"question": "Sure?"}), [rule(approve={"resume": 1}, answer={"resume": {"said": "$json"}})])
    assert encode(ask, [words('{"ok": [1, null]}')]).resume == {"said": {"ok": [1, None]}}
    for text in ("no", "{ok: 1}", "NaN", "[" * 100_000, "'x'"):
        assert [each.sentence.partition(".")[0] for each in problems(ask, 0, words(text))] == ["This is not JSON"]
    assert problems(ask, 0, words("1" * 40))
    assert problems(ask, 0, words('"no"')) == []


@pytest.mark.parametrize(
    "text", ["Yes", " yes ", "YES!", "\u201cyes\u201d", "\uff59\uff45\uff53", "yes.", "Yes\u200b", "y e s"]
)
def test_a_word_that_decides_is_the_same_word_in_every_spelling(text: str) -> None:
    ask = replace(read(Question({"x": 1}), [rule(answer={"resume": "$text"})]), encoding={"reserved": ["yes"]})
    assert decides(ask, text) is (text != "y e s")


def test_signs_that_decide_are_told_apart() -> None:
    ask = replace(read(Question("Which?")), encoding={"reserved": ["👍", "ß"]})
    assert [decides(ask, each) for each in ("👍!", "👎", "...", "SS", "ẞ")] == [True, False, False, True, True]
