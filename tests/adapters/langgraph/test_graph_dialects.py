"""Every dialect both ways: payload -> Ask, and Ask + decision -> what such a node expects."""

import ast
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from adapters.langgraph import dialects
from adapters.langgraph.dialects import DIALECTS, Question, problems, read
from adapters.langgraph.dialects.json_schema import inferred
from engine.asks.ask import Ask, Choice, Decision, Kind, KnownBy, digest_of

APPROVE, REJECT = Decision(Choice.APPROVE), Decision(Choice.REJECT)
A, E, R, W = Choice.APPROVE, Choice.EDIT, Choice.REJECT, Choice.ANSWER
TOOL = {"type": "object", "properties": {"env": {"enum": ["dev", "prod"]}, "n": {"type": "integer"}}, "required": ["n"]}


def encode(ask: Ask, decisions: list[Decision]) -> object:
    """The resume value."""
    return dialects.encode(ask, decisions).resume


def ask_of(payload: Any, **question: Any) -> Ask:
    """As it is asked where no code is known."""
    return read(Question(payload, **question))


def as_documented(payload: Any) -> Ask:
    """As its dialect has it."""
    asks = (dialect.recognise(Question(payload)) for dialect in DIALECTS)
    return next(ask for ask in asks if ask is not None)


def edit(value: Any) -> Decision:
    return Decision(Choice.EDIT, value=value)


def words(text: str) -> Decision:
    return Decision(Choice.ANSWER, text=text)


def reject(text: str) -> Decision:
    return Decision(Choice.REJECT, text=text)


CALL = {"question": "Is this correct?", "tool_call": {"name": "deploy", "args": {"n": 1}, "id": "c1"}}
GATE = {"action": "send_email", "to": "a@b.c", "subject": "Hi", "message": "Approve sending this email?"}
INBOX: dict[str, Any] = {
    "action_request": {"action": "deploy", "args": {"n": 1}},
    "config": {"allow_ignore": True, "allow_respond": True, "allow_edit": True, "allow_accept": True},
    "description": "Ships it",
}
TEXT = {"text_to_revise": "draft"}
TASK = {"task": "Review it.", "summary": "draft"}
CONTENT = {"instruction": "Review it.", "content": "draft"}
ODD = {"path": "/etc", "size": 3}


@pytest.mark.parametrize(
    ("payload", "decision", "value"),
    [
        (CALL, APPROVE, ("continue", None)),
        (CALL, edit({"n": 2}), ("update", {"n": 2})),
        (CALL, reject("too many"), ("feedback", "too many")),
        (CALL, REJECT, ("feedback", "The reviewer rejected this tool call.")),
        (GATE, APPROVE, {"action": "approve"}),
        (
            GATE,
            edit({"to": "x@y.z", "subject": "Hi", "action": "reject"}),
            {"to": "x@y.z", "subject": "Hi", "action": "approve"},
        ),
        (GATE, REJECT, {"action": "reject"}),
        (INBOX, APPROVE, [{"type": "accept", "args": None}]),
        ([INBOX], APPROVE, [{"type": "accept", "args": None}]),
        (INBOX, edit({"n": 2}), [{"type": "edit", "args": {"action": "deploy", "args": {"n": 2}}}]),
        (INBOX, reject("no"), [{"type": "ignore", "args": None}]),
        (INBOX, words("why?"), [{"type": "response", "args": "why?"}]),
        (TEXT, APPROVE, "draft"),
        (TEXT, edit("final"), "final"),
        ({**TEXT, "task": "Review it."}, edit("final"), "final"),
        (CONTENT, edit("final"), "final"),
        (TASK, APPROVE, {"edited_text": "draft"}),
        (TASK, edit("final"), {"edited_text": "final"}),
        ({"question": "Go on?", "llm_output": "text"}, APPROVE, True),
        ({"question": "Go on?", "llm_output": "text"}, reject("no"), False),
        ({"question": "Go on?"}, APPROVE, True),
        ({"query": "Which city?"}, words("Rome"), {"data": "Rome"}),
        ("Which city?", words("Rome"), "Rome"),
    ],
)
def test_what_the_node_gets(payload: Any, decision: Decision, value: Any) -> None:
    ask = as_documented(payload)
    assert problems(ask, 0, decision) == []
    assert encode(ask, [decision]) == value


@pytest.mark.parametrize(("said", "value"), [('"ask Bob"', "ask Bob"), ('{"ok": [1, null]}', {"ok": [1, None]})])
def test_an_answer_to_what_nothing_is_known_of_is_json(said: str, value: Any) -> None:
    ask = ask_of(ODD)
    assert problems(ask, 0, words(said)) == []
    assert encode(ask, [words(said)]) == value
    assert problems(ask, 0, words("no, do not"))


@pytest.mark.parametrize(
    ("payload", "question", "known_by"),
    [
        (INBOX, {}, KnownBy.LIBRARY),
        ({"n": 1}, {"schema": {"type": "boolean"}}, KnownBy.SCHEMA),
        (CALL, {}, KnownBy.UNKNOWN),
        (CALL, {"texts": frozenset({"'continue'"})}, KnownBy.HINT),
        ("Which city?", {}, KnownBy.HINT),
        (ODD, {}, KnownBy.UNKNOWN),
    ],
)
def test_an_ask_says_what_its_answers_are_known_by(payload: Any, question: Any, known_by: KnownBy) -> None:
    assert ask_of(payload, **question).known_by is known_by
    ruled = dialects.AnswerRule(None, {}, {A: {"resume": 1}})
    assert read(Question(payload, **question), [ruled]).known_by is KnownBy.RULE


@pytest.mark.parametrize(
    ("payload", "dialect", "kind", "prompt", "name", "shown", "choices"),
    [
        (CALL, "question_tool_call", Kind.TOOL_CALL, "Is this correct?", "deploy", {"n": 1}, (R, W)),
        (
            GATE,
            "action_message",
            Kind.TOOL_CALL,
            "Approve sending this email?",
            "send_email",
            {"to": "a@b.c", "subject": "Hi"},
            (A, R),
        ),
        (INBOX, "agent_inbox", Kind.TOOL_CALL, "", "deploy", {"n": 1}, (A, E, R, W)),
        (
            {**INBOX, "config": {"allow_respond": True, "allow_edit": False}},
            "agent_inbox",
            Kind.QUESTION,
            "",
            "deploy",
            {"n": 1},
            (W,),
        ),
        (TEXT, "text_to_revise", Kind.TEXT, "", "text_to_revise", "draft", (A, E, R)),
        (TASK, "task_text", Kind.TEXT, "Review it.", "summary", "draft", (A, E, R)),
        (CONTENT, "text_to_revise", Kind.TEXT, "Review it.", "content", "draft", (A, E, R)),
        ({"question": "Go?", "a": 1}, "question", Kind.APPROVAL, "Go?", "details", {"a": 1}, (A, R)),
        ({"question": "Go?"}, "question", Kind.APPROVAL, "Go?", "", None, (A, R)),
        ({"query": "Which?"}, "query", Kind.QUESTION, "Which?", "answer", None, (W,)),
        ("Which?", "string", Kind.QUESTION, "Which?", "answer", None, (W,)),
        (ODD, "anything", Kind.PAYLOAD, "", "payload", ODD, (R, W)),
        (None, "anything", Kind.PAYLOAD, "", "payload", None, (R, W)),
        ({"task": "Do", "n": 3}, "anything", Kind.PAYLOAD, "Do", "payload", {"task": "Do", "n": 3}, (R, W)),
        ({"query": "x", "more": 1}, "anything", Kind.PAYLOAD, "", "payload", {"query": "x", "more": 1}, (R, W)),
        ({"action_requests": [], "review_configs": []}, "anything", Kind.PAYLOAD, "", "payload", None, (R, W)),
    ],
)
def test_what_people_see(
    payload: Any, dialect: str, kind: Kind, prompt: str, name: str, shown: Any, choices: tuple[Choice, ...]
) -> None:
    ask = ask_of(payload)
    (action,) = ask.actions
    assert (ask.dialect, ask.kind, ask.prompt, ask.payload) == (dialect, kind, prompt, payload)
    assert (action.name, action.choices) == (name, choices)
    assert shown is None or action.value == shown


# Schemas --------------------------------------------------------------------------------------------------------------


def test_a_schema_of_true_or_false_is_decided() -> None:
    ask = ask_of({"question": "Go?", "n": 1}, schema={"type": "boolean"})
    assert (ask.dialect, ask.kind, ask.prompt) == ("response_schema", Kind.APPROVAL, "Go?")
    assert ask.actions[0].value == {"n": 1}
    assert [encode(ask, [each]) for each in (APPROVE, REJECT)] == [True, False]


def test_a_schema_of_an_object_is_a_form() -> None:
    ask = ask_of({"message": "How much?"}, schema=TOOL)
    assert (ask.kind, ask.actions[0].choices, ask.actions[0].schema) == (Kind.FORM, (W, R), TOOL)
    good = Decision(W, value={"n": 3, "env": "dev"})
    assert problems(ask, 0, good) == []
    assert encode(ask, [good]) == {"n": 3, "env": "dev"}
    found = problems(ask, 0, Decision(W, value={"env": "mars"}))
    assert {each.path: each.sentence for each in found} == {
        ("env",): "This must be one of: dev, prod.",
        ("n",): "This is needed.",
    }


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"enum": ["small", "large"]}, "small", "huge"),
        ({"oneOf": [{"const": 1, "title": "One"}, {"const": 2, "title": "Two"}]}, 2, 3),
        ({"type": "integer", "minimum": 1}, 1, 0),
        ({"$defs": {"City": {"enum": ["Rome"]}}, "$ref": "#/$defs/City"}, "Rome", "Oslo"),
        ({"type": "array", "items": {"type": "string"}}, ["a"], [1]),
    ],
)
def test_a_schema_of_a_single_value_is_a_form_of_one_field(schema: Any, good: Any, bad: Any) -> None:
    ask = ask_of("Which?", schema=schema)
    assert (ask.kind, ask.prompt) == (Kind.FORM, "Which?")
    assert ask.actions[0].schema is not None
    assert ask.actions[0].schema["type"] == "object"
    assert problems(ask, 0, Decision(W, value={"answer": good})) == []
    assert encode(ask, [Decision(W, value={"answer": good})]) == good
    assert problems(ask, 0, Decision(W, value={"answer": bad}))[0].path[0] == "answer"
    assert problems(ask, 0, Decision(W, value={}))


# LangChain ------------------------------------------------------------------------------------------------------------


def batch(*allowed: list[str]) -> dict[str, Any]:
    return {
        "action_requests": [
            {"name": f"tool{n}", "args": {"n": n}, "description": f"d{n}"} for n in range(len(allowed))
        ],
        "review_configs": [{"action_name": f"tool{n}", "allowed_decisions": each} for n, each in enumerate(allowed)],
    }


def test_a_batch_is_answered_by_position() -> None:
    every = ["approve", "edit", "reject", "respond"]
    ask = ask_of(batch(every, every, every, every), tools={"tool1": TOOL})
    assert [action.name for action in ask.actions] == ["tool0", "tool1", "tool2", "tool3"]
    assert ask.actions[1].schema == TOOL
    assert ask.actions[0].schema == inferred({"n": 0})
    decisions = [APPROVE, edit({"n": 5}), reject("no"), words("42")]
    assert [problems(ask, n, each) for n, each in enumerate(decisions)] == [[], [], [], []]
    assert encode(ask, decisions) == {
        "decisions": [
            {"type": "approve"},
            {"type": "edit", "edited_action": {"name": "tool1", "args": {"n": 5}}},
            {"type": "reject", "message": "no"},
            {"type": "respond", "message": "42"},
        ]
    }
    assert encode(ask, [REJECT, REJECT, REJECT, APPROVE]) == {
        "decisions": [{"type": "reject"}, {"type": "reject"}, {"type": "reject"}, {"type": "approve"}]
    }


def test_a_batch_with_too_few_decisions_is_never_sent() -> None:
    with pytest.raises(ValueError, match="2 decisions are needed, 1 were given"):
        encode(ask_of(batch(["approve"], ["approve"])), [APPROVE])


def test_only_what_the_middleware_allows_is_offered() -> None:
    ask = ask_of(batch(["approve", "reject"], ["reject"], []))
    assert [action.choices for action in ask.actions] == [(A, R), (R,), (R,)]
    assert problems(ask, 0, edit({"n": 1}))[0].sentence == "The agent does not accept a changed value here."
    assert problems(ask, 1, APPROVE)
    assert problems(ask, 9, APPROVE)


def test_configs_are_found_by_name_where_the_positions_do_not_fit() -> None:
    payload = batch(["approve"], ["reject"])
    payload["review_configs"].reverse()
    actions = ask_of(payload).actions
    assert [(each.choices, each.reject_stops) for each in actions] == [((A, R), True), ((R,), False)]


def test_an_edit_of_a_tool_keeps_to_its_schema() -> None:
    ask = ask_of(batch(["approve", "edit"]), tools={"tool0": TOOL})
    assert problems(ask, 0, edit({"n": "many"}))[0].path == ("n",)
    assert problems(ask, 0, edit("not an object"))[0].path == ()
    assert problems(ask, 0, edit({"env": "dev"}))[0].sentence == "This is needed."


# Refused --------------------------------------------------------------------------------------------------------------


@pytest.mark.promise("P5")
@pytest.mark.parametrize("payload", [TEXT, TASK, CONTENT], ids=["text_to_revise", "task", "content"])
def test_a_rejection_of_a_text_stops_the_run_and_is_never_encoded(payload: Any) -> None:
    ask = ask_of(payload)
    assert [action.reject_stops for action in ask.actions] == [True]
    assert problems(ask, 0, REJECT) == []
    with pytest.raises(ValueError, match="cannot encode"):
        encode(ask, [REJECT])


@pytest.mark.parametrize(
    ("payload", "decision"),
    [
        ("Which?", words("  ")),
        ("Which?", APPROVE),
        ({"query": "Which?"}, words("")),
        (TEXT, edit("")),
        (TEXT, edit({"a": 1})),
        ({"question": "Go?"}, edit("yes")),
        (INBOX, words("")),
        (ODD, edit({"path": 3, "size": 3})),
    ],
)
def test_what_a_node_cannot_use_is_refused_before_it_is_sent(payload: Any, decision: Decision) -> None:
    found = problems(ask_of(payload), 0, decision)
    assert found
    assert all(each.sentence.endswith(".") for each in found)


def test_an_ask_of_an_unknown_dialect_is_refused_with_a_sentence() -> None:
    ask = Ask("of the future", Kind.APPROVAL, "?", ask_of("x").actions, "x")
    assert "Another version" in problems(ask, 0, APPROVE)[0].sentence


@pytest.mark.parametrize("payload", [CALL, GATE, INBOX, batch(["approve", "edit"]), ODD])
def test_what_was_not_json_cannot_be_edited(payload: Any) -> None:
    ask = ask_of(payload, exact=False)
    assert all(E not in action.choices for action in ask.actions)


def test_names_are_unique_and_asks_survive_json() -> None:
    names = [dialect.name for dialect in DIALECTS]
    assert len(set(names)) == len(names)
    ask = ask_of(CALL)
    again = json.loads(json.dumps(ask.payload))
    assert digest_of(ask_of(again), "f") == digest_of(ask, "f")


@pytest.mark.parametrize(
    "payload",
    [
        {},
        [],
        "",
        {"question": None},
        {"action_requests": "x", "review_configs": {}},
        {"action_requests": [{"name": 3}], "review_configs": []},
        {"action_request": {}, "config": None},
        {"type": "tool_approval"},
        {"tool_call": 1, "question": "?"},
        {"text_to_revise": 3},
        [[INBOX]],
        [INBOX, INBOX],
        True,
        float(1),
    ],
)
def test_anything_at_all_has_an_ask_whose_every_choice_can_be_encoded(payload: Any) -> None:
    ask = ask_of(payload)
    for action in ask.actions:
        for choice in action.choices:
            if choice is not R or not action.reject_stops:
                encode(ask, [Decision(choice, action.value, '"words"')] * len(ask.actions))


@pytest.mark.promise("P6")
@pytest.mark.parametrize(
    ("schema", "verdict"),
    [
        ({"enum": ["approve", "reject"]}, True),
        ({"enum": ["yes", "no"]}, True),
        ({"enum": [True, False]}, True),
        ({"oneOf": [{"const": "run"}, {"const": "cancel"}]}, True),
        ({"anyOf": [{"type": "boolean"}, {"type": "null"}]}, True),
        ({"type": ["boolean", "null"]}, True),
        ({"type": "object", "properties": {"go": {"type": "boolean"}, "reason": {"type": "string"}}}, True),
        ({"type": "object", "properties": {"approved": {"type": "string"}}}, True),
        (
            {"type": "object", "properties": {"v": {"$ref": "#/$defs/V"}}, "$defs": {"V": {"enum": ["ja", "nein"]}}},
            True,
        ),
        ({"type": "object", "properties": {"days": {"type": "integer"}, "city": {"type": "string"}}}, False),
        (
            {"type": "object", "properties": {"city": {}, "days": {"type": "integer"}, "late": {"type": "boolean"}}},
            False,
        ),
        ({"enum": ["Lisbon", "Porto"]}, False),
        ({"type": "integer"}, False),
        ({"type": "string"}, False),
    ],
)
def test_a_form_that_may_be_a_decision_is_one(schema: Any, verdict: bool) -> None:  # noqa: FBT001 - a table's column
    ask = ask_of({"question": "Shall I?"}, schema=schema)
    assert (ask.kind, ask.verdict, ask.is_question) == (Kind.FORM, verdict, not verdict)
    assert (ask.actions[0].choices, ask.actions[0].reject_stops) == ((W, R) if verdict else (W,), verdict)


@pytest.mark.promise("P4")
@pytest.mark.parametrize(
    "payload",
    [
        CALL | {"environment": "PRODUCTION"},
        {"question": "Is this correct?", "tool_call": {"name": "deploy", "args": {}, "environment": "PRODUCTION"}},
        TEXT | {"environment": "PRODUCTION"},
        INBOX | {"environment": "PRODUCTION"},
        {"type": "tool_approval", "name": "deploy", "args": {}, "tool_call_id": "c1", "environment": "PRODUCTION"},
        {
            "action_requests": [{"name": "deploy", "args": {}, "environment": "PRODUCTION"}],
            "review_configs": [{"action_name": "deploy", "allowed_decisions": ["approve"]}],
        },
        {
            "action_requests": [{"name": "deploy", "args": {}}],
            "review_configs": [{"action_name": "deploy", "allowed_decisions": ["approve"]}],
            "environment": "PRODUCTION",
        },
        TASK | {"environment": "PRODUCTION"},
        CONTENT | {"environment": "PRODUCTION"},
    ],
)
def test_no_field_of_a_payload_is_left_off_the_card(payload: Any) -> None:
    ask = ask_of(payload)
    shown = [ask.prompt, *(f"{action.description} {json.dumps(action.value)}" for action in ask.actions)]
    assert "PRODUCTION" in " ".join(shown)


@pytest.mark.promise("P6")
def test_an_inbox_that_allows_nothing_can_only_be_refused() -> None:
    ask = ask_of(INBOX | {"config": dict.fromkeys(INBOX["config"], False)})
    assert (ask.dialect, ask.actions[0].choices) == ("agent_inbox", (R,))


@pytest.mark.promise("P4")
@pytest.mark.parametrize(
    "payload",
    [
        {"question": "?", "tool_call": {"name": "f", "args": {}, "where": "PRODUCTION"}, "where": "dev"},
        {"question": "?", "tool_call": {"name": "f", "args": {}, "where": "dev"}, "where": "PRODUCTION"},
        {"question": "?", "tool_call": {"name": "f", "args": {}, "type": "PRODUCTION"}},
        TEXT | {"task": "Mail", "instruction": "PRODUCTION"},
        INBOX | {"action_request": {"action": "f", "args": {}, "description": "PRODUCTION"}},
        INBOX | {"action_request": {"action": "f", "args": {}, "where": "dev"}, "where": "PRODUCTION"},
        INBOX | {"description": {"where": "PRODUCTION"}},
    ],
)
def test_no_field_hides_another_of_the_same_name(payload: Any) -> None:
    (action,) = ask_of(payload).actions
    assert "PRODUCTION" in action.description


def test_other_fields_are_lines_below_the_description_and_what_is_shown_already_is_no_line() -> None:
    (action,) = ask_of(INBOX | {"environment": "PRODUCTION", "tags": ["a", 1]}).actions
    assert action.description == 'Ships it\n\n`environment`: `PRODUCTION`\n`tags`: `["a",1]`'
    assert [as_documented(each).actions[0].description for each in (CALL, INBOX, TEXT | {"task": "Review it."})] == [
        "",
        "Ships it",
        "",
    ]


@pytest.mark.promise("P4")
@pytest.mark.parametrize("value", ["*a*", "`a`", " a ", "``", "", "# a", "[a](http://b)", "a\n```\n**b**", "&amp;"])
def test_a_field_below_a_description_in_markdown_stands_letter_by_letter(value: str) -> None:
    (action,) = ask_of(INBOX | {"environment": value}).actions
    tokens = MarkdownIt("commonmark").parse(action.description)
    leaves = [leaf for token in tokens for leaf in (token.children or [token])]
    assert (value or '""') in [
        leaf.content.rstrip("\n") for leaf in leaves if "code" in leaf.type or leaf.type == "fence"
    ]


# Agent Inbox ----------------------------------------------------------------------------------------------------------


@pytest.mark.promise("P6")
@pytest.mark.parametrize("config", [{}, {"allow_accept": False}, {"allow_accept": "yes"}])
def test_an_inbox_without_permission_takes_no_approval(config: Any) -> None:
    ask = ask_of(INBOX | {"config": config})
    assert (ask.kind, ask.actions[0].choices) == (Kind.TOOL_CALL, (R,))
    assert problems(ask, 0, APPROVE)
    assert encode(ask, [REJECT]) == [{"type": "ignore", "args": None}]


def request(name: str, args: Any, *allowed: str, description: str = "") -> dict[str, Any]:
    config = {f"allow_{each}": each in allowed for each in ("accept", "edit", "respond", "ignore")}
    made: dict[str, Any] = {"action_request": {"action": name, "args": args}, "config": config}
    return made | ({"description": description} if description else {})


SKIP = Decision(Choice.SKIP)
IGNORED = {"type": "ignore", "args": None}


@pytest.mark.parametrize(
    ("asked", "description", "shown"),
    [
        (request("Question", {"question": "Which day?"}, "respond", "ignore"), "Which day?", None),
        (request("Question", {}, "respond", "ignore", description="Is *Ada* coming?"), "Is *Ada* coming?", {}),
        (
            request("Clarify", {"to": "ada"}, "respond", "ignore", description="Which day?"),
            "Which day?",
            {"to": "ada"},
        ),
        (request("Human", {"question": "Which day?"}, "respond"), "Which day?", None),
    ],
)
def test_an_inbox_that_takes_words_and_no_approval_asks_a_question(asked: Any, description: str, shown: Any) -> None:
    ask = ask_of([asked])
    (action,) = ask.actions
    assert (ask.kind, ask.is_question) == (Kind.QUESTION, True)
    assert (action.name, action.description, action.value) == (asked["action_request"]["action"], description, shown)
    assert action.choices == ((W, Choice.SKIP) if asked["config"]["allow_ignore"] else (W,))
    assert encode(ask, [words("Monday")]) == [{"type": "response", "args": "Monday"}]
    assert problems(ask, 0, APPROVE)
    if Choice.SKIP in action.choices:
        assert encode(ask, [SKIP]) == [IGNORED]


@pytest.mark.promise("P6")
def test_an_inbox_question_that_asks_for_a_decision_is_decided() -> None:
    ask = ask_of([request("Question", {"question": "Delete prod-db? (yes/no)"}, "respond", "ignore")])
    assert (ask.kind, ask.is_question, ask.actions[0].choices) == (Kind.APPROVAL, False, (W, R))
    assert encode(ask, [REJECT]) == [IGNORED]


def test_an_inbox_that_can_only_be_ignored_is_a_notice() -> None:
    ask = ask_of([request("Mail from Ada", {}, "ignore", description="Lunch is at *one*.")])
    (action,) = ask.actions
    assert (ask.kind, ask.is_question, ask.is_the_requesters) == (Kind.NOTICE, False, True)
    assert (action.name, action.choices, action.description) == ("Mail from Ada", (Choice.SKIP,), "Lunch is at *one*.")
    assert encode(ask, [SKIP]) == [IGNORED]


@pytest.mark.promise("P2")
def test_a_list_of_inbox_requests_is_answered_in_its_order() -> None:
    listed = [
        request("book", {"hotel": "A"}, "accept", "edit", "ignore"),
        request("Question", {"question": "Which day?"}, "respond", "ignore"),
        request("Mail", {}, "ignore"),
        request("pay", {"n": 1}, "accept", "ignore"),
    ]
    ask = ask_of(listed)
    assert (ask.kind, [each.choices for each in ask.actions]) == (
        Kind.TOOL_CALL,
        [(A, E, R), (W, R), (R,), (A, R)],
    )
    assert encode(ask, [edit({"hotel": "B"}), words("Monday"), REJECT, APPROVE]) == [
        {"type": "edit", "args": {"action": "book", "args": {"hotel": "B"}}},
        {"type": "response", "args": "Monday"},
        IGNORED,
        {"type": "accept", "args": None},
    ]
    with pytest.raises(ValueError, match="4 decisions are needed, 1 were given"):
        encode(ask, [APPROVE])
    asking = ask_of(listed[1:3])
    assert (asking.kind, [each.choices for each in asking.actions]) == (
        Kind.QUESTION,
        [(W, Choice.SKIP), (Choice.SKIP,)],
    )
    assert ask_of([listed[0], {"what": "else"}]).dialect == "anything"


# Sentences ------------------------------------------------------------------------------------------------------------


@pytest.mark.promise("P6")
@pytest.mark.parametrize(
    ("sentence", "decided"),
    [
        ("Do you approve this action?", True),
        ("Approve this change?", True),
        ("Please approve the refund of order 7?", True),
        ("Approve drop_table?", True),
        ("How do you approve of Lisbon?", False),
        ("Approved trips are listed below. Which one?", False),
        ("Do you approve? If not, why?", False),
        ("Ready for user input.", False),
    ],
)
def test_a_sentence_that_asks_for_approval_is_decided(sentence: str, decided: bool) -> None:  # noqa: FBT001 - a column
    ask = ask_of(sentence)
    assert (ask.kind is Kind.APPROVAL) == decided
    assert ask.prompt == sentence
    if decided:
        assert ask.actions[0].choices == (A, R)
        assert [encode(ask, [each]) for each in (APPROVE, REJECT)] == [True, False]
    else:
        assert encode(ask, [words("no")]) == "no"


@pytest.mark.parametrize(
    ("prompt", "text", "value"),
    [
        ("What is your age?", "30", "30"),
        ("'30' is not a valid age. Please enter a positive number.", "30", 30),
        ("'30' is not a valid age. Please enter a positive number.", " 30 ", 30),
        ('"1.5" will not do', "1.5", 1.5),
        ("`-7` will not do", "-7", -7),
        ("'thirty' is not a valid age.", "thirty", "thirty"),
        ("'30' is not a valid age.", "31", "31"),
        ("Is 30 a good number?", "30", "30"),
    ],
)
def test_a_number_that_was_refused_as_a_text_is_sent_as_a_number(prompt: str, text: str, value: object) -> None:
    sent = encode(ask_of(prompt), [words(text)])
    assert sent == value
    assert type(sent) is type(value)


# A review node that reads its answer by name --------------------------------------------------------------------------


def test_a_node_that_reads_action_and_data_gets_them_by_name() -> None:
    ask = ask_of(CALL, texts=frozenset({"'action'", "'data'", "'continue'"}))
    assert problems(ask, 0, edit({"n": 2})) == []
    assert [encode(ask, [each]) for each in (APPROVE, edit({"n": 2}), reject("no"))] == [
        {"action": "continue"},
        {"action": "update", "data": {"n": 2}},
        {"action": "feedback", "data": "no"},
    ]
    unpacks = ask_of(CALL, texts=frozenset({"'action'"}))
    assert encode(unpacks, [APPROVE]) == ("continue", None)
    assert digest_of(ask, "f") != digest_of(unpacks, "f")


# Fields to fill in ----------------------------------------------------------------------------------------------------


def test_named_fields_become_a_form_that_starts_with_what_is_known() -> None:
    payload = {"question": "Enter user details", "fields": ["name", "age"], "current_values": {"age": 30}, "note": "x"}
    ask = ask_of(payload)
    (action,) = ask.actions
    assert (ask.kind, ask.prompt, ask.is_question, action.choices) == (Kind.FORM, "Enter user details", True, (W,))
    assert action.schema == {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}}
    assert action.value == {"age": 30}
    assert "`note`: `x`" in action.description
    assert problems(ask, 0, Decision(W, value={"age": "old"}))[0].path == ("age",)
    assert encode(ask, [Decision(W, value={"name": "Alice", "age": 31})]) == {"name": "Alice", "age": 31}


@pytest.mark.parametrize("fields", [[], [1], "name", None])
def test_fields_of_another_shape_are_details_of_a_question(fields: Any) -> None:
    assert ask_of({"question": "Go on?", "fields": fields}).dialect == "question"


@pytest.mark.promise("P6")
def test_fields_that_may_be_a_decision_are_one() -> None:
    assert not ask_of({"question": "Pay?", "fields": ["approved", "note"]}).is_question


# MCP elicitation ------------------------------------------------------------------------------------------------------


def _declared() -> dict[str, dict[str, str]]:
    """The fields of langchain's types, with their annotations: the module itself needs an MCP library to import."""
    spec = importlib.util.find_spec("langchain")
    assert spec is not None
    assert spec.origin is not None
    source = Path(spec.origin).parent / "mcp" / "elicitation.py"
    return {
        node.name: {
            ast.unparse(line.target): ast.unparse(line.annotation)
            for line in node.body
            if isinstance(line, ast.AnnAssign)
        }
        for node in ast.parse(source.read_text()).body
        if isinstance(node, ast.ClassDef)
    }


def test_langchain_elicits_in_the_shape_that_is_read_here() -> None:
    found = _declared()
    assert found["MCPElicitationInterrupt"] == {
        "type": "Literal['mcp_elicitation']",
        "tool_name": "str",
        "requests": "list[MCPElicitationRequest]",
    }
    assert set(found["MCPElicitationFormRequest"]) == {"key", "message", "mode", "requested_schema"}
    assert set(found["MCPElicitationUrlRequest"]) == {"key", "message", "mode", "url"}
    assert found["MCPElicitationResume"] == {"responses": "dict[str, MCPElicitationResponse]"}
    actions = [found[f"MCPElicitation{each}"]["action"] for each in ("Accept", "Decline", "Cancel")]
    assert actions == ["Literal['accept']", "Literal['decline']", "Literal['cancel']"]
    assert "content" in found["MCPElicitationAccept"]


PERSON = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
SURE = {"type": "object", "properties": {"confirm": {"type": "boolean"}}}


def elicited(*requests: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "mcp_elicitation", "tool_name": "book", "requests": list(requests), **more}


def a_form(key: str = "who", schema: Any = PERSON, **more: Any) -> dict[str, Any]:
    return {"key": key, "message": f"About {key}", "mode": "form", "requested_schema": schema, **more}


def a_link(key: str = "login") -> dict[str, Any]:
    return {"key": key, "message": "Sign in", "mode": "url", "url": "https://example.com"}


def test_an_elicited_form_is_accepted_declined_or_cancelled() -> None:
    ask = ask_of(elicited(a_form()))
    assert (ask.kind, ask.is_question) == (Kind.FORM, True)
    assert "About who" in ask.prompt
    assert "book" in ask.prompt
    good = Decision(W, value={"name": "Alice"})
    assert problems(ask, 0, good) == []
    assert problems(ask, 0, Decision(W, value={}))[0].path == ("name",)
    assert problems(ask, 0, APPROVE)
    assert [encode(ask, [each]) for each in (good, REJECT, Decision(Choice.SKIP))] == [
        {"responses": {"who": {"action": "accept", "content": {"name": "Alice"}}}},
        {"responses": {"who": {"action": "decline"}}},
        {"responses": {"who": {"action": "cancel"}}},
    ]


def test_a_round_is_answered_by_key() -> None:
    ask = ask_of(elicited(a_form("a"), a_link("b")))
    assert [action.name for action in ask.actions] == ["a", "b"]
    assert ask.actions[1].value == {"url": "https://example.com"}
    assert encode(ask, [Decision(W, value={"name": "x"}), APPROVE]) == {
        "responses": {"a": {"action": "accept", "content": {"name": "x"}}, "b": {"action": "accept"}}
    }


@pytest.mark.promise("P6")
def test_an_elicitation_that_may_be_a_decision_is_one() -> None:
    assert not ask_of(elicited(a_form(schema=SURE))).is_question
    assert not ask_of(elicited(a_form(), a_form("sure", SURE))).is_question


@pytest.mark.promise("P4")
def test_every_field_of_an_elicitation_is_on_its_card() -> None:
    ask = ask_of(elicited(a_form(server="PRODUCTION"), server="STAGING"))
    assert "STAGING" in ask.prompt
    assert "PRODUCTION" in ask.actions[0].description


@pytest.mark.parametrize(
    "payload",
    [
        elicited(),
        elicited({"key": "k", "message": "m", "mode": "voice"}),
        elicited(a_form("k"), a_form("k")),
        elicited(a_form(schema={"type": "string"})),
        {"type": "mcp_elicitation", "requests": [a_form()]},
    ],
)
def test_an_elicitation_of_another_shape_is_shown_field_by_field(payload: Any) -> None:
    assert ask_of(payload).dialect == "anything"
