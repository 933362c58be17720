"""A portal for the tests: real backends and gateways as child processes, on ports that the system gives."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import free_port
from tests.integration.processes import Child, Children, wait_for
from tests.integration.visitor import Visitor, ask


@dataclass(slots=True)
class Gateway:
    """A running gateway and its two addresses."""

    child: Child
    visitors: str
    admin: str

    def api(self, name: str) -> dict[str, Any]:
        answer = ask(self.admin, f"/api/{name}")
        assert answer.status == 200, answer
        return answer.json()

    def room(self) -> dict[str, Any]:
        room: dict[str, Any] = self.api("rooms")["rooms"][0]
        return room

    def nodes_up(self) -> bool:
        """Whether the gateway has found every node of its pools in health."""
        return all(node["state"] == "up" for pool in self.api("pools")["pools"] for node in pool["nodes"])

    def metric(self, name: str, **labels: str) -> float | None:
        """The value of a sample of /metrics, None when it is not there."""
        text = ask(self.admin, "/metrics").body.decode()
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == name and labels.items() <= sample.labels.items():
                    return float(sample.value)
        return None

    def control(self, action: str, rate: float = 0.0, sisters: Sequence["Gateway"] = ()) -> None:
        """Set the room by hand and wait until the gateway and its sisters, one of which may lead, follow."""
        body = {"action": action, "rate": rate, "author": "test", "reason": "to make a queue", "ttl": "10m"}
        answer = ask(self.admin, "/api/rooms/booking", "POST", body)
        assert answer.status == 200, answer
        reason = {"pause": "paused", "rate": "manual"}[action]
        # The metric is written after the tick's calls and credit have reached the store.
        for gateway in (self, *sisters):
            wait_for(
                lambda follower=gateway: follower.metric("talon_room_admission_rate", reason=reason) == rate,
                5.0,
                f"{action} is in force",
            )

    def crowd(self, count: int) -> list[Visitor]:
        """Let visitors queue one after the other; the room must be paused."""
        crowd = [Visitor(self.visitors) for _ in range(count)]
        for visitor in crowd:
            visitor.queue()
        wait_for(lambda: sum(self.room()["waiting"].values()) >= count, 5.0, "the gateway has counted the crowd")
        return crowd

    def inside(self, count: int) -> list[Visitor]:
        """Let visitors in one after the other; the room must let people in."""
        visitors = [Visitor(self.visitors) for _ in range(count)]
        for visitor in visitors:
            visitor.get_in()
        return visitors


@dataclass(slots=True)
class Portal:
    """Starts backends and gateways below one folder."""

    children: Children
    folder: Path
    backends: list[str] = field(default_factory=list)
    _starting: list[Child] = field(default_factory=list)

    def start_backend(self, *options: object) -> None:
        """Start a simulated backend; `start_gateway` waits for it, so that both start at the same time."""
        address = f"127.0.0.1:{free_port()}"
        self._starting.append(self.children.talon("backend", "backend", "--listen", address, *options))
        self.backends.append(f"http://{address}")

    def await_backends(self) -> None:
        """Wait until the started backends say that they are there."""
        while self._starting:
            self._starting.pop().announces(r"backend on http://")

    def config(self, name: str = "talon", **changes: Any) -> Path:
        """Write a configuration for the backends that run; `changes` replace whole keys."""
        document: dict[str, Any] = {
            "listen": "127.0.0.1:0",
            "admin": "127.0.0.1:0",
            "data_dir": str(self.folder / "data"),
            "pools": {"primary": {"nodes": list(self.backends), "health": {"interval": "200ms"}}},
            "rooms": {"booking": {"paths": ["/doctors", "/bookings"], "longest_poll": "3s"}},
        }
        path = self.folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump({**document, **changes}))
        return path

    def start_gateway(self, config: Path | None = None) -> Gateway:
        """Start a gateway and return it once it and its backends answer."""
        return self.start_gateways(config or self.config())[0]

    def start_paused(self) -> Gateway:
        """Start a small backend and a gateway whose room lets nobody in until the test says otherwise."""
        self.start_backend("--workers", 1, "--service-time", "100ms")
        gateway = self.start_gateway()
        gateway.control("pause")
        return gateway

    def start_gateways(self, *configs: Path) -> list[Gateway]:
        """Start several gateways at the same time."""
        children = [self.children.talon("gateway", "serve", "--config", config) for config in configs]
        self.await_backends()
        gateways = [announced(child) for child in children]
        for gateway in gateways:
            wait_for(gateway.nodes_up, 5.0, "all nodes are up")
        return gateways

    def stats(self) -> dict[str, Any]:
        """What the first backend has counted."""
        return ask(self.backends[0].removeprefix("http://"), "/_sim/stats").json()


def announced(child: Child) -> Gateway:
    """Wait until a gateway says where it listens."""
    said = child.announces(r"visitors (?:https?://)?(\S+)  operators http://([^/\s]+)/dashboard")
    return Gateway(child=child, visitors=said[1], admin=said[2])


@contextlib.contextmanager
def opened_portal() -> Iterator[Portal]:
    """A portal in a short folder of its own; everything that was started is ended afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="talon-it-", dir="/tmp"))
    children = Children(folder)
    try:
        yield Portal(children=children, folder=folder)
    finally:
        children.end()
        shutil.rmtree(folder, ignore_errors=True)
