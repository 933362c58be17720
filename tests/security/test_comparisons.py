"""Signatures are compared in constant time only: read from the code, since no test can measure it reliably."""

import ast
import inspect
from pathlib import Path

import pytest
from joserfc.jws import JWSRegistry

from gateway.core import (
    entry_slip,
    identity,
    keyring,
    origin_proof,
    passes,
    place_code,
    portal_jwt,
    signed_header,
    signed_text,
    ticket,
)
from gateway.web import identities, tokens

SECRET = ("sign", "mac", "digest", "secret", "key")
"""What a name holds when its value must not be compared character by character."""
HARMLESS = {"keys", "key_id", "signing_id"}
"""Names that look alike and hold no secret."""


def names(node: ast.AST) -> set[str]:
    """The identifiers that an expression mentions."""
    found = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    return found | {n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)}


def careless(source: str) -> list[str]:
    """The comparisons by `==`, `!=` or `in` whose sides mention something secret, lengths aside."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Compare) or not any(isinstance(op, ast.Eq | ast.NotEq | ast.In) for op in node.ops):
            continue
        sides = [
            s for s in (node.left, *node.comparators) if not (isinstance(s, ast.Call) and names(s.func) == {"len"})
        ]
        mentioned = {name for side in sides for name in names(side)} - HARMLESS
        if any(word in name.lower() for name in mentioned for word in SECRET):
            found.append(ast.unparse(node))
    return found


@pytest.mark.parametrize(
    "source",
    [
        "signature == expected",
        "if _sign(a, key) != b: pass",
        "x = mac in known",
        "token.signature != y",
        "a == hmac.digest(k, m, h)",
    ],
)
def test_a_careless_comparison_is_found(source: str) -> None:
    """The check below sees each way of comparing a signature that stops at the first difference."""
    assert careless(source)


@pytest.mark.parametrize(
    "module",
    [
        ticket,
        passes,
        keyring,
        tokens,
        signed_text,
        entry_slip,
        place_code,
        origin_proof,
        identity,
        portal_jwt,
        signed_header,
        identities,
    ],
    ids=lambda module: module.__name__,
)
def test_no_signature_is_compared_carelessly(module: object) -> None:
    """No module that handles tokens compares a signature, digest or key with an operator."""
    assert careless(Path(str(inspect.getsourcefile(module))).read_text(encoding="utf-8")) == []  # type: ignore[arg-type]


def test_signatures_are_compared_in_constant_time() -> None:
    """Tickets and slips use `hmac.compare_digest`; passes leave it to the JWT library, which does so too."""
    assert "hmac.compare_digest(" in inspect.getsource(signed_text.read)
    for module in (ticket, entry_slip):
        assert "read(_VERSION, _USE, token, keys)" in inspect.getsource(module.decode)
    assert "jwt.decode(" in inspect.getsource(passes.decode)
    assert "compare_digest(" in inspect.getsource(type(JWSRegistry.algorithms["HS256"]).verify)
