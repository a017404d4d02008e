"""A grant allows what its card showed, and nothing else."""

import math
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from contracts.samples import ALICE, BOB, CAROL, NOW, a_grant, a_policy, an_approval, an_ask, any_json
from hypothesis import given as samples
from hypothesis import strategies as st

from engine.approvals.approval import Approval, Review, State, Vote
from engine.approvals.effects import DrawCard, GiveGrant
from engine.approvals.events import Chose, Revoked, Ruling
from engine.asks.ask import DEEPEST, Choice, Decision, Json, Kind, canonical
from engine.authority.eligibility import AccountType, Facts
from engine.authority.policy import LONGEST_GRANT, GrantTerms, Policy
from engine.ids import AgentName, GrantId, ThreadId, UserId
from engine.machine import Step, step
from engine.rules.grants import (
    Grant,
    ProposedCall,
    covers,
    find_allowing,
    grant_given,
    grant_id,
    is_offered,
    is_still_permitted,
)
from engine.sentences.refusals import NoGrant, NotAnApprover

HOUR = timedelta(hours=1)
EXACT, BY_SERVICE = GrantTerms(HOUR), GrantTerms(HOUR, ("service",))
ARGS: dict[str, Json] = {"service": "billing", "replicas": 1, "labels": {"a": [1, None], "b": "x"}}
SOON = NOW + timedelta(minutes=5)


def a_call(args: Any, grant: Grant | None = None) -> ProposedCall:
    grant = grant or a_grant()
    return ProposedCall(grant.thread, grant.agent, grant.tool, args)


def allowed(granted: Any, args: Any, *fields: str) -> bool:
    return covers(a_grant(args=granted, fields=fields), a_call(args), SOON)


def approved(
    args: Json = ARGS,
    *,
    tool: str = "deploy",
    by: tuple[UserId, ...] = (BOB,),
    terms: GrantTerms | None = EXACT,
    **decision: Any,
) -> Approval:
    approval = an_approval(ask=an_ask(tool), policy=replace(a_policy(), grants=terms))
    (action,), (review,) = approval.ask.actions, approval.reviews
    votes = tuple(Vote(each, Choice.APPROVE, NOW) for each in by)
    decided = Decision(**({"choice": Choice.APPROVE} | decision))
    given_with = grant_id(approval.id, 0)
    review = replace(review, value=args, votes=votes, decision=decided, decided_at=NOW, grant=given_with)
    return replace(approval, ask=replace(approval.ask, actions=(replace(action, value=args),)), reviews=(review,))


# Like this ------------------------------------------------------------------------------------------------------------


@pytest.mark.promise("P6")
@pytest.mark.parametrize(
    ("args", "like"),
    [
        (ARGS, True),
        ({"labels": {"b": "x", "a": [1, None]}, "replicas": 1, "service": "billing"}, True),
        ({**ARGS, "replicas": 1.0}, False),
        ({**ARGS, "replicas": True}, False),
        ({**ARGS, "replicas": "1"}, False),
        ({**ARGS, "replicas": 2}, False),
        ({**ARGS, "force": True}, False),
        ({**ARGS, "force": None}, False),
        ({"service": "billing", "replicas": 1}, False),
        (ARGS | {"labels": {"a": [None, 1], "b": "x"}}, False),
        (dict[str, Any](ARGS, labels={"a": (1, None), "b": "x"}), False),
        ({**ARGS, "service": "b\u0456lling"}, False),
        ({**ARGS, "service": "billing\u200b"}, False),
        ([ARGS], False),
        (None, False),
    ],
)  # fmt: skip
def test_without_fields_all_arguments_are_equal_as_json(args: Any, like: bool) -> None:  # noqa: FBT001
    assert allowed(ARGS, args) is like


@pytest.mark.promise("P6")
@pytest.mark.parametrize(
    ("args", "like"),
    [
        ({**ARGS, "replicas": 50, "labels": None}, True),
        ({**ARGS, "service": "payments"}, False),
        ({**ARGS, "service": ["billing"]}, False),
        ({**ARGS, "force": True}, False),
        ({"service": "billing", "replicas": 1}, False),
        ({"service": "billing", "replicas": 1, "label": {}}, False),
    ],
)
def test_with_fields_those_are_equal_and_the_names_of_all_are_the_same(args: Any, like: bool) -> None:  # noqa: FBT001
    assert allowed(ARGS, args, "service") is like


@pytest.mark.promise("P6")
@pytest.mark.parametrize("odd", [math.nan, math.inf, (1,), {1: 2}, b"", object(), "long", {"\ud800": 1.5e400}, "deep"])
def test_what_json_cannot_tell_apart_is_like_nothing(odd: Any) -> None:
    if odd == "long":
        odd = 10**5000
    elif odd == "deep":
        odd = []
        for _ in range(50_000):
            odd = [odd]
    assert not allowed({"a": odd}, {"a": odd})
    assert not allowed({"a": odd, "b": 1}, {"a": odd, "b": 1}, "a")
    assert not allowed({"a": 1, "b": 1}, {"a": odd, "b": 1}, "a")


@pytest.mark.promise("P6")
@samples(st.dictionaries(st.sampled_from("abc"), any_json, max_size=3), st.data())
def test_a_call_is_like_another_only_where_the_bound_parts_are_written_the_same(args: Any, data: st.DataObject) -> None:
    other = data.draw(st.just(args) | st.dictionaries(st.sampled_from("abc"), any_json, max_size=3))
    fields = data.draw(st.lists(st.sampled_from("abc"), unique=True, max_size=2))
    if allowed(args, other, *fields):
        assert args.keys() == other.keys()
        for name in fields or args:
            assert canonical(args[name]) == canonical(other[name])


numbers = st.integers(-3, 3) | st.booleans() | st.sampled_from([0.0, -0.0, 1.0, 2.0, -1.0])


@pytest.mark.promise("P6")
@samples(numbers, numbers)
def test_numbers_and_truths_are_told_apart_as_they_are_written(one: float, other: float) -> None:
    assert allowed({"n": one}, {"n": other}) is (repr(one) == repr(other))


@pytest.mark.promise("P6")
def test_only_the_same_agent_tool_and_conversation_and_only_for_its_time() -> None:
    grant = a_grant(args=ARGS)
    call = a_call(ARGS)
    assert covers(grant, call, SOON)
    for other in (
        replace(call, thread=ThreadId("T1:C1:2.2")), replace(call, agent=AgentName("pay")),
        replace(call, tool="deploy_all"), replace(call, tool="Deploy"), replace(call, tool="d\u0435ploy"),
    ):  # fmt: skip
        assert not covers(grant, other, SOON)
    assert covers(grant, call, grant.given_at)
    assert not covers(grant, call, grant.until)
    assert not covers(grant, call, grant.given_at - timedelta(seconds=1)), "the clock was put back"


# The rule -------------------------------------------------------------------------------------------------------------


def ruled(terms: GrantTerms | None, *users: UserId, **more: Any) -> Policy:
    return replace(a_policy(*users, **more), grants=terms)


@pytest.mark.promise("P6")
def test_a_grant_is_dead_when_its_rule_no_longer_permits_it() -> None:
    grant = a_grant(policy=ruled(EXACT))
    assert is_still_permitted(grant, ruled(EXACT), SOON)
    assert not is_still_permitted(grant, ruled(None), SOON)
    assert not is_still_permitted(grant, ruled(BY_SERVICE), SOON)
    assert not is_still_permitted(grant, ruled(EXACT, ALICE, CAROL), SOON)
    assert not is_still_permitted(grant, ruled(EXACT, quorum=2), SOON)
    assert is_still_permitted(grant, ruled(GrantTerms(timedelta(minutes=5))), NOW + timedelta(minutes=5))
    assert not is_still_permitted(grant, ruled(GrantTerms(timedelta(minutes=1))), SOON)
    assert is_still_permitted(grant, ruled(GrantTerms(2 * HOUR)), SOON)
    assert not covers(grant, a_call(grant.args), grant.until), "no longer than it said"


def test_the_first_grant_that_allows_a_call_is_found() -> None:
    call, rule = a_call(ARGS), ruled(EXACT)
    grants = [a_grant(0, policy=rule), a_grant(1, policy=rule, args=ARGS), a_grant(2, policy=rule, args=ARGS)]
    assert find_allowing(grants, rule, call, SOON) == grants[1]
    assert find_allowing(grants, ruled(None), call, SOON) is None
    assert find_allowing([], rule, call, SOON) is None


# Giving ---------------------------------------------------------------------------------------------------------------


@pytest.mark.promise("P4")
def test_a_grant_is_given_for_what_was_approved() -> None:
    approval = approved()
    grant = grant_given(approval, 0)
    assert grant == grant_given(approval, 0), "told twice it is the same"
    assert (grant.tool, grant.args, grant.by, grant.until - grant.given_at) == ("deploy", ARGS, (BOB,), HOUR)
    assert covers(grant, ProposedCall(approval.thread, approval.agent, "deploy", ARGS), SOON)
    assert is_still_permitted(grant, approval.reviews[0].policy, SOON)
    edited = approved({"service": "payments"}, terms=BY_SERVICE, choice=Choice.EDIT, value={"service": "payments"})
    assert grant_given(edited, 0).args == {"service": "payments"}


@pytest.mark.promise("P6")
def test_none_is_given_without_an_approval_that_gave_one() -> None:
    gave_none = approved()
    gave_none = replace(gave_none, reviews=(replace(gave_none.reviews[0], grant=GrantId("")),))
    for approval in (
        gave_none, approved(by=()), approved(choice=Choice.REJECT), approved(terms=None), approved("billing"),
        an_approval(),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="no grant was given"):
            grant_given(approval, 0)


@pytest.mark.promise("P4")
def test_none_is_offered_that_would_be_wider_than_the_card() -> None:
    assert is_offered(approved(), 0, whole=True)
    assert is_offered(approved(terms=BY_SERVICE), 0, whole=True)
    assert not is_offered(approved(), 0, whole=False), "the card shows a part"
    assert not is_offered(approved(terms=None), 0, whole=True)
    assert not is_offered(approved(terms=GrantTerms(HOUR, ("service", "region"))), 0, whole=True)
    assert not is_offered(approved(tool="d\u0435ploy"), 0, whole=True)
    assert not is_offered(approved("billing"), 0, whole=True)
    assert not is_offered(approved({"n": math.nan}), 0, whole=True)
    approval = approved()
    for kind in (Kind.BREAKPOINT, Kind.QUESTION, Kind.PAYLOAD):
        assert not is_offered(replace(approval, ask=replace(approval.ask, kind=kind)), 0, whole=True)
    deep: Json = 1
    for _ in range(DEEPEST + 1):
        deep = [deep]
    assert not is_offered(approved({"a": deep}), 0, whole=True)
    two = replace(approval, reviews=(replace(approval.reviews[0], policy=ruled(EXACT, quorum=2)),))
    assert not is_offered(two, 0, whole=True), "several people decide"


def test_terms_have_a_length_and_fields_that_are_named_once() -> None:
    for lasts, fields in (
        (timedelta(), ()), (-HOUR, ()), (LONGEST_GRANT + HOUR, ()), (HOUR, ("",)), (HOUR, ("a", "a")),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"grant|field"):
            GrantTerms(lasts, fields)


# Approving with one ---------------------------------------------------------------------------------------------------


def allow(approval: Approval, by: UserId = BOB, **more: Any) -> Step:
    chose = Chose(by, Facts(AccountType.MEMBER), 0, 1, Choice.APPROVE, allows=True)
    return step(approval, replace(chose, **more), SOON)


def asked(args: Json = ARGS, terms: GrantTerms | None = EXACT) -> Approval:
    whole = approved(args)
    review = Review(args, ruled(terms))
    return replace(whole, reviews=(review,))


@pytest.mark.promise("P1")
def test_an_approval_and_its_grant_are_one_step() -> None:
    taken = allow(asked())
    assert GiveGrant(taken.approval.id, 0) in taken.effects
    assert taken.approval.state is State.DECIDED
    assert taken.approval.reviews[0].allowed_until == SOON + HOUR
    assert grant_given(taken.approval, 0).by == (BOB,)
    assert grant_given(taken.approval, 0).id == grant_id(taken.approval.id, 0)


@pytest.mark.promise("P6")
def test_a_grant_that_is_not_offered_is_refused_with_its_approval() -> None:
    for refused in (
        allow(asked(terms=None)),
        allow(asked(terms=GrantTerms(HOUR, ("region",)))),
        allow(asked(), ruling=Ruling(current=ruled(None))),
        allow(asked(), choice=Choice.REJECT),
    ):
        assert isinstance(refused.refusal, NoGrant)
        assert refused.approval.state is State.PENDING
    assert isinstance(allow(asked(), by=ALICE).refusal, NotAnApprover)
    alone = allow(asked(), allows=False)
    assert not [each for each in alone.effects if isinstance(each, GiveGrant)]
    assert alone.approval.reviews[0].allowed_until is None


@pytest.mark.promise("P8")
def test_the_card_says_that_a_grant_was_taken_back() -> None:
    approval = allow(asked()).approval
    revoked = step(approval, Revoked(approval.reviews[0].grant, CAROL), SOON)
    assert revoked.approval.reviews[0].revoked_by == CAROL
    assert revoked.effects == (DrawCard(approval.id),)
    assert step(revoked.approval, Revoked(approval.reviews[0].grant, BOB), SOON) == Step(revoked.approval)
    assert step(approval, Revoked(GrantId("another"), BOB), SOON) == Step(approval)
