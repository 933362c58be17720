"""The examples of the guide to lanes, loaded and run as they stand there."""

import re
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from gateway.core.signed_header import verify
from gateway.explain import explain_request
from gateway.settings import Settings
from tests.conftest import require

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "choose-lanes.md"
BLOCKS = dict(re.findall(r"^<!-- (.+?) -->\n```\w*\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.M | re.S))
POOLS = {"primary": {"nodes": ["http://127.0.0.1:9001"]}}
KEY = bytes(range(32))


def settings(name: str, **more: object) -> Settings:
    return Settings(**{"pools": POOLS, "rooms": {"booking": {}}, **yaml.safe_load(BLOCKS[f"config: {name}"]), **more})


@pytest.mark.parametrize("name", ["jwt", "signed", "rules"])
def test_configurations_of_the_guide_are_valid(name: str) -> None:
    """Each block is taken by the schema as it stands there."""
    settings(name)


def test_the_shell_signs_what_the_gateway_believes() -> None:
    """The two lines of shell make a field that verifies."""
    command = [require("sh", "dash"), "-eu", "-c", BLOCKS["shell: sign"]]
    done = subprocess.run(command, env={"KEY_HEX": KEY.hex(), "PATH": "/usr/bin:/bin"}, capture_output=True, check=True)
    assert verify(done.stdout.decode().strip(), [KEY], time.time(), 60.0) == {"sub": "12345", "region": "amur"}


def test_the_rules_of_the_guide_do_what_it_says(tmp_path: Path) -> None:
    """With the signed field of the guide a visitor from Amur gets the sooner lane, and a path alone gets none."""
    path = tmp_path / "shared.keys"
    path.write_text(f"k1:{KEY.hex()}")
    path.chmod(0o600)
    rules = settings("rules", identity={"signed_header": {"key_file": str(path)}})
    command = [require("sh", "dash"), "-eu", "-c", BLOCKS["shell: sign"]]
    done = subprocess.run(command, env={"KEY_HEX": KEY.hex(), "PATH": "/usr/bin:/bin"}, capture_output=True, check=True)
    said = explain_request(rules, "GET", "/doctors", [("Talon-Identity", done.stdout.decode().strip())])
    assert (said["lane"], said["rule"], said["person"][:9]) == ("sooner", "lane_rules[2]", "one place")
    plain = explain_request(rules, "GET", "/staff/desk", [])
    assert (plain["class"], plain["lane"], plain["rule"]) == ("staff", "regular", "default_lane")
