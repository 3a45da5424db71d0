"""What a recording sees of a kernel."""

from __future__ import annotations

from building import BASE, alone, boot, process

from kmm.hw.memory import PAGE_SIZE
from kmm.mm.observe import describe_entry, observe
from kmm.mm.page_alloc import get_page
from kmm.mm.rmap import TTU_IGNORE_ACCESS, TTU_MIGRATION, try_to_unmap


def test_a_state_has_the_process_its_entries_and_its_pages() -> None:
    p = process(boot())
    p.write(1, b"x")
    state = observe(p.k)
    (mm,) = state.mms
    (vma,) = mm.vmas
    assert (vma.start, vma.end, vma.listed) == (BASE, BASE + 4 * PAGE_SIZE, True)
    (entry,) = mm.entries
    assert (entry.address, entry.kind) == (p.address(1), "page")
    assert set(entry.flags) == {"rw", "young", "dirty"}
    uses = [page.use for page in state.pages]
    assert uses.count("anonymous") == 1
    assert uses.count("page table") == 4


def test_a_migration_entry_names_its_page_even_if_that_is_free() -> None:
    p = process(boot())
    p.write(0, b"x")
    page = p.page(0)
    alone(get_page(page))
    alone(page.locked.lock())
    alone(try_to_unmap(p.k, page, TTU_MIGRATION | TTU_IGNORE_ACCESS), p.k)
    page.count = 0
    state = observe(p.k)
    (entry,) = state.mms[0].entries
    assert (entry.kind, entry.pfn) == ("migration entry", page.pfn)
    assert str(entry) == f"migration entry (page {page.pfn:#x})"
    (seen,) = [view for view in state.pages if view.pfn == page.pfn]
    assert seen.use == "free"


def test_a_state_is_a_copy_that_stays_as_it_was() -> None:
    p = process(boot())
    p.write(0, b"x")
    before = observe(p.k)
    p.write(1, b"y")
    assert observe(p.k) != before
    assert len(before.mms[0].entries) == 1


def test_entries_are_described_in_a_few_words() -> None:
    assert describe_entry(0) == "empty"
    assert describe_entry(0x5067) == "page 0x5 rw"
    assert describe_entry(0x5065) == "page 0x5 ro"
