"""Who knows of whom in memory at one moment: VMAs, anon_vmas and pages, as a graph.

`vma -> anon_vma` is a link of the VMA's chain, by which a walk that has the anon_vma
finds the VMA; `page -> anon_vma` is the page's mapping; `vma -> page` is a page-table
entry of the VMA.  Drawn by `graph_svg`, and written by `exports.dot`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import frozen

from ..hw.memory import Pfn, VirtAddr
from ..mm.observe import AnonVmaView, EntryView, MmView, PageView, State, VmaView

KERNELS_OWN = ("page table", "kernel", "free")  # of no interest unless an entry says so


@frozen
class EntryNode:
    """A page-table entry, in the box of the VMA that it belongs to."""

    key: str
    text: str
    page: str | None  # the page that it maps, or waits for
    is_migration: bool
    is_lost: bool  # whether it has outlived its migration


@frozen
class VmaNode:
    """A VMA; or, with no bounds, the entries of an address space outside every VMA."""

    key: str
    lines: tuple[str, ...]
    entries: tuple[EntryNode, ...]
    anon_vmas: tuple[str, ...]


@frozen
class Space:
    """An address space."""

    key: str
    title: str
    vmas: tuple[VmaNode, ...]


@frozen
class Node:
    """An anon_vma, or a page; `to` is what it leads to."""

    key: str
    lines: tuple[str, ...]
    to: str | None = None


@frozen
class Graph:
    spaces: tuple[Space, ...]
    anon_vmas: tuple[Node, ...]
    pages: tuple[Node, ...]


def graph_of(state: State) -> Graph:
    pages = {page.pfn: page for page in pages_shown(state)}
    spaces = tuple(space_of(state, mm, pages) for mm in state.mms)
    named = {av.name for av in state.anon_vmas}
    return Graph(
        spaces,
        tuple(anon_vma_node(anon_vma) for anon_vma in state.anon_vmas),
        tuple(page_node(page, named) for page in pages.values()),
    )


def pages_shown(state: State) -> Iterator[PageView]:
    """Those that a program can have: neither tables nor the kernel's own."""
    mapped = {e.pfn for mm in state.mms for e in mm.entries if e.kind != "swap entry"}
    for page in state.pages:
        if page.pfn in mapped or page.use not in KERNELS_OWN:
            yield page


def page_key(pfn: int) -> str:
    return f"page {pfn:#x}"


# Address spaces.


def space_of(state: State, mm: MmView, pages: Mapping[Pfn, PageView]) -> Space:
    nodes = {entry.address: entry_node(state, mm, entry, pages) for entry in mm.entries}
    vmas = [vma_node(vma, nodes) for vma in mm.vmas]
    inside = {entry.key for vma in vmas for entry in vma.entries}
    outside = tuple(node for node in nodes.values() if node.key not in inside)
    if outside:
        vmas.append(VmaNode(f"{mm.name} outside", ("in no VMA",), outside, ()))
    who = f" of {mm.users}" if mm.users else ""
    return Space(mm.name, f"{mm.name}{who}", tuple(vmas))


def vma_node(vma: VmaView, nodes: Mapping[VirtAddr, EntryNode]) -> VmaNode:
    listed = "" if vma.listed else "; known to reverse mapping only"
    lines = (
        f"{vma.name}  {vma.start:#x} to {vma.end:#x}",
        f"vm_pgoff {vma.pgoff:#x}{listed}",
    )
    inside = [node for address, node in nodes.items() if vma.start <= address < vma.end]
    # What only reverse mapping knows of has no entries of its own.
    entries = tuple(inside) if vma.listed else ()
    return VmaNode(vma.name, lines, entries, vma.anon_vmas)


def entry_node(
    state: State, mm: MmView, entry: EntryView, pages: Mapping[Pfn, PageView]
) -> EntryNode:
    leads = entry.kind != "swap entry" and entry.pfn in pages
    return EntryNode(
        f"{mm.name} {entry.address:#x}",
        f"{entry.address:#x}  {entry}",
        page_key(entry.pfn) if leads else None,
        entry.kind == "migration entry",
        entry.kind == "migration entry" and is_stale(state, entry),
    )


def is_stale(state: State, entry: EntryView) -> bool:
    """Whether a migration entry has outlived its migration."""
    locked = any(p.pfn == entry.pfn and p.locked_by for p in state.pages)
    return entry.kind != "page" and not locked


# What reverse mapping goes by.


def anon_vma_node(anon_vma: AnonVmaView) -> Node:
    count = f", refcount {anon_vma.refcount}" if anon_vma.refcount else ""
    lines = (anon_vma.name, f"lock {anon_vma.lock}{count}")
    return Node(anon_vma.name, lines)


def page_node(page: PageView, anon_vmas: set[str]) -> Node:
    use = {"kernel": "no mapping"}.get(page.use, page.use) if page.count else "free"
    lines = [
        page_key(page.pfn),
        f"{use}, count {page.count}, mapcount {page.mapcount}",
    ]
    if page.mapping:
        lines.append(f"index {page.index:#x}")
    if page.locked_by:
        lines.append(f"locked by {page.locked_by}")
    to = page.mapping if page.mapping in anon_vmas else None
    return Node(page_key(page.pfn), tuple(lines), to)
