"""What LangGraph's own tests of its stores demand, in our words: each case runs on its store in memory and on ours.

Where its stores differ among themselves ours does as the one in memory; docs/store.md says where that is seen.
"""

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import redis
from fakes.graph_stores import aembed, embed, keys_of
from langgraph.store.base import BaseStore, InvalidNamespaceError, Item, PutOp, SearchItem, SearchOp

from adapters.redis import AsyncRedisStore
from adapters.redis.keys import Keys

Namespace = tuple[str, ...]


async def filled(store: BaseStore, *namespaces: Namespace) -> None:
    for namespace in namespaces:
        await store.aput(namespace, "k", {"at": list(namespace)})


async def found_in(store: BaseStore, *prefix: str) -> set[Namespace]:
    return {item.namespace for item in await store.asearch(prefix, limit=100)}


# Namespaces.


async def test_a_prefix_ends_at_the_end_of_a_label(store: BaseStore) -> None:
    await filled(store, ("1",), ("1", "a"), ("1", "a", "b"), ("12",), ("12", "a"), ("1 ", "a"), ("1\n",))
    assert await found_in(store, "1") == {("1",), ("1", "a"), ("1", "a", "b")}
    assert await found_in(store, "1", "a") == {("1", "a"), ("1", "a", "b")}
    assert await found_in(store, "12") == {("12",), ("12", "a")}
    assert len(await found_in(store)) == 7
    assert await store.alist_namespaces(prefix=("1",)) == [("1",), ("1", "a"), ("1", "a", "b")]
    assert await store.alist_namespaces(suffix=("a",)) == [("1", "a"), ("1 ", "a"), ("12", "a")]
    assert await store.alist_namespaces(prefix=("1", "*", "b")) == [("1", "a", "b")]


@pytest.mark.parametrize(
    ("label", "other"),
    [
        ("a_b", "axb"),
        ("a%b", "axxb"),
        ("a[b]", "ab"),
        ("a?", "ab"),
        ("a*b", "axb"),
        ("a\\", "a"),
        ("A", "a"),
        ("^a", "a"),
    ],
)
async def test_a_label_is_no_pattern(store: BaseStore, label: str, other: str) -> None:
    await filled(store, (label,), (other,), (label, "below"))
    assert await found_in(store, label) == {(label,), (label, "below")}
    assert await store.alist_namespaces(prefix=(label,)) == [(label,), (label, "below")]
    assert await store.alist_namespaces(suffix=(other,)) == [(other,)]


async def test_a_prefix_may_be_a_list_and_a_suffix_too(store: BaseStore) -> None:
    await filled(store, ("a", "b"), ("a", "c"))
    many: Any = ["a"]
    assert len(await store.alist_namespaces(prefix=many, suffix=["c"])) == 1  # type: ignore[arg-type]


async def test_the_names_that_langgraph_keeps_are_refused_by_the_methods_and_not_by_a_batch(store: BaseStore) -> None:
    await store.aput(("a", "langgraph", "b"), "k", {"x": 1})
    await store.abatch([PutOp(("langgraph", "a"), "k", {"x": 2})])
    item = await store.aget(("langgraph", "a"), "k")
    assert item is not None
    assert await found_in(store) == {("a", "langgraph", "b"), ("langgraph", "a")}
    await store.adelete(("langgraph", "a"), "k")
    assert await found_in(store) == {("a", "langgraph", "b")}
    for bad in [("a", "b.c"), ("a", "")]:
        with pytest.raises(InvalidNamespaceError):
            await store.aput(bad, "k", {"x": 1})


async def test_an_empty_namespace_that_a_batch_puts_is_one(store: BaseStore) -> None:
    await store.abatch([PutOp((), "k", {"x": 1}), PutOp(("a",), "k2", {"x": 2})])
    assert sorted(await keys_of(store)) == ["k", "k2"]
    assert await store.alist_namespaces() == [(), ("a",)]


async def test_pages_of_namespaces_follow_one_another(store: BaseStore) -> None:
    every = [("all", f"{number:02}") for number in range(20)]
    await filled(store, *reversed(every))
    pages = [await store.alist_namespaces(prefix=("all",), limit=6, offset=at) for at in range(0, 24, 6)]
    assert [name for page in pages for name in page] == every


# Items.


async def test_items_say_when_they_were_put(store: BaseStore) -> None:
    await store.aput(("a",), "k", {"x": 1})
    first = await store.aget(("a",), "k")
    await store.aput(("a",), "k", {"x": 2})
    second = await store.aget(("a",), "k")
    assert first is not None
    assert second is not None
    assert type(first) is Item
    assert second.updated_at > first.updated_at
    assert first.created_at.tzinfo is not None
    assert first.dict().keys() == {"namespace", "key", "value", "created_at", "updated_at"}
    (found,) = await store.asearch(("a",))
    assert type(found) is SearchItem
    assert found.dict().keys() == {*first.dict(), "score"}


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"n": {"$lt": float("inf")}}, "abcd"),
        ({"n": {"$gt": float("-inf")}}, "abcd"),
        ({"n": {"$eq": float("nan")}}, ""),
        ({"n": {"$gt": float("nan")}}, ""),
        ({"n": {"$lt": 10**100}}, "abcd"),
        ({"n": {"$lt": 0}}, "d"),
        ({"n": {"$gt": "15"}}, "bc"),
        ({"n": {"$gte": 20.0, "$lt": 30}}, "b"),
        ({"on": True}, "ac"),
        ({"on": False}, "bd"),
        ({"on": None}, ""),
        ({"with-hyphen": "a"}, "a"),
        ({"1digit": "b"}, "b"),
        ({"deep.er": "dotted"}, "c"),
        ({"deep": {"er": "nested"}}, "d"),
        ({"name": "it's; -- \0"}, "a"),
        ({"name' OR 1=1": "x"}, ""),
        ({"deep": {"er": {"$ne": "nested"}}}, ""),
    ],
)
async def test_filters_with_odd_values_and_names(store: BaseStore, wanted: dict[str, Any], found: str) -> None:
    values: Mapping[str, dict[str, Any]] = {
        "a": {"n": 10, "on": True, "with-hyphen": "a", "name": "it's; -- \0"},
        "b": {"n": 20, "on": False, "1digit": "b"},
        "c": {"n": 30, "on": True, "deep.er": "dotted"},
        "d": {"n": -10, "on": False, "deep": {"er": "nested"}},
    }
    for key, value in values.items():
        await store.aput(("f",), key, value)
    assert "".join(await keys_of(store, "f", filter=wanted)) == found


@pytest.mark.parametrize("store", ["blocking", "asyncio"], indirect=True)  # that in memory is not safe for threads
async def test_many_threads_use_a_store_at_once(store: BaseStore) -> None:
    def work(worker: int) -> None:
        for number in range(20):
            space = ("many", str(number % 2))
            store.put(space, f"{worker} {number}", {"n": number})
            assert store.get(space, f"{worker} {number}") is not None
            assert store.search(("many",))
            assert store.list_namespaces(max_depth=1 + number % 2)
            if number % 4:
                store.delete(space, f"{worker} {number}")

    with ThreadPoolExecutor(8) as threads:
        loop = asyncio.get_running_loop()
        await asyncio.gather(*(loop.run_in_executor(threads, work, worker) for worker in range(8)))
    assert len(await store.asearch(("many",), limit=1000)) == 8 * 5


async def test_many_calls_at_once_on_one_event_loop(store: BaseStore) -> None:
    """The calls of one task come in its order; each key ends as its last call left it."""

    async def work(worker: int) -> None:
        for number in range(20):
            await store.aput(("many", str(number % 2)), str(worker), {"n": number})
            item = await store.aget(("many", str(number % 2)), str(worker))
            assert item is not None
            assert item.value == {"n": number}

    await asyncio.gather(*map(work, range(30)))
    assert sorted(item.value["n"] for item in await store.asearch(("many",), limit=100)) == [18] * 30 + [19] * 30


async def test_a_call_that_is_cancelled_disturbs_no_other(store: BaseStore) -> None:
    await store.aput(("a",), "k", {"x": 1})
    calls = [asyncio.create_task(store.aget(("a",), "k")) for _ in range(10)]
    await asyncio.sleep(0)
    for call in calls[::2]:
        call.cancel()
    got = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(item, Item) for item in got[1::2])
    assert await keys_of(store, "a") == ["k"]


# Embeddings.


async def test_a_score_is_the_cosine_of_the_embeddings(vectors: BaseStore) -> None:
    texts = ["a", "b", "abcd", "ccc", "", "xyz"]
    for text in texts:
        await vectors.aput(("t",), text, {"text": text})
    (query,) = np.asarray(embed(["abb"]))
    expected = {
        text: float(vector @ query / np.linalg.norm(vector) / np.linalg.norm(query))
        for text, vector in zip(texts, np.asarray(embed(texts)), strict=True)
    }
    found = {item.key: item.score for item in await vectors.asearch(("t",), query="abb")}
    assert found == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("query", ["", None])
async def test_without_a_query_nothing_has_a_score(vectors: BaseStore, query: str | None) -> None:
    await vectors.aput(("t",), "k", {"text": "a"})
    (found,) = await vectors.asearch(("t",), query=query)
    assert found.score is None


PATHS: Mapping[str, str] = {
    "text": "aaaa",
    "deep.text": "aaaa",
    "list[0]": "aaaa",
    "list[-1]": "bbbb",
    "list[*]": "aaaa",
    "rows[1].text": "bbbb",
    "rows[*].text": "bbbb",
    "deep.*": "aaaa",
    "{name,deep.text}": "aaaa",
    "rows[*].{text,more}": "dddd",
}


@pytest.mark.parametrize("path", PATHS)
async def test_a_path_says_which_texts_of_an_item_are_embedded(vectors: BaseStore, path: str) -> None:
    value = {
        "text": "aaaa",
        "name": "cccc",
        "deep": {"text": "aaaa"},
        "list": ["aaaa", "bbbb"],
        "rows": [{"text": "cccc", "more": "dddd"}, {"text": "bbbb"}],
    }
    await vectors.aput(("t",), "k", value, index=[path])
    (found,) = await vectors.asearch(("t",), query=PATHS[path])
    assert found.score == pytest.approx(1, abs=1e-5), "the best of its texts counts"


@pytest.mark.parametrize("path", ["none", "text[0]", "list[9]", "list[x]", "list[]", "{text", "deep.none", "list.text"])
async def test_a_path_that_leads_nowhere_embeds_nothing(vectors: BaseStore, path: str) -> None:
    await vectors.aput(("t",), "k", {"text": "aaaa", "list": ["aaaa"], "deep": {}}, index=[path])
    (found,) = await vectors.asearch(("t",), query="aaaa")
    assert found.score is None


async def test_several_fields_and_the_whole_value(redis_url: str) -> None:
    async with AsyncRedisStore.from_conn_string(
        redis_url, index={"dims": 4, "embed": aembed, "fields": ["one", "two"]}
    ) as store:
        await store.aput(("t",), "1", {"one": "aaaa", "three": "dddd"})
        await store.aput(("t",), "2", {"one": "cccc", "two": "aaaa"})
        assert [item.score for item in await store.asearch(("t",), query="aaaa")] == pytest.approx([1, 1], abs=1e-5)
        assert await keys_of(store, "t", query="cccc", limit=1) == ["2"]
        assert all((item.score or 1) < 0.1 for item in await store.asearch(("t",), query="dddd"))
    async with AsyncRedisStore.from_conn_string(redis_url, index={"dims": 4, "embed": aembed}) as store:
        await store.aput(("whole",), "k", {"any": "dd", "more": ["dddd"]})
        (found,) = await store.asearch(("whole",), query='{"any": "dd", "more": ["dddd"]}')
        assert found.score == pytest.approx(1)


async def test_an_item_that_is_put_again_is_found_by_its_new_text_only(vectors: BaseStore) -> None:
    await vectors.aput(("t",), "1", {"text": "aaaa"})
    await vectors.aput(("t",), "2", {"text": "bbbb"})
    await vectors.aput(("t",), "1", {"text": "cccc"})
    scores = {item.key: item.score or 0 for item in await vectors.asearch(("t",), query="aaaa")}
    assert scores["1"] < 0.1
    assert await keys_of(vectors, "t", query="cccc", limit=1) == ["1"]
    await vectors.adelete(("t",), "1")
    assert await keys_of(vectors, "t", query="cccc") == ["2"]


async def test_a_query_ranks_over_all_namespaces_under_the_prefix(vectors: BaseStore) -> None:
    await vectors.abatch([PutOp(("t", "a"), f"a{n}", {"text": "b" * (n + 1)}) for n in range(100)])
    await vectors.aput(("t", "m"), "match", {"text": "aaaa"})
    await vectors.abatch([PutOp(("t", "z"), f"z{n}", {"text": "c" * (n + 1)}) for n in range(100)])
    found = await vectors.asearch(("t",), query="aaaa", limit=10)
    assert len({(item.namespace, item.key) for item in found}) == 10
    assert found[0].key == "match"
    scores = [item.score or 0 for item in found]
    assert scores == sorted(scores, reverse=True)
    pages = [await vectors.asearch(("t",), query="aaaa", limit=70, offset=at) for at in (0, 70, 140)]
    assert len({(item.namespace, item.key) for page in pages for item in page}) == 201


async def test_any_language_is_stored_and_found(store: BaseStore) -> None:
    texts = ["这是中文", "これは日本語です", "이건 한국어야", "Это русский", "यह रूसी है", "😀\u200d"]
    for text in texts:
        await store.aput(("tongues", text), text, {"text": text})
    for text in texts:
        (found,) = await store.asearch(("tongues", text), filter={"text": text})
        assert (found.key, found.value) == (text, {"text": text})
    assert await store.alist_namespaces(suffix=(texts[0],)) == [("tongues", texts[0])]


# Expiry, as LangGraph's Postgres store has it with `omit_expired`; the one in memory has none.


async def test_what_ended_takes_no_place_on_a_page(redis_url: str) -> None:
    async with AsyncRedisStore.from_conn_string(redis_url, index={"dims": 4, "embed": aembed}) as store:
        await store.abatch([PutOp(("a",), key, {"text": "a"}, ttl=5) for key in ("1", "gone", "2", "3")])
        end(redis_url, "gone")
        pages = [await keys_of(store, "a", limit=2, offset=at) for at in (0, 2)]
        assert pages == [["1", "2"], ["3"]]
        assert await keys_of(store, "a", query="a", limit=3) == ["1", "2", "3"]


async def test_a_read_does_not_bring_back_what_ended(redis_url: str) -> None:
    async with AsyncRedisStore.from_conn_string(redis_url) as store:
        await store.abatch([PutOp(("a",), key, {"n": 1}, ttl=5) for key in ("gone", "stays")])
        end(redis_url, "gone")
        assert await store.aget(("a",), "gone", refresh_ttl=True) is None
        assert [item.key for item in await store.asearch(("a",), refresh_ttl=True)] == ["stays"]
        assert await store.aget(("a",), "gone") is None


@pytest.mark.parametrize("more", [{"query": "a"}, {"filter": {"n": 1}}, {"query": "a", "filter": {"n": 1}}])
async def test_every_kind_of_search_starts_the_ttl_again_of_what_it_found_only(
    redis_url: str, more: dict[str, Any]
) -> None:
    async with AsyncRedisStore.from_conn_string(
        redis_url, ttl={"refresh_on_read": True}, index={"dims": 4, "embed": aembed}
    ) as store:
        for key in ("found", "other"):
            await store.aput(("a",), key, {"n": 1 if key == "found" else 2, "text": "a"}, ttl=10)
        await store.aput(("a",), "stays", {"n": 3})
        with redis.Redis.from_url(redis_url) as client:
            soon = client.time()[0] * 1000 + 60_000
            client.zadd(Keys().expiry("a\0"), {"found": soon, "other": soon})
            assert (await keys_of(store, "a", limit=1, **more)) == ["found"]
            ends = {key: client.zscore(Keys().expiry("a\0"), key) for key in ("found", "other", "stays")}
        assert (ends["found"] or 0) > soon
        assert (ends["other"], ends["stays"]) == (soon, None)


def end(url: str, key: str) -> None:
    """Let an item of the namespace `a` have ended, and still be in Redis."""
    with redis.Redis.from_url(url) as client:
        client.zadd(Keys().expiry("a\0"), {key: 1})


async def test_the_same_search_twice_in_a_batch_and_a_list_of_items_are_equal(store: BaseStore) -> None:
    await store.abatch([PutOp(("a",), str(n), {"n": n}) for n in range(3)])
    once: Sequence[Any] = await store.abatch([SearchOp(("a",), filter={"n": {"$gt": 0}}) for _ in range(2)])
    assert once[0] == once[1]
    assert [item.key for item in once[0]] == ["1", "2"]
