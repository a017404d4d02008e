"""All that a Redis holds, as JSON: each key with its type, its value, and how long it still lives.

`DUMP` would need a server as new as the one that wrote it. Text stands as it is, all else as base64 in `{"b64": ...}`.
"""

import base64
import gzip
import json
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import redis
from fakes.valkey import client_of

Entry = Mapping[str, Any]


def take(url: str) -> list[Entry]:
    """Read every key at one moment, in the order of their names."""
    with redis.Redis.from_url(url) as client:
        all_keys = ((name, client.type(name).decode()) for name in sorted(client.keys()))
        known = [(name, kind) for name, kind in all_keys if kind != "none"]  # a lease may end before its type is read
        with client.pipeline(transaction=True) as moment:
            for name, kind in known:
                _read(moment, name, kind)
                moment.pttl(name)
            found = moment.execute()
    values, lives = found[::2], found[1::2]
    return [
        {"key": _packed(name), "type": kind, "value": _plain(kind, value), "ttl_ms": None if left == -1 else left}
        for (name, kind), value, left in zip(known, values, lives, strict=True)
        if left != -2  # it lapsed while we looked
    ]


def put(url: str, entries: Iterable[Entry], later: timedelta = timedelta()) -> None:
    """Write what was taken into an empty Redis, as if `later` had passed: what lapsed meanwhile is gone."""
    passed = later // timedelta(milliseconds=1)
    with client_of(url) as client, client.pipeline(transaction=False) as all_at_once:
        for entry in entries:
            left = None if entry["ttl_ms"] is None else entry["ttl_ms"] - passed
            if left is None or left > 0:
                _write(all_at_once, _unpacked(entry["key"]), entry["type"], entry["value"])
            if left is not None and left > 0:
                all_at_once.pexpire(_unpacked(entry["key"]), left)
        all_at_once.execute()


def save(file: Path, entries: Iterable[Entry]) -> None:
    """Write them as lines of JSON, packed; the same entries make the same bytes."""
    lines = "".join(f"{json.dumps(entry, ensure_ascii=False, separators=(',', ':'))}\n" for entry in entries)
    file.write_bytes(gzip.compress(lines.encode(), mtime=0))


def load(file: Path) -> list[Entry]:
    """Read what was saved."""
    return [json.loads(line) for line in gzip.decompress(file.read_bytes()).decode().splitlines()]


def _read(client: Any, name: bytes, kind: str) -> None:
    match kind:
        case "string":
            client.get(name)
        case "list":
            client.lrange(name, 0, -1)
        case "set":
            client.smembers(name)
        case "hash":
            client.hgetall(name)
        case "zset":
            client.zrange(name, 0, -1, withscores=True)
        case other:
            raise AssertionError(f"{name!r} is a {other}, which no key of Signoff is")


def _plain(kind: str, value: Any) -> Any:
    match kind:
        case "string":
            return _packed(value)
        case "hash":
            return [[_packed(name), _packed(held)] for name, held in sorted(value.items())]
        case "zset":
            return [[_packed(member), repr(score)] for member, score in value]
        case "set":
            return [_packed(each) for each in sorted(value)]
        case _:
            return [_packed(each) for each in value]


def _write(client: Any, name: bytes, kind: str, value: Any) -> None:
    match kind:
        case "string":
            client.set(name, _unpacked(value))
        case "hash":
            client.hset(name, mapping={_unpacked(field): _unpacked(held) for field, held in value})
        case "zset":
            client.zadd(name, {_unpacked(member): float(score) for member, score in value})
        case "set":
            client.sadd(name, *map(_unpacked, value))
        case "list":
            client.rpush(name, *map(_unpacked, value))
        case other:
            raise AssertionError(f"{name!r} is a {other}")


def _packed(value: bytes) -> str | dict[str, str]:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return {"b64": base64.b64encode(value).decode()}
    return text if text.replace("\n", "").isprintable() else {"b64": base64.b64encode(value).decode()}


def _unpacked(value: str | Mapping[str, str]) -> bytes:
    return value.encode() if isinstance(value, str) else base64.b64decode(value["b64"])
