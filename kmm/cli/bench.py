"""`kmm bench`: two kernels side by side, in the form of the letter's tables."""

from __future__ import annotations

import json
import os
from argparse import ArgumentParser, Namespace

from ..conform.recorded import NotRecorded, parse, read_bytes, unpack
from ..report.bench import NotATable, Table, table_json, table_text, tables_in
from ..report.bench_plot import plot_text
from ..report.bench_svg import plots_svg
from .exits import OK, Usage
from .options import add_json, add_output
from .output import USUAL, check_output, deliver, text_width


def add_bench(parser: ArgumentParser) -> None:
    parser.description = (
        "Print figures of two kernels as the letter has them: the baseline's, the\n"
        "patched kernel's, and what is gained in per cent, a loss being negative.\n"
        "Where lower is better, that is a share of the baseline's figure, where\n"
        "higher is better, of the patched kernel's."
    )
    parser.add_argument(
        "--from",
        dest="given",
        required=True,
        metavar="FILE",
        help="figures to print, as JSON; - reads standard input",
    )
    form = parser.add_mutually_exclusive_group()
    add_json(form)
    form.add_argument(
        "--plot", action="store_true", help="draw each table below it too"
    )
    form.add_argument("--svg", action="store_true", help="draw all tables as one SVG")
    add_output(parser)
    parser.epilog = (
        "FILE has one table, or a list of them:\n"
        '  {"title": "AIM9", "columns": ["aim9-vanilla", "fixraces-v5r1"],\n'
        '   "rows": [\n'
        '    {"name": "exec_test", "better": "higher", "values": [226.67, 232.67]}]}\n'
        'A figure that is missing is null.  A table with "simulated": true says so.\n\n'
        "examples:\n"
        "  kmm bench --from letter.json --plot     it is in tests/report/data\n"
        "  kmm bench --from letter.json --svg -o letter.svg\n\n"
        "exit code: 0, whoever gains; 2 for bad input"
    )


def bench_command(options: Namespace) -> int:
    check_output(options.output)
    tables = given_tables(options.given)
    deliver(written(options, tables) + "\n", options.output)
    return OK


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


def written(options: Namespace, tables: list[Table]) -> str:
    if options.json:
        found = [table_json(table) for table in tables]
        return json.dumps(found if len(found) > 1 else found[0])
    if options.svg:
        return plots_svg(tables)
    width = USUAL if options.output else text_width()
    blocks = []
    for table in tables:
        blocks += [table_text(table)] + [plot_text(table, width)] * options.plot
    return "\n\n".join(blocks)
