"""The store does what LangGraph's own store in memory does: each case runs on both, with the same assertions."""

import asyncio
import itertools
import threading
from collections.abc import Sequence
from typing import Any

import pytest
import redis
from fakes import servers
from fakes.broken_wire import BrokenWire
from fakes.graph_stores import aembed, embed, keys_of
from fakes.patience import PATIENCE
from fakes.valkey import wait_until
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from langgraph.store.base import (
    BaseStore,
    GetOp,
    IndexConfig,
    InvalidNamespaceError,
    ListNamespacesOp,
    MatchCondition,
    Op,
    PutOp,
    SearchOp,
)
from langgraph.store.memory import InMemoryStore

from adapters.redis import AsyncRedisStore, RedisStore
from adapters.redis.graph_store import plans
from adapters.redis.graph_store.plans import ITEMS, NAMES, PAGE_BYTES
from adapters.redis.keys import Keys
from adapters.redis.transport.connection import SyncDatabase
from adapters.redis.transport.scripts import Command

# Items.


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"a": 1, "b": 1.5, "c": None, "d": True, "e": [1, {"f": []}], "g": {"h": {"i": "j"}}},
        {"ü€😀": "\udc80 \0 \u202e", "": "empty key"},
        {"big": 10**40, "inf": float("inf")},
        {"$eq": 1},
    ],
)
async def test_an_item_comes_back_as_it_was_put(store: BaseStore, value: dict[str, Any]) -> None:
    await store.aput(("users", "u1"), "profile", value)
    item = await store.aget(("users", "u1"), "profile")
    assert item is not None
    assert (item.namespace, item.key, item.value) == (("users", "u1"), "profile", value)
    (found,) = await store.asearch(("users",))
    assert (found.namespace, found.key, found.value, found.score) == (item.namespace, item.key, value, None)


async def test_what_is_not_there_is_none(store: BaseStore) -> None:
    await store.aput(("a",), "k", {"x": 1})
    assert await store.aget(("a",), "other") is None
    assert await store.aget(("b",), "k") is None
    await store.adelete(("a",), "other")
    await store.adelete(("b",), "k")
    await store.adelete(("a",), "k")
    assert await store.aget(("a",), "k") is None
    assert await store.asearch(()) == []


async def test_a_value_that_was_given_is_not_shared(store: BaseStore) -> None:
    given = {"x": 1}
    await store.aput(("a",), "k", given)
    given["x"] = 2
    item = await store.aget(("a",), "k")
    assert item is not None
    assert item.value == {"x": 1}


@pytest.mark.parametrize("namespace", [(), ("",), ("a.b",), ("langgraph",), (1,)])
async def test_a_namespace_that_langgraph_refuses_is_refused(store: BaseStore, namespace: Any) -> None:
    with pytest.raises(InvalidNamespaceError):
        await store.aput(namespace, "k", {"x": 1})


async def test_names_hold_any_text(store: BaseStore) -> None:
    odd = ["%", "{}", "}x{", ":", "*", "ü", "%00", "a b", "a"]
    for label in odd:
        await store.aput((label,), label, {"label": label})
        await store.aput(("x", label), label, {"label": label})
    for label in odd:
        item = await store.aget(("x", label), label)
        assert item is not None
        assert item.value == {"label": label}
        assert await keys_of(store, label) == [label]
    assert set(await store.alist_namespaces()) == {(label,) for label in odd} | {("x", label) for label in odd}


async def test_one_batch_reads_the_state_before_its_puts_and_the_last_put_of_a_key_wins(store: BaseStore) -> None:
    await store.aput(("a",), "old", {"x": 0})
    ops: list[Op] = [
        PutOp(("a",), "new", {"x": 1}),
        GetOp(("a",), "new"),
        PutOp(("a",), "new", {"x": 2}),
        SearchOp(("a",)),
        PutOp(("a",), "old", None),
        GetOp(("a",), "old"),
        ListNamespacesOp(),
        PutOp(("b",), "k", {"x": 3}),
        PutOp(("b",), "k", None),
    ]
    results: list[Any] = await store.abatch(ops)
    assert [results[place] for place in (0, 1, 2, 4, 7, 8)] == [None] * 6
    assert [item.key for item in results[3]] == ["old"]
    assert results[5].value == {"x": 0}
    assert results[6] == [("a",)]
    assert [(item.key, item.value) for item in await store.asearch(("a",))] == [("new", {"x": 2})]
    assert await store.asearch(("b",)) == []


async def test_an_unknown_operation_is_refused(store: BaseStore) -> None:
    with pytest.raises(ValueError, match="Unknown operation type"):
        await store.abatch(["get"])  # type: ignore[list-item]


# Searches.


async def test_a_search_is_by_whole_labels_and_in_the_order_of_the_first_put(store: BaseStore) -> None:
    for number in (3, 1, 2):
        await store.aput(("user",), f"k{number}", {"n": number})
    await store.aput(("users",), "other", {"n": 0})
    await store.aput(("user", "deep"), "below", {"n": 4})
    await store.aput(("user",), "k1", {"n": 10})
    assert await keys_of(store, "user") == ["k3", "k1", "k2", "below"]
    assert await keys_of(store, "user", "deep") == ["below"]
    assert await keys_of(store, "us") == []
    assert sorted(await keys_of(store)) == ["below", "k1", "k2", "k3", "other"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"color": "red"}, "ac"),
        ({"color": {"$eq": "red"}}, "ac"),
        ({"color": {"$ne": "red"}}, "bd"),
        ({"n": {"$gt": 1}}, "bcd"),
        ({"n": {"$gte": 1}}, "abcd"),
        ({"n": {"$lt": 3}}, "ab"),
        ({"n": {"$lte": 3, "$gt": 1}}, "bc"),
        ({"n": {"$gt": 1}, "color": "red"}, "c"),
        ({"tags": ["x", "y"]}, "a"),
        ({"tags": ("x", "y")}, "a"),
        ({"deep": {"in": {"side": 1}}}, "a"),
        ({"deep": {"in": {"side": {"$gt": 1}}}}, "bcd"),
        ({"missing": None}, "abcd"),
        ({"missing": 1}, ""),
        ({}, "abcd"),
    ],
)
async def test_filters(store: BaseStore, wanted: dict[str, Any], found: str) -> None:
    for number, (key, color) in enumerate(zip("abcd", ("red", "blue", "red", "green"), strict=True), 1):
        tags = ["x", "y"] if key == "a" else ["x"]
        value = {"n": number, "color": color, "tags": tags, "deep": {"in": {"side": number}}}
        await store.aput(("f",), key, value)
    assert "".join(await keys_of(store, "f", filter=wanted)) == found
    paged = [await keys_of(store, "f", filter=wanted, limit=2, offset=at) for at in (0, 2, 4)]
    assert "".join(key for page in paged for key in page) == found


async def test_an_unknown_operator_is_refused(store: BaseStore) -> None:
    await store.aput(("f",), "k", {"n": 1})
    with pytest.raises(ValueError, match="Unsupported operator"):
        await store.asearch(("f",), filter={"n": {"$near": 1}})


async def test_pages_of_a_search_over_many_namespaces_are_the_whole(store: BaseStore) -> None:
    many = NAMES + 20
    await store.abatch(
        [PutOp(("big", f"{name:03}"), f"{key}", {"n": key}) for name in range(many) for key in range(1 + name % 3)]
    )
    every = await store.asearch(("big",), limit=10_000)
    assert len(every) == sum(1 + name % 3 for name in range(many))
    pages = [await store.asearch(("big",), limit=70, offset=at) for at in range(0, len(every) + 70, 70)]
    assert [item for page in pages for item in page] == every
    assert len(await store.asearch(("big",), filter={"n": 2}, limit=1_000)) == many // 3


async def test_a_large_namespace_is_read_in_pages(store: BaseStore) -> None:
    many = 2 * ITEMS + 30
    await store.abatch([PutOp(("big",), f"{key}", {"n": key}) for key in range(many)])
    found = await store.asearch(("big",), filter={"n": {"$gte": ITEMS - 1}}, limit=many)
    assert [item.value["n"] for item in found] == list(range(ITEMS - 1, many))
    assert await keys_of(store, "big", limit=2, offset=many - 1) == [f"{many - 1}"]
    assert await keys_of(store, "big", limit=0) == []


# Namespaces.


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, ["a", "a b c", "a b d e", "a b d i", "a b f", "a c f", "b b"]),
        ({"prefix": ("a", "b")}, ["a b c", "a b d e", "a b d i", "a b f"]),
        ({"prefix": ("a", "*", "f")}, ["a b f", "a c f"]),
        ({"prefix": ("*", "b")}, ["a b c", "a b d e", "a b d i", "a b f", "b b"]),
        ({"suffix": ("f",)}, ["a b f", "a c f"]),
        ({"suffix": ("b", "*")}, ["a b c", "a b f", "b b"]),
        ({"prefix": ("a",), "suffix": ("d", "e")}, ["a b d e"]),
        ({"prefix": ("a", "b"), "max_depth": 3}, ["a b c", "a b d", "a b f"]),
        ({"max_depth": 1}, ["a", "b"]),
        ({"max_depth": 2, "limit": 2, "offset": 1}, ["a b", "a c"]),
        ({"limit": 2}, ["a", "a b c"]),
        ({"offset": 6}, ["b b"]),
        ({"prefix": ("none",)}, []),
    ],
)
async def test_namespaces_are_listed(store: BaseStore, asked: dict[str, Any], found: list[str]) -> None:
    for name in ("b b", "a b d i", "a", "a b c", "a b d e", "a b f", "a c f"):
        await store.aput(tuple(name.split()), "k", {"x": 1})
    assert [" ".join(each) for each in await store.alist_namespaces(**asked)] == found


async def test_an_unknown_kind_of_match_is_refused(store: BaseStore) -> None:
    await store.aput(("a",), "k", {"x": 1})
    with pytest.raises(ValueError, match="Unsupported match type"):
        await store.abatch([ListNamespacesOp((MatchCondition("infix", ("a",)),))])  # type: ignore[arg-type]


# Vectors.


async def test_a_query_finds_the_most_similar_first(vectors: BaseStore) -> None:
    for key, text in {"1": "aaaa", "2": "aabb", "3": "bbbb", "4": "dddd"}.items():
        await vectors.aput(("docs",), key, {"text": text, "even": int(key) % 2 == 0})
    found = await vectors.asearch(("docs",), query="aaa")
    assert [item.key for item in found] == ["1", "2", "3", "4"]
    assert [item.score for item in found] == pytest.approx([1, 0.71, 0.006, 0.006], abs=2e-3)
    assert await keys_of(vectors, "docs", query="aaa", filter={"even": True}) == ["2", "4"]
    assert await keys_of(vectors, "docs", query="aaa", limit=2, offset=1) == ["2", "3"]
    assert await keys_of(vectors, "docs", limit=2) == ["1", "2"]
    assert await keys_of(vectors, "none", query="aaa") == []


async def test_index_says_what_is_embedded(vectors: BaseStore) -> None:
    await vectors.aput(("docs",), "not", {"text": "aaaa"}, index=False)
    await vectors.aput(("docs",), "field", {"text": "bbbb", "title": "aaaa"}, index=["title"])
    await vectors.aput(("docs",), "each", {"parts": [{"t": "cccc"}, {"t": "aab"}]}, index=["parts[*].t"])
    await vectors.aput(("docs",), "lacking", {"other": "aaaa"})
    found = await vectors.asearch(("docs",), query="aaaa")
    assert [item.key for item in found] == ["field", "each", "not", "lacking"]
    assert [item.score is None for item in found] == [False, False, True, True]


async def test_two_queries_in_one_batch(vectors: BaseStore) -> None:
    await vectors.abatch([PutOp(("docs",), "a", {"text": "aaaa"}), PutOp(("docs",), "b", {"text": "bbbb"})])
    one, other = await vectors.abatch([SearchOp(("docs",), query="bb"), SearchOp(("docs",), query="aa", limit=1)])
    assert [item.key for item in one] == ["b", "a"]  # type: ignore[union-attr]
    assert [item.key for item in other] == ["a"]  # type: ignore[union-attr]


async def test_a_query_without_an_index_lists(store: BaseStore) -> None:
    await store.aput(("docs",), "k", {"text": "aaaa"}, index=["text"])
    (found,) = await store.asearch(("docs",), query="a")
    assert found.score is None


# What only ours has.


@pytest.mark.parametrize(
    ("value", "error", "said"),
    [
        ({"a": {"b": [1, {2}]}}, TypeError, r"value\['a'\]\['b'\]\[1\] is of type set"),
        ({"a": {1: 2}}, TypeError, r"value\['a'\] has the key 1"),
        ({"a": b"x"}, TypeError, "of type bytes"),
        ([1], TypeError, "is a dict, not list"),
    ],
)
async def test_what_json_cannot_hold_is_refused_before_anything_is_written(
    redis_url: str, value: Any, error: type[Exception], said: str
) -> None:
    async with AsyncRedisStore.from_conn_string(redis_url) as store:
        with pytest.raises(error, match=said):
            await store.abatch([PutOp(("a",), "good", {"x": 1}), PutOp(("a",), "bad", value)])
        assert await store.asearch(()) == []
        circle: dict[str, Any] = {}
        circle["self"] = circle
        with pytest.raises(ValueError, match="or holds itself"):
            await store.aput(("a",), "k", circle)


async def test_an_item_keeps_when_it_was_created(redis_url: str) -> None:
    async with AsyncRedisStore.from_conn_string(redis_url) as store:
        await store.aput(("a",), "k", {"x": 1})
        first = await store.aget(("a",), "k")
        await store.aput(("a",), "k", {"x": (1, 2)})
        second = await store.aget(("a",), "k")
    assert first is not None
    assert second is not None
    assert second.created_at == first.created_at == first.updated_at < second.updated_at
    assert second.value == {"x": [1, 2]}, "a tuple is a list in JSON"


async def test_an_item_without_a_number_does_not_match_a_comparison(redis_url: str) -> None:
    async with AsyncRedisStore.from_conn_string(redis_url) as store:
        values: dict[str, dict[str, Any]] = {"1": {"n": 5}, "2": {}, "3": {"n": "x"}}
        await store.abatch([PutOp(("a",), key, value) for key, value in values.items()])
        assert await keys_of(store, "a", filter={"n": {"$gt": 1}}) == ["1"]


async def test_ended_items_are_never_seen_and_redis_deletes_them(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        async with AsyncRedisStore.from_conn_string(redis_url, ttl={"default_ttl": 0.002}) as store:
            await store.aput(("mixed",), "stays", {"n": 1}, ttl=None)
            await store.abatch([PutOp(("mixed",), "ends", {"n": 2}, ttl=0.002)])
            await store.aput(("all",), "ends", {"n": 3})
            assert 0 < client.pttl(Keys().items("all\0")) <= 120
            assert client.pttl(Keys().items("mixed\0")) == -1
            await asyncio.to_thread(wait_until, lambda: not client.exists(Keys().items("all\0")), "the item ended")
            await asyncio.to_thread(
                wait_until,
                lambda: (client.zscore(Keys().expiry("mixed\0"), "ends") or 0) < client.time()[0] * 1000,
                "the other too",
            )
            assert await keys_of(store) == ["stays"]
            assert await keys_of(store, "mixed", filter={"n": {"$gt": 0}}) == ["stays"]
            assert await store.aget(("all",), "ends") is None
            assert await store.alist_namespaces() == [("mixed",)]
            assert client.hlen(Keys().items("mixed\0")) == 1


async def test_a_sweep_deletes_what_ended(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client, RedisStore.from_conn_string(redis_url) as store:
        store.batch([PutOp(("a",), "stays", {"n": 1}), PutOp(("a",), "ends", {"n": 2}, ttl=0.0001)])
        wait_until(lambda: store.sweep_ttl() == 1, "one item is swept")
        assert client.hkeys(Keys().items("a\0")) == [b"stays"]
        assert client.zcard(Keys().expiry("a\0")) == 0


async def test_any_call_sweeps_when_a_sweep_is_due(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        async with AsyncRedisStore.from_conn_string(redis_url, ttl={"sweep_interval_minutes": 1}) as store:
            await store.abatch([PutOp(("a",), "stays", {"n": 1}), PutOp(("a",), "ends", {"n": 2}, ttl=0.0001)])
            store._plans.sweep_every = 0.0

            def swept() -> bool:
                store.get(("b",), "k")
                return bool(client.hlen(Keys().items("a\0")) == 1)

            await asyncio.to_thread(wait_until, swept, "a get swept another namespace")


async def test_a_sweep_that_fails_fails_no_call_and_is_not_tried_at_each(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with redis.Redis.from_url(redis_url) as client:
        async with AsyncRedisStore.from_conn_string(redis_url, ttl={"sweep_interval_minutes": 1}) as store:
            await store.aput(("a",), "k", {"n": 1})
            client.set(Keys().expiry("wrong\0"), "of somebody else", px=60_000)
            client.zadd(Keys().namespaces(), {"wrong\0": 0})
            monkeypatch.setattr(store._plans, "_swept", -60.0)
            before = store._plans.should_sweep
            assert await store.aget(("a",), "k") is not None
            assert [before, store._plans.should_sweep] == [True, False]
            client.zrem(Keys().namespaces(), "wrong\0")


@pytest.mark.parametrize("search", [False, True])
@pytest.mark.parametrize(
    ("refresh_on_read", "refresh_ttl"), [(True, None), (False, True), (False, None), (True, False)]
)
async def test_a_read_starts_the_ttl_again_where_it_should(
    redis_url: str, *, search: bool, refresh_on_read: bool, refresh_ttl: bool | None
) -> None:
    refreshed = refresh_ttl if refresh_ttl is not None else refresh_on_read
    with redis.Redis.from_url(redis_url) as client:
        config: Any = {"default_ttl": 10, "refresh_on_read": refresh_on_read}
        async with AsyncRedisStore.from_conn_string(redis_url, ttl=config) as store:
            await store.aput(("a",), "k", {"x": 1})
            client.zadd(Keys().expiry("a\0"), {"k": client.time()[0] * 1000 + 60_000})
            if search:
                await store.asearch(("a",), refresh_ttl=refresh_ttl)
            else:
                await store.aget(("a",), "k", refresh_ttl=refresh_ttl)
            left = client.zscore(Keys().expiry("a\0"), "k") - client.time()[0] * 1000
            assert (left > 500_000) == refreshed


async def test_a_ttl_longer_than_redis_takes_is_as_long_as_it_takes(redis_url: str) -> None:
    async with AsyncRedisStore.from_conn_string(redis_url) as store:
        await store.aput(("a",), "k", {"x": 1}, ttl=1e300)
        assert await store.aget(("a",), "k") is not None
        assert await keys_of(store, "a") == ["k"]


@pytest.mark.parametrize("ttl", [0, -1, float("nan"), float("inf")])
async def test_a_ttl_that_is_none_is_refused(redis_url: str, ttl: float) -> None:
    async with AsyncRedisStore.from_conn_string(redis_url) as store:
        with pytest.raises(ValueError, match="a number of minutes above 0"):
            await store.aput(("a",), "k", {"x": 1}, ttl=ttl)
    with pytest.raises(ValueError, match="ttl: default_ttl is"):
        RedisStore(SyncDatabase.from_url(redis_url), ttl={"default_ttl": ttl})


def test_a_wrong_index_is_refused(sync_database: SyncDatabase) -> None:
    for index, said in [
        ({"embed": embed}, "dims is None"),
        ({"dims": 0, "embed": embed}, "dims is 0"),
        ({"dims": 4}, "embed is missing"),
    ]:
        with pytest.raises(ValueError, match=said):
            RedisStore(sync_database, index=index)  # type: ignore[arg-type]


async def test_a_model_that_gives_other_vectors_writes_nothing(redis_url: str) -> None:
    async with AsyncRedisStore.from_conn_string(redis_url, index={"dims": 3, "embed": aembed}) as store:
        with pytest.raises(ValueError, match="gives 4 dimensions, but index: dims is 3"):
            await store.abatch([PutOp(("a",), "k", {"text": "aaaa"}), PutOp(("b",), "k", {"x": 1}, index=False)])
        assert await store.asearch(()) == []


@pytest.mark.parametrize("index", ["text", True, [1]])
async def test_what_is_no_list_of_paths_is_refused_before_anything_is_written(redis_url: str, index: Any) -> None:
    async with AsyncRedisStore.from_conn_string(redis_url, index={"dims": 4, "embed": aembed}) as store:
        with pytest.raises(TypeError, match="it is a list of paths"):
            await store.aput(("a",), "k", {"text": "a"}, index=index)
        assert await store.asearch(()) == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "gave 0 vectors for 1 texts"),
        ([[1.0] * 4, [1.0] * 4], "gave 2 vectors for 1 texts"),
        ([[1.0, float("nan"), 1.0, 1.0]], "holds no finite numbers"),
        ([[1e300, 1.0, 1.0, 1.0]], "holds no finite numbers"),
        ([["a", "b", "c", "d"]], "could not convert string to float"),
        (None, "something else than a list of vectors"),
        ([None], "something else than a list of vectors"),
        ([1.0], "something else than a list of vectors"),
    ],
)
async def test_what_is_no_vector_is_refused(redis_url: str, given: Any, said: str) -> None:
    async def wrong(texts: Sequence[str]) -> Any:
        return embed(texts) if texts == ["right"] else given

    async with AsyncRedisStore.from_conn_string(redis_url, index={"dims": 4, "embed": wrong}) as store:
        with pytest.raises(ValueError, match=said):
            await store.aput(("a",), "k", {"text": "aaaa"})
        assert await store.asearch(()) == []


async def test_what_the_model_raises_comes_out_and_nothing_is_written(redis_url: str) -> None:
    async def broken(texts: Sequence[str]) -> list[list[float]]:
        raise ConnectionError(f"{len(texts)} texts were not embedded")

    async with AsyncRedisStore.from_conn_string(redis_url, index={"dims": 4, "embed": broken}) as store:
        for call in (store.aput(("a",), "k", {"text": "aaaa"}), store.asearch(("a",), query="aaaa")):
            with pytest.raises(ConnectionError, match="1 texts were not embedded"):
                await call
        assert await store.asearch(()) == await store.alist_namespaces() == []


async def test_a_slow_model_does_not_block_the_event_loop(redis_url: str) -> None:
    asked, released = threading.Event(), threading.Event()

    def slow(texts: Sequence[str]) -> list[list[float]]:
        asked.set()
        assert released.wait(PATIENCE)
        return embed(texts)

    async with AsyncRedisStore.from_conn_string(redis_url, index={"dims": 4, "embed": slow}) as store:
        putting = asyncio.create_task(store.aput(("a",), "k", {"text": "aaaa"}))
        await asyncio.to_thread(asked.wait, PATIENCE)
        assert await store.aget(("a",), "k") is None
        released.set()
        await putting
        assert await keys_of(store, "a", query="aaaa") == ["k"]


async def test_the_texts_of_a_batch_are_embedded_in_one_call_and_each_once(redis_url: str) -> None:
    calls: list[list[str]] = []

    async def counted(texts: Sequence[str]) -> list[list[float]]:
        calls.append(list(texts))
        return embed(texts)

    async with AsyncRedisStore.from_conn_string(
        redis_url, index={"dims": 4, "embed": counted, "fields": ["text"]}
    ) as store:
        texts = ["aa", "bb", "aa", "cc", "skipped"]
        ops: list[Op] = [PutOp(("a",), str(n), {"text": text}) for n, text in enumerate(texts)]
        await store.abatch(
            [*ops[:-1], PutOp(("a",), "not", {"text": "skipped"}, index=False), PutOp(("a",), "0", None)]
        )
        assert calls == [["bb", "aa", "cc"]]
        calls.clear()
        await store.abatch([SearchOp(("a",), query=query) for query in ("aa", "bb", "aa")])
        assert sorted(calls) == [["aa"], ["bb"]]


async def test_other_tasks_run_between_the_pages_of_a_search(redis_url: str) -> None:
    """The comparison of a page takes milliseconds, and a search of a large prefix is many pages."""
    async with AsyncRedisStore.from_conn_string(redis_url, index={"dims": 4, "embed": aembed}) as store:
        pages = 6
        await store.abatch([PutOp(("a",), str(n), {"text": "ab"}) for n in range(pages * ITEMS)])
        searching = asyncio.create_task(store.asearch(("a",), query="aaaa"))
        turns = 0
        while not searching.done():
            await asyncio.sleep(0)
            turns += 1
        assert len(await searching) == 10
        assert turns > pages


async def test_vectors_of_another_model_are_not_compared(redis_url: str) -> None:
    async with AsyncRedisStore.from_conn_string(redis_url, index={"dims": 4, "embed": aembed}) as store:
        await store.aput(("a",), "k", {"text": "aaaa"})

    async def two(texts: Sequence[str]) -> list[list[float]]:
        return [vector[:2] for vector in embed(texts)]

    async with AsyncRedisStore.from_conn_string(redis_url, index={"dims": 2, "embed": two}) as store:
        (found,) = await store.asearch(("a",), query="aaaa")
        assert found.score is None
        await store.aput(("a",), "k", {"text": "aaaa"})
        (found,) = await store.asearch(("a",), query="aaaa")
        assert found.score is not None


async def test_a_put_replaces_the_vectors_of_the_item(redis_url: str) -> None:
    async with AsyncRedisStore.from_conn_string(redis_url, index={"dims": 4, "embed": aembed}) as store:
        await store.aput(("a",), "k", {"text": "aaaa"})
        await store.aput(("a",), "k", {"text": "bbbb"}, index=False)
        (found,) = await store.asearch(("a",), query="aaaa")
        assert found.score is None


async def test_blocking_calls_come_from_other_threads_only(redis_url: str) -> None:
    async with AsyncRedisStore.from_conn_string(redis_url) as store:
        await asyncio.to_thread(store.put, ("a",), "k", {"x": 1})
        assert (await asyncio.to_thread(store.search, ("a",)))[0].key == "k"
        with pytest.raises(asyncio.InvalidStateError, match="use RedisStore"):
            store.get(("a",), "k")


async def test_a_tool_may_call_from_an_event_loop_of_its_own(redis_url: str) -> None:
    async with AsyncRedisStore.from_conn_string(redis_url) as store:
        await asyncio.to_thread(lambda: asyncio.run(store.aput(("a",), "k", {"x": 1})))
        assert await keys_of(store, "a") == ["k"]


def test_a_call_after_the_end_of_the_event_loop_says_so(redis_url: str) -> None:
    async def make() -> AsyncRedisStore:
        async with AsyncRedisStore.from_conn_string(redis_url) as store:
            return store

    store = asyncio.run(make())
    with pytest.raises(asyncio.InvalidStateError, match="the event loop of this AsyncRedisStore has ended"):
        store.get(("a",), "k")
    with pytest.raises(asyncio.InvalidStateError, match="has ended"):
        asyncio.run(store.aget(("a",), "k"))


async def test_a_closed_store_says_so(redis_url: str) -> None:
    async with AsyncRedisStore.from_conn_string(redis_url) as store:
        await store.aput(("a",), "k", {"x": 1})
    with pytest.raises(redis.ConnectionError, match="closed"):
        await store.aget(("a",), "k")


def test_the_blocking_store_works_inside_an_event_loop_too(redis_url: str) -> None:
    async def both(store: RedisStore) -> None:
        await store.aput(("a",), "k", {"x": 1})
        store.put(("a",), "k2", {"x": 2})
        assert await keys_of(store, "a") == ["k", "k2"]

    with RedisStore.from_conn_string(redis_url) as store:
        asyncio.run(both(store))
        assert [item.key for item in store.search(("a",))] == ["k", "k2"]


async def test_two_prefixes_share_nothing(redis_url: str) -> None:
    async with AsyncRedisStore.from_conn_string(redis_url) as one:
        await one.aput(("a",), "k", {"x": 1})
    async with AsyncRedisStore.from_conn_string(redis_url, keys=Keys("other")) as other:
        assert await other.asearch(()) == []


async def test_a_namespace_that_another_process_emptied_is_listed_again(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        async with AsyncRedisStore.from_conn_string(redis_url) as one:
            await one.aput(("a",), "k", {"x": 1})
            client.delete(*(client.keys("*") or []))
            await one.aput(("a",), "k", {"x": 2})
            assert await one.alist_namespaces() == [("a",)]


async def test_an_old_entry_of_the_index_without_items_is_taken_off_and_a_fresh_one_stays(redis_url: str) -> None:
    """A process may die between the entry and the item; another may be about to write the item."""
    keys = Keys()
    with redis.Redis.from_url(redis_url) as client:
        client.zadd(keys.namespaces(), {"old\0": 0, "fresh\0": 0})
        client.zadd(keys.listed(), {"old\0": 1, "fresh\0": client.time()[0] * 1000})
        async with AsyncRedisStore.from_conn_string(redis_url) as store:
            assert await store.alist_namespaces() == []
            assert await store.asearch(()) == []
        assert client.zrange(keys.namespaces(), 0, -1) == client.zrange(keys.listed(), 0, -1) == [b"fresh\0"]


async def test_stores_that_put_at_once_agree(redis_url: str) -> None:
    """Each of several connections puts, deletes and ends items of the same namespaces at once."""

    async def work(store: AsyncRedisStore, worker: int) -> None:
        for number in range(40):
            namespace, key = (f"n{number % 3}",), f"k{number % 5}"
            if number % 4 == worker % 4:
                await store.adelete(namespace, key)
            else:
                await store.aput(namespace, key, {"n": number}, ttl=10 if number % 2 else None)

    async with AsyncRedisStore.from_conn_string(redis_url) as one, AsyncRedisStore.from_conn_string(redis_url) as other:
        await asyncio.gather(*(work((one, other)[worker % 2], worker) for worker in range(6)))
        listed = await one.alist_namespaces()
    keys = Keys()
    with redis.Redis.from_url(redis_url) as client:
        for name in ("n0\0", "n1\0", "n2\0"):
            items, order = client.hkeys(keys.items(name)), client.zrange(keys.order(name), 0, -1)
            assert sorted(items) == sorted(order)
            assert set(client.zrange(keys.expiry(name), 0, -1)) <= set(items)
            assert bool(items) == ((name.strip("\0"),) in listed)


async def test_two_items_of_one_batch_may_have_the_same_text(redis_url: str) -> None:
    """LangGraph's store in memory raises ValueError here."""
    async with AsyncRedisStore.from_conn_string(redis_url, index={"dims": 4, "embed": aembed}) as store:
        await store.abatch([PutOp(("a",), key, {"text": "aaaa"}) for key in "12"])
        assert [item.score is not None for item in await store.asearch(("a",), query="a")] == [True, True]


# What is wrong with the server, or with what is in it.


async def test_a_server_without_memory_refuses_puts_and_answers_reads() -> None:
    with servers.server() as full:
        config: Any = {"default_ttl": 5, "refresh_on_read": True}
        async with AsyncRedisStore.from_conn_string(f"redis://127.0.0.1:{full.port}/0", ttl=config) as store:
            await store.abatch([PutOp(("a",), "k", {"x": 1}, ttl=5), PutOp(("a",), "gone", {"x": 1}, ttl=5)])
            full.client.config_set("maxmemory", 1)
            for namespace in (("a",), ("new",)):
                with pytest.raises(redis.exceptions.OutOfMemoryError):
                    await store.aput(namespace, "other", {"x": 2})
            assert await store.aget(("a",), "k") is not None
            await store.adelete(("a",), "gone")
            assert await keys_of(store) == ["k"]
            assert await store.alist_namespaces() == [("a",)]
            full.client.config_set("maxmemory", 0)
            await store.aput(("a",), "other", {"x": 2})
            assert await keys_of(store, "a") == ["k", "other"]


@pytest.mark.promise("P1")
@pytest.mark.parametrize("way", ["requests", "replies"])
async def test_a_connection_that_is_lost_within_a_batch_loses_and_doubles_nothing(redis_url: str, way: str) -> None:
    """At each tenth of what goes over the wire, in either direction; the batch is sent again."""
    wire = BrokenWire(redis_url)

    def ops(number: int) -> list[Op]:
        puts = [PutOp((name, str(number)), key, {"n": number}, ttl=5) for name in "ab" for key in "12"]
        return [
            *puts,
            PutOp(("same",), str(number), {"n": number}),
            PutOp(("same",), "deleted", None),
            GetOp(("a",), "k"),
        ]

    async with wire.serving(), AsyncRedisStore.from_conn_string(wire.url) as store:
        await store.abatch(ops(0))
        before = getattr(wire.newest, way).passed
        await store.abatch(ops(1))
        whole = getattr(wire.newest, way).passed - before
        for number in range(2, 12):
            line = wire.newest
            cut = line.cut_request if way == "requests" else line.cut_reply
            cut(whole * (number - 2) // 10)
            await store.abatch(ops(number))
            assert line.lost.is_set()
        assert await keys_of(store, "same", limit=100) == [str(number) for number in range(12)]
        for number in range(12):
            assert [await keys_of(store, name, str(number)) for name in "ab"] == [["1", "2"]] * 2
        assert len(await store.alist_namespaces()) == 25


async def test_what_several_processes_see_of_one_key_is_one_history(redis_url: str) -> None:
    """No read gives a value that was replaced before the read began, or one that was not being put yet."""
    puts: dict[int, tuple[float, float]] = {}
    reads: list[tuple[float, float, int | None]] = []
    clock = asyncio.get_running_loop().time

    async def work(store: AsyncRedisStore, worker: int) -> None:
        for number in range(worker, 300, 6):
            began = clock()
            if number % 3:
                await store.aput(("a",), "k", {"n": number})
                puts[number] = began, clock()
            else:
                item = await store.aget(("a",), "k")
                reads.append((began, clock(), item.value["n"] if item else None))

    connect = AsyncRedisStore.from_conn_string
    async with connect(redis_url) as one, connect(redis_url) as two, connect(redis_url) as three:
        await asyncio.gather(*(work((one, two, three)[worker % 3], worker) for worker in range(6)))
        last = await one.aget(("a",), "k")
    assert last is not None
    reads.append((clock(), clock(), last.value["n"]))
    for began, ended, seen in reads:
        put_began, put_ended = puts[seen] if seen is not None else (0.0, 0.0)
        assert put_began <= ended
        replaced = [other for other, (start, end) in puts.items() if start > put_ended and end < began]
        assert not replaced, (seen, replaced)


async def test_nothing_that_is_stored_is_logged(redis_url: str, caplog: pytest.LogCaptureFixture) -> None:
    """A namespace may hold a customer's name, a key or a value a secret: not even a debug log has them."""
    caplog.set_level("DEBUG")
    secret = ("s3cret-space",), "s3cret-key", {"s3cret-field": "s3cret-value"}
    wire = BrokenWire(redis_url)
    async with wire.serving(), AsyncRedisStore.from_conn_string(wire.url, ttl={"sweep_interval_minutes": 1}) as store:
        await store.aput(*secret)
        wire.newest.cut_reply(3)
        await store.aput(*secret)
        with redis.Redis.from_url(redis_url) as client:
            client.set(Keys().order("s3cret-wrong\0"), "x", px=60_000)
            with pytest.raises(redis.ResponseError) as refused:
                await store.aput(("s3cret-wrong",), "s3cret-key", {})
        await store.asearch(("s3cret-space",), filter={"s3cret-field": "s3cret-value"})
    assert "s3cret" not in caplog.text
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("part", ["items", "order", "expiry", "vectors"])
async def test_a_key_of_another_type_stops_a_put_before_anything_is_written(redis_url: str, part: str) -> None:
    keys = Keys()
    with redis.Redis.from_url(redis_url) as client:
        async with AsyncRedisStore.from_conn_string(redis_url) as store:
            await store.aput(("a",), "k", {"x": 1})
            client.set(getattr(keys, part)("wrong\0"), "of somebody else")
            for ttl in (None, 5.0):
                with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
                    await store.aput(("wrong",), "k", {"x": 1}, ttl=ttl)
            assert client.keys("*wrong*") == [getattr(keys, part)("wrong\0").encode()]
            assert await keys_of(store, "a") == ["k"]
            client.delete(getattr(keys, part)("wrong\0"))
            await store.aput(("wrong",), "k", {"x": 1})
            assert await keys_of(store, "wrong") == ["k"]


@pytest.mark.parametrize("raw", [b"", b"\x01junk", b"\x01" + bytes(24) + b"{", b"\x01" + bytes(24) + b"1"])
async def test_an_item_that_is_damaged_in_redis_is_named_and_can_be_put_again(redis_url: str, raw: bytes) -> None:
    with redis.Redis.from_url(redis_url) as client:
        async with AsyncRedisStore.from_conn_string(redis_url) as store:
            await store.aput(("a",), "k", {"x": 1}, ttl=5)
            client.hset(Keys().items("a\0"), "k", raw)
            for call in (store.aget(("a",), "k"), store.asearch(("a",))):
                with pytest.raises(ValueError, match="the item 'k' is damaged in Redis"):
                    await call
            await store.aput(("a",), "k", {"x": 2})
            item = await store.aget(("a",), "k")
            assert item is not None
            assert item.value == {"x": 2}


async def test_an_item_of_a_newer_version_is_not_misread(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        async with AsyncRedisStore.from_conn_string(redis_url) as store:
            await store.aput(("a",), "k", {"x": 1})
            client.hset(Keys().items("a\0"), "k", b"\x02" + bytes(24) + b"{}")
            with pytest.raises(ValueError, match="'k' was written by a newer version of Signoff"):
                await store.aget(("a",), "k")


async def test_large_values_come_in_several_replies(redis_url: str) -> None:
    """A page of 500 items of 1 MB would be half a gigabyte, in Redis and in the process."""
    large = "x" * (PAGE_BYTES // 4)
    async with AsyncRedisStore.from_conn_string(redis_url) as store:
        ops = [PutOp(("a", str(n % 2)), str(n), {"n": n, "text": large}) for n in range(20)]
        await store.abatch(ops)
        names = [[str(n) for n in range(which, 20, 2)] for which in (0, 1)]
        assert await keys_of(store, "a", limit=100) == names[0] + names[1]
        assert await keys_of(store, "a", "1", limit=6, offset=3) == names[1][3:9]
        assert await keys_of(store, "a", filter={"n": {"$gte": 10}}, limit=100) == names[0][5:] + names[1][5:]
        page = (await store._database.run_all(store._plans._read("a\0000\0", "0")))[0]
        assert page.more
        assert len(page.rows) <= 5


def test_a_batch_that_redis_would_not_take_is_refused(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "MOST_BYTES", 2**20)
    with RedisStore.from_conn_string(redis_url) as store:
        store.batch([PutOp((name,), "k", {"text": "x" * 600_000}) for name in "ab"])
        with pytest.raises(ValueError, match="one batch puts 1 MB into one namespace, and Redis takes 1 MB at once"):
            store.batch([PutOp(("c",), key, {"text": "x" * 600_000}) for key in "12"])
        assert store.list_namespaces() == [("a",), ("b",)]


# Other deployments.


async def test_a_cluster_serves(ring: servers.Cluster) -> None:
    async with AsyncRedisStore.from_conn_string(ring.url, index={"dims": 4, "embed": aembed}) as store:
        spaces = [("cluster", f"n{number}") for number in range(20)]
        await store.abatch([PutOp(space, "k", {"text": "aaaa", "n": space[1]}) for space in spaces])
        assert len(await store.asearch(("cluster",), query="aaaa", limit=100)) == 20
        assert sorted(await store.alist_namespaces(prefix=("cluster",))) == sorted(spaces)
        await store.abatch([PutOp(space, "k", None) for space in spaces[1:]])

    def read() -> list[str]:
        with RedisStore.from_conn_string(ring.url) as blocking:
            return [item.value["n"] for item in blocking.search(("cluster",))]

    assert await asyncio.to_thread(read) == ["n0"]


@pytest.mark.promise("P1")
async def test_a_put_waits_out_the_death_of_a_primary() -> None:
    with servers.watched() as service:
        async with AsyncRedisStore.from_conn_string(service.url) as store:
            await store.aput(("a",), "1", {"x": 1})
            await asyncio.to_thread(servers.follow, service.replica, service.primary)
            service.primary.kill()
            await store.aput(("a",), "2", {"x": 2})
            assert await keys_of(store, "a") == ["1", "2"]


# The machine.

NAMESPACES = st.sampled_from([("a",), ("a", "b"), ("a", "b", "%"), ("ab",), ("b", "a"), ("%",)])
PREFIXES = st.sampled_from([(), ("a",), ("a", "b"), ("b",), ("ab",)])
ITEM_KEYS = st.sampled_from(["1", "2", "\udc80", ""])
VALUES = st.fixed_dictionaries(
    {"n": st.integers(0, 3), "text": st.text("abcd", min_size=1, max_size=4)},
    optional={"more": st.lists(st.booleans())},
)
FILTERS = st.sampled_from([None, None, {"n": 1}, {"n": {"$gte": 2}}, {"n": {"$ne": 0}, "more": []}])


def _text(put: Any) -> Any:
    return put[2]["text"] if put[2] else put[:2]


class StoreMachine(RuleBasedStateMachine):
    """Does the same to LangGraph's store in memory and to ours, each call by the next of three processes."""

    database: SyncDatabase

    def __init__(self) -> None:
        super().__init__()
        self.database.run(Command("FLUSHALL"))
        index: IndexConfig = {"dims": 4, "embed": embed, "fields": ["text"]}
        self.model = InMemoryStore(index=index)
        self.processes = itertools.cycle([RedisStore(self.database, index=index) for _ in range(3)])

    @property
    def ours(self) -> RedisStore:
        return next(self.processes)

    @rule(puts=st.lists(st.tuples(NAMESPACES, ITEM_KEYS, st.none() | VALUES), min_size=1, max_size=4, unique_by=_text))
    def put(self, puts: list[Any]) -> None:
        """Put different texts: the model cannot embed the same one twice in a batch."""
        ops = [PutOp(*put) for put in puts]
        assert self.ours.batch(ops) == self.model.batch(ops)

    @rule(namespace=NAMESPACES, key=ITEM_KEYS)
    def delete(self, namespace: tuple[str, ...], key: str) -> None:
        self.ours.delete(namespace, key)
        self.model.delete(namespace, key)

    @rule(namespace=NAMESPACES, key=ITEM_KEYS)
    def get(self, namespace: tuple[str, ...], key: str) -> None:
        ours, model = self.ours.get(namespace, key), self.model.get(namespace, key)
        assert (ours and ours.value) == (model and model.value)

    @rule(prefix=PREFIXES, wanted=FILTERS, offset=st.integers(0, 3))
    def search(self, prefix: tuple[str, ...], wanted: Any, offset: int) -> None:
        ours = self.ours.search(prefix, filter=wanted, limit=100)
        model = self.model.search(prefix, filter=wanted, limit=100)
        assert _shown(ours, key=lambda item: item.namespace) == _shown(model, key=lambda item: item.namespace)
        page = self.ours.search(prefix, filter=wanted, limit=2, offset=offset)
        assert page == ours[offset : offset + 2]

    @rule(prefix=PREFIXES, wanted=FILTERS, query=st.text("abcd", min_size=1, max_size=3))
    def query(self, prefix: tuple[str, ...], wanted: Any, query: str) -> None:
        ours = self.ours.search(prefix, filter=wanted, limit=100, query=query)
        model = self.model.search(prefix, filter=wanted, limit=100, query=query)
        assert _shown(ours, key=_name) == _shown(model, key=_name), "items of one score come in any order"
        assert [item.score for item in ours] == pytest.approx([item.score for item in model], abs=1e-5)

    @invariant()
    def lists_namespaces_that_have_items(self) -> None:
        for depth in (None, 1):
            there = {item.namespace[:depth] for item in self.model.search((), limit=1000)}
            assert self.ours.list_namespaces(max_depth=depth) == sorted(there)


def _name(item: Any) -> tuple[Any, str]:
    return item.namespace, item.key


def _shown(items: Sequence[Any], key: Any) -> list[Any]:
    return [(item.namespace, item.key, item.value) for item in sorted(items, key=key)]


def test_it_is_as_the_store_in_memory(sync_database: SyncDatabase) -> None:
    class Machine(StoreMachine):
        database = sync_database

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=40,
            stateful_step_count=20,
            deadline=None,
            database=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
