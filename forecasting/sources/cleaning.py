"""Which log lines are arrivals, and for every line that is not, why.

The rules are data and the verdict is a word. In the gateway's own log a visit is counted once, when its
first line appears, whether it waited or went straight in; lines without a visit are refusals or requests
that need no room. In other logs a request counts unless it repeats itself. People are told apart by a hash
of address and browser, salted anew for every run, in a table of limited size; neither is ever written.
"""

import hashlib
import re
from collections import OrderedDict
from dataclasses import dataclass
from enum import StrEnum

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


class Reason(StrEnum):
    """Why a line is not counted as an arrival."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What counts as noise; patterns are searched without regard to case, an empty one matches nothing."""

    bots: str = BOTS
    monitor_agents: str = MONITOR_AGENTS
    monitor_paths: str = MONITOR_PATHS
    static: str = STATIC
    noise_classes: frozenset[str] = frozenset({"static", "health"})
    refusals: frozenset[str] = frozenset({"refuse", "refused", "shed", "reject", "rejected", "deny"})
    retry_window: float = 10.0
    visit_gap: float = 0.0
    remembered: int = 200_000

    def __post_init__(self) -> None:
        for option, pattern in (("--bots", self.bots), ("--static", self.static)):
            try:
                re.compile(pattern)
            except re.error as error:
                raise InputError(f"{option}: not a regular expression: {error}") from None
        if self.retry_window < 0 or self.visit_gap < 0 or self.remembered < 1:
            raise InputError("windows must not be negative, and at least one client must be remembered")


class Cleaner:
    """Judges events one by one; `forgotten` counts clients dropped from the limited memory."""

    def __init__(self, rules: Rules, salt: bytes) -> None:
        self._rules = rules
        self._salt = salt
        self._seen: OrderedDict[bytes, float] = OrderedDict()
        self._bots = _pattern(rules.bots)
        self._monitors = _pattern(rules.monitor_agents)
        self._monitor_paths = _pattern(rules.monitor_paths)
        self._static = _pattern(rules.static)
        self.forgotten = 0

    def judge(self, event: Event) -> Reason | None:
        """Return why the event is not an arrival, or None if it is one."""
        path = event.path.partition("?")[0]
        if self._monitor_paths.match(path) or self._monitors.search(event.agent):
            return Reason.MONITOR
        if event.agent and self._bots.search(event.agent):
            return Reason.BOT
        if self._static.search(path) or event.kind in self._rules.noise_classes:
            return Reason.STATIC
        if event.method == "OPTIONS":
            return Reason.PREFLIGHT
        if path.startswith("/_talon/"):
            return Reason.GATEWAY_OWN
        if event.decision in self._rules.refusals or (event.decision == "wait" and not event.visit):
            return Reason.REFUSAL
        if event.decision and not event.visit:
            return Reason.NO_VISIT
        return self._repeat(event, path)

    def _repeat(self, event: Event, path: str) -> Reason | None:
        """Count a visit once, and a client that repeats itself within the window once."""
        if event.visit:
            return Reason.SAME_VISIT if self._was_seen(b"v", event.visit.encode(), event.at, None) else None
        who = event.client + b"\0" + event.agent.encode("utf-8", "replace")
        if event.client and self._rules.visit_gap:
            return Reason.SAME_VISIT if self._was_seen(b"c", who, event.at, self._rules.visit_gap) else None
        if event.client and self._rules.retry_window:
            what = f"{event.method} {event.path}".encode("utf-8", "replace")
            return (
                Reason.RETRY if self._was_seen(b"r", who + b"\0" + what, event.at, self._rules.retry_window) else None
            )
        return None

    def _was_seen(self, kind: bytes, what: bytes, at: float, window: float | None) -> bool:
        key = hashlib.blake2b(kind + what, key=self._salt, digest_size=12).digest()
        before = self._seen.pop(key, None)
        self._seen[key] = at
        if len(self._seen) > self._rules.remembered:
            self._seen.popitem(last=False)
            self.forgotten += 1
        return before is not None and (window is None or abs(at - before) <= window)


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text or r"(?!)", re.IGNORECASE)
