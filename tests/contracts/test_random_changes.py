"""Whatever is written in whatever order, Redis keeps what the stores in memory keep."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from operator import methodcaller
from typing import Any

import pytest
import redis
from contracts.samples import ALICE, BOB, CAROL, NOW, PLACE, THREAD, a_conversation, a_policy, an_approval, an_entry
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from adapters.memory import ManualClock, MemoryApprovals, MemoryAudit, MemoryConversations, MemoryLanes
from adapters.redis import mailbox
from adapters.redis.keys import Keys
from adapters.redis.stores.approvals import RedisApprovals
from adapters.redis.stores.audit import RedisAudit
from adapters.redis.stores.conversations import RedisConversations
from adapters.redis.transport.connection import Database
from engine.approvals.approval import State, policies_of
from engine.approvals.audit import What
from engine.approvals.effects import DrawCard, Effect, Lane, Resume, Timer, TimerFired
from engine.ids import ApprovalId, MessageTs, SheetId, ThreadId
from engine.ports import Change

KEYS = Keys()
THREADS = (THREAD, ThreadId("T1:C1:2.2"))
SHEET, CARDS = SheetId("sheet-1"), (MessageTs("5.1"), MessageTs("5.2"))
APPROVALS = [
    replace(
        an_approval(
            thread=thread,
            interrupt=f"i{number}",
            at=NOW + timedelta(seconds=number),
            policy=a_policy(CAROL if number else BOB),
        ),
        sheet=SHEET if number else SheetId(""),
        place=PLACE if number else replace(PLACE, thread_ts=None),
    )
    for thread in THREADS
    for number in range(2)
]

which = st.sampled_from(APPROVALS)
effects = st.lists(st.sampled_from([Resume, DrawCard, lambda approval: TimerFired(approval, Timer.EXPIRE)]), max_size=3)
rows = st.lists(st.sampled_from(What), max_size=2)


class Changes(RuleBasedStateMachine):
    """Both stores, side by side; that on Redis in two processes, each of which remembers what it wrote."""

    url: str

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.client = redis.Redis.from_url(self.url)
        self.client.flushall()
        self.database = Database.from_url(self.url)
        self.lanes, self.audit = MemoryLanes(ManualClock()), MemoryAudit()
        self.model = MemoryApprovals(self.lanes, self.audit)
        self.processes = tuple(RedisApprovals(self.database, KEYS) for _ in range(2))
        self.real = self.processes[0]
        self.talks = (MemoryConversations(), RedisConversations(self.database, KEYS))

    def teardown(self) -> None:
        self.runner.run(self.database.aclose())
        self.runner.close()
        self.client.close()

    def change(self, approval: Any, makers: list[Callable[[Any], Effect]], whats: list[What], **more: bool) -> Change:
        made = tuple(make(approval.id) for make in makers)
        return Change(approval, made, tuple(an_entry(approval, what) for what in whats), **more)

    def both(self, call: Callable[[Any], Any]) -> Any:
        expected, found = self.runner.run(call(self.model)), self.runner.run(call(self.real))
        assert type(found) is type(expected) or isinstance(found, list | tuple)
        assert (list(found) == list(expected)) if isinstance(found, list | tuple) else found == expected
        return found

    @initialize()
    def nothing_is_there(self) -> None:
        for approval in APPROVALS:
            assert self.both(_get(approval)) is None

    @rule(process=st.integers(0, 1))
    def go_on_in(self, process: int) -> None:
        self.real = self.processes[process]

    @rule(approval=which, makers=effects, whats=rows)
    def create(self, approval: Any, makers: list[Any], whats: list[What]) -> None:
        self.both(lambda stores: stores.create(self.change(approval, makers, whats)))

    @rule(
        approval=which, state=st.sampled_from(State), note=st.text(max_size=3), behind=st.integers(0, 1),
        card=st.sampled_from([None, *CARDS]), makers=effects, whats=rows, recall=st.booleans(),
    )  # fmt: skip
    def save(
        self,
        *,
        approval: Any,
        state: State,
        note: str,
        behind: int,
        card: Any,
        makers: list[Any],
        whats: list[What],
        recall: bool,
    ) -> None:
        read = self.both(lambda stores: stores.get(approval.id)) or approval
        read = (self.real.remembered(approval.id) if recall else None) or read
        changed = replace(read, state=state, note=note, card=read.card or card, version=read.version - behind)
        self.both(lambda stores: stores.save(self.change(changed, makers, whats)))

    @rule(approval=which, makers=effects, whats=rows)
    def note(self, approval: Any, makers: list[Any], whats: list[What]) -> None:
        self.both(lambda stores: stores.save(self.change(approval, makers, whats, touches=False)))

    @rule(thread=st.sampled_from(THREADS), by=st.sampled_from([ALICE, BOB]))
    def talk(self, thread: ThreadId, by: Any) -> None:
        for talks in self.talks:
            self.runner.run(talks.save(replace(a_conversation(thread), requester=by), 1))

    @invariant()
    def they_agree(self) -> None:
        for thread in THREADS:
            self.both(methodcaller("open", thread))
            self.both(methodcaller("of_sheet", thread, SHEET))
            self.both(_policies(thread))
            ids = [each.id for each in APPROVALS if each.thread == thread]
            self.both(_listed(ids))
            for card in CARDS:
                self.both(methodcaller("by_card", thread, card))
            model, real = (self.runner.run(talks.get(thread)) for talks in self.talks)
            assert real == model
            rows = self.runner.run(RedisAudit(self.database, KEYS).of_thread(thread))
            assert list(rows) == self.runner.run(self.audit.of_thread(thread))

    @invariant()
    def what_a_process_remembers_is_what_was_stored_under_that_version(self) -> None:
        for approval in APPROVALS:
            stored = self.runner.run(self.model.get(approval.id))
            for kept in (each.remembered(approval.id) for each in self.processes):
                assert kept is None or stored is None or kept.version < stored.version or kept == stored

    @invariant()
    def the_same_work_waits_in_the_same_order(self) -> None:
        lanes = {Lane(thread, name) for thread in THREADS for name in ("run", "chat")}
        lanes |= {Lane(each.thread, f"card/{each.id.rpartition('#')[2]}") for each in APPROVALS}
        for lane in lanes:
            key = mailbox.box(KEYS, lane)
            messages: Any = self.client.lrange(key, 0, -1)
            waiting = [mailbox.read(each, key).effect for each in messages]
            assert waiting == list(self.lanes.waiting.get(lane, ()))
            if waiting:
                assert self.client.zscore(KEYS.dirty(), mailbox.write_lane(lane)) is not None

    @invariant()
    def what_is_open_stays(self) -> None:
        for approval in APPROVALS:
            kept = self.runner.run(self.real.get(approval.id))
            if kept is not None:
                open_ones = kept.state in (State.PENDING, State.DECIDED)
                assert (self.client.ttl(KEYS.approval(kept.thread, kept.id)) == -1) is open_ones


def _get(approval: Any) -> Callable[[Any], Any]:
    return lambda stores: stores.get(approval.id)


def _policies(thread: ThreadId) -> Callable[[Any], Any]:
    async def read(stores: Any) -> list[str]:
        return sorted(repr(each) for each in policies_of(await stores.deciding(thread)))

    return read


def _listed(ids: Sequence[ApprovalId]) -> Callable[[Any], Any]:
    async def read(stores: Any) -> list[str]:
        return sorted(repr(each) for each in await stores.known(ids))

    return read


@pytest.fixture
def machine(redis_url: str) -> Iterator[type[Changes]]:
    Changes.url = redis_url
    yield Changes
    with suppress(redis.RedisError), redis.Redis.from_url(redis_url) as client:
        client.flushall()


@pytest.mark.promise("P1")
def test_redis_keeps_what_the_model_keeps(machine: type[Changes]) -> None:
    quick = settings(
        max_examples=25, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    run_state_machine_as_test(machine, settings=quick)
