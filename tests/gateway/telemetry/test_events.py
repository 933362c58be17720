import json

import pytest

from gateway.telemetry.events import event, http_logger


def test_an_event_is_one_line_of_json(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """Name, time and fields stand in one object; what JSON does not know is shown as text."""
    event("node_down", pool="primary", error=ValueError("x"))
    line = json.loads(capfdbinary.readouterr().err)
    assert (line["event"], line["pool"], line["error"]) == ("node_down", "primary", "x")


def test_the_http_server_says_what_failed_without_a_visitors_data(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """An error of the HTTP server is an event with the kind of error: no traceback, no address, no header."""
    http_logger().error("Error handling request from %s", "192.0.2.7", exc_info=ValueError("secret header"))
    said = capfdbinary.readouterr().err
    assert b"192.0.2.7" not in said
    assert b"secret" not in said
    line = json.loads(said)
    assert (line["event"], line["error"]) == ("http_server", "ValueError")
