"""The LRU lists of each zone, and the pagevecs by which pages come to them."""

from __future__ import annotations

from ...mm.observe import State
from ..lines import CHANGED, Line
from .seen import Seen, dim, title

Lists = dict[str, tuple[int, ...]]


def lru_lists(seen: Seen, width: int) -> list[Line]:
    state = seen.state
    if state is None:
        return []
    now, before = lists_of(state), lists_of(seen.before) if seen.before else {}
    lines = [dim("A * is where a page has come or gone; the newest stand first.")]
    for zone in state.zones:
        lines.append(title(f"LRU lists of {zone.name}"))
        lines += [
            list_line(name, f"{zone.name} {name}", now, before) for name, _ in zone.lru
        ]
    lines.append(title("Pagevecs: on their way to a list, and not PG_lru yet"))
    for cpu in range(len(state.pagevecs)):
        lines.append(list_line(f"CPU {cpu}", f"pagevec {cpu}", now, before))
    lines.append(title("On no list"))
    off = off_the_lists(state, now)
    lines.append(Line(", ".join(off), hang=2) if off else dim("none"))
    return lines


def lists_of(state: State) -> Lists:
    found: Lists = {}
    for zone in state.zones:
        found.update({f"{zone.name} {name}": pfns for name, pfns in zone.lru})
    for cpu, collected in enumerate(state.pagevecs):
        found[f"pagevec {cpu}"] = tuple(pfn for _, pfn in collected)
    return found


def list_line(shown: str, key: str, now: Lists, before: Lists) -> Line:
    is_changed = bool(before) and before.get(key) != now[key]
    pages = " ".join(f"{pfn:#x}" for pfn in now[key])
    look = "" if pages else "dim"
    text = f"{shown:13} {pages or 'empty'}"
    return Line(text, CHANGED if is_changed else " ", look, hang=14)


def off_the_lists(state: State, now: Lists) -> list[str]:
    """Pages of programs and files that are on none, so that somebody has them."""
    listed = {pfn for pfns in now.values() for pfn in pfns}
    return [
        f"page {page.pfn:#x} (count {page.count})"
        for page in state.pages
        if page.use in ("anonymous", "file", "KSM") and page.pfn not in listed
    ]
