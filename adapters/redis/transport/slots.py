"""The table of slots, and the plan by which several calls reach the nodes of a cluster.

No I/O here, so that the asyncio and the blocking transport (`adapters.redis.transport.cluster`) share every rule. The
rules are those of https://valkey.io/topics/cluster-spec/ :

* A call goes to the node that has the slot of its first key. MGET may name keys of several slots: each slot's are read
  at once, in a call of their own. `INFO` and the few others of `ANYWHERE`, and a script without keys, go to any node
  that answers; PUBLISH is one of them, since nodes pass a message on to all others. A command that is about a whole
  server (SCAN, FLUSHALL, CONFIG ...) is refused: one node's answer would be taken for the cluster's.
* MOVED: the slot has another node now. ASK: the slot is moving, and for this one call the other node has it; ASKING
  must come right before. TRYAGAIN: some of the call's keys are here, some there, until the slot has arrived.
  CLUSTERDOWN: no node has the slot at the moment. If a node is gone, another one says who took over.
* Calls of one slot keep their order: when one is sent again, so are those behind it in its slot. They may run twice,
  and once before it, as `adapters.redis.transport.base` says of pipelines.
* Calls of several slots keep their order where it can matter: an index is written before what it names. Calls of one
  kind (one script, one command) do not wait for one another; a call of another kind and slot waits until all before it
  are answered. If a node refuses one of those, for want of memory or of replicas, it is not sent, and fails with the
  same error: else work could be stored on one node whose mark another node refused, and nobody would look for it.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import chain
from typing import Any

from redis.crc import key_slot
from redis.exceptions import AskError, ClusterDownError, MasterDownError, MovedError, NoScriptError, TryAgainError

from adapters.redis.transport.errors import LOST
from adapters.redis.transport.scripts import Arg, Command, RedisCall
from adapters.redis.transport.urls import Node

SLOTS = 16384
ANYWHERE = frozenset({"PING", "ECHO", "TIME", "INFO", "COMMAND", "CLUSTER", "ROLE", "PUBLISH"})
"""Commands without a key that any node may answer."""
_WHOLE_SERVER = frozenset(
    {
        "ACL",
        "CLIENT",
        "CONFIG",
        "DBSIZE",
        "DEBUG",
        "EXEC",
        "FLUSHALL",
        "FLUSHDB",
        "FUNCTION",
        "KEYS",
        "LATENCY",
        "MEMORY",
    }
    | {"MONITOR", "MULTI", "PSUBSCRIBE", "RANDOMKEY", "SAVE", "SCAN", "SCRIPT", "SELECT", "SHUTDOWN"}
    | {"SLOWLOG", "SUBSCRIBE", "SWAPDB", "WAIT", "WAITAOF"}
)
_PATIENT_ROUNDS = 5
"""Rounds of redirections after which the next round waits: the table must be wrong."""
_KEY_OF_SCRIPT = 3


class NoKeyError(ValueError):
    """A command without a key cannot be sent to a cluster."""


def slot_of(words: Sequence[Arg]) -> int | None:
    """Give the slot of a call's first key, None for a call that any node may answer. Raises NoKeyError."""
    name = words[0]
    if name in ("EVALSHA", "EVAL"):
        return _slot(words[_KEY_OF_SCRIPT]) if words[2] else None
    name = (name.decode() if isinstance(name, bytes) else str(name)).upper()
    if name in ANYWHERE:
        return None
    if name in _WHOLE_SERVER or len(words) == 1:
        raise NoKeyError(f"{name} names no key, so one node of the cluster would answer for all: ask each node")
    return _slot(words[1])


def _slot(key: Arg) -> int:
    return key_slot(key if isinstance(key, bytes) else str(key).encode())


def spans_slots(words: Sequence[Arg]) -> bool:
    """Tell whether a call has to be split: an MGET of keys in several slots."""
    return words[0] == "MGET" and len({_slot(key) for key in words[1:]}) > 1


class SlotTable:
    """The primary of each slot."""

    def __init__(self, owners: list[Node | None], replicas: Mapping[Node, tuple[Node, ...]]) -> None:
        self.replicas = replicas
        """The replicas of each primary that has slots; those that failed are left out."""
        self.nodes = tuple(dict.fromkeys([*replicas, *(each for some in replicas.values() for each in some)]))
        """Every known node, replicas too: each can be asked for the next table."""
        self._owners = owners

    @classmethod
    def of(cls, reply: Any, asked: Node) -> "SlotTable":
        """Read the reply to CLUSTER SLOTS; a node without an address is the one that was asked."""
        owners: list[Node | None] = [None] * SLOTS
        replicas: dict[Node, tuple[Node, ...]] = {}
        for first, last, *servers in reply:
            primary, *others = (_node(server[0], server[1], asked) for server in servers)
            replicas[primary] = tuple(others)
            owners[first : last + 1] = [primary] * (last + 1 - first)
        return cls(owners, replicas)

    @property
    def primaries(self) -> tuple[Node, ...]:
        """The nodes that have slots."""
        return tuple(dict.fromkeys(owner for owner in self._owners if owner is not None))

    @property
    def missing(self) -> int:
        """The number of slots without a node."""
        return self._owners.count(None)

    def owner(self, slot: int | None, lost: AbstractSet[Node] = frozenset()) -> Node | None:
        """Give the node of a slot; for None any primary, if possible one that is not lost."""
        if slot is not None:
            return self._owners[slot]
        primaries = self.primaries
        return next((each for each in primaries if each not in lost), primaries[0] if primaries else None)

    def move(self, slot: int, node: Node) -> None:
        """Note the new node of a slot, as MOVED named it."""
        self._owners[slot] = node


def _node(host: bytes | str | None, port: int, asked: Node) -> Node:
    name = host.decode() if isinstance(host, bytes) else host or ""
    return Node(asked.host if name in ("", "?") else name, int(port))


@dataclass(slots=True, eq=False)
class Sending:
    """One call of a plan, or the part of it for one slot: which node it goes to, and in which form."""

    place: int
    slot: int | None
    call: RedisCall[Any]
    part: tuple[int, ...] | None = None
    """The positions of the part's answers in the answer to the call; None for a whole call."""
    node: Node | None = None
    asking: bool = False
    by_source: bool = False
    done: bool = False

    def words(self) -> Iterator[tuple[Arg, ...]]:
        """Give the commands to send; the answer to the last one counts."""
        if self.asking:
            yield ("ASKING",)
        yield self.call.by_source() if self.by_source else self.call.by_hash()


def _stages(calls: Sequence[RedisCall[Any]]) -> deque[list[Sending]]:
    """Split calls where order matters: a stage is of one kind, or of one slot."""
    stages: deque[list[Sending]] = deque()
    kinds: set[Arg] = set()
    slots: set[int | None] = set()
    for sending, kind in _sendings(calls):
        if not stages or (len(kinds | {kind}) > 1 and len(slots | {sending.slot}) > 1):
            stages.append([])
            kinds, slots = set(), set()
        stages[-1].append(sending)
        kinds.add(kind)
        slots.add(sending.slot)
    return stages


def _sendings(calls: Sequence[RedisCall[Any]]) -> Iterator[tuple[Sending, Arg]]:
    """Give what is to be sent, and of which kind each is: one script, or one command."""
    for place, call in enumerate(calls):
        words = call.by_hash()
        if spans_slots(words):
            parts: dict[int, list[int]] = {}
            for position, key in enumerate(words[1:]):
                parts.setdefault(_slot(key), []).append(position)
            for slot, part in parts.items():
                yield Sending(place, slot, Command("MGET", *(words[1 + at] for at in part)), tuple(part)), "MGET"
        else:
            yield Sending(place, slot_of(words), call), words[1] if words[0] == "EVALSHA" else words[0]


def _lengths(stages: Iterable[Sequence[Sending]]) -> dict[int, int]:
    """Count the answers of each call that is sent in parts."""
    lengths: dict[int, int] = {}
    for sending in chain.from_iterable(stages):
        if sending.part is not None:
            lengths[sending.place] = lengths.get(sending.place, 0) + len(sending.part)
    return lengths


class SendPlan:
    """The calls that are still to be sent, round by round."""

    def __init__(self, calls: Sequence[RedisCall[Any]]) -> None:
        self.replies: list[Any] = [None] * len(calls)
        self._stages = _stages(calls)
        self._lengths = _lengths(self._stages)
        self.problem: Exception | None = None
        """The last error."""
        self.stale = False
        """True when the table is known to be wrong."""
        self.wait = False
        """True when the next round has to wait."""
        self.first: Node | None = None
        """The node that the last redirect named: it knows the table best."""
        self.lost: set[Node] = set()
        """The nodes that did not answer."""
        self._rounds = 0

    @property
    def todo(self) -> bool:
        """True while calls are left to send."""
        return bool(self._stages)

    def packets(self, table: SlotTable) -> dict[Node, list[Sending]]:
        """Give the calls to send to each node now: of each slot, in order, as many as go to one node."""
        self.stale = self.wait = False
        lost, self.lost = self.lost, set()
        self._rounds += 1
        packets: dict[Node, list[Sending]] = {}
        node_of_slot: dict[int, Node | None] = {}
        for sending in self._stages[0]:
            node = sending.node or table.owner(sending.slot, lost)
            if sending.slot is not None and node_of_slot.setdefault(sending.slot, node) != node:
                node_of_slot[sending.slot] = None  # and all behind it wait for the next round
            elif node is None:
                self._note_problem(ClusterDownError("no node has the slot of the call's key"))
            else:
                packets.setdefault(node, []).append(sending)
        return packets

    def take(self, node: Node, sent: Sequence[Sending], answer: list[Any] | Exception, table: SlotTable) -> None:
        """Note what a node answered. Raises errors that are not about clusters, as for a bad argument."""
        if isinstance(answer, LOST):
            self._note_problem(answer)
            self.lost.add(node)
            for sending in sent:
                sending.node, sending.asking = None, False
            return
        if isinstance(answer, Exception):
            raise answer
        again: set[int] = set()
        replies = iter(answer)
        for sending in sent:
            if sending.asking:
                next(replies)
            reply = next(replies)
            if self._is_answer(node, sending, reply, table) and sending.slot not in again:
                self._keep(sending, reply)
                sending.done = True
            elif sending.slot is not None:
                again.add(sending.slot)
        self._stages[0] = [sending for sending in self._stages[0] if not sending.done]
        if not self._stages[0]:
            self._stages.popleft()
            self._rounds = 0
            self._stop_if_refused()
        self.wait = self.wait or self._rounds > _PATIENT_ROUNDS

    def _stop_if_refused(self) -> None:
        """Send none of the stages that are left if a call before them failed."""
        refusal = next((each for each in self.replies if isinstance(each, Exception)), None)
        if refusal is not None:
            for sending in chain.from_iterable(self._stages):
                self.replies[sending.place] = refusal
            self._stages.clear()

    def _keep(self, sending: Sending, reply: Any) -> None:
        """Keep an answer; that to a part fills its places, unless another part got an error."""
        if sending.part is None or isinstance(reply, Exception):
            self.replies[sending.place] = reply
            return
        whole = self.replies[sending.place]
        if isinstance(whole, Exception):
            return
        if whole is None:
            whole = self.replies[sending.place] = [None] * self._lengths[sending.place]
        for position, each in zip(sending.part, reply, strict=True):
            whole[position] = each

    def _is_answer(self, node: Node, sending: Sending, reply: Any, table: SlotTable) -> bool:
        """Tell whether a reply answers the call; else note where and how to send it again."""
        match reply:
            case MovedError():  # which redis-py makes a kind of AskError
                self.stale, self.problem = True, reply
                self.first = sending.node = _node(reply.host, reply.port, node)
                sending.asking = False
                table.move(reply.slot_id, sending.node)
            case AskError():
                self.problem = reply
                sending.node, sending.asking = _node(reply.host, reply.port, node), True
            case TryAgainError() | ClusterDownError() | MasterDownError():
                sending.node, sending.asking = None, False
                self._note_problem(reply)
            case NoScriptError() if not sending.by_source:
                sending.by_source = True
            case _:
                sending.node = None
                return True
        return False

    def _note_problem(self, problem: Exception) -> None:
        self.problem = problem
        self.stale = self.wait = True
