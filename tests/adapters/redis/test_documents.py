"""An approval comes back from its two documents, whatever in it is shared, and nothing is stored twice."""

import json
from dataclasses import replace
from typing import Any

import pytest
from contracts.samples import NOW, a_policy, an_approval, any_approval, any_json
from hypothesis import given
from hypothesis import strategies as st

from adapters.langgraph import dialects
from adapters.langgraph.dialects.breakpoint import at_breakpoint
from adapters.redis import codec
from adapters.redis.stores import documents
from engine.approvals.approval import Approval, Vote, open_reviews
from engine.asks.ask import Action, Ask, Choice, Decision, Json, Kind, canonical, digest_of
from engine.ids import UserId

KEY = "signoff:{t}:approval:1"
BIG = {"text": "x" * 100_000}


def again(approval: Approval) -> Approval:
    return documents.load(documents.dump(approval), documents.dump_asked(approval.ask), KEY)


@given(any_approval)
def test_any_approval_comes_back(approval: Approval) -> None:
    kept = again(approval)
    assert kept == approval
    assert codec.APPROVAL.dump(kept) == codec.APPROVAL.dump(approval)  # 1, 1.0 and true are equal, but not the same
    assert digest_of(kept.ask, "print") == digest_of(approval.ask, "print")


@given(any_json, st.data())
def test_what_is_shared_comes_back_and_is_shared_again(payload: Any, data: st.DataObject) -> None:
    """Any part of the payload as the value of an action, at any depth, beside values that are only equal."""
    parts = list(_parts({"long": "y" * 100, "rest": payload, "one": [1, 1.0, True] * 20}))
    value, other = data.draw(st.sampled_from(parts)), data.draw(st.sampled_from(parts))
    actions = tuple(
        Action("deploy", each, (Choice.EDIT,)) for each in (value, [other, json.loads(json.dumps(other))], {"k": value})
    )
    ask = Ask("langchain", Kind.PAYLOAD, data.draw(st.sampled_from(["", "y" * 100])), actions, parts[0])
    approval = replace(an_approval(), ask=ask, reviews=open_reviews(ask, (a_policy(),) * 3))
    kept = again(approval)
    assert canonical([each.value for each in kept.ask.actions]) == canonical([each.value for each in ask.actions])
    assert codec.APPROVAL.dump(kept) == codec.APPROVAL.dump(approval)
    assert documents.dump(kept) == documents.dump(approval)
    assert documents.dump_asked(kept.ask) == documents.dump_asked(ask)


def _parts(value: Any) -> Any:
    yield value
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _parts(each)


ASKED = {
    "a batch": {
        "action_requests": [{"name": "deploy", "args": BIG}],
        "review_configs": [{"action_name": "deploy", "allowed_decisions": ["approve", "edit", "reject"]}],
    },
    "agent inbox": {"action_request": {"action": "deploy", "args": BIG}, "config": {"allow_accept": True}},
    "a tool call": {"question": "Is it right?", "tool_call": {"name": "deploy", "args": BIG, "id": "1"}},
    "a text": {"text_to_revise": BIG["text"]},
    "a question about values": {"question": "Approve?", "details": BIG},
    "a string": "Shall I do this: " + BIG["text"],
    "anything": {"some": {"list": [BIG, 1]}},
}


@pytest.mark.parametrize("name", ASKED)
def test_what_is_asked_is_stored_once(name: str) -> None:
    payload: Any = ASKED[name]
    ask = dialects.read(dialects.Question(payload))
    _stored_once(ask, len(json.dumps(payload)))


def test_a_state_at_a_breakpoint_is_stored_once() -> None:
    _stored_once(at_breakpoint("", ("deploy",), BIG, may_edit=True), 100_000)


def _stored_once(ask: Ask, size: int) -> None:
    approval = an_approval(ask=ask)
    assert len(documents.dump_asked(ask)) < size + 2_000
    assert len(documents.dump(approval)) < 2_000
    assert len(documents.dump(again(approval))) < 2_000


def test_an_edited_value_is_stored_once_and_what_was_proposed_stays() -> None:
    approval = an_approval()
    edited: Json = {"of": "x" * 10_000}
    vote = Vote(UserId("UBOB"), Choice.EDIT, NOW)
    review = replace(approval.reviews[0], value=edited, revision=2, edited_by=vote.by, votes=(vote,))
    decided = replace(approval, reviews=(replace(review, decision=Decision(Choice.EDIT, value=edited)),))
    assert len(documents.dump(decided)) < 11_000
    assert again(decided) == decided


@given(any_approval)
def test_a_document_of_the_last_version_is_read(approval: Approval) -> None:
    written = codec.APPROVAL.dump(approval)
    assert codec.APPROVAL.dump(documents.load(written, None, KEY)) == written


def _asked(**content: Any) -> bytes:
    return codec.pack(content)


ASK = codec.unpack(documents.dump_asked(an_approval().ask), KEY)["ask"]


@pytest.mark.parametrize(
    "asked",
    [
        None,
        b"",
        b"[]",
        _asked(),
        _asked(ask=None),
        _asked(ask=[]),
        _asked(ask={**ASK, "more": 1}),
        _asked(ask={**ASK, "actions": 1}),
        _asked(ask=ASK, shares=1),
        _asked(ask=ASK, shares=[[[], []]]),
        _asked(ask=ASK, shares=[[["actions", 0], ["nowhere"]]]),
        _asked(ask=ASK, shares=[[["actions", 7, "value"], [0]]]),
        _asked(ask=ASK, shares=[[["payload", 0], []]]),
        _asked(ask=ASK, shares=[[["payload"], []]]),
        _asked(
            ask={**ASK, "payload": {"p": {}}, "actions": [{**ASK["actions"][0], "value": None}]},
            shares=[[["actions", 0, "value"], ["p"]], [["actions", 0, "value", "x"], []]],  # it would hold itself
        ),
        codec.pack(7),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_key(asked: bytes | None) -> None:
    with pytest.raises(codec.UnreadableError, match=r"signoff:\{t\}:approval:1 cannot be read"):
        documents.load(documents.dump(an_approval()), asked, KEY)


any_bytes = st.binary(max_size=40) | st.binary(max_size=40).map(lambda some: b"\x01" + some)


@given(any_bytes, st.none() | any_bytes)
def test_no_bytes_raise_anything_else(document: bytes, asked: bytes | None) -> None:
    for read in (document, documents.dump(an_approval())):
        with pytest.raises(codec.UnreadableError):
            documents.load(read, asked, KEY)
