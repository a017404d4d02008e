"""What is finished is forgotten after `retention`; what waits for a person is not."""

import json

import pytest
import redis
from stories.world import World

from adapters.redis.keys import Keys
from bot.commands.stored import audit
from bot.config.problems import ProblemsError

DAY = 24 * 3_600


def ttl_of_states(world: World) -> list[int]:
    """How long each thread's checkpoints are still kept, in seconds; -1 is for ever."""
    with redis.Redis.from_url(world.redis_url) as client:
        return [int(client.ttl(key)) for key in client.scan_iter(match=f"{Keys().prefix}:*:state")]


async def test_a_thread_is_kept_while_it_waits_and_then_as_long_as_retention_says(world: World) -> None:
    await world.start("yes_or_no")
    card = await world.asked("drop the old table")
    await world.at_rest()
    assert ttl_of_states(world) == [-1]
    await card.click("Approve")
    await world.alice.expect_message("#deploys", containing="approved")
    await world.at_rest()
    (kept,) = ttl_of_states(world)
    assert 29 * DAY < kept <= 30 * DAY


@pytest.mark.promise("P9")
async def test_the_audit_shows_what_was_asked_after_the_approval_is_gone(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await world.start("review_tool_call")
    card = await world.asked("billing")
    approval = await world.approval(card)
    await card.click("Approve")
    await world.alice.expect_message("#deploys", containing="deployed x2")
    await world.at_rest()
    with redis.Redis.from_url(world.redis_url) as client:
        client.delete(Keys().approval(approval.thread, approval.id))
    for name, value in (world.slack.environment() | {"REDIS_URL": world.redis_url}).items():
        monkeypatch.setenv(name, value)
    capsys.readouterr()
    assert await audit(world.folder / "app.yaml", approval.id, None, as_json=True) == 0
    asked, *rest = map(json.loads, capsys.readouterr().out.splitlines())
    assert asked["detail"]["actions"] == [{"name": "deploy", "value": {"service": "billing", "replicas": 2}}]
    assert [row["what"] for row in rest] == ["voted", "decided", "delivered"]

    address = f"https://local.slack.test/archives/C0DEPLOYS/p{card.ts.replace('.', '')}"
    link = f"{address}?thread_ts={card.shown['thread_ts']}&cid=C0DEPLOYS"
    for which in (approval.id.rpartition("#")[2][:8], link):
        assert await audit(world.folder / "app.yaml", which, None, as_json=True) == 0
        assert [row["what"] for row in map(json.loads, capsys.readouterr().out.splitlines())] == [
            "asked", "voted", "decided", "delivered",
        ]  # fmt: skip
    for unknown in ("0000abcd", "https://local.slack.test/archives/C0DEPLOYS/p1234567890123456"):
        with pytest.raises(ProblemsError, match="No audit rows for this id"):
            await audit(world.folder / "app.yaml", unknown, None, as_json=True)
