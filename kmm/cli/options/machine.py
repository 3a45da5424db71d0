"""What is around kmm rather than in it: doctor and serve."""

from __future__ import annotations

import argparse

from .common import add_json
from .values import port_number, positive_number, whole_number


def add_doctor(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Versions, what the terminal can do, where files are, what other packages\n"
        "bring; and a line of advice for what is in the way.  Changes nothing."
    )
    add_json(parser)
    parser.epilog = (
        "examples:\n"
        "  kmm doctor\n"
        "  kmm doctor -v           the ids of all keys, too, for config.toml\n"
        "  kmm doctor --json\n\n"
        "exit code: 0; 1 if kmm or a plug-in cannot work so"
    )


def add_serve(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "The screen in a browser, for a class.  Each page that is opened is a process\n"
        "of its own on this machine, and forgets everything when it is closed."
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="the address to listen at (127.0.0.1: this machine only)",
    )
    parser.add_argument(
        "--port", type=port_number, default=8000, metavar="N", help="(8000)"
    )
    parser.add_argument(
        "--url",
        help="where browsers reach it, if that is not http://HOST:PORT",
    )
    parser.add_argument(
        "--sessions",
        type=whole_number,
        default=40,
        metavar="N",
        help="pages at a time; others are told to come later (40)",
    )
    parser.add_argument(
        "--minutes",
        type=positive_number,
        default=180,
        metavar="N",
        help="after which a page is closed (180)",
    )
    parser.epilog = (
        "example:\n"
        "  kmm serve               and open http://127.0.0.1:8000\n"
        "  kmm serve --host 0.0.0.0 --url http://HOST:8000     for a class\n\n"
        "Whoever can reach it can use this machine's processors, and nothing else of\n"
        "it.  There is no password and no encryption: beyond a room that you trust,\n"
        "put it behind a server that has them.  See docs/security.md.\n\n"
        "exit code: 0; 2 if it cannot be started; 130 if stopped by Ctrl-C"
    )
