"""Stories of all kinds once more, on a Redis Cluster of three nodes."""

import pytest
from fakes import servers
from stories.test_batches import test_one_interrupt_per_call_is_decided_card_by_card
from stories.test_grants_on_cards import test_it_is_taken_back_at_home_and_its_card_says_so
from stories.test_home import (
    test_commands_list_show_and_tell_who_can_decide,
    test_home_shows_what_waits_for_me_what_i_asked_and_what_was_decided,
)
from stories.test_main_story import (
    test_an_approved_action_is_done_once,
    test_an_edited_call_runs_with_what_the_card_shows,
)
from stories.test_memory_of_agents import test_a_note_of_one_conversation_is_read_in_the_next_after_a_restart
from stories.test_operators import (
    signoff,
    test_a_click_and_an_operator_at_the_same_time_have_one_outcome,
    test_an_operator_lists_what_waits_and_for_whom,
    test_an_operator_reads_the_audit_in_words_by_a_link,
    test_an_operator_withdraws_a_request,
)
from stories.test_time import (
    test_a_reminder_comes_once_beside_the_card,
    test_silence_rejects_and_the_agent_hears_it,
)

__all__ = [
    "signoff",
    "test_a_click_and_an_operator_at_the_same_time_have_one_outcome",
    "test_a_note_of_one_conversation_is_read_in_the_next_after_a_restart",
    "test_a_reminder_comes_once_beside_the_card",
    "test_an_approved_action_is_done_once",
    "test_an_edited_call_runs_with_what_the_card_shows",
    "test_an_operator_lists_what_waits_and_for_whom",
    "test_an_operator_reads_the_audit_in_words_by_a_link",
    "test_an_operator_withdraws_a_request",
    "test_commands_list_show_and_tell_who_can_decide",
    "test_home_shows_what_waits_for_me_what_i_asked_and_what_was_decided",
    "test_it_is_taken_back_at_home_and_its_card_says_so",
    "test_one_interrupt_per_call_is_decided_card_by_card",
    "test_silence_rejects_and_the_agent_hears_it",
]


@pytest.fixture
def redis_url(ring: servers.Cluster) -> str:
    """The cluster."""
    return ring.url
