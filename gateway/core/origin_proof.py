"""Proof to a node that a request has come through the gateway: `Talon-Gateway: TIME.SIGNATURE`.

TIME is in whole seconds since 1970, SIGNATURE the HMAC-SHA256, in hex, of `TIME\\nMETHOD\\nTARGET` with the secret that
gateway and node share; TARGET is path and query as the node gets them. A proof that leaks opens one target for as long
as the node accepts its time.
"""

import hmac

FIELD = "Talon-Gateway"
SHORTEST_SECRET = 32


def prove(secret: bytes, now: float, method: str, target: str) -> str:
    """Return the value of the field for a request that is sent now."""
    time = int(now)
    digest = hmac.digest(secret, f"{time}\n{method}\n{target}".encode("utf-8", "surrogateescape"), "sha256")
    return f"{time}.{digest.hex()}"
