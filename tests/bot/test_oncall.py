"""Who is on call, as a click finds out: one request for all, kept for a minute, and nobody where it fails (P6)."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from contracts.samples import an_approval
from fakes.people import wait_until
from fakes.valkey import redis_server, redis_url
from structlog.testing import capture_logs

from adapters.redis.keys import Keys
from adapters.redis.stores.oncall_lookups import RedisLookups
from adapters.redis.transport.connection import Database
from bot.config.oncall import spelled
from bot.oncall import warmth as oncall_warmth
from bot.oncall.on_call import OnCallSources
from bot.oncall.people import People
from bot.oncall.reloading import OnCallInForce
from bot.telemetry import Metrics
from engine.approvals.approval import Approval
from engine.ids import UserId
from engine.oncall.shifts import Shift, Shifts
from engine.ports import AccountsUnknownError, Duty, LastLookup, LookupMemory, Pending, SourceFailedError

__all__ = ["redis_server", "redis_url"]

pytestmark = pytest.mark.promise("P6")

NOW = datetime(2026, 11, 30, 8, tzinfo=UTC)
ALICE, BOB, GINA = UserId("U0ALICE"), UserId("U0BOB"), UserId("U0GINA")


@dataclass
class Clock:
    time: datetime = NOW

    def now(self) -> datetime:
        return self.time

    def advance(self, **length: float) -> None:
        self.time += timedelta(**length)


@dataclass
class Service:
    """A source whose answers a test controls. `open` lets those through who ask."""

    said: list[Shift] = field(default_factory=lambda: [Shift("U0ALICE", "U0ALICE")])
    failure: Exception | None = None
    asked: list[datetime] = field(default_factory=list)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    span: timedelta = timedelta(seconds=90)
    only_now: bool = False

    def __post_init__(self) -> None:
        self.open.set()

    async def shifts(self, at: datetime, now: datetime) -> Shifts:
        self.asked.append(at)
        await self.open.wait()
        if self.failure is not None:
            raise self.failure
        since = now - self.span if self.only_now else at
        return Shifts(tuple(self.said), since, (now if self.only_now else at) + self.span, now)


@dataclass
class Directory:
    """Slack's accounts. `emails` are those of somebody alone."""

    members: frozenset[UserId] = frozenset({ALICE, BOB})
    emails: Mapping[str, UserId] = field(default_factory=lambda: {"bob@example.com": BOB, "gina@example.com": GINA})
    down: bool = False

    async def is_member(self, user: UserId) -> bool:
        if self.down:
            raise AccountsUnknownError("Slack could not be asked who that is.")
        return user in self.members

    async def of_email(self, email: str) -> UserId | None:
        return self.emails.get(email)


@pytest.fixture
async def memory(redis_url: str) -> AsyncIterator[RedisLookups]:
    async with Database.from_url(redis_url) as database:
        yield RedisLookups(database, Keys())


@dataclass
class Process:
    """One process of the bot."""

    service: Service
    clock: Clock
    sources: OnCallSources
    metrics: Metrics

    async def on_duty(self, at: datetime | None = None, patience: float = 30.0) -> Duty:
        return await self.sources.on_duty("pay", at or self.clock.now(), patience)

    async def who(self, at: datetime | None = None) -> list[str]:
        return [each.user for each in (await self.on_duty(at)).people]


class Processes:
    """Makes processes that share a service, a clock and a Redis."""

    def __init__(self, memory: LookupMemory) -> None:
        self.memory, self.service, self.clock, self.directory = memory, Service(), Clock(), Directory()
        self.mapped: dict[str, UserId] = {}
        self._begun: list[OnCallSources] = []

    def begin(self) -> Process:
        metrics = Metrics()
        people = People(self.directory, {spelled(name): user for name, user in self.mapped.items()}, {"alice": ALICE})
        sources = OnCallSources(
            sources={"pay": self.service},
            shared={"pay": "pay-1"},
            memory=self.memory,
            people=people,
            clock=self.clock,
            metrics=metrics,
        )
        self._begun.append(sources)
        return Process(self.service, self.clock, sources, metrics)

    async def end(self) -> None:
        for each in self._begun:
            await each.aclose()


@pytest.fixture
async def processes(memory: RedisLookups) -> AsyncIterator[Processes]:
    made = Processes(memory)
    yield made
    made.service.open.set()
    await made.end()


# Whom a source means --------------------------------------------------------------------------------------------------


async def test_a_sources_own_slack_id_goes_before_people_and_those_before_the_address(processes: Processes) -> None:
    processes.mapped = {"Jane Doe": BOB, "BOB@example.com": ALICE}
    one = processes.begin()
    shift = Shift("x", "U0ALICE", "bob@example.com", "Jane Doe")
    for said, expected in {
        shift: [ALICE],
        Shift("x", "", "bob@example.com", "jane  DOE"): [BOB],
        Shift("x", "", "Bob@Example.com"): [ALICE],
        Shift("x", "", "carol@example.com"): [],
        Shift("x", "", "", "Nobody Known"): [],
        Shift("alice", name="alice", member="alice"): [ALICE],
        Shift("alice", name="alice"): [],
    }.items():
        processes.service.said = [said]
        one.clock.advance(minutes=2)
        assert await one.who() == expected, said


async def test_somebody_who_is_no_full_member_is_nobody_and_others_are_on_call(processes: Processes) -> None:
    processes.service.said = [Shift("U0GINA", "U0GINA"), Shift("g", email="gina@example.com"), Shift("U0EVE", "U0EVE")]
    one = processes.begin()
    duty = await one.on_duty()
    assert duty.people == ()
    assert duty.error == "nobody whom it names is a full member of this workspace"
    processes.service.said += [Shift("b", email="bob@example.com", tier=2, ends=NOW + timedelta(hours=1))]
    one.clock.advance(minutes=1)
    duty = await one.on_duty()
    (found,) = duty.people
    assert (found.user, found.said, found.tier, found.starts) == (BOB, "b", 2, None)
    assert (duty.error, duty.looked_up) == ("", one.clock.now())


async def test_a_name_in_capitals_is_a_name_where_people_says_so(processes: Processes) -> None:
    processes.service.said = [Shift("WANDA", "WANDA", name="WANDA")]
    processes.mapped = {"Wanda": BOB}
    assert await processes.begin().who() == [BOB]


async def test_while_slack_does_not_say_who_people_are_nobody_is_on_call(processes: Processes) -> None:
    processes.directory.down = True
    duty = await processes.begin().on_duty()
    assert duty.people == ()
    assert duty.error == "Slack could not be asked who that is."


async def test_an_empty_schedule_and_an_unknown_one_name_nobody(processes: Processes) -> None:
    processes.service.said = []
    one = processes.begin()
    assert (await one.on_duty()).error == "nobody is on call"
    gone = await one.sources.on_duty("gone", NOW, 1.0)
    assert (gone.people, gone.unanswered) == ((), False)
    assert gone.error


# As of the click ------------------------------------------------------------------------------------------------------


async def test_a_hand_over_between_card_and_click_counts_at_the_click(processes: Processes) -> None:
    """One answer serves both: who clicks before the hand-over is judged by that moment, also when asked afterwards."""
    over = NOW + timedelta(seconds=30)
    processes.service.said = [Shift("U0ALICE", "U0ALICE", ends=over), Shift("U0BOB", "U0BOB", starts=over)]
    one = processes.begin()
    assert await one.who() == [ALICE]
    one.clock.advance(seconds=40)
    assert await one.who(over - timedelta.resolution) == [ALICE]
    assert await one.who(over) == [BOB]
    assert len(one.service.asked) == 1


async def test_an_instant_that_an_answer_does_not_tell_of_is_asked_for(processes: Processes) -> None:
    one = processes.begin()
    assert await one.who() == [ALICE]
    assert await one.who(NOW - timedelta(seconds=5)) == [ALICE]
    assert one.service.asked == [NOW, NOW - timedelta(seconds=5)]


async def test_a_source_that_only_tells_of_now_says_nothing_of_an_earlier_click(processes: Processes) -> None:
    processes.service.only_now = True
    one = processes.begin()
    duty = await one.on_duty(NOW - timedelta(minutes=10))
    assert duty.people == ()
    assert duty.error == "it only tells who is on call now"
    assert await one.who() == [ALICE]


# How long, and how often ----------------------------------------------------------------------------------------------


async def test_an_answer_is_used_for_a_minute_and_by_all_processes(processes: Processes) -> None:
    one, two = processes.begin(), processes.begin()
    assert await one.who() == [ALICE]
    assert await two.who() == [ALICE]
    one.clock.advance(seconds=59)
    processes.service.said = [Shift("U0BOB", "U0BOB")]
    assert await one.who() == await two.who() == [ALICE]
    assert len(one.service.asked) == 1
    one.clock.advance(seconds=1)
    assert await two.who() == [BOB]
    assert await one.who() == [BOB]
    assert len(one.service.asked) == 2


async def test_all_who_ask_at_once_share_one_request_in_all_processes(processes: Processes) -> None:
    all_of_them = [processes.begin() for _ in range(3)]
    processes.service.open.clear()
    asking = [asyncio.create_task(each.on_duty()) for each in all_of_them for _ in range(5)]
    await _asked(processes.service, 1)
    processes.service.open.set()
    answers = await asyncio.gather(*asking)
    assert {each.people[0].user for each in answers} == {ALICE}
    assert len(processes.service.asked) == 1


async def test_a_source_that_is_slow_is_not_answered_in_time_and_answers_who_asks_again(processes: Processes) -> None:
    """The click is acked after `patience`, kept, and decided when the answer is there."""
    one = processes.begin()
    processes.service.open.clear()
    duty = await one.on_duty(patience=0.05)
    assert duty == Duty((), NOW, "it has not answered yet", unanswered=True)
    again = asyncio.create_task(one.on_duty())
    processes.service.open.set()
    assert [each.user for each in (await again).people] == [ALICE]
    assert len(one.service.asked) == 1


async def test_a_process_that_dies_while_it_asks_holds_others_up_for_a_while_only(
    processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.oncall.on_call._CLAIM_SECONDS", 0.3)
    assert await processes.memory.claim("pay-1", "dead", 0.3)
    assert await processes.begin().who() == [ALICE]


# A source that fails --------------------------------------------------------------------------------------------------


async def test_while_the_source_is_down_the_last_answer_is_used_for_a_minute_and_then_nobody_may(
    processes: Processes,
) -> None:
    one = processes.begin()
    assert await one.who() == [ALICE]
    processes.service.failure = SourceFailedError("PagerDuty answered with status 500.")
    keeping = asyncio.create_task(one.sources.keep())
    one.sources.wanted(["pay"])
    one.clock.advance(seconds=45)
    await _asked(processes.service, 2)
    await _until(lambda: one.sources.failing() != ())
    assert await one.who() == [ALICE], "it is 45 s old"
    two = processes.begin()
    assert await two.who() == [ALICE], "also in a process that did not ask itself"
    one.clock.advance(seconds=15)
    duty = await one.on_duty()
    assert duty.people == ()
    assert duty.error == "PagerDuty answered with status 500."
    assert (await two.on_duty()).people == ()
    processes.service.failure = None
    one.clock.advance(seconds=1)
    assert await one.who() == [ALICE], "who asks again is answered"
    await _cancelled(keeping)


async def test_a_source_that_asks_to_be_left_alone_is(processes: Processes) -> None:
    """For an hour, by all processes, and without a wait."""
    processes.service.failure = SourceFailedError("PagerDuty answered with status 429.", timedelta(hours=1))
    one, two = processes.begin(), processes.begin()
    error = "PagerDuty answered with status 429. It takes no requests before 2026-11-30 09:00 UTC."
    assert (await one.on_duty()).error == error
    processes.service.failure = None
    one.clock.advance(minutes=59)
    assert (await one.on_duty(patience=1.0)).error == error
    assert (await two.on_duty(patience=1.0)).error == error
    assert len(one.service.asked) == 1
    one.clock.advance(minutes=1)
    assert await one.who() == await two.who() == [ALICE]


async def test_a_lookup_that_has_just_ended_is_not_taken_for_one_under_way(processes: Processes) -> None:
    one = processes.begin()
    processes.service.open.clear()
    first = asyncio.create_task(one.on_duty())
    await comes(lambda: len(one.service.asked) == 1)
    under_way = one.sources._asking["pay"]
    one.clock.advance(seconds=70)  # so that its answer is too old when it comes
    processes.service.open.set()
    while not under_way.done():  # noqa: ASYNC110 - the very moment at which it ends
        await asyncio.sleep(0)
    assert await one.who() == [ALICE]
    await first


async def test_a_failure_shows_in_metrics_and_to_operators_until_it_is_over(processes: Processes) -> None:
    processes.service.failure = SourceFailedError("PagerDuty did not answer within 10 s.")
    one = processes.begin()
    await one.on_duty()
    assert one.sources.failing() == ('On-call schedule "pay": PagerDuty did not answer within 10 s.',)
    shown = one.metrics.text().decode()
    assert 'signoff_oncall_failing{source="pay"} 1.0' in shown
    assert 'signoff_oncall_lookups_total{result="failed",source="pay"} 1.0' in shown
    processes.service.failure = None
    one.clock.advance(seconds=1)
    await one.on_duty()
    assert one.sources.failing() == ()
    assert 'signoff_oncall_failing{source="pay"} 0.0' in one.metrics.text().decode()


async def test_the_log_says_once_that_a_source_fails_and_once_that_it_is_back(processes: Processes) -> None:
    one = processes.begin()
    with capture_logs() as said:
        for failure in (None, "status 500", "status 500", "status 503", None, None):
            processes.service.failure = SourceFailedError(failure) if failure else None
            one.clock.advance(minutes=2)
            await one.on_duty()
    assert [(each["event"].partition("source ")[2], each.get("why")) for each in said] == [
        ("failed", "status 500"),
        ("failed", "status 503"),
        ("is back", None),
    ]


async def test_a_source_that_breaks_is_a_failure_without_what_it_says(processes: Processes) -> None:
    processes.service.failure = RuntimeError("token secret")
    duty = await processes.begin().on_duty()
    assert duty.error == "The source could not be asked (RuntimeError)."


async def test_without_redis_a_process_asks_for_itself(processes: Processes) -> None:
    from redis.exceptions import ConnectionError as Unreachable  # noqa: PLC0415 - only here

    class Gone:
        async def last(self, source: str) -> LastLookup | None:
            raise Unreachable(source)

        async def keep(self, source: str, lookup: LastLookup, seconds: float) -> None:
            raise Unreachable(source, lookup, seconds)

        async def claim(self, source: str, holder: str, seconds: float) -> bool:
            raise Unreachable(source, holder, seconds)

        async def release(self, source: str, holder: str) -> None:
            raise Unreachable(source, holder)

    processes.memory = Gone()
    assert await processes.begin().who() == [ALICE]


# Keeping warm ---------------------------------------------------------------------------------------------------------


async def test_what_is_wanted_is_asked_before_it_is_too_old(processes: Processes) -> None:
    one = processes.begin()
    keeping = asyncio.create_task(one.sources.keep())
    await _asked(one.service, 1)
    one.clock.advance(minutes=5)
    one.sources.wanted(["pay", "gone"])
    await _asked(one.service, 2)
    one.clock.advance(seconds=41)
    await _asked(one.service, 3)
    one.service.open.clear()
    assert (await one.on_duty(patience=0.5)).people[0].user == ALICE, "the click asks nobody"
    one.service.open.set()
    one.sources.wanted([])
    one.clock.advance(minutes=5)
    two = processes.begin()
    two.sources.wanted(["pay"])
    also = asyncio.create_task(two.sources.keep())
    await _asked(one.service, 4)
    await _cancelled(keeping, also)


async def test_a_source_that_failed_is_looked_at_again_though_nobody_wants_it(processes: Processes) -> None:
    processes.service.failure = SourceFailedError("PagerDuty answered with status 500.")
    one = processes.begin()
    keeping = asyncio.create_task(one.sources.keep())
    await _until(lambda: one.sources.failing() != ())
    processes.service.failure = None
    one.clock.advance(minutes=1)
    await _until(lambda: one.sources.failing() == ())
    await _cancelled(keeping)


async def test_keeping_warm_goes_on_whatever_breaks(processes: Processes) -> None:
    processes.service.failure = RuntimeError("broken")
    processes.directory.down = True
    one = processes.begin()
    keeping = asyncio.create_task(one.sources.keep())
    one.sources.wanted(["pay"])
    await _asked(one.service, 1)
    processes.service.failure = None
    one.clock.advance(seconds=16)
    await _asked(one.service, 2)
    one.clock.advance(seconds=41)
    await _asked(one.service, 3)
    assert not keeping.done()
    await _cancelled(keeping)


async def test_closing_ends_what_is_being_asked(processes: Processes) -> None:
    one = processes.begin()
    one.service.open.clear()
    asking = asyncio.create_task(one.on_duty())
    await _asked(one.service, 1)
    await one.sources.aclose()
    with pytest.raises(asyncio.CancelledError):
        await asking


async def _asked(service: Service, times: int) -> None:
    await _until(lambda: len(service.asked) >= times)
    assert len(service.asked) == times


async def _until(holds: Callable[[], bool]) -> None:
    async def look() -> bool | None:
        return True if holds() else None

    await wait_until(look)


async def _cancelled(*tasks: "asyncio.Task[None]") -> None:
    for each in tasks:
        each.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


# While something is pending -------------------------------------------------------------------------------------------


@dataclass
class Requests:
    """The port `Listing`, as far as it is asked whether anything is pending."""

    waiting: list[Approval] = field(default_factory=list)

    async def pending(self, most: int = 1) -> list[Approval]:
        return self.waiting[:most]

    async def counted(self, most: int) -> list[Pending]:
        return [Pending.of(each) for each in self.waiting[:most]]

    async def asked_by(self, user: UserId, most: int = 1) -> list[Approval]:
        return [each for each in self.waiting if each.requester == user][:most]

    async def lately(self, user: UserId, most: int) -> list[Approval]:
        del user, most
        return []


async def comes(holds: Callable[[], bool]) -> None:
    async def look() -> bool | None:
        return holds() or None

    await wait_until(look)


async def test_sources_are_asked_again_while_something_is_pending_and_no_longer(processes: Processes) -> None:
    process, requests = processes.begin(), Requests()
    in_force = OnCallInForce(process.sources, process.clock)
    warmth = asyncio.create_task(oncall_warmth.keep(requests, in_force, every=0.01))
    await comes(lambda: len(process.service.asked) == 1)  # once, at the start
    processes.clock.advance(seconds=70)
    requests.waiting.append(an_approval())
    await comes(lambda: len(process.service.asked) == 2)
    requests.waiting.clear()
    await comes(lambda: not process.sources._wanted)
    processes.clock.advance(seconds=70)
    await process.on_duty()
    assert len(process.service.asked) == 3, "the click asked, nobody before it"
    warmth.cancel()
    await asyncio.gather(warmth, return_exceptions=True)
