"""The promises hold whatever happens, in whatever order: a random life of an approval, step by step."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from contracts.samples import ALICE, BOB, CAROL, EVE, GINA, NOW, an_approval, an_ask
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from engine.approvals.approval import OPEN, Approval, Review, State
from engine.approvals.effects import DrawCard, Resume
from engine.approvals.events import (
    CardDeleted,
    Chose,
    Delivered,
    Event,
    ExpiryDue,
    NotDelivered,
    Opened,
    Posted,
    ReminderDue,
    Ruling,
    Withdrew,
)
from engine.asks.ask import Choice, Json
from engine.authority.eligibility import AccountType, Facts
from engine.authority.policy import CHANNEL, REQUESTER, Deadlines, OnExpiry, Policy, one_part, person
from engine.ids import MessageTs, UserId
from engine.machine import TRANSITIONS, Step, step

PEOPLE = (ALICE, BOB, CAROL, GINA, EVE)
STANDINGS = {ALICE: AccountType.MEMBER, BOB: AccountType.MEMBER, CAROL: AccountType.MEMBER, GINA: AccountType.GUEST}
HOUR = timedelta(hours=1)

users = st.frozensets(st.sampled_from(PEOPLE), min_size=2, max_size=4)
sources = users.map(lambda names: tuple(map(person, sorted(names)))) | st.sampled_from([(CHANNEL,), (REQUESTER,)])
policies = st.builds(
    lambda sources, quorum, own: one_part("rule", *sources, quorum=quorum, own_requests=own),
    sources,
    st.integers(1, 2),
    st.booleans(),
)
deadlines = st.builds(
    Deadlines,
    reminders=st.sampled_from([(), (HOUR / 2,), (HOUR / 3, HOUR / 2)]),
    expires_after=st.none() | st.just(HOUR),
    on_expiry=st.sampled_from(OnExpiry),
)
others = st.sampled_from(
    [
        Opened(),
        Posted(MessageTs("5.5")),
        CardDeleted(MessageTs("5.5")),
        ReminderDue(),
        ExpiryDue(),
        Withdrew("gone"),
        Delivered(),
        NotDelivered("gone"),
    ]
)


class Life(RuleBasedStateMachine):
    """One approval of two actions, and everything that can happen to it."""

    def __init__(self) -> None:
        super().__init__()
        self.now: datetime = NOW
        self.resumed = 0
        self.closed: Approval | None = None
        self.voters: set[tuple[int, int, UserId]] = set()

    @initialize(
        first=policies,
        second=policies,
        due=deadlines,
        choices=st.sets(st.sampled_from(Choice), min_size=1),
        stops=st.booleans(),
    )
    def asked(self, first: Policy, second: Policy, due: Deadlines, choices: set[Choice], *, stops: bool) -> None:
        ask = an_ask("a", "b", choices=tuple(sorted(choices)))
        ask = replace(ask, actions=(replace(ask.actions[0], reject_stops=stops), ask.actions[1]))
        made = an_approval(ask=ask, deadlines=due)
        reviews = tuple(Review(action.value, each) for action, each in zip(ask.actions, (first, second), strict=True))
        self.approval = replace(made, reviews=reviews)

    @rule(
        by=st.sampled_from(PEOPLE),
        action=st.integers(-1, 2),
        back=st.integers(-1, 1),
        choice=st.sampled_from(Choice),
        inside=st.sampled_from([True, False, None]),
        known=st.booleans(),
    )
    def somebody_chooses(
        self, *, by: UserId, action: int, back: int, choice: Choice, inside: bool | None, known: bool
    ) -> None:
        standing = STANDINGS.get(by, AccountType.STRANGER) if known else AccountType.UNKNOWN
        revision = self.approval.reviews[action].revision if action in (0, 1) else 1
        voters = {vote.by: Facts(AccountType.MEMBER, inside) for each in self.approval.reviews for vote in each.votes}
        ruling = Ruling(tuple(voters.items()))
        facts = Facts(standing, inside)
        value: Json = {"v": revision}
        event = Chose(by, facts, action, revision - back, choice, "words", value, ruling=ruling)
        before = self.approval
        taken = self.happens(event)
        if taken.refusal is None:
            self.counted(before, event)
        else:
            assert taken.approval == before or taken.approval.state is not State.PENDING

    def counted(self, before: Approval, event: Chose) -> None:
        """A vote that counted was for the current revision, by a full member whom the policy names (P6)."""
        review = before.reviews[event.action]
        assert before.state is State.PENDING
        assert event.revision == review.revision
        assert review.decision is None
        assert event.choice in before.ask.actions[event.action].choices
        assert event.facts.account is AccountType.MEMBER
        match review.policy.sources:
            case (source,) if source == CHANNEL:
                assert event.facts.in_channel is True
            case (source,) if source == REQUESTER:
                assert event.by == before.requester
            case named:
                assert person(event.by) in named
        if not review.policy.is_requesters and not review.policy.own_requests:
            assert event.by != before.requester
        if event.choice is Choice.APPROVE:
            vote = (event.action, event.revision, event.by)
            assert vote not in self.voters
            self.voters.add(vote)

    @rule(event=others)
    def something_happens(self, event: Event) -> None:
        before = self.approval
        taken = self.happens(event)
        if (before.state, type(event)) not in TRANSITIONS:
            assert (taken.approval, taken.effects, taken.entries) == (before, (), ())
        for old, new in zip(before.reviews, taken.approval.reviews, strict=True):
            if new != old:  # nobody chose: only a rejection can come of it (P5)
                assert new.decision is not None
                assert new.decision.choice is Choice.REJECT
                assert new.votes == ()

    @rule(minutes=st.sampled_from([1, 29, 31, 61]))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    def happens(self, event: Event) -> Step:
        before = self.approval
        taken = step(before, event, self.now)
        after = taken.approval
        assert after == step(before, event, self.now).approval
        assert after.state in {before.state} | {
            state for (origin, kind), rule in TRANSITIONS.items() if origin is before.state for state in rule.to
        }
        for old, new in zip(before.reviews, after.reviews, strict=True):
            assert new.revision in (old.revision, old.revision + 1)
            if old.decision is not None:
                assert new == old  # P2: what is decided never changes
        if (before.state, before.reviews) != (after.state, after.reviews) and after.state is not State.DELIVERED:
            assert DrawCard(after.id) in taken.effects  # P8
        self.resumed += sum(isinstance(effect, Resume) for effect in taken.effects)
        self.approval = after
        return taken

    @invariant()
    def there_is_one_outcome(self) -> None:
        """P2: the graph is told once at most, and only what was decided."""
        if not hasattr(self, "approval"):
            return
        assert self.resumed == int(self.approval.state in (State.DECIDED, State.DELIVERED, State.UNDELIVERABLE))
        assert (self.approval.stopping is not None) is (self.approval.state is State.STOPPED)
        if self.resumed:
            assert len(self.approval.decisions) == 2
        if self.approval.state not in OPEN:
            still = replace(self.approval, card=None)
            dropped = self.approval.state is State.UNDELIVERABLE
            if dropped and self.closed is not None and self.closed.state is State.DELIVERED:
                self.closed = replace(self.closed, state=State.UNDELIVERABLE, note=still.note)  # by NotDelivered alone
            assert self.closed in (None, still)
            self.closed = still

    @invariant()
    def silence_approves_nothing(self) -> None:
        """P5, and the quorum: enough people voted for an approval or an edit, on the current revision."""
        for review in self.approval.reviews if hasattr(self, "approval") else ():
            if review.decision is None or review.decision.choice not in (Choice.APPROVE, Choice.EDIT):
                continue
            assert len({vote.by for vote in review.votes}) >= review.policy.quorum
            assert {vote.choice for vote in review.votes} <= {Choice.APPROVE, Choice.EDIT}
            if review.decision.choice is Choice.EDIT:
                assert review.decision.value == review.value
                assert sum(vote.choice is Choice.EDIT for vote in review.votes) == 1


TestLife: Any = pytest.mark.promise("P2")(Life.TestCase)
TestLife.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
