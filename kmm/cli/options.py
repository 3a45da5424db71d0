"""The options of each command, and their examples."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from ..report.export import EXPORTS
from ..report.listing import KINDS

Parser = argparse.ArgumentParser


def add_options(command: str, parser: Parser) -> None:
    """Give `parser` the arguments of a command."""
    ADD[command](parser)


def add_list(parser: Parser) -> None:
    parser.add_argument(
        "kind",
        nargs="?",
        choices=KINDS,
        metavar="KIND",
        help=f"one of {', '.join(KINDS)}",
    )
    add_json(parser)
    parser.epilog = "example: kmm list designs"


def add_run(parser: Parser) -> None:
    add_race(parser)
    add_strategy(parser, ("round-robin", "random"))
    add_json(parser)
    add_output(parser)
    parser.epilog = (
        "example: kmm run exec-stack --kernel v6 --strategy random --seed 3\n"
        "exit code: 1 if the run failed, else 0"
    )


def add_hunt(parser: Parser) -> None:
    add_race(parser)
    add_strategy(parser, ("dpor", "random", "enumeration"))
    add_budget(parser)
    add_json(parser)
    add_output(parser)
    parser.epilog = (
        "example: kmm hunt exec-stack --kernel vanilla\n"
        "exit code: 1 if a run failed, else 0"
    )


def add_prove(parser: Parser) -> None:
    add_race(parser)
    add_strategy(parser, ("dpor", "enumeration"))
    add_budget(parser)
    add_json(parser)
    add_output(parser)
    parser.epilog = (
        "example: kmm prove exec-stack --kernel v6\n"
        "exit code: 1 if a run failed, else 0; only the word `proved` means proved"
    )


def add_replay(parser: Parser) -> None:
    parser.add_argument(
        "schedule",
        metavar="SCHEDULE|FILE",
        help="as `hunt` prints it, or a file with it",
    )
    parser.add_argument(
        "--step", action="store_true", help="print every step, a line each"
    )
    parser.add_argument(
        "--export", choices=EXPORTS, metavar="FORMAT", help=f"{', '.join(EXPORTS)}"
    )
    add_json(parser)
    add_output(parser)
    parser.epilog = (
        "example: kmm replay witness.json --export mermaid -o race.mmd\n"
        "exit code: 1 if the run fails, as it did; 2 if the schedule does not fit"
    )


def add_diff(parser: Parser) -> None:
    parser.add_argument("a", metavar="A", help="a kernel, or a design")
    parser.add_argument("b", metavar="B", help="another")
    add_json(parser)
    parser.epilog = (
        "examples:\n  kmm diff vanilla v6\n  kmm diff temporary-vma skip-temporary"
    )


def add_race(parser: Parser) -> None:
    parser.add_argument("race", metavar="RACE", help="see `kmm list races`")
    parser.add_argument(
        "--kernel",
        default="2.6.34",
        metavar="NAME",
        help="see `kmm list kernels` (default: %(default)s)",
    )
    parser.add_argument(
        "--design",
        action="append",
        default=[],
        metavar="QUESTION=ANSWER",
        help="replace the kernel's answer to one question; see `kmm list designs`",
    )


def add_strategy(parser: Parser, names: tuple[str, ...]) -> None:
    parser.add_argument(
        "--strategy",
        default=names[0],
        choices=names,
        metavar="NAME",
        help=f"{', '.join(names)} (default: %(default)s)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of --strategy random"
    )


def add_budget(parser: Parser) -> None:
    parser.add_argument(
        "--budget", type=positive(int), metavar="N", help="stop after N executions"
    )
    parser.add_argument(
        "--seconds", type=positive(float), metavar="S", help="stop after S seconds"
    )


def add_json(parser: Parser) -> None:
    parser.add_argument("--json", action="store_true", help="report as JSON")


def add_output(parser: Parser) -> None:
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="write there instead of standard output"
    )


def positive(convert: Callable[[str], float]) -> Callable[[str], float]:
    """A number above 0, for argparse."""

    def number(text: str) -> float:
        value = convert(text)
        if not value > 0:
            raise argparse.ArgumentTypeError(f"{text} is not above 0")
        return value

    number.__name__ = "positive number"
    return number


ADD: dict[str, Callable[[Parser], None]] = {
    "list": add_list,
    "run": add_run,
    "hunt": add_hunt,
    "prove": add_prove,
    "replay": add_replay,
    "diff": add_diff,
}
