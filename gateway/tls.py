"""TLS contexts: for visitors, whose certificates are read again at each reload, and for nodes."""

import ssl
from collections.abc import Mapping

from gateway.errors import ConfigError
from gateway.sections import NodeTls, PoolSettings, TlsSettings

CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""With TLS 1.2: forward secrecy and authenticated encryption only. TLS 1.3 has nothing else."""


def visitors_context(rules: TlsSettings) -> ssl.SSLContext | None:
    """Return the context for `listen`, None where visitors come without TLS; raises ConfigError."""
    if rules.certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3 if rules.minimum == "1.3" else ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.set_alpn_protocols(["http/1.1"])
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    load_certificate(context, rules)
    return context


def load_certificate(context: ssl.SSLContext, rules: TlsSettings) -> None:
    """Let connections from now on use the certificate in the files; raises ConfigError, and nothing changes."""
    assert rules.certificate is not None
    try:
        # A pair that does not fit together would half replace the one in use: it is tried on its own first.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(rules.certificate, rules.key)
        context.load_cert_chain(rules.certificate, rules.key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"tls.certificate: {rules.certificate} cannot be used: {_said(error)}") from error


def node_contexts(pools: Mapping[str, PoolSettings]) -> dict[str, ssl.SSLContext]:
    """Return the context of each pool with nodes whose URLs are https, by its name; raises ConfigError."""
    return {
        name: _node_context(name, pool.tls)
        for name, pool in pools.items()
        if any(node.startswith("https:") for node in pool.nodes)
    }


def _node_context(pool: str, rules: NodeTls) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=rules.ca)
        if rules.certificate is not None:
            context.load_cert_chain(rules.certificate, rules.key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"pools.{pool}.tls: {_said(error)}") from error
    if not rules.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    return context


def _said(error: OSError | ssl.SSLError) -> str:
    return error.strerror or str(error)
