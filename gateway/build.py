"""Builds the gateway's parts from the settings; no I/O beyond reading keys and opening the access log."""

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.core.classify import Classifier
from gateway.core.live_room import LiveRoom, RoomPolicy
from gateway.core.pool_policy import PoolPolicy
from gateway.errors import ConfigError
from gateway.identity_keys import load_identity_keys
from gateway.ports import AnswerStore, RoomStore
from gateway.proxy.forward import Forwarder
from gateway.proxy.pool import Pool
from gateway.proxy.upstream import Upstream
from gateway.secrets_file import load_keys, load_origin_secret
from gateway.sections import PoolSettings, RoomSettings
from gateway.settings import Settings
from gateway.store.room_options import RoomOptions
from gateway.telemetry.access_log import AccessLog
from gateway.telemetry.events import http_logger
from gateway.telemetry.metrics import Metrics
from gateway.tls import node_contexts
from gateway.web.admin_api import AdminApi
from gateway.web.gate import Gate
from gateway.web.identities import Identities
from gateway.web.newcomers import claims_in
from gateway.web.pages.render import Pages
from gateway.web.site import Site
from gateway.web.tokens import Tokens
from gateway.wire.connections import Tls
from gateway.wire.server import VisitorServer


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything that `app.py` starts and stops."""

    site: Site
    pools: Mapping[str, Pool]
    forwarder: Forwarder
    visitors: VisitorServer
    admin: AdminApi


def room_options(rules: RoomSettings) -> RoomOptions:
    """Return what the store must know of a room."""
    return RoomOptions(
        lanes=tuple(rules.lanes),
        max_waiting=rules.max_waiting,
        grace=rules.presence_grace,
        claim_window=rules.claim_window,
    )


def classifier(settings: Settings) -> Classifier:
    """Return the classifier that `talon serve` and `talon explain` share."""
    return Classifier(classes=settings.classes, rooms={name: room.paths for name, room in settings.rooms.items()})


def identities(settings: Settings) -> Identities:
    """Return what finds identities; raises ConfigError when a file of keys cannot be used."""
    return Identities(settings.identity, load_identity_keys(settings.identity), claims_in(settings))


def pool_policy(settings: Settings, pool: PoolSettings) -> PoolPolicy:
    """Return what rules a pool's nodes and the line in front of them."""
    return PoolPolicy(
        limit=pool.limit,
        health=pool.health,
        line=settings.proxy.line(),
        outliers=pool.outliers,
        retries=pool.retries,
        slow_start=pool.slow_start,
    )


def build(settings: Settings, store: RoomStore, answers: AnswerStore) -> Parts:
    """Return all parts, wired; raises ConfigError when the keys cannot be used."""
    metrics = Metrics()
    pools = {
        name: Pool.build(
            name,
            pool.nodes,
            pool_policy(settings, pool),
            clock=time.monotonic,
            chance=random.random,
            weights=pool.weights,
        )
        for name, pool in settings.pools.items()
    }
    upstream = Upstream(settings.proxy, tls=_node_tls(settings))
    forwarder = Forwarder(pools, upstream, metrics, time.monotonic)
    upstream.origin_secret = load_origin_secret(settings.proxy.origin_secret_file)
    site = Site(
        settings=settings,
        rooms={
            name: LiveRoom(name=name, policy=room_policy(settings, rules)) for name, rules in settings.rooms.items()
        },
        store=store,
        answers=answers,
        upstream=forwarder,
        classifier=classifier(settings),
        tokens=Tokens(load_keys(settings.keys_file), secure=settings.secure),
        identities=identities(settings),
        pages=Pages(),
        metrics=metrics,
        access_log=_access_log(settings.access_log_path),
        clock=time.monotonic,
        wall=time.time,
        chance=random.random,
    )
    admin = AdminApi(site, pools, settings.data_dir / "audit.jsonl")
    gate = Gate(site)
    visitors = VisitorServer(gate.handle, settings.connections, settings.proxy.trusted_proxies, logger=http_logger())
    visitors.quick = gate.begin
    return Parts(site=site, pools=pools, forwarder=forwarder, visitors=visitors, admin=admin)


def _node_tls(settings: Settings) -> dict[str, Tls]:
    """Return how to speak TLS to each node that wants it."""
    return {
        node: Tls(context, settings.pools[name].tls.server_name)
        for name, context in node_contexts(settings.pools).items()
        for node in settings.pools[name].nodes
        if node.startswith("https:")
    }


def _access_log(target: str) -> AccessLog:
    try:
        return AccessLog(target, time.time)
    except OSError as error:
        raise ConfigError(f"access_log: {target} cannot be written: {error.strerror}") from error


def room_policy(settings: Settings, rules: RoomSettings) -> RoomPolicy:
    """Return what rules a room, as its core needs it."""
    return RoomPolicy(
        lanes=rules.lanes,
        admission=rules.admission,
        visits=rules.visits,
        pools={name: pool.spillover() if pool.role == "backup" else None for name, pool in settings.pools.items()},
        regions={name: pool.regions for name, pool in settings.pools.items()},
        capacity=None if rules.capacity == "auto" else rules.capacity,
        longest_delay=rules.longest_poll / 2,
        pass_idle=rules.pass_idle,
    )
