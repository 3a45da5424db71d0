"""What there is, and how it compares: list, diff, matrix and cost."""

from __future__ import annotations

import argparse

from .common import add_budget, add_json, add_output, add_workers
from .values import whole_number


def add_list(parser: argparse.ArgumentParser) -> None:
    from ...report.listing import KINDS

    parser.description = "What there is; with -v, what is known about each."
    parser.add_argument(
        "kind",
        nargs="?",
        choices=KINDS,
        metavar="KIND",
        help=f"one of {', '.join(KINDS)}",
    )
    add_json(parser)
    parser.epilog = (
        "examples:\n"
        "  kmm list\n"
        "  kmm list designs -v     who proposed each, what it closes and costs\n\n"
        "exit code: 0"
    )


def add_diff(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "The functions in which two kernels or two designs differ, whole, with - \n"
        "before the lines of the first and + before those of the second."
    )
    parser.add_argument("a", metavar="A", help="a kernel, or a design")
    parser.add_argument("b", metavar="B", help="another")
    add_json(parser)
    parser.epilog = (
        "examples:\n"
        "  kmm diff vanilla v6\n"
        "  kmm diff temporary-vma skip-temporary -v     with their stories\n\n"
        "exit code: 0"
    )


def add_matrix(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Search every race on every kernel, to a failure or to a proof, and print\n"
        "the table.  Cells that are known from before, of the same model, are not\n"
        "searched again; how many those are is said below the table."
    )
    for name, what in (("race", "races"), ("kernel", "kernels")):
        parser.add_argument(
            f"--{name}",
            action="append",
            metavar="NAME",
            help=f"only this one (may be repeated); see `kmm list {what}`",
        )
    add_budget(parser, "leave a cell open", " (default: 200,000)")
    add_workers(parser, "search (default: one for each CPU)")
    known = parser.add_mutually_exclusive_group()
    known.add_argument(
        "--no-cache", action="store_true", help="neither use nor keep what is known"
    )
    known.add_argument(
        "--fresh", action="store_true", help="search all cells, and keep the result"
    )
    form = parser.add_mutually_exclusive_group()
    add_json(form)
    form.add_argument("--markdown", action="store_true", help="a table for a document")
    add_output(parser)
    parser.epilog = (
        "examples:\n"
        "  kmm matrix\n"
        "  kmm matrix --race boundary-shift-child --kernel v6 --kernel 2.6.36\n\n"
        "exit code: 0 if the table is complete, 130 if interrupted"
    )


def add_cost(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Count what each answer to a question costs: for rmap-walk, locks taken and\n"
        "VMAs visited as a family of processes grows; for exec-stack, steps, locks\n"
        "and structures in one exec.  Everything is counted, nothing is timed."
    )
    parser.add_argument(
        "question",
        nargs="?",
        choices=("rmap-walk", "exec-stack"),
        metavar="QUESTION",
        help="rmap-walk or exec-stack (default: both)",
    )
    parser.add_argument(
        "--most",
        type=whole_number,
        default=1000,
        metavar="N",
        help="the largest family, in processes (default: %(default)s)",
    )
    parser.add_argument("--plot", action="store_true", help="draw bars too")
    add_json(parser)
    parser.epilog = (
        "examples:\n"
        "  kmm cost exec-stack\n"
        "  kmm cost rmap-walk --most 100 --plot\n\n"
        "exit code: 0"
    )
