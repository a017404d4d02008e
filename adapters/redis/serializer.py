"""Reads checkpoints that somebody else may have written: no name in them makes Python run what the graphs do not need.

LangGraph's msgpack names types: `module, name, arguments`, which it imports and calls. Without an allowlist that runs
whatever is installed; with one, a type that is not on it comes out as plain data, and the graph goes on with a value
of another kind than it stored (https://github.com/langchain-ai/langgraph, .github/THREAT_MODEL.md).

Decisions:
* Allowed are the types that LangGraph knows to be harmless, those that `allow` is told of (the bot tells it those of
  the graphs' own code and state, `adapters.langgraph.own_types`), and enumerations that are loaded already, where a
  value is only looked up. Nothing is imported that is not.
* What is not allowed is an error that names the type, before anything of the value is made: an agent that goes on with
  another value than it stored may do the wrong thing. Only a name that its module no longer has comes out as plain
  data, as it does under LangGraph: a class that was made in a function, or one that a new version removed.
* Neither pickle nor the JSON of old versions is read: this saver never wrote it.
* Two passes over the bytes: the first looks at names only, the second is LangGraph's own, told the same list. So a kind
  of value that a later LangGraph adds is read by its own rules, and the list stands twice.
"""

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from typing import Any, Final

import ormsgpack
from langgraph.checkpoint.serde._msgpack import SAFE_MSGPACK_TYPES
from langgraph.checkpoint.serde.jsonplus import (
    EXT_CONSTRUCTOR_KW_ARGS,
    EXT_CONSTRUCTOR_POS_ARGS,
    EXT_CONSTRUCTOR_SINGLE_ARG,
    EXT_DELTA_SNAPSHOT,
    EXT_NUMPY_ARRAY,
    EXT_PYDANTIC_V1,
    EXT_PYDANTIC_V2,
    JsonPlusSerializer,
)
from typing_extensions import override

TypeName = tuple[str, ...]
"""A module and the name of a type in it."""

_SECRETS: Final[frozenset[TypeName]] = frozenset({("pydantic.types", "SecretStr"), ("pydantic.types", "SecretBytes")})
_PLAIN = frozenset({"null", "bytes", "bytearray"})
_NAMED = frozenset(
    {EXT_CONSTRUCTOR_SINGLE_ARG, EXT_CONSTRUCTOR_POS_ARGS, EXT_CONSTRUCTOR_KW_ARGS, EXT_PYDANTIC_V1, EXT_PYDANTIC_V2}
)
_NESTED = frozenset({EXT_DELTA_SNAPSHOT, EXT_NUMPY_ARRAY})
_NAMELESS = "it is made of something that names no type"
_NAME = re.compile(r"[\w.]{1,200}")


class ForeignTypeError(Exception):
    """A stored value is made of something that no agent of this bot uses. The text holds a name at most."""


class GuardedSerializer(JsonPlusSerializer):
    """LangGraph's serializer with the rules above. It writes what LangGraph writes."""

    def __init__(self, allowed: Iterable[TypeName] = ()) -> None:
        super().__init__(allowed_msgpack_modules=None)
        self._allowed: set[TypeName] = set(SAFE_MSGPACK_TYPES)
        self._reader = JsonPlusSerializer(allowed_msgpack_modules=None)
        self.allow({*allowed, *_SECRETS})

    def allow(self, types: Iterable[TypeName]) -> None:
        """Allow further types."""
        new = {(each[0], each[1]) for each in types} - self._allowed
        if new:
            self._allowed |= new
            self._reader = JsonPlusSerializer(allowed_msgpack_modules=tuple(self._allowed))

    @override
    def with_msgpack_allowlist(self, extra_allowlist: Iterable[tuple[str, ...] | type]) -> JsonPlusSerializer:
        """Allow the types that LangGraph finds in a graph's state, where it is told to look for them."""
        self.allow((each.__module__, each.__name__) if isinstance(each, type) else each for each in extra_allowlist)
        return self

    @override
    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """Read a value. Raises ForeignTypeError, and what LangGraph and ormsgpack raise for what is broken."""
        kind, body = data
        if kind == "msgpack":
            self._judge(body)
        elif kind not in _PLAIN:
            raise ForeignTypeError(f"it is {_shown(kind)}, which Signoff never wrote")
        return self._reader.loads_typed(data)

    def _judge(self, body: bytes) -> None:
        """Look at every type that is named in a value. Raises ForeignTypeError for the first that is not allowed."""
        refused: list[str] = []

        def look(code: int, inner: bytes) -> None:  # ormsgpack would hide what it raises
            if code in _NAMED:
                found = _unpacked(inner, look)
                named = isinstance(found, list) and len(found) > 2  # noqa: PLR2004 - module, name, arguments
                refused.extend(self._refusals(*found[:2]) if named else [_NAMELESS])
            elif code in _NESTED:
                _unpacked(inner, look)

        _unpacked(body, look)
        if refused:
            raise ForeignTypeError(refused[0])

    def _refusals(self, module: object, name: object) -> Iterator[str]:
        if not isinstance(module, str) or not isinstance(name, str):
            yield _NAMELESS
            return
        if (module, name) in self._allowed:
            return
        loaded = sys.modules.get(module)
        if loaded is not None and name not in vars(loaded):
            return  # LangGraph makes nothing of it: the list has no such name
        made = None if loaded is None else vars(loaded)[name]
        if isinstance(made, type) and issubclass(made, Enum):
            self.allow({(module, name)})
            return
        yield (
            f"it is made of {_shown(f'{module}.{name}')}, which no agent here uses: import that type at the top of the "
            "graph's file, or name it in the graph's state"
        )


def _unpacked(body: bytes, look: Callable[[int, bytes], None]) -> Any:
    return ormsgpack.unpackb(body, ext_hook=look, option=ormsgpack.OPT_NON_STR_KEYS)


def _shown(name: str) -> str:
    return name if _NAME.fullmatch(name) else "something that has no proper name"
