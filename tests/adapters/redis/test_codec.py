import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from contracts.samples import (
    BOB,
    CAROL,
    NOW,
    OF_THE_VERSION_BEFORE,
    PLACE,
    THREAD,
    a_conversation,
    a_policy,
    an_approval,
    an_entry,
    any_approval,
    any_conversation,
    any_effect,
    any_entry,
    any_grant,
)
from hypothesis import given
from hypothesis import strategies as st

from adapters.redis import codec
from engine.approvals.approval import Approval, Fills, Replaced, Vote, Words
from engine.approvals.audit import Entry
from engine.approvals.effects import Effect, Hear
from engine.asks.ask import Choice, digest_of
from engine.authority.policy import CHANNEL, REQUESTER, Deadlines, Policy, one_part
from engine.conversation import Conversation
from engine.ids import MessageTs, SheetId, UserId
from engine.rules.grants import Grant


@given(any_approval)
def test_any_approval_comes_back(approval: Approval) -> None:
    assert codec.APPROVAL.load(codec.APPROVAL.dump(approval), "key") == approval


@pytest.mark.promise("P4")
@given(any_approval)
def test_the_digest_of_what_was_shown_is_the_same_afterwards(approval: Approval) -> None:
    kept = codec.APPROVAL.load(codec.APPROVAL.dump(approval), "key")
    assert digest_of(kept.ask, "print") == digest_of(approval.ask, "print")


@given(any_conversation)
def test_any_conversation_comes_back(conversation: Conversation) -> None:
    assert codec.CONVERSATION.load(codec.CONVERSATION.dump(conversation), "key") == conversation


@given(any_entry)
def test_any_row_comes_back(entry: Entry) -> None:
    assert repr(codec.ENTRY.load(codec.ENTRY.dump(entry), "key")) == repr(entry)


@given(any_effect)
def test_any_effect_comes_back(effect: Effect) -> None:
    kept = codec.EFFECT.load(codec.EFFECT.dump(effect), "key")
    assert repr(kept) == repr(effect)
    assert type(kept) is type(effect)


@given(any_grant)
def test_any_grant_comes_back_and_is_written_the_same_again(grant: Grant) -> None:
    document = codec.GRANT.dump(grant)
    kept = codec.GRANT.load(document, "key")
    assert repr(kept) == repr(replace(grant, policy=kept.policy))
    assert kept.policy == grant.policy
    assert codec.GRANT.dump(kept) == document


def test_times_of_other_zones_become_utc() -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=5)))
    kept = codec.APPROVAL.load(codec.APPROVAL.dump(an_approval(at=elsewhere)), "key")
    assert kept.created_at == NOW
    assert kept.created_at.utcoffset() == timedelta(0)


def test_a_time_without_a_zone_is_not_written() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        codec.APPROVAL.dump(an_approval(at=datetime(2026, 1, 1)))  # noqa: DTZ001 - that is the point


def test_what_is_stored_today_reads_tomorrow() -> None:
    """The stored form, written down: a change of it needs a new version."""
    heard = Hear(THREAD, PLACE, UserId("U1"), "hi", MessageTs("1.2"), None, mentioned=True)
    assert json.loads(codec.EFFECT.dump(heard)) == {
        "v": 1,
        "d": {
            "is": "Hear",
            "thread": "T1:C1:100.000001",
            "place": {"team": "T1", "channel": "C1", "thread_ts": "100.000001"},
            "user": "U1",
            "text": "hi",
            "ts": "1.2",
            "agent": None,
            "mentioned": True,
        },
    }
    approval = json.loads(codec.APPROVAL.dump(an_approval()))["d"]
    assert approval["created_at"] == "2026-01-01T12:00:00+00:00"
    assert approval["reviews"] == [
        {
            "value": {"of": "deploy"},
            "policy": {
                "rule": "approvals[0]",
                "stages": [[{"sources": [{"origin": "user", "name": "UBOB"}, {"origin": "user", "name": "UCAROL"}]}]],
            },
        }
    ]
    assert "state" not in approval


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ({"approvers": "users", "users": ["UBOB", "UCAROL"], "quorum": 2}, a_policy(BOB, CAROL, quorum=2)),
        ({"approvers": "users", "users": ["UBOB"], "own_requests": True}, a_policy(BOB, own_requests=True)),
        ({"approvers": "channel"}, one_part("approvals[0]", CHANNEL)),
        ({"approvers": "requester"}, one_part("approvals[0]", REQUESTER)),
    ],
)
def test_what_the_version_before_stored_is_read(older: dict[str, Any], newer: Policy) -> None:
    document = json.loads(codec.APPROVAL.dump(an_approval()))
    document["d"]["reviews"][0]["policy"] = {"rule": "approvals[0]", **older}
    document["d"]["deadlines"] = {"remind_after": 600_000_000, "expires_after": 3_600_000_000}
    read = codec.APPROVAL.load(json.dumps(document).encode(), "key")
    assert read.reviews[0].policy == newer
    assert read.deadlines == Deadlines((timedelta(minutes=10),), timedelta(hours=1))
    (policy,) = codec.POLICIES.load(json.dumps({"v": 1, "d": [{"rule": "approvals[0]", **older}]}).encode(), "key")
    assert policy == newer


def test_a_whole_approval_of_the_version_before_is_read() -> None:
    read = codec.APPROVAL.load(OF_THE_VERSION_BEFORE, "key")
    made = an_approval(
        policy=a_policy(BOB, CAROL, quorum=2), deadlines=Deadlines((timedelta(minutes=10),), timedelta(hours=4))
    )
    vote = Vote(BOB, Choice.EDIT, NOW + timedelta(minutes=2), fills=(Fills(0, 0),))
    less = replace(made.reviews[0], value={"of": "less"}, revision=3, votes=(vote,), edited_by=BOB)
    assert read == replace(
        made,
        reviews=(less,),
        card=MessageTs("5.1"),
        version=4,
        sheet=SheetId("sheet-1"),
        replaced=Replaced("approved", (BOB,), ({"of": "x"},)),
        offered=(Words("red", MessageTs("1.1")),),
    )


def _with(document: bytes, **changes: Any) -> bytes:
    held = json.loads(document)
    return json.dumps({**held, **changes}).encode()


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (b"", "not a document"),
        (b"\xff\xfe", "not a document"),
        (b"[]", "not a document"),
        (b'{"d": {}}', "not a document"),
        (codec.APPROVAL.dump(an_approval())[:-20], "not a document"),
        (_with(codec.APPROVAL.dump(an_approval()), v=2), "version 2"),
        (_with(codec.APPROVAL.dump(an_approval()), d={"surprise": 1}), "unknown"),
        (_with(codec.APPROVAL.dump(an_approval()), d=None), "another type"),
        (codec.CONVERSATION.dump(a_conversation()), "unknown"),
        (codec.ENTRY.dump(an_entry(an_approval())), "unknown"),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_key(document: bytes, why: str) -> None:
    with pytest.raises(codec.UnreadableError, match=why) as refused:
        codec.APPROVAL.load(document, "signoff:{t}:approval:1")
    assert refused.value.key == "signoff:{t}:approval:1"
    assert str(refused.value).startswith("signoff:{t}:approval:1 cannot be read: ")


@given(st.binary(max_size=40))
def test_no_bytes_raise_anything_else(document: bytes) -> None:
    for kind in (codec.APPROVAL, codec.CONVERSATION, codec.ENTRY, codec.EFFECT, codec.GRANT):
        with pytest.raises(codec.UnreadableError):
            kind.load(document, "key")


@given(any_approval, st.sampled_from(["state", "created_at", "reviews", "deadlines", "version", "ask"]), st.integers())
def test_a_field_of_another_type_is_refused(approval: Approval, field: str, wrong: int) -> None:
    held = json.loads(codec.APPROVAL.dump(replace(approval, note="")).decode("utf-8", "surrogatepass"))
    held["d"][field] = wrong if field != "version" else str(wrong)
    with pytest.raises(codec.UnreadableError):
        codec.APPROVAL.load(json.dumps(held).encode(), "key")


def test_what_is_of_another_kind_is_not_written() -> None:
    with pytest.raises(TypeError, match="is not a Approval"):
        codec.APPROVAL.dump(a_conversation())  # type: ignore[arg-type]
