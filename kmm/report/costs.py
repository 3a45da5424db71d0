"""What each answer costs, as tables and as bars.

Called by `kmm cost`.  The costs are counts of what was done (`kmm.workloads`), not
times.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log10
from textwrap import shorten
from typing import Any

from ..workloads.costs import ExecCost, WalkCost
from ..workloads.counting import Counts

BAR = 40  # columns for the longest

EXPLAINED = """\
private  a walk for a page that the last process alone has
shared   a walk for a page that all of them have
change   mprotect in the last process, which cuts a VMA in three
locks    of anon_vmas, taken one after the other
VMAs     that a walk visits"""

EXEC_EXPLAINED = """\
steps      from the end of the old program to the first of the new
locks      of anon_vmas, taken
under      steps while one of them is held
VMAs       structures made besides the stack's own
chains     anon_vma_chains linked or unlinked"""


def walk_table(costs: Sequence[WalkCost]) -> str:
    """Rows are families, by answer; one table for wide ones and one for deep ones."""
    blocks = []
    for deep, title in (
        (False, "children of one parent"),
        (True, "each the child of the one before"),
    ):
        rows = [cost for cost in costs if cost.deep is deep]
        if rows:
            blocks.append("\n".join(walk_lines(rows, title)))
    return "\n\n".join([*blocks, EXPLAINED])


def walk_lines(costs: Sequence[WalkCost], title: str) -> list[str]:
    lines = [
        f"rmap-walk, {title}",
        "",
        f"{'':26}{'private':>14}{'shared':>14}{'change':>14}",
        f"{'answer':16}{'processes':>10}"
        f"{'locks':>8}{'VMAs':>6}{'locks':>8}{'VMAs':>6}{'locks':>8}{'held':>6}",
    ]
    before = ""
    for cost in costs:
        name = cost.answer if cost.answer != before else ""
        before = cost.answer
        change = cost.change
        lines.append(
            f"{name:16}{cost.children:>10}"
            f"{looked(cost.private)}{looked(cost.shared)}"
            f"{change.anon_vma_locks:>8,}{change.held_at_once:>6,}"
        )
    return lines


def looked(counts: Counts) -> str:
    """Two columns of the table: locks taken, and VMAs visited."""
    return f"{counts.anon_vma_locks:>8,}{counts.vmas_visited:>6,}"


def walk_plot(costs: Sequence[WalkCost]) -> str:
    """For the largest family of each shape, bars on a logarithmic scale."""
    blocks = []
    for deep, what, of in (
        (False, "VMAs visited for a private page", visited),
        (True, "locks taken to change a VMA", changed),
    ):
        rows = [cost for cost in costs if cost.deep is deep]
        if not rows:
            continue
        most = max(cost.children for cost in rows)
        shape = "each the child of the one before" if deep else "children of one parent"
        lines = [f"{what}: {most:,} processes,", f"{shape} (logarithmic scale)", ""]
        biggest = [cost for cost in rows if cost.children == most]
        lines += bars([(cost.answer, of(cost)) for cost in biggest])
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def visited(cost: WalkCost) -> int:
    return cost.private.vmas_visited


def changed(cost: WalkCost) -> int:
    return cost.change.anon_vma_locks


def bars(rows: Sequence[tuple[str, int]]) -> list[str]:
    longest = max(1.0, *(log10(value + 1) for _, value in rows))
    lines = []
    for name, value in rows:
        length = round(BAR * log10(value + 1) / longest)
        lines.append(f"{name:16}{'█' * length} {value:,}")
    return lines


def exec_table(costs: Sequence[ExecCost]) -> str:
    lines = [
        "exec-stack, one exec",
        "",
        f"{'answer':26}{'steps':>7}{'locks':>7}{'under':>7}{'VMAs':>7}{'chains':>8}",
    ]
    for cost in costs:
        counts = cost.counts
        if counts.failure is not None:
            what = shorten(counts.failure.message, 52, placeholder=" ...")
            lines.append(f"{cost.answer:26}  {what}")
            continue
        lines.append(
            f"{cost.answer:26}{counts.steps:>7}{counts.anon_vma_locks:>7}"
            f"{counts.steps_under_lock:>7}{cost.vmas:>7}{counts.chain_changes:>8}"
        )
    return "\n".join([*lines, "", EXEC_EXPLAINED])


WALKED = ("private", "shared", "change")  # fields of a WalkCost that are counts


def walk_json(cost: WalkCost) -> dict[str, Any]:
    return {
        "answer": cost.answer,
        "children": cost.children,
        "deep": cost.deep,
        **{name: counts_json(getattr(cost, name)) for name in WALKED},
    }


def exec_json(cost: ExecCost) -> dict[str, Any]:
    return {"answer": cost.answer, "vmas": cost.vmas, **counts_json(cost.counts)}


def counts_json(counts: Counts) -> dict[str, Any]:
    return {
        "steps": counts.steps,
        "anon_vma_locks": counts.anon_vma_locks,
        "held_at_once": counts.held_at_once,
        "steps_under_lock": counts.steps_under_lock,
        "vmas_visited": counts.vmas_visited,
        "chain_changes": counts.chain_changes,
        "failure": counts.failure.message if counts.failure else None,
    }
