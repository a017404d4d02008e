"""The agent by itself: it asks nobody, so what `app.yaml` gates is all that stands between it and a database."""

import importlib
import os
from pathlib import Path

import pytest
from support.example_conversations import EXAMPLES, Conversation

RESTART = "the orders database hangs, please restart it"


@pytest.fixture
def database() -> Conversation:
    return Conversation("database")


async def test_it_looks_a_database_up_before_it_restarts_it_and_asks_nobody(database: Conversation) -> None:
    await database.say(RESTART)
    assert not database.waits
    calls = [call["name"] for each in database.state["messages"] for call in getattr(each, "tool_calls", ())]
    assert calls == ["get_health", "restart_database"]
    assert database.reply == ("orders was restarted after 30 s. orders has 3 of 500 connections open: all is well.")


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("how is Orders doing?", "orders has 500 of 500 connections open: no query gets through."),
        ("is stock fine?", "stock has 41 of 500 connections open: all is well."),
        ("thank you", "You are welcome."),
        ("hello", "I look after the databases orders, customers, stock, and can restart them."),
        ("restart the billing database", "I look after the databases orders, customers, stock"),
    ],
)
async def test_nothing_is_restarted_that_nobody_wants_restarted(database: Conversation, text: str, reply: str) -> None:
    await database.say(text)
    assert database.reply.startswith(reply)
    assert all(each.name != "restart_database" for each in database.state["messages"])


async def test_what_was_restarted_is_so_after_a_restart_of_the_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGNOFF_DEMO_DATA", str(tmp_path))
    await Conversation("database").say(RESTART)
    after = await Conversation("database").say("how is orders?")
    assert after.reply.startswith("orders has 3 of 500")
    assert os.listdir(tmp_path) == ["databases.json"]  # noqa: PTH208 - a few names, not a path's business


def test_a_restart_that_is_made_twice_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    databases = importlib.import_module("signoff_examples_databases").Databases()
    for _ in range(2):
        databases.restart("orders")
        assert databases.health("orders").startswith("orders has 3 of 500")
