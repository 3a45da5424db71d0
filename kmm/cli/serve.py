"""`kmm serve`: the screen in browsers, for a class.

docs/security.md says what that exposes.
"""

from __future__ import annotations

import os
import sys
import tempfile
from argparse import Namespace
from ipaddress import ip_address

from .exits import INTERRUPTED, Usage, complain
from .output import deliver


def serve_command(options: Namespace) -> int:
    """Serve until Ctrl-C.  Raises Usage."""
    try:
        from aiohttp import web

        from .pages import Pages
    except ImportError:
        raise Usage(
            "kmm serve needs textual-serve: pip install 'kmm-lab[serve]'"
        ) from None
    host, port = options.host, options.port
    url = options.url or f"http://{host}:{port}"
    with tempfile.TemporaryDirectory(prefix="kmm-serve-") as folder:
        pages = Pages(url, folder, options.sessions, options.minutes * 60)

        def announce(_: str) -> None:
            deliver(f"{url}\n", None)
            sys.stdout.flush()
            if not is_loopback(host):
                complain(f"whoever can reach {host} can use this: there is no password")

        try:
            web.run_app(pages.app(), host=host, port=port, print=announce)
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else str(error)
            raise Usage(f"cannot listen at {host}, port {port}: {why}") from None
    return INTERRUPTED


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
