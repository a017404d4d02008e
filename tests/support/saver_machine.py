"""Does the same to our saver and to LangGraph's in memory, in whatever order, and compares what they say."""

import itertools
from typing import Any

import redis
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import WRITES_IDX_MAP, ChannelVersions, Checkpoint, CheckpointTuple, empty_checkpoint
from langgraph.checkpoint.memory import InMemorySaver

from adapters.redis.checkpointer.saver import RedisSaver
from adapters.redis.keys import untag

THREADS = st.sampled_from(["t", "{t}", "ü :"])
NAMESPACES = st.sampled_from(["", "sub:1|sub:2"])
CHANNELS = st.sampled_from(["a", "b", "__interrupt__"])
VALUES = (
    st.none()
    | st.integers(-(2**63), 2**63 - 1)
    | st.text(max_size=5)
    | st.binary(max_size=5)
    | st.lists(st.booleans(), max_size=2)
)
WRITES = st.lists(st.tuples(st.sampled_from(["a", "b", *WRITES_IDX_MAP]), VALUES), max_size=4)
CONTENT = st.dictionaries(CHANNELS, VALUES, max_size=3)
RUNS = st.sampled_from(["run1", "run2", "run3"])
TASKS = st.sampled_from(["task1", "task2"])
PATHS = st.sampled_from(["", "~1", "~2"])


class SaverMachine(RuleBasedStateMachine):
    """Does the same to both savers; `saver` is given by the test."""

    saver: RedisSaver

    def __init__(self) -> None:
        super().__init__()
        self.client.flushall()
        self.model = InMemorySaver()
        self.count = itertools.count()
        self.newest: dict[tuple[str, str], Checkpoint] = {}
        self.places: list[RunnableConfig] = []

    @property
    def client(self) -> "redis.Redis":
        """The client of the saver's database."""
        client = getattr(self.saver._database, "client", None)
        assert isinstance(client, redis.Redis)
        return client

    @rule(thread=THREADS, namespace=NAMESPACES, values=CONTENT, step=st.integers(0, 2), run=RUNS)
    def put(self, thread: str, namespace: str, values: dict[str, Any], step: int, run: str) -> None:
        parent = self.newest.get((thread, namespace), empty_checkpoint())
        new: ChannelVersions = {channel: self.saver.get_next_version(None, None) for channel in values}
        checkpoint: Checkpoint = {
            **parent,
            "id": f"{next(self.count):04}",
            "channel_values": parent["channel_values"] | values,
            "channel_versions": parent["channel_versions"] | new,
        }
        config = at(thread, namespace, parent["id"] if (thread, namespace) in self.newest else None)
        made = [
            saver.put(config, checkpoint, {"source": "loop", "step": step, "run_id": run}, new)
            for saver in (self.saver, self.model)
        ]
        assert made[0] == made[1]
        self.newest[thread, namespace] = checkpoint
        self.places.append(made[0])

    @rule(data=st.data(), writes=WRITES, task=TASKS, path=PATHS)
    def put_writes(self, data: st.DataObject, writes: list[tuple[str, Any]], task: str, path: str) -> None:
        place = data.draw(st.sampled_from([*self.places, at("t", "", "9999")]))
        for saver in (self.saver, self.model):
            saver.put_writes(place, writes, task, path)

    @rule(thread=THREADS)
    def delete(self, thread: str) -> None:
        for saver in (self.saver, self.model):
            saver.delete_thread(thread)
        self.newest = {place: checkpoint for place, checkpoint in self.newest.items() if place[0] != thread}

    @rule(thread=THREADS, namespace=NAMESPACES)
    def read_the_newest(self, thread: str, namespace: str) -> None:
        config = at(thread, namespace, None)
        assert plain(self.saver.get_tuple(config)) == plain(self.model.get_tuple(config))

    @rule(data=st.data())
    def read_any(self, data: st.DataObject) -> None:
        place = data.draw(st.sampled_from([*self.places, at("t", "", "9999")]))
        assert plain(self.saver.get_tuple(place)) == plain(self.model.get_tuple(place))

    @rule(thread=THREADS, namespace=NAMESPACES, step=st.none() | st.integers(0, 2), limit=st.none() | st.integers(0, 3))
    def list_a_namespace(self, thread: str, namespace: str, step: int | None, limit: int | None) -> None:
        wanted = None if step is None else {"step": step}
        lists = [
            [plain(one) for one in saver.list(at(thread, namespace, None), filter=wanted, limit=limit)]
            for saver in (self.saver, self.model)
        ]
        assert lists[0] == lists[1]

    @rule(thread=st.none() | THREADS, before=st.integers(0, 20))
    def list_everything(self, thread: str | None, before: int) -> None:
        config: RunnableConfig | None = None if thread is None else {"configurable": {"thread_id": thread}}
        until = at("t", "", f"{before:04}")
        listed = [plain(one) for one in self.saver.list(config, before=until)]
        expected = [plain(one) for one in self.model.list(config, before=until)]
        assert sorted(listed, key=by_thread, reverse=True) == sorted(expected, key=by_thread, reverse=True)
        for _, group in itertools.groupby(listed, key=lambda one: one["config"]["thread_id"]):
            ids = [one["config"]["checkpoint_id"] for one in group]
            assert ids == sorted(ids, reverse=True), "newest first within a thread"

    @rule(source=THREADS, to=THREADS)
    def copy(self, source: str, to: str) -> None:
        self.saver.copy_thread(source, to)
        model_copy(self.model, source, to)
        for namespace in ("", "sub:1|sub:2"):
            newest = self.model.get_tuple(at(to, namespace, None))
            if newest is not None:
                self.newest[to, namespace] = newest.checkpoint

    @rule(threads=st.lists(THREADS, max_size=2), strategy=st.sampled_from(["keep_latest", "delete"]))
    def prune(self, threads: list[str], strategy: str) -> None:
        self.saver.prune(threads, strategy=strategy)
        for thread in threads:
            if strategy == "delete":
                self.delete(thread)
            else:
                model_keep_latest(self.model, thread)

    @rule(runs=st.lists(RUNS, max_size=2))
    def delete_runs(self, runs: list[str]) -> None:
        self.saver.delete_for_runs(runs)
        for thread in list(self.model.storage):
            made = [one for one in self.model.list(at_thread(thread)) if one.metadata.get("run_id") in runs]
            model_drop(self.model, [one.config["configurable"] for one in made])
        self.newest = {
            place: newest.checkpoint
            for place in self.newest
            if (newest := self.model.get_tuple(at(*place, None))) is not None
        }

    @invariant()
    def what_is_stored_is_what_is_needed(self) -> None:
        """No value without a checkpoint that refers to it, no thread that is listed and not there, nor the reverse."""
        keys = self.saver.keys
        names: Any = self.client.zrange(keys.threads(), 0, -1)  # bytes, as nothing else is asked for
        listed = {untag(name.decode()) for name in names}
        there = {thread for thread in ("t", "{t}", "ü :") if self.client.exists(keys.checkpoints(thread))}
        assert listed == there


def by_thread(one: Any) -> tuple[str, str, str]:
    told = one["config"]
    return told["thread_id"], told["checkpoint_id"], told["checkpoint_ns"]


def model_copy(model: InMemorySaver, source: str, target: str) -> None:
    for namespace, stored in list(model.storage.get(source, {}).items()):
        model.storage[target][namespace].update(stored)
    for (thread, namespace, checkpoint), writes in list(model.writes.items()):
        if thread == source and checkpoint in model.storage[source].get(namespace, {}):
            for name, write in writes.items():
                if name[1] < 0:
                    model.writes[target, namespace, checkpoint][name] = write
                else:
                    model.writes[target, namespace, checkpoint].setdefault(name, write)
    for (thread, namespace, channel, version), blob in list(model.blobs.items()):
        if thread == source:
            model.blobs[target, namespace, channel, version] = blob


def model_keep_latest(model: InMemorySaver, thread: str) -> None:
    for namespace, stored in list(model.storage.get(thread, {}).items()):
        old = sorted(stored)[:-1]
        model_drop(model, [at(thread, namespace, checkpoint)["configurable"] for checkpoint in old])
        for place in list(model.writes):
            if place[:2] == (thread, namespace) and stored and place[2] < max(stored) and place[2] not in stored:
                del model.writes[place]


def model_drop(model: InMemorySaver, places: list[dict[str, Any]]) -> None:
    for told in places:
        place = told["thread_id"], told["checkpoint_ns"], told["checkpoint_id"]
        model.storage[place[0]][place[1]].pop(place[2], None)
        model.writes.pop(place, None)


def at_thread(thread: str) -> RunnableConfig:
    return {"configurable": {"thread_id": thread}}


def at(thread: str, namespace: str, checkpoint: str | None) -> RunnableConfig:
    config: RunnableConfig = {"configurable": {"thread_id": thread, "checkpoint_ns": namespace}}
    if checkpoint is not None:
        config["configurable"]["checkpoint_id"] = checkpoint
    return config


def plain(one: CheckpointTuple | None) -> Any:
    """What may be compared of a tuple."""
    if one is None:
        return None
    return {
        "config": one.config["configurable"],
        "checkpoint": one.checkpoint,
        "metadata": one.metadata,
        "parent": one.parent_config and one.parent_config["configurable"],
        "writes": one.pending_writes,
    }
