"""A name that cannot be remembered costs nobody their click."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from contracts.samples import ALICE
from redis.exceptions import ConnectionError as RedisDown

from bot.wiring import slack
from engine.ids import UserId


class Memory:
    """A memory of names that fails, or takes its time."""

    def __init__(self, fails: Callable[[], Awaitable[None]]) -> None:
        self.fails, self.names = fails, list[str]()

    async def remember(self, user: UserId, name: str) -> None:
        self.names.append(f"{user} {name}")
        await self.fails()


async def down() -> None:
    raise RedisDown("gone")


@pytest.mark.parametrize("fails", [down, asyncio.Event().wait], ids=["down", "slow"])
async def test_no_failure_of_the_store_is_raised(
    fails: Callable[[], Awaitable[None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slack, "NAME_SECONDS", 0.01)
    memory = Memory(fails)
    met = slack.remembering(memory)  # type: ignore[arg-type]
    await met(ALICE, "")
    await met(ALICE, "alice")
    assert memory.names == ["UALICE alice"]
