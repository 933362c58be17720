"""Where to listen: addresses, sockets that were handed down, and what is said when that cannot be."""

import socket
from pathlib import Path

import pytest

from gateway.errors import ConfigError
from gateway.listening import open_socket, shown


@pytest.mark.parametrize("address", ["127.0.0.1:0", "localhost:0"])
def test_an_address_is_bound(address: str) -> None:
    """A name means its IPv4 address, where it has one."""
    with open_socket("listen", address) as sock:
        assert sock.family == socket.AF_INET
        assert shown(sock).startswith("127.0.0.1:")


def test_an_address_in_use_is_named() -> None:
    """With what to do about it."""
    with open_socket("listen", "127.0.0.1:0") as sock:
        sock.listen()
        with pytest.raises(ConfigError, match=f"listen: {shown(sock)} is in use; stop what listens there"):
            open_socket("listen", shown(sock))


def test_a_shared_address_may_be_bound_by_each_worker() -> None:
    """The kernel spreads connections over them."""
    with (
        open_socket("listen", "127.0.0.1:0", shared=True) as one,
        open_socket("listen", shown(one), shared=True) as two,
    ):
        assert shown(one) == shown(two)


def test_a_unix_socket_that_was_left_behind_is_replaced(tmp_path: Path) -> None:
    """One that somebody listens at is not."""
    address = f"unix:{tmp_path / 'x.sock'}"
    open_socket("listen", address).close()
    with open_socket("listen", address) as sock:
        assert shown(sock) == address
        assert (tmp_path / "x.sock").stat().st_mode & 0o777 == 0o660
        sock.listen()
        with pytest.raises(ConfigError, match="is in use"):
            open_socket("listen", address)


def test_sockets_of_systemd_are_counted() -> None:
    """A number that was not handed down is named."""
    with pytest.raises(ConfigError, match="handed down 1 sockets; number 2 was asked for"):
        open_socket("listen", "systemd:2", environ={"LISTEN_FDS": "1"})
    with pytest.raises(ConfigError, match="handed down 0 sockets"):
        open_socket("listen", "systemd", environ={})


def test_an_address_that_is_not_ours_is_told() -> None:
    """The system's own words stand behind the key."""
    with pytest.raises(ConfigError, match=r"listen: cannot listen on 192\.0\.2\.1:80"):
        open_socket("listen", "192.0.2.1:80")
