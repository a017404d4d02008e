"""`store` of langgraph.json: the store that graphs get, and what is wrong with it."""

import json
from pathlib import Path
from typing import Any

import pytest
from fakes.valkey import redis_server, redis_url

from adapters.redis.keys import Keys
from adapters.redis.transport.multiplexed import Multiplexed
from bot.checks.check import check
from bot.config.load import load
from bot.config.problems import ProblemsError
from bot.config.settings import Config
from bot.wiring.graph_store import graph_store
from bot.wiring.probes import RealProbes

__all__ = ["redis_server", "redis_url"]

ENVIRON = {"SLACK_BOT_TOKEN": "xoxb-1-bot", "SLACK_APP_TOKEN": "xapp-1-app"}
EMBED = "def embed(texts):\n    return [[1.0, len(text)] for text in texts]\n"


def configured(folder: Path, store: Any, embed: str = EMBED) -> Config:
    (folder / "embed.py").write_text(embed)
    said = {"graphs": {"agent": "./agent.py:graph"}, **({} if store is None else {"store": store})}
    (folder / "langgraph.json").write_text(json.dumps(said))
    file = folder / "app.yaml"
    file.write_text("project: langgraph.json\nagents: {a: {graph: agent.py:graph, channels: ['#a']}}\n")
    return load(file, ENVIRON)


async def test_a_project_gets_the_store_that_it_configures(tmp_path: Path, redis_url: str) -> None:
    index = {"dims": 2, "embed": "./embed.py:embed", "fields": ["text"]}
    config = configured(tmp_path, {"index": index, "ttl": {"default_ttl": 5}})
    async with Multiplexed.from_url(redis_url) as database:
        store = await graph_store(config, database, Keys())
        await store.aput(("a",), "k", {"text": "four"})
        (found,) = await store.asearch(("a",), query="four")
    assert found.score == pytest.approx(1)
    assert store.ttl_config == {"default_ttl": 5}


async def test_a_project_without_a_store_gets_one(tmp_path: Path, redis_url: str) -> None:
    async with Multiplexed.from_url(redis_url) as database:
        store = await graph_store(configured(tmp_path, None), database, Keys())
        await store.aput(("a",), "k", {"x": 1})
        assert await store.aget(("a",), "k") is not None


@pytest.mark.parametrize(
    ("store", "embed", "said"),
    [
        ({"index": {"dims": 3, "embed": "./embed.py:embed"}}, EMBED, "gives 2 dimensions, but index: dims is 3"),
        ({"index": {"dims": 2, "embed": "./embed.py:other"}}, EMBED, "there is no 'other' in it"),
        ({"index": {"dims": 2, "embed": "./none.py:embed"}}, EMBED, "there is no file"),
        ({"index": {"embed": "./embed.py:embed"}}, EMBED, "dims is None"),
        ({"index": {"dims": 2, "embed": "openai:text-embedding-3-small"}}, EMBED, "openai"),
        ({"index": {"dims": 2, "embed": "./embed.py:embed"}}, "def embed(texts): raise KeyError('NO_KEY')", "NO_KEY"),
        ({"index": ["x"]}, EMBED, "index is not an object"),
        ({"ttl": {"default_ttl": -1}}, EMBED, "ttl: default_ttl is -1"),
    ],
)
async def test_check_and_the_start_tell_what_is_wrong_with_a_store(
    tmp_path: Path, store: Any, embed: str, said: str
) -> None:
    config = configured(tmp_path, store, embed)
    with pytest.raises(ProblemsError) as caught:
        await RealProbes().store(config)
    (problem,) = caught.value.problems
    assert problem.where == f"{tmp_path / 'langgraph.json'}: store"
    assert said in problem.what
    assert "\n" not in problem.what


async def test_the_check_tries_the_store_once(tmp_path: Path) -> None:
    config = configured(tmp_path, {"index": {"dims": 3, "embed": "./embed.py:embed"}})
    report = await check(config.file, ENVIRON, RealProbes(), offline=True)
    assert [each.what for each in report.problems if each.where.endswith("langgraph.json: store")] == [
        "the embedding model gives 2 dimensions, but index: dims is 3"
    ]
