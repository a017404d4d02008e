"""What every listing of approvals promises. An adapter supplies the fixture `listed`."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from contracts.samples import ALICE, BOB, CAROL, NOW, THREAD, a_policy, an_approval, closed

from engine.approvals.approval import Approval, State, Vote
from engine.approvals.events import AskedAgain
from engine.asks.ask import Choice
from engine.ids import ApprovalId, ThreadId
from engine.machine import step
from engine.ports import Approvals, Change, Listing, Pending


@dataclass(frozen=True)
class Listed:
    approvals: Approvals
    listing: Listing

    async def asks(self, number: int, **more: object) -> Approval:
        """Approvals of several threads, each a minute after the other."""
        thread = ThreadId(f"{THREAD}-{number % 3}")
        made = replace(
            an_approval(),
            id=ApprovalId(f"{thread}#{number:016x}"),
            thread=thread,
            created_at=NOW + timedelta(minutes=number),
            **more,  # type: ignore[arg-type]
        )
        assert await self.approvals.create(Change(made))
        return replace(made, version=made.version + 1)

    async def becomes(self, approval: Approval) -> None:
        assert await self.approvals.save(Change(approval))


def ids(found: Iterable[Approval]) -> list[ApprovalId]:
    return [each.id for each in found]


class ListingContract:
    async def test_what_is_pending_is_found_oldest_first_wherever_it_was_asked(self, listed: Listed) -> None:
        made = [await listed.asks(number) for number in (4, 1, 3, 2)]
        assert ids(await listed.listing.pending()) == ids(sorted(made, key=lambda each: each.created_at))
        assert len(await listed.listing.pending(2)) == 2

    async def test_a_requester_finds_their_own(self, listed: Listed) -> None:
        own, _ = await listed.asks(1, requester=ALICE), await listed.asks(2, requester=BOB)
        assert ids(await listed.listing.asked_by(ALICE)) == [own.id]
        assert await listed.listing.asked_by(CAROL) == []

    @pytest.mark.promise("P8")
    async def test_what_is_decided_or_closed_is_no_longer_pending(self, listed: Listed) -> None:
        decided, done, waits = [await listed.asks(number) for number in range(3)]
        await listed.becomes(replace(decided, state=State.DECIDED))
        await listed.becomes(closed(done))
        assert ids(await listed.listing.pending()) == [waits.id]
        assert ids(await listed.listing.asked_by(waits.requester)) == [waits.id]
        assert await listed.listing.counted(10) == [Pending.of(waits)]

    @pytest.mark.promise("P8")
    @pytest.mark.parametrize("end", [State.WITHDRAWN, State.UNDELIVERABLE])
    async def test_what_is_asked_again_is_pending_again(self, listed: Listed, end: State) -> None:
        ended = await listed.asks(1, requester=ALICE)
        await listed.becomes(closed(ended, end))
        assert await listed.listing.pending() == await listed.listing.asked_by(ALICE) == []
        again = step(replace(closed(ended, end), version=ended.version + 1), AskedAgain((a_policy(),)), NOW)
        assert await listed.approvals.save(Change(again.approval, again.effects, again.entries))
        assert ids(await listed.listing.pending()) == ids(await listed.listing.asked_by(ALICE)) == [ended.id]
        assert len(await listed.listing.counted(10)) == 1

    async def test_what_is_pending_is_counted_as_it_comes_and_goes(self, listed: Listed) -> None:
        made = [await listed.asks(number) for number in range(3)]
        assert len(await listed.listing.counted(10)) == 3
        await listed.becomes(closed(made[0]))
        await listed.becomes(replace(made[1], state=State.DECIDED))
        new = await listed.asks(3)
        assert sorted(await listed.listing.counted(10), key=lambda each: each.created_at) == [
            Pending.of(made[2]),
            Pending.of(new),
        ]
        assert len(await listed.listing.counted(1)) <= 1

    async def test_who_asked_or_voted_finds_what_was_closed_lately_the_latest_first(self, listed: Listed) -> None:
        made = [await listed.asks(number, requester=ALICE) for number in range(3)]
        for minutes, each in enumerate(made):
            review = replace(each.reviews[0], votes=(Vote(BOB, Choice.APPROVE, NOW),) if minutes else ())
            over = replace(closed(each), closed_at=NOW + timedelta(hours=minutes))
            await listed.becomes(replace(over, reviews=(review, *each.reviews[1:])))
        assert ids(await listed.listing.lately(ALICE, 10)) == ids(reversed(made))
        assert ids(await listed.listing.lately(ALICE, 1)) == [made[2].id]
        assert ids(await listed.listing.lately(BOB, 10)) == ids(reversed(made[1:]))
        assert await listed.listing.lately(CAROL, 10) == []
