"""Where the gateway listens: addresses, unix sockets, sockets that systemd or a supervisor has opened.

HOST:PORT           TCP; [::1]:8080 for IPv6
unix:PATH           a unix socket, made with mode 0660
systemd, systemd:N  the first or N-th socket of systemd's socket activation (sd_listen_fds(3))
fd:N                a socket that was handed down with this number
"""

import asyncio
import contextlib
import errno
import os
import socket
import ssl
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

from gateway.errors import ConfigError

BACKLOG = 1024
HANDSHAKE = 10.0
FIRST_OF_SYSTEMD = 3


def open_socket(
    kind: str, address: str, *, shared: bool = False, environ: Mapping[str, str] = os.environ
) -> socket.socket:
    """Return a socket that is bound to the address, not listening yet unless it was handed down; raises ConfigError.

    `kind` is the key of the configuration, for the message. A `shared` TCP address may be bound more than once.
    """
    form, _, rest = address.partition(":")
    try:
        if form == "unix":
            return _unix(Path(rest))
        if form == "fd":
            return socket.socket(fileno=int(rest))
        if form == "systemd":
            return _of_systemd(int(rest or 1), environ)
        return _tcp(address, shared=shared)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            said = f"{kind}: {address} is in use; stop what listens there or choose another port"
            raise ConfigError(said) from error
        raise ConfigError(f"{kind}: cannot listen on {address}: {error.strerror or error}") from error


def shown(sock: socket.socket) -> str:
    """Return where a socket listens, in the form of the configuration."""
    name = sock.getsockname()
    if isinstance(name, tuple):
        return f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}"
    return f"unix:{name}"


class Listener:
    """Owns the accepting on a socket; the file of a unix socket that was made here is removed with it."""

    def __init__(self, address: str, server: asyncio.Server, *, made: bool) -> None:
        self.address = address
        self._server = server
        self._made = made

    def close(self) -> None:
        """Accept nobody any more."""
        self._server.close()
        if self._made and self.address.startswith("unix:"):
            with contextlib.suppress(OSError):
                Path(self.address[5:]).unlink()


async def listen(
    kind: str, address: str, protocol: Callable[[], asyncio.BaseProtocol] | None, *, tls: ssl.SSLContext | None = None
) -> Listener:
    """Accept connections at an address; raises ConfigError."""
    assert protocol is not None, "the runner is set up first"
    sock = open_socket(kind, address)
    loop = asyncio.get_running_loop()
    make = loop.create_unix_server if sock.family == socket.AF_UNIX else loop.create_server
    server = await make(protocol, sock=sock, ssl=tls, backlog=BACKLOG, ssl_handshake_timeout=HANDSHAKE if tls else None)
    return Listener(shown(sock), server, made=not address.startswith(("fd:", "systemd")))


def _tcp(address: str, *, shared: bool) -> socket.socket:
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    found = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)
    family, address_of = min((entry[0], entry[4]) for entry in found)  # a name's IPv4 address, if it has one
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind(address_of)
    except BaseException:
        sock.close()
        raise
    return sock


def _unix(path: Path) -> socket.socket:
    if path.exists() and stat.S_ISSOCK(path.stat().st_mode):
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(str(path)) == 0:
                raise OSError(errno.EADDRINUSE, "in use")
        path.unlink()  # left behind by a process that was killed
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(str(path))
        path.chmod(0o660)
    except BaseException:
        sock.close()
        raise
    return sock


def _of_systemd(number: int, environ: Mapping[str, str]) -> socket.socket:
    count = int(environ.get("LISTEN_FDS", "0"))
    if environ.get("LISTEN_PID") not in (None, str(os.getpid())) or not 1 <= number <= count:
        raise ConfigError(f"listen: systemd has handed down {count} sockets; number {number} was asked for")
    return socket.socket(fileno=FIRST_OF_SYSTEMD + number - 1)
