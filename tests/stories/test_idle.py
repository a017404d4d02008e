"""A bot that has nothing to do asks Redis next to nothing, also while requests wait for people."""

import asyncio

import redis
from stories.world import World

SECONDS = 8.0
MOST_A_SECOND = 2.0


async def test_an_idle_bot_sends_redis_at_most_two_commands_a_second(world: World) -> None:
    """Counted by the server itself. What a script calls inside of the server is counted too, so this is generous."""
    rule = {"when": {"agent": "*"}, "approvers": {"users": ["bob"]}, "remind_after": "2h", "expires_after": "4h"}
    await world.start("yes_or_no", approvals=[rule])
    await world.asked("drop the table")
    await world.at_rest()
    with redis.Redis.from_url(world.redis_url) as client:
        before = _commands(client)
        await asyncio.sleep(SECONDS)  # what is measured is a time in which nothing happens
        sent = {name: count - before.get(name, 0) for name, count in _commands(client).items()}
    sent.pop("info", None)  # ours
    assert sum(sent.values()) / SECONDS <= MOST_A_SECOND, {name: count for name, count in sent.items() if count}


def _commands(client: "redis.Redis") -> dict[str, int]:
    return {name.removeprefix("cmdstat_"): each["calls"] for name, each in client.info("commandstats").items()}
