"""How patient and how quick the visitors of a run are; every limit a visit obeys is here."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """What visitors do between requests and when something goes wrong; times are seconds.

    The defaults are a morning compressed about thirty times. A person looks at a page for ten seconds or
    more: 0.3 to 1.2 s here. People reload a page that stays empty: 5 s, a hundred times what a healthy
    backend takes. Half an hour of trying is a minute here. `wait_limit` bounds the stay in a waiting room,
    which people stand far longer than an error.
    """

    patience: float = 60.0
    think: tuple[float, float] = (0.3, 1.2)
    reload: tuple[float, float] = (0.5, 2.0)
    timeout: float = 5.0
    wait_limit: float = 900.0
    slot_tries: int = 5
    browser_share: float = 0.0
    leaver_share: float = 0.0
    no_show_share: float = 0.0

    def __post_init__(self) -> None:
        if min(self.patience, self.timeout, self.wait_limit) <= 0:
            raise ValueError("patience, timeout and wait_limit must be longer than 0")
        if not 0 <= self.think[0] <= self.think[1] or not 0 <= self.reload[0] <= self.reload[1]:
            raise ValueError("think and reload are spans from low to high, not below 0")
        if self.slot_tries < 1:
            raise ValueError("slot_tries must be at least 1")
        if min(self.browser_share, self.leaver_share, self.no_show_share) < 0 or self.browser_share > 1:
            raise ValueError("shares are between 0 and 1")
        if self.leaver_share + self.no_show_share > 1:
            raise ValueError("leaver_share and no_show_share together must not exceed 1")
