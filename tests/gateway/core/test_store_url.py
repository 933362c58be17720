import pytest

from gateway.core.store_url import StoreAddress, parse_store


@pytest.mark.parametrize("url", ["redis://localhost:6379/0", "rediss://u:p@db:6380", "unix:///run/store.sock"])
def test_one_server_is_passed_on_as_it_is(url: str) -> None:
    """What the client library understands by itself is not touched."""
    assert parse_store(url) == StoreAddress(scheme=url.partition(":")[0], url=url)


def test_sentinels_name_a_service() -> None:
    """All sentinels, the service, and credentials with escaped characters are found."""
    found = parse_store("redis+sentinel://app:s%40fe@one:26379,[::1]:26380/booking")
    assert found.nodes == (("one", 26379), ("::1", 26380))
    assert (found.service, found.user, found.password) == ("booking", "app", "s@fe")


def test_a_cluster_needs_only_nodes() -> None:
    """One node is enough to begin with."""
    assert parse_store("redis+cluster://10.0.0.1:7000").nodes == (("10.0.0.1", 7000),)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mongo://x", "expected redis://"),
        ("redis", "expected redis://"),
        ("redis+sentinel://one:26379", "name of the service"),
        ("redis+cluster://one", "expected HOST:PORT, got 'one'"),
        ("redis+cluster://one:7000,", "expected HOST:PORT, got ''"),
    ],
)
def test_a_wrong_url_is_refused_with_what_was_expected(url: str, said: str) -> None:
    """The message shows the form that would have been right."""
    with pytest.raises(ValueError, match=said.replace("/", "/")):
        parse_store(url)
