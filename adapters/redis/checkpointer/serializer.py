"""Reads checkpoints that somebody else may have written, without running anything that the graphs do not need.

LangGraph's msgpack names types: `module, name, arguments`, which it imports and calls. Without an allowlist that runs
whatever is installed; with one, a type that is not on it comes out as plain data, and the graph goes on with a value of
another type than it stored (https://github.com/langchain-ai/langgraph, .github/THREAT_MODEL.md).

Decisions:
* Allowed are the types that LangGraph knows to be harmless, those that are passed to `allow` (the bot passes those of
  the graphs' own code and state, `adapters.langgraph.loading.own_types`), and enumerations that are loaded already,
  where a value is only looked up. Nothing else is imported.
* A graph may store an object of any other type, of a library that its code never names, say. Such a value is written
  with a signature (HMAC), whose key is a secret that is not in Redis: if this bot signed it, this bot stored it, so its
  types are allowed. After the secret changes, such a value is refused; all others can still be read.
* A type that is not allowed is an error that names the type, before anything of the value is made: an agent that goes
  on with another value than it stored may do the wrong thing. Only a name that its module no longer has comes out as
  plain data, as under LangGraph: a class that was made in a function, or one that a new version removed.
* Neither pickle nor the JSON of old versions is read: this saver never wrote them.
* Bytes with objects in them are read twice: the first pass looks at names only, the second is LangGraph's own, with the
  same allowlist. So a kind of value that a later LangGraph adds is read by its own rules, and the allowlist applies
  twice. Where the first pass met no object, it has made the value: text, numbers, lists and dictionaries are the same
  by both.
"""

import hashlib
import hmac
import re
import sys
from collections.abc import Callable, Iterable
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
_USUAL, _SIGNED = "msgpack", "signed"
_SIGNATURE = 32
"""Length of the signature before a signed value, in bytes."""
_UNTYPED = frozenset({"null", "bytes", "bytearray"})
_NAMED = frozenset(
    {EXT_CONSTRUCTOR_SINGLE_ARG, EXT_CONSTRUCTOR_POS_ARGS, EXT_CONSTRUCTOR_KW_ARGS, EXT_PYDANTIC_V1, EXT_PYDANTIC_V2}
)
_NESTED = frozenset({EXT_DELTA_SNAPSHOT, EXT_NUMPY_ARRAY})
_NAME = re.compile(r"[\w.]{1,200}")


class ForeignTypeError(Exception):
    """A stored value has a type that no agent of this bot uses. The text has a name at most, and no value."""


class GuardedSerializer(JsonPlusSerializer):
    """LangGraph's serializer with these rules; without a `secret` nothing is signed."""

    def __init__(self, allowed: Iterable[TypeName] = (), secret: str = "") -> None:
        super().__init__(allowed_msgpack_modules=None)
        self._key = hashlib.sha256(b"signoff checkpoints\0" + secret.encode()).digest() if secret else b""
        self._declared: set[TypeName] = set()
        self._allowed: set[TypeName] = set()
        self.allow({*SAFE_MSGPACK_TYPES, *_SECRETS, *allowed})

    def allow(self, types: Iterable[TypeName]) -> None:
        """Allow further types."""
        self._declared |= {(each[0], each[1]) for each in types}
        self._read_also(self._declared)

    def _read_also(self, types: Iterable[TypeName]) -> None:
        if not self._allowed.issuperset(types):
            self._allowed |= set(types)
            self._reader = JsonPlusSerializer(allowed_msgpack_modules=tuple(self._allowed))

    @override
    def with_msgpack_allowlist(self, extra_allowlist: Iterable[tuple[str, ...] | type]) -> JsonPlusSerializer:
        """Allow the types that LangGraph finds in a graph's state, if it is configured to look for them."""
        self.allow((each.__module__, each.__name__) if isinstance(each, type) else each for each in extra_allowlist)
        return self

    @override
    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        """Write a value; it is signed if its types are not declared."""
        kind, body = super().dumps_typed(obj)
        if not self._key or kind != _USUAL or self._declared.issuperset(_types_in(body)):
            return kind, body
        return _SIGNED, self._signature(body) + body

    @override
    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """Read a value. Raises ForeignTypeError, and for broken bytes what LangGraph and ormsgpack raise."""
        kind, body = data
        if kind == _SIGNED:
            signature, body = body[:_SIGNATURE], body[_SIGNATURE:]
            if not self._key or not hmac.compare_digest(signature, self._signature(body)):
                raise ForeignTypeError("this bot did not write it, or its Slack token has changed since")
            self._read_also(_types_in(body))
        elif kind == _USUAL:
            value, types = _first_pass(body)
            if types is None:
                return value
            self._admit(types)
        elif kind not in _UNTYPED:
            raise ForeignTypeError(f"it is {_safe_name(kind)}, which Signoff never wrote")
        return self._reader.loads_typed((_USUAL if kind == _SIGNED else kind, body))

    def _signature(self, body: bytes) -> bytes:
        return hmac.digest(self._key, body, "sha256")

    def _admit(self, types: set[TypeName]) -> None:
        """Allow loaded enumerations. Raises ForeignTypeError for the first type that is not allowed."""
        for module, name in types - self._allowed:
            loaded = sys.modules.get(module)
            if loaded is not None and name not in vars(loaded):
                continue  # LangGraph restores it as plain data: the module has no such name
            made = None if loaded is None else vars(loaded)[name]
            if not isinstance(made, type) or not issubclass(made, Enum):
                raise ForeignTypeError(
                    f"it is made of {_safe_name(f'{module}.{name}')}, which no agent here uses: import that type at "
                    "the top of the graph's file, or name it in the graph's state"
                )
            self._read_also({(module, name)})


def _types_in(body: bytes) -> set[TypeName]:
    """Find the types that a value names, without making it. Raises ForeignTypeError for a bad name."""
    return _first_pass(body)[1] or set()


def _first_pass(body: bytes) -> tuple[Any, set[TypeName] | None]:
    """Read a value without making any object; gives the types that it names, None where there is no object in it.

    Raises ForeignTypeError for a bad name.
    """
    found: set[TypeName] = set()
    nameless: list[int] = []
    objects = False

    def look(code: int, inner: bytes) -> None:  # ormsgpack would hide what it raises
        nonlocal objects
        objects = True
        if code in _NAMED:
            match _unpacked(inner, look):
                case [str() as module, str() as name, _, *_]:
                    found.add((module, name))
                case _:
                    nameless.append(code)
        elif code in _NESTED:
            _unpacked(inner, look)

    value = _unpacked(body, look)
    if nameless:
        raise ForeignTypeError("it has an object without a type name")
    return value, found if objects else None


def _unpacked(body: bytes, look: Callable[[int, bytes], None]) -> Any:
    return ormsgpack.unpackb(body, ext_hook=look, option=ormsgpack.OPT_NON_STR_KEYS)


def _safe_name(name: str) -> str:
    return name if _NAME.fullmatch(name) else "something that has no proper name"
