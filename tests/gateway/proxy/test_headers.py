"""Header fields: what is about one connection stays there, what is ours never reaches the backend."""

from multidict import CIMultiDict

from gateway.proxy.headers import strip_cookies, to_upstream, to_visitor


def raw(fields: tuple[tuple[str, str], ...]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in fields]


def read(lines: list[bytes]) -> CIMultiDict[str]:
    fields = b"".join(lines).decode().split("\r\n")[:-1]
    return CIMultiDict((name, value) for name, _, value in (field.partition(": ") for field in fields))


def sent(*fields: tuple[str, str], trusted: bool = False, host: str = "") -> CIMultiDict[str]:
    passed = to_upstream(raw(fields), peer=b"10.0.0.9", scheme=b"https", request_id=b"r1", trusted=trusted, host=host)
    return read(passed)


def shown(*fields: tuple[str, str]) -> CIMultiDict[str]:
    return read(to_visitor(raw(fields))[0])


def test_hop_by_hop_fields_stay_on_their_connection() -> None:
    """Each field of RFC 9110, 7.6.1 is dropped in both directions, whatever its case."""
    hops = [
        ("connection", "close"),
        ("Keep-Alive", "timeout=5"),
        ("PROXY-AUTHORIZATION", "x"),
        ("TE", "trailers"),
        ("Trailer", "X"),
        ("Transfer-Encoding", "chunked"),
        ("Upgrade", "websocket"),
        ("Proxy-Connection", "keep-alive"),
    ]
    assert set(sent(*hops, ("Accept", "*/*"))) == {
        "Accept",
        "X-Forwarded-For",
        "X-Forwarded-Proto",
        "X-Request-Id",
        "Via",
    }
    assert list(shown(*hops, ("Server", "x"))) == ["Server"]


def test_fields_named_by_connection_are_dropped() -> None:
    """What `Connection` names goes too, in any of its lines; what the backend relies on cannot be named away."""
    passed = sent(
        ("Connection", "X-One, x-two"),
        ("Connection", "close, X-Three, Content-Length, Cookie, Host"),
        ("X-One", "1"),
        ("X-Two", "2"),
        ("X-Three", "3"),
        ("Content-Length", "5"),
        ("Cookie", "a=b"),
        ("Host", "portal"),
    )
    assert not {"X-One", "X-Two", "X-Three"} & set(passed)
    assert (passed["Content-Length"], passed["Cookie"], passed["Host"]) == ("5", "a=b", "portal")


def test_nobody_brings_the_gateways_own_fields() -> None:
    """`Talon-*` fields of a visitor and the gateway's own cookies do not reach the backend."""
    passed = sent(
        ("Talon-Visit", "end"),
        ("talon-pass", "x"),
        ("TALON-TICKET", "x"),
        ("Cookie", "talon_pass=a; session=s; talon_ticket=b"),
        ("Cookie", "talon_language=ru; talon_auto=on"),
    )
    assert not any(name.lower().startswith("talon") for name in passed)
    assert passed.getall("Cookie") == ["session=s"]


def test_cookies_of_others_are_untouched() -> None:
    """Values with signs of their own, empty values and look-alike names stay as they are."""
    assert strip_cookies(b'a="x=y"; b=; my_talon_pass=1; talon_passx=2; c') == (
        b'a="x=y"; b=; my_talon_pass=1; talon_passx=2; c'
    )
    assert strip_cookies(b"talon_pass=1") == b""
    assert strip_cookies(b"") == b""


def test_forwarding_fields_of_strangers_do_not_count() -> None:
    """An untrusted peer's `X-Forwarded-*` are replaced; a trusted proxy's are continued."""
    fields = (("X-Forwarded-For", "1.2.3.4"), ("X-Forwarded-For", "5.6.7.8"), ("X-Forwarded-Proto", "http"))
    stranger, proxy = sent(*fields), sent(*fields, trusted=True)
    assert (stranger["X-Forwarded-For"], stranger["X-Forwarded-Proto"]) == ("10.0.0.9", "https")
    assert (proxy["X-Forwarded-For"], proxy["X-Forwarded-Proto"]) == ("1.2.3.4, 5.6.7.8, 10.0.0.9", "http")


def test_every_request_carries_its_number() -> None:
    """The request id is the gateway's own, one only, and `Via` is added to what was there."""
    passed = sent(("X-Request-Id", "forged"), ("Via", "1.0 old"))
    assert passed.getall("X-Request-Id") == ["r1"]
    assert passed.getall("Via") == ["1.0 old", "1.1 talon"]


def test_repeated_fields_of_an_answer_are_kept_in_order() -> None:
    """Two cookies stay two fields; the backend's word to the gateway stays with the gateway."""
    passed = shown(
        ("Set-Cookie", "a=1"),
        ("Set-Cookie", "b=2"),
        ("Link", "<x>"),
        ("Set-Cookie", "a=3"),
        ("Talon-Visit", "end"),
        ("talon-visit", "end"),
    )
    assert passed.getall("Set-Cookie") == ["a=1", "b=2", "a=3"]
    assert set(passed) == {"Set-Cookie", "Link"}
