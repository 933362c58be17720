"""What may forward in a benchmark of the data plane: nginx, HAProxy, naive and other Python proxies, Talon."""

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.bench.others import PACKAGES, start_other
from tests.bench.wrk import Load, pinned
from tests.conftest import free_port, require
from tests.integration.portal import Portal, announced
from tests.integration.processes import TALON, talon_here, wait_for
from tests.integration.visitor import Visitor, ask

ROOT = Path(__file__).parents[2]
SIZES = {"1 KB": 1024, "64 KB": 65_536, "10 MB": 10_000_000}
GIANT = 1_000_000_000
FIELDS = (
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language: ru,en;q=0.5",
    "Accept-Encoding: gzip, deflate, br, zstd",
    "Referer: http://portal.example/doctors",
    "Sec-Fetch-Mode: navigate",
)
NGINX = """
user root;
daemon off;
worker_processes {workers};
pid {folder}/nginx.pid;
error_log {folder}/nginx.log crit;
events {{ worker_connections 8192; }}
http {{
    access_log {log};
    sendfile on;
    keepalive_requests 10000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {inside}
}}
"""
PROXY = """
    upstream nodes {{ server {node}; keepalive 128; keepalive_requests 10000000; }}
    server {{
        listen {listen} backlog=4096;
        location / {{
            proxy_pass http://nodes;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Request-Id $request_id;
        }}
    }}
"""
NODE = """
    server {{
        listen {listen} backlog=4096 reuseport;
        location = /healthz {{ return 200 "ok"; }}
        location /up/ {{ root {folder}/www; dav_methods PUT; create_full_put_path on; client_max_body_size 2g; }}
        location / {{ root {folder}/www; default_type application/octet-stream; }}
    }}
"""
HAPROXY = """
global
    maxconn 8000
    nbthread 1
defaults
    mode http
    timeout connect 3s
    timeout client 60s
    timeout server 60s
frontend visitors
    bind {listen} backlog 4096
    option forwardfor
    default_backend nodes
backend nodes
    http-reuse always
    server one {node}
"""


@dataclass(slots=True, kw_only=True)
class Contender:
    """Something that forwards: where it listens, its processes (Talon's store is one), and a cookie that lets in."""

    address: str
    processes: Callable[[], Sequence[int]]
    cookie: str = ""
    connections: int = 64
    varied: bool = False
    """Whether no request is like the one before."""
    loads: list[Load] = field(default_factory=list)


@contextlib.contextmanager
def node(portal: Portal) -> Iterator[str]:
    """The node: nginx on the last core with a file of each size."""
    folder = portal.folder / "node"
    (folder / "www").mkdir(parents=True)
    for name, size in SIZES.items():
        (folder / "www" / name.replace(" ", "")).write_bytes(b"x" * size)
    with (folder / "www" / "1GB").open("wb") as sparse:
        sparse.truncate(GIANT)
    yield start_nginx(portal, "node", NODE, core=-1)[0]


def start_nginx(
    portal: Portal, name: str, inside: str, *, core: int, workers: int = 1, **given: Any
) -> tuple[str, int]:
    """Start an nginx; returns its address and its process."""
    folder, listen = portal.folder / name, f"127.0.0.1:{free_port()}"
    folder.mkdir(exist_ok=True)
    text = NGINX.format(
        folder=folder, workers=workers, log="off", inside=inside.format(listen=listen, folder=folder, **given)
    )
    (folder / "nginx.conf").write_text(text)
    child = portal.children.start(name, *pinned(core, require("nginx", "nginx"), "-c", folder / "nginx.conf"))
    wait_for(lambda: answers(listen), 10.0, f"{name} answers")
    return listen, child.pid


def answers(listen: str) -> bool:
    """Whether a health check passes there."""
    try:
        return ask(listen, "/healthz").status == 200
    except OSError:
        return False


def start(portal: Portal, name: str, node: str) -> Contender:
    """Start one contender in front of the node."""
    if name == "nginx":
        listen, pid = start_nginx(portal, "proxy", PROXY, core=0, node=node)
        return Contender(address=listen, processes=lambda: family(pid))
    if name == "haproxy":
        listen = f"127.0.0.1:{free_port()}"
        config = portal.folder / "haproxy.cfg"
        config.write_text(HAPROXY.format(listen=listen, node=node))
        child = portal.children.start(name, *pinned(0, require("haproxy", "haproxy"), "-db", "-f", config))
        wait_for(lambda: answers(listen), 10.0, "haproxy answers")
        return Contender(address=listen, processes=lambda: family(child.pid))
    if name.startswith("naive"):
        port = free_port()
        command = pinned(
            0,
            sys.executable,
            "-m",
            "tests.bench.naive",
            port,
            f"http://{node}",
            *(["whole"] if "whole" in name else []),
        )
        child = portal.children.start(name, *command, environ={"PYTHONPATH": str(ROOT)})
        child.announces("serving")
        return Contender(address=f"127.0.0.1:{port}", processes=lambda: family(child.pid))
    if name in PACKAGES:
        listen, pid = start_other(portal, name, node)
        wait_for(lambda: answers(listen), 30.0, f"{name} answers")
        return Contender(address=listen, processes=lambda: family(pid))
    return start_talon(portal, name, node)


def start_auth_request(portal: Portal, node: str, talon: Contender) -> Contender:
    """Start nginx as config/nginx-auth-request.conf has it, which asks Talon for each request whether it may pass."""
    text = (ROOT / "config" / "nginx-auth-request.conf").read_text()
    for written, real in (
        ("127.0.0.1:8080", talon.address),
        ("127.0.0.1:9001", node),
        ("listen 80;", "listen LISTEN;"),
    ):
        assert written in text
        text = text.replace(written, real)
    inside = text.replace("{", "{{").replace("}", "}}").replace("LISTEN", "{listen} backlog=4096")
    listen, pid = start_nginx(portal, "auth", inside, core=0)
    return Contender(address=listen, processes=lambda: [*family(pid), *talon.processes()], cookie=talon.cookie)


def start_haproxy_front(portal: Portal, node: str, talon: Contender) -> Contender:
    """Start HAProxy as config/haproxy-front.cfg has it, which verifies passes itself."""
    listen, keys = f"127.0.0.1:{free_port()}", portal.folder / "keys.map"
    keys.write_text(talon_here("pass-keys", "--config", portal.folder / "talon-room.yaml").out)
    text = (ROOT / "config" / "haproxy-front.cfg").read_text()
    for written, real in (
        ("127.0.0.1:8080", talon.address),
        ("127.0.0.1:9001 maxconn 200", node),
        ("/etc/haproxy/talon-keys.map", str(keys)),
        ("bind :80", f"bind {listen}"),
        ("    maxconn 8000", "    maxconn 8000\n    nbthread 1"),
    ):
        assert written in text
        text = text.replace(written, real)
    (portal.folder / "front.cfg").write_text(text)
    binary = require("haproxy", "haproxy")
    child = portal.children.start("front", *pinned(0, binary, "-db", "-f", portal.folder / "front.cfg"))
    wait_for(lambda: answers(listen), 10.0, "HAProxy answers")
    return Contender(address=listen, processes=lambda: family(child.pid), cookie=talon.cookie)


def start_talon(
    portal: Portal,
    name: str,
    node: str,
    workers: int = 1,
    changes: Mapping[str, Any] | None = None,
) -> Contender:
    """Start Talon; with "room" in its name a visit is let in, and its pass comes with each request."""
    rooms = {"booking": {"paths": ["/"], "pass_concurrency": 1000}} if "room" in name else {}
    path = portal.config(
        name.replace(" ", "-"),
        data_dir=str(portal.folder / name.replace(" ", "-")),
        pools={"primary": {"nodes": [f"http://{node}"], "limit": {"algorithm": "fixed", "initial": 1000}}},
        rooms=rooms,
        **(changes or {}),
    )
    command = (*TALON, "serve", "--config", path, *(["--workers", workers] if workers > 1 else []))
    child = portal.children.start(name, *pinned(0, *command))
    gateway = announced(child)
    wait_for(gateway.nodes_up, 10.0, "the node is up")
    made = Contender(address=gateway.visitors, processes=lambda: family(child.pid))
    if rooms:
        visitor = Visitor(gateway.visitors)
        wait_for(lambda: visitor.ask("/1KB").status == 200, 20.0, "a visit is let in")
        made.cookie = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
    return made


def family(pid: int) -> list[int]:
    """A process and its children."""
    process = psutil.Process(pid)
    return [pid, *(child.pid for child in process.children(recursive=True))]
