"""Writes checkpoints, values and pending writes as bytes, and reads them back. No I/O.

A record is `version, three lengths, refs, parent, metadata, checkpoint`: `refs` is JSON, the names of its channel
values, which the scripts read; `parent` is the id of the parent checkpoint; metadata and checkpoint are LangGraph's,
serialized. A serialized value is `length of type, type, body`, where length 0 stands for the usual type, "msgpack".
Numbers are big-endian.

Each checkpoint repeats much of the one before, and a thread that waits has its request in an interrupt. So metadata and
checkpoint are compressed together (version 2), and so is an interrupt: its "type" has length 255. A thread that waits
takes half the room. Values are not compressed: they are stored once, and a large one would take its time in every step.
Version 1, uncompressed, is what earlier versions wrote, and what is left where compression does not help, as with
encryption.
"""

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
    PendingWrite,
    get_checkpoint_metadata,
    writes_sort_key,
)
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.types import INTERRUPT, TASKS

from adapters.redis.checkpointer.scripts import StoredCheckpoint
from adapters.redis.checkpointer.serializer import ForeignTypeError
from adapters.redis.checkpointer.upkeep_scripts import Ancestor
from adapters.redis.compact import Compact

FENCE_KEY = "signoff_fence"
"""The key of a run's fencing token, an int, in `configurable`. A run without a token is not fenced."""

_START = "__start__"  # langgraph.constants.START: importing it would import all of LangGraph
_as_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_USUAL = "msgpack"
_FORMAT, _COMPACT = 1, 2
_RECORD = struct.Struct(">BIII")  # format, length of refs, of parent, of metadata; the scripts know where refs begin
_WRITE = struct.Struct(">II")  # length of path, of channel
_SHRUNK = b"\xff"
"""Begins a compressed value."""
_TYPICAL = Compact(
    b"\x91\xc8\x01\x00\x02\x93\xaflanggraph.types\xa9Interrupt\x83\xa5value\xa8question\xafaction_requests\x91\x82\xa4name"
    b"\xa4args\xabdescription\xd9\xaereview_configs\x91\x82\xabaction_name\xb1allowed_decisions\x93\xa7approve\xa4edit\xa6reject"
    b"\xa2id\xd9 \xafresponse_schema\xc0\xa6source\xa5input\xa4fork\xa6update\xa8messages"
    b'\x00\x87\xa6source\xa4loop\xa4step\x01\xa7parents\x80\xacsignoff_turn\xb117.00\xacsignoff_code\xd9P{"'
    b"\xb7signoff_idempotency_key\xb117.00\xa7user_id\xa7U0\x00\x86\xa1v\x04\xa2ts\xd9 2026-01-01T00:00:00.000000"
    b"+00:00\xa2id\xd9$1f1"
    b"\xb0channel_versions\xa9__start__\xb20000000002.\xaebranch:to:\xb20000000003.\xadversions_seen\x82\xa9__input__\x80"
    b"\xa9__start__\x81\xa9__start__\xb20000000001.\xb0updated_channels\x92\xadbranch:to:"
)
"""What LangGraph and the bot write into each of them. Never change it: see `adapters.redis.compact`."""


class DamagedCheckpointError(Exception):
    """A stored checkpoint cannot be read. Names the thread, checkpoint and part, but never the content."""

    def __init__(self, at: "CheckpointRef", part: str, why: str, channel: str | None = None) -> None:
        super().__init__(
            f"{part} of checkpoint {at.checkpoint} (thread {at.thread!r}, namespace {at.namespace!r}) "
            f"cannot be read: {why}; resume from an older checkpoint, or delete the thread"
        )
        self.thread = at.thread
        self.checkpoint = at.checkpoint
        self.namespace = at.namespace
        self.part = part
        self.channel = channel


@dataclass(frozen=True, slots=True)
class CheckpointRef:
    """A reference to a checkpoint; `checkpoint` "" is the newest."""

    thread: str
    namespace: str
    checkpoint: str = ""

    @classmethod
    def of(cls, config: RunnableConfig) -> "CheckpointRef":
        """Read LangGraph's configuration."""
        configurable = config["configurable"]
        return cls(
            str(configurable["thread_id"]),
            configurable.get("checkpoint_ns") or "",
            configurable.get("checkpoint_id") or "",
        )

    def config(self) -> RunnableConfig:
        """Write LangGraph's configuration."""
        return {
            "configurable": {
                "thread_id": self.thread,
                "checkpoint_ns": self.namespace,
                "checkpoint_id": self.checkpoint,
            }
        }


def escape(text: str) -> str:
    """Keep the separator 0x00 out of a namespace, a task or a checkpoint's id."""
    return text.replace("%", "%25").replace("\0", "%00") if "\0" in text or "%" in text else text


def unescape(text: str) -> str:
    """Undo `escape`."""
    return text.replace("%00", "\0").replace("%25", "%") if "%" in text else text


def value_name(channel: str, version: str | float) -> str:
    """Name a channel's value; a version holds no 0x00, a channel may."""
    return f"{version}\0{channel}"


def value_names(checkpoint: Checkpoint) -> dict[str, str]:
    """Give name -> channel of a checkpoint's values. A value without a version is not part of it."""
    versions = checkpoint["channel_versions"]
    return {
        value_name(channel, versions[channel]): channel
        for channel in checkpoint["channel_values"]
        if channel in versions
    }


@dataclass(frozen=True, slots=True)
class Format:
    """The layout above, with a serializer."""

    serde: SerializerProtocol

    def dump(self, value: Any) -> bytes:
        """Serialize anything."""
        kind, body = self.serde.dumps_typed(value)
        if kind == _USUAL:
            return b"\0" + body
        name = kind.encode()
        return bytes((len(name),)) + name + body

    def _dump_small(self, value: Any) -> bytes:
        """Serialize and compress; `load` reads it too."""
        whole = self.dump(value)
        packed = _TYPICAL.deflate(whole, len(_SHRUNK))
        return whole if packed is None else _SHRUNK + packed

    def load(self, raw: bytes) -> Any:
        """Undo `dump`; raises what the serializer raises, and ValueError."""
        if raw.startswith(_SHRUNK):
            raw = _TYPICAL.inflate(raw[len(_SHRUNK) :])
        end = 1 + raw[0]
        return self.serde.loads_typed((raw[1:end].decode() or _USUAL, raw[end:]))

    def record(
        self, config: RunnableConfig, checkpoint: Checkpoint, metadata: CheckpointMetadata, names: Sequence[str]
    ) -> bytes:
        """Write a checkpoint's record; `names` are those of its values."""
        bare = {key: value for key, value in checkpoint.items() if key != "channel_values"}
        written = cast("dict[str, Any]", get_checkpoint_metadata(config, metadata))
        written.pop(FENCE_KEY, None)
        refs = _as_json(names).encode()
        parent, about = CheckpointRef.of(config).checkpoint.encode(), self.dump(written)
        rest = about + self.dump(bare)
        packed = _TYPICAL.deflate(rest)
        version, rest = (_FORMAT, rest) if packed is None else (_COMPACT, packed)
        return _RECORD.pack(version, len(refs), len(parent), len(about)) + refs + parent + rest

    def writes(self, writes: Sequence[tuple[str, Any]], task: str, path: str) -> list[str | bytes]:
        """Write pending writes as `name, write` pairs in one list."""
        done: list[str | bytes] = []
        prefix, where = escape(task) + "\0", path.encode()
        for index, (channel, value) in enumerate(writes):
            name = channel.encode()
            done.append(f"{prefix}{WRITES_IDX_MAP.get(channel, index)}")
            dump = self._dump_small if channel == INTERRUPT else self.dump
            done.append(_WRITE.pack(len(where), len(name)) + where + name + dump(value))
        return done

    def read_metadata(self, at: CheckpointRef, record: bytes) -> CheckpointMetadata:
        """Read the metadata alone. Raises DamagedCheckpointError."""
        return cast("CheckpointMetadata", self._part(at, "metadata", _split(at, record)[2]))

    def value_names(self, at: CheckpointRef, loaded: StoredCheckpoint) -> list[str]:
        """Read the names of a record's values, in the order of `loaded.values`. Raises DamagedCheckpointError."""
        return _names(at, _split(at, loaded.record)[0])

    def deltas(self, at: CheckpointRef, record: bytes) -> list[str]:
        """Name the channels that a checkpoint stores only as a difference to its ancestors."""
        refs, _, about, _ = _split(at, record)
        counters = self._part(at, "metadata", about).get("counters_since_delta_snapshot") or {}
        whole = {name.partition("\0")[2] for name in _names(at, refs)}
        return [channel for channel in counters if channel not in whole]

    def delta_history(
        self, at: CheckpointRef, channels: Sequence[str], found: Sequence[Ancestor]
    ) -> dict[str, DeltaChannelHistory]:
        """Read the history of delta channels from ancestors, nearest first. Raises DamagedCheckpointError."""
        writes: dict[str, list[PendingWrite]] = {channel: [] for channel in channels}
        seeds: dict[str, Any] = {}
        for ancestor in reversed(found):
            there = replace(at, checkpoint=unescape(ancestor.checkpoint))
            if ancestor.writes == [b""]:
                raise DamagedCheckpointError(there, "the record", "it is broken")
            for raw_channel, raw in zip(ancestor.values[0::2], ancestor.values[1::2], strict=True):
                channel = (raw_channel or b"").decode()
                seeds[channel] = self._part(there, f"channel {channel!r}", raw, channel)
            names = b"\0".join(ancestor.writes[0::2])
            for write in self._read_writes(there, names, ancestor.writes[1::2]):
                writes[write[1]].append(write)
        return {channel: _delta_history(writes[channel], channel, seeds) for channel in channels}

    def read(self, thread: str, namespace: str, loaded: StoredCheckpoint) -> CheckpointTuple:
        """Read a checkpoint. Raises DamagedCheckpointError."""
        at = CheckpointRef(thread, namespace, unescape(loaded.checkpoint))
        try:
            return self._read(at, loaded)
        except (ValueError, TypeError, AttributeError, LookupError) as error:  # its parts are malformed
            raise DamagedCheckpointError(at, "the record", type(error).__name__) from error

    def _read(self, at: CheckpointRef, loaded: StoredCheckpoint) -> CheckpointTuple:
        refs, parent, about, bare = _split(at, loaded.record)
        checkpoint = cast("Checkpoint", self._part(at, "the state", bare))
        checkpoint["channel_values"] = {
            channel: self._part(at, f"channel {channel!r}", raw, channel)
            for channel, raw in zip(_channels(at, refs), loaded.values, strict=True)
        }
        return CheckpointTuple(
            config=at.config(),
            checkpoint=checkpoint,
            metadata=cast("CheckpointMetadata", self._part(at, "metadata", about)),
            parent_config=replace(at, checkpoint=parent.decode()).config() if parent else None,
            pending_writes=self._read_writes(at, loaded.names, loaded.writes),
        )

    def _read_writes(self, at: CheckpointRef, names: bytes, writes: Sequence[bytes | None]) -> list[PendingWrite]:
        words = names.decode().split("\0")
        found: list[tuple[tuple[str, str, int], PendingWrite]] = []
        for name, number, raw in zip(words[0::2], words[1::2], writes, strict=False):
            task, index = unescape(name), int(number)
            path, channel, body = _split_write(at, task, raw)
            value = self._part(at, f"a write of task {task} to {channel!r}", body, channel)
            found.append((writes_sort_key(path, task, index), (task, channel, value)))
        found.sort(key=lambda write: write[0])
        return [write for _, write in found]

    def _part(self, at: CheckpointRef, part: str, raw: bytes | None, channel: str | None = None) -> Any:
        if raw is None:
            raise DamagedCheckpointError(at, part, "it is missing", channel)
        try:
            return self.load(raw)
        except Exception as error:
            why = str(error) if isinstance(error, ForeignTypeError) else type(error).__name__
            raise DamagedCheckpointError(at, part, why, channel) from error


def _split(at: CheckpointRef, record: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    """Split a record into refs, parent, metadata and checkpoint."""
    if len(record) < _RECORD.size:
        raise DamagedCheckpointError(at, "the record", "it is cut short")
    version, refs, parent, about = _RECORD.unpack_from(record)
    if version not in (_FORMAT, _COMPACT):
        raise DamagedCheckpointError(
            at, "the record", f"it has format {version}, this version of Signoff knows {_FORMAT} and {_COMPACT}"
        )
    first = _RECORD.size
    second, third = first + refs, first + refs + parent
    rest = record[third:]
    if version == _COMPACT:
        try:
            rest = _TYPICAL.inflate(rest)
        except ValueError as error:
            raise DamagedCheckpointError(at, "the record", str(error)) from error
    return record[first:second], record[second:third], rest[:about], rest[about:]


def is_unfinished(checkpoint: Checkpoint) -> bool:
    """Tell whether a graph has something left to do: a node to run, a task to send, an input to start with.

    The channels that trigger LangGraph's nodes and functions show it; they are empty at the end. A hand-made Pregel has
    other channels, so its breakpoints are not seen here.
    """
    return any(
        channel == _START or channel.startswith("branch:") or (channel.startswith((TASKS, "join:")) and bool(value))
        for channel, value in checkpoint["channel_values"].items()
    )


def _delta_history(writes: list[PendingWrite], channel: str, seeds: Mapping[str, Any]) -> DeltaChannelHistory:
    return {"writes": writes, "seed": seeds[channel]} if channel in seeds else {"writes": writes}


def _channels(at: CheckpointRef, refs: bytes) -> list[str]:
    return [name.partition("\0")[2] for name in _names(at, refs)]


def _names(at: CheckpointRef, refs: bytes) -> list[str]:
    try:
        return list(json.loads(refs))
    except ValueError as error:
        raise DamagedCheckpointError(at, "the record", "its list of values is broken") from error


def _split_write(at: CheckpointRef, task: str, raw: bytes | None) -> tuple[str, str, bytes]:
    """Split a pending write into its task's path, its channel and its serialized value."""
    part = f"a write of task {task}"
    if raw is None or len(raw) < _WRITE.size:
        raise DamagedCheckpointError(at, part, "it is missing" if raw is None else "it is cut short")
    path, channel = _WRITE.unpack_from(raw)
    first = _WRITE.size
    second, third = first + path, first + path + channel
    try:
        return raw[first:second].decode(), raw[second:third].decode(), raw[third:]
    except UnicodeDecodeError as error:
        raise DamagedCheckpointError(at, part, "its names are broken") from error
