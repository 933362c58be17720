"""The examples of the guide to the ticket API, run as they stand there."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from tests.conftest import require, until
from tests.gateway.web.conftest import Portal

Start = Callable[..., Any]
GUIDE = Path(__file__).resolve().parents[3] / "docs" / "how-to" / "use-the-ticket-api.md"
BLOCKS = dict(re.findall(r"^<!-- (.+?) -->\n```\w*\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.M | re.S))
ADDRESS = "http://127.0.0.1:8080"
HURRY = {"longest_poll": 1.0, "presence_grace": 60.0}


@asynccontextmanager
async def running(folder: Path, *command: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a command in a folder; it is gone afterwards, whatever happens."""
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(*command, cwd=folder, stdout=pipe, stderr=pipe)
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()


def shell(portal: Portal, name: str) -> tuple[str, ...]:
    """A block of the guide as a command, with this portal's address."""
    require("curl", "curl")
    return (require("sh", "dash"), "-eu", "-c", BLOCKS[f"shell: {name}"].replace(ADDRESS, portal.visitors))


async def ends(child: asyncio.subprocess.Process) -> str:
    """Wait for the child's good end and return what it printed."""
    async with asyncio.timeout(20):
        printed, complaints = await child.communicate()
    assert (child.returncode, complaints.decode()) == (0, "")
    return printed.decode()


async def shows_place(child: asyncio.subprocess.Process) -> str:
    """Wait for the first line, which tells the place."""
    assert child.stdout is not None
    async with asyncio.timeout(20):
        return (await child.stdout.readline()).decode()


async def test_the_python_example_waits_and_goes_in(start: Start, tmp_path: Path) -> None:
    """Run as it stands, it shows its place, waits for its turn and prints what the site answers."""
    portal: Portal = await start(**HURRY)
    await portal.close()
    async with running(tmp_path, sys.executable, "-c", BLOCKS["python"], portal.visitors) as child:
        assert await shows_place(child) == "position 1 in lane regular\n"
        await portal.open()
        assert (await ends(child)).splitlines()[-1] == "200 hello from primary"


async def test_the_python_example_says_what_is_wrong(portal: Portal, tmp_path: Path) -> None:
    """With a room that is not there it ends with the gateway's own sentence."""
    wrong = BLOCKS["python"].replace('wait_for_turn("booking")', 'wait_for_turn("nowhere")')
    assert wrong != BLOCKS["python"]
    async with running(tmp_path, sys.executable, "-c", wrong, portal.visitors) as child:
        _, complaints = await child.communicate()
    assert child.returncode == 1
    assert complaints.decode().startswith("422 no_such_room: room: expected one of ['booking']")


async def test_the_shell_example_waits_and_goes_in(start: Start, tmp_path: Path) -> None:
    """curl and sed do the same."""
    portal: Portal = await start(**HURRY)
    await portal.close()
    async with running(tmp_path, *shell(portal, "tickets")) as child:
        assert await shows_place(child) == "position 1\n"
        await portal.open()
        assert (await ends(child)).endswith("hello from primary")


async def test_the_plain_example_goes_in(start: Start, tmp_path: Path) -> None:
    """curl with a cookie jar, which repeats on 503, needs no API."""
    portal: Portal = await start(**HURRY)
    await portal.close()
    async with running(tmp_path, *shell(portal, "plain")) as child:
        await until(portal.log_lines, 20.0, "curl has asked")
        await portal.open()
        assert (await ends(child)).endswith("hello from primary")


async def test_the_example_of_leaving_leaves(portal: Portal, tmp_path: Path) -> None:
    """With site and ticket set as above, the place is given up."""
    await portal.close()
    async with aiohttp.ClientSession(portal.visitors) as app, app.post("/_talon/tickets") as answer:
        ticket = (await answer.json())["ticket"]
    command = shell(portal, "leave")
    script = f"site={portal.visitors}\nticket={ticket}\n{command[-1]}"
    async with running(tmp_path, *command[:-1], script) as child:
        assert await child.communicate() == (b"", b"")
    await portal.tick()
    assert portal.room.view is not None
    assert (portal.room.view.waiting, portal.room.view.lanes["regular"].leavers) == (0, 1)
