"""An approval as two documents: what was asked, which never changes, and how far it is, which each click writes anew.

So a click on a request of megabytes writes little, and what was asked is kept as long as the audit that tells of it.

What was asked is stored once. The arguments on a card are part of the interrupt's payload, and what stands now is what
was proposed until somebody edits it. Where the engine holds the very same object twice, the second is left out of the
document and put back when it is read: `shares` has pairs of its place and of the place in the payload that it is taken
from. Objects are compared by identity (long texts by their characters), so nothing is ever taken for its equal: 1, 1.0
and true are three values. After reading, the objects are the same again.

A document of the last version has all in one, each copy written out; it is read, and split by the next write.
"""

import json
from typing import Any, Final

from adapters.redis import codec
from engine.approvals.approval import Approval
from engine.asks.ask import Ask

WORTH: Final = 64
"""Bytes from which a second copy is left out: a smaller one is shorter than its place."""

_Path = list[str | int]


def dump(approval: Approval) -> bytes:
    """How far an approval is; what was asked is not in it."""
    content = codec.APPROVAL.encode(approval)
    del content["ask"]
    for kept, review, action in zip(content["reviews"], approval.reviews, approval.ask.actions, strict=False):
        if review.decision is not None and review.decision.value is review.value is not None:
            del kept["decision"]["value"]
            kept["decision"]["stands"] = True
        if review.value is action.value:
            del kept["value"]
    return codec.packed(content)


def dump_asked(ask: Ask) -> bytes:
    """What was asked."""
    content = codec.ASK.encode(ask)
    payload = content.pop("payload")
    folded, shares = _Fold(payload).folded(content)
    return codec.packed({"ask": {**folded, "payload": payload}, **({"shares": shares} if shares else {})})


def load(document: bytes, asked: bytes | None, key: str) -> Approval:
    """Read an approval; `key` is where `document` was found. Raises codec.UnreadableError."""
    content = codec.unpacked(document, key)
    if isinstance(content, dict) and "ask" not in content:
        if asked is None:
            raise codec.UnreadableError(key, "what was asked is not kept beside it")
        content = {**content, "ask": _unfolded(asked, key)}
        _put_back(content, key)
    return codec.APPROVAL.read(content, key)


def load_asked(asked: bytes, key: str) -> Ask:
    """Read what was asked. Raises codec.UnreadableError."""
    return codec.ASK.read(_unfolded(asked, key), key)


def _put_back(content: dict[str, Any], key: str) -> None:
    """What stands is what was proposed, and what was decided is what stands, where nothing else is written."""
    try:
        for kept, action in zip(content["reviews"], content["ask"]["actions"], strict=False):
            kept.setdefault("value", action["value"])
            if isinstance(kept.get("decision"), dict) and kept["decision"].pop("stands", False):
                kept["decision"]["value"] = kept["value"]
    except (KeyError, TypeError, AttributeError):
        raise codec.UnreadableError(key, "its reviews do not fit what was asked") from None


def _unfolded(asked: bytes, key: str) -> Any:
    content = codec.unpacked(asked, key)
    try:
        ask = content["ask"]
        # All places are found before any is filled: what is shared cannot become part of itself.
        for held, name, shared in [_share(ask, *each) for each in content.get("shares", ())]:
            held[name] = shared
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        raise codec.UnreadableError(key, "it is no document of what was asked") from None
    return ask


def _share(ask: Any, place: _Path, origin: _Path) -> tuple[Any, str | int, Any]:
    """What holds a place, the place in it, and what is shared. Raises ValueError and others for what is neither."""
    if place[0] == "payload":
        raise ValueError("a payload is never part of itself")
    held, shared = ask, ask["payload"]
    for part in origin:
        shared = shared[part]
    for part in place[:-1]:
        held = held[part]
    return held, place[-1], shared


class _Fold:
    """Leaves out of a document what is the very same as a part of the payload."""

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
        """The document without what is shared, and where that is found."""
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
