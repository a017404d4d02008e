"""What every `LookupMemory` promises. An adapter supplies `lookups`."""

from datetime import timedelta

import pytest
from contracts.samples import NOW
from contracts.waiting import wait_until

from engine.oncall.shifts import Shift, Shifts
from engine.ports import LastLookup, LookupMemory

SHIFT = Shift("Jane Doe", "U0JANE", "jane@example.com", "Jane Doe", "", 1, NOW, NOW + timedelta(hours=8))
ANSWERED = LastLookup(NOW, Shifts((SHIFT, Shift("Bob")), NOW, NOW + timedelta(seconds=90), NOW))
FAILED = LastLookup(NOW, ANSWERED.shifts, "PagerDuty answered with status 429.", NOW + timedelta(hours=1))


@pytest.mark.promise("P6")
class LookupsContract:
    async def test_what_one_process_keeps_all_know(self, lookups: LookupMemory) -> None:
        assert await lookups.last("pay") is None
        for each in (ANSWERED, FAILED, LastLookup(NOW)):
            await lookups.keep("pay", each, 60.0)
            assert await lookups.last("pay") == each
        assert await lookups.last("other") is None

    async def test_it_is_forgotten_in_time(self, lookups: LookupMemory) -> None:
        await lookups.keep("pay", ANSWERED, 0.05)

        async def is_forgotten() -> bool:
            return await lookups.last("pay") is None

        await wait_until(is_forgotten)

    async def test_one_asks_at_a_time_and_who_asks_may_say_so_again(self, lookups: LookupMemory) -> None:
        assert await lookups.claim("pay", "one", 60.0)
        assert await lookups.claim("pay", "one", 60.0)
        assert not await lookups.claim("pay", "two", 60.0)
        assert await lookups.claim("other", "two", 60.0)
        await lookups.release("pay", "two")
        assert not await lookups.claim("pay", "two", 60.0), "nobody gives back another one's right"
        await lookups.release("pay", "one")
        await lookups.release("pay", "one")
        assert await lookups.claim("pay", "two", 60.0)

    async def test_who_dies_while_asking_holds_others_up_for_a_while(self, lookups: LookupMemory) -> None:
        assert await lookups.claim("pay", "one", 0.05)

        async def is_free() -> bool:
            return await lookups.claim("pay", "two", 60.0)

        await wait_until(is_free)
