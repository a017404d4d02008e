"""Where no code is known, only what a payload states is sent; a rejection never is."""

from typing import Any

import pytest

from adapters.langgraph.dialects import Question, encode, problems, read
from adapters.langgraph.dialects.by_code import UNKNOWN
from engine.asks.ask import Ask, Choice, Decision, Kind, KnownBy

A, E, R, W = Choice.APPROVE, Choice.EDIT, Choice.REJECT, Choice.ANSWER
APPROVE = Decision(A)


def ask_of(payload: Any, **question: Any) -> Ask:
    return read(Question(payload, **question))


STATED = [
    ("Delete prod-db? (yes/no)", (A, R), "yes"),
    ({"message": "Delete prod-db? (yes/no)"}, (A, R), "yes"),
    ({"type": "confirmation", "prompt": "Type APPROVE to go on"}, (A, R), "APPROVE"),
    ({"question": "Delete prod-db? (yes/no)"}, (A, R), "yes"),
    ("Do you approve this action?", (A, R), True),
    ({"question": "Approve this action?", "details": "drop prod-db"}, (A, R), True),
    ({"question": "Give mallory access to payroll?", "category": "access", "type": "approval"}, (A, R), True),
    ({"action": "send_email", "message": "Approve sending this email?", "to": "a@b.c"}, (A, R), {"action": "approve"}),
    ({"text_to_revise": "Hello"}, (A, E, R), "Hello"),
    ({"task": "Review it.", "summary": "Hello"}, (A, E, R), {"edited_text": "Hello"}),
]
UNSTATED: list[Any] = [
    {"city": "Lisbon", "nights": 3},
    {"action": "wipe", "target": "eu-cache"},
    {"draft": "We are hiring!", "message": "Review this post."},
    {"type": "approval_request", "options": ["approve", "reject", "modify"], "args": {"command": "vacuum full"}},
    {"type": "email_approval", "draft": "Hello", "prompt": "Review this email: approve / reject / edit"},
    {"question": "Approve the minutes?", "options": ["approve", "edit", "reject"], "minutes": "We met."},
    {"question": "Deploy? (yes/no)", "service": "billing"},
    {"question": "Which of them may go?", "tables": ["a", "b"]},
    {"action": "send_email", "message": "Send it?", "to": "a@b.c", "allowed_decisions": ["approve", "reject"]},
    {"question": "Is this correct?", "tool_call": {"name": "deploy", "args": {"n": 1}, "id": "c1"}},
    {"type": "ask_user", "question": "Delete prod-db?", "options": ["yes", "no"]},
    "Go on and delete it?",
    "Pass true to approve",
    [1, 2],
    None,
]
WORDS: list[Any] = [
    "Which city?",
    {"question": "Which city?"},
    {"type": "ask_user", "question": "Which city?"},
    {"type": "ask_user", "question": "Anything else?"},
    {"kind": "clarification", "question": "Which database?", "options": ["postgres", "mysql"]},
]


@pytest.mark.promise("P4")
@pytest.mark.promise("P5")
@pytest.mark.parametrize(("payload", "choices", "approved"), STATED)
def test_what_a_payload_states_is_approved_with_it_and_rejected_by_stopping(
    payload: Any, choices: tuple[Choice, ...], approved: Any
) -> None:
    ask = ask_of(payload)
    (action,) = ask.actions
    assert (ask.is_question, ask.known_by) == (False, KnownBy.HINT)
    assert (action.choices, action.reject_stops) == (choices, True)
    assert problems(ask, 0, APPROVE) == []
    assert encode(ask, [APPROVE]).resume == approved


@pytest.mark.parametrize(
    ("sentence", "own"),
    [
        ("Delete prod-db? (yes/no)", None),
        ("Type DELETE to confirm", {"approve": "DELETE"}),
        ("Continuer ? (oui/non)", {"approve": "oui"}),
    ],
)
def test_a_word_that_our_button_does_not_say_stands_beside_it(sentence: str, own: Any) -> None:
    assert ask_of(sentence).actions[0].own_words == own


@pytest.mark.promise("P4")
@pytest.mark.promise("P6")
@pytest.mark.parametrize("payload", UNSTATED)
def test_nothing_is_sent_that_a_payload_does_not_state(payload: Any) -> None:
    ask = ask_of(payload)
    (action,) = ask.actions
    assert (ask.is_question, ask.known_by) == (False, KnownBy.UNKNOWN)
    assert (action.choices, action.reject_stops) == ((R, W), True)
    assert action.description.startswith(UNKNOWN)
    assert problems(ask, 0, Decision(W, text="no, do not"))  # no JSON
    assert encode(ask, [Decision(W, text='{"ok": true}')]).resume == {"ok": True}


@pytest.mark.parametrize("payload", WORDS)
def test_what_asks_for_words_is_a_question_to_the_requester(payload: Any) -> None:
    ask = ask_of(payload)
    (action,) = ask.actions
    assert (ask.kind, ask.is_question, action.choices) == (Kind.QUESTION, True, (W,))
    assert encode(ask, [Decision(W, text="Lisbon")]).resume == "Lisbon"
    others = {name: each for name, each in payload.items() if name != "question"} if isinstance(payload, dict) else {}
    assert (action.value or {}) == others  # whatever else is said stands on the card


@pytest.mark.parametrize(("texts", "sent"), [({"'continue'"}, ("continue", None)), ({"'action'", "'data'"}, None)])
def test_a_tool_call_is_answered_in_the_shape_that_the_texts_of_the_node_say(texts: set[str], sent: Any) -> None:
    payload = {"question": "Is this correct?", "tool_call": {"name": "deploy", "args": {"n": 1}, "id": "c1"}}
    ask = ask_of(payload, texts=frozenset(texts))
    assert ask.actions[0].choices == (A, E, R)
    assert encode(ask, [APPROVE]).resume == (sent or {"action": "continue"})
