"""Whatever happens in whatever order: nobody is on call but by an answer that is less than a minute old (P6).

Two processes share one memory. Clicks, failures, hand-overs, rests and time come as Hypothesis has them.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.oncall.on_call import OnCallSources
from bot.oncall.people import People
from bot.telemetry import Metrics
from engine.ids import UserId
from engine.oncall.shifts import Shift, Shifts
from engine.ports import LastLookup, SourceFailedError

pytestmark = pytest.mark.promise("P6")

NOW = datetime(2026, 11, 30, 8, tzinfo=UTC)
PEOPLE = ("U0ALICE", "U0BOB", "U0CAROL")


@dataclass
class World:
    """The service, the clock and the memory of the processes."""

    time: datetime = NOW
    turn: timedelta = timedelta(seconds=40)
    fails: timedelta | None = None
    works: bool = True
    answers: list[Shifts] = field(default_factory=list)
    requests: list[datetime] = field(default_factory=list)
    rests_until: datetime | None = None
    kept: tuple[LastLookup, datetime] | None = None
    asking: str = ""

    def now(self) -> datetime:
        return self.time

    def person(self, at: datetime) -> str:
        """Who is on call, in truth."""
        return PEOPLE[((at - NOW) // self.turn) % len(PEOPLE)]

    async def shifts(self, at: datetime, now: datetime) -> Shifts:
        assert self.rests_until is None or now >= self.rests_until, "it asked to be left alone"
        self.requests.append(now)
        if not self.works:
            self.rests_until = None if self.fails is None else now + self.fails
            raise SourceFailedError("it fails", self.fails)
        begins = NOW + ((at - NOW) // self.turn) * self.turn
        found = [
            Shift(self.person(start), self.person(start), starts=start, ends=start + self.turn)
            for start in (begins + number * self.turn for number in range(4))
        ]
        self.answers.append(Shifts(tuple(found), at, at + timedelta(seconds=90), now))
        return self.answers[-1]

    # The memory

    async def last(self, source: str) -> LastLookup | None:
        del source
        return self.kept[0] if self.kept is not None and self.time < self.kept[1] else None

    async def keep(self, source: str, lookup: LastLookup, seconds: float) -> None:
        del source
        self.kept = lookup, self.time + timedelta(seconds=seconds)

    async def claim(self, source: str, holder: str, seconds: float) -> bool:
        del source, seconds
        self.asking = self.asking or holder
        return self.asking == holder

    async def release(self, source: str, holder: str) -> None:
        del source
        self.asking = "" if self.asking == holder else self.asking

    # Slack

    async def is_member(self, user: UserId) -> bool:
        return user != "U0CAROL"

    async def of_email(self, email: str) -> UserId | None:
        raise AssertionError(email)


Clicks = st.tuples(st.just("click"), st.integers(0, 1), st.sampled_from([0, 1, 15]))
Times = st.tuples(st.just("time"), st.sampled_from([1, 20, 40, 59, 60, 61, 90]), st.none())
Steps = st.one_of(
    Clicks,
    st.one_of(Clicks, Times),
    Times,
    st.tuples(st.just("fails"), st.sampled_from([0, 30, 120]), st.none()),
    st.tuples(st.just("works"), st.none(), st.none()),
    st.tuples(st.just("back"), st.integers(1, 300), st.none()),
)


@settings(deadline=None, max_examples=200)
@given(st.lists(Steps, min_size=10, max_size=30))
def test_who_is_on_call_was_said_to_be_within_the_last_minute(
    steps: Sequence[tuple[str, int | None, int | None]],
) -> None:
    asyncio.run(_lived(steps))


async def _lived(steps: Sequence[tuple[str, int | None, int | None]]) -> None:
    world = World()
    processes = [
        OnCallSources(
            sources={"pay": world},
            shared={"pay": "pay-1"},
            memory=world,
            people=People(world, {}, {}),
            clock=world,
            metrics=Metrics(),
        )
        for _ in range(2)
    ]
    for step, number, ago in steps:
        match step:
            case "time":
                world.time += timedelta(seconds=number or 0)
            case "back":
                world.time -= timedelta(seconds=number or 0)
                world.rests_until = None  # what was said by the other time is not held to
                world.kept = None
            case "fails":
                world.works, world.fails = False, timedelta(seconds=number) if number else None
            case "works":
                world.works = True
            case _:
                await _clicked(world, processes[number or 0], world.time - timedelta(seconds=ago or 0))
    for each in processes:
        await each.aclose()


async def _clicked(world: World, process: OnCallSources, at: datetime) -> None:
    before = len(world.requests)
    duty = await process.on_duty("pay", at, 30.0)
    assert len(world.requests) - before <= 2
    fresh = [each for each in world.answers if abs(world.time - each.looked_up) < timedelta(seconds=60)]
    said = {shift.slack_id for each in fresh if each.covers(at) for shift in each.on_call(at)}
    assert {each.user for each in duty.people} <= said - {"U0CAROL"}
    for each in duty.people:
        assert each.user == world.person(at), "as of the click"
    assert bool(duty.error) != bool(duty.people)
    assert not duty.unanswered
    if duty.error == "it fails":
        assert world.requests, "nobody is refused for a failure that did not happen"
