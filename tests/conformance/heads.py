"""Heads of answers, found and judged without a library that the gateway itself has read or written them with."""

import re
from collections.abc import Iterator

HEAD = re.compile(
    rb"HTTP/1\.[01] [1-5][0-9][0-9] [^\x00-\x08\x0a-\x1f\x7f]*"
    rb"(?:\r\n[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\x00-\x08\x0a-\x1f\x7f]*)*"
)
"""A head as RFC 9112 has it, without folding."""
_BEGINNING = b"HTTP/1."
_CHUNK = re.compile(rb"([0-9A-Fa-f]+)(?:;[^\r\n]*)?\r\n")
_CHUNKED = re.compile(rb"(?i)\r\ntransfer-encoding:")
_LENGTH = re.compile(rb"(?i)\r\ncontent-length:[ \t]*([0-9]+)")


def heads(answers: bytes) -> Iterator[bytes]:
    """Each head in the bytes of several answers, the last of which may be cut; what stands in its place counts as one.

    An answer that the next one follows at once was for HEAD: no body that a node sends begins as an answer does.
    """
    while answers:
        head, ended, rest = answers.partition(b"\r\n\r\n")
        if ended or not _BEGINNING.startswith(head[: len(_BEGINNING)]):
            yield head
        answers = _behind_body(head, rest)


def _behind_body(head: bytes, rest: bytes) -> bytes:
    status = head[9:12]
    if status != b"101" and (rest.startswith(_BEGINNING) or status.startswith(b"1") or status in (b"204", b"304")):
        return rest
    if _CHUNKED.search(head):
        return _behind_chunks(rest)
    length = _LENGTH.search(head)
    return rest[int(length[1]) :] if length else b""


def _behind_chunks(data: bytes) -> bytes:
    """Return what follows the last chunk, or what stands where one should begin, or nothing when it was cut."""
    while chunk := _CHUNK.match(data):
        size = int(chunk[1], 16)
        if not size:
            return data[chunk.end() - 2 :].partition(b"\r\n\r\n")[2]
        data = data[chunk.end() + size :]
        if not data.startswith(b"\r\n"):
            break
        data = data[2:]
    return data if b"\r\n" in data else b""
