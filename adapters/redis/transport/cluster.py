"""A Redis Cluster behind the same two methods as one server: a `Multiplexed` connection to each node.

Any node tells which node has which slots; the table is read again when a node contradicts it or is gone. The rules, and
which commands may be called, are in `adapters.redis.transport.slots`. During a fail-over or the move of a slot calls
wait, for `FAILOVER_SECONDS` at most; a cluster that this process never reached is not waited for. A script's keys share
one hash tag, so nothing has to be split; replicas are not read, as they may be behind.

While a slot moves, calls wait whose keys exist in part (TRYAGAIN), until the slot has arrived. Valkey 9 and Redis 8.4
move whole slots at once, so nobody waits.

`scan` visits every primary. A key whose slot moves meanwhile may go from a node that was not visited yet to one that
was; so if slots moved, or were on their way, all nodes are visited once more. A key is missed only if its slot moves
twice within one scan.

The log says once that calls wait longer than a redirection takes, and once that they go through again; an outage
concerns the slots of some nodes, and other calls go on meanwhile.
"""

import asyncio
import contextlib
import contextvars
import itertools
import random
import threading
import time
from collections.abc import AsyncIterator, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

import redis
import redis.asyncio
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import ResponseError

from adapters.redis.transport.base import read_all
from adapters.redis.transport.connection import SyncDatabase
from adapters.redis.transport.errors import LOST, UnusableRedisError
from adapters.redis.transport.failures import NoOutage, Outage
from adapters.redis.transport.multiplexed import Multiplexed
from adapters.redis.transport.pools import SOCKET_TIMEOUT, blocking_node_pool, node_pool
from adapters.redis.transport.replicated import Replicas, is_acked
from adapters.redis.transport.scan import scan_server
from adapters.redis.transport.scripts import Arg, RedisCall
from adapters.redis.transport.sentinel import FAILOVER_SECONDS
from adapters.redis.transport.server_check import explain, judge, warn_of_replicas
from adapters.redis.transport.slots import Sending, SendPlan, SlotTable, slot_of, spans_slots
from adapters.redis.transport.urls import Node, Nodes, read

_BACKOFF = ExponentialWithJitterBackoff(base=0.01, cap=0.25)
_SLOTS = [("CLUSTER", "SLOTS")]
_NODE_RETRIES = 1
_REDIRECTED_SECONDS = 0.5
"""Seconds that a call may wait before this is an outage: the move of a slot takes less."""
_PROBE_SECONDS = 1.0
"""How long a node may take to say that it serves: who asks whether the bot is ready waits for 5 s at most."""
_UNREACHABLE = "start its nodes, or correct REDIS_URL"
_CLOSED = "the cluster's connections were closed"

R = TypeVar("R")


class Cluster:
    """A cluster for asyncio. Use it as a context manager, or `aclose` it. For one event loop."""

    def __init__(self, at: Nodes, *, patience: float = SOCKET_TIMEOUT) -> None:
        self._at = at
        self._patience = patience
        self._state = _ClusterState(at)
        self._links: dict[Node, Multiplexed] = {}
        self._seconds: dict[Node, Multiplexed] = {}
        self._replicas: dict[Node, Replicas] = {}
        self._learning = asyncio.Lock()
        self._closed = False
        self.outage = Outage(self._state.address)
        node_pool(at.seeds[0], at)  # raises now for an unknown option

    @classmethod
    def from_url(cls, url: str, *, patience: float = SOCKET_TIMEOUT) -> Self:
        """Make a transport that connects on first use; `patience` is how many seconds an answer may take.

        Raises UnusableRedisError when `url` is not that of a cluster.
        """
        return cls(_of_cluster(url), patience=patience)

    @property
    def address(self) -> str:
        """The cluster's addresses, without user and password."""
        return self._state.address

    async def run(self, call: RedisCall[R]) -> R:
        """Run one call. Raises redis.exceptions.RedisError when it cannot be answered, after some tries."""
        if self._at.wait and is_acked((call,)):
            return (await self.run_all(call))[0]
        words = call.by_hash()
        node = None if spans_slots(words) else self._state.table.owner(slot_of(words))
        if node is not None and (link := self._links.get(node)) is not None:
            try:
                (reply,) = await link.ask([words])
                if not isinstance(reply, Exception):
                    return call.read(reply)
            except LOST:
                pass  # it may have run: `run_all` sends it again, like any lost call
        (result,) = await self.run_all(call)
        return result

    async def run_all(self, *calls: RedisCall[R]) -> list[R]:
        """Run several calls in order, as far as order matters (see `slots`), with few round trips.

        Each is atomic, all together are not. Raises the first error, after all have run.

        Raises ConnectionError once it is closed.
        """
        plan, limit = SendPlan(calls), _RetryLimit(self._state, self.outage)
        while plan.todo:
            if self._closed:
                raise redis.ConnectionError(_CLOSED)
            table = await self._table()
            packets = plan.packets(table)
            answers = await self._ask_all(packets)
            for (node, sent), answer in zip(packets.items(), answers, strict=True):
                plan.take(node, sent, answer, table)
            if plan.wait:
                await asyncio.sleep(limit.pause(plan.problem))
            if plan.stale:
                await self._learn(table, plan)
        limit.end()
        return read_all(calls, plan.replies)

    async def scan(self, match: str) -> AsyncIterator[bytes]:
        """Scan all keys of every primary. Raises redis.exceptions.RedisError when one does not answer for long."""
        limit = _RetryLimit(self._state, self.outage)
        for visit in itertools.count():
            try:
                before = await self._layout()
                for node in self._state.table.primaries:
                    async for key in scan_server(lambda words, at=node: self._ask_one(at, words), match):  # type: ignore[misc]
                        yield key
                settled = before == await self._layout()
            except LOST as error:
                await asyncio.sleep(limit.pause(error))
                continue
            if visit > 0 or (settled and b"[" not in b"".join(before)):
                return

    async def _layout(self) -> list[bytes]:
        """Ask each primary which slots it has, and which of them are on their way to or from it."""
        await self._learn(self._state.table, None)
        nodes = [await self._ask_one(node, ("CLUSTER", "NODES")) for node in self._state.table.primaries]
        mine = (line.split() for text in nodes for line in text.splitlines() if b"myself" in line)
        return sorted(b" ".join((words[0], *words[8:])) for words in mine)

    async def _ask_one(self, node: Node, words: tuple[Arg, ...]) -> Any:
        (reply,) = await self._link(node).ask([words])
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def check(self) -> list[str]:
        """Find out whether Signoff can work here; gives warnings, one sentence each.

        Raises UnusableRedisError for a cluster that is unreachable or incomplete, or has a node that we cannot use.
        """
        try:
            await self._learn(self._state.table, None)
            table = self._state.table
            self._state.check_complete()
            infos = {node: await self._link(node).ask([("EVAL", "return 1", 0), ("INFO",)]) for node in table.primaries}
        except redis.RedisError as error:
            raise _explained(error, self.address) from None
        return _judged(infos, self._at.wait) + warn_of_replicas(table.replicas)

    async def failing(self) -> list[str]:
        """Name the primaries that serve nothing now, a sentence each; the conversations on the others go on.

        Raises UnusableRedisError if none of them serves.
        """
        with contextlib.suppress(*LOST, TimeoutError):
            async with asyncio.timeout(_PROBE_SECONDS):
                await self._learn(self._state.table, None)
        primaries = self._state.table.primaries
        failing = [each for each in await asyncio.gather(*map(self._failing, primaries)) if each]
        if len(failing) == len(primaries):
            raise UnusableRedisError(f"Redis Cluster at {self.address} serves nothing. {' '.join(failing)}".strip())
        return failing

    async def _failing(self, node: Node) -> str:
        try:
            async with asyncio.timeout(_PROBE_SECONDS):
                (info,) = await self._link(node).ask([("CLUSTER", "INFO")])
        except (*LOST, TimeoutError):
            return f"Redis Cluster: {node} does not answer; what is on it waits until it, or a replica of it, serves."
        if isinstance(info, bytes) and b"cluster_state:fail" in info:
            return f"Redis Cluster: {node} refuses calls until each slot has a primary that serves."
        return ""

    async def aclose(self) -> None:
        """Close every connection; waiting calls get a ConnectionError."""
        self._closed = True
        for links in (self._links, self._seconds):
            while links:
                await links.popitem()[1].aclose()

    @property
    def described(self) -> str:
        """Describe the cluster as it was last seen: "a cluster of 3 primaries and 3 replicas"."""
        primaries = len(self._state.table.primaries)
        replicas = len(self._state.table.nodes) - primaries
        followers = _counted(replicas, "replica", "replicas")
        return f"a cluster of {_counted(primaries, 'primary', 'primaries')} and {followers}"

    def listening_pool(self) -> "redis.asyncio.ConnectionPool":
        """Make a pool to any node: nodes pass on to one another what is published."""
        return node_pool(random.choice(self._state.table.nodes or self._at.seeds), self._at)  # noqa: S311 - spreads load

    def has(self, pool: "redis.asyncio.ConnectionPool") -> bool:
        """Tell whether the node of a pool still belongs to the cluster: one that left hears nothing."""
        options = pool.connection_kwargs
        return Node(options["host"], options["port"]) in self._state.table.nodes

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _ask_all(self, packets: dict[Node, list[Sending]]) -> list[list[Any] | Exception]:
        if len(packets) == 1:
            ((node, sent),) = packets.items()
            return [await self._send(node, sent)]
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(self._send(node, sent)) for node, sent in packets.items()]
        return [task.result() for task in asked]

    async def _send(self, node: Node, sent: Sequence[Sending]) -> list[Any] | Exception:
        """Send a packet to a node; with `?wait=1` replicas have first what is acknowledged to people."""
        words = _words(sent)
        if not self._at.wait or not is_acked(sending.call for sending in sent):
            return await self._ask(node, words)
        replicas = self._replicas.setdefault(node, Replicas(self._at.wait, str(node)))
        answer = await self._ask(node, [*words, replicas.wait()], second=True)
        if not isinstance(answer, Exception):
            replicas.take(answer.pop())
        return answer

    async def _ask(
        self, node: Node, commands: Sequence[tuple[Arg, ...]], *, second: bool = False
    ) -> list[Any] | Exception:
        try:
            return await self._link(node, second=second).ask(commands)
        except Exception as error:  # noqa: BLE001 - the plan raises what it cannot handle
            return error

    def _link(self, node: Node, *, second: bool = False) -> Multiplexed:
        """Give the connection to a node, or the `second` one, which waits for replicas."""
        if self._closed:
            raise redis.ConnectionError(_CLOSED)
        links = self._seconds if second else self._links
        if (link := links.get(node)) is None:
            pool = node_pool(node, self._at)
            quiet = NoOutage(str(node))
            link = Multiplexed(pool, patience=self._patience, retries=_NODE_RETRIES, outage=quiet)
            links[node] = link
        return link

    async def _table(self) -> SlotTable:
        if not self._state.reached:
            await self._learn(self._state.table, None)
        return self._state.table

    async def _learn(self, seen: SlotTable, plan: SendPlan | None) -> None:
        """Get a newer table than `seen`; during a fail-over no node may have one yet.

        In no caller's context: others wait for the table, too, and a click must not wait for a lane.
        """
        await asyncio.create_task(self._learn_alone(seen, plan), context=contextvars.Context())

    async def _learn_alone(self, seen: SlotTable, plan: SendPlan | None) -> None:
        async with self._learning:
            if self._state.table is not seen:
                return
            answers: dict[Node, Any] = {}
            for node in self._state.nodes_to_ask(plan):
                answers[node] = await self._ask(node, _SLOTS)
                if self._state.learn(node, answers[node]):
                    break
            else:
                self._state.no_answer(answers)
            if not set(seen.primaries) <= set(self._state.table.primaries):
                self.outage.losses += 1
            for links in (self._links, self._seconds):
                for gone in [node for node in links if not self._state.has(node)]:
                    await links.pop(gone).aclose()


class SyncCluster:
    """A cluster for blocking code, safe to use from several threads; nodes are asked one after another."""

    def __init__(self, at: Nodes) -> None:
        self._at = at
        self._state = _ClusterState(at)
        self._links: dict[Node, SyncDatabase] = {}
        self._lock = threading.RLock()
        self._learning = threading.Lock()
        blocking_node_pool(at.seeds[0], at)

    @classmethod
    def from_url(cls, url: str) -> Self:
        """Make a transport that connects on first use. Raises UnusableRedisError if `url` is not a cluster's."""
        return cls(_of_cluster(url))

    @property
    def address(self) -> str:
        """The cluster's addresses, without user and password."""
        return self._state.address

    def run(self, call: RedisCall[R]) -> R:
        """Run one call: see `Cluster.run`."""
        (result,) = self.run_all(call)
        return result

    def run_all(self, *calls: RedisCall[R]) -> list[R]:
        """Run several calls: see `Cluster.run_all`."""
        plan, limit = SendPlan(calls), _RetryLimit(self._state)
        while plan.todo:
            table = self._table()
            for node, sent in plan.packets(table).items():
                plan.take(node, sent, self._ask(node, _words(sent)), table)
            if plan.wait:
                time.sleep(limit.pause(plan.problem))
            if plan.stale:
                self._learn(table, plan)
        return read_all(calls, plan.replies)

    def check(self) -> list[str]:
        """Find out whether Signoff can work here: see `Cluster.check`. Raises UnusableRedisError."""
        try:
            table = self._table()
            self._state.check_complete()
            infos = {node: self._link(node).ask([("EVAL", "return 1", 0), ("INFO",)]) for node in table.primaries}
        except redis.RedisError as error:
            raise _explained(error, self.address) from None
        return _judged(infos) + warn_of_replicas(table.replicas)

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            while self._links:
                self._links.popitem()[1].close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, node: Node, commands: Sequence[tuple[Arg, ...]]) -> list[Any] | Exception:
        try:
            return self._link(node).ask(commands)
        except Exception as error:  # noqa: BLE001 - the plan raises what it cannot handle
            return error

    def _link(self, node: Node) -> SyncDatabase:
        with self._lock:
            if node not in self._links:
                client = redis.Redis.from_pool(blocking_node_pool(node, self._at))
                self._links[node] = SyncDatabase(client, owned=True)
            return self._links[node]

    def _table(self) -> SlotTable:
        if not self._state.reached:
            self._learn(self._state.table, None)
        return self._state.table

    def _learn(self, seen: SlotTable, plan: SendPlan | None) -> None:
        with self._learning:
            if self._state.table is not seen:
                return
            answers: dict[Node, Any] = {}
            for node in self._state.nodes_to_ask(plan):
                answers[node] = self._ask(node, _SLOTS)
                if self._state.learn(node, answers[node]):
                    break
            else:
                self._state.no_answer(answers)
        # Connections to a removed node stay open until `close`: another thread may be reading from one.


class _ClusterState:
    """The table of slots, and which nodes to ask for it."""

    def __init__(self, at: Nodes) -> None:
        self.table = SlotTable.of([], at.seeds[0])
        self.reached = False
        self._seeds = at.seeds
        self.address = ",".join(map(str, at.seeds))

    def nodes_to_ask(self, plan: SendPlan | None) -> list[Node]:
        """Order the nodes to ask for the table: the one that a redirect named first, those that did not answer last."""
        known = [*random.sample(self.table.nodes, len(self.table.nodes)), *self._seeds]
        if plan is None:
            return list(dict.fromkeys(known))
        first = [plan.first] if plan.first and plan.first not in plan.lost else []
        last = [node for node in known if node in plan.lost]
        return list(dict.fromkeys([*first, *(node for node in known if node not in plan.lost), *last]))

    def learn(self, node: Node, answer: Any) -> bool:
        """Take a node's answer to CLUSTER SLOTS, if it is valid; a node that was removed knows no slots."""
        if isinstance(answer, Exception) or isinstance(answer[0], Exception):
            return False
        table = SlotTable.of(answer[0], node)
        if not table.primaries and self.reached:
            return False
        self.table, self.reached = table, True
        return True

    def no_answer(self, answers: dict[Node, Any]) -> None:
        """Raise why no node gave a table, unless there is an older table to go on with."""
        if self.reached:
            return
        problems = [answer if isinstance(answer, Exception) else answer[0] for answer in answers.values()]
        # That one node refuses the password says more than that another is unreachable.
        raise min(problems, key=lambda problem: type(problem.__cause__ or problem) in LOST)

    def has(self, node: Node) -> bool:
        """Tell whether a node belongs to the cluster, as far as we know."""
        return node in self.table.nodes or node in self._seeds

    def check_complete(self) -> None:
        """Check that every slot has a node. Raises UnusableRedisError."""
        if missing := self.table.missing:
            raise UnusableRedisError(
                f"Redis Cluster at {self.address} has no node for {missing} of its 16384 slots: "
                "finish or repair it (redis-cli --cluster fix)"
            )


class _RetryLimit:
    """The limit of retries: as long as a fail-over may take, if the cluster was ever reached."""

    def __init__(self, state: _ClusterState, outage: Outage | None = None) -> None:
        self._began = time.monotonic()
        self._end = self._began + (FAILOVER_SECONDS if state.reached else 0)
        self._failures = 0
        self._outage = outage if state.reached else None

    def pause(self, problem: Exception | None) -> float:
        """Give the seconds to wait before the next try. Raises the problem when there is none."""
        self._failures += 1
        if self._outage is not None and problem is not None and self._is_outage(self._outage):
            self._outage.begin(problem)
        if problem is not None and time.monotonic() > self._end and self._failures > _NODE_RETRIES:
            raise problem
        return _BACKOFF.compute(self._failures)

    def _is_outage(self, outage: Outage) -> bool:
        """Tell whether this has lasted, and is not the rest of an outage that is over for other calls."""
        return time.monotonic() > self._began + _REDIRECTED_SECONDS and not outage.ended_since(self._began)

    def end(self) -> None:
        """Note that the call went through."""
        if self._failures and self._outage is not None:
            self._outage.end()


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _of_cluster(url: str) -> Nodes:
    at = read(url)
    if not isinstance(at, Nodes):
        raise UnusableRedisError("REDIS_URL does not name a cluster: write redis+cluster://HOST:PORT,HOST:PORT")
    return at


def _words(sent: Sequence[Sending]) -> list[tuple[Arg, ...]]:
    return [words for sending in sent for words in sending.words()]


def _explained(error: redis.RedisError, address: str) -> UnusableRedisError:
    if isinstance(error, ResponseError) and "cluster support disabled" in str(error):
        return UnusableRedisError(f"Redis at {address} is not a cluster: write redis:// instead of redis+cluster://")
    return explain(error, address, _UNREACHABLE)


def _judged(infos: dict[Node, list[Any]], wait: int = 0) -> list[str]:
    """Check every node by its INFO. Raises UnusableRedisError."""
    warnings = []
    for node, replies in infos.items():
        if problem := next((reply for reply in replies if isinstance(reply, redis.RedisError)), None):
            raise explain(problem, str(node), _UNREACHABLE)
        warnings += judge(replies[-1], str(node), wait)
    return warnings
