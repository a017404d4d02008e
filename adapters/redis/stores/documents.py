"""An approval as two documents: the request, which never changes, and the state, which each click writes again.

So a click on a request of megabytes writes little, and the request is kept as long as the audit that refers to it.

The request is stored once. The arguments on a card are part of the interrupt's payload, and the current value is the
proposed one until somebody edits it. If the engine holds the very same object twice, the second is left out of the
document and put back when it is read: `shares` has pairs of its place and of the place in the payload that it is taken
from. Objects are compared by identity (long texts by their characters), so nothing is ever taken for its equal: 1, 1.0
and true are three values. After reading, the objects are the same again.

A document of the last version has everything in one, each copy written out; it is read, and split by the next write.
"""

import json
from collections import OrderedDict
from typing import Any, Final

from adapters.redis import codec
from engine.approvals.approval import Approval
from engine.asks.ask import Ask

WORTH: Final = 64
"""The size in bytes from which a second copy is left out: a smaller one is shorter than its place."""

_Path = list[str | int]


def dump(approval: Approval) -> bytes:
    """Write the state of an approval, without its request."""
    content = codec.APPROVAL.encode(approval)
    del content["ask"]
    for kept, review, action in zip(content["reviews"], approval.reviews, approval.ask.actions, strict=False):
        if review.decision is not None and review.decision.value is review.value is not None:
            del kept["decision"]["value"]
            kept["decision"]["stands"] = True
        if review.value is action.value:
            del kept["value"]
    return codec.shrunk(codec.pack(content))


def dump_asked(ask: Ask) -> bytes:
    """Write a request."""
    content = codec.ASK.encode(ask)
    payload = content.pop("payload")
    folded, shares = _Fold(payload).folded(content)
    return codec.shrunk(codec.pack({"ask": {**folded, "payload": payload}, **({"shares": shares} if shares else {})}))


def load(document: bytes, asked: bytes | None, key: str) -> Approval:
    """Read an approval; `key` is where `document` was found. Raises codec.UnreadableError."""
    content = codec.unpack(document, key)
    if isinstance(content, dict) and "ask" not in content:
        if asked is None:
            raise codec.UnreadableError(key, "its request is not stored")
        content = {**content, "ask": _unfolded(asked, key)}
        _put_back(content, key)
    return codec.APPROVAL.read(content, key)


def read(stored: bytes, asked: bytes | None, key: str) -> Approval:
    """Read an approval as it is stored. Raises codec.UnreadableError."""
    return load(stored.partition(b"\n")[2], asked, key)


class Recalled:
    """The last few approvals that were read: what was not written since is not read anew.

    Each write has a name of its own, which stands before the document, and the request never changes.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: OrderedDict[str, tuple[bytes, Approval]] = OrderedDict()

    def get(self, key: str, stored: bytes) -> Approval | None:
        """Give the approval that was read of the same write."""
        known = self._known.get(key)
        if known is None or known[0] != _write_of(stored):
            return None
        self._known.move_to_end(key)
        return known[1]

    def keep(self, key: str, stored: bytes, approval: Approval) -> None:
        """Recall an approval that was read."""
        self._known[key] = _write_of(stored), approval
        self._known.move_to_end(key)
        if len(self._known) > self._most:
            self._known.popitem(last=False)


def _write_of(stored: bytes) -> bytes:
    return stored.partition(b"\n")[0]


def load_asked(asked: bytes, key: str) -> Ask:
    """Read a request. Raises codec.UnreadableError."""
    return codec.ASK.read(_unfolded(asked, key), key)


def _put_back(content: dict[str, Any], key: str) -> None:
    """Fill in unwritten values: the proposed one as the current one, the current one as the decided one."""
    try:
        for kept, action in zip(content["reviews"], content["ask"]["actions"], strict=False):
            kept.setdefault("value", action["value"])
            if isinstance(kept.get("decision"), dict) and kept["decision"].pop("stands", False):
                kept["decision"]["value"] = kept["value"]
    except (KeyError, TypeError, AttributeError):
        raise codec.UnreadableError(key, "its reviews do not fit its request") from None


def _unfolded(asked: bytes, key: str) -> Any:
    content = codec.unpack(asked, key)
    try:
        ask = content["ask"]
        # All places are found before any is filled: a shared part cannot become part of itself.
        for held, name, shared in [_share(ask, *each) for each in content.get("shares", ())]:
            held[name] = shared
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        raise codec.UnreadableError(key, "it is not the document of a request") from None
    return ask


def _share(ask: Any, place: _Path, origin: _Path) -> tuple[Any, str | int, Any]:
    """Find the container of a place, the place in it, and the shared part. Raises ValueError and others."""
    if place[0] == "payload":
        raise ValueError("a payload is never part of itself")
    held, shared = ask, ask["payload"]
    for part in origin:
        shared = shared[part]
    for part in place[:-1]:
        held = held[part]
    return held, place[-1], shared


class _Fold:
    """Leaves out of a document what is identical to a part of the payload."""

    def __init__(self, payload: Any) -> None:
        self._parts: dict[int, _Path] = {}
        self._texts: dict[str, _Path] = {}
        self._shares: list[tuple[_Path, _Path]] = []
        waiting: list[tuple[Any, _Path]] = [(payload, [])]
        while waiting:
            part, path = waiting.pop()
            if isinstance(part, str) and len(part) >= WORTH:
                self._texts.setdefault(part, path)
            elif isinstance(part, dict | list):
                self._parts[id(part)] = path
                items = part.items() if isinstance(part, dict) else enumerate(part)
                waiting += [(each, [*path, name]) for name, each in items if isinstance(each, str | dict | list)]

    def folded(self, content: dict[str, Any]) -> tuple[dict[str, Any], list[tuple[_Path, _Path]]]:
        """Give the document without its shared parts, and their places."""
        return self._fold(content, []), self._shares

    def _fold(self, part: Any, path: _Path) -> Any:
        origin = self._texts.get(part) if isinstance(part, str) else self._parts.get(id(part))
        if origin is not None and (isinstance(part, str) or len(json.dumps(part)) >= WORTH):
            self._shares.append((path, origin))
            return None
        if isinstance(part, dict):
            return {name: self._fold(each, [*path, name]) for name, each in part.items()}
        if isinstance(part, list):
            return [self._fold(each, [*path, index]) for index, each in enumerate(part)]
        return part
