"""`kmm bench`: two kernels side by side, in the form of the letter's tables."""

from __future__ import annotations

import json
import os
from argparse import Namespace
from typing import Any

from ..conform.recorded import NotRecorded, parse, read_bytes, unpack
from ..report.bench import NotATable, Table, table_json, table_text, tables_in
from ..report.bench_plot import plot_text
from ..report.bench_svg import plots_svg
from .bench_runs import Shown, run_benchmarks
from .exits import OK, Usage
from .output import USUAL, check_output, deliver, text_width


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
