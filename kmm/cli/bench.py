"""`kmm bench`: two kernels side by side, in the form of the letter's tables."""

from __future__ import annotations

import json
import os
from argparse import Namespace

from ..conform.recorded import NotRecorded, parse, read_bytes, unpack
from ..report.bench import NotATable, Table, objects_in, table_in
from ..report.sheet import Sheet, is_sheet, sheet_in
from .bench_runs import run_benchmarks
from .bench_shown import Shown, svg_of, text_of
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
            "nothing to do: name kernbench, aim9, sysbench or all, forktree, execrate "
            "or mmap, or figures with --from (see kmm bench --help)"
        )
    text = written(options, shown)
    if text:
        deliver(text + "\n", options.output)
    return code


def refuse_runs(options: Namespace) -> None:
    """With figures that are given, nothing is run.  Raises Usage."""
    asked = [*options.names, *options.design]
    others = ("kernel", "against", "answers", "runs", "seed", "costs")
    asked += [name for name in others if getattr(options, name) is not None]
    asked += ["wall"] * options.wall
    if asked:
        raise Usage(
            f"--from prints figures that are given, and runs nothing; "
            f"leave out that or {asked[0]!r}"
        )


def given_tables(file: str) -> list[Table | Sheet]:
    """The tables of a file, `-` being standard input.  Raises Usage."""
    way_out = "see kmm bench --help"
    try:
        document = parse(file, unpack(file, read_bytes(file)))
        return [
            sheet_in(found, where) if is_sheet(found) else table_in(found, where)
            for found, where in objects_in(document)
        ]
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
        found = [one.json for one in shown]
        return json.dumps(found if len(found) != 1 else found[0])
    if options.svg:
        return svg_of(shown)
    width = USUAL if options.output else text_width()
    return text_of(shown, width, plots=options.plot)
