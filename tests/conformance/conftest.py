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
def _portal() -> Iterator[Portal]:
    with opened_portal() as portal:
        yield portal


@pytest.fixture(scope="session")
def _node(_portal: Portal) -> Iterator[Node]:
    node = Node()
    yield node
    node.close()


@pytest.fixture
def node(_node: Node) -> Node:
    """The node, which answers 200 until told otherwise."""
    _node.plays(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    return _node


@pytest.fixture(scope="session")
def _talon(_portal: Portal, _node: Node) -> Proxy:
    config = _portal.config(
        pools={"primary": {"nodes": [f"http://{_node.address}"], "outliers": {"consecutive": 0}}},
        rooms={},
        proxy={"read_timeout": "5s", "max_body": 100_000_000},
        connections={"half_closed": "2s"},
    )
    gateway = announced(_portal.children.talon("talon", "serve", "--config", config))
    wait_for(gateway.nodes_up, 10.0, "the node is up")
    return Proxy("talon", gateway.visitors)


@pytest.fixture(scope="session")
def _nginx(_portal: Portal, _node: Node) -> Proxy:
    listen, folder = f"127.0.0.1:{free_port()}", _portal.folder / "nginx"
    folder.mkdir()
    text = NGINX.format(folder=folder, listen=listen, node=_node.address, rate=1, limit=FORWARDING)
    (folder / "nginx.conf").write_text(text)
    _portal.children.start("nginx", require("nginx", "nginx"), "-c", folder / "nginx.conf")

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
    found: Proxy = request.getfixturevalue(f"_{request.param}")
    return found


@pytest.fixture
def talon(_talon: Proxy, node: Node) -> Proxy:
    """Talon alone, for what nginx cannot be asked to do."""
    return _talon
