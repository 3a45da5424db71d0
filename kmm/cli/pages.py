"""The pages of `kmm serve`, and what each may do.

textual-serve does the work: a page draws what a process of its own says, which has a
pipe for a terminal (`visit`).  Here is how many there are at a time, for how long, and
that a page of somebody else's cannot speak to them.
"""

from __future__ import annotations

import asyncio
import shlex
import sys
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from textual_serve.server import Server

GRACE = 60  # seconds for a process to end after its page
FULL = "All places are taken: come back in a while.\n"
# Browsers ask nobody else for anything, whatever a page says.
POLICY = (
    "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; "
    "style-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-inline'; "
    "frame-ancestors 'none'"
)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Pages(Server):
    """At most so many at a time, each for at most so many seconds.

    `url` is where browsers reach them; `folder` is where their processes may write.
    """

    def __init__(self, url: str, folder: str, most: int, seconds: float) -> None:
        visit = shlex.join(
            [sys.executable, "-m", "kmm.cli.visit", folder, str(round(seconds) + GRACE)]
        )
        super().__init__(f"exec {visit}", title="kmm", public_url=url)
        self.most = most
        self.seconds = seconds
        self.open = 0

    async def app(self) -> web.Application:
        app = await self._make_app()
        app.middlewares.append(add_policy)
        app.on_startup.clear()  # it prints a banner
        return app

    async def handle_index(self, request: web.Request) -> Any:
        if self.open >= self.most:
            raise web.HTTPServiceUnavailable(text=FULL)
        return await super().handle_index(request)

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        if not self.is_own(request.headers.get("Origin", "")):
            raise web.HTTPForbidden(text="only pages of this server may connect\n")
        if self.open >= self.most:
            raise web.HTTPServiceUnavailable(text=FULL)
        self.open += 1
        try:
            async with asyncio.timeout(self.seconds):
                return await super().handle_websocket(request)
        finally:
            self.open -= 1

    def is_own(self, origin: str) -> bool:
        """Whether a page comes from here.

        Any page that a browser shows could connect to this machine, if it were let.
        """
        there, here = urlsplit(origin), urlsplit(self.public_url)
        return (there.scheme, there.netloc) == (here.scheme, here.netloc)


@web.middleware
async def add_policy(request: web.Request, handler: Handler) -> web.StreamResponse:
    response = await handler(request)
    if not response.prepared:
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
    return response
