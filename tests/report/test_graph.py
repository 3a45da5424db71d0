"""Who knows of whom in memory."""

from __future__ import annotations

from attrs import evolve
from report.exported import PLAYED, failing, flushing, run

from kmm.hw.memory import VirtAddr
from kmm.report.graph import Graph, graph_of
from kmm.scenarios.play import Played


def graph(played: Played, at: int | None = None) -> Graph:
    state = run(played, at).state
    assert state is not None
    return graph_of(state)


def test_entries_are_in_the_vma_whose_addresses_they_translate() -> None:
    (space,) = graph(failing(), 0).spaces
    (vma,) = space.vmas
    (entry,) = vma.entries
    assert entry.text == "0x7fffffffe000  page 0xc rw"
    assert (entry.page, entry.is_migration, entry.is_lost) == ("page 0xc", False, False)
    assert vma.anon_vmas == ("anon_vma#1",)


def test_an_entry_that_no_vma_covers_is_shown_all_the_same() -> None:
    state = run(failing(), 0).state
    assert state is not None
    (mm,) = state.mms
    (vma,) = mm.vmas
    # It ends where the entry's page begins.
    moved = evolve(vma, start=VirtAddr(vma.start - 0x1000), end=vma.start)
    (space,) = graph_of(evolve(state, mms=(evolve(mm, vmas=(moved,)),))).spaces
    inside, outside = space.vmas
    assert inside.entries == ()
    assert outside.lines == ("in no VMA",)
    assert [entry.page for entry in outside.entries] == ["page 0xc"]


def test_a_migration_entry_is_lost_once_nobody_moves_the_page() -> None:
    def entries(at: int | None) -> list[tuple[bool, bool]]:
        vmas = graph(failing(), at).spaces[0].vmas
        return [(e.is_migration, e.is_lost) for vma in vmas for e in vma.entries]

    assert entries(79) == [(True, False)]
    assert entries(None) == [(True, True)]


def test_every_end_of_an_edge_is_there() -> None:
    for played in (failing(), flushing(), PLAYED["livelocked"]()):
        found = graph(played)
        anon_vmas = {node.key for node in found.anon_vmas}
        pages = {node.key for node in found.pages}
        for space in found.spaces:
            for vma in space.vmas:
                assert {*vma.anon_vmas} <= anon_vmas
                assert {entry.page for entry in vma.entries} <= {*pages, None}
        assert {node.to for node in found.pages} <= {*anon_vmas, None}


def test_page_tables_are_left_out() -> None:
    keys = [node.key for node in graph(failing(), 0).pages]
    assert keys == ["page 0xc"]
