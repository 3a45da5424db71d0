"""What a recording sees of a kernel."""

from __future__ import annotations

import json

from attrs import asdict
from building import BASE, alone, boot, process, settle
from mm.mergeable import merged

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


def test_upper_entries_lead_from_the_top_table_to_the_bottom_ones() -> None:
    p = process(boot())
    p.write(1, b"x")
    (mm,) = observe(p.k).mms
    assert mm.users == "test[7]"
    assert [upper.level for upper in mm.upper] == ["pgd", "pud", "pmd"]
    tables = [mm.pgd, *(upper.below for upper in mm.upper)]
    places = [*(upper.where for upper in mm.upper), mm.entries[0].where]
    assert [where // PAGE_SIZE for where in places] == tables


def test_every_frame_of_a_zone_is_free_or_in_use_or_the_kernels_own() -> None:
    k = boot(frames=32)
    p = process(k)
    p.write(0, b"x")
    state = observe(k)
    (zone,) = state.zones
    assert (zone.start, zone.end, zone.blocks) == (0, 32, ("Unmovable",))
    free: list[int] = [
        pfn
        for view in zone.free
        for head in view.heads
        for pfn in range(head, head + (1 << view.order))
    ]
    free += [pfn for pages in zone.cpu_lists for pfn in pages]
    used = [int(page.pfn) for page in state.pages]
    own = [int(pfn) for pfn in zone.reserved]
    assert sorted(free + used + own) == list(range(32))


def test_a_page_is_in_a_pagevec_before_it_is_on_an_lru_list() -> None:
    p = process(boot())
    alone(p.task.cpu.store(p.address(0), b"x", user=True), p.k, cpu=1)
    pfn = p.page(0).pfn
    before = observe(p.k)
    assert before.pagevecs == ((), (("active_anon", pfn),))
    assert pfn not in dict(before.zones[0].lru)["active_anon"]
    settle(p.k)
    after = observe(p.k)
    assert after.pagevecs == ((), ())
    assert pfn in dict(after.zones[0].lru)["active_anon"]


def test_ksms_trees_have_their_pages_and_the_places_they_stand_for() -> None:
    one, other = merged("aab", "ac")
    ksm = observe(one.k).ksm
    (node,) = ksm.stable
    assert node.pfn == one.page(0).pfn
    places = {(item.mm, item.address) for item in node.items}
    assert places == {
        (one.process.mm.name, one.address(0)),
        (one.process.mm.name, one.address(1)),
        (other.process.mm.name, other.address(0)),
    }
    assert ksm.scanned == (one.process.mm.name, other.process.mm.name)
    assert ksm.rounds == 2
    (page,) = [page for page in observe(one.k).pages if page.pfn == node.pfn]
    assert (page.use, page.mapping) == ("KSM", node.name)


def test_a_state_is_plain_values_that_can_be_compared_and_written_down() -> None:
    (one,) = merged("aa")
    again = observe(one.k)
    assert observe(one.k) == again
    assert hash(observe(one.k)) == hash(again)
    json.dumps(asdict(again))
