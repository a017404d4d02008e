"""Whatever comes in between, nobody decides by what an event took back: groups, events, readers, lost rights (P6)."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import pytest
import redis
from contracts.samples import NOW
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from adapters.redis.keys import Keys
from adapters.redis.stores.groups import RedisGroupMemory
from adapters.redis.transport.connection import Database
from engine.ids import UserId
from engine.ports import GroupReading, ListedGroup

KEYS, TEAM = Keys(), "T1"
GROUPS = ("S0SRE", "S0PAY")
which = st.sampled_from(GROUPS)
process = st.integers(0, 1)


@dataclass
class Reader:
    """A process that reads: what it was given when it began, and what Slack answered."""

    reading: GroupReading
    answer: list[ListedGroup] | None = None


class GroupsChange(RuleBasedStateMachine):
    """In Slack each group has had some members, None for no group; of each, what the last event told of."""

    url: str

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.client = redis.Redis.from_url(self.url)
        self.client.flushall()
        self.database = Database.from_url(self.url)
        self.memory = RedisGroupMemory(self.database, KEYS, TEAM)
        self.history: dict[str, list[frozenset[UserId] | None]] = {each: [frozenset({UserId("U0")})] for each in GROUPS}
        self.told = dict.fromkeys(GROUPS, 0)
        self.readers: dict[int, Reader] = {}

    def teardown(self) -> None:
        self.runner.run(self.database.aclose())
        self.runner.close()
        self.client.close()

    @rule(group=which, gone=st.booleans())
    def change(self, group: str, gone: bool) -> None:  # noqa: FBT001 - drawn
        versions = self.history[group]
        versions.append(None if gone else frozenset({UserId(f"U{len(versions)}")}))

    @rule(group=st.sampled_from([*GROUPS, "*"]))
    def deliver(self, group: str) -> None:
        self.runner.run(self.memory.changed([group]))
        for each in GROUPS if group == "*" else (group,):
            self.told[each] = len(self.history[each]) - 1

    @rule(group=which, gone=st.booleans())
    def change_and_tell(self, group: str, gone: bool) -> None:  # noqa: FBT001 - drawn
        self.change(group, gone)
        self.deliver(group)

    @rule(number=process)
    def begin(self, number: int) -> None:
        reading = self.runner.run(self.memory.begin())
        if reading is not None:
            self.readers[number] = Reader(reading)

    @rule(number=process)
    def look(self, number: int) -> None:
        if number in self.readers:
            now = {each: versions[-1] for each, versions in self.history.items()}
            self.readers[number].answer = [
                ListedGroup(each, each.lower(), people) for each, people in now.items() if people is not None
            ]

    @rule(number=process)
    def end(self, number: int) -> None:
        reader = self.readers.pop(number, None)
        if reader is None:
            return
        if reader.answer is None:
            self.runner.run(self.memory.abandon(reader.reading))
        else:
            self.runner.run(self.memory.keep(reader.reading, reader.answer, NOW))

    @rule()
    def the_right_to_read_lapses(self) -> None:
        self.client.delete(KEYS.reading(TEAM))

    @precondition(lambda self: not self.readers)
    @rule()
    def a_day_goes_by_without_events(self) -> None:
        self.client.delete(KEYS.reading(TEAM), KEYS.usergroups(TEAM), KEYS.changed(TEAM))

    @invariant()
    def no_click_is_decided_by_what_an_event_took_back(self) -> None:
        for group in GROUPS:
            kept = self.runner.run(self.memory.recall(group))
            if kept is not None:
                found = None if kept.group is None else kept.group.people
                assert found in self.history[group][self.told[group] :]

    @rule(group=which)
    def read_in_peace(self, group: str) -> None:
        """Then it is known, as it is."""
        self.readers.clear()
        self.the_right_to_read_lapses()
        self.begin(0)
        self.look(0)
        self.end(0)
        kept = self.runner.run(self.memory.recall(group))
        assert kept is not None
        assert (None if kept.group is None else kept.group.people) == self.history[group][-1]


@pytest.fixture
def machine(redis_url: str) -> Iterator[type[GroupsChange]]:
    GroupsChange.url = redis_url
    yield GroupsChange
    with suppress(redis.RedisError), redis.Redis.from_url(redis_url) as client:
        client.flushall()


@pytest.mark.promise("P6")
def test_nobody_decides_by_what_an_event_took_back(machine: type[GroupsChange]) -> None:
    quick = settings(
        max_examples=120, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    run_state_machine_as_test(machine, settings=quick)
