"""`kmm matrix`: every race on every kernel."""

from __future__ import annotations

import json
from argparse import Namespace
from concurrent.futures import BrokenExecutor

from ..designs import KERNELS, UnknownName, parse_kernel
from ..report.matrix import matrix_json, matrix_markdown, matrix_text
from ..scenarios import RACES, find_race
from ..scenarios.matrix import BUDGET, NOT_RUN, Cell, Store, matrix, usual_folder
from .executors import workers
from .exits import INTERRUPTED, OK, GivenUp, Usage
from .output import USUAL, check_output, deliver, text_width
from .progress import Meter


def matrix_command(options: Namespace) -> int:
    check_output(options.output)
    try:
        races = [find_race(name) for name in options.race or RACES]
        kernels = [parse_kernel(name) for name in options.kernel or KERNELS]
    except UnknownName as error:
        raise Usage(str(error)) from None
    store = None if options.no_cache else Store(usual_folder(), options.fresh)
    with Meter("matrix", None, quiet=options.quiet, unit="cells", rate=False) as meter:

        def progress(done: int, total: int) -> None:
            meter.unit = f"of {total} cells"
            meter.count(done)

        try:
            with workers(options) as executor:
                cells = matrix(
                    races,
                    kernels,
                    budget=options.budget or BUDGET,
                    seconds=options.seconds,
                    workers=executor,
                    store=store,
                    progress=progress,
                )
        except BrokenExecutor:
            raise GivenUp("a worker was killed: try fewer --workers") from None
    deliver(written(options, cells) + "\n", options.output)
    return INTERRUPTED if any(cell.verdict == NOT_RUN for cell in cells) else OK


def written(options: Namespace, cells: list[Cell]) -> str:
    if options.json:
        return json.dumps(matrix_json(cells))
    if options.markdown:
        return matrix_markdown(cells)
    return matrix_text(cells, USUAL if options.output else text_width())
