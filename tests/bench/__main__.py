"""`make bench`: every part one after the other, or one of them with options of its own (`make bench PART=polls`).

Options without a part go to the peaks, whose figures stand in the README.
"""

import subprocess
import sys

PARTS = {
    "peaks": "a morning peak without and with the gateway",
    "overload": "goodput under overload with nothing, nginx, HAProxy and Talon in front",
    "rush": "a rush with a room: nothing, nginx, HAProxy and Talon in front",
    "backup": "what a forecast is worth to a cold backup, and what a wrong one costs",
    "store": "what a waiting room costs the store",
    "polls": "status polls that one core answers",
    "clocks": "the set rate with three gateways whose clocks disagree",
    "openings": "what calling from a shuffled cohort costs",
    "waits": "how often waits end inside the range that was shown first",
    "ingest": "how fast logs are read, beside wc, DuckDB, polars and GoAccess",
    "correction": "what following live counts is worth to a forecast of the day",
    "dirt": "how much worse forecasts become when the history is dirty",
    "plane": "what forwarding costs, beside nginx, HAProxy and a naive aiohttp proxy",
    "attacks": "thousands of slow visitors, and what a quiet connection holds",
    "day": "a simulated day with a million visitors",
}


def main() -> None:
    """Run the parts, each in a process of its own; ends with the first code that is not 0."""
    given = sys.argv[1:]
    if given and not given[0].startswith("-") and given[0] not in PARTS:
        sys.exit(f"bench: PART is one of {', '.join(PARTS)}; got {given[0]!r}")
    chosen = [given.pop(0)] if given and given[0] in PARTS else list(PARTS)
    for part in chosen:
        options = given if part == chosen[0] else []
        print(f"\n## {part}: {PARTS[part]}\n", flush=True)
        code = subprocess.run([sys.executable, "-m", f"tests.bench.{part}", *options], check=False).returncode
        if code != 0:
            sys.exit(code)


if __name__ == "__main__":
    main()
