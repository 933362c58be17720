"""`make bench PART=plane`: what forwarding costs, beside nginx, HAProxy and a naive aiohttp proxy.

Every contender runs on the first core; the load (wrk) and the node (nginx, a fixed body) on the last one. Rounds are
interleaved, every other one in reverse order, and ratios are taken inside a round. The figure is processor time a
request: what the kernel accounts to the contender's processes, its own work for their sockets included, so neither a
load that is too slow nor a neighbour on the core changes what is compared.
"""

import argparse
import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import psutil

from tests.bench.wrk import Load, hit, pinned
from tests.conftest import free_port, require
from tests.integration.portal import Portal, announced, opened_portal
from tests.integration.processes import TALON, wait_for
from tests.integration.visitor import Visitor, ask

ROOT = Path(__file__).parents[2]
SIZES = {"1 KB": 1024, "64 KB": 65_536, "10 MB": 10_000_000}
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
    unique-id-format %{{+X}}o%ci:%cp:%rt
    unique-id-header X-Request-Id
    default_backend nodes
backend nodes
    http-reuse always
    server one {node}
"""


@dataclass(slots=True, kw_only=True)
class Contender:
    """Something that forwards: where it listens, its processes, and a cookie to bring, if one lets in."""

    address: str
    processes: Callable[[], Sequence[int]]
    cookie: str = ""
    loads: list[Load] = field(default_factory=list)


@contextlib.contextmanager
def node(portal: Portal) -> Iterator[str]:
    """The node: nginx on the last core with a file of each size."""
    folder = portal.folder / "node"
    (folder / "www").mkdir(parents=True)
    for name, size in SIZES.items():
        (folder / "www" / name.replace(" ", "")).write_bytes(b"x" * size)
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
    return start_talon(portal, name, node)


def start_talon(portal: Portal, name: str, node: str, workers: int = 1, core: int | None = 0) -> Contender:
    """Start Talon; with "room" in its name a visit is let in, and its pass comes with each request."""
    rooms = {"booking": {"paths": ["/"], "pass_concurrency": 1000}} if "room" in name else {}
    path = portal.config(
        name.replace(" ", "-"),
        data_dir=str(portal.folder / name.replace(" ", "-")),
        pools={"primary": {"nodes": [f"http://{node}"], "limit": {"algorithm": "fixed", "initial": 1000}}},
        rooms=rooms,
    )
    command = (*TALON, "serve", "--config", path, *(["--workers", workers] if workers > 1 else []))
    child = portal.children.start(name, *(pinned(core, *command) if core is not None else command))
    gateway = announced(child)
    wait_for(gateway.nodes_up, 10.0, "the node is up")
    made = Contender(address=gateway.visitors, processes=lambda: talons(child.pid))
    if rooms:
        visitor = Visitor(gateway.visitors)
        wait_for(lambda: visitor.ask("/1KB").status == 200, 20.0, "a visit is let in")
        made.cookie = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
    return made


def family(pid: int) -> list[int]:
    """A process and its children."""
    process = psutil.Process(pid)
    return [pid, *(child.pid for child in process.children(recursive=True))]


def talons(pid: int) -> list[int]:
    """The gateway's processes; its store is a process of its own and counts too."""
    return family(pid)


def ratio(mine: Sequence[Load], others: Sequence[Load]) -> str:
    """Return how fast `mine` is against the others, inside each round: median and quartiles."""
    ratios = [other.cpu / other.answers / (own.cpu / own.answers) for own, other in zip(mine, others, strict=True)]
    if len(ratios) < 2:
        return f"{ratios[0]:.2f}"
    low, _, high = quantiles(ratios, n=4, method="inclusive")
    return f"{median(ratios):.2f} ({low:.2f}-{high:.2f})"


def main() -> None:
    """Run the rounds and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--size", choices=list(SIZES), default="1 KB")
    parser.add_argument("--only", nargs="*", default=["nginx", "haproxy", "naive aiohttp", "talon", "talon room"])
    given = parser.parse_args()
    with opened_portal() as portal, node(portal) as address:
        contenders = {name: start(portal, name, address) for name in given.only}
        for turn in range(given.rounds):
            for contender in list(contenders.values())[:: 1 if turn % 2 == 0 else -1]:
                fields = [*FIELDS, *([f"Cookie: {contender.cookie}"] if contender.cookie else [])]
                url = f"http://{contender.address}/{given.size.replace(' ', '')}"
                contender.loads.append(hit(url, contender.processes, seconds=given.seconds, fields=fields))
        print(f"| {given.size} | CPU us a request: least / median | of nginx | of naive aiohttp | p50 ms | failed |")
        print("|---|---|---|---|---|---|")
        for name, contender in contenders.items():
            costs = sorted(load.microseconds for load in contender.loads)
            sides = [
                ratio(contender.loads, contenders[other].loads) if other in contenders else "-"
                for other in ("nginx", "naive aiohttp")
            ]
            p50 = median(load.p50 for load in contender.loads) * 1000
            failed = sum(load.failed for load in contender.loads)
            print(f"| {name} | {costs[0]:.0f} / {median(costs):.0f} | {' | '.join(sides)} | {p50:.2f} | {failed} |")


if __name__ == "__main__":
    main()
