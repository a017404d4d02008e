"""`store` of langgraph.json: the store that graphs get, and what is wrong with it."""

import json
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from fakes.valkey import redis_server, redis_url
from langgraph.store.memory import InMemoryStore

from adapters.extras import install_command
from adapters.langgraph.loading.exports import load as load_export
from adapters.langgraph.loading.exports import loaded_module
from adapters.redis.keys import Keys
from adapters.redis.transport.multiplexed import Multiplexed
from bot.checks.check import check
from bot.config.load import load
from bot.config.problems import ConfigProblem, ProblemsError
from bot.config.settings import Config
from bot.wiring.graph_store import graph_store
from bot.wiring.probes import RealProbes

__all__ = ["redis_server", "redis_url"]

ENVIRON = {"SLACK_BOT_TOKEN": "xoxb-1-bot", "SLACK_APP_TOKEN": "xapp-1-app"}
EMBED = "def embed(texts):\n    return [[1.0, len(text)] for text in texts]\n"


def configured(folder: Path, store: Any, embed: str = EMBED) -> Config:
    (folder / "embed.py").write_text(embed)
    said = {"graphs": {"agent": "./agent.py:graph"}, **({} if store is None else {"store": store})}
    (folder / "langgraph.json").write_text(json.dumps(said).replace('"store": {', '"store":\n\n{'))
    file = folder / "app.yaml"
    file.write_text("project: langgraph.json\nagents: {a: {graph: agent.py:graph, channels: ['#a']}}\n")
    return load(file, ENVIRON)


async def test_a_project_gets_the_store_that_it_configures(tmp_path: Path, redis_url: str) -> None:
    index = {"dims": 2, "embed": "./embed.py:embed", "fields": ["text"]}
    config = configured(tmp_path, {"index": index, "ttl": {"default_ttl": 5}})
    async with Multiplexed.from_url(redis_url) as database:
        store = await graph_store(config.project, database, Keys(), AsyncExitStack())
        await store.aput(("a",), "k", {"text": "four"})
        (found,) = await store.asearch(("a",), query="four")
    assert found.score == pytest.approx(1)
    assert store.ttl_config == {"default_ttl": 5}


async def test_the_file_of_an_embedding_function_is_not_run_again_for_a_graph(tmp_path: Path, redis_url: str) -> None:
    config = configured(tmp_path, {"index": {"dims": 2, "embed": "embed.py:embed"}})
    async with Multiplexed.from_url(redis_url) as database:
        files = set[str]()
        await graph_store(config.project, database, Keys(), AsyncExitStack(), files)
    ran = loaded_module("embed.py:embed", tmp_path)
    load_export("embed.py:embed", tmp_path, files)
    assert loaded_module("embed.py:embed", tmp_path) is ran


async def test_a_project_without_a_store_gets_one(tmp_path: Path, redis_url: str) -> None:
    async with Multiplexed.from_url(redis_url) as database:
        store = await graph_store(configured(tmp_path, None).project, database, Keys(), AsyncExitStack())
        await store.aput(("a",), "k", {"x": 1})
        assert await store.aget(("a",), "k") is not None


FUNCTION = "./embed.py:embed"
KEYLESS = "import os\n\n\ndef embed(texts):\n    return [os.environ['NO_KEY'] for _ in texts]\n"
WORDY = "def embed(texts):\n    raise ValueError('1 error for Model:\\n  no key xoxb-1-bot ' + 'x' * 1000)\n"


@pytest.mark.parametrize(
    ("store", "embed", "said"),
    [
        ({"index": {"dims": 3, "embed": FUNCTION}}, EMBED, "gives 2 dimensions, but index: dims is 3"),
        ({"index": {"dims": 2, "embed": "./embed.py:other"}}, EMBED, "there is no 'other' in it"),
        ({"index": {"dims": 2, "embed": "./none.py:embed"}}, EMBED, "there is no file"),
        ({"index": {"embed": FUNCTION}}, EMBED, "dims is None"),
        ({"index": {"dims": 2}}, EMBED, "embed is missing: name a model"),
        ({"index": {"dims": 2, "embed": "openai:text-embedding-3-small"}}, EMBED, "pip install langchain-openai"),
        ({"index": {"dims": 2, "embed": "openai"}}, EMBED, "embed is 'openai': name a model"),
        ({"index": {"dims": 2, "embed": "nobody:model"}}, EMBED, "'nobody' is not supported"),
        ({"index": {"dims": 2, "embed": FUNCTION}}, "embed = [1]", "embed is [1]: name a model"),
        ({"index": {"dims": 2, "embed": FUNCTION}}, "import no_such_model", "embed.py, line 1: ModuleNotFoundError"),
        ({"index": {"dims": 2, "embed": FUNCTION}}, KEYLESS, "embed.py, line 5: KeyError: 'NO_KEY'"),
        ({"index": {"dims": 2, "embed": FUNCTION}}, WORDY, "embed.py, line 2: ValueError: 1 error for Model: no key "),
        ({"index": {"dims": 2, "embed": FUNCTION}}, "def embed(texts): return 1", "else than a list of vectors"),
        ({"index": ["x"]}, EMBED, "is not an object"),
        ({"index": {"dims": 2, "embed": FUNCTION, "fields": "text"}}, EMBED, "fields is 'text': it is a list of paths"),
        ({"index": {"dims": 2, "embed": FUNCTION, "field": ["text"]}}, EMBED, "'field' is not one of its keys"),
        ({"ttl": {"default_tll": 5}}, EMBED, "'default_tll' is not one of its keys"),
        ({"ttl": {"default_ttl": "60"}}, EMBED, "default_ttl is '60': it is a number of minutes"),
        ({"ttl": 5}, EMBED, "is not an object"),
        ({"path": 5}, EMBED, "is not text"),
        ({"path": "./embed.py:none"}, EMBED, "there is no 'none' in it"),
        ({"path": "./embed.py:make"}, "def make():\n    return 5", "makes a int, and no store"),
        (
            {"path": "./embed.py:make"},
            "def make():\n    raise OSError('refused')",
            "embed.py, line 2: OSError: refused",
        ),
        ({"ttl": {"default_ttl": -1}, "index": {"dims": 2, "embed": FUNCTION}}, EMBED, "default_ttl is -1"),
    ],
)
async def test_check_and_the_start_tell_what_is_wrong_with_a_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: Any, embed: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    problem = await problem_of(configured(tmp_path, store, embed))
    part = next(iter(store))
    assert problem.where == f"{tmp_path / 'langgraph.json'}:3: store.{part}"
    assert said in problem.what
    assert problem.fix
    assert "\n" not in str(problem)
    assert "xoxb-1-bot" not in str(problem)
    assert len(str(problem)) < 1000


async def test_an_index_without_numpy_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numpy", None)
    problem = await problem_of(configured(tmp_path, {"index": {"dims": 2, "embed": FUNCTION}}))
    assert install_command("vectors") in problem.what
    assert sys.prefix in problem.fix
    assert not await RealProbes().store(configured(tmp_path, {"ttl": {"default_ttl": 5}})), "no index, no NumPy"


async def test_a_model_that_does_not_answer_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.wiring.graph_store._PATIENCE_SECONDS", 0.01)
    code = "import asyncio\n\n\nasync def embed(texts):\n    await asyncio.Event().wait()\n"
    problem = await problem_of(configured(tmp_path, {"index": {"dims": 2, "embed": FUNCTION}}, code))
    assert "the embedding model did not answer within 0 seconds" in problem.what


OWN = """
import contextlib
from langgraph.store.memory import InMemoryStore

left = []
store = InMemoryStore()


def make():
    return InMemoryStore()


async def make_slowly():
    return InMemoryStore()


@contextlib.asynccontextmanager
async def opened():
    yield InMemoryStore()
    left.append("opened")


@contextlib.contextmanager
def entered():
    yield InMemoryStore()
    left.append("entered")


context = opened()
"""


@pytest.mark.parametrize("name", ["store", "make", "make_slowly", "opened", "entered", "context"])
async def test_a_store_of_the_project_s_own_is_used_and_closed(tmp_path: Path, redis_url: str, name: str) -> None:
    config = configured(tmp_path, {"path": f"./embed.py:{name}"}, OWN)
    async with Multiplexed.from_url(redis_url) as database:
        async with AsyncExitStack() as stack:
            store = await graph_store(config.project, database, Keys(), stack)
            assert type(store) is InMemoryStore
            left = loaded_module(f"./embed.py:{name}", tmp_path).left
            assert left == []
        assert left == {"entered": ["entered"], "opened": ["opened"], "context": ["opened"]}.get(name, [])


async def test_a_store_of_the_project_s_own_may_be_named_as_langgraph_server_names_it(tmp_path: Path) -> None:
    (tmp_path / "own_memory.py").write_text(OWN)
    config = configured(tmp_path, {"path": "own_memory.store"})
    await RealProbes().store(config)
    (tmp_path / "own_memory.py").unlink()


async def problem_of(config: Config) -> ConfigProblem:
    with pytest.raises(ProblemsError) as caught:
        await RealProbes().store(config)
    (problem,) = caught.value.problems
    return problem


async def test_the_check_tries_the_store_once(tmp_path: Path) -> None:
    config = configured(tmp_path, {"index": {"dims": 3, "embed": "./embed.py:embed"}})
    report = await check(config.file, ENVIRON, RealProbes(), offline=True)
    assert [each.what for each in report.problems if each.where.endswith("store.index")] == [
        "the embedding model gives 2 dimensions, but index: dims is 3"
    ]
