"""What comes out of a checkpoint: only known types, encrypted where that is wanted, and nothing that cannot be read."""

import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer

from adapters.redis import AsyncRedisSaver, DamagedCheckpointError
from adapters.redis.checkpointer.base import strict_serializer
from adapters.redis.keys import Keys
from adapters.redis.transport.connection import Database
from adapters.redis.transport.scripts import Command

KEYS = Keys()
AT: RunnableConfig = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
ROOT = Path(__file__).parents[3]

PROGRAM = """
import dataclasses, sys, typing
from langchain_core.messages import AIMessage
from langgraph.graph import START, StateGraph
from adapters.redis import RedisSaver

@dataclasses.dataclass
class Order:
    number: int

class State(typing.TypedDict, total=False):
    order: Order
    said: list

graph = StateGraph(State).add_node("look", lambda state: {}).add_edge(START, "look")
at = {"configurable": {"thread_id": "t"}}
with RedisSaver.from_conn_string(sys.argv[1]) as saver:
    app = graph.compile(checkpointer=saver)
    if sys.argv[2] == "write":
        app.invoke({"order": Order(7), "said": [AIMessage("hello")]}, at)
    else:
        values = app.get_state(at).values
        print(type(values["order"]).__name__, type(values["said"][0]).__name__)
"""


class Reversed:
    """A cipher that a test can read."""

    def encrypt(self, plaintext: bytes) -> tuple[str, bytes]:
        return "reversed", plaintext[::-1]

    def decrypt(self, ciphername: str, ciphertext: bytes) -> bytes:
        assert ciphername == "reversed"
        return ciphertext[::-1]


@pytest.fixture
async def saver(redis_url: str) -> AsyncIterator[AsyncRedisSaver]:
    async with AsyncRedisSaver.from_conn_string(redis_url) as saver:
        yield saver


async def put(saver: AsyncRedisSaver, step: int = 1, **values: Any) -> RunnableConfig:
    checkpoint = empty_checkpoint() | {"id": f"{step:06}", "channel_values": values}
    versions = {name: f"{step:06}.{name}" for name in values}
    return await saver.aput(AT, checkpoint | {"channel_versions": versions}, {"source": "loop"}, versions)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("strict", "order"),
    [("true", "Order"), (None, "dict"), ("false", "Order")],
    ids=["LangGraph names the state's types", "nobody names them", "any type"],
)
def test_only_types_that_somebody_named_come_out(
    redis_url: str, tmp_path: Path, strict: str | None, order: str
) -> None:
    """In a process of its own: LangGraph reads its setting once. Messages are known to be harmless."""
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(PROGRAM))
    environment = {"PYTHONPATH": str(ROOT)} | ({} if strict is None else {"LANGGRAPH_STRICT_MSGPACK": strict})

    def ran(what: str) -> str:
        done = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, str(program), redis_url, what],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    ran("write")
    assert ran("read").split() == [order, "AIMessage"]


async def test_an_encrypted_thread_holds_no_plain_text(redis_url: str, database: Database) -> None:
    serde = EncryptedSerializer(Reversed(), strict_serializer())
    async with AsyncRedisSaver.from_conn_string(redis_url, serde=serde) as saver:
        config = await put(saver, text="the secret plan")
        await saver.aput_writes(config, [("text", "the secret plan")], "task")
        found = await saver.aget_tuple(config)
        assert found is not None
        assert found.checkpoint["channel_values"] == {"text": "the secret plan"}
        assert found.pending_writes == [("task", "text", "the secret plan")]
        assert saver.with_allowlist([("a", "B")]).serde is not saver.serde
    for value in await database.run(Command("HVALS", KEYS.state("t"))):
        assert b"secret" not in value
    async with AsyncRedisSaver.from_conn_string(redis_url) as without_a_key:
        with pytest.raises(DamagedCheckpointError):
            await without_a_key.aget_tuple(config)


async def test_what_cannot_be_read_is_named_and_leaves_the_rest_readable(
    saver: AsyncRedisSaver, database: Database
) -> None:
    broken = await put(saver, 1, good="x", bad="y")
    whole = await put(saver, 2, good="z")
    await database.run(Command("HSET", KEYS.state("t"), "v\0\0" + "000001.bad\0bad", b"\xc1"))
    with pytest.raises(DamagedCheckpointError) as caught:
        await saver.aget_tuple(broken)
    error = caught.value
    assert (error.thread, error.namespace, error.checkpoint, error.channel) == ("t", "", "000001", "bad")
    found = await saver.aget_tuple(whole)
    assert found is not None
    assert found.checkpoint["channel_values"] == {"good": "z"}
    until = {"configurable": {"checkpoint_id": error.checkpoint}}
    assert [one async for one in saver.alist(AT, before=until)] == []  # type: ignore[arg-type]
