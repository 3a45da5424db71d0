"""What a kernel can do in virtual time: bench, and stress."""

from __future__ import annotations

from argparse import ArgumentParser

from .common import add_design, add_json, add_output
from .values import names, whole_number, zero_or_more

BENCH = (
    "A run is that of a small machine for some milliseconds: what compares is the\n"
    "two kernels, not a figure with one of a real machine.  The same seed gives\n"
    "the same table; with a seed's run on the one kernel goes one on the other.\n\n"
    "FILE has one table, or a list of them:\n"
    '  {"title": "AIM9", "columns": ["aim9-vanilla", "fixraces-v5r1"],\n'
    '   "rows": [\n'
    '    {"name": "exec_test", "better": "higher", "values": [226.67, 232.67]}]}\n'
    'A figure that is missing is null.  A table with "simulated": true says so.\n'
    "What --json prints is read as well, of forktree and its like too.\n\n"
    "examples:\n"
    "  kmm bench aim9                          v6 against vanilla\n"
    "  kmm bench kernbench --kernel 2.6.36 --against v4 --runs 2 --wall\n"
    "  kmm bench aim9 --kernel vanilla --design exec-stack=move-vma --plot\n"
    "  kmm bench forktree --answers local-lock,root-order --plot\n"
    "  kmm bench --from letter.json --plot     it is in tests/report/data\n"
    "  kmm bench --from letter.json --svg -o letter.svg\n\n"
    "exit code: 0, whoever gains; 1 if a kernel failed (an answer that fails among\n"
    "others is a row that says so), 2 for bad input, 130 if interrupted, after\n"
    "printing what was done"
)


def add_bench(parser: ArgumentParser) -> None:
    parser.description = (
        "Run benchmarks of the model on two kernels, in virtual time, and print their\n"
        "figures as the letter has them: the baseline's, the other kernel's, and what\n"
        "that one gains in per cent, a loss being negative.  Where lower is better,\n"
        "that is a share of the baseline's figure, where higher is, of the other's.\n"
        "Figures that were given are printed in the same form.\n\n"
        "forktree, execrate and mmap run where designs do differ, on 2.6.34 with each\n"
        "answer to a question in turn, for up to a minute each: migration and reclaim\n"
        "in families of 1 to 1000 processes (rmap-walk), execs (exec-stack), changes\n"
        "of mappings by 1 to 4 threads or processes (rmap-walk).  With --kernel,\n"
        "--against or --design they run on two kernels, as the others do."
    )
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="kernbench, aim9, sysbench, or all for these; forktree, execrate, mmap",
    )
    parser.add_argument(
        "--from",
        dest="given",
        metavar="FILE",
        help="run nothing, print these figures: JSON; - reads standard input",
    )
    add_runs(parser)
    form = parser.add_mutually_exclusive_group()
    add_json(form)
    form.add_argument(
        "--plot", action="store_true", help="draw each table below it too"
    )
    form.add_argument("--svg", action="store_true", help="draw all tables as one SVG")
    add_output(parser)
    parser.epilog = BENCH


def add_runs(parser: ArgumentParser) -> None:
    """What is run, and how often: not for figures that are given."""
    parser.add_argument(
        "--kernel", metavar="NAME", help="see `kmm list kernels` (default: v6)"
    )
    add_design(parser)
    parser.add_argument(
        "--against", metavar="NAME", help="the baseline (default: vanilla)"
    )
    parser.add_argument(
        "--answers",
        type=names,
        metavar="A,B,...",
        help="of forktree, execrate or mmap only these, the first as the baseline",
    )
    parser.add_argument(
        "--runs",
        type=whole_number,
        metavar="N",
        help="of each test, with a seed of its own (default: 4 of kernbench, else 1)",
    )
    parser.add_argument(
        "--seed", type=zero_or_more, metavar="N", help="of the first run (default: 0)"
    )
    parser.add_argument(
        "--costs",
        metavar="FILE",
        help="what things cost, in cycles: TOML, as kmm/workloads/cycles.toml",
    )
    parser.add_argument(
        "--wall",
        action="store_true",
        help="also how long the runs took on this host, which is different each time",
    )


def add_stress(parser: ArgumentParser) -> None:
    from .stress import add_stress  # which needs the model

    add_stress(parser)
