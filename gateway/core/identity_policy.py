"""Where identities come from: the top-level section `identity` of the configuration."""

from dataclasses import dataclass, field

from gateway.core.portal_jwt import JwtPolicy
from gateway.core.signed_header import SignedHeaderPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityPolicy:
    """A JWT, else a signed field; and the field in which a trusted proxy names a visitor's region."""

    jwt: JwtPolicy = field(default_factory=JwtPolicy)
    signed_header: SignedHeaderPolicy = field(default_factory=SignedHeaderPolicy)
    region_header: str = ""
