"""How many requests of each visit are open, so that one pass cannot carry a crowd."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class PassLoad:
    """Counts the open requests of visits; holds only those that have one, so it is bounded by them."""

    _open: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._open)

    @contextmanager
    def one_more(self, visit: str, most: int) -> Iterator[bool]:
        """Count one more request of a visit while it is open; gives False and counts nothing when `most` are open."""
        before = self._open.get(visit, 0)
        if before >= most:
            yield False
            return
        self._open[visit] = before + 1
        try:
            yield True
        finally:
            self._open[visit] -= 1
            if not self._open[visit]:
                del self._open[visit]
