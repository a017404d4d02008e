"""What every `GroupMemory` promises. An adapter supplies `group_memory`, which makes that of one more process."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from contracts.samples import NOW
from contracts.waiting import wait_until

from engine.ids import UserId
from engine.ports import GroupMemory, GroupReading, ListedGroup

ALICE, BOB = UserId("U0ALICE"), UserId("U0BOB")
SRE = ListedGroup("S0SRE", "sre", frozenset({ALICE, BOB}))
PAY = ListedGroup("S0PAY", "pay", frozenset({BOB}), "disabled", "S0ORG")
Memories = Callable[..., GroupMemory]


async def begun(memory: GroupMemory) -> GroupReading:
    reading = await memory.begin()
    assert reading is not None
    return reading


async def read(memory: GroupMemory, *groups: ListedGroup) -> None:
    await memory.keep(await begun(memory), groups, NOW)


async def recalled(memory: GroupMemory, group: str) -> ListedGroup | None:
    kept = await memory.recall(group)
    assert kept is not None, f"nothing is known of {group}"
    return kept.group


@pytest.mark.promise("P6")
class GroupMemoryContract:
    async def test_what_one_process_reads_all_recall(self, group_memory: Memories) -> None:
        one, other = group_memory(), group_memory()
        assert await other.recall("S0SRE") is None, "nobody has read the list"
        await read(one, SRE, PAY)
        kept = await other.recall("S0SRE")
        assert kept is not None
        assert (kept.group, kept.looked_up) == (SRE, NOW)
        assert 0 <= kept.age < 30
        assert await recalled(other, "S0PAY") == PAY
        assert await recalled(other, "S0GONE") is None, "known: the workspace has none of this id"

    async def test_one_process_reads_at_a_time(self, group_memory: Memories) -> None:
        one, other = group_memory(), group_memory()
        reading = await begun(one)
        assert await other.begin() is None
        await one.abandon(reading)
        await read(other, SRE)
        await one.abandon(reading)
        assert await recalled(one, "S0SRE") == SRE

    async def test_who_dies_while_it_reads_holds_up_nobody_for_long(self, group_memory: Memories) -> None:
        dying, other = group_memory(lease=timedelta(milliseconds=50)), group_memory()
        lost = await begun(dying)
        readings: list[GroupReading | None] = []

        async def lapsed() -> bool:
            readings.append(await other.begin())
            return readings[-1] is not None

        await wait_until(lapsed)
        await dying.keep(lost, [PAY], NOW)
        await dying.abandon(lost)
        assert await other.recall("S0PAY") is None, "what came after the right was lost is not kept"
        assert readings[-1] is not None
        await other.keep(readings[-1], [SRE], NOW)
        assert await recalled(dying, "S0SRE") == SRE

    async def test_a_list_lapses(self, group_memory: Memories) -> None:
        memory = group_memory(oldest=timedelta(milliseconds=150), lease=timedelta(milliseconds=50))
        await read(memory, SRE)

        async def lapsed() -> bool:
            return await memory.recall("S0SRE") is None

        await wait_until(lapsed)
        assert await memory.recall("S0GONE") is None
        await read(memory, SRE)
        assert await recalled(memory, "S0SRE") == SRE

    async def test_a_group_that_changed_is_not_recalled_until_it_is_read_again(self, group_memory: Memories) -> None:
        one, other = group_memory(), group_memory()
        await read(one, SRE, PAY)
        for _ in range(2):
            await other.changed(["S0SRE"])
            assert await one.recall("S0SRE") is None
            assert await recalled(one, "S0PAY") == PAY, "another group counts as it did"
        await read(one, PAY)
        assert await recalled(other, "S0SRE") is None, "it changed: it is gone"
        await other.changed(["S0SRE"])
        assert await one.recall("S0SRE") is None, "it may have been created"
        await read(one, SRE)
        assert await recalled(other, "S0SRE") == SRE

    async def test_a_group_that_was_never_heard_of_and_changes_is_looked_for(self, group_memory: Memories) -> None:
        memory = group_memory()
        await read(memory, SRE)
        await memory.changed(["S0NEW"])
        assert await memory.recall("S0NEW") is None

    async def test_what_is_being_read_while_a_group_changes_does_not_count_for_it(self, group_memory: Memories) -> None:
        memory = group_memory()
        reading = await begun(memory)
        await memory.changed(["S0SRE"])
        await memory.keep(reading, [SRE, PAY], NOW)
        assert await memory.recall("S0SRE") is None
        assert await recalled(memory, "S0PAY") == PAY

    async def test_all_groups_may_have_changed(self, group_memory: Memories) -> None:
        memory = group_memory()
        await read(memory, SRE)
        reading = await begun(memory)
        await memory.changed(["*"])
        await memory.keep(reading, [SRE], NOW)
        assert await memory.recall("S0SRE") is None
        assert await memory.recall("S0GONE") is None
        await read(memory, SRE)
        assert await recalled(memory, "S0SRE") == SRE

    async def test_a_group_of_700(self, group_memory: Memories) -> None:
        memory, people = group_memory(), frozenset(UserId(f"U{number}") for number in range(700))
        await read(memory, ListedGroup("S0ALL", "all", people), *(SRE,) * 50)
        kept = await recalled(memory, "S0ALL")
        assert kept is not None
        assert kept.people == people
