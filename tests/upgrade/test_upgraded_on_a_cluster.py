"""What an earlier version kept on one server is finished by this one on a cluster, to which its keys were copied."""

import pytest
from fakes import servers
from upgrade.test_upgraded_work import (
    test_a_dead_letter_is_still_there_and_can_be_done_again,
    test_a_run_that_was_cut_off_goes_on_and_the_decision_behind_it_is_delivered,
)

__all__ = [
    "test_a_dead_letter_is_still_there_and_can_be_done_again",
    "test_a_run_that_was_cut_off_goes_on_and_the_decision_behind_it_is_delivered",
]


@pytest.fixture
def redis_url(ring: servers.Cluster) -> str:
    """The cluster."""
    return ring.url
