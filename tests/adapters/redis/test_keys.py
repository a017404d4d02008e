"""Names: one hash tag for all of a thread, whatever its id holds, and every kind of key documented."""

import dataclasses
import inspect
import re

import pytest
import redis
from fakes.valkey import stray_keys
from hypothesis import example, given
from hypothesis import strategies as st
from redis.crc import key_slot

from adapters.redis.key_kinds import DIRTY, KINDS, KeyKind
from adapters.redis.keys import WORK_PARTS, Keys, tag, thread_of
from adapters.redis.transport.scripts import Key

ODD = [
    "",
    "%",
    "{",
    "}",
    "{}",
    "a}b{c",
    "a:b",
    "a b",
    "\n\0\x7f",
    "ü€😀",
    "%7B",
    "slack:T1/C1/171.5",
    "*?[x]",
    "\udc80",
]
KEYS = Keys()


def made(kind: KeyKind, thread: str) -> Key:
    """Build a key of a kind, by the builder of its name."""
    build = getattr(KEYS, kind.name)
    values = {"thread": thread, "approval": f"{thread}#ab12", "lane": "card/ab12"}
    return Key(build(**{name: values.get(name, "a:b") for name in inspect.signature(build).parameters}))


def of_thread(thread: str) -> list[Key]:
    return [made(kind, thread) for kind in KINDS if kind.of_thread]


def hash_tag(key: str) -> str:
    """What Redis hashes: between the first `{` and the first `}` after it, where that is not empty."""
    found = re.search(r"\{([^}]+)\}", key)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("thread", ODD)
def test_all_keys_of_a_thread_share_its_hash_tag(thread: str) -> None:
    assert {hash_tag(key) for key in of_thread(thread)} == {tag(thread)}


@given(st.text())
@example("%")
@example("")
def test_a_thread_is_read_back_from_its_keys(thread: str) -> None:
    assert {thread_of(key) for key in of_thread(thread)} == {thread}


@given(st.text(), st.text())
@example("", "%")
@example("{", "%7B")
def test_two_threads_never_share_a_key(one: str, other: str) -> None:
    assert (KEYS.state(one) == KEYS.state(other)) == (one == other)


@given(st.text(), st.text(), st.text(), st.text())
@example("a:b", "c", "a", "b:c")
def test_parts_of_a_name_do_not_run_together(lane: str, message: str, other_lane: str, other_message: str) -> None:
    same = KEYS.seen("t", lane, message) == KEYS.seen("t", other_lane, other_message)
    assert same == ((lane, message) == (other_lane, other_message))


def test_an_approval_is_named_by_its_whole_id_or_by_its_part() -> None:
    assert KEYS.approval("t#1", "t#1#ab") == KEYS.approval("t#1", "ab")


def test_a_key_without_a_thread_says_so() -> None:
    with pytest.raises(ValueError, match="no thread in key 'signoff:meta'"):
        thread_of("signoff:meta")


@pytest.mark.parametrize("thread", ODD)
def test_every_builder_makes_its_own_kind(thread: str) -> None:
    assert {kind.name: KEYS.kind_of(made(kind, thread)) for kind in KINDS} == {kind.name: kind for kind in KINDS}


def test_every_kind_has_a_ttl_or_a_reason() -> None:
    for kind in KINDS:
        assert kind.lives or kind.reason, kind
        assert kind.content, kind


def test_events_are_remembered_for_longer_than_slack_repeats_them() -> None:
    """Slack repeats after 0, 1 and 5 minutes: https://docs.slack.dev/apis/events-api/#retries."""
    lives = next(kind.lives for kind in KINDS if kind.name == "event")
    assert lives is not None
    assert lives.total_seconds() >= 24 * 3600


@pytest.mark.parametrize("prefix", ["", "a{b", "a b", "x" * 65, "*"])
def test_a_prefix_that_would_break_names_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="key prefix"):
        Keys(prefix)


def test_two_prefixes_share_nothing() -> None:
    other = dataclasses.replace(KEYS, prefix="other")
    assert other.kind_of(KEYS.state("t")) is None
    assert other.state("t") == "other:{t}:state"


@pytest.mark.parametrize("thread", ["plain", "*?[x]", "a\\b", "{}"])
def test_the_pattern_of_a_thread_finds_its_keys_and_no_others(thread: str, redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        for of in (thread, "other", thread + "x"):
            client.set(KEYS.conversation(of), "1")
        assert list(client.scan_iter(KEYS.every_key_of(thread))) == [KEYS.conversation(thread).encode()]


def test_the_guard_of_tests_finds_what_lives_for_ever_without_a_reason(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.set(KEYS.conversation("t"), "1")
        client.set(KEYS.event("Ev1"), "1", ex=60)
        assert stray_keys(client) == []
        client.set(KEYS.event("Ev2"), "1")
        client.set("stranger", "1")
        assert sorted(stray_keys(client)) == ["signoff:event:Ev2 (lives for ever)", "stranger (unknown)"]
        client.flushall()


def test_on_a_cluster_the_index_of_work_has_a_part_in_each_range_of_slots() -> None:
    keys, parts = Keys(spread=True), Keys(spread=True).every_dirty()
    assert len(parts) == WORK_PARTS == 128
    for slot_range, part in enumerate(parts):
        assert key_slot(part.encode()) // 128 == slot_range
        assert keys.kind_of(part) is DIRTY
    for thread in ("C1/1.1", "", "{", "äö"):
        assert keys.dirty(thread) in parts
        assert key_slot(keys.dirty(thread).encode()) // 128 == key_slot(keys.mail(thread, "run").encode()) // 128


def test_the_names_on_a_single_server_and_of_the_parts_never_change() -> None:
    """They are stored: a process of another version looks for work there."""
    assert Keys().dirty("C1/1.1") == "signoff:dirty" == Keys().every_dirty()[0]
    assert Keys(spread=True).dirty("C1/1.1") == "signoff:dirty:{11}"
    assert Keys(spread=True).every_dirty()[:3] == ("signoff:dirty:{14}", "signoff:dirty:{10}", "signoff:dirty:{100}")


def test_on_a_cluster_the_keys_of_user_groups_are_in_one_slot() -> None:
    keys = Keys(spread=True)
    slots = {key_slot(each("T1").encode()) for each in (keys.usergroups, keys.changed, keys.reading)}
    assert len(slots) == 1
