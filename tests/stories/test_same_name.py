"""An agent's name stands for one graph in a workspace, whoever runs it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
import yaml
from fakes.people import wait_until
from stories.world import TEAM, World, agent

from adapters.redis.keys import Keys
from adapters.redis.stores.agent_names import RedisNames
from adapters.redis.transport.multiplexed import Multiplexed
from bot.commands.serve import serve
from bot.config.load import load
from bot.config.problems import ProblemsError
from bot.config.settings import Config
from bot.wiring.assembly import bot
from bot.wiring.running import Bot

LEASE = timedelta(seconds=0.2)
"""A dead process's names lapse after three of these."""


def second(world: World, agents: Mapping[str, Any]) -> Config:
    """What a second process of the same workspace and Redis is told."""
    file = world.folder / "second.yaml"
    file.write_text(yaml.safe_dump({"agents": dict(agents)}))
    return load(file, world.slack.environment() | {"REDIS_URL": world.redis_url})


async def test_a_second_process_with_another_graph_of_the_same_name_does_not_start(world: World) -> None:
    """Else an approval given for one graph would run the other."""
    await world.start(agents={"cleaner": agent("yes_or_no")})
    with pytest.raises(ProblemsError) as refused:
        async with bot(second(world, {"cleaner": agent("text_to_revise")}), lease=LEASE):
            raise AssertionError("it started")
    said = str(refused.value)
    assert "second.yaml:2: agents.cleaner" in said, said
    assert "graph yes_or_no.py:graph" in said, said
    assert "Stop that process first, or give one of the two agents another name." in said, said


async def test_a_second_process_with_the_same_graphs_shares_the_names(world: World) -> None:
    """So does every deployment of more than one process, and one more agent beside it is nobody's business."""
    await world.start(agents={"cleaner": agent("yes_or_no")})
    agents = {"cleaner": agent("yes_or_no"), "writer": agent("text_to_revise", channels=["#general"])}
    async with bot(second(world, agents), lease=LEASE) as other:
        assert set(other.config.agents) == {"cleaner", "writer"}


async def test_a_process_that_stopped_gives_its_names_back(world: World) -> None:
    """So a deployment may move a graph."""
    await world.start(agents={"cleaner": agent("yes_or_no")})
    await world.stop()
    async with bot(second(world, {"cleaner": agent("text_to_revise")}), lease=LEASE):
        pass


async def test_the_names_of_a_process_that_died_lapse(world: World) -> None:
    """A start waits as long as that takes: it does not ask an operator to try again."""
    await world.start(agents={"writer": agent("text_to_revise")})
    async with (
        a_claim(world, {"cleaner": "graph elsewhere.py:graph"}, LEASE),  # and nobody renews it
        bot(second(world, {"cleaner": agent("yes_or_no")}), lease=LEASE) as late,
    ):
        assert set(late.config.agents) == {"cleaner"}


async def test_a_process_whose_name_another_took_while_it_was_frozen_stops(world: World) -> None:
    """It wakes beside a process that runs another graph under the name."""
    await world.start(agents={"writer": agent("text_to_revise")})
    async with (
        bot(second(world, {"cleaner": agent("yes_or_no")}), lease=LEASE) as frozen,
        a_claim(world, {"cleaner": "graph elsewhere.py:graph"}, timedelta(minutes=1), of_the_dead=frozen),
    ):
        with pytest.raises(ProblemsError, match="another definition"):
            await asyncio.wait_for(serve(frozen, asyncio.Event(), on_ready=lambda: None), 20)


@asynccontextmanager
async def a_claim(
    world: World, names: Mapping[str, str], ttl: timedelta, *, of_the_dead: Bot | None = None
) -> AsyncIterator[None]:
    """Some other process's claim, which waits where need be until the names of a process that sleeps have lapsed."""
    async with Multiplexed.from_url(world.redis_url) as database:
        claims = RedisNames(database, Keys(), TEAM, "another", names, ttl)

        async def claimed() -> bool | None:
            return None if await claims.claim() else True

        if of_the_dead is None:
            assert await claimed()
        else:
            await wait_until(claimed, instead=lambda: "its names never lapsed")
        yield
