"""What every `Grants` promises. An adapter supplies the fixture `granted`."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

import pytest
from contracts.samples import ALICE, BOB, CAROL, NOW, THREAD, a_grant

from engine.approvals.audit import What
from engine.ids import InterruptId, ThreadId, approval_id
from engine.ports import Audit, Grants

OTHER = ThreadId("T1:C1:2.2")
SOON, LATE = NOW + timedelta(minutes=1), NOW + timedelta(hours=2)
FIRST, SECOND = (approval_id(THREAD, InterruptId(name), "digest") for name in ("first", "second"))


@dataclass
class GrantStores:
    grants: Grants
    audit: Audit

    async def rows(self, thread: ThreadId = THREAD) -> list[What]:
        return [each.what for each in await self.audit.of_thread(thread)]


class GrantsContract:
    async def test_a_grant_is_found_by_its_conversation_and_by_each_who_gave_it(self, granted: GrantStores) -> None:
        first, second = a_grant(1, by=(BOB, CAROL)), a_grant(2)
        elsewhere = a_grant(3, thread=OTHER, by=(CAROL,))
        for each in (second, first, elsewhere):
            assert await granted.grants.give(each)
        assert list(await granted.grants.of_thread(THREAD, SOON)) == [first, second]
        assert list(await granted.grants.of_thread(OTHER, SOON)) == [elsewhere]
        assert list(await granted.grants.of_person(CAROL, SOON)) == [first, elsewhere]
        assert list(await granted.grants.of_person(BOB, SOON)) == [first, second]
        assert not await granted.grants.of_person(ALICE, SOON)

    @pytest.mark.promise("P9")
    async def test_giving_using_and_revoking_are_audited_once_each(self, granted: GrantStores) -> None:
        grant = a_grant()
        for _ in range(2):
            assert await granted.grants.give(grant)
        for _ in range(2):
            assert await granted.grants.use(grant, FIRST, SOON)
        assert await granted.grants.use(grant, SECOND, SOON)
        assert await granted.grants.revoke(grant, CAROL, SOON)
        rows = await granted.audit.of_thread(THREAD)
        assert [(each.what, each.approval, each.who) for each in rows] == [
            (What.GRANTED, grant.approval, BOB),
            (What.GRANT_USED, FIRST, None),
            (What.GRANT_USED, SECOND, None),
            (What.GRANT_REVOKED, grant.approval, CAROL),
        ]
        assert all(each.rule == grant.policy.rule and each.times == 1 for each in rows)

    @pytest.mark.promise("P6")
    async def test_a_grant_that_was_revoked_is_never_used_again(self, granted: GrantStores) -> None:
        grant = a_grant()
        await granted.grants.give(grant)
        assert await granted.grants.use(grant, FIRST, SOON)
        assert await granted.grants.revoke(grant, BOB, SOON)
        assert not await granted.grants.use(grant, SECOND, SOON)
        assert not await granted.grants.use(grant, FIRST, SOON), "a use that is told again is asked again"
        assert not await granted.grants.revoke(grant, CAROL, SOON)
        assert not await granted.grants.give(grant), "a write that comes late brings nothing back"
        assert not await granted.grants.of_thread(THREAD, SOON)
        assert not await granted.grants.of_person(BOB, SOON)
        assert await granted.rows() == [What.GRANTED, What.GRANT_USED, What.GRANT_REVOKED]

    @pytest.mark.promise("P6")
    async def test_a_grant_ends(self, granted: GrantStores) -> None:
        grant = a_grant()
        await granted.grants.give(grant)
        for late in (grant.until, LATE):
            assert not await granted.grants.use(grant, FIRST, late)
            assert not await granted.grants.revoke(grant, BOB, late)
            assert not await granted.grants.of_thread(THREAD, late)
            assert not await granted.grants.of_person(BOB, late)
        assert await granted.rows() == [What.GRANTED]

    @pytest.mark.promise("P6")
    async def test_what_was_never_given_or_was_given_otherwise_is_not_used(self, granted: GrantStores) -> None:
        assert not await granted.grants.use(a_grant(), FIRST, SOON)
        assert not await granted.grants.revoke(a_grant(), BOB, SOON)
        await granted.grants.give(a_grant())
        for other in (a_grant(args={"service": "billing", "replicas": 1.0}), a_grant(thread=OTHER), a_grant(2)):
            assert not await granted.grants.use(other, FIRST, SOON)
        assert await granted.rows() == [What.GRANTED]
        assert not await granted.rows(OTHER)

    @pytest.mark.promise("P6")
    async def test_uses_in_parallel_with_its_revocation_are_before_it_or_refused(self, granted: GrantStores) -> None:
        grant, over = a_grant(), asyncio.Event()
        await granted.grants.give(grant)

        async def use(number: int) -> tuple[bool, bool]:
            begun_after = over.is_set()
            approval = approval_id(THREAD, InterruptId(f"use-{number}"), "digest")
            return begun_after, await granted.grants.use(grant, approval, SOON)

        async def revoke() -> tuple[bool, bool]:
            assert await granted.grants.revoke(grant, CAROL, SOON)
            over.set()
            return False, False

        found = await asyncio.gather(
            *(use(each) for each in range(20)), revoke(), *(use(20 + each) for each in range(20))
        )
        late = await asyncio.gather(*(use(40 + each) for each in range(5)))
        assert not any(used for _, used in late)
        assert not any(used for begun_after, used in found if begun_after)
        rows = await granted.rows()
        assert rows.count(What.GRANT_USED) >= sum(used for _, used in found)
        assert rows.index(What.GRANT_REVOKED) == len(rows) - 1
