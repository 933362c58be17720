"""A node that speaks TLS, wants a certificate, and answers with the subject of the one it was shown.

`python -m tests.conformance.tls_node HOST:PORT CERTIFICATE KEY CA`
"""

import http.server
import ssl
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    """Says who asks."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer a health check or a visitor."""
        assert isinstance(self.connection, ssl.SSLSocket)
        shown = self.connection.getpeercert() or {}
        names = [f"CN={value}" for part in shown.get("subject", ()) for key, value in part if key == "commonName"]
        body = "".join(names).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: object) -> None:
        """Say nothing."""


def main() -> None:
    """Serve until ended."""
    listen, certificate, key, ca = sys.argv[1:]
    host, _, port = listen.rpartition(":")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=ca)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(certificate, key)
    server = http.server.ThreadingHTTPServer((host, int(port)), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    sys.stdout.write("serving\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
