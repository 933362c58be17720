"""Python proxies of other making, each installed into a place of its own: starlette with httpx, and mitmproxy."""

import subprocess
import sys
from pathlib import Path

from tests.bench.wrk import pinned
from tests.conftest import free_port
from tests.integration.portal import Portal

PLACE = Path(__file__).parents[2] / ".cache" / "bench"
PACKAGES = {
    "starlette+httpx": ("starlette==0.50.0", "httpx==0.28.1", "uvicorn[standard]==0.38.0", "sniffio"),
    "mitmproxy": ("mitmproxy==11.0.2",),
}
_STARLETTE = """
import httpx
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

client = httpx.AsyncClient(base_url="http://{node}")


async def forward(request):
    fields = [(name, value) for name, value in request.headers.items() if name != "host"]
    answer = await client.request(request.method, request.url.path, headers=fields, content=await request.body())
    return Response(answer.content, answer.status_code, dict(answer.headers))


app = Starlette(routes=[Route("/{{path:path}}", forward)])
"""


def installed(name: str) -> Path:
    """Return the folder of the programs of a proxy, which is installed if it is not there yet."""
    folder = PLACE / name
    programs = folder / "bin"
    if not (folder / "done").exists():
        print(f"installing {name} ...", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([programs / "python", "-m", "pip", "install", "--quiet", *PACKAGES[name]], check=True)
        (folder / "done").touch()
    return programs


def start_other(portal: Portal, name: str, node: str) -> tuple[str, int]:
    """Start one in front of the node; returns its address and its process. CalledProcessError: it does not install."""
    programs, port = installed(name), free_port()
    if name == "mitmproxy":
        command = pinned(
            0, programs / "mitmdump", "--quiet", "--mode", f"reverse:http://{node}", "--listen-port", port, "--set",
            f"confdir={portal.folder / 'mitmproxy'}",
        )  # fmt: skip
    else:
        (portal.folder / "forwarding.py").write_text(_STARLETTE.format(node=node))
        command = pinned(
            0, programs / "uvicorn", "--app-dir", portal.folder, "--port", port, "--no-access-log", "--log-level",
            "warning", "forwarding:app",
        )  # fmt: skip
    return f"127.0.0.1:{port}", portal.children.start(name, *command).pid
