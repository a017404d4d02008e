"""What is stored as JSON: approvals, conversations, effects and audit rows, to bytes and back without loss.

Decisions:
* The engine's dataclasses are the format: a codec is made once for each class from its fields and their types, so that
  a new field cannot be forgotten here. A type that no rule knows is an error when the codec is made, not when a
  document is read.
* A field that has its default is left out: documents stay small, and a field added later with a default reads from
  older documents.
* Each document carries `"v"`. One of a newer version, with an unknown field, or cut short is refused with an error that
  names its key: to guess what an approval says could approve something.
* Characters are written as they are, lone surrogates included (`surrogatepass`). JSON's own escapes would join two
  lone surrogates into one character, and what a graph asked would no longer have the digest that it was shown under.
* pydantic was no match: its JSON refuses surrogates, and it cannot keep `1` and `1.0` apart under a union.
"""

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Final, Generic, TypeVar, Union, get_args, get_origin, get_type_hints

from engine.approvals.approval import Approval, Review
from engine.approvals.audit import Entry
from engine.approvals.effects import Effect
from engine.asks.ask import Ask, Decision
from engine.authority.policy import Deadlines, Policy
from engine.conversation import Conversation
from engine.ports import DeadLetter, LastLookup, Unposted
from engine.rules.grants import Grant

VERSION: Final = 1
"""Raise it when a document of the new form would be misread by the old software, and teach `load` the older form."""

T = TypeVar("T")

log: Final = logging.getLogger(__name__)

_Turn = Callable[[Any], Any]

_MICROSECOND = timedelta(microseconds=1)
_JSON = get_type_hints(Decision)["value"]
_TAG = "is"


class UnreadableError(Exception):
    """A stored document that cannot be read. `key` says where it stands; nothing of its content is repeated."""

    def __init__(self, key: str, why: str) -> None:
        super().__init__(f"{key} cannot be read: {why}")
        self.key = key


@dataclass(frozen=True, slots=True)
class Codec(Generic[T]):
    """Writes and reads one kind of document."""

    encode: _Turn
    decode: _Turn

    def dump(self, value: T) -> bytes:
        """Make the document. Raises ValueError for a time without a zone, TypeError for what is not of this kind."""
        return packed(self.encode(value))

    def load(self, document: bytes, key: str) -> T:
        """Read a document; `key` is where it was found. Raises UnreadableError."""
        return self.read(unpacked(document, key), key)

    def read(self, content: Any, key: str) -> T:
        """Read the content of a document found under `key`. Raises UnreadableError."""
        try:
            value: T = self.decode(content)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
            raise UnreadableError(key, f"a field is missing, unknown or of another type ({_place(error)})") from None
        return value

    def load_all(self, documents: Iterable[bytes], key: str) -> Iterator[T]:
        """Read documents found under `key`; one that cannot be read is left out and logged, for others to be seen."""
        for number, document in enumerate(documents):
            try:
                yield self.load(document, f"{key} number {number}")
            except UnreadableError as error:
                log.error("%s", error)  # noqa: TRY400 - the sentence is all there is to say


def packed(content: Any) -> bytes:
    """A document of this version."""
    document = {"v": VERSION, "d": content}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def unpacked(document: bytes, key: str) -> Any:
    """The content of a document found under `key`. Raises UnreadableError."""
    try:
        held = json.loads(document.decode("utf-8", "surrogatepass"))
        version, content = held["v"], held["d"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise UnreadableError(key, "it is not a document of Signoff") from None
    if type(version) is not int or version != VERSION:
        shown = version if type(version) is int else "of another kind"
        raise UnreadableError(key, f"it has version {shown}, this Signoff reads {VERSION}: update Signoff")
    return content


def _place(error: Exception) -> str:
    return error.args[0] if isinstance(error, _FieldError) else type(error).__name__


class _FieldError(ValueError):
    """Its text names a field of ours, never a value."""


# One pair of functions for each type ----------------------------------------------------------------------------------


def _same(value: Any) -> Any:
    return value


def _of_type(kind: type) -> _Turn:
    def check(value: Any) -> Any:
        if type(value) is not kind:
            raise TypeError
        return value

    return check


@cache
def _class(kind: type) -> tuple[_Turn, _Turn]:
    """A dataclass as an object of its fields, less those that have their default."""
    hints = get_type_hints(kind)
    turns = {field.name: _turns(hints[field.name]) for field in fields(kind)}
    defaults = {field.name: field.default for field in fields(kind)}
    encoders = [(name, None if write is _same else write, defaults[name]) for name, (write, _) in turns.items()]
    decoders = {name: read for name, (_, read) in turns.items()}
    needed = frozenset(name for name, default in defaults.items() if default is MISSING)

    def encode(value: Any) -> dict[str, Any]:
        if type(value) is not kind:
            raise TypeError(f"{type(value).__name__} is not a {kind.__name__}")
        document = {}
        for name, write, default in encoders:
            held = getattr(value, name)
            if held is not default and not _are_both_empty(held, default):  # by identity: 0 and False are two values
                document[name] = held if write is None else write(held)
        return document

    upgraded = OLDER.get(kind, _same)

    def decode(document: Any) -> Any:
        document = upgraded(document)
        names = document.keys()
        if not (needed <= names <= decoders.keys()):
            raise _FieldError(kind.__name__)
        return kind(**{name: decoders[name](held) for name, held in document.items()})

    return encode, decode


def _are_both_empty(held: Any, default: Any) -> bool:
    """Whether two tuples or sets are empty, which may be two objects."""
    return not held and isinstance(default, tuple | frozenset) and not default and type(held) is type(default)


def _newer_policy(document: Any) -> Any:
    """Policies named one kind of approvers until 0.1."""
    if "approvers" not in document:
        return document
    rest = {key: held for key, held in document.items() if key not in ("approvers", "users", "quorum")}
    kind, users = document["approvers"], document.get("users", ())
    sources = (
        [{"origin": "user", "name": user} for user in users] if kind == "users" else [{"origin": kind, "name": ""}]
    )
    return {**rest, "stages": [[{"sources": sources, "quorum": document.get("quorum", 1)}]]}


def _newer_deadlines(document: Any) -> Any:
    """There was one reminder until 0.1."""
    if "remind_after" not in document:
        return document
    rest = {key: held for key, held in document.items() if key != "remind_after"}
    return {**rest, "reminders": [document["remind_after"]]}


def _newer_review(document: Any) -> Any:
    """Votes did not say what part of a policy they fill until 0.1: there was one part."""
    if "approvers" not in document["policy"]:
        return document
    votes = [{**vote, "fills": [{"stage": 0, "place": 0}]} for vote in document.get("votes", ())]
    return {**document, "votes": votes}


OLDER: Final[Mapping[type, _Turn]] = {Policy: _newer_policy, Deadlines: _newer_deadlines, Review: _newer_review}
"""How documents of the version before are read: approvals wait for weeks, and an upgrade must not lose them."""


def _turns(hint: Any) -> tuple[_Turn, _Turn]:
    """How values of a type are written and read. Raises TypeError for a type that has no rule."""
    while hasattr(hint, "__supertype__"):
        hint = hint.__supertype__
    if hint == _JSON:
        return _same, _same
    if hint in (str, int, bool):
        return _same, _of_type(hint)
    if hint is datetime:
        return _write_time, _read_time
    if hint is timedelta:
        return (lambda span: span // _MICROSECOND), (lambda count: timedelta(microseconds=_of_type(int)(count)))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return (lambda member: member.value), hint
    if is_dataclass(hint) and isinstance(hint, type):
        return _class(hint)
    return _composed(hint)


def _composed(hint: Any) -> tuple[_Turn, _Turn]:
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return _union(args)
    if origin is tuple and len(args) == 2 and args[1] is Ellipsis:  # noqa: PLR2004 - tuple[X, ...]
        encode, decode = _turns(args[0])
        return (lambda items: [encode(each) for each in items]), (
            lambda items: tuple(decode(each) for each in _of_type(list)(items))
        )
    if origin is frozenset:
        encode, decode = _turns(args[0])
        return (lambda items: sorted(encode(each) for each in items)), (
            lambda items: frozenset(decode(each) for each in _of_type(list)(items))
        )
    if origin is not None and issubclass(origin, Mapping):
        return dict, _of_type(dict)
    raise TypeError(f"no rule for {hint!r}")


def _union(args: tuple[Any, ...]) -> tuple[_Turn, _Turn]:
    some = [each for each in args if each is not NoneType]
    if len(some) == 1:
        encode, decode = _turns(some[0])
        return (lambda value: None if value is None else encode(value)), (
            lambda value: None if value is None else decode(value)
        )
    return _tagged({each.__name__: each for each in some})


def _tagged(kinds: Mapping[str, type]) -> tuple[_Turn, _Turn]:
    """One of several dataclasses, known by its name."""
    turns = {name: _class(kind) for name, kind in kinds.items()}

    def encode(value: Any) -> dict[str, Any]:
        name = type(value).__name__
        if kinds.get(name) is not type(value):
            raise TypeError(f"{name} is none of {', '.join(kinds)}")
        document: dict[str, Any] = turns[name][0](value)
        return {_TAG: name, **document}

    def decode(document: Any) -> Any:
        rest = dict(document)
        name = rest.pop(_TAG)
        if name not in turns:
            raise _FieldError(_TAG)
        return turns[name][1](rest)

    return encode, decode


def _write_time(at: datetime) -> str:
    if at.tzinfo is None:
        raise ValueError(f"{at} has no time zone: stored times are aware, in UTC")
    return at.astimezone(UTC).isoformat()


def _read_time(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at if at.tzinfo is UTC else at.astimezone(UTC)


APPROVAL: Final[Codec[Approval]] = Codec(*_class(Approval))
ASK: Final[Codec[Ask]] = Codec(*_class(Ask))
POLICIES: Final[Codec[tuple[Policy, ...]]] = Codec(*_turns(tuple[Policy, ...]))
CONVERSATION: Final[Codec[Conversation]] = Codec(*_class(Conversation))
ENTRY: Final[Codec[Entry]] = Codec(*_class(Entry))
EFFECT: Final[Codec[Effect]] = Codec(*_turns(Effect))
DEAD_LETTER: Final[Codec[DeadLetter]] = Codec(*_class(DeadLetter))
UNPOSTED: Final[Codec[Unposted]] = Codec(*_class(Unposted))
GRANT: Final[Codec[Grant]] = Codec(*_class(Grant))
LOOKUP: Final[Codec[LastLookup]] = Codec(*_class(LastLookup))
