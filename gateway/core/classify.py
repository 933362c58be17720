"""What a request is: its class, and the room that protects it.

Classes are matched in the order of the configuration, first match wins; what matches nothing is `visit`. An
`express` class never queues, so it must not be reachable by accident: it matches only paths that are written
plainly. A path is plain when normalising does not change it. Rooms match the normalised path, so that `//`, `%2F`,
`;x`, dot segments and case cannot walk around a room. A path with control characters has no one reading, since
servers cut it off there, drop them or keep them; it is ambiguous and refused.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import lru_cache
from posixpath import normpath
from urllib.parse import unquote

from gateway.core.names import check_name
from gateway.core.response_cache import CachePolicy

MAX_KNOWN = 10_000
LONGEST_KNOWN = 200
"""Paths that are remembered with what they are: so many, up to this length."""
_METHOD = re.compile(r"[A-Z]{1,20}")
_OVERRIDES = frozenset({"x-http-method", "x-http-method-override", "x-method-override"})
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestClass:
    """A kind of request: `paths` are globs on the path, `methods` empty means any.

    `priority`: in front of full nodes the higher goes first; `cost`: places that one request takes at a node. `cache`:
    answers are the same for everybody; `purges`: classes whose copies a write of this class ends. `max_body`: bytes of
    a body that are accepted, 0 for as many as everywhere.
    """

    name: str
    paths: tuple[str, ...]
    methods: tuple[str, ...] = ()
    express: bool = False
    priority: int = 0
    cost: float = 1.0
    cache: CachePolicy | None = None
    purges: tuple[str, ...] = ()
    max_body: int = 0

    def __post_init__(self) -> None:
        check_name("class", self.name)
        if not self.paths or any(not path.startswith(("/", "*")) for path in self.paths):
            raise ValueError("paths must be a list of globs that start with '/' or '*'")
        if any(_METHOD.fullmatch(method) is None for method in self.methods):
            raise ValueError(f"methods must be upper case, got {list(self.methods)}")
        if self.cache is not None and (not self.methods or not set(self.methods) <= {"GET", "HEAD"}):
            raise ValueError("cache: only for classes whose methods are GET and HEAD")
        if not -10 <= self.priority <= 10:
            raise ValueError(f"priority must be in -10..10, got {self.priority}")
        if self.max_body < 0:
            raise ValueError("max_body must not be negative")
        if not 0 < self.cost <= 100:
            raise ValueError(f"cost must be above 0 and at most 100, got {self.cost}")


VISIT = RequestClass(name="visit", paths=("*",))

DEFAULT_CLASSES = (
    RequestClass(name="health", paths=("/health", "/healthz", "/metadata"), methods=("GET", "HEAD"), express=True),
    RequestClass(
        name="static",
        paths=("*.css", "*.js", "*.png", "*.jpg", "*.svg", "*.ico", "*.woff2", "/static/*", "/robots.txt"),
        methods=("GET", "HEAD"),
        express=True,
    ),
    RequestClass(name="auth", paths=("/login", "/login/*", "/logout", "/oauth/*", "/auth/*"), express=True),
    RequestClass(name="cancel", paths=("*/cancel",), methods=("POST", "PUT"), express=True),
    RequestClass(name="cancel", paths=("/bookings/*", "/appointments/*"), methods=("DELETE",), express=True),
    RequestClass(name="confirm", paths=("*/confirm",), methods=("POST", "PUT"), express=True),
    RequestClass(name="status_callback", paths=("/callbacks/*", "/webhooks/*"), methods=("POST", "PUT"), express=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Classified:
    """A request's class and the room that its path belongs to; without a room it passes through to the pools."""

    request_class: RequestClass
    room: str | None


def origin_form(target: str) -> str:
    """Return path and query of a request target as a node gets them: no scheme, no authority, no fragment."""
    target = target.partition("#")[0]
    if target.startswith("/") or target == "*":
        return target
    after = target.split("://", 1)[-1]
    authority = re.split(r"[/?]", after, maxsplit=1)[0]
    rest = after[len(authority) :]
    return rest if rest.startswith("/") else "/" + rest


def authority(target: str) -> str:
    """Return the host, and port, of a request target in absolute form; "" for every other form."""
    if target.startswith("/") or "://" not in target:
        return ""
    return re.split(r"[/?#]", target.split("://", 1)[1], maxsplit=1)[0].rpartition("@")[2]


def normalise(path: str) -> str:
    """Return the path as rooms see it: decoded twice, lower case, no parameters, one slash, no dot segments."""
    decoded = unquote(unquote(path)).replace("\\", "/").lower()
    segments = (_segment(segment) for segment in decoded.split("/"))
    normal = normpath("/" + "/".join(s for s in segments if s))
    return "/" + normal.lstrip("/")


@lru_cache(maxsize=4096)
def is_ambiguous(path: str) -> bool:
    """Whether the path, however often it is decoded, holds characters on which servers disagree."""
    return _CONTROL.search(unquote(unquote(path))) is not None


def is_overridden(names: Iterable[str]) -> bool:
    """Whether one of the header fields asks the backend to take another method than the request's own."""
    return any(name.lower().replace("_", "-") in _OVERRIDES for name in names)


def _segment(segment: str) -> str:
    bare = segment.split(";", 1)[0].rstrip(" ")
    return bare if bare in (".", "..") else bare.rstrip(". ")


def _plain(path: str) -> bool:
    trimmed = path.rstrip("/") or "/"
    return normalise(path) == trimmed.lower() and "%" not in path


def _covers(prefix: str, path: str) -> bool:
    return prefix == "/" or path == prefix or path.startswith(prefix + "/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Classifier:
    """Finds class and room of a request; `rooms` gives each room's path prefixes."""

    classes: Sequence[RequestClass]
    rooms: Mapping[str, tuple[str, ...]]
    _prefixes: tuple[tuple[str, str], ...] = field(init=False, repr=False, compare=False)
    _known: dict[tuple[str, str], Classified] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        prefixes = tuple((normalise(prefix), room) for room, paths in self.rooms.items() for prefix in paths)
        object.__setattr__(self, "_prefixes", prefixes)

    def classify(self, method: str, path: str) -> Classified:
        """Return what the request is; `path` is the raw path without the query."""
        known = self._known.get((method, path))
        if known is not None:
            return known
        if len(self._known) >= MAX_KNOWN:
            self._known.clear()
        seen = self._classify(method, path)
        if len(path) <= LONGEST_KNOWN:
            self._known[method, path] = seen
        return seen

    def _classify(self, method: str, path: str) -> Classified:
        request_class = self._class(method, path)
        normal = normalise(path)
        covering = [(len(prefix), room) for prefix, room in self._prefixes if _covers(prefix, normal)]
        return Classified(request_class=request_class, room=max(covering)[1] if covering else None)

    def classify_request(self, method: str, path: str, names: Iterable[str]) -> Classified:
        """Return what the request with fields of these `names` is; one that asks for another method is not express."""
        seen = self.classify(method, path)
        if seen.request_class.express and is_overridden(names):
            return replace(seen, request_class=VISIT)
        return seen

    def _class(self, method: str, path: str) -> RequestClass:
        plain = _plain(path)
        for candidate in self.classes:
            if candidate.methods and method not in candidate.methods:
                continue
            if candidate.express and not plain:
                continue
            if any(fnmatchcase(path, glob) for glob in candidate.paths):
                return candidate
        return VISIT
