"""TLS on both sides, the PROXY protocol, unix sockets and sockets that were handed down, with real processes."""

import http.client
import os
import signal
import socket
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.conftest import Proxy
from tests.conformance.raw import Line, Node, ask, send
from tests.conftest import free_port, require
from tests.integration.portal import Gateway, Portal, announced
from tests.integration.processes import TALON, Child, environment, wait_for

pytestmark = pytest.mark.integration


def certificate(folder: Path, name: str, *, signer: str = "", common: str = "portal") -> tuple[Path, Path]:
    """Make a key and a certificate; it signs itself, or another one does."""
    openssl = require("openssl", "openssl")
    key, pem, request = folder / f"{name}.key", folder / f"{name}.pem", folder / f"{name}.csr"
    options = [
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        key,
        "-subj",
        f"/CN={common}",
        "-addext",
        f"subjectAltName=DNS:{common}",
    ]
    if signer:
        made = [openssl, "req", *options, "-out", request]
        signed = [
            openssl,
            "x509",
            "-req",
            "-in",
            request,
            "-CA",
            folder / f"{signer}.pem",
            "-CAkey",
            folder / f"{signer}.key",
        ]
        commands = [made, [*signed, "-CAcreateserial", "-copy_extensions", "copyall", "-days", "2", "-out", pem]]
    else:
        commands = [[openssl, "req", "-x509", *options, "-days", "2", "-out", pem]]
    for command in commands:
        subprocess.run([str(word) for word in command], check=True, capture_output=True, timeout=20)
    return pem, key


def started(portal: Portal, node: Node, name: str, **changes: Any) -> Gateway:
    """Start a Talon with these keys in front of the node."""
    given = {
        "pools": {"primary": {"nodes": [f"http://{node.address}"]}},
        "rooms": {},
        "data_dir": str(portal.folder / name),
        **changes,
    }
    return announced(portal.children.talon(name, "serve", "--config", portal.config(name, **given)))


def subject_of(address: str, context: ssl.SSLContext) -> bytes:
    """Connect and return the certificate that is shown, as it is on the wire."""
    host, _, port = address.rpartition(":")
    plain = socket.create_connection((host, int(port)), timeout=10)
    with plain, context.wrap_socket(plain, server_hostname="portal") as secure:
        shown = secure.getpeercert(binary_form=True)
        assert shown is not None
        return shown


def trusting(pem: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=pem)
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


def test_visitors_come_over_tls(ground: Portal, node: Node) -> None:
    """Weak ciphers are refused, cookies and the node are told of https, and SIGHUP takes a new certificate."""
    pem, key = certificate(ground.folder, "one")
    gateway = started(ground, node, "tls", tls={"certificate": str(pem), "key": str(key)})
    address = gateway.visitors.removeprefix("https://") if "//" in gateway.visitors else gateway.visitors
    host, _, port = address.rpartition(":")
    client = http.client.HTTPSConnection(host, int(port), context=trusting(pem), timeout=10)
    client._context.check_hostname = False  # type: ignore[attr-defined]
    client.request("GET", "/x")
    assert client.getresponse().read() == b"ok"
    assert node.asked[0].all("x-forwarded-proto") == ["https"]
    weak = trusting(pem)
    weak.maximum_version = ssl.TLSVersion.TLSv1_2
    weak.set_ciphers("AES256-SHA")
    with pytest.raises(ssl.SSLError):
        subject_of(address, weak)
    first = subject_of(address, trusting(pem))
    certificate(ground.folder, "one")
    os.kill(gateway.child.pid, signal.SIGHUP)
    any_one = ssl.create_default_context()
    any_one.check_hostname, any_one.verify_mode = False, ssl.CERT_NONE
    wait_for(lambda: subject_of(address, any_one) != first, 5.0, "the new certificate is shown")
    second = subject_of(address, any_one)
    key.write_text("no key")
    os.kill(gateway.child.pid, signal.SIGHUP)
    wait_for(lambda: "reload_refused" in gateway.child.err, 5.0, "a broken key is refused")
    assert subject_of(address, any_one) == second
    client.request("GET", "/y")
    assert client.getresponse().read() == b"ok", "the connection from before goes on"
    client.close()


@pytest.mark.parametrize("case", ["trusted", "strange", "another name", "named", "unverified"])
def test_nodes_are_asked_over_tls(ground: Portal, node: Node, case: str) -> None:
    """The nodes' certificate is checked against CA and name, ours is shown to them; who does not fit is a 502."""
    folder = ground.folder
    certificate(folder, "ca", common="ca")
    pem, key = certificate(folder, "node", signer="ca", common="127.0.0.1" if case == "unverified" else "node.example")
    ours, our_key = certificate(folder, "gateway", signer="ca", common="gateway")
    strange, _ = certificate(folder, "strange")
    listen = f"127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "tests.conformance.tls_node", listen, pem, key, folder / "ca.pem"]
    child = ground.children.start(f"tls-{case}", *command, environ={"PYTHONPATH": str(Path(__file__).parents[2])})
    child.announces("serving")
    tls: dict[str, Any] = {"ca": str(folder / "ca.pem"), "certificate": str(ours), "key": str(our_key)}
    tls |= {
        "trusted": {"server_name": "node.example"},
        "named": {"server_name": "node.example"},
        "strange": {"ca": str(strange), "server_name": "node.example"},
        "another name": {"server_name": "other.example"},
        "unverified": {"verify": False},
    }[case]
    gateway = started(ground, node, f"to-{case}", pools={"primary": {"nodes": [f"https://{listen}"], "tls": tls}})
    answer = ask(gateway.visitors)
    if case in ("strange", "another name"):
        assert answer.status == 502
    else:
        assert (answer.status, answer.body) == (200, b"CN=gateway")
        wait_for(gateway.nodes_up, 5.0, "health checks speak TLS too")


V2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xcb\x00\x71\x05\x0a\x00\x00\x01\x30\x39\x01\xbb"
GET = b"GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def test_a_trusted_proxy_says_for_whom_it_connects(ground: Portal, node: Node) -> None:
    """Versions 1 and 2 give the visitor's address; without a header, or with a broken one, the connection is closed."""
    gateway = started(
        ground, node, "preface", connections={"proxy_protocol": True}, proxy={"trusted_proxies": ["127.0.0.1"]}
    )
    for header, peer in (
        (b"PROXY TCP4 203.0.113.5 10.0.0.1 12345 443\r\n", "203.0.113.5"),
        (b"PROXY TCP6 2001:db8::7 ::1 12345 443\r\n", "2001:db8::7"),
        (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
        (V2, "203.0.113.5"),
        (V2.replace(b"\x21\x11", b"\x20\x11"), "127.0.0.1"),
    ):
        node.asked.clear()
        assert send(gateway.visitors, header + GET).startswith(b"HTTP/1.1 200")
        assert node.asked[0].all("x-forwarded-for") == [peer]
    node.asked.clear()
    for broken in (b"", b"PROXY TCP4 1.2.3.4\r\n", b"PROXY " + b"x" * 200, V2[:12] + b"\x99" + V2[13:]):
        assert send(gateway.visitors, broken + GET) == b""
    assert node.asked == []


def test_a_header_in_two_pieces_is_read(ground: Portal, node: Node) -> None:
    """It need not come in one packet, nor alone in one."""
    gateway = started(
        ground, node, "pieces", connections={"proxy_protocol": True}, proxy={"trusted_proxies": ["127.0.0.1"]}
    )
    data = V2 + GET
    host, _, port = gateway.visitors.rpartition(":")
    for cut in (1, 6, 13, 20, len(V2), len(V2) + 5):
        with socket.create_connection((host, int(port))) as sock:
            line = Line(sock)
            line.send(data[:cut])
            assert line.is_silent(0.05)
            line.send(data[cut:])
            assert line.answer().status == 200


def test_a_strangers_header_is_no_request(talon: Proxy, node: Node) -> None:
    """Where it is not expected it is what it is to HTTP: a 400."""
    assert send(talon.address, b"PROXY TCP4 1.2.3.4 10.0.0.1 1 2\r\n" + GET).startswith(b"HTTP/1.1 400")
    assert node.asked == []


def test_a_unix_socket_is_an_address(ground: Portal, node: Node) -> None:
    """Only its group may connect, a stale one is replaced, one in use is not, and it goes with the gateway."""
    path = ground.folder / "visitors.sock"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    gateway = started(ground, node, "unix", listen=f"unix:{path}")
    assert path.stat().st_mode & 0o777 == 0o660
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(path))
        line = Line(sock)
        line.send(GET)
        assert line.answer().body == b"ok"
    config = ground.config(
        "second",
        listen=f"unix:{path}",
        rooms={},
        data_dir=str(ground.folder / "second"),
        pools={"primary": {"nodes": ["http://127.0.0.1:9"]}},
    )
    second = ground.children.talon("second", "serve", "--config", config)
    wait_for(lambda: second.process.poll() is not None, 20.0, "the second one gives up")
    assert f"listen: unix:{path} is in use" in second.err
    gateway.child.process.terminate()
    wait_for(lambda: not path.exists(), 10.0, "the file is gone")


def test_a_socket_of_systemd_is_taken_over(ground: Portal, node: Node) -> None:
    """Socket activation: descriptor 3 is the visitors' address, and who came before the start is served."""
    config = ground.config(
        "activated",
        listen="systemd",
        rooms={},
        data_dir=str(ground.folder / "activated"),
        pools={"primary": {"nodes": [f"http://{node.address}"]}},
    )
    listener = socket.create_server(("127.0.0.1", 0))
    early = socket.create_connection(listener.getsockname())
    early.sendall(GET)
    out, err = ground.folder / "activated.out", ground.folder / "activated.err"

    def hand_down() -> None:
        os.dup2(listener.fileno(), 3)
        os.set_inheritable(3, True)

    with out.open("wb") as to, err.open("wb") as errors:
        process = subprocess.Popen(
            [*TALON, "serve", "--config", str(config)],
            stdout=to,
            stderr=errors,
            env=environment({"LISTEN_FDS": "1"}),
            preexec_fn=hand_down,
            close_fds=False,
        )
    try:
        announced(Child("activated", process, out, err))
        listener.close()
        assert Line(early).answer().body == b"ok"
    finally:
        process.terminate()
        process.wait(15)
        early.close()
