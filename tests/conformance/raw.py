"""Both ends of a proxy as plain sockets: a node that does exactly what a test says, and a visitor who sends bytes."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

DEADLINE = 10.0
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Line:
    """One end of a connection, with what has come and is not read yet."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.sock.settimeout(DEADLINE)
        if sock.family != socket.AF_UNIX:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = b""

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def until(self, mark: bytes) -> bytes:
        """Read up to and with `mark`; raises EOFError when the other side ends before."""
        while mark not in self._rest:
            self._more()
        end = self._rest.index(mark) + len(mark)
        data, self._rest = self._rest[:end], self._rest[end:]
        return data

    def exactly(self, count: int) -> bytes:
        """Read so many bytes."""
        while len(self._rest) < count:
            self._more()
        data, self._rest = self._rest[:count], self._rest[count:]
        return data

    def rest(self) -> bytes:
        """Read until the other side ends, by a reset too."""
        with contextlib.suppress(EOFError, ConnectionError):
            while True:
                self._more()
        data, self._rest = self._rest, b""
        return data

    def _more(self) -> None:
        data = self.sock.recv(1 << 20)
        if not data:
            raise EOFError
        self._rest += data

    def answer(self, method: str = "GET") -> "Message":
        """Read one final answer, framed by length or chunks; raises EOFError for half of one."""
        head = self.until(b"\r\n\r\n")
        message = Message(head)
        if method == "HEAD" or message.status in (204, 304) or message.status < 200:
            return message
        if message.all("transfer-encoding"):
            while (chunk := self.chunk()) is not None:
                message.body += chunk
            while (line := self.until(b"\r\n")) != b"\r\n":
                message.trailers.append(line[:-2])
        elif message.all("content-length"):
            message.body = self.exactly(int(message.all("content-length")[0]))
        else:
            message.body = self.rest()
        return message

    def chunk(self) -> bytes | None:
        """Read one chunk; None for the last."""
        size = int(self.until(b"\r\n").split(b";")[0], 16)
        if size == 0:
            return None
        data = self.exactly(size)
        assert self.exactly(2) == b"\r\n"
        return data

    def is_silent(self, seconds: float) -> bool:
        """Whether the other side says nothing for so long."""
        self.sock.settimeout(seconds)
        try:
            return self.sock.recv(1, socket.MSG_PEEK) is None
        except TimeoutError:
            return True
        finally:
            self.sock.settimeout(DEADLINE)

    def ended(self) -> bool:
        """Whether the other side has ended, waiting for it."""
        try:
            return self.sock.recv(1) == b""
        except ConnectionError:
            return True


@dataclass
class Message:
    """A request or an answer: the bytes of its head, its body and its trailers."""

    head: bytes
    body: bytes = b""
    trailers: list[bytes] = field(default_factory=list)

    @property
    def lines(self) -> list[bytes]:
        return self.head.split(b"\r\n")[1:-2]

    @property
    def first(self) -> bytes:
        return self.head.split(b"\r\n")[0]

    @property
    def status(self) -> int:
        return int(self.first.split(b" ")[1])

    def all(self, name: str) -> list[str]:
        """The values of a field, in order."""
        pairs = (line.partition(b":") for line in self.lines)
        return [value.strip().decode("latin-1") for key, _, value in pairs if key.lower() == name.encode()]

    def names(self) -> set[str]:
        return {line.partition(b":")[0].lower().decode("latin-1") for line in self.lines}


Script = Callable[[Line, Message], None]


class Node:
    """An upstream: keeps every request it gets and answers each by the script of the moment."""

    def __init__(self) -> None:
        self.asked: list[Message] = []
        self.ended = threading.Event()
        self.script: Script = answers(OK)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._lines: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def plays(self, script: Script | bytes) -> None:
        """Forget what was asked, and answer by this from now on: fixed bytes or a function."""
        self.asked.clear()
        self.ended.clear()
        self.script = answers(script) if isinstance(script, bytes) else script

    def close(self) -> None:
        for sock in [self._listener, *self._lines]:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        self._lines.add(sock)
        line = Line(sock)
        sock.settimeout(60)
        try:
            while True:
                message = Message(line.until(b"\r\n\r\n"))
                if message.first.startswith(b"GET /healthz"):
                    line.send(OK)
                    continue
                self.asked.append(message)
                self.script(line, message)
        except (EOFError, OSError):
            self.ended.set()
        finally:
            self._lines.discard(sock)
            sock.close()


def read_body(line: Line, message: Message) -> bytes:
    """Read the body of a request as it is framed."""
    if message.all("transfer-encoding"):
        while (chunk := line.chunk()) is not None:
            message.body += chunk
        while (trailer := line.until(b"\r\n")) != b"\r\n":
            message.trailers.append(trailer[:-2])
    elif message.all("content-length"):
        message.body = line.exactly(int(message.all("content-length")[0]))
    return message.body


def answers(data: bytes) -> Script:
    """Read the request whole and answer with these bytes."""

    def script(line: Line, message: Message) -> None:
        read_body(line, message)
        line.send(data)

    return script


def hangs_up_after(data: bytes) -> Script:
    """Read the request whole, answer with these bytes and close."""

    def script(line: Line, message: Message) -> None:
        read_body(line, message)
        line.send(data)
        raise EOFError

    return script


def head(*fields: str, status: str = "200 OK") -> bytes:
    """Return the head of an answer."""
    return "\r\n".join([f"HTTP/1.1 {status}", *fields]).encode("latin-1") + b"\r\n\r\n"


@contextlib.contextmanager
def connected(address: str) -> Iterator[Line]:
    """A visitor's connection."""
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=DEADLINE) as sock:
        yield Line(sock)


def ask(address: str, *fields: str, line: str = "GET /x HTTP/1.1", host: str = "portal", body: bytes = b"") -> Message:
    """Send one request on a connection of its own and return the answer."""
    lines = [line, *([f"Host: {host}"] if host else []), *fields]
    with connected(address) as visitor:
        visitor.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)
        return visitor.answer(line.split(" ")[0])


def send(address: str, data: bytes) -> bytes:
    """Send bytes, end the sending side and return all that comes back."""
    with connected(address) as visitor:
        with contextlib.suppress(ConnectionError):
            visitor.send(data)
            visitor.sock.shutdown(socket.SHUT_WR)
        return visitor.rest()
