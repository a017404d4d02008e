"""The rules of a cluster, told to a plan by hand: who is asked next, in which order, and how."""

import pytest
import redis
from redis.exceptions import AskError, ClusterDownError, MovedError, NoScriptError, ResponseError, TryAgainError

from adapters.redis.transport.scripts import Command
from adapters.redis.transport.slots import NoKeyError, SendPlan, SlotTable, slot_of
from adapters.redis.transport.urls import Node

A, B, C = Node("10.0.0.1", 1), Node("10.0.0.2", 2), Node("10.0.0.3", 3)
SLOTS = [[0, 8191, [b"10.0.0.1", 1, b"id"], [b"10.0.0.3", 3, b"id"]], [8192, 16383, [b"10.0.0.2", 2, b"id"]]]
LOW, HIGH = "bar", "foo"  # of slots 5061 and 12182


@pytest.fixture
def table() -> SlotTable:
    return SlotTable.of(SLOTS, A)


def sent(plan: SendPlan, table: SlotTable) -> dict[Node, list[tuple[object, ...]]]:
    return {node: [words for one in some for words in one.words()] for node, some in plan.packets(table).items()}


def told(plan: SendPlan, table: SlotTable, answers: dict[Node, list[object] | Exception]) -> None:
    for node, some in plan.packets(table).items():
        plan.take(node, some, answers[node], table)


def test_slots_are_those_of_the_first_key() -> None:
    assert slot_of(("GET", "foo")) == slot_of(("get", b"foo")) == slot_of(("HSET", "x{foo}y", "f", "v")) == 12182
    assert slot_of(("EVALSHA", "sha", 2, "foo", "bar", "arg")) == 12182
    assert slot_of(("EVAL", "return 1", 0)) is None
    assert slot_of(("INFO",)) is None


@pytest.mark.parametrize("words", [("SCAN", 0), ("flushall",), (b"CONFIG", "GET", "x"), ("DBSIZE",), ("NONSENSE",)])
def test_a_command_for_a_whole_server_is_refused(words: tuple[str, ...]) -> None:
    with pytest.raises(NoKeyError, match="names no key"):
        slot_of(words)


def test_the_table_names_primaries_and_all_nodes(table: SlotTable) -> None:
    assert table.primaries == (A, B)
    assert set(table.nodes) == {A, B, C}
    assert table.missing == 0
    assert SlotTable.of(SLOTS[:1], A).missing == 8192


@pytest.mark.parametrize("host", [b"", b"?", None])
def test_a_node_that_does_not_know_its_address_is_the_one_that_was_asked(host: bytes | None) -> None:
    assert SlotTable.of([[0, 16383, [host, 7, b"id"]]], A).primaries == (Node("10.0.0.1", 7),)


def test_calls_of_one_kind_go_to_all_nodes_at_once(table: SlotTable) -> None:
    plan = SendPlan([Command("GET", LOW), Command("GET", HIGH), Command("GET", LOW)])
    assert sent(plan, table) == {A: [("GET", LOW), ("GET", LOW)], B: [("GET", HIGH)]}


def test_values_of_several_slots_are_read_at_once_in_one_call_for_each_slot(table: SlotTable) -> None:
    plan = SendPlan([Command("MGET", LOW, HIGH, f"{{{LOW}}}2"), Command("MGET", LOW, LOW)])
    assert sent(plan, table) == {A: [("MGET", LOW, "{bar}2"), ("MGET", LOW, LOW)], B: [("MGET", HIGH)]}
    told(plan, table, {A: [[b"low", b"2"], [b"low", None]], B: [MovedError("12182 10.0.0.3:3")]})
    told(plan, table, {C: [[b"high"]]})
    assert plan.replies == [[b"low", b"high", b"2"], [b"low", None]]


def test_the_error_of_a_part_is_that_of_the_call(table: SlotTable) -> None:
    plan = SendPlan([Command("MGET", HIGH, LOW)])
    refused = ResponseError("WRONGTYPE")
    told(plan, table, {A: [refused], B: [[b"high"]]})
    assert plan.replies == [refused]


def test_what_any_node_answers_is_asked_of_one_that_lives(table: SlotTable) -> None:
    plan = SendPlan([Command("PUBLISH", "channel", "message")])
    told(plan, table, {A: redis.ConnectionError()})
    assert sent(plan, table) == {B: [("PUBLISH", "channel", "message")]}


def test_an_index_is_written_before_what_it_names(table: SlotTable) -> None:
    plan = SendPlan([Command("ZADD", LOW), Command("SET", HIGH), Command("GET", HIGH)])
    assert sent(plan, table) == {A: [("ZADD", LOW)]}
    told(plan, table, {A: [1]})
    assert sent(plan, table) == {B: [("SET", HIGH), ("GET", HIGH)]}
    told(plan, table, {B: [b"OK", b"v"]})
    assert not plan.todo
    assert plan.replies == [1, b"OK", b"v"]


def test_what_an_index_names_is_not_written_where_the_index_is_refused(table: SlotTable) -> None:
    """Nobody would look into a mailbox without its mark, and another node has it, which does not refuse."""
    plan = SendPlan([Command("ZADD", LOW), Command("SET", HIGH), Command("GET", LOW)])
    refused = ResponseError("NOREPLICAS Not enough good replicas to write.")
    told(plan, table, {A: [refused]})
    assert not plan.todo
    assert plan.replies == [refused] * 3


def test_moved_goes_to_the_node_it_names_with_all_behind_it_in_the_slot(table: SlotTable) -> None:
    plan = SendPlan([Command("SET", LOW, 1), Command("SET", HIGH, 1), Command("SET", LOW, 2)])
    told(plan, table, {A: [MovedError("5061 10.0.0.3:3"), b"late"], B: [b"OK"]})
    assert plan.stale
    assert plan.first == C
    assert sent(plan, table) == {C: [("SET", LOW, 1), ("SET", LOW, 2)]}
    assert table.owner(5061) == C


def test_ask_is_for_one_call_and_those_behind_it_wait(table: SlotTable) -> None:
    plan = SendPlan([Command("SET", LOW, 1), Command("SET", LOW, 2)])
    told(plan, table, {A: [AskError("5061 10.0.0.3:3"), b"early"]})
    assert sent(plan, table) == {C: [("ASKING",), ("SET", LOW, 1)]}
    assert not plan.stale
    told(plan, table, {C: [b"OK", b"one"]})
    assert sent(plan, table) == {A: [("SET", LOW, 2)]}
    told(plan, table, {A: [b"two"]})
    assert plan.replies == [b"one", b"two"]


def test_a_script_that_a_node_does_not_know_is_sent_with_its_source_there(table: SlotTable) -> None:
    class Known:
        by_hash = staticmethod(lambda: ("EVALSHA", "sha", 1, LOW))
        by_source = staticmethod(lambda: ("EVAL", "source", 1, LOW))
        read = staticmethod(lambda reply: reply)

    plan = SendPlan([Known()])
    told(plan, table, {A: [AskError("5061 10.0.0.3:3")]})
    told(plan, table, {C: [b"OK", NoScriptError("no script")]})
    assert sent(plan, table) == {C: [("ASKING",), ("EVAL", "source", 1, LOW)]}


@pytest.mark.parametrize("refusal", [TryAgainError("split"), ClusterDownError("down"), ConnectionError("not ours")])
def test_what_passes_is_tried_again_after_a_while(table: SlotTable, refusal: Exception) -> None:
    plan = SendPlan([Command("GET", LOW)])
    told(plan, table, {A: [refusal]})
    passes = not isinstance(refusal, ConnectionError)
    assert (plan.wait, plan.stale, plan.todo) == (passes, passes, passes)
    assert plan.replies == [None if passes else refusal]


def test_a_slot_of_nobody_is_waited_for() -> None:
    table = SlotTable.of(SLOTS[:1], A)
    plan = SendPlan([Command("GET", HIGH)])
    assert plan.packets(table) == {}
    assert plan.wait
    assert isinstance(plan.problem, ClusterDownError)


def test_redirections_without_end_are_waited_for(table: SlotTable) -> None:
    plan = SendPlan([Command("GET", LOW)])
    for to, here in [("10.0.0.3:3", A), ("10.0.0.1:1", C)] * 3:
        assert not plan.wait
        told(plan, table, {here: [MovedError(f"5061 {to}")]})
    assert plan.wait


def test_what_is_no_matter_of_clusters_is_raised(table: SlotTable) -> None:
    with pytest.raises(TypeError):
        told(SendPlan([Command("GET", LOW)]), table, {A: TypeError("a word that cannot be sent")})
