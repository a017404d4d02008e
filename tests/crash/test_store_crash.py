"""A process that is killed while it puts leaves items, order and index that agree, and loses nothing acknowledged."""

import subprocess
import sys

import pytest
from crash.harness import World
from crash.redis_proxy import At

from adapters.redis import RedisStore

WRITER = """
import sys
from adapters.redis import RedisStore
with RedisStore.from_conn_string(sys.argv[1]) as store:
    for number in range(100_000):
        store.put(("n", str(number % 50)), str(number), {"n": number})
        print(number, flush=True)
"""


@pytest.mark.promise("P1")
def test_a_killed_process_loses_no_item_that_it_put(redis_url: str) -> None:
    command = [sys.executable, "-c", WRITER, redis_url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:  # noqa: S603 - ours
        assert writer.stdout is not None
        done = [int(writer.stdout.readline()) for _ in range(300)]
        writer.kill()
        done += [int(line) for line in writer.stdout if line.endswith("\n")]
    with RedisStore.from_conn_string(redis_url) as store:
        found = sorted(item.value["n"] for item in store.search(("n",), limit=200_000))
        assert found[: len(done)] == done
        assert len(found) <= len(done) + 1
        assert set(store.list_namespaces()) == {("n", str(number)) for number in range(50)}


DEATHS: dict[str, tuple[At | None, int]] = {
    "after first": (None, 1),
    "before the second namespace of a batch": (("before", 3, "ApplyPuts"), 3),
    "after the second namespace of a batch": (("after", 3, "ApplyPuts"), 5),
    "after all": (None, 7),
}
"""Where the bot dies, and how many items its next life finds: one, and a batch that puts two into each namespace."""


@pytest.mark.promise("P1")
@pytest.mark.parametrize("death", DEATHS)
async def test_a_bot_that_is_killed_loses_nothing_that_its_agent_put(world: World, death: str) -> None:
    """Of each namespace of a batch all is there or nothing; the node runs again, and does the rest."""
    at, left = DEATHS[death]
    world.configure("notes")
    if at is None:
        world.dies(death)
    async with world.kept_alive(write=at):
        await world.ask("milk")
        await world.approve(await world.bob.expect_card("#deploys", containing="milk"))
        await world.alice.expect_message("#deploys", containing="Noted 7")
    assert world.killed == 1
    assert world.effects() == ["found 0", f"found {left}"]
