"""What every store of approvals, audit rows and conversations promises. An adapter supplies the fixture `stores`."""

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from contracts.samples import (
    ALICE,
    BOB,
    CAROL,
    GINA,
    NOW,
    PLACE,
    THREAD,
    a_conversation,
    a_policy,
    an_approval,
    an_ask,
    an_entry,
    closed,
)
from fakes.patience import PATIENCE

from engine.approvals.approval import State, policies_of
from engine.approvals.audit import What
from engine.approvals.effects import DrawCard, Effect, Resume, Timer
from engine.approvals.effects import TimerFired as Fired
from engine.asks.ask import Choice, Kind, canonical
from engine.ids import MessageTs, SheetId, ThreadId
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
    async with asyncio.timeout(PATIENCE):
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
        assert list(await stores.approvals.open(THREAD)) == []
        assert list(await stores.approvals.known([an_approval().id])) == []
        assert list(await stores.approvals.known([])) == []
        assert await stores.approvals.ask(an_approval().id) is None
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

    async def test_a_thread_lists_its_own_open_ones_oldest_first(self, stores: Stores) -> None:
        second, first = an_approval(interrupt="i2", at=NOW + timedelta(seconds=2)), an_approval(interrupt="i1")
        over, other = an_approval(interrupt="i3"), an_approval(thread=ThreadId("T1:C1:7.7"))
        for each in (second, first, over, other):
            await stores.approvals.create(Change(each))
        await stores.approvals.save(Change(closed(replace(over, version=1))))
        decided = replace(first, state=State.DECIDED, version=1)
        await stores.approvals.save(Change(decided))
        assert [each.id for each in await stores.approvals.open(THREAD)] == [first.id, second.id]
        assert [each.id for each in await stores.approvals.open(THREAD, but=[first.id])] == [second.id]
        assert list(await stores.approvals.open(THREAD, but=[first.id, second.id])) == []

    async def test_those_that_are_asked_for_are_given_open_or_closed(self, stores: Stores) -> None:
        first, over, other = an_approval(), an_approval(interrupt="i2"), an_approval(interrupt="i3")
        for each in (first, over, other):
            await stores.approvals.create(Change(each))
        await stores.approvals.save(Change(closed(replace(over, version=1))))
        missing = an_approval(interrupt="i4").id
        found = await stores.approvals.known([over.id, missing, first.id])
        assert {each.id: each.state for each in found} == {first.id: State.PENDING, over.id: State.WITHDRAWN}

    @pytest.mark.promise("P8")
    async def test_a_sheet_has_its_open_and_its_closed_ones(self, stores: Stores) -> None:
        sheet = SheetId("sheet-1")
        rows = [
            replace(an_approval(interrupt=f"i{number}", at=NOW + timedelta(seconds=number)), sheet=sheet)
            for number in range(3)
        ]
        for each in (*reversed(rows), an_approval(interrupt="other")):
            await stores.approvals.create(Change(each))
        await stores.approvals.save(Change(closed(replace(rows[0], version=1))))
        await stores.approvals.save(Change(closed(replace(rows[2], version=1))))
        await stores.approvals.save(Change(replace(rows[2], version=2)))  # it is asked again
        found = await stores.approvals.of_sheet(THREAD, sheet)
        assert [(each.id, each.state) for each in found] == [
            (rows[0].id, State.WITHDRAWN),
            (rows[1].id, State.PENDING),
            (rows[2].id, State.PENDING),
        ]
        assert list(await stores.approvals.of_sheet(THREAD, SheetId("sheet-2"))) == []

    @pytest.mark.parametrize("over", [False, True])
    async def test_a_card_at_the_root_is_known_by_its_message(self, stores: Stores, over: bool) -> None:  # noqa: FBT001 - a parameter
        root = replace(PLACE, thread_ts=None)
        first, second = (an_approval(interrupt=f"i{number}") for number in range(2))
        at_root = replace(first, place=root, card=MessageTs("5.1"))
        below = replace(second, card=MessageTs("5.2"))
        for each in (at_root, below):
            await stores.approvals.create(Change(each))
            if over:
                await stores.approvals.save(Change(closed(replace(each, version=1))))
        assert await stores.approvals.by_card(THREAD, MessageTs("5.1")) == first.id
        assert await stores.approvals.by_card(THREAD, MessageTs("5.2")) is None
        assert await stores.approvals.by_card(THREAD, MessageTs("5.3")) is None

    @pytest.mark.promise("P6")
    async def test_the_policies_are_those_of_all_open_and_closed(self, stores: Stores) -> None:
        one, two, three = a_policy(BOB), a_policy(CAROL), a_policy(GINA)
        for number, policy in enumerate((one, two, one, two)):
            approval = an_approval(interrupt=f"i{number}", policy=policy)
            await stores.approvals.create(Change(approval))
            if number != 3:
                await stores.approvals.save(Change(closed(replace(approval, version=1), State.DELIVERED)))
        question = an_ask("which", kind=Kind.QUESTION, choices=(Choice.ANSWER,))
        await stores.approvals.create(Change(an_approval(interrupt="q", ask=question, policy=three)))
        assert set(policies_of(await stores.approvals.deciding(THREAD))) == {one, two}
        assert list(await stores.approvals.deciding(ThreadId("another"))) == []

    @pytest.mark.promise("P9")
    async def test_rows_are_read_in_their_order(self, stores: Stores) -> None:
        approval = an_approval()
        rows = [replace(an_entry(approval, what), detail={"n": n}) for n, what in enumerate(What)]
        await stores.approvals.create(Change(approval, entries=tuple(rows[:4])))
        await stores.approvals.save(Change(replace(approval, version=1), entries=tuple(rows[4:])))
        assert list(await stores.audit.of_thread(THREAD)) == rows

    @pytest.mark.promise("P9")
    async def test_a_refusal_that_is_repeated_is_counted_in_one_row(self, stores: Stores) -> None:
        approval = an_approval()
        await stores.approvals.create(Change(approval, entries=(an_entry(approval),)))
        text = 'it says ,"times":9,"last":"x"}} and "at":"y",'
        refused = [replace(an_entry(approval, What.REFUSED), who=who, detail={"text": text}) for who in (ALICE, BOB)]
        for second in range(30):
            for each in refused:
                again = replace(each, at=NOW + timedelta(seconds=second))
                await stores.approvals.save(Change(approval, entries=(again,), touches=False))
        await stores.audit.add(replace(refused[0], at=NOW + timedelta(seconds=30)))
        last = NOW + timedelta(seconds=30)
        assert list(await stores.audit.of_thread(THREAD)) == [
            an_entry(approval),
            replace(refused[0], times=31, last=last),
            replace(refused[1], times=30, last=last - timedelta(seconds=1)),
        ]

    @pytest.mark.promise("P9")
    async def test_only_refusals_are_counted(self, stores: Stores) -> None:
        approval = an_approval()
        voted = replace(an_entry(approval, What.VOTED), detail={"what": "refused"})
        await stores.approvals.create(Change(approval, entries=(voted, voted)))
        assert list(await stores.audit.of_thread(THREAD)) == [voted, voted]

    async def test_a_payload_keeps_every_character(self, stores: Stores) -> None:
        odd = "\ud83d\ude00 \udc00 \x00 \u202e <!channel> \U0001f600 \n"
        approval = an_approval()
        ask = replace(approval.ask, prompt=odd, payload={odd: [1, 1.0, True, None, 10**30, odd]})
        approval = replace(approval, ask=ask)
        await stores.approvals.create(Change(approval))
        kept = await stores.approvals.get(approval.id)
        assert kept is not None
        assert kept.ask == ask
        assert await stores.approvals.ask(approval.id) == ask
        assert canonical(kept.ask.payload) == canonical(ask.payload)  # 1, 1.0 and true are equal, but not the same


class ConversationsContract:
    async def test_the_last_write_is_read(self, stores: Stores) -> None:
        assert await stores.conversations.get(THREAD) is None
        await stores.conversations.save(a_conversation(), 1)
        await stores.conversations.save(replace(a_conversation(), requester=BOB), 1)
        assert await stores.conversations.get(THREAD) == replace(a_conversation(), requester=BOB)
        assert await stores.conversations.get(ThreadId("another")) is None
