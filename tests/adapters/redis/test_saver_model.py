"""The saver behaves as LangGraph's own saver in memory, whatever is done to both in whatever order."""

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from support.saver_machine import SaverMachine

from adapters.redis.checkpointer.saver import RedisSaver
from adapters.redis.transport.connection import SyncDatabase


def test_it_is_as_the_saver_in_memory(sync_database: SyncDatabase) -> None:
    class Machine(SaverMachine):
        saver = RedisSaver(sync_database)

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=40,
            stateful_step_count=25,
            deadline=None,
            database=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
