"""The metrics of several workers as those of one gateway.

Counters and histograms are summed. Gauges of what each worker has for itself are summed too; all others say what
every worker reads from the store or the configuration, so the largest stands, and for `talon_store_up` the least.
"""

from collections.abc import Iterable
from typing import NamedTuple

from prometheus_client.parser import text_string_to_metric_families

SUMMED = frozenset({"talon_upstream_inflight", "talon_upstream_limit"})
SHARED = frozenset({"talon_room_no_shows", "talon_room_leavers"})
"""Counters that the store keeps for all gateways: each worker shows the same figure."""
LEAST = frozenset({"talon_store_up"})


class _Family(NamedTuple):
    kind: str
    documentation: str
    samples: dict[tuple[str, tuple[tuple[str, str], ...]], float]


def merge(texts: Iterable[str]) -> str:
    """Return one exposition for those of all workers."""
    families: dict[str, _Family] = {}
    for text in texts:
        for family in text_string_to_metric_families(text):
            merged = families.setdefault(family.name, _Family(family.type, family.documentation, {}))
            for sample in family.samples:
                key = sample.name, tuple(sample.labels.items())
                before = merged.samples.get(key)
                merged.samples[key] = (
                    sample.value if before is None else _both(family.name, family.type, before, sample.value)
                )
    return "".join(_shown(name, family) for name, family in families.items())


def _both(name: str, kind: str, one: float, other: float) -> float:
    if name in LEAST:
        return min(one, other)
    adds = name in SUMMED or (kind in ("counter", "histogram") and name not in SHARED)
    return one + other if adds else max(one, other)


def _shown(name: str, family: _Family) -> str:
    exposed = name + "_total" if family.kind == "counter" else name
    lines = [f"# HELP {exposed} {_escaped(family.documentation)}", f"# TYPE {exposed} {family.kind}"]
    for (sample, labels), value in family.samples.items():
        inside = ",".join(f'{key}="{_escaped(text, quote=True)}"' for key, text in labels)
        lines.append(f"{sample}{{{inside}}} {value!r}" if inside else f"{sample} {value!r}")
    return "\n".join(lines) + "\n"


def _escaped(text: str, *, quote: bool = False) -> str:
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return text.replace('"', '\\"') if quote else text
