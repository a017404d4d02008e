"""What somebody else wrote into a checkpoint names types: none of them runs, and what the graphs use is read."""

import os
import pickle
import subprocess
import sys
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum, StrEnum
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import ormsgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, ToolCall, ToolMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.types import Interrupt, Send
from pydantic import BaseModel, SecretStr

from adapters.redis.checkpointer.saver import AsyncRedisSaver, DamagedCheckpointError
from adapters.redis.checkpointer.serializer import ForeignTypeError, GuardedSerializer
from adapters.redis.keys import Keys
from adapters.redis.transport.connection import Database
from adapters.redis.transport.scripts import Command

KEYS = Keys()
AT: RunnableConfig = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
RAN: list[Any] = []


def run(*args: Any, **more: Any) -> str:
    """What must not run."""
    RAN.append((args, more))
    return "ran"


@dataclass
class Order:
    number: int
    due: datetime | None = None
    lines: list[Any] = field(default_factory=list)


class Customer(BaseModel):
    name: str
    since: datetime


class Colour(StrEnum):
    RED = "red"


class Point(NamedTuple):
    x: int
    y: int


class Loaded(Enum):
    """An enumeration that nobody named."""

    ONE = 1


class Ran(BaseModel):
    """A model of somebody else's, which does something when it is made."""

    def __init__(self, **more: Any) -> None:
        run(more)


CALL = ToolCall(name="f", args={}, id="1")
OWN = frozenset((kind.__module__, kind.__name__) for kind in (Order, Customer, Colour, Point))


def ext(code: int, *words: Any) -> ormsgpack.Ext:
    return ormsgpack.Ext(code, ormsgpack.packb(list(words), default=_as_is))


def _as_is(value: Any) -> Any:
    assert isinstance(value, ormsgpack.Ext)
    return value


class Pickled:
    """Runs when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return run, ("unpickled",)


HERE = __name__
HOSTILE: dict[str, tuple[str, Any]] = {
    "a function": ("msgpack", ext(0, HERE, "run", "x")),
    "several arguments": ("msgpack", ext(1, HERE, "run", ["x", "y"])),
    "keywords": ("msgpack", ext(2, HERE, "run", {"x": 1})),
    "a foreign model": ("msgpack", ext(5, HERE, "Ran", {"x": 1}, "model_validate_json")),
    "an old model": ("msgpack", ext(4, HERE, "Ran", {"x": 1})),
    "the shell": ("msgpack", ext(0, "os", "system", "touch ran")),
    "a process": ("msgpack", ext(2, "subprocess", "Popen", {"args": ["touch", "ran"]})),
    "a module that is not imported": ("msgpack", ext(0, "antigravity", "geohash", "x")),
    "an own class that is no data": ("msgpack", ext(0, HERE, "Pickled", "x")),
    "in a list": ("msgpack", [1, {"deep": ext(0, HERE, "run", "x")}]),
    "in an allowed type": ("msgpack", ext(2, HERE, "Order", {"number": ext(0, HERE, "run", "x")})),
    "in an array": ("msgpack", ext(6, ext(0, HERE, "run", "x"), [1], "C", b"")),
    "in a difference": ("msgpack", ormsgpack.Ext(7, ormsgpack.packb(ext(0, HERE, "run", "x"), default=_as_is))),
    "no name": ("msgpack", ext(0, 1, 2, 3)),
    "names that are lists": ("msgpack", ext(0, ["os"], ["system"], "x")),
    "not enough": ("msgpack", ext(0, "os")),
    "a map": ("msgpack", ormsgpack.Ext(0, ormsgpack.packb({"a": 1}))),
    "a pickle": ("pickle", pickle.dumps(Pickled())),
    "JSON": ("json", b'{"lc":2,"type":"constructor","id":["os","system"],"args":["touch ran"]}'),
    "a secret of langchain": ("json", b'{"lc":1,"type":"secret","id":["PATH"]}'),
    "a kind of its own": ("\u202eevil\n", b""),
}


def packed(kind: str, value: Any) -> tuple[str, bytes]:
    return kind, value if kind != "msgpack" else ormsgpack.packb(value, default=_as_is)


@pytest.fixture(autouse=True)
def nothing_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    RAN.clear()
    before = set(sys.modules)
    yield
    assert RAN == []
    assert os.listdir(tmp_path) == []  # noqa: PTH208
    assert "antigravity" not in set(sys.modules) - before


@pytest.mark.parametrize("name", HOSTILE)
def test_what_names_a_type_of_nobody_here_is_refused_before_anything_is_made(name: str) -> None:
    with pytest.raises(ForeignTypeError) as caught:
        GuardedSerializer(OWN).loads_typed(packed(*HOSTILE[name]))
    assert "\n" not in str(caught.value)
    assert "\u202e" not in str(caught.value)


def test_under_langgraphs_own_rules_it_runs() -> None:
    """So that the tests above can fail."""
    kind, body = packed(*HOSTILE["a function"])
    assert JsonPlusSerializer(allowed_msgpack_modules=True).loads_typed((kind, body)) == "ran"
    RAN.clear()


@pytest.mark.parametrize("levels", [50, 2_000])
def test_types_within_types_end_somewhere(levels: int) -> None:
    """In a process of its own: it must not end it."""
    program = f"""
import ormsgpack
from adapters.redis.checkpointer.serializer import GuardedSerializer
value = ormsgpack.packb(1)
for _ in range({levels}):
    value = ormsgpack.packb(ormsgpack.Ext(0, ormsgpack.packb(["builtins", "set"])[:1].replace(b"\\x92", b"\\x93")
        + ormsgpack.packb("builtins") + ormsgpack.packb("frozenset") + b"\\x91" + value))
try:
    GuardedSerializer().loads_typed(("msgpack", value))
except Exception as error:
    print(type(error).__name__)
"""
    root = Path(__file__).parents[3]
    done = subprocess.run(  # noqa: S603 - ourselves
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize(
    "value",
    [
        Order(1, datetime(2026, 1, 1, tzinfo=UTC), [Point(1, 2), Colour.RED]),
        Customer(name="a", since=datetime(2026, 1, 1, tzinfo=UTC)),
        {"colour": Colour.RED, Colour.RED: Point(3, 4)},
        [UUID(int=7), Decimal("1.10"), timedelta(days=1), {1, 2}, frozenset({3}), deque([4]), Path("/x")],
        [HumanMessage("hi"), AIMessage("", tool_calls=[CALL]), ToolMessage("x", tool_call_id="1")],
        Interrupt(value=Order(2), id="abc"),
        Send("node", {"order": Order(3)}),
        HTTPStatus.NOT_FOUND,
        Loaded.ONE,
        SecretStr("s"),
        OrderedDict(a=1),
        None,
        b"bytes",
        bytearray(b"more"),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_what_graphs_keep_is_read_as_it_was(value: Any) -> None:
    serde = GuardedSerializer(OWN)
    assert serde.loads_typed(serde.dumps_typed(value)) == value


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text() | st.integers(-(2**63), 2**63 - 1) | st.booleans() | st.none(), inner)
    ),
    max_leaves=20,
)


@given(PLAIN)
def test_a_value_without_objects_is_read_as_by_langgraph(value: Any) -> None:
    written = JsonPlusSerializer().dumps_typed(value)
    assert repr(GuardedSerializer().loads_typed(written)) == repr(JsonPlusSerializer().loads_typed(written))


def test_a_class_that_its_module_no_longer_has_is_plain_data_as_under_langgraph() -> None:
    @dataclass
    class Gone:
        number: int

    serde = GuardedSerializer(OWN)
    assert serde.loads_typed(serde.dumps_typed(Gone(1))) == {"number": 1}


def test_a_type_that_nobody_declared_is_read_where_this_bot_signed_it(caplog: pytest.LogCaptureFixture) -> None:
    kind, body = GuardedSerializer(secret="s3cret").dumps_typed([Order(1), Order(2)])
    assert b"s3cret" not in body
    for _ in range(2):  # what was read once is signed all the same when it is written again
        reader = GuardedSerializer(secret="s3cret")
        assert reader.loads_typed((kind, body)) == [Order(1), Order(2)]
        kind, body = reader.dumps_typed([Order(1), Order(2)])
        assert kind == "signed"
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("secret", "spoil"),
    [
        ("another", lambda body: body),
        ("", lambda body: body),
        ("s3cret", lambda body: body[:-1] + b"\x05"),
        ("s3cret", lambda body: body[32:]),
        ("s3cret", lambda _: bytes(32) + ormsgpack.packb(HOSTILE["a function"][1], default=_as_is)),
        ("s3cret", lambda _: b""),
    ],
)
def test_what_is_signed_otherwise_is_refused(secret: str, spoil: Callable[[bytes], bytes]) -> None:
    kind, body = GuardedSerializer(secret="s3cret").dumps_typed(Order(1))
    assert kind == "signed"
    with pytest.raises(ForeignTypeError, match="this bot did not write it"):
        GuardedSerializer(secret=secret).loads_typed((kind, spoil(body)))


def test_what_was_read_once_lets_no_other_type_in() -> None:
    serde = GuardedSerializer(secret="s3cret")
    assert serde.loads_typed(serde.dumps_typed(Order(1))) == Order(1)
    with pytest.raises(ForeignTypeError):
        serde.loads_typed(packed(*HOSTILE["a function"]))


# In Redis -------------------------------------------------------------------------------------------------------------


@pytest.fixture
async def saver(redis_url: str) -> AsyncIterator[AsyncRedisSaver]:
    async with AsyncRedisSaver.from_conn_string(redis_url, serde=GuardedSerializer(OWN)) as saver:
        yield saver


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_thread_with_such_a_value_fails_in_one_sentence_and_others_are_read(
    saver: AsyncRedisSaver, database: Database, name: str
) -> None:
    kind, body = packed(*HOSTILE[name])
    raw = (b"\0" if kind == "msgpack" else bytes((len(kind.encode()),)) + kind.encode()) + body
    for thread in ("t", "other"):
        checkpoint = empty_checkpoint() | {"id": "1", "channel_values": {"order": Order(1)}}
        versions = {"order": "000001.a"}
        at: RunnableConfig = {"configurable": {"thread_id": thread, "checkpoint_ns": ""}}
        await saver.aput(at, checkpoint | {"channel_versions": versions}, {"source": "loop"}, versions)  # type: ignore[arg-type]
    await database.run(Command("HSET", KEYS.state("t"), "v\0\0" + "000001.a\0order", raw))
    with pytest.raises(DamagedCheckpointError, match="channel 'order' of checkpoint 1") as caught:
        await saver.aget_tuple(AT)
    assert "\n" not in str(caught.value)
    found = await saver.aget_tuple({"configurable": {"thread_id": "other", "checkpoint_ns": ""}})
    assert found is not None
    assert found.checkpoint["channel_values"] == {"order": Order(1)}
