"""What every `Backlog` promises. An adapter supplies the fixture `backlog`."""

from datetime import timedelta

from contracts.samples import NOW, PLACE

from engine.approvals.effects import DrawCard, DrawSheet, Effect, Remind, Say, TakeBack
from engine.ids import ApprovalId, MessageTs, SheetId, ThreadId
from engine.ports import Backlog, Unposted

THREAD = ThreadId("T1:C1:1.1")
EFFECTS: tuple[Effect, ...] = (
    DrawCard(ApprovalId(f"{THREAD}#abc")),
    DrawSheet(THREAD, SheetId("s")),
    Say(THREAD, PLACE, "ü \udc80 \n", key="k"),
    Remind(ApprovalId(f"{THREAD}#abc")),
    TakeBack(THREAD, PLACE, MessageTs("1.1")),
)


def unposted(number: int, effect: Effect = EFFECTS[0], why: str = "it is archived") -> Unposted:
    return Unposted(f"key/{number}", PLACE.channel, effect, why, NOW + timedelta(seconds=number))


class BacklogContract:
    async def test_what_is_kept_is_read_back_oldest_first(self, backlog: Backlog) -> None:
        kept = [unposted(number, effect) for number, effect in enumerate(EFFECTS)]
        for each in reversed(kept):
            await backlog.add(each)
        assert await backlog.all() == kept
        assert await backlog.of(["key/3", "key/1", "key/9"]) == [kept[1], kept[3]]
        assert not await backlog.of([])

    async def test_one_of_each_key_keeps_the_time_at_which_it_began_to_wait(self, backlog: Backlog) -> None:
        await backlog.add(unposted(1))
        await backlog.add(unposted(2))
        later = Unposted("key/1", PLACE.channel, EFFECTS[0], "I'm not a member of it", NOW + timedelta(days=1))
        await backlog.add(later)
        first, _ = await backlog.all()
        assert (first.key, first.since, first.why) == ("key/1", NOW + timedelta(seconds=1), later.why)

    async def test_what_is_dropped_is_gone_and_may_be_dropped_again(self, backlog: Backlog) -> None:
        for number in (1, 2):
            await backlog.add(unposted(number))
        for _ in range(2):
            await backlog.drop("key/1")
        assert await backlog.all() == [unposted(2)]

    async def test_a_channel_that_was_deleted_is_known_for_good(self, backlog: Backlog) -> None:
        assert not await backlog.is_buried(PLACE.channel)
        for _ in range(2):
            await backlog.bury(PLACE.channel)
        assert await backlog.is_buried(PLACE.channel)
