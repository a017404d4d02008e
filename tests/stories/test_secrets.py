"""Secrets stay in: nothing that is written to Slack, to the log or to the audit shows one that this process has."""

import io
import json
import logging
from collections.abc import Iterator, Mapping

import pytest
import structlog
from stories.test_pattern_parallel import Row
from stories.world import World, agent

from bot.masking import MASK
from bot.telemetry import set_up_logs

pytestmark = pytest.mark.promise("P4")

KEY = "maps/Key+4711=="
AGENT = {"keyholder": agent("keyholder", input={"wish": "$text"}, reply="said")}


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAPS_API_KEY", KEY)


@pytest.fixture
def logs() -> Iterator[io.StringIO]:
    """All that is logged, as `signoff run` logs it."""
    root, stream = logging.getLogger(), io.StringIO()
    handlers, level = list(root.handlers), root.level
    set_up_logs(stream=stream, json=True)
    yield stream
    structlog.reset_defaults()
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)


async def everything_seen(world: World) -> str:
    """All that anybody can see in Slack, files apart."""
    seen: list[Mapping[str, object]] = [await world.slack.person(name).state() for name in ("alice", "bob")]
    return json.dumps(seen)


async def test_what_a_node_raises_is_told_without_its_secrets(world: World, logs: io.StringIO) -> None:
    await world.start(agents=AGENT)
    await world.alice.say("#deploys", "@signoff fail")
    card = await world.alice.expect_card("#deploys", containing="answered 403")
    assert f"key={MASK}" in card.text
    seen = await everything_seen(world)
    assert KEY not in seen
    assert "IOSFODNN7EXAMPLE" not in seen
    rows = str(await world.bot.ports.audit.of_thread(world.thread(card)))
    assert "asked" in rows
    assert KEY not in rows
    assert "answered 403" in logs.getvalue()
    assert KEY not in logs.getvalue()
    assert "IOSFODNN7EXAMPLE" not in logs.getvalue()


async def test_a_secret_in_an_argument_is_not_shown_and_what_was_approved_runs(world: World) -> None:
    await world.start(agents=AGENT)
    card = await world.asked("go", containing="12 Main St")
    assert MASK in card.text
    await card.click("Approve")
    await world.alice.expect_message("#deploys", containing=f"Called with {MASK}.")
    await world.done(f"12 Main St {KEY} with {KEY}")
    assert KEY not in await everything_seen(world)


async def test_an_edit_beside_a_secret_leaves_it_as_it_was(world: World) -> None:
    await world.start(agents=AGENT)
    card = await world.asked("go", containing="12 Main St")
    form = await card.open_form("Edit")
    assert KEY not in json.dumps(form.view)
    assert not (await form.submit({"address": "1 Side St"})).errors
    await world.done(f"1 Side St {KEY} with {KEY}")
    await card.becomes("12 Main St → 1 Side St")
    assert KEY not in await everything_seen(world)


async def test_an_edit_of_a_row_leaves_the_secret_beside_it_as_it_was(world: World) -> None:
    """The rows of a sheet are drawn concealed; the people whom it mentions are written down before."""
    rule = {"when": {"agent": "*"}, "approvers": {"users": ["bob"]}, "notify": "mention"}
    agents = {"keyholders": agent("keyholders", input={"calls": "$text"}, reply="said")}
    await world.start(agents=agents, approvals=(rule,))
    await world.alice.say("#deploys", "@signoff 6")
    sheet = await world.bob.expect_card("#deploys", containing="6 requests to decide")
    assert MASK in sheet.text
    await world.at_rest()
    await Row(sheet, 1).edit(world.bob, address="1 Side St")
    await world.done(f"1 Side St {KEY}")
    await Row(sheet, 2).press("Approve", world.bob)
    await world.done(f"1 Side St {KEY}", f"2 Main St {KEY}")
    assert KEY not in await everything_seen(world)


async def test_a_text_with_a_mask_in_it_is_refused_at_its_field(world: World) -> None:
    await world.start(agents=AGENT)
    card = await world.asked("go", containing="12 Main St")
    form = await card.open_form("Edit")
    outcome = await form.submit({"note": f"now with {MASK}"})
    assert "stands for a secret" in str(outcome.errors)
    assert not (await form.submit({"note": "without any"})).errors
    await world.done(f"12 Main St {KEY} without any")
