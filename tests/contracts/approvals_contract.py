"""What every store of approvals, audit rows and conversations promises. An adapter supplies the fixture `stores`."""

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from contracts.samples import BOB, NOW, THREAD, a_conversation, an_approval, an_entry, closed

from engine.ask import canonical
from engine.audit import What
from engine.effects import DrawCard, Effect, Resume, Timer
from engine.effects import TimerFired as Fired
from engine.ids import MessageTs, ThreadId
from engine.ports import Approvals, Audit, Change, Conversations, Lanes, Work


@dataclass(frozen=True)
class Stores:
    approvals: Approvals
    audit: Audit
    conversations: Conversations
    lanes: Lanes


async def delivered(lanes: Lanes, count: int) -> list[Work]:
    """What the lanes deliver, until there are `count` of it."""
    works: list[Work] = []
    enough = asyncio.Event()

    async def take(work: Work) -> None:
        works.append(work)
        if len(works) >= count:
            enough.set()

    serving = asyncio.create_task(lanes.serve(take))
    async with asyncio.timeout(20):
        await enough.wait()
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    return works


class ApprovalsContract:
    async def test_what_is_created_can_be_read(self, stores: Stores) -> None:
        approval = an_approval()
        assert await stores.approvals.create(Change(approval))
        assert await stores.approvals.get(approval.id) == replace(approval, version=1)

    async def test_what_was_never_written_is_none(self, stores: Stores) -> None:
        assert await stores.approvals.get(an_approval().id) is None
        assert list(await stores.approvals.of_thread(THREAD)) == []
        assert list(await stores.audit.of_thread(THREAD)) == []

    async def test_the_same_question_is_created_once(self, stores: Stores) -> None:
        first, again = an_approval(), an_approval(at=NOW + timedelta(seconds=1))
        assert await stores.approvals.create(Change(first, entries=(an_entry(first),)))
        assert not await stores.approvals.create(Change(again, (DrawCard(again.id),), (an_entry(again),)))
        assert await stores.approvals.get(first.id) == replace(first, version=1)
        assert len(await stores.audit.of_thread(THREAD)) == 1

    @pytest.mark.promise("P2")
    async def test_who_read_an_older_version_writes_nothing(self, stores: Stores) -> None:
        approval = an_approval()
        await stores.approvals.create(Change(approval))
        read = await stores.approvals.get(approval.id)
        assert read is not None
        assert await stores.approvals.save(Change(replace(read, card=MessageTs("1.1"))))
        late = Change(closed(read), (Resume(read.id),), (an_entry(read, What.WITHDRAWN),))
        assert not await stores.approvals.save(late)
        assert await stores.approvals.get(approval.id) == replace(read, card=MessageTs("1.1"), version=2)
        assert list(await stores.audit.of_thread(THREAD)) == []

    @pytest.mark.promise("P2")
    async def test_of_many_at_once_one_writes(self, stores: Stores) -> None:
        approval = an_approval()
        await stores.approvals.create(Change(approval))
        read = await stores.approvals.get(approval.id)
        assert read is not None
        changes = [Change(replace(read, note=str(number)), entries=(an_entry(read),)) for number in range(20)]
        written = await asyncio.gather(*map(stores.approvals.save, changes))
        assert written.count(True) == 1
        kept = await stores.approvals.get(approval.id)
        assert kept is not None
        assert kept.note == str(written.index(True))
        assert len(await stores.audit.of_thread(THREAD)) == 1

    async def test_the_very_same_change_is_written_once(self, stores: Stores) -> None:
        change = Change(an_approval(), entries=(an_entry(an_approval()),))
        assert [await stores.approvals.create(change) for _ in range(3)] == [True, False, False]
        change = replace(change, approval=replace(change.approval, version=1))
        assert [await stores.approvals.save(change) for _ in range(3)] == [True, False, False]
        assert len(await stores.audit.of_thread(THREAD)) == 2

    async def test_nothing_is_saved_where_nothing_was_created(self, stores: Stores) -> None:
        assert not await stores.approvals.save(Change(an_approval(), entries=(an_entry(an_approval()),)))
        assert await stores.approvals.get(an_approval().id) is None
        assert list(await stores.audit.of_thread(THREAD)) == []

    @pytest.mark.promise("P1")
    async def test_effects_are_delivered_with_their_ids(self, stores: Stores) -> None:
        approval = an_approval()
        effects: tuple[Effect, ...] = (Resume(approval.id), DrawCard(approval.id), Fired(approval.id, Timer.EXPIRE))
        await stores.approvals.create(Change(approval, effects))
        works = await delivered(stores.lanes, 3)
        ids = {f"{approval.id}/1/{number}": effect for number, effect in enumerate(effects)}
        assert {work.id: work.effect for work in works} == ids
        assert [work.effect for work in works if work.lane.name != "run"] == list(effects[1:])

    @pytest.mark.promise("P1")
    async def test_a_lost_race_puts_no_effects(self, stores: Stores) -> None:
        approval = an_approval()
        await stores.approvals.create(Change(approval))
        stale = replace(approval, version=7)
        assert not await stores.approvals.save(Change(stale, (DrawCard(approval.id),)))
        await stores.approvals.save(Change(replace(approval, version=1), (Resume(approval.id),)))
        assert [work.effect for work in await delivered(stores.lanes, 1)] == [Resume(approval.id)]

    @pytest.mark.promise("P9")
    async def test_what_changes_nothing_is_recorded_without_comparing(self, stores: Stores) -> None:
        approval = an_approval()
        await stores.approvals.create(Change(approval))
        refused = Change(replace(approval, version=99), (DrawCard(approval.id),), (an_entry(approval),), touches=False)
        assert await stores.approvals.save(refused)
        assert await stores.approvals.save(refused)
        assert await stores.approvals.get(approval.id) == replace(approval, version=1)
        assert len(await stores.audit.of_thread(THREAD)) == 2
        works = await delivered(stores.lanes, 2)
        assert len({work.id for work in works}) == 2

    async def test_a_thread_lists_its_own_oldest_first(self, stores: Stores) -> None:
        second, first = an_approval(interrupt="i2", at=NOW + timedelta(seconds=2)), an_approval(interrupt="i1")
        other = an_approval(thread=ThreadId("T1:C1:7.7"))
        for each in (second, first, other):
            await stores.approvals.create(Change(each))
        assert [each.id for each in await stores.approvals.of_thread(THREAD)] == [first.id, second.id]

    @pytest.mark.promise("P9")
    async def test_rows_are_read_in_their_order(self, stores: Stores) -> None:
        approval = an_approval()
        rows = [replace(an_entry(approval, what), detail={"n": n}) for n, what in enumerate(What)]
        await stores.approvals.create(Change(approval, entries=tuple(rows[:4])))
        await stores.approvals.save(Change(replace(approval, version=1), entries=tuple(rows[4:])))
        assert list(await stores.audit.of_thread(THREAD)) == rows

    async def test_a_payload_keeps_every_character(self, stores: Stores) -> None:
        odd = "\ud83d\ude00 \udc00 \x00 \u202e <!channel> \U0001f600 \n"
        approval = an_approval()
        ask = replace(approval.ask, prompt=odd, payload={odd: [1, 1.0, True, None, 10**30, odd]})
        approval = replace(approval, ask=ask)
        await stores.approvals.create(Change(approval))
        kept = await stores.approvals.get(approval.id)
        assert kept is not None
        assert kept.ask == ask
        assert canonical(kept.ask.payload) == canonical(ask.payload)  # 1, 1.0 and true are equal, but not the same


class ConversationsContract:
    async def test_the_last_write_is_read(self, stores: Stores) -> None:
        assert await stores.conversations.get(THREAD) is None
        await stores.conversations.save(a_conversation(), 1)
        await stores.conversations.save(replace(a_conversation(), requester=BOB), 1)
        assert await stores.conversations.get(THREAD) == replace(a_conversation(), requester=BOB)
        assert await stores.conversations.get(ThreadId("another")) is None
