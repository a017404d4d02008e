"""What is compressed comes back, what an earlier version wrote is read, and nobody's bytes fill the memory."""

import zlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from contracts.samples import NOW, THREAD, an_approval, an_entry
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.serde.types import INTERRUPT
from langgraph.types import Interrupt

from adapters.redis import codec
from adapters.redis.checkpointer.format import CheckpointRef, DamagedCheckpointError, Format
from adapters.redis.checkpointer.scripts import StoredCheckpoint
from adapters.redis.compact import MOST, Compact
from adapters.redis.keys import Keys
from adapters.redis.stores.audit import RedisAudit, pack_row
from adapters.redis.transport.connection import Database
from adapters.redis.transport.scripts import Command
from engine.approvals.audit import What

KEYS = Keys()
COMPACT = Compact(b"the names that both sides know")
FORMAT = Format(JsonPlusSerializer())
AT: RunnableConfig = {"configurable": {"thread_id": "t", "checkpoint_ns": "", "checkpoint_id": "parent"}}


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass") * 9))
def test_whatever_is_compressed_comes_back_and_is_shorter(plain: bytes) -> None:
    packed = COMPACT.deflate(plain)
    assert packed is None or (len(packed) < len(plain) and COMPACT.inflate(packed) == plain)


@given(st.binary(max_size=60))
def test_other_bytes_are_refused(packed: bytes) -> None:
    try:
        plain = COMPACT.inflate(packed)
    except ValueError:
        return
    assert len(plain) <= MOST


def test_what_is_long_is_left_as_it_is_and_a_bomb_is_refused() -> None:
    assert COMPACT.deflate(b"x" * MOST) is not None
    assert COMPACT.deflate(b"x" * (MOST + 1)) is None
    deflater = zlib.compressobj(9, zlib.DEFLATED, -12)
    with pytest.raises(ValueError, match="longer"):
        COMPACT.inflate(deflater.compress(b"x" * 100_000_000) + deflater.flush())


def test_what_is_cut_short_or_goes_on_is_refused() -> None:
    packed = COMPACT.deflate(b"the names that both sides know, and others") or b""
    for wrong in (packed[:-1], packed + b"\0", b""):
        with pytest.raises(ValueError, match="cut short"):
            COMPACT.inflate(wrong)


def test_what_this_version_compressed_is_read_by_each_later_one() -> None:
    """If this fails, a dictionary was changed: stored documents could not be read any more."""
    document = bytes.fromhex("0143493644872f2c8e214168a8841ed58e3e9eceae4ad8137b6d2d00")
    assert codec.unpack(codec.shrunk(codec.pack({"team": "T0"})), "key") == {"team": "T0"}
    assert codec.unpack(document, "key") == {
        "team": "T0",
        "channel": "C0",
        "thread_ts": "1700000000.000001",
        "requester": "U0ALICE",
        "rule": "approvals[0]",
    }
    interrupt = bytes.fromhex("ff6368c211b1cb52520b72f22bc1f1db8812740b0dd1a2780200")
    assert FORMAT.load(interrupt) == {
        "action_requests": [{"name": "deploy", "args": {"signoff_turn": "1"}}],
        "review_configs": [],
    }


# Checkpoints ----------------------------------------------------------------------------------------------------------


class _AsStored(JsonPlusSerializer):
    """Writes what cannot be compressed, as an encrypting serializer does."""

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        kind, body = super().dumps_typed(obj)
        return f"r{kind[0]}", bytes(number ^ pad for number, pad in zip(body, _pad(len(body)), strict=False))

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        body = bytes(number ^ pad for number, pad in zip(data[1], _pad(len(data[1])), strict=False))
        return super().loads_typed(({"n": "null", "m": "msgpack"}[data[0][1]], body))


def _pad(state: int) -> Iterator[int]:
    while True:
        state = state * 48_271 % 0x7FFFFFFF
        yield state >> 8 & 255


@pytest.mark.parametrize(("format_", "version"), [(FORMAT, 2), (Format(_AsStored()), 1)], ids=["compact", "as it is"])
def test_a_record_comes_back_in_either_form(format_: Format, version: int) -> None:
    checkpoint = empty_checkpoint()
    record = format_.record(AT, checkpoint, {"source": "loop", "step": 1, "parents": {}}, [])
    assert record[0] == version
    found = format_.read("t", "", StoredCheckpoint(checkpoint["id"], record, [], b"", []))
    assert (found.checkpoint, found.metadata) == (checkpoint, {"source": "loop", "step": 1, "parents": {}})
    assert found.parent_config == AT


@pytest.mark.parametrize("damage", [slice(0, -1), slice(0, 30), slice(0, 14)])
def test_a_damaged_record_is_named(damage: slice) -> None:
    record = FORMAT.record(AT, empty_checkpoint(), {"source": "loop", "step": 1, "parents": {}}, [])
    with pytest.raises(DamagedCheckpointError, match="the record of checkpoint 1 "):
        FORMAT.read_metadata(CheckpointRef("t", "", "1"), record[damage])


def test_an_interrupt_is_small_and_a_value_is_as_it_was() -> None:
    asked = Interrupt({"action_requests": [{"name": "deploy", "args": {"service": "billing"}}], "review_configs": []})
    written = FORMAT.writes([(INTERRUPT, [asked]), ("notes", [asked])], "task", "path")
    assert len(written[1]) < len(written[3]) * 0.6
    assert FORMAT.load(FORMAT.dump([asked])) == [asked]


# Audit rows -----------------------------------------------------------------------------------------------------------


@pytest.mark.promise("P9")
async def test_rows_of_both_forms_are_read_and_dropped_at_the_end_of_their_time(database: Database) -> None:
    new = an_entry(an_approval())
    old = replace(new, at=NOW - timedelta(days=800))
    plain, small = codec.ENTRY.dump(old), pack_row(old)[1:]
    assert len(small) < len(plain) * 0.6
    key = KEYS.audit(THREAD)
    await database.run(Command("RPUSH", key, plain, small, plain, small))
    audit = RedisAudit(database, KEYS)
    assert list(await audit.of_thread(THREAD)) == [old] * 4
    await audit.add(new)
    assert list(await audit.of_thread(THREAD)) == [new]


@pytest.mark.promise("P9")
async def test_the_row_of_a_refusal_is_counted_among_compressed_rows(database: Database) -> None:
    audit, refused = RedisAudit(database, KEYS), an_entry(an_approval(), what=What.REFUSED)
    for entry in (an_entry(an_approval()), refused, an_entry(an_approval()), refused):
        await audit.add(entry)
    assert [row.times for row in await audit.of_thread(THREAD)] == [1, 2, 1]
