"""One node, and two proxies in front of it as processes of their own: Talon and nginx."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.bench.proxies import NGINX
from tests.conformance.raw import Node
from tests.conftest import free_port, require
from tests.integration.portal import Portal, announced, opened_portal
from tests.integration.processes import wait_for
from tests.integration.visitor import ask

FORWARDING = """
            proxy_set_header Host $host;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_request_buffering off;
            proxy_buffering off;
"""


@dataclass(frozen=True)
class Proxy:
    """What is being looked at."""

    name: str
    address: str

    @property
    def is_talon(self) -> bool:
        return self.name == "talon"


@pytest.fixture(scope="session")
def ground() -> Iterator[Portal]:
    with opened_portal() as portal:
        yield portal


@pytest.fixture(scope="session")
def one_node(ground: Portal) -> Iterator[Node]:
    node = Node()
    yield node
    node.close()


@pytest.fixture
def node(one_node: Node) -> Node:
    """The node, which answers 200 until told otherwise."""
    one_node.plays(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    return one_node


@pytest.fixture(scope="session")
def one_talon(ground: Portal, one_node: Node) -> Proxy:
    config = ground.config(
        pools={"primary": {"nodes": [f"http://{one_node.address}"], "outliers": {"consecutive": 0}}},
        rooms={},
        proxy={"read_timeout": "5s", "max_body": 100_000_000},
        connections={"half_closed": "2s"},
    )
    gateway = announced(ground.children.talon("talon", "serve", "--config", config))
    wait_for(gateway.nodes_up, 10.0, "the node is up")
    return Proxy("talon", gateway.visitors)


@pytest.fixture(scope="session")
def one_nginx(ground: Portal, one_node: Node) -> Proxy:
    listen, folder = f"127.0.0.1:{free_port()}", ground.folder / "nginx"
    folder.mkdir()
    text = NGINX.format(folder=folder, listen=listen, node=one_node.address, rate=1, limit=FORWARDING)
    (folder / "nginx.conf").write_text(text)
    ground.children.start("nginx", require("nginx", "nginx"), "-c", folder / "nginx.conf")

    def answers() -> bool:
        try:
            return ask(listen, "/healthz").status == 200
        except OSError:
            return False

    wait_for(answers, 10.0, "nginx answers")
    return Proxy("nginx", listen)


@pytest.fixture(params=["talon", "nginx"])
def proxy(request: pytest.FixtureRequest, node: Node) -> Proxy:
    """Each of the two in turn."""
    found: Proxy = request.getfixturevalue(f"one_{request.param}")
    return found


@pytest.fixture
def talon(one_talon: Proxy, node: Node) -> Proxy:
    """Talon alone, for what nginx cannot be asked to do."""
    return one_talon
