'''A Lua script as a frozen dataclass: its fields are the script's KEYS and ARGV, `read` makes sense of the reply.

    @dataclass(frozen=True, slots=True)
    class PopMail(Script[bool]):
        """Take the head off a mailbox, if the fence is still ours. Safe to run twice."""

        LUA = """
        if redis.call('GET', fence) ~= token then return 0 end
        if redis.call('LINDEX', mailbox, 0) == mail then redis.call('LPOP', mailbox) end
        return 1
        """
        mailbox: Key
        fence: Key
        token: int
        mail: bytes

        def read(self, reply: Any) -> bool:
            return bool(reply == 1)

    taken = await database.run(PopMail(mailbox, fence, 7, b"..."))

Each field is a Lua local of the same name, so that no index into KEYS or ARGV is ever counted by hand. A field of type
`Key` is one of KEYS, `tuple[Key, ...]` is a Lua table of keys, any other is one of ARGV (Lua sees strings: a number
needs `tonumber`), and `tuple[bytes | str | int, ...]` is a Lua table of arguments, which only the last such field can
be. Never `unpack` a long table: Lua's stack ends at about 8,000 values; call in a loop, or in pieces.

Why values and not functions: the same value runs on the asyncio client, on the blocking one, and in a pipeline, and a
test can inspect it. Scripts are sent by hash (EVALSHA), and with their source when the server does not know the hash
(https://valkey.io/topics/eval-intro/). The client repeats a call whose answer got lost, so that every script must be
safe to run twice with the same arguments. All keys of a script are declared and share one hash tag, as a cluster asks.
'''

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, ClassVar, Generic, NewType, Protocol, TypeAlias, TypeVar, get_args, get_origin, get_type_hints

Key = NewType("Key", str)
"""The name of a key, as only `adapters.redis.keys` makes it."""

Arg: TypeAlias = str | bytes | int | float

R_co = TypeVar("R_co", covariant=True)

# A field of one of these names would break the script or hide what it uses.
_LUA_WORDS = (
    " and break do else elseif end false for function if in local nil not or repeat return then true until while "
    "redis cjson cmsgpack struct bit string table math tonumber tostring type ipairs pairs unpack error "
)


class RedisCall(Protocol[R_co]):
    """A call that a transport runs: a `Script` or a `Command`."""

    def by_hash(self) -> tuple[Arg, ...]:
        """Give the words to send first."""
        ...

    def by_source(self) -> tuple[Arg, ...]:
        """Give the words that work on a server that never saw the script."""
        ...

    def read(self, reply: Any) -> R_co:
        """Turn the server's raw reply (bytes, int, None or a list of these) into the result."""
        ...


@dataclass(frozen=True, slots=True)
class Script(Generic[R_co]):
    """Base of every script; the module's docstring says how to write one."""

    LUA: ClassVar[str]
    ACKED: ClassVar[bool] = False
    """True if a fail-over must not take it back: with `?wait=1` replicas have it before its answer counts.

    See `adapters.redis.transport.replicated`.
    """

    def by_hash(self) -> tuple[Arg, ...]:
        """Give EVALSHA and its words."""
        layout = _layout(type(self))
        return ("EVALSHA", layout.sha, *layout.words(self))

    def by_source(self) -> tuple[Arg, ...]:
        """Give EVAL and its words."""
        layout = _layout(type(self))
        return ("EVAL", layout.source, *layout.words(self))

    def read(self, reply: Any) -> R_co:
        """Turn the server's raw reply (bytes, int, None or a list of these) into the result."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class DropMistypedKey(Script[bool]):
    """Delete a key of another type than ours: it holds nothing of ours."""

    LUA = """
    local found = redis.call('TYPE', key).ok
    if found == 'none' or found == kind then return 0 end
    return redis.call('DEL', key)
    """
    key: Key
    kind: str

    def read(self, reply: Any) -> bool:
        """Tell whether it was deleted."""
        return bool(reply == 1)


@dataclass(frozen=True, slots=True)
class Command:
    """One plain command, `Command("LRANGE", key, 0, -1)`; the reply comes as RESP2 sends it, names and values flat."""

    words: tuple[Arg, ...]

    def __init__(self, *words: Arg) -> None:
        object.__setattr__(self, "words", words)

    def by_hash(self) -> tuple[Arg, ...]:
        """Give the command as it is."""
        return self.words

    def by_source(self) -> tuple[Arg, ...]:
        """Give the command as it is."""
        return self.words

    def read(self, reply: Any) -> Any:
        """Give the reply as it is."""
        return reply


@dataclass(frozen=True, slots=True)
class _Layout:
    """A script's source, hash and fields, worked out once for each class."""

    source: str
    sha: str
    keys: Callable[[Any], tuple[Any, ...]]
    many_keys: Callable[[Any], tuple[Any, ...]]
    args: Callable[[Any], tuple[Any, ...]]
    many_args: Callable[[Any], tuple[Any, ...]]

    def words(self, script: Script[Any]) -> tuple[Arg, ...]:
        keys = self.keys(script) + self.many_keys(script)
        return (len(keys), *keys, *map(_as_arg, self.args(script)), *self.many_args(script))


_LAYOUTS: dict[type[Any], _Layout] = {}


def _layout(kind: type[Any]) -> _Layout:
    layout = _LAYOUTS.get(kind)
    if layout is None:
        layout = _LAYOUTS[kind] = _make_layout(kind)
    return layout


def _make_layout(kind: type[Any]) -> _Layout:
    """Sort the fields into KEYS and ARGV and write the Lua locals.

    Raises TypeError when a field cannot be one; a test that makes one value of each script finds out.
    """
    hints = get_type_hints(kind)
    groups: dict[str, list[str]] = {"keys": [], "many_keys": [], "args": [], "many_args": []}
    for field in fields(kind):
        if f" {field.name} " in _LUA_WORDS:
            raise TypeError(f"{kind.__name__}.{field.name}: is a reserved word of Lua: choose another name")
        groups[_group(hints[field.name])].append(field.name)
    if len(groups["many_keys"]) > 1 or len(groups["many_args"]) > 1:
        raise TypeError(f"{kind.__name__}: at most one tuple of keys and one tuple of arguments")
    source = _locals("KEYS", groups["keys"], groups["many_keys"]) + _locals("ARGV", groups["args"], groups["many_args"])
    source += kind.LUA
    sha = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()
    getters = {group: _getter(names, flat=group.startswith("many")) for group, names in groups.items()}
    return _Layout(source=source, sha=sha, **getters)


def _group(hint: Any) -> str:
    if hint is Key:
        return "keys"
    if get_origin(hint) is tuple:
        return "many_keys" if get_args(hint)[0] is Key else "many_args"
    return "args"


def _locals(source: str, single: list[str], many: list[str]) -> str:
    lines = [f"local {name} = {source}[{number}]" for number, name in enumerate(single, 1)]
    lines += [f"local {name} = {{}} for i = {len(single) + 1}, #{source} do {name}[i - {len(single)}] = {source}[i] end"
              for name in many]  # fmt: skip
    return "".join(f"{line}\n" for line in lines)


def _getter(names: list[str], *, flat: bool) -> Callable[[Any], tuple[Any, ...]]:
    match names:
        case []:
            return lambda _: ()
        case [name] if flat:
            return attrgetter(name)
        case [name]:
            return lambda script: (getattr(script, name),)
        case _:
            return attrgetter(*names)


def _as_arg(value: Any) -> Arg:
    """Turn a boolean, which Redis does not have, into 0 or 1."""
    return int(value) if isinstance(value, bool) else value
