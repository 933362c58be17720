"""What may stand in front of a backend in a benchmark: nothing, nginx, HAProxy or Talon, started anew for each run."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.conftest import free_port, require
from tests.integration.portal import Portal, announced
from tests.integration.processes import Children, wait_for
from tests.integration.visitor import ask

NGINX = """
user root;
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log crit;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    limit_req_zone $server_name zone=all:1m rate={rate:.0f}r/s;
    limit_req_status 503;
    upstream nodes {{ server {node}; keepalive 64; }}
    server {{
        listen {listen} backlog=4096;
        location / {{
            {limit}
            proxy_pass http://nodes;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }}
    }}
}}
"""
HAPROXY = """
global
    maxconn 8000
defaults
    mode http
    option abortonclose
    timeout connect 3s
    timeout client 30s
    timeout server 30s
    timeout queue {queue}
frontend visitors
    bind {listen} backlog 4096
    default_backend nodes
backend nodes
    server one {node} maxconn {maxconn}
"""


@contextlib.contextmanager
def in_front(name: str, portal: Portal, *, capacity: float, config: dict[str, Any] | None = None) -> Iterator[str]:
    """Start the contender before the portal's first backend and give its address; `config` are keys of Talon's.

    Only nginx' `limit_req` is told the capacity, in requests/s; HAProxy's limits are tuned by hand for the backend.
    """
    node = portal.backends[0].removeprefix("http://")
    folder = portal.folder / name.replace(" ", "-")
    folder.mkdir(exist_ok=True)
    children = Children(folder)
    try:
        if name == "nothing":
            yield node
        elif name.startswith("talon"):
            path = portal.config(name, **{"data_dir": str(folder / "data"), "access_log": "off", **(config or {})})
            yield announced(children.talon(name, "serve", "--config", path)).visitors
        else:
            yield _start(name, children, folder, node, capacity)
    finally:
        children.end()


def _start(name: str, children: Children, folder: Path, node: str, capacity: float) -> str:
    listen = f"127.0.0.1:{free_port()}"
    if name == "haproxy":
        # For 8 workers of 40 ms: two more than the workers, and a wait that leaves time within the deadline of 1 s.
        (folder / "haproxy.cfg").write_text(HAPROXY.format(listen=listen, node=node, maxconn=10, queue="400ms"))
        children.start(name, require("haproxy", "haproxy"), "-db", "-f", folder / "haproxy.cfg")
    elif name == "haproxy queue":
        # As an operator would queue people who are let in once: they wait up to half a minute.
        (folder / "haproxy.cfg").write_text(HAPROXY.format(listen=listen, node=node, maxconn=10, queue="30s"))
        children.start(name, require("haproxy", "haproxy"), "-db", "-f", folder / "haproxy.cfg")
    else:
        limit = "limit_req zone=all burst=20 nodelay;" if name == "nginx limit_req" else ""
        text = NGINX.format(folder=folder, listen=listen, node=node, rate=capacity, limit=limit)
        (folder / "nginx.conf").write_text(text)
        children.start(name, require("nginx", "nginx"), "-c", folder / "nginx.conf")
    wait_for(lambda: _answers(listen), 10.0, f"{name} answers")
    return listen


def _answers(listen: str) -> bool:
    try:
        return ask(listen, "/healthz").status == 200
    except OSError:
        return False
