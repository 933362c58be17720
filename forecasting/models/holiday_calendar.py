"""Calendars with the public holidays of a country."""

from datetime import UTC, datetime

from forecasting.core.calendar import Calendar, zone_of
from forecasting.core.errors import InputError


def calendar_for(*, country: str | None, zone: str, begin: float, end: float) -> Calendar:
    """Return the calendar of a country and time zone that knows the holidays from `begin` to `end`."""
    zone_of(zone, "--timezone")
    if country is None:
        return Calendar(zone=zone)
    import holidays

    years = range(datetime.fromtimestamp(begin, UTC).year, datetime.fromtimestamp(end, UTC).year + 2)
    try:
        table = holidays.country_holidays(country.upper(), years=years)
    except NotImplementedError:
        raise InputError(f"--country: {country!r} is not known; write a code such as DE, RU or US") from None
    return Calendar(zone=zone, country=country.upper(), holidays=dict(table.items()))
