"""What an earlier version stored is read by this one, all of it: keys, documents, and the names of classes in them."""

import base64
import gzip
import json

import pytest
from upgrade.upgraded import Fixture, Upgraded
from upgrade.write import documents

from adapters.redis import codec
from adapters.redis.keys import Keys, thread_of
from engine.ids import ApprovalId, ThreadId

KEYS = Keys()


def names(fixture: Fixture, kind: str) -> list[str]:
    """The keys of a kind."""
    return [each["key"] for each in fixture.entries if _kind(each["key"]) == kind]


def _kind(key: str) -> str:
    found = KEYS.kind_of(key)
    assert found is not None, f"{key} is none of adapters.redis.keys any more"
    return found.name


def test_each_key_is_of_a_kind_and_has_its_type(fixture: Fixture) -> None:
    for entry in fixture.entries:
        kind = KEYS.kind_of(entry["key"])
        assert kind is not None, f"{entry['key']} is none of adapters.redis.keys any more"
        assert entry["type"] == kind.type, entry["key"]
        assert entry["ttl_ms"] is not None or kind.reason, f"{entry['key']} lives for ever"


@pytest.mark.promise("P1")
@pytest.mark.parametrize("kind", list(documents()))
def test_each_document_is_read(fixture: Fixture, kind: str) -> None:
    """A class that is renamed keeps the tag that it was stored under, and a field its name."""
    written = json.loads(gzip.decompress((fixture.folder / "documents.json.gz").read_bytes()))[kind]
    assert written
    found = getattr(codec, kind)
    for each in written:
        value = found.load(base64.b64decode(each), f"a document of {fixture}")
        assert found.load(found.dump(value), "the same written by this version") == value


async def test_each_approval_and_what_it_asks_is_read(upgraded: Upgraded) -> None:
    await upgraded.begin()
    stored = [
        (thread, ApprovalId(f"{thread}#{key.rpartition(':')[2]}"))
        for key in names(upgraded.fixture, "approval")
        for thread in [ThreadId(thread_of(key))]
    ]
    assert stored
    for thread, approval in stored:
        (found,) = await upgraded.world.bot.ports.approvals.known([approval])
        assert (found.id, found.thread) == (approval, thread)
        assert await upgraded.world.bot.ports.approvals.ask(approval) is not None


@pytest.mark.promise("P9")
async def test_each_audit_row_is_read(upgraded: Upgraded) -> None:
    await upgraded.begin()
    stored = {each["key"]: each["value"] for each in upgraded.fixture.entries}
    for key in names(upgraded.fixture, "audit"):
        rows = await upgraded.world.bot.ports.audit.of_thread(ThreadId(thread_of(key)))
        assert len(rows) >= len(stored[key]), key


async def test_each_conversation_is_read(upgraded: Upgraded) -> None:
    await upgraded.begin()
    for key in names(upgraded.fixture, "conversation"):
        found = await upgraded.world.bot.ports.conversations.get(ThreadId(thread_of(key)))
        assert found is not None, key
