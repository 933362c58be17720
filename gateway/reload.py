"""Reload: what of a new configuration a running gateway can take, and what has to wait for a restart.

Taken are the keys that sign, and the values that are read at each use: texts, modes and times of rooms, targets of
lanes, admission, classes, languages. Kept are those that something was built from: addresses, store, pools, the sets
of rooms and lanes, whether visitors come by TLS, and the times that the store's scripts were told.
"""

from dataclasses import fields, replace
from typing import TypeVar

from gateway.build import Parts, classifier, identities, room_policy
from gateway.secrets_file import load_origin_secret, read_keys
from gateway.sections import ProxySettings, RoomSettings, TlsSettings
from gateway.settings import Settings

FIXED = ("listen", "worker", "admin", "store", "data_dir", "secrets_file", "access_log", "pools")
FIXED_IN_ROOM = ("max_waiting", "presence_grace", "claim_window")
FIXED_IN_PROXY = ("connect_timeout", "read_timeout", "node_idle", "max_queue", "shed_after", "shed_standing", "drain")
Section = TypeVar("Section", RoomSettings, ProxySettings)


def adoptable(old: Settings, new: Settings) -> tuple[Settings, list[str]]:
    """Return `new` as far as it can be taken while running, and the keys that need a restart, by full path."""
    kept = {name: getattr(old, name) for name in FIXED}
    waits = [name for name, value in kept.items() if getattr(new, name) != value]
    rooms = {}
    for name, room in old.rooms.items():
        rooms[name], more = _room(room, new.rooms.get(name))
        waits += [f"rooms.{name}{'.' if key else ''}{key}" for key in more]
    waits += [f"rooms.{name}" for name in new.rooms if name not in old.rooms]
    proxy, more = _with(old.proxy, new.proxy, FIXED_IN_PROXY)
    waits += [f"proxy.{key}" for key in more]
    tls = new.tls if _same_tls(old.tls, new.tls) else old.tls
    if tls is not new.tls:
        waits.append("tls")
    return new.model_copy(update={**kept, "rooms": rooms, "proxy": proxy, "tls": tls}), waits


def _same_tls(old: TlsSettings, new: TlsSettings) -> bool:
    """Whether visitors come as before, so that only the certificate is another one."""
    return (old.certificate is None, old.minimum) == (new.certificate is None, new.minimum)


def _room(old: RoomSettings, new: RoomSettings | None) -> tuple[RoomSettings, list[str]]:
    if new is None:
        return old, [""]
    fixed = (
        FIXED_IN_ROOM if list(old.lanes) == list(new.lanes) else (*FIXED_IN_ROOM, "lanes", "default_lane", "lane_rules")
    )
    try:
        return _with(old, new, fixed)
    except ValueError:
        # Old and new values together break a rule of the room, such as a long poll within the old grace.
        return old, [field.name for field in fields(old) if getattr(old, field.name) != getattr(new, field.name)]


def _with(old: Section, new: Section, fixed: tuple[str, ...]) -> tuple[Section, list[str]]:
    """Return `new` with the `fixed` values of `old`, and which of those differ."""
    kept = {name: getattr(old, name) for name in fixed}
    return replace(new, **kept), [name for name, value in kept.items() if getattr(new, name) != value]


def adopt(parts: Parts, settings: Settings) -> None:
    """Let the running parts use `settings`, which `adoptable` has returned; nothing learned is forgotten.

    The files of keys are read again too; raises ConfigError, before anything has changed, if they cannot be used.
    """
    keys, secret = read_keys(settings.keys_file), load_origin_secret(settings.proxy.origin_secret_file)
    found_by = identities(settings)
    site = parts.site
    site.identities = found_by
    site.tokens.take_keys(keys)
    parts.forwarder.upstream.origin_secret = secret
    site.settings = settings
    site.classifier = classifier(settings)
    site.tokens.secure = settings.secure
    parts.forwarder.upstream.settings = settings.proxy
    parts.visitors.policy, parts.visitors.trusted = settings.connections, settings.proxy.trusted_proxies
    for name, room in site.rooms.items():
        room.policy = room_policy(settings, settings.rooms[name])
        room.scheduler.policies = room.policy.lanes
        room.ledger.policy = room.policy.visits
        for admission in room.admissions.values():
            admission.policy = room.policy.admission
