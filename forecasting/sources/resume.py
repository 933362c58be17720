"""Where reading ended: a log is known again by its first bytes, whatever its name is by then.

Rotation renames a log, packs it, or copies it and empties the file. The first bytes, unpacked, stay the same, and so
does the offset in what was written; a file that begins differently is a new log. Only counts are kept, no line and no
address; to know repetitions again, the last lines before the offset are read once more.
"""

import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from forecasting.core.errors import InputError
from forecasting.sources.blocks import Block, Span
from forecasting.sources.csv_series import write_text
from forecasting.sources.lines import is_plain, reading
from forecasting.sources.quality import Quality
from forecasting.sources.tally import Tally

FORMAT = 1
HEAD = 1024
READ_AGAIN = 256 << 10
KNOWN_LOGS = 1_000


@dataclass(slots=True)
class Progress:
    """Offsets of the logs by the hash of their first bytes, and what was counted up to there."""

    tally: Tally
    quality: Quality = field(default_factory=Quality)
    ends: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Hash of the first bytes: how many of them, and the offset."""

    def begin_of(self, source: str, stdin: IO[bytes]) -> int:
        """Return from which offset on a log is new; raises InputError where it cannot be read."""
        if source == "-":
            raise InputError("--incremental: standard input cannot be gone on with; name the files")
        with reading(source, stdin) as stream:
            head = stream.read(HEAD)
        for length in sorted({length for length, _ in self.ends.values()}, reverse=True):
            found = self.ends.get(_hash(head[:length]))
            if found is not None and len(head) >= length:
                return found[1]
        return 0

    def lines_before(self, source: str, begin: int) -> Iterator[bytes]:
        """Yield the last whole lines before an offset of a plain file."""
        if is_plain(source):
            first = max(begin - READ_AGAIN, 0)
            data = Block(Span(source, first, begin), begin).read()
            yield data if not first else data.partition(b"\n")[2]

    def note(self, source: str, end: int) -> None:
        """Remember how far a log was read."""
        with reading(source, io.BytesIO()) as stream:
            head = stream.read(min(HEAD, end))
        if not head:
            return
        name = _hash(head)
        for shorter in [key for key, (length, _) in self.ends.items() if key == _hash(head[:length]) and key != name]:
            del self.ends[shorter]
        self.ends.pop(name, None)
        self.ends[name] = (len(head), end)
        while len(self.ends) > KNOWN_LOGS:
            del self.ends[next(iter(self.ends))]

    def to_json(self) -> dict[str, Any]:
        """Return all of it as JSON values."""
        return {
            "format": FORMAT,
            "logs": [[name, length, end] for name, (length, end) in self.ends.items()],
            "quality": self.quality.to_json(),
            "tally": self.tally.to_json(),
        }

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Progress":
        """Return what `to_json` wrote; raises KeyError, TypeError or ValueError."""
        return cls(
            tally=Tally.of(document["tally"]),
            quality=Quality.of(document["quality"]),
            ends={name: (length, end) for name, length, end in document["logs"]},
        )


def read_progress(path: Path, width: float) -> Progress:
    """Return where earlier runs ended, or a beginning; InputError for a file that cannot be gone on with."""
    if not path.exists():
        return Progress(Tally(width))
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["format"] != FORMAT:
            raise InputError(f"{path}: format {document['format']}; this version of talon reads {FORMAT}")
        found = Progress.of(document)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: damaged ({error}); remove it and ingest all logs again") from None
    if found.tally.width != width:
        raise InputError(
            f"--bin: {path} counts bins of {found.tally.width:g}s; use the same, or remove the file and begin again"
        )
    return found


def write_progress(path: Path, progress: Progress) -> None:
    """Write it in one step."""
    write_text(path, json.dumps(progress.to_json(), separators=(",", ":")) + "\n")


def _hash(head: bytes) -> str:
    return hashlib.blake2b(head, digest_size=12).hexdigest()
