"""All configuration: one YAML file, every key overridable as `TALON__SECTION__KEY`, refused by full path.

The sections (`sections.py`) are plain dataclasses, so there is one schema. Reading happens once, in
`load`; nothing else in the gateway looks at the environment.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import yaml
from pydantic import ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from gateway.core.classify import DEFAULT_CLASSES, VISIT, RequestClass
from gateway.core.connection_policy import ConnectionPolicy
from gateway.core.identity_policy import IdentityPolicy
from gateway.core.lane_rules import check_classes
from gateway.core.names import check_name
from gateway.core.store_url import parse_store
from gateway.errors import ConfigError
from gateway.sections import PoolSettings, ProxySettings, RoomSettings, TlsSettings

_HANDED = re.compile(r"unix:.+|systemd(:[1-9]\d?)?|fd:\d+")


def _check_address(kind: str, address: str) -> None:
    host, _, port = address.rpartition(":")
    if _HANDED.fullmatch(address):
        return
    if not host or not port.isdigit() or not 0 <= int(port) <= 65535:
        raise ValueError(f"{kind}: expected HOST:PORT, unix:PATH or systemd, got {address!r}")


class Settings(BaseSettings):
    """The whole configuration; the field names are the keys of the file."""

    model_config = SettingsConfigDict(
        env_prefix="TALON__",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        validate_default=False,
    )

    listen: str = "127.0.0.1:8080"
    """The visitors' address: HOST:PORT, unix:PATH, or `systemd` for a socket that systemd has opened."""
    worker: int = 0
    """Number of this process among its sisters; `talon serve --workers` sets it."""
    tls: TlsSettings = TlsSettings()
    """TLS for visitors; without a certificate they come in the clear, or through a proxy that ends TLS."""
    admin: str = "127.0.0.1:9090"
    """Metrics, health, dashboard and admin API; never on the visitors' address."""
    store: str = "embedded"
    """`embedded`, `redis://`, `rediss://`, `unix://`, `redis+sentinel://HOST:PORT/SERVICE`, `redis+cluster://HOST:PORT`."""
    data_dir: Path = Path("var")
    """Files of the embedded store, logs, models."""
    secrets_file: Path | None = None
    """Signing keys, newest first; made with mode 0600 on first start if absent. Default: DATA_DIR/talon.keys."""
    access_log: str = ""
    """File of the JSON access log, `-` for standard output, empty for DATA_DIR/access.log, `off` for none."""
    pools: dict[str, PoolSettings]
    """The backend: named groups of nodes."""
    rooms: dict[str, RoomSettings] = {}
    """The virtual queues."""
    classes: tuple[RequestClass, ...] = DEFAULT_CLASSES
    """Request classes in order, first match wins."""
    identity: IdentityPolicy = IdentityPolicy()
    """Who visitors are, if the portal says so."""
    proxy: ProxySettings = ProxySettings()
    """Limits of forwarding."""
    connections: ConnectionPolicy = ConnectionPolicy()
    """Limits of visitors' connections."""
    secure_cookies: bool = False
    """Mark cookies Secure; set it where visitors come over TLS to a proxy in front. With `tls` they always are."""
    time_zone: str = "UTC"
    """Zone of the times on pages, an IANA name such as Europe/Moscow."""
    default_language: str = "en"
    """Language of pages when the visitor's cannot be served."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file; nothing else is read."""
        return env_settings, init_settings

    def model_post_init(self, context: Any) -> None:
        """Check what concerns more than one key."""
        _check_address("listen", self.listen)
        _check_address("admin", self.admin)
        if self.tls.certificate is not None and self.connections.proxy_protocol:
            raise ValueError("connections.proxy_protocol: not together with tls; let the proxy in front end TLS")
        if self.listen == self.admin and not self.listen.endswith(":0"):
            raise ValueError("admin: must be another address than listen")
        if self.store != "embedded":
            try:
                parse_store(self.store)
            except ValueError as error:
                raise ValueError(f"store: embedded, or {error}") from None
        if self.time_zone not in available_timezones():
            raise ValueError(f"time_zone: expected an IANA name such as Europe/Moscow, got {self.time_zone!r}")
        for name in (*self.pools, *self.rooms):
            check_name("pool or room", name)
        for name, room in self.rooms.items():
            check_classes(f"rooms.{name}", room.lane_rules, {VISIT.name, *(one.name for one in self.classes)})
        cached = {one.name for one in self.classes if one.cache is not None}
        if unknown := {name for one in self.classes for name in one.purges} - cached:
            raise ValueError(f"classes: purges: {sorted(unknown)[0]!r} is no class with cache")
        if not any(pool.role == "primary" for pool in self.pools.values()):
            raise ValueError("pools: expected at least one pool with role primary")

    @property
    def secure(self) -> bool:
        """Whether cookies are marked Secure."""
        return self.secure_cookies or self.tls.certificate is not None

    @property
    def primary(self) -> str:
        """The pool that serves what belongs to no room: the first primary one."""
        for name, pool in self.pools.items():
            if pool.role == "primary":
                return name
        raise AssertionError("a configuration without a primary pool has been refused")

    @property
    def keys_file(self) -> Path:
        """Where the signing keys are."""
        return self.secrets_file or self.data_dir / "talon.keys"

    @property
    def access_log_path(self) -> str:
        """Where the access log goes: a path, `-`, or `off`."""
        return self.access_log or str(self.data_dir / "access.log")


def load(path: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the file and the overrides; raises ConfigError that names file, key and what was expected."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = getattr(error, "problem_mark", None)
        line = f"line {where.line + 1}: " if where else ""
        raise ConfigError(f"{path}: {line}not valid YAML: {getattr(error, 'problem', error)}") from error
    if not isinstance(document, dict):
        raise ConfigError(f"{path}: expected a mapping of keys such as listen, pools and rooms")
    for key in environment:
        if key.startswith("TALON__") and key.split("__")[1].lower() not in Settings.model_fields:
            raise ConfigError(f"environment {key}: there is no key {key.split('__')[1].lower()!r}")
    try:
        return Settings(**document)
    except ValidationError as error:
        place = "__".join(["TALON", *(str(part) for part in error.errors()[0]["loc"])]).upper()
        source = f"environment {place}" if place in environment else str(path)
        raise ConfigError(f"{source}: {_first(error)}") from error
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{path}: {error}") from error


def _first(error: ValidationError) -> str:
    problem = error.errors()[0]
    place = ".".join(str(part) for part in problem["loc"])
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        message = "there is no such key"
    elif problem["type"] == "missing":
        message = "is required"
    more = len(error.errors()) - 1
    return (f"{place}: " if place else "") + message + (f" (and {more} more)" if more else "")
