"""What `kmm stress` can be told."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError

from ...workloads.stress import PARTS, PAUSE
from ...workloads.triggers import TRIGGERS
from .common import add_design, add_json, add_output
from .values import integer, positive_number, size, whole_number, zero_or_more

LAST = 60  # steps that are drawn


def add_stress(parser: ArgumentParser) -> None:
    parser.description = (
        "The recipe by which the letter breaks a kernel, in virtual time:\n"
        "compilations in a loop; (a) children that fault a mapping, (b) children\n"
        "that punch a hole in it, (c) children that exec echo; (d) more memory set\n"
        "than there is; and compaction all the time."
    )
    add_what(parser)
    add_settings(parser)
    add_how_long(parser)
    add_way_back(parser)
    parser.add_argument(
        "--check",
        action="store_true",
        help="see after each millisecond whether all counts and lists add up (slow)",
    )
    add_form(parser)
    add_output(parser)
    parser.epilog = (
        "examples:\n"
        f"  kmm stress {QUICK}\n"
        f"  kmm stress {QUICK} --last 400 --why\n"
        f"  kmm stress {QUICK} --last 4000 --export perfetto -o end.json\n"
        f"  kmm stress {QUICK} --kernel v6 --duration 0.005\n"
        f"  kmm stress --small --only b,c --table 2 --duration 0.001\n\n"
        "docs/stress.md has settings under which kernels fail, and how soon.\n\n"
        "exit code: 1 if the kernel failed, 0 if it survived, 130 if interrupted"
    )


# Fails within a second of the reader's time, being small.
QUICK = "--small --only c --seed 1"
SMALL_TEXT = (
    "4M in blocks of order 4, mappings of 256K, 8 children, no compilation, a pause of "
    "20 microseconds"
)


def add_what(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--kernel",
        action="append",
        metavar="K",
        help="2.6.34 unless given; several of them for --table",
    )
    add_design(parser)
    parser.add_argument("--costs", metavar="FILE", help="what things cost, as TOML")


def add_settings(parser: ArgumentParser) -> None:
    """Each of these replaces one of the recipe's, or of --small."""
    parser.add_argument("--small", action="store_true", help=f"start from {SMALL_TEXT}")
    parser.add_argument("--memory", type=size, metavar="SIZE", help="of RAM (64M)")
    parser.add_argument(
        "--mapping",
        type=size,
        metavar="SIZE",
        help="what a, b and c map (24M, but at most a tenth of memory)",
    )
    parser.add_argument("--cpus", type=whole_number, metavar="N", help="how many (4)")
    parser.add_argument(
        "--children",
        type=whole_number,
        metavar="N",
        help="of each of a, b and c (100)",
    )
    parser.add_argument(
        "--holes", type=whole_number, metavar="N", help="that each child of b's has (1)"
    )
    add_programs(parser)


def add_programs(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--jobs",
        type=zero_or_more,
        metavar="N",
        help="compilers at a time (4); 0 is no compilation",
    )
    parser.add_argument(
        "--only", type=parts, metavar="a,b,c,d", help="which of the four (all)"
    )
    parser.add_argument(
        "--trigger", choices=TRIGGERS, help="what moves memory (compaction)"
    )
    parser.add_argument(
        "--pause",
        type=zero_or_above,
        metavar="S",
        help=f"seconds between one time and the next ({PAUSE}); 0 is the letter's own",
    )
    parser.add_argument(
        "--block-order",
        type=block_order,
        metavar="N",
        help="of a pageblock (9), by which compaction and hot-remove go",
    )


def add_how_long(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--duration",
        type=positive_number,
        default=10.0,
        metavar="S",
        help="seconds of virtual time (10)",
    )
    parser.add_argument(
        "--seed", type=integer, metavar="N", help="of what is chance (0)"
    )
    parser.add_argument(
        "--table",
        type=whole_number,
        metavar="SEEDS",
        help="virtual time to the first failure, for the seeds 0 to SEEDS-1",
    )
    parser.add_argument(
        "--workers",
        type=whole_number,
        metavar="N",
        help="processes that work out the table (default: one for each CPU)",
    )


def add_way_back(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--last",
        type=whole_number,
        nargs="?",
        const=LAST,
        metavar="N",
        help=f"run it twice, and draw the last N steps ({LAST}), a lane a CPU",
    )
    parser.add_argument(
        "--why", action="store_true", help="of these, draw only those that matter"
    )


def add_form(parser: ArgumentParser) -> None:
    form = parser.add_mutually_exclusive_group()
    add_json(form)
    form.add_argument(
        "--export",
        choices=("perfetto",),
        metavar="FORMAT",
        help="the steps of --last for another program: perfetto, in virtual time (see "
        "docs/exports.md)",
    )


# Words.


def parts(text: str) -> str:
    """Which of a, b, c and d, in their order."""
    letters = text.replace(",", "")
    if not letters or set(letters) - set(PARTS):
        raise ArgumentTypeError(f"{text[:40]!r} is not of {','.join(PARTS)}")
    return "".join(letter for letter in PARTS if letter in letters)


def zero_or_above(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise ArgumentTypeError(f"{text[:40]!r} is not a number from 0 on")
    return value


def block_order(text: str) -> int:
    value = zero_or_more(text)
    if not 1 <= value <= 10:
        raise ArgumentTypeError(f"{text[:40]!r} is not a number from 1 to 10")
    return value
