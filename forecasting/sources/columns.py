"""A block of lines to columns of numbers: what takes time for each line, done for many at once and in any process.

Lines of the Common and Combined form are taken apart all at once (`take_apart`); what does not fit goes line by line
through `LineParser`, with the same result. What stands in a log again and again (an hour, a request, a
client, a browser) is judged once and looked up after that. Addresses leave as keyed hashes.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

import numpy as np

from forecasting.core.series import BoolArray, FloatArray, IntArray
from forecasting.sources.cleaning import (
    KEPT,
    REASONS,
    REFUSED,
    Classify,
    Judge,
    Reason,
    Repeat,
    Rules,
    bare,
)
from forecasting.sources.lines import LONGEST_LINE
from forecasting.sources.masking import described, masked
from forecasting.sources.parsers import LineParser, asked
from forecasting.sources.take_apart import Fields, instants, take_apart

SAMPLES = 3
SEARCHED = 30
"""Blocks in which samples are looked for."""
LOOKED_UP = 100_000
"""Requests, agents and clients that are remembered, each; beyond that they are judged anew."""

Group = tuple[str, str, str]
"""Room, class and region of an arrival; empty where they are not known."""

_STAMP = re.compile(rb"[^\[\n]{0,2000}\[(\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d):\d\d ([+-]\d{4})\][^\n]*\n")
_MIXER = 0x9E3779B97F4A7C15


@dataclass(slots=True)
class Columns:
    """A block: one entry a line in each array; `samples` by reason, `suspects` by line for what others may decide.

    `at` is NaN for a line without a time; `verdict` as in `cleaning`; `repeat` says by what `who` is a repetition;
    `person` is who was turned away or joined, 0 where unknown; `group` are places in `groups`.
    """

    at: FloatArray
    verdict: IntArray
    repeat: IntArray
    who: IntArray
    person: IntArray
    refused: BoolArray
    group: IntArray
    groups: tuple[Group, ...]
    forms: Counter[str]
    samples: dict[Reason, list[str]] = field(default_factory=dict)
    suspects: dict[int, str] = field(default_factory=dict)


class ColumnReader:
    """Reads blocks one after the other; keeps tables of limited size between them."""

    def __init__(self, rules: Rules, salt: bytes, parser: LineParser, classify: Classify | None = None) -> None:
        self._rules = rules
        self._salt = salt
        self._parser = parser
        self._classify = classify
        self._judge = Judge(rules)
        self._suspected = self._blocks = 0
        self._begin_tables()

    def _begin_tables(self) -> None:
        self._groups: dict[Group, int] = {}
        self._requests = _Table(self._request)
        self._agents = _Table(self._agent)
        self._clients = _Table(self._hash)

    def read(self, data: bytes) -> Columns:
        """Return the columns of whole lines."""
        if max(map(len, (self._groups, self._requests, self._agents, self._clients))) > LOOKED_UP:
            self._begin_tables()
        if self._rules.counting and (counted := self._count(data)) is not None:
            return counted
        fields = take_apart(data)
        columns = self._empty(len(fields.begin))
        if not self._parser.is_described:
            self._usual(columns, data, fields)
        for index in np.flatnonzero(np.isnan(columns.at)).tolist():
            self._odd(columns, index, data[fields.begin[index] : fields.end[index]])
        columns.groups = tuple(self._groups)
        self._suspect(columns, data, fields)
        return columns

    def _empty(self, count: int) -> Columns:
        ints = [np.zeros(count, dtype=np.int64) for _ in range(5)]
        return Columns(
            at=np.full(count, np.nan), verdict=ints[0], repeat=ints[1], who=ints[2], person=ints[3],
            refused=np.zeros(count, dtype=np.bool_), group=ints[4], groups=(), forms=Counter(),
        )  # fmt: skip

    def _usual(self, columns: Columns, data: bytes, fields: Fields) -> None:
        """Fill in the lines that could be taken apart and have a time; the others stay without one."""
        at = instants(data, fields, self._parser)
        which = np.flatnonzero(~np.isnan(at))
        if not len(which):
            return
        request = np.array(self._requests.many(_cut(data, *(place[which] for place in fields.request))))
        agent = np.array(self._agents.many(_cut(data, *(place[which] for place in fields.agent))))
        client = np.array(self._clients.many(_cut(data, fields.begin[which], fields.client[which])))
        by_request, by_agent = self._requests.columns(), self._agents.columns()
        who = _mixed(client, by_agent[1][agent])
        kind = Repeat.CLIENT if self._rules.visit_gap else Repeat.REQUEST if self._rules.retry_window else Repeat.NEVER
        columns.at[which] = at[which]
        columns.verdict[which] = np.minimum(by_request[0][request], by_agent[0][agent])
        columns.group[which] = by_request[2][request]
        columns.refused[which] = np.isin(fields.status[which], tuple(REFUSED))
        columns.repeat[which] = kind
        columns.who[which] = _mixed(who, by_request[1][request]) if kind is Repeat.REQUEST else who
        common = int(np.count_nonzero(fields.agent[1][which] == 0))
        forms = {"combined": len(which) - common, "common": common}
        columns.forms.update({form: lines for form, lines in forms.items() if lines})

    def _odd(self, columns: Columns, index: int, line: bytes) -> None:
        """Fill in a line that had to be read by itself."""
        event = None if len(line) > LONGEST_LINE or not line.strip() else self._parser.parse(line)
        if event is None:
            reason = Reason.TOO_LONG if len(line) > LONGEST_LINE else Reason.BROKEN if line.strip() else Reason.BLANK
            columns.at[index] = np.nan
            columns.verdict[index] = REASONS.index(reason)
            samples = columns.samples.setdefault(reason, [])
            if len(samples) < SAMPLES:
                samples.append(masked(line) if reason is not Reason.BLANK else "")
            return
        if self._classify is not None and not event.kind:
            room, name = self._classify(event.method, bare(event.path))
            event = event._replace(room=room, kind=name)
        columns.at[index] = event.at
        columns.forms[event.form] += 1
        columns.verdict[index] = KEPT if self._rules.counting else self._judge.of_event(event)
        columns.group[index] = self._group((event.room, event.kind, event.region))
        columns.refused[index] = event.status in REFUSED or (bool(event.decision) and not event.visit)
        kind = self._judge.repeat(event)
        columns.repeat[index] = kind
        who = self._one(self._hash(event.client), self._hash(event.agent.encode("utf-8", "replace")))
        request = _request_key(event.method, event.path)
        if kind is Repeat.VISIT:
            columns.who[index] = self._hash(b"v" + event.visit.encode()) if event.visit else 0
            columns.person[index] = self._hash(b"p" + event.person.encode()) if event.person else 0
        elif kind is Repeat.REQUEST:
            columns.who[index] = self._one(who, self._hash(request))
        else:
            columns.who[index] = who

    def _count(self, data: bytes) -> Columns | None:
        """Return the columns of a block of which only the times count; None where not every line has the usual one."""
        stamps = _STAMP.findall(data)
        if len(stamps) != data.count(b"\n"):
            return None
        count = len(stamps)
        columns = self._empty(count)
        minutes = Counter(stamps)
        at = [self._parser.stamp(minute + b":00 " + zone) for minute, zone in minutes]
        columns.at = np.repeat(at, list(minutes.values()))
        if np.isnan(columns.at).any():
            return None
        columns.verdict[:] = KEPT
        columns.groups = (("", "", ""),)
        columns.forms["counted"] = count
        return columns

    def _request(self, request: bytes) -> tuple[int, int, int]:
        method, path = asked(request.decode("utf-8", "replace"))
        plain = bare(path)
        room, kind = self._classify(method, plain) if self._classify is not None else ("", "")
        verdict = KEPT if self._rules.counting else self._judge.of_request(method, plain, kind)
        return verdict, self._hash(_request_key(method, path)), self._group((room, kind, ""))

    def _agent(self, agent: bytes) -> tuple[int, int]:
        verdict = KEPT if self._rules.counting else self._judge.of_agent(agent.decode("utf-8", "replace"))
        return verdict, self._hash(agent)

    def _group(self, group: Group) -> int:
        return self._groups.setdefault(group, len(self._groups))

    def _hash(self, what: bytes) -> int:
        return int.from_bytes(hashlib.blake2b(what, key=self._salt, digest_size=8).digest(), "little", signed=True) or 1

    def _one(self, one: int, two: int) -> int:
        return int(_mixed(np.array([one]), np.array([two]))[0])

    def _suspect(self, columns: Columns, data: bytes, fields: Fields) -> None:
        """Describe a few lines that look like repetitions or stray times; others decide whether they are."""
        if self._suspected >= 4 * SAMPLES or self._blocks > SEARCHED:
            return
        self._blocks += 1
        able = np.flatnonzero((columns.verdict == KEPT) & ~np.isnan(columns.at) & (columns.who != 0))
        repeated = np.ones(len(able), dtype=np.bool_)
        repeated[np.unique(columns.who[able], return_index=True)[1]] = False
        again = able[repeated][:SAMPLES]
        timed = np.flatnonzero(~np.isnan(columns.at))
        steps = np.diff(columns.at[timed], prepend=columns.at[timed[:1]])
        strays = timed[(steps < -3600) | (steps > 86400)][:SAMPLES]
        for index in (*again.tolist(), *strays.tolist()):
            event = self._parser.parse(data[fields.begin[index] : fields.end[index]])
            if event is not None:
                self._suspected += 1
                columns.suspects[index] = described(event)
        for number, reason in enumerate(REASONS):
            if reason in columns.samples:
                continue
            for index in np.flatnonzero((columns.verdict == number) & ~np.isnan(columns.at))[:SAMPLES].tolist():
                event = self._parser.parse(data[fields.begin[index] : fields.end[index]])
                if event is not None:
                    columns.samples.setdefault(reason, []).append(described(event))


class _Table(dict[Any, Any]):
    """Values that are worked out once; each key is given a number, and `columns` are its values by that number."""

    def __init__(self, work: Callable[[Any], Any]) -> None:
        super().__init__()
        self._work = work
        self._rows: list[tuple[int, ...]] = []

    def __missing__(self, key: Any) -> Any:
        found = self._work(key)
        if isinstance(found, tuple):
            self._rows.append(found)
            found = len(self._rows) - 1
        self[key] = found
        return found

    def many(self, keys: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the value of each key."""
        return itemgetter(*keys)(self) if len(keys) > 1 else (self[keys[0]],)

    def columns(self) -> tuple[IntArray, ...]:
        """Return one array for each value."""
        return tuple(np.array(column, dtype=np.int64) for column in zip(*self._rows, strict=True))


def _cut(data: bytes, begin: IntArray, end: IntArray) -> tuple[bytes, ...]:
    return tuple([data[first:last] for first, last in zip(begin.tolist(), end.tolist(), strict=True)])


def _request_key(method: str, path: str) -> bytes:
    """Return by what a request is known again."""
    return f"{method} {path}".encode("utf-8", "replace")


def _mixed(one: IntArray, two: IntArray) -> IntArray:
    """Return one number for each pair, as spread as both."""
    return np.asarray((one.view(np.uint64) * np.uint64(_MIXER)) ^ two.view(np.uint64)).view(np.int64)
