"""Where the fields of Common and Combined lines are, for a whole block at once.

    client ident user [01/Jul/1995:00:00:01 -0400] "request" 200 123 "referer" "agent" and whatever follows

The places of line ends, quotes, brackets and spaces are found for all bytes together, and what must stand between them
is checked for all lines together. A line fits only if `LineParser` would read the same fields; anything unusual (a
backslash, a control character, a quote in the request) makes it one that does not fit, which is then read by itself.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forecasting.core.series import BoolArray, FloatArray, IntArray
from forecasting.sources.lines import LONGEST_LINE
from forecasting.sources.parsers import LineParser

Bytes = npt.NDArray[np.uint8]

NEWLINE, RETURN, SPACE, QUOTE, BRACKET, BACKSLASH = 10, 13, 32, 34, 91, 92
CONTROL = 32
LONGEST_WORD, LONGEST_USER, LONGEST_SIZE = 512, 256, 16
# Places from the opening bracket on: digits of the time, and what must stand between them.
_DIGITS = (1, 2, 8, 9, 10, 11, 13, 14, 16, 17, 19, 20, 23, 24, 25, 26)
_FIXED = ((3, "/"), (7, "/"), (12, ":"), (15, ":"), (18, ":"), (21, " "), (27, "]"), (28, " "), (29, '"'))
_QUOTE_AT = 29


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """The lines of a block, `begin` to `end` without the line end, and the places of the fields of those that fit.

    `client` is where the client ends; `stamp` the place of the bracket; `request` and `agent` are begin and end, equal
    where a line of the Common form has no agent. Places of lines that do not fit mean nothing.
    """

    begin: IntArray
    end: IntArray
    fits: BoolArray
    client: IntArray
    stamp: IntArray
    request: tuple[IntArray, IntArray]
    agent: tuple[IntArray, IntArray]
    status: IntArray


def take_apart(data: bytes) -> Fields:
    """Return the fields of whole lines, each ended by a line feed."""
    buffer = np.frombuffer(data + bytes(64), dtype=np.uint8)
    low = np.flatnonzero((buffer[: len(data)] < CONTROL) | (buffer[: len(data)] == BACKSLASH))
    feeds, odd = low[buffer[low] == NEWLINE], low[buffer[low] != NEWLINE]
    begin = np.concatenate(([0], feeds[:-1] + 1)) if len(feeds) else feeds
    end = np.where((feeds > begin) & (buffer[np.maximum(feeds - 1, 0)] == RETURN), feeds - 1, feeds)
    quotes = _Places(buffer, QUOTE, begin, len(data))
    spaces, brackets = _Places(buffer, SPACE, begin, len(data)), _Places(buffer, BRACKET, begin, len(data))
    q = [quotes.nth(number) for number in range(6)]
    client, ident, stamp = spaces.nth(0), spaces.nth(1), brackets.nth(0)
    fits = ~_lines_of(odd, begin, end) & (end - begin <= LONGEST_LINE)
    fits &= (client > begin) & (client - begin <= LONGEST_WORD) & (ident > client + 1)
    fits &= (ident < stamp) & (stamp - ident <= LONGEST_USER) & (ident - client <= LONGEST_USER)
    fits &= (q[1] < end) & (q[0] == stamp + _QUOTE_AT) & _is_stamp(buffer, np.where(fits, stamp, 0))
    after = np.where(fits, q[1], 0)
    digits = buffer[after[:, None] + (2, 3, 4)].astype(np.int64) - 48
    fits &= (digits >= 0).all(axis=1) & (digits <= 9).all(axis=1)
    fits &= (buffer[after + 1] == SPACE) & (buffer[after + 5] == SPACE)
    agented = q[5] < end
    size_end = np.where(agented, q[2] - 1, end)
    fits &= agented | (q[2] >= end)
    fits &= ~agented | ((buffer[np.where(fits, q[2] - 1, 0)] == SPACE) & (q[4] == q[3] + 2))
    fits &= ~agented | (buffer[np.where(fits & agented, q[3] + 1, 0)] == SPACE)
    fits &= _is_size(buffer, np.where(fits, after + 6, 0), np.where(fits, size_end, 0))
    return Fields(
        begin=begin, end=end, fits=fits, client=client, stamp=stamp, request=(q[0] + 1, q[1]),
        agent=(np.where(agented, q[4] + 1, 0), np.where(agented, q[5], 0)),
        status=digits @ np.array([100, 10, 1]),
    )  # fmt: skip


def instants(data: bytes, fields: Fields, parser: LineParser) -> FloatArray:
    """Return the instant of every line that fits, NaN for the others and for a time that is none.

    The hour is read once for each run of lines that share it; minutes and seconds are plain arithmetic.
    """
    found = np.full(len(fields.begin), np.nan)
    which = np.flatnonzero(fields.fits)
    if not len(which):
        return found
    buffer = np.frombuffer(data, dtype=np.uint8)
    stamps = buffer[fields.stamp[which][:, None] + np.arange(1, 27)]
    hours = stamps[:, [*range(14), *range(20, 26)]]
    changes = np.concatenate(([True], (hours[1:] != hours[:-1]).any(axis=1)))
    runs = np.cumsum(changes) - 1
    bases = np.array([_hour(stamps[first].tobytes(), parser) for first in np.flatnonzero(changes).tolist()])
    two = stamps[:, [15, 16, 18, 19]].astype(np.int64) - 48
    seconds = np.minimum(two[:, 2] * 10 + two[:, 3], 60)
    found[which] = bases[runs] + (two[:, 0] * 10 + two[:, 1]) * 60 + seconds
    return found


def _hour(stamp: bytes, parser: LineParser) -> float:
    return parser.stamp(stamp[:14] + b":00:00" + stamp[20:])


class _Places:
    """The places of one byte, by line."""

    def __init__(self, buffer: Bytes, byte: int, begin: IntArray, size: int) -> None:
        places = np.flatnonzero(buffer[:size] == byte)
        self._first = np.searchsorted(places, begin)
        self._places = np.concatenate((places, np.full(8, size, dtype=np.int64)))

    def nth(self, number: int) -> IntArray:
        """Return the place of the byte after `number` others from the begin of a line, in a later line if need be."""
        return self._places[np.minimum(self._first + number, len(self._places) - 1)]


def _lines_of(odd: IntArray, begin: IntArray, end: IntArray) -> BoolArray:
    """Tell which lines hold one of the places `odd`, of backslashes and control characters, before their end."""
    found = np.zeros(len(begin), dtype=np.bool_)
    lines = np.searchsorted(begin, odd, side="right") - 1
    found[lines[odd < end[lines]]] = True
    return found


def _is_stamp(buffer: Bytes, place: IntArray) -> BoolArray:
    """Tell where a time in brackets stands, up to the quote after it; whether it is a time is another question."""
    shown = buffer[place[:, None] + np.arange(30)]
    digits = shown[:, _DIGITS]
    good = ((digits >= 48) & (digits <= 57)).all(axis=1)
    for offset, sign in _FIXED:
        good &= shown[:, offset] == ord(sign)
    month = shown[:, 4:7]
    good &= (month[:, 0] >= 65) & (month[:, 0] <= 90) & ((month[:, 1:] >= 97) & (month[:, 1:] <= 122)).all(axis=1)
    zone = shown[:, 22]
    return np.asarray(good & ((zone == 43) | (zone == 45)), dtype=np.bool_)


def _is_size(buffer: Bytes, first: IntArray, last: IntArray) -> BoolArray:
    """Tell where nothing but digits, or one hyphen, stands between two places."""
    length = last - first
    good = (length >= 1) & (length <= LONGEST_SIZE)
    hyphen = (length == 1) & (buffer[np.where(good, first, 0)] == 45)
    for offset in range(int(np.max(length, initial=0, where=good))):
        byte = buffer[np.where(good, first, 0) + offset]
        good &= (offset >= length) | ((byte >= 48) & (byte <= 57)) | hyphen
    return np.asarray(good, dtype=np.bool_)
