"""Finding the identity in a request: from the JWT, else from the signed field.

Verified tokens are remembered by their text (bounded, least recently used goes); their time is checked on every use.
A field or cookie that is given twice says nothing: whoever added the second one cannot be told from the portal.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from multidict import CIMultiDict, CIMultiDictProxy

from gateway.core import portal_jwt, signed_header
from gateway.core.identity import NOBODY, Identity, IdentityInvalid, IdentityResult, identity_of
from gateway.core.identity_policy import IdentityPolicy
from gateway.core.portal_jwt import Verified
from gateway.identity_keys import IdentityKeys

MAX_CACHED = 20_000
Fields = CIMultiDict[str] | CIMultiDictProxy[str]
Source = Literal["jwt", "signed_header"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The identity of a request, and what became of each source that is configured."""

    identity: Identity
    results: tuple[tuple[Source, IdentityResult], ...] = ()


@dataclass(slots=True)
class Identities:
    """Owns the keys and the memory of verified tokens; `claims` are the names that rules ask for."""

    policy: IdentityPolicy
    keys: IdentityKeys = field(default_factory=IdentityKeys)
    claims: frozenset[str] = frozenset()
    _verified: OrderedDict[str, Verified] = field(default_factory=OrderedDict)

    def take(self, policy: IdentityPolicy, keys: IdentityKeys, claims: frozenset[str]) -> None:
        """Follow another policy from now on; what the old keys have verified is verified anew."""
        self.policy, self.keys, self.claims = policy, keys, claims
        self._verified.clear()

    def find(self, fields: Fields, now: float) -> Found:
        """Return the identity of a request at `now`, NOBODY when it has none."""
        results: list[tuple[Source, IdentityResult]] = []
        for source in self._sources():
            try:
                identity = self._jwt(fields, now) if source == "jwt" else self._signed_header(fields, now)
            except IdentityInvalid as invalid:
                results.append((source, invalid.result))
                continue
            return Found(identity=identity, results=(*results, (source, IdentityResult.KNOWN)))
        return Found(identity=NOBODY, results=tuple(results))

    def _sources(self) -> Iterator[Source]:
        if self.keys.jwt:
            yield "jwt"
        if self.keys.signed_header:
            yield "signed_header"

    def _jwt(self, fields: Fields, now: float) -> Identity:
        policy = self.policy.jwt
        token = _bearer(single(fields, policy.header)) if policy.header else ""
        token = token or (_cookie(fields, policy.cookie) if policy.cookie else "")
        if not token:
            raise IdentityInvalid(IdentityResult.ABSENT)
        verified = self._verified.get(token)
        if verified is None:
            verified = portal_jwt.verify(token, self.keys.jwt, policy)
            verified.check(now, policy.leeway)
            self._verified[token] = verified
            if len(self._verified) > MAX_CACHED:
                self._verified.popitem(last=False)
        else:
            self._verified.move_to_end(token)
            verified.check(now, policy.leeway)
        names = {"subject": policy.subject, "lane": policy.lane, "region": policy.region}
        return identity_of(verified.claims, **names, rules=self.claims)

    def _signed_header(self, fields: Fields, now: float) -> Identity:
        policy = self.policy.signed_header
        text = single(fields, policy.header)
        if not text:
            raise IdentityInvalid(IdentityResult.ABSENT)
        said = signed_header.verify(text, self.keys.signed_header, now, policy.max_age)
        return identity_of(said, subject="sub", lane="lane", region="region", rules=self.claims)


def single(fields: Fields, name: str) -> str:
    """Return a field that stands there once, "" when it is not there; raises IdentityInvalid for more."""
    values = fields.getall(name, [])
    if len(values) > 1:
        raise IdentityInvalid(IdentityResult.TWICE)
    return values[0].strip() if values else ""


def _bearer(value: str) -> str:
    scheme, space, token = value.partition(" ")
    if not space:
        return value
    # Another scheme is between the visitor and the backend, and no identity of ours.
    return token.strip() if scheme.lower() == "bearer" else ""


def _cookie(fields: Fields, name: str) -> str:
    pairs = (pair.partition("=") for line in fields.getall("Cookie", []) for pair in line.split(";"))
    values = [value.strip().strip('"') for cookie, equals, value in pairs if equals and cookie.strip() == name]
    if len(values) > 1:
        raise IdentityInvalid(IdentityResult.TWICE)
    return values[0] if values else ""
