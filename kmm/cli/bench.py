"""`kmm bench`: two kernels side by side, in the form of the letter's tables."""

from __future__ import annotations

import json
import os
from argparse import Namespace

from ..conform.recorded import NotRecorded, parse, read_bytes, unpack
from ..report.bench import NotATable, Table, table_json, table_text, tables_in
from ..report.bench_plot import plot_text
from ..report.bench_svg import plots_svg
from .exits import OK, Usage
from .output import USUAL, check_output, deliver, text_width


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
