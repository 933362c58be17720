"""How many requests of each visit are open, so that one pass cannot carry a crowd."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class PassLoad:
    """Counts the open requests of visits; holds only those that have one, so it is bounded by them."""

    _open: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._open)

    def begin(self, visit: str, most: int) -> bool:
        """Count one more request of a visit, until `end`; False, and nothing is counted, when `most` are open."""
        before = self._open.get(visit, 0)
        if before >= most:
            return False
        self._open[visit] = before + 1
        return True

    def end(self, visit: str) -> None:
        """Count out a request for which `begin` was true."""
        left = self._open[visit] - 1
        if left:
            self._open[visit] = left
        else:
            del self._open[visit]
