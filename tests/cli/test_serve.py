from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cli.running import COMMAND, ROOT, kmm, refused

pytest.importorskip("textual_serve")

from aiohttp import (
    ClientSession,
    ClientWebSocketResponse,
    WSMsgType,
    WSServerHandshakeError,
)

from kmm.cli.serve import is_loopback

pytestmark = pytest.mark.slow

PATIENCE = 60  # seconds, for a process to start on a machine that is busy
Visit = Callable[[str, ClientSession], Awaitable[None]]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    server = subprocess.Popen(
        [*COMMAND, "serve", "--port", str(free_port()), *options],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    try:
        yield server.stdout.readline().strip(), server
    finally:
        server.terminate()
        server.stdout.close()
        server.wait(PATIENCE)


def visit(url: str, what: Visit) -> None:
    async def run() -> None:
        async with ClientSession() as browser:
            await once_it_listens(url, browser)
            await what(url, browser)

    asyncio.run(run())


async def once_it_listens(url: str, browser: ClientSession) -> None:
    for _ in range(PATIENCE * 10):
        try:
            async with browser.get(url):
                return
        except OSError:
            await asyncio.sleep(0.1)
    pytest.fail("it does not listen")


async def connect(url: str, browser: ClientSession) -> ClientWebSocketResponse:
    address = f"{url}/ws?width=80&height=24"
    return await browser.ws_connect(address, headers={"Origin": url})


async def shows(page: ClientWebSocketResponse, wanted: bytes) -> bool:
    """Whether a page comes to show something."""
    shown = b""
    while wanted not in shown:
        message = await page.receive(PATIENCE)
        if message.type is not WSMsgType.BINARY:
            return False
        shown += message.data
    return True


def test_a_page_shows_the_screen_and_nothing_is_left_behind(tmp_path: Path) -> None:
    async def one(url: str, browser: ClientSession) -> None:
        page = await connect(url, browser)
        assert await shows(page, b"how memory moves")
        assert [*tmp_path.glob("kmm-serve-*/*")]
        await page.close()
        for _ in range(PATIENCE * 10):
            if not [*tmp_path.glob("kmm-serve-*/*")]:
                return
            await asyncio.sleep(0.1)
        pytest.fail("the folder of a page that was closed is still there")

    with serving(tmp_path) as (url, server):
        visit(url, one)
        server.send_signal(signal.SIGINT)
        assert server.wait(PATIENCE) == 130
    assert not [*tmp_path.iterdir()]


def test_no_more_pages_are_open_than_there_are_places(tmp_path: Path) -> None:
    async def two(url: str, browser: ClientSession) -> None:
        await connect(url, browser)
        with pytest.raises(WSServerHandshakeError, match="503"):
            await connect(url, browser)
        async with browser.get(url) as late:
            assert (late.status, "come back" in await late.text()) == (503, True)

    with serving(tmp_path, "--sessions", "1") as (url, _):
        visit(url, two)


def test_a_page_is_closed_when_its_time_is_over(tmp_path: Path) -> None:
    async def one(url: str, browser: ClientSession) -> None:
        assert not await shows(await connect(url, browser), b"this is never shown")

    with serving(tmp_path, "--minutes", "0.02") as (url, _):
        visit(url, one)


def test_pages_of_others_cannot_connect_and_ours_ask_nobody_else(
    tmp_path: Path,
) -> None:
    async def three(url: str, browser: ClientSession) -> None:
        for origin in ("http://example.org", url.replace("http", "https"), ""):
            with pytest.raises(WSServerHandshakeError, match="403"):
                await browser.ws_connect(f"{url}/ws", headers={"Origin": origin})
        async with browser.get(url) as page:
            assert "default-src 'self'" in page.headers["Content-Security-Policy"]

    with serving(tmp_path) as (url, _):
        visit(url, three)


@pytest.mark.parametrize(
    ("host", "alone"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("192.0.2.1", False),
        ("example.org", False),
    ],
)
def test_it_warns_where_others_can_reach_it(host: str, *, alone: bool) -> None:
    assert is_loopback(host) is alone


def test_a_port_that_is_taken_is_one_line() -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen()
        ran = kmm("serve", "--port", str(one.getsockname()[1]))
    assert refused(ran, "cannot listen at 127.0.0.1")
