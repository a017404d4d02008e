"""Whatever is given, used and revoked in whatever order, Redis answers as the store in memory does (P6, P9)."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from operator import methodcaller
from typing import Any

import pytest
import redis
from contracts.samples import BOB, CAROL, NOW, THREAD, a_grant
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from adapters.memory import MemoryAudit, MemoryGrants
from adapters.redis.keys import Keys
from adapters.redis.stores.audit import RedisAudit
from adapters.redis.stores.grants import RedisGrants
from adapters.redis.transport.connection import Database
from engine.approvals.audit import What
from engine.ids import InterruptId, ThreadId, UserId, approval_id
from engine.ports import Grants
from engine.rules.grants import Grant

KEYS = Keys()
OTHER = ThreadId("T1:C1:\u00fc{%}")
GRANTS = [
    a_grant(1), a_grant(1, args={"service": "billing", "replicas": True}), a_grant(2, by=(BOB, CAROL)),
    a_grant(3, by=(CAROL,), until=NOW + timedelta(minutes=2)), a_grant(1, thread=OTHER),
]  # fmt: skip
APPROVALS = [approval_id(THREAD, InterruptId(name), "digest") for name in ("i1", "i2")]

which = st.sampled_from(GRANTS)
times = st.sampled_from([NOW + timedelta(minutes=minutes) for minutes in (1, 3, 59, 61)])


class Changes(RuleBasedStateMachine):
    """Both stores, side by side."""

    url: str

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        with redis.Redis.from_url(self.url) as client:
            client.flushall()
        self.database = Database.from_url(self.url)
        self.audits = (MemoryAudit(), RedisAudit(self.database, KEYS))
        self.stores = (MemoryGrants(self.audits[0]), RedisGrants(self.database, KEYS))
        self.revoked: set[tuple[ThreadId, str]] = set()

    def teardown(self) -> None:
        self.runner.run(self.database.aclose())
        self.runner.close()

    def both(self, call: Callable[[Grants], Awaitable[Any]]) -> Any:
        async def told(store: Grants) -> Any:
            return await call(store)

        expected, found = (self.runner.run(told(store)) for store in self.stores)
        assert found == expected
        return found

    @rule(grant=which)
    def give(self, grant: Grant) -> None:
        self.both(lambda store: store.give(grant))

    @rule(grant=which, approval=st.sampled_from(APPROVALS), at=times)
    def use(self, grant: Grant, approval: Any, at: Any) -> None:
        used = self.both(lambda store: store.use(grant, approval, at))
        assert not (used and ((grant.thread, grant.id) in self.revoked or at >= grant.until))

    @rule(grant=which, by=st.sampled_from([BOB, CAROL]), at=times)
    def revoke(self, grant: Grant, by: UserId, at: Any) -> None:
        if self.both(lambda store: store.revoke(grant, by, at)):
            self.revoked.add((grant.thread, grant.id))

    @rule(at=times)
    def they_agree(self, at: Any) -> None:
        for thread in (THREAD, OTHER):
            self.both(methodcaller("of_thread", thread, at))
        for user in (BOB, CAROL):
            self.both(methodcaller("of_person", user, at))

    @invariant()
    def the_audit_tells_the_same(self) -> None:
        for thread in (THREAD, OTHER):
            expected, found = (self.runner.run(audit.of_thread(thread)) for audit in self.audits)
            assert list(found) == list(expected)
            given = [
                each.detail["grant"] for each in found if each.what is What.GRANTED and isinstance(each.detail, dict)
            ]
            assert len(given) == len(set(map(str, given)))


@pytest.mark.promise("P6")
def test_redis_keeps_grants_as_the_memory_does(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Changes, "url", redis_url, raising=False)
    quick = settings(
        max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    run_state_machine_as_test(Changes, settings=quick)
