"""The suite that LangGraph gives to authors of checkpointers."""

from collections.abc import AsyncIterator

from langgraph.checkpoint.conformance import checkpointer_test, validate

from adapters.redis.saver import AsyncRedisSaver

BASE = {"put": 17, "put_writes": 10, "get_tuple": 10, "list": 16, "delete_thread": 5}


async def test_langgraphs_own_suite_passes(redis_url: str) -> None:
    @checkpointer_test(name="AsyncRedisSaver")
    async def fresh() -> AsyncIterator[AsyncRedisSaver]:
        async with AsyncRedisSaver.from_conn_string(redis_url) as saver:
            await saver._database.client.flushall()
            yield saver

    report = await validate(fresh)

    failures = [failure for result in report.results.values() for failure in result.failures]
    assert not failures
    assert {name: result.tests_passed for name, result in report.results.items() if result.detected} == BASE
