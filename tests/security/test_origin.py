"""Nodes can refuse what has not come through the gateway: a signed field that nobody else can write."""

import os
import re
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import ConfigError
from gateway.loops.nodes import Prober
from gateway.proxy.forward import Forwarder
from gateway.secrets_file import load_origin_secret
from tests.security.conftest import Entrance
from tests.security.test_routes import SPELLINGS

GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "close-the-nodes.md"
SECRET = b"a shared secret of enough characters"


def guide() -> Any:
    """The function that the guide gives to nodes."""
    names: dict[str, Any] = {}
    (code,) = re.findall(r"^```python\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.M | re.S)
    exec(code, names)
    return names["is_from_gateway"]


is_from_gateway = guide()


def accepts(entrance: Entrance) -> bool:
    """What a node does by the guide: the field is there once, and it fits the request line as it came."""
    fields = entrance.backend.fields_of("Talon-Gateway")
    method, target, _ = entrance.backend.asked[-1].decode().split(" ", 2)
    return len(fields) == 1 and is_from_gateway(SECRET, fields[0], method, target)


@pytest.fixture
def proving(free: Entrance) -> Entrance:
    free.site.upstream.upstream.origin_secret = SECRET  # type: ignore[attr-defined]
    return free


async def test_every_forwarded_request_is_proved(proving: Entrance) -> None:
    """With a pass, without a room, express, with any method and however the target is written."""
    admission = await proving.admitted()
    for target in ("/booking", "/about", "/style.css", "/about?", "/about?a=%20b#c", *SPELLINGS):
        for method in ("GET", "HEAD", "POST", "OPTIONS"):
            answer = await proving.ask(target, f"Talon-Pass: {admission}", method=method)
            assert (answer.status, accepts(proving)) == (200, True), (method, target)


async def test_a_visitor_cannot_bring_a_proof(free: Entrance) -> None:
    """The field is taken out in every spelling, with and without a secret; only the gateway's own is left."""
    forged = ["Talon-Gateway: 1.00", "TALON-GATEWAY: 1.00", "Talon_Gateway: 1.00", "talon-gateway: 1.00"]
    for line in forged:
        await free.ask("/about", line)
        assert b"1.00" not in free.backend.asked[-1]
    free.site.upstream.upstream.origin_secret = SECRET  # type: ignore[attr-defined]
    await free.ask("/about", *forged)
    assert b"1.00" not in free.backend.asked[-1]
    assert accepts(free)


async def test_health_checks_are_proved_too(proving: Entrance) -> None:
    """A node that refuses all without a proof is found in health by the gateway."""
    forwarder = proving.site.upstream
    assert isinstance(forwarder, Forwarder)
    prober = Prober(forwarder.pools["primary"], forwarder.upstream.proof)
    await prober.check()
    await prober.close()
    assert accepts(proving)


async def test_a_proof_of_one_request_is_none_of_another(proving: Entrance) -> None:
    """What a node has once received cannot be sent with another target or method."""
    await proving.ask("/about")
    seen = proving.backend.asked[-1]
    proving.backend.asked[-1] = seen.replace(b"GET /about ", b"GET /booking ")
    assert not accepts(proving)
    proving.backend.asked[-1] = seen.replace(b"GET /about ", b"POST /about ")
    assert not accepts(proving)


@pytest.mark.parametrize("field", ["", "x", "1.2", "99999999999.00", "-1.00", "\u0661.00", "1" * 5000])
def test_what_is_no_proof_is_refused(field: str) -> None:
    """The function of the guide says no to rubbish and to times of elsewhere, and never fails."""
    assert is_from_gateway(SECRET, field, "GET", "/about") is False


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [("short", 0o600, "at least 32 characters"), ("x" * 40, 0o644, "others may read it"), (None, 0, "cannot be read")],
)
def test_a_secret_that_is_none_is_refused(tmp_path: Path, content: str | None, mode: int, said: str) -> None:
    """Too short, readable by others, or not there: each is said, and nothing is made up."""
    path = tmp_path / "origin.secret"
    if content is not None:
        path.write_text(content)
        os.chmod(path, mode)
    with pytest.raises(ConfigError, match=said):
        load_origin_secret(path)


def test_white_space_around_the_secret_does_not_count(tmp_path: Path) -> None:
    """The line end that editors put there is no part of it; without a file there is no secret."""
    path = tmp_path / "origin.secret"
    path.write_bytes(SECRET + b"\n")
    os.chmod(path, 0o600)
    assert load_origin_secret(path) == SECRET
    assert load_origin_secret(None) is None
