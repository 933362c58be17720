"""Who comes: lane and person of somebody who may get a new place, looked up when that happens and not before."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from gateway.core.address import is_trusted
from gateway.core.identity import IdentityInvalid, person_key
from gateway.core.keyring import KeyRing
from gateway.core.lane_rules import LaneFacts, choose_lane, is_again
from gateway.core.ticket import Ticket
from gateway.settings import Settings
from gateway.telemetry.metrics import Metrics
from gateway.web.identities import Fields, Found, Identities, single


@dataclass(frozen=True, slots=True, kw_only=True)
class Arriving:
    """The lane of a new place, the rule that gave it, and the person as the store knows it, empty for nobody known.

    `region` is the person's, empty when nobody names it.
    """

    lane: str
    rule: str
    person: bytes = b""
    region: str = ""


class Comer(Protocol):
    """Somebody who may get a new place."""

    def arriving(self, unlucky: Ticket | None = None) -> Arriving:
        """Return the lane and person of a new place; `unlucky` is a ticket of theirs that let nobody in."""
        ...

    def home(self) -> str:
        """Return the region of the person, empty when nobody names it, in a way that can be believed."""
        ...


@dataclass(slots=True, kw_only=True)
class Newcomer:
    """One request's sender; a request of no class, as in the ticket API, fits no rule by class.

    `lane` is theirs when nothing gives another, instead of the room's default.
    """

    room: str
    fields: Fields
    remote: str
    settings: Settings
    identities: Identities
    keys: KeyRing
    now: float
    request_class: str = ""
    lane: str = ""
    note: Callable[[Found], None] = lambda found: None
    _found: Found | None = field(default=None, init=False)

    def found(self) -> Found:
        """The identity of the request, looked for once."""
        if self._found is None:
            self._found = self.identities.find(self.fields, self.now)
            self.note(self._found)
        return self._found

    def person(self) -> bytes:
        """The person as the store knows it; empty without a subject."""
        subject = self.found().identity.subject
        return person_key(self.keys, self.room, subject) if subject else b""

    def region(self) -> str:
        """The region that the portal or a trusted proxy names; empty when none does."""
        return self.found().identity.region or self._said_by_proxy(self.settings.identity.region_header)

    def home(self) -> str:
        """The same for who has a place already: an identity that is no longer valid costs nobody their turn."""
        try:
            return self.region()
        except IdentityInvalid:
            return ""

    def arriving(self, unlucky: Ticket | None = None) -> Arriving:
        """Return the lane and person of a new place; `unlucky` is a ticket of theirs that let nobody in."""
        rules = self.settings.rooms[self.room]
        again = unlucky is not None and is_again(unlucky, self.now)
        identity = self.found().identity
        facts = LaneFacts(
            identity=identity,
            request_class=self.request_class,
            region=self.region(),
            named=self._said_by_proxy(rules.lane_header),
            again=again,
        )
        lane, rule = choose_lane(rules.lanes, self._default(), rules.lane_rules, facts)
        person = self.person()
        if again and not person and unlucky is not None:
            # Shown on ten devices, one ticket of yesterday is still one place.
            person = person_key(self.keys, self.room, unlucky.visit, "again")
        return Arriving(lane=lane, rule=rule, person=person, region=facts.region)

    def _default(self) -> str:
        rules = self.settings.rooms[self.room]
        return self.lane if self.lane in rules.lanes else rules.lane

    def _said_by_proxy(self, name: str) -> str:
        """Return a field that only a trusted proxy may write; one that adds it beside the visitor's leaves two."""
        if not name or not is_trusted(self.remote, self.settings.proxy.trusted_proxies):
            return ""
        try:
            return single(self.fields, name)
        except IdentityInvalid:
            return ""


def claims_in(settings: Settings) -> frozenset[str]:
    """Return the names of claims that any room's rules ask for."""
    return frozenset(name for room in settings.rooms.values() for rule in room.lane_rules for name in rule.claim)


def count_into(metrics: Metrics) -> Callable[[Found], None]:
    """Return what counts the result of looking for an identity."""

    def note(found: Found) -> None:
        for source, result in found.results:
            metrics.identities.labels(source, result.value).inc()

    return note
