"""A load of a fixed rate: each request has its time, and its latency counts from that, however late it was sent."""

import select
import socket
import time
from collections.abc import Sequence

PATIENCE = 10.0
"""Seconds after which an answer that has not come ends the run."""


class _Line:
    """One kept connection and the answer that is on its way on it."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self.sock = socket.create_connection((host, int(port)))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.due = 0.0
        self._got = b""

    def fileno(self) -> int:
        return self.sock.fileno()

    def read(self) -> bool:
        """Read what is there; whether the answer is whole. It must be a 200."""
        self._got += self.sock.recv(65_536)
        head, ended, body = self._got.partition(b"\r\n\r\n")
        if not ended:
            return False
        if not head.startswith(b"HTTP/1.1 200 "):
            raise SystemExit(f"answered {head[:200]!r}")
        lower = head.lower()
        length = int(lower.partition(b"content-length: ")[2].partition(b"\r")[0])
        if len(body) < length:
            return False
        self._got = b""
        return True


def steady(
    address: str, path: str, fields: Sequence[str], *, rate: float, seconds: float, connections: int = 16
) -> list[float]:
    """Ask `rate` times a second and return how long each answer took, in seconds from when it was due."""
    request = "\r\n".join((f"GET {path} HTTP/1.1", f"Host: {address}", *fields, "", "")).encode()
    idle = [_Line(address) for _ in range(connections)]
    everyone, waiting, took = list(idle), list[_Line](), list[float]()
    began = due = time.perf_counter()
    end = began + seconds
    while due < end or waiting:
        now = time.perf_counter()
        while due <= min(now, end) and idle:
            line = idle.pop()
            line.due = due
            line.sock.sendall(request)
            waiting.append(line)
            due += 1 / rate
        until = due - now if due < end and idle else PATIENCE
        ready, _, _ = select.select(waiting, [], [], max(0.0, until))
        if not ready and until == PATIENCE:
            raise SystemExit(f"{address} has not answered for {PATIENCE:g} s")
        for line in ready:
            if line.read():
                took.append(time.perf_counter() - line.due)
                waiting.remove(line)
                idle.append(line)
    for line in everyone:
        line.sock.close()
    return took
