"""Real store servers for the tests: single ones, Sentinel, and a cluster of three masters whose slots can be moved."""

import asyncio
import contextlib
import signal
import subprocess
import sys
from pathlib import Path

from redis import Redis
from redis.exceptions import MovedError, RedisError

from gateway.store.embedded import die_with_parent
from tests.conftest import free_port, until


class Servers:
    """Real redis-server processes on free ports, ended at the end."""

    def __init__(self, binary: str, folder: Path) -> None:
        self._binary = binary
        self._folder = folder
        self._running: dict[int, subprocess.Popen[bytes]] = {}

    def start(self, *options: str, config: str | None = None, port: int | None = None) -> int:
        """Start a server; one on the `port` of an earlier one finds that one's files."""
        port = port or next(free for free in iter(free_low_port, None) if free not in self._running)
        home = self._folder / str(port)
        home.mkdir(parents=True, exist_ok=True)
        arguments = ["--port", str(port), "--dir", str(home), "--save", "", "--logfile", "log", *options]
        if config is not None:
            (home / "sentinel.conf").write_text(config)
            arguments = [str(home / "sentinel.conf"), "--sentinel", "--port", str(port), "--logfile", str(home / "log")]
        self._running[port] = subprocess.Popen(
            [self._binary, *arguments],
            stdout=subprocess.DEVNULL,
            preexec_fn=die_with_parent if sys.platform == "linux" else None,
        )
        return port

    def kill(self, port: int, how: int = signal.SIGKILL) -> None:
        self._running[port].send_signal(how)
        self._running[port].wait()

    def end(self) -> None:
        for process in self._running.values():
            process.kill()
            process.wait()


def free_low_port() -> int:
    """A free port below 22,000: a cluster node also listens 10,000 higher, still below outgoing connections."""
    return next(port for port in iter(free_port, None) if port < 22_000)


def answers(port: int) -> bool:
    with contextlib.suppress(RedisError, OSError), Redis(port=port, socket_timeout=1) as client:
        return bool(client.ping())
    return False


CLUSTER = (
    "--cluster-enabled",
    "yes",
    "--cluster-node-timeout",
    "2000",
    "--appendonly",
    "yes",
    "--appendfsync",
    "always",
)


async def start_cluster(servers: Servers) -> list[int]:
    """Start three masters that share all slots; returns their ports."""
    ports = [servers.start(*CLUSTER) for _ in range(3)]
    for port in ports:
        await until(lambda port=port: answers(port), what=f"node {port} answers")
    nodes = [f"127.0.0.1:{port}" for port in ports]
    await _redis_cli("create", *nodes, "--cluster-yes")
    await until(lambda: all(cluster_ok(port) for port in ports), what="the cluster is whole")
    return ports


async def add_master(servers: Servers, ports: list[int]) -> int:
    """Add an empty master to the cluster of `ports`; returns its port once all know it."""
    port = servers.start(*CLUSTER)
    await until(lambda: answers(port), what="the new node answers")
    await _redis_cli("add-node", f"127.0.0.1:{port}", f"127.0.0.1:{ports[0]}")
    await until(lambda: all(cluster_ok(p) and _knows(p, 4) for p in (*ports, port)), what="all know the new node")
    return port


async def _redis_cli(*words: str) -> None:
    command = ["redis-cli", "--cluster", *words]
    await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True, timeout=30)


def _knows(port: int, count: int) -> bool:
    with Redis(port=port, socket_timeout=1) as client:
        return len(client.execute_command("CLUSTER NODES")) == count


def cluster_ok(port: int) -> bool:
    with contextlib.suppress(RedisError, OSError), Redis(port=port, socket_timeout=1) as client:
        info = client.execute_command("CLUSTER", "INFO")
        return (
            info.get("cluster_state") if isinstance(info, dict) else "ok" if b"cluster_state:ok" in info else ""
        ) == "ok"
    return False


class Slot:
    """One slot of a running cluster, moved by hand in the steps that `redis-cli --cluster reshard` takes."""

    def __init__(self, ports: list[int], key: str) -> None:
        self._nodes: dict[int, Redis] = {}
        self._ids: dict[int, str] = {}
        for port in ports:
            self.take_in(port)
        self.key = key
        self.number = int(next(iter(self._nodes.values())).execute_command("CLUSTER KEYSLOT", key))

    def take_in(self, port: int) -> None:
        """Make another master known."""
        self._nodes[port] = Redis(port=port, socket_timeout=5)
        self._ids[port] = self._nodes[port].execute_command("CLUSTER MYID").decode()

    @property
    def owner(self) -> int:
        """The port of the master that takes the slot for its own."""
        return next(port for port, node in self._nodes.items() if self._answers_for_slot(node))

    def _answers_for_slot(self, node: Redis) -> bool:
        try:
            node.exists(self.key)
        except MovedError:
            return False
        return True

    def begin(self, source: int, target: int) -> None:
        """Open the slot: from now on keys may be on either side."""
        self._set(target, "IMPORTING", self._ids[source])
        self._set(source, "MIGRATING", self._ids[target])

    def move_keys(self, source: int, target: int, count: int) -> int:
        """Move up to `count` keys; returns how many there were."""
        keys = self._nodes[source].execute_command("CLUSTER GETKEYSINSLOT", self.number, count)
        if keys:
            self._nodes[source].execute_command("MIGRATE", "127.0.0.1", target, "", 0, 5000, "KEYS", *keys)
        return len(keys)

    def move_all_keys(self, source: int, target: int) -> None:
        """Move what is left, a few keys at a time."""
        while self.move_keys(source, target, 3):
            pass

    def move(self, source: int, target: int) -> None:
        """Move the whole slot."""
        self.begin(source, target)
        self.move_all_keys(source, target)
        self.finish(source, target)

    def finish(self, source: int, target: int) -> None:
        """Give the slot to the target; the new owner is told first."""
        for port in sorted(self._nodes, key=lambda port: (port != target, port != source)):
            self._set(port, "NODE", self._ids[target])

    def _set(self, port: int, *words: str) -> None:
        self._nodes[port].execute_command("CLUSTER SETSLOT", self.number, *words)

    def close(self) -> None:
        for node in self._nodes.values():
            node.close()
