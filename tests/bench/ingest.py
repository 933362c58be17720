"""How fast logs are read: Talon with all its cleaning, counting alone and on from where it ended, beside other tools.

    make bench PART=ingest ARGS="--size 1.07"

The log is built from the shipped sample: its real lines with agents, an address that 20,000 lines share out among 912
clients, and a clock of `--rate` lines a second. All tools read the same file in one run, `--rounds` times in turn; the
others count per five minutes, path and status and clean nothing. polars is fetched into a folder for the run.
"""

import argparse
import gzip
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import psutil

from forecasting.sources.sample import sample_log

TALON = (sys.executable, "-m", "talon", "forecast", "ingest")
DUCKDB = """
import duckdb, sys
print(duckdb.sql(f'''SELECT count(*) FROM (SELECT substr(t, 2, 16) AS m, r, s, count(*) FROM read_csv('{sys.argv[1]}',
delim=' ', quote='"', escape='\\\\', header=false, ignore_errors=true, columns={{'h':'VARCHAR','i':'VARCHAR',
'u':'VARCHAR','t':'VARCHAR','z':'VARCHAR','r':'VARCHAR','s':'VARCHAR','b':'VARCHAR','f':'VARCHAR','a':'VARCHAR'}})
GROUP BY ALL)'''))
"""
POLARS = """
import polars as pl, sys
lines = pl.scan_csv(sys.argv[1], has_header=False, separator='\\x01', quote_char=None, new_columns=['l'])
found = lines.select(pl.col('l').str.extract_groups(r'\\[(.{17})[^"]*"(\\S+ \\S+)[^"]*" (\\d{3})')).unnest('l')
print(found.group_by(pl.all()).len().collect(engine='streaming').height)
"""
AGENTS = [f"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/{n}.0.0.0 Safari/537.36" for n in range(90, 130)]
AGENTS += ["Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "kube-probe/1.29"]


def build(path: Path, size: float, rate: int) -> int:
    """Write the log of `size` bytes and return its lines."""
    chance = random.Random(1)
    rows = [
        found.groups()
        for line in gzip.decompress(sample_log().read_bytes()).decode("latin-1").splitlines()
        if (found := re.match(r"(\S+) (.*?) \[.*?\] (.*)", line))
    ]
    clients = {host: (number, chance.choice(AGENTS)) for number, host in enumerate(sorted({row[0] for row in rows}))}
    begin, count, written = datetime(2026, 11, 1, tzinfo=UTC).timestamp(), 0, 0
    with path.open("w", encoding="latin-1") as file:
        while written < size:
            stamp = datetime.fromtimestamp(begin + count // rate, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")
            batch = []
            for _ in range(rate):
                host, names, rest = chance.choice(rows)
                client, agent = clients[host]
                address = f"10.{count // 20_000 % 256}.{client // 256}.{client % 256}"
                batch.append(f'{address} {names} [{stamp}] {rest} "https://example.org/" "{agent}"\n')
                count += 1
            written += file.write("".join(batch))
    return count


def measured(command: Sequence[str]) -> tuple[float, float]:
    """Return seconds and peak megabytes (shared pages counted once) of a command with its children."""
    begin = time.perf_counter()
    process = psutil.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output: list[bytes] = []
    reader = threading.Thread(target=lambda: output.append(process.stdout.read()))
    reader.start()
    peak, ended = 0.0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not ended.wait(0.2):
            peak = max(peak, _memory(process))

    watcher = threading.Thread(target=watch)
    watcher.start()
    code = process.wait()
    seconds = time.perf_counter() - begin
    ended.set()
    reader.join()
    watcher.join()
    if code:
        sys.exit(f"{' '.join(command[:4])} ended with {code}: {output[0].decode()[-400:]}")
    return seconds, peak


def _memory(process: psutil.Popen) -> float:
    total = 0.0
    try:
        for each in (process, *process.children(recursive=True)):
            total += each.memory_full_info().pss / 1e6
    except psutil.Error:
        pass  # it has just ended
    return total


def rivals(log: str, folder: Path) -> dict[str, tuple[str, ...]]:
    """Return the other tools that are there; what is not there is said with how to get it."""
    found = {"wc -l": ("wc", "-l", log), "DuckDB, CSV": (sys.executable, "-c", DUCKDB, log)}
    if shutil.which("goaccess"):
        report = str(folder / "goaccess.json")
        found["GoAccess"] = (
            "goaccess",
            log,
            "--log-format=COMBINED",
            "-o",
            report,
            "--no-progress",
            "--no-global-config",
        )
    else:
        print("GoAccess is not here: apt-get install goaccess", file=sys.stderr)
    uv = os.environ.get("UV") or "uv"
    try:
        subprocess.run(
            [uv, "pip", "install", "-q", "--python", sys.executable, "--target", folder / "polars", "polars==2.1.0"],
            check=True,
        )
        script = f"import sys; sys.path.insert(0, {str(folder / 'polars')!r})\n{POLARS}"
        found["polars"] = (sys.executable, "-c", script, log)
    except (OSError, subprocess.CalledProcessError):
        print("polars could not be fetched", file=sys.stderr)
    return found


def main() -> None:
    """Build the log, let every tool read it in turn, and print a table."""
    parser = argparse.ArgumentParser(prog="make bench PART=ingest", description=__doc__)
    parser.add_argument("--size", type=float, default=1.07, help="gigabytes of log")
    parser.add_argument("--rate", type=int, default=20, help="lines a second in it")
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        log, out = folder / "access.log", str(folder / "out")
        lines = build(log, given.size * 1e9, given.rate)
        print(f"{lines:,} lines, {log.stat().st_size / 1e9:.2f} GB\n")
        commands = {
            "Talon, cleaned": (*TALON, str(log), "--out", out),
            "Talon, --count": (*TALON, str(log), "--out", out, "--count"),
            **rivals(str(log), folder),
        }
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for _ in range(given.rounds):
            for name, command in commands.items():
                if name != "GoAccess" or not taken[name]:  # once is enough for two minutes
                    taken[name].append(measured(command))
        print("| | s | million lines/s | MB at most |\n|---|---|---|---|")
        for name, runs in taken.items():
            seconds = median(s for s, _ in runs)
            print(f"| {name} | {seconds:.2f} | {lines / seconds / 1e6:.2f} | {max(m for _, m in runs):.0f} |")
        _incremental(log, folder, given.rounds)


def _incremental(log: Path, folder: Path, rounds: int) -> None:
    """Read all but a hundredth, then the rest, in one process that is started already."""
    shares = []
    for number in range(rounds):
        script = _PASSES.format(log=str(log), out=str(folder / f"inc{number}"))
        (folder / "passes.py").write_text(script)
        done = subprocess.run([sys.executable, folder / "passes.py"], check=True, capture_output=True, text=True)
        whole, rest = map(float, done.stdout.split())
        shares.append((rest / whole, whole, rest))
    share, whole, rest = sorted(shares)[len(shares) // 2]
    print(f"\nincremental: all but 1 % in {whole:.2f} s, then the 1 % in {rest:.3f} s: {share:.1%}")


_PASSES = """
import io, os, time
from pathlib import Path


def main():
    import duckdb
    from forecasting.ingest_cli import write_found
    from forecasting.sources.cleaning import Rules
    from forecasting.sources.parsers import LineParser
    from forecasting.sources.resume import read_progress, write_progress
    from forecasting.sources.run import HowToRead, ingest
    log, out = Path({log!r}), Path({out!r})
    size, end = log.stat().st_size, log.stat().st_size * 99 // 100
    grown = log.with_name("grown.log")
    with log.open("rb") as whole, grown.open("wb") as part:
        for first in range(0, end, 1 << 24):
            part.write(whole.read(min(1 << 24, end - first)))

    def one_pass():
        begin = time.perf_counter()
        progress = read_progress(out / "state.json", 300.0)
        how = HowToRead(rules=Rules(), salt=os.urandom(16), parser=LineParser())
        found = ingest([str(grown)], io.BytesIO(), width=300.0, how=how, progress=progress)
        write_found(found, found.document(), out)
        write_progress(out / "state.json", progress)
        return time.perf_counter() - begin

    first = one_pass()
    with log.open("rb") as whole, grown.open("ab") as part:
        whole.seek(end)
        part.write(whole.read())
    print(first, one_pass())
    grown.unlink()


if __name__ == "__main__":
    main()
"""


if __name__ == "__main__":
    main()
