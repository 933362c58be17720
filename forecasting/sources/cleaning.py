"""Which log lines are arrivals, and for every line that is not, why: the part that needs no other line.

The rules are data and the verdict is a word. In the gateway's own log a visit is counted once, when its
first line appears, whether it waited, was turned away or went straight in; a line that names neither a visit nor who
was turned away is a request that needs no room. In other logs a request counts unless it repeats itself; a client
that was refused (429, 503) and asks again within `refusal_window` still wants the same.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from forecasting.core.errors import InputError
from forecasting.sources.parsers import Event

BOTS = (
    r"bot\b|bot/|crawl|spider|slurp|scrapy|curl/|wget/|python-requests|aiohttp/|go-http-client|libwww|java/|"
    r"headlesschrome|phantomjs|facebookexternalhit|bingpreview|feedfetcher|archiver|scanner|zgrab|masscan"
)
MONITOR_AGENTS = (
    r"kube-probe|elb-healthchecker|googlehc|prometheus|pingdom|uptimerobot|statuscake|site24x7|zabbix|nagios|"
    r"check_http|blackbox|datadog|haproxy"
)
MONITOR_PATHS = r"/(?:healthz?|livez|readyz|ping|metrics|nginx_status|server-status)(?:/|$)"
STATIC = (
    r"\.(?:css|js|mjs|map|png|jpe?g|gif|xbm|svg|ico|webp|avif|woff2?|ttf|otf|eot|mp[34g]|mpeg|wav|webm|avi|mov|"
    r"webmanifest)$|^/(?:static|assets)/|^/(?:robots\.txt|favicon)"
)
REFUSED = frozenset({429, 503})

Classify = Callable[[str, str], tuple[str, str]]
"""Gives room and class of a method and a path without its query."""


class Reason(StrEnum):
    """Why a line is not counted as an arrival; of several, the first in this order is told."""

    BLANK = "blank"
    BROKEN = "broken"
    TOO_LONG = "too_long"
    CLOCK_STEP = "clock_step"
    MONITOR = "monitor"
    BOT = "bot"
    STATIC = "static"
    PREFLIGHT = "preflight"
    GATEWAY_OWN = "gateway_own"
    REFUSAL = "refusal"
    NO_VISIT = "no_visit"
    SAME_VISIT = "same_visit"
    RETRY = "retry"


REASONS = tuple(Reason)
KEPT = len(REASONS)
"""The verdict on a line that is an arrival as far as it alone can tell; other verdicts are places in `REASONS`."""


class Repeat(IntEnum):
    """What would make a line a repetition of an earlier one."""

    NEVER = 0
    VISIT = 1
    CLIENT = 2
    REQUEST = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What counts as noise; patterns are searched without regard to case, an empty one matches nothing."""

    bots: str = BOTS
    monitor_agents: str = MONITOR_AGENTS
    monitor_paths: str = MONITOR_PATHS
    static: str = STATIC
    noise_classes: frozenset[str] = frozenset({"static", "health"})
    retry_window: float = 10.0
    refusal_window: float = 1800.0
    visit_gap: float = 0.0
    remembered: int = 500_000
    counting: bool = False
    """Count every line that has a time, and clean nothing."""

    def __post_init__(self) -> None:
        for option, pattern in (("--bots", self.bots), ("--static", self.static)):
            try:
                re.compile(pattern)
            except re.error as error:
                raise InputError(f"{option}: not a regular expression: {error}") from None
        if min(self.retry_window, self.refusal_window, self.visit_gap) < 0 or self.remembered < 1:
            raise InputError("windows must not be negative, and at least one client must be remembered")


class Judge:
    """Says of what one line alone tells whether it is noise."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._bots = _pattern(rules.bots)
        self._monitors = _pattern(rules.monitor_agents)
        self._monitor_paths = _pattern(rules.monitor_paths)
        self._static = _pattern(rules.static)

    def of_agent(self, agent: str) -> int:
        """Return the verdict on a user agent."""
        if self._monitors.search(agent):
            return _MONITOR
        return _BOT if agent and self._bots.search(agent) else KEPT

    def of_request(self, method: str, path: str, kind: str = "") -> int:
        """Return the verdict on a method, a path without its query, and a class."""
        if self._monitor_paths.match(path):
            return _MONITOR
        if self._static.search(path) or kind in self._rules.noise_classes:
            return _STATIC
        if method == "OPTIONS":
            return _PREFLIGHT
        return _GATEWAY_OWN if path.startswith("/_talon/") else KEPT

    def of_event(self, event: Event) -> int:
        """Return the verdict on all that a line tells."""
        noise = min(self.of_agent(event.agent), self.of_request(event.method, bare(event.path), event.kind))
        if noise != KEPT or not event.decision or event.visit or event.person:
            return noise
        return _REFUSAL if event.decision in _TURNED_AWAY else _NO_VISIT

    def repeat(self, event: Event) -> Repeat:
        """Return by what the line may repeat another."""
        if event.visit or event.person:
            return Repeat.VISIT
        if event.client and self._rules.visit_gap:
            return Repeat.CLIENT
        return Repeat.REQUEST if event.client and self._rules.retry_window else Repeat.NEVER


def bare(path: str) -> str:
    """Return a path without its query."""
    return path.partition("?")[0]


_MONITOR, _BOT, _STATIC = (REASONS.index(reason) for reason in (Reason.MONITOR, Reason.BOT, Reason.STATIC))
_PREFLIGHT, _GATEWAY_OWN = REASONS.index(Reason.PREFLIGHT), REASONS.index(Reason.GATEWAY_OWN)
_REFUSAL, _NO_VISIT = REASONS.index(Reason.REFUSAL), REASONS.index(Reason.NO_VISIT)
_TURNED_AWAY = frozenset({"wait", "refuse", "refused", "shed", "reject", "rejected", "deny", "upstream_overloaded"})


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text or r"(?!)", re.IGNORECASE)
