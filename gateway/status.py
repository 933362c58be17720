"""`talon status`: the admin API as tables in the terminal."""

import json
import time
import urllib.error
import urllib.request
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from gateway.errors import ConfigError

TIMEOUT = 3.0


def show_status(admin: str, *, watch: bool, as_json: bool) -> None:
    """Print the state once, or each second; raises ConfigError when the address does not answer."""
    console = Console()
    if as_json:
        console.print_json(json.dumps(_fetch(admin)))
    elif not watch:
        console.print(render(_fetch(admin)))
    else:
        with Live(render(_fetch(admin)), console=console, refresh_per_second=2) as live:
            while True:
                time.sleep(1.0)
                live.update(render(_fetch(admin)))


def _fetch(admin: str) -> dict[str, Any]:
    base = admin.rstrip("/")
    if not base.startswith(("http://", "https://")):
        base = "http://" + base
    state: dict[str, Any] = {}
    for name in ("rooms", "pools", "forecast"):
        try:
            with urllib.request.urlopen(f"{base}/api/{name}", timeout=TIMEOUT) as answer:
                state.update(json.load(answer))
        except (urllib.error.URLError, OSError, ValueError) as error:
            raise ConfigError(f"{base} does not answer as a gateway's admin address: {error}") from error
    return state


def render(state: dict[str, Any]) -> Group:
    """Return the tables of rooms, pools and forecasts."""
    rooms = Table(
        "room", "state", "waiting", "inside", "rate/s", "decided by", "in/s", "out/s", "no-shows", title="Rooms"
    )
    for room in state["rooms"]:
        waiting = ", ".join(f"{lane} {count}" for lane, count in room["waiting"].items())
        rooms.add_row(
            room["name"],
            room["state"],
            waiting,
            str(room["inside"]),
            f"{room['admission_rate']:.1f}",
            room["reason"],
            f"{room['inflow']:.1f}",
            f"{room['outflow']:.1f}",
            f"{room['no_show_share']:.0%}",
        )
        if (by := room.get("paused_by")) is not None:
            said = f"{room['name']}: {by['action']} by {by['author']}: {by['reason']}"
            rooms.caption = f"{rooms.caption}\n{said}" if rooms.caption else said
    pools = Table(
        "pool", "role", "state", "share", "node", "health", "inflight/limit", "ms", "req/s", "err/s", title="Pools"
    )
    for pool in state["pools"]:
        for node in pool["nodes"]:
            pools.add_row(
                pool["name"],
                pool["role"],
                f"{pool['state']} {pool['reason']}".strip(),
                f"{pool['share']:.0%}",
                node["url"],
                node["state"],
                f"{node['inflight']}/{node['limit']:.0f}",
                f"{node['latency_ms']:.0f}",
                f"{node['requests_per_s']:.1f}",
                f"{node['errors_per_s']:.1f}",
            )
    forecasts = Table("room", "forecast", "model", "age s", "q10", "q50", "q90", "planned rate/s", title="Forecast")
    for forecast in state["forecasts"]:
        now = forecast.get("now") or {}
        figures = [f"{now[q]:.1f}" if q in now else "-" for q in ("q10", "q50", "q90")]
        planned = now.get("admission_rate")
        forecasts.add_row(
            forecast["room"],
            forecast["state"] + (f": {forecast['reason']}" if forecast["reason"] else ""),
            forecast.get("model", "-"),
            f"{forecast.get('age_seconds', 0):.0f}",
            *figures,
            "-" if planned is None else f"{planned:.1f}",
        )
    return Group(rooms, pools, forecasts)
