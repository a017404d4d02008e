"""Approvals, conversations and rows to test with, and Hypothesis strategies for any of them."""

import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

from hypothesis import strategies as st

from engine.approvals.approval import Approval, Place, Review, State, Vote, open_reviews
from engine.approvals.audit import Entry, What
from engine.approvals.effects import Consider, Effect, Hear, Say
from engine.approvals.events import Act, Click, Ruling
from engine.asks.ask import Action, Ask, Choice, Decision, Json, Kind, Option
from engine.authority.eligibility import AccountType, Facts
from engine.authority.parts import Part
from engine.authority.policy import Deadlines, Policy, Rung, one_part, person
from engine.conversation import Conversation
from engine.ids import (
    AgentName,
    ApprovalId,
    ChannelId,
    GrantId,
    InterruptId,
    MessageTs,
    SheetId,
    TeamId,
    ThreadId,
    UserId,
    approval_id,
)
from engine.rules.grants import Grant
from engine.sources import Ground, Origin, Source

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
ALICE, BOB, CAROL, GINA, EVE = (UserId(name) for name in ("UALICE", "UBOB", "UCAROL", "UGINA", "UEVE"))
PLACE = Place(TeamId("T1"), ChannelId("C1"), MessageTs("100.000001"))
THREAD = ThreadId("T1:C1:100.000001")
FOR_EVER = Deadlines()
APPROVE_OR_REJECT = (Choice.APPROVE, Choice.EDIT, Choice.REJECT)


def an_ask(*names: str, kind: Kind = Kind.TOOL_CALL, choices: tuple[Choice, ...] = APPROVE_OR_REJECT) -> Ask:
    actions = tuple(Action(name, {"of": name}, choices) for name in names or ("deploy",))
    return Ask("langchain", kind, "Shall I?", actions, [[action.name, action.value] for action in actions])


def a_policy(*users: UserId, **more: Any) -> Policy:
    return one_part("approvals[0]", *map(person, users or (BOB, CAROL)), **more)


def an_approval(
    *,
    thread: ThreadId = THREAD,
    interrupt: str = "i1",
    ask: Ask | None = None,
    policy: Policy | None = None,
    deadlines: Deadlines = FOR_EVER,
    at: datetime = NOW,
) -> Approval:
    ask, policy = ask or an_ask(), policy or a_policy()
    return Approval(
        id=approval_id(thread, InterruptId(interrupt), "digest"),
        thread=thread,
        agent=AgentName("deploy"),
        interrupt=InterruptId(interrupt),
        digest="digest",
        ask=ask,
        deadlines=deadlines,
        requester=ALICE,
        home=PLACE,
        place=PLACE,
        created_at=at,
        reviews=open_reviews(ask, (policy,) * len(ask.actions)),
    )


def still_members(approval: Approval) -> Ruling:
    """What the desk finds of those who voted before, where nobody left."""
    voters = dict.fromkeys(vote.by for review in approval.reviews for vote in review.votes)
    return Ruling(tuple((user, Facts(AccountType.MEMBER, in_channel=True)) for user in voters))


def closed(approval: Approval, state: State = State.WITHDRAWN) -> Approval:
    return replace(approval, state=state, closed_at=NOW, note="over")


def a_conversation(thread: ThreadId = THREAD, *, direct: bool = False) -> Conversation:
    return Conversation(thread, AgentName("deploy"), ALICE, PLACE, direct, NOW)


def a_grant(number: int = 1, *, thread: ThreadId = THREAD, by: tuple[UserId, ...] = (BOB,), **more: Any) -> Grant:
    given_at = NOW + timedelta(seconds=number)
    grant = Grant(
        id=GrantId(f"grant-{number}"),
        thread=thread,
        agent=AgentName("deploy"),
        tool="deploy",
        args={"service": "billing", "replicas": 1},
        fields=(),
        by=by,
        policy=a_policy(),
        approval=approval_id(thread, InterruptId("i1"), "digest"),
        given_at=given_at,
        until=given_at + timedelta(hours=1),
    )
    return replace(grant, **more)


def an_entry(approval: Approval, what: What = What.ASKED) -> Entry:
    return Entry(NOW, approval.thread, approval.id, what, ALICE, approval.rule, {"n": 1})


OF_THE_VERSION_BEFORE = json.dumps(
    {
        "v": 1,
        "d": {
            "id": "T1:C1:100.000001#7018397e3e20e1a4",
            "thread": "T1:C1:100.000001",
            "agent": "deploy",
            "interrupt": "i1",
            "digest": "digest",
            "ask": {
                "dialect": "langchain",
                "kind": "tool_call",
                "prompt": "Shall I?",
                "actions": [{"name": "deploy", "value": {"of": "deploy"}, "choices": ["approve", "edit", "reject"]}],
                "payload": [["deploy", {"of": "deploy"}]],
            },
            "deadlines": {"remind_after": 600000000, "expires_after": 14400000000},
            "requester": "UALICE",
            "home": {"team": "T1", "channel": "C1", "thread_ts": "100.000001"},
            "place": {"team": "T1", "channel": "C1", "thread_ts": "100.000001"},
            "created_at": "2026-01-01T12:00:00+00:00",
            "reviews": [
                {
                    "value": {"of": "less"},
                    "policy": {"rule": "approvals[0]", "approvers": "users", "users": ["UBOB", "UCAROL"], "quorum": 2},
                    "revision": 3,
                    "votes": [{"by": "UBOB", "choice": "edit", "at": "2026-01-01T12:02:00+00:00"}],
                    "edited_by": "UBOB",
                }
            ],
            "card": "5.1",
            "version": 4,
            "sheet": "sheet-1",
            "replaced": {"outcome": "approved", "by": ["UBOB"], "values": [{"of": "x"}]},
            "offered": [{"text": "red", "said": "1.1"}],
        },
    }
).encode()
"""A pending approval with one vote of two, written down by the version before policies had parts."""

# Strategies -----------------------------------------------------------------------------------------------------------

ANY_TEXT = st.text(st.characters(codec=None), max_size=6) | st.sampled_from(
    ["", "\ud83d\ude00", "\udc00x", "\x00\u202e"]
)
"""Any characters, lone surrogates and pairs of them included."""

any_json: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=8,
)
any_time = st.builds(
    lambda seconds, part: NOW + timedelta(seconds=seconds, microseconds=part),
    st.integers(-(10**9), 10**9),
    st.integers(0, 999_999),
)
any_span = st.timedeltas(timedelta(microseconds=1), timedelta(days=4000))
any_schema = st.none() | st.dictionaries(ANY_TEXT, any_json, max_size=2)
any_place = st.builds(Place, ANY_TEXT.map(TeamId), ANY_TEXT.map(ChannelId), st.none() | ANY_TEXT.map(MessageTs))
any_action = st.builds(
    Action,
    name=ANY_TEXT,
    value=any_json,
    choices=st.lists(st.sampled_from(Choice), max_size=3).map(tuple),
    description=ANY_TEXT,
    schema=any_schema,
    reject_stops=st.booleans(),
    options=st.lists(st.builds(Option, word=ANY_TEXT, asks_for=ANY_TEXT), max_size=2).map(tuple),
    own_words=st.none() | st.dictionaries(ANY_TEXT, ANY_TEXT, max_size=2),
)
any_ask = st.builds(
    Ask,
    dialect=ANY_TEXT,
    kind=st.sampled_from(Kind),
    prompt=ANY_TEXT,
    actions=st.lists(any_action, min_size=1, max_size=2).map(tuple),
    payload=any_json,
    speaker=ANY_TEXT,
)
any_decision = st.builds(Decision, choice=st.sampled_from(Choice), value=any_json, text=ANY_TEXT, option=ANY_TEXT)
any_source = st.builds(Source, origin=st.sampled_from(Origin), name=ANY_TEXT, label=ANY_TEXT)
any_sources = st.lists(any_source, min_size=1, max_size=3).map(tuple)
any_ground = st.builds(Ground, source=any_source, looked_up=any_time, tier=st.none() | st.integers(1, 9), said=ANY_TEXT)
any_vote = st.builds(
    Vote,
    by=ANY_TEXT.map(UserId),
    choice=st.sampled_from(Choice),
    at=any_time,
    text=ANY_TEXT,
    option=ANY_TEXT,
    grounds=st.lists(any_ground, max_size=2).map(tuple),
)
any_part = st.builds(Part, sources=any_sources, outsiders=st.frozensets(ANY_TEXT.map(UserId), max_size=2))
any_policy = st.builds(
    Policy,
    rule=ANY_TEXT,
    stages=st.lists(st.lists(any_part, min_size=1, max_size=2).map(tuple), min_size=1, max_size=2).map(tuple),
    own_requests=st.booleans(),
    reject_quorum=st.integers(1, 2),
    ladder=st.lists(st.builds(Rung, after=any_span, sources=any_sources), min_size=1, max_size=2).map(tuple),
)
any_review = st.builds(
    Review,
    value=any_json,
    policy=any_policy,
    revision=st.integers(1, 99),
    votes=st.lists(any_vote, max_size=2).map(tuple),
    edited_by=st.none() | ANY_TEXT.map(UserId),
    decision=st.none() | any_decision,
    decided_at=st.none() | any_time,
)
any_deadlines = st.builds(
    Deadlines, reminders=st.lists(any_span, max_size=2).map(tuple), expires_after=st.none() | any_span
)
any_approval = st.builds(
    Approval,
    id=ANY_TEXT.map(lambda text: ApprovalId(f"t#{text}")),
    ask=any_ask,
    deadlines=any_deadlines,
    home=any_place,
    place=any_place,
    created_at=any_time,
    reviews=st.lists(any_review, min_size=1, max_size=2).map(tuple),
    state=st.sampled_from(State),
    card=st.none() | ANY_TEXT.map(MessageTs),
    closed_at=st.none() | any_time,
    note=ANY_TEXT,
    version=st.integers(0, 10**6),
    digest=ANY_TEXT,
    sheet=ANY_TEXT.map(SheetId),
)
any_hear = st.builds(Hear, place=any_place, text=ANY_TEXT)
any_conversation = st.builds(
    Conversation, place=any_place, started_at=any_time, held=st.lists(any_hear, max_size=2).map(tuple)
)
any_entry = st.builds(Entry, at=any_time, detail=any_json, rule=ANY_TEXT)

any_grant = st.builds(
    Grant, args=any_json, fields=st.lists(ANY_TEXT).map(tuple), policy=any_policy, given_at=any_time, until=any_time
)


def _any_of(kind: type[Effect]) -> st.SearchStrategy[Effect]:
    ours = {"place": any_place, "at": any_time, "text": ANY_TEXT, "sentence": ANY_TEXT, "edits": any_json}
    if kind is Consider:
        clicks = st.builds(Click, value=any_json, at=st.none() | any_time, text=ANY_TEXT)
        acts = st.builds(Act, at=st.none() | any_time)
        return st.builds(kind, click=clicks | acts)
    if kind is Say:
        ours["at"] = st.none() | ANY_TEXT.map(MessageTs)
    return st.builds(kind, **{field.name: ours[field.name] for field in fields(kind) if field.name in ours})


any_effect: st.SearchStrategy[Effect] = st.one_of(*map(_any_of, get_args(Effect)))
