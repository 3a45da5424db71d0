"""The page tables of each process as a tree, with the path of the last walk.

`>` is what the last walk came by, `*` what the last step changed.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from ...hw.modes import A
from ...mm.observe import MmView
from ...report.words import by_mmu, function
from ..lines import CHANGED, CURRENT, Line
from .seen import LEVEL_NAMES, SHIFTS, Seen, Slot, dim, living, title

INDENT = 1  # a level; addresses are long
HANG = 4
INDEXES = 512  # entries of a table


@frozen
class Node:
    """An entry in the tree."""

    level: int  # 0 for the top one
    address: int
    where: int
    value: int
    text: str  # what it says

    @property
    def index(self) -> int:
        return (self.address >> SHIFTS[self.level]) % INDEXES


def page_tables(seen: Seen, width: int) -> list[Line]:
    """The address space of the last walk first."""
    state, walked = seen.state, last_walk(seen)
    if state is None:
        return []
    spaces = sorted(
        state.mms, key=lambda mm: walked is None or mm.name != walked.mm.name
    )
    lines = [dim(walk_in_words(seen))]
    for mm in spaces:
        lines.append(title(f"{living(mm)}: top table at page {mm.pgd:#x}"))
        path = walked if walked and walked.mm.name == mm.name else None
        lines += tree(seen, mm, path)
    return lines


def last_walk(seen: Seen) -> Slot | None:
    """The entry that was looked at last, and to which the path is lit."""
    step = seen.last_entry_step()
    return seen.slot_of(step.target) if step else None


def walk_in_words(seen: Seen) -> str:
    step, walked = seen.last_entry_step(), last_walk(seen)
    if step is None:
        return "No entry has been looked at yet."
    who = "the MMU of CPU" if by_mmu(step) else "CPU"
    cpu = seen.recording.threads[step.thread].cpu
    what = (
        f"the {walked.level} of {walked.address:#x}"
        if walked
        else "a table that has gone"
    )
    return (
        f"> the path to what was looked at last: {what}, by {who} {cpu} in "
        f"{function(step)}(), step {step.number + 1}"
    )


def tree(seen: Seen, mm: MmView, path: Slot | None) -> Iterator[Line]:
    """An address space, an entry a line, each below the one that leads to it."""
    old = before(seen, mm)
    found = nodes(mm)
    if path is not None and path.where not in {node.where for node in found}:
        found.append(
            Node(LEVEL_NAMES.index(path.level), path.address, path.where, 0, "empty")
        )
    if not found:
        yield dim("every entry is empty")
    for node in sorted(found, key=lambda node: (node.address, node.level)):
        is_changed = seen.at > 0 and value_of(old.get(node.where)) != node.value
        is_lit = path is not None and leads_to(node, path)
        mark = CHANGED if is_changed else CURRENT if is_lit else " "
        lit = "  (walked)" if is_changed and is_lit else ""
        name = f"{LEVEL_NAMES[node.level]}[{node.index:#x}]"
        yield Line(
            f"{' ' * INDENT * node.level}{name} {node.address:#x}  {node.text}{lit}",
            mark,
            look="loud" if is_lit else "",
            hang=INDENT * node.level + HANG,
        )
    for where in sorted(old.keys() - {node.where for node in found}):
        gone = old[where]
        name = f"{LEVEL_NAMES[gone.level]}[{gone.index:#x}] {gone.address:#x}"
        yield Line(f"{name}  was {gone.text}, is empty", CHANGED, hang=HANG)


def nodes(mm: MmView) -> list[Node]:
    """All entries that are not empty."""
    found = [
        Node(
            LEVEL_NAMES.index(upper.level),
            upper.address,
            upper.where,
            upper.value,
            f"-> page {upper.below:#x}{' young' if upper.value & A else ''}",
        )
        for upper in mm.upper
    ]
    last = len(LEVEL_NAMES) - 1
    for entry in mm.entries:
        rest = [flag for flag in entry.flags if flag in ("young", "dirty")]
        text = " ".join([str(entry), *rest])
        found.append(Node(last, entry.address, entry.where, entry.value, text))
    return found


def before(seen: Seen, mm: MmView) -> dict[int, Node]:
    """What was where before the last step; nothing at the start."""
    spaces = seen.before.mms if seen.before else ()
    old = next((one for one in spaces if one.name == mm.name), None)
    return {node.where: node for node in nodes(old)} if old else {}


def value_of(node: Node | None) -> int:
    return node.value if node else 0


def leads_to(node: Node, path: Slot) -> bool:
    """Whether a walk to this entry comes by that node."""
    depth = LEVEL_NAMES.index(path.level)
    shift = SHIFTS[node.level]
    return node.level <= depth and node.address >> shift == path.address >> shift
