"""Which lines repeat an earlier one: a visit counts once, and so does a client that asks again.

A line repeats the line before it of the same key if it comes within the window of that one; repetitions of
repetitions go on, so that somebody who reloads for an hour counts once. Keys are hashes; memory is limited, the keys
that were not seen for longest are forgotten, and counted.
"""

from dataclasses import dataclass, field

import numpy as np

from forecasting.core.series import BoolArray, FloatArray, IntArray

SLACK = 60.0
"""Lines may be written this many seconds out of order."""


def _ints() -> IntArray:
    return np.zeros(0, dtype=np.int64)


@dataclass(slots=True)
class Recent:
    """Keys seen within the longest window, each with its last time and the window that holds from there."""

    limit: int
    forgotten: int = 0
    _keys: IntArray = field(default_factory=_ints)
    _at: FloatArray = field(default_factory=lambda: np.zeros(0))
    _windows: FloatArray = field(default_factory=lambda: np.zeros(0))

    def repeats(self, keys: IntArray, at: FloatArray, windows: FloatArray) -> BoolArray:
        """Tell which of the next lines repeat an earlier one; `windows` says how long each forbids the next."""
        if not len(keys):
            return np.zeros(0, dtype=np.bool_)
        old = len(self._keys)
        keys = np.concatenate([self._keys, keys])
        at, windows = np.concatenate([self._at, at]), np.concatenate([self._windows, windows])
        order = np.argsort(keys, kind="stable")
        same = np.concatenate(([False], keys[order][1:] == keys[order][:-1]))
        apart = np.abs(np.diff(at[order], prepend=at[order[:1]]))
        within = np.concatenate(([0.0], windows[order][:-1]))
        found = np.zeros(len(keys), dtype=np.bool_)
        found[order] = same & (apart <= within)
        last = order[np.concatenate((~same[1:], [True]))]
        self._keep(np.sort(last), keys, at, windows)
        return found[old:]

    def _keep(self, last: IntArray, keys: IntArray, at: FloatArray, windows: FloatArray) -> None:
        live = last[at[last] + windows[last] >= at.max() - SLACK]
        self.forgotten += max(len(live) - self.limit, 0)
        live = live[-self.limit :]
        self._keys, self._at, self._windows = keys[live], at[live], windows[live]


@dataclass(slots=True)
class Seen:
    """Keys that count once however late they come again."""

    limit: int
    forgotten: int = 0
    _keys: dict[int, None] = field(default_factory=dict)

    def repeats(self, keys: IntArray) -> BoolArray:
        """Tell which keys were seen before."""
        found = np.ones(len(keys), dtype=np.bool_)
        first = np.sort(np.unique(keys, return_index=True)[1])
        for index, key in zip(first.tolist(), keys[first].tolist(), strict=True):
            found[index] = key in self._keys
            self._keys[key] = None
        while len(self._keys) > self.limit:
            self.forgotten += 1
            del self._keys[next(iter(self._keys))]
        return found
