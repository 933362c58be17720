"""The real request data that ships with the project."""

from importlib.resources import files
from pathlib import Path


def sample_log() -> Path:
    """Return the path of the shipped log: 1,000 real requests of July and August 1995, gzip, Common form."""
    return Path(str(files("forecasting") / "sample" / "nasa_1995_sample.log.gz"))


def sample_series() -> Path:
    """Return the path of the shipped series: requests per quarter of an hour, July 1995, gzip, `ds,y`."""
    return Path(str(files("forecasting") / "sample" / "nasa_jul95_15min.csv.gz"))
