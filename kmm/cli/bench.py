"""`kmm bench`: two kernels side by side, in the form of the letter's tables."""

from __future__ import annotations

import json
import os
from argparse import ArgumentParser, Namespace
from typing import Any

from ..conform.recorded import NotRecorded, parse, read_bytes, unpack
from ..report.bench import NotATable, Table, table_json, table_text, tables_in
from ..report.bench_plot import plot_text
from ..report.bench_svg import plots_svg
from .bench_runs import Shown, run_benchmarks
from .exits import OK, Usage
from .options import add_design, add_json, add_output, whole_number, zero_or_more
from .output import USUAL, check_output, deliver, text_width

EPILOG = (
    "A run is that of a small machine for some milliseconds: what compares is the\n"
    "two kernels, not a figure with one of a real machine.  The same seed gives\n"
    "the same table; with a seed's run on the one kernel goes one on the other.\n\n"
    "FILE has one table, or a list of them:\n"
    '  {"title": "AIM9", "columns": ["aim9-vanilla", "fixraces-v5r1"],\n'
    '   "rows": [\n'
    '    {"name": "exec_test", "better": "higher", "values": [226.67, 232.67]}]}\n'
    'A figure that is missing is null.  A table with "simulated": true says so.\n\n'
    "examples:\n"
    "  kmm bench aim9                          v6 against vanilla\n"
    "  kmm bench kernbench --kernel 2.6.36 --against v4 --runs 2 --wall\n"
    "  kmm bench aim9 --kernel vanilla --design exec-stack=move-vma --plot\n"
    "  kmm bench --from letter.json --plot     it is in tests/report/data\n"
    "  kmm bench --from letter.json --svg -o letter.svg\n\n"
    "exit code: 0, whoever gains; 1 if a kernel failed, 2 for bad input, 130 if\n"
    "interrupted, after printing what was done"
)


def add_bench(parser: ArgumentParser) -> None:
    parser.description = (
        "Run benchmarks of the model on two kernels, in virtual time, and print their\n"
        "figures as the letter has them: the baseline's, the other kernel's, and what\n"
        "that one gains in per cent, a loss being negative.  Where lower is better,\n"
        "that is a share of the baseline's figure, where higher is, of the other's.\n"
        "Figures that were given are printed in the same form."
    )
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="kernbench, aim9, sysbench, or all",
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
    parser.epilog = EPILOG


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


def bench_command(options: Namespace) -> int:
    check_output(options.output)
    code = OK
    if options.given is not None:
        refuse_runs(options)
        shown = [Shown(table) for table in given_tables(options.given)]
    elif options.names:
        shown, code = run_benchmarks(options)
    else:
        raise Usage(
            "nothing to do: name kernbench, aim9, sysbench or all, or figures with "
            "--from (see kmm bench --help)"
        )
    text = written(options, shown)
    if text:
        deliver(text + "\n", options.output)
    return code


def refuse_runs(options: Namespace) -> None:
    """With figures that are given, nothing is run.  Raises Usage."""
    asked = [*options.names, *options.design]
    others = ("kernel", "against", "runs", "seed", "costs")
    asked += [name for name in others if getattr(options, name) is not None]
    asked += ["wall"] * options.wall
    if asked:
        raise Usage(
            f"--from prints figures that are given, and runs nothing; "
            f"leave out that or {asked[0]!r}"
        )


def given_tables(file: str) -> list[Table]:
    """The tables of a file, `-` being standard input.  Raises Usage."""
    way_out = "see kmm bench --help"
    try:
        return tables_in(parse(file, unpack(file, read_bytes(file))))
    except NotATable as error:
        raise Usage(f"{file!r}: {error}; {way_out}") from None
    except NotRecorded as error:
        raise Usage(f"{error}; {way_out}") from None
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise Usage(f"cannot read {file!r}: {why}; {way_out}") from None


def written(options: Namespace, shown: list[Shown]) -> str:
    """All of it in the form that is wanted; "" if there is nothing in that form."""
    if options.json:
        found = [shown_json(one) for one in shown]
        return json.dumps(found if len(found) > 1 else found[0])
    if options.svg:
        tables = [one.table for one in shown if one.table is not None]
        return plots_svg(tables) if tables else ""
    width = USUAL if options.output else text_width()
    blocks = []
    for one in shown:
        if one.table is not None:
            blocks.append(table_text(one.table))
        if one.note:
            blocks.append(one.note)
        if one.table is not None and options.plot:
            blocks.append(plot_text(one.table, width))
    return "\n\n".join(blocks)


def shown_json(one: Shown) -> dict[str, Any]:
    table = {} if one.table is None else table_json(one.table)
    return {**table, **one.more}
