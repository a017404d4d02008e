"""Votes, edits, time, acts, reloads, restarts, failing sources and people who come and go, in any order.

Beside the engine runs a model that was written from the rules as people are told them, not from the code: who may
decide at this moment, and whether enough distinct people of the right kinds have. It tries every way to seat the
voters. They have to agree after each step: nobody who may is turned away, nothing is decided without the quorum, and
what is decided stays so.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import pytest
from contracts.panel import DEV, MANAGERS, OPS, PAY, Panel, all_of, part, rung
from contracts.samples import ALICE, BOB, CAROL, EVE, GINA, an_approval
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from adapters.redis import codec
from engine.approvals.approval import Review, State
from engine.approvals.effects import DrawCard, Resume, TellPerson
from engine.approvals.events import (
    Cancelled,
    Chose,
    Event,
    ExpiryDue,
    Extended,
    HandedOver,
    LadderDue,
    Looked,
    Nudged,
    ReminderDue,
    Ruling,
    TakenBack,
)
from engine.asks.ask import Choice
from engine.authority.eligibility import AccountType
from engine.authority.parts import Part
from engine.authority.policy import CHANNEL, Deadlines, OnExpiry, Policy, person
from engine.ids import UserId
from engine.machine import Step
from engine.sources import Origin, Source

PEOPLE = (ALICE, BOB, CAROL, EVE, GINA)
SOURCES = (DEV, OPS, MANAGERS, PAY, CHANNEL)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
VALUES: tuple[Any, ...] = ({"of": "deploy"}, {"of": "more"}, {"of": "less"})

any_source = st.sampled_from([*SOURCES, *SOURCES, *map(person, PEOPLE)])
any_part = st.builds(
    lambda sources, quorum, outsiders: part(*sources, quorum=quorum, outsiders=outsiders),
    st.lists(any_source, min_size=1, max_size=2, unique=True),
    st.sampled_from([1, 1, 2]),
    st.booleans(),
)
any_rung = st.lists(any_source, min_size=1, max_size=2, unique=True)
any_ladder = st.lists(any_rung, max_size=2).map(
    lambda rungs: tuple(rung(15 * (place + 1), *each) for place, each in enumerate(rungs))
)


@st.composite
def any_policy(draw: Any) -> Policy:
    """A policy of several parts, in stages or not, such as `app.yaml` can name."""
    sizes = draw(st.sampled_from([(1,), (2,), (2,), (1, 1), (1, 1), (1, 1, 1), (2, 1)]))
    stages = tuple(tuple(draw(any_part) for _ in range(size)) for size in sizes)
    ladder, own, rejections = draw(any_ladder), draw(st.booleans()), draw(st.integers(1, 2))
    try:
        return Policy("approvals[0]", stages, own, rejections, ladder)
    except ValueError:  # its quorum cannot be reached by those who are named
        return all_of(part(DEV, *map(person, PEOPLE)), ladder=ladder)


books = st.lists(any_policy(), min_size=3, max_size=3)
any_deadlines = st.builds(
    Deadlines,
    reminders=st.sampled_from([(), (20 * MINUTE,)]),
    expires_after=st.none() | st.just(HOUR),
    on_expiry=st.sampled_from(OnExpiry),
)
who = st.sampled_from(PEOPLE)
any_members = st.fixed_dictionaries({each: st.sets(who, min_size=2, max_size=4) for each in SOURCES})


# The model ------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Ballot:
    """A vote, and the schedules by which its author was on call at that time."""

    by: UserId
    choice: Choice
    shifts: frozenset[Source]


@dataclass(slots=True)
class Model:
    """A model of the rules as people are told them. `None` for an answer means that nobody can tell now."""

    panel: Panel
    policy: Policy
    asked: datetime
    steps: int = 0
    ballots: dict[UserId, Ballot] = field(default_factory=dict)

    def places(self, stages: int, policy: Policy | None = None) -> list[Part]:
        """One entry for each person that these stages need."""
        found = (policy or self.policy).stages[:stages]
        return [each for stage in found for each in stage for _ in range(each.quorum)]

    def added(self, steps: int, policy: Policy) -> tuple[set[Source], set[UserId]]:
        """The people of the ladder who were called by now."""
        taken = policy.ladder[:steps]
        return {source for each in taken for source in each.sources}, {
            user for each in taken for user in each.outsiders
        }

    def belongs(self, user: UserId, source: Source, shifts: frozenset[Source] | None, *, now: bool) -> bool | None:
        """True if a source names a person; `shifts` are those of a vote, None for a person who clicks now.

        `now`: a shift of now is as good as one of then.
        """
        if source.origin is Origin.USER:
            return user == source.name
        if source.origin is Origin.ON_CALL and shifts is not None and (not now or source in shifts):
            return source in shifts
        if source in self.panel.down:
            return None
        return user in self.panel.belongs.get(source, set())

    def fits(
        self,
        user: UserId,
        place: Part,
        policy: Policy,
        shifts: frozenset[Source] | None,
        steps: int,
        *,
        now: bool = False,
    ) -> bool | None:
        """True if a person can fill a place, by their account and by the sources that name them."""
        more, guests = self.added(steps, policy)
        standing = self.panel.standings.get(user, AccountType.MEMBER)
        if user == ALICE and not policy.own_requests:
            return False
        if standing is AccountType.UNKNOWN:
            return None
        if standing is AccountType.STRANGER:
            return False
        if standing is not AccountType.MEMBER and user not in place.outsiders | guests:
            return False
        found = [self.belongs(user, source, shifts, now=now) for source in {*place.sources, *more}]
        return True if True in found else None if None in found else False

    def may(self, user: UserId, shifts: frozenset[Source] | None = None) -> bool | None:
        """True if a person may decide now: by the rule under which it was asked, and by today's."""
        old = self.may_by(user, self.policy, shifts, self.steps)
        today = self.panel.current
        if old is not True or today is None:
            return old
        return self.may_by(user, today, shifts, len(today.ladder), now=True)

    def may_by(
        self, user: UserId, policy: Policy, shifts: frozenset[Source] | None, steps: int, *, now: bool = False
    ) -> bool | None:
        """The same by one policy."""
        found = [self.fits(user, place, policy, shifts, steps, now=now) for place in self.places(99, policy)]
        return True if True in found else None if None in found else False

    def seated(self, voters: Sequence[Ballot], stages: int) -> int:
        """The most places that these voters fill, each one place: every way is tried."""
        places = self.places(stages)
        fitting = [
            frozenset(
                number
                for number, each in enumerate(voters)
                if self.fits(each.by, place, self.policy, each.shifts, self.steps) is True
            )
            for place in places
        ]

        @cache
        def best(place: int, left: frozenset[int]) -> int:
            if place == len(places):
                return 0
            here = [1 + best(place + 1, left - {voter}) for voter in fitting[place] & left]
            return max([best(place + 1, left), *here])

        return best(0, frozenset(range(len(voters))))

    def turn(self, voters: Sequence[Ballot]) -> int | None:
        """The first stage that is not full; None where all are."""
        for stage in range(len(self.policy.stages)):
            if self.seated(voters, stage + 1) < len(self.places(stage + 1)):
                return stage
        return None

    def stand(self, but: UserId) -> list[Ballot] | None:
        """The votes of others that still count; None if nobody can tell for one of them."""
        others = [each for each in self.ballots.values() if each.by != but]
        found = [(each, self.may(each.by, each.shifts)) for each in others]
        return None if any(valid is None for _, valid in found) else [each for each, valid in found if valid]


APPROVING = (Choice.APPROVE, Choice.EDIT)


# The machine ----------------------------------------------------------------------------------------------------------


class AnyOrder(RuleBasedStateMachine):
    """One request and everything that can happen to it."""

    def __init__(self) -> None:
        super().__init__()
        self.resumed = 0
        self.kept: list[Chose] = []

    @initialize(book=books, due=any_deadlines, members=any_members)
    def asked(self, book: list[Policy], due: Deadlines, members: dict[Source, set[UserId]]) -> None:
        self.begins(book, due, members)

    @precondition(lambda self: self.panel.state() is not State.PENDING)
    @rule(book=books, due=any_deadlines, members=any_members)
    def another_is_asked(self, book: list[Policy], due: Deadlines, members: dict[Source, set[UserId]]) -> None:
        self.begins(book, due, members)

    def begins(self, book: list[Policy], due: Deadlines, members: dict[Source, set[UserId]]) -> None:
        self.resumed, self.kept = 0, []
        approval = an_approval(policy=book[0], deadlines=due)
        self.book = self.book_when_asked = book
        self.panel = Panel(approval, members)
        self.model = Model(self.panel, book[0], approval.created_at)
        self.deadline = None if due.expires_after is None else approval.created_at + due.expires_after
        self.pauses: list[tuple[UserId, datetime]] = []

    # People come and go, sources fail -------------------------------------------------------------------------------

    @rule(source=st.sampled_from(SOURCES), user=who)
    def somebody_joins_or_leaves(self, source: Source, user: UserId) -> None:
        self.panel.belongs[source] ^= {user}

    @rule(source=st.sampled_from([each for each in SOURCES if each is not CHANNEL]))
    def a_source_fails_or_is_back(self, source: Source) -> None:
        self.panel.down ^= {source}

    @rule(user=who, standing=st.sampled_from([AccountType.MEMBER, *AccountType]))
    def an_account_changes(self, user: UserId, standing: AccountType) -> None:
        self.panel.standings[user] = standing

    @rule()
    def all_is_well(self) -> None:
        self.panel.standings.clear()
        self.panel.down.clear()

    @rule(book=books)
    def the_rules_are_reloaded(self, book: list[Policy]) -> None:
        self.book = book
        self.look_at_the_rules()

    @rule()
    def the_rules_are_put_back(self) -> None:
        self.book = self.book_when_asked
        self.look_at_the_rules()

    def look_at_the_rules(self) -> None:
        today = self.book[VALUES.index(self.panel.approval.reviews[0].value)]
        same = self.book is self.book_when_asked or today == self.panel.approval.reviews[0].policy
        self.panel.current = None if same else today

    @rule()
    def the_bot_is_restarted(self) -> None:
        self.panel.approval = codec.APPROVAL.load(codec.APPROVAL.dump(self.panel.approval), "key")

    # Clicks -----------------------------------------------------------------------------------------------------------

    @rule(by=who)
    def somebody_approves(self, by: UserId) -> None:
        self.votes(self.chose(by, Choice.APPROVE), by, Choice.APPROVE, self.shifts_of(by))

    @rule(by=who, rejects=st.sampled_from([False, False, True]))
    def somebody_approves_or_rejects(self, *, by: UserId, rejects: bool) -> None:
        choice = Choice.REJECT if rejects else Choice.APPROVE
        self.votes(self.chose(by, choice), by, choice, self.shifts_of(by))

    @rule(voters=st.permutations(PEOPLE))
    def everybody_approves_in_turn(self, voters: Sequence[UserId]) -> None:
        for by in voters:
            self.somebody_approves(by)

    @rule(by=who, next_one=who, other=who)
    def somebody_approves_and_hands_their_shift_over(self, by: UserId, next_one: UserId, other: UserId) -> None:
        self.panel.belongs[PAY] = {by}
        self.somebody_approves(by)
        self.panel.belongs[PAY] = {next_one}
        self.somebody_approves(other)

    @rule(by=who, source=st.sampled_from(SOURCES), other=who)
    def somebody_approves_and_leaves_before_another_does(self, by: UserId, source: Source, other: UserId) -> None:
        self.somebody_approves(by)
        self.panel.belongs[source] -= {by}
        self.somebody_approves(other)

    @rule(by=who, value=st.sampled_from(VALUES))
    def somebody_edits(self, by: UserId, value: Any) -> None:
        before, after = (self.book[VALUES.index(each)] for each in (self.panel.approval.reviews[0].value, value))
        event = self.chose(by, Choice.EDIT, value)
        if value == self.panel.approval.reviews[0].value:
            self.votes(event, by, Choice.APPROVE, self.shifts_of(by))
            return
        edited = None if after == before else after
        may = self.model.may(by) and not self.is_over()
        taken = self.happens(replace(event, ruling=replace(event.ruling, edited=edited)))
        assert (taken.refusal is None) is (may is True)
        if may:
            self.model.ballots = {}
            if edited is not None and edited != taken.approval.reviews[0].governing:
                assert taken.approval.state is not State.PENDING or taken.approval.reviews[0].policy == edited
            if edited is not None:
                self.model.policy, self.model.steps = edited, 0
            self.look_at_the_rules()
            if self.model.may(by) and self.fits_reached(by, [], self.shifts_of(by)):
                self.model.ballots[by] = Ballot(by, Choice.EDIT, self.shifts_of(by) & self.schedules())
            self.compare(Choice.EDIT)

    @precondition(lambda self: self.panel.state() is State.PENDING)
    @rule(by=who, choice=st.sampled_from([Choice.APPROVE, Choice.REJECT]))
    def a_click_waits_for_a_source(self, by: UserId, choice: Choice) -> None:
        self.panel.now += timedelta(seconds=1)
        self.kept.append(replace(self.chose(by, choice), at=self.panel.now))

    @precondition(lambda self: bool(self.kept))
    @rule(again=st.booleans())
    def a_kept_click_takes_its_turn(self, *, again: bool) -> None:
        """Shifts count as of the click, groups as of now; a lane may deliver it twice."""
        event = self.kept.pop(0)
        shifts = frozenset(each.source for each in event.facts.grounds if each.source.origin is Origin.ON_CALL)
        now = self.panel.facts(event.by)
        known = {each.source for each in now.grounds if each.source.origin is not Origin.ON_CALL}
        facts = replace(
            now,
            grounds=(
                *(each for each in now.grounds if each.source in known),
                *(each for each in event.facts.grounds if each.source in shifts),
            ),
            failed=tuple(each for each in now.failed if each.source.origin is not Origin.ON_CALL)
            + tuple(each for each in event.facts.failed if each.source.origin is Origin.ON_CALL),
        )
        failed = frozenset(each.source for each in event.facts.failed if each.source.origin is Origin.ON_CALL)
        event = replace(event, facts=facts, ruling=self.chose(event.by, event.choice).ruling)
        if event.revision == self.panel.approval.reviews[0].revision and not failed:
            first = self.votes(event, event.by, event.choice, shifts, event.at)
        else:
            first = self.happens(event)
        if again:
            before = self.panel.approval
            taken = self.happens(event)
            assert taken.approval.reviews == before.reviews
            if first.refusal is None:
                assert (taken.effects, taken.entries, taken.refusal) == ((), (), None)

    def chose(self, by: UserId, choice: Choice, value: Any = None) -> Chose:
        review = self.panel.approval.reviews[0]
        voters = tuple((vote.by, self.panel.facts(vote.by)) for vote in review.votes if vote.by != by)
        return Chose(
            by, self.panel.facts(by), 0, review.revision, choice, value=value, ruling=Ruling(voters, self.panel.current)
        )

    def shifts_of(self, user: UserId) -> frozenset[Source]:
        schedules = {each for each in (PAY,) if each not in self.panel.down}
        return frozenset(each for each in schedules if user in self.panel.belongs[each])

    def schedules(self) -> frozenset[Source]:
        """The schedules that are looked at now: nobody's evidence is of others."""
        more, _ = self.model.added(self.model.steps, self.model.policy)
        named = {source for place in self.model.places(99) for source in place.sources} | more
        return frozenset(each for each in named if each.origin is Origin.ON_CALL)

    def fits_reached(self, by: UserId, others: list[Ballot], shifts: frozenset[Source]) -> bool:
        """True if one more vote fills a place of a stage that has its turn, or had it."""
        turn = self.model.turn(others)
        stages = len(self.model.policy.stages) if turn is None else turn + 1
        more = [*others, Ballot(by, Choice.APPROVE, shifts)]
        return self.model.seated(more, stages) > self.model.seated(others, stages)

    def votes(
        self, event: Chose, by: UserId, choice: Choice, shifts: frozenset[Source], at: datetime | None = None
    ) -> Step:
        as_of = shifts if at else None
        shifts &= self.schedules()
        expected, before = self.expected(by, choice, as_of, shifts, at), self.model.ballots.get(by)
        taken = self.happens(event)
        assert (taken.refusal is None) is expected, (taken.refusal, expected)
        if self.panel.state() is not State.PENDING and not expected:
            return taken
        standing = self.model.stand(by)
        if expected:
            lone = choice is Choice.REJECT and self.model.policy.reject_quorum == 1
            kept = list(self.model.ballots.values()) if lone else standing or []
            self.model.ballots = {each.by: each for each in kept if each.by != by}
            again = before is not None and (before.choice is choice or {before.choice, choice} <= {*APPROVING})
            self.model.ballots[by] = Ballot(by, choice, shifts | before.shifts if again and before else shifts)
        elif standing is not None:  # who is turned away may have let fall votes of those who left
            kept_votes = {vote.by for vote in self.panel.approval.reviews[0].votes}
            fallen = set(self.model.ballots) - kept_votes
            assert fallen <= set(self.model.ballots) - {each.by for each in standing} - {by}
            told = {each.user for each in taken.effects if isinstance(each, TellPerson)}
            assert fallen <= told
            self.model.ballots = {name: each for name, each in self.model.ballots.items() if name in kept_votes}
        self.compare(choice)
        return taken

    def expected(
        self,
        by: UserId,
        choice: Choice,
        as_of: frozenset[Source] | None,
        shifts: frozenset[Source],
        at: datetime | None,
    ) -> bool:
        """True if a vote has to count."""
        if self.is_over(at) or self.model.may(by, as_of) is not True:
            return False
        if at is not None and any(each.by == by and each.at > at for each in self.panel.approval.reviews[0].votes):
            return False  # they clicked again since, and that counts
        if choice is Choice.REJECT and self.model.policy.reject_quorum == 1:
            return True
        others, given = self.model.stand(by), self.model.ballots.get(by)
        if others is None:
            return False
        if choice is Choice.REJECT:
            return given is None or given.choice is not Choice.REJECT
        if given is not None and given.choice in APPROVING:
            shifts |= given.shifts
            if not self.can_fill_more(by, shifts):
                return False
        return self.fits_reached(by, [each for each in others if each.choice in APPROVING], shifts)

    def can_fill_more(self, by: UserId, shifts: frozenset[Source]) -> bool:
        """True if a person who approved can fill a part now that they could not fill when that was checked."""
        (vote,) = (each for each in self.panel.approval.reviews[0].votes if each.by == by)
        now = {
            (stage, place)
            for stage, parts in enumerate(self.model.policy.stages)
            for place, each in enumerate(parts)
            if self.model.fits(by, each, self.model.policy, shifts, self.model.steps) is True
        }
        return not now <= {(each.stage, each.place) for each in vote.fills}

    def is_over(self, at: datetime | None = None) -> bool:
        """True if it is decided or expired; an expiry that only adds people turns nobody away."""
        approval = self.panel.approval
        if approval.state is not State.PENDING:
            return True
        adds = approval.deadlines.on_expiry is OnExpiry.ESCALATE and self.model.steps < len(self.model.policy.ladder)
        return self.deadline is not None and (at or self.panel.now) >= self.deadline and not adds

    def compare(self, choice: Choice) -> None:
        """The engine holds the votes that the model holds, and has decided if and only if the model says so."""
        review = self.panel.approval.reviews[0]
        assert {vote.by: vote.choice for vote in review.votes} == {
            each.by: each.choice for each in self.model.ballots.values()
        }
        approving = [each for each in self.model.ballots.values() if each.choice in APPROVING]
        rejecting = [each for each in self.model.ballots.values() if each.choice is Choice.REJECT]
        if choice in APPROVING:
            assert (review.decision is not None) is (self.model.turn(approving) is None)
            if review.decision is not None:
                self.enough_people_may_at_this_moment(approving)
        else:
            assert (review.decision is not None) is (len(rejecting) >= self.model.policy.reject_quorum)

    def enough_people_may_at_this_moment(self, approving: list[Ballot]) -> None:
        """P6: everybody who counted may decide now, and each fills a place."""
        valid = [each for each in approving if self.model.may(each.by, each.shifts) is True]
        assert self.model.seated(valid, 99) == len(self.model.places(99))

    # Time -------------------------------------------------------------------------------------------------------------

    @rule(minutes=st.sampled_from([1, 7, 14, 16, 31, 61]))
    def time_passes(self, minutes: int) -> None:
        self.panel.now += minutes * MINUTE

    @rule(back=st.sampled_from([1, 20]))
    def the_clock_is_set_back(self, back: int) -> None:
        self.panel.now = max(self.model.asked, self.panel.now - back * MINUTE)

    @rule(empty=st.sets(st.tuples(st.just(0), st.integers(0, 1))))
    def the_ladder_is_due(self, empty: set[tuple[int, int]]) -> None:
        self.climbs(frozenset(empty))

    def climbs(self, empty: frozenset[tuple[int, int]]) -> None:
        taken = self.happens(LadderDue(empty))
        if taken.approval.state is State.PENDING:
            self.model.steps = self.climbed(self.model.steps, empty)
        assert taken.approval.reviews[0].escalated == self.model.steps or self.panel.state() is not State.PENDING

    def climbed(self, steps: int, empty: frozenset[tuple[int, int]], *, at_once: bool = False) -> int:
        """The number of steps taken: those that are due, and those behind an empty one."""
        for number in range(steps, len(self.model.policy.ladder)):
            due = self.model.asked + self.model.policy.ladder[number].after + self.paused()
            if not at_once and due > self.panel.now:
                return number
            at_once = (0, number) in empty
        return len(self.model.policy.ladder)

    def paused(self) -> timedelta:
        """The time during which somebody was looking, or is: overlapping pauses count once."""
        total, end = timedelta(), datetime.min.replace(tzinfo=self.model.asked.tzinfo)
        for _, begun in sorted(self.pauses, key=lambda each: each[1]):
            begins, until = max(begun, end), begun + 15 * MINUTE
            total, end = total + max(timedelta(), until - begins), max(end, until)
        return total

    @rule(empty=st.sets(st.tuples(st.just(0), st.integers(0, 1))))
    def the_deadline_may_have_passed(self, empty: set[tuple[int, int]]) -> None:
        before = self.panel.approval
        passed = before.state is State.PENDING and self.deadline is not None and self.panel.now >= self.deadline
        on_expiry, steps = before.deadlines.on_expiry, self.model.steps
        taken = self.happens(ExpiryDue(frozenset(empty)))
        if not passed:
            assert taken.approval == before
        elif on_expiry is OnExpiry.ESCALATE and steps < len(self.model.policy.ladder):
            self.model.steps = self.climbed(steps, frozenset(empty), at_once=True)
            assert taken.approval.reviews[0].escalated == self.model.steps > steps
            assert taken.approval.state is State.PENDING
            self.deadline = taken.approval.expires_at
            assert self.deadline is not None
            assert self.panel.now < self.deadline <= self.panel.now + HOUR
        else:
            assert taken.approval.state is (State.EXPIRED if on_expiry is OnExpiry.FAIL else State.DECIDED)

    @rule()
    def a_reminder_may_be_due(self) -> None:
        before = self.panel.approval
        taken = self.happens(ReminderDue())
        wanted = before.deadlines.reminders[before.reminded :]
        due = bool(wanted) and self.panel.now >= self.model.asked + wanted[0] + self.paused()
        assert (taken.approval.reminded > before.reminded) is (due and before.state is State.PENDING)

    # What else people do ----------------------------------------------------------------------------------------------

    @rule(by=who)
    def somebody_looks(self, by: UserId) -> None:
        self.climbs(frozenset())
        before = self.panel.approval
        may = self.acts(by) and all(each != by for each, _ in self.pauses)
        last = max((each.until for each in before.looking), default=self.panel.now)
        taken = self.happens(Looked(by, self.panel.facts(by), self.todays()))
        assert (taken.refusal is None) is may
        if may:
            self.pauses.append((by, self.panel.now))
            assert taken.approval.rested - before.rested == self.panel.now + 15 * MINUTE - max(self.panel.now, last)

    @rule(by=who, span=st.sampled_from([HOUR, timedelta(days=20), -HOUR]))
    def somebody_extends(self, by: UserId, span: timedelta) -> None:
        before = self.panel.approval
        may = self.acts(by) and self.deadline is not None and span > timedelta()
        may = may and before.extended + span <= timedelta(days=30)
        taken = self.happens(Extended(by, self.panel.facts(by), span, self.todays()))
        assert (taken.refusal is None) is may
        if may and self.deadline is not None:
            self.deadline += span

    @rule(by=who, to=who)
    def somebody_hands_over(self, by: UserId, to: UserId) -> None:
        may = self.acts(by) and to != by and self.model.may(to) is True
        event = HandedOver(by, self.panel.facts(by), to, self.panel.facts(to), self.todays())
        taken = self.happens(event)
        assert (taken.refusal is None) is may
        assert (self.panel.approval.handed_to == to) or not may

    @rule(by=who)
    def somebody_nudges(self, by: UserId) -> None:
        self.happens(Nudged(by))

    @rule(by=who, sure=st.sampled_from([False, False, False, True]))
    def somebody_withdraws(self, *, by: UserId, sure: bool) -> None:
        if not sure:
            return
        may = by == ALICE and not self.is_over()
        taken = self.happens(Cancelled(by))
        assert (taken.refusal is None) is may
        assert not may or (taken.approval.state is State.STOPPED and taken.approval.reviews[0].decision is None)

    @rule(sure=st.sampled_from([False, False, False, True]))
    def the_operator_withdraws(self, *, sure: bool) -> None:
        if not sure:
            return
        may = not self.is_over()
        taken = self.happens(TakenBack("ops", "wrong cluster"))
        assert (taken.refusal is None) is may
        assert not may or (taken.approval.state is State.STOPPED and taken.approval.reviews[0].decision is None)

    def acts(self, by: UserId) -> bool:
        return not self.is_over() and self.model.may(by) is True

    def todays(self) -> tuple[Policy | None, ...]:
        return () if self.panel.current is None else (self.panel.current,)

    # What holds always ------------------------------------------------------------------------------------------------

    def happens(self, event: Event) -> Step:
        before = self.panel.approval
        taken = self.panel.happens(event)
        after = taken.approval
        self.resumed += sum(isinstance(each, Resume) for each in taken.effects)
        if before.state is not State.PENDING:
            assert replace(after, considered=()) == replace(before, considered=())  # P2
        if (before.state, before.reviews) != (after.state, after.reviews):
            assert DrawCard(after.id) in taken.effects  # P8
            assert taken.entries  # P9
        if taken.refusal is not None and not isinstance(event, TakenBack):
            told = [each.user for each in taken.effects if isinstance(each, TellPerson)]
            assert event.by in told  # type: ignore[union-attr]
        return taken

    def reviews(self) -> Iterator[Review]:
        yield from self.panel.approval.reviews if hasattr(self, "panel") else ()

    @invariant()
    def the_graph_hears_of_it_once_and_only_of_what_was_decided(self) -> None:
        if hasattr(self, "panel"):
            assert self.resumed == int(self.panel.state() is State.DECIDED)

    @invariant()
    def silence_approves_nothing(self) -> None:
        for review in self.reviews():
            if review.decision is not None and not review.votes:
                assert review.decision.choice is Choice.REJECT  # P5

    @invariant()
    def what_was_shown_is_what_runs(self) -> None:
        for review in self.reviews():
            if review.decision is not None and review.decision.choice is Choice.EDIT:
                assert review.decision.value == review.value  # P4
            if review.decision is not None and review.decision.choice is Choice.APPROVE:
                assert review.value == VALUES[0]

    @invariant()
    def authority_can_be_shown_for_each_vote(self) -> None:
        for review in self.reviews():
            for vote in review.votes:
                assert vote.grounds  # P11
                assert vote.fills
                for ground in vote.grounds:
                    if ground.source.origin is Origin.USER:
                        assert ground.source == person(vote.by)
                    assert ground.looked_up <= self.latest

    @property
    def latest(self) -> datetime:
        return self.panel.now + timedelta(days=1)


TestAnyOrder: Any = pytest.mark.promise("P6")(AnyOrder.TestCase)
TestAnyOrder.settings = settings(max_examples=100, stateful_step_count=30, deadline=None, report_multiple_bugs=False)
