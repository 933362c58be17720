"""A node that fails on command: a process of its own, so that it can be frozen and killed.

`python -m tests.integration.faulty_node PORT`; `POST /_mode` with a word sets what it does with all but health checks.
"""

import socket
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SLOW = 1.0


class Node(ThreadingHTTPServer):
    """Answers each request by its mode, and counts them."""

    daemon_threads = True
    request_queue_size = 256
    mode = "ok"
    asked = 0


class Requests(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Node

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/_mode":
            self.server.mode, self.server.asked = body.decode(), 0
            self._answer(200, b"")
            return
        self._serve()

    def do_GET(self) -> None:
        if self.path == "/_asked":
            self._answer(200, b"%d" % self.server.asked)
        elif self.path == "/healthz":
            self._answer(200, b"ok")
        else:
            self._serve()

    def _serve(self) -> None:
        self.server.asked += 1
        match self.server.mode:
            case "error":
                self._answer(500, b"broken")
            case "half":
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + b"x" * 100_000)
                self.wfile.flush()
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
            case "hang up":
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
            case "slow":
                time.sleep(SLOW)
                self._answer(200, b"late")
            case _:
                time.sleep(0.02)
                self._answer(200, b"here")

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing of single requests."""


if __name__ == "__main__":
    node = Node(("127.0.0.1", int(sys.argv[1])), Requests)
    print("ready", flush=True)
    node.serve_forever()
