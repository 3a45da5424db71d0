"""KSM: its stable and its unstable tree, which are kept in order of contents."""

from __future__ import annotations

from collections.abc import Iterator

from ...mm.observe import ItemView, StableView
from ..lines import Line
from .seen import Seen, dim, title


def ksm_trees(seen: Seen, width: int) -> list[Line]:
    state = seen.state
    if state is None:
        return []
    ksm = state.ksm
    spaces = ", ".join(ksm.scanned) or "no address space"
    lines = [
        dim(f"KSM goes round {spaces}; {ksm.rounds} rounds so far"),
        dim(f"next: {ksm.cursor}" if ksm.cursor else "no round is under way"),
        title(
            "stable tree: pages that were merged, each with the places it stands for"
        ),
    ]
    for node in ksm.stable:
        lines += stable_lines(seen, node)
    if not ksm.stable:
        lines.append(dim("empty"))
    lines.append(title("unstable tree: pages that looked quiet, until the round ends"))
    lines += [item_line(seen, item) for item in ksm.unstable]
    if not ksm.unstable:
        lines.append(dim("empty"))
    return lines


def stable_lines(seen: Seen, node: StableView) -> Iterator[Line]:
    page = seen.page(node.pfn)
    count = (
        f"count {page.count}, mapcount {page.mapcount}" if page else "the page is gone"
    )
    name = f"page {node.pfn:#x}"
    mark = seen.mark(name, node.name)
    yield Line(f"{node.name}: {name}, {count}", mark, "loud", hang=2)
    for item in node.items:
        yield item_line(seen, item, "  ")
    if not node.items:
        yield dim("  it stands for no place any more")


def item_line(seen: Seen, item: ItemView, before: str = "") -> Line:
    there = (
        f"page {item.pfn:#x} is mapped" if item.pfn is not None else "not mapped now"
    )
    mark = seen.mark(f"page {item.pfn:#x}") if item.pfn is not None else " "
    text = (
        f"{before}{item.mm} at {item.address:#x}: {there}, checksum {item.checksum:#x}"
    )
    return Line(text, mark, hang=len(before) + 2)
