"""Writes documents as JSON and reads them back without loss: approvals, conversations, effects, audit rows.

Decisions:
* The engine's dataclasses are the format: a codec is made once for each class from its fields and their types, so a new
  field cannot be forgotten here. A type without a rule is an error when the codec is made, not when a document is read.
* A field that has its default is left out: documents stay small, and a field added later with a default reads from
  older documents.
* Each document has `"v"`. One of a newer version, with an unknown field, or cut short is refused with an error that
  names its key: a guess at what an approval says could approve something.
* Characters are written as they are, lone surrogates included (`surrogatepass`). JSON's own escapes would join two lone
  surrogates into one character, and what a graph asked would no longer have the digest that it was shown under.
* What is kept of an approval, which may wait by the million, is stored compressed (`shrunk`), its audit rows too.
  `unpack` reads both forms. A process of an earlier version refuses a compressed document, as any that it cannot read.
* pydantic did not fit: its JSON refuses surrogates, and it cannot keep `1` and `1.0` apart under a union.
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

from adapters.redis.compact import Compact
from engine.approvals.approval import Approval, Review
from engine.approvals.audit import Entry
from engine.approvals.effects import Effect
from engine.asks.ask import Ask, Decision
from engine.authority.policy import Deadlines, Policy
from engine.conversation import Conversation
from engine.ports import DeadLetter, LastLookup, Unposted
from engine.rules.grants import Grant

VERSION: Final = 1
"""Raise it when old software would misread a document of the new form, and teach `load` the older form."""

T = TypeVar("T")

log: Final = logging.getLogger(__name__)

_Convert = Callable[[Any], Any]

_MICROSECOND = timedelta(microseconds=1)
_JSON = get_type_hints(Decision)["value"]
_TAG = "is"

_SHRUNK: Final = b"\x01"
"""Begins a compressed document; one that is not begins with `{`."""
_TYPICAL: Final = Compact(
    b'"thread":"user":"text":"ts":"mentioned":true,"grounds":[{"source":"looked_up":"fills":[{"stage":0,"place":0}]}],'
    b'"replaced":"outcome":"values":"ladder":[{"after":"escalated":1,"reject_quorum":2,"outsiders":["origin":"group",'
    b'"origin":"oncall","label":"zone":"days":"opens":"closes":"revision":2,"edited_by":"decided_at":"automatic":'
    b'"allowed_until":"state":"decided","closed_at":"reject_stops":true,"reason_unsent":true,"options":[{"word":'
    b'"asks_for":"own_words":"speaker":"verdict":true,"encoding":"unguarded":true,"perhaps_done":true,"question":'
    b'"description":"choices":["approve","reject"],"answer","skip","option"],"known_by":"code","kind":"approval",'
    b'"items":{"type":"array","type":"number"},"type":"boolean"},"schema":{"type":"object","properties":{"type":"string"},'
    b'"type":"integer"},"additionalProperties":true}}],"known_by":"library","payload":{"action_requests":[{"name":"args":{'
    b'"review_configs":[{"action_name":"allowed_decisions":["approve","edit","reject"]}]}},'
    b'"shares":[[["actions",0,"value"],["action_requests",0,"args"]]]}}'
    b'{"v":1,"d":{"ask":{"dialect":"langchain_batch","kind":"tool_call","prompt":"","actions":[{"name":"value":null,'
    b'"votes":[{"by":"U0","choice":"approve","at":"2026-","decision":{"choice":"approve","stands":true},'
    b'"direct":false,"started_at":"2026-","turn":"17.00","opened_by":"17.00","said":"T0'
    b'{"v":1,"d":{"at":"2026-01-01T00:00:00.000000+00:00","thread":"T0:C0:17.","approval":"T0:C0:17.0#","what":"decided",'
    b'"answered","delivered","edited","reminded","expired","voted","who":"U0","choice":"approve","grounds":[{"source":'
    b'"asked","who":null,"rule":"approvals[0]","detail":{"actions":["digest":"called","detail":{"people":["U0"]}}}'
    b'{"v":1,"d":{"id":"T0:C0:17.0#","thread":"T0:C0:17.","agent":"","interrupt":"","digest":"","deadlines":{'
    b'"reminders":[],"expires_after":14400000000},"requester":"U0","home":{"team":"T0","channel":"C0","thread_ts":"17."},'
    b'"place":{"team":"T0","channel":"C0","thread_ts":"17."},"created_at":"2026-01-01T00:00:00.000000+00:00","reviews":['
    b'{"policy":{"rule":"approvals[0]","stages":[[{"sources":[{"origin":"channel","name":"","quorum":2}]}]]}}],'
    b'"origin":"user","name":"U0","card":"17.000","version":3,"calling":{"notify":"mention"},"called":["U0"],'
    b'"not_called":{},"edition":"'
)
"""The names of the fields and what they often hold, the usual last. Never change it: see `adapters.redis.compact`."""


class UnreadableError(Exception):
    """A stored document that cannot be read. `key` says where it is; its content is not repeated."""

    def __init__(self, key: str, why: str) -> None:
        super().__init__(f"{key} cannot be read: {why}")
        self.key = key


@dataclass(frozen=True, slots=True)
class Codec(Generic[T]):
    """Writes and reads documents of one class."""

    encode: _Convert
    decode: _Convert

    def dump(self, value: T) -> bytes:
        """Write a document. Raises ValueError for a time without a zone, TypeError for a value of another class."""
        return pack(self.encode(value))

    def load(self, document: bytes, key: str) -> T:
        """Read a document; `key` is where it was found. Raises UnreadableError."""
        return self.read(unpack(document, key), key)

    def read(self, content: Any, key: str) -> T:
        """Read the content of a document found under `key`. Raises UnreadableError."""
        try:
            value: T = self.decode(content)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
            raise UnreadableError(key, f"a field is missing, unknown or of another type ({_place(error)})") from None
        return value

    def load_all(self, documents: Iterable[bytes], key: str) -> Iterator[T]:
        """Read documents found under `key`; an unreadable one is left out and logged, so that the others are seen."""
        for number, document in enumerate(documents):
            try:
                yield self.load(document, f"{key} number {number}")
            except UnreadableError as error:
                log.error("%s", error)  # noqa: TRY400 - the sentence is all there is to say


def pack(content: Any) -> bytes:
    """Write a document of this version."""
    document = {"v": VERSION, "d": content}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def shrunk(document: bytes) -> bytes:
    """Compress a document, if that makes it smaller."""
    packed = _TYPICAL.deflate(document, len(_SHRUNK))
    return document if packed is None else _SHRUNK + packed


def unpack(document: bytes, key: str) -> Any:
    """Read the content of a document found under `key`. Raises UnreadableError."""
    try:
        plain = _TYPICAL.inflate(document[len(_SHRUNK) :]) if document.startswith(_SHRUNK) else document
        held = json.loads(plain.decode("utf-8", "surrogatepass"))
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
    """A field cannot be read; the text names the field, never a value."""


# One pair of functions for each type ----------------------------------------------------------------------------------


def _unchanged(value: Any) -> Any:
    return value


def _exactly(kind: type) -> _Convert:
    def check(value: Any) -> Any:
        if type(value) is not kind:
            raise TypeError
        return value

    return check


@cache
def _dataclass(kind: type) -> tuple[_Convert, _Convert]:
    """Convert a dataclass to an object of its fields, without those that have their default."""
    hints = get_type_hints(kind)
    converters = {field.name: _converters(hints[field.name]) for field in fields(kind)}
    defaults = {field.name: field.default for field in fields(kind)}
    encoders = [
        (name, None if write is _unchanged else write, defaults[name]) for name, (write, _) in converters.items()
    ]
    decoders = {name: read for name, (_, read) in converters.items()}
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

    upgraded = OLDER.get(kind, _unchanged)

    def decode(document: Any) -> Any:
        document = upgraded(document)
        names = document.keys()
        if not (needed <= names <= decoders.keys()):
            raise _FieldError(kind.__name__)
        return kind(**{name: decoders[name](held) for name, held in document.items()})

    return encode, decode


def _are_both_empty(held: Any, default: Any) -> bool:
    """Tell whether two values are both the empty tuple or both the empty set."""
    return not held and isinstance(default, tuple | frozenset) and not default and type(held) is type(default)


def _newer_policy(document: Any) -> Any:
    """Upgrade a policy: until 0.1 it named one kind of approvers."""
    if "approvers" not in document:
        return document
    rest = {key: held for key, held in document.items() if key not in ("approvers", "users", "quorum")}
    kind, users = document["approvers"], document.get("users", ())
    sources = (
        [{"origin": "user", "name": user} for user in users] if kind == "users" else [{"origin": kind, "name": ""}]
    )
    return {**rest, "stages": [[{"sources": sources, "quorum": document.get("quorum", 1)}]]}


def _newer_deadlines(document: Any) -> Any:
    """Upgrade deadlines: until 0.1 there was one reminder."""
    if "remind_after" not in document:
        return document
    rest = {key: held for key, held in document.items() if key != "remind_after"}
    return {**rest, "reminders": [document["remind_after"]]}


def _newer_review(document: Any) -> Any:
    """Upgrade votes: until 0.1 they did not say which part of a policy they fill, as there was only one."""
    if "approvers" not in document["policy"]:
        return document
    votes = [{**vote, "fills": [{"stage": 0, "place": 0}]} for vote in document.get("votes", ())]
    return {**document, "votes": votes}


OLDER: Final[Mapping[type, _Convert]] = {Policy: _newer_policy, Deadlines: _newer_deadlines, Review: _newer_review}
"""Upgrades of documents of the last version: approvals wait for weeks, and an upgrade must not lose them."""


def _converters(hint: Any) -> tuple[_Convert, _Convert]:
    """Give the pair that writes and reads values of a type. Raises TypeError for a type without a rule."""
    while hasattr(hint, "__supertype__"):
        hint = hint.__supertype__
    if hint == _JSON:
        return _unchanged, _unchanged
    if hint in (str, int, bool):
        return _unchanged, _exactly(hint)
    if hint is datetime:
        return _write_time, _read_time
    if hint is timedelta:
        return (lambda span: span // _MICROSECOND), (lambda count: timedelta(microseconds=_exactly(int)(count)))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return (lambda member: member.value), hint
    if is_dataclass(hint) and isinstance(hint, type):
        return _dataclass(hint)
    return _composed(hint)


def _composed(hint: Any) -> tuple[_Convert, _Convert]:
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return _union(args)
    if origin is tuple and len(args) == 2 and args[1] is Ellipsis:  # noqa: PLR2004 - tuple[X, ...]
        encode, decode = _converters(args[0])
        return (lambda items: [encode(each) for each in items]), (
            lambda items: tuple(decode(each) for each in _exactly(list)(items))
        )
    if origin is frozenset:
        encode, decode = _converters(args[0])
        return (lambda items: sorted(encode(each) for each in items)), (
            lambda items: frozenset(decode(each) for each in _exactly(list)(items))
        )
    if origin is not None and issubclass(origin, Mapping):
        return dict, _exactly(dict)
    raise TypeError(f"no rule for {hint!r}")


def _union(args: tuple[Any, ...]) -> tuple[_Convert, _Convert]:
    some = [each for each in args if each is not NoneType]
    if len(some) == 1:
        encode, decode = _converters(some[0])
        return (lambda value: None if value is None else encode(value)), (
            lambda value: None if value is None else decode(value)
        )
    return _tagged({each.__name__: each for each in some})


def _tagged(kinds: Mapping[str, type]) -> tuple[_Convert, _Convert]:
    """Convert one of several dataclasses, tagged with its name."""
    converters = {name: _dataclass(kind) for name, kind in kinds.items()}

    def encode(value: Any) -> dict[str, Any]:
        name = type(value).__name__
        if kinds.get(name) is not type(value):
            raise TypeError(f"{name} is none of {', '.join(kinds)}")
        document: dict[str, Any] = converters[name][0](value)
        return {_TAG: name, **document}

    def decode(document: Any) -> Any:
        rest = dict(document)
        name = rest.pop(_TAG)
        if name not in converters:
            raise _FieldError(_TAG)
        return converters[name][1](rest)

    return encode, decode


def _write_time(at: datetime) -> str:
    if at.tzinfo is None:
        raise ValueError(f"{at} has no time zone: stored times are aware, in UTC")
    return at.astimezone(UTC).isoformat()


def _read_time(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at if at.tzinfo is UTC else at.astimezone(UTC)


APPROVAL: Final[Codec[Approval]] = Codec(*_dataclass(Approval))
ASK: Final[Codec[Ask]] = Codec(*_dataclass(Ask))
POLICIES: Final[Codec[tuple[Policy, ...]]] = Codec(*_converters(tuple[Policy, ...]))
CONVERSATION: Final[Codec[Conversation]] = Codec(*_dataclass(Conversation))
ENTRY: Final[Codec[Entry]] = Codec(*_dataclass(Entry))
EFFECT: Final[Codec[Effect]] = Codec(*_converters(Effect))
DEAD_LETTER: Final[Codec[DeadLetter]] = Codec(*_dataclass(DeadLetter))
UNPOSTED: Final[Codec[Unposted]] = Codec(*_dataclass(Unposted))
GRANT: Final[Codec[Grant]] = Codec(*_dataclass(Grant))
LOOKUP: Final[Codec[LastLookup]] = Codec(*_dataclass(LastLookup))
