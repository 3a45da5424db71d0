"""Options that several commands have."""

from __future__ import annotations

import argparse

from .values import positive_number, whole_number


def add_common(parser: argparse.ArgumentParser) -> None:
    """Options that may stand before or after the command."""
    # No default: what was said before the command must not be unsaid after it.
    parser.add_argument(
        "--no-color",
        action="store_true",
        default=argparse.SUPPRESS,
        help="no colours; so does NO_COLOR in the environment",
    )
    parser.add_argument(
        "-q",
        "--quiet",
        action="store_true",
        default=argparse.SUPPRESS,
        help="show no progress",
    )
    parser.add_argument(
        "-v",
        "--verbose",
        action="store_true",
        default=argparse.SUPPRESS,
        help="tell the stories too, and more about a search",
    )


def add_json(parser: argparse._ActionsContainer) -> None:
    parser.add_argument("--json", action="store_true", help="report as JSON")


def add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="write there instead of standard output"
    )


def add_design(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--design",
        action="append",
        default=[],
        metavar="QUESTION=ANSWER",
        help="give the kernel another answer to one question (may be repeated); see "
        "`kmm list designs`",
    )


def add_schedule(parser: argparse.ArgumentParser, nargs: str | None = None) -> None:
    parser.add_argument(
        "schedule",
        nargs=nargs,
        metavar="SCHEDULE|FILE",
        help="as `kmm hunt` prints it, or a file that it wrote; - reads standard input",
    )


def add_budget(
    parser: argparse.ArgumentParser, what: str = "stop", usual: str = ""
) -> None:
    """The limits of a search, at which it is to do `what`; `usual` says the first."""
    parser.add_argument(
        "--budget",
        type=whole_number,
        metavar="N",
        help=f"{what} after N executions{usual}",
    )
    parser.add_argument(
        "--seconds",
        type=positive_number,
        metavar="S",
        help=f"{what} after S seconds",
    )


def add_workers(parser: argparse.ArgumentParser, what: str) -> None:
    """`what` says of the processes what they are for."""
    who = parser.add_mutually_exclusive_group()
    who.add_argument(
        "--workers", type=whole_number, metavar="N", help=f"processes that {what}"
    )
    who.add_argument(
        "--executor",
        metavar="URL",
        help="a scheduler of Dask's whose workers do so: dask://HOST:PORT",
    )
