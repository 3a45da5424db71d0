"""`kmm cost`: what each answer to a question costs, in things that can be counted."""

from __future__ import annotations

import json
from argparse import Namespace

from ..report.costs import exec_json, exec_table, walk_json, walk_plot, walk_table
from ..workloads.costs import DEEP, WIDE, ExecCost, WalkCost, exec_costs, walk_costs
from .exits import OK
from .output import deliver
from .progress import Meter


def cost_command(options: Namespace) -> int:
    walks: list[WalkCost] = []
    execs: list[ExecCost] = []
    with Meter("counting", None, quiet=options.quiet, unit="rows") as meter:
        if options.question in (None, "rmap-walk"):
            for cost in walk_costs(*sizes(options)):
                walks.append(cost)
                meter.count(len(walks))
        if options.question in (None, "exec-stack"):
            execs += exec_costs()
    if options.json:
        found = {
            "rmap-walk": [walk_json(cost) for cost in walks],
            "exec-stack": [exec_json(cost) for cost in execs],
        }
        deliver(json.dumps(found) + "\n", None)
        return OK
    blocks = []
    if walks:
        blocks += [walk_table(walks)] + [walk_plot(walks)] * options.plot
    if execs:
        blocks.append(exec_table(execs))
    deliver("\n\n\n".join(blocks) + "\n", None)
    return OK


def sizes(options: Namespace) -> tuple[list[int], list[int]]:
    """How many processes, wide and deep; up to the number that was asked for."""
    most = options.most
    return (
        sorted({*(n for n in WIDE if n <= most), min(most, WIDE[-1])}),
        sorted({*(n for n in DEEP if n <= most), min(most, DEEP[-1])}),
    )
