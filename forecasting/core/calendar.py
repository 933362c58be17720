"""Local time and holidays: which moment of whose week an instant is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from forecasting.core.errors import InputError
from forecasting.core.events import Events
from forecasting.core.series import BoolArray, FloatArray, IntArray
from forecasting.core.spans import DAY, HOUR, WEEK

_MONDAY = 4 * DAY  # 1970-01-05, the first Monday of the epoch


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """The time zone in which people live, their public holidays by date, and the country that has them.

    `weekdays` are local dates that count as another day of the week (0 is Monday): working days that were moved, free
    days in their place. `events` are declared ones.
    """

    zone: str = "UTC"
    country: str | None = None
    holidays: Mapping[date, str] = field(default_factory=dict)
    weekdays: Mapping[date, int] = field(default_factory=dict)
    events: Events = field(default_factory=Events)

    def local(self, times: FloatArray) -> FloatArray:
        """Return instants shifted to local wall time, as seconds that read like UTC."""
        times = np.asarray(times, dtype=np.float64)
        if self.zone == "UTC" or not len(times):
            return times
        zone = ZoneInfo(self.zone)
        hours, where = np.unique(np.floor(times / (HOUR / 4)), return_inverse=True)
        offsets = [_offset(float(quarter) * HOUR / 4, zone) for quarter in hours]
        return times + np.asarray(offsets, dtype=np.float64)[where]

    def is_holiday(self, times: FloatArray) -> BoolArray:
        """Tell which instants fall on a public holiday, by local date."""
        return self._by_date(self.local(times), dict.fromkeys(self.holidays, 1.0), 0.0) > 0

    def _by_date(self, local: FloatArray, values: Mapping[date, float], default: float) -> FloatArray:
        days, where = np.unique(np.floor(local / DAY), return_inverse=True)
        found = [values.get(datetime.fromtimestamp(float(day) * DAY, UTC).date(), default) for day in days]
        return np.asarray(found, dtype=np.float64)[where]

    def slots(self, times: FloatArray, width: float) -> IntArray:
        """Return the slot of the week (Monday 00:00 is 0) of each instant; a holiday counts as a Sunday.

        A day that was moved counts as what it was moved to, holiday or not.
        """
        local = self.local(times)
        within = np.mod(local - _MONDAY, WEEK)
        if self.holidays:
            within = np.where(self.is_holiday(times), 6 * DAY + np.mod(within, DAY), within)
        if self.weekdays:
            weekday = self._by_date(local, {day: float(as_) for day, as_ in self.weekdays.items()}, np.nan)
            within = np.where(np.isnan(weekday), within, weekday * DAY + np.mod(within, DAY))
        return np.floor(within / width).astype(np.int64)

    def is_weekend(self, times: FloatArray) -> BoolArray:
        """Tell which instants are on a Saturday, a Sunday or a holiday."""
        return np.asarray(self.slots(times, DAY) >= 5, dtype=np.bool_)


def zone_of(name: str, option: str) -> ZoneInfo:
    """Return the time zone of that name; InputError blames the option."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InputError(f"{option}: {name!r} is not a time zone; write for example Europe/Berlin") from None


def _offset(instant: float, zone: ZoneInfo) -> float:
    shift = datetime.fromtimestamp(instant, zone).utcoffset()
    return shift.total_seconds() if shift is not None else 0.0
