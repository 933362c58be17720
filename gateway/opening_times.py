"""Which instants the rules of openings mean: local times in a zone, safe on the days when clocks are changed.

A time that the clocks skip (02:30 on the day they go forward) opens as long after midnight as on other days, so an
hour later by the clock; a time that comes twice opens the first time only.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from gateway.core.known_openings import EVERY_DAY, Opening, OpeningRule, prequeue_now


def openings_around(rules: Sequence[OpeningRule], zone: ZoneInfo, now: float) -> Iterator[Opening]:
    """Yield the openings from yesterday to the day after tomorrow; no pre-queue is longer than that."""
    today = datetime.fromtimestamp(now, UTC).astimezone(zone).date()
    for offset in range(-1, 3):
        day = today + timedelta(days=offset)
        for rule in rules:
            if _is_on(rule, day):
                opens_at = int(datetime.combine(day, time(*rule.clock), zone).timestamp())
                yield Opening(opens_at=opens_at, begins_at=opens_at - rule.prequeue)


def _is_on(rule: OpeningRule, day: date) -> bool:
    return rule.date == day.isoformat() if rule.date else EVERY_DAY[day.weekday()] in rule.days


def opening_now(rules: Sequence[OpeningRule], time_zone: str, now: float) -> Opening | None:
    """Return the opening whose pre-queue is on at `now`, seconds since 1970."""
    return prequeue_now(openings_around(rules, ZoneInfo(time_zone), now), now) if rules else None
